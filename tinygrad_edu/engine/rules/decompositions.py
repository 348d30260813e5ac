"""Decompositions of a matrix into factors, and of a symmetric matrix into eigenvalues and eigenvectors.

An operation of the tape has one result. So the primitive of a decomposition returns all factors in one array, one below
the other; the composition cuts NumPy's results from it, and the rule gets the gradients of all factors at once.
"""

import math
from typing import Literal, NamedTuple

import numpy as np

from .bases import complete_vectors, completed
from .linalg import H, T, symmetric
from .products import matmul
from .registry import (
    Array,
    composition,
    conj,
    defvjp,
    is_complex,
    primitive,
    real_part,
    unsettled,
)

ROUNDING = 1e2  # gradients by vectors below so many rounding errors of 1 may be nothing else


class EighResult(NamedTuple):
    """The results of `np.linalg.eigh`."""

    eigenvalues: Array
    eigenvectors: Array


class SVDResult(NamedTuple):
    """The results of `np.linalg.svd`."""

    U: Array
    S: Array
    Vh: Array


class QRResult(NamedTuple):
    """The results of `np.linalg.qr`."""

    Q: Array
    R: Array


def matrix_shape(fun: str, a: Array) -> tuple[int, int]:
    """Return the numbers of rows and columns of a matrix."""
    if a.ndim < 2:
        raise ValueError(f"np.linalg.{fun}(of shape {a.shape}): matrices have two axes, and stacks of them more")
    m, n = a.shape[-2:]
    return m, n


def identity(x: Array) -> Array:
    """Return the identity matrix for vectors of the length of x."""
    return np.eye(x.shape[-1], dtype=x.dtype)


def lower(x: Array) -> Array:
    """Return the lower triangle with half of the diagonal; added to its transpose it is a symmetric matrix."""
    return x * (np.tri(x.shape[-1], dtype=x.dtype) - identity(x) / 2)


# Cholesky's decomposition
def cholesky_rule(g: Array, y: Array, a: Array, upper: bool = False) -> Array:
    """With y lower: y**-T lower(y.T g) y**-1, its second y conjugated, made symmetric (Murray 2016)."""
    if upper:
        g, y = H(g), H(y)
    root = np.linalg.inv(y)
    return symmetric(matmul(T(root), matmul(lower(matmul(T(y), g)), conj(root))))


defvjp(np.linalg.cholesky, cholesky_rule)


# Eigenvalues and eigenvectors of symmetric matrices
@primitive
def eigh(a: Array, UPLO: Literal["L", "U"]) -> Array:
    """Eigenvalues, each above its eigenvector."""
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate([w[..., None, :], v], axis=-2)


def close(x: Array, power: float = 1 / 2) -> Array:
    """Return which pairs of values in the rows of x are equal, or so close that a difference of results is rounding.

    The tolerance is a power of the rounding error: 1/2 for a quotient of differences, 1/3 for the derivative of one.
    """
    distance = np.abs(x[..., None, :] - x[..., None])
    tolerance = np.finfo(x.dtype).eps ** power
    return np.less_equal(distance, tolerance * np.max(np.abs(x), axis=-1, initial=0, keepdims=True)[..., None])


def pairwise_quotient(x: Array | float, divisor: Array, unknown: Array) -> Array:
    """Return x / divisor for each pair of values, 0 on the diagonal, and NaN where the quotient is unknown."""
    one = np.eye(divisor.shape[-1], dtype=bool)
    return np.where(one, 0, np.where(unknown, np.nan, x / np.where(unknown | one, 1, divisor)))


def eigh_from(g: Array, y: Array, rotation: Array) -> Array:
    """Return the gradient of the matrix, given the rotation of the eigenvectors: v (diag(g of w) + rotation) v.T.

    Of complex vectors the first v is conjugated, as g is.
    """
    w, v = y[..., 0, :], y[..., 1:, :]
    return symmetric(matmul(conj(v), matmul(rotation + g[..., :1, :] * identity(w), T(v))))


