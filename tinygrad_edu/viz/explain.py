"""The backward pass step by step: which gradient arrives where, by which rule, and what has added up so far.

`explain(y)` lets the engine's own walk run and note every contribution that it passes on; no `.grad` is touched.
A contribution is a `Step`, in the order of the walk. Printed, the `Explanation` is a table with the reasons in words;
in a notebook, or saved as .html, it is a page to step through.
"""

import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..engine.backward import ARGS, Notes, backprop, elementwise, toposort
from ..engine.rules import vjps
from ..engine.tensor import Node
from .formula import formula, operation
from .labels import SMALL
from .labels import number as _number
from .labels import value as _value

WIDTH = 100  # columns of the table, where numbers are scalars
INDENT = " " * 6
NAME = 24  # characters of a label that are shown


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no one answer to ==
class Record:
    """A node as the forward pass made it: `operation` and `numbers` say how ("" for a leaf)."""

    name: str
    value: Any
    operation: str = ""
    numbers: str = ""


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no one answer to ==
class Step:
    """One contribution: `node`, whose gradient `g` is complete, passes its share on to `to`, one of its arguments.

    `rule` is the formula of that share, in the rule's own names, and `numbers` the same with values (or ""); `local`
    is the derivative of `node` by `to`, or None where that is a matrix that nobody computes. `total` is the gradient
    of `to` after this, the `number`-th of `of` contributions. `why` and `adds` say in words why `node` comes now
    (on its first step) and how several contributions add up; `remark` what else happened to this contribution.
    """

    node: str
    operation: str
    g: Any
    to: str
    rule: str
    numbers: str
    local: Any
    contribution: Any
    total: Any
    number: int
    of: int
    why: str = field(default="", repr=False)
    adds: str = field(default="", repr=False)
    remark: str = field(default="", repr=False)


