"""Indexing: the gradient of reading `x[index]` is writing at `index`, and that of writing is reading."""

import math
import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import EllipsisType, NoneType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .foreign import computes
from .registry import Array, Shape, array_likes, arrays_of, composition, defvjp, is_complex, primitive, refused


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """Return the index that applies `index` to one axis, counted from 0, and keeps the axes before it whole."""
    return (*[slice(None)] * axis, index)


def pieces(x: Array, axis: int, bounds: list[int]) -> list[Array]:
    """Return the pieces of x between successive bounds along an axis.

    Many are cut from halves: the gradient of a piece fills that of the array it is cut from, which would take k times
    the time for k pieces.
    """
    k = len(bounds) // 2
    try:
        whole = [operator.index(i) for i in bounds] if k >= 16 else bounds  # differences of int8 overflow
    except TypeError:
        whole = []  # None is a bound too; slices raise an error for others
    if len(whole) < 32 or whole != sorted(whole):
        return [x[along(axis, slice(start, stop))] for start, stop in pairwise(bounds)]
    halves = pieces(x, axis, [whole[0], whole[k], whole[-1]])
    first, second = ([i - half[0] for i in half] for half in (whole[: k + 1], whole[k:]))
    return [*pieces(halves[0], axis, first), *pieces(halves[1], axis, second)]


def repeats(index: Any) -> bool:
    """Return whether `index` may name an element twice: only arrays (or lists) of integers can."""
    return any(
        not isinstance(i, (int, np.integer, slice, NoneType, EllipsisType)) and dtype_of(i).kind != "b"
        for i in (index if isinstance(index, tuple) else (index,))
    )


BASIC = (int, slice, type(None), type(...))


def is_basic(index: object) -> bool:
    """Whether an index is one that NumPy answers with a view: of integers, slices, None and `...`."""
    parts = index if isinstance(index, tuple) else (index,)
    return all([isinstance(i, BASIC) and type(i) is not bool for i in parts])


def dtype_of(i: ArrayLike) -> np.dtype[Any]:
    """Return the dtype of one part of an index."""
    return i.dtype if hasattr(i, "dtype") else np.asarray(i).dtype


def read(x: Any, index: Any) -> Any:
    """Return x[index]; a plain array does not ask an index how it computes, and none asks that of a batch."""
    for i in index if isinstance(index, tuple) else (index,):
        if computes(i) and (type(x) is np.ndarray or type(i) in array_likes):
            return i.__array_function__(operator.getitem, (type(i),), (x, index), {})
    return x[index]


def flat_positions(parts: tuple[Any, ...], shape: Shape) -> Array:
    """Return the positions of x[parts] in a flattened x of `shape`, where all parts are integers."""
    if len(shape) == 1:
        (i,) = parts
        return np.reshape(i, -1)
    first: Array | int = 0
    for k, i in enumerate(parts):
        first = first * shape[k] + within_bounds(i, shape[k], "wrap")  # which makes negative integers positive
    width = math.prod(shape[len(parts) :])
    return (np.expand_dims(first * width, -1) + np.arange(width)).reshape(-1)


MANY = 1000  # above this size adding to a flattened array is several times as fast as np.add.at with a tuple


@primitive
def scatter(v: Array, index: Any, shape: Shape) -> Array:
    """Zeros of `shape` with v added at `index`; an element that is named twice receives both values."""
    x = np.zeros_like(v, shape=shape, order="C")
    parts = index if isinstance(index, tuple) else (index,)
    if not repeats(index):
        x[index] = v
    elif v.size > MANY and all(dtype_of(i).kind in "iu" for i in parts):
        np.add.at(x.reshape(-1), flat_positions(parts, shape), v.reshape(-1))
    else:
        np.add.at(x, index, v)
    return x


def check_fit(x: Array, v: ArrayLike) -> None:
    """Raise TypeError if v is complex and x, into which it is written, is real: NumPy would drop a part."""
    if is_complex(v) and not is_complex(x):
        raise TypeError("complex numbers do not fit into real ones; convert first, y = x.astype(complex)")


@primitive
def setitem(x: Array, index: Any, v: ArrayLike) -> Array:
    """A copy of x in which `x[index] = v` has been done."""
    check_fit(x, v)
    x = np.copy(x)
    x[index] = v
    return x


def setitem_v(g: Array, y: Array, x: Array, index: Any, v: Array) -> Array:
    """g at `index`; if an element is written twice, only the last value written receives its gradient.

    NumPy drops leading axes of length 1 from a v of more axes than x[index] has; the gradient has them again.
    """
    received = read(g, index)
    if repeats(index):
        number = np.arange(received.size).reshape(received.shape)
        last = setitem(np.zeros(g.shape, number.dtype), index, number)
        received = received * (read(last, index) == number)
    return received if received.ndim >= v.ndim else received.reshape((1,) * (v.ndim - received.ndim) + received.shape)


defvjp(operator.getitem, lambda g, y, x, index: scatter(g, index, x.shape))
defvjp(scatter,          lambda g, y, v, index, shape: read(g, index))
defvjp(setitem,          lambda g, y, x, index, v: setitem(g, index, 0),
                         None,
                         setitem_v)


# Functions that read: each element receives the gradients of everything read from it
def within_bounds(indices: Any, n: int, mode: str) -> Array:
    """Apply `mode` to the indices that are out of bounds for an axis of length n."""
    indices = (indices if hasattr(indices, "dtype") else np.asarray(indices)).astype(np.intp, copy=False)
    return indices % n if mode == "wrap" else indices.clip(0, n - 1) if mode == "clip" else indices


