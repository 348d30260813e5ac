"""The logarithm of the gamma function and its derivatives, and logarithms times what may be 0, in plain NumPy."""

from __future__ import annotations

import math

import numpy as np

from .activations import floating, polynomial
from .promotion import floats
from .reductions import widened
from .registry import Array, defvjp, pointwise, primitive, promoting

_NUMERATOR = (  # of log(gamma(2 + d)) / d for d from 0 to 1 (Moshier 1989, the Cephes library)
    -1378.25152569120859100, -38801.6315134637840924, -331612.992738871184744, -1162370.97492762307383,
    -1721737.00820839662146, -853555.664245765465627,
)
_DENOMINATOR = (
    1.0, -351.815701436523470549, -17064.2106651881159223, -220528.590553854454839, -1139334.44367982507207,
    -2532523.07177582951285, -2018891.41433532773231,
)
_STIRLING = (  # of the remainder of Stirling's formula, times x, in 1 / x**2, from 13 on (Moshier 1989)
    8.11614167470508450300e-4, -5.95061904284301438324e-4, 7.93650340457716943945e-4, -2.77777777730099687205e-3,
    8.33333333333331927722e-2,
)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # numbers 2, 4, ..., 16


@primitive
def gammaln(x: Array) -> Array:
    """The logarithm of |gamma(x)|, elementwise and exact to rounding: infinite at 0 and at negative integers.

    From 13 on it is Stirling's formula. Below, gamma(x + 1) = x gamma(x) leads to an argument from 2 to 3, and to a
    rational function there. Negative arguments are reflected: gamma(x) gamma(1 - x) = pi / sin(pi x).

    >>> tg.gammaln(np.array([1.0, 5.0])).round(4)  # log(0!) and log(4!)
    array([0.    , 3.1781])
    """
    x = floating(x)
    if (wide := widened(x)) is not x:  # the polynomials would overflow
        return gammaln(wide).astype(np.float16)
    z = np.where(x < 0, 1 - x, x)
    near, far = np.minimum(z, 13), np.maximum(z, 13)
    whole = np.minimum(np.floor(near), 12)
    steps, d = whole - 2, near - whole  # d is exact, so that the result is relatively exact near its zeros 1 and 2 too
    product, quotient = np.ones_like(d), np.ones_like(d)
    for k in range(10):
        product = product * np.where(k < steps, d + (2 + k), 1)
    for k in (1, 2):
        quotient = quotient * np.where(-k >= steps, d + (2 - k), 1)
    below = d * (polynomial(_NUMERATOR, d) / polynomial(_DENOMINATOR, d)) - np.log(quotient / product)
    remainder = polynomial(_STIRLING, (1 / far) ** 2) / far
    above = (far - 0.5) * (np.log(far) - 1) + (math.log(2 * math.pi) - 1) / 2 + remainder
    y = np.where(z < 13, below, above)
    return np.where(x < 0, math.log(math.pi) - np.log(np.abs(np.sin(math.pi * from_integer(x)))) - y, y)


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
    z: Array = np.where(x < 0, 1 - x, x)
    y: Array | float = 0.0
    for k in range(n + 10):
        y = y + math.factorial(n) / (z + k) ** (n + 1)
    z = z + (n + 10)
    series = [b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) for k, b in enumerate(_BERNOULLI, start=1)]
    tail = 0.5 * math.factorial(n) / z + polynomial(series[::-1], 1 / z**2) / z**2
    y = (y + (tail + math.factorial(n - 1)) / z**n) * (-1) ** (n + 1) if n else np.log(z) - tail - y
    return np.where(x < 0, (-1) ** n * y - cotangent(n, x), y)


def cotangent(n: int, x: Array) -> Array | float:
    """Return the n-th derivative of pi cot(pi x): a polynomial in c = cot(pi x), as c' = -pi (1 + c**2)."""
    p = np.polynomial.Polynomial([0.0, math.pi])
    for _ in range(n):
        p = p.deriv() * [-math.pi, 0, -math.pi]
    distance = from_integer(x)
    if n == 0:  # at an integer the limits from both sides have opposite signs; for higher orders -inf, as in SciPy
        distance = np.where(np.equal(distance, 0), np.nan, distance)
    return polynomial(p.coef[::-1].tolist(), 1 / np.tan(math.pi * distance))


defvjp(gammaln,   lambda g, y, x: g * polygamma(0, x))
defvjp(polygamma, None,
                  lambda g, y, n, x: g * polygamma(n + 1, x))


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
pointwise.update([gammaln, polygamma, xlogy, xlog1py])
promoting.update([xlogy, xlog1py])
