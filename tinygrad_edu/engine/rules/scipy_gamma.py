"""The gamma and beta functions of scipy.special, and the densities of their distributions.

Formulas without a source are in Abramowitz and Stegun.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from .gamma import polygamma
from .limits import any_true
from .registry import Array, defvjp, nondifferentiable, primitive

POINTS, WEIGHTS = (v / 2 for v in np.polynomial.legendre.leggauss(48))  # of an integral from 0 to 1
POINTS += 0.5
BLOCK = 1024  # elements whose integrals are computed at once: each has hundreds of points
SCALES = np.exp(np.arange(-340, 1) / 10)  # of an integral over 0 to 1 by its logarithm, with the trapezoidal rule


def psi(x: Array) -> Array:
    """Return the digamma function, the derivative of log(gamma)."""
    return polygamma(0, x)


def rgamma_rule(g: Array, y: Array, x: Array) -> Array:
    """-y psi(x), and where psi has poles the derivative of sin(pi x) gamma(1 - x) / pi, which is the same function."""
    left, z = np.less(x, 0.5), np.where(np.less(x, 0.5), 1 - x, 1)
    turn = math.pi * np.where(left, x - 2 * np.rint(x / 2), 0)
    reflected = special.gamma(z) * (np.cos(turn) - psi(z) * np.sin(turn) / math.pi)
    return g * np.where(left, reflected, -y * psi(np.where(left, 1, x)))


def times_psi(y: Array, x: Array, factor: Callable[[], Array]) -> Array:
    """Return y psi(x), and its limit at a pole of psi where y = factor / gamma(x) is 0.

    Where y is not 0 there, another such term has a pole too, and the difference is that of their psi(1 - x).
    """
    pole = is_pole(x)
    if not any_true(pole):
        return y * psi(x)
    z = np.where(pole, x, 0)
    limit = np.where(np.equal(y, 0), -factor() * rgamma_rule(np.ones(()), y, z), y * psi(1 - z))
    return np.where(pole, limit, y * psi(np.where(pole, 1, x)))


def times_change(y: Array, x: Array, m: Array, z: Array, otherwise: Callable[[], Array]) -> Array:
    """Return y (psi(z) - psi(x)) with z = x + m, which is `otherwise()` where x or z is small.

    It is the difference of Stirling's series, by m, as digits of the difference cancel where m is small beside x.
    """
    large = np.greater_equal(x, 30) & np.greater_equal(z, 30) & np.isfinite(z)
    if not any_true(large):
        return otherwise()
    x, z, m = np.where(large, x, 30.0), np.where(large, z, 30.0), np.where(large, m, 0.0)
    least, sign = np.where(np.less(m, 0), z, x), np.where(np.less(m, 0), -1, 1)
    p, q = 1 / x, 1 / z
    u, v, d = np.square(p), np.square(q), -m * p * q  # q - p
    series = 1 / 12 - (u + v) / 120 + (u * u + u * v + v * v) / 252 - (u + v) * (u * u + v * v) / 240
    change = sign * np.log1p(sign * m / least) - d / 2 - d * (p + q) * series
    return np.where(large, y * change, otherwise())


def beta_rule(g: Array, y: Array, a: Array, b: Array) -> Array:
    """y (psi(a) - psi(a + b)), by a."""
    factor, z = lambda: special.gamma(a) * special.gamma(b), np.add(a, b)
    return -g * times_change(y, a, b, z, lambda: times_psi(y, z, factor) - times_psi(y, a, factor))


def betaln_rule(g: Array, y: Array, a: Array, b: Array) -> Array:
    """psi(a) - psi(a + b), by a."""
    z = np.add(a, b)
    return -g * times_change(np.ones(()), a, b, z, lambda: psi_change(a, z))


def psi_change(a: Array, z: Array) -> Array:
    """Return psi(z) - psi(a); where both have poles psi(1 - z) - psi(1 - a), as pi cot(pi x) has the period 1."""
    poles = is_pole(a) & is_pole(z)
    if not any_true(poles):
        return psi(z) - psi(a)
    return psi(np.where(poles, 1 - z, z)) - psi(np.where(poles, 1 - a, a))


def is_pole(x: Array) -> Array:
    """Return where x is 0 or a negative integer."""
    return np.less_equal(x, 0) & np.equal(np.floor(x), x)


def poch_z(g: Array, y: Array, z: Array, m: Array) -> Array:
    """y (psi(z + m) - psi(z))."""
    factor = lambda: special.gamma(z + m)
    return g * times_change(y, z, m, z + m, lambda: times_psi(y, z + m, factor) - times_psi(y, z, factor))


def binom_n(g: Array, y: Array, n: Array, k: Array) -> Array:
    """y (psi(n + 1) - psi(n - k + 1))."""
    rest = np.subtract(n, k)
    factor = lambda: special.poch(k + 1, rest)
    return g * times_change(y, rest + 1, k, n + 1, lambda: y * psi(n + 1) - times_psi(y, rest + 1, factor))


def binom_k(g: Array, y: Array, n: Array, k: Array) -> Array:
    """y (psi(n - k + 1) - psi(k + 1))."""
    rest = np.subtract(n, k)
    above, below = lambda: special.poch(k + 1, rest), lambda: special.poch(rest + 1, k)
    otherwise = lambda: times_psi(y, rest + 1, above) - times_psi(y, k + 1, below)
    return g * times_change(y, k + 1, rest - k, rest + 1, otherwise)


defvjp(special.gamma,      lambda g, y, x: g * (y * psi(x)))
defvjp(special.gammaln,    lambda g, y, x: g * psi(x))
defvjp(special.loggamma,   lambda g, y, x: g * psi(x))
defvjp(special.rgamma,     rgamma_rule)
defvjp(special.digamma,    lambda g, y, x: g * polygamma(1, x))
defvjp(special.poch,       poch_z,
                           lambda g, y, z, m: g * (y * psi(z + m)))
defvjp(special.beta,       beta_rule, lambda g, y, a, b: beta_rule(g, y, b, a))
defvjp(special.betaln,     betaln_rule, lambda g, y, a, b: betaln_rule(g, y, b, a))
defvjp(special.binom,      binom_n, binom_k)


def split_at_0(x: Array, p: Array) -> tuple[Array, Array]:
    """Return 0**p where x is 0, else 1, and x with 1 there: exp(p log(x)) has no derivatives at 0, and x**p has."""
    at_0 = np.equal(x, 0)
    return np.where(at_0, np.power(np.where(at_0, x, 1), p), 1), np.where(at_0, 1, x)


def gamma_density(a: Array, x: Array) -> Array:
    """Return x**(a - 1) exp(-x) / gamma(a), by logarithms; for large a, where these cancel, by Stirling's formula."""
    large, infinite = np.greater(a, 100), np.isinf(x)
    x = np.where(infinite, 1, x)  # where the logarithms are infinite, and their difference is not a number
    b = np.where(large, a, 100.0)
    u, r = (x - b) / b, 1 / np.square(b)
    log = special.xlog1py(b - 1, u) - b * u - (1 / 12 - r * (1 / 360 - r / 1260)) / b - np.log(2 * math.pi * b) / 2
    p = np.where(large, 1.0, np.subtract(a, 1))
    at_0, z = split_at_0(x, p)
    density = at_0 * np.exp(np.where(large, log, special.xlogy(p, z) - x - special.gammaln(a)))
    return np.where(infinite, 0, density)


