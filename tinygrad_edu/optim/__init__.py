"""Optimizers: from gradients to better parameters, in place.

Each optimizer is its formula, as NumPy calls that write into the parameters, into state of the same shapes
(`state`) and into one scratch array a parameter; after the first a step allocates nothing. Results equal
PyTorch's to rounding. A step is all or nothing: a parameter without a gradient is an error before anything
moves. `lr_scheduler` has the schedules of the learning rate.
"""

from . import lr_scheduler
from .adaptive import Adagrad, Adam, AdamW, RMSprop
from .clip import clip_grad_norm, clip_grad_value
from .optimizer import Group, Optimizer
from .sgd import SGD

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Group", "Optimizer", "RMSprop", "clip_grad_norm", "clip_grad_value",
    "lr_scheduler",
]  # fmt: skip
