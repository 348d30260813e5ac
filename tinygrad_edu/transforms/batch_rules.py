"""Batch rules: where each NumPy function finds the axes of one member, behind the first axis of a batch.

Elementwise functions need none, as their operands broadcast. Functions with an `axis` have it moved by one; most of
`np.linalg` takes stacks of matrices anyway. Functions that the derivative table writes in others need no rule either.
"""

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..engine.errors import user_name
from ..engine.rules import complex_numbers, decompositions, eigenvalues, indexing, joining, norms, shaping, statistics
from ..engine.rules import linalg as matrices
from ..engine.rules.activations import log_softmax, logsumexp, softmax
from ..engine.rules.calculus import diff
from ..engine.rules.einsum import einsum as explicit_einsum
from ..engine.rules.matrix_functions import expm
from ..engine.rules.products import cross
from ..engine.rules.registry import Function, conj, name
from . import batch_primitives
from .batch_arguments import defaults, moved, named
from .batch_indexing import getitem, scatter, setitem, take, take_along_axis, write, write_at
from .batching import BATCHED, Batch, Rule, aligned, batches, elementwise, full, is_member, wrapped
from .levels import LOOP, Level, NoBatching


def bound(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the first argument, and the others by name, which must be the same for all members."""
    given = named(fun, args, kwargs)
    x = given.pop(next(iter(given)))
    if found := batches(given):
        raise NoBatching(f"{found[0].level.title}: an argument of {name(fun)} differs from member to member; {LOOP}")
    return x, given


def along_axes(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move the axes of a reduction and its like; without one, all axes of a member."""
    x, given = bound(fun, args, kwargs)
    axis = given.get("axis", defaults(fun)["axis"])
    axis = tuple(range(x.ndim)) if axis is None else axis
    return wrapped(fun(x.stacked, **{**given, "axis": moved(axis, x.ndim)}), level)


def flattening(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move the axis of a function that flattens an array if there is none."""
    x, given = bound(fun, args, kwargs)
    axis = given.get("axis", defaults(fun)["axis"])
    stacked = x.stacked if axis is not None and x.ndim else x.stacked.reshape(level.size, x.size)
    axis = moved(axis, x.ndim) if axis is not None and x.ndim else 1
    result = fun(stacked, **{**given, "axis": axis})
    if given.get("axis") is None and (fun is np.roll or given.get("keepdims")):
        result = result.reshape(x.stacked.shape if fun is np.roll else (level.size, *(1,) * x.ndim))
    return wrapped(result, level)


# Shapes
def of_shapes(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that looks at shapes and dtypes alone."""
    if fun is np.ndim:
        return args[0].ndim
    return fun(*[np.broadcast_to(np.ones((), a.dtype), a.shape) if type(a) is Batch else a for a in args], **kwargs)


def reshape(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Keep the first axis, and reshape the members."""
    x, given = bound(np.reshape, args, kwargs)
    if given.get("order", "C") != "C":
        raise NoBatching(f"{level.title}: np.reshape of a batch keeps the order of C; {LOOP}")
    shape = given.get("shape", given.get("newshape"))  # its name before NumPy 2.1
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    shape = np.broadcast_to(0, x.shape).reshape(shape).shape  # NumPy finds the length for -1
    return Batch(np.reshape(x.stacked, (level.size, *shape)), level)


def ravel(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Flatten each member."""
    return reshape(fun, level, (args[0], (args[0].size,), *args[1:]), kwargs)


def transpose(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Permute the axes behind the first."""
    x, given = bound(fun, args, kwargs)
    axes = given.get("axes")
    axes = range(x.ndim)[::-1] if axes is None else axes
    return Batch(np.transpose(x.stacked, (0, *moved(tuple(axes), x.ndim))), level)


def two_axes(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move every axis among the arguments that follow the first."""
    x, given = bound(fun, args, kwargs)
    given = {k: v for k, v in defaults(fun).items() if k in ("axis1", "axis2", "axes")} | given
    axes = {k: moved(v, x.ndim) for k, v in given.items() if k not in ("k", "offset", "dtype")}
    return Batch(fun(x.stacked, **{**given, **axes}), level)


def new_axes(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Count the new axes from the member's first."""
    x, axis = named(fun, args, kwargs).values()
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    return Batch(np.expand_dims(x.stacked, moved(axes, x.ndim + len(axes))), level)


def squeeze(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Drop axes of length one, but never the first."""
    x, axis = args[0], named(fun, args, kwargs).get("axis")
    axis = tuple([i for i, n in enumerate(x.shape) if n == 1]) if axis is None else axis
    return Batch(np.squeeze(x.stacked, moved(axis, x.ndim)), level)


def broadcast_to(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Broadcast each member."""
    shape = named(fun, args, kwargs)["shape"]
    shape = shape if isinstance(shape, tuple) else tuple(np.atleast_1d(shape).tolist())
    return Batch(np.broadcast_to(aligned(args[0], len(shape), level), (level.size, *shape)), level)


def at_least(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Reshape as NumPy does for a member."""
    if len(args) > 1:
        return tuple([fun(a) for a in args])
    shape = fun(np.broadcast_to(0, args[0].shape)).shape
    return reshape(fun, level, (args[0], shape), {})


def where(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Choose elements; without any to choose from, it is np.nonzero, whose results differ in size."""
    return elementwise(fun, level, args, kwargs) if len(args) > 1 else np.nonzero(*args)


# Joining
def concatenate(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Join stacked members along a moved axis."""
    parts, axis = args[0], kwargs.get("axis", args[1] if len(args) > 1 else 0)
    if fun is joining.concatenate:
        parts, axis = args, kwargs.get("axis", 0)
    if axis is None:
        parts, axis = [np.ravel(part) for part in parts], 0
    return Batch(np.concatenate([full(a, level) for a in parts], axis=moved(axis, np.ndim(parts[0]))), level)


def stack(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Stack members along a new axis behind the first."""
    parts, axis = args[0], named(fun, args, kwargs).get("axis", 0)
    return Batch(np.stack([full(a, level) for a in parts], axis=moved(axis, np.ndim(parts[0]) + 1)), level)


# Products
def matmul(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Multiply stacks of matrices; where one matrix serves all vectors or rows, it is a single product."""
    if kwargs:
        out, options = kwargs.get("out"), {k: v for k, v in kwargs.items() if k != "out"}
        if options.keys() - {"dtype", "casting"}:
            raise NoBatching(f"{level.title}: np.matmul of a batch takes dtype=, casting= and out= alone; {LOOP}")
        y = matmul(fun, level, tuple([np.multiply(a, True, **options) for a in args]), {})
        return y if out is None else np.multiply(y, True, out=out)
    operands: list[Any] = [v if hasattr(v, "ndim") else np.asarray(v) for v in args]
    a, b = operands
    if not a.ndim or not b.ndim:
        raise ValueError(f"{level.title}: np.matmul takes no single numbers; multiply by them with *")
    in_a, in_b = is_member(a, level), is_member(b, level)
    if in_a and not in_b and b.ndim == 2:
        rows = a.stacked.reshape(math.prod(a.stacked.shape[:-1]), a.shape[-1])
        return Batch(np.matmul(rows, b).reshape((*a.stacked.shape[:-1], b.shape[1])), level)
    if in_b and not in_a and a.ndim == 2 and b.ndim == 1:
        return Batch(np.matmul(b.stacked, a.swapaxes(0, 1)), level)
    if in_a and in_b and a.ndim == b.ndim == 1:
        return Batch(np.vecdot(conj(a.stacked), b.stacked), level)  # which conjugates its first argument
    row, column = a.ndim == 1, b.ndim == 1
    if not row and not column and a.shape[-1] == b.shape[-2] == 1 and not 1 < b.shape[-1] < 8:
        return np.multiply(a, b)  # outer products; of short rows NumPy computes them in twice the time, else in less
    a, b = (a[None] if row else a), (b[:, None] if column else b)
    ndim = max(a.ndim, b.ndim)
    y = Batch(np.matmul(aligned(a, ndim, level), aligned(b, ndim, level)), level)
    y = y[..., 0, :] if row else y
    return y[..., 0] if column else y


def vecdot(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Multiply the vectors of all members."""
    dimensions = [np.ndim(v) for v in args]
    if kwargs.keys() - {"axis"} or kwargs.get("axis", -1) >= 0 or 0 in dimensions:
        raise NoBatching(f"{level.title}: np.vecdot of a batch takes axis= alone, from the last, of vectors; {LOOP}")
    return Batch(np.vecdot(*[aligned(v, max(dimensions), level) for v in args], **kwargs), level)


def outer(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Multiply a column with a row; einsum does so in two thirds of the time that broadcasting takes."""
    given = named(fun, args, kwargs).values()
    if fun is np.linalg.outer and not all([np.ndim(v) == 1 for v in given]):
        raise ValueError(f"{level.title}: np.linalg.outer takes vectors; np.outer flattens other arrays")
    vectors: list[Any] = [v if np.ndim(v) == 1 and hasattr(v, "ndim") else np.reshape(v, (np.size(v),)) for v in given]
    a, b = vectors
    if is_member(a, level) and is_member(b, level):
        return Batch(explicit_einsum(a.stacked, b.stacked, subscripts="ab,ac->abc"), level)
    return np.multiply(a[:, None], b)


def einsum(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Give the operands that differ a letter for the members."""
    inputs, _, output = kwargs["subscripts"].partition("->")
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcbaABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in kwargs["subscripts"])
    terms = [letter * is_member(a, level) + term for a, term in zip(args, inputs.split(","), strict=True)]
    operands = [a.stacked if is_member(a, level) else a for a in args]
    return Batch(np.einsum(f"{','.join(terms)}->{letter}{output}", *operands), level)


def solve(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Solve for a vector as for a matrix of one column."""
    given = named(fun, args, kwargs).values()
    operands: list[Any] = [v if hasattr(v, "ndim") else np.asarray(v) for v in given]
    a, b = operands
    column = b.ndim == 1
    b = b[:, None] if column else b
    ndim = max(a.ndim, b.ndim)
    y = Batch(np.linalg.solve(aligned(a, ndim, level), aligned(b, ndim, level)), level)
    return y[..., 0] if column else y


def of_stack(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function of one array that keeps the shape."""
    bound(fun, args, kwargs)
    if (shape := kwargs.get("shape")) is not None:
        kwargs = {**kwargs, "shape": (level.size, *np.atleast_1d(shape).tolist())}
    return wrapped(fun(args[0].stacked, *args[1:], **kwargs), level)


def of_matrices(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that takes stacks of matrices; for vectors it would take the members for one."""
    x = next(iter(named(fun, args, kwargs).values()))
    if x.ndim < 2:
        raise np.linalg.LinAlgError(f"{level.title}: {user_name(fun)} takes matrices, and a member has shape {x.shape}")
    return of_stack(fun, level, args, kwargs)


def tile(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Repeat each member."""
    x, given = bound(fun, args, kwargs)
    reps = tuple(np.atleast_1d(given["reps"]).tolist())
    missing = x.ndim - len(reps)
    x = x[(None,) * -missing] if missing < 0 else x
    return Batch(np.tile(x.stacked, (1, *(1,) * missing, *reps)), level)


def triangle(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Take the triangle of each member; a vector becomes a matrix first."""
    x = args[0] if args[0].ndim > 1 else np.broadcast_to(args[0], (args[0].size,) * 2)
    return of_stack(fun, level, (x, *args[1:]), kwargs)


_RULES: dict[Function, Rule] = {
    **dict.fromkeys((
        np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.var, np.std, np.any, np.all, np.nansum,
        np.nanmean, np.nanmax, np.nanmin, np.nanprod, np.count_nonzero, np.median, np.flip, softmax, log_softmax,
        logsumexp, norms.euclidean_norm, norms.minkowski_norm, np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft,
        sliding_window_view,
    ), along_axes),
    **dict.fromkeys((
        np.cumsum, np.cumprod, np.argmax, np.argmin, np.sort, np.argsort, np.partition, np.argpartition,
        np.roll, diff, np.repeat, np.nancumsum, np.nancumprod, np.delete,
    ), flattening),
    **dict.fromkeys((
        np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.common_type,
    ), of_shapes),
    np.reshape: reshape, np.ravel: ravel, np.transpose: transpose, np.permute_dims: transpose,
    **dict.fromkeys((np.swapaxes, np.moveaxis, np.diagonal, np.trace, np.rot90), two_axes),
    np.expand_dims: new_axes, np.squeeze: squeeze, np.broadcast_to: broadcast_to,
    **dict.fromkeys((np.atleast_1d, np.atleast_2d, np.atleast_3d), at_least),
    np.concatenate: concatenate, joining.concatenate: concatenate, np.stack: stack,
    np.matmul: matmul, np.vecdot: vecdot, np.outer: outer, np.linalg.outer: outer, explicit_einsum: einsum,
    **dict.fromkeys((
        np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh,
        np.linalg.svd, np.linalg.svdvals, np.linalg.qr, np.linalg.pinv, np.linalg.matrix_transpose, np.matrix_transpose,
        decompositions.eigh, decompositions.svd, decompositions.qr, matrices.cofactors, matrices.slogdet,
        np.linalg.eig, np.linalg.eigvals, eigenvalues.eig, eigenvalues.defective, np.linalg.diagonal,
        expm,
    ), of_matrices),
    np.linalg.solve: solve,
    **dict.fromkeys((
        np.copy, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.real, np.imag, np.nan_to_num, np.round,
        np.around, shaping.astype, np.angle, complex_numbers.imaginary, complex_numbers.phase,
    ), of_stack),
    **dict.fromkeys((np.clip, np.isclose, np.fix, cross, statistics.clip_cosine), elementwise),
    np.tile: tile, np.digitize: of_stack,
    np.where: where, np.tril: triangle, np.triu: triangle,
    np.take_along_axis: take_along_axis, np.take: take,
    operator.getitem: getitem, operator.setitem: write, indexing.setitem: setitem, indexing.scatter: scatter,
    np.add.at: write_at, np.subtract.at: write_at,
}  # fmt: skip
BATCHED.update(_RULES)
BATCHED.update(batch_primitives.RULES)
