"""Norms of vectors and matrices, and condition numbers. A matrix is the last two axes of an array."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise import direction
from .promotion import floats
from .ranges import leaves_range, scaled
from .reductions import spread
from .registry import Array, Axis, composition, conj, defvjp, is_complex, nondifferentiable, primitive


@primitive
def euclidean_norm(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The square root of the sum of |x|**2 along one or more axes, right also where a square would overflow."""

    def norm(x: Array) -> Array:
        return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))

    x = np.abs(x) if is_complex(x) else x
    with np.errstate(over="ignore"):
        y = norm(x)
        return scaled(norm, x, axis, keepdims) if leaves_range(y) else y


def euclidean_norm_rule(g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """x / y, of complex numbers its conjugate, and 0 where y is 0."""
    return spread(g, x, axis, keepdims) * (conj(x) / spread(np.where(y == 0, 1, y), x, axis, keepdims))


@primitive
def minkowski_norm(x: Array, p: float, axis: Axis = None, keepdims: bool = False) -> Array:
    """The p-norm along one or more axes: the sum of |x|**p, to the power of 1/p."""

    def norm(x: Array) -> Array:
        powers: Array = np.abs(x) ** float(p)
        return np.sum(powers, axis=axis, keepdims=keepdims) ** (1 / float(p))

    x = np.abs(x) if is_complex(x) else x
    with np.errstate(over="ignore"):
        y = norm(x)
        return scaled(norm, x, axis, keepdims) if p >= 0 and leaves_range(y ** (p / 2)) else y


def minkowski_norm_rule(g: Array, y: Array, x: Array, p: float, axis: Axis = None, keepdims: bool = False) -> Array:
    """sign(x) (|x| / y)**(p-1), and 0 where x or y is 0."""
    size = spread(np.where(y == 0, 1, y), x, axis, keepdims)
    ratio = np.where(x == 0, size, np.abs(x)) / size
    return spread(np.where(y == 0, 0, g), x, axis, keepdims) * direction(x) * ratio ** (float(p) - 1)


defvjp(euclidean_norm, euclidean_norm_rule)
defvjp(minkowski_norm, minkowski_norm_rule)


def largest(x: Array, axis: Axis = -1, keepdims: bool = False) -> Array:
    """Return the maximum of numbers that are not negative, and 0 if there are none."""
    return (np.max if x.size else np.sum)(x, axis=axis, keepdims=keepdims)


def singular_values(a: Array) -> Array:
    """Return the singular values; as absolute values they have the gradient 0 at 0."""
    return np.abs(np.linalg.svdvals(a))


MATRIX_NORMS: dict[float | str | None, Callable[[Array], Array]] = {
    1:       lambda a: largest(np.sum(np.abs(a), axis=-2)),
    -1:      lambda a: np.min(np.sum(np.abs(a), axis=-2), axis=-1),
    np.inf:  lambda a: largest(np.sum(np.abs(a), axis=-1)),
    -np.inf: lambda a: np.min(np.sum(np.abs(a), axis=-1), axis=-1),
    2:       lambda a: largest(singular_values(a)),
    -2:      lambda a: np.min(singular_values(a), axis=-1),
    "nuc":   lambda a: np.sum(singular_values(a), axis=-1),
}


@composition(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The norm of vectors along one axis, of matrices along two; without axis and ord that of x as one vector."""
    (x,) = floats(x)  # as NumPy's norms of integers are
    if ord is None and axis is None:
        return euclidean_norm(x, None, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)
    if len(axes) != 2:
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}) over {len(axes)} axes: vectors have one axis, matrices "
            "two; name them with axis=, or leave ord out, or use np.linalg.vector_norm"
        )
    if ord in (None, "fro", "f"):
        return euclidean_norm(x, axes, keepdims)
    ord = ord.item() if type(ord) is np.ndarray and not ord.ndim else ord  # such an array has no hash
    if ord not in MATRIX_NORMS:
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}): matrices have the norms 'fro', 'nuc', 1, 2, inf, -1, "
            "-2, -inf; for vectors name one axis, axis=-1, or use np.linalg.vector_norm"
        )
    y = MATRIX_NORMS[ord](x if axis is None else np.moveaxis(x, axes, (-2, -1)))
    return np.expand_dims(y, axes) if keepdims else y


@composition(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: Axis = None, keepdims: bool = False, ord: float | str | None = 2) -> Array:
    """The norm along any number of axes; ord=0 counts the elements other than 0, a constant."""
    if isinstance(ord, str):
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}): vectors have norms of numbers, 1, 2, np.inf, ...; "
            "for matrices name two axes, axis=(-2, -1)"
        )
    (x,) = floats(x)  # as NumPy's norms of integers are
    if ord is None or ord == 2:
        return euclidean_norm(x, axis, keepdims)
    if ord == 0:
        return np.sum(x != 0, axis=axis, dtype=np.finfo(x.dtype).dtype, keepdims=keepdims)
    if ord == np.inf:
        return largest(np.abs(x), axis, keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    return minkowski_norm(x, ord, axis, keepdims)


@composition(np.linalg.matrix_norm)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Array:
    """The norm of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


@composition(np.linalg.cond)
def cond(x: Array, p: float | str | None = None) -> Array:
    """|x| |inverse of x|; for p=2 the largest by the smallest singular value, inf if the matrix is singular."""
    if 0 in x.shape[-2:]:
        raise ValueError(f"np.linalg.cond(of shape {x.shape}): a matrix without elements has no condition number")
    if p not in (None, 2, -2):
        return norm(x, p, (-2, -1)) * norm(np.linalg.inv(x), p, (-2, -1))
    s = np.linalg.svdvals(x)
    numerator, denominator = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
    return np.where(denominator == 0, np.inf, numerator / np.where(denominator == 0, 1, denominator))


nondifferentiable(np.linalg.matrix_rank)