def eigh_rule(g: Array, y: Array, a: Array, UPLO: Literal["L", "U"]) -> Array:
    """v (diag(gradient of w) + f * v.T (gradient of v)) v.T, where f[i, j] = 1 / (w[j] - w[i]) (Giles 2008).

    NaN where eigenvalues are equal: see `degenerate.py` for the limit. NaN too for a function that depends on the phase
    exp(i t) of a complex eigenvector, which is a matter of choice.
    """
    w, v = real_part(y[..., 0, :]), y[..., 1:, :]
    factor = pairwise_quotient(1.0, w[..., None, :] - w[..., None], close(w))
    m = matmul(T(v), g[..., 1:, :])
    return eigh_from(g, y, m * factor + of_phases(m, g[..., 1:, :]))


def of_phases(m: Array, g: Array) -> Array | float:
    """Return NaN on the diagonal where a function depends on the phases of complex vectors, else 0.

    m holds the products of vectors and their gradients g; a change of phase is an imaginary part of its diagonal. All
    of g may be rounding errors, as those of v @ inv(v) are, so the smallest numbers say nothing.
    """
    if not is_complex(m):
        return 0.0
    eps = np.finfo(m.dtype).eps
    tolerance = math.sqrt(eps) * np.max(np.abs(g), axis=(-2, -1), initial=0, keepdims=True)
    depends = np.abs(np.imag(m)) > tolerance + ROUNDING * eps
    return np.where(np.eye(m.shape[-1], dtype=bool) & depends, np.nan, 0)


defvjp(eigh, eigh_rule)


@composition(np.linalg.eigh)
def _eigh(a: Array, UPLO: Literal["L", "U"] = "L") -> EighResult:
    y = eigh(a, UPLO)
    return EighResult(real_part(y[..., 0, :]), y[..., 1:, :])


@composition(np.linalg.eigvalsh)
def _eigvalsh(a: Array, UPLO: Literal["L", "U"] = "L") -> Array:
    return real_part(eigh(a, UPLO)[..., 0, :])


