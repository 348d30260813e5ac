"""Shaping: the elements are rearranged, and the gradient is rearranged back."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, DTypeLike

from .indexing import scatter
from .reductions import total
from .registry import Array, Axis, Shape, composition, defvjp, nondifferentiable, primitive, refused

Order = Literal["C", "F", "A"]


def scatter_back(g: Array, x: Array, rearrange: Callable[[Array], Array], order: Any = "K") -> Array:
    """Add each element of g to the element of x that it came from, for any function that rearranges x.

    The function is called with the numbers 1, 2, ... in the place of the elements of x, laid out in memory as x is. Its
    result says where each element came from, and 0 stands for an element that did not come from x.
    """
    number = np.empty_like(x, np.intp, order)
    number[...] = np.arange(1, x.size + 1).reshape(x.shape)
    return scatter(g.reshape(-1), rearrange(number).reshape(-1), (x.size + 1,))[1:].reshape(x.shape)


# Shapes and axes
def reshape_rule(g: Array, y: Array, x: Array, shape: Shape, order: Order = "C", copy: bool | None = None) -> Array:
    """g in the shape of x; order A is C or F, as x is laid out in memory."""
    if order in ("A", "a"):
        return scatter_back(g, x, lambda number: np.reshape(number, g.shape, order="A"), order)
    return np.reshape(g, x.shape, order=order)


def ravel_rule(g: Array, y: Array, x: Array, order: Order = "C") -> Array:
    """g in the shape of x; orders A and K are those in which x is laid out in memory."""
    if order in ("A", "a", "K", "k"):
        return scatter_back(g, x, lambda number: np.ravel(number, order=order), order)
    return np.reshape(g, x.shape, order=order)


def transpose_rule(g: Array, y: Array, x: Array, axes: Sequence[int] | None = None) -> Array:
    """The inverse permutation."""
    return g.transpose() if axes is None else g.transpose(np.argsort(np.asarray(axes) % g.ndim))


def rollaxis_rule(g: Array, y: Array, a: Array, axis: int, start: int = 0) -> Array:
    """The axis moved back from `start`, or from one place before if the axis itself was before it."""
    axis, start = axis % g.ndim, start + g.ndim if start < 0 else start
    return np.moveaxis(g, start - (axis < start), axis)


defvjp(np.reshape,      reshape_rule)
defvjp(np.ravel,        ravel_rule)
defvjp(np.resize,       lambda g, y, a, new_shape: scatter_back(g, a, lambda number: np.resize(number, new_shape)))
defvjp(np.transpose,    transpose_rule)
defvjp(np.swapaxes,     lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,     lambda g, y, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.rollaxis,     rollaxis_rule)
defvjp(np.squeeze,      lambda g, y, x, axis=None: g.reshape(x.shape))
defvjp(np.expand_dims,  lambda g, y, x, axis: g.reshape(x.shape))
defvjp(np.broadcast_to, lambda g, y, x, shape, subok=False: g)
defvjp(np.copy,         lambda g, y, x, order="K", subok=False: g)
defvjp(np.matrix_transpose,        lambda g, y, x: g.swapaxes(-1, -2))
defvjp(np.linalg.matrix_transpose, lambda g, y, x: g.swapaxes(-1, -2))


# Flips, rotations and repetitions
def tile_rule(g: Array, y: Array, A: Array, reps: int | Sequence[int]) -> Array:
    """The sum over the copies: each axis of g is split into the copies and the axis of A."""
    reps = tuple(np.atleast_1d(reps))
    copies, lengths = (1,) * (y.ndim - len(reps)) + reps, (1,) * (y.ndim - A.ndim) + A.shape
    split = g.reshape([int(n) for i in range(y.ndim) for n in (copies[i], lengths[i])])
    return total(split, tuple(range(0, 2 * y.ndim, 2))).reshape(A.shape)


def repeat_rule(g: Array, y: Array, a: Array, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    """The sum over the repetitions, which are adjacent."""
    if np.size(repeats) != 1:
        return scatter_back(g, a, lambda number: np.repeat(number, repeats, axis))
    shape, axis = ((a.size,), 0) if axis is None or not a.ndim else (a.shape, axis % a.ndim)
    split = g.reshape((*shape[: axis + 1], int(np.ravel(repeats).item()), *shape[axis + 1 :]))
    return total(split, axis + 1).reshape(a.shape)


def negative(shift: int | Sequence[int]) -> Array:
    """Return -shift in integers that hold it: unsigned ones do not, nor int8 that of -128."""
    return np.negative(shift, dtype=np.intp, casting="unsafe")


defvjp(np.flip,   lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr, lambda g, y, m: np.fliplr(g))
defvjp(np.flipud, lambda g, y, m: np.flipud(g))
defvjp(np.roll,   lambda g, y, a, shift, axis=None: np.roll(g, negative(shift), axis))
defvjp(np.rot90,  lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, k, axes[::-1]))
defvjp(np.tile,   tile_rule)
defvjp(np.repeat, repeat_rule)


# Triangles, diagonals and windows
def diagonal_rule(g: Array, y: Array, a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """g on the diagonal of zeros: every (m + 1)-th element of a flattened matrix of m columns."""
    n, m = a.shape[axis1], a.shape[axis2]
    start = max(int(offset), -int(offset) * m)
    stop = start + y.shape[-1] * (m + 1)
    matrices = scatter(g, (..., slice(start, stop, m + 1)), (*y.shape[:-1], n * m))
    return np.moveaxis(matrices.reshape((*y.shape[:-1], n, m)), (-2, -1), (axis1, axis2))


def window_rule(g: Array, y: Array, x: Array, window_shape: int | Shape, axis: Axis = None,
                subok: bool = False) -> Array:
    """For each element, the sum of g over all windows that contain it."""
    return scatter_back(g, x, lambda number: sliding_window_view(number, window_shape, axis))


defvjp(np.triu,             lambda g, y, m, k=0: np.triu(g, k))
defvjp(np.tril,             lambda g, y, m, k=0: np.tril(g, k))
defvjp(np.diag,             lambda g, y, v, k=0: np.diag(g, k) if v.ndim == 1 else diagonal_rule(g, y, v, k))
defvjp(np.diagonal,         diagonal_rule)
defvjp(np.linalg.diagonal,  lambda g, y, x, offset=0: diagonal_rule(g, y, x, offset, -2, -1))
defvjp(sliding_window_view, window_rule)
composition(np.diagflat)(lambda v, k=0: np.diag(np.ravel(v), k))


# Types
@primitive
def astype(x: Array, dtype: DTypeLike) -> Array:
    """`x.astype(dtype)` as a function; the backward pass converts the gradient to the dtype of x."""
    return x.astype(dtype)


defvjp(astype, lambda g, y, x, dtype: g)

if hasattr(np, "astype"):  # NumPy 2.1
    composition(np.astype)(lambda x, dtype, /, *, copy=True: x.astype(dtype))  # always a copy


# Several arrays
def one_or_tuple(results: list[Array]) -> Array | tuple[Array, ...]:
    """Return a single result as it is, and several as a tuple."""
    return results.pop() if len(results) == 1 else tuple(results)


composition(np.atleast_1d)(lambda *arys: one_or_tuple([np.reshape(a, np.shape(a) or 1) for a in arys]))
composition(np.atleast_2d)(
    lambda *arys: one_or_tuple([np.reshape(a, (1,) * (2 - np.ndim(a)) + np.shape(a)) for a in arys]))


@composition(np.atleast_3d)
def atleast_3d(*arys: ArrayLike) -> Array | tuple[Array, ...]:
    """A matrix gets a last axis of length 1; a vector becomes a row first."""
    matrices = [np.atleast_2d(a) for a in arys]
    return one_or_tuple([np.reshape(a, a.shape + (1,) * (3 - a.ndim)) for a in matrices])


@composition(np.broadcast_arrays)
def broadcast_arrays(*args: ArrayLike, subok: bool = False) -> tuple[Array, ...]:
    """Each array broadcast to the common shape."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple([np.broadcast_to(a, shape) for a in args])


