"""Elementwise functions: the first page of the derivative table.

`defvjp(function, rule, ...)` enters a function with a rule for each argument, or None if it takes no gradient. A rule
gets `g`, the gradient of the output, then `y`, the output, then the function's own arguments. It returns g times the
partial derivative, in general the vector-Jacobian product (vjp). Where the formula fails, a named rule says why.
"""

import math

import numpy as np
from numpy._core import umath
from numpy.typing import ArrayLike

from .activations import difference, sigmoid
from .registry import (
    Array,
    choosing,
    composition,
    conj,
    defvjp,
    is_complex,
    names,
    nondifferentiable,
    pointwise,
    predicate_of_all,
    primitive,
    promoting,
)  # fmt: skip

LN2, LN10 = math.log(2), math.log(10)
NEAR_1 = 1 / 64  # where 1 - y**2 is smaller, it has lost six bits

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
defvjp(np.square,     lambda g, y, x: 2 * g * x)
defvjp(np.sqrt,       lambda g, y, x: g / (2 * y))
defvjp(np.cbrt,       lambda g, y, x: g / (3 * y * y))


# Powers
def power_base(g: Array, y: Array, a: Array, b: Array | float) -> Array:
    """b a**(b-1), and 0 at a = b = 0, where the formula would give 0 * 0**-1."""
    if issubclass(type(b), (int, float)):  # isinstance is True of a float that jit records, too
        return g * (b * a ** (b - 1)) if b else g * 0
    if getattr(b, "is_float", False):  # a Python float that jit records
        return np.where(np.equal(b, 0), g * 0, g * (b * a ** (b - 1)))
    return g * (b * np.power(a, np.where(np.equal(a, 0) & np.equal(b, 0), 0, np.subtract(b, 1.0))))


def power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    """y log(a), and 0 at a = 0, where the formula would give 0 * log(0)."""
    base = np.where(np.equal(a, 0), 1.0, a)
    return g * (y * np.log(base + 0j if is_complex(y) else base))


defvjp(np.power, power_base, power_exponent)
defvjp(np.float_power, power_base, power_exponent)
promoting.update([np.power, np.float_power])

# Absolute values and signs
def direction(x: Array) -> Array:
    """Return the sign of x; of a complex x the conjugate of x / |x|: d|x| is the real part of its product with dx."""
    return conj(x) / np.where(np.equal(x, 0), 1, np.abs(x)) if is_complex(x) else np.sign(x)


defvjp(np.absolute, lambda g, y, x: g * direction(x))
defvjp(np.fabs,     lambda g, y, x: g * np.sign(x))
defvjp(np.copysign, lambda g, y, a, b: g * (np.sign(a) * np.sign(y)),
                    None)
defvjp(np.hypot,    lambda g, y, a, b: g * np.where(y == 0, 0, a / y),
                    lambda g, y, a, b: g * np.where(y == 0, 0, b / y))

# Exponentials and logarithms
defvjp(np.exp,   lambda g, y, x: g * y)
defvjp(np.exp2,  lambda g, y, x: g * (y * LN2))
defvjp(np.expm1, lambda g, y, x: g * np.exp(x))
defvjp(np.log,   lambda g, y, x: g / x)
defvjp(np.log2,  lambda g, y, x: g / x / LN2)
defvjp(np.log10, lambda g, y, x: g / LN10 / x)
defvjp(np.log1p, lambda g, y, x: g / (1 + x))


defvjp(np.logaddexp,  lambda g, y, a, b: g * sigmoid(difference(a, b)),
                      lambda g, y, a, b: g * sigmoid(difference(b, a)))
defvjp(np.logaddexp2, lambda g, y, a, b: g * sigmoid(difference(a, b) * LN2),
                      lambda g, y, a, b: g * sigmoid(difference(b, a) * LN2))

# Trigonometric and hyperbolic functions. hypot(1, x)**2 is 1 + x**2 without overflow. In arccosh, two square roots give
# NaN wherever the function does; sqrt(x**2 - 1) would not. Complex numbers have rules of y: a root of 1 - x**2 may be
# on the wrong side of a branch cut.
@primitive
def complement(x: Array) -> Array:
    """1 - x**2, exact to rounding near 1 too. Its derivative is exact near 0, where that of the product is not."""
    return (1 - x) * (1 + x)


@predicate_of_all(True, unasked=True)  # the answer True is right for all arrays; jit takes it without asking
def rounds_away(slope: Array) -> bool:
    """Return whether an element of 1 - y**2 is small, and has lost digits, or may be: one is NaN."""
    return not np.min(slope, initial=1) >= NEAR_1


def tanh_slope(x: Array, y: Array) -> Array:
    """Return 1 - y**2 for y = tanh(x); where it is small, as 4 e / (1 + e)**2, e = exp(-2 |x|), exact for all x."""
    slope = 1 - y * y
    if not rounds_away(slope):
        return slope
    if type(slope) is np.ndarray and slope.dtype.kind == "f":  # of a few elements, in place
        i = np.nonzero(slope < NEAR_1)
        e = np.exp(-2 * np.abs(x[i]))
        slope[i] = 4 * e / np.square(1 + e)
        return slope
    e = np.exp(-2 * (np.where(np.real(x) < 0, -x, x) if is_complex(x) else np.abs(x)))
    exact = 4 * e / np.square(1 + e)
    # Not near 0 on a tape, as the derivatives of |x| are wrong there. A recording knows no values: for arrays it
    # computes the exact form of all elements, and both forms for a Value's float, or if x was written into meanwhile.
    chooses = hasattr(slope, "order") or getattr(slope, "is_float", False) or getattr(x, "is_written", False)
    return np.where(np.less(slope, NEAR_1), exact, slope) if chooses else exact


