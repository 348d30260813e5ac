"""Batch rules of indexing: reading, writing and adding at places of each member."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.rules import indexing, methods
from ..engine.rules.registry import Function, name
from ..engine.tape import Node
from .batch_arguments import moved, named
from .batching import Batch, aligned, batches, full
from .levels import LOOP, Level, NoBatching


def getitem(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Read the same elements of each member, or those at its own indices."""
    x, index = args
    at, is_flat = stacked_index(x.shape, index, level)
    return Batch(indexing.read(flat(x, level) if is_flat else full(x, level), at), level)


def setitem(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Write into a copy of each member."""
    x, index, v = args
    at, is_flat = stacked_index(x.shape, index, level)
    stacked = flat(x, level) if is_flat else full(x, level)
    written = indexing.setitem(stacked, at, fitting(v, indexing.read(stacked, at).ndim - 1, level))
    return Batch(np.reshape(written, (level.size, *x.shape)) if is_flat else written, level)


def scatter(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Add values at the indices of each member."""
    v, index, shape = args
    at, is_flat = stacked_index(shape, index, level)
    stacked, whole = full(v, level), (level.size, math.prod(shape)) if is_flat else (level.size, *shape)
    if isinstance(at[0], np.ndarray) and at[0].ndim == 1:  # one place in each member, so none is written twice
        return Batch(indexing.setitem(np.zeros(whole, stacked.dtype), at, stacked), level)
    added = indexing.scatter(stacked, at, whole)
    return Batch(np.reshape(added, (level.size, *shape)) if is_flat else added, level)


def stacked_index(shape: tuple[int, ...], index: Any, level: Level) -> tuple[tuple[Any, ...], bool]:
    """Return the index in the stacked members of x[index], where x has this shape; True if they are flattened before.

    A basic index follows a slice of all members. Arrays among the index become positions in flattened members. Indices
    that differ from member to member follow the numbers of the members, if all are integers.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if indexing.is_basic(parts):
        return (slice(None), *parts), False
    if not batches(parts):
        return (slice(None), indexing.read(np.arange(math.prod(shape)).reshape(shape), index)), True
    if any(indexing.dtype_of(i).kind not in "iu" for i in parts):
        raise NoBatching(f"{level.title}: an index that differs from member to member takes integers alone; {LOOP}")
    ndim = max(map(np.ndim, parts))
    members = np.arange(level.size).reshape(level.size, *(1,) * ndim)
    return (members, *[aligned(i, ndim, level) for i in parts]), False


def fitting(v: Any, ndim: int, level: Level) -> Any:
    """Align a value that is written, without the leading axes of length 1 that NumPy drops."""
    shape = np.shape(v)
    extra = max(len(shape) - ndim, 0)
    return aligned(np.reshape(v, shape[extra:]) if extra and shape[:extra] == (1,) * extra else v, ndim, level)


def flat(x: Any, level: Level) -> Any:
    """Return the stacked members, each flattened."""
    return np.reshape(full(x, level), (level.size, x.size))


def take_along_axis(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Read within the vectors of each member."""
    given = named(fun, args, kwargs)
    x, indices, axis = given["arr"], given["indices"], given.get("axis", -1)
    if axis is None:
        x, axis = np.ravel(x), 0
    return Batch(np.take_along_axis(full(x, level), full(indices, level), moved(axis, x.ndim)), level)


def take(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Read along an axis of each member, or of an array that all of them share."""
    given = named(fun, args, kwargs)
    x, indices, axis, mode = given["a"], given["indices"], given.get("axis"), given.get("mode", "raise")
    if axis is None or not x.ndim:
        x, axis = np.ravel(x), 0
    if not batches([indices]):
        return Batch(np.take(x.stacked, indices, moved(axis, x.ndim), mode=mode), level)
    axis, k = axis % x.ndim, indices.ndim
    at = indexing.within_bounds(indices, x.shape[axis], mode)
    return np.moveaxis(getitem(fun, level, (np.moveaxis(x, axis, 0), at), {}), range(k), range(axis, axis + k))


def write(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Do `x[index] = v` for each member, in place: views of x see it."""
    x, index, v = args
    if isinstance(v, Node) and not x.of_tensors:
        raise TypeError(f"{level.title}: y[...] = ... of a Tensor writes into a plain array; use np.where or np.stack")
    at, is_flat = stacked_index(x.shape, index, level)
    if is_flat:
        at = (slice(None), *np.unravel_index(at[1], x.shape))
    x.stacked[at] = fitting(v, x.stacked[at].ndim - 1, level)


def write_at(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Do `np.add.at(x, index, v)` or `np.subtract.at` for each member, in place."""
    if not (batches([args[0]]) or isinstance(args[0], Node)):
        raise NoBatching(f"{level.title}: {name(fun)} writes members of a batch into a plain array; {LOOP}")
    methods.write_at(np.add if fun == np.add.at else np.subtract, *args)
