"""Elementwise functions. Where a formula would be wrong at one point, the rule says what holds there."""

import math
from typing import Any

import numpy as np

from .activations import sigmoid
from .registry import composition, defvjp, nondifferentiable, pointwise, primitive, refused

LN2, LN10 = math.log(2), math.log(10)

# Arithmetic
defvjp(np.add,        lambda g, y, a, b: g,
                      lambda g, y, a, b: g)
defvjp(np.subtract,   lambda g, y, a, b: g,
                      lambda g, y, a, b: -g)
defvjp(np.multiply,   lambda g, y, a, b: g * b,
                      lambda g, y, a, b: g * a)
defvjp(np.divide,     lambda g, y, a, b: g / b,
                      lambda g, y, a, b: -g * y / b)
defvjp(np.remainder,  lambda g, y, a, b: g,
                      lambda g, y, a, b: -g * np.floor_divide(a, b))
defvjp(np.fmod,       lambda g, y, a, b: g,
                      lambda g, y, a, b: -g * np.rint((a - y) / b))
defvjp(np.negative,   lambda g, y, x: -g)
defvjp(np.positive,   lambda g, y, x: g)
defvjp(np.reciprocal, lambda g, y, x: -g * y * y)
defvjp(np.square,     lambda g, y, x: g * (2 * x))
defvjp(np.sqrt,       lambda g, y, x: g / (2 * y))
defvjp(np.cbrt,       lambda g, y, x: g / (3 * y * y))


@composition(np.divmod)
def divmod(x1: Any, x2: Any) -> Any:
    """The quotient is a constant, and the remainder has the gradient."""
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


def power_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    """b a**(b-1), which at a = b = 0 is 0, not 0 * 0**-1."""
    if isinstance(b, (int, float)):
        return g * (b * a ** (b - 1)) if b else g * 0
    return g * (b * np.power(a, np.where(np.equal(a, 0) & np.equal(b, 0), 0, np.subtract(b, 1))))


def power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """y log(a), which at a = 0 is 0, not 0 * log(0)."""
    return g * (y * np.log(np.where(np.equal(a, 0), 1, a)))


defvjp(np.power, power_base, power_exponent)
defvjp(np.float_power, power_base, power_exponent)

# Sizes and signs
defvjp(np.absolute, lambda g, y, x: g * np.sign(x))
defvjp(np.fabs,     lambda g, y, x: g * np.sign(x))
defvjp(np.copysign, lambda g, y, a, b: g * (np.sign(a) * np.sign(y)),
                    None)
defvjp(np.hypot,    lambda g, y, a, b: g * np.where(y == 0, 0, a / y),
                    lambda g, y, a, b: g * np.where(y == 0, 0, b / y))

# Exponentials and logarithms
defvjp(np.exp,   lambda g, y, x: g * y)
defvjp(np.exp2,  lambda g, y, x: g * (y * LN2))
defvjp(np.expm1, lambda g, y, x: g * (y + 1))
defvjp(np.log,   lambda g, y, x: g / x)
defvjp(np.log2,  lambda g, y, x: g / (x * LN2))
defvjp(np.log10, lambda g, y, x: g / (x * LN10))
defvjp(np.log1p, lambda g, y, x: g / (1 + x))


def lead(a: Any, b: Any) -> Any:
    """a - b, which is 0 where both are the same infinity."""
    return np.where(np.isinf(a) & np.equal(a, b), 0, np.subtract(a, b))


defvjp(np.logaddexp,  lambda g, y, a, b: g * sigmoid(lead(a, b)),
                      lambda g, y, a, b: g * sigmoid(lead(b, a)))
defvjp(np.logaddexp2, lambda g, y, a, b: g * sigmoid(lead(a, b) * LN2),
                      lambda g, y, a, b: g * sigmoid(lead(b, a) * LN2))

