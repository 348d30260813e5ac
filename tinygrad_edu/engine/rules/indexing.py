"""Indexing: reading `x[index]` and writing it are each other's gradient."""

import math
import operator
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from .registry import arrays_of, composition, defvjp, primitive, refused


def repeats(index: Any) -> bool:
    """Whether `index` may name an element twice: only arrays of integers can, and what NumPy takes for one."""
    return any(
        not isinstance(i, (int, np.integer, slice, NoneType, EllipsisType)) and dtype_of(i).kind != "b"
        for i in (index if isinstance(index, tuple) else (index,))
    )


def dtype_of(i: Any) -> Any:
    """The dtype of one part of an index."""
    return i.dtype if hasattr(i, "dtype") else np.asarray(i).dtype


def places(parts: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Where x[parts], whose parts are integers, stands in an x of `shape` that is laid out as one row."""
    if len(shape) == 1:
        (i,) = parts
        return np.reshape(i, -1)
    first: Any = 0
    for k, i in enumerate(parts):
        index = i if hasattr(i, "dtype") else np.asarray(i)
        first = first * shape[k] + np.arange(shape[k])[index]  # the negative ones too
    width = math.prod(shape[len(parts) :])
    return (np.expand_dims(first * width, -1) + np.arange(width)).reshape(-1)


MANY = 1000  # from so many numbers on, adding them in one row, which is several times as fast, is worth its preparation


@primitive
def scatter(v: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with v added at `index`; an element named twice receives both."""
    x = np.zeros_like(v, shape=shape, order="C")
    parts = index if isinstance(index, tuple) else (index,)
    if not repeats(index):
        x[index] = v
    elif v.size > MANY and all(dtype_of(i).kind in "iu" for i in parts):
        np.add.at(x.reshape(-1), places(parts, shape), v.reshape(-1))
    else:
        np.add.at(x, index, v)
    return x


@primitive
def setitem(x: Any, index: Any, v: Any) -> Any:
    """A copy of x in which `x[index] = v` has been done."""
    x = np.copy(x)
    x[index] = v
    return x


def written(g: Any, y: Any, x: Any, index: Any, v: Any) -> Any:
    """What of g the written values v receive; of an element written twice only the last write stays."""
    received = g[index]
    if repeats(index):
        number = np.arange(received.size).reshape(received.shape)
        last = np.empty(g.shape, number.dtype)
        last[index] = number
        received = received * (last[index] == number)
    return received


defvjp(operator.getitem, lambda g, y, x, index: scatter(g, index, x.shape))
defvjp(scatter,          lambda g, y, v, index, shape: g[index])
defvjp(setitem,          lambda g, y, x, index, v: setitem(g, index, 0),
                         None,
                         written)


# Functions that read
def resolved(indices: Any, n: int, mode: Any) -> Any:
    """The indices that `mode` makes of those outside an axis of length n."""
    indices = (indices if hasattr(indices, "dtype") else np.asarray(indices)).astype(np.intp, copy=False)
    return indices % n if mode == "wrap" else indices.clip(0, n - 1) if mode == "clip" else indices


def take_rule(g: Any, y: Any, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    """Each slice along `axis` receives what was read from it, however often."""
    if axis is None or not a.ndim:
        return scatter(g, resolved(indices, a.size, mode), (a.size,)).reshape(a.shape)
    axis, n, k = axis % a.ndim, a.shape[axis], np.ndim(indices)
    first = np.moveaxis(g, range(axis, axis + k), range(k))
    others = a.shape[:axis] + a.shape[axis + 1 :]
    return np.moveaxis(scatter(first, resolved(indices, n, mode), (n, *others)), 0, axis)


def compress_rule(g: Any, y: Any, condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """`take` of where the condition holds."""
    return take_rule(g, y, a, np.flatnonzero(condition), axis)


def take_along_axis_rule(g: Any, y: Any, arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Each element of each row along `axis` receives what was read from it."""
    if axis is None:
        return scatter(g, indices, (arr.size,)).reshape(arr.shape)
    index = list(np.ix_(*map(np.arange, arr.shape)))
    index[axis] = indices
    return scatter(g, tuple(index), arr.shape)


defvjp(np.take,            take_rule)
defvjp(np.take_along_axis, take_along_axis_rule)
defvjp(np.compress,        None, compress_rule)
defvjp(np.extract,         None, lambda g, y, condition, arr: compress_rule(g, y, condition, arr))


# Functions that choose: each choice receives what was chosen of it
@primitive
def choose(a: Any, *choices: Any, mode: Any = "raise") -> Any:
    """`np.choose`, its sequence brought to a list of arguments."""
    return np.choose(a, choices, mode=mode)


@primitive
def select(conditions: Any, *choices: Any) -> Any:
    """`np.select`, its sequence brought to a list of arguments, of which the last is the default."""
    return np.select(conditions, choices[:-1], choices[-1])


def choose_rule(i: int, g: Any, y: Any, a: Any, *choices: Any, mode: Any = "raise") -> Any:
    """g where a names this choice."""
    return np.where(resolved(a, len(choices), mode) == i - 1, g, 0)


def select_rule(i: int, g: Any, y: Any, conditions: Any, *choices: Any) -> Any:
    """g where this choice's condition is the first that holds."""
    n = len(conditions)
    return np.where(np.select(conditions, range(n), n) == i - 1, g, 0)


defvjp(choose, each=choose_rule)
defvjp(select, each=select_rule)


@composition(np.choose)
def _choose(a: Any, choices: Any, *, mode: Any = "raise") -> Any:
    return choose(a, *choices, mode=mode)


@composition(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(f"np.select: {len(condlist)} conditions and {len(choicelist)} choices; give each one its own")
    conditions = arrays_of(condlist)
    for i, condition in enumerate(conditions):
        if condition.dtype != bool:
            raise TypeError(f"np.select: condition {i} holds {condition.dtype}, not booleans; compare, as in x > 0")
    return select(conditions, *choicelist, default)


@composition(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function of the elements that its condition holds for, and of no others; the last condition counts."""
    if np.isscalar(condlist) or (not isinstance(condlist[0], list) and not np.ndim(condlist[0]) and x.ndim):
        condlist = [condlist]
    conditions = np.stack(condlist).astype(bool)
    if len(conditions) == len(funclist) - 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    if len(conditions) != len(funclist):
        raise ValueError(
            f"np.piecewise: {len(conditions)} conditions and {len(funclist)} functions; give each condition its own, "
            "and at most one more for where none holds"
        )
    y = setitem(x, ..., 0)
    for i, fun in enumerate(funclist):
        if not callable(fun):
            y = setitem(y, conditions[i], fun)
        elif (chosen := x[conditions[i]]).size:
            y = setitem(y, conditions[i], fun(chosen, *args, **kw))
    return y


refused(
    "it writes into an array in place, which is not recorded; write y[index] = v, which is (y = x.copy() first where "
    "x is a leaf), or y = np.where(mask, v, x)",
    np.put, np.put_along_axis, np.place, np.putmask, np.copyto,
)
