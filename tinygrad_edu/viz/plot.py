"""Plots of training runs, models and losses as matplotlib Axes: everything that `tg.plot` offers.

Each function draws on the Axes it is given, or on those of a new Figure, and returns them, so the caller can combine
plots and save them with `ax.figure.savefig("name.png")`. Only `surface` and `animate` take 3-D Axes. A notebook shows a
new Figure below the cell, and a script shows it when it calls `plt.show()`, if it imported pyplot before. None opens a
window, sets a global style or imports pyplot. `animate` makes a GIF of such drawings. The colors are Okabe and Ito's,
which color-blind readers can tell apart.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.arguments import check_numbers

from ..figure import (  # isort: skip
    BLACK, BLUE, CLASSES, GREEN, GREY, MARKERS, ORANGE, PURPLE, SKY, VERMILION, YELLOW, axes_or_new, losses, lr_curve,
    number, numeric_array,
)  # fmt: skip
from ..data.batches import check_finite
from ..engine.errors import converted
from ..engine.rules.tables import from_table
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim.validation import gradient_of
from ..state import path_text, replacing
from .fields import contours, decision_boundary, surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image as Picture

    Draw = Callable[[Axes, Any], object]
    Limits = dict[str, tuple[float, ...]]

__all__ = [
    "BLACK", "BLUE", "CLASSES", "GREEN", "GREY", "MARKERS", "ORANGE", "PURPLE", "SKY", "VERMILION", "YELLOW",
    "animate", "confusion", "contours", "decision_boundary", "fit_line", "gradient_flow", "losses", "lr_curve",
    "surface",
]  # fmt: skip


def fit_line(
    x: ArrayLike,
    y: ArrayLike,
    slope: float | Tensor,
    intercept: float | Tensor,
    ax: Axes | None = None,
    *,
    xlabel: str = "x",
    ylabel: str = "y",
) -> Axes:
    """Plot the points (x, y), both of shape (n,), and the line y = slope * x + intercept.

    Slope and intercept may be arrays or Tensors of one element. Points with NaN or infinity are left out. Raises
    ValueError for x and y of different shapes.

    >>> ax = tg.plot.fit_line([1.0, 2.0], [1.0, 3.0], slope=2.0, intercept=-1.0)
    >>> ax.get_xlabel()
    'x'
    """
    xs, ys = numeric_array("fit_line", "x", x), numeric_array("fit_line", "y", y)
    if xs.ndim != 1 or xs.shape != ys.shape or not xs.size:
        raise ValueError(f"fit_line: x has shape {xs.shape} and y {ys.shape}; pass two arrays of one shape (n,)")
    slope, intercept = number("fit_line", "slope", slope), number("fit_line", "intercept", intercept)
    finite = np.isfinite(xs) & np.isfinite(ys)
    if not finite.any():
        raise ValueError("fit_line: no point is finite")
    xs, ys = xs[finite].astype(float), ys[finite].astype(float)
    ax = axes_or_new(ax)
    size, alpha = (30, 1.0) if len(xs) <= 50 else (12, 0.4)  # many points overlap: transparency shows the density
    ax.scatter(xs, ys, s=size, color=BLUE, alpha=alpha, linewidths=0, label="data")
    limits = np.array([xs.min(), xs.max()])
    sign = "−" if intercept < 0 else "+"  # noqa: RUF001
    equation = f"y = {slope:.4g} x {sign} {abs(intercept):.4g}"
    ax.plot(limits, slope * limits + intercept, color=BLACK, linewidth=2, label=equation)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def confusion(
    y_true: ArrayLike, y_pred: ArrayLike, ax: Axes | None = None, labels: Sequence[str] | None = None
) -> Axes:
    """Plot the confusion matrix: a row for each true class, a column for each predicted one, shaded by row fraction.

    The classes, both arrays of shape (n,), are numbers or strings. `labels` name them in order; if they are 0, 1, ...,
    `labels` may also name classes that do not occur. Raises ValueError for different lengths, and for labels that do
    not fit.

    >>> ax = tg.plot.confusion([0, 1, 1], [0, 1, 0])
    >>> ax.get_xlabel()
    'predicted class'
    """
    true, predicted = (converted("confusion", np.asarray, from_table(y)) for y in (y_true, y_pred))
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        remedy = "pass the classes as two arrays of one shape (n,), and scores as scores.argmax(axis=1)"
        raise ValueError(f"confusion: y_true has shape {true.shape} and y_pred {predicted.shape}; {remedy}")
    for name, given in (("y_true", true), ("y_pred", predicted)):
        if given.dtype.kind == "f":
            check_finite(f"confusion, {name}", given)
    classes = np.unique(np.concatenate([true, predicted]))
    if labels is not None and np.isin(classes, range(len(labels))).all():
        classes = np.arange(len(labels))
    if labels is not None and len(labels) != len(classes):
        raise ValueError(f"confusion: there are {len(labels)} labels for {len(classes)} classes, {classes}")
    k = len(classes)
    cells = np.searchsorted(classes, true) * k + np.searchsorted(classes, predicted)
    counts = np.bincount(cells, minlength=k * k).reshape(k, k)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = axes_or_new(ax, figsize=(max(4, 1 + 0.5 * k), max(3.5, 0.5 + 0.5 * k)))
    image = ax.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    luminance = image.to_rgba(fractions)[..., :3] ** 2.2 @ [0.2126, 0.7152, 0.0722]
    for (i, j), n in np.ndenumerate(counts):  # at a luminance of 0.18 black and white text are equally legible
        ax.text(j, i, f"{n:,}", ha="center", va="center", color=BLACK if luminance[i, j] > 0.18 else "#ffffff")
    names = [str(c) for c in classes] if labels is None else labels
    slanted: Any = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(k), names, **(slanted if max(map(len, names)) > 6 else {}))
    ax.set_yticks(range(k), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def gradient_flow(model: Module, ax: Axes | None = None) -> Axes:
    """Plot the mean and the maximum of |gradient| for every parameter, the first layer at the top.

    Similar sizes mean that all layers learn; sizes that shrink towards the first layer are vanishing gradients. A
    parameter without a gradient, or whose gradient is zero or not finite, has a note instead. Raises TypeError
    unless `model` is a Module, and ValueError if no parameter has a gradient.

    >>> model = tg.nn.MLP([2, 8, 1], rng=0)
    >>> np.sum(model(np.ones((4, 2)))).backward()
    >>> ax = tg.plot.gradient_flow(model)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    if not hasattr(model, "named_parameters"):
        raise TypeError(f"gradient_flow takes a tg.nn.Module, whose parameters have names, not {type(model).__name__}")
    named = model.named_parameters()
    if not named:
        raise ValueError(f"gradient_flow: {type(model).__name__} has no parameters")
    if all(p.grad is None for _, p in named):
        raise ValueError("gradient_flow: no parameter has a gradient; call loss.backward() first")
    ax = axes_or_new(ax, figsize=(6, max(3, 1 + 0.3 * len(named))))
    sizes: list[tuple[float, float, float]] = []  # row, mean, maximum
    for row, (_, p) in enumerate(named):
        size = np.zeros(0) if (g := gradient_of(p)) is None else abs(g)
        if size.any() and np.isfinite(size).all():
            sizes.append((row, size.mean(), size.max()))
            continue
        note = "no gradient" if p.grad is None else "not finite" if size.any() else "all zero"
        ax.text(0.02, row, note, transform=ax.get_yaxis_transform(), va="center", color=VERMILION)
    rows, means, largest = np.array(sizes).reshape(-1, 3).T
    ax.hlines(rows, means, largest, color=GREY, linewidth=1, zorder=1)
    ax.scatter(means, rows, color=BLUE, marker="o", label="mean |g|", zorder=2)
    ax.scatter(largest, rows, s=90, color=VERMILION, marker="|", linewidths=2, label="max |g|", zorder=2)
    ax.set_yticks(range(len(named)), [name or p.label or f"parameter {i}" for i, (name, p) in enumerate(named)])
    ax.set(xscale="log", ylim=(len(named) - 0.5, -0.5), xlabel="size of the gradient, |g|")
    if sizes:  # limits at powers of ten, so that the axis has labeled ticks at both ends
        ax.set_xlim(10 ** np.floor(np.log10(means.min() / 1.3)), 10 ** np.ceil(np.log10(largest.max() * 1.3)))
    ax.grid(axis="x", alpha=0.3)
    ax.legend()
    return ax


