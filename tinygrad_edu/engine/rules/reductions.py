"""Reductions and scans: a gradient goes back along the axes that were taken away."""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .registry import array_of, arrays_of, composition, defvjp, nondifferentiable, predicate, primitive

FEW = 10_000  # numbers up to which writing them all takes less time than np.broadcast_to takes to make a view


def spread(g: Any, x: Any, axis: Any, keepdims: bool, where: Any = None) -> Any:
    """g at the shape of x, repeated along the axes that a reduction took away, and 0 at what `where` left out."""
    if isinstance(g, np.generic) and x.size < FEW:
        y = np.empty(x.shape, g.dtype)
        y.fill(g)
        return y if where is None else np.where(where, y, 0)
    if axis is not None and not keepdims and x.ndim:  # NumPy lets axis=0 pass for a single number
        g = np.expand_dims(g, axis)
    g = np.broadcast_to(g, x.shape)
    return g if where is None else np.where(where, g, 0)


def count(x: Any, y: Any, ddof: float, axis: Any, keepdims: bool, where: Any) -> Any:
    """How many elements of x went into one of y, less ddof."""
    if where is None:
        return float(x.size / max(y.size, 1) - ddof)
    return np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims, dtype=x.dtype) - ddof


def sum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: bool = False, initial: Any = None, where: Any = None) -> Any:
    """Every element counted once."""
    return spread(g, x, axis, keepdims, where)


def mean_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
              keepdims: bool = False, *, where: Any = None) -> Any:
    """Every element counted 1/n times; the division is by y's shape, where it is cheap."""
    return spread(g / count(x, y, 0, axis, keepdims, where), x, axis, keepdims, where)


def deviation(x: Any, axis: Any, where: Any = None) -> Any:
    """x less its mean, and 0 at what `where` leaves out."""
    if where is None:
        return x - np.mean(x, axis=axis, keepdims=True)
    return np.where(where, x - np.mean(x, axis=axis, keepdims=True, where=where), 0)


def var_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
             keepdims: bool = False, *, where: Any = None, correction: Any = None) -> Any:
    """2 (x - mean) / (n - ddof)."""
    n = count(x, y, correction or ddof, axis, keepdims, where)
    return spread(2 * g / n, x, axis, keepdims, where) * deviation(x, axis, where)


def std_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
             keepdims: bool = False, *, where: Any = None, correction: Any = None) -> Any:
    """(x - mean) / ((n - ddof) std), and 0 where std is 0: there x is its own mean."""
    n = count(x, y, correction or ddof, axis, keepdims, where)
    return spread(g / (n * np.where(y == 0, 1, y)), x, axis, keepdims, where) * deviation(x, axis, where)


def extremum_rule(g: Any, y: Any, x: Any, axis: Any = None, out: Any = None, keepdims: bool = False,
                  initial: Any = None, where: Any = None) -> Any:
    """All to the largest (smallest) element; equal ones share, `initial` among them."""
    top = spread(y, x, axis, keepdims)
    chosen = x == top
    if where is not None:
        chosen = chosen & where
    shares = np.sum(chosen, axis=axis, keepdims=True, dtype=x.dtype)
    if initial is not None:
        shares = shares + (top == array_of(initial).astype(x.dtype))
    if where is not None:
        shares = np.maximum(shares, 1)  # where it left nothing, there is nothing to share
    return spread(g, x, axis, keepdims) * (chosen / shares)


