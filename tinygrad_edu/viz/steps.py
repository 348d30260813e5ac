"""The records of an explanation, the sentences that explain a step, and both as text: a table, or a list for arrays."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .values import SMALL, Number, brief, shortened

WIDTH = 100  # columns of the text
INDENT, TERM = " " * 6, 14  # the width of a term in the list
HEAD = ("step", "operation", "g", "to", "rule", "with numbers", "local", "contribution", "total")
RIGHT_ALIGNED = (True, False, True, False, False, False, True, True, True)
OPERATION, TO, RULE, NUMBERS = 1, 3, 4, 5  # the columns that may be cut short


@dataclass(frozen=True, slots=True, eq=False)  # == of arrays is an array
class Record:
    """A node of the forward pass; `operation` and `numbers` are its call, in names and in values ("" for a leaf).

    `shapes` is the call in shapes, for products of matrices, reductions and all else that is not elementwise.
    """

    name: str
    value: Number
    operation: str = ""
    numbers: str = ""
    shapes: str = ""


@dataclass(frozen=True, slots=True, eq=False)  # == of arrays is an array
class Step:
    """One contribution: `node`, whose gradient `g` is complete, passes its share on to `to`, one of its arguments.

    `rule` is the formula of the share in the rule's own names, `numbers` the same with values and `shapes` with shapes,
    for products of matrices, reductions and all else that is not elementwise; either may be "". `local` is
    the derivative of `node` with respect to `to`, or None if that is a Jacobian matrix, which is never computed.
    `total` is the gradient of `to` after this step, which is contribution `number` of `of`. In words, `why` says why
    `node` comes now (on its first step), `adds` how several contributions add up, and `remark` what is special here.
    """

    node: str
    operation: str
    g: Number
    to: str
    rule: str
    numbers: str
    local: Number | None
    contribution: Number
    total: Number
    number: int
    of: int
    why: str = field(default="", repr=False)
    adds: str = field(default="", repr=False)
    remark: str = field(default="", repr=False)
    shapes: str = ""


def why(y: str, g: Number, users: Sequence[str], is_root: bool) -> str:
    """Say why node `y` passes its gradient on now: `users`, the operations that use it, have done so before."""
    if is_root:
        return f"The backward pass starts at the root: d {y} / d {y} = {brief(g)}."
    if len(set(users)) == 1:
        return f"{y} comes now: {users[0]}, the only operation that uses it, has passed its gradient on."
    return f"{y} comes now: all operations that use it ({_listed(users)}) have passed their gradients on."


def adds(x: str, contributions: Sequence[Number], users: Sequence[str], total: Number) -> str:
    """Say how the contributions to `x` so far add up; nothing if `x` is used once."""
    n, uses = len(contributions), len(users)
    if uses == 1:
        return ""
    if n == 1:
        used = f"{x} is used {uses} times (by {_listed(users)}). A change of {x} affects the root through each use"
        return f"{used}, and the effects add up: {x} gets {uses} contributions, and this is the first."
    shown = slice(0 if n <= SMALL else n - 2, n)
    terms = [f"{brief(r)} (from {y})" for r, y in zip(contributions[shown], users[shown], strict=True)]
    if n > SMALL:
        terms.insert(0, "…")
    state = f"all {uses} have arrived, so the gradient is complete." if n == uses else f"{uses - n} more to come."
    return f"Contribution {n} of {uses} to {x}: {' + '.join(terms)} = {brief(total)}; {state}"


def remark(recorded: bool, rule_shape: tuple[int, ...], shape: tuple[int, ...], conjugate: bool = False) -> str:
    """Say whether broadcasting was undone, the rule is shown by its source, and complex numbers are conjugates."""
    summed = f"Summed over the axes that broadcasting added or stretched: shape {rule_shape} becomes {shape}."
    written = "This rule works on plain arrays only and cannot be recorded, so its source is shown."
    conjugates = "Of complex numbers, the pass carries the conjugates of the gradients that .grad holds."
    return " ".join([summed] * (rule_shape != shape) + [written] * (not recorded) + [conjugates] * conjugate)


def _listed(users: Sequence[str]) -> str:
    counts = Counter(users)
    texts = [y if n == 1 else f"{y} {'twice' if n == 2 else f'{n} times'}" for y, n in counts.items()]
    if len(texts) > SMALL:
        texts = [*texts[: SMALL - 1], f"{len(texts) - SMALL + 1} others"]
    return ", ".join(texts)


def table(root: Record, steps: Sequence[Step]) -> str:
    """Return the table of the backward pass from `root`."""
    lines = textwrap.wrap(
        f"Backward pass from {root.name} = {brief(root.value)}, steps: {len(steps)}. Nodes are visited in reverse "
        "topological order, the latest operation first, so that a node passes its gradient on only after every "
        "operation that uses it has done so and its own gradient is complete.",
        WIDTH,
    )
    rows = [_cells(n, step) for n, step in enumerate(steps, 1)]
    widths = _widths(rows)
    if sum(widths) + 2 * (len(widths) - 1) > WIDTH:  # arrays are too long for a row
        return "\n".join([*lines, *(line for n, step in enumerate(steps, 1) for line in _listing(n, step))])
    lines += ["", _line(HEAD, widths)] if rows else []
    for step, cells in zip(steps, rows, strict=True):
        lines += [*_wrapped(step.why), _line(cells, widths), *_wrapped(step.adds), *_wrapped(step.remark)]
        cut = {column for column, cell in enumerate(cells) if len(cell) > widths[column]}
        if OPERATION in cut:
            lines += _wrapped(f"in full: {cells[OPERATION]}")
        if cut & {RULE, NUMBERS}:
            lines += _wrapped(f"in full: {step.rule} = {step.numbers}" if step.numbers else f"in full: {step.rule}")
    return "\n".join(lines)


def _listing(n: int, step: Step) -> list[str]:
    """Return the lines of a step whose arrays are too long for a row of the table: a line for each column."""
    terms = {
        "g": brief(step.g), "rule": step.rule, "with numbers": step.numbers,
        "local": brief(step.local), "contribution": brief(step.contribution),
        "total": brief(step.total) if step.of > 1 else "",
    }  # fmt: skip
    lines = ["", *_wrapped(step.why), *_wrapped(f"from {step.node} = {step.operation} to {step.to}", f"{n:4}  ")]
    for term, text in terms.items():
        lines += _wrapped(text, f"{INDENT}{term:{TERM}}", " " * (len(INDENT) + TERM))
    return [*lines, *_wrapped(step.adds), *_wrapped(step.remark)]


def _cells(n: int, step: Step) -> list[str]:
    return [
        str(n), f"{step.node} = {step.operation}" if step.why else "", brief(step.g), step.to, step.rule, step.numbers,
        brief(step.local), brief(step.contribution), brief(step.total),
    ]  # fmt: skip


def _widths(rows: list[list[str]]) -> list[int]:
    """Return the columns' widths, with the longest names and formulas cut until a row fits."""
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    for least in (16, 9):
        for column in (NUMBERS, OPERATION, RULE, TO):
            excess = sum(widths) + 2 * (len(widths) - 1) - WIDTH
            widths[column] = max(widths[column] - max(excess, 0), min(widths[column], least))
    return widths


def _line(cells: Sequence[str], widths: list[int]) -> str:
    cut = map(shortened, cells, widths)
    aligned = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cut, widths, RIGHT_ALIGNED, strict=True)]
    return "  ".join(aligned).rstrip()


def _wrapped(text: str, first: str = INDENT, others: str = INDENT + "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others)
