"""The backward pass step by step: which gradient arrives where, by which rule, and how contributions add up.

`explain(y)` runs the engine's backward pass and turns every contribution into a `Step`, in order; it touches no
`.grad`. Printed, the `Explanation` is a table with reasons, or a list where arrays are too long for a table; in a
notebook, or saved as .html, it is a page to step through.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..engine.backward import leaves, toposort
from ..engine.errors import kind_of
from ..engine.mode import Contributions, Passed, watching
from ..engine.passes import reverse_pass
from ..engine.rules.registry import Rule, is_complex, is_elementwise, vjps
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..nn import Module
from ..state import path_text, replacing
from .page import frame, page
from .steps import Record, Step, adds, remark, table, why
from .values import SMALL, Number, brief, check_numbers_known, shortened

LABEL = 24  # characters of a label that are shown
SHOWN = 1000  # steps that a notebook or an interpreter shows unasked: 600 kB


class Explanation(Sequence[Step]):
    """The steps of a backward pass in order, with `nodes`, the records of the forward pass before it, in order.

    A notebook or an interpreter shows up to 1000 steps; of more it says how many there are.

    >>> steps = tg.explain(tg.Value(2.0, label="a") * 3)
    >>> len(steps), steps[0].rule
    (1, 'g * 3')
    """

    def __init__(self, nodes: tuple[Record, ...], steps: tuple[Step, ...]) -> None:
        self.nodes, self.steps = nodes, steps

    @property
    def root(self) -> Record:
        """The record of the tensor that was explained."""
        return self.nodes[-1]

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, i: int) -> Step: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Step]: ...
    def __getitem__(self, i: int | slice) -> Step | Sequence[Step]:
        return self.steps[i]

    def __str__(self) -> str:
        return table(self.root, self.steps)

    def __repr__(self) -> str:
        if len(self) <= SHOWN:
            return str(self)
        root = f"{self.root.name} = {brief(self.root.value)}"
        return f"Backward pass from {root}, steps: {len(self)}. print() shows all, save('name.html') writes a page."

    def _repr_html_(self) -> str:
        return frame(self.nodes, self.steps) if len(self) <= SHOWN else f"<pre>{escape(repr(self))}</pre>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page as one file without external parts, and return its path, which must end in .html.

        500 steps take 300 kB. If anything fails, a file that existed at the path is unchanged.
        """
        path = Path(path_text(path, "Explanation.save"))
        if path.suffix.lower() != ".html":
            raise ValueError(f"Explanation.save: {str(path)!r} must end in .html; print() shows the table")
        text = page(self.nodes, self.steps)
        with replacing(path, "Explanation.save") as file:
            file.write(text.encode())
        return path


def explain(root: Tensor | Value) -> Explanation:
    """Return the backward pass from `root`, a Tensor or Value of one element, as a sequence of steps.

    Raises TypeError unless `root` is a Tensor or a Value, and ValueError if it is complex or has several
    elements or no graph.

    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> step = tg.explain(a * b)[0]
    >>> step.to, step.rule, step.numbers, step.contribution
    ('a', 'g * b', '1 * -3', -3.0)
    """
    check_numbers_known("explain", root)
    if isinstance(root, Module):
        raise TypeError(f"explain takes a Tensor or Value, not {kind_of(root)}; explain what it computes: a loss")
    if not isinstance(root, Node):
        raise TypeError(f"explain takes the Tensor or Value to start from, not {kind_of(root)}")
    if not root.requires_grad:
        remedy = "wrap values in Tensor(...), and look for no_grad, detach() and .data in its computation"
        raise ValueError(f"explain: {root._describe()} depends on nothing that takes gradients; {remedy}")
    if np.size(root._value) != 1:
        shape = f"has shape {np.shape(root._value)}, and only a scalar has a gradient by itself"
        raise ValueError(f"explain: {root._describe()} {shape}; reduce it first: tg.explain(y.sum())")
    if np.iscomplexobj(root._value):
        remedy = "take its .real, its .imag or abs(...) of it"
        raise ValueError(f"explain: {root._describe()} is complex, and only a real number has a gradient; {remedy}")
    nodes = toposort(root)[::-1]
    with watching(Contributions()) as seen:
        reverse_pass(root, root._seed(None), leaves)
    names = _unique_names(nodes)
    records = {y: _record(y, names) for y in nodes}
    return Explanation(tuple(records.values()), tuple(_steps(seen.passed, records)))


