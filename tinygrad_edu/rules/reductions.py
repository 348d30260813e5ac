"""Reductions and scans: a gradient goes back along the axes that were taken away."""

from typing import Any

import numpy as np

from .registry import defvjp, nondifferentiable


def spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g at the shape of x, repeated along the axes that a reduction took away."""
    if axis is not None and not keepdims and x.ndim:  # NumPy lets axis=0 pass for a single number
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, x.shape)


def count(x: Any, y: Any, ddof: float = 0) -> float:
    """How many elements of x went into one of y, less ddof."""
    return float(x.size / max(y.size, 1) - ddof)


def sum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: bool = False) -> Any:
    """Every element counted once."""
    return spread(g, x, axis, keepdims)


def mean_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
              keepdims: bool = False) -> Any:
    """Every element counted 1/n times; the division is by y's shape, where it is cheap."""
    return spread(g / count(x, y), x, axis, keepdims)


def deviation(x: Any, axis: Any) -> Any:
    """x less its mean."""
    return x - np.mean(x, axis=axis, keepdims=True)


def var_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             ddof: float = 0, keepdims: bool = False) -> Any:
    """2 (x - mean) / (n - ddof)."""
    return spread(2 * g / count(x, y, ddof), x, axis, keepdims) * deviation(x, axis)


def std_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             ddof: float = 0, keepdims: bool = False) -> Any:
    """(x - mean) / ((n - ddof) std), and 0 where std is 0: there x is its own mean."""
    scale = g / (count(x, y, ddof) * np.where(y == 0, 1, y))
    return spread(scale, x, axis, keepdims) * deviation(x, axis)


def extremum_rule(g: Any, y: Any, x: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """All to the largest (smallest) element; equal ones share."""
    chosen = x == spread(y, x, axis, keepdims)
    shares = np.sum(chosen, axis=axis, keepdims=True, dtype=x.dtype)
    return spread(g, x, axis, keepdims) * (chosen / shares)


def others(x: Any) -> Any:
    """For each element, the product of all the others along the last axis: exact with zeros.

    Neighbours are multiplied in pairs, the pairs' own `others` is found likewise, and each element then
    takes its partner's factor too: linear work, no division.
    """
    n = x.shape[-1]
    if n <= 1:
        return np.ones_like(x)
    if n % 2:
        x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
    a, b = x[..., 0::2], x[..., 1::2]
    rest = others(a * b)
    return np.stack([rest * b, rest * a], axis=-1).reshape(x.shape)[..., :n]


def prod_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
              keepdims: bool = False) -> Any:
    """The product of all the other elements."""
    axes = tuple(range(x.ndim)) if axis is None or not x.ndim else tuple(np.atleast_1d(axis) % x.ndim)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    kept = moved.shape[: x.ndim - len(axes)]
    rest = others(moved.reshape((*kept, -1) if x.size else (*kept, 0))).reshape(moved.shape)
    return spread(g, x, axis, keepdims) * np.moveaxis(rest, last, axes)


def backwards(axis: int, ndim: int) -> tuple[slice, ...]:
    """The index that turns an axis round."""
    return (slice(None),) * (axis % ndim) + (slice(None, None, -1),)


def cumsum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """An element counts in its own sum and in all that follow."""
    turn = backwards(axis or 0, y.ndim)
    return np.cumsum(g[turn], axis=axis or 0)[turn].reshape(x.shape)


def cumprod_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The product of all before it, times the sum of g times the products of those between: exact with zeros.

    That sum follows s[j] = g[j] + x[j+1] s[j+1]. Put into itself, the recurrence reaches over 2, 4, 8, ... elements.
    """
    if x.ndim == 0:
        axis = None
    flat = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    n = flat.shape[-1]
    if n == 0:
        return np.zeros_like(x)
    one, nil = np.ones_like(flat[..., :1]), np.zeros_like(flat[..., :1])
    before = np.concatenate([one, np.cumprod(flat, axis=-1)[..., :-1]], axis=-1)
    s = g if axis is None else np.moveaxis(g, axis, -1)
    factor, reach = np.concatenate([flat[..., 1:], nil], axis=-1), 1
    while reach < n:
        beyond = np.broadcast_to(nil, (*flat.shape[:-1], reach))
        s = s + factor * np.concatenate([s[..., reach:], beyond], axis=-1)
        factor = factor * np.concatenate([factor[..., reach:], beyond], axis=-1)
        reach *= 2
    result = before * s
    return result.reshape(x.shape) if axis is None else np.moveaxis(result, -1, axis)


defvjp(np.sum, sum_rule)
defvjp(np.mean, mean_rule)
defvjp(np.var, var_rule)
defvjp(np.std, std_rule)
defvjp(np.max, extremum_rule)
defvjp(np.min, extremum_rule)
defvjp(np.prod, prod_rule)
defvjp(np.cumsum, cumsum_rule)
defvjp(np.cumprod, cumprod_rule)

nondifferentiable(np.argmax, np.argmin, np.all, np.any, np.count_nonzero)
