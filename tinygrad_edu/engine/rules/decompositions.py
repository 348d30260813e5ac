"""Decompositions of a matrix into factors, and of a symmetric matrix into eigenvalues and eigenvectors.

An operation of the tape has one result. So the primitive of a decomposition returns all factors in one array, one below
the other; the composition cuts NumPy's results from it, and the rule gets the gradients of all factors at once.
"""

from typing import Literal, NamedTuple

import numpy as np

from .linalg import T
from .products import matmul
from .registry import Array, composition, defvjp, primitive, refused


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


def inverse(x: Array) -> Array:
    """Return 1 / x, and 0 where x is 0."""
    return np.where(x == 0, 0, 1 / np.where(x == 0, 1, x))


def symmetric(x: Array) -> Array:
    """Return the symmetric part: NumPy reads one triangle of a symmetric matrix, and both share the gradient."""
    return (x + T(x)) / 2


def identity(x: Array) -> Array:
    """Return the identity matrix for vectors of the length of x."""
    return np.eye(x.shape[-1], dtype=x.dtype)


def lower(x: Array) -> Array:
    """Return the lower triangle with half of the diagonal; added to its transpose it is a symmetric matrix."""
    return x * (np.tri(x.shape[-1], dtype=x.dtype) - identity(x) / 2)


# Cholesky's decomposition
def cholesky_rule(g: Array, y: Array, a: Array, upper: bool = False) -> Array:
    """With y lower: y**-T lower(y.T g) y**-1, made symmetric (Murray 2016)."""
    if upper:
        g, y = T(g), T(y)
    root = np.linalg.inv(y)
    return symmetric(matmul(T(root), matmul(lower(matmul(T(y), g)), root)))


defvjp(np.linalg.cholesky, cholesky_rule)


# Eigenvalues and eigenvectors of symmetric matrices
@primitive
def eigh(a: Array, UPLO: Literal["L", "U"]) -> Array:
    """Eigenvalues, each above its eigenvector."""
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate([w[..., None, :], v], axis=-2)


def eigh_rule(g: Array, y: Array, a: Array, UPLO: Literal["L", "U"]) -> Array:
    """v (diag(gradient of w) + f * v.T (gradient of v)) v.T, where f[i, j] = 1 / (w[j] - w[i]) (Giles 2008).

    Eigenvectors of equal eigenvalues are any basis of their eigenspace. A rotation within it has no derivative: 0.
    """
    w, v = y[..., 0, :], y[..., 1:, :]
    rotation = inverse(w[..., None, :] - w[..., None]) * matmul(T(v), g[..., 1:, :])
    return symmetric(matmul(v, matmul(rotation + g[..., :1, :] * identity(w), T(v))))


defvjp(eigh, eigh_rule)


@composition(np.linalg.eigh)
def _eigh(a: Array, UPLO: Literal["L", "U"] = "L") -> EighResult:
    y = eigh(a, UPLO)
    return EighResult(y[..., 0, :], y[..., 1:, :])


def eigvalsh_rule(g: Array, y: Array, a: Array, UPLO: Literal["L", "U"] = "L") -> Array:
    """v diag(g) v.T."""
    v = np.linalg.eigh(a, UPLO)[1]
    return matmul(v * g[..., None, :], T(v))


defvjp(np.linalg.eigvalsh, eigvalsh_rule)

refused("eigenvalues of a matrix that is not symmetric may be complex, and Tensors hold real numbers; for a symmetric "
        "one use np.linalg.eigh or np.linalg.eigvalsh", np.linalg.eig, np.linalg.eigvals)


# Singular values and vectors
@primitive
def svd(a: Array) -> Array:
    """Singular values, each above its left and its right singular vector."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([s[..., None, :], u, T(vh)], axis=-2)


def svd_rule(g: Array, y: Array, a: Array) -> Array:
    """The sum of three parts (Townsend 2016).

    Within the spaces that u and v span: u middle v.T. The diagonal of middle is the gradient of s. Its other elements
    are half of (p + q)[i, j] / (s[j] - s[i]) + (p - q)[i, j] / (s[j] + s[i]), where p is u.T (gradient of u) minus its
    transpose, and q the same of v. For a matrix with more rows (or columns): the part of the gradient of u orthogonal
    to u, divided by s, times v.T; and the same of v. Equal singular values, and those that are 0, contribute 0.
    """
    m, k = a.shape[-2], y.shape[-1]
    s, u, v = y[..., 0, :], y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    gu, gv = g[..., 1 : m + 1, :], g[..., m + 1 :, :]
    uu, vv = matmul(T(u), gu), matmul(T(v), gv)
    p, q = uu - T(uu), vv - T(vv)
    column, row = s[..., None], s[..., None, :]
    middle = g[..., :1, :] * identity(s) + (inverse(row - column) * (p + q) + inverse(row + column) * (p - q)) / 2
    r = matmul(u, matmul(middle, T(v)))
    if m > k:
        r = r + matmul((gu - matmul(u, uu)) * inverse(row), T(v))
    if v.shape[-2] > k:
        r = r + matmul(u, T((gv - matmul(v, vv)) * inverse(row)))
    return r


def svdvals_rule(g: Array, y: Array, a: Array) -> Array:
    """u diag(g) v.T."""
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return matmul(u * g[..., None, :], vh)


defvjp(svd,               svd_rule)
defvjp(np.linalg.svdvals, svdvals_rule)


@composition(np.linalg.svd)
def _svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> SVDResult | Array:
    if hermitian:
        raise TypeError(
            "np.linalg.svd(..., hermitian=True) does not take Tensors; leave it out, or use np.linalg.eigh, where the "
            "absolute values of the eigenvalues are the singular values"
        )
    if not compute_uv:
        return np.linalg.svdvals(a)
    m, n = matrix_shape("svd", a)
    if full_matrices and m != n:
        raise TypeError(
            f"np.linalg.svd(of shape {a.shape}): the singular vectors that complete U or Vh to a square matrix are not "
            "unique and have no gradient; pass full_matrices=False"
        )
    y = svd(a)
    return SVDResult(y[..., 1 : m + 1, :], y[..., 0, :], T(y[..., m + 1 :, :]))


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
    half = lower(matmul(r, g[..., m:, :]) - matmul(T(gq), q))
    return T(np.linalg.solve(r, T(gq + matmul(q, half + T(half)))))


defvjp(qr, qr_rule)


@composition(np.linalg.qr)
def _qr(a: Array, mode: str = "reduced") -> QRResult | Array:
    """Both factors, or r alone. Where a has more columns than rows, q decomposes the first ones, and r is q.T a."""
    if mode not in ("reduced", "r"):
        raise TypeError(
            f"np.linalg.qr(..., mode={mode!r}) does not take Tensors, as its factors are not unique; use "
            "mode='reduced' or mode='r'"
        )
    m, n = matrix_shape("qr", a)
    y = qr(a if n <= m else a[..., :m])
    q, r = y[..., :m, :], T(y[..., m:, :])
    if n > m:
        r = np.concatenate([r, matmul(T(q), a[..., m:])], axis=-1)
    return r if mode == "r" else QRResult(q, r)
