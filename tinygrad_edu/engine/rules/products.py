"""Products of vectors and matrices: the gradient of one factor is a product of g with the other, transposed."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike

from .registry import Array, array_likes, arrays_of, composition, conj, defvjp, primitive


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b; for two matrices of one class `dot` gives the same product and starts sooner.

    A stack of matrices times one matrix is one product of all their rows, where `@` makes a product for each of them.
    Columns times rows are products of their elements, for which `@` takes five times as long.
    """
    try:
        if b.ndim > 2 and a.ndim > 1 and a.shape[-1] == 1 == b.shape[-2]:
            return a * b
        if b.ndim != 2 or a.ndim < 2 or type(a) is not type(b):
            return a @ b
        if a.ndim == 2:
            return a.dot(b)
    except AttributeError:
        raise TypeError("a matrix product takes no numbers; multiply with *") from None
    if not isinstance(a, np.ndarray) or type(a) in array_likes or a.shape[-1] != b.shape[0]:
        return a @ b
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1]).dot(b).reshape(*a.shape[:-1], b.shape[1])


# Matrix products
def matmul_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    """g @ b.T, where a vector a is a row and a vector b is a column."""
    if b.ndim == 1:
        return np.outer(g, b) if g.ndim == 1 else g[..., None] * b
    if a.ndim == 1:
        return np.matmul(b, g) if g.ndim == 1 else np.matmul(b, g[..., None]).squeeze(-1)
    return matmul(g, b.swapaxes(-1, -2))


def matmul_b(g: Array, y: Array, a: Array, b: Array) -> Array:
    """a.T @ g, where a vector a is a row and a vector b is a column."""
    if a.ndim == 1 and b.ndim == 1:
        return g * a
    if a.ndim == 1:
        return np.outer(a, g) if g.ndim == 1 else a[:, None] * g[..., None, :]
    if b.ndim == 1:
        columns = a.swapaxes(-1, -2)
        return np.matmul(columns, g) if g.ndim == 1 else np.matmul(columns, g[..., None]).squeeze(-1)
    if b.ndim == 2 and a.ndim > 2:  # one product sums over the whole stack, where a stack of products would be summed
        n = math.prod(a.shape[:-1])
        return matmul(a.reshape(n, a.shape[-1]).swapaxes(0, 1), g.reshape(n, g.shape[-1]))
    return matmul(a.swapaxes(-1, -2), g)


defvjp(np.matmul, matmul_a, matmul_b)


@composition(np.dot)
def dot(a: Array, b: Array) -> Array:
    """The sum over the last axis of a and the second last of b, as one matrix product."""
    a, b = arrays_of((a, b))
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if b.ndim < 3:
        return np.matmul(a, b)
    columns = np.moveaxis(b, -2, 0)
    product = np.matmul(a, columns.reshape(b.shape[-2], math.prod(columns.shape[1:])))
    return product.reshape((*a.shape[:-1], *columns.shape[1:]))


@composition(np.vdot)
def vdot(a: ArrayLike, b: ArrayLike, /) -> Array:
    """The product of the conjugate of a and b, each flattened to a vector."""
    return np.matmul(conj(np.ravel(a)), np.ravel(b))


@composition(np.inner)
def inner(a: ArrayLike, b: ArrayLike, /) -> Array:
    """The sum over the last axes of both."""
    a, b = arrays_of((a, b))
    return np.dot(a, b.swapaxes(-1, -2) if a.ndim and b.ndim > 1 else b)


@composition(np.linalg.tensordot)
@composition(np.tensordot)
def tensordot(a: ArrayLike, b: ArrayLike, axes: Any = 2) -> Array:
    """The sum over pairs of axes, merged into one axis, as one matrix product."""
    a, b = arrays_of((a, b))
    axes_a, axes_b = axes if np.iterable(axes) else (range(-axes, 0), range(axes))
    over_a, over_b = normalize_axis_tuple(axes_a, a.ndim), normalize_axis_tuple(axes_b, b.ndim)
    lengths = [a.shape[i] for i in over_a]
    if lengths != [b.shape[i] for i in over_b]:
        raise ValueError(
            f"np.tensordot(of shape {a.shape}, of shape {b.shape}): axes {over_a} of the first and {over_b} of the "
            "second are summed over and need equal lengths, pair by pair; name others with axes="
        )
    n, k = len(lengths), math.prod(lengths)
    a, b = np.moveaxis(a, over_a, range(-n, 0)), np.moveaxis(b, over_b, range(n))
    kept_a, kept_b = a.shape[: a.ndim - n], b.shape[n:]
    product = np.matmul(a.reshape(math.prod(kept_a), k), b.reshape(k, math.prod(kept_b)))
    return product.reshape((*kept_a, *kept_b))


# Outer products
def outer_a(g: Array, y: Array, a: Array, b: Array, out: None = None) -> Array:
    """g @ b, with b flattened."""
    return (g @ np.ravel(b)).reshape(a.shape)


def outer_b(g: Array, y: Array, a: Array, b: Array, out: None = None) -> Array:
    """a @ g, with a flattened."""
    return (np.ravel(a) @ g).reshape(b.shape)


defvjp(np.outer, outer_a, outer_b)
defvjp(np.linalg.outer, outer_a, outer_b)


