"""Continuous distributions of one number. Densities are those of the documentation of `scipy.stats`."""

import math
from typing import Any

import numpy as np

from ..engine.rules.activations import sigmoid
from ..engine.rules.gamma import gammaln, half_step, log1p_square, xlog1py, xlogy
from ..special import betaln, logit
from .families import Continuous, special

LOG_2, LOG_PI, LOG_2PI = math.log(2), math.log(math.pi), math.log(2 * math.pi)


def t_log_density(z: Any, df: Any) -> Any:
    """Return the log-density of Student's distribution."""
    return half_step(df / 2) - (np.log(df) + LOG_PI + (df + 1) * log1p_square(z / np.sqrt(df))) / 2


def gamma_log_density(z: Any, a: Any) -> Any:
    """Return the log-density of the gamma distribution."""
    return xlogy(a - 1, z) - z - gammaln(a)


def lognorm_log_density(z: Any, s: Any) -> Any:
    """Return the log-density of exp(s times a normal number)."""
    log = np.log(z)
    return -np.square(log / s) / 2 - np.log(s) - log - LOG_2PI / 2


def t_quantile(q: Any, df: Any) -> Any:
    """Return the quantile of Student's distribution; SciPy's is inf for q = 0 too, where that is minus that of 1."""
    at_0 = np.equal(q, 0)
    z = special("stdtrit")(df, np.where(at_0, 1 - q, q))
    return np.where(at_0, -z, z)


def cauchy_quantile(q: Any) -> Any:
    """Return the quantile of the Cauchy distribution; above 1/2 from 1 - q, which is exact."""
    upper = np.greater(q, 0.5)
    tangent = np.tan(math.pi * np.where(upper, 1 - q, q + 0.0))  # -0.0 is 0
    return 1 / np.where(upper, tangent, -tangent)


def laplace_log_below(z: Any) -> Any:
    """Return the logarithm of the Laplace distribution function: z - log(2) on the left."""
    left = np.less(z, 0)  # not |z|, which has no derivative at 0, where this function has one
    return np.where(left, z - LOG_2, np.log1p(-np.exp(-np.where(left, 0, z)) / 2))


# Symmetric about 0
norm = Continuous(
    "norm", lambda z: -np.square(z) / 2 - LOG_2PI / 2,
    cdf=lambda z: special("ndtr")(z), logcdf=lambda z: special("log_ndtr")(z),
    ppf=lambda q: special("ndtri")(q),
)  # fmt: skip
t = Continuous("t", t_log_density, cdf=lambda z, df: special("stdtr")(df, z), ppf=t_quantile)
cauchy = Continuous(
    "cauchy",
    lambda z: -LOG_PI - log1p_square(z),
    cdf=lambda z: np.arctan2(1, -z) / math.pi,
    ppf=cauchy_quantile,
)
laplace = Continuous("laplace", lambda z: -np.abs(z) - LOG_2, logcdf=laplace_log_below)
logistic = Continuous(
    "logistic", lambda z: -np.logaddexp(z, 0) - np.logaddexp(-z, 0),
    cdf=sigmoid, logcdf=lambda z: -np.logaddexp(-z, 0), ppf=logit,
)  # fmt: skip

# On all real numbers
gumbel_r = Continuous(
    "gumbel_r", lambda z: -z - np.exp(-z), logcdf=lambda z: -np.exp(-z), sf=lambda z: -np.expm1(-np.exp(-z))
)
gumbel_l = Continuous("gumbel_l", lambda z: z - np.exp(z), logsf=lambda z: -np.exp(z))

# On positive numbers
expon = Continuous("expon", lambda z: -z, 0.0, logsf=lambda z: -z, ppf=lambda q: -np.log1p(-q))
gamma = Continuous(
    "gamma", gamma_log_density, 0.0,
    cdf=lambda z, a: special("gammainc")(a, z), sf=lambda z, a: special("gammaincc")(a, z),
    ppf=lambda q, a: special("gammaincinv")(a, q),
)  # fmt: skip
chi2 = Continuous(
    "chi2", lambda z, df: gamma_log_density(z / 2, df / 2) - LOG_2, 0.0,
    cdf=lambda z, df: special("chdtr")(df, z), sf=lambda z, df: special("chdtrc")(df, z),
)  # fmt: skip
invgamma = Continuous(
    "invgamma", lambda z, a: -(a + 1) * np.log(z) - gammaln(a) - 1 / z, 0.0, is_open=True,
    cdf=lambda z, a: special("gammaincc")(a, 1 / z), sf=lambda z, a: special("gammainc")(a, 1 / z),
)  # fmt: skip
lognorm = Continuous(
    "lognorm", lognorm_log_density, 0.0, is_open=True,
    logcdf=lambda z, s: special("log_ndtr")(np.log(z) / s), logsf=lambda z, s: special("log_ndtr")(-np.log(z) / s),
)  # fmt: skip
halfnorm = Continuous(
    "halfnorm", lambda z: (LOG_2 - LOG_PI - np.square(z)) / 2, 0.0,
    cdf=lambda z: special("erf")(z * math.sqrt(0.5)), sf=lambda z: special("erfc")(z * math.sqrt(0.5)),
    logsf=lambda z: LOG_2 + special("log_ndtr")(-z),
)  # fmt: skip
halfcauchy = Continuous(
    "halfcauchy", lambda z: LOG_2 - LOG_PI - log1p_square(z), 0.0,
    cdf=lambda z: np.arctan(z) * (2 / math.pi), sf=lambda z: np.arctan2(1, z) * (2 / math.pi),
)  # fmt: skip
rayleigh = Continuous(
    "rayleigh", lambda z: np.log(z) - np.square(z) / 2, 0.0, is_open=True, logsf=lambda z: -np.square(z) / 2
)
weibull_min = Continuous(
    "weibull_min", lambda z, c: np.log(c) + xlogy(c - 1, z) - np.power(z, c), 0.0,
    logsf=lambda z, c: -np.power(z, c),
)  # fmt: skip
pareto = Continuous("pareto", lambda z, b: np.log(b) - (b + 1) * np.log(z), 1.0, logsf=lambda z, b: -b * np.log(z))

# From 0 to 1
uniform = Continuous("uniform", lambda z: z * 0, 0.0, 1.0, cdf=lambda z: z, sf=lambda z: 1 - z, ppf=lambda q: q)
beta = Continuous(
    "beta", lambda z, a, b: xlogy(a - 1, z) + xlog1py(b - 1, -z) - betaln(a, b), 0.0, 1.0,
    cdf=lambda z, a, b: special("betainc")(a, b, z), sf=lambda z, a, b: special("betaincc")(a, b, z),
    ppf=lambda q, a, b: special("betaincinv")(a, b, q),
)  # fmt: skip
