"""Reductions: the gradient is repeated along the axes that were reduced, times the derivative by each element."""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike, DTypeLike

from .ranges import leaves_range, scaled
from .registry import (
    Array,
    Axis,
    Function,
    Rule,
    Shape,
    array_of,
    composition,
    conj,
    defvjp,
    is_complex,
    nondifferentiable,
    real_part,
)  # fmt: skip

SMALL = 10_000  # below this size filling an array is faster than np.broadcast_to, which makes a view


def spread(g: Array | np.generic, x: Array, axis: Axis, keepdims: bool, where: Array | None = None) -> Array:
    """Repeat g along the reduced axes to the shape of x, with 0 where `where` is False."""
    if issubclass(type(g), np.generic) and x.size < SMALL:
        y = np.empty(x.shape, g.dtype)
        y.fill(g)
        return y if where is None else np.where(where, y, 0)
    if axis is not None and not keepdims and x.ndim:  # NumPy accepts axis=0 for a single number
        g = np.expand_dims(g, axis)
    g = np.broadcast_to(g, x.shape)
    return g if where is None else np.where(where, g, 0)


def widened(g: Any) -> Any:
    """Return float16 as float32: a count or a square of its numbers may be more than its largest, 65504."""
    return g.astype(np.float32) if getattr(getattr(g, "dtype", None), "char", "") == "e" else g


def total(g: Array, axis: Axis) -> Array:
    """Return the sum of a gradient along axes; of float16 as float32, as 2048 + 1 is 2048 in float16."""
    return g.sum(axis=axis) if g.dtype.char != "e" else g.sum(axis=axis, dtype=np.float32)


def count(x: Array, y: Array, ddof: float, axis: Axis, keepdims: bool, where: Array | None) -> Array | float:
    """Return the number of elements of x that went into one element of y, minus ddof."""
    if where is None:
        return float(x.size / max(y.size, 1) - ddof)
    dtype = np.finfo(np.promote_types(x.dtype, np.float32)).dtype  # real, also for complex x
    return np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims, dtype=dtype) - ddof


def deviation(x: Array, axis: Axis, where: Array | None = None) -> Array:
    """Return x minus its mean, with 0 where `where` is False."""
    if where is None:
        return x - np.mean(x, axis=axis, keepdims=True)
    return np.where(where, x - np.mean(x, axis=axis, keepdims=True, where=where), 0)


def row_sums(x: Array, axis: Axis = -1) -> Array:
    """Return np.sum(x, axis, keepdims=True): along a short last axis as a product with ones, which BLAS does faster."""
    if x.size < 4096 or x.ndim < 2 or axis not in (-1, x.ndim - 1) or x.dtype.char not in "fd":
        return np.sum(x, axis=axis, keepdims=True)
    n = x.shape[-1]
    if not 4 <= n <= 1024:
        return np.sum(x, axis=axis, keepdims=True)
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), n)
    sums = rows @ np.ones((n, 1), x.dtype)
    return sums if x.ndim == 2 else sums.reshape(*x.shape[:-1], 1)


# Sums, means and variances
def sum_rule(g: Array, y: Array, x: Array, axis: Axis = None, dtype: DTypeLike | None = None, out: None = None,
             keepdims: bool = False, initial: float | None = None, where: Array | None = None) -> Array:
    """1 for each element."""
    return spread(g, x, axis, keepdims, where)


def mean_rule(g: Array, y: Array, x: Array, axis: Axis = None, dtype: DTypeLike | None = None, out: None = None,
              keepdims: bool = False, *, where: Array | None = None) -> Array:
    """1/n for each element; g is divided before it is repeated, while it is small."""
    return spread(widened(g) / count(x, y, 0, axis, keepdims, where), x, axis, keepdims, where)


def var_rule(g: Array, y: Array, x: Array, axis: Axis = None, dtype: DTypeLike | None = None, out: None = None,
             ddof: float = 0, keepdims: bool = False, *, where: Array | None = None,
             correction: float | None = None) -> Array:
    """2 (x - mean) / (n - ddof); its conjugate for complex x, as the variance is a mean of |x - mean|**2."""
    n = count(x, y, correction or ddof, axis, keepdims, where)
    return spread(2 * widened(real_part(g)) / n, x, axis, keepdims, where) * conj(deviation(widened(x), axis, where))


