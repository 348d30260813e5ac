"""Schedules: the learning rate as a function of how many epochs (or steps) have passed.

A schedule keeps the rate that its optimizer had, `base_lr`, and sets it to `base_lr` times `factor(epoch)`. Factors are
plain formulas of the count, without `if`, so that `jit` can record `step` together with the update.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.registry import primitive
from . import Optimizer, _number


@primitive
def number(x: Any) -> float:
    """x as Python's float: one of NumPy's would make float64 of float32 parameters."""
    return float(x)


class LRScheduler:
    """What schedules share; a subclass gives `factor`. `step()` follows each epoch."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} takes an optimizer of tg.optim, not {type(optimizer).__name__}")
        self.optimizer, self.base_lr, self.epoch = optimizer, optimizer.lr, 0
        optimizer.lr = self.base_lr * number(self.factor(0))

    def factor(self, epoch: int) -> Any:
        """What the base rate is multiplied by after so many epochs."""
        raise TypeError(f"{type(self).__name__} has no method factor(self, epoch): an LRScheduler defines one")

    def step(self) -> None:
        """Set the optimizer's rate for the next epoch."""
        self.epoch += 1
        self.optimizer.lr = self.base_lr * number(self.factor(self.epoch))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_lr={self.base_lr:g}, epoch {self.epoch}: lr={self.optimizer.lr:g})"


class StepLR(LRScheduler):
    """`gamma` times the rate after every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = _count("StepLR", "step_size", step_size), _number("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self, epoch: int) -> Any:
        """gamma ** (epochs // step_size)."""
        return self.gamma ** (epoch // self.step_size)


class ExponentialLR(LRScheduler):
    """`gamma` times the rate after every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = _number("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self, epoch: int) -> Any:
        """gamma ** epochs."""
        return self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the base rate down to `eta_min` at epoch `T_max`, and on (Loshchilov & Hutter 2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = _count("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = _number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def factor(self, epoch: int) -> Any:
        """low + (1 - low) (1 + cos(pi epoch / T_max)) / 2, low being eta_min as a part of the base rate."""
        low = self.eta_min / self.base_lr
        return low + (1 - low) * (1 + np.cos(math.pi / self.T_max * epoch)) / 2


class LinearWarmup(LRScheduler):
    """The rate grows in equal parts, from the first of `epochs` parts to the whole."""

    def __init__(self, optimizer: Optimizer, epochs: int) -> None:
        self.epochs = _count("LinearWarmup", "epochs", epochs)
        super().__init__(optimizer)

    def factor(self, epoch: int) -> Any:
        """min(1, (epoch + 1) / epochs)."""
        return np.minimum(1.0, (epoch + 1) / self.epochs)


def _count(where: str, name: str, value: int) -> int:
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{where}: {name} is a whole number of epochs, at least 1, not {value!r}")
    return int(value)
