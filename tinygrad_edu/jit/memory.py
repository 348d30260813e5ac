"""The memory of a program: the order of its calls, how long each array is needed, and which buffer holds it.

An elementwise call may write over an operand that it is the last to read. A result that is stored in a Tensor or an
optimizer is computed there if nothing that can fail comes later and nobody needs the old elements.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from ..engine.rules.indexing import setitem
from ..trace.functional import add_at
from ..trace.ir import Call, Guard, Program, Var, use_counts, variables
from .effects import can_raise, shared

WRITES = (setitem, add_at)  # their results are their first argument, but for some elements


class Location(NamedTuple):
    """Where a Var's value is: `text` names it in the plan, `array` is the array if it is the same at every call."""

    text: str
    array: np.ndarray | None = None


def schedule(program: Program) -> int:
    """Put calls that can fail, and those that guards depend on, before updates; return the first call after them.

    No earlier call may change an array of a Tensor, an optimizer or the caller: a replay that fails changes nothing.
    """
    if not (program.stores or program.grads):
        return 0
    early = {v for guard in program.guards for v in variables(guard.args)}
    for call in reversed(program.calls):
        if call.out in early or can_raise(call):
            early.update([call.out, *call.uses])
    deferred: set[Var] = set()
    for call in program.calls:
        if call.out not in early and (call.phase == "update" or not deferred.isdisjoint(call.uses)):
            deferred.add(call.out)
    program.calls.sort(key=lambda call: call.out in deferred)
    return max([i + 1 for i, call in enumerate(program.calls) if call.out in early], default=0)


