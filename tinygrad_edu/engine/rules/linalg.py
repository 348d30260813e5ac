"""Linear algebra: inverses, linear equations and determinants, by the formulas of matrix calculus.

As in NumPy, a matrix is the last two axes of an array. Most of the rules are derived in Giles 2008, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation".
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .products import matmul
from .reductions import product_of_others
from .registry import (
    Array,
    Shape,
    arrays_of,
    composition,
    conj,
    defvjp,
    is_complex,
    predicate,
    primitive,
    promoting,
    real_part,
)


def T(a: Array) -> Array:
    """Transpose each matrix of a stack."""
    return np.swapaxes(a, -1, -2)


def H(a: Array) -> Array:
    """Transpose each matrix of a stack, and conjugate it."""
    return conj(T(a))


def symmetric(x: Array) -> Array:
    """Return the symmetric (or Hermitian) part: NumPy reads one triangle of a matrix, and both share the gradient."""
    return (x + H(x)) / 2


@primitive
def mirrored(a: Array) -> Array:
    """The symmetric (or Hermitian) matrices whose lower triangles are those of a."""
    return np.tril(a) + H(np.tril(a, -1))


defvjp(mirrored, lambda g, y, a: symmetric(g))


# Inverses and linear equations
def inv_rule(g: Array, y: Array, a: Array) -> Array:
    """-y.T g y.T."""
    return -matmul(matmul(T(y), g), T(y))


def pinv_rule(g: Array, y: Array, a: Array, rcond: ArrayLike | None = None, hermitian: bool = False,
              rtol: ArrayLike | None = None) -> Array:
    """-y.T g y.T + (1 - a y) g.T y y.T + y.T y g.T (1 - y a), while the rank is constant (Golub and Pereyra 1973).

    In all but the first term, g is conjugated, and y too where it is beside another y; so are a and y in a y.
    A hermitian matrix is read from one triangle; both triangles share the gradient.
    """
    if hermitian:
        a = mirrored(a)
    conj_a, conj_y = conj(a), conj(y)
    p, q = matmul(matmul(H(g), conj_y), T(y)), matmul(T(y), matmul(conj_y, H(g)))
    r = inv_rule(g, y, a) + (p - matmul(conj_a, matmul(conj_y, p))) + (q - matmul(matmul(q, conj_y), conj_a))
    cutoff = rtol if rcond is None else rcond
    if cutoff is not None:
        r = r + of_dropped(g, a, cutoff)
    return symmetric(r) if hermitian else r


def of_dropped(g: Array, a: Array, rcond: ArrayLike) -> Array:
    """What the gradient of a pseudoinverse has beside the formula above if `rcond` drops singular values above 0.

    They turn the vectors of those that are kept: derivatives have differences of squares of both as denominators.
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    dropped = s <= np.asarray(rcond)[..., None] * s[..., :1]
    i, j = s[..., :, None], s[..., None, :]
    both = ~dropped[..., :, None] & dropped[..., None, :]
    ratio = np.where(both, j / np.where(both, i, 1), 0)
    slope = ratio / np.where(both, i * i - j * j, 1)
    w = matmul(matmul(H(u), T(g)), H(vh))
    along = (slope * ratio + T(slope * ratio)) * w + (slope + T(slope)) * H(w)
    return conj(matmul(matmul(u, along), vh))


def as_columns(v: Array, b: Array) -> Array:
    """Return v as a matrix of one column if the right-hand side b is a single vector."""
    return v[..., None] if np.ndim(b) == 1 else v


def solve_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    """-(gradient of b) y.T."""
    return matmul(as_columns(solve_b(-g, y, a, b), b), T(as_columns(y, b)))


def solve_b(g: Array, y: Array, a: Array, b: Array) -> Array:
    """The solution x of a.T x = g."""
    r = np.linalg.solve(T(a), as_columns(g, b))
    return r.squeeze(-1) if np.ndim(b) == 1 else r


