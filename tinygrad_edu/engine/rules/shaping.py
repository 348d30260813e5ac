"""Shaping: the same numbers in another arrangement, so the gradient is arranged back."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .indexing import scatter
from .registry import composition, defvjp, nondifferentiable, primitive, refused


def returned(g: Any, x: Any, arrange: Callable[[Any], Any], order: Any = "K") -> Any:
    """Each element of g to the element of x that it came from, for any arrangement of x, however odd.

    The elements of x are numbered from 1, in an array that lies in memory as x does, and the numbers arranged as x
    was: they say where each element came from, and 0 that it was put in.
    """
    number = np.empty_like(x, np.intp, order)
    number[...] = np.arange(1, x.size + 1).reshape(x.shape)
    return scatter(g.reshape(-1), arrange(number).reshape(-1), (x.size + 1,))[1:].reshape(x.shape)


def reshape_rule(g: Any, y: Any, x: Any, shape: Any, order: Any = "C", copy: Any = None) -> Any:
    """The old shape; order A is C or F, as x lies in memory."""
    if order in ("A", "a"):
        return returned(g, x, lambda number: np.reshape(number, g.shape, order="A"), order)
    return np.reshape(g, x.shape, order=order)


def ravel_rule(g: Any, y: Any, x: Any, order: Any = "C") -> Any:
    """The old shape; orders A and K are those in which x lies in memory."""
    if order in ("A", "a", "K", "k"):
        return returned(g, x, lambda number: np.ravel(number, order=order), order)
    return np.reshape(g, x.shape, order=order)


def transpose_rule(g: Any, y: Any, x: Any, axes: Any = None) -> Any:
    """The inverse permutation."""
    return g.transpose() if axes is None else g.transpose(np.argsort(np.asarray(axes) % g.ndim))


def rollaxis_rule(g: Any, y: Any, a: Any, axis: int, start: int = 0) -> Any:
    """The axis back from where it stands now, which is one less if it had to pass itself."""
    axis, start = axis % g.ndim, start + g.ndim if start < 0 else start
    return np.moveaxis(g, start - (axis < start), axis)


def tile_rule(g: Any, y: Any, A: Any, reps: Any) -> Any:
    """The copies added up, each axis being so many of the length that it had."""
    reps = tuple(np.atleast_1d(reps))
    copies, lengths = (1,) * (y.ndim - len(reps)) + reps, (1,) * (y.ndim - A.ndim) + A.shape
    apart = g.reshape([int(n) for i in range(y.ndim) for n in (copies[i], lengths[i])])
    return apart.sum(axis=tuple(range(0, 2 * y.ndim, 2))).reshape(A.shape)


def repeat_rule(g: Any, y: Any, a: Any, repeats: Any, axis: int | None = None) -> Any:
    """The repetitions, which stand side by side, added up."""
    if np.size(repeats) != 1:
        return returned(g, a, lambda number: np.repeat(number, repeats, axis))
    shape, axis = ((a.size,), 0) if axis is None or not a.ndim else (a.shape, axis % a.ndim)
    return g.reshape((*shape[: axis + 1], np.ravel(repeats).item(), *shape[axis + 1 :])).sum(axis + 1).reshape(a.shape)


def diagonal_rule(g: Any, y: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """g on the diagonal of zeros: in a matrix of m columns, read row by row, every (m + 1)-th element."""
    n, m = a.shape[axis1], a.shape[axis2]
    start = max(offset, -offset * m)
    stop = start + y.shape[-1] * (m + 1)
    rows = scatter(g, (..., slice(start, stop, m + 1)), (*y.shape[:-1], n * m))
    return np.moveaxis(rows.reshape((*y.shape[:-1], n, m)), (-2, -1), (axis1, axis2))


def window_rule(g: Any, y: Any, x: Any, window_shape: Any, axis: Any = None, subok: bool = False) -> Any:
    """Each element counted in all windows that show it."""
    return returned(g, x, lambda number: sliding_window_view(number, window_shape, axis))


defvjp(np.reshape,      reshape_rule)
defvjp(np.ravel,        ravel_rule)
defvjp(np.resize,       lambda g, y, a, new_shape: returned(g, a, lambda number: np.resize(number, new_shape)))
defvjp(np.transpose,    transpose_rule)
defvjp(np.swapaxes,     lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,     lambda g, y, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.rollaxis,     rollaxis_rule)
defvjp(np.squeeze,      lambda g, y, x, axis=None: g.reshape(x.shape))
defvjp(np.expand_dims,  lambda g, y, x, axis: g.reshape(x.shape))
defvjp(np.broadcast_to, lambda g, y, x, shape, subok=False: g)
defvjp(np.copy,         lambda g, y, x, order="K", subok=False: g)

defvjp(np.flip,         lambda g, y, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr,       lambda g, y, m: np.fliplr(g))
defvjp(np.flipud,       lambda g, y, m: np.flipud(g))
defvjp(np.roll,         lambda g, y, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90,        lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
defvjp(np.tile,         tile_rule)
defvjp(np.repeat,       repeat_rule)

defvjp(np.triu,         lambda g, y, m, k=0: np.triu(g, k))
defvjp(np.tril,         lambda g, y, m, k=0: np.tril(g, k))
defvjp(np.diag,         lambda g, y, v, k=0: np.diag(g, k) if v.ndim == 1 else diagonal_rule(g, y, v, k))
defvjp(np.diagonal,     diagonal_rule)
defvjp(sliding_window_view, window_rule)

defvjp(np.matrix_transpose,        lambda g, y, x: g.swapaxes(-1, -2))
defvjp(np.linalg.matrix_transpose, lambda g, y, x: g.swapaxes(-1, -2))
defvjp(np.linalg.diagonal,         lambda g, y, x, offset=0: diagonal_rule(g, y, x, offset, -2, -1))


@primitive
def astype(x: Any, dtype: Any) -> Any:
    """`x.astype(dtype)` as a function; the gradient returns in the dtype of x by itself."""
    return x.astype(dtype)


defvjp(astype, lambda g, y, x, dtype: g)


@primitive
def padded(x: Any, pad_width: Any, mode: str, options: dict[str, Any]) -> Any:
    """`np.pad` in the modes that put constants around x, or elements of x."""
    return np.pad(x, pad_width, mode, **options)  # type: ignore[call-overload]


def padded_rule(g: Any, y: Any, x: Any, pad_width: Any, mode: str, options: dict[str, Any]) -> Any:
    """What stands at x, and what stands around it where that came from x."""
    if mode != "constant":
        return returned(g, x, lambda number: padded(number, pad_width, mode, options))
    (start,) = np.argwhere(np.pad(np.ones((1,) * x.ndim), pad_width))  # where a lone 1 goes, whatever pad_width's form
    return g[tuple([slice(start[i], start[i] + n) for i, n in enumerate(x.shape)])]


defvjp(padded, padded_rule)


@composition(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = None, end_values: Any = None,
        stat_length: Any = None, reflect_type: Any = None) -> Any:
    """Padded by constants or by its own elements; not by what would have to be computed from them."""
    known = {"constant_values": constant_values, "end_values": end_values, "stat_length": stat_length,
             "reflect_type": reflect_type}
    options = {key: value for key, value in known.items() if value is not None}
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or reflect_type == "odd":
        odd = ", reflect_type='odd'" * (reflect_type == "odd")
        raise TypeError(
            f"np.pad(..., mode={mode!r}{odd}) has no rule for Tensors, as its margins are computed, not copied; "
            "compute them, and join them to the array with np.concatenate"
        )
    return padded(array, pad_width, mode, options)


@composition(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """A matrix with all elements on a diagonal."""
    return np.diag(np.ravel(v), k)


def one_or_all(results: list[Any]) -> Any:
    """What NumPy gives for one argument, and for several."""
    return results.pop() if len(results) == 1 else tuple(results)


@composition(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """A number as a vector."""
    return one_or_all([np.reshape(a, np.shape(a) or 1) for a in arys])


@composition(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """A vector as a row."""
    return one_or_all([np.reshape(a, (1,) * (2 - np.ndim(a)) + np.shape(a)) for a in arys])


@composition(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """A matrix with a last axis of one, and a vector as a row of such."""
    rows = [np.atleast_2d(a) for a in arys]
    return one_or_all([np.reshape(a, a.shape + (1,) * (3 - a.ndim)) for a in rows])


@composition(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Each at the shape of all."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple([np.broadcast_to(a, shape) for a in args])


@composition(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Each along an axis of its own, the first two exchanged where they are called x and y; views, whatever `copy`."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid(..., indexing={indexing!r}): it is 'xy' or 'ij'")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    grid = tuple([np.reshape(x, [-1 if k == axes[i] else 1 for k in sorted(axes)]) for i, x in enumerate(xi)])
    return grid if sparse else np.broadcast_arrays(*grid)


if hasattr(np, "astype"):  # NumPy 2.1

    @composition(np.astype)
    def converted(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
        """The method as a function; a copy is made in any case."""
        return x.astype(dtype)


nondifferentiable(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.empty_like,
                  np.broadcast_shapes, np.result_type, np.min_scalar_type, np.can_cast, np.common_type,
                  np.may_share_memory, np.shares_memory, np.diag_indices_from, np.tril_indices_from,
                  np.triu_indices_from)

refused("it writes into its argument; write y = x.copy() and y[np.diag_indices(n)] = value", np.fill_diagonal)
refused("indices are integers; hand over x.data.astype(int), or for np.ix_ a mask such as x > 0",
        np.ix_, np.ravel_multi_index, np.unravel_index)
