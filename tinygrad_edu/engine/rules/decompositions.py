"""Decompositions of a matrix into factors, and of a symmetric one into eigenvalues and eigenvectors.

The tape's operations have one result, so each decomposition has all its factors in one array, one below the other,
from which NumPy's are cut; its rule sees the gradients of all factors together.
"""

from typing import Any, NamedTuple

import numpy as np

from .linalg import T
from .products import matmul
from .registry import composition, defvjp, primitive, refused


class EighResult(NamedTuple):
    """What `np.linalg.eigh` gives."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """What `np.linalg.svd` gives."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """What `np.linalg.qr` gives."""

    Q: Any
    R: Any


def sides(fun: str, a: Any) -> Any:
    """How many rows and columns a matrix has."""
    if a.ndim < 2:
        raise ValueError(f"np.linalg.{fun}(of shape {a.shape}): matrices have two axes, and stacks of them more")
    return a.shape[-2:]


def inverse(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    return np.where(x == 0, 0, 1 / np.where(x == 0, 1, x))


def symmetric(x: Any) -> Any:
    """Of a symmetric matrix NumPy reads one triangle; its gradient is shared by both."""
    return (x + T(x)) / 2


def identity(x: Any) -> Any:
    """The identity matrix for vectors like x."""
    return np.eye(x.shape[-1], dtype=x.dtype)


def lower(x: Any) -> Any:
    """The lower triangle with half of the diagonal, which together with its transpose is a symmetric matrix."""
    return x * (np.tri(x.shape[-1], dtype=x.dtype) - identity(x) / 2)


# Cholesky's


def cholesky_rule(g: Any, y: Any, a: Any, upper: bool = False) -> Any:
    """With y lower: y**-T lower(y.T g) y**-1, made symmetric (Murray 2016)."""
    if upper:
        g, y = T(g), T(y)
    root = np.linalg.inv(y)
    return symmetric(matmul(T(root), matmul(lower(matmul(T(y), g)), root)))


defvjp(np.linalg.cholesky, cholesky_rule)


# Eigenvalues and eigenvectors of symmetric matrices


@primitive
def eigh(a: Any, UPLO: Any) -> Any:
    """The eigenvalues, each above its eigenvector."""
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate([w[..., None, :], v], axis=-2)


def eigh_rule(g: Any, y: Any, a: Any, UPLO: Any) -> Any:
    """v (diag(gradient of w) + f * v.T (gradient of v)) v.T, where f[i, j] = 1 / (w[j] - w[i]) (Giles 2008).

    Eigenvectors of equal eigenvalues may be any in their plane, and how they turn within it has no derivative: 0.
    """
    w, v = y[..., 0, :], y[..., 1:, :]
    turn = inverse(w[..., None, :] - w[..., None]) * matmul(T(v), g[..., 1:, :])
    return symmetric(matmul(v, matmul(turn + g[..., :1, :] * identity(w), T(v))))


defvjp(eigh, eigh_rule)


@composition(np.linalg.eigh)
def _eigh(a: Any, UPLO: Any = "L") -> EighResult:
    """Both results."""
    y = eigh(a, UPLO)
    return EighResult(y[..., 0, :], y[..., 1:, :])


def eigvalsh_rule(g: Any, y: Any, a: Any, UPLO: Any = "L") -> Any:
    """v diag(g) v.T."""
    v = np.linalg.eigh(a, UPLO)[1]
    return matmul(v * g[..., None, :], T(v))


defvjp(np.linalg.eigvalsh, eigvalsh_rule)

refused("eigenvalues of a matrix that is not symmetric are complex numbers, and Tensors are real; for a symmetric "
        "one use np.linalg.eigh or np.linalg.eigvalsh", np.linalg.eig, np.linalg.eigvals)

# Singular values and vectors


@primitive
def svd(a: Any) -> Any:
    """The singular values, each above its left and below that its right vector."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([s[..., None, :], u, T(vh)], axis=-2)


