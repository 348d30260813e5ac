"""The methods of ufuncs of two arguments, `reduce`, `accumulate`, `reduceat` and `at`, in functions that have rules."""

from itertools import accumulate as folded
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .activations import logsumexp
from .elementwise import LN2
from .indexing import along, pieces, scatter
from .reductions import axes_of, merge_axes
from .registry import Array, Axis, Function
from .scans import running_extremum, running_logaddexp

IDENTITIES = {np.logaddexp: -np.inf, np.logaddexp2: -np.inf, np.hypot: 0.0}  # what `where=False` leaves in their place


def reduce(ufunc: np.ufunc, x: Array, axis: Axis = 0, dtype: Any = None, keepdims: bool = False, initial: Any = None,
           where: Any = True) -> Array:
    """The ufunc of the elements along the axes, from left to right."""
    if dtype is not None:
        x = x.astype(dtype)
    if ufunc is np.hypot and initial is None:
        initial = 0.0
    if where is not True:
        if ufunc not in IDENTITIES:
            raise ValueError(f"np.{ufunc.__name__}.reduce(..., where=...): it has no identity; select elements before")
        x = np.where(where, x, IDENTITIES[ufunc])
    axes = axes_of(x, axis)
    if ufunc is np.logaddexp:
        y = logsumexp(x, axes)
    elif ufunc is np.logaddexp2:
        y = np.logaddexp.reduce(x * LN2, axes) / LN2
    else:
        merged = merge_axes(x, axes)
        if ufunc is np.hypot and not merged.shape[-1]:
            merged = np.sum(merged, -1, keepdims=True)  # of no elements, 0
        if not merged.shape[-1]:
            raise ValueError(f"np.{ufunc.__name__}.reduce(of shape {x.shape}, axis={axis}): no elements to reduce")
        y = merged[..., 0]
        if initial is not None:
            y, initial = ufunc(initial, y), None
        for i in range(1, merged.shape[-1]):
            y = ufunc(y, merged[..., i])
    if initial is not None:
        y = ufunc(initial, y)
    return np.expand_dims(y, axes) if keepdims else y


def accumulate(ufunc: np.ufunc, x: Array, axis: int = 0, dtype: Any = None) -> Array:
    """The ufunc of all elements up to each one along an axis."""
    if dtype is not None:
        x = x.astype(dtype)
    axis = normalize_axis_index(axis, x.ndim, f"np.{ufunc.__name__}.accumulate")
    if ufunc in (np.maximum, np.minimum, np.fmax, np.fmin):
        return running_extremum(x, ufunc.__name__, axis)
    if ufunc is np.logaddexp:
        return running_logaddexp(x, axis)
    if ufunc is np.logaddexp2:
        return running_logaddexp(x * LN2, axis) / LN2
    if not x.shape[axis]:
        return x
    return np.stack(list(folded(np.moveaxis(x, axis, 0), ufunc)), axis)


def reduceat(ufunc: np.ufunc, x: Array, indices: Any, axis: int = 0, dtype: Any = None) -> Array:
    """The ufunc of the elements from each index up to the next; of that element alone if the next is not larger."""
    axis = normalize_axis_index(axis, x.ndim, f"np.{ufunc.__name__}.reduceat")
    if dtype is not None:
        x = x.astype(dtype)
    starts = [int(i) for i in indices]
    bounds = [*starts, x.shape[axis]]
    if all([i < j for i, j in pairwise(bounds)]):
        parts = pieces(x, axis, bounds)
    else:
        parts = [x[along(axis, slice(i, max(j, i + 1)))] for i, j in pairwise(bounds)]
    if not parts or not all(0 <= i < x.shape[axis] for i in starts):
        raise ValueError(
            f"np.{ufunc.__name__}.reduceat(of shape {x.shape}, {starts}, axis={axis}): indices go from 0 to "
            f"{x.shape[axis] - 1}, and there is at least one"
        )
    return np.stack([ufunc.reduce(p, axis) if p.shape[axis] > 1 else p.squeeze(axis) for p in parts], axis)


def write_at(ufunc: np.ufunc, y: Any, index: Any, v: Any) -> None:
    """Do `ufunc.at(y, index, v)` for np.add and np.subtract; an element that is named twice takes both values."""
    shape = y[index].shape
    try:
        v = np.broadcast_to(v, shape)
    except ValueError as error:
        where, given = f"np.{ufunc.__name__}.at", np.shape(v)
        raise ValueError(f"{where}: values of shape {given} do not broadcast to the indexed {shape}") from error
    y[...] = ufunc(y, scatter(v.astype(y.dtype) if v.dtype.kind in "iub" else v, index, y.shape))


ADDING = {np.add, np.subtract}
METHODS: dict[str, Function] = {"reduce": reduce, "accumulate": accumulate, "reduceat": reduceat}
