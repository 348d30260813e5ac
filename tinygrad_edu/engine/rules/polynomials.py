"""Polynomials, the highest power first: linear in their coefficients, and smooth in all else."""

import warnings
from typing import Any

import numpy as np

from .joining import concatenate
from .linalg import full
from .registry import Function, arrays_of, composition, defvjp, name, predicate, primitive, refused


def coefficients(fun: Function, *polynomials: Any) -> list[Any]:
    """The arguments of `fun` as arrays with one axis; a number is a polynomial too."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        raise TypeError(f"{name(fun)}: a np.poly1d holds no Tensors, and meets none; hand over its .coeffs")
    arrays = [p if p.ndim else p.reshape(1) for p in arrays_of(polynomials)]
    for p in arrays:
        if p.ndim != 1:
            raise ValueError(f"{name(fun)}: shape {p.shape}, where a polynomial's coefficients stand along one axis")
    return arrays


# Powers and values
@primitive
def powers(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """`np.vander` in the dtype of x."""
    return np.vander(x, N, increasing).astype(x.dtype)


def powers_rule(g: Any, y: Any, x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """k x**(k-1), which is k times the column before."""
    if not increasing:
        g, y = g[:, ::-1], y[:, ::-1]
    k = np.arange(1, y.shape[1])
    return np.sum(g[:, 1:] * (k * y[:, :-1]), axis=1)


defvjp(powers, powers_rule)


@composition(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Float32 stays float32."""
    return powers(x, N, increasing)


@primitive
def horner(p: Any, x: Any) -> Any:
    """`np.polyval` of arrays, p with one axis."""
    return np.polyval(p, x)


def horner_p(g: Any, y: Any, p: Any, x: Any) -> Any:
    """The sums of g x**k: Horner's scheme turned round, in which g is multiplied by x once more each time."""
    sums: list[Any] = []
    for _ in range(p.size):
        sums.insert(0, np.sum(g))
        g = g * x
    return np.stack(sums) if sums else np.zeros_like(p)


defvjp(horner, horner_p,
               lambda g, y, p, x: g * horner(polyder(p), x))


@composition(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """At numbers and arrays of them; a polynomial of a polynomial is np.poly1d's business."""
    if isinstance(x, np.poly1d):
        raise TypeError("np.polyval(p, x): x is a np.poly1d, which holds no Tensors; hand over numbers or an array")
    return horner(*coefficients(np.polyval, getattr(p, "coeffs", p)), *arrays_of([x]))


# Calculus: each coefficient times a number of its own, which NumPy finds as the result for ones
@composition(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """What m derivatives make of x**k: k (k-1) ... (k-m+1) x**(k-m)."""
    (p,) = coefficients(np.polyder, p)
    weights = np.polyder(np.ones(p.size), m).astype(p.dtype)
    return p[: weights.size] * weights


@composition(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The constants k of integration, which are integrated in turn, follow the coefficients."""
    (p,) = coefficients(np.polyint, p)
    weights = np.polyint(np.ones(p.size), m, 1).astype(p.dtype)
    (k,) = coefficients(np.polyint, np.zeros(m, p.dtype) if k is None else k)
    if k.size == 1:
        k = np.broadcast_to(k, (m,))
    if k.size < m:
        raise ValueError(f"np.polyint(..., m={m}) takes m constants k, or one for all of them, not {k.size}")
    return concatenate(p, k[:m]) * weights


# Arithmetic
def aligned(fun: Function, a1: Any, a2: Any) -> list[Any]:
    """Both with the same number of coefficients, by zeros in front."""
    pair = coefficients(fun, a1, a2)
    n = max(p.size for p in pair)
    return [p if p.size == n else concatenate(np.zeros(n - p.size, p.dtype), p) for p in pair]


@composition(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """Power by power."""
    return np.add(*aligned(np.polyadd, a1, a2))


@composition(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """Power by power."""
    return np.subtract(*aligned(np.polysub, a1, a2))


def trimmed(p: Any) -> Any:
    """Without the zeros in front, where NumPy leaves them out; the last coefficient stays."""
    while p.size > 1 and starts_below(p, 0.0):
        p = p[1:]
    return p


@predicate
def starts_below(p: Any, bound: float) -> bool:
    """Whether the first coefficient, without its sign, is no more than that."""
    return bool(abs(p[0]) <= bound)


@composition(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """A convolution of the coefficients."""
    return np.convolve(*map(trimmed, coefficients(np.polymul, a1, a2)))


@composition(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    """Long division: each coefficient of the quotient takes away the leading one of what remains."""
    u, v = coefficients(np.polydiv, u, v)
    zero = 0 * u[:1] * v[:1]
    rest, quotient = u + zero, []
    for _ in range(u.size - v.size + 1):
        quotient.append(rest[:1] / v[0])
        rest = concatenate(rest[1 : v.size] - quotient[-1] * v[1:], rest[v.size :])
    rest = rest if rest.size else zero
    while rest.size > 1 and starts_below(rest, 1e-8):  # NumPy's measure of nothing
        rest = rest[1:]
    return concatenate(*quotient or [zero]), rest


# Fits
@composition(np.polyfit)
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, *, w: Any = None) -> Any:
    """Least squares in the powers of x, each row of the equations times its weight w, each column at length 1."""
    if deg < 0:
        raise ValueError(f"np.polyfit: deg={deg}; a polynomial's degree is at least 0")
    x, y, w = arrays_of([x, y, 1.0 if w is None else w])
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or y.shape[0] != x.size or w.shape not in ((), x.shape):
        raise ValueError(f"np.polyfit: x of shape {x.shape}, y of shape {y.shape}, w of shape {w.shape}; x (and w, if "
                         "given) have one axis, as long as the first of y")
    rows = powers(x if x.dtype.kind == "f" else x.astype(np.float64), deg + 1)
    if w.ndim:
        rows, y = rows * w[:, None], y * w.reshape((-1,) + (1,) * (y.ndim - 1))
    size = np.sqrt(np.sum(np.square(rows), axis=0))
    rcond = x.size * np.finfo(rows.dtype).eps if rcond is None else rcond
    solution, _, rank, _ = np.linalg.lstsq(rows / size, y, rcond)
    if not full(rank, deg + 1):
        warnings.warn("np.polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=4)
    return solution / size.reshape((-1,) + (1,) * (y.ndim - 1))


# Roots
@composition(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The product of x - zero for every zero, in two halves."""
    zeros = np.stack(seq_of_zeros) if isinstance(seq_of_zeros, (list, tuple)) else seq_of_zeros
    if zeros.ndim != 1:
        raise TypeError("np.poly of a matrix goes by way of its eigenvalues, which may be complex; hand over one axis "
                        "of real zeros (for a symmetric matrix np.linalg.eigvalsh)")
    if zeros.size == 1:
        return concatenate(np.ones(1, zeros.dtype), -zeros)
    half = zeros.size // 2
    return np.convolve(poly(zeros[:half]), poly(zeros[half:]))


refused("roots may be complex; for a real root r = np.roots(p.data)[i], one step of Newton's method, "
        "r - np.polyval(p, r) / np.polyval(np.polyder(p.data), r), is r with its gradient", np.roots)
