"""Schedules: the learning rate as a function of the number of epochs (or updates) so far.

Schedules of one optimizer compose: each multiplies the rate by a factor of its own, in any order and any number. The
training loop calls `step()` of each after every epoch; `ChainedScheduler` calls several, `SequentialLR` one after
another. `each_batch` means that a schedule counts updates, not epochs; `watches_loss` means that `step` takes the loss.

>>> import numpy as np, tinygrad_edu as tg
>>> sgd = tg.optim.SGD([tg.Tensor([1.0])], lr=0.8)
>>> halving, falling = StepLR(sgd, step_size=2, gamma=0.5), ExponentialLR(sgd, gamma=0.9)
>>> for epoch in range(4):
...     print(round(sgd.lr, 4))
...     sgd.minimize(np.sum(sgd.params[0] ** 2))
...     halving.step()
...     falling.step()
0.8
0.72
0.324
0.2916
"""

from typing import TYPE_CHECKING, Any

from ...layers import missing
from .base import LRScheduler
from .curves import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau
from .sequence import ChainedScheduler, LinearWarmup, SequentialLR

__all__ = [
    "ChainedScheduler", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ExponentialLR", "LRScheduler", "LambdaLR",
    "LinearLR", "LinearWarmup", "MultiStepLR", "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR",
    "StepLR",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing(__name__, name)