def beta_density(a: Array, b: Array, x: Array) -> Array:
    """Return x**(a - 1) (1 - x)**(b - 1) / beta(a, b), by logarithms."""
    p, q = np.subtract(a, 1), np.subtract(b, 1)
    at_0, z = split_at_0(x, p)
    at_1, _ = split_at_0(1 - x, q)
    log = special.xlogy(p, z) + special.xlog1py(q, -np.where(np.equal(x, 1), 0, x)) - special.betaln(a, b)
    return at_0 * at_1 * np.exp(log)


@primitive
def range_of_integral(a: Array, x: Array, right: Array) -> Array:
    """Return where the integrand of `gammainc_a` has fallen below exp(-40), at the latest; a constant."""
    with np.errstate(divide="ignore"):
        by_slope, k = 40 / np.abs(x - a), 40 / x
    by_curvature = np.minimum(np.sqrt(2 * k), np.log1p(k + 1 + np.log1p(k)))
    return np.minimum(by_slope, np.where(right, by_curvature, (k + np.sqrt(k * (k + 8))) / 2))


def gammainc_a(a: Array, x: Array) -> Array:
    """Return the derivative of gammainc by a: the integral of (log(t) - psi(a)) times the density of t, from 0 to x.

    With t = x exp(-u) this is log(x) - psi(a) times gammainc, and an integral over u, smooth, by Gauss and Legendre. On
    the right, where gammainc is nearer to 1 than to 0, it is the integral from x on, with the other sign and t = x
    exp(u). For small a it follows from gammainc(a, x) = gammainc(a + 1, x) + x**a exp(-x) / gamma(a + 1).
    """
    at_end = np.equal(x, 0) | np.isinf(x)
    x = np.where(at_end, 1.0, x)
    right = np.greater(x, np.maximum(a, 1))
    small = np.less(a, 1) & ~right
    a = np.where(small, a + 1, a)
    density, change = gamma_density(a, x), np.log(x) - psi(a)
    scale = range_of_integral(a, x, right)
    u = scale[..., None] * POINTS
    b, z, to_the_right = a[..., None], x[..., None], right[..., None]
    exponent = np.where(to_the_right, b * u - z * np.expm1(u), -b * u - z * np.expm1(-u))
    integral = scale * np.sum(WEIGHTS * u * np.exp(exponent), axis=-1)
    probability = np.where(right, -special.gammaincc(a, x), special.gammainc(a, x))
    by_a = change * (probability + np.where(small, density, 0)) - x * density * integral
    return np.where(at_end, 0, by_a)


