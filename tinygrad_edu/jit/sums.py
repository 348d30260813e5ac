"""Faster sums, equal to rounding: means as sums, factors moved behind sums, and sums as matrix products in BLAS."""

from __future__ import annotations

import math
import operator

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Constant, Program, Var, use_counts
from .simplify import eliminate_dead_calls, is_reduction, scalar_value


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


def delay_factors(program: Program) -> None:
    """Multiply by a constant where fewer elements are left: (c * x) @ a is c * (x @ a).

    A number that is computed stays: if it is infinite, the sum of its products may be NaN, where inf * sum is not.
    """
    users: dict[Var, list[Call]] = {}
    for call in program.calls:
        for v in call.uses:
            users.setdefault(v, []).append(call)
    outputs = set(program.outputs())
    for call in list(program.calls):
        if call.fun not in (np.multiply, np.divide) or call.kwargs or call.out.dtype not in (np.float32, np.float64):
            continue
        a, b = call.args
        if call.fun is np.multiply and _is_factor(a):
            a, b = b, a
        if not _is_factor(b) or type(a) is not Var or a.shape != call.out.shape or a.dtype != call.out.dtype:
            continue
        found = _linear_uses(call.out, users, outputs)
        if not found or 4 * sum(c.out.size for c in found) > call.out.size:
            continue
        for c in found:
            inner = Call(c.fun, c.args, c.kwargs, c.out.example, c.line, c.phase)
            c.become(call.fun, (inner.out, b))
            program.calls.insert(program.calls.index(c), inner)
        program.replace({call.out: a})
        eliminate_dead_calls(program)
        return delay_factors(program)


def _is_factor(b: object) -> bool:
    """Whether an operand is a constant number without axes that is finite and not 0."""
    if type(b) is Var and (b.shape != () or (b.dtype is not None and b.dtype.kind != "f")):
        return False
    n = scalar_value(b)
    return n is not None and n != 0 and math.isfinite(n)


def _linear_uses(v: Var, users: dict[Var, list[Call]], outputs: set[Var]) -> list[Call] | None:
    """Return the sums and matrix products that use v or a view of it, or None if other calls use it."""
    if v in outputs:
        return None
    found: list[Call] = []
    for call in users.get(v, ()):
        if call.fun in (np.transpose, np.reshape):
            inner = _linear_uses(call.out, users, outputs)
            if inner is None:
                return None
            found += inner
        elif (call.fun in (np.matmul, np.dot) and call.uses.count(v) == 1) or (
            call.fun is np.sum and call.kwargs.keys() <= {"axis", "keepdims"}
        ):
            found.append(call)
        else:
            return None
    return found


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
