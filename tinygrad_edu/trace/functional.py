"""NumPy's functions as they are recorded.

In-place operations and methods become functions that return new arrays: a recorded call has no other effect. Functions
of shapes are computed while recording, rewritten as reshape and transpose, or refused if the number of elements that
they give depends on recorded values.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..engine.rules.registry import Array, Function


def add_at(x: ArrayLike, index: Any, v: ArrayLike) -> Array:
    """Return a copy of x with v added at `index`; an element indexed twice receives both."""
    x = np.array(x)
    np.add.at(x, index, v)
    return x


def put_along_axis(x: ArrayLike, indices: Array, values: ArrayLike, axis: int | None) -> Array:
    """Return a copy of x changed by `np.put_along_axis`."""
    x = np.array(x)
    np.put_along_axis(x, indices, values, axis)
    return x


def retyped(x: Array, dtype: DTypeLike) -> Array:
    """Return the same bytes as another dtype."""
    return x.view(dtype)


def astype(x: Array, dtype: DTypeLike) -> Array:
    """Return the elements converted to another dtype."""
    return x.astype(dtype)


def part(results: Sequence[Any], i: int) -> Any:
    """Return one of several results."""
    return results[i]


def is_basic(index: object) -> bool:
    """Whether an index is one that NumPy answers with a view: of integers, slices, None and `...`."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(i is None or i is ... or isinstance(i, (int, slice)) for i in parts)


SHAPES: set[Function] = {  # their results depend on shapes and dtypes alone, which are the same at every call
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.broadcast_shapes,
    np.common_type, np.min_scalar_type,
}  # fmt: skip
COUNTED: dict[Function, tuple[int | slice, str]] = {  # (position, name) of the argument that sets the result's size
    **dict.fromkeys((np.nonzero, np.flatnonzero, np.argwhere), (0, "a")),
    **dict.fromkeys((np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values), (0, "ar")),
    **dict.fromkeys((np.compress, np.extract), (0, "condition")),
    **dict.fromkeys((np.bincount, np.trim_zeros, np.roots), (0, "x")),
    **dict.fromkeys((np.delete, np.insert), (1, "obj")),
    **dict.fromkeys((np.setdiff1d, np.intersect1d, np.union1d, np.setxor1d), (slice(None), "")),
    **dict.fromkeys((np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit), (1, "indices_or_sections")),
    **dict.fromkeys((np.linspace, np.geomspace, np.logspace), (2, "num")),
    np.repeat: (1, "repeats"), np.tile: (1, "reps"), np.resize: (1, "new_shape"), np.pad: (1, "pad_width"),
    np.broadcast_to: (1, "shape"), np.diff: (1, "n"), np.vander: (1, "N"), np.polyfit: (2, "deg"), np.diag: (1, "k"),
    np.histogram: (1, "bins"),
}  # fmt: skip


def _ravel(x: Any, order: str = "C") -> Any:
    if order == "K":  # the order in memory now, whatever it is at a replay
        strides = x.value.strides
        return _reshape(_transpose(x, sorted(range(x.ndim), key=lambda axis: -abs(strides[axis]))), (-1,))
    return _reshape(x, (-1,), order)


def _reshape(x: Any, shape: object = None, order: str = "C", *, newshape: object = None, copy: object = None) -> Any:
    if order == "A":
        order = "F" if x.value.flags.fnc else "C"
    value = x.value.reshape(shape, order=order)
    full = value.shape
    if order != "C" and value.ndim + x.ndim > 2:
        return x.rec.call(np.reshape, (x, full), {"order": order})
    return x if full == x.shape else x.as_view(x.rec.call(np.reshape, (x, full), {}), np.reshape, full)


def _transpose(x: Any, axes: Iterable[int] | None = None) -> Any:
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple([int(a) % x.ndim for a in axes])
    if order == tuple(range(x.ndim)):
        return x
    return x.as_view(x.rec.call(np.transpose, (x, order), {}), np.transpose, order)


def _as_transpose(fun: Function) -> Function:
    """Return `fun`, which permutes axes, as a transpose."""

    def permuted(x: Any, *args: object, **kwargs: object) -> Any:
        lengths = np.broadcast_to(0, range(1, x.ndim + 1))  # an array in which the length of an axis tells which it is
        return _transpose(x, [n - 1 for n in fun(lengths, *args, **kwargs).shape])

    return permuted


def _as_reshape(fun: Function) -> Function:
    """Return `fun`, which adds or drops axes of length one, as a reshape."""

    def reshaped(x: Any, *args: object, **kwargs: object) -> Any:
        return _reshape(x, fun(x.value, *args, **kwargs).shape)

    return reshaped


REWRITTEN: dict[Function, Function] = {
    np.reshape: _reshape, np.ravel: _ravel, np.transpose: _transpose, np.permute_dims: _transpose,
    **{fun: _as_transpose(fun) for fun in (np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose)},
    **{fun: _as_reshape(fun) for fun in (np.expand_dims, np.squeeze)},
}  # fmt: skip
