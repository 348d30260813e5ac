"""Plots of a training run and what came of it: losses, learning rates, gradients by layer, errors by class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .figure import BLACK, BLUE, GREY, VERMILION, numbers, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..nn import Module
    from ..train import History


def losses(history: "History", ax: "Axes | None" = None) -> "Axes":
    """Training loss, and validation loss where there is one, against the epoch, on a logarithmic scale.

    A ring marks the best epoch by validation.
    """
    ax = own_axes(ax)
    epochs = np.arange(1, len(history.train_loss) + 1)
    marker = "." if len(epochs) == 1 else None  # of which a line shows nothing
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


def fit_line(
    x: ArrayLike,
    y: ArrayLike,
    slope: float,
    intercept: float,
    ax: "Axes | None" = None,
    *,
    xlabel: str = "x",
    ylabel: str = "y",
) -> "Axes":
    """The points (x, y), both of shape (n,), and the line y = slope * x + intercept across them."""
    across, up = numbers("fit_line", "x", x), numbers("fit_line", "y", y)
    if across.ndim != 1 or across.shape != up.shape or not across.size:
        raise ValueError(f"fit_line: x has shape {across.shape} and y {up.shape}; give two arrays of one shape (n,)")
    ax = own_axes(ax)
    size, alpha = (30, 1.0) if len(across) <= 50 else (12, 0.4)  # many, where they overlap, show how dense they lie
    ax.scatter(across, up, s=size, color=BLUE, alpha=alpha, linewidths=0, label="data")
    ends = np.array([across.min(), across.max()])
    sign = "−" if intercept < 0 else "+"  # noqa: RUF001
    line = f"y = {slope:.4g} x {sign} {abs(intercept):.4g}"
    ax.plot(ends, slope * ends + intercept, color=BLACK, linewidth=2, label=line)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def lr_curve(lrs: ArrayLike, losses: ArrayLike, ax: "Axes | None" = None, suggestion: float | None = None) -> "Axes":
    """The loss against the learning rate that it was met at, as a learning-rate finder gives them, both (n,).

    Dots are the losses themselves, the line a mean over its neighbours, a twentieth of all on either side. Where the
    loss explodes, the curve leaves the picture, which reaches as far above the first loss as the lowest lies below it.
    """
    rates, raw = numbers("lr_curve", "lrs", lrs), numbers("lr_curve", "losses", losses)
    if rates.ndim != 1 or rates.shape != raw.shape or not rates.size:
        raise ValueError(
            f"lr_curve: lrs has shape {rates.shape} and losses {raw.shape}; give two arrays of one shape (n,)"
        )
    if not (rates > 0).all():
        raise ValueError(f"lr_curve: learning rates are above 0, as on any logarithmic scale, not {rates.min():g}")
    finite = np.isfinite(raw)
    if not finite.any():
        raise ValueError("lr_curve: no loss is finite; begin with a lower learning rate")
    rates, raw = rates[finite], raw[finite]
    curve = smooth(raw, len(raw) // 20)
    ax = own_axes(ax)
    ax.scatter(rates, raw, s=8, color=GREY, alpha=0.6, linewidths=0, label="loss")
    ax.plot(rates, curve, color=BLUE, linewidth=2, label="smoothed")
    if suggestion is not None:
        ax.axvline(suggestion, color=VERMILION, linestyle="--", linewidth=2, label=f"suggestion, {suggestion:.2g}")
    low, first = curve.min(), curve[0]
    fall = first - low or abs(first) or 1.0
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low - 0.2 * fall, first + fall))
    ax.legend()
    return ax


def confusion(
    y_true: ArrayLike, y_pred: ArrayLike, ax: "Axes | None" = None, labels: Sequence[str] | None = None
) -> "Axes":
    """How many examples of each class, a row, were taken for which class, a column; shaded by the part of its row.

    Classes, both (n,), are numbers or strings. `labels` name them in order; where they are 0, 1, ..., also those that
    do not occur.
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        raise ValueError(
            f"confusion: y_true has shape {true.shape} and y_pred {predicted.shape}; give the classes as two arrays of "
            "one shape (n,), scores as scores.argmax(axis=1)"
        )
    classes = np.unique(np.concatenate([true, predicted]))
    if labels is not None and np.isin(classes, range(len(labels))).all():
        classes = np.arange(len(labels))
    if labels is not None and len(labels) != len(classes):
        raise ValueError(f"confusion: {len(labels)} labels for {len(classes)} classes, {classes}")
    k = len(classes)
    cells = np.searchsorted(classes, true) * k + np.searchsorted(classes, predicted)
    counts = np.bincount(cells, minlength=k * k).reshape(k, k)
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = own_axes(ax, figsize=(max(4, 1 + 0.5 * k), max(3.5, 0.5 + 0.5 * k)))
    image = ax.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    light = image.to_rgba(parts)[..., :3] ** 2.2 @ [0.2126, 0.7152, 0.0722]
    for (i, j), n in np.ndenumerate(counts):  # at a luminance of 0.18 black and white text are equally legible
        ax.text(j, i, f"{n:,}", ha="center", va="center", color=BLACK if light[i, j] > 0.18 else "#ffffff")
    names = [str(c) for c in classes] if labels is None else labels
    slanted: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 6 else {}
    )
    ax.set_xticks(range(k), names, **slanted)
    ax.set_yticks(range(k), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def gradient_flow(model: "Module", ax: "Axes | None" = None) -> "Axes":
    """The size of the gradient that arrived at every parameter: mean and largest of |g|, from the first layer down.

    Even rows mean that all layers learn; a fall towards the first is the vanishing gradient. A parameter without a
    gradient, or with one of zeros, says so in its row.
    """
    if not hasattr(model, "named_parameters"):
        raise TypeError(f"gradient_flow takes a tg.nn.Module, whose parameters have names, not {type(model).__name__}")
    named = model.named_parameters()
    if not named:
        raise ValueError(f"gradient_flow: {type(model).__name__} has no parameters")
    if all(p.grad is None for _, p in named):
        raise ValueError("gradient_flow: no parameter has a gradient; call loss.backward() first")
    ax = own_axes(ax, figsize=(6, max(3, 1 + 0.3 * len(named))))
    shown: list[tuple[int, Any, Any]] = []
    for row, (_, p) in enumerate(named):
        size = np.zeros(0) if p.grad is None else abs(p.grad)
        if size.any() and np.isfinite(size).all():
            shown.append((row, size.mean(), size.max()))
            continue
        why = "no gradient" if p.grad is None else "not finite" if size.any() else "all zero"
        ax.text(0.02, row, why, transform=ax.get_yaxis_transform(), va="center", color=VERMILION)
    rows, means, largest = np.array(shown).reshape(-1, 3).T
    ax.hlines(rows, means, largest, color=GREY, linewidth=1, zorder=1)
    ax.scatter(means, rows, color=BLUE, marker="o", label="mean |g|", zorder=2)
    ax.scatter(largest, rows, s=90, color=VERMILION, marker="|", linewidths=2, label="max |g|", zorder=2)
    ax.set_yticks(range(len(named)), [name or p.label or f"parameter {i}" for i, (name, p) in enumerate(named)])
    ax.set(xscale="log", ylim=(len(named) - 0.5, -0.5), xlabel="size of the gradient, |g|")
    if shown:  # whole decades, each with its number
        ax.set_xlim(10 ** np.floor(np.log10(means.min() / 1.3)), 10 ** np.ceil(np.log10(largest.max() * 1.3)))
    ax.grid(axis="x", alpha=0.3)
    ax.legend()
    return ax


def smooth(values: Any, reach: int) -> Any:
    """A mean weighted towards the middle of a window, which is narrower at the ends."""
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
