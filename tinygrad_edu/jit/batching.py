"""Many alike as one: the rows of a Jacobian, and the updates of all parameters.

Both look at several results that are to stand side by side, and go back from them together as long as the same was
done to each: then one call on what lies side by side does it for all.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.backward import has_nan
from ..engine.rules.indexing import setitem
from ..trace.functional import astype
from ..trace.ir import Call, Constant, Guard, Program, Var, placeholder
from .simplify import common, copies, dead, simplify


class Rows:
    """Results of one shape, stacked: the member i is row i."""

    def __init__(self, members: Sequence[Var]) -> None:
        self.n = len(members)
        self.calls: list[Call] = []
        self.known: dict[Any, Any] = {}
        self.stacked = self.pack(list(members))

    def new(self, fun: Any, args: tuple[Any, ...], like: Call, kwargs: Any = None) -> Var:
        """One more call."""
        with np.errstate(all="ignore"):  # it is but a shape and a dtype
            example = placeholder(fun(*[a.example if type(a) is Var else a for a in args], **(kwargs or {})))
        self.calls.append(Call(fun, args, kwargs or {}, example, like.line, like.phase))
        return self.calls[-1].out

    def pack(self, members: list[Any]) -> Any:
        """All members as one array with a first axis for them; the member itself where all are the same."""
        first = members[0]
        if all(alike(m, first) for m in members):
            return Same(first)
        if not all(type(m) is Var for m in members) or len({(m.shape, m.dtype) for m in members}) > 1:
            return None
        key = tuple([id(m) for m in members])
        if key not in self.known:
            sources = [m.source for m in members]
            made = None
            if all(isinstance(s, Call) for s in sources):
                made = self.merge(sources)
            elif all(isinstance(s, Constant) for s in sources):
                array = np.stack([s.array for s in sources])
                made = Var(Constant(array), array)
            self.known[key] = made
        return self.known[key]

    def merge(self, calls: list[Call]) -> Any:
        """The call that does what all of them do, if there is one."""
        first = calls[0]
        f, out = first.fun, first.out
        if any(
            c.fun is not f or len(c.args) != len(first.args) or not alike(c.kwargs, first.kwargs) or c.draws
            for c in calls
        ):
            return None
        if not first.elementwise and f not in STACKED:
            return None
        packed = []
        for args in zip(*[c.args for c in calls], strict=True):
            if type(args[0]) is not Var and not all(alike(a, args[0]) for a in args):
                return None
            p = self.pack(list(args))
            if p is None:
                return None
            packed.append(p)
        if all(isinstance(p, Same) for p in packed):  # each from constants of its own that are equal
            return Same(out)
        rest = [p.value for p in packed[1:] if isinstance(p, Same)]
        if first.elementwise:
            return self.new(f, tuple([self.aligned(p, len(out.shape), first) for p in packed]), first)
        x = packed[0]
        if isinstance(x, Same):
            if f is not setitem or len(rest) != 1:
                return None
            base = np.broadcast_to(x.value.example, (self.n, *x.value.shape))
            x = (
                Var(Constant(np.array(base)), base)
                if isinstance(x.value.source, Constant)
                else self.new(np.broadcast_to, (x.value, base.shape), first)
            )
        elif len(rest) < len(packed) - 1 - (f is setitem):
            return None
        if f in (operator.getitem, setitem):
            index = first.args[1]
            parts = index if isinstance(index, tuple) else (index,)
            if not all(i is None or i is ... or isinstance(i, (int, slice)) for i in parts):
                return None
            index = (slice(None), *parts)
            if f is operator.getitem:
                return self.new(f, (x, index), first)
            v = packed[2]
            v = (
                v.value
                if isinstance(v, Same)
                else self.aligned(v, np.ndim(first.args[0].example[first.args[1]]), first)
            )
            return self.new(f, (x, index, v), first)
        if f in (np.reshape, np.broadcast_to):
            if f is np.broadcast_to:
                x = self.aligned(x, len(first.args[1]), first)
            return self.new(f, (x, (self.n, *first.args[1])), first, first.kwargs) if not first.kwargs else None
        if f is np.transpose:
            return self.new(f, (x, (0, *[a + 1 for a in first.args[1]])), first)
        if f is np.sum:
            axis = first.kwargs.get("axis")
            if len(first.args) > 1 or set(first.kwargs) - {"axis", "keepdims"}:
                return None
            ndim = len(first.args[0].shape)
            axes = range(ndim) if axis is None else np.atleast_1d(axis).tolist()
            axes = tuple([a % ndim + 1 for a in axes])
            return self.new(f, (x,), first, {**first.kwargs, "axis": axes}) if axes else None
        return self.new(f, (x, *rest), first)

    def aligned(self, p: Any, ndim: int, like: Call) -> Any:
        """A stack whose rows have `ndim` axes, for broadcasting against others."""
        if isinstance(p, Same):
            return p.value
        missing = ndim - (len(p.shape) - 1)
        return self.new(np.reshape, (p, (self.n, *(1,) * missing, *p.shape[1:])), like) if missing > 0 else p


STACKED = {operator.getitem, setitem, np.reshape, np.transpose, np.broadcast_to, np.sum, astype}


class Same:
    """What is the same for all members."""

    def __init__(self, value: Any) -> None:
        self.value = value


def alike(a: Any, b: Any) -> bool:
    """Whether two arguments are the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is Var:
        s, t = a.source, b.source
        return (
            isinstance(s, Constant) and isinstance(t, Constant) and a.dtype == b.dtype and a.shape == b.shape
            and a.size < 10_000 and bool(np.array_equal(s.array, t.array))
        )  # fmt: skip
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(v, b[k]) for k, v in a.items())
    if isinstance(a, np.ndarray):
        return False
    return bool(a == b)


def rows(program: Program) -> None:
    """Compute the rows that are stacked at last, as those of a Jacobian are, all at once."""
    if not any(c.fun is np.stack for c in program.calls):
        return
    simplify(program, {"copies": (copies, {np.copy}), "common": (common, None)})  # what is the same is one Var now
    calls: list[Call] = []
    changed = False
    for call in program.calls:
        if (
            call.fun is np.stack
            and len(call.args) == 1
            and not call.kwargs
            and len(call.args[0]) > 3
            and all(type(v) is Var for v in call.args[0])
        ):
            packed = Rows(call.args[0])
            if type(packed.stacked) is Var:
                calls += packed.calls
                asked = {(v,) for v in call.args[0]}
                merged = [g for g in program.guards if g.predicate is has_nan and g.args in asked and not g.answer]
                if len(merged) == len(asked):  # of none, if none of all
                    program.guards = [g for g in program.guards if g not in merged]
                    program.guards.append(Guard(has_nan, (packed.stacked,), False))
                call.become(np.copy, (packed.stacked,))
                changed = True
        calls.append(call)
    program.calls = calls
    if changed:
        dead(program)
        program.sort()
