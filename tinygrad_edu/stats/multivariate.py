"""Distributions of vectors. Densities are those of the documentation of `scipy.stats`."""

import math
from typing import Any

import numpy as np

from ..engine.rules.activations import floating
from ..engine.rules.gamma import gammaln, xlogy
from ..engine.rules.promotion import floats
from ..transforms.custom import stop_gradient
from .discrete import is_probability


class MultivariateNormal:
    """The normal distribution of vectors.

    >>> print(tg.stats.multivariate_normal.logpdf([0.0, 0.0], mean=[0.0, 0.0], cov=np.eye(2)).round(4))
    -1.8379
    """

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the log-density of vectors x of shape (..., k).

        `mean` is of shape (k,), `cov` of shape (k, k), symmetric and positive definite; its diagonal or one number
        stand for a diagonal matrix. `allow_singular` takes a semidefinite `cov`, with the density on its range (the
        residual outside of it is ignored; NaN for an indefinite `cov`). Raises LinAlgError for another matrix.
        """
        x, mean, cov = floats(floating(x), *self.checked(mean, cov))
        k = cov.shape[0]
        if k == 1 and np.ndim(x) < 2:  # a number, or several
            x = np.reshape(x, (*np.shape(x), 1))
        if np.shape(x)[-1:] != (k,):
            raise ValueError(f"stats.multivariate_normal: x of shape {np.shape(x)} holds no vectors of length {k}")
        d = x - mean
        if allow_singular:
            return self.singular(d, cov)
        root = np.linalg.cholesky(cov)
        z = np.linalg.solve(root, np.reshape(d, (-1, k)).T)
        logdet = 2 * np.sum(np.log(np.diagonal(root)))
        return np.reshape((np.sum(np.square(z), axis=0) + logdet + k * math.log(2 * math.pi)) / -2, d.shape[:-1])

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the density of vectors x of shape (..., k); see `logpdf`."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def entropy(self, mean: Any = None, cov: Any = 1) -> Any:
        """Return the differential entropy, which does not depend on the mean; see `logpdf`."""
        _, cov = self.checked(mean, cov)
        logdet = 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky(cov))))
        return (logdet + cov.shape[0] * (1 + math.log(2 * math.pi))) / 2

    def checked(self, mean: Any, cov: Any) -> tuple[Any, Any]:
        """Return the mean, and the covariance matrix; raise ValueError where their shapes do not agree."""
        mean, cov = floating(0.0 if mean is None else mean), floating(cov)
        k = max([1, *np.shape(mean), *np.shape(cov)])
        if np.ndim(cov) < 2:
            cov = np.eye(k) * cov
        if np.shape(cov) != (k, k) or np.shape(mean) not in ((), (1,), (k,)):
            raise ValueError(
                f"stats.multivariate_normal: a mean of shape (k,) needs a cov of shape (k, k), (k,) or (); they have "
                f"shapes {np.shape(mean)} and {np.shape(cov)}"
            )
        return mean, cov

    def singular(self, d: Any, cov: Any) -> Any:
        """Return the log-density of the deviations d for a semidefinite matrix, and NaN for an indefinite one.

        SciPy has the same threshold.
        """
        w = np.linalg.eigvalsh(cov)
        rcond = (1e3 if w.dtype == np.float32 else 1e6) * np.finfo(w.dtype).eps
        threshold = rcond * np.max(np.abs(stop_gradient(w)))
        kept = w > threshold
        logdet = np.where(np.all(w >= -threshold), np.sum(np.log(np.where(kept, w, 1))), np.nan)
        quadratic = np.sum(d * (d @ np.linalg.pinv(cov, rcond, hermitian=True)), axis=-1)
        return (quadratic + logdet + np.sum(kept) * math.log(2 * math.pi)) / -2


class Dirichlet:
    """The Dirichlet distribution of probabilities.

    >>> print(tg.stats.dirichlet.logpdf([0.5, 0.5], [2.0, 2.0]).round(4))
    0.4055
    """

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Return the log-density at x of shape (k,) or (k, n), n columns, each of sum 1; `alpha` has shape (k,).

        As in SciPy, the last row of x may be left out: it is 1 minus the sum of the others. NaN where an element of
        alpha is not above 0, and -inf where one of x is negative.
        """
        x, alpha = floats(floating(x), floating(alpha))
        shape, k = np.shape(x), np.shape(alpha)
        if len(k) != 1 or len(shape) not in (1, 2) or k[0] - shape[0] not in (0, 1):
            raise ValueError(
                f"stats.dirichlet: alpha of shape (k,) needs x of shape (k,) or (k, n); alpha has shape {k} "
                f"and x {shape}"
            )
        if shape[0] < k[0]:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        alpha = np.where(np.all(alpha > 0), alpha, np.nan)
        log_beta = np.sum(gammaln(alpha)) - gammaln(np.sum(alpha))
        negative = x < 0
        y = np.sum(xlogy(alpha - 1, np.where(negative, 1, x).T), axis=-1)
        return np.where(np.any(negative, axis=0), -np.inf, y) - log_beta

    def pdf(self, x: Any, alpha: Any) -> Any:
        """Return the density at x; see `logpdf`."""
        return np.exp(self.logpdf(x, alpha))


class Multinomial:
    """The distribution of the numbers of n draws in each of k classes.

    >>> print(tg.stats.multinomial.logpmf([1, 1], 2, [0.5, 0.5]).round(4))
    -0.6931
    """

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the log-probability of counts x of shape (..., k), of sum n, with probabilities p of shape (k,).

        NaN where an element of p is not from 0 to 1.
        """
        x, p = floats(floating(x), floating(p))
        y = gammaln(np.add(floating(n), 1)) + np.sum(xlogy(x, p) - gammaln(x + 1), axis=-1)
        counts = np.all(np.greater_equal(x, 0) & np.equal(np.floor(x), x), axis=-1)
        exists = np.all(is_probability(p), axis=-1)
        return np.where(exists, np.where(np.equal(np.sum(x, axis=-1), n) & counts, y, -np.inf), np.nan)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the probability of counts x; see `logpmf`."""
        return np.exp(self.logpmf(x, n, p))


multivariate_normal, dirichlet, multinomial = MultivariateNormal(), Dirichlet(), Multinomial()
