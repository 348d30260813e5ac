"""Training: `fit`, the parts that it is built from, the History of a run, and evaluation and metrics of a model.

`fit` reads like the description of training. Its parts can be used alone: `training_step` and `evaluation_step` (which
`tg.jit` can record), `train_epoch` and `evaluate_epoch`, the stopping rules `out_of_patience`, `converged` and
`stop_requested`, `TrainingState` and `Checkpoint`, `DivergenceGuard`, and `progress_bar`. A custom loop:

>>> import tinygrad_edu as tg
>>> x, y = tg.data.make_linear(noise=0, rng=0)
>>> model = tg.nn.Linear(1, 1, rng=0)
>>> step = training_step(model, tg.mse_loss, tg.optim.SGD(model.parameters(), lr=0.1))
>>> losses = []
>>> while not converged(losses, tol=1e-6):
...     losses.append(train_epoch(step, x, y, batch_size=25, rng=len(losses)))
>>> model.weight.data.round(3), model.bias.data.round(3)
(array([[2.]]), array([1.]))
"""

from .checkpoint import Checkpoint, TrainingState
from .finder import RateSearch, lr_finder
from .history import History
from .loop import evaluate_epoch, evaluation_step, progress_bar, train_epoch, training_step
from .metrics import accuracy, confusion_matrix, evaluate, predict, r2_score
from .run import fit
from .stopping import DivergenceError, DivergenceGuard, converged, out_of_patience, stop_reason, stop_requested

__all__ = [
    "Checkpoint", "DivergenceError", "DivergenceGuard", "History", "RateSearch", "TrainingState", "accuracy",
    "confusion_matrix", "converged", "evaluate", "evaluate_epoch", "evaluation_step", "fit", "lr_finder",
    "out_of_patience", "predict", "progress_bar", "r2_score", "stop_reason", "stop_requested", "train_epoch",
    "training_step",
]  # fmt: skip
