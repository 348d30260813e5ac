"""Sums made faster: means as sums, and sums as products of BLAS. They add up in another order, and nothing else."""

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Constant, Program, Var, use_counts
from .effects import is_view
from .simplify import eliminate_dead_calls, equals_in_kind, is_reduction

SUMMED = (np.float32, np.float64)
EXACT = 2**24  # each smaller integer is a float32
Ones = dict[tuple[tuple[int, ...], np.dtype], Var]  # constants by shape and dtype


def divide_sums(program: Program) -> None:
    """Compute a mean as NumPy does: as a sum, divided by the number of elements."""
    calls = []
    for call in program.calls:
        x = call.args[0] if call.fun is np.mean and is_reduction(call) else None
        if type(x) is Var and x.dtype in SUMMED and call.out.size > 0 and x.size // call.out.size <= EXACT:
            total = Call(np.sum, call.args, call.kwargs, call.out.example, call.line, call.phase)
            calls.append(total)
            call.become(np.divide, (total.out, x.size // call.out.size))
        calls.append(call)
    program.calls = calls


def use_blas(program: Program) -> None:
    """Compute sums as products with ones, and sums of squares as inner products: BLAS is faster at both."""
    for call in program.calls:
        total = call.args[0].source if call.fun is np.reshape and call.out.shape == (1,) else None
        if isinstance(total, Call) and total.fun is np.sum and is_reduction(total) and total.out.shape == ():
            (x,) = total.args
            if x.shape[1:] == (1,) and x.dtype == total.out.dtype:
                call.become(np.sum, (x,), {"axis": 0})  # of a column: the result has the shape already
    uses = use_counts(program.calls, program.outputs())
    ones: Ones = {}
    for call in program.calls:
        if call.fun is np.sum and is_reduction(call) and call.args[0].shape and call.args[0].dtype in SUMMED:
            if call.out.shape == ():
                rewrite_total(call, uses, ones)
            elif len(call.args[0].shape) == 2:
                rewrite_axis(call, ones)
    eliminate_dead_calls(program)


def constant_ones(shape: tuple[int, ...], like: Var, known: Ones) -> Var:
    """Return a constant array of ones."""
    array = np.ones(shape, like.dtype)
    return known.setdefault((shape, like.dtype), Var(Constant(array), array, "ones"))


def rewrite_total(call: Call, uses: dict[Var, int], ones: Ones) -> None:
    """Turn a sum of all elements into an inner product: with ones, or of squares.

    Not that of other products: where they overflow, their sum is infinity minus infinity, and BLAS, which does not
    round them, may find a number.
    """
    (x,) = call.args
    made = x.source if isinstance(x.source, Call) else None
    if made is not None and made.elementwise and uses[x] == 1 and x.size < LARGE:
        a = made.args[0]
        if (made.fun is np.square or (made.fun is np.multiply and made.args[1] is a)) and equals_in_kind(a, x):
            call.become(np.vdot, (a, a))
            return
    if 8 <= x.size < LARGE and (made is None or not is_view(made)):  # a view may have gaps between its elements
        call.become(np.vdot, (constant_ones((x.size,), x, ones), x))


def rewrite_axis(call: Call, ones: Ones) -> None:
    """Turn a sum along one axis of a matrix into a product with ones."""
    (x,) = call.args
    axis, keepdims = call.kwargs.get("axis"), call.kwargs.get("keepdims")
    if axis in (0, (0,), -2) and not keepdims and x.shape[0] > 4:
        call.become(np.dot, (constant_ones(x.shape[:1], x, ones), x))
    elif axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
        call.become(np.dot, (x, constant_ones((x.shape[1], 1)[: 2 if keepdims else 1], x, ones)))
