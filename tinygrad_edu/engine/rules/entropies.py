"""The cross entropy of yes and no, whose logarithms are limited so that it is finite where one is infinite."""

import numpy as np

from .activations import floating
from .registry import Array, defvjp, pointwise, primitive, promoting

LOWEST = -100.0  # the value of log(0), as in PyTorch
SMALLEST = float(np.float32(1e-12))  # of p (1 - p) in a denominator: PyTorch's number, which it rounds to float32


@primitive
def binary_entropy(p: Array, t: Array) -> Array:
    """-(t log(p) + (1 - t) log(1 - p)), elementwise; each logarithm is -100 where it would be less."""
    p, t = floating(p), floating(t)
    return (t - 1) * log_of_no(p) - t * log_of_yes(p)


def log_of_yes(p: Array) -> Array:
    """Return log(p), but at least -100."""
    never = np.less_equal(p, 0)
    return np.where(never, LOWEST, np.maximum(np.log(np.where(never, 1, p)), LOWEST))


def log_of_no(p: Array) -> Array:
    """Return log(1 - p), but at least -100."""
    always = np.greater_equal(p, 1)
    return np.where(always, LOWEST, np.maximum(np.log1p(-np.where(always, 0, p)), LOWEST))


def binary_entropy_p(g: Array, y: Array, p: Array, t: Array) -> Array:
    """(p - t) / (p (1 - p)), finite for p = 0 and p = 1 too."""
    return g * ((p - t) / np.maximum(p * (1 - p), SMALLEST))


defvjp(binary_entropy, binary_entropy_p,
                       lambda g, y, p, t: g * (log_of_no(p) - log_of_yes(p)))
pointwise.add(binary_entropy)
promoting.add(binary_entropy)
