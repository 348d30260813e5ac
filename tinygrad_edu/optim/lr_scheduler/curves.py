"""Schedules whose rate is a formula of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...engine.arguments import whole_number
from ..optimizer import Optimizer
from ..validation import nonnegative
from .base import LRScheduler, Rate


class LambdaLR(LRScheduler):
    """Multiplies the rate by what a function of the epoch gives: one for all groups, or a list with one for each.

    Raises TypeError for anything but functions, and ValueError for more or fewer of them than groups.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.LambdaLR(sgd, lambda epoch: 0.9**epoch)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [1.0, 0.9, 0.81, 0.729]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None:
        functions = lr_lambda if isinstance(lr_lambda, Sequence) else [lr_lambda]
        if not all(map(callable, functions)):
            raise TypeError(
                f"LambdaLR: lr_lambda is a function of the epoch, or a list of functions, not {lr_lambda!r:.60}"
            )
        self.lr_lambda = lr_lambda if callable(lr_lambda) else list(lr_lambda)
        super().__init__(optimizer)

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return base_lr lr_lambda(epoch) for each group."""
        functions = self.lr_lambda
        if callable(functions):
            factor = functions(epoch)
            if not hasattr(factor, "__float__"):
                raise TypeError(f"LambdaLR: lr_lambda returns a number for an epoch, not {factor!r:.60}")
            return [base_lr * factor for base_lr in base_lrs]
        if len(functions) != len(base_lrs):
            raise ValueError(
                f"LambdaLR: lr_lambda has {len(functions)} functions, the optimizer {len(base_lrs)} groups"
            )
        return [base_lr * f(epoch) for base_lr, f in zip(base_lrs, functions, strict=True)]


class StepLR(LRScheduler):
    """Multiplies the rate by `gamma` after every `step_size` epochs.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.StepLR(sgd, step_size=2)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = whole_number("StepLR", "step_size", step_size, "epochs")
        self.gamma = nonnegative("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr gamma ** (epoch // step_size)."""
        return base_lr * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """Multiplies the rate by `gamma` at each of the epochs `milestones`.

    Raises TypeError for milestones that are not a list.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.MultiStepLR(sgd, milestones=[1, 3])
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [1.0, 0.1, 0.1, 0.01]
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        if np.ndim(milestones) != 1:
            raise TypeError(f"MultiStepLR: milestones are a list of epochs, such as [30, 80], not {milestones!r:.60}")
        self.milestones = [whole_number("MultiStepLR", "milestones", m, "epochs", least=0) for m in milestones]
        self.gamma = nonnegative("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr gamma ** (the number of milestones up to the epoch)."""
        passed = np.sum(np.less_equal(self.milestones, epoch))
        return base_lr * np.power(self.gamma, passed)  # type: ignore[no-any-return]


class ExponentialLR(LRScheduler):
    """Multiplies the rate by `gamma` after every epoch.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.ExponentialLR(sgd, gamma=0.5)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = nonnegative("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr gamma ** epoch."""
        return base_lr * self.gamma**epoch


class LinearLR(LRScheduler):
    """Multiplies the rate by a factor that goes in `total_iters` equal steps from `start_factor` to `end_factor`.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.LinearLR(sgd, start_factor=0.5, total_iters=2)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor = nonnegative("LinearLR", "start_factor", start_factor)
        self.end_factor = nonnegative("LinearLR", "end_factor", end_factor)
        self.total_iters = whole_number("LinearLR", "total_iters", total_iters, "epochs")
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr (start_factor + (end_factor - start_factor) min(1, epoch / total_iters))."""
        part: Rate = np.minimum(epoch, self.total_iters) / self.total_iters
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * part)


class PolynomialLR(LRScheduler):
    """Lowers the rate to 0 within `total_iters` epochs, as a power of what is left of them.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.PolynomialLR(sgd, total_iters=4)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(5)]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self.total_iters = whole_number("PolynomialLR", "total_iters", total_iters, "epochs")
        self.power = nonnegative("PolynomialLR", "power", power)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr (1 - min(1, epoch / total_iters)) ** power."""
        part: Rate = np.minimum(epoch, self.total_iters) / self.total_iters
        return base_lr * (1 - part) ** self.power


