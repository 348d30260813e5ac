"""Activations: functions of neural networks that NumPy lacks, stable for large arguments, and their rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .foreign import array_from
from .reductions import row_sums, spread, widened
from .registry import Array, Axis, choosing, defvjp, is_complex, pointwise, predicate_of_all, primitive


def numbers(x: Any) -> Array:
    """Return x, as float64 if it holds integers or booleans, whose negatives and differences might wrap around."""
    x = given = array_from(x)
    if type(x) in (int, bool) or not (hasattr(x, "dtype") or hasattr(x, "__float__") or isinstance(x, complex)):
        try:
            x = np.asarray(x)
        except ValueError:
            raise ValueError("activations: rows of unequal lengths make no array; pad them to one length") from None
    dtype = getattr(x, "dtype", _FLOAT64)
    if dtype.kind not in "fiubcO" or (dtype.kind == "O" and not np.ndim(x)):  # Fractions compute as objects
        kind = dtype if hasattr(given, "dtype") or isinstance(given, list) else type(given).__name__
        raise TypeError(f"activations and losses take numbers, in arrays and Tensors, and got {kind}")
    return x.astype(np.float64) if dtype.kind in "iub" else x


def floating(x: Any) -> Array:
    """Return x as `numbers` does; raise TypeError for complex numbers."""
    if type(x) is np.ndarray and x.dtype.kind == "f":  # the usual case
        return x
    x = numbers(x)
    if is_complex(x):
        raise TypeError(REAL)
    return x


REAL = "activations, most losses, tg.special and tg.stats take real numbers; pass z.real, z.imag or np.abs(z)"
_FLOAT64 = np.dtype(np.float64)
_ZEROS: dict[DTypeLike | None, Array] = {np.dtype(t): np.zeros((), t) for t in "efd"}  # faster than Python's 0.0


# Elementwise
@primitive
def relu(x: Array) -> Array:
    """max(x, 0), elementwise; its derivative at 0 is 0 by convention."""
    zero = _ZEROS.get(getattr(x, "dtype", None))
    return np.maximum(floating(x), 0.0) if zero is None else np.maximum(x, zero)


defvjp(relu, lambda g, y, x: g * (y > 0))


@primitive
def limited(x: Array, low: float, high: float) -> Array:
    """x limited to low and high, elementwise; its derivative at the limits is 0, unlike that of np.clip."""
    return np.clip(x, low, high)


defvjp(limited, lambda g, y, x, low, high: g * ((x > low) & (x < high)), None, None)


@primitive
def hardswish(x: Array) -> Array:
    """x (x / 6 + 1 / 2), elementwise: 0 up to -3, and x from 3 on."""
    return np.clip(x, -3, None) * (np.clip(x + 3, 0, 6) / 6)


defvjp(hardswish, lambda g, y, x: g * (np.clip(x + 3, 0, 6) / 6 + ((x > -3) & (x < 3)) * (np.clip(x, -3, 3) / 6)))


@primitive
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), elementwise, without overflow and exact to rounding for both signs of x.

    >>> tg.sigmoid(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.2689, 0.5   , 0.8808])
    """
    x = floating(x)
    e = np.exp(-np.abs(x))
    return np.maximum(e, np.greater_equal(x, 0)) / (1 + e)  # where x >= 0 is irregular, np.where takes 20 times as long


defvjp(sigmoid, lambda g, y, x: g * (y * sigmoid(-x)))


@primitive
def log1pexp(x: Array) -> Array:
    """log(1 + exp(x)), elementwise, without overflow and exact to rounding for both signs of x."""
    x = floating(x)
    return relu(x) + np.log1p(np.exp(-np.abs(x)))


defvjp(log1pexp, lambda g, y, x: g * sigmoid(x))


@primitive
def erf(x: Array) -> Array:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x, elementwise and exact to rounding.

    It uses the rational functions of Cody (1969): one near 0, one for erfc up to 4. From 6 on the result rounds to 1.

    >>> tg.erf(np.array([0.0, 0.5, 2.0])).round(4)
    array([0.    , 0.5205, 0.9953])
    """
    x = floating(x)
    if (wide := widened(x)) is not x:  # the polynomials would overflow
        return erf(wide).astype(np.float16)
    t = np.clip(x, -0.5, 0.5)
    s = np.square(t)
    near = t + t * (polynomial(_NEAR[0], s) / polynomial(_NEAR[1], s))
    z = np.clip(np.abs(x), 0.5, 6)
    far = 1 - np.exp(-np.square(z)) * (polynomial(_FAR[0], z) / polynomial(_FAR[1], z))
    is_near = np.less(np.abs(x), 0.5)
    return near * is_near + np.copysign(far, x) * ~is_near  # one of both is 0; np.where is slow, as for sigmoid


def polynomial(coefficients: Sequence[float], x: Array) -> Array | float:
    """Return the value at x by Horner's rule; the highest power comes first."""
    y: Array | float = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


