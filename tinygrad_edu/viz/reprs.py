"""What objects print, and the richer form that notebooks show: HTML of tables and SVG, with nothing from outside.

Each class's `__repr__` or `_repr_html_` calls its function here. Labels, names and source are text, whatever they
contain; colours that a theme sets, dark or light, stay the theme's.
"""

import re
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.rules import name
from .figure import BLUE, VERMILION

if TYPE_CHECKING:
    from ..engine.tensor import Tensor
    from ..jit.compiled import Jitted
    from ..nn import Module
    from ..optim import Optimizer
    from ..train import History

MANY, SCREEN = 100, 24  # elements of a tensor, and lines of them, that are still written out
SMALL = 6  # elements of a gradient beside them
ROWS, COLUMNS = 8, 8  # of a table of a tensor
LEFT, WIDTH, HEIGHT = 60, 360, 120  # of a curve and what is written beside it, in pixels


def tensor_text(x: "Tensor") -> str:
    """A tensor's values, or what sums them up where they are many, and what else there is to know of it."""
    notes = _notes(x)
    data: Any = x.data
    if not isinstance(data, np.ndarray):  # `jit` records
        return f"Tensor({', '.join([repr(data), *notes])})"
    if x.size <= MANY:
        body = np.array2string(x.data, separator=", ", prefix="Tensor(")
        if body.count("\n") < SCREEN:
            return f"Tensor({', '.join([body, *([] if x.size else [f'shape={x.shape}']), *notes])})"
    return f"Tensor({', '.join([f'shape={x.shape}', *_figures(x.data), *notes])})"


def tensor(x: "Tensor") -> str:
    """A tensor's figures, and its values as a table where it has two axes."""
    facts = [f"shape {x.shape}", *(_figures(x.data) if x.size > 1 else []), *_notes(x)]
    head = f"<b>Tensor</b> {escape(', '.join(facts))}"
    if x.ndim != 2 or not x.size:
        return f"{head}<pre>{escape(np.array2string(x.data, separator=', ', threshold=MANY))}</pre>"
    rows, columns = (_few(n, most) for n, most in zip(x.shape, (ROWS, COLUMNS), strict=True))
    cells = [["…" if None in (i, j) else f"{x.data[i, j]:.4g}" for j in columns] for i in rows]
    return head + _table(["", *map(_index, columns)], [[_index(i), *row] for i, row in zip(rows, cells, strict=True)])


def module(m: "Module") -> str:
    """A model's parts, with the shapes of each one's own parameters and the counts of all within it."""
    rows = []
    for path, part in m.named_modules():
        own = [f"{key} {p.shape}" for key, p in part.named_parameters() if "." not in key]
        count = sum(p.size for p in part.parameters())
        rows.append([path, part.describe(), ", ".join(own), f"{count:,}" if count else ""])
    mode = "training" if m.training else "evaluation"
    return _table(["name", f"module, in {mode} mode", "shapes", "parameters"], rows)


def optimizer(o: "Optimizer") -> str:
    """An optimizer's settings and what it has done."""
    rows = [[key, f"{value:g}" if isinstance(value, float) else str(value)] for key, value in o.settings().items()]
    rows += [["parameters", f"{len(o.params):,}"], ["numbers", f"{sum(p.size for p in o.params):,}"]]
    return _table([type(o).__name__, ""], [*rows, ["steps taken", f"{o.steps:,}"]])


def history(h: "History") -> str:
    """A run's outcome, its curves and its table."""
    head, *rows = (re.split(" {2,}", line.strip()) for line in h.table().split("\n"))
    return f"<p>{escape(repr(h))}</p>{_curves(h.train_loss, h.valid_loss)}{_table(head, rows)}"


