"""Plots of training runs, models and losses as matplotlib Axes: everything that `tg.plot` offers.

Each function draws on the Axes it is given, or on those of a new Figure, and returns them. None shows a window, sets a
global style or uses pyplot, so the caller can combine plots and save them with `ax.figure.savefig("name.png")`.
`animate` makes a GIF of such drawings. The colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from ..figure import BLACK, BLUE, CLASSES, GREEN, GREY, MARKERS, ORANGE, PURPLE, SKY, VERMILION, YELLOW
from ..train.finder import lr_curve
from ..train.history import losses
from .animation import animate
from .diagnostics import confusion, fit_line, gradient_flow
from .fields import contours, decision_boundary, surface

__all__ = [
    "BLACK", "BLUE", "CLASSES", "GREEN", "GREY", "MARKERS", "ORANGE", "PURPLE", "SKY", "VERMILION", "YELLOW",
    "animate", "confusion", "contours", "decision_boundary", "fit_line", "gradient_flow", "losses", "lr_curve",
    "surface",
]  # fmt: skip
