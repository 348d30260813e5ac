"""Colors and Axes of all plots, and the two plots that training objects offer themselves: losses and learning rates.

The colors are Okabe and Ito's, which color-blind readers can tell apart. Curves also differ in line style, and
classes in marker, so that no plot depends on color alone.
"""

from __future__ import annotations

import sys
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from .engine.dispatch import Operand
from .engine.errors import converted, kind_of
from .engine.rules.registry import Array
from .engine.rules.tables import from_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GREY = "#767676"
CLASSES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK)
MARKERS = "o^sDvPX"  # one fewer than the colors, so that 56 classes differ


class Losses(Protocol):
    """What `losses` plots: a History, by its attributes."""

    train_loss: list[float]
    valid_loss: list[float]
    best_epoch: int


def axes_or_new(
    ax: Axes | None, projection: str | None = "rectilinear", figsize: tuple[float, float] = (6, 4), shown: bool = True
) -> Axes:
    """Return `ax`, or the Axes of a new Figure that is `shown` as the user's own figures are.

    Raises TypeError unless `ax` is one Axes, and ValueError for a 3-D one; with `projection=None` both kinds serve.
    If the user has imported pyplot, it makes the Figure: `plt.show()` shows it, and a notebook shows it below the cell.
    If not, nothing imports pyplot, the notebook shows the Figure all the same, and nobody has to close it.
    """
    if ax is not None:
        if not hasattr(ax, "plot"):  # a Figure, or what plt.subplots() returns
            raise TypeError(f"tg.plot: ax is one Axes, such as plt.figure().add_subplot(), not {kind_of(ax)}")
        if projection == "rectilinear" and hasattr(ax, "get_zlim"):
            raise ValueError("tg.plot: ax has three dimensions; make flat Axes with figure.add_subplot()")
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('tg.plot needs matplotlib: pip install "tinygrad-edu[plot]"') from error
    pyplot: Any = sys.modules.get("matplotlib.pyplot") if shown else None
    figure = (Figure if pyplot is None else pyplot.figure)(figsize=figsize, dpi=150, layout="constrained")
    if shown and pyplot is None:
        _show_after_cell(figure)
    return figure.add_subplot(projection=projection)


def _show_after_cell(figure: Figure) -> None:
    """Let the notebook in which this runs, if any, display the Figure when its cell has run, complete with changes."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is None or type(shell).__module__.startswith("IPython.terminal"):  # a terminal shows no pictures
        return

    def show() -> None:
        shell.events.unregister("post_execute", show)
        picture = BytesIO()
        figure.savefig(picture, format="png")
        ipython.display.display({"image/png": picture.getvalue(), "text/plain": repr(figure)}, raw=True)

    shell.events.register("post_execute", show)


def numeric_array(where: str, name: str, values: ArrayLike | Operand) -> Array:
    """Return `values`, also lists of Tensors, as an array; raise TypeError if it does not hold real numbers."""
    array: Array = converted(where, np.asarray, from_table(_without_operands(values)))
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: {name} must hold real numbers, not {array.dtype}")
    return array


def _without_operands(values: Any) -> Any:
    """Return `values` with the data of each Tensor and Value in its place, also within lists and tuples."""
    if isinstance(values, (list, tuple)):
        return [_without_operands(v) for v in values]
    return values._value if isinstance(values, Operand) else values


def number(where: str, name: str, value: ArrayLike | Operand) -> float:
    """Return a number, or the only element of an array or Tensor, as a float; raise TypeError for anything else."""
    array = numeric_array(where, name, value)
    if array.size != 1:
        raise TypeError(f"{where}: {name} is one number, not an array of shape {array.shape}")
    return float(array.reshape(-1)[0])


def losses(history: Losses | ArrayLike, ax: Axes | None = None) -> Axes:
    """Plot the training loss, and the validation loss if there is one, by epoch on a logarithmic scale.

    A ring marks the best epoch by validation loss. `history` is a History, or the training losses alone, (n,). Raises
    ValueError for losses that are not a vector.

    >>> ax = tg.plot.losses([3.0, 2.0, 1.5])
    >>> ax.get_xlabel()
    'epoch'
    """
    curves: Any = history
    if not hasattr(curves, "train_loss"):
        given = numeric_array("losses", "history", curves)
        if given.ndim != 1 or not given.size:
            raise ValueError(f"losses: pass a History, or the losses of the epochs as an array (n,), not {given.shape}")
        curves = SimpleNamespace(train_loss=given.tolist(), valid_loss=[], best_epoch=0)
    ax = axes_or_new(ax)
    epochs = np.arange(1, len(curves.train_loss) + 1)
    marker = "." if len(epochs) == 1 else None  # a line through one point shows nothing
    ax.plot(epochs, curves.train_loss, color=BLUE, marker=marker, label="training")
    if curves.valid_loss:
        ax.plot(epochs, curves.valid_loss, color=VERMILION, linestyle="--", marker=marker, label="validation")
    if curves.valid_loss and curves.best_epoch:
        best = curves.best_epoch
        ring: dict[str, Any] = {"s": 50, "facecolors": "none", "edgecolors": BLACK, "zorder": 3}
        ax.scatter(best, curves.valid_loss[best - 1], label=f"best epoch, {best}", **ring)
    if all(loss > 0 for loss in (*curves.train_loss, *curves.valid_loss)):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


def lr_curve(lrs: ArrayLike, losses: ArrayLike, ax: Axes | None = None, suggestion: float | None = None) -> Axes:
    """Plot the loss against the learning rate, both of shape (n,), as a learning-rate finder returns them.

    Dots are the losses; the line is their moving average over n/20 neighbors on either side. Where the loss explodes
    the curve leaves the picture, whose upper limit is as far above the first loss as the lowest loss is below it.
    Raises ValueError for different shapes, and for rates that are not above 0.

    >>> ax = tg.plot.lr_curve([1e-3, 1e-2, 1e-1], [3.0, 2.0, 4.0])
    >>> ax.get_xlabel()
    'learning rate'
    """
    rates, raw = numeric_array("lr_curve", "lrs", lrs), numeric_array("lr_curve", "losses", losses)
    if rates.ndim != 1 or rates.shape != raw.shape or not rates.size:
        shapes = f"lrs has shape {rates.shape} and losses {raw.shape}"
        raise ValueError(f"lr_curve: {shapes}; pass two arrays of one shape (n,)")
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
        suggestion = number("lr_curve", "suggestion", suggestion)
        ax.axvline(suggestion, color=VERMILION, linestyle="--", linewidth=2, label=f"suggestion, {suggestion:.2g}")
    low, first = curve.min(), curve[0]
    fall = first - low or abs(first) or 1.0
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low - 0.2 * fall, first + fall))
    ax.legend()
    return ax


def smooth(values: Array, reach: int) -> Array:
    """Return the moving average of `values` under a Hann window of `reach` neighbors on either side."""
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
