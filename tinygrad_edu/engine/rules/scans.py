"""Scans: cumulative sums and products, where an element receives the gradients of all results from its place on."""

import numpy as np
from numpy.typing import DTypeLike

from .activations import difference, sigmoid
from .indexing import along
from .reductions import not_nan
from .registry import Array, defvjp, primitive


def cumsum_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                out: None = None) -> Array:
    """1 for an element in its own sum and in all later ones: the cumulative sum of g from the end."""
    reverse = along((axis or 0) % y.ndim, slice(None, None, -1))
    return np.cumsum(g[reverse], axis=axis)[reverse].reshape(x.shape)


def cumprod_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                 out: None = None) -> Array:
    """The product of all elements before x[j], times the sum s[j] of g[k] x[j+1] ... x[k], k >= j: exact with zeros.

    That sum obeys s[j] = g[j] + x[j+1] s[j+1].
    """
    if x.ndim == 0:
        axis = None
    flat = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    one = np.ones_like(flat[..., :1])
    before = np.concatenate([one, np.cumprod(flat, axis=-1)[..., :-1]], axis=-1)
    result = before * backwards(g if axis is None else np.moveaxis(g, axis, -1), flat[..., 1:])
    return result.reshape(x.shape) if axis is None else np.moveaxis(result, -1, axis)


def backwards(g: Array, factors: Array) -> Array:
    """Return the s with s[j] = g[j] + factors[j] s[j+1] along the last axis; of the last element s is g.

    Substituted into itself, the recurrence spans 2, 4, 8, ... elements.
    """
    zero = np.zeros_like(g[..., :1])
    s, factor, span = g, np.concatenate([factors, zero], axis=-1), 1
    while span < g.shape[-1]:
        padding = np.broadcast_to(zero, (*g.shape[:-1], span))
        s = s + factor * np.concatenate([s[..., span:], padding], axis=-1)
        factor = factor * np.concatenate([factor[..., span:], padding], axis=-1)
        span *= 2
    return s


def without_initial(g: Array, axis: int | None, include_initial: bool) -> Array:
    """Drop the gradient of the initial 0 or 1 of a scan, which is a constant."""
    return g[along((axis or 0) % g.ndim, slice(1, None))] if include_initial else g


def cumulative_sum_rule(g: Array, y: Array, x: Array, *, axis: int | None = None, dtype: DTypeLike | None = None,
                        out: None = None, include_initial: bool = False) -> Array:
    """The rule of cumsum."""
    return cumsum_rule(without_initial(g, axis, include_initial), y, x, axis)


def cumulative_prod_rule(g: Array, y: Array, x: Array, *, axis: int | None = None, dtype: DTypeLike | None = None,
                         out: None = None, include_initial: bool = False) -> Array:
    """The rule of cumprod."""
    return cumprod_rule(without_initial(g, axis, include_initial), y, x, axis)


def nancumsum_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                   out: None = None) -> Array:
    """The rule of cumsum, and 0 for NaN."""
    return np.where(not_nan(x), cumsum_rule(g, y, x, axis), 0)


def nancumprod_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                    out: None = None) -> Array:
    """The rule of cumprod with 1 for NaN, and 0 for NaN itself."""
    numbers = not_nan(x)
    return np.where(numbers, cumprod_rule(g, y, np.where(numbers, x, 1), axis), 0)


defvjp(np.cumsum,     cumsum_rule)
defvjp(np.cumprod,    cumprod_rule)
defvjp(np.nancumsum,  nancumsum_rule)
defvjp(np.nancumprod, nancumprod_rule)
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    defvjp(np.cumulative_sum,  cumulative_sum_rule)
    defvjp(np.cumulative_prod, cumulative_prod_rule)


# Running extrema and logarithms of sums, the `accumulate` of ufuncs
@primitive
def running_extremum(x: Array, extremum: str, axis: int) -> Array:
    """The `accumulate` of np.maximum, np.minimum, np.fmax or np.fmin, called by name."""
    return getattr(np, extremum).accumulate(x, axis)


def running_extremum_rule(g: Array, y: Array, x: Array, extremum: str, axis: int) -> Array:
    """1 for the element that is the extremum so far; equal ones up to there share it.

    Equal results are neighbors, in a run. An element that equals its result receives g / shares from there to the end
    of the run.
    """
    g, y, x = (np.moveaxis(v, axis, -1) for v in (g, y, x))
    equal = x == y
    same = y[..., 1:] == y[..., :-1]
    ones = np.ones(same.shape, x.dtype)
    counted = np.cumsum(equal, axis=-1)
    start = np.concatenate([np.zeros_like(counted[..., :1]), np.where(same, 0, counted[..., :-1])], axis=-1)
    shares = np.maximum(counted - np.maximum.accumulate(start, axis=-1), 1).astype(x.dtype)
    return np.moveaxis(equal * backwards(g / shares, ones * same), -1, axis)


@primitive
def running_logaddexp(x: Array, axis: int) -> Array:
    """np.logaddexp.accumulate."""
    return np.logaddexp.accumulate(x, axis)


def running_logaddexp_rule(g: Array, y: Array, x: Array, axis: int) -> Array:
    """The sum of g[k] exp(x[j] - y[k]) over k >= j.

    It is exp(x[j] - y[j]) s[j] with s[j] = g[j] + exp(y[j] - y[j+1]) s[j+1]. As y[j+1] = logaddexp(y[j], x[j+1]), these
    exponentials are sigmoids, of which equal infinities have 1/2.
    """
    g, y, x = (np.moveaxis(v, axis, -1) for v in (g, y, x))
    before, added = y[..., :-1], x[..., 1:]
    shares = np.concatenate([np.ones_like(x[..., :1]), sigmoid(difference(added, before))], axis=-1)
    return np.moveaxis(shares * backwards(g, sigmoid(difference(before, added))), -1, axis)


defvjp(running_extremum,  running_extremum_rule)
defvjp(running_logaddexp, running_logaddexp_rule)
