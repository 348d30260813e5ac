"""Training: `fit` runs it, `History` tells what happened, `evaluate` and metrics how good the model is."""

from .evaluation import evaluate, predict
from .finder import RateSearch, lr_finder
from .history import History
from .loop import fit
from .metrics import accuracy, confusion_matrix, r2_score
from .stopping import DivergenceError

__all__ = [
    "DivergenceError", "History", "RateSearch", "accuracy", "confusion_matrix", "evaluate", "fit", "lr_finder",
    "predict", "r2_score",
]  # fmt: skip
