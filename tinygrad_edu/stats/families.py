"""What all distributions of one number share: location and scale, the support, and functions of the log-density."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.rules.activations import floating
from ..engine.rules.promotion import floats, has_dtype

LogDensity = Callable[..., Any]
Bound = float | Callable[..., Any]


def special(name: str) -> Any:
    """Return the function of `scipy.special` with a name; raise ImportError with the remedy where SciPy is missing."""
    try:
        from scipy import special as functions
    except ImportError as error:
        raise ImportError(f"this distribution function is scipy.special.{name}: python -m pip install scipy") from error
    return getattr(functions, name)


def log_probability(p: Any, complement: Any) -> Any:
    """Return log(p); where p rounds to 1, from its complement 1 - p, which keeps its digits."""
    near_1 = np.less(complement, 0.5)
    return np.where(near_1, np.log1p(-np.where(near_1, complement, 0)), np.log(np.where(near_1, 1, p)))


def positive(*numbers: Any) -> Any:
    """Return where all numbers are above 0."""
    return math.prod([np.greater(x, 0) for x in numbers], start=np.True_)


class Distribution:
    """A family of distributions: `log_density(z, *shapes)` within the bounds of its support, and -inf outside it.

    A bound may be a function of the shapes. All functions see only arguments within the support. `logcdf` and `logsf`
    are given where they stay finite although the probability rounds to 0; `cdf` and `sf` then follow from them. Where
    the shapes are outside of their `domain`, or the scale is not above 0, all functions are NaN, as in SciPy.
    """

    extra: dict[str, Any]  # parameters that follow the shapes, with their defaults

    def __init__(
        self, name: str, log_density: LogDensity, lower: Bound = -math.inf, upper: Bound = math.inf,
        cdf: LogDensity | None = None, sf: LogDensity | None = None, logcdf: LogDensity | None = None,
        logsf: LogDensity | None = None, ppf: LogDensity | None = None, is_open: bool = False,
        domain: LogDensity = positive,
    ) -> None:  # fmt: skip
        if logcdf is not None and cdf is None:
            cdf = lambda *z: np.exp(logcdf(*z))
        if logsf is not None:
            cdf, sf = cdf or (lambda *z: -np.expm1(logsf(*z))), sf or (lambda *z: np.exp(logsf(*z)))
        self.name, self.log_density, self.lower, self.upper = name, log_density, lower, upper
        self.below, self.log_below, self.log_above, self.quantile = cdf, logcdf, logsf, ppf
        self.above = sf  # None for a distribution that is symmetric about 0, where 1 - cdf(z) is cdf(-z)
        self.is_open = is_open  # at its bounds, which are then outside the support
        self.domain = domain
        self.shapes = tuple(inspect.signature(log_density).parameters)[1:]

    def __repr__(self) -> str:
        return f"tinygrad_edu.stats.{self.name}"

    def parameters(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any], list[Any]]:
        """Return x, the shapes, and the values of `extra`; raise TypeError for a missing or an unknown parameter.

        All arrays get one dtype of floats. Numbers get the dtype of x, as NumPy's functions of a number alone would
        give float64. x and the shapes are NaN where the parameters make no distribution.
        """
        names = (*self.shapes, *self.extra)
        given = self.extra | dict(zip(names, args, strict=False)) | kwargs
        if len(args) > len(names) or {*given} != {*names} or {*names[: len(args)]} & {*kwargs}:
            signature = ", ".join([*self.shapes, *[f"{k}={v}" for k, v in self.extra.items()]])
            raise TypeError(f"stats.{self.name}: the parameters after the first argument are ({signature}), each once")
        values = [np.asarray(given[k]) if isinstance(given[k], (list, tuple)) else given[k] for k in names]
        x, *values = floats(floating(x), *values)
        x = x if has_dtype(x) else np.positive(x)  # a number of NumPy, which divides by 0
        small = getattr(x, "dtype", None) in (np.float16, np.float32)
        values = [x.dtype.type(1) * v if small and isinstance(v, (int, float)) else v for v in values]
        shapes, others = values[: len(self.shapes)], values[len(self.shapes) :]
        exists = self.domain(*shapes) & positive(*others[1:])
        if exists is not np.True_:
            x, *shapes = [np.where(exists, v, np.nan) for v in (x, *shapes)]  # the shapes too, as nan**0 is 1
        return x, shapes, others

    def bounds(self, shapes: list[Any]) -> list[Any]:
        """Return the lower and the upper bound of the support."""
        return [b(*shapes) if callable(b) else b for b in (self.lower, self.upper)]

    def sides(self, z: Any, shapes: list[Any]) -> tuple[Any, Any, Any]:
        """Return where z is below the support, where above it, and z with an argument of the support there."""
        lower, upper = self.bounds(shapes)
        below, above = (z <= lower, z >= upper) if self.is_open else (z < lower, z > upper)
        return below, above, np.where(below | above, lower + 0.5, z)

    def within(self, z: Any, shapes: list[Any], outside: Any = False) -> Any:
        """Return the log-density, and -inf where z is out of bounds or `outside` holds; NaN stays NaN."""
        if self.lower == -math.inf and self.upper == math.inf:
            return self.log_density(z, *shapes)
        below, above, z = self.sides(z, shapes)
        return np.where(below | above | outside, -np.inf, self.log_density(z, *shapes))

    def probability(self, fun: LogDensity | None, z: Any, shapes: list[Any], lowest: float, highest: float) -> Any:
        """Return fun(z, *shapes), and `lowest` and `highest` below and above the support."""
        if fun is None:
            raise NotImplementedError(f"stats.{self.name} has no distribution function here, only its log-density")
        if self.lower == -math.inf and self.upper == math.inf:
            return fun(z, *shapes)
        below, above, z = self.sides(z, shapes)
        return np.where(below, lowest, np.where(above, highest, fun(z, *shapes)))

    def cumulative(self, z: Any, shapes: list[Any]) -> Any:
        """Return the probability of at most z."""
        return self.probability(self.below, z, shapes, 0.0, 1.0)

    def survival(self, z: Any, shapes: list[Any]) -> Any:
        """Return the probability of more than z."""
        return self.cumulative(-z, shapes) if self.above is None else self.probability(self.above, z, shapes, 1.0, 0.0)

    def log_cumulative(self, z: Any, shapes: list[Any]) -> Any:
        """Return the logarithm of the probability of at most z."""
        if self.log_below is None:
            return log_probability(self.cumulative(z, shapes), self.survival(z, shapes))
        return self.probability(self.log_below, z, shapes, -np.inf, 0.0)

    def log_survival(self, z: Any, shapes: list[Any]) -> Any:
        """Return the logarithm of the probability of more than z."""
        if self.above is None:
            return self.log_cumulative(-z, shapes)
        if self.log_above is None:
            return log_probability(self.survival(z, shapes), self.cumulative(z, shapes))
        return self.probability(self.log_above, z, shapes, 0.0, -np.inf)

    def quantiles(self, q: Any, shapes: list[Any]) -> Any:
        """Return the z below which the probability is q, NaN for a q outside 0 to 1."""
        if self.quantile is None:
            raise NotImplementedError(f"stats.{self.name} has no ppf here; it is the inverse of its cdf")
        outside = np.less(q, 0) | np.greater(q, 1)  # not where q is NaN, whose gradient is NaN too
        return np.where(outside, np.nan, self.quantile(np.where(outside, 0.5, q), *shapes))


class Continuous(Distribution):
    """A continuous distribution, elementwise; z = (x - loc) / scale is the argument of its log-density.

    >>> tg.stats.norm.logpdf(np.array([0.0, 1.0]), loc=0.0, scale=2.0).round(4)
    array([-1.6121, -1.7371])
    """

    extra = {"loc": 0.0, "scale": 1.0}  # noqa: RUF012

    def standard(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any], Any]:
        """Return z, the shapes and the scale."""
        x, shapes, (loc, scale) = self.parameters(x, args, kwargs)
        return np.divide(x - loc, scale), shapes, scale

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the density at x; the shapes, `loc` and `scale` follow."""
        z, shapes, scale = self.standard(x, args, kwargs)
        return self.within(z, shapes) - np.log(scale)

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the density at x; the shapes, `loc` and `scale` follow."""
        return np.exp(self.logpdf(x, *args, **kwargs))

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of at most x; the shapes, `loc` and `scale` follow."""
        return self.cumulative(*self.standard(x, args, kwargs)[:2])

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of at most x; the shapes, `loc` and `scale` follow."""
        return self.log_cumulative(*self.standard(x, args, kwargs)[:2])

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of more than x; the shapes, `loc` and `scale` follow."""
        return self.survival(*self.standard(x, args, kwargs)[:2])

    def logsf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of more than x; the shapes, `loc` and `scale` follow."""
        return self.log_survival(*self.standard(x, args, kwargs)[:2])

    def ppf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the x below which the probability is q; the shapes, `loc` and `scale` follow."""
        q, shapes, (loc, scale) = self.parameters(q, args, kwargs)
        return self.quantiles(q, shapes) * scale + loc

    def isf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the x above which the probability is q; the shapes, `loc` and `scale` follow."""
        q, shapes, (loc, scale) = self.parameters(q, args, kwargs)
        if self.quantile is None or self.above is not None:
            raise NotImplementedError(f"stats.{self.name} has no isf here, which would round off small numbers")
        return loc - self.quantiles(q, shapes) * scale


class Discrete(Distribution):
    """A distribution of integers, elementwise.

    k - loc is the argument of its log-density, which is -inf where that is not an integer.

    >>> tg.stats.poisson.logpmf(np.array([0, 1]), mu=2.0).round(4)
    array([-2.    , -1.3069])
    """

    extra = {"loc": 0}  # noqa: RUF012

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the logarithm of the probability of k; the shapes and `loc` follow."""
        k, shapes, (loc,) = self.parameters(k, args, kwargs)
        z = k - loc
        return self.within(z, shapes, z > np.floor(z))

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of k; the shapes and `loc` follow."""
        return np.exp(self.logpmf(k, *args, **kwargs))

    def cdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the probability of at most k; the shapes and `loc` follow."""
        k, shapes, (loc,) = self.parameters(k, args, kwargs)
        return self.cumulative(np.floor(k - loc), shapes)