def animate(
    draw: Draw, frames: int | Iterable[Any], path: str | os.PathLike[str], ax: Axes | None = None, *, fps: int = 10,
    hold: float = 1.0, dpi: float = 100, progress: Callable[[list[Any]], Iterable[Any]] | None = None,
) -> Path:  # fmt: skip
    """Write a GIF with a picture for each i of `frames`, drawn by `draw(ax, i)` on cleared Axes, and return its path.

    `frames` is a count, or the i's themselves. Each frame is drawn twice: first to find limits that contain all frames,
    then with those limits, so that nothing jumps. The last frame stays for `hold` more seconds before the loop starts
    again. `progress`, such as `tqdm.tqdm`, wraps the frames. By default a frame has 600 x 400 pixels; only what changes
    in it is stored, usually 1 to 10 KB. If anything fails, a file that existed at the path is unchanged. Raises
    ValueError for no frames, and for a path that does not end in .gif, and TypeError unless `draw` is a function and
    `frames` a count or iterable.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = tg.plot.animate(lambda ax, i: ax.plot([0, i]), 3, f"{folder}/lines.gif", dpi=20)
    ...     print(path.name)
    lines.gif
    """
    path = Path(path_text(path, "animate"))
    if path.suffix.lower() != ".gif":
        raise ValueError(f"animate: {str(path)!r} must end in .gif")
    if not callable(draw):
        raise TypeError(f"animate takes a function draw(ax, i), not {draw!r:.60}")
    check_numbers("animate", fps=fps, hold=hold)
    try:
        indices = iter(range(frames) if isinstance(frames, (int, np.integer)) else frames)
    except TypeError:
        raise TypeError(f"animate: frames is a count, or the i's to draw, not {frames!r:.60}") from None
    frames = list(indices)
    if not frames:
        raise ValueError("animate: there are no frames")
    if not 0 < fps <= 50 or hold < 0:
        raise ValueError(f"animate: fps must be above 0 and at most 50, and hold at least 0; not {fps}, {hold}")
    ax = axes_or_new(ax, None, shown=False)  # the GIF is shown
    limits = _common_limits(draw, frames, ax)
    pictures = _pictures(draw, frames if progress is None else progress(frames), ax, limits, dpi)
    _write(pictures, path, [1000 / fps] * (len(frames) - 1) + [1000 / fps + 1000 * hold])
    return Animation(path)


