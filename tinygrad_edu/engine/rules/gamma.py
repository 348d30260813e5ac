"""The logarithm of the gamma function and its derivatives, and other logarithms of densities, in plain NumPy."""

from __future__ import annotations

import functools
import math

import numpy as np

from .activations import floating, polynomial
from .promotion import floats, has_dtype
from .reductions import widened
from .registry import Array, defvjp, pointwise, predicate_of_all, primitive, promoting

_NUMERATOR = (  # of log(gamma(1 + d)) / (d (d - 1)) for d from 0 to 1: exact at 13 Chebyshev points
    1.554153767893377562e-5, 0.004057824720597832044, 0.07919319903026166342, 0.4881110979652391059,
    1.256904785558401843, 1.41684403827303865, 0.5772156649015328291,
)
_DENOMINATOR = (
    0.001177634761499210617, 0.03967954948997819464, 0.3884668373817348314, 1.600338546605782943, 3.13171172808292725,
    2.879505023619109278, 1.0,
)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # numbers 2, 4, ..., 16
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, start=1)][::-1]  # in 1 / x**2, times 1 / x


@predicate_of_all(True, unasked=True)  # reflecting is right for all arrays; jit does it without asking
def has_negative(x: Array) -> bool:
    """Return whether an element is negative, or may be: one is NaN."""
    return not np.min(x, initial=0) >= 0


@primitive
def gammaln(x: Array) -> Array:
    """The logarithm of |gamma(x)|, elementwise and exact to rounding: infinite at 0 and at negative integers.

    Negative arguments are reflected: gamma(x) gamma(1 - x) = pi / sin(pi x).

    >>> tg.gammaln(np.array([1.0, 5.0])).round(4)  # log(0!) and log(4!)
    array([0.    , 3.1781])
    """
    x = floating(x)
    if (wide := widened(x)) is not x:  # the polynomials would overflow
        return gammaln(wide).astype(np.float16)
    if not has_negative(x):
        return log_gamma(x)
    y = log_gamma(np.where(x < 0, 1 - x, x))
    return np.where(x < 0, math.log(math.pi) - np.log(np.abs(np.sin(math.pi * from_integer(x)))) - y, y)


def log_gamma(x: Array) -> Array:
    """Return `gammaln` of numbers that are not negative.

    From 8 on it is Stirling's formula. Below, gamma(x + 1) = x gamma(x) leads to an argument from 1 to 2, and to a
    rational function there.
    """
    near, far = np.minimum(x, 8), np.maximum(x, 8)
    d = near - np.floor(near)  # exact, so that the result is relatively exact near its zeros 1 and 2 too
    product = np.maximum(near - 1, 1)
    for k in range(2, 7):
        product = product * np.maximum(near - k, 1)
    below = d * (d - 1) * (polynomial(_NUMERATOR, d) / polynomial(_DENOMINATOR, d))
    below = below + np.abs(np.log(product * np.minimum(near, 1)))  # one factor is 1; -log(x) below 1
    remainder = polynomial(_STIRLING, (1 / far) ** 2) / far
    above = (far - 0.5) * (np.log(far) - 1) + (math.log(2 * math.pi) - 1) / 2 + remainder
    return np.where(x < 8, below, above)


def from_integer(x: Array) -> Array:
    """Return the distance of negative elements from the nearest integer, with its sign, and 0.25 for all others."""
    negative = np.where(x < 0, x, 0.25)
    return negative - np.rint(negative)


@primitive
def polygamma(n: int, x: Array) -> Array:
    """The n-th derivative of the digamma function, which is the derivative of `gammaln`; elementwise.

    The recurrence in x leads to arguments above 10, where the asymptotic series is exact to rounding (Abramowitz and
    Stegun, 6.4.6 and 6.4.11). Negative arguments are reflected (6.4.7). Raises ValueError for an n that is not a whole
    number from 0.

    >>> print(tg.special.polygamma(1, 1.0).round(4))  # pi**2 / 6
    1.6449
    """
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise ValueError(f"polygamma({n!r:.60}, ...): the order is a single integer from 0 on")
    n, x = int(n), floating(x)
    x = x if has_dtype(x) else np.positive(x)  # a number of NumPy, which divides by 0
    if not has_negative(x):
        y = derivative_of_digamma(n, x)
        return y if y.ndim else np.where(True, y, 0)  # an array, as below
    y = derivative_of_digamma(n, np.where(x < 0, 1 - x, x))
    return np.where(x < 0, (-1) ** n * y - cotangent(n, x), y)


def derivative_of_digamma(n: int, x: Array) -> Array:
    """Return `polygamma` of numbers that are not negative."""
    y: Array | float = 0.0
    for k in range(n + 10):  # not z = z + 1, which leaves a large z as it is
        y = y + math.factorial(n) / (x + k) ** (n + 1)
    z = x + (n + 10)
    tail = 0.5 * math.factorial(n) / z + polynomial(asymptotic(n), 1 / z**2) / z**2
    return (y + (tail + math.factorial(n - 1)) / z**n) * (-1) ** (n + 1) if n else np.log(z) - tail - y


