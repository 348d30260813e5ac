"""Calls that have no C form, as calls that have one and give the same numbers: `np.var` as sums, `np.flip` as an index.

A rule takes the arguments of NumPy's function, makes the calls with `call`, and returns the last one's result; or it
returns None for arguments that it is not for. Calls with arguments that a rule does not know stay as they are.
"""

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.rules.indexing import setitem
from ...engine.rules.registry import Function
from ...trace.functional import astype
from ...trace.ir import Call, Constant, Program, Var, placeholder, substituted
from .operations import c_type

EXACT = 2**24  # each smaller integer is a float32


class Maker:
    """Makes calls in place of one; `longest` is the length of the longest array whose one norm it makes."""

    def __init__(self, original: Call, longest: float) -> None:
        self.original, self.longest = original, longest
        self.calls: list[Call] = []

    def __call__(self, fun: Function, *args: Any, **kwargs: Any) -> Var:
        """Add a call; return its result."""
        given, keywords = substituted((args, kwargs), zeros)
        example = placeholder(fun(*given, **keywords))
        call = Call(fun, args, kwargs, example, self.original.line, self.original.phase)
        self.calls.append(call)
        return call.out

    def index(self, x: Var, *index: Any) -> Var:
        """Add a call that indexes an array."""
        return self(operator.getitem, x, index)


def zeros(v: Var) -> Any:
    """Return zeros like a value, which are in range of any index."""
    return np.broadcast_to(v.dtype.type(0), v.shape) if isinstance(v.example, np.ndarray) else v.example


def decompose(program: Program, longest: float = math.inf) -> None:
    """Replace the calls of a program that a rule knows; but not one norm of more elements than `longest`."""
    calls: list[Call] = []
    with np.errstate(all="ignore"):  # the examples are not real numbers
        for call in program.calls:
            calls += decomposed(call, longest) if call.fun in RULES and not call.draws else ()
            calls.append(call)
    program.calls = calls


def decomposed(call: Call, longest: float) -> list[Call]:
    """Change a call into the last one of those that a rule makes, and return those before it."""
    rule, maker, out = RULES[call.fun], Maker(call, longest), call.out
    try:
        given = inspect.signature(rule).bind(maker, *call.args, **call.kwargs)
    except TypeError:
        return []
    x = call.args[0]
    if type(x) is not Var or not isinstance(x.example, np.ndarray) or not x.shape or not x.size or not c_type(x.dtype):
        return []
    try:
        result = rule(*given.args, **given.kwargs)
    except OverflowError:  # np.clip and np.pad take integers that do not fit the array's dtype
        return []
    if type(result) is not Var or (result.shape, result.dtype, type(result.example)) != (
        out.shape, out.dtype, type(out.example)
    ):  # fmt: skip
        return []
    *before, last = maker.calls
    call.become(last.fun, last.args, last.kwargs)
    return before


def constant(array: Any) -> Var:
    """Return an array that is the same at every call."""
    return Var(Constant(array), array)


def is_float(x: Var) -> bool:
    """Whether an array holds floats."""
    return bool(x.dtype.kind == "f")


def clip(call: Maker, x: Var, a_min: Any = None, a_max: Any = None) -> Var | None:
    """Clip at one bound."""
    if (a_min is None) is (a_max is None):
        return None
    return call(np.minimum, x, a_max) if a_min is None else call(np.maximum, x, a_min)


def var(call: Maker, a: Var, axis: Any = None, ddof: Any = 0, keepdims: bool = False) -> Var | None:
    """Compute the mean of squared deviations from the mean."""
    if not is_float(a) or type(ddof) is not int:
        return None
    total = call(np.sum, a, axis=axis, keepdims=True)
    n = a.size // total.size
    if not max(ddof, 0) < n <= EXACT:
        return None
    deviation = call(np.subtract, a, call(np.divide, total, n))
    squares = call(np.sum, call(np.multiply, deviation, deviation), axis=axis, keepdims=keepdims)
    return call(np.divide, squares, n - ddof)


