"""How a run ends before its epochs do: it diverges, or there is nothing left to gain."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from .history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_WINDOW = 10  # epochs that `tol` looks at together: long enough to see the swing of momentum
_FAR = 10.0  # root mean square of a column that is far from standardised; then it is 1


class DivergenceError(ValueError):
    """The loss or the weights are no longer finite; `history` holds the epochs before."""

    def __init__(self, what: str, epoch: int, lr: float, history: History, x: Array, y: Array) -> None:
        causes = [f"the learning rate is too high (try {lr / 10:.2g})", *_far("features", x)]
        causes += _far("targets", y) if y.dtype.kind == "f" else []
        super().__init__(
            f"fit: {what} in epoch {epoch} with lr={lr:g}. Likely causes: {'; '.join(causes)}; or the loss leaves its "
            "domain, as log(0) does. The model has the last weights that gave a finite loss."
        )
        self.history = history


def _far(name: str, a: Array) -> list[str]:
    """What to say of the column that is farthest from standardised, if it is far."""
    columns = a.reshape(len(a), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        size = np.mean(columns**2, axis=0) ** 0.5
        worst = columns[:, size.argmax()]
        mean, deviation = worst.mean(), worst.std()
    if size.max() <= _FAR:
        return []
    return [
        f"column {size.argmax()} of the {name} is not standardised, with mean {mean:.3g} and standard deviation "
        f"{deviation:.3g} (tg.data.Standardizer makes them 0 and 1)"
    ]


def converged(losses: list[float], tol: float) -> bool:
    """Whether the last ten epochs moved the loss, and a geometric series would yet, by at most `tol`."""
    if len(losses) < 3 * _WINDOW:
        return False
    recent = losses[-_WINDOW:]
    a, b, c = (sum(losses[end - _WINDOW : end or None]) / _WINDOW for end in (-2 * _WINDOW, -_WINDOW, 0))
    before, last = abs(a - b), abs(b - c)
    # The rest of the series is last * r / (1 - r) with r = last / before; nothing if both are nothing.
    ahead = last * last / (before - last) if last < before else last and inf
    return max(max(recent) - min(recent), ahead) <= tol * abs(c)
