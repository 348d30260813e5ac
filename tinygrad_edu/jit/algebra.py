"""Algebra: a table of exact identities with one rule for each function, and passes that make sums faster.

An identity holds to the last bit for each value of its operands: infinities, NaN and zeros of both signs too. (The sign
of a NaN is no result: NumPy leaves it open.) That is why x + 0 stays, which is 0 for x = -0, and (x * a) * b stays,
where x * a may overflow or round to 0. The passes change the order in which a sum is added up, and nothing else.
"""

import operator
from collections.abc import Callable

import numpy as np

from ..engine.threads import LARGE
from ..trace.functional import astype
from ..trace.ir import Call, Constant, Program, Var, use_counts
from .simplify import ValueTable, eliminate_dead_calls, is_reduction, scalar_value


def algebra(call: Call, table: ValueTable) -> Var | None:
    """Replace x * 1, x ** 1, --x and changes to the same shape or dtype by x, x ** 0 by 1, and -(c * x) by -c * x."""
    if call.kwargs and call.fun not in REDUCTIONS:
        return None
    new = ALGEBRA[call.fun](call)
    return new if type(new) is Var and equals_in_kind(new, call.out) else None


def equals_in_kind(x: Var, y: Var) -> bool:
    """Whether x can take the place of y: of the same shape and dtype, and both arrays or both NumPy scalars."""
    same = x.dtype is not None and x.shape == y.shape and x.dtype == y.dtype
    return same and isinstance(x.example, np.ndarray) == isinstance(y.example, np.ndarray)


def _multiply(call: Call) -> object:
    if call.out.dtype is None or call.out.dtype.kind == "c":  # (inf + 0j) * 1 is inf + nan j
        return None
    a, b = call.args
    return a if scalar_value(b) == 1 else b if scalar_value(a) == 1 else None


def _power(call: Call) -> object:
    a, b = call.args
    n = scalar_value(b)
    if type(a) is not Var or a.dtype != call.out.dtype or call.out.dtype.kind != "f" or a.shape != call.out.shape:
        return None
    if n == 2 and getattr(b, "shape", ()) == ():  # NumPy squares only where one exponent serves all elements
        call.become(np.square, (a,))
    elif n == 0 and type(b) is not Var:
        ones = np.ones(call.out.shape, call.out.dtype)
        return Var(Constant(ones), ones)
    return a if n == 1 else None


def _reshape(call: Call) -> object:
    x, shape = call.args[:2]
    while isinstance(x.source, Call) and x.source.fun is np.reshape and not x.source.kwargs:
        x = x.source.args[0]
    if x is not call.args[0]:
        call.become(np.reshape, (x, shape))
    return x


def _transpose(call: Call) -> object:
    x, axes = call.args
    if isinstance(x.source, Call) and x.source.fun is np.transpose:
        inner = x.source.args[1]
        x, axes = x.source.args[0], tuple([inner[i] for i in axes])
        call.become(np.transpose, (x, axes))
    return x if axes == tuple(range(len(axes))) else None


def _negative(call: Call) -> object:
    (x,) = call.args
    inner = x.source if type(x) is Var else None
    if not isinstance(inner, Call) or inner.kwargs:
        return None
    if inner.fun is np.negative:
        return inner.args[0]
    for c, q in (inner.args, inner.args[::-1]) if inner.fun is np.multiply else ():  # negate the number instead
        if type(q) is Var and x.dtype.kind == "f":
            if type(c) is float and q.dtype == x.dtype:
                call.become(np.multiply, (-c, q))
                break
            if type(c) is Var and type(c.source) is Constant and c.dtype == x.dtype:  # -1.0 times a boolean array
                minus = np.asarray(np.negative(c.source.array))
                call.become(np.multiply, (Var(Constant(minus), minus), q))
                break
    return None