@functools.cache
def asymptotic(n: int) -> list[float]:
    """Return the coefficients of the asymptotic series of `polygamma`, the highest power first."""
    return [b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) for k, b in enumerate(_BERNOULLI, start=1)][::-1]


def cotangent(n: int, x: Array) -> Array | float:
    """Return the n-th derivative of pi cot(pi x): a polynomial in c = cot(pi x), as c' = -pi (1 + c**2)."""
    p = np.polynomial.Polynomial([0.0, math.pi])
    for _ in range(n):
        p = p.deriv() * [-math.pi, 0, -math.pi]
    distance = from_integer(x)
    if n == 0:  # at an integer the limits from both sides have opposite signs; for higher orders -inf, as in SciPy
        distance = np.where(np.equal(distance, 0), np.nan, distance)
    return polynomial(p.coef[::-1].tolist(), 1 / np.tan(math.pi * distance))


@primitive
def half_step(a: Array) -> Array:
    """log(gamma(a + 1/2) / gamma(a)), which cancels for large a: there by its asymptotic series."""
    large, small = np.maximum(a, 50), np.minimum(a, 50)
    r = 1 / np.square(large)
    series = np.log(large) / 2 - (1 / 8 - r * (1 / 192 - r * (1 / 640 - r * (17 / 14336)))) / large
    return np.where(np.less(a, 50), gammaln(small + 0.5) - gammaln(small), series)


def half_step_slope(a: Array) -> Array:
    """Return the derivative of `half_step`."""
    large, small = np.maximum(a, 50), np.minimum(a, 50)
    r = 1 / np.square(large)
    series = (1 / 2 + (1 / 8 - r * (1 / 64 - r * (1 / 128 - r * (17 / 2048)))) / large) / large
    return np.where(np.less(a, 50), polygamma(0, small + 0.5) - polygamma(0, small), series)


defvjp(half_step, lambda g, y, a: g * half_step_slope(a))
defvjp(gammaln,   lambda g, y, x: g * polygamma(0, x))
defvjp(polygamma, None,
                  lambda g, y, n, x: g * polygamma(n + 1, x))


# The logarithm of 1 + z**2, also where the square overflows
def square_rounds(z: Array) -> float:
    """Return a number from which on 1 + z**2 rounds to z**2."""
    return float(np.finfo(getattr(z, "dtype", np.float64)).eps) ** -0.5


@primitive
def log1p_square(z: Array) -> Array:
    """log(1 + z**2), elementwise."""
    z = floating(z)
    size, limit = np.abs(z), square_rounds(z)
    return np.log1p(np.square(np.minimum(size, limit))) + 2 * np.log(np.maximum(size, limit) / limit)


def log1p_square_slope(z: Array) -> Array:
    """Return 2 z / (1 + z**2)."""
    limit = square_rounds(z)
    near = np.maximum(np.minimum(z, limit), -limit)
    return 2 * near / (1 + near * near) * (limit / np.maximum(np.abs(z), limit))


defvjp(log1p_square, lambda g, y, z: g * log1p_square_slope(z))


# Products with a logarithm: 0 where the factor is 0, also where the logarithm is infinite
@primitive
def xlogy(x: Array, y: Array) -> Array:
    """x log(y), elementwise, and 0 where x is 0 and y is a number.

    >>> tg.special.xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    """
    x, y = floats(floating(x), floating(y))
    return x * np.log(np.where((x == 0) & (y == y), 1, y))


@primitive
def xlog1py(x: Array, y: Array) -> Array:
    """x log(1 + y), elementwise, and 0 where x is 0 and y is a number.

    >>> tg.special.xlog1py(np.array([0.0, 1.0]), np.array([-1.0, 1.0])).round(4)
    array([0.    , 0.6931])
    """
    x, y = floats(floating(x), floating(y))
    return x * np.log1p(np.where((x == 0) & (y == y), 0, y))


def xlogy_x(g: Array, r: Array, x: Array, y: Array) -> Array:
    """log(y), and 0 where x is 0 and log(y) is not a number."""
    return g * np.log(np.where(np.equal(x, 0) & np.less_equal(y, 0), 1.0, y))


def quotient(x: Array, y: Array) -> Array:
    """Return x / y, and 0 where x is 0 and y is not positive: only there, as the derivative by x is 1 / y elsewhere."""
    without_log = np.equal(x, 0) & np.less_equal(y, 0)
    return np.where(without_log, 0, x / np.where(without_log, 1, y))


def xlog1py_x(g: Array, r: Array, x: Array, y: Array) -> Array:
    """log(1 + y), and 0 where x is 0 and log(1 + y) is not a number."""
    return g * np.log1p(np.where(np.equal(x, 0) & np.less_equal(y, -1), 0.0, y))


defvjp(xlogy,   xlogy_x,
                lambda g, r, x, y: g * quotient(x, y))
defvjp(xlog1py, xlog1py_x,
                lambda g, r, x, y: g * quotient(x, 1 + y))
pointwise.update([gammaln, polygamma, half_step, log1p_square, xlogy, xlog1py])
promoting.update([xlogy, xlog1py])