# Trigonometry: 1 - x**2 as a product is exact near 1, and roots apart are NaN where the function is
defvjp(np.sin,     lambda g, y, x: g * np.cos(x))
defvjp(np.cos,     lambda g, y, x: -g * np.sin(x))
defvjp(np.tan,     lambda g, y, x: g * (1 + y * y))
defvjp(np.arcsin,  lambda g, y, x: g / np.sqrt((1 - x) * (1 + x)))
defvjp(np.arccos,  lambda g, y, x: -g / np.sqrt((1 - x) * (1 + x)))
defvjp(np.arctan,  lambda g, y, x: g / (1 + x * x))
defvjp(np.sinh,    lambda g, y, x: g * np.cosh(x))
defvjp(np.cosh,    lambda g, y, x: g * np.sinh(x))
defvjp(np.tanh,    lambda g, y, x: g * (1 - y * y))
defvjp(np.arcsinh, lambda g, y, x: g / np.sqrt(1 + x * x))
defvjp(np.arccosh, lambda g, y, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))
defvjp(np.arctanh, lambda g, y, x: g / ((1 - x) * (1 + x)))
defvjp(np.deg2rad, lambda g, y, x: np.deg2rad(g))
defvjp(np.radians, lambda g, y, x: np.radians(g))
defvjp(np.rad2deg, lambda g, y, x: np.rad2deg(g))
defvjp(np.degrees, lambda g, y, x: np.degrees(g))
defvjp(np.unwrap,  lambda g, y, p, discont=None, axis=-1, *, period=2 * math.pi: g)


def turn(across: Any, a: Any, b: Any) -> Any:
    """across / (a**2 + b**2), and 0 at the origin, which lies in no direction."""
    r = np.hypot(a, b)
    return np.where(r == 0, 0, across / r / r)


defvjp(np.arctan2, lambda g, y, a, b: turn(g * b, a, b),
                   lambda g, y, a, b: turn(-g * a, a, b))


@primitive
def sinc_derivative(x: Any, n: int) -> Any:
    """The n-th derivative of `np.sinc`, n > 0, smooth at 0.

    With u = pi x and f(u) = sin(u) / u, differentiating u f = sin(u) n times gives u f[n] + n f[n-1] =
    sin(u + n pi/2). Where |u| <= n that recurrence would cancel, and Taylor's series of f[n] serves.
    """
    u = np.pi * x
    near = np.abs(u) <= n
    small, far = np.where(near, u, 0), np.where(near, 1, u)
    series: Any = 0.0
    for k in range(2 * n + 9, (n - 1) // 2, -1):
        series = series * small * small + (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - n))
    f: Any = 0.0
    for i in range(n + 1):
        f = (np.sin(far + i * (np.pi / 2)) - i * f) / far
    return np.pi**n * np.where(near, series * small if n % 2 else series, f)


defvjp(np.sinc,         lambda g, y, x: g * sinc_derivative(x, 1))
defvjp(sinc_derivative, lambda g, y, x, n: g * sinc_derivative(x, n + 1))


@primitive
def i0_derivative(x: Any, n: int) -> Any:
    """The n-th derivative of `np.i0`, n > 0: the mean of cos(t)**n exp(x cos(t)) over a turn.

    The midpoint rule is exact to rounding as far as `np.i0` is finite, and by the symmetry of cos it needs a
    quarter of the turn, where nothing cancels.
    """
    f = np.sinh if n % 2 else np.cosh
    return sum([c**n * f(x * c) for c in np.cos((np.arange(64) + 0.5) * (np.pi / 128)).tolist()]) / 64


defvjp(np.i0,         lambda g, y, x: g * i0_derivative(x, 1))
defvjp(i0_derivative, lambda g, y, x, n: g * i0_derivative(x, n + 1))


# Choices: all to what was chosen; ties share equally, and NaN, which equals nothing, has no part in it
def chosen_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Where y is a."""
    return np.where(np.equal(a, b), g / 2, g * np.equal(a, y))


def chosen_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Where y is b."""
    return np.where(np.equal(a, b), g / 2, g * np.equal(b, y))