def _reduce(call: Call) -> None:
    """Reduce over `axis=None` instead of over all axes by number, and without a neutral initial value."""
    start, others = call.kwargs.get("initial"), {k: v for k, v in call.kwargs.items() if k != "initial"}
    neutral = type(start) is float and start == NEUTRAL.get(call.fun) and call.out.dtype.kind == "f"
    if neutral and others.keys() <= {"axis", "keepdims"} and call.args[0].size:
        call.become(call.fun, call.args, others)
    if is_reduction(call) and not call.kwargs.get("keepdims") and not call.out.shape:
        call.become(call.fun, call.args)


REDUCTIONS: set[Callable[..., object]] = {np.sum, np.max, np.min, np.prod}
NEUTRAL: dict[Callable[..., object], float] = {np.max: -np.inf, np.min: np.inf}
ALGEBRA: dict[Callable[..., object], Callable[[Call], object]] = {
    np.multiply: _multiply, np.power: _power, np.negative: _negative,
    **dict.fromkeys((np.positive, np.broadcast_to, astype), lambda c: c.args[0]),
    np.reshape: _reshape, np.transpose: _transpose, **dict.fromkeys(REDUCTIONS, _reduce),
}  # fmt: skip


SUMMED = (np.float32, np.float64)
EXACT = 2**24  # each smaller integer is a float32


def divide_sums(program: Program) -> None:
    """Compute a mean as NumPy does: as a sum, divided by the number of elements."""
    calls = []
    for call in program.calls:
        x = call.args[0] if is_reduction(call, np.mean) else None
        if type(x) is Var and x.dtype in SUMMED and call.out.size > 0 and x.size // call.out.size <= EXACT:
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
        """Turn a sum of all elements into an inner product: with ones, or of squares.

        Not that of other products: where they overflow, their sum is infinity minus infinity, and BLAS, which does not
        round them, may find a number.
        """
        made = x.source if isinstance(x.source, Call) else None
        if made is not None and self.uses[x] == 1 and (a := squared(made)) is not None and x.size < LARGE:
            vector = self.ravel(a, call)
            call.become(np.dot, (vector, vector))
        elif 8 <= x.size < LARGE and (made is None or made.fun not in STRIDED):
            call.become(np.dot, (self.ones(x.size, x.dtype), self.ravel(x, call)))

    def rewrite_axis(self, call: Call, x: Var) -> None:
        """Turn a sum along one axis of a matrix into a product with ones."""
        axis, keepdims = call.kwargs.get("axis"), call.kwargs.get("keepdims")
        if axis in (0, (0,), -2) and not keepdims and x.shape[0] > 4:
            call.become(np.dot, (self.ones(x.shape[0], x.dtype), x))
        elif axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
            call.become(np.dot, (x, self.ones(x.shape[1], x.dtype, 2 if keepdims else 1)))


def squared(call: Call) -> Var | None:
    """Return the array whose square a call computes."""
    a = call.args[0] if call.elementwise else None
    square = call.fun is np.square or (call.fun is np.multiply and call.args[1] is a)
    return a if square and type(a) is Var and equals_in_kind(a, call.out) else None


def total_of_column(x: object) -> Var | None:
    """Return the column, of shape (n, 1), whose total is x."""
    made = x.source if type(x) is Var else None
    if isinstance(made, Call) and is_reduction(made, np.sum) and made.out.shape == ():
        column: Var = made.args[0]
        return column if column.shape[1:] == (1,) and column.dtype == made.out.dtype else None
    return None


def use_blas(program: Program) -> None:
    """Compute sums as products with ones, and sums of squares as inner products: BLAS is faster at both."""
    for call in program.calls:
        if call.fun is np.reshape and call.out.shape == (1,) and (column := total_of_column(call.args[0])) is not None:
            call.become(np.sum, (column,), {"axis": 0})  # whose result has the shape already
    writer = ProductWriter(use_counts(program.calls, program.outputs()))
    for call in program.calls:
        x = call.args[0] if is_reduction(call, np.sum) else None
        if type(x) is Var and x.shape and x.dtype in SUMMED:
            if call.out.shape == ():
                writer.rewrite_total(call, x)
            elif len(x.shape) == 2:
                writer.rewrite_axis(call, x)
        writer.calls.append(call)
    program.calls = writer.calls
    eliminate_dead_calls(program)