@composition(np.meshgrid)
def meshgrid(*xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """Each vector along its own axis, with the first two exchanged for "xy"; the results are views, whatever `copy`."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid(..., indexing={indexing!r}): it is 'xy' or 'ij'")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    grid = tuple([np.reshape(x, [-1 if k == axes[i] else 1 for k in sorted(axes)]) for i, x in enumerate(xi)])
    return grid if sparse else np.broadcast_arrays(*grid)


@composition(np.full_like)
def full_like(a: ArrayLike, fill_value: ArrayLike, dtype: DTypeLike | None = None, order: Any = "K", subok: bool = True,
              shape: int | Shape | None = None) -> Array:
    """The fill value broadcast to the shape of `a`, in its dtype; a plain array if the fill value takes no gradient."""
    empty = np.empty_like(a, dtype, order, shape=shape)
    if not hasattr(fill_value, "requires_grad"):
        return np.full_like(empty, fill_value)
    return np.broadcast_to(fill_value, empty.shape).astype(empty.dtype)


nondifferentiable(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like,
                  np.broadcast_shapes, np.result_type, np.min_scalar_type, np.can_cast, np.common_type,
                  np.may_share_memory, np.shares_memory, np.diag_indices_from, np.tril_indices_from,
                  np.triu_indices_from)

refused("it writes into its argument; write y = x.copy() and y[np.diag_indices(n)] = value", np.fill_diagonal)
refused("indices are integers; pass x.data.astype(int), or for np.ix_ a mask such as x > 0",
        np.ix_, np.ravel_multi_index, np.unravel_index)
