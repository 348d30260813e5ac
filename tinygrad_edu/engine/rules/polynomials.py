"""Polynomials as arrays of coefficients, the highest power first."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from .activations import numbers
from .joining import concatenate
from .linalg import full_rank
from .registry import (
    Array,
    Function,
    arrays_of,
    composition,
    defvjp,
    is_complex,
    name,
    nondifferentiable,
    predicate,
    primitive,
    promoting,
)  # fmt: skip


def coefficients(fun: Function, *polynomials: ArrayLike) -> list[Array]:
    """Return the arguments of `fun` as arrays with one axis; a number is a polynomial too."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        raise TypeError(f"{name(fun)}: a np.poly1d does not mix with Tensors; pass its .coeffs")
    arrays = [p if p.ndim else p.reshape(1) for p in arrays_of(polynomials)]
    for p in arrays:
        if p.ndim != 1:
            raise ValueError(f"{name(fun)}: shape {p.shape}; the coefficients of a polynomial need one axis")
    return arrays


# Powers and values
@primitive
def powers(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """`np.vander` in the dtype of x."""
    return np.vander(x, N, increasing).astype(x.dtype)


def powers_rule(g: Array, y: Array, x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """k x**(k-1), which is k times the column of the next lower power."""
    if not increasing:
        g, y = g[:, ::-1], y[:, ::-1]
    k = np.arange(1, y.shape[1])
    return np.sum(g[:, 1:] * (k * y[:, :-1]), axis=1)


defvjp(powers, powers_rule)
composition(np.vander)(lambda x, N=None, increasing=False: powers(x, N, increasing))


@primitive
def horner(p: Array, x: Array) -> Array:
    """`np.polyval` of arrays, where p has one axis."""
    return np.polyval(p, x)


def horner_p(g: Array, y: Array, p: Array, x: Array) -> Array:
    """The sums of g x**k: Horner's scheme reversed, which multiplies g by x for each power."""
    sums: list[Array] = []
    for _ in range(p.size):
        sums.insert(0, np.sum(g))
        g = g * x
    return np.stack(sums) if sums else np.zeros_like(p)


defvjp(horner, horner_p,
               lambda g, y, p, x: g * horner(polyder(p), x))
promoting.add(horner)


@composition(np.polyval)
def polyval(p: ArrayLike, x: ArrayLike) -> Array:
    """The values at x, which is not a polynomial itself."""
    if isinstance(x, np.poly1d):
        raise TypeError("np.polyval(p, x): x is a np.poly1d, which holds no Tensors; pass numbers or an array")
    return horner(*coefficients(np.polyval, getattr(p, "coeffs", p)), *arrays_of([x]))


# Derivatives and integrals: each coefficient times a factor, which NumPy gives as the result for ones
@composition(np.polyder)
def polyder(p: ArrayLike, m: int = 1) -> Array:
    """The m-th derivative: k (k-1) ... (k-m+1) x**(k-m) for x**k."""
    p = numbers(coefficients(np.polyder, p)[0])  # small integers would wrap around
    factors = np.polyder(np.ones(p.size), m).astype(p.dtype)
    return p[: factors.size] * factors


@composition(np.polyint)
def polyint(p: ArrayLike, m: int = 1, k: ArrayLike | None = None) -> Array:
    """The m-th integral; the integration constants k follow the coefficients, since they are integrated as well."""
    p = numbers(coefficients(np.polyint, p)[0])
    factors = np.polyint(np.ones(p.size), m, 1).astype(p.dtype)
    (k,) = coefficients(np.polyint, np.zeros(m, p.dtype) if k is None else k)
    if k.size == 1:
        k = np.broadcast_to(k, (m,))
    if k.size < m:
        raise ValueError(f"np.polyint(..., m={m}) takes m constants k, or one for all of them, not {k.size}")
    return concatenate(p, k[:m]) * factors


# Arithmetic
def same_size(fun: Function, a1: ArrayLike, a2: ArrayLike) -> list[Array]:
    """Return both polynomials with the same number of coefficients, by zeros in front."""
    pair = coefficients(fun, a1, a2)
    n = max(p.size for p in pair)
    return [p if p.size == n else concatenate(np.zeros(n - p.size, p.dtype), p) for p in pair]


composition(np.polyadd)(lambda a1, a2: np.add(*same_size(np.polyadd, a1, a2)))
composition(np.polysub)(lambda a1, a2: np.subtract(*same_size(np.polysub, a1, a2)))


def trim(p: Array, bound: float = 0.0) -> Array:
    """Drop the leading coefficients whose absolute values are at most `bound`, as NumPy does; the last one stays."""
    while p.size > 1 and leading_at_most(p, bound):
        p = p[1:]
    return p


@predicate
def leading_at_most(p: Array, bound: float) -> bool:
    """Return whether the absolute value of the leading coefficient is at most `bound`."""
    return bool(abs(p[0]) <= bound)


composition(np.polymul)(
    lambda a1, a2: np.convolve(*map(trim, coefficients(np.polymul, a1, a2))))  # type: ignore[call-overload]


@composition(np.polydiv)
def polydiv(u: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    """Long division: each coefficient of the quotient cancels the leading coefficient of the remainder."""
    u, v = map(numbers, coefficients(np.polydiv, u, v))
    zero = 0 * u[:1] * v[:1]
    rest, quotient = u + zero, []
    for _ in range(u.size - v.size + 1):
        quotient.append(rest[:1] / v[0])
        rest = concatenate(rest[1 : v.size] - quotient[-1] * v[1:], rest[v.size :])
    return concatenate(*quotient or [zero]), trim(rest if rest.size else zero, 1e-8)  # the tolerance of NumPy


# Fits
@composition(np.polyfit)
def polyfit(x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, *, w: ArrayLike | None = None) -> Array:
    """Least squares in the powers of x: each equation is multiplied by its weight w, each column scaled to length 1."""
    if deg < 0:
        raise ValueError(f"np.polyfit: deg={deg}; a polynomial's degree is at least 0")
    x, y, w = arrays_of([x, y, 1.0 if w is None else w])
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or y.shape[0] != x.size or w.shape not in ((), x.shape):
        raise ValueError(f"np.polyfit: x of shape {x.shape}, y of shape {y.shape}, w of shape {w.shape}; x (and w, if "
                         "given) need one axis, as long as the first of y")
    matrix = powers(x if x.dtype.kind in "fc" else x.astype(np.float64), deg + 1)
    if w.ndim:
        matrix, y = matrix * w[:, None], y * w.reshape((-1,) + (1,) * (y.ndim - 1))
    scale = np.sqrt(np.sum(np.square(matrix), axis=0))
    rcond = x.size * np.finfo(matrix.dtype).eps if rcond is None else rcond
    solution, _, rank, _ = np.linalg.lstsq(matrix / scale, y, rcond)
    if not full_rank(rank, deg + 1):
        warnings.warn("np.polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=5)
    return solution / scale.reshape((-1,) + (1,) * (y.ndim - 1))


# Roots
@composition(np.poly)
def poly(seq_of_zeros: Array | list[Array] | tuple[Array, ...]) -> Array:
    """The product of x - zero over all zeros, or the eigenvalues of a matrix, by halves."""
    zeros = np.stack(seq_of_zeros) if isinstance(seq_of_zeros, (list, tuple)) else seq_of_zeros
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.size:
        zeros = np.linalg.eigvals(zeros)
    if zeros.ndim != 1:
        raise ValueError(f"np.poly: shape {zeros.shape}; it takes one axis of zeros, or a square matrix")
    p = product_of_factors(numbers(zeros))
    return np.real(p) if is_complex(p) and are_conjugates(zeros) else p


def product_of_factors(zeros: Array) -> Array:
    """Return the coefficients of the product of x - zero over all zeros."""
    if zeros.size == 1:
        return concatenate(np.ones(1, zeros.dtype), -zeros)
    half = zeros.size // 2
    return np.convolve(product_of_factors(zeros[:half]), product_of_factors(zeros[half:]))


@predicate
def are_conjugates(zeros: Array) -> bool:
    """Return whether the conjugate of each number is among the numbers too, so that their polynomial is real."""
    return bool(np.all(np.sort(zeros) == np.sort(zeros.conjugate())))


@primitive
def roots(p: Array) -> Array:
    """`np.roots` of one axis of coefficients: complex unless all roots are real."""
    return np.roots(p)


def roots_rule(g: Array, y: Array, p: Array) -> Array:
    """-r**k / p'(r) for each root r and the coefficient of x**k; NaN where a root is a multiple one.

    Computed roots that are close to each other have errors of rounding(p) / |p'|, by which p' changes: NaN too, where
    p' then has no correct digit.
    """
    wrong = close_roots(p, y) & np.not_equal(g, 0)
    weights = np.where(wrong, np.nan, g / np.polyval(np.polyder(p), y))
    return -np.matmul(weights, np.vander(y, p.size))


@primitive
def close_roots(p: Array, y: Array) -> Array:
    """Return for each root y of p whether p'(y) consists of rounding errors alone."""
    rounding = np.finfo(y.dtype).eps * np.polyval(np.abs(p), np.abs(y))
    return np.abs(np.polyval(np.polyder(p), y)) ** 2 <= 100 * rounding * np.abs(np.polyval(np.polyder(p, 2), y))


nondifferentiable(close_roots)


defvjp(roots, roots_rule)


@composition(np.roots)
def _roots(p: ArrayLike) -> Array:
    return roots(*coefficients(np.roots, p))
