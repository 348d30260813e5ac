"""Log-densities of probability distributions, with the names and parameters of `scipy.stats`, for Tensors and arrays.

`stats.norm.logpdf(x, loc, scale)` is the logarithm of a density, `stats.poisson.logpmf(k, mu)` that of a probability;
`pdf` and `pmf` are their exponentials. All arguments broadcast and take gradients. Log-densities are plain NumPy, so
they need no SciPy and `jit` records them; `cdf`, `logcdf`, `sf` and `logsf` of some distributions call `scipy.special`.
"""

from . import docs  # noqa: F401 (gives the distributions their docstrings)
from .continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    gumbel_l,
    gumbel_r,
    halfcauchy,
    halfnorm,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    rayleigh,
    t,
    uniform,
    weibull_min,
)  # fmt: skip
from .discrete import bernoulli, binom, categorical, geom, nbinom, poisson
from .families import Continuous, Discrete
from .multivariate import dirichlet, multinomial, multivariate_normal

__all__ = [
    "Continuous", "Discrete", "bernoulli", "beta", "binom", "categorical", "cauchy", "chi2", "dirichlet", "expon",
    "gamma", "geom", "gumbel_l", "gumbel_r", "halfcauchy", "halfnorm", "invgamma", "laplace", "logistic", "lognorm",
    "multinomial", "multivariate_normal", "nbinom", "norm", "pareto", "poisson", "rayleigh", "t", "uniform",
    "weibull_min",
]  # fmt: skip
