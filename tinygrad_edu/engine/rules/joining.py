"""Joining and splitting: each part receives its slice of the gradient."""

from collections.abc import Sequence
from itertools import accumulate
from math import isqrt
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike

from .indexing import along, pieces
from .registry import Array, Function, arrays_of, composition, defvjp, name, primitive
from .shaping import scatter_back


# Joining
@primitive
def concatenate(*arrays: Array, axis: int | None = 0) -> Array:
    """`np.concatenate` with its sequence as separate arguments."""
    return np.concatenate(arrays, axis=axis)


def concatenate_rule(i: int, g: Array, y: Array, *arrays: Array, axis: int | None = 0) -> Array:
    """The slice of g at the place of the i-th array."""
    if axis is None:
        return concatenate_rule(i, g, y, *[a.reshape(-1) for a in arrays]).reshape(arrays[i].shape)
    start = sum([a.shape[axis] for a in arrays[:i]])
    return g[along(axis % y.ndim, slice(start, start + arrays[i].shape[axis]))]


defvjp(concatenate, each=concatenate_rule)


def joined(arrays: Sequence[Array], axis: int | None = 0) -> Array:
    """Join arrays; many in blocks, because the backward pass hands all arguments of a call to the rule of each."""
    if len(arrays) > 256:
        n = isqrt(len(arrays))
        arrays = [concatenate(*arrays[i : i + n], axis=axis) for i in range(0, len(arrays), n)]
    return concatenate(*arrays, axis=axis)


@composition(np.concatenate)
def _concatenate(arrays: Sequence[ArrayLike], axis: int | None = 0) -> Array:
    return joined(arrays_of(arrays), axis)


@composition(np.stack)
def stack(arrays: Sequence[ArrayLike], axis: int = 0) -> Array:
    """Joined along a new axis."""
    if len(shapes := {np.shape(a): None for a in arrays}) > 1:
        raise ValueError(f"np.stack: arrays of one shape make a stack, and these have {', '.join(map(str, shapes))}")
    return joined([np.expand_dims(a, axis) for a in arrays], axis)


@composition(np.hstack)
def hstack(tup: Sequence[ArrayLike]) -> Array:
    """Joined along the second axis, vectors along their only axis."""
    arrays = [a if a.ndim else a.reshape(1) for a in arrays_of(tup)]
    return joined(arrays, int(arrays[0].ndim > 1))


composition(np.vstack)(lambda tup: joined([a if a.ndim > 1 else a.reshape(1, -1) for a in arrays_of(tup)]))
composition(np.dstack)(lambda tup: joined([np.atleast_3d(a) for a in arrays_of(tup)], 2))
composition(np.column_stack)(
    lambda tup: joined([a if a.ndim > 1 else a.reshape(-1, 1) for a in arrays_of(tup)], 1))
composition(np.append)(lambda arr, values, axis=None: concatenate(*arrays_of((arr, values)), axis=axis))


@composition(np.block)
def block(arrays: Any) -> Array:
    """The innermost lists are joined along the last axis, the lists that hold them along the one before, and so on."""
    blocks = nested_blocks(arrays)
    depth, ndim = blocks[0][1], max(max(d, np.ndim(a)) for a, d in blocks)
    if any(d != depth for _, d in blocks):
        raise ValueError(f"np.block: blocks {sorted({d for _, d in blocks})} lists deep; all must be equally deep")
    return _join(arrays, -depth, ndim)


def _join(nested: Any, axis: int, ndim: int) -> Array:
    if isinstance(nested, list):
        return joined([_join(b, axis + 1, ndim) for b in nested], axis)
    (a,) = arrays_of([nested])
    return a.reshape((1,) * (ndim - a.ndim) + a.shape)


def nested_blocks(arrays: Any, depth: int = 0) -> list[tuple[ArrayLike, int]]:
    """Return the members of nested lists, each with the number of lists around it."""
    if isinstance(arrays, tuple) or (isinstance(arrays, list) and not arrays):
        raise TypeError(f"np.block: {arrays!r:.60} among the blocks; give arrays and numbers in nested lists")
    if not isinstance(arrays, list):
        return [(arrays, depth)]
    return [found for a in arrays for found in nested_blocks(a, depth + 1)]


# Inserting and deleting
def insert_arr(g: Array, y: Array, arr: Array, obj: Any, values: ArrayLike, axis: int | None = None) -> Array:
    """g at the new places of the elements of arr."""
    return scatter_back(g, arr, lambda number: np.insert(number, obj, np.zeros_like(values, np.intp), axis))


def insert_values(g: Array, y: Array, arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """g at the places of the inserted values, summed over all places of one value."""
    return scatter_back(g, values, lambda number: np.insert(np.zeros_like(arr, np.intp), obj, number, axis))


defvjp(np.insert, insert_arr,
                  None,
                  insert_values)
defvjp(np.delete, lambda g, y, arr, obj, axis=None: scatter_back(g, arr, lambda number: np.delete(number, obj, axis)))


# Splitting
def split_by(fun: Function, x: Array, indices_or_sections: Any, axis: int, equal: bool = True) -> list[Array]:
    """Return x split at the given indices, or into so many sections, of which the first may be longer by one."""
    axis = normalize_axis_index(axis, x.ndim, name(fun))
    cuts, n = indices_or_sections, x.shape[axis]
    if np.ndim(cuts) == 0:
        if cuts < 1 or (equal and n % cuts):
            remedy = "np.array_split takes any number of parts" if cuts > 0 else "it takes 1 or more"
            raise ValueError(f"{name(fun)}: axis {axis} of length {n} does not make {cuts} equal parts; {remedy}")
        size, longer = divmod(n, int(cuts))
        cuts = accumulate([size + (i < longer) for i in range(int(cuts) - 1)])
    return pieces(x, axis, [0, *cuts, n])


composition(np.split)(lambda ary, indices_or_sections, axis=0: split_by(np.split, ary, indices_or_sections, axis))
composition(np.array_split)(
    lambda ary, indices_or_sections, axis=0: split_by(np.array_split, ary, indices_or_sections, axis, equal=False))
composition(np.hsplit)(
    lambda ary, indices_or_sections: split_by(np.hsplit, ary, indices_or_sections, int(ary.ndim > 1)))
composition(np.vsplit)(  # -2 raises for a vector
    lambda ary, indices_or_sections: split_by(np.vsplit, ary, indices_or_sections, min(-ary.ndim, -2)))
composition(np.dsplit)(lambda ary, indices_or_sections: split_by(np.dsplit, ary, indices_or_sections, 2))
if hasattr(np, "unstack"):  # NumPy 2.1
    @composition(np.unstack)
    def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
        """The parts of x along an axis, without it."""
        rows = np.moveaxis(x, axis, 0)
        groups = [rows] if len(rows) <= 32 else pieces(rows, 0, [*range(0, len(rows), 32), len(rows)])
        return tuple([row for group in groups for row in group])
