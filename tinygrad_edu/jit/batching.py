"""Batching identical computations into one stacked call, as for the rows of a Jacobian.

Where several results are stacked, the pass follows them back together as long as the same function made each of them:
one call on the stacked operands computes all. That function is elementwise, or one of `BATCHED`.
"""

import operator
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..engine.rules.finite import has_nan
from ..engine.rules.indexing import setitem
from ..trace.functional import is_basic
from ..trace.ir import Call, Constant, Guard, Program, Var, placeholder
from . import simplify

BATCHED = {operator.getitem, setitem, np.broadcast_to, np.sum}


class Shared:
    """An operand that is the same for all members of a batch."""

    def __init__(self, value: object) -> None:
        self.value = value


class Batch:
    """Results of one shape, stacked along a new first axis; `calls` compute them."""

    def __init__(self, members: Sequence[Var]) -> None:
        self.size = len(members)
        self.calls: list[Call] = []
        self.known: dict[tuple[int, ...], Var | Shared | None] = {}
        self.stacked = self.stack(members)

    def add(
        self, fun: Callable[..., object], args: tuple[object, ...], like: Call,
        kwargs: Mapping[str, object] | None = None,
    ) -> Var:  # fmt: skip
        """Add a call and return its result."""
        with np.errstate(all="ignore"):  # only the shape and the dtype of the example matter
            example = placeholder(fun(*[a.example if type(a) is Var else a for a in args], **(kwargs or {})))
        self.calls.append(Call(fun, args, kwargs or {}, example, like.line, like.phase))
        return self.calls[-1].out

    def stack(self, members: Sequence[object]) -> Var | Shared | None:
        """Return all members as one array with a new first axis, or as `Shared` where all are the same."""
        first = members[0]
        if all(equivalent(m, first) for m in members):
            return Shared(first)
        arrays = [m for m in members if type(m) is Var]
        if len(arrays) < len(members) or len({(v.shape, v.dtype) for v in arrays}) > 1:
            return None
        key = tuple([id(v) for v in arrays])
        if key not in self.known:
            sources = [v.source for v in arrays]
            stacked: Var | Shared | None = None
            if all(isinstance(s, Call) for s in sources):
                stacked = self.merge(sources)
            elif all(isinstance(s, Constant) for s in sources):
                array = np.stack([s.array for s in sources])
                stacked = Var(Constant(array), array)
            self.known[key] = stacked
        return self.known[key]

    def merge(self, calls: list[Call]) -> Var | Shared | None:
        """Return the result of one call that does what all of these calls do, or None if there is none."""
        first = calls[0]
        fun = first.fun
        if not first.elementwise and fun not in BATCHED:
            return None
        if any(
            c.fun is not fun or len(c.args) != len(first.args) or not equivalent(c.kwargs, first.kwargs) or c.draws
            for c in calls
        ):
            return None
        operands: list[Var | Shared] = []
        for args in zip(*[c.args for c in calls], strict=True):
            stacked = self.stack(args) if type(args[0]) is Var or all(equivalent(a, args[0]) for a in args) else None
            if stacked is None:
                return None
            operands.append(stacked)
        if all(isinstance(p, Shared) for p in operands):  # as where each call reads an equal constant
            return Shared(first.out)
        if fun is np.power and not isinstance(operands[1], Shared):  # NumPy rounds otherwise if exponents differ
            return None
        if first.elementwise:
            return self.add(fun, tuple([self.aligned(p, len(first.out.shape), first) for p in operands]), first)
        x, *others = operands
        if (given := batched_arguments(first, self.size)) is None:
            return None
        if fun is setitem:
            return self.write(first, x, given[0][0], others[1])
        if isinstance(x, Shared) or not all(isinstance(p, Shared) for p in others):
            return None
        operand = self.aligned(x, len(first.args[1]), first) if fun is np.broadcast_to else x
        return self.add(fun, (operand, *given[0]), first, given[1])

    def write(self, call: Call, x: Var | Shared, index: object, v: Var | Shared) -> Var:
        """Add a call that writes v into x at an index; if x is the same for all members, each gets a copy of it."""
        array, at, _ = call.args
        if isinstance(x, Shared):
            base = np.broadcast_to(array.example, (self.size, *array.shape))
            fixed = isinstance(array.source, Constant)
            x = Var(Constant(base.copy()), base) if fixed else self.add(np.broadcast_to, (array, base.shape), call)
        return self.add(setitem, (x, index, self.aligned(v, np.ndim(array.example[at]), call)), call)

    def aligned(self, p: Var | Shared, ndim: int, like: Call) -> object:
        """Return an operand whose members have `ndim` axes, so that it broadcasts against others."""
        if isinstance(p, Shared):
            return p.value
        missing = ndim - (len(p.shape) - 1)
        return self.add(np.reshape, (p, (self.size, *(1,) * missing, *p.shape[1:])), like) if missing > 0 else p


def batched_arguments(call: Call, n: int) -> tuple[tuple[object, ...], Mapping[str, object]] | None:
    """Return a call's other arguments and keywords for n first operands that are stacked, or None if there are none."""
    fun, rest, kwargs = call.fun, call.args[1:], call.kwargs
    if fun in (operator.getitem, setitem):
        index = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
        return (((slice(None), *index), *rest[1:]), {}) if is_basic(index) else None
    if simplify.is_reduction(call, np.sum):
        axis, ndim = kwargs.get("axis"), len(call.args[0].shape)
        axes = tuple([a % ndim + 1 for a in (range(ndim) if axis is None else np.atleast_1d(axis).tolist())])
        return ((), {**kwargs, "axis": axes}) if axes else None
    return None if kwargs or fun is np.sum else (((n, *rest[0]),), {})


def equivalent(a: object, b: object) -> bool:
    """Whether two operands are known to be equal at every call."""
    if isinstance(a, Var) and isinstance(b, Var) and type(a.source) is type(b.source) is Constant:
        same_form = a.dtype == b.dtype and a.shape == b.shape and a.size < 10_000
        return a is b or (same_form and np.asarray(a.source.array).tobytes() == np.asarray(b.source.array).tobytes())
    return a is b or (type(a) is type(b) and simplify.value_key(a) == simplify.value_key(b))


def batch_rows(program: Program) -> None:
    """Compute results that are stacked at the end, such as the rows of a Jacobian, all at once."""
    if not any(c.fun is np.stack for c in program.calls):
        return
    rules = {"copies": (simplify.propagate_copies, {np.copy}), "common": (simplify.common_subexpressions, None)}
    simplify.apply_rules(program, rules)  # equal operands are one Var now
    calls: list[Call] = []
    changed = False
    for call in program.calls:
        members = call.args[0] if call.fun is np.stack and len(call.args) == 1 and not call.kwargs else ()
        if len(members) > 3 and all(type(v) is Var for v in members):
            batch = Batch(members)
            if type(batch.stacked) is Var:
                calls += batch.calls
                merge_guards(program, members, batch.stacked)
                call.become(np.copy, (batch.stacked,))
                changed = True
        calls.append(call)
    program.calls = calls
    if changed:
        simplify.eliminate_dead_calls(program)
        program.sort()


def merge_guards(program: Program, members: Sequence[Var], stacked: Var) -> None:
    """Check the stacked array for NaN instead of each row, if each is checked."""
    checked = {(v,) for v in members}
    merged = [g for g in program.guards if g.predicate is has_nan and g.args in checked and not g.answer]
    if len(merged) == len(checked):
        program.guards = [g for g in program.guards if g not in merged]
        program.guards.append(Guard(has_nan, (stacked,), False))
