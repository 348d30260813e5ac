"""Curves of a training run, as Axes of matplotlib.

Each function takes an Axes to draw on, or makes one on a Figure of its own, and returns it: nothing is
shown, no global style or pyplot state is touched, so the caller composes figures and saves them with
`ax.figure.savefig("name.png")`. Colours are Okabe and Ito's, told apart by the colour-blind, and every curve
differs in its line style as well.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..train import History

BLUE, ORANGE, BLACK = "#0072b2", "#d55e00", "#000000"


def losses(history: "History", ax: "Axes | None" = None) -> "Axes":
    """Training loss, and validation loss where there is one, against the epoch, on a logarithmic scale."""
    ax = _axes(ax)
    epochs = np.arange(1, len(history.train_loss) + 1)
    ax.plot(epochs, history.train_loss, color=BLUE, label="training")
    if history.valid_loss:
        ax.plot(epochs, history.valid_loss, color=ORANGE, linestyle="--", label="validation")
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
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise ValueError(f"fit_line: x has shape {x.shape} and y {y.shape}; give two arrays of one shape (n,)")
    ax = _axes(ax)
    ax.scatter(x, y, s=12, color=BLUE, alpha=0.4, linewidths=0, label="data")
    ends = np.array([x.min(), x.max()])
    sign = "−" if intercept < 0 else "+"  # noqa: RUF001
    line = f"y = {slope:.4g} x {sign} {abs(intercept):.4g}"
    ax.plot(ends, slope * ends + intercept, color=BLACK, linewidth=2, label=line)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def _axes(ax: Any) -> Any:
    """The Axes given, or the one of a new Figure that pyplot does not know and so need not close."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('tg.plot needs matplotlib: pip install "tinygrad-edu[plot]"') from error
    return Figure(figsize=(6, 4), dpi=150, layout="constrained").subplots()
