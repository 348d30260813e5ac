"""Which calls are reductions in C, and of what: np.sum, np.max and others, and np.vdot, which is a sum of products."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ...engine.rules.registry import Array
from ...trace.ir import Call, Var
from ..simplify import is_reduction
from .operations import Operation, c_type

UFUNCS: dict[Callable[..., object], np.ufunc] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum, np.amax: np.maximum,
    np.amin: np.minimum, np.all: np.logical_and, np.any: np.logical_or,
}  # fmt: skip


class Reduction(NamedTuple):
    """A reduction of `operation(*operands)` by a ufunc along some axes of the first operand."""

    ufunc: np.ufunc
    operation: Operation
    operands: tuple[Any, ...]
    axes: frozenset[int]


def reduction(call: Call) -> Reduction | None:
    """Return a call as a reduction, or None if it is none that has a C form."""
    out = call.out.dtype
    if call.fun is np.vdot and not call.kwargs and len(call.args) == 2 and all(type(v) is Var for v in call.args):
        a, b = call.args
        if a.shape == b.shape and a.shape and a.dtype == b.dtype == out and out.kind == "f" and c_type(out):
            double = np.dtype(np.float64)  # in which products of floats are exact
            return Reduction(np.add, Operation("a * b", (double,) * 2, double), (a, b), frozenset(range(len(a.shape))))
        return None
    if not is_reduction(call) or call.fun not in UFUNCS or not isinstance(out, np.dtype) or c_type(out) is None:
        return None
    (x,) = call.args
    if c_type(x.dtype) is None or not x.shape or 0 in x.shape:
        return None
    axis = call.kwargs.get("axis")
    given = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not given or not all(type(k) is int for k in given):
        return None
    ufunc = UFUNCS[call.fun]
    logical = ufunc in (np.logical_and, np.logical_or)
    if not logical and (out.kind not in "fi" or (x.dtype.kind == "b" and ufunc in (np.maximum, np.minimum))):
        return None
    operation = Operation("a != 0" if logical else "a", (x.dtype if logical else out,), out)
    return Reduction(ufunc, operation, (x,), frozenset([k % len(x.shape) for k in given]))


def is_joined(call: Call) -> bool:
    """Whether a call is np.concatenate or np.stack of arrays of one dtype."""
    if call.fun not in (np.concatenate, np.stack) or set(call.kwargs) - {"axis"} or not call.args:
        return False
    parts, axis = call.args[0], call.kwargs.get("axis", call.args[1] if len(call.args) > 1 else 0)
    if type(axis) is not int or not isinstance(parts, (tuple, list)) or not parts or len(call.args) > 2:
        return False
    return c_type(call.out.dtype) is not None and all(
        type(x) is Var and x.dtype == call.out.dtype and x.shape for x in parts
    )


def joined_parts(call: Call, like: Array) -> Iterator[tuple[Var, Array]]:
    """Yield each part of np.concatenate or np.stack, and its place in an array of the result's shape."""
    axis, start = call.kwargs.get("axis", call.args[1] if len(call.args) > 1 else 0) % like.ndim, 0
    for x in call.args[0]:
        stop = start + (x.shape[axis] if call.fun is np.concatenate else 1)
        yield x, like[(slice(None),) * axis + (start if call.fun is np.stack else slice(start, stop),)]
        start = stop