def _steps(contributions: list[Passed], records: dict[Tensor | Value, Record]) -> Iterator[Step]:
    """Yield a step for each contribution, with the totals and the sentences that follow from those before it."""
    from .formula import formula  # which needs trace/

    users: dict[Tensor | Value, list[str]] = {y: [] for y in records}
    for y, _, _, x, _ in contributions:
        users[x].append(records[y].name)
    arrived: dict[Tensor | Value, list[Number]] = {y: [] for y in records}
    totals: dict[Tensor | Value, Any] = {}
    previous, told = None, False
    for y, g, i, x, r in contributions:
        rule = vjps[y.fun][i]
        assert rule is not None  # or there would be no contribution
        written = formula(rule, g, y)
        local, rule_shape = _local_derivative(rule, y)
        arrived[x].append(r)
        totals[x] = totals[x] + r if x in totals else r
        name, to = records[y].name, records[x].name
        yield Step(
            name, records[y].operation, g, to, written.text, written.numbers, local, r, totals[x],
            len(arrived[x]), len(users[x]),
            why="" if y is previous else why(name, g, users[y], is_root=previous is None),
            adds=adds(to, arrived[x], users[x], totals[x]),
            remark=remark(written.recorded, rule_shape, np.shape(r), is_complex(r) and not told), shapes=written.shapes,
        )  # fmt: skip
        previous = y
        told = told or is_complex(r)


def _record(y: Tensor | Value, names: dict[Tensor | Value, str]) -> Record:
    from .formula import operation, shape  # which needs trace/

    value = y.data.copy() if isinstance(y.data, np.ndarray) else y.data  # later writes do not change the record
    if not y.argnums:  # a leaf, or a result of a jvp that has ended
        return Record(names[y], value)
    small = all(v.size <= SMALL for v in y.argvals if isinstance(v, np.ndarray))
    numbers, shapes = operation(y, {}) if small else "", ""
    if not is_elementwise(y.fun) and any(np.ndim(v) for v in (y.data, *y.argvals)):
        shapes = f"{operation(y, {}, shape)} = {shape(y.data)}"
    return Record(names[y], value, operation(y, names), numbers, shapes)


def _local_derivative(rule: Rule, y: Tensor | Value) -> tuple[Number | None, tuple[int, ...]]:
    """Return d(y)/d(argument) elementwise, or None if it is a Jacobian matrix, and the shape of the rule's result."""
    values = [np.float64(v) if type(v) is float else v for v in (y.data, *y.argvals)]
    with np.errstate(all="ignore"):
        slope: Number = rule(np.ones_like(values[0]), *values, **y.kwargs)
    if isinstance(y, Value):
        slope = float(slope)  # as its other numbers are
    return slope if is_elementwise(y.fun) or np.size(y.data) == 1 else None, np.shape(slope)


def _unique_names(nodes: Sequence[Tensor | Value]) -> dict[Tensor | Value, str]:
    """Return a different name for every node: its label, or v1, v2, ... in the order of the tape."""
    printable = ["".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(y.label or "")) for y in nodes]
    labels = [shortened(text, LABEL) for text in printable]  # on one line
    taken, names = set(labels), {}
    counts: Counter[str] = Counter()
    used: set[str] = set()
    for y, label in zip(nodes, labels, strict=True):
        name = label
        while not name or name in used or (name in taken and name != label):
            counts[label] += 1
            name = f"{label}_{counts[label] + 1}" if label else f"v{counts['']}"
        used.add(name)
        names[y] = name
    return names
