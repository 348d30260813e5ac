"""What all plots share: their colours, and a Figure of their own where none is given.

Okabe and Ito's colours are told apart by the colour-blind; curves differ in their line style and classes in their
marker as well, so that nothing is said by colour alone.
"""

from typing import Any

import numpy as np

from ..engine.tensor import Tensor

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GREY = "#767676"
CLASSES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK)
MARKERS = "o^sDvPX"  # one fewer than the colours, so that 56 classes differ


def own_axes(ax: Any, projection: str | None = None, figsize: tuple[float, float] = (6, 4)) -> Any:
    """The Axes given, or the one of a new Figure that pyplot does not know and so need not close."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('tg.plot needs matplotlib: pip install "tinygrad-edu[plot]"') from error
    figure = Figure(figsize=figsize, dpi=150, layout="constrained")
    return figure.add_subplot(projection=projection)


def numbers(where: str, name: str, values: Any) -> Any:
    """`values`, an array, a Tensor or a list of numbers, as an array."""
    array = np.asarray(values.data if isinstance(values, Tensor) else values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: {name} holds numbers, not {array.dtype}")
    return array
