"""Products of vectors, matrices and more: the gradient is a product with the other factor, transposed."""

import math
from typing import Any

import numpy as np

from .registry import composition, defvjp


def matmul(a: Any, b: Any) -> Any:
    """a @ b; for matrices `dot` is the same product, and starts sooner."""
    try:
        return a.dot(b) if a.ndim == 2 and b.ndim == 2 else a @ b
    except AttributeError:
        raise TypeError("a number is no factor of a matrix product; multiply with *") from None


def matmul_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g @ b.T, a vector being a row of a or a column of b."""
    if a.ndim == 1 and b.ndim == 1:
        return g * b
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:
        return np.matmul(b, np.expand_dims(g, -1))[..., 0]
    return matmul(g, b.swapaxes(-1, -2))


def matmul_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a.T @ g, a vector being a row of a or a column of b."""
    if a.ndim == 1 and b.ndim == 1:
        return g * a
    if a.ndim == 1:
        return np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if b.ndim == 1:
        return np.matmul(a.swapaxes(-1, -2), np.expand_dims(g, -1))[..., 0]
    if b.ndim == 2 and a.ndim > 2:  # one product over the whole stack, rather than a stack to be summed
        n = math.prod(a.shape[:-1])
        return matmul(a.reshape(n, a.shape[-1]).swapaxes(0, 1), g.reshape(n, g.shape[-1]))
    return matmul(a.swapaxes(-1, -2), g)


defvjp(np.matmul, matmul_a, matmul_b)


@composition(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Sums over a's last axis and b's last but one, as one product of matrices."""
    if not hasattr(a, "shape") or not hasattr(b, "shape"):
        a, b = (v if hasattr(v, "shape") else np.asarray(v) for v in (a, b))
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if a.ndim == 1 or b.ndim < 2 or (a.ndim == 2 and b.ndim == 2):
        return np.matmul(a, b)
    columns = np.moveaxis(b, -2, 0)
    flat = np.matmul(a, columns.reshape(b.shape[-2], math.prod(columns.shape[1:])))
    return flat.reshape((*a.shape[:-1], *columns.shape[1:]))
