"""What a model shows: its layers by name, their parameters, and with an input the shapes of their outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any, NamedTuple

from ..engine.mode import no_grad
from ..engine.reprs import counted, table
from ..engine.tensor import Tensor
from .preserving import preserved

SCREEN = 40  # lines of a printed model
observers: dict[int, Callable[[object, Any], None]] = {}  # called with each module and its output, by their threads


class Row(NamedTuple):
    """A layer, or a Tensor beside layers, and the parameters that no other row has: the rows add up to the total."""

    name: str  # dotted
    layer: str
    output_shape: str
    parameters: int
    bytes: int
    subtotal: tuple[int, int] | None = None  # of a module with layers: the parameters and bytes in the rows below


class Summary(str):
    """The text of a summary, with its `rows`, and the numbers of all `parameters` and of their `bytes`."""

    rows: list[Row]
    parameters: int
    bytes: int

    def __repr__(self) -> str:
        return f"<Summary: {counted(self.parameters, 'parameter')}, {counted(self.bytes, 'byte')}>"


def summarize(model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Summary:
    """Return the summary of a Module, with the output shapes of `forward(*inputs, **options)` if there are any."""
    outputs = _output_shapes(model, inputs, options) if inputs or options else None
    tensors = [t for _, t in model._members() if isinstance(t, Tensor)]
    numbers, size = _count([t for t in tensors if t.requires_grad])
    rows = [*_rows(model, outputs)]
    lines = [model.describe(), *_lines(rows, outputs is not None), f"Parameters: {numbers:,} ({size:,} bytes)"]
    if state := [t for t in tensors if not t.requires_grad]:
        lines += ["Other state, not trained: {:,} ({:,} bytes)".format(*_count(state))]
    found = Summary("\n".join(lines))
    found.rows, found.parameters, found.bytes = rows, numbers, size
    return found


def model_text(model: Any) -> str:
    """Return the repr of a Module: its line and that of each part, with the parameters that no earlier line has.

    Of more parts than a screen shows, the first and the last ones are there.
    """
    rows = [row for row in _rows(model) if row.name]
    total, noun = counted(_count(model.parameters())[0], "parameter").split()
    pad = max((len(row.name) for row in rows), default=0)
    left = [model.describe()] + [f"  {row.name:{pad}}  {row.layer}" for row in rows]
    end = _end(rows)
    right = [total + end, *(_numbers(row, end)[0] if row.parameters or row.subtotal else "" for row in rows)]
    width, digits = max(map(len, left)), max(map(len, right))
    lines = [f"{a:{width}}  {n:>{digits}}".rstrip() for a, n in zip(left, right, strict=True)]
    if len(lines) > SCREEN:
        left_out = len(lines) - SCREEN + 1
        lines[SCREEN // 2 : SCREEN // 2 + left_out] = [f"  ... {left_out} more; print(model.summary()) shows all"]
    return "\n".join([f"{lines[0]} {noun}", *lines[1:]])


def model_html(model: Any) -> str:
    """Return the HTML table of a Module: its modules and the Tensors beside them, with the shapes of parameters."""
    modules, rows = dict(model.named_modules()), [*_rows(model)]
    alone = not rows[0].name
    lines = [] if alone else [["", model.describe(), "", f"{_count(model.parameters())[0]:,}"]]
    for row in rows:
        parameters = [] if row.subtotal or row.name not in modules else modules[row.name].named_parameters()
        shapes = ", ".join(f"{name} {p.shape}" for name, p in parameters)
        lines.append([row.name, row.layer, shapes, _numbers(row, "")[0] if row.parameters or row.subtotal else ""])
    mode = "training" if model.training else "evaluation"
    return table(["name", f"module, in {mode} mode", "shapes", "parameters"], lines)


def _output_shapes(model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> dict[int, list[str]]:
    """Return the output shapes of the calls of each module, by its id."""
    first = inputs[0] if inputs else None
    if isinstance(first, (tuple, list)) and first and all(isinstance(n, int) for n in first):
        remedy = f"pass an example, such as np.zeros({tuple(first)})"
        raise TypeError(f"{type(model).__name__}.summary takes the inputs of forward, not their shape; {remedy}")
    shapes: dict[int, list[str]] = {}

    def observe(module: object, y: Any) -> None:
        shapes.setdefault(id(module), []).append(_shape(y))

    before = observers.get(get_ident())
    with preserved(model), no_grad():
        model.eval()
        try:
            observers[get_ident()] = observe
            model(*inputs, **options)
        finally:
            observers.pop(get_ident(), None)
            if before:
                observers[get_ident()] = before
    return shapes


def _rows(model: Any, outputs: dict[int, list[str]] | None = None) -> Iterator[Row]:
    """Yield the rows of the modules inside a Module and of Tensors beside them, or the row of a Module without any."""
    members = model._members()
    modules = {name: x for name, x in members if not isinstance(x, Tensor)}
    parameters = {name: x for name, x in members if isinstance(x, Tensor) and x.requires_grad}
    around = {name: [*_modules_around(name, modules)] for name in (*parameters, *modules)}
    holders = {around[name][0] for name in modules if name}  # modules with modules inside them
    inside: dict[str, list[Any]] = {name: [] for name in modules}  # the parameters in each module
    for full, p in parameters.items():
        for name in around[full]:
            inside[name].append(p)
    for name, x in members:
        if name in parameters and around[name][0] in holders:
            yield Row(name, f"Tensor {x.shape}", "", *_count([x]))
        elif name in modules and (name or not holders):
            calls = (outputs or {}).get(id(x), [])
            several = f", {len(calls)} calls" if len(calls) > 1 else ""
            shape = ", ".join(dict.fromkeys(calls)) + several or "not called"
            shape = "" if outputs is None else shape
            counts = (0, 0, _count(inside[name])) if name in holders else _count(inside[name])
            yield Row(name, x.describe(), shape, *counts)


def _modules_around(name: str, modules: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the modules around a member, the innermost first and the model, "", last."""
    while name:
        name = name.rpartition(".")[0]
        if name in modules:
            yield name


