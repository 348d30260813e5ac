"""What ends a training run: no new lowest loss, convergence, a callback, the number of epochs, or divergence.

Each rule is a function of the run so far; `stop_reason` applies them in order. A run that diverges ends with an error
that names likely causes, and a guard restores the last good weights before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf, isfinite
from typing import Protocol

import numpy as np

from .. import layers
from ..data.batches import Arrays
from ..engine.arguments import check_numbers, whole_number
from ..engine.rules.registry import Array
from ..nn import Module
from ..optim import Optimizer
from .checkpoint import TrainingState
from .copies import Copies
from .history import History

_WINDOW = 10  # epochs over which `converged` averages: enough to include the oscillation of momentum
_MAX_RMS = 10.0  # root mean square of a column, 1 if it is standardized, from which it is a likely cause
_MAX_BYTES = 1 << 28  # of data that are looked at for likely causes


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
            raise TypeError(f"fit: {callback!r:.60} returned {answer!r:.60}; return True to stop, or None to go on")
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
    if patience is not None and whole_number("fit", "patience", patience) and not validated:
        raise ValueError("fit: patience watches the validation loss; pass valid_data=(X, y)")
    check_numbers("fit", tol=tol or 0)
    if tol is not None and not tol >= 0:
        raise ValueError(f"fit: tol is a share of the loss, such as 1e-6, not {tol}")
    if not isinstance(callbacks, Iterable) or callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError("fit: callbacks are a list of functions of (model, epoch, history), called by these names")


class DivergenceError(ValueError):
    """The loss or the weights are no longer finite; `history` holds the epochs before.

    >>> model = tg.nn.Linear(1, 1, rng=0)
    >>> sgd = tg.optim.SGD(model.parameters(), lr=1e200)
    >>> try:
    ...     tg.fit(model, tg.mse_loss, (np.ones((4, 1)), np.ones((4, 1))), optimizer=sgd, epochs=9, progress=False)
    ... except tg.DivergenceError as error:
    ...     print(type(error.history).__name__)
    History
    """

    def __init__(self, name: str, epoch: int, lr: float, history: History, x: Array, y: Array) -> None:
        causes = [f"the learning rate is too high (try {lr / 10:.2g})", *_not_standardized("features", x)]
        causes += _not_standardized("targets", y) if y.dtype.kind == "f" else []
        likely = f"Likely causes: {'; '.join([*causes, 'or the loss leaves its domain, as log(0) does'])}"
        restored = "The model has the last weights that gave a finite loss."
        super().__init__(f"fit: {name} in epoch {epoch} with lr={lr:g}. {likely}. {restored}")
        self.history = history


class DivergenceGuard:
    """Keeps the last weights that gave a finite training loss, one copy per epoch, and restores them on divergence.

    `weights` is the dict that it keeps them in, as "finite".
    """

    def __init__(
        self, state: TrainingState, weights: dict[str, Copies], optimizer: Optimizer, history: History, data: Arrays
    ) -> None:
        self.state, self.weights, self.candidate = state, weights, weights["finite"]
        self.optimizer, self.history, self.data = optimizer, history, data
        self.epoch, self.lr, self.confirmed = len(history), optimizer.lr, True

    def begin_epoch(self) -> None:
        """Copy the weights that the epoch begins with; they are kept as soon as they give a finite loss."""
        self.candidate = self.state.copies()
        self.epoch, self.lr, self.confirmed = len(self.history) + 1, self.optimizer.lr, False

    def check(self, name: str, value: float) -> float:
        """Return `value` if it is finite; otherwise restore the weights and raise DivergenceError."""
        if not isfinite(value):
            self.weights["finite"].restore()
            raise DivergenceError(f"{name} is {value}", self.epoch, self.lr, self.history, *self.data)
        if not self.confirmed:
            self.weights["finite"], self.confirmed = self.candidate, True
        return value

    def check_weights(self) -> None:
        """Check the sum of all weights: no loss has been computed since the last update."""
        # The sum of float16 overflows from 65,520 on, and a complex number counts with both of its parts.
        total = sum(t.data.sum(dtype=np.result_type(t.dtype, np.float64)) for t in self.state.tensors.values())
        self.check("the sum of the weights", float(abs(total) if np.iscomplexobj(total) else total))

    @contextmanager
    def detect_anomaly(self) -> Iterator[None]:
        """Enter `tg.detect_anomaly()`, and restore the weights if it raises its error."""
        try:
            with layers.load("detect_anomaly")():
                yield
        except layers.load("AnomalyError"):
            self.weights["finite"].restore()
            raise


def _not_standardized(name: str, a: Array) -> list[str]:
    """Describe the column with the largest root mean square, if that is far from a standardized column's."""
    if not a.size or a.dtype.kind == "c":
        return []
    a = a[:: a.nbytes // _MAX_BYTES + 1]  # of a file that is mapped into memory, some of the rows
    columns = a.reshape(len(a), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        rms = np.mean(columns**2, axis=0) ** 0.5
        worst = columns[:, rms.argmax()]
        mean, deviation = worst.mean(), worst.std()
    moments = f"mean {mean:.3g} and standard deviation {deviation:.3g} (tg.data.Standardizer makes them 0 and 1)"
    cause = f"column {rms.argmax()} of the {name} is not standardized, with {moments}"
    return [cause] if rms.max() > _MAX_RMS else []
