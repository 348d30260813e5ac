"""The learning-rate finder: train a little at every rate, from far too low to far too high, and look at the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.batches import batches, whole
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Optimizer
from .checkpoint import State
from .curves import smooth
from .evaluation import check_model, checked_data, mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .evaluation import Data

    Array = NDArray[Any]
    Rng = np.random.Generator | int | None

_EXPLODED = 4  # times the loss at first, or what it fell by since, above its lowest


@dataclass
class RateSearch:
    """What `lr_finder` saw: `losses`, each met at one of `lrs`, both (n,), and the rate that it suggests.

    `suggestion` is None if the loss never fell.
    """

    lrs: Array
    losses: Array
    suggestion: float | None

    def __repr__(self) -> str:
        said = "none, as the loss never fell" if self.suggestion is None else f"{self.suggestion:.2g}"
        rates = f"{len(self.lrs)} rates from {self.lrs[0]:.2g} to {self.lrs[-1]:.2g}"
        return f"RateSearch({rates}, loss {self.losses[0]:.4g}, lowest {self.losses.min():.4g}, suggestion {said})"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw loss against learning rate into the matplotlib Axes `ax`, or a new one, and give it."""
        from .curves import lr_curve

        return lr_curve(self.lrs, self.losses, ax, suggestion=self.suggestion)


def lr_finder(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    train_data: Data,
    *,
    optimizer: Optimizer,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int | None = None,
    rng: Rng = None,
) -> RateSearch:
    """Take a step at each of `steps` learning rates from `low` up to `high`, and suggest one for `fit`.

    Rates grow by one factor from step to step (Smith 2017), and are those of all parameter groups. Data are handled
    as by `fit`: all of X a step, or batches drawn with `rng`, epoch after epoch; small batches are noisy and want more
    steps. The search ends early where the loss explodes. The suggestion is a tenth of the rate at which the smoothed
    loss is lowest, as there steps begin to do harm. Model, optimizer and the generators of dropout are left exactly as
    they were. Raises ValueError for a loss that is not finite at the start.
    """
    check_model("lr_finder", model)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"lr_finder: optimizer is one of tg.optim, not {type(optimizer).__name__}")
    x, y = checked_data("lr_finder: train_data", train_data)
    if not 0 < low < high < np.inf:
        raise ValueError(f"lr_finder: rates go from low, above 0, up to high; not from {low} to {high}")
    if whole("lr_finder", "steps", steps) < 2:
        raise ValueError("lr_finder: steps are two or more, not 1")
    state, parts = State(model, optimizer), _endless(x, y, batch_size, rng)
    before, grads = state.state_dict(), [p.grad for p in state.tensors]
    lrs, losses = np.geomspace(low, high, int(steps)), []
    try:
        with mode(model.modules(), True), np.errstate(all="ignore"):
            for lr, (bx, by) in zip(lrs, parts, strict=False):
                value = loss(model(bx), by)
                number = float(value)
                losses.append(number)
                if not isfinite(number) or _exploded(losses):
                    break
                optimizer.lr = float(lr)
                optimizer.minimize(value)
    finally:
        state.load_state_dict(before)
        for p, g in zip(state.tensors, grads, strict=True):
            p.grad = g
    if not isfinite(losses[-1]):
        losses.pop()
    if not losses:
        raise ValueError(f"lr_finder: the loss is {number} before any step; is a weight or the loss's domain at fault?")
    return RateSearch(lrs[: len(losses)], np.array(losses), _suggestion(lrs, losses))


def _endless(x: Array, y: Array, batch_size: int | None, rng: Rng) -> Iterator[tuple[Array, ...]]:
    rng = np.random.default_rng(rng)
    while True:
        yield from [(x, y)] if batch_size is None else batches(x, y, batch_size=batch_size, rng=rng)


def _exploded(losses: list[float]) -> bool:
    """By means of several losses, as those of small batches jump of themselves."""
    if len(losses) < 10:
        return False
    first, recent = float(np.mean(losses[:10])), float(np.mean(losses[-5:]))
    lowest = min(losses)
    return recent > lowest + _EXPLODED * max(first - lowest, abs(first))


def _suggestion(lrs: Array, losses: list[float]) -> float | None:
    curve = smooth(np.array(losses), len(losses) // 20)
    return float(lrs[curve.argmin()]) / 10 if curve.argmin() else None
