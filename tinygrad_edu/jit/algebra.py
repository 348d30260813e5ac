"""Algebra: a table of identities with one rule for each function, and passes that make sums faster.

All are exact, or as exact as what they replace. Means are computed as sums, and sums as matrix products in BLAS.
"""

import math
import operator
from collections.abc import Callable, Iterator

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.threads import LARGE
from ..trace.functional import add_at, astype
from ..trace.ir import Call, Constant, Program, Var, use_counts
from .simplify import ValueTable, eliminate_dead_calls, is_reduction, scalar_value


def algebra(call: Call, table: ValueTable) -> Var | None:
    """Replace x + 0, x * 1, x / 1, x ** 1, --x and changes to the same shape or dtype by x, and x + x by 2 x."""
    if call.kwargs and call.fun not in REDUCTIONS:
        return None
    new = ALGEBRA[call.fun](call)
    return new if type(new) is Var and new.shape == call.out.shape and new.dtype == call.out.dtype else None


def _add(call: Call) -> object:
    a, b = call.args
    if scalar_value(b) == 0:
        return a
    if scalar_value(a) == 0:
        return b
    if a is b and a.dtype is not None and a.dtype.kind == "f":
        call.become(np.multiply, (a, 2))
        return _multiply(call)
    return None


def _multiply(call: Call) -> object:
    a, b = call.args
    for x, y in ((a, b), (b, a)):
        if (n := scalar_value(y)) == 1:
            return x
        if n == -1 and type(x) is Var:
            call.become(np.negative, (x,))
            return None
        for m, _, q in _products(x):  # (m * q) * n is (m * n) * q
            if n is not None and q.dtype == x.dtype and x.dtype.kind == "f":
                limits = np.finfo(x.dtype)
                if limits.tiny <= abs(m * n) <= limits.max:
                    call.become(np.multiply, (float(m * n), q))
                    return None
    return None


def _products(x: object) -> Iterator[tuple[float, object, Var]]:
    """Yield (m, its operand, q) for x = m * q with a number m and an array q of the same shape."""
    made = x.source if isinstance(x, Var) else None
    if isinstance(x, Var) and isinstance(made, Call) and made.fun is np.multiply:
        for p, q in (made.args, made.args[::-1]):
            m = scalar_value(p)
            if m is not None and type(q) is Var and q.shape == x.shape:
                yield m, p, q


def _power(call: Call) -> object:
    a, b = call.args
    n = scalar_value(b)
    if n in POWERS and type(a) is Var and a.dtype is not None and a.dtype.kind == "f" and a.shape == call.out.shape:
        call.become(POWERS[n], (a,))
    elif n == 0 and type(b) is not Var and call.out.dtype.kind == "f":
        ones = np.ones(call.out.shape, call.out.dtype)
        return Var(Constant(ones), ones)
    return a if n == 1 else None


def _reshape(call: Call) -> object:
    x, shape = call.args[:2]
    while isinstance(x.source, Call) and x.source.fun is np.reshape and not x.source.kwargs:
        x = x.source.args[0]
    if x is not call.args[0]:
        call.become(np.reshape, (x, shape))
    inner = x.source
    if shape == (1,) and isinstance(inner, Call) and inner.fun is np.sum and x.shape == () and len(inner.args) == 1:
        column = inner.args[0]
        if type(column) is Var and column.shape[1:] == (1,) and column.dtype == x.dtype:
            call.become(np.sum, (column,), {"axis": 0})  # whose result has the shape already
            return None
    return x


def _transpose(call: Call) -> object:
    x, axes = call.args
    if isinstance(x.source, Call) and x.source.fun is np.transpose:
        inner = x.source.args[1]
        x, axes = x.source.args[0], tuple([inner[i] for i in axes])
        call.become(np.transpose, (x, axes))
    return x if axes == tuple(range(len(axes))) else None


def _add_at(call: Call) -> object:
    """Adding to zeros at distinct indices is writing there."""
    x, index, _ = call.args
    parts = index if isinstance(index, tuple) else (index,)
    shapes = {getattr(i, "shape", None) for i in parts}
    vectors = len(shapes) == 1 and all(type(i) is Var and len(i.shape) == 1 and i.dtype.kind in "iu" for i in parts)
    if scalar_value(x) == 0 and vectors and any(map(_distinct, parts, x.shape)):
        call.become(setitem, call.args)
    return None


def _distinct(index: Var, n: int) -> bool:
    """Whether an index array for an axis of length n is a constant that names no element twice."""
    return isinstance(index.source, Constant) and len(set((index.source.array % n).tolist())) == index.size


def _negative(call: Call) -> object:
    (x,) = call.args
    inner = x.source if type(x) is Var else None
    if isinstance(inner, Call) and inner.fun is np.negative:
        return inner.args[0]
    for n, a, b in _products(x):  # negate the number instead
        if b.dtype == x.dtype:
            call.become(np.multiply, (float(-n), b))
            break
        if isinstance(a, Var) and a.dtype == x.dtype:  # as for -1.0 times a boolean array
            minus = np.asarray(np.negative(a.source.element))
            call.become(np.multiply, (Var(Constant(minus), minus), b))
            break
    return None


