"""Special functions by the names and arguments of `scipy.special`, in plain NumPy, also where SciPy is missing.

SciPy's ufuncs take Tensors as they are: call `scipy.special.erf` itself. Its other functions make arrays of their
arguments; those that programs differentiate are here, next to the ufuncs that this package computes without SciPy.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine.rules import activations
from .engine.rules.activations import erf, finite_max, floating, sigmoid
from .engine.rules.gamma import gammaln, polygamma, xlog1py, xlogy
from .engine.rules.promotion import floats
from .engine.rules.registry import Axis
from .engine.value import Value
from .transforms.custom import stop_gradient

__all__ = [
    "betaln", "digamma", "erf", "expit", "gammaln", "log_softmax", "logit", "logsumexp", "multigammaln", "polygamma",
    "psi", "softmax", "xlog1py", "xlogy",
]  # fmt: skip


def digamma(x: Any) -> Any:
    """Return the derivative of `gammaln`, elementwise.

    >>> print(tg.special.digamma(1.0).round(4))  # minus Euler's constant
    -0.5772
    """
    return polygamma(0, x)


psi, expit = digamma, sigmoid


def logit(p: Any) -> Any:
    """Return log(p / (1 - p)), elementwise: the inverse of `expit`.

    >>> tg.special.logit(np.array([0.5, 0.9])).round(4)
    array([0.    , 2.1972])
    """
    p = floating(p)
    return np.log(p) - np.log1p(-p)


def betaln(a: Any, b: Any) -> Any:
    """Return log(gamma(a) gamma(b) / gamma(a + b)), elementwise: the log of the beta function, for positive a and b.

    >>> print(tg.special.betaln(2.0, 3.0).round(4))  # log(1 / 12)
    -2.4849
    """
    a, b = floats(floating(a), floating(b))
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def multigammaln(a: Any, d: int) -> Any:
    """Return the logarithm of the gamma function of d dimensions, elementwise; NaN unless a is above (d - 1) / 2.

    Raises ValueError for a d that is not a whole number from 1.

    >>> print(tg.special.multigammaln(3.0, 2).round(4))
    1.5502
    """
    if not isinstance(d, (int, np.integer)) or d < 1:
        raise ValueError(f"special.multigammaln: d is the number of dimensions, a positive integer, not {d!r:.60}")
    a = floating(a)
    a = np.where(np.greater(a, (d - 1) / 2), a, np.nan)
    if isinstance(a, Value):  # which is one number, and makes no array
        logs = sum([gammaln(a - j / 2) for j in range(d)])
    else:
        logs = np.sum(gammaln(a[..., None] - np.arange(d).astype(a.dtype) / 2), axis=-1)
    return logs + d * (d - 1) / 4 * math.log(math.pi)


def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Return log(sum(b exp(a))) along `axis` (all axes if None), without overflow; b is 1 by default.

    With `return_sign` the result is the pair of the logarithm of the absolute value, and the sign, a constant; without
    it a negative sum gives NaN.

    >>> print(tg.special.logsumexp([0.0, 0.0], b=[1.0, 3.0]).round(4))  # log(4)
    1.3863
    """
    if b is None and not return_sign:
        return activations.logsumexp(floating(a), axis, keepdims)
    a, b = floats(floating(a), floating(1.0 if b is None else b))
    largest = finite_max(stop_gradient(np.where(np.equal(b, 0), -np.inf, a)), axis)
    most = math.log(np.finfo(getattr(a, "dtype", float)).max)  # whose exp is finite, and 0 times it is 0
    without = np.equal(b, 0) & ~np.less_equal(a - largest, most)
    total = np.sum(b * np.exp(np.where(without, -np.inf, a) - largest), axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # as in SciPy
        y = np.log(np.abs(total) if return_sign else total) + largest
    y, sign = (v if keepdims else np.squeeze(v, axis=axis) for v in (y, np.sign(total)))
    return (y, sign) if return_sign else y


def softmax(x: Any, axis: Axis = None) -> Any:
    """Return exp(x) / sum(exp(x)) along `axis`; as in SciPy all axes by default, where `tg.softmax` takes the last.

    >>> tg.special.softmax(np.array([0.0, np.log(3.0)])).round(4)
    array([0.25, 0.75])
    """
    return activations.softmax(floating(x), axis)


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Return log(softmax(x)) along `axis`; as in SciPy all axes by default, where `tg.log_softmax` takes the last.

    >>> tg.special.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    return activations.log_softmax(floating(x), axis)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        try:
            from scipy import special
        except ImportError:
            special = None
        remedy = f"; write scipy.special.{name}" if isinstance(getattr(special, name, None), np.ufunc) else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{remedy}")