# Singular values and vectors
@primitive
def svd(a: Array) -> Array:
    """Singular values, each above its left and its right singular vector."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([s[..., None, :], u, H(vh)], axis=-2)


def svd_factors(y: Array, a: Array) -> tuple[Array, Array, Array]:
    """Return u, s and v (not its transpose) from the result of `svd`."""
    m = a.shape[-2]
    return y[..., 1 : m + 1, :], real_part(y[..., 0, :]), y[..., m + 1 :, :]


def zero(s: Array, power: float = 1 / 2) -> Array:
    """Return which singular values are 0, or so small that they may be rounding; for the power see `close`."""
    tolerance = np.finfo(s.dtype).eps ** power
    return np.less_equal(s, tolerance * np.max(s, axis=-1, initial=0, keepdims=True))


def svd_numerators(g: Array, y: Array, a: Array) -> tuple[Array, Array, Array, Array]:
    """Return what the rule divides by s[j] - s[i], by s[j] + s[i], and, of u and of v, by s[j] (Townsend 2016).

    With p, u.T (gradient of u) minus its transpose, and q, the same of v: p + q, p - q, and the parts of the gradients
    of u and v that are orthogonal to u and v. For complex vectors, transposes but not those of u and v are conjugated.
    """
    u, _, v = svd_factors(y, a)
    gu, _, gv = svd_factors(g, a)
    uu, vv = matmul(T(u), gu), matmul(T(v), gv)
    p, q = uu - H(uu), vv - H(vv)
    return p + q, p - q, gu - matmul(conj(u), uu), gv - matmul(conj(v), vv)


def svd_from(g: Array, y: Array, a: Array, by_difference: Array, by_sum: Array, by_u: Array, by_v: Array) -> Array:
    """Return the gradient of the matrix from the four quotients: u middle v.T, and what is orthogonal to u and to v."""
    u, s, v = svd_factors(y, a)
    middle = g[..., :1, :] * identity(s) + (by_difference + by_sum) / 2
    u = conj(u)
    r = matmul(u, matmul(middle, T(v)))
    if u.shape[-2] > s.shape[-1]:
        r = r + matmul(by_u, T(v))
    if v.shape[-2] > s.shape[-1]:
        r = r + matmul(u, H(by_v))
    return r


def svd_rule(g: Array, y: Array, a: Array) -> Array:
    """u middle v.T plus parts orthogonal to u and v (Townsend 2016).

    The diagonal of middle is the gradient of s; for its other elements and the parts see `svd_numerators`. NaN where
    singular values are equal or 0: see `degenerate.py` for the limit. A phase that complex u and v share is a matter of
    choice, so a function that depends on it gets NaN; the phase of u alone adds to the diagonal.
    """
    s = real_part(y[..., 0, :])
    equal = close(s)
    by_difference, by_sum, by_u, by_v = svd_numerators(g, y, a)
    row, column, none = s[..., None, :], s[..., None], zero(s)
    both = none[..., None, :] & none[..., None]
    known = np.where(none, np.nan, 1 / np.where(none, 1, s))[..., None, :]
    quotient = by_difference * pairwise_quotient(1.0, row - column, equal)
    if is_complex(a):
        one = np.eye(s.shape[-1], dtype=bool)
        quotient = quotient + of_phases(by_difference, g) + np.where(one, by_sum * known / 2, 0)
    return svd_from(g, y, a, quotient, by_sum * pairwise_quotient(1.0, row + column, both), by_u * known, by_v * known)


defvjp(svd, svd_rule)


@composition(np.linalg.svdvals)
def _svdvals(x: Array, /) -> Array:
    return real_part(svd(x)[..., 0, :])


unsettled.update([eigh, svd])


@composition(np.linalg.svd)
def _svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> SVDResult | Array:
    if hermitian:
        raise TypeError(
            "np.linalg.svd(..., hermitian=True) does not take Tensors; leave it out, or use np.linalg.eigh, where the "
            "absolute values of the eigenvalues are the singular values"
        )
    if not compute_uv:
        return np.linalg.svdvals(a)
    m, _ = matrix_shape("svd", a)
    y = svd(a)
    u, v = y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    if full_matrices:
        u, v = completed(u, complete_vectors(a, "U")), completed(v, complete_vectors(a, "V"))
    return SVDResult(u, real_part(y[..., 0, :]), H(v))


# QR decomposition
@primitive
def qr(a: Array) -> Array:
    """q and below it r.T, for a matrix with no more columns than rows."""
    q, r = np.linalg.qr(a)
    return np.concatenate([q, T(r)], axis=-2)


def qr_rule(g: Array, y: Array, a: Array) -> Array:
    """(gradient of q + q h) r**-T, where h = lower(m) + lower(m).T for m = r (gradient of r).T - (gradient of q).T q.

    Walter, Lehmann and Lamour 2012, "On evaluating higher-order derivatives of the QR decomposition".
    """
    m = a.shape[-2]
    q, r = y[..., :m, :], T(y[..., m:, :])
    gq = g[..., :m, :]
    half = lower(matmul(conj(r), conj(g[..., m:, :])) - matmul(H(gq), conj(q)))
    try:
        return T(np.linalg.solve(r, T(gq + matmul(conj(q), half + H(half)))))
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"np.linalg.qr(of shape {a.shape}): a column depends on those before it, so the factors have no gradient"
        ) from None


defvjp(qr, qr_rule)


@composition(np.linalg.qr)
def _qr(a: Array, mode: str = "reduced") -> QRResult | Array:
    """Both factors, or r alone. Where a has more columns than rows, q decomposes the first ones, and r is q.T a."""
    if mode not in ("reduced", "r", "complete"):
        raise TypeError(
            f"np.linalg.qr(..., mode={mode!r}) does not take Tensors; use mode='reduced', mode='complete' or mode='r'"
        )
    m, n = matrix_shape("qr", a)
    y = qr(a if n <= m else a[..., :m])
    q, r = y[..., :m, :], T(y[..., m:, :])
    if n > m:
        r = np.concatenate([r, matmul(H(q), a[..., m:])], axis=-1)
    if mode == "complete" and m > n:
        q = completed(q, complete_vectors(a, "Q"))
        r = np.concatenate([r, np.zeros((*r.shape[:-2], m - n, n), r.dtype)], axis=-2)
    return r if mode == "r" else QRResult(q, r)