def axes_of(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes of x that `axis` names, counted from 0: all of them if None."""
    return tuple(range(x.ndim)) if axis is None or not x.ndim else tuple((np.atleast_1d(axis) % x.ndim).tolist())


def as_lines(x: Any, axis: Any) -> Any:
    """x with the axes that a reduction takes away made one, the last."""
    axes = axes_of(x, axis)
    moved = np.moveaxis(x, axes, range(-len(axes), 0))
    return moved.reshape((*moved.shape[: x.ndim - len(axes)], math.prod([x.shape[i] for i in axes])))


def from_lines(lines: Any, x: Any, axis: Any) -> Any:
    """`as_lines` undone: each element where it stood in x."""
    axes = axes_of(x, axis)
    moved = lines.reshape((*lines.shape[:-1], *[x.shape[i] for i in axes]))
    return np.moveaxis(moved, range(-len(axes), 0), axes)


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
              keepdims: bool = False, initial: Any = None, where: Any = None) -> Any:
    """The product of all the other elements, and of `initial`."""
    factors = x if where is None else np.where(where, x, 1)
    rest = from_lines(others(as_lines(factors, axis)), x, axis)
    return spread(g if initial is None else g * initial, x, axis, keepdims, where) * rest


def backwards(axis: int, ndim: int) -> tuple[slice, ...]:
    """The index that turns an axis round."""
    return (slice(None),) * (axis % ndim) + (slice(None, None, -1),)


def cumsum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """An element counts in its own sum and in all that follow."""
    turn = backwards(axis or 0, y.ndim)
    return np.cumsum(g[turn], axis=axis)[turn].reshape(x.shape)


def cumprod_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The product of all before it, times the sum of g times the products of those between: exact with zeros.

    That sum follows s[j] = g[j] + x[j+1] s[j+1]. Put into itself, the recurrence reaches over 2, 4, 8, ... elements.
    """
    if x.ndim == 0:
        axis = None
    flat = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    n = flat.shape[-1]
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


def later(g: Any, axis: Any, include_initial: bool) -> Any:
    """g of what follows the initial 0 or 1 of a scan, if it has one."""
    return g[(slice(None),) * ((axis or 0) % g.ndim) + (slice(1, None),)] if include_initial else g


def cumulative_sum_rule(g: Any, y: Any, x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None,
                        include_initial: bool = False) -> Any:
    """The rule of cumsum; what stands before the first element is constant."""
    return cumsum_rule(later(g, axis, include_initial), y, x, axis)


def cumulative_prod_rule(g: Any, y: Any, x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None,
                         include_initial: bool = False) -> Any:
    """The rule of cumprod; what stands before the first element is constant."""
    return cumprod_rule(later(g, axis, include_initial), y, x, axis)


defvjp(np.sum,     sum_rule)
defvjp(np.mean,    mean_rule)
defvjp(np.var,     var_rule)
defvjp(np.std,     std_rule)
defvjp(np.max,     extremum_rule)
defvjp(np.min,     extremum_rule)
defvjp(np.amax,    extremum_rule)  # functions of their own in NumPy 2
defvjp(np.amin,    extremum_rule)
defvjp(np.prod,    prod_rule)
defvjp(np.cumsum,  cumsum_rule)
defvjp(np.cumprod, cumprod_rule)
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    defvjp(np.cumulative_sum,  cumulative_sum_rule)
    defvjp(np.cumulative_prod, cumulative_prod_rule)


# What passes over NaN: the same rules for the numbers that are there, and 0 for NaN itself.


def there(x: Any, where: Any) -> Any:
    """Where x is a number, and chosen."""
    numbers = ~np.isnan(x)
    return numbers if where is None else numbers & where


def nansum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
                keepdims: bool = False, initial: Any = None, where: Any = None) -> Any:
    """Every number counted once."""
    return sum_rule(g, y, x, axis, keepdims=keepdims, where=there(x, where))


def nanmean_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
                 keepdims: bool = False, *, where: Any = None) -> Any:
    """Every number counted 1/n times, n of them being there."""
    return mean_rule(g, y, x, axis, keepdims=keepdims, where=there(x, where))


def nanvar_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
                keepdims: bool = False, *, where: Any = None, correction: Any = None) -> Any:
    """2 (x - mean) / (n - ddof) for the n numbers."""
    return var_rule(g, y, x, axis, ddof=ddof, keepdims=keepdims, where=there(x, where), correction=correction)


def nanstd_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
                keepdims: bool = False, *, where: Any = None, correction: Any = None) -> Any:
    """(x - mean) / ((n - ddof) std) for the n numbers."""
    return std_rule(g, y, x, axis, ddof=ddof, keepdims=keepdims, where=there(x, where), correction=correction)


def nanextremum_rule(g: Any, y: Any, x: Any, axis: Any = None, out: Any = None, keepdims: bool = False,
                     initial: Any = None, where: Any = None) -> Any:
    """All to the largest (smallest) number; equal ones share."""
    return extremum_rule(g, y, x, axis, keepdims=keepdims, initial=initial, where=there(x, where))


def nanprod_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
                 keepdims: bool = False, initial: Any = None, where: Any = None) -> Any:
    """The product of all the other numbers."""
    return prod_rule(g, y, x, axis, keepdims=keepdims, initial=initial, where=there(x, where))


def nancumsum_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """A number counts in its own sum and in all that follow."""
    return np.where(there(x, None), cumsum_rule(g, y, x, axis), 0)


