"""Plots of training runs, models and losses as matplotlib Axes: everything that `tg.plot` offers.

Each function draws on the Axes it is given, or on those of a new Figure, and returns them. None shows a window, sets a
global style or uses pyplot, so the caller can combine plots and save them with `ax.figure.savefig("name.png")`.
`animate` makes a GIF of such drawings. The colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..figure import (  # isort: skip
    BLACK, BLUE, CLASSES, GREEN, GREY, MARKERS, ORANGE, PURPLE, SKY, VERMILION, YELLOW, axes_or_new, losses, lr_curve,
    numeric_array,
)  # fmt: skip
from ..nn import Module
from .animation import animate
from .fields import contours, decision_boundary, surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BLACK", "BLUE", "CLASSES", "GREEN", "GREY", "MARKERS", "ORANGE", "PURPLE", "SKY", "VERMILION", "YELLOW",
    "animate", "confusion", "contours", "decision_boundary", "fit_line", "gradient_flow", "losses", "lr_curve",
    "surface",
]  # fmt: skip


def fit_line(
    x: ArrayLike,
    y: ArrayLike,
    slope: float,
    intercept: float,
    ax: Axes | None = None,
    *,
    xlabel: str = "x",
    ylabel: str = "y",
) -> Axes:
    """Plot the points (x, y), both of shape (n,), and the line y = slope * x + intercept."""
    xs, ys = numeric_array("fit_line", "x", x), numeric_array("fit_line", "y", y)
    if xs.ndim != 1 or xs.shape != ys.shape or not xs.size:
        raise ValueError(f"fit_line: x has shape {xs.shape} and y {ys.shape}; pass two arrays of one shape (n,)")
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
    `labels` may also name classes that do not occur.
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        remedy = "pass the classes as two arrays of one shape (n,), and scores as scores.argmax(axis=1)"
        raise ValueError(f"confusion: y_true has shape {true.shape} and y_pred {predicted.shape}; {remedy}")
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
    parameter without a gradient, or whose gradient is zero or not finite, has a note instead.
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
        size = np.zeros(0) if p.grad is None else abs(p.grad)
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
    if sizes:  # limits at powers of ten, so that the axis has labelled ticks at both ends
        ax.set_xlim(10 ** np.floor(np.log10(means.min() / 1.3)), 10 ** np.ceil(np.log10(largest.max() * 1.3)))
    ax.grid(axis="x", alpha=0.3)
    ax.legend()
    return ax
