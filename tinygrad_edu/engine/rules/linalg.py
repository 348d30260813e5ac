"""Linear algebra: norms, and what is made from a whole matrix; the formulas are those of matrix calculus.

Matrices are the last two axes, as in NumPy, and what stands before them is a stack. Giles 2008, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation", derives most of these rules.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .products import matmul
from .reductions import others, spread
from .registry import arrays_of, composition, defvjp, nondifferentiable, predicate, primitive


def T(a: Any) -> Any:
    """Each matrix of a stack, transposed."""
    return np.swapaxes(a, -1, -2)


# Norms


@primitive
def length(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The root of the sum of squares along `axis`, one or several."""
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def length_rule(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """x / y: the direction of x, and 0 where x has none."""
    return spread(g / np.where(y == 0, 1, y), x, axis, keepdims) * x


@primitive
def minkowski(x: Any, p: float, axis: Any = None, keepdims: bool = False) -> Any:
    """The p-norm along `axis`, one or several: the sum of |x|**p, to the power of 1/p."""
    return np.sum(np.abs(x) ** float(p), axis=axis, keepdims=keepdims) ** (1 / float(p))


def minkowski_rule(g: Any, y: Any, x: Any, p: float, axis: Any = None, keepdims: bool = False) -> Any:
    """sign(x) (|x| / y)**(p-1), and 0 where x or y is 0."""
    part = np.where(x == 0, 1, np.abs(x)) / spread(np.where(y == 0, 1, y), x, axis, keepdims)
    return spread(np.where(y == 0, 0, g), x, axis, keepdims) * np.sign(x) * part ** (float(p) - 1)


defvjp(length,    length_rule)
defvjp(minkowski, minkowski_rule)


def largest(x: Any, axis: Any = -1, keepdims: bool = False) -> Any:
    """The maximum of numbers that are not negative; that of none is 0."""
    return (np.max if x.size else np.sum)(x, axis=axis, keepdims=keepdims)


def spectrum(a: Any) -> Any:
    """The singular values. They are absolute values, and like those have the gradient 0 at 0."""
    return np.abs(np.linalg.svdvals(a))


_MATRIX_NORMS: dict[Any, Any] = {
    1:       lambda a: largest(np.sum(np.abs(a), axis=-2)),
    -1:      lambda a: np.min(np.sum(np.abs(a), axis=-2), axis=-1),
    np.inf:  lambda a: largest(np.sum(np.abs(a), axis=-1)),
    -np.inf: lambda a: np.min(np.sum(np.abs(a), axis=-1), axis=-1),
    2:       lambda a: largest(spectrum(a)),
    -2:      lambda a: np.min(spectrum(a), axis=-1),
    "nuc":   lambda a: np.sum(spectrum(a), axis=-1),
}


@composition(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors along one axis, of matrices along two, and with neither asked for of all as one vector."""
    if ord is None and axis is None:
        return length(x, None, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)
    if len(axes) != 2:
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}) over {len(axes)} axes: vectors have one and matrices "
            "two; say which with axis=, or leave ord out, or use np.linalg.vector_norm"
        )
    if ord in (None, "fro", "f"):
        return length(x, axes, keepdims)
    if ord not in _MATRIX_NORMS:
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}): matrices have the norms 'fro', 'nuc', 1, 2, inf, -1, "
            "-2, -inf; for vectors name one axis, axis=-1, or use np.linalg.vector_norm"
        )
    y = _MATRIX_NORMS[ord](x if axis is None else np.moveaxis(x, axes, (-2, -1)))
    return np.expand_dims(y, axes) if keepdims else y


@composition(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Along any number of axes; ord=0 counts, and so is constant."""
    if isinstance(ord, str):
        raise ValueError(
            f"np.linalg.norm(of shape {x.shape}, ord={ord!r}): vectors have norms of numbers, 1, 2, np.inf, ...; "
            "for matrices name two axes, axis=(-2, -1)"
        )
    if ord is None or ord == 2:
        return length(x, axis, keepdims)
    if ord == 0:
        return np.sum(x != 0, axis=axis, dtype=x.dtype, keepdims=keepdims)
    if ord == np.inf:
        return largest(np.abs(x), axis, keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    return minkowski(x, ord, axis, keepdims)


@composition(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Of the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


@composition(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """|x| |inverse of x|; for the 2-norm the ratio of the outermost singular values, inf if the matrix is singular."""
    if 0 in x.shape[-2:]:
        raise ValueError(f"np.linalg.cond(of shape {x.shape}): a matrix without elements has no condition number")
    if p not in (None, 2, -2):
        return norm(x, p, (-2, -1)) * norm(np.linalg.inv(x), p, (-2, -1))
    s = np.linalg.svdvals(x)
    above, below = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
    return np.where(below == 0, np.inf, above / np.where(below == 0, 1, below))


nondifferentiable(np.linalg.matrix_rank)

# Inverses and linear equations


def inv_rule(g: Any, y: Any, a: Any) -> Any:
    """-y.T g y.T."""
    return -matmul(matmul(T(y), g), T(y))


def pinv_rule(g: Any, y: Any, a: Any, rcond: Any = None, hermitian: bool = False, rtol: Any = None) -> Any:
    """-y.T g y.T + (1 - a y) g.T y y.T + y.T y g.T (1 - y a), while the rank stays (Golub and Pereyra 1973).

    A hermitian matrix is known by one triangle, and the gradient is shared by both.
    """
    p, q = matmul(matmul(T(g), y), T(y)), matmul(T(y), matmul(y, T(g)))
    r = inv_rule(g, y, a) + (p - matmul(a, matmul(y, p))) + (q - matmul(matmul(q, y), a))
    return (r + T(r)) / 2 if hermitian else r


def columns(v: Any, b: Any) -> Any:
    """v as matrices, if the right-hand side b is a single vector."""
    return v[..., None] if np.ndim(b) == 1 else v


def solve_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """-(gradient of b) y.T."""
    return matmul(columns(solve_b(-g, y, a, b), b), T(columns(y, b)))


def solve_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The solution for a.T and g."""
    r = np.linalg.solve(T(a), columns(g, b))
    return r.squeeze(-1) if np.ndim(b) == 1 else r


defvjp(np.linalg.inv,   inv_rule)
defvjp(np.linalg.pinv,  pinv_rule)
defvjp(np.linalg.solve, solve_a, solve_b)


@primitive
def lstsq(a: Any, b: Any, rcond: float) -> Any:
    """The shortest x of those with the least |b - a x|; singular values up to rcond times the largest count as 0."""
    return np.linalg.lstsq(a, b, rcond)[0]


def lstsq_a(g: Any, y: Any, a: Any, b: Any, rcond: float) -> Any:
    """-u y.T + (b - a y) (p u).T + p.T y (g - a.T u).T with a's pseudoinverse p and u = p.T g, as x is p b."""
    p = np.linalg.pinv(a, rcond)
    u = matmul(T(p), g)
    moved = matmul(b - matmul(a, y), T(matmul(p, u))) + matmul(matmul(T(p), y), T(g - matmul(T(a), u)))
    return moved - matmul(u, T(y))


def lstsq_b(g: Any, y: Any, a: Any, b: Any, rcond: float) -> Any:
    """The pseudoinverse's transpose, times g."""
    return matmul(T(np.linalg.pinv(a, rcond)), g)


defvjp(lstsq, lstsq_a, lstsq_b)


@composition(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """The solution, the squared residuals (if a has full rank and more rows than columns), rank, singular values."""
    a, b = arrays_of([a, b])
    epsilon = float(np.finfo(np.float64).eps)  # float32, too, is computed in float64
    rcond = epsilon * max((1, *a.shape)) if rcond is None else rcond if 0 < rcond < 1 else epsilon / 2
    x = lstsq(a, columns(b, b), rcond)
    s = np.linalg.svdvals(a)
    rank = np.count_nonzero(s > rcond * s[:1])
    determined = a.shape[1] < a.shape[0] and full(rank, a.shape[1])
    residuals = np.sum(np.square(columns(b, b) - a @ x), axis=0) if determined else np.zeros(0, x.dtype)
    return (x.squeeze(-1) if b.ndim == 1 else x), residuals, rank, s


@predicate
def full(rank: Any, n: int) -> bool:
    """Whether all of n columns are independent."""
    return bool(rank == n)


@composition(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of a, its first `ind` axes taken as rows and the rest as columns."""
    if ind <= 0:
        raise ValueError(f"np.linalg.tensorinv(of shape {a.shape}, ind={ind}): at least one axis makes the rows")
    rows = math.prod(a.shape[ind:])
    return np.linalg.inv(a.reshape(rows, -1)).reshape(a.shape[ind:] + a.shape[:ind])


@composition(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x whose tensordot with a, over all axes of x, is b."""
    a, b = arrays_of([a, b])
    if axes is not None:
        a = np.moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    shape = a.shape[b.ndim :]
    n = math.prod(shape)
    if a.size != n * n:
        raise ValueError(
            f"np.linalg.tensorsolve(of shape {a.shape}, of shape {b.shape}): {n} unknowns, one for each combination "
            f"of a's last {len(shape)} axes, need as many equations; axes= moves axes of a to the end"
        )
    return np.linalg.solve(a.reshape(n, n), b.reshape(-1)).reshape(shape)


# Determinants


def turned(a: Any) -> tuple[Any, Any, Any, Any]:
    """u, s, v of a = u diag(s) v, and the determinant of u v, which is 1 or -1."""
    u, s, v = np.linalg.svd(a)
    return u, s, v, np.sign(np.linalg.det(u) * np.linalg.det(v))[..., None, None]


@primitive
def cofactors(a: Any) -> Any:
    """The gradient of the determinant; for diag(s) it is the products of the others, also where some of s are 0."""
    u, s, v, sign = turned(a)
    return sign * matmul(u * others(s)[..., None, :], v)


@primitive
def bent(g: Any, a: Any) -> Any:
    """The change of the cofactors as a moves along g, which is symmetric: sum(h bent(g, a)) = sum(g bent(h, a)).

    For diag(s), and with p[i, j] the product of all of s but the i-th and the j-th, a cofactor beside the diagonal
    changes by -p g.T, and one on it by the sum of p[i, j] g[j, j] over the others (p's own diagonal cancels).
    """
    u, s, v, sign = turned(a)
    one = np.eye(s.shape[-1], dtype=s.dtype)
    p = others(np.where(one, 1, s[..., None, :]))
    g = matmul(matmul(T(u), g), T(v))
    on = np.sum(matmul(p, one * g), axis=-1, keepdims=True)
    return sign * matmul(matmul(u, one * on - p * T(g)), v)


def bent_a(h: Any, y: Any, g: Any, a: Any) -> Any:
    """As bent is (c sum(g c) - c g.T c) / det(a), c being the cofactors; a third derivative, for regular matrices."""
    c, d = cofactors(a), np.linalg.det(a)[..., None, None]
    along_h, along_g, along = (np.sum(v, axis=(-2, -1), keepdims=True) for v in (h * c, g * c, h * y))
    by_c = along_h * g + along_g * h - matmul(matmul(h, T(c)), g) - matmul(matmul(g, T(c)), h)
    return bent(by_c / d, a) - along / d * c


@primitive
def slogdet(a: Any) -> Any:
    """Both results of `np.linalg.slogdet`, side by side."""
    return np.stack(np.linalg.slogdet(a), axis=-1)


defvjp(np.linalg.det, lambda g, y, a: g[..., None, None] * cofactors(a))
defvjp(cofactors,     lambda g, y, a: bent(g, a))
defvjp(bent,          lambda h, y, g, a: bent(h, a), bent_a)
defvjp(slogdet,       lambda g, y, a: g[..., 1, None, None] * T(np.linalg.inv(a)))


class SlogdetResult(NamedTuple):
    """What `np.linalg.slogdet` gives."""

    sign: Any
    logabsdet: Any


@composition(np.linalg.slogdet)
def _slogdet(a: Any) -> SlogdetResult:
    """The sign, a constant, and the logarithm of the absolute value."""
    both = slogdet(a)
    return SlogdetResult(np.sign(both[..., 0]), both[..., 1])