class Explanation(Sequence[Step]):
    """The steps of a backward pass, in order; `nodes` are the records of the forward pass before it, in order."""

    def __init__(self, nodes: tuple[Record, ...], steps: tuple[Step, ...]) -> None:
        self.nodes, self.steps = nodes, steps

    @property
    def root(self) -> Record:
        """What was explained."""
        return self.nodes[-1]

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, i: int) -> Step: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Step]: ...
    def __getitem__(self, i: int | slice) -> Step | Sequence[Step]:
        return self.steps[i]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __str__(self) -> str:
        return _table(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .page import frame

        return frame(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, one file that needs no other, and return its path, which must end in .html.

        500 steps take 300 kB. Whatever fails, what stood at the path stays.
        """
        path = Path(path)
        if path.suffix.lower() != ".html":
            raise ValueError(f"Explanation.save: {str(path)!r} must end in .html; print() shows the table")
        from .page import page

        text = page(self)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path


def explain(root: Any) -> Explanation:
    """The backward pass from `root`, a Tensor or Value of one element, as a sequence of steps.

    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> step = explain(a * b)[0]
    >>> step.to, step.rule, step.numbers, step.contribution
    ('a', 'g * b', '1 * -3', -3.0)
    """
    if not isinstance(root, Node):
        raise TypeError(f"explain takes the Tensor or Value to walk back from, not {type(root).__name__}")
    if not root.requires_grad:
        raise ValueError(
            f"explain: {root._describe()} depends on nothing that takes gradients; wrap the values that you want "
            "gradients of in Tensor(...), and look for no_grad, detach() and .data on the way"
        )
    if np.size(root._value) != 1:
        raise ValueError(
            f"explain: {root._describe()} has shape {np.shape(root._value)}, and only a single number has a gradient "
            "by itself; reduce it first: tg.explain(y.sum()), tg.explain(y.mean())"
        )
    nodes = toposort(root)[::-1]
    notes: Notes = []
    backprop(root, root._seed(None), notes=notes)
    names = _names(nodes)
    uses: dict[Any, list[str]] = {y: [] for y in nodes}
    for y, _, _, x, _ in notes:
        uses[x].append(names[y])
    made = {y: Record(names[y], _kept(y.data), *([operation(y, names), _filled(y)] if y.fun else [])) for y in nodes}
    steps: list[Step] = []
    arrived: dict[Any, list[Any]] = {}
    totals: dict[Any, Any] = {}
    for y, g, i, x, r in notes:
        rule: Any = vjps[y.fun][i]
        found = formula(rule, g, y)
        local, shape = _local(rule, y)
        arrived.setdefault(x, []).append(r)
        totals[x] = totals[x] + r if x in totals else r
        steps.append(
            Step(
                names[y], made[y].operation, g, names[x], found.text, found.numbers, local, r, totals[x],
                len(arrived[x]), len(uses[x]),
                why=_why(names[y], g, uses[y], y is root) if not steps or steps[-1].node != names[y] else "",
                adds=_adds(names[x], arrived[x], uses[x], totals[x]),
                remark=_remark(found.recorded, shape, np.shape(r)),
            )
        )  # fmt: skip
    return Explanation(tuple(made.values()), tuple(steps))


# What the walk passed on
def _names(nodes: list[Any]) -> dict[Any, str]:
    """A name of its own for every node: its label, or v1, v2, ... in the order of the tape."""
    labels = [_shown(y.label) if y.label else "" for y in nodes]
    taken, names = set(labels), {}
    numbers: Counter[str] = Counter()
    used: set[str] = set()
    for y, label in zip(nodes, labels, strict=True):
        name = label
        while not name or name in used or (name in taken and name != label):
            numbers[label] += 1
            name = f"{label}_{numbers[label] + 1}" if label else f"v{numbers['']}"
        used.add(name)
        names[y] = name
    return names


def _shown(label: str) -> str:
    """A label on one line: what does not print as code, a long one shortened."""
    text = "".join([c if c.isprintable() else ascii(c)[1:-1] for c in label])
    return text if len(text) <= NAME else f"{text[: NAME - 1]}…"


def _kept(data: Any) -> Any:
    """Data that stays as it is when the tensor's is written into."""
    return data.copy() if isinstance(data, np.ndarray) else data


def _filled(y: Any) -> str:
    """The call that made y with numbers in it, where they are few."""
    arrays = [v for v in y.call[ARGS - 1] if isinstance(v, np.ndarray)]
    return operation(y, {}, numbers=True) if all(a.size <= SMALL for a in arrays) else ""


def _local(rule: Any, y: Any) -> tuple[Any, tuple[int, ...]]:
    """The derivative of y by an argument, where it has one for each element, and the shape that its rule gives."""
    values = [np.float64(v) if type(v) is float else v for v in (y.data, *y.call[ARGS - 1])]
    with np.errstate(all="ignore"):
        slope = rule(np.ones_like(values[0]), *values, **y.kwargs)
    return slope if elementwise(y.fun) or np.size(y.data) == 1 else None, np.shape(slope)


# Words
def _why(y: str, g: Any, users: list[str], is_root: bool) -> str:
    if is_root:
        return f"The walk starts at the root: d {y} / d {y} = {brief(g)}."
    if len(set(users)) == 1:
        return f"{y} comes now: {users[0]}, the only operation that uses it, has passed its gradient on."
    return f"{y} comes now: all operations that use it ({_listed(users)}) have passed their gradients on."


def _adds(x: str, arrived: list[Any], users: list[str], total: Any) -> str:
    n, k = len(arrived), len(users)
    if k == 1:
        return ""
    if n == 1:
        return (
            f"{x} is used {k} times (by {_listed(users)}). A change of {x} reaches the root by each of these ways, and "
            f"the effects add up: {x} gets {k} contributions, and this is the first."
        )
    shown = slice(0 if n <= SMALL else n - 2, n)
    parts = [f"{brief(r)} (from {y})" for r, y in zip(arrived[shown], users[shown], strict=True)]
    if n > SMALL:
        parts.insert(0, "…")
    state = f"its {k} uses are all in, so the gradient is complete." if n == k else f"{k - n} more to come."
    return f"Contribution {n} of {k} to {x}: {' + '.join(parts)} = {brief(total)}; {state}"


def _listed(users: list[str]) -> str:
    counts = Counter(users)
    texts = [y if n == 1 else f"{y} {'twice' if n == 2 else f'{n} times'}" for y, n in counts.items()]
    if len(texts) > SMALL:
        texts = [*texts[: SMALL - 1], f"{len(texts) - SMALL + 1} others"]
    return ", ".join(texts)


def _remark(recorded: bool, given: tuple[int, ...], shape: tuple[int, ...]) -> str:
    remarks = []
    if given != shape:
        remarks.append(f"Summed over the axis that broadcasting added or stretched: shape {given} becomes {shape}.")
    if not recorded:
        remarks.append("This rule works on plain arrays alone and cannot be recorded: shown is its source.")
    return " ".join(remarks)


def brief(x: Any) -> str:
    """A number, the few elements of a small array, or the shape and norm of a larger one."""
    if x is None:
        return "Jacobian"
    return _value(x) if 0 < np.size(x) <= SMALL else f"{np.shape(x)} norm {_number(np.linalg.norm(x))}"


# The table
def _table(explanation: Explanation) -> str:
    root = explanation.root
    lines = textwrap.wrap(
        f"Backward pass from {root.name} = {brief(root.value)}, steps: {len(explanation)}. The walk goes in reverse "
        "topological order, the operation recorded last first, so that a node passes its gradient on only when "
        "everything that uses it has done so and its own gradient is complete.",
        WIDTH,
    )
    head = ["step", "operation", "g", "to", "rule", "with numbers", "local", "contribution", "total"]
    right = [True, False, True, False, False, False, True, True, True]
    rows = [
        [
            str(n), f"{s.node} = {s.operation}" if s.why else "", brief(s.g), s.to, s.rule, s.numbers, brief(s.local),
            brief(s.contribution), brief(s.total),
        ]
        for n, s in enumerate(explanation, 1)
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for least in (16, 9):
        for column in (5, 1, 4, 3):  # what may be shortened, until the row fits
            excess = sum(widths) + 2 * (len(widths) - 1) - WIDTH
            widths[column] = max(widths[column] - max(excess, 0), min(widths[column], least))

    def row(cells: list[str]) -> str:
        cut = [c if len(c) <= w else f"{c[: w - 1]}…" for c, w in zip(cells, widths, strict=True)]
        aligned = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cut, widths, right, strict=True)]
        return "  ".join(aligned).rstrip()

    def words(text: str) -> list[str]:
        return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT + "  ")

    lines += ["", row(head)] if rows else []
    for step, cells in zip(explanation, rows, strict=True):
        lines += [*words(step.why), row(cells)]
        lines += words(step.adds)
        lines += words(step.remark)
        for column, text in ((1, cells[1]), (4, f"{step.rule} = {step.numbers}" if step.numbers else step.rule)):
            if any(len(cells[c]) > widths[c] for c in (column, 5 if column == 4 else column)):
                lines += words(f"in full: {text}")
    return "\n".join(lines)
