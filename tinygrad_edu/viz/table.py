"""An explanation as a text table of at most 100 columns, with the sentences between its rows."""

import textwrap
from collections.abc import Sequence

from .steps import Record, Step
from .values import brief

WIDTH = 100  # columns of the table, where numbers are scalars
INDENT = " " * 6
HEAD = ("step", "operation", "g", "to", "rule", "with numbers", "local", "contribution", "total")
RIGHT_ALIGNED = (True, False, True, False, False, False, True, True, True)
OPERATION, TO, RULE, NUMBERS = 1, 3, 4, 5  # the columns that may be cut short


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
    lines += ["", _line(HEAD, widths)] if rows else []
    for step, cells in zip(steps, rows, strict=True):
        lines += [*_wrapped(step.why), _line(cells, widths), *_wrapped(step.adds), *_wrapped(step.remark)]
        cut = {column for column, cell in enumerate(cells) if len(cell) > widths[column]}
        if OPERATION in cut:
            lines += _wrapped(f"in full: {cells[OPERATION]}")
        if cut & {RULE, NUMBERS}:
            lines += _wrapped(f"in full: {step.rule} = {step.numbers}" if step.numbers else f"in full: {step.rule}")
    return "\n".join(lines)


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
    cut = [c if len(c) <= width else f"{c[: width - 1]}…" for c, width in zip(cells, widths, strict=True)]
    aligned = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cut, widths, RIGHT_ALIGNED, strict=True)]
    return "  ".join(aligned).rstrip()


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT + "  ")