def nancumprod_rule(g: Any, y: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """A NaN is a factor of 1."""
    numbers = there(x, None)
    return np.where(numbers, cumprod_rule(g, y, np.where(numbers, x, 1), axis), 0)


defvjp(np.nansum,     nansum_rule)
defvjp(np.nanmean,    nanmean_rule)
defvjp(np.nanvar,     nanvar_rule)
defvjp(np.nanstd,     nanstd_rule)
defvjp(np.nanmax,     nanextremum_rule)
defvjp(np.nanmin,     nanextremum_rule)
defvjp(np.nanprod,    nanprod_rule)
defvjp(np.nancumsum,  nancumsum_rule)
defvjp(np.nancumprod, nancumprod_rule)


# Statistics written in others


@composition(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """From the smallest to the largest."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@composition(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """sum(w a) / sum(w); with `returned`, sum(w) too."""
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        total = np.full_like(mean, count(a, mean, 0, axis, keepdims, None))
    else:
        a, w = arrays_of([a, weights])
        w = weights_along(w, a, axis)
        total = np.sum(w, axis=axis, keepdims=keepdims)
        if any_zero(total):
            raise ZeroDivisionError("np.average: the weights add up to 0, and nothing can be divided by that")
        mean = np.sum(w * a, axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


@predicate
def any_zero(x: Any) -> bool:
    """Whether an element is 0."""
    return bool(np.any(np.equal(x, 0)))


def weights_along(w: Any, a: Any, axis: Any) -> Any:
    """Weights for each element of a, or for each place along `axis` as they are then broadcast."""
    if w.shape == a.shape:
        return w
    axes = () if axis is None else axes_of(a, axis)
    if not axes or w.shape != tuple([a.shape[i] for i in axes]):
        kind = TypeError if axis is None else ValueError
        raise kind(
            f"np.average: weights of shape {w.shape} for an array of shape {a.shape} and axis={axis}; give one for "
            "each element, or one for each place along an axis and name that"
        )
    return w.transpose(np.argsort(axes)).reshape([n if i in axes else 1 for i, n in enumerate(a.shape)])


def variables(m: Any, y: Any, rowvar: bool) -> Any:
    """What np.cov and np.corrcoef are given, one variable a row: those of m, then those of y."""
    rows: list[Any] = []
    for a in arrays_of([m] if y is None else [m, y]):
        if a.ndim > 2:
            raise ValueError(f"np.cov: shape {a.shape} has more axes than one of variables and one of observations")
        turned = not rowvar and a.ndim == 2 and (a.shape[0] != 1 or not rows)  # NumPy takes y of one row as it is
        rows.append(a.T if turned else a if a.ndim == 2 else a.reshape(1, -1))
    return rows.pop() if y is None else np.concatenate(rows)


@composition(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
        aweights: Any = None) -> Any:
    """sum(w dx dy) / n, of deviations dx and dy from the weighted means, less ddof in n; float32 stays float32."""
    x = variables(m, y, rowvar)
    f, a = [np.ones(x.shape[1]) if w is None else array_of(w).astype(float) for w in (fweights, aweights)]
    if f.shape != x.shape[1:] or a.shape != x.shape[1:] or any_unfit(f, a):
        raise ValueError(
            f"np.cov: fweights (whole numbers) and aweights take one number, not below 0, for each of {x.shape[1]} "
            f"observations; they have shapes {f.shape} and {a.shape}"
        )
    w = f * a
    n = np.sum(w)
    free = np.maximum(n - (not bias if ddof is None else ddof) * (np.dot(w, a) / n), 0)
    w, n, free = (v.astype(x.dtype) for v in (w, n, free))
    d = x - x @ w[:, None] / n
    return np.squeeze((d * w) @ d.T / free)


@predicate
def any_unfit(f: Any, a: Any) -> bool:
    """Whether among frequencies f and weights a some are below 0, or a frequency is no whole number."""
    return bool((f < 0).any() or (a < 0).any() or (f % 1).any())


@primitive
def cosine(c: Any) -> Any:
    """c itself, brought back into -1..1 where rounding took it out."""
    return np.clip(c, -1, 1)


defvjp(cosine, lambda g, y, c: g)


@composition(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The cosines between the variables' deviations from their means."""
    d = deviation(variables(x, y, rowvar), 1)
    d = d / np.sqrt(np.sum(d * d, axis=1, keepdims=True))
    return np.squeeze(cosine(d @ d.T))


@composition(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """func1d of every line along `axis`; where it gives arrays, their axes take that axis's place."""
    lines = np.moveaxis(arr, axis, -1)
    kept = lines.shape[:-1]
    if 0 in kept:
        raise ValueError(f"np.apply_along_axis: shape {arr.shape} has no line along axis {axis} to begin with")
    results = np.stack([func1d(lines[i], *args, **kwargs) for i in np.ndindex(kept)])
    first, added = axis % arr.ndim, results.ndim - 1
    results = results.reshape((*kept, *results.shape[1:]))
    return np.moveaxis(results, range(len(kept), results.ndim), range(first, first + added))


@composition(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """func along one axis after another, each axis kept."""
    for axis in np.atleast_1d(axes).tolist():
        axis = normalize_axis_index(axis, a.ndim, "np.apply_over_axes")
        result = func(a, axis)
        a = result if result.ndim == a.ndim else np.expand_dims(result, axis)
    return a


nondifferentiable(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.all, np.any, np.count_nonzero)
