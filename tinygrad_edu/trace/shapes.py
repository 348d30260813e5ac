"""Functions of shapes: answered while recording, brought to two, or refused where a shape depends on values.

The two are one array in another shape, and with its axes in another order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPES = {  # what asks for shapes and types alone, which a recording knows
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.broadcast_shapes,
    np.common_type, np.min_scalar_type,
}  # fmt: skip
COUNTED: dict[Any, tuple[Any, str]] = {  # the argument whose values say how many elements there are: place, name
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


def _flat(x: Any, order: Any = "C") -> Any:
    if order == "K":  # as they lie in memory now, wherever a replay will have them
        strides = x.value.strides
        return _reshape(_transpose(x, sorted(range(x.ndim), key=lambda axis: -abs(strides[axis]))), (-1,))
    return _reshape(x, (-1,), order)


def _reshape(x: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    if order == "A":
        order = "F" if x.value.flags.fnc else "C"
    value = x.value.reshape(shape, order=order)
    full = value.shape
    if order not in ("C",) and value.ndim + x.ndim > 2:
        return x.rec.call(np.reshape, (x, full), {"order": order})
    if full == x.shape:
        return x
    y = x.rec.call(np.reshape, (x, full), {})
    return x.as_view(y, np.reshape, full)


def _transpose(x: Any, axes: Any = None) -> Any:
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple([int(a) % x.ndim for a in axes])
    if order == tuple(range(x.ndim)):
        return x
    y = x.rec.call(np.transpose, (x, order), {})
    return x.as_view(y, np.transpose, order)


def _swapped(x: Any, axis1: Any, axis2: Any) -> Any:
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(x, order)


def _moved(fun: Any) -> Any:
    """`fun`, which changes the order of axes, as a transpose."""

    def moved(x: Any, *args: Any, **kwargs: Any) -> Any:
        lengths = np.broadcast_to(0, range(1, x.ndim + 1))  # an array whose lengths say which axis is which
        return _transpose(x, [n - 1 for n in fun(lengths, *args, **kwargs).shape])

    return moved


def _reshaped(fun: Any) -> Any:
    """`fun`, which adds or drops axes of length one, as a reshape."""

    def reshaped(x: Any, *args: Any, **kwargs: Any) -> Any:
        return _reshape(x, fun(x.value, *args, **kwargs).shape)

    return reshaped


# Functions of shapes, brought to two: one array in another shape, or with its axes in another order.
COMPUTED: dict[Any, Any] = {
    np.reshape: _reshape, np.ravel: _flat, np.transpose: _transpose, np.permute_dims: _transpose,
    np.swapaxes: _swapped, **{fun: _moved(fun) for fun in (np.moveaxis, np.rollaxis, np.matrix_transpose)},
    **{fun: _reshaped(fun) for fun in (np.expand_dims, np.squeeze)},
}  # fmt: skip
