"""Sums: a mean is one, factors go round them, and BLAS computes them as products; to rounding they stay the same."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Constant, Program, Var, use_counts
from .simplify import dead


def mean(program: Program) -> None:
    """A mean as a sum, divided."""
    calls = []
    for call in program.calls:
        x: Any = call.args[0] if call.args else None
        if (
            call.fun is np.mean
            and len(call.args) == 1
            and set(call.kwargs) <= {"axis", "keepdims"}
            and x.dtype.kind == "f"
            and x.dtype.itemsize > 2
            and call.out.size
        ):
            total = Call(np.sum, call.args, call.kwargs, call.out.example, call.line, call.phase)
            calls.append(total)
            call.become(np.divide, (total.out, x.size // call.out.size))
        calls.append(call)
    program.calls = calls


def factors(program: Program) -> None:
    """Multiply by a number late, where fewer elements are left: c x @ a is c (x @ a)."""
    users: dict[Var, list[Call]] = {}
    for call in program.calls:
        for v in call.uses:
            users.setdefault(v, []).append(call)
    ends = set(program.outputs())
    for call in list(program.calls):
        if call.fun not in (np.multiply, np.divide) or call.kwargs or call.out.dtype not in (np.float32, np.float64):
            continue
        a, b = call.args
        if call.fun is np.multiply and _is_number(a):
            a, b = b, a
        if not _is_number(b) or type(a) is not Var or a.shape != call.out.shape or a.dtype != call.out.dtype:
            continue
        found = _linear_uses(call.out, users, ends)
        if not found or 4 * sum(c.out.size for c in found) > call.out.size:
            continue
        for c in found:
            inner = Call(c.fun, c.args, c.kwargs, c.out.example, c.line, c.phase)
            c.become(call.fun, (inner.out, b))
            program.calls.insert(program.calls.index(c), inner)
        program.replace({call.out: a})
        dead(program)
        return factors(program)


def _is_number(b: Any) -> bool:
    return type(b) in (int, float) or (type(b) is Var and b.shape == () and (b.dtype is None or b.dtype.kind == "f"))


def _linear_uses(v: Var, users: dict[Var, list[Call]], ends: set[Var]) -> list[Call] | None:
    """The calls at which v, directly or by its views, is summed up or multiplied by a matrix; None if others use it."""
    if v in ends:
        return None
    found: list[Call] = []
    for call in users.get(v, ()):
        if call.fun in (np.transpose, np.reshape):
            inner = _linear_uses(call.out, users, ends)
            if inner is None:
                return None
            found += inner
        elif (call.fun in (np.matmul, np.dot) and sum(u is v for u in call.uses) == 1) or (
            call.fun is np.sum and set(call.kwargs) <= {"axis", "keepdims"}
        ):
            found.append(call)
        else:
            return None
    return found


def blas(program: Program) -> None:
    """Sums as products with ones, and sums of products as products: BLAS computes both, and faster."""
    counts = use_counts(program.calls, program.outputs())
    ones: dict[Any, Var] = {}

    def one(n: int, dtype: Any) -> Var:
        array = np.ones(n, dtype)
        return ones.setdefault((n, dtype), Var(Constant(array), array, "ones"))

    calls: list[Call] = []

    def add(fun: Any, args: tuple[Any, ...], example: Any, like: Call) -> Var:
        calls.append(Call(fun, args, {}, example, like.line, like.phase))
        return calls[-1].out

    def flat(v: Var, like: Call) -> Var:
        return v if len(v.shape) == 1 else add(np.reshape, (v, (v.size,)), v.example.reshape(-1), like)

    for call in program.calls:
        x = call.args[0] if call.args else None
        if (
            call.fun is np.sum
            and len(call.args) == 1
            and type(x) is Var
            and x.dtype in (np.float32, np.float64)
            and x.shape
            and set(call.kwargs) <= {"axis", "keepdims"}
        ):
            axis, whole = call.kwargs.get("axis"), call.out.shape == ()
            made = x.source
            plain = not (isinstance(made, Call) and made.fun in (np.transpose, np.broadcast_to, operator.getitem))
            if whole and isinstance(made, Call) and counts[x] == 1 and made.fun in (np.multiply, np.square):
                a, b = made.args if made.fun is np.multiply else made.args * 2
                if (
                    type(a) is type(b) is Var
                    and a.shape == b.shape == x.shape
                    and a.dtype == b.dtype
                    and x.size < LARGE
                ):
                    call.become(np.dot, (flat(a, call), flat(b, call)))
            elif whole and plain and 8 <= x.size < LARGE:
                v = flat(x, call)
                call.become(np.dot, (one(x.size, x.dtype), v))
            elif len(x.shape) == 2 and axis in (0, (0,), -2) and not call.kwargs.get("keepdims") and x.shape[0] > 4:
                call.become(np.dot, (one(x.shape[0], x.dtype), x))
            elif len(x.shape) == 2 and axis in (1, (1,), -1) and x.shape[1] > 4 and x.size < 10_000:
                ending = one(x.shape[1], x.dtype)
                if call.kwargs.get("keepdims"):
                    column = ending.source.array.reshape(-1, 1)
                    ending = ones.setdefault((x.shape[1], x.dtype, 2), Var(Constant(column), column, "ones"))
                call.become(np.dot, (x, ending))
        calls.append(call)
    program.calls = calls
    dead(program)