def svd_rule(g: Any, y: Any, a: Any) -> Any:
    """The sum of three parts (Townsend 2016).

    Within the planes of u and v: u core v.T, with the gradient of s on core's diagonal and beside it half of
    (p + q)[i, j] / (s[j] - s[i]) + (p - q)[i, j] / (s[j] + s[i]), where p is u.T (gradient of u) less its transpose,
    and q the same of v. Outside of them, for columns (rows) beyond the square: the rest of the gradient of u over s,
    times v.T, and likewise of v. Equal singular values, and those that are 0, divide by nothing and give 0.
    """
    m, k = a.shape[-2], y.shape[-1]
    s, u, v = y[..., 0, :], y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    gu, gv = g[..., 1 : m + 1, :], g[..., m + 1 :, :]
    p, q = matmul(T(u), gu), matmul(T(v), gv)
    turn, twist = p - T(p), q - T(q)
    column, row = s[..., None], s[..., None, :]
    core = g[..., :1, :] * identity(s) + (inverse(row - column) * (turn + twist)
                                          + inverse(row + column) * (turn - twist)) / 2
    r = matmul(u, matmul(core, T(v)))
    if m > k:
        r = r + matmul((gu - matmul(u, p)) * inverse(row), T(v))
    if v.shape[-2] > k:
        r = r + matmul(u, T((gv - matmul(v, q)) * inverse(row)))
    return r


def svdvals_rule(g: Any, y: Any, a: Any) -> Any:
    """u diag(g) v.T."""
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return matmul(u * g[..., None, :], vh)


defvjp(svd,               svd_rule)
defvjp(np.linalg.svdvals, svdvals_rule)


@composition(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """All three factors, or the singular values alone."""
    if hermitian:
        raise TypeError(
            "np.linalg.svd(..., hermitian=True) is not for Tensors; leave it out, or use np.linalg.eigh, of whose "
            "eigenvalues the absolute values are the singular values"
        )
    if not compute_uv:
        return np.linalg.svdvals(a)
    m, n = sides("svd", a)
    if full_matrices and m != n:
        raise TypeError(
            f"np.linalg.svd(of shape {a.shape}): the singular vectors that make U and Vh square may be any basis of "
            "what is left, and have no gradient; pass full_matrices=False"
        )
    y = svd(a)
    return SVDResult(y[..., 1 : m + 1, :], y[..., 0, :], T(y[..., m + 1 :, :]))


# Orthogonal times triangular


@primitive
def qr(a: Any) -> Any:
    """q and below it r.T, for a with no more columns than rows."""
    q, r = np.linalg.qr(a)
    return np.concatenate([q, T(r)], axis=-2)


def qr_rule(g: Any, y: Any, a: Any) -> Any:
    """(gradient of q + q h) r**-T, where h = lower(m) + lower(m).T for m = r (gradient of r).T - (gradient of q).T q.

    Walter, Lehmann and Lamour 2012, "On evaluating higher-order derivatives of the QR decomposition".
    """
    rows = a.shape[-2]
    q, r = y[..., :rows, :], T(y[..., rows:, :])
    gq = g[..., :rows, :]
    half = lower(matmul(r, g[..., rows:, :]) - matmul(T(gq), q))
    return T(np.linalg.solve(r, T(gq + matmul(q, half + T(half)))))


defvjp(qr, qr_rule)


@composition(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    """Both factors, or r alone; columns beyond the square follow from q: r = q.T a."""
    if mode not in ("reduced", "r"):
        raise TypeError(
            f"np.linalg.qr(..., mode={mode!r}) is not for Tensors: only mode='reduced' and mode='r' give what is "
            "determined by a, and so has a gradient"
        )
    rows, n = sides("qr", a)
    y = qr(a if n <= rows else a[..., :rows])
    q, r = y[..., :rows, :], T(y[..., rows:, :])
    if n > rows:
        r = np.concatenate([r, matmul(T(q), a[..., rows:])], axis=-1)
    return r if mode == "r" else QRResult(q, r)
