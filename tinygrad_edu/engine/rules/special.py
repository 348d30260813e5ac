"""Special functions, and the parts of a floating-point number: the rarer elementwise functions."""

import math

import numpy as np

from .registry import Array, composition, defvjp, is_complex, nondifferentiable, pointwise, primitive


# Special functions
@primitive
def sinc_derivative(x: Array, n: int) -> Array:
    """The n-th derivative of `np.sinc` for n > 0, smooth at 0.

    With u = pi x and f(u) = sin(u) / u, differentiating u f = sin(u) n times gives u f[n] + n f[n-1] =
    sin(u + n pi/2). Where |u| <= n that recurrence would cancel; Taylor's series of f[n] takes its place.
    """
    u = np.pi * x
    near = np.abs(u) <= n
    small, large, far = np.where(near, u, 0), np.where(near, 1, u), np.where(near, 0, x)
    series: Array | float = 0.0
    for k in range(2 * n + 9, (n - 1) // 2, -1):
        series = series * small * small + (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - n))
    f: Array | float = 0.0
    for i in range(n + 1):
        f = (sinpi(far, i / 2) - i * f) / large
    return np.pi**n * np.where(near, series * small if n % 2 else series, f)


def sinpi(x: Array, shift: float = 0) -> Array:
    """Return sin(pi (x + shift)), exact to rounding far out, where x + shift would be x, and near its zeros too."""
    t = x - 2 * np.rint(x / 2) + shift  # before the shift exact, from -1 to 1
    t = t - 2 * np.rint(t / 2)
    size = np.abs(t)
    return np.copysign(np.sin(np.pi * np.minimum(size, 1 - size)), t)


@primitive
def i0_derivative(x: Array, n: int) -> Array:
    """The n-th derivative of `np.i0` for n > 0: the mean of cos(t)**n exp(x cos(t)) for t from 0 to 2 pi.

    The midpoint rule is exact to rounding wherever `np.i0` is finite. By the symmetry of cos a quarter of the circle
    is enough, and there no terms cancel.
    """
    f = np.sinh if n % 2 else np.cosh
    if getattr(x, "dtype", np.float64) != np.float64:  # a term may overflow where the mean does not
        return i0_derivative(x.astype(np.float64), n).astype(x.dtype)
    return sum([c**n * f(x * c) for c in np.cos((np.arange(64) + 0.5) * (np.pi / 128)).tolist()]) / 64


defvjp(np.sinc,         lambda g, y, x: g * sinc_derivative(x, 1))
defvjp(sinc_derivative, lambda g, y, x, n: g * sinc_derivative(x, n + 1))
defvjp(np.i0,           lambda g, y, x: g * i0_derivative(x, 1))
defvjp(i0_derivative,   lambda g, y, x, n: g * i0_derivative(x, n + 1))
defvjp(np.unwrap,       lambda g, y, p, discont=None, axis=-1, *, period=2 * math.pi: g)


# Several results
@primitive
def fraction(x: Array) -> Array:
    """The first result of `np.modf`."""
    return np.modf(x)[0]


@primitive
def exponent(x: Array) -> Array:
    """The second result of `np.frexp`."""
    return np.frexp(x)[1]


@composition(np.frexp)
def frexp(x: Array) -> tuple[Array, Array]:
    """The mantissa, which is x times a power of two, and the exponent, a constant."""
    n = exponent(x)
    return np.ldexp(x, -n), n


defvjp(fraction, lambda g, y, x: g)
defvjp(np.ldexp, lambda g, y, x, i: np.ldexp(g, i),
                 None)
composition(np.modf)(lambda x: (fraction(x), np.trunc(x)))
composition(np.divmod)(lambda x1, x2: (np.floor_divide(x1, x2), np.remainder(x1, x2)))  # the quotient is a constant


# Infinities and NaN
@primitive
def finite(x: Array, nan: float, posinf: float | None, neginf: float | None) -> Array:
    """`np.nan_to_num` of a copy."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


defvjp(finite, lambda g, y, x, nan, posinf, neginf: np.where(np.isfinite(x), g, 0))


@composition(np.nan_to_num)
def nan_to_num(x: Array, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Array:
    """Elements that are replaced take no gradient."""
    if not copy:
        raise TypeError("np.nan_to_num(..., copy=False) would overwrite data that the tape needs; leave copy out")
    if is_complex(x):  # each part is replaced by itself
        return finite(np.real(x), nan, posinf, neginf) + 1j * finite(np.imag(x), nan, posinf, neginf)
    return finite(x, nan, posinf, neginf)


pointwise.update([np.sinc, sinc_derivative, np.i0, i0_derivative, finite, fraction])
nondifferentiable(
    exponent, np.spacing, np.nextafter, np.imag, np.angle, np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj,
)
