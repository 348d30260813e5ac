"""Padding: with constants, with copies of elements, or with numbers that are computed from them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .indexing import along
from .joining import concatenate
from .registry import Array, Function, composition, defvjp, primitive
from .shaping import scatter_back

STATISTICS: dict[str, Function] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
COMPUTED = (*STATISTICS, "linear_ramp")


def edge(x: Array, axis: int, width: int) -> Array:
    """Return the first element along an axis if the width is positive, the last if it is negative."""
    return x[along(axis, slice(None, 1) if width > 0 else slice(-1, None))]


def statistics_of(x: Array, axis: int, statistic: Function, lengths: list[int | None]) -> list[Array]:
    """Return a statistic of so many elements at both ends of an axis, None for all."""
    n = x.shape[axis]
    first, last = (n if k is None else min(k, n) for k in lengths)
    ends = x[along(axis, slice(None, first))], x[along(axis, slice(n - last, None))]
    return [statistic(end, axis=axis, keepdims=True) for end in ends]


def ramp(x: Array, axis: int, width: int, end: Any) -> Array:
    """Return numbers on the line from the end value to the edge."""
    n = abs(width)
    t = (np.arange(n) / max(n, 1)).astype(x.dtype)
    t = (t if width >= 0 else t[::-1]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.asarray(end * (1 - t), x.dtype) + t * edge(x, axis, width)


def mirrored(x: Array, axis: int, width: int, mode: str) -> Array:
    """Return twice the edge minus the elements next to it, in reverse order; "symmetric" takes the edge too."""
    n, skipped = abs(width), int(mode == "reflect")
    if mode not in ("reflect", "symmetric") or n > x.shape[axis] - skipped:
        raise ValueError(
            f"np.pad(..., mode={mode!r}, reflect_type='odd'): {n} elements beside {x.shape[axis]} along axis {axis}; "
            "the mode is 'reflect' or 'symmetric', and wider padding takes several calls"
        )
    near = slice(skipped, skipped + n) if width >= 0 else slice(x.shape[axis] - skipped - n, x.shape[axis] - skipped)
    return 2 * edge(x, axis, width) - np.flip(x[along(axis, near)], axis)


def widths_of(x: Array, pad_width: Any) -> list[list[int]]:
    """Return the widths before and after each axis, for any kind of pad_width."""
    padded = np.pad(np.ones((1,) * x.ndim), pad_width)
    (start,) = np.argwhere(padded)
    return np.stack([start, np.array(padded.shape) - start - 1], axis=-1).astype(int).tolist()


@primitive
def pad(x: Array, pad_width: Any, mode: str, options: dict[str, Any]) -> Array:
    """`np.pad` in the modes that pad with constants or with elements of x."""
    return np.pad(x, pad_width, mode, **options)  # type: ignore[call-overload]


def pad_rule(g: Array, y: Array, x: Array, pad_width: Any, mode: str, options: dict[str, Any]) -> Array:
    """g at the place of x, plus g at the padding that was copied from x."""
    if mode != "constant":
        return scatter_back(g, x, lambda number: pad(number, pad_width, mode, options))
    is_dict = isinstance(pad_width, dict)
    widths = widths_of(x, pad_width) if is_dict else np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    return g[tuple([slice(start, start + n) for (start, _), n in zip(widths, x.shape, strict=True)])]


defvjp(pad, pad_rule)


@composition(np.pad)
def _pad(array: Array, pad_width: Any, mode: str = "constant", *, constant_values: ArrayLike | None = None,
         end_values: ArrayLike | None = None, stat_length: ArrayLike | None = None,
         reflect_type: str | None = None) -> Array:
    given = {"constant_values": constant_values, "end_values": end_values, "stat_length": stat_length,
             "reflect_type": reflect_type}
    options = {key: value for key, value in given.items() if value is not None}
    if mode in COMPUTED or reflect_type == "odd":
        widths = widths_of(array, pad_width)
        lengths = np.broadcast_to(np.asarray(stat_length, object), (array.ndim, 2)).tolist()
        ends = np.broadcast_to(np.asarray(0 if end_values is None else end_values), (array.ndim, 2))
        for axis in range(array.ndim):
            before, after = widths[axis]
            if mode in STATISTICS:
                sides = statistics_of(array, axis, STATISTICS[mode], lengths[axis])
                first, last = (np.repeat(side, n, axis) for side, n in zip(sides, (before, after), strict=True))
            elif mode == "linear_ramp":
                first, last = ramp(array, axis, before, ends[axis, 0]), ramp(array, axis, -after, ends[axis, 1])
            else:
                first, last = mirrored(array, axis, before, mode), mirrored(array, axis, -after, mode)
            array = concatenate(first, array, last, axis=axis)
        return array
    if callable(mode):
        raise TypeError(
            f"np.pad(..., mode={mode!r:.40}) has no rule for Tensors, as a function writes in place; compute the "
            "padding, and join it to the array with np.concatenate"
        )
    return pad(array, pad_width, "constant" if mode == "empty" else mode, options)
