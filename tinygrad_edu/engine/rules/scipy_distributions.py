"""The distribution functions of scipy.special: derivatives by the argument are densities."""

import math

import numpy as np
from scipy import special

from .gamma import log1p_square
from .registry import Array, defvjp
from .scipy_gamma import beta_density, betainc_a, gamma_density, gammainc_a
from .scipy_special import unknown


def student_density(df: Array, t: Array) -> Array:
    """Return the density of Student's distribution."""
    half = np.divide(df, 2)
    log = -special.betaln(half, 0.5) - np.log(df) / 2 - (half + 0.5) * log1p_square(t / np.sqrt(df))
    return np.exp(log)


def student_df(df: Array, t: Array) -> Array:
    """Return the derivative of stdtr by df.

    stdtr is (1 + sign(t) betainc(1/2, df/2, c)) / 2 for c = t**2 / (df + t**2). By c alone, the derivative by df is the
    density times -t / (2 df). For many degrees of freedom both parts cancel: the result is exact to rounding of stdtr.
    """
    infinite = np.isinf(t)
    t, root = np.where(infinite, 1, t), np.sqrt(df)
    total = np.hypot(root, t)  # whose square may overflow
    half, x, c = np.divide(df, 2), np.square(root / total), np.square(t / total)
    by_df = np.sign(t) * -betainc_a(half, np.asarray(0.5), x, c) / 4 - student_density(df, t) * t / (2 * df)
    return np.where(infinite, 0, by_df)


def chi_squared_density(v: Array, x: Array) -> Array:
    """Return the density of the chi-squared distribution."""
    return gamma_density(np.divide(v, 2), np.divide(x, 2)) / 2


def chi_squared_v(g: Array, y: Array, v: Array, x: Array) -> Array:
    """Half of the derivative of the incomplete gamma function by its parameter."""
    return g * (gammainc_a(np.divide(v, 2), np.divide(x, 2)) / 2)


def poisson_rule(g: Array, y: Array, k: Array, m: Array) -> Array:
    """The probability of floor(k): of fewer than k + 1 events."""
    return g * gamma_density(np.floor(k) + 1, m)


defvjp(special.stdtr,   lambda g, y, df, t: g * student_df(df, t),
                        lambda g, y, df, t: g * student_density(df, t))
defvjp(special.stdtrit, lambda g, y, df, p: -g * (student_df(df, y) / student_density(df, y)),
                        lambda g, y, df, p: g / student_density(df, y))
defvjp(special.chdtr,   chi_squared_v, lambda g, y, v, x: g * chi_squared_density(v, x))
defvjp(special.chdtrc,  lambda g, y, v, x: -chi_squared_v(g, y, v, x),
                        lambda g, y, v, x: -g * chi_squared_density(v, x))
defvjp(special.pdtr,  unknown(special.pdtr, "k"),   lambda g, y, k, m: -poisson_rule(g, y, k, m))
defvjp(special.pdtrc, unknown(special.pdtrc, "k"),  poisson_rule)



def f_density(dfn: Array, dfd: Array, x: Array) -> Array:
    """Return the density of the F distribution: that of a beta distribution at z = dfn x / (dfn x + dfd), times z'."""
    infinite = np.isinf(dfn * x)
    x = np.where(infinite, 1, x)
    total = dfn * x + dfd
    slope = (dfn / total) * (dfd / total)
    return np.where(infinite, 0, beta_density(np.divide(dfn, 2), np.divide(dfd, 2), dfn * x / total) * slope)


def f_rule(i: int, g: Array, dfn: Array, dfd: Array, x: Array) -> Array:
    """The derivative of betainc(dfn / 2, dfd / 2, z) by dfn (i = 0) or dfd, for z = dfn x / (dfn x + dfd)."""
    infinite = np.isinf(dfn * x)
    x = np.where(infinite, 1, x)
    a, b, total = np.divide(dfn, 2), np.divide(dfd, 2), dfn * x + dfd
    z, c = dfn * x / total, dfd / total
    if i == 0:
        slope = betainc_a(a, b, z, c) / 2 + f_density(dfn, dfd, x) * (x / dfn)
    else:
        slope = -betainc_a(b, a, c, z) / 2 - f_density(dfn, dfd, x) * (x / dfd)
    return g * np.where(infinite, 0, slope)


defvjp(special.gdtr,  lambda g, y, a, b, x: g * (x * gamma_density(b, a * x)),
                      lambda g, y, a, b, x: g * gammainc_a(b, a * x),
                      lambda g, y, a, b, x: g * (a * gamma_density(b, a * x)))
defvjp(special.gdtrc, lambda g, y, a, b, x: -g * (x * gamma_density(b, a * x)),
                      lambda g, y, a, b, x: -g * gammainc_a(b, a * x),
                      lambda g, y, a, b, x: -g * (a * gamma_density(b, a * x)))
defvjp(special.fdtr,  lambda g, y, dfn, dfd, x: f_rule(0, g, dfn, dfd, x),
                      lambda g, y, dfn, dfd, x: f_rule(1, g, dfn, dfd, x),
                      lambda g, y, dfn, dfd, x: g * f_density(dfn, dfd, x))
defvjp(special.fdtrc, lambda g, y, dfn, dfd, x: -f_rule(0, g, dfn, dfd, x),
                      lambda g, y, dfn, dfd, x: -f_rule(1, g, dfn, dfd, x),
                      lambda g, y, dfn, dfd, x: -g * f_density(dfn, dfd, x))


def owens_t_h(g: Array, y: Array, h: Array, a: Array) -> Array:
    """Half of the normal density at h, times -erf(a h / sqrt(2))."""
    return g * (np.exp(np.square(h) / -2) * special.erf(a * h * math.sqrt(0.5)) / (-2 * math.sqrt(2 * math.pi)))


def owens_t_a(g: Array, y: Array, h: Array, a: Array) -> Array:
    """The integrand exp(-h**2 (1 + a**2) / 2) / (2 pi (1 + a**2))."""
    s = 1 + np.square(a)
    return g * (np.exp(np.square(h) * s / -2) / (2 * math.pi * s))


defvjp(special.owens_t, owens_t_h, owens_t_a)
