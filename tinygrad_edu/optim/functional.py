"""Optimizers as functions: from a gradient function and parameters in a tree to the parameters at the end.

`gradient(params, i)` is called with the number i of the step, as HIPS autograd's optimizers do; `tg.grad` of an
objective of (params, i) is such a function. Parameters may be any nested container of arrays and numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..transforms import tree
from .adam import Adam

Params = Any  # a tree of arrays and numbers
Gradient = Callable[[Params, int], Params]
Callback = Callable[[Params, int, Params], object]


def adam(
    gradient: Gradient, params: Params, callback: Callback | None = None, num_iters: int = 100,
    step_size: float = 0.001, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
) -> Params:  # fmt: skip
    """Return parameters after `num_iters` steps of Adam; `callback(params, i, gradient)` is called before each step."""
    vector, unravel = tree.ravel(params)
    x = Tensor(vector)
    optimizer = Adam([x], lr=step_size, betas=(b1, b2), eps=eps)
    for i in range(num_iters):
        x.grad = _gradient(gradient, unravel(x.data.copy()), i, callback)
        optimizer.step()
    return unravel(x.data)


def sgd(
    gradient: Gradient, params: Params, callback: Callback | None = None, num_iters: int = 200,
    step_size: float = 0.1, mass: float = 0.9,
) -> Params:  # fmt: skip
    """Return parameters after steps along a mean of the gradients, in which a step counts `mass` times the next.

    The mean starts at zero, as HIPS autograd's; that of `SGD(dampening=mass)` starts at the first gradient.
    """
    x, unravel = tree.ravel(params)
    velocity = np.zeros_like(x)
    for i in range(num_iters):
        velocity = mass * velocity - (1 - mass) * _gradient(gradient, unravel(x), i, callback)
        x = x + step_size * velocity
    return unravel(x)


def _gradient(gradient: Gradient, params: Params, i: int, callback: Callback | None) -> Array:
    """Return the gradient as a vector, with zeros for constants among the parameters."""
    g = gradient(params, i)
    if callback:
        callback(params, i, g)
    vector: Array = tree.ravel(g)[0]
    return vector
