"""Colours of all plots, a new matplotlib Figure where the caller gives no Axes, and plotted values as arrays.

The colours are Okabe and Ito's, which colour-blind readers can tell apart. Curves also differ in line style, and
classes in marker, so that no plot depends on colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .engine.rules.registry import Array
from .engine.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GREY = "#767676"
CLASSES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK)
MARKERS = "o^sDvPX"  # one fewer than the colours, so that 56 classes differ


def axes_or_new(ax: Axes | None, projection: str | None = None, figsize: tuple[float, float] = (6, 4)) -> Axes:
    """Return `ax`, or the Axes of a new Figure; pyplot does not know that Figure, so nobody has to close it."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('tg.plot needs matplotlib: pip install "tinygrad-edu[plot]"') from error
    figure = Figure(figsize=figsize, dpi=150, layout="constrained")
    return figure.add_subplot(projection=projection)


def numeric_array(where: str, name: str, values: ArrayLike | Tensor) -> Array:
    """Return `values` as an array; raise TypeError if it does not hold real numbers."""
    array = np.asarray(values.data if isinstance(values, Tensor) else values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: {name} must hold real numbers, not {array.dtype}")
    return array