def take_rule(g: Array, y: Array, a: Array, indices: ArrayLike, axis: int | None = None, out: None = None,
              mode: str = "raise") -> Array:
    """g added at the indices along `axis`."""
    if axis is None or not a.ndim:
        return scatter(g, within_bounds(indices, a.size, mode), (a.size,)).reshape(a.shape)
    axis, n, k = axis % a.ndim, a.shape[axis], np.ndim(indices)
    first = np.moveaxis(g, range(axis, axis + k), range(k))
    other_axes = a.shape[:axis] + a.shape[axis + 1 :]
    return np.moveaxis(scatter(first, within_bounds(indices, n, mode), (n, *other_axes)), 0, axis)


def compress_rule(g: Array, y: Array, condition: ArrayLike, a: Array, axis: int | None = None,
                  out: None = None) -> Array:
    """The rule of `take` at the indices where the condition is True."""
    return take_rule(g, y, a, np.flatnonzero(condition), axis)


def take_along_axis_rule(g: Array, y: Array, arr: Array, indices: Array, axis: int | None = -1) -> Array:
    """g added at the indices within each vector along `axis`."""
    if axis is None:
        return scatter(g, indices, (arr.size,)).reshape(arr.shape)
    index = list(np.ix_(*map(np.arange, arr.shape)))
    index[axis] = indices
    return scatter(g, tuple(index), arr.shape)


defvjp(np.take,            take_rule)
defvjp(np.take_along_axis, take_along_axis_rule)
defvjp(np.compress,        None, compress_rule)
defvjp(np.extract,         None, lambda g, y, condition, arr: compress_rule(g, y, condition, arr))


# Functions that choose: each choice receives g where it was chosen
@primitive
def choose(a: Array, *choices: Array, mode: str = "raise") -> Array:
    """`np.choose` with its sequence as separate arguments."""
    return np.choose(a, choices, mode=mode)  # type: ignore[call-overload]


@primitive
def select(conditions: list[Array], *choices: Array) -> Array:
    """`np.select` with its sequence as separate arguments, of which the last is the default."""
    return np.select(conditions, choices[:-1], choices[-1])


def choose_rule(i: int, g: Array, y: Array, a: Array, *choices: Array, mode: str = "raise") -> Array:
    """g where a names this choice."""
    return np.where(within_bounds(a, len(choices), mode) == i - 1, g, 0)


def select_rule(i: int, g: Array, y: Array, conditions: list[Array], *choices: Array) -> Array:
    """g where this choice's condition is the first that is True."""
    n = len(conditions)
    return np.where(np.select(conditions, range(n), n) == i - 1, g, 0)


defvjp(choose, each=choose_rule)
defvjp(select, each=select_rule)


@composition(np.choose)
def _choose(a: Array, choices: Sequence[Array], *, mode: str = "raise") -> Array:
    return choose(a, *choices, mode=mode)


@composition(np.select)
def _select(condlist: Sequence[ArrayLike], choicelist: Sequence[Array], default: ArrayLike = 0) -> Array:
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"np.select: {len(condlist)} conditions and {len(choicelist)} choices; give one choice per condition"
        )
    conditions = arrays_of(condlist)
    for i, condition in enumerate(conditions):
        if condition.dtype != bool:
            raise TypeError(f"np.select: condition {i} holds {condition.dtype}, not booleans; compare, as in x > 0")
    choices: list[Any] = list(choicelist)
    if len(conditions) > 8:  # each choice has a rule that asks all conditions: the later ones choose apart
        always, choices = np.array(True), [*choices, default]
        conditions, default = [*conditions, always], np.zeros((), np.result_type(*choices))
        for i in range(len(conditions) - 8, 0, -8):
            conditions[i:], choices[i:] = [always], [select(conditions[i:], *choices[i:], default)]
    return select(conditions, *choices, default)


@composition(np.piecewise)
def piecewise(x: Array, condlist: Any, funclist: Sequence[Callable[..., ArrayLike] | float], *args: Any,
              **kw: Any) -> Array:
    """Each function is called with the elements that meet its condition only; of several conditions the last counts."""
    if np.isscalar(condlist) or (not isinstance(condlist[0], list) and not np.ndim(condlist[0]) and x.ndim):
        condlist = [condlist]
    conditions = np.stack(condlist).astype(bool)
    if len(conditions) == len(funclist) - 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    if len(conditions) != len(funclist):
        raise ValueError(
            f"np.piecewise: {len(conditions)} conditions and {len(funclist)} functions; give one function per "
            "condition, and at most one more for elements that meet none"
        )
    y = setitem(x, ..., 0)
    for i, fun in enumerate(funclist):
        if not callable(fun):
            y = setitem(y, conditions[i], fun)
        elif (chosen := x[conditions[i]]).size:
            y = setitem(y, conditions[i], fun(chosen, *args, **kw))
    return y


refused(
    "it writes into an array in place, which is not recorded; write y[index] = v (after y = x.copy() if x is a leaf), "
    "or y = np.where(mask, v, x)",
    np.put, np.put_along_axis, np.place, np.putmask,
)
refused(
    "it writes into an array in place, which is not recorded; write y[index] = v, or y = np.where(mask, v, x), or "
    "np.broadcast_to(v, shape) for np.full(shape, v) and np.full_like(x, v)",
    np.copyto,
)
