"""The memory of a program: what lives how long, and where.

Every array that does not leave the program has its place before the first call. A place is used again when what was
in it is no longer needed, by an elementwise call even for its own result; what a call makes to be stored outside is
written there at once, if nobody needs the old elements any more; and what is to stand side by side is computed there.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.threads import LARGE
from ..trace.captured import Captured
from ..trace.functional import retyped
from ..trace.ir import Call, Home, Program, State, Var, variables
from .blocks import stretches
from .flat import Flat, join, piece, shells


def is_view(call: Call) -> bool:
    """Whether a call rearranges an array without looking at its elements, so that a view may do."""
    if call.fun is operator.getitem:
        index = call.args[1]
        parts = index if isinstance(index, tuple) else (index,)
        return all(i is None or i is ... or isinstance(i, (int, slice)) for i in parts)
    return (call.fun in VIEWS or call.fun in (np.broadcast_to, retyped, piece)) and not call.kwargs


VIEWS = {operator.getitem, np.reshape, np.transpose}
PRODUCTS = {np.dot, np.matmul}


def large(call: Call) -> bool:
    """Whether BLAS computes a product in threads, which then spin on their cores: other threads would wait there."""
    return call.out.size * call.args[0].shape[-1] > 1_000_000 if type(call.args[0]) is Var else False


class Layout:
    """Lifetimes and places for the Vars of one program; `chosen` are the optimisations."""

    def __init__(self, program: Program, found: Captured, chosen: Any) -> None:
        self.program, self.optimized = program, "memory" in chosen
        self.home: dict[Var, Home] = {}
        self.free: dict[int, list[Any]] = {}  # bytes: blocks of memory of that size
        self.blocks: list[Any] = []
        self.arrays: dict[Any, Any] = {}  # in the blocks
        self.taken: dict[Var, Any] = {}  # root: its block
        self.joined: dict[Var, Any] = {}  # the array for each join, and for what is computed in a part of it
        self.direct: set[Var] = set()  # what is written outside at once

        self.barrier = self.order()
        self.spans: dict[int, int] = {}
        if (
            self.optimized and "blocks" in chosen and any([c.out.size >= LARGE for c in program.calls])
            and not any(c.fun in PRODUCTS and large(c) for c in program.calls)
        ):  # fmt: skip
            program.calls, self.spans = stretches(program.calls, self.barrier)

        self.root: dict[Var, Var] = {}  # of a view, what it is a view of
        for call in program.calls:
            if is_view(call) and type(call.args[0]) is Var:
                self.root[call.out] = self.origin(call.args[0])
            elif call.alias_of is not None:
                self.root[call.out] = self.origin(call.uses[call.alias_of])
        # A gradient is a new array at each call if its Tensor is an argument, or if it is added to one that was there.
        renewed = {id(v.source.owner) for v in program.states if v.source.kind == "grad"} | found.given.keys()
        self.leaving = {self.origin(v) for v in variables(program.result)}
        self.leaving |= {self.origin(v) for x, v in program.grads if v is not None and id(x) in renewed}
        if self.optimized:
            for call in program.calls:
                if call.fun is join:
                    self.side_by_side(call)
        self.last: dict[Var, int] = {}  # the last call that needs a root
        root = self.root
        for i, call in enumerate(program.calls):
            for v in call.uses:
                self.last[root.get(v, v)] = i
        for v in program.outputs():
            self.last[root.get(v, v)] = len(program.calls)
        self.targets = {
            value: target
            for target, value in program.stores
            if isinstance(target.source, State) and target.source.kind != "grad" and not target.scalar
        }
        index = {call.out: i for i, call in enumerate(program.calls)}
        self.final = {target: index[v] for v, target in self.targets.items() if v in index}  # when each is written last
        self.lent: dict[Var, Var] = {}  # what a target's array holds in the meantime

    def order(self) -> int:
        """The first call that may write outside: none before the last of the guards' questions is answered.

        What belongs to the update and is not asked about comes after that.
        """
        program = self.program
        asked = {v for g in program.guards for v in variables(g.args)}
        if not (program.stores or program.grads) or not asked:
            return 0
        for call in reversed(program.calls):
            if call.out in asked:
                asked.update(call.uses)
        last = max([i for i, c in enumerate(program.calls) if c.out in asked], default=-1)
        early, late = program.calls[: last + 1], program.calls[last + 1 :]
        waits = {c for c in early if c.phase == "update" and c.out not in asked and not c.draws}
        if not waits:
            return len(early)
        for call in early:  # and what is made of what waits
            if call.out not in asked and any(v.source in waits for v in call.uses):
                waits.add(call)
        program.calls = [*[c for c in early if c not in waits], *[c for c in early if c in waits], *late]
        return len(early) - len(waits)

    def origin(self, v: Var) -> Var:
        """What v is a view of, or v itself."""
        return self.root.get(v, v)

    def parts(self, call: Call, whole: Any) -> list[Any]:
        """The views of `whole` that the arguments of a join go to."""
        return Flat(whole, shells([v.shape for v in call.args], call.kwargs["orders"])).pieces

    def side_by_side(self, call: Call) -> None:
        """Let what is to be joined be computed in its part, if a view of that part takes it."""
        whole = self.joined[call.out] = self.array(call.out)
        for v, array in zip(call.args, self.parts(call, whole), strict=True):
            root = v
            while (
                isinstance(root.source, Call) and root.source.fun in (np.transpose, np.reshape) and is_view(root.source)
            ):
                inner = root.source.args[0]
                if root.source.fun is np.transpose:
                    array = array.transpose(np.argsort(root.source.args[1]))
                else:
                    array = array.reshape(inner.shape)
                root = inner
            computed = isinstance(root.source, Call) and not is_view(root.source) and root.shape != ()
            if computed and root not in self.leaving and root not in self.joined and np.may_share_memory(array, whole):
                self.joined[root] = array
                for other, old in list(self.root.items()):
                    if old is root:
                        self.root[other] = call.out
                self.root[root] = call.out

    def array(self, v: Var, block: Any = None) -> Any:
        """An array for v in a block of memory: the one given, a free one or a new one."""
        size = v.size * v.dtype.itemsize
        if block is None:
            free = self.free.get(size)
            if free:
                block = free.pop()
            else:
                raw = np.empty(size + 64, np.uint8)
                start = -raw.ctypes.data % 64  # where a line of the cache begins
                block = raw[start : start + size]
                self.blocks.append(block)
        self.taken[v] = block
        key = id(block), v.dtype, v.shape
        if key not in self.arrays:  # one object, and so one name, for each kind of array in a block
            self.arrays[key] = block.view(v.dtype).reshape(v.shape)
        return self.arrays[key]

    def release(self, i: int, call: Call) -> None:
        """Give back the memory of what the i-th call was the last to use."""
        for v in (*call.uses, call.out):
            root = self.root.get(v, v)
            if root in self.taken and self.last.get(root, -1) <= i:
                block = self.taken.pop(root)
                self.free.setdefault(block.size, []).append(block)

    def outside(self, call: Call, i: int) -> Any:
        """The array outside that the result of the i-th call is to end in, if it may be written there now."""
        target = self.targets.get(call.out)
        if target is None or i < self.barrier or self.last.get(target, -1) > i:
            return None
        if any(self.root.get(v) is target for v in call.uses):  # it may not lie as the result does
            return None
        self.direct.add(call.out)
        return target.source.array

    def place(self, call: Call, i: int) -> Any:
        """The array that the i-th call is to write its result into; None if it is to leave the program."""
        out = call.out
        if out in self.leaving or not self.optimized:
            return None
        found = self.joined.get(out)
        if found is None:
            found = self.outside(call, i)
        if found is None and call.elementwise:
            found = self.borrowed(call, i)
        if found is None:
            found = self.array(out, self.own(call, i) if call.elementwise else None)
        return found

    def borrowed(self, call: Call, i: int) -> Any:
        """The array of a target that this elementwise call is the last to read, until that is written at last."""
        out = call.out
        for v in call.uses:
            final = self.final.get(v, -1)
            if (
                final > i >= max(self.barrier, self.last.get(v, -1)) and v not in self.lent and v.shape == out.shape
                and v.dtype == out.dtype and self.last.get(out, -1) <= final and self.program.calls[final].elementwise
            ):  # fmt: skip
                self.lent[v] = out
                return v.source.array
        return None

    def own(self, call: Call, i: int) -> Any:
        """The memory of an argument that dies with this elementwise call, to write where it reads."""
        out = call.out
        for v in call.uses:
            root = self.origin(v)
            if (
                root in self.taken
                and self.last.get(root, -1) <= i
                and root.shape == out.shape == v.shape
                and root.dtype == out.dtype
            ):
                homes = [self.home[u].array for u in call.uses if self.origin(u) is root]
                if all(h is not None and h.flags.c_contiguous and h.size == out.size for h in homes):
                    return self.taken.pop(root)
        return None