def std(call: Maker, a: Var, axis: Any = None, ddof: Any = 0, keepdims: bool = False) -> Var | None:
    """Compute the square root of the variance."""
    variance = var(call, a, axis, ddof, keepdims)
    return None if variance is None else call(np.sqrt, variance)


def norm(call: Maker, x: Var, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Var | None:
    """Compute the root of the sum of squares; of vectors also the sum and the largest of the absolute values.

    One norm of a long array stays NumPy's, which BLAS computes three times as fast for float32.
    """
    if call.original.out.size == 1 and x.size > call.longest:
        return None
    is_vector = type(axis) is int or (axis is None and len(x.shape) == 1)
    if not is_float(x) or not (ord is None or (is_vector and ord in (1, 2, math.inf))):
        return None
    if ord in (1, math.inf):
        return call(np.sum if ord == 1 else np.max, call(np.absolute, x), axis=axis, keepdims=keepdims)
    return call(np.sqrt, call(np.sum, call(np.multiply, x, x), axis=axis, keepdims=keepdims))


def masked(call: Maker, x: Var, where: Any, value: Any) -> Var | None:
    """Replace the elements that a reduction leaves out."""
    if where is True:
        return x
    if type(where) is not Var or where.dtype != bool or np.broadcast_shapes(where.shape, x.shape) != x.shape:
        return None
    return call(np.where, where, x, value)


def total(
    call: Maker, a: Var, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Var | None:  # fmt: skip
    """Add up in another dtype, some elements, or to an initial number."""
    plain = dtype is None and initial is None and where is True and len(call.original.args) == 1
    if plain or type(initial) not in (type(None), int, float) or (dtype is not None and np.dtype(dtype).kind != "f"):
        return None
    x = masked(call, a, where, 0)
    if x is None:
        return None
    if dtype is not None:
        x = call(astype, x, np.dtype(dtype))
    found = call(np.sum, x, axis=axis, keepdims=keepdims)
    return found if initial is None else call(np.add, found, initial)


def extremum(reduce: Function, ufunc: np.ufunc) -> Callable[..., Var | None]:
    """Return the rule of np.max or np.min with an initial number."""

    def rule(
        call: Maker, a: Var, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        if type(initial) not in (int, float) or not is_float(a) or (where is True and math.isinf(initial)):
            return None
        x = masked(call, a, where, initial)
        return None if x is None else call(ufunc, call(reduce, x, axis=axis, keepdims=keepdims), initial)

    return rule


def pad(call: Maker, array: Var, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Var | None:
    """Write into a constant array."""
    plain = type(constant_values) is int or (type(constant_values) is float and is_float(array))
    if mode != "constant" or not plain or isinstance(pad_width, (Var, dict)):
        return None
    pairs = np.broadcast_to(np.asarray(pad_width), (len(array.shape), 2)).tolist()
    shape = [n + before + after for n, (before, after) in zip(array.shape, pairs, strict=True)]
    where = tuple([slice(before, before + n) for n, (before, _) in zip(array.shape, pairs, strict=True)])
    return call(setitem, constant(np.full(shape, constant_values, array.dtype)), where, array)


def repeat(call: Maker, a: Var, repeats: Any, axis: Any = None) -> Var | None:
    """Broadcast along a new axis."""
    if type(repeats) is not int or repeats < 1:
        return None
    if axis is None:
        a, axis = call(np.reshape, a, (-1,)), 0
    axis %= len(a.shape)
    lead, rest = a.shape[: axis + 1], a.shape[axis + 1 :]
    wide = call(np.broadcast_to, call.index(a, *[slice(None)] * (axis + 1), None), (*lead, repeats, *rest))
    return call(np.reshape, wide, (*lead[:-1], lead[-1] * repeats, *rest))


def diff(call: Maker, a: Var, n: Any = 1, axis: Any = -1) -> Var | None:
    """Subtract neighbors."""
    if type(n) is not int or not 1 <= n < a.shape[axis] or a.dtype.kind not in "fi":
        return None
    lead = (slice(None),) * (axis % len(a.shape))
    for _ in range(n):
        a = call(np.subtract, call.index(a, *lead, slice(1, None)), call.index(a, *lead, slice(None, -1)))
    return a


def flip(call: Maker, m: Var, axis: Any = None) -> Var | None:
    """Index with steps of -1."""
    axes = range(len(m.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    known = {k % len(m.shape) for k in axes}
    return call.index(m, *[slice(None, None, -1 if k in known else None) for k in range(len(m.shape))])


def roll(call: Maker, a: Var, shift: Any, axis: Any = None) -> Var | None:
    """Join two parts in the other order."""
    if type(shift) is not int or not (axis is None or type(axis) is int):
        return None
    flat = a if axis is not None else call(np.reshape, a, (-1,))
    k = (axis or 0) % len(flat.shape)
    if (shift := shift % flat.shape[k]) == 0:
        return call(np.copy, a)
    lead = (slice(None),) * k
    parts = [call.index(flat, *lead, slice(-shift, None)), call.index(flat, *lead, slice(None, -shift))]
    found = call(np.concatenate, parts, axis=k)
    return found if axis is not None else call(np.reshape, found, a.shape)


def outer(call: Maker, a: Var, b: Var) -> Var | None:
    """Multiply a column by a row."""
    if type(b) is not Var or len(a.shape) != 1 or len(b.shape) != 1:
        return None
    return call(np.multiply, call.index(a, slice(None), None), b)


def triangle(is_lower: bool) -> Callable[..., Var | None]:
    """Return the rule of np.tril or np.triu."""

    def rule(call: Maker, m: Var, k: Any = 0) -> Var | None:
        if len(m.shape) < 2 or type(k) is not int:
            return None
        rows, columns = m.shape[-2:]
        kept = np.tri(rows, columns, k if is_lower else k - 1, dtype=bool) == is_lower
        return call(np.where, constant(kept), m, constant(np.zeros((), m.dtype)))

    return rule


def take(call: Maker, a: Var, indices: Any, axis: Any = None) -> Var | None:
    """Index the first axis."""
    if axis != 0 and not (axis is None and len(a.shape) == 1):
        return None
    index = indices if type(indices) is Var else constant(np.asarray(indices))
    return call.index(a, index) if index.dtype is not None and index.shape and index.dtype.kind == "i" else None


def take_along_axis(call: Maker, arr: Var, indices: Any, axis: Any = -1) -> Var | None:
    """Index each axis by an array."""
    if type(indices) is not Var or type(axis) is not int or len(indices.shape) != len(arr.shape):
        return None
    n = len(arr.shape)
    every = [constant(np.arange(arr.shape[k]).reshape((-1, *[1] * (n - 1 - k)))) for k in range(n)]
    every[axis % n] = indices
    return call.index(arr, *every)


def inner(call: Maker, a: Var, b: Var) -> Var | None:
    """Compute a product of two vectors as an inner product."""
    known = type(b) is Var and len(a.shape) == len(b.shape) == 1 and a.dtype == b.dtype
    return call(np.vdot, a, b) if known and is_float(a) else None


RULES: dict[Any, Callable[..., Var | None]] = {
    np.clip: clip, np.var: var, np.std: std, np.linalg.norm: norm, np.sum: total, np.max: extremum(np.max, np.maximum),
    np.min: extremum(np.min, np.minimum), np.pad: pad, np.repeat: repeat, np.diff: diff, np.flip: flip, np.roll: roll,
    np.outer: outer, np.tril: triangle(True), np.triu: triangle(False), np.take: take,
    np.take_along_axis: take_along_axis, np.dot: inner, np.matmul: inner,
}  # fmt: skip
