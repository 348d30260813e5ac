"""Plots for who trains a model, as Axes of matplotlib.

Each function takes an Axes to draw on, or makes one on a Figure of its own, and returns it: nothing is
shown, no global style or pyplot state is touched, so the caller composes figures and saves them with
`ax.figure.savefig("name.png")`. `animate` turns such drawings into a GIF. The colours are Okabe and Ito's, which the
colour-blind tell apart.
"""

from .animation import animate
from .curves import confusion, fit_line, gradient_flow, losses, lr_curve
from .fields import contours, decision_boundary, surface
from .figure import BLACK, BLUE, CLASSES, GREEN, GREY, MARKERS, ORANGE, PURPLE, SKY, VERMILION, YELLOW

__all__ = [
    "BLACK", "BLUE", "CLASSES", "GREEN", "GREY", "MARKERS", "ORANGE", "PURPLE", "SKY", "VERMILION", "YELLOW",
    "animate", "confusion", "contours", "decision_boundary", "fit_line", "gradient_flow", "losses", "lr_curve",
    "surface",
]  # fmt: skip
