"""Schedules that are made of schedules: a warm-up before another, one after another, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np

from ...engine.arguments import whole_number
from ...engine.errors import kind_of
from ..optimizer import Optimizer, check_optimizer
from .base import LRScheduler, Rate


class LinearWarmup(LRScheduler):
    """Raises the rate in `epochs` equal steps from 1 / epochs of it to all of it; then the schedule `then` begins.

    As PyTorch's LinearLR(start_factor=1/epochs, total_iters=epochs - 1): the last of the `epochs` has the full rate.
    Call `step` as `then` wants it: after each epoch or update, with the loss if `then` watches it. Raises TypeError for
    a `then` that is not a schedule.

    >>> import tinygrad_edu as tg
    >>> sgd = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    >>> schedule = tg.optim.lr_scheduler.LinearWarmup(sgd, 2, then=tg.optim.lr_scheduler.ExponentialLR(sgd, 0.5))
    >>> [round(schedule.rates([0.1], epoch)[0].item(), 3) for epoch in range(5)]
    [0.05, 0.1, 0.1, 0.05, 0.025]
    """

    def __init__(self, optimizer: Optimizer, epochs: int, then: LRScheduler | None = None) -> None:
        self.epochs = whole_number("LinearWarmup", "epochs", epochs, "epochs")
        self.then = then
        if then is not None:
            if not isinstance(then, LRScheduler):
                raise TypeError(f"LinearWarmup: then is a schedule of tg.optim.lr_scheduler, not {kind_of(then)}")
            self.each_batch, self.watches_loss = then.each_batch, then.watches_loss
        super().__init__(optimizer, [] if then is None else [then])

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return base_lr min(1, (epoch + 1) / epochs), and from `epochs` on the rate of `then` for the epochs since."""
        part = np.minimum(1.0, (epoch + 1) / self.epochs)
        if self.then is None:
            return [base_lr * part for base_lr in base_lrs]
        first, after = self.then.rates(base_lrs, 0), self.then.rates(base_lrs, np.maximum(epoch - self.epochs, 0))
        is_warm = np.less(epoch, self.epochs)
        return [np.where(is_warm, one * part, other) for one, other in zip(first, after, strict=True)]

    def step(self, loss: SupportsFloat | None = None) -> None:
        """Set the rates for the next epoch; a `then` that watches the loss needs `loss`."""
        if not self.watches_loss:
            super().step()
            return
        with self._undone():
            self.observe(loss)
            super().step()

    def observe(self, loss: SupportsFloat | None) -> None:
        """Let `then` take account of the loss of an epoch, from its own first one on."""
        if self.then is not None and self.then.watches_loss and self.epoch >= self.epochs:
            if loss is None:
                raise TypeError(f"LinearWarmup.step: {type(self.then).__name__} watches the loss; pass it: step(loss)")
            self.then.epoch = self.epoch - self.epochs
            self.then.observe(loss)

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step, and the groups' rates, by name, for `tg.save`."""
        return super().state_dict() | _states({"then": self.then} if self.then else {})

    def _restore(self, state: dict[str, Any]) -> None:
        if self.then:
            _restore({"then": self.then}, state)
            for group in self.optimizer.groups:
                group.multiply(self.then.places)
        super()._restore(state)


class SequentialLR(LRScheduler):
    """Follows `schedulers` one after another: the second begins at epoch milestones[0], and so on.

    Each counts its own epochs from 0, and none is stepped by itself. As PyTorch's. Raises ValueError unless there is a
    rising milestone for each schedule but the first, and TypeError for milestones that are not a list.

    >>> from tinygrad_edu.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> sgd, rates = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0), []
    >>> schedule = SequentialLR(sgd, [LinearLR(sgd, 0.5, total_iters=2), ExponentialLR(sgd, 0.1)], milestones=[3])
    >>> for epoch in range(5):
    ...     rates.append(round(sgd.lr, 4))
    ...     sgd.steps += 1  # in place of a step
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 1.0, 0.1]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers = checked_parts("SequentialLR", schedulers)
        if not isinstance(milestones, (Sequence, np.ndarray)):
            raise TypeError(f"SequentialLR: milestones are a list of epochs, such as [5, 10], not {milestones!r:.60}")
        self.milestones = [whole_number("SequentialLR", "milestones", m, "epochs") for m in milestones]
        if len(milestones) != len(schedulers) - 1 or sorted(set(self.milestones)) != self.milestones:
            count = len(schedulers)
            raise ValueError(f"SequentialLR: {count} schedules need {count - 1} rising milestones, not {milestones}")
        if watching := [s for s in schedulers if s.watches_loss]:
            kind = type(watching[0]).__name__
            raise ValueError(f"SequentialLR: {kind} watches the loss; use LinearWarmup(..., then={kind}(...))")
        self.each_batch = schedulers[0].each_batch
        super().__init__(optimizer, self.schedulers)

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return the rates of the schedule whose turn it is, for the epochs since it began."""
        now = self.schedulers[0].rates(base_lrs, epoch)
        for schedule, begin in zip(self.schedulers[1:], self.milestones, strict=True):
            later = schedule.rates(base_lrs, np.maximum(epoch - begin, 0))
            is_before = np.less(epoch, begin)
            now = [np.where(is_before, one, other) for one, other in zip(now, later, strict=True)]
        return now