@composition(np.kron)
def kron(a: ArrayLike, b: ArrayLike) -> Array:
    """The outer product, with each axis of b nested in the same axis of a."""
    a, b = arrays_of((a, b))
    n = max(a.ndim, b.ndim)
    a, b = (v.reshape((1,) * (n - v.ndim) + v.shape) for v in (a, b))
    blocks = np.outer(a, b).reshape((*a.shape, *b.shape))
    nested = blocks.transpose([axis for i in range(n) for axis in (i, n + i)])
    return nested.reshape([a.shape[i] * b.shape[i] for i in range(n)])


# Products of stacked vectors
def vecdot_rule(g: Array, a: Array, b: Array, axis: int | None) -> Array:
    """g times the vectors b, along the axis of a."""
    axis = -1 if axis is None else operator.index(axis)
    along_last = np.expand_dims(g, -1) * np.moveaxis(b, axis, -1)
    return np.moveaxis(along_last, -1, axis if axis < 0 else axis - a.ndim)  # counted from the end: stacks broadcast


defvjp(np.vecdot, lambda g, y, a, b, axis=None: conj(vecdot_rule(g, a, b, axis)),  # the sum of a's conjugate times b
                  lambda g, y, a, b, axis=None: vecdot_rule(g, b, conj(a), axis))


def outer_products(a: Array, b: Array, matrix: Array) -> Array:
    """Return the outer product of each pair of vectors, or their sum where one matrix was multiplied by all of them."""
    if matrix.ndim == 2:
        stack = range(np.ndim(a) - 1)
        return np.tensordot(a, b, (stack, stack))
    return np.expand_dims(a, -1) * np.expand_dims(b, -2)


if hasattr(np, "matvec"):  # NumPy 2.2
    defvjp(np.matvec, lambda g, y, a, x: outer_products(g, x, a),
                      lambda g, y, a, x: np.vecmat(conj(g), a))  # which conjugates its first argument
    defvjp(np.vecmat, lambda g, y, x, a: conj(np.matvec(a, g)),
                      lambda g, y, x, a: outer_products(conj(x), g, a))


@primitive
def cross(a: Array, b: Array) -> Array:
    """The cross product of vectors of three elements along the last axis."""
    return np.linalg.cross(a, b)


defvjp(cross, lambda g, y, a, b: cross(b, g),
              lambda g, y, a, b: cross(g, a))


@composition(np.cross)
def _cross(a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1,
           axis: int | None = None) -> Array:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = arrays_of((a, b))
    a, b = a if axisa == -1 else np.moveaxis(a, axisa, -1), b if axisb == -1 else np.moveaxis(b, axisb, -1)
    y = cross(a, b)
    return y if axisc == -1 else np.moveaxis(y, -1, axisc)


# Traces and powers
@composition(np.trace)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The sum of a diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@composition(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """The square of the power n // 2, times a if n is odd."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"np.linalg.matrix_power(of shape {a.shape}, {n}): the last two axes must be square matrices")
    if not hasattr(n, "__index__"):
        raise TypeError(f"np.linalg.matrix_power(of shape {a.shape}, {n!r:.60}): the power is an integer")
    n = operator.index(n)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.where(True, np.eye(a.shape[-1], dtype=a.dtype), a)
    if n == 1:
        return a
    half = matrix_power(a, n // 2)
    return half @ half @ a if n % 2 else half @ half


@composition(np.linalg.multi_dot)
def multi_dot(arrays: Iterable[ArrayLike]) -> Array:
    """The product of all factors, in the order that takes the fewest multiplications.

    The best order of a sequence follows from those of its parts (Cormen et al., "Introduction to Algorithms", 15.2).
    """
    factors = arrays_of(arrays)
    n = len(factors)
    if n == 2:
        return np.dot(*factors)
    if n < 2 or any([a.ndim != 2 for a in factors[1:-1]]) or not {factors[0].ndim, factors[-1].ndim} <= {1, 2}:
        raise ValueError(
            f"np.linalg.multi_dot: shapes {[a.shape for a in factors]}; it takes two or more matrices, of which the "
            "first and the last may be vectors"
        )
    sides = [math.prod(factors[0].shape[:-1]), *[a.shape[0] for a in factors[1:]], math.prod(factors[-1].shape[1:])]
    best = {(i, i + 1): (0, i) for i in range(n)}  # of factors i to j: the cost, and where to split them
    for j in range(n + 1):
        for i in reversed(range(j - 1)):
            best[i, j] = min(
                (best[i, k][0] + best[k, j][0] + sides[i] * sides[k] * sides[j], k) for k in range(i + 1, j)
            )
    return multiply(factors, best, 0, n)


def multiply(factors: list[Array], best: dict[tuple[int, int], tuple[int, int]], i: int, j: int) -> Array:
    """Return the product of factors i to j, split where it is cheapest."""
    k = best[i, j][1]
    return np.matmul(multiply(factors, best, i, k), multiply(factors, best, k, j)) if j - i > 1 else factors[i]


# The same functions by their array API names
composition(np.linalg.matmul)(lambda x1, x2, /: np.matmul(*arrays_of((x1, x2))))
composition(np.linalg.vecdot)(
    lambda x1, x2, /, *, axis=-1: np.vecdot(*arrays_of((x1, x2)), axis=axis))  # type: ignore[call-overload]
composition(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))
composition(np.linalg.trace)(lambda x, /, *, offset=0: np.trace(x, offset, -2, -1))