class Layout:
    """Live ranges and buffers of one program's arrays; `chosen` are the names of the optimizations.

    No call before the one with the number `first_write` may change an array of a Tensor, an optimizer or the caller.
    """

    def __init__(self, program: Program, chosen: Collection[str], first_write: int) -> None:
        self.optimized = "memory" in chosen
        self.locations: dict[Var, Location] = {}
        self.buffers: list[np.ndarray] = []  # bytes
        self.free: dict[int, list[np.ndarray]] = {}  # size in bytes: free buffers
        self.taken: dict[Var, np.ndarray] = {}  # a Var in a buffer: the buffer
        self.arrays: dict[tuple[Hashable, ...], np.ndarray] = {}  # in the buffers
        self.program, self.first_write = program, first_write
        index = {call.out: i for i, call in enumerate(program.calls)}
        self.guards: dict[int, list[Guard]] = {}  # the number of the call after which they can be checked: the guards
        for guard in program.guards:
            self.guards.setdefault(max([index.get(v, -1) for v in variables(guard.args)], default=-1), []).append(guard)
        self.turned: dict[Var, np.ndarray] = {}  # for a new array that C writes in another order: one with its strides
        self.copied: set[Var] = set()  # results that have memory of their own, though they could share some
        self.analyze()
        self.targets = {value: target for target, value in program.stores}
        self.compute_in_place()

    def compute_in_place(self) -> None:
        """Let a step towards a new value take the place of the old one too, as the product in m = 0.9 * m + g."""
        counts = use_counts(self.program.calls, self.program.outputs())
        for value, target in list(self.targets.items()):
            for v in replaced(value.source) if isinstance(value.source, Call) else ():
                made = v.source if counts[v] == 1 and (v.shape, v.dtype) == (target.shape, target.dtype) else None
                if isinstance(made, Call) and made.elementwise and target in made.uses:
                    self.targets[v] = target
                    break

    def analyze(self) -> None:
        """Find out which Vars share memory, which memory leaves the plan, and how long each is needed."""
        program, calls = self.program, self.program.calls
        self.shared: dict[Var, frozenset[Var]] = {}  # a Var that may share memory: the Vars that the memory belongs to
        for call in calls:
            if call.out not in self.copied and (vs := shared(call)):
                self.shared[call.out] = frozenset().union(*map(self.roots, vs))
        checked = {i + 1: variables([guard.args for guard in guards]) for i, guards in self.guards.items()}
        uses = [(call.out, *call.uses, *checked.get(i, ())) for i, call in enumerate(calls)]
        # The number of the last call that reads a Var, or what shares its memory
        self.last_use = {v: i for i, vs in enumerate(uses) for v in vs}
        self.last_use.update(dict.fromkeys([*program.results(), *checked.get(len(calls), ())], len(calls)))
        for v, roots in self.shared.items():
            for root in roots:
                self.last_use[root] = max(self.last_use.get(root, -1), self.last_use[v])
        self.dying: dict[int, list[Var]] = {}  # the number of a call: the Vars that nobody reads after it
        for v, i in self.last_use.items():
            self.dying.setdefault(i, []).append(v)
        leaving = variables([program.result, program.containers, program.grads, program.rebound])
        times = Counter([root for v in leaving for root in self.roots(v)])
        once = {root for root, n in times.items() if n == 1}  # of several parts, each is copied when it leaves
        self.new = once if self.optimized else {call.out for call in calls}  # results that NumPy makes arrays for

    def roots(self, v: Var) -> Collection[Var]:
        """Return the Vars whose memory v may lie in: v itself if it is not a view."""
        return self.shared.get(v, (v,))

    def allocate(self, v: Var, like: Sequence[Var] = ()) -> np.ndarray:
        """Return an array for v in a free or in a new buffer, its axes in the order of those of an operand of its call.

        NumPy chooses the same for new arrays, and is fast where all operands of a call have one order.
        """
        size = v.size * v.dtype.itemsize
        free = self.free.get(size)
        if free:
            buffer = free.pop()
        else:
            raw = np.empty(size + 64, np.uint8)
            start = -raw.ctypes.data % 64  # where a line of the cache begins
            buffer = raw[start : start + size]
            self.buffers.append(buffer)
        self.taken[v] = buffer
        strides = None
        for operand in like if len(v.shape) > 1 else ():
            array, call = self.locations[operand].array if operand in self.locations else None, operand.source
            if array is None and isinstance(call, Call) and call.fun is np.transpose:
                array = call.fun(np.empty(call.args[0].shape), *call.args[1:])  # of a new array
            if array is not None and array.ndim == len(v.shape) and array.size >= v.size and all(array.strides):
                if not array.flags.c_contiguous:
                    strides = np.empty_like(array, v.dtype, shape=v.shape).strides
                break
        array = np.ndarray(v.shape, v.dtype, buffer, 0, strides)
        key = id(buffer), v.dtype, v.shape, array.strides  # one object, and so one name in the plan, for each of these
        return self.arrays.setdefault(key, array)

    def release(self, i: int) -> None:
        """Free the buffers of the arrays whose last use is the i-th call."""
        for root in self.dying.get(i, ()):
            if root in self.taken:
                buffer = self.taken.pop(root)
                self.free.setdefault(buffer.size, []).append(buffer)

    def destination(self, call: Call, i: int) -> np.ndarray | None:
        """Return the array that the i-th call is to write its result into, or None if NumPy makes a new one."""
        if call.out in self.new:
            return None
        if (target := self.changed_in_place(call, i)) is not None:
            return self.locations[target].array
        like = call.uses[:1] if call.kwargs.get("keepdims") else replaced(call)
        dying = self.dying_operand(call, i)
        return self.allocate(call.out, like) if dying is None else dying

    def changed_in_place(self, call: Call, i: int) -> Var | None:
        """Return the array of others, at one place in memory, that the i-th call may compute its result in."""
        target = self.targets.get(call.out)
        if call.out in self.new or target is None or self.locations[target].array is None:
            return None
        reads = [v for v in call.uses if target in self.roots(v)]
        fits = not reads or (call.elementwise and all(v is target for v in reads))
        return target if fits and i >= self.first_write and self.last_use.get(target, -1) <= i else None

    def dying_operand(self, call: Call, i: int) -> np.ndarray | None:
        """Take over the array of an operand whose last use is this call, to write where it reads."""
        out = call.out
        for v in replaced(call):
            fits = v in self.taken and self.last_use[v] <= i and v.shape == out.shape and v.dtype == out.dtype
            if fits and all(u is v or v not in self.roots(u) for u in call.uses):
                self.taken[out] = self.taken.pop(v)
                return self.locations[v].array
        return None


def replaced(call: Call) -> Sequence[Var]:
    """Return the operands that a call may write over while it reads them."""
    if call.elementwise:
        return call.uses
    x = call.args[0] if call.fun in WRITES else None
    return [x] if type(x) is Var and x not in variables(call.args[1:]) else ()
