"""Texts of the boxes of a picture: names, values, gradients and calls, cut to a length that one can take in."""

import operator
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..engine.reprs import counted
from ..engine.rules.notation import INFIX
from ..engine.rules.registry import name
from ..engine.tensor import Tensor
from ..engine.value import Value
from .graph import Box
from .scopes import Scope, enclosing
from .values import SMALL, Number, format_full, format_number, format_value, user_keywords

Gradients = Mapping[int, Number]  # by a node's place on the tape

MAX_WIDTH, MAX_LINES = 160, 20  # of the text in a box
TYPOGRAPHIC = {"-": "−", "*": "×", "/": "÷"}  # noqa: RUF001
SYMBOLS = {fun: TYPOGRAPHIC.get(symbol, symbol) for fun, (symbol, _) in INFIX.items()}
SYMBOLS |= {np.negative: "neg", np.square: "x²", np.sqrt: "√", np.absolute: "|x|"}


def text(box: Box, gradients: Gradients) -> str:
    """Return the text of a box, with long texts cut short: Graphviz takes no more than 16,384 bytes."""
    lines = "\n".join(_lines(box, gradients)).split("\n")
    lines = lines if len(lines) <= MAX_LINES else [*lines[: MAX_LINES - 1], "…"]
    return "\n".join(a if len(a) <= MAX_WIDTH else f"{a[: MAX_WIDTH - 20]} … {a[-17:]}" for a in lines)


def _lines(box: Box, gradients: Gradients) -> list[str]:
    content = box.content
    if box.kind == "folded":
        return folded(box)
    if isinstance(content, Scope):
        output = content.outputs if len(content.outputs) == 1 and not box.has_result else []
        return [*title(content), *[line for y in output for line in labeled(y, gradients)]]
    if box.edge_args:
        return [call(content, box.edge_args), *([] if box.has_result else labeled(content, gradients))]
    if not isinstance(content, (Tensor, Value)):
        return [format_value(content)]
    return labeled(content, gradients, parameter_name(box))


def details(box: Box, gradients: Gradients) -> str:
    """Return a box's tooltip: its values and gradients in full, up to a hundred elements."""
    scope = box.content
    if box.kind == "folded":
        return "\n".join(folded(box))
    if not isinstance(scope, Scope):
        calls = [name(scope.fun)] if box.edge_args else []
        return "\n".join(calls + _details(scope, gradients, parameter_name(box)))
    outputs = [line for y in scope.outputs for line in _details(y, gradients)]
    parameters = [] if scope.module is None else scope.module.named_parameters()
    weights = [f"{p.label or path}: {' '.join(summary(p, gradients))}" for path, p in parameters]
    return "\n".join([", ".join(title(scope)), *outputs, *weights])


def _details(x: Tensor | Value | Number, gradients: Gradients, path: str = "") -> list[str]:
    """Return the lines of a value in full, with its label, or else its path, and its dtype, shape and gradient."""
    data = np.asarray(x._value if isinstance(x, (Tensor, Value)) else x)
    shape = [f"{data.dtype} {data.shape}"] if data.ndim else []
    if not isinstance(x, (Tensor, Value)):
        return [*shape, format_full(data)]
    gradient = [f"gradient {format_full(gradients[x.order])}"] if x.order in gradients else []
    return [*([str(x.label or path)] if x.label or path else []), *shape, format_full(data), *gradient]


def parameter_name(box: Box) -> str:
    """Return the name that the innermost module around a parameter's box knows it by, or ""."""
    if box.kind == "parameter":
        for scope in enclosing(box.scope):
            for path, p in scope.module.named_parameters() if scope.module else []:
                if p is box.content:
                    return path
    return ""


def title(scope: Scope) -> list[str]:
    """Return the lines that name a module and its call."""
    repeats = [f"x {scope.repeats}, the first is shown"] if scope.repeats > 1 else []
    if scope.module is None:
        return [*([scope.module_type.__name__] if scope.module_type else []), *repeats]
    size = sum(p.size for p in scope.module.parameters())
    if scope.calls > 1 and not repeats:
        repeats = [f"call {scope.call_number} of {scope.calls}"]
    return [scope.module.describe(), *([counted(size, "parameter")] if size else []), *repeats]


def folded(box: Box) -> list[str]:
    """Return the lines of a folded box, which say what it replaces."""
    counts = [f"{box.operations:,} operations"] if box.operations else []
    counts += [f"{box.leaves:,} leaves and constants"] if box.leaves else []
    return [f"… {' and '.join(counts)} folded", "max_nodes=None shows all"]


def labeled(x: Tensor | Value, gradients: Gradients, path: str = "") -> list[str]:
    """Return lines with a node's label, or else its path, and its value and gradient."""
    first, *rest = summary(x, gradients)
    return [f"{x.label or path} = {first}" if x.label or path else first, *rest]


def summary(x: Tensor | Value, gradients: Gradients) -> list[str]:
    """Return a node's value and its gradient, or for large arrays the shape and the norm of the gradient."""
    if x.order not in gradients:
        return [format_value(x.data)]
    g = np.asarray(gradients[x.order])
    gradient = format_value(g) if g.size <= SMALL else f"norm {format_number(np.linalg.norm(g))}"
    return [format_value(x.data), f"grad {gradient}"]


def call(y: Tensor | Value, edge_args: set[int]) -> str:
    """Return an operation's symbol; if not all arguments have edges, as a call with a dot for each that has one."""
    if y.fun is operator.getitem:
        return f"[{index(y.args[1])}]"
    symbol = SYMBOLS.get(y.fun) or getattr(y.fun, "__name__", "") or repr(y.fun)
    kwargs = user_keywords(y.kwargs)
    if len(edge_args) == len(y.args) and not kwargs:
        return symbol
    args = ["·" if i in edge_args else index(a) for i, a in enumerate(y.args)]
    args = [*args[:2], "…", args[-1]] if len(args) > SMALL else args
    return f"{symbol}({', '.join(args + [f'{k}={reprlib.repr(v)}' for k, v in kwargs.items()])})"


def index(i: Any) -> str:
    """Return an index, shape or option as one writes it; long ones are cut short."""
    if isinstance(i, slice):
        step = "" if i.step is None else f":{i.step}"
        return f"{'' if i.start is None else i.start}:{'' if i.stop is None else i.stop}{step}"
    if isinstance(i, tuple) and any(isinstance(j, slice | np.ndarray) or j in (None, ...) for j in i):
        return ", ".join(map(index, i))
    if isinstance(i, np.ndarray):
        return format_value(i)
    return "..." if i is ... else reprlib.repr(i)
