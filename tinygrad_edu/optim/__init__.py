"""Optimizers: from gradients to better parameters, in place.

Each optimizer states its formula as its paper does, in plain NumPy; `inplace` runs formulas without allocating. Results
equal PyTorch's to rounding. A step moves every parameter that has a gradient, and raises if none has one; an error on
the way moves none. `lr_scheduler` has the schedules of the learning rate, `functional` optimizers as functions of
trees.
"""

from typing import TYPE_CHECKING, Any

from ..layers import missing
from . import functional, lr_scheduler
from .adam import Adam, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop, Rprop
from .clip import clip_grad_norm, clip_grad_value
from .group import Group
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .sgd import SGD

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Group", "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop",
    "clip_grad_norm", "clip_grad_value", "functional", "lr_scheduler",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing(__name__, name)
