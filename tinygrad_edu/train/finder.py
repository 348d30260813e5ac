"""The learning-rate finder: one step at each rate, from far too low to far too high, and the loss at each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ..data.batches import Rng
from ..engine.arguments import check_numbers, generator, whole_number
from ..engine.rules.registry import Array
from ..figure import lr_curve, smooth
from ..nn import Module
from ..nn.module import mode
from ..optim import Optimizer
from ..optim.optimizer import check_optimizer
from .checkpoint import TrainingState, put_back
from .loop import epoch_batches
from .metrics import Data, Loss, check_loss, check_model, checked_data, scalar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLAT = 0.001  # the share of the fall that is left where the loss is as good as lowest: then all is learned already
_EXPLODED = 4  # the loss has exploded when it rises by this many times its first value, or its fall, above its lowest


@dataclass
class RateSearch:
    """The result of `lr_finder`: the loss at each learning rate (`losses` and `lrs`, both (n,)) and its `suggestion`.

    `suggestion` is None if the loss never fell.
    """

    lrs: Array
    losses: Array
    suggestion: float | None

    def __repr__(self) -> str:
        suggestion = "none, as the loss never fell" if self.suggestion is None else f"{self.suggestion:.2g}"
        rates = f"{len(self.lrs)} rates from {self.lrs[0]:.2g} to {self.lrs[-1]:.2g}"
        losses = f"loss {self.losses[0]:.4g}, lowest {self.losses.min():.4g}"
        return f"RateSearch({rates}, {losses}, suggestion {suggestion})"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot the loss by learning rate in the matplotlib Axes `ax`, or new ones, and return them."""
        return lr_curve(self.lrs, self.losses, ax, suggestion=self.suggestion)


def lr_finder(
    model: Module, loss: Loss, train_data: Data, *, optimizer: Optimizer, low: float = 1e-7, high: float = 10.0,
    steps: int = 100, batch_size: int | None = None, drop_last: bool = False, rng: Rng = None,
) -> RateSearch:  # fmt: skip
    """Take a step at each of `steps` learning rates from `low` up to `high`, and suggest one for `fit`.

    Rates grow by the same factor at each step (Smith 2017), and apply to all parameter groups. Steps take data as in
    `fit`: all of X, or batches drawn with `rng`, epoch after epoch; small batches are noisy and need more steps. The
    search ends early if the loss explodes. The suggestion is a tenth of the first rate at which the smoothed loss is
    lowest, to within a thousandth of its fall, because from there on steps do harm or gain nothing. Model, optimizer
    and the generators of dropout are left exactly as they were.
    Raises ValueError for a loss that is not finite at the start.

    >>> model = tg.nn.Linear(1, 1, rng=0)
    >>> sgd, data = tg.optim.SGD(model.parameters(), lr=0.1), tg.data.make_linear(100, rng=0)
    >>> found = tg.lr_finder(model, tg.mse_loss, data, optimizer=sgd)
    >>> 0.01 < found.suggestion < 1
    True
    """
    check_model("lr_finder", model)
    check_optimizer("lr_finder", optimizer)
    check_loss("lr_finder", loss)
    x, y = checked_data("lr_finder: train_data", train_data)
    check_numbers("lr_finder", low=low, high=high)
    if not 0 < low < high < np.inf:
        raise ValueError(f"lr_finder: rates go from low, above 0, up to high; not from {low} to {high}")
    if whole_number("lr_finder", "steps", steps) < 2:
        raise ValueError("lr_finder: steps are two or more, not 1")
    state, rng = TrainingState(model, optimizer), generator("lr_finder", rng)
    endless = chain.from_iterable(epoch_batches(x, y, batch_size, rng, drop_last) for _ in count())
    before, attributes, grads = state.state_dict(), state.attributes(), [(p, p._grad) for p in state.tensors.values()]
    rates, lrs, losses = [group.lr for group in optimizer.groups], np.geomspace(low, high, int(steps)), []
    try:
        with mode(model.modules(), True), np.errstate(all="ignore"):
            for lr, (x_batch, y_batch) in zip(lrs, endless, strict=False):
                value = scalar("lr_finder", loss(model(x_batch), y_batch))
                losses.append(float(value))
                if not isfinite(losses[-1]) or _exploded(losses):
                    break
                for group in optimizer.groups:
                    group.restore_rate(lr)
                optimizer.minimize(value)
    finally:
        for group, rate in zip(optimizer.groups, rates, strict=True):
            group.restore_rate(rate)  # not optimizer.lr = rate, which would replace what schedules multiply
        put_back(attributes)
        state.load_state_dict(before)
        for p, g in grads:
            p._grad = g  # also one that is a Tensor, of which p.grad = g would take the array
    if not isfinite(losses[0]):
        raise ValueError(f"lr_finder: the loss is {losses[0]} before any step; check the weights and the loss's domain")
    if not isfinite(losses[-1]):
        losses.pop()
    found = np.array(losses)
    smoothed = smooth(found, len(found) // 20)
    lowest = int(np.argmax(smoothed <= smoothed.min() + _FLAT * (smoothed[0] - smoothed.min())))  # the first such rate
    return RateSearch(lrs[: len(found)], found, float(lrs[lowest]) / 10 if lowest else None)


def _exploded(losses: list[float]) -> bool:
    """Return whether the mean of the last five losses is far above the lowest: losses of small batches are noisy."""
    if len(losses) < 10:
        return False
    first, recent, lowest = float(np.mean(losses[:10])), float(np.mean(losses[-5:])), min(losses)
    return recent > lowest + _EXPLODED * max(first - lowest, abs(first))
