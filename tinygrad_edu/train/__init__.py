"""Training: `fit` runs it, `History` tells what happened."""

from .loop import DivergenceError, fit
from .history import History

__all__ = ["DivergenceError", "History", "fit"]