_NEAR = (  # erf(x) / x - 1 in x**2, up to 0.5: numerator and denominator
    (-0.814222293815396847, -20.44016720847355530, -130.160483783394017, -905.131288392070259, 365.14075569929885),
    (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062),
)
_FAR = (  # erfc(x) exp(x**2), from 0.5 to 4
    (
        2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
        881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725,
    ),
    (
        1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019, 3290.79923573345963,
        4362.61909014324716, 3439.36767414372164, 1230.33935480374942,
    ),
)

defvjp(erf, lambda g, y, x: g * (2 / math.sqrt(math.pi) * np.exp(-np.square(np.clip(x, -30, 30)))))  # 0 from 28 on
pointwise.update([relu, limited, hardswish, sigmoid, log1pexp, erf])
choosing.update([relu, limited, hardswish])


# Along an axis
@primitive
def softmax(x: Array, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) along `axis` (all axes if None).

    >>> tg.softmax(np.array([0.0, np.log(3.0)])).round(4)
    array([0.25, 0.75])
    """
    x = floating(x)
    if (wide := widened(x)) is not x:  # the sum may be more than the largest number of float16
        return softmax(wide, axis).astype(np.float16)
    e = np.exp(x - finite_max(x, axis))
    return e / row_sums(e, axis)


def largest_along(x: Array, axis: Axis) -> Array:
    """Return the largest element along `axis`, which stays with length 1; -inf if there is none."""
    if getattr(x, "size", 0) >= 4096 and x.ndim == 2 and x.shape[1] <= 32 and axis in (-1, 1):
        columns = np.copy(x.T, order="C")  # the maximum of short rows takes several times as long
        return np.expand_dims(np.max(columns, axis=0, initial=-np.inf), -1)
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)


def to_finite(x: Array) -> Array:
    """Return x, with the finite number next to it in the place of each infinity."""
    limit = np.finfo(x.dtype).max
    return np.maximum(np.minimum(x, limit), -limit)


def finite_max(x: Array, axis: Axis) -> Array:
    """Return the largest element along `axis`, or the finite number next to it: exp(x - finite_max) is no overflow."""
    return to_finite(largest_along(x, axis))


@primitive
def log_softmax(x: Array, axis: Axis = -1) -> Array:
    """log(softmax(x)) along `axis`, exact also where softmax rounds to 0.

    >>> tg.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    x = floating(x)
    if (wide := widened(x)) is not x:
        return log_softmax(wide, axis).astype(np.float16)
    z = x - finite_max(x, axis)
    return z - np.log(row_sums(np.exp(z), axis))


@primitive
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) along `axis` (all axes if None), without overflow.

    >>> print(tg.logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    x = floating(x)
    if (wide := widened(x)) is not x:
        return logsumexp(wide, axis, keepdims).astype(np.float16)
    largest = largest_along(x, axis)
    total = np.sum(np.exp(x - to_finite(largest)), axis=axis, keepdims=True)
    y = np.log(np.maximum(total, 1)) + largest  # the largest adds 1, unless it is -inf
    return y if keepdims else np.squeeze(y, axis=axis)


def softmax_rule(g: Array, y: Array, x: Array, axis: Axis = -1) -> Array:
    """y (g - sum(g y))."""
    g = widened(g)
    return y * (g - row_sums(g * y, axis))


def difference(a: Array, b: Array) -> Array:
    """Return a - b, and 0 where both are the same infinity."""
    return np.where(np.isinf(a) & np.equal(a, b), 0, np.subtract(a, b))


@predicate_of_all(True)
def has_infinity(y: Array) -> bool:
    """Return whether an element may be infinite or NaN: then the sum of squares is."""
    return not np.vdot(y, y) < np.inf


def logsumexp_rule(g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """softmax(x); where y is infinite, equal shares for the elements that equal it."""
    if has_infinity(y):
        infinite = np.where(np.isinf(y), y, 0)  # finite numbers of float16 may be too far apart for a difference
        x = difference(x, spread(infinite, x, axis, keepdims))
    return spread(g, x, axis, keepdims) * softmax(x, axis)


defvjp(softmax,     softmax_rule)
defvjp(log_softmax, lambda g, y, x, axis=-1: g - softmax(x, axis) * row_sums(widened(g), axis))
defvjp(logsumexp,   logsumexp_rule)
