"""Joining and splitting: each part takes its own stretch of the gradient."""

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .registry import arrays_of, composition, defvjp, name, primitive
from .shaping import returned


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """`index` for an axis, counted from the first, and all of those before it."""
    return (*[slice(None)] * axis, index)


@primitive
def concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    """`np.concatenate`, its sequence brought to a list of arguments."""
    return np.concatenate(arrays, axis=axis)


def concatenate_rule(i: int, g: Any, y: Any, *arrays: Any, axis: int | None = 0) -> Any:
    """The i-th stretch of g."""
    if axis is None:
        return concatenate_rule(i, g, y, *[a.reshape(-1) for a in arrays]).reshape(arrays[i].shape)
    start = sum([a.shape[axis] for a in arrays[:i]])
    return g[along(axis % y.ndim, slice(start, start + arrays[i].shape[axis]))]


defvjp(concatenate, each=concatenate_rule)


@composition(np.concatenate)
def joined(arrays: Any, axis: int | None = 0) -> Any:
    """Along an axis that is there."""
    return concatenate(*arrays_of(arrays), axis=axis)


@composition(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    """Along a new axis."""
    if len(shapes := {np.shape(a): None for a in arrays}) > 1:
        raise ValueError(f"np.stack: arrays of one shape make a stack, and these have {', '.join(map(str, shapes))}")
    return concatenate(*[np.expand_dims(a, axis) for a in arrays], axis=axis)


@composition(np.vstack)
def vstack(tup: Any) -> Any:
    """As rows."""
    return concatenate(*[a if a.ndim > 1 else a.reshape(1, -1) for a in arrays_of(tup)])


@composition(np.hstack)
def hstack(tup: Any) -> Any:
    """Side by side."""
    arrays = [a if a.ndim else a.reshape(1) for a in arrays_of(tup)]
    return concatenate(*arrays, axis=int(arrays[0].ndim > 1))


@composition(np.dstack)
def dstack(tup: Any) -> Any:
    """Behind each other."""
    return concatenate(*[np.atleast_3d(a) for a in arrays_of(tup)], axis=2)


@composition(np.column_stack)
def column_stack(tup: Any) -> Any:
    """As columns."""
    return concatenate(*[a if a.ndim > 1 else a.reshape(-1, 1) for a in arrays_of(tup)], axis=1)


@composition(np.block)
def block(arrays: Any) -> Any:
    """The innermost lists side by side along the last axis, the lists of those along the one before, and so on."""
    inner = blocks_of(arrays)
    depth, ndim = inner[0][1], max(max(d, np.ndim(a)) for a, d in inner)
    if any(d != depth for _, d in inner):
        raise ValueError(f"np.block: blocks {sorted({d for _, d in inner})} lists deep; all must lie equally deep")

    def row(blocks: Any, axis: int) -> Any:
        if isinstance(blocks, list):
            return concatenate(*[row(b, axis + 1) for b in blocks], axis=axis)
        (a,) = arrays_of([blocks])
        return a.reshape((1,) * (ndim - a.ndim) + a.shape)

    return row(arrays, -depth)


def blocks_of(arrays: Any, depth: int = 0) -> list[tuple[Any, int]]:
    """What nested lists hold, each with the number of lists around it."""
    if isinstance(arrays, tuple) or (isinstance(arrays, list) and not arrays):
        raise TypeError(f"np.block: {arrays!r:.60} among the blocks, which are arrays and numbers in lists of lists")
    if not isinstance(arrays, list):
        return [(arrays, depth)]
    return [found for a in arrays for found in blocks_of(a, depth + 1)]


@composition(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Joined to the end."""
    return concatenate(*arrays_of((arr, values)), axis=axis)


def insert_rule(g: Any, y: Any, arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """What was there before, from where it stands now."""
    return returned(g, arr, lambda number: np.insert(number, obj, np.zeros_like(values, np.intp), axis))


def inserted_rule(g: Any, y: Any, arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """What came in, from where it stands, a value that stands in several places from them all."""
    return returned(g, values, lambda number: np.insert(np.zeros_like(arr, np.intp), obj, number, axis))


defvjp(np.insert, insert_rule,
                  None,
                  inserted_rule)
defvjp(np.delete, lambda g, y, arr, obj, axis=None: returned(g, arr, lambda number: np.delete(number, obj, axis)))


def parts(fun: Any, x: Any, indices_or_sections: Any, axis: int, equal: bool = True) -> list[Any]:
    """x cut at the indices given, or into so many sections, the first of them longer by one where it must be."""
    axis = normalize_axis_index(axis, x.ndim, name(fun))
    cuts, n = indices_or_sections, x.shape[axis]
    if np.ndim(cuts) == 0:
        if cuts < 1 or (equal and n % cuts):
            remedy = "np.array_split takes any number of parts" if cuts > 0 else "it takes 1 or more"
            raise ValueError(f"{name(fun)}: axis {axis} of length {n} does not make {cuts} equal parts; {remedy}")
        length, longer = divmod(n, int(cuts))
        cuts = accumulate([length + (i < longer) for i in range(int(cuts) - 1)])
    return [x[along(axis, slice(start, stop))] for start, stop in pairwise([0, *cuts, n])]


@composition(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Into parts of almost equal lengths."""
    return parts(np.array_split, ary, indices_or_sections, axis, equal=False)


@composition(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Into parts of equal lengths."""
    return parts(np.split, ary, indices_or_sections, axis)


@composition(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Of what lies side by side."""
    return parts(np.hsplit, ary, indices_or_sections, int(ary.ndim > 1))


@composition(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Of rows, which a vector has not."""
    return parts(np.vsplit, ary, indices_or_sections, min(-ary.ndim, -2))


@composition(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Of what lies behind each other."""
    return parts(np.dsplit, ary, indices_or_sections, 2)


if hasattr(np, "unstack"):  # NumPy 2.1

    @composition(np.unstack)
    def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
        """All along an axis."""
        return tuple(np.moveaxis(x, axis, 0))
