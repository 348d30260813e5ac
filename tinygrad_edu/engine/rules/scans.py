"""Scans: cumulative sums and products, where an element receives the gradients of all results from its place on."""

import numpy as np
from numpy.typing import DTypeLike

from .indexing import along
from .reductions import not_nan
from .registry import Array, defvjp


def cumsum_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                out: None = None) -> Array:
    """1 for an element in its own sum and in all later ones: the cumulative sum of g from the end."""
    reverse = along((axis or 0) % y.ndim, slice(None, None, -1))
    return np.cumsum(g[reverse], axis=axis)[reverse].reshape(x.shape)


def cumprod_rule(g: Array, y: Array, x: Array, axis: int | None = None, dtype: DTypeLike | None = None,
                 out: None = None) -> Array:
    """The product of all elements before x[j], times the sum s[j] of g[k] x[j+1] ... x[k], k >= j: exact with zeros.

    That sum obeys s[j] = g[j] + x[j+1] s[j+1]. Substituted into itself, the recurrence spans 2, 4, 8, ... elements.
    """
    if x.ndim == 0:
        axis = None
    flat = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    n = flat.shape[-1]
    one, zero = np.ones_like(flat[..., :1]), np.zeros_like(flat[..., :1])
    before = np.concatenate([one, np.cumprod(flat, axis=-1)[..., :-1]], axis=-1)
    s = g if axis is None else np.moveaxis(g, axis, -1)
    factor, span = np.concatenate([flat[..., 1:], zero], axis=-1), 1
    while span < n:
        padding = np.broadcast_to(zero, (*flat.shape[:-1], span))
        s = s + factor * np.concatenate([s[..., span:], padding], axis=-1)
        factor = factor * np.concatenate([factor[..., span:], padding], axis=-1)
        span *= 2
    result = before * s
    return result.reshape(x.shape) if axis is None else np.moveaxis(result, -1, axis)


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