def std_rule(g: Array, y: Array, x: Array, axis: Axis = None, dtype: DTypeLike | None = None, out: None = None,
             ddof: float = 0, keepdims: bool = False, *, where: Array | None = None,
             correction: float | None = None) -> Array:
    """(x - mean) / ((n - ddof) std), and 0 where std is 0, since all of x equals the mean there."""
    n = count(x, y, correction or ddof, axis, keepdims, where)
    d = conj(deviation(widened(x), axis, where))
    if leaves_range(y):
        size = np.abs(d) if is_complex(d) else d
        norm = scaled(lambda d: np.sqrt(np.sum(np.square(d), axis=axis, keepdims=keepdims)), size, axis, keepdims)
        y = norm / np.sqrt(n)
    ratio = d / spread(np.where(y == 0, 1, y), x, axis, keepdims)
    ratio = ratio if where is None else np.where(where, ratio, 0)
    return spread(widened(real_part(g)) / n, x, axis, keepdims, where) * ratio


def about_mean(fun: Function, x: Array, *args: Any, mean: Array, **kwargs: Any) -> Array:
    """Call np.var, np.std or one that ignores NaN with the keyword `mean`."""
    kwargs |= dict(zip(("axis", "dtype", "out", "ddof", "keepdims"), args, strict=False))
    x = x if hasattr(x, "requires_grad") else array_of(x)
    if kwargs.pop("out", None) is not None or kwargs.pop("dtype", None) is not None:
        raise TypeError(f"np.{fun.__name__}(..., mean=..., out=..., dtype=...): leave out and dtype away; use .astype")
    if fun in (np.nanvar, np.nanstd):
        kwargs["where"] = not_nan(x, kwargs.get("where"))
    y = spread_about(fun in (np.std, np.nanstd), widened(x), mean, **kwargs)
    return y.astype(x.dtype) if x.dtype.char == "e" == getattr(mean, "dtype", x.dtype).char else y


def spread_about(root: bool, x: Array, mean: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False,
                 where: Array | None = None, correction: float | None = None) -> Array:
    """Return the variance about a mean that is given, or its root: a norm, whose gradient at 0 is 0."""
    d = x - mean if where is None else np.where(where, x - mean, 0)
    if root:
        y = np.linalg.vector_norm(d, axis=axis, keepdims=keepdims)  # type: ignore[arg-type]
    else:
        y = np.sum(np.square(np.abs(d) if is_complex(d) else d), axis=axis, keepdims=keepdims)
    where = np.array(True) if where is None and d.shape != x.shape else where  # a mean of more axes adds no elements
    n = count(x, y, correction or ddof, axis, keepdims, where)
    n = max(n, 0.0) if isinstance(n, float) else np.maximum(n, 0)  # a number of Python keeps the dtype of y
    return y / (n**0.5 if root else n)


# Maxima and minima
def extremum_rule(g: Array, y: Array, x: Array, axis: Axis = None, out: None = None, keepdims: bool = False,
                  initial: float | None = None, where: Array | None = None) -> Array:
    """1 for the largest (or smallest) element; equal ones share it, and so does an equal `initial`."""
    extremum = spread(y, x, axis, keepdims)
    chosen = x == extremum
    if where is not None:
        chosen = chosen & where
    shares = np.sum(chosen, axis=axis, keepdims=True, dtype=np.promote_types(x.dtype, np.float32))
    if initial is not None:
        shares = shares + (extremum == array_of(initial).astype(x.dtype))
    if where is not None:
        shares = np.maximum(shares, 1)  # where `where` leaves no element, chosen / shares is 0 / 1
    return spread(widened(g), x, axis, keepdims) * (chosen / shares)


# Products
def axes_of(x: Array, axis: Axis) -> Shape:
    """Return the axes of x that `axis` names, counted from 0; None names them all."""
    return tuple(range(x.ndim)) if axis is None or not x.ndim else tuple((np.atleast_1d(axis) % x.ndim).tolist())


def merge_axes(x: Array, axis: Axis) -> Array:
    """Move the reduced axes to the end and merge them into one."""
    axes = axes_of(x, axis)
    moved = np.moveaxis(x, axes, range(-len(axes), 0))
    return moved.reshape((*moved.shape[: x.ndim - len(axes)], math.prod([x.shape[i] for i in axes])))


