"""A small reverse-mode automatic differentiation engine: a tape of NumPy calls.

>>> import numpy as np
>>> import tinygrad_edu as tg
>>> x = tg.Tensor([1.0, 2.0, 3.0])
>>> y = np.sum(x * x)
>>> y.backward()
>>> x.grad
array([2., 4., 6.])
"""

from . import data, nn, optim
from .check import GradientError, check_grad
from .functions import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    huber_loss,
    l1_loss,
    leaky_relu,
    log_softmax,
    logsumexp,
    mse_loss,
    relu,
    sigmoid,
    softmax,
    softplus,
)  # fmt: skip
from .io import load, save
from .rules import defvjp, nondifferentiable, primitive
from .tensor import Tensor, Value, no_grad
from .train import DivergenceError, History, fit
from .transforms import grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .viz import plot
from .viz.draw import Drawing, draw

__version__ = "0.1.0"
__all__ = [
    "DivergenceError", "Drawing", "GradientError", "History", "Tensor", "Value",
    "binary_cross_entropy_with_logits", "check_grad", "cross_entropy", "data", "defvjp", "draw", "fit", "grad",
    "gradients", "hessian", "hinge_loss", "huber_loss", "hvp", "jacobian", "jvp", "l1_loss", "leaky_relu", "load",
    "log_softmax", "logsumexp", "mse_loss", "nn", "no_grad", "nondifferentiable", "optim", "plot", "primitive",
    "relu", "save", "sigmoid", "softmax", "softplus", "value_and_grad", "vjp",
]  # fmt: skip