def _count(tensors: list[Any]) -> tuple[int, int]:
    """Return the number of elements of all tensors, and of their bytes."""
    return sum(t.size for t in tensors), sum(t.size * t.dtype.itemsize for t in tensors)


def _numbers(row: Row, end: str) -> list[str]:
    """Return the numbers of a row as text: a subtotal in parentheses, and `end` after other numbers."""
    if row.subtotal:
        return [f"({n:,})" for n in row.subtotal]
    return [f"{row.parameters:,}{end}", f"{row.bytes:,}{end}"]


def _end(rows: list[Row]) -> str:
    """Return what stands in the place of a closing parenthesis, so that digits are below each other."""
    return " " if any(row.subtotal for row in rows) else ""


def _shape(y: Any) -> str:
    """Return the shape of an output, or of its members."""
    if isinstance(y, dict):
        return "{" + ", ".join(f"{k!r}: {_shape(v)}" for k, v in y.items()) + "}"
    if isinstance(y, (tuple, list)):
        return f"({', '.join(map(_shape, y))})"
    shape = getattr(y, "shape", None)
    return str(tuple(shape)) if shape is not None else "None" if y is None else type(y).__name__


def _lines(rows: list[Row], with_shapes: bool) -> list[str]:
    """Return the lines of a table: names and texts to the left, numbers to the right."""
    end = _end(rows)
    head = ["name", "layer", "output shape", f"parameters{end}", f"bytes{end}"]
    cells = [head, *([*row[:3], *_numbers(row, end)] for row in rows)]
    columns = [c for c in zip(*cells, strict=True) if with_shapes or c[0] != "output shape"]
    widths = [max(map(len, column)) for column in columns]
    numbers = len(columns) - 2
    aligned = [
        "  ".join(
            f"{c:>{w}}" if i >= numbers else f"{c:{w}}" for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in zip(*columns, strict=True)
    ]
    rule = "-" * len(aligned[0])
    head_line, *body = [line.rstrip() for line in aligned]
    return [rule, head_line, rule, *body, rule]
