"""Sorting, order statistics and counts: the gradient follows each element to its place."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .indexing import read, scatter
from .reductions import axes_of, merge_axes, unmerge_axes
from .registry import (
    Array,
    Axis,
    Function,
    array_of,
    arrays_of,
    composition,
    defvjp,
    nondifferentiable,
    primitive,
    refused,
)


# Permutations
@primitive
def permute(x: Array, positions: Array, axis: int) -> Array:
    """x with each vector along `axis` permuted: its i-th element is taken from positions[i]."""
    return np.take_along_axis(x, positions, axis)


defvjp(permute, lambda g, y, x, positions, axis: permute(g, inverse_permutation(positions, axis), axis))


@primitive
def inverse_permutation(positions: Array, axis: int) -> Array:
    """Return the inverse permutations along `axis`, in linear time, where argsort would take longer."""
    inverse = np.empty_like(positions)
    indices = np.moveaxis(positions, axis, -1)
    np.put_along_axis(np.moveaxis(inverse, axis, -1), indices, np.arange(positions.shape[axis]), -1)
    return inverse


def sort_rule(g: Array, y: Array, x: Array, axis: int | None = -1, kind: str | None = None, order: Any = None, *,
              stable: bool | None = None) -> Array:
    """g at the place of each element in the sorted order, where equal elements keep their order."""
    if axis is None:
        return sort_rule(g, y, x.reshape(-1)).reshape(x.shape)
    return permute(g, inverse_permutation(np.argsort(x, axis=axis, kind="stable"), axis), axis)


def partition_rule(g: Array, y: Array, x: Array, kth: Any, axis: int | None = -1, kind: str = "introselect",
                   order: Any = None) -> Array:
    """The rule of sort, for a g that is first permuted as sorting y would permute it."""
    if axis is None:
        return partition_rule(g, y, x.reshape(-1), kth).reshape(x.shape)
    return sort_rule(permute(g, np.argsort(y, axis=axis, kind="stable"), axis), y, x, axis)


defvjp(np.sort,      sort_rule)
defvjp(np.partition, partition_rule)


@composition(np.trim_zeros)
def trim_zeros(filt: Array, trim: str = "fb") -> Array:
    """The array without the zeros at the front ("f") and the back ("b") of every axis."""
    sides = set(trim.lower())
    if not sides or sides - {"f", "b"}:
        raise ValueError(f"np.trim_zeros: trim={trim!r}; it is 'f' for the front, 'b' for the back, or 'fb'")
    positions = np.nonzero(filt)
    if not filt.any():
        return filt[(slice(0),) * filt.ndim]
    return filt[tuple([
        slice(p.min() if "f" in sides else None, p.max() + 1 if "b" in sides else None) for p in positions
    ])]


# Medians and quantiles
@primitive
def order_statistic(x: Array, statistic: str, options: dict[str, Any], axis: Axis, keepdims: bool) -> Array:
    """np.median, np.quantile or a similar function, called by name with its own options, in the dtype of x."""
    y = getattr(np, statistic)(x, axis=axis, keepdims=keepdims, **options)
    return y.astype(np.result_type(x, np.float16))


def order_statistic_rule(g: Array, y: Array, x: Array, statistic: str, options: dict[str, Any], axis: Axis,
                         keepdims: bool) -> Array:
    """g shared by the two sorted elements on both sides of the statistic, in proportion to nearness.

    The statistic of 0, 1, 2, ... in place of the sorted elements gives its position among them: 2.25 is three quarters
    of element 2 and a quarter of element 3. So one rule serves all of these functions and all of their methods.
    """
    if not x.size:
        return np.zeros_like(x)
    merged = merge_axes(x, axis)
    order, positions = np.argsort(merged, kind="stable"), np.arange(merged.shape[-1])
    missing = np.sum(np.isnan(merged), axis=-1, keepdims=True)  # NaN is sorted to the end
    numbered = np.where(positions < positions.size - missing, positions, np.nan)
    at = getattr(np, statistic)(numbered, axis=-1, **options)
    below = np.floor(at)
    sides = np.nan_to_num(np.stack([below, np.ceil(at)])).astype(int)
    shares = np.nan_to_num(np.stack([1 - (at - below), at - below])).astype(x.dtype)  # a result NaN passes nothing on
    vector = np.ix_(*map(np.arange, merged.shape[:-1]))
    scattered = scatter(g.reshape(at.shape) * shares, (*vector, order[(*vector, sides)]), merged.shape)
    return unmerge_axes(scattered, x, axis)


defvjp(order_statistic, order_statistic_rule)


@composition(np.median)
def median(a: Array, axis: Axis = None, out: None = None, overwrite_input: bool = False,
           keepdims: bool = False) -> Array:
    """The middle one of the sorted elements, or the mean of the two in the middle."""
    return order_statistic(a, "median", {}, axis, keepdims)


@composition(np.nanmedian)
def nanmedian(a: Array, axis: Axis = None, out: None = None, overwrite_input: bool = False,
              keepdims: bool = False) -> Array:
    """The median of the elements that are not NaN."""
    return order_statistic(a, "nanmedian", {}, axis, keepdims)


METHODS = {  # the continuous methods of np.quantile: alpha and beta of Hyndman and Fan 1996
    "linear": (1.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0), "interpolated_inverted_cdf": (0.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (0.375, 0.375),
}


def interpolated(a: Array, q: Array, axis: Axis, method: str, keepdims: bool, passing_nan: bool) -> Array:
    """Return the quantiles as functions of a and of q: on the line between two neighbors of the sorted elements."""
    if method not in METHODS:
        raise TypeError(
            f"np.quantile(..., method={method!r}) is constant between jumps of q, so q has no gradient; pass "
            f"q.data, or use a continuous method: {', '.join(METHODS)}"
        )
    merged = merge_axes(a, axis)
    missing = np.isnan(merged)
    n = merged.shape[-1] - np.count_nonzero(missing, axis=-1) if passing_nan else np.asarray(merged.shape[-1])
    alpha, beta = METHODS[method]
    q = np.reshape(q, np.shape(q) + (1,) * (merged.ndim - 1))
    place = np.clip(n * q + (alpha + q * (1 - alpha - beta)) - 1, 0, np.maximum(n - 1, 0))
    place = np.broadcast_to(place, np.broadcast_shapes(place.shape, merged.shape[:-1]))
    below = np.floor(place)
    shape, x = place.shape, np.sort(merged)
    x = np.where(np.any(missing, axis=-1, keepdims=True), np.nan, x) if not passing_nan else x

    def element(i: Array) -> Array:
        columns = np.moveaxis(i.astype(int).reshape(-1, *merged.shape[:-1]), 0, -1)
        return np.moveaxis(np.take_along_axis(x, columns, -1), -1, 0).reshape(shape)

    first, last = element(below), element(np.minimum(below + 1, np.maximum(n - 1, 0)))
    y = (first + (place - below) * (last - first)).astype(a.dtype)
    axes = axes_of(a, axis)
    return np.expand_dims(y, tuple([i + q.ndim - merged.ndim + 1 for i in axes])) if keepdims else y


def quantile_composition(statistic: str) -> Function:
    """Return the composition of np.quantile or a similar function; any `method` is allowed where q is a constant."""
    percent = statistic.endswith("percentile")

    def quantile(a: ArrayLike, q: ArrayLike, axis: Axis = None, out: None = None, overwrite_input: bool = False,
                 method: str = "linear", keepdims: bool = False) -> Array:
        if getattr(q, "requires_grad", False):
            fraction: Any = q / 100 if percent else q  # type: ignore[operator]
            return interpolated(arrays_of([a])[0], fraction, axis, method, keepdims, statistic[:3] == "nan")
        fractions = q if isinstance(q, (int, float)) else array_of(q)
        if np.ndim(fractions) > 1 and statistic[:3] == "nan":  # NumPy would put the second axis of q last
            raise ValueError(f"np.{statistic}: q has {np.ndim(fractions)} axes; pass it as a list, and reshape y")
        return order_statistic(*arrays_of([a]), statistic, {"q": fractions, "method": method}, axis, keepdims)

    return quantile


for fun in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    composition(fun)(quantile_composition(fun.__name__))


# Counts
@primitive
def bincount(weights: Array, x: Array, minlength: int) -> Array:
    """`np.bincount` with the weights first, in their dtype."""
    return np.bincount(x, weights, minlength).astype(weights.dtype)


defvjp(bincount, lambda g, y, weights, x, minlength: read(g, x))


@composition(np.bincount)
def _bincount(x: ArrayLike, /, weights: Array | None = None, minlength: int = 0) -> Array:
    x = array_of(x)
    return bincount(weights, x.astype(np.intp) if x.dtype.kind == "b" else x, minlength)  # booleans would be a mask


@composition(np.histogram)
def histogram(a: ArrayLike, bins: Any = 10, range: Any = None, density: bool | None = None,
              weights: Array | None = None) -> tuple[Array, Array]:
    """The sums of the weights of the numbers in each bin, and the edges, which are constants."""
    if weights is None or getattr(a, "requires_grad", False):
        raise TypeError(
            "np.histogram: counts have no gradient by the numbers that are counted; pass their .data (a gradient by "
            "weights= is there)"
        )
    a, weights = array_of(a), arrays_of([weights])[0]
    if a.shape != weights.shape:
        shapes = f"weights of shape {weights.shape} for numbers of shape {a.shape}"
        raise ValueError(f"np.histogram: {shapes}; give one weight for each number")
    a, weights = np.ravel(a), np.ravel(weights)
    edges = np.histogram_bin_edges(a, bins, range)
    inside = np.flatnonzero((a >= edges[0]) & (a <= edges[-1]))
    bin_of = np.minimum(np.searchsorted(edges, a[inside], side="right") - 1, len(edges) - 2)
    sums = bincount(weights[inside], bin_of, len(edges) - 1)
    return (sums / np.diff(edges).astype(sums.dtype) / np.sum(sums) if density else sums), edges


nondifferentiable(np.argsort, np.argpartition, np.searchsorted, np.digitize, np.nonzero, np.flatnonzero, np.argwhere,
                  np.isin, getattr(np, "in1d", np.isin))  # NumPy 2.4 removed in1d

refused("it takes a sequence of keys; pass their data, np.lexsort([key.data for key in keys])", np.lexsort)
refused("which elements are kept depends on the data; find their indices, i = np.unique(x.data, return_index=True)[1], "
        "and write x[i]",
        np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
refused("which elements are kept depends on the data; find their indices with x[~np.isin(x, y)] for a difference, "
        "np.intersect1d(x.data, y.data, return_indices=True) for an intersection, or with both = np.concatenate([x, y])"
        " and np.unique(both.data, return_index=True) for a union",
        np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d)
refused("counts have no gradient; pass its .data, or for the gradient of weights write "
        "np.bincount(np.digitize(x.data, edges[1:-1]), weights)",
        np.histogram2d, np.histogramdd)
refused("pass its .data, or for a gradient of the edges write np.linspace(np.min(x), np.max(x), n + 1)",
        np.histogram_bin_edges)
refused("complex numbers have no order; sort parts or absolute values with np.sort", np.sort_complex)