defvjp(np.maximum,   chosen_a, chosen_b)
defvjp(np.minimum,   chosen_a, chosen_b)
defvjp(np.fmax,      chosen_a, chosen_b)
defvjp(np.fmin,      chosen_a, chosen_b)
defvjp(np.heaviside, None,
                     lambda g, y, x, h0: g * np.equal(x, 0))
defvjp(np.where,     None,
                     lambda g, y, c, a, b: np.where(c, g, 0),
                     lambda g, y, c, a, b: np.where(c, 0, g))


@primitive
def clip(x: Any, low: Any, high: Any) -> Any:
    """Bring `np.clip`, whose bounds have two names each, to one list of arguments."""
    return np.clip(x, low, high)


defvjp(clip, lambda g, y, x, low, high: g * within(x, low, high),
             lambda g, y, x, low, high: g * ((x < low) & (y == low)),
             lambda g, y, x, low, high: g * ((x if low is None else np.maximum(x, low)) > high))


def within(x: Any, low: Any, high: Any) -> Any:
    """Where x is inside the bounds; a bound itself counts as inside."""
    inside = True if low is None else x >= low
    return inside if high is None else inside & (x <= high)


@composition(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        return clip(a, a_min, a_max)
    if a_min is None and a_max is None:
        return clip(a, min, max)
    raise ValueError("np.clip: its bounds are a_min and a_max or min and max; give them by one pair of names")


@primitive
def finite(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    """`np.nan_to_num` of a copy."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


defvjp(finite, lambda g, y, x, nan, posinf, neginf: np.where(np.isfinite(x), g, 0))


@composition(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """What was replaced takes no gradient."""
    if not copy:
        raise TypeError("np.nan_to_num(..., copy=False) would write into what the tape needs; leave copy out")
    return finite(x, nan, posinf, neginf)


# A number taken apart
@primitive
def fraction(x: Any) -> Any:
    """The first result of `np.modf`."""
    return np.modf(x)[0]


@primitive
def exponent(x: Any) -> Any:
    """The second result of `np.frexp`."""
    return np.frexp(x)[1]


@composition(np.modf)
def modf(x: Any) -> Any:
    """The fraction has the gradient, and the whole part is a constant."""
    return fraction(x), np.trunc(x)


@composition(np.frexp)
def frexp(x: Any) -> Any:
    """The mantissa is x times a power of two, whose exponent is a constant."""
    n = exponent(x)
    return np.ldexp(x, -n), n


defvjp(fraction, lambda g, y, x: g)
defvjp(np.ldexp, lambda g, y, x, i: np.ldexp(g, i),
                 None)

# Real numbers are complex ones
defvjp(np.conjugate,     lambda g, y, x: g)
defvjp(np.real,          lambda g, y, val: g)
defvjp(np.real_if_close, lambda g, y, a, tol=100: g)


pointwise.update([
    np.sinc, sinc_derivative, np.i0, i0_derivative, clip, finite, fraction, np.where, np.real, np.real_if_close,
])
nondifferentiable(
    np.sign, np.floor, np.ceil, np.trunc, np.fix, np.rint, np.round, np.around, np.floor_divide,
    np.spacing, np.nextafter, np.imag, np.angle, exponent,
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.isnan, np.isinf, np.isposinf, np.isneginf, np.isfinite, np.signbit,
    np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj,
    np.allclose, np.isclose, np.array_equal, np.array_equiv,
)
refused(
    "it works on integers, and Tensors hold floating-point numbers; convert with .astype(int), which gives an array",
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift, np.bitwise_count,
    np.gcd, np.lcm,
)
refused("it looks for missing dates, and Tensors hold numbers; np.isnan looks for missing numbers", np.isnat)
refused(
    "its results leave the real line, and Tensors hold real numbers; the function of the same name in np itself gives "
    "NaN there (for logn(n, x) write np.log(x) / np.log(n)), and np.where keeps to where it is real",
    np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10, np.emath.logn, np.emath.power,
    np.emath.arccos, np.emath.arcsin, np.emath.arctanh,
)