defvjp(np.linalg.inv,   inv_rule)
defvjp(np.linalg.pinv,  pinv_rule)
defvjp(np.linalg.solve, solve_a, solve_b)


@primitive
def lstsq(a: Array, b: Array, rcond: float) -> Array:
    """The shortest x that minimizes |b - a x|; singular values up to rcond times the largest count as 0."""
    return np.linalg.lstsq(a, b, rcond)[0]


def lstsq_a(g: Array, y: Array, a: Array, b: Array, rcond: float) -> Array:
    """-u y.T + (b - a y) (p u).T + p.T y (g - a.T u).T with the pseudoinverse p of a and u = p.T g, as y = p b.

    Of complex numbers, b - a y, the u of p u, the second y, and g - a.T u are conjugated.
    """
    p = np.linalg.pinv(a, rcond)
    u = matmul(T(p), g)
    of_residual = matmul(conj(b - matmul(a, y)), T(matmul(p, conj(u))))
    of_residual = of_residual + matmul(matmul(T(p), conj(y)), H(g - matmul(T(a), u)))
    if rcond > 8 * max(a.shape) * np.finfo(a.dtype).eps:  # a smaller one drops only rounding errors
        of_residual = of_residual + of_dropped(matmul(g, T(b)), a, rcond)
    return of_residual - matmul(u, T(y))


def lstsq_b(g: Array, y: Array, a: Array, b: Array, rcond: float) -> Array:
    """p.T g with the pseudoinverse p of a."""
    return matmul(T(np.linalg.pinv(a, rcond)), g)


defvjp(lstsq, lstsq_a, lstsq_b)
promoting.add(lstsq)


@composition(np.linalg.lstsq)
def _lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> tuple[Array, Array, np.intp, Array]:
    """The solution, the squared residuals (if a has full rank and more rows than columns), rank, singular values."""
    a, b = arrays_of([a, b])
    epsilon = float(np.finfo(np.float64).eps)  # NumPy computes in float64 for float32 too
    rcond = epsilon * max((1, *a.shape)) if rcond is None else rcond if 0 < rcond < 1 else epsilon / 2
    x = lstsq(a, as_columns(b, b), rcond)
    s = np.linalg.svdvals(a)
    rank = np.count_nonzero(s > rcond * s[:1])
    determined = a.shape[1] < a.shape[0] and full_rank(rank, a.shape[1])
    rest = as_columns(b, b) - a @ x
    residuals = np.sum(real_part(rest * conj(rest)), axis=0) if determined else np.zeros(0, s.dtype)
    return (x.squeeze(-1) if b.ndim == 1 else x), residuals, rank, s


@predicate
def full_rank(rank: np.intp, n: int) -> bool:
    """Return whether all n columns are independent."""
    return bool(rank == n)


@composition(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """The inverse of a as a matrix: its first `ind` axes index the rows, the others the columns."""
    if ind <= 0:
        raise ValueError(f"np.linalg.tensorinv(of shape {a.shape}, ind={ind}): at least one axis must index the rows")
    n = math.prod(a.shape[ind:])
    return np.linalg.inv(a.reshape(n, -1)).reshape(a.shape[ind:] + a.shape[:ind])


@composition(np.linalg.tensorsolve)
def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Shape | None = None) -> Array:
    """The x whose tensordot with a, over all axes of x, is b."""
    a, b = arrays_of([a, b])
    if axes is not None:
        a = np.moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    shape = a.shape[b.ndim :]
    n = math.prod(shape)
    if a.size != n * n:
        raise ValueError(
            f"np.linalg.tensorsolve(of shape {a.shape}, of shape {b.shape}): a's last {len(shape)} axes stand for {n} "
            f"unknowns, which need {n} equations; axes= moves axes of a to the end"
        )
    return np.linalg.solve(a.reshape(n, n), b.reshape(-1)).reshape(shape)


