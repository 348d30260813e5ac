"""Gradients of eigenvectors and singular vectors where eigenvalues or singular values are equal, or 0.

There the vectors are not unique, and their rules divide by 0. A function that does not depend on their choice, such as
v @ diag(sqrt(w)) @ v.T, has a gradient: the limit of what the rules give for values that are not quite equal. What they
divide, a part of g, is 0 there too, so the limit is a quotient of derivatives, and needs the derivatives of g. For a
function that does depend on the choice that part of g is not 0, and the result is NaN: it has no gradient.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .decompositions import (
    close,
    eigh,
    eigh_from,
    of_phases,
    pairwise_quotient,
    svd,
    svd_factors,
    svd_from,
    svd_numerators,
    zero,
)
from .limits import Change, any_true
from .linalg import H, T
from .products import matmul
from .registry import Array, conj, is_complex, limits, predicate_of_all, real_part

EXACT = 16  # values that differ by less than this many rounding errors are equal


@predicate_of_all(True, unasked=True)
def is_needed(mask: Array) -> bool:
    """Return whether an element is True; a recording takes True without asking, as the answer changes often."""
    return bool(np.any(mask))


def in_columns(mask: Array) -> list[int]:
    """Return the columns in which an element is True."""
    return [k for k in range(mask.shape[-1]) if is_needed(mask[..., k])]


def derivatives(change: Change, y: Array, needed: Sequence[int]) -> Array:
    """Return the derivatives of g by each of the needed values in the first row of y, along a new first axis."""
    m, n = y.shape[-2:]
    found = []
    for k in needed:
        direction = np.zeros((m, n), y.dtype)
        direction[0, k] = 1
        d = change(np.broadcast_to(direction, y.shape))
        if d is None:
            return np.zeros((len(needed), *y.shape), y.dtype)
        found.append(d)
    return np.stack(found)


def by_own(d: Array, needed: Sequence[int]) -> tuple[Array, Array]:
    """Return, of the derivatives by value k of the elements i, j, those with k = i, and those with k = j.

    For a value that is not needed they are those by another one.
    """
    index = np.arange(d.shape[-1])
    k = np.searchsorted(needed, index).clip(max=len(needed) - 1)
    return np.moveaxis(d[k, ..., index, :], 0, -2), np.moveaxis(d[k, ..., index], 0, -1)


def settled(quotient: Array, limit: Array, numerator: Array, divisor: Array, scale: Array, near: Array, wide: Array,
            equal: Array) -> Array:
    """Return the limit of a quotient where its divisor is near 0, if it is the quotient to rounding.

    Where the divisor is only near 0 in a wider sense, the quotient has enough digits, and its derivatives have not: a
    limit that agrees to more digits takes its place. Elsewhere return the quotient itself, but NaN where the divisor is
    0 to rounding (`equal`).
    """
    eps = np.finfo(numerator.dtype).eps
    agrees = np.less_equal(np.abs(numerator - divisor * limit), np.where(near, eps ** (1 / 2), eps ** (2 / 3)) * scale)
    return np.where(wide & agrees, limit, np.where(equal, np.nan, quotient))


def largest(*parts: Array) -> Array:
    """Return the largest absolute value in the matrices of each stack."""
    most = [np.max(np.abs(p), axis=(-2, -1), initial=0, keepdims=True) for p in parts]
    return most[0] if len(most) == 1 else np.maximum(*most)


def size_of_terms(g: Array, changes: Array, values: Array) -> Array:
    """Return how large the terms are whose sum g is, the largest gradient of each matrix: g may be a rounding error.

    It is where a function of the values is 0 at equal ones; then its changes by the values, times these, are larger.
    """
    most = np.max(np.abs(values), axis=-1, initial=0, keepdims=True)[..., None]
    return np.maximum(g, np.max(changes, axis=0) * most)


def shared(g: Array, d: Array, equal: Array) -> tuple[Array, Array]:
    """Return the gradients of the values, in one row, and whether the function depends on them alone.

    If it does, equal values share their gradients, as in np.max: any choice of vectors gives the same result.
    """
    alone = np.equal(np.maximum(largest(g[..., 1:, :]), np.max(largest(d[..., 1:, :]), axis=0)), 0)
    members = equal / np.sum(equal, axis=-1, keepdims=True, dtype=g.dtype)
    mean = matmul(g[..., :1, :], T(members))
    tolerance = math.sqrt(np.finfo(g.dtype).eps)
    differs = np.abs(g[..., :1, :] - mean) > tolerance * largest(g[..., :1, :])
    return np.where(alone & differs, mean, g[..., :1, :]), alone


def rotation_within(equal: Array, dtype: Any) -> Array:
    """Return a generator of rotations within the spaces of equal values: any antisymmetric matrix that mixes them.

    For complex vectors it is any that is minus its own conjugate transpose.
    """
    weights = np.sin(1.0 + np.arange(equal.shape[-1] ** 2).reshape(equal.shape[-2:]))
    generator = weights - weights.T
    return equal * (generator + 1j * (weights + weights.T) if dtype.kind == "c" else generator).astype(dtype)


def along(change: Change, y: Array, vectors: Array) -> Array:
    """Return the derivative of g along a direction of the vectors, 0 if there is none."""
    d = change(np.concatenate([np.zeros_like(y[..., :1, :]), vectors], axis=-2))
    return np.zeros(y.shape, y.dtype) if d is None else d


def turned(g: Array, d: Array, vectors: Array, part: slice, turn: Array) -> Array:
    """Return the derivative of v.T (gradient of v) where the vectors v turn, and d is the derivative of g."""
    return matmul(T(vectors), d[..., part, :]) - matmul(conj(turn), matmul(T(vectors), g[..., part, :]))


def antisymmetric(x: Array) -> Array:
    """Return x - x.T, of complex numbers x minus its conjugate transpose."""
    return x - H(x)


def depends(parts: Array, scale: Array, equal: Array) -> Array:
    """Return for each matrix whether the parts that must be 0 for equal values are not."""
    tolerance = math.sqrt(np.finfo(parts.dtype).eps)
    return np.any(equal & np.greater(np.abs(parts), tolerance * scale), axis=(-2, -1), keepdims=True)


def eigh_limit(i: int, r: Array, g: Array, change: Change, y: Array, a: Array, UPLO: Any) -> Array:
    """The rule with half of the derivative of S = m - m.T by w[j] - w[i] in the place of S[i, j] / (w[j] - w[i]).

    Here m is v.T (gradient of v). The mean of m[i, j] / (w[j] - w[i]) and its transpose is half of that quotient.
    """
    w, v = real_part(y[..., 0, :]), y[..., 1:, :]
    off = ~np.eye(w.shape[-1], dtype=bool)
    near, wide = close(w), close(w, 1 / 3) & off
    if not any_true(wide):
        return r
    m = matmul(T(v), g[..., 1:, :])
    s = antisymmetric(m)
    needed = in_columns(wide)
    changes = derivatives(change, y, needed)
    d = matmul(T(v), changes[..., 1:, :])
    of_i, of_j = by_own(antisymmetric(d), needed)
    gap = w[..., None, :] - w[..., None]
    equal = off & rounding(gap, w)
    quotient = pairwise_quotient(s / 2, gap, equal)
    scale = size_of_terms(largest(g[..., 1:, :]), largest(changes[..., 1:, :]), w)
    rotation = settled(quotient, (of_j - of_i) / 4, s, 2 * gap, scale, near, wide, equal)
    turn = rotation_within(equal, y.dtype)
    d = along(change, y, matmul(v, turn))
    t = antisymmetric(turned(g, d, v, slice(1, None), turn))
    rotation = np.where(depends(t, np.maximum(scale, largest(d)), equal), np.nan, rotation)
    return eigh_from(shared(g, changes, equal | ~off)[0], y, rotation + of_phases(m, g[..., 1:, :]))


def rounding(x: Array, values: Array) -> Array:
    """Return which elements of x are as small as rounding errors of the largest of the values."""
    tolerance = EXACT * values.shape[-1] * np.finfo(values.dtype).eps
    most = np.max(np.abs(values), axis=-1, initial=0, keepdims=True)
    return np.less_equal(np.abs(x), tolerance * (most[..., None] if x.ndim > values.ndim else most))


def pairs(x: Array) -> Array:
    """Return for each pair of values whether both have a property."""
    return x[..., None, :] & x[..., None]


def svd_limit(i: int, r: Array, g: Array, change: Change, y: Array, a: Array) -> Array:
    """The rule with derivatives in the place of its four quotients, see `svd_numerators`.

    p + q by the difference s[j] - s[i]; p - q by the sum s[j] + s[i]; the orthogonal parts by s[j].
    """
    u, s, v = svd_factors(y, a)
    off, none, nearly_none = ~np.eye(s.shape[-1], dtype=bool), zero(s), zero(s, 1 / 3)
    near, wide = close(s), close(s, 1 / 3) & off
    if not any_true(wide) and not any_true(nearly_none):
        return r
    numerators = svd_numerators(g, y, a)
    needed = in_columns(wide | nearly_none[..., None, :])
    d = derivatives(change, y, needed)
    changes = svd_numerators(d, y, a)
    scale = size_of_terms(largest(*svd_factors(g, a)[::2]), largest(*svd_factors(d, a)[::2]), s)
    exact = rounding(s, s)
    row, column = s[..., None, :], s[..., None]
    equal, opposite = off & rounding(row - column, s), off & rounding(row + column, s)
    of_i, of_j = by_own(changes[0], needed)
    quotients = [settled(pairwise_quotient(numerators[0], row - column, equal), (of_j - of_i) / 2,
                         numerators[0], row - column, scale, near, wide, equal)]
    of_i, of_j = by_own(changes[1], needed)
    quotients.append(settled(pairwise_quotient(numerators[1], row + column, opposite), (of_i + of_j) / 2,
                             numerators[1], row + column, scale, pairs(none), off & pairs(nearly_none), opposite))
    none, nearly_none, exact_row = (v[..., None, :] for v in (none, nearly_none, exact))
    if is_complex(y):  # the phases of u and v, which the diagonals hold
        quotients[0] = quotients[0] + of_phases(numerators[0], g)
        by_own_sum = settled(numerators[1] / (2 * np.where(exact, 1, s))[..., None, :], (of_i + of_j) / 4,
                             numerators[1], 2 * row, scale, none, nearly_none, exact_row)
        quotients[1] = np.where(off, quotients[1], by_own_sum)
    inverse = np.where(exact, 0, 1 / np.where(exact, 1, s))[..., None, :]
    for numerator, derivative in zip(numerators[2:], changes[2:], strict=True):
        limit = by_own(derivative, needed)[1]
        quotients.append(settled(numerator * inverse, limit, numerator, row, scale, none, nearly_none, exact_row))
    turn = rotation_within(equal, y.dtype)
    turn_u = turn + rotation_within(opposite, y.dtype)
    m, e = a.shape[-2], along(change, y, np.concatenate([matmul(u, turn_u), matmul(v, turn)], axis=-2))
    p = antisymmetric(turned(g, e, u, slice(1, m + 1), turn_u))
    q = antisymmetric(turned(g, e, v, slice(m + 1, None), turn))
    most = np.maximum(scale, largest(e))
    no = depends(p + q, most, equal) | depends(p - q, most, opposite)
    quotients[0] = np.where(no, np.nan, quotients[0])
    values, alone = shared(g, d, equal | ~off)
    small = np.abs(values) <= math.sqrt(np.finfo(s.dtype).eps) * largest(values)
    values = np.where(alone & exact[..., None, :] & ~small, 0, values)  # 0 is a kink of a singular value, as of abs
    return svd_from(values, y, a, *quotients)


limits.update({eigh: eigh_limit, svd: svd_limit})
