"""Normalization along the last axes, as layers use it."""

import math

import numpy as np

from .reductions import row_sums
from .registry import Array, defvjp, primitive


@primitive
def normalize(x: Array, eps: Array | float, axes: int = 1, center: bool = True) -> Array:
    """x, or with `center` x minus its mean, over the root of the mean of its squares plus eps; along the last axes."""
    d = x - row_means(x, axes) if center else x
    return d / np.sqrt(row_means(d * d, axes) + eps)


def row_means(x: Array, axes: int) -> Array:
    """Return the means over the last axes, with axes of length 1 in their place."""
    n = math.prod(x.shape[x.ndim - axes :])
    return (row_sums(x) if axes == 1 else np.sum(x, axis=tuple(range(-axes, 0)), keepdims=True)) / n


def normalize_rule(g: Array, y: Array, x: Array, eps: Array | float, axes: int = 1, center: bool = True) -> Array:
    """g without its mean and without its part along y, over the root."""
    d, part = x, y * row_means(g * y, axes)
    if center:
        d, g = x - row_means(x, axes), g - row_means(g, axes)
    return (g - part) / np.sqrt(row_means(d * d, axes) + eps)


defvjp(normalize, normalize_rule)
