"""Order: sorting and what is read off sorted numbers; the gradient follows each number to its place."""

from typing import Any

import numpy as np

from .indexing import scatter
from .reductions import as_lines, from_lines
from .registry import Function, array_of, arrays_of, composition, defvjp, nondifferentiable, primitive, refused

# Rearrangements


@primitive
def rearrange(x: Any, places: Any, axis: int) -> Any:
    """x with each line along `axis` in another order: a permutation, the i-th element taken from places[i]."""
    return np.take_along_axis(x, places, axis)


defvjp(rearrange, lambda g, y, x, places, axis: rearrange(g, inverse(places, axis), axis))


def inverse(places: Any, axis: int) -> Any:
    """The permutations that undo `places` along `axis`: written down in linear time, where sorting takes longer."""
    back = np.empty_like(places)
    np.put_along_axis(np.moveaxis(back, axis, -1), np.moveaxis(places, axis, -1), np.arange(places.shape[axis]), -1)
    return back


def sort_rule(g: Any, y: Any, x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *,
              stable: Any = None) -> Any:
    """Each number takes what arrives at its place among the sorted ones; equal ones keep their order."""
    if axis is None:
        return sort_rule(g, y, x.reshape(-1)).reshape(x.shape)
    return rearrange(g, inverse(np.argsort(x, axis=axis, kind="stable"), axis), axis)


def partition_rule(g: Any, y: Any, x: Any, kth: Any, axis: Any = -1, kind: Any = "introselect",
                   order: Any = None) -> Any:
    """What arrives is put in order as y would be: then it has come to sorted numbers."""
    if axis is None:
        return partition_rule(g, y, x.reshape(-1), kth).reshape(x.shape)
    return sort_rule(rearrange(g, np.argsort(y, axis=axis, kind="stable"), axis), y, x, axis)


defvjp(np.sort,      sort_rule)
defvjp(np.partition, partition_rule)


@composition(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """What is left without the zeros in front ("f") and at the back ("b") of every axis."""
    ends = set(trim.lower())
    if not ends or ends - {"f", "b"}:
        raise ValueError(f"np.trim_zeros: trim={trim!r}; it is 'f' for the front, 'b' for the back, or 'fb'")
    places = np.nonzero(filt)
    if not filt.any():
        return filt[(slice(0),) * filt.ndim]
    return filt[tuple([
        slice(p.min() if "f" in ends else None, p.max() + 1 if "b" in ends else None) for p in places
    ])]


# Medians and quantiles


@primitive
def order_statistic(x: Any, statistic: str, how: dict[str, Any], axis: Any, keepdims: bool) -> Any:
    """np.median, np.quantile or the like (by name, with its own keywords in `how`), in the dtype of x."""
    y = getattr(np, statistic)(x, axis=axis, keepdims=keepdims, **how)
    return y.astype(np.result_type(x, np.float16))


def order_statistic_rule(g: Any, y: Any, x: Any, statistic: str, how: dict[str, Any], axis: Any, keepdims: bool) -> Any:
    """To the sorted numbers on both sides of the statistic, each by its nearness.

    Where among them the statistic lies it tells itself, when 0, 1, 2, ... stand in their place: 2.25 is three quarters
    of number 2 and a quarter of number 3. So there is one rule for them all, and for every method of theirs.
    """
    if not x.size:
        return np.zeros_like(x)
    lines = as_lines(x, axis)
    order, places = np.argsort(lines, kind="stable"), np.arange(lines.shape[-1])
    missing = np.sum(np.isnan(lines), axis=-1, keepdims=True)  # NaN is sorted to the end
    at = getattr(np, statistic)(np.where(places < places.size - missing, places, np.nan), axis=-1, **how)
    below = np.floor(at)
    sides = np.nan_to_num(np.stack([below, np.ceil(at)])).astype(int)
    shares = np.nan_to_num(np.stack([1 - (at - below), at - below])).astype(x.dtype)  # of a NaN nothing is passed on
    line = np.ix_(*map(np.arange, lines.shape[:-1]))
    return from_lines(scatter(g.reshape(at.shape) * shares, (*line, order[(*line, sides)]), lines.shape), x, axis)


defvjp(order_statistic, order_statistic_rule)


@composition(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The middle one of the sorted numbers, or the mean of the two in the middle."""
    return order_statistic(a, "median", {}, axis, keepdims)


@composition(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The median of those that are not NaN."""
    return order_statistic(a, "nanmedian", {}, axis, keepdims)


def quantile_by(statistic: str) -> Function:
    """The composition of np.quantile and what is called like it: q is constant, and any `method` will do."""

    def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                 method: str = "linear", keepdims: bool = False) -> Any:
        constant = q if isinstance(q, (int, float)) else array_of(q)
        if np.ndim(constant) > 1 and statistic[:3] == "nan":  # NumPy would put the second axis of q last
            raise ValueError(f"np.{statistic}: q of {np.ndim(constant)} axes; hand it over as a list, and reshape y")
        how = {"q": constant, "method": method}
        return order_statistic(*arrays_of([a]), statistic, how, axis, keepdims)

    return quantile


composition(np.quantile)(quantile_by("quantile"))
composition(np.percentile)(quantile_by("percentile"))
composition(np.nanquantile)(quantile_by("nanquantile"))
composition(np.nanpercentile)(quantile_by("nanpercentile"))


# Counts


@primitive
def tally(weights: Any, x: Any, minlength: int) -> Any:
    """np.bincount, in the dtype of the weights."""
    return np.bincount(x, weights, minlength).astype(weights.dtype)


defvjp(tally, lambda g, y, weights, x, minlength: g[x])


@composition(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """The sum of the weights of each number; the numbers are whole, so no Tensors."""
    return tally(weights, array_of(x), minlength)


nondifferentiable(np.argsort, np.argpartition, np.searchsorted, np.digitize, np.nonzero, np.flatnonzero, np.argwhere,
                  np.isin, getattr(np, "in1d", np.isin))  # which NumPy 2.4 no longer has

refused("keys in a sequence: hand over their data, np.lexsort([key.data for key in keys])", np.lexsort)
refused("which numbers are kept depends on the data: find their places in it, places = np.unique(x.data, "
        "return_index=True)[1], and index, x[places]",
        np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
refused("which numbers are kept depends on the data: find their places in it, x[~np.isin(x, y)] for a difference, "
        "np.intersect1d(x.data, y.data, return_indices=True) for what is shared, or with both = np.concatenate([x, y]) "
        "and np.unique(both.data, return_index=True) for a union",
        np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d)
refused("counts have no gradient: count its .data; where weights are to have one, "
        "np.bincount(np.digitize(x.data, edges[1:-1]), weights)",
        np.histogram, np.histogram2d, np.histogramdd)
refused("take the edges of its .data, or np.linspace(np.min(x), np.max(x), n + 1) where they are to have a gradient",
        np.histogram_bin_edges)
refused("Tensors are real: np.sort sorts them", np.sort_complex)
