"""NumPy's functions as they are recorded.

In-place operations and methods become functions that return new arrays: a recorded call has no other effect. Functions
of shapes are computed while recording, or rewritten as reshape and transpose.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..engine.rules.registry import Array, Function, compositions
from ..engine.signatures import signature
from .ir import blank


def add_at(x: ArrayLike, index: Any, v: ArrayLike) -> Array:
    """Return a copy of x with v added at `index`; an element indexed twice receives both."""
    x = np.array(x)
    np.add.at(x, index, v)
    return x


def changed(x: ArrayLike, fun: Function, *args: Any, **kwargs: Any) -> Array:
    """Return a copy of x after `fun(copy, ...)` has changed it in place."""
    x = np.array(x)
    fun(x, *args, **kwargs)
    return x


def filled(x: ArrayLike, fun: Function, *args: Any, **kwargs: Any) -> Array:
    """Return a copy of x into which `fun(..., out=copy)` has written its result."""
    x = np.array(x)
    fun(*args, out=x, **kwargs)
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


def laid_out_as(like: Array, value: Any) -> Any:
    """Return `value` as an array as writeable as `like`, with its strides, from which NumPy decides what is a view."""
    if type(value) is not np.ndarray or (value.strides, value.flags.writeable) == (like.strides, like.flags.writeable):
        return value
    extents = [stride * (n - 1) for stride, n in zip(like.strides, like.shape, strict=True) if like.size]
    before = -sum([e for e in extents if e < 0])
    memory = np.empty(sum(map(abs, extents)) + like.itemsize, np.uint8)
    result: Array = np.ndarray(like.shape, like.dtype, memory, before, like.strides)
    result[...] = value
    result.flags.writeable = like.flags.writeable
    return result


def memory_axes(a: Array) -> tuple[int, ...]:
    """Return the axes of an array from the one with the longest stride to that with the shortest, as order="K" has."""
    return tuple(sorted(range(a.ndim), key=lambda axis: -a.strides[axis]))


@functools.cache
def parameters(fun: Function) -> tuple[str, ...]:
    """Return the names of the arguments that a NumPy function takes by position."""
    given = signature(fun).parameters.values()
    return tuple([p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)])


def without_out(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the arguments without `out`, and `out`."""
    names = parameters(fun) if len(args) > 1 else ()
    if "out" in names and (at := names.index("out")) < len(args):
        args, kwargs = args[:at], {**kwargs, **dict(zip(names[at:], args[at:], strict=False))}
    return args, {k: v for k, v in kwargs.items() if k != "out"}, kwargs.get("out")


NUMBERS = {int, float, bool, complex}
CHANGING = {np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis, np.copyto}  # their first argument
SHAPES: set[Function] = {  # their results depend on shapes and dtypes alone, which are the same at every call
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.broadcast_shapes,
    np.common_type, np.einsum_path, np.zeros_like, np.ones_like, np.empty_like,
}  # fmt: skip
UNKNOWN: set[Function] = {  # they look at memory, or it depends on values which part of an array they return as a view
    np.shares_memory, np.may_share_memory, np.real_if_close, np.trim_zeros,
}  # fmt: skip


def _ravel(x: Any, order: str = "C") -> Any:
    if order in ("K", "k"):  # the order in memory now, whatever it is at a replay
        strides = x.strides
        if x.size and 0 in [stride for stride, n in zip(strides, x.shape, strict=True) if n > 1]:
            raise x.rec.error("a broadcast array has no order in memory that ravel could keep; use order='C'")
        x, order = np.transpose(x, sorted(range(x.ndim), key=lambda axis: -abs(strides[axis]))), "C"
    flat = _reshape(x, (-1,), order)
    y: Any = flat if flat.value.flags.c_contiguous else np.copy(flat)
    x.root.reshaped = y.root.reshaped = True
    return y


def _reshape(x: Any, shape: Any = None, order: Any = "C", newshape: Any = None, **copy: Any) -> Any:
    x.rec.order_matters |= False in copy.values()  # of an array in another order NumPy may have to raise an error
    if order in ("A", "a"):
        order = "F" if x.flags.fnc else "C"
    result = np.reshape(x.value, shape if newshape is None else newshape, order=order, **copy)  # its name in NumPy 2.0
    return _as(result, np.copy(x) if copy.get("copy") else x, order)


def _as(result: Any, x: Any, order: str = "C") -> Any:
    """Return x in the shape of the result that NumPy gives, and of the same kind (an array or a number)."""
    if not isinstance(result, np.ndarray):
        return x
    same = result.shape == x.shape and (order == "C" or x.ndim < 2)
    if type(x.value) in NUMBERS or (same and not isinstance(x.value, np.ndarray)):
        x = np.copy(x)
    if same:
        return x
    y = x.rec.call(np.reshape, (x, result.shape), {"order": order} if order != "C" and result.ndim + x.ndim > 2 else {})
    y.reshaped = True
    x.root.reshaped |= y.root is not x.root
    return y


def _as_transpose(fun: Function) -> Function:
    """Return `fun`, which permutes axes, as a transpose."""

    def permuted(x: Any, *args: object, **kwargs: object) -> Any:
        lengths = blank(np.dtype(bool), tuple(range(1, x.ndim + 1)))  # the length of an axis tells which it is
        axes = tuple([n - 1 for n in fun(lengths, *args, **kwargs).shape])
        if axes == tuple(range(x.ndim)):
            return _as(fun(x.value, *args, **kwargs), x)
        return x.rec.call(np.transpose, (x, axes), {})

    return permuted


def _as_reshape(fun: Function) -> Function:
    """Return `fun`, which adds or drops axes of length one, as a reshape."""
    return lambda x, *args, **kwargs: _as(fun(x.value, *args, **kwargs), x)


def _broadcast_arrays(*xs: Any, subok: bool = False) -> tuple[Any, ...]:
    arrays = [x if isinstance(x, np.ndarray) else np.copy(x) for x in xs]
    shape = np.broadcast_shapes(*[x.shape for x in arrays])
    return tuple([x if x.shape == shape else np.broadcast_to(x, shape) for x in arrays])


PERMUTING = (np.transpose, np.permute_dims, np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose)
COMPOSED = (np.atleast_1d, np.atleast_2d, np.atleast_3d, np.apply_along_axis, np.apply_over_axes)
REWRITTEN: dict[Function, Function] = {
    np.reshape: _reshape, np.ravel: _ravel, np.broadcast_arrays: _broadcast_arrays,
    float: lambda x: x if x.is_float else x.rec.call(float, (x,), {}),
    **{fun: _as_transpose(fun) for fun in PERMUTING},
    **{fun: _as_reshape(fun) for fun in (np.expand_dims, np.squeeze)},
    **{fun: compositions[fun] for fun in COMPOSED},
}  # fmt: skip