class CosineAnnealingLR(LRScheduler):
    """Follows a cosine from the first rate down to `eta_min` at epoch `T_max`, and on (Loshchilov & Hutter 2017).

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=4)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(5)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = whole_number("CosineAnnealingLR", "T_max", T_max, "epochs")
        self.eta_min = nonnegative("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2."""
        return _cosine(base_lr, self.eta_min, epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Follows half a cosine from the first rate down to `eta_min`, then starts anew (Loshchilov & Hutter 2017).

    The first fall takes `T_0` epochs, each later one `T_mult` times as many as the one before.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd, T_0=2)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(4)]
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:
        self.T_0 = whole_number("CosineAnnealingWarmRestarts", "T_0", T_0, "epochs")
        self.T_mult = whole_number("CosineAnnealingWarmRestarts", "T_mult", T_mult, "times")
        self.eta_min = nonnegative("CosineAnnealingWarmRestarts", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return eta_min + (base_lr - eta_min) (1 + cos(pi part)) / 2, with the part of the fall that is over."""
        if self.T_mult == 1:
            return _cosine(base_lr, self.eta_min, epoch % self.T_0 / self.T_0)
        # The falls so far, n of them whole, took T_0 (T_mult ** n - 1) / (T_mult - 1) epochs.
        starts = [self.T_0 * (self.T_mult**n - 1) // (self.T_mult - 1) for n in range(1, 50)]
        power = float(self.T_mult) ** np.sum(np.less_equal(np.array(starts, float), epoch))
        start = self.T_0 * (power - 1) / (self.T_mult - 1)
        return _cosine(base_lr, self.eta_min, (epoch - start) / (self.T_0 * power))


class OneCycleLR(LRScheduler):
    """Raises the rate to `max_lr` and lowers it again, along two halves of a cosine (Smith & Topin 2018).

    The rate starts at max_lr / div_factor, reaches `max_lr` after the part `pct_start` of `total_steps` updates, and
    ends at its start divided by `final_div_factor`, where it stays. `max_lr` replaces the optimizer's rate in every
    group; a list has one for each. Call `step()` after each update. As PyTorch's in two phases, with constant momentum.
    Raises ValueError for other numbers of rates than groups, and for parts that leave no step.

    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.OneCycleLR(sgd, max_lr=1.0, total_steps=5)
    >>> [round(float(schedule.rates([1.0], epoch)[0]), 4) for epoch in range(5)]
    [0.04, 0.9505, 0.6113, 0.1883, 0.0]
    """

    each_batch = True

    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int, pct_start: float = 0.3,
        div_factor: float = 25.0, final_div_factor: float = 1e4,
    ) -> None:  # fmt: skip
        groups = optimizer.groups if isinstance(optimizer, Optimizer) else []  # super().__init__ refuses others
        maxima = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(maxima) != len(groups):
            raise ValueError(f"OneCycleLR: max_lr has {len(maxima)} rates, the optimizer {len(groups)} groups")
        maxima = [nonnegative("OneCycleLR", "max_lr", lr) for lr in maxima]
        self.total_steps = whole_number("OneCycleLR", "total_steps", total_steps, "updates")
        self.pct_start = nonnegative("OneCycleLR", "pct_start", pct_start, below=1)
        self.peak = self.pct_start * self.total_steps - 1
        if not 0 < self.peak < self.total_steps - 1:
            raise ValueError(
                f"OneCycleLR: pct_start={pct_start:g} of total_steps={total_steps} leaves no step on one side of the "
                "peak; take more steps"
            )
        for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if not nonnegative("OneCycleLR", name, value) >= 1:
                raise ValueError(f"OneCycleLR: {name} is at least 1, not {value:g}")
        self.div_factor, self.final_div_factor = float(div_factor), float(final_div_factor)
        self.max_lrs = maxima
        super().__init__(optimizer)

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return the rate of each group: that of its `max_lr`, whatever its rate is without schedules."""
        if len(base_lrs) > len(self.max_lrs) and len(set(self.max_lrs)) > 1:
            raise ValueError(f"OneCycleLR: max_lr has {len(self.max_lrs)} rates, the optimizer {len(base_lrs)} groups")
        added = self.max_lrs[-1:] * (len(base_lrs) - len(self.max_lrs))
        return [self.rate(max_lr, epoch) for max_lr in [*self.max_lrs, *added]]

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return the rate on half a cosine from the first rate up to base_lr, then on another down to the last rate."""
        first = base_lr / self.div_factor
        up = _cosine(first, base_lr, np.minimum(epoch / self.peak, 1.0))
        down = np.clip((epoch - self.peak) / (self.total_steps - 1 - self.peak), 0.0, 1.0)
        return np.where(np.less(epoch, self.peak), up, _cosine(base_lr, first / self.final_div_factor, down))


def _cosine(start: Rate, end: Rate, part: Rate) -> Rate:
    """Return the value between start (at part 0) and end (at part 1) on half a cosine."""
    return end + (start - end) * (1 + np.cos(math.pi * part)) / 2