def _reduce(call: Call) -> None:
    """Reduce over `axis=None` instead of over all axes by number, and without a neutral initial value."""
    if is_reduction(call):
        if not call.kwargs.get("keepdims") and not call.out.shape:
            call.become(call.fun, call.args)
    elif call.kwargs.get("initial") in _NEUTRAL.get(call.fun, ()) and call.args[0].size:
        call.become(call.fun, call.args, {k: v for k, v in call.kwargs.items() if k != "initial"})
        _reduce(call)


POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
REDUCTIONS: set[Callable[..., object]] = {np.sum, np.max, np.min, np.prod}
_NEUTRAL: dict[Callable[..., object], tuple[float, ...]] = {np.max: (-math.inf,), np.min: (math.inf,)}
ALGEBRA: dict[Callable[..., object], Callable[[Call], object]] = {
    np.add: _add, operator.add: _add, np.multiply: _multiply, np.power: _power, np.negative: _negative,
    np.subtract: lambda c: c.args[0] if scalar_value(c.args[1]) == 0 else None,
    np.divide: lambda c: c.args[0] if scalar_value(c.args[1]) == 1 else None,
    **dict.fromkeys((np.positive, np.broadcast_to, astype), lambda c: c.args[0]),
    np.reshape: _reshape, np.transpose: _transpose, add_at: _add_at, **dict.fromkeys(REDUCTIONS, _reduce),
}  # fmt: skip


def divide_sums(program: Program) -> None:
    """Compute a mean as a sum, divided by the number of elements."""
    calls = []
    for call in program.calls:
        x = call.args[0] if is_reduction(call, np.mean) else None
        if type(x) is Var and x.dtype.kind == "f" and x.dtype.itemsize > 2 and call.out.size:
            total = Call(np.sum, call.args, call.kwargs, call.out.example, call.line, call.phase)
            calls.append(total)
            call.become(np.divide, (total.out, x.size // call.out.size))
        calls.append(call)
    program.calls = calls


STRIDED = (np.transpose, np.broadcast_to, operator.getitem)  # their results may have gaps between elements


class ProductWriter:
    """The calls of a program, with sums rewritten as products."""

    def __init__(self, uses: dict[Var, int]) -> None:
        self.uses = uses
        self.calls: list[Call] = []
        self.constants: dict[tuple[int, np.dtype, int], Var] = {}

    def ones(self, n: int, dtype: np.dtype, ndim: int = 1) -> Var:
        """Return a constant vector (ndim 1) or column (ndim 2) of n ones."""
        array = np.ones((n, 1)[:ndim], dtype)
        return self.constants.setdefault((n, dtype, ndim), Var(Constant(array), array, "ones"))

    def ravel(self, v: Var, like: Call) -> Var:
        """Return v with one axis."""
        if len(v.shape) == 1:
            return v
        call = Call(np.reshape, (v, (v.size,)), {}, v.example.reshape(-1), like.line, like.phase)
        self.calls.append(call)
        return call.out

    def rewrite_total(self, call: Call, x: Var) -> None:
        """Turn a sum of all elements into an inner product: of two factors, or with ones."""
        made = x.source if isinstance(x.source, Call) else None
        if made is not None and self.uses[x] == 1 and made.fun in (np.multiply, np.square):
            a, b = made.args if made.fun is np.multiply else made.args * 2
            if type(a) is type(b) is Var and a.shape == b.shape == x.shape and a.dtype == b.dtype and x.size < LARGE:
                call.become(np.dot, (self.ravel(a, call), self.ravel(b, call)))
        elif 8 <= x.size < LARGE and (made is None or made.fun not in STRIDED):
            call.become(np.dot, (self.ones(x.size, x.dtype), self.ravel(x, call)))

    def rewrite_axis(self, call: Call, x: Var) -> None:
        """Turn a sum along one axis of a matrix into a product with ones."""
        axis, keepdims = call.kwargs.get("axis"), call.kwargs.get("keepdims")
        if axis in (0, (0,), -2) and not keepdims and x.shape[0] > 4:
            call.become(np.dot, (self.ones(x.shape[0], x.dtype), x))
        elif axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
            call.become(np.dot, (x, self.ones(x.shape[1], x.dtype, 2 if keepdims else 1)))


def use_blas(program: Program) -> None:
    """Compute sums as products with ones, and sums of products as inner products: BLAS is faster at both."""
    writer = ProductWriter(use_counts(program.calls, program.outputs()))
    for call in program.calls:
        x = call.args[0] if is_reduction(call, np.sum) else None
        if type(x) is Var and x.shape and x.dtype in (np.float32, np.float64):
            if call.out.shape == ():
                writer.rewrite_total(call, x)
            elif len(x.shape) == 2:
                writer.rewrite_axis(call, x)
        writer.calls.append(call)
    program.calls = writer.calls
    eliminate_dead_calls(program)