class Animation(type(Path())):  # type: ignore[misc]  # Path itself has no subclasses before Python 3.12
    """The path of a GIF, which a notebook shows."""

    def _repr_html_(self) -> str | None:
        if self.suffix.lower() != ".gif" or not self.is_file():
            return None  # a path made from this one, such as its parent; or the file is gone
        return f'<img src="data:image/gif;base64,{b64encode(self.read_bytes()).decode()}" alt="{escape(self.name)}">'


def _common_limits(draw: Draw, frames: list[Any], ax: Axes) -> Limits:
    """Draw all frames, and return the limits of each axis that contain them all."""
    seen: dict[str, list[float]] = {name: [] for name in "xyz" if hasattr(ax, f"get_{name}lim")}
    for i in frames:
        ax.clear()
        draw(ax, i)
        for name in seen:
            seen[name] += getattr(ax, f"get_{name}lim")()
    inverted = {name: bool(getattr(ax, f"{name}axis_inverted")()) for name in seen}
    return {f"{name}lim": tuple(sorted([min(v), max(v)], reverse=inverted[name])) for name, v in seen.items()}


def _pictures(draw: Draw, frames: Iterable[Any], ax: Axes, limits: Limits, dpi: float) -> list[Picture]:
    from matplotlib import rc_context
    from PIL import Image

    figure: Any = ax.figure.figure  # of a SubFigure, the whole Figure, which can be saved
    layout = figure.get_layout_engine()
    pictures: list[Picture] = []
    # A tight box would differ from frame to frame, and any layout engine, even one that does nothing, draws each twice.
    plain: Any = {"savefig.bbox": None, "figure.autolayout": False, "figure.constrained_layout.use": False}
    with rc_context(plain):
        try:
            for i in frames:
                ax.clear()
                draw(ax, i)
                ax.set(**limits)
                if not pictures:  # the first frame fixes the position of the axes
                    figure.draw_without_rendering()
                    figure.set_layout_engine(None)
                with BytesIO() as buffer:
                    figure.savefig(buffer, format="tiff", dpi=dpi)  # not compressed
                    pictures.append(Image.open(buffer).convert("RGB"))
        finally:
            figure.set_layout_engine(layout)
    return pictures


def _write(pictures: list[Picture], path: Path, milliseconds: list[float]) -> None:
    """Write the GIF with one palette for all pictures; then each stores only its changes, a fifth of the size."""
    from PIL import Image

    samples = pictures[:: -max(1, len(pictures) // 8)]  # the last picture among them, which often shows most
    width, height = pictures[0].size
    mosaic = Image.new("RGB", (width, height * len(samples)))
    for i, picture in enumerate(samples):
        mosaic.paste(picture, (0, height * i))
    # Maximum coverage keeps rare colors, such as that of a point that moves. Pillow looks a color up by its upper six
    # bits, so white must be the only color near white to stay exact. The 256th color means "unchanged".
    colors: Any = mosaic.quantize(254, method=Image.Quantize.MAXCOVERAGE).getpalette()
    colors = np.reshape(colors, (-1, 3))
    palette = Image.new("P", (1, 1))
    palette.putpalette([255] * 3 + colors[(colors < 248).any(axis=1)].ravel().tolist())
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    with replacing(path, "animate") as file:
        first.save(file, "gif", save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=True)
