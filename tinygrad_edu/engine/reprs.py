"""The text and the HTML of a tensor, and HTML tables for other classes to show in notebooks.

All text is escaped, so labels and names never become markup. The HTML sets no colors: the notebook's theme does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .rules.registry import Array, name

if TYPE_CHECKING:
    from .tape import Node

MAX_ELEMENTS, MAX_LINES = 100, 24  # a tensor with more is summarized
MAX_GRADIENT = 6  # elements of a gradient that are written out
MAX_TABLE = 8  # rows, and columns, of a tensor's table


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, as in "1 epoch" and "2,000 epochs"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def tensor_text(x: Node) -> str:
    """Return the repr of a tensor: its values, or a summary if it is large, then its label, dtype, origin, gradient."""
    data = _array(x._value)
    if not issubclass(type(data), np.ndarray):  # while jit records, it is a traced array
        return f"Tensor({', '.join([repr(data), *_notes(x)])})"
    if data.size <= MAX_ELEMENTS:
        values = np.array2string(data, separator=", ", prefix="Tensor(")
        if values.count("\n") < MAX_LINES:
            return f"Tensor({', '.join([values, *([] if data.size else [f'shape={data.shape}']), *_notes(x)])})"
    return f"Tensor({', '.join([f'shape={data.shape}', *_statistics(data), *_notes(x)])})"


def tensor_html(x: Node) -> str:
    """Return a tensor's summary and its values, as a table if it has two axes."""
    from html import escape  # here, as few programs need it

    data: Array = np.asarray(x._value)
    facts = [f"shape {data.shape}", *(_statistics(data) if data.size > 1 else []), *_notes(x)]
    head = f"<b>Tensor</b> {escape(', '.join(facts))}"
    if data.ndim != 2 or not data.size:
        return f"{head}<pre>{escape(np.array2string(data, separator=', ', threshold=MAX_ELEMENTS))}</pre>"
    rows, columns = (_shown_indices(n) for n in data.shape)
    cells = [["…" if None in (i, j) else f"{data[i, j]:.4g}" for j in columns] for i in rows]
    heads = [["…" if i is None else str(i) for i in indices] for indices in (rows, columns)]
    return head + table(["", *heads[1]], [[i, *row] for i, row in zip(heads[0], cells, strict=True)])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return an HTML table with one line of column names and a line for each of `rows`."""
    from html import escape

    def line(cells: Iterable[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _notes(x: Node) -> list[str]:
    """Return the label, dtype, function and gradient, each only where it differs from the default."""
    data, grad = _array(x._value), _array(x._grad)
    notes = [f"label={x.label!r}"] if x.label else []
    notes += [f"dtype={data.dtype}"] if data.dtype != np.float64 else []
    notes += [f"fun={name(x.fun)}"] if x.fun else [] if x.requires_grad else ["requires_grad=False"]
    if issubclass(type(grad), np.ndarray):
        values = " ".join(np.array2string(grad, separator=", ", precision=4).split()).replace("[ ", "[")
        notes.append(f"grad={values}" if data.size <= MAX_GRADIENT else f"grad of norm {np.linalg.norm(grad):.4g}")
    return notes


def _array(data: Any) -> Any:
    """Return a NumPy scalar as an array without axes, and anything else as it is."""
    return np.asarray(data) if issubclass(type(data), np.generic) else data


def _statistics(data: Array) -> list[str]:
    """Return the minimum, mean and maximum of the finite elements, and the number of the others."""
    if data.dtype.kind == "c":
        return [f"|.| {text}" for text in _statistics(np.abs(data))]
    finite = data[np.isfinite(data)]
    rest = [f"{lost} not finite"] if (lost := data.size - finite.size) else []
    if not finite.size:
        return rest
    return [f"min {finite.min():.4g}", f"mean {finite.mean(dtype=float):.4g}", f"max {finite.max():.4g}", *rest]


def _shown_indices(n: int) -> list[int | None]:
    """Return the indices of n rows; of a large table the first and the last ones, with None between them."""
    return [*range(n)] if n <= MAX_TABLE else [*range(MAX_TABLE // 2), None, *range(n - MAX_TABLE // 2 + 1, n)]