class ChainedScheduler(LRScheduler):
    """Steps several schedules of one optimizer at once; their factors multiply. As PyTorch's.

    Raises ValueError for schedules of different optimizers.

    >>> from tinygrad_edu.optim.lr_scheduler import ChainedScheduler, ExponentialLR, StepLR
    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = ChainedScheduler([ExponentialLR(sgd, 0.5), StepLR(sgd, 1)])
    >>> sgd.steps += 1  # in place of a step
    >>> schedule.step()
    >>> sgd.lr
    0.05
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.schedulers = checked_parts("ChainedScheduler", schedulers)
        self.optimizer = self.schedulers[0].optimizer if optimizer is None else optimizer
        check_optimizer("ChainedScheduler", self.optimizer)
        if any(s.optimizer is not self.optimizer for s in self.schedulers):
            raise ValueError("ChainedScheduler takes schedules of the same optimizer")
        self.each_batch, self.watches_loss = schedulers[0].each_batch, any(s.watches_loss for s in schedulers)
        self.epoch, self.place = 0, self.schedulers[0].place

    def step(self, loss: SupportsFloat | None = None) -> None:
        """Step each schedule; those that watch the loss need `loss`."""
        if self.watches_loss and loss is None:
            kind = next(type(s).__name__ for s in self.schedulers if s.watches_loss)
            raise TypeError(f"ChainedScheduler.step: {kind} watches the loss; pass it: step(loss)")
        with self._undone():
            for schedule in self.schedulers:
                schedule.step(loss) if schedule.watches_loss else schedule.step()  # type: ignore[call-arg]
            self.epoch += 1

    def observe(self, loss: SupportsFloat) -> None:
        """Let the schedules that watch the loss take account of that of an epoch."""
        for schedule in self.schedulers:
            schedule.epoch = self.epoch
            schedule.observe(loss)

    @property
    def places(self) -> list[int]:
        """Where the factors are that the schedules set."""
        return [place for schedule in self.schedulers for place in schedule.places]

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return the product of what each schedule makes of the rates."""
        for schedule in self.schedulers:
            base_lrs = schedule.rates(base_lrs, epoch)
        return list(base_lrs)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all schedules, by name, for `tg.save`."""
        return {"epoch": self.epoch} | _states(dict(enumerate(self.schedulers)))

    def _restore(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        _restore(dict(enumerate(self.schedulers)), state)


def checked_parts(where: str, schedulers: Sequence[LRScheduler]) -> list[LRScheduler]:
    """Return a list of schedules that are all stepped after each epoch, or all after each update; raises for others."""
    parts = list(schedulers) if isinstance(schedulers, Sequence) else []
    if not parts or not all(isinstance(s, LRScheduler) for s in parts):
        raise TypeError(f"{where} takes a list of schedules of tg.optim.lr_scheduler, not {schedulers!r:.60}")
    if len({s.each_batch for s in parts}) > 1:
        raise ValueError(f"{where}: some of the schedules count updates, such as OneCycleLR, and others epochs")
    return parts


def _states(parts: dict[Any, LRScheduler]) -> dict[str, Any]:
    return {f"{key}.{name}": value for key, part in parts.items() for name, value in part.state_dict().items()}


def _restore(parts: dict[Any, LRScheduler], state: dict[str, Any]) -> None:
    for key, part in parts.items():
        start = f"{key}."
        part._restore({name.removeprefix(start): v for name, v in state.items() if name.startswith(start)})
