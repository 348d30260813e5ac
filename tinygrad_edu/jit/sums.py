"""Sums made faster: means as sums, and sums as products of BLAS. They add up in another order, and nothing else."""

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Constant, Program, Var
from .effects import is_view
from .simplify import ValueTable, constant_value, equals_in_kind, is_reduction

SUMMED = (np.float32, np.float64)
EXACT = 2**24  # each smaller integer is a float32


def divide_sums(program: Program) -> None:
    """Compute a mean as NumPy does: as a sum, divided by the number of elements."""
    calls = []
    for call in program.calls:
        if call.fun is np.mean and is_reduction(call) and call.args[0].dtype in SUMMED and call.out.size:
            n = call.args[0].size // call.out.size
            if n <= EXACT:
                total = Call(np.sum, call.args, call.kwargs, call.out.example, call.line, call.phase)
                calls.append(total)
                call.become(np.divide, (total.out, n))
        calls.append(call)
    program.calls = calls


def use_blas(call: Call, table: ValueTable) -> None:
    """Compute a sum as a product with ones, and a sum of squares as an inner product: BLAS is faster at both."""
    if call.fun is np.reshape:
        total = call.args[0].source
        if call.out.shape == (1,) and isinstance(total, Call) and total.fun is np.vdot:
            first, x = total.args
            if x.shape[1:] == (1,) and constant_value(first) == 1:  # a column's product has this shape already
                call.become(np.dot, (ones(x.shape[:1], x, table), x))
    elif is_reduction(call) and call.args[0].shape and call.args[0].dtype in SUMMED:
        (x,) = call.args
        axis, keepdims = call.kwargs.get("axis"), call.kwargs.get("keepdims")
        if call.out.shape == ():
            rewrite_total(call, x, table)
        elif len(x.shape) == 2 and axis in (0, (0,), -2) and not keepdims and x.shape[0] > 4:
            call.become(np.dot, (ones(x.shape[:1], x, table), x))
        elif len(x.shape) == 2 and axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
            call.become(np.dot, (x, ones((x.shape[1], 1)[: 2 if keepdims else 1], x, table)))


def rewrite_total(call: Call, x: Var, table: ValueTable) -> None:
    """Turn a sum of all elements into an inner product: with ones, or of squares.

    Not that of other products: where they overflow, their sum is infinity minus infinity, and BLAS, which does not
    round them, may find a number.
    """
    made = x.source if isinstance(x.source, Call) else None
    if made is not None and made.elementwise and x.size < LARGE:
        a = made.args[0]
        if (made.fun is np.square or (made.fun is np.multiply and made.args[1] is a)) and equals_in_kind(a, x):
            call.become(np.vdot, (a, a))
            return
    if 8 <= x.size < LARGE and (made is None or not is_view(made)):  # a view may have gaps between its elements
        call.become(np.vdot, (ones((x.size,), x, table), x))


def ones(shape: tuple[int, ...], like: Var, table: ValueTable) -> Var:
    """Return a constant array of ones."""
    array = np.ones(shape, like.dtype)
    return table.setdefault(("ones", shape, like.dtype), Var(Constant(array), array, "ones"))