def over_squared_hypot(g: Array, x: Array) -> Array:
    """Return g / (1 + x**2)."""
    if is_complex(x):
        return g / ((1 + 1j * x) * (1 - 1j * x))
    h = np.hypot(1, x)
    return g / h / h


defvjp(complement, lambda g, y, x: g * (-2 * x))
defvjp(np.sin,     lambda g, y, x: g * np.cos(x))
defvjp(np.cos,     lambda g, y, x: -g * np.sin(x))
defvjp(np.tan,     lambda g, y, x: g * (1 + y * y))
defvjp(np.arcsin,  lambda g, y, x: g / (np.cos(y) if is_complex(x) else np.sqrt(complement(x))))
defvjp(np.arccos,  lambda g, y, x: -g / (np.sin(y) if is_complex(x) else np.sqrt(complement(x))))
defvjp(np.arctan,  lambda g, y, x: over_squared_hypot(g, x))
defvjp(np.sinh,    lambda g, y, x: g * np.cosh(x))
defvjp(np.cosh,    lambda g, y, x: g * np.sinh(x))
defvjp(np.tanh,    lambda g, y, x: g * tanh_slope(x, y))
defvjp(np.arcsinh, lambda g, y, x: g / (np.cosh(y) if is_complex(x) else np.hypot(1, x)))
defvjp(np.arccosh, lambda g, y, x: g / (np.sinh(y) if is_complex(x) else np.sqrt(x - 1) * np.sqrt(x + 1)))
defvjp(np.arctanh, lambda g, y, x: g / complement(x))
defvjp(np.deg2rad, lambda g, y, x: np.deg2rad(g))
defvjp(np.radians, lambda g, y, x: np.radians(g))
defvjp(np.rad2deg, lambda g, y, x: np.rad2deg(g))
defvjp(np.degrees, lambda g, y, x: np.degrees(g))


def over_square(g: Array, v: Array, a: Array, b: Array) -> Array:
    """Return g v / (a**2 + b**2), and 0 at the origin, where the angle is not defined, and at infinity."""
    r = np.hypot(a, b)
    return np.where((r == 0) | np.isinf(r), 0, g * (v / r) / r)  # g * v might overflow, or round to 0


defvjp(np.arctan2, lambda g, y, a, b: over_square(g, b, a, b),
                   lambda g, y, a, b: over_square(-g, a, a, b))


# Maxima, minima and other choices: the chosen argument receives the gradient, and equal ones share it
def chosen_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    """g where y is a, half of g where a and b are equal; NaN equals nothing and receives 0."""
    return np.where(np.equal(a, b), g / 2, g * np.equal(a, y))


def chosen_b(g: Array, y: Array, a: Array, b: Array) -> Array:
    """g where y is b, half of g where a and b are equal; NaN equals nothing and receives 0."""
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
def clip(x: Array, low: ArrayLike | None, high: ArrayLike | None) -> Array:
    """`np.clip` with one name for each bound."""
    return np.clip(x, low, high)


defvjp(clip, lambda g, y, x, low, high: g * within(x, low, high),
             lambda g, y, x, low, high: g * ((x < low) & (y == low)),
             lambda g, y, x, low, high: g * ((x if low is None else np.maximum(x, low)) > high))


def within(x: Array, low: Array | None, high: Array | None) -> Array | bool:
    """Return where x is inside the bounds; a bound itself is inside."""
    inside = True if low is None else x >= low
    return inside if high is None else inside & (x <= high)


@composition(np.clip)
def _clip(a: Array, a_min: ArrayLike | None = None, a_max: ArrayLike | None = None, *, min: ArrayLike | None = None,
          max: ArrayLike | None = None) -> Array:
    if min is None and max is None:
        return clip(a, a_min, a_max)
    if a_min is None and a_max is None:
        return clip(a, min, max)
    raise ValueError("np.clip: give the bounds by one pair of names, a_min and a_max or min and max")


CLIP_METHOD = vars(umath)["clip"]  # the ufunc that a.clip(low, high) calls
composition(CLIP_METHOD)(_clip)
names[CLIP_METHOD] = "np.clip"


# Sets that other files ask for: see registry.py.
pointwise.update([clip, complement, np.where])
choosing.update([clip, np.maximum, np.minimum, np.fmax, np.fmin])
nondifferentiable(
    np.sign, np.floor, np.ceil, np.trunc, np.fix, np.rint, np.round, np.around, np.floor_divide,
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.isnan, np.isinf, np.isposinf, np.isneginf, np.isfinite, np.signbit,
    np.allclose, np.isclose, np.array_equal, np.array_equiv,
)
