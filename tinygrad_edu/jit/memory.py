"""The memory of a program: the order of its calls, how long each array is needed, and which buffer holds it.

Every array that does not escape from the program gets its place in a buffer before the first call. A buffer is used
again when the array in it is dead; an elementwise call may even write its result over an operand that it is the last
to read. A result that is stored in an external array (a parameter, say) is computed there at once, if its old
elements are not needed any more.
"""

from collections.abc import Collection

import numpy as np

from ..trace.captured import Captured
from ..trace.ir import Call, Program, State, Var, variables
from .effects import is_view


class Location:
    """Where a Var's value is: `text` names it in the plan, `array` is the array if it is the same at every call."""

    __slots__ = ("array", "text")

    def __init__(self, text: str, array: np.ndarray | None = None) -> None:
        self.text, self.array = text, array


class Layout:
    """Live ranges and buffers of one program's arrays; `chosen` are the names of the optimisations."""

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str]) -> None:
        self.program, self.optimized = program, "memory" in chosen
        self.locations: dict[Var, Location] = {}
        self.buffers: list[np.ndarray] = []  # bytes
        self.free: dict[int, list[np.ndarray]] = {}  # size in bytes: free buffers
        self.taken: dict[Var, np.ndarray] = {}  # base: its buffer
        self.arrays: dict[tuple[int, np.dtype, tuple[int, ...]], np.ndarray] = {}  # in the buffers
        self.direct: set[Var] = set()  # results that are computed where they are stored
        self.borrowers: dict[Var, Var] = {}  # store target: what its array holds until it is written

        self.first_write = self.schedule()
        self.bases: dict[Var, Var] = {}  # view: what it is a view of
        for call in program.calls:
            if is_view(call) and type(call.args[0]) is Var:
                self.bases[call.out] = self.base(call.args[0])
            elif call.alias_of is not None:
                self.bases[call.out] = self.base(call.uses[call.alias_of])
        # A gradient is a new array at each call if its Tensor is an argument, or if it is added to an earlier one.
        renewed = {id(v.source.owner) for v in program.states if v.source.kind == "grad"} | captured.given.keys()
        self.escaping = {self.base(v) for v in variables(program.result)}
        self.escaping |= {self.base(v) for x, v in program.grads if v is not None and id(x) in renewed}
        self.last_use: dict[Var, int] = {}  # base: the number of the last call that reads it
        for i, call in enumerate(program.calls):
            for v in call.uses:
                self.last_use[self.base(v)] = i
        for v in program.outputs():
            self.last_use[self.base(v)] = len(program.calls)
        self.targets = {
            value: target
            for target, value in program.stores
            if isinstance(target.source, State) and target.source.kind != "grad" and target.shape != ()
        }
        index = {call.out: i for i, call in enumerate(program.calls)}
        self.stored_by = {target: index[v] for v, target in self.targets.items() if v in index}  # a call's number

    def schedule(self) -> int:
        """Put the calls that guards depend on first; return the number of the first call that may write externally.

        No call may do so before all guards have held: a replay that fails one must change nothing.
        """
        program = self.program
        guarded = {v for g in program.guards for v in variables(g.args)}
        if not (program.stores or program.grads) or not guarded:
            return 0
        for call in reversed(program.calls):
            if call.out in guarded:
                guarded.update(call.uses)
        last = max([i for i, c in enumerate(program.calls) if c.out in guarded], default=-1)
        early, late = program.calls[: last + 1], program.calls[last + 1 :]
        deferred = {c for c in early if c.phase == "update" and c.out not in guarded and not c.draws}
        if not deferred:
            return len(early)
        for call in early:  # and the calls that use their results
            if call.out not in guarded and any(v.source in deferred for v in call.uses):
                deferred.add(call)
        program.calls = [*[c for c in early if c not in deferred], *[c for c in early if c in deferred], *late]
        return len(early) - len(deferred)

    def base(self, v: Var) -> Var:
        """Return the Var that v is a view of, or v itself."""
        return self.bases.get(v, v)

    def allocate(self, v: Var, buffer: np.ndarray | None = None) -> np.ndarray:
        """Return an array for v in a buffer: in the given one, a free one or a new one."""
        size = v.size * v.dtype.itemsize
        if buffer is None:
            free = self.free.get(size)
            if free:
                buffer = free.pop()
            else:
                raw = np.empty(size + 64, np.uint8)
                start = -raw.ctypes.data % 64  # where a line of the cache begins
                buffer = raw[start : start + size]
                self.buffers.append(buffer)
        self.taken[v] = buffer
        key = id(buffer), v.dtype, v.shape
        if key not in self.arrays:  # one object, and so one name in the plan, for each kind of array in a buffer
            self.arrays[key] = buffer.view(v.dtype).reshape(v.shape)
        return self.arrays[key]

    def release(self, i: int, call: Call) -> None:
        """Free the buffers of the arrays whose last use is the i-th call."""
        for v in (*call.uses, call.out):
            base = self.base(v)
            if base in self.taken and self.last_use.get(base, -1) <= i:
                buffer = self.taken.pop(base)
                self.free.setdefault(buffer.size, []).append(buffer)

    def store_target(self, call: Call, i: int) -> np.ndarray | None:
        """Return the external array that the i-th call's result is stored in, if it may be written there at once."""
        target = self.targets.get(call.out)
        if target is None or i < self.first_write or self.last_use.get(target, -1) > i:
            return None
        if any(self.bases.get(v) is target for v in call.uses):  # a view may read what is written already
            return None
        self.direct.add(call.out)
        array: np.ndarray = target.source.array
        return array

    def destination(self, call: Call, i: int) -> np.ndarray | None:
        """Return the array that the i-th call is to write its result into, or None if NumPy makes a new one."""
        if call.out in self.escaping or not self.optimized:
            return None
        array = self.store_target(call, i)
        if array is None and call.elementwise:
            array = self.borrowed_target(call, i)
        if array is None:
            array = self.allocate(call.out, self.dying_operand(call, i) if call.elementwise else None)
        return array

    def borrowed_target(self, call: Call, i: int) -> np.ndarray | None:
        """Return a store target's array that the i-th call is the last to read, as a buffer until the store."""
        out = call.out
        for v in call.uses:
            stored = self.stored_by.get(v, -1)
            if (
                stored > i >= max(self.first_write, self.last_use.get(v, -1)) and v not in self.borrowers
                and v.shape == out.shape and v.dtype == out.dtype and self.last_use.get(out, -1) <= stored
                and self.program.calls[stored].elementwise
            ):  # fmt: skip
                self.borrowers[v] = out
                array: np.ndarray = v.source.array
                return array
        return None

    def dying_operand(self, call: Call, i: int) -> np.ndarray | None:
        """Take over the buffer of an operand whose last use is this elementwise call, to write where it reads."""
        out = call.out
        for v in call.uses:
            base = self.base(v)
            if (
                base in self.taken and self.last_use.get(base, -1) <= i
                and base.shape == out.shape == v.shape and base.dtype == out.dtype
            ):  # fmt: skip
                arrays = [self.locations[u].array for u in call.uses if self.base(u) is base]
                if all(a is not None and a.flags.c_contiguous and a.size == out.size for a in arrays):
                    return self.taken.pop(base)
        return None