def jitted(f: "Jitted") -> str:
    """A function's recordings, and the latest one: what its optimisations left, and its source to open."""
    head = f"<p><code>{escape(repr(f))}</code></p>"
    if not f.cache_info().currsize:
        return f"{head}<p>Nothing is recorded yet: call the function.</p>"
    stats = f.stats
    rows = [["calls recorded", f"{stats['calls']:,}"]]
    rows += [[f"after {step}", f"{calls:,}"] for step, calls in stats["after"].items()]
    rows += [["buffers", f"{stats['buffers']:,}"], ["bytes in them", f"{stats['bytes']:,}"]]
    source = f"<details><summary>source</summary><pre>{escape(f.source)}</pre></details>"
    return head + _table(["latest recording", ""], rows) + source


def _notes(x: "Tensor") -> list[str]:
    """Label, dtype, origin and gradient, where there is something to say."""
    notes = [f"label={x.label!r}"] if x.label else []
    notes += [f"dtype={x.dtype}"] if x.dtype != np.float64 else []
    notes += [f"fun={name(x.fun)}"] if x.fun else [] if x.requires_grad else ["requires_grad=False"]
    if isinstance(x.grad, np.ndarray):
        values = " ".join(np.array2string(x.grad, separator=", ", precision=4).split()).replace("[ ", "[")
        notes.append(f"grad={values}" if x.size <= SMALL else f"grad of norm {np.linalg.norm(x.grad):.4g}")
    return notes


def _figures(data: Any) -> list[str]:
    """The least, the mean and the largest of the finite numbers, and how many are not."""
    finite = data[np.isfinite(data)]
    figures = [f"{lost} not finite"] if (lost := data.size - finite.size) else []
    if finite.size:
        mean = finite.mean(dtype=float)
        figures = [f"min {finite.min():.4g}", f"mean {mean:.4g}", f"max {finite.max():.4g}", *figures]
    return figures


def _few(n: int, most: int) -> list[int | None]:
    """The indices of n things, or the first and last of them around None."""
    return [*range(n)] if n <= most else [*range(most // 2), None, *range(n - most // 2 + 1, n)]


def _index(i: int | None) -> str:
    return "…" if i is None else str(i)


def _table(head: list[str], rows: list[list[str]]) -> str:
    def line(cells: list[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _curves(train: list[float], valid: list[float]) -> str:
    """Losses by epoch as lines, on a logarithmic scale where all are above 0."""
    every = np.array([*train, *valid])
    every = every[np.isfinite(every)]
    if len(train) < 2 or not every.size:
        return ""
    scale = np.log if every.min() > 0 else np.asarray
    low, high = scale(every.min()), scale(every.max())
    lines = _svg_text(LEFT - 6, 12, "end", f"{every.max():.3g}")
    lines += _svg_text(LEFT - 6, HEIGHT, "end", f"{every.min():.3g}")
    lines += _svg_text(LEFT, HEIGHT + 16, "start", "epoch 1") + _svg_text(LEFT + WIDTH, HEIGHT + 16, "end", len(train))
    styles = (("training", BLUE, ""), ("validation", VERMILION, ' stroke-dasharray="6 3"'))
    for i, (curve, (kind, colour, dashes)) in enumerate(zip((train, valid), styles, strict=True)):
        if not curve:
            continue
        picked = np.unique(np.linspace(0, len(curve) - 1, WIDTH).round().astype(int))  # a point a pixel at most
        values = np.array(curve)[picked]
        heights = 2 + (HEIGHT - 4) * (high - scale(values)) / (high - low or 1)
        across = LEFT + WIDTH * picked / (len(train) - 1)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, heights, strict=True) if isfinite(y))
        pen = f'stroke="{colour}" stroke-width="2"{dashes}'
        lines += f'<polyline points="{points}" fill="none" {pen}/>'
        y = 20 + 18 * i
        lines += f'<line x1="{LEFT + WIDTH + 12}" x2="{LEFT + WIDTH + 36}" y1="{y}" y2="{y}" {pen}/>'
        lines += _svg_text(LEFT + WIDTH + 42, y + 4, "start", kind)
    label = f"loss by epoch, from {train[0]:.3g} to {train[-1]:.3g}"
    size = f'width="{LEFT + WIDTH + 110}" height="{HEIGHT + 20}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>{lines}</svg>'


def _svg_text(x: int, y: int, anchor: str, text: object) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="currentColor" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{text}</text>'
