"""Distributions of integers. Probabilities are those of the documentation of `scipy.stats`.

The gradient by k is that of the formula's continuation to real numbers; most programs pass k as an integer array.
"""

from typing import Any

import numpy as np

from ..engine.rules.activations import floating, log_softmax
from ..engine.rules.gamma import gammaln, xlog1py, xlogy
from .families import Discrete, positive, special


def log_binomial(n: Any, k: Any) -> Any:
    """Return the logarithm of the binomial coefficient."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def is_probability(p: Any) -> Any:
    """Return where p is from 0 to 1."""
    return np.greater_equal(p, 0) & np.less_equal(p, 1)


poisson = Discrete("poisson", lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu, 0.0,
                   cdf=lambda k, mu: np.where(np.isnan(k), np.nan, special("pdtr")(k, mu)),  # pdtr(nan, 0) is 1
                   domain=lambda mu: np.greater_equal(mu, 0))  # fmt: skip
bernoulli = Discrete("bernoulli", lambda k, p: xlogy(k, p) + xlog1py(1 - k, -p), 0.0, 1.0, domain=is_probability)
binom = Discrete(
    "binom", lambda k, n, p: log_binomial(n, k) + xlogy(k, p) + xlog1py(n - k, -p), 0.0, lambda n, p: n,
    domain=lambda n, p: np.greater_equal(n, 0) & is_probability(p),
)  # fmt: skip
geom = Discrete(
    "geom", lambda k, p: xlog1py(k - 1, -p) + np.log(p), 1.0,
    domain=lambda p: positive(p) & is_probability(p),
)  # fmt: skip
nbinom = Discrete(
    "nbinom", lambda k, n, p: log_binomial(n + k - 1, k) + xlogy(n, p) + xlog1py(k, -p), 0.0,
    domain=lambda n, p: positive(n, p) & is_probability(p),
)  # fmt: skip


class Categorical:
    """The distribution of a class number with given probabilities, or with their logarithms up to a constant.

    >>> print(tg.stats.categorical.logpmf(1, [0.25, 0.75]).round(4))
    -0.2877
    """

    def logpmf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """Return log(p[..., k]) for class numbers k of shape (...,), and probabilities p of shape (..., classes).

        Instead of p, `logits` of the same shape give p = softmax(logits).
        """
        if (p is None) == (logits is None):
            raise TypeError("stats.categorical: give the probabilities p, or logits=")
        p = floating(logits if p is None else p)
        k = np.asarray(k)
        if k.dtype.kind not in "iu" or p.ndim == 0:
            raise TypeError(
                f"stats.categorical: k holds integers, not {k.dtype}, and p of shape {p.shape} probabilities"
            )
        if k.size and not (k.min() >= 0 and k.max() < p.shape[-1]):
            raise ValueError(
                f"stats.categorical: {p.shape[-1]} classes have numbers from 0; k is {k.min()} to {k.max()}"
            )
        shape = np.broadcast_shapes(k.shape, p.shape[:-1])
        p, k = np.broadcast_to(p, (*shape, p.shape[-1])), np.broadcast_to(k, shape)
        log_p = np.log(p) if logits is None else log_softmax(p)
        return np.take_along_axis(log_p, k[..., None], axis=-1)[..., 0]

    def pmf(self, k: Any, p: Any = None, *, logits: Any = None) -> Any:
        """Return the probability of class k; see `logpmf`."""
        return np.exp(self.logpmf(k, p, logits=logits))


categorical = Categorical()
