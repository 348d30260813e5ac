"""Curves of a training run: loss by epoch, with matplotlib or as SVG, and loss by learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array
from ..figure import BLACK, BLUE, GREY, VERMILION, axes_or_new, numeric_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, WIDTH, HEIGHT = 60, 360, 120  # of the SVG's plot area, in pixels


class LossHistory(Protocol):
    """The attributes of a `History` that `losses` plots."""

    train_loss: list[float]
    valid_loss: list[float]
    best_epoch: int


def losses(history: LossHistory, ax: Axes | None = None) -> Axes:
    """Plot the training loss, and the validation loss if there is one, by epoch on a logarithmic scale.

    A ring marks the best epoch by validation loss.
    """
    ax = axes_or_new(ax)
    epochs = np.arange(1, len(history.train_loss) + 1)
    marker = "." if len(epochs) == 1 else None  # a line through one point shows nothing
    ax.plot(epochs, history.train_loss, color=BLUE, marker=marker, label="training")
    if history.valid_loss:
        ax.plot(epochs, history.valid_loss, color=VERMILION, linestyle="--", marker=marker, label="validation")
    if history.valid_loss and history.best_epoch:
        best = history.best_epoch
        ring: dict[str, Any] = {"s": 50, "facecolors": "none", "edgecolors": BLACK, "zorder": 3}
        ax.scatter(best, history.valid_loss[best - 1], label=f"best epoch, {best}", **ring)
    if all(loss > 0 for loss in (*history.train_loss, *history.valid_loss)):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


def lr_curve(lrs: ArrayLike, losses: ArrayLike, ax: Axes | None = None, suggestion: float | None = None) -> Axes:
    """Plot the loss against the learning rate, both of shape (n,), as a learning-rate finder returns them.

    Dots are the losses; the line is their moving average over n/20 neighbours on either side. Where the loss explodes
    the curve leaves the picture, whose upper limit is as far above the first loss as the lowest loss is below it.
    """
    rates, raw = numeric_array("lr_curve", "lrs", lrs), numeric_array("lr_curve", "losses", losses)
    if rates.ndim != 1 or rates.shape != raw.shape or not rates.size:
        raise ValueError(
            f"lr_curve: lrs has shape {rates.shape} and losses {raw.shape}; pass two arrays of one shape (n,)"
        )
    if not (rates > 0).all():
        raise ValueError(f"lr_curve: learning rates must be above 0 on a logarithmic scale, not {rates.min():g}")
    finite = np.isfinite(raw)
    if not finite.any():
        raise ValueError("lr_curve: no loss is finite; begin with a lower learning rate")
    rates, raw = rates[finite], raw[finite]
    curve = smooth(raw, len(raw) // 20)
    ax = axes_or_new(ax)
    ax.scatter(rates, raw, s=8, color=GREY, alpha=0.6, linewidths=0, label="loss")
    ax.plot(rates, curve, color=BLUE, linewidth=2, label="smoothed")
    if suggestion is not None:
        ax.axvline(suggestion, color=VERMILION, linestyle="--", linewidth=2, label=f"suggestion, {suggestion:.2g}")
    low, first = curve.min(), curve[0]
    fall = first - low or abs(first) or 1.0
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low - 0.2 * fall, first + fall))
    ax.legend()
    return ax


def smooth(values: Array, reach: int) -> Array:
    """Return the moving average of `values` under a Hann window of `reach` neighbours on either side."""
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def svg(train: Sequence[float], valid: Sequence[float]) -> str:
    """Return the losses by epoch as SVG lines, on a logarithmic scale if all are above 0."""
    finite = np.array([*train, *valid])
    finite = finite[np.isfinite(finite)]
    if len(train) < 2 or not finite.size:
        return ""
    scale = np.log if finite.min() > 0 else np.asarray
    low, high = scale(finite.min()), scale(finite.max())
    marks = _svg_text(LEFT - 6, 12, "end", f"{finite.max():.3g}")
    marks += _svg_text(LEFT - 6, HEIGHT, "end", f"{finite.min():.3g}")
    marks += _svg_text(LEFT, HEIGHT + 16, "start", "epoch 1")
    marks += _svg_text(LEFT + WIDTH, HEIGHT + 16, "end", str(len(train)))
    styles = (("training", BLUE, ""), ("validation", VERMILION, ' stroke-dasharray="6 3"'))
    for i, (curve, (kind, colour, dashes)) in enumerate(zip((train, valid), styles, strict=True)):
        if not curve:
            continue
        picked = np.unique(np.linspace(0, len(curve) - 1, WIDTH).round().astype(int))  # at most a point per pixel
        heights = 2 + (HEIGHT - 4) * (high - scale(np.array(curve)[picked])) / (high - low or 1)
        across = LEFT + WIDTH * picked / (len(train) - 1)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, heights, strict=True) if isfinite(y))
        pen = f'stroke="{colour}" stroke-width="2"{dashes}'
        marks += f'<polyline points="{points}" fill="none" {pen}/>'
        y = 20 + 18 * i
        marks += f'<line x1="{LEFT + WIDTH + 12}" x2="{LEFT + WIDTH + 36}" y1="{y}" y2="{y}" {pen}/>'
        marks += _svg_text(LEFT + WIDTH + 42, y + 4, "start", kind)
    label = f"loss by epoch, from {train[0]:.3g} to {train[-1]:.3g}"
    size = f'width="{LEFT + WIDTH + 110}" height="{HEIGHT + 20}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>{marks}</svg>'


def _svg_text(x: int, y: int, anchor: str, text: str) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="currentColor" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{text}</text>'