def unmerge_axes(merged: Array, x: Array, axis: Axis) -> Array:
    """Undo `merge_axes(x, axis)`: give an array of that layout the layout of x."""
    axes = axes_of(x, axis)
    moved = merged.reshape((*merged.shape[:-1], *[x.shape[i] for i in axes]))
    return np.moveaxis(moved, range(-len(axes), 0), axes)


def product_of_others(x: Array) -> Array:
    """For each element, the product of all other elements along the last axis: exact with zeros.

    Neighbors are multiplied in pairs. The product of the other pairs is found by recursion, and each element
    multiplies it by its partner: linear work, and no division.
    """
    n = x.shape[-1]
    if n <= 1:
        return np.ones_like(x)
    if n % 2:
        x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
    a, b = x[..., 0::2], x[..., 1::2]
    rest = product_of_others(a * b)
    return np.stack([rest * b, rest * a], axis=-1).reshape(x.shape)[..., :n]


def prod_rule(g: Array, y: Array, x: Array, axis: Axis = None, dtype: DTypeLike | None = None, out: None = None,
              keepdims: bool = False, initial: float | None = None, where: Array | None = None) -> Array:
    """The product of all other elements and of `initial`."""
    factors = x if where is None else np.where(where, x, 1)
    rest = unmerge_axes(product_of_others(merge_axes(factors, axis)), x, axis)
    return spread(g if initial is None else g * initial, x, axis, keepdims, where) * rest


defvjp(np.sum,  sum_rule)
defvjp(np.mean, mean_rule)
defvjp(np.var,  var_rule)
defvjp(np.std,  std_rule)
defvjp(np.max,  extremum_rule)
defvjp(np.min,  extremum_rule)
defvjp(np.amax, extremum_rule)  # NumPy 2 has np.amax and np.amin as separate functions
defvjp(np.amin, extremum_rule)
defvjp(np.prod, prod_rule)


# Reductions that ignore NaN: the same rules for the other elements, and 0 for NaN
def not_nan(x: Array, where: Array | None = None) -> Array:
    """Return where x is not NaN, and `where` is True."""
    numbers = ~np.isnan(x)
    return numbers if where is None else numbers & where


def ignoring_nan(rule: Rule) -> Rule:
    """Return the rule of a function that ignores NaN, given the rule of the function that does not."""
    names = list(inspect.signature(rule).parameters)[3:]  # of the arguments after x

    @functools.wraps(rule)
    def nan_rule(g: Array, y: Array, x: Array, *args: Any, **kwargs: Any) -> Array:
        given = dict(zip(names, args, strict=False)) | kwargs
        return rule(g, y, x, **(given | {"where": not_nan(x, given.get("where"))}))

    nan_rule.__name__ = f"nan{rule.__name__}"
    return nan_rule


defvjp(np.nansum,  ignoring_nan(sum_rule))
defvjp(np.nanmean, ignoring_nan(mean_rule))
defvjp(np.nanvar,  ignoring_nan(var_rule))
defvjp(np.nanstd,  ignoring_nan(std_rule))
defvjp(np.nanmax,  ignoring_nan(extremum_rule))
defvjp(np.nanmin,  ignoring_nan(extremum_rule))
defvjp(np.nanprod, ignoring_nan(prod_rule))


# Any function along an axis
@composition(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., ArrayLike], axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    """func1d of every vector along `axis`, which the axes of its results replace."""
    moved = np.moveaxis(arr, axis, -1)
    kept = moved.shape[:-1]
    if 0 in kept:
        raise ValueError(f"np.apply_along_axis: shape {arr.shape} has no vector along axis {axis} to call func1d with")
    results = np.stack([func1d(moved[i], *args, **kwargs) for i in np.ndindex(kept)])
    first, added = axis % arr.ndim, results.ndim - 1
    results = results.reshape((*kept, *results.shape[1:]))
    return np.moveaxis(results, range(len(kept), results.ndim), range(first, first + added))


@composition(np.apply_over_axes)
def apply_over_axes(func: Callable[[Array, int], Array], a: Array, axes: int | Sequence[int]) -> Array:
    """func along one axis after another; an axis that func drops is put back with length 1."""
    for axis in np.atleast_1d(axes).tolist():
        axis = normalize_axis_index(axis, a.ndim, "np.apply_over_axes")
        result = func(a, axis)
        a = result if result.ndim == a.ndim else np.expand_dims(result, axis)
    return a


nondifferentiable(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.all, np.any, np.count_nonzero)