@primitive
def range_of_beta_integral(p: Array, q: Array, log_r: Array) -> Array:
    """Return where the integrand of `betainc_a` has fallen below exp(-40), at the latest; a constant."""
    return (40 - np.maximum(q - 1, 0) * log_r) / p


def logarithm(x: Array, c: Array) -> Array:
    """Return log(x), where x is near 1 from c = 1 - x."""
    return np.where(np.greater(x, 0.5), np.log1p(-np.minimum(c, 0.5)), np.log(x))


def betainc_a(a: Array, b: Array, x: Array, c: Array) -> Array:
    """Return the derivative of betainc by a, for c = 1 - x. That by b is -betainc_a(b, a, c, x).

    It is the integral of (log(t) - psi(a) + psi(a + b)) times the density of t, from 0 to x. With t = x exp(-u) this is
    log(x) - psi(a) + psi(a + b) times betainc, and an integral over u. On the right, where betainc is nearer to 1, it
    is the integral from x to 1, with the other sign and 1 - t = c exp(-u), but not where x is so small that the part of
    t that is not much larger matters. Over log(u) the integrand is smooth and small at both ends, where the trapezoidal
    rule is exact to rounding.
    """
    args = (a, b, x, c)
    if all([type(v) in (np.ndarray, np.float64, float) for v in args]) and np.broadcast(*args).size > BLOCK:
        rows = [np.ravel(v) for v in np.broadcast_arrays(*args)]
        parts = [betainc_a(*[v[i : i + BLOCK] for v in rows]) for i in range(0, len(rows[0]), BLOCK)]
        return np.concatenate(parts).reshape(np.broadcast(*args).shape)
    at_end = np.equal(x, 0) | np.equal(c, 0)
    x, c = np.where(at_end, 0.5, x), np.where(at_end, 0.5, c)
    smallest = 1e-8 * range_of_beta_integral(b, a, logarithm(x, c))
    left = np.less(special.betainc(a, b, x), 0.5) | np.less(x / c, smallest)
    p, q, z, r = np.where(left, a, b), np.where(left, b, a), np.where(left, x, c), np.where(left, c, x)
    log_z, log_r = logarithm(z, r), logarithm(r, z)
    scale = range_of_beta_integral(p, q, log_r)
    u = scale[..., None] * SCALES
    growth = np.log1p(-(z / r)[..., None] * np.expm1(-u))
    integrand = np.where(left[..., None], u, growth) * np.exp((q - 1)[..., None] * growth - p[..., None] * u)
    integral = scale * np.sum(SCALES / 10 * integrand, axis=-1)
    change = times_change(np.ones(()), a, b, np.add(a, b), lambda: psi(np.add(a, b)) - psi(a))
    probability = np.where(np.less(z, r), special.betainc(p, q, z), special.betaincc(q, p, r))  # the smaller has digits
    density = np.exp(p * log_z + (q - 1) * log_r - special.betaln(p, q))
    by_a = (np.where(left, log_z, log_r) + change) * np.where(left, probability, -probability) - density * integral
    return np.where(at_end, 0, by_a)


