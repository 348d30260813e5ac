"""Functions that NumPy lacks and networks need: their values, stable far out, and their rules."""

from typing import Any

import numpy as np

from .reductions import spread
from .registry import defvjp, pointwise, primitive

_ZEROS: dict[Any, Any] = {np.dtype(t): np.zeros((), t) for t in "efd"}  # NumPy takes its time over a Python number


@primitive
def relu(x: Any) -> Any:
    """max(x, 0), elementwise; its derivative at 0 is taken to be 0."""
    return np.maximum(x, _ZEROS.get(getattr(x, "dtype", None), 0.0))


defvjp(relu, lambda g, y, x: g * (y > 0))


@primitive
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), elementwise, without overflow and exact to rounding on both sides."""
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


defvjp(sigmoid, lambda g, y, x: g * (y * sigmoid(-x)))
pointwise.update([relu, sigmoid])


@primitive
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis` (all axes if None)."""
    e = np.exp(x - ceiling(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def ceiling(x: Any, axis: Any) -> Any:
    """The largest element along `axis`, which exp can safely be taken relative to; 0 where that is infinite."""
    if getattr(getattr(x, "dtype", None), "kind", "") != "f":  # no integer is -inf
        x = np.asarray(x, np.float64)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0)


@primitive
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """log(softmax(x)) along `axis`, exact where softmax itself would round to 0."""
    z = x - ceiling(x, axis)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


@primitive
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along `axis` (all axes if None), without overflow."""
    top = ceiling(x, axis)
    y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, axis=axis)


def softmax_rule(g: Any, y: Any, x: Any, axis: Any = -1) -> Any:
    """y (g - sum(g y))."""
    return y * (g - np.sum(g * y, axis=axis, keepdims=True))


defvjp(softmax,     softmax_rule)
defvjp(log_softmax, lambda g, y, x, axis=-1: g - softmax(x, axis) * np.sum(g, axis=axis, keepdims=True))
defvjp(logsumexp,   lambda g, y, x, axis=None, keepdims=False: spread(g, x, axis, keepdims) * softmax(x, axis))
