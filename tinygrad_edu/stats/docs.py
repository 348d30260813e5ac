"""What each distribution of one number is: its docstring, with an example."""

from . import continuous, discrete

__test__ = {  # doctest runs what stands here
    "norm": """The normal distribution: `loc` is its mean, `scale` its standard deviation.

    >>> print(tg.stats.norm.logpdf(0.0, loc=0.0, scale=1.0).round(4))
    -0.9189
    """,
    "t": """Student's distribution with `df` degrees of freedom.

    >>> print(tg.stats.t.logpdf(0.0, df=3.0).round(4))
    -1.0009
    """,
    "cauchy": """The Cauchy distribution: `loc` is its median, `scale` half its width at half its height.

    >>> print(tg.stats.cauchy.logpdf(1.0).round(4))
    -1.8379
    """,
    "laplace": """The Laplace distribution, exp(-|z|) / 2.

    >>> print(tg.stats.laplace.logpdf(1.0).round(4))
    -1.6931
    """,
    "logistic": """The logistic distribution, whose distribution function is the sigmoid.

    >>> print(tg.stats.logistic.logpdf(0.0).round(4))
    -1.3863
    """,
    "uniform": """The uniform distribution from `loc` to loc + scale.

    >>> print(tg.stats.uniform.logpdf(0.5, loc=0.0, scale=4.0).round(4))
    -1.3863
    """,
    "expon": """The exponential distribution: `scale` is its mean, 1 / rate.

    >>> print(tg.stats.expon.logpdf(1.0, scale=2.0).round(4))
    -1.1931
    """,
    "gamma": """The gamma distribution of shape `a`; `scale` is 1 / rate.

    >>> print(tg.stats.gamma.logpdf(1.0, a=2.0).round(4))
    -1.0
    """,
    "beta": """The beta distribution of numbers from 0 to 1, with the shapes `a` and `b`.

    >>> print(tg.stats.beta.logpdf(0.5, a=2.0, b=2.0).round(4))
    0.4055
    """,
    "chi2": """The distribution of the sum of `df` squared normal numbers.

    >>> print(tg.stats.chi2.logpdf(1.0, df=2.0).round(4))
    -1.1931
    """,
    "invgamma": """The distribution of 1 / x for x of the gamma distribution of shape `a`.

    >>> print(tg.stats.invgamma.logpdf(1.0, a=2.0).round(4))
    -1.0
    """,
    "lognorm": """The distribution of scale exp(s x) for a normal number x.

    >>> print(tg.stats.lognorm.logpdf(1.0, s=1.0).round(4))
    -0.9189
    """,
    "pareto": """The Pareto distribution of numbers above `scale`, with the power `b`.

    >>> print(tg.stats.pareto.logpdf(2.0, b=1.0).round(4))
    -1.3863
    """,
    "weibull_min": """The Weibull distribution of shape `c`.

    >>> print(tg.stats.weibull_min.logpdf(1.0, c=2.0).round(4))
    -0.3069
    """,
    "rayleigh": """The distribution of the length of a vector of two normal numbers.

    >>> print(tg.stats.rayleigh.logpdf(1.0).round(4))
    -0.5
    """,
    "halfnorm": """The distribution of |x| for a normal number x.

    >>> print(tg.stats.halfnorm.logpdf(0.0).round(4))
    -0.2258
    """,
    "halfcauchy": """The distribution of |x| for x of the Cauchy distribution.

    >>> print(tg.stats.halfcauchy.logpdf(0.0).round(4))
    -0.4516
    """,
    "gumbel_r": """The Gumbel distribution of maxima.

    >>> print(tg.stats.gumbel_r.logpdf(0.0).round(4))
    -1.0
    """,
    "gumbel_l": """The Gumbel distribution of minima.

    >>> print(tg.stats.gumbel_l.logpdf(0.0).round(4))
    -1.0
    """,
    "bernoulli": """The distribution of 1 with probability `p`, and 0 otherwise.

    >>> print(tg.stats.bernoulli.logpmf(1, p=0.25).round(4))
    -1.3863
    """,
    "binom": """The distribution of the number of successes in `n` trials of probability `p`.

    >>> print(tg.stats.binom.logpmf(1, n=2, p=0.5).round(4))
    -0.6931
    """,
    "geom": """The distribution of the number of trials up to the first success, each of probability `p`.

    >>> print(tg.stats.geom.logpmf(2, p=0.5).round(4))
    -1.3863
    """,
    "nbinom": """The distribution of the number of failures before `n` successes, each of probability `p`.

    >>> print(tg.stats.nbinom.logpmf(1, n=1, p=0.5).round(4))
    -1.3863
    """,
    "poisson": """The Poisson distribution of counts with mean `mu`.

    >>> print(tg.stats.poisson.logpmf(0, mu=2.0).round(4))
    -2.0
    """,
}

for _name, _text in __test__.items():
    vars(continuous if _name in vars(continuous) else discrete)[_name].__doc__ = _text
