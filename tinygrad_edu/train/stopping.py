"""The rules that end a training run: no new lowest loss, convergence, a callback, the number of epochs.

Each is a function of the run so far; `stop_reason` applies them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Protocol

import numpy as np

from ..data.batches import positive_int
from ..nn import Module
from .history import History

_WINDOW = 10  # epochs over which `converged` averages: enough to include the oscillation of momentum


class Callback(Protocol):
    """A function that `fit` calls at the end of every epoch; it returns True to stop the run."""

    def __call__(self, *, model: Module, epoch: int, history: History) -> bool | None:
        """Inspect the model after `epoch`, which counts from 1, and the history up to it."""


def out_of_patience(history: History, patience: int) -> bool:
    """Return whether the last `patience` epochs have brought no new lowest loss."""
    return len(history) - history.best_epoch >= patience


def converged(losses: Sequence[float], tol: float) -> bool:
    """Return whether the loss changed over the last ten epochs, and is expected to change, by at most `tol` of itself.

    The expected change is the rest of the geometric series that begins with the last two gains of ten epochs.
    """
    if len(losses) < 3 * _WINDOW:
        return False
    recent = losses[-_WINDOW:]
    a, b, c = (sum(losses[stop - _WINDOW : stop or None]) / _WINDOW for stop in (-2 * _WINDOW, -_WINDOW, 0))
    before, last = abs(a - b), abs(b - c)
    # The rest of the series is last * r / (1 - r) with r = last / before, and 0 if both gains are 0.
    remaining = last * last / (before - last) if last < before else last and inf
    return max(max(recent) - min(recent), remaining) <= tol * abs(c)


def stop_requested(callbacks: Sequence[Callback], model: Module, history: History) -> bool:
    """Call every callback, and return whether any of them returned True.

    Raises TypeError for a callback that returns anything but True, False or None.
    """
    answers = []
    for callback in callbacks:
        answer = callback(model=model, epoch=len(history), history=history)
        if answer is not None and not isinstance(answer, (bool, np.bool_)):
            raise TypeError(
                f"fit: callback {callback!r:.60} returned {answer!r:.60}; return True to stop, or None to go on"
            )
        answers.append(answer)
    return any(answers)


def stop_reason(
    history: History, epochs: int, patience: int | None = None, tol: float | None = None, requested: bool = False
) -> str:
    """Return the first rule that ends the run, by its name in `History.stopped`, or "" if the run goes on."""
    if patience is not None and out_of_patience(history, patience):
        return "patience"
    if tol is not None and converged(history.train_loss, tol):
        return "converged"
    if requested:
        return "callback"
    return "epochs" if len(history) == epochs else ""


def check_rules(patience: int | None, tol: float | None, callbacks: Sequence[Callback], validated: bool) -> None:
    """Raise TypeError or ValueError for rules that cannot be applied; `patience` needs a validation loss."""
    if patience is not None and positive_int("fit", "patience", patience) and not validated:
        raise ValueError("fit: patience watches the validation loss; pass valid_data=(X, y)")
    if tol is not None and not tol >= 0:
        raise ValueError(f"fit: tol is a share of the loss, such as 1e-6, not {tol}")
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError("fit: callbacks are a list of functions of (model, epoch, history), called by these names")