def beta_quantile_rule(g: Array, y: Array, change: Array, a: Array, b: Array) -> Array:
    """-change / density, for a quantile y where betainc has this change, and 0 where y is 0 or 1."""
    at_end = np.equal(y, 0) | np.equal(y, 1)
    return g * np.where(at_end, 0, -change / beta_density(a, b, np.where(at_end, 0.5, y)))


def quantile_a(y: Array, a: Array) -> Array:
    """Return the derivative by a of a quantile y of the gamma distribution: of 0 it is 0, and of infinity infinity."""
    at_end = np.equal(y, 0) | np.isinf(y)
    z = np.where(at_end, 1.0, y)
    return np.where(at_end, y, -gammainc_a(a, z) / gamma_density(a, z))


nondifferentiable(range_of_integral, range_of_beta_integral)
defvjp(special.gammainc,     lambda g, y, a, x: g * gammainc_a(a, x),
                             lambda g, y, a, x: g * gamma_density(a, x))
defvjp(special.gammaincc,    lambda g, y, a, x: -g * gammainc_a(a, x),
                             lambda g, y, a, x: -g * gamma_density(a, x))
defvjp(special.gammaincinv,  lambda g, y, a, p: g * quantile_a(y, a),
                             lambda g, y, a, p: g / gamma_density(a, y))
defvjp(special.gammainccinv, lambda g, y, a, p: g * quantile_a(y, a),
                             lambda g, y, a, p: -g / gamma_density(a, y))
defvjp(special.betainc,      lambda g, y, a, b, x: g * betainc_a(a, b, x, 1 - x),
                             lambda g, y, a, b, x: -g * betainc_a(b, a, 1 - x, x),
                             lambda g, y, a, b, x: g * beta_density(a, b, x))
defvjp(special.betaincc,     lambda g, y, a, b, x: -g * betainc_a(a, b, x, 1 - x),
                             lambda g, y, a, b, x: g * betainc_a(b, a, 1 - x, x),
                             lambda g, y, a, b, x: -g * beta_density(a, b, x))
defvjp(special.betaincinv,   lambda g, y, a, b, p: beta_quantile_rule(g, y, betainc_a(a, b, y, 1 - y), a, b),
                             lambda g, y, a, b, p: beta_quantile_rule(g, y, -betainc_a(b, a, 1 - y, y), a, b),
                             lambda g, y, a, b, p: g / beta_density(a, b, y))
defvjp(special.betainccinv,  lambda g, y, a, b, p: beta_quantile_rule(g, y, betainc_a(a, b, y, 1 - y), a, b),
                             lambda g, y, a, b, p: beta_quantile_rule(g, y, -betainc_a(b, a, 1 - y, y), a, b),
                             lambda g, y, a, b, p: -g / beta_density(a, b, y))
nondifferentiable(special.gammasgn)