# Determinants
def signed_svd(a: Array) -> tuple[Array, Array, Array, Array]:
    """Return the conjugates of u and v, and s, of a = u diag(s) v, and the determinant of u v, whose size is 1."""
    broken = ~np.all(np.isfinite(a), axis=(-2, -1), keepdims=True)  # of them NumPy has no SVD
    u, s, v = np.linalg.svd(np.where(broken, 0, a))
    s = np.where(broken[..., 0], np.nan, s)
    return conj(u), s, conj(v), np.sign(np.linalg.det(u) * np.linalg.det(v))[..., None, None]


@primitive
def cofactors(a: Array) -> Array:
    """The gradient of the determinant. That of diag(s) is the product of the other elements of s, also where s is 0."""
    u, s, v, sign = signed_svd(a)
    return sign * matmul(u * product_of_others(s)[..., None, :], v)


@primitive
def cofactors_jvp(g: Array, a: Array) -> Array:
    """The derivative of the cofactors of a in the direction g.

    It is symmetric: sum(h cofactors_jvp(g, a)) = sum(g cofactors_jvp(h, a)), so it is the vjp too. For diag(s), and
    with p[i, j] the product of all of s but the i-th and the j-th, the derivative of a cofactor off the diagonal is
    -p g.T, and of one on the diagonal the sum of p[i, j] g[j, j] over the other j (the diagonal of p cancels).
    """
    u, s, v, sign = signed_svd(a)
    one = np.eye(s.shape[-1], dtype=s.dtype)
    p = product_of_others(np.where(one, 1, s[..., None, :]))
    g = matmul(matmul(T(u), g), T(v))
    diagonal = np.sum(matmul(p, one * g), axis=-1, keepdims=True)
    return sign * matmul(matmul(u, one * diagonal - p * T(g)), v)


def cofactors_jvp_a(h: Array, y: Array, g: Array, a: Array) -> Array:
    """The rule by a, from y = (c sum(g c) - c g.T c) / det(a) with the cofactors c; only for regular matrices."""
    c, d = cofactors(a), np.linalg.det(a)[..., None, None]
    sum_hc, sum_gc, sum_hy = (np.sum(v, axis=(-2, -1), keepdims=True) for v in (h * c, g * c, h * y))
    by_c = sum_hc * g + sum_gc * h - matmul(matmul(h, T(c)), g) - matmul(matmul(g, T(c)), h)
    return cofactors_jvp(by_c / d, a) - sum_hy / d * c


@primitive
def slogdet(a: Array) -> Array:
    """Both results of `np.linalg.slogdet` in one array."""
    return np.stack(np.linalg.slogdet(a), axis=-1)


def slogdet_rule(g: Array, y: Array, a: Array) -> Array:
    """The transposed inverse, times the gradient of the logarithm of the determinant.

    The sign of a complex determinant is exp(i v), where v is the imaginary part of that logarithm.
    """
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"np.linalg.slogdet(of shape {a.shape}): a matrix is singular, and the logarithm of its determinant, -inf, "
            "has no gradient; np.linalg.det has one, or add a small multiple of np.eye(n)"
        ) from None
    of_log = g[..., 1]
    if is_complex(a):
        of_log = of_log + np.imag(g[..., 0] * y[..., 0]) * 1j
    return of_log[..., None, None] * T(inverse)


defvjp(np.linalg.det, lambda g, y, a: g[..., None, None] * cofactors(a))
defvjp(cofactors,     lambda g, y, a: cofactors_jvp(g, a))
defvjp(cofactors_jvp, lambda h, y, g, a: cofactors_jvp(h, a), cofactors_jvp_a)
defvjp(slogdet,       slogdet_rule)


class SlogdetResult(NamedTuple):
    """The results of `np.linalg.slogdet`."""

    sign: Array
    logabsdet: Array


@composition(np.linalg.slogdet)
def _slogdet(a: Array) -> SlogdetResult:
    """The sign, a constant if it is real, and the logarithm of the absolute value."""
    both = slogdet(a)
    sign = both[..., 0]
    return SlogdetResult(sign if is_complex(sign) else np.sign(sign), real_part(both[..., 1]))
