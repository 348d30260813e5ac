"""Divergence: the error that names likely causes, and the guard that restores the last good weights before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import numpy as np

from .. import layers
from ..data.batches import Array, Arrays
from ..optim import Optimizer
from .checkpoint import TrainingState
from .history import History

_MAX_RMS = 10.0  # root mean square of a column, 1 if it is standardised, from which it is a likely cause


class DivergenceError(ValueError):
    """The loss or the weights are no longer finite; `history` holds the epochs before."""

    def __init__(self, name: str, epoch: int, lr: float, history: History, x: Array, y: Array) -> None:
        causes = [f"the learning rate is too high (try {lr / 10:.2g})", *_not_standardised("features", x)]
        causes += _not_standardised("targets", y) if y.dtype.kind == "f" else []
        super().__init__(
            f"fit: {name} in epoch {epoch} with lr={lr:g}. Likely causes: {'; '.join(causes)}; or the loss leaves its "
            "domain, as log(0) does. The model has the last weights that gave a finite loss."
        )
        self.history = history


class DivergenceGuard:
    """Keeps the last weights that gave a finite training loss, one copy per epoch, and restores them on divergence.

    `finite` is the list of arrays that it keeps them in, of the kind that `state.copies()` returns.
    """

    def __init__(
        self, state: TrainingState, finite: list[Array], optimizer: Optimizer, history: History, data: Arrays
    ) -> None:
        self.state, self.finite, self.candidate = state, finite, state.copies()
        self.optimizer, self.history, self.data = optimizer, history, data
        self.epoch, self.lr, self.confirmed = len(history), optimizer.lr, True

    def begin_epoch(self) -> None:
        """Copy the weights that the epoch begins with; they are kept as soon as they give a finite loss."""
        self.state.copy_to(self.candidate)
        self.epoch, self.lr, self.confirmed = len(self.history) + 1, self.optimizer.lr, False

    def check(self, name: str, value: float) -> float:
        """Return `value` if it is finite; otherwise restore the weights and raise DivergenceError."""
        if not isfinite(value):
            self.state.restore(self.finite)
            raise DivergenceError(f"{name} is {value}", self.epoch, self.lr, self.history, *self.data)
        if not self.confirmed:
            self.finite[:], self.candidate[:] = self.candidate[:], self.finite[:]
            self.confirmed = True
        return value

    def check_weights(self) -> None:
        """Check the sum of all weights: no loss has been computed since the last update."""
        self.check("the sum of the weights", float(sum(t.data.sum() for t in self.state.tensors)))

    @contextmanager
    def detect_anomaly(self) -> Iterator[None]:
        """Enter `tg.detect_anomaly()`, and restore the weights if it raises its error."""
        try:
            with layers.load("detect_anomaly")():
                yield
        except layers.load("AnomalyError"):
            self.state.restore(self.finite)
            raise


def _not_standardised(name: str, a: Array) -> list[str]:
    """Describe the column with the largest root mean square, if that is far from a standardised column's."""
    columns = a.reshape(len(a), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        rms = np.mean(columns**2, axis=0) ** 0.5
        worst = columns[:, rms.argmax()]
        mean, deviation = worst.mean(), worst.std()
    if rms.max() <= _MAX_RMS:
        return []
    return [
        f"column {rms.argmax()} of the {name} is not standardised, with mean {mean:.3g} and standard deviation "
        f"{deviation:.3g} (tg.data.Standardizer makes them 0 and 1)"
    ]
