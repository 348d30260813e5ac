"""The verifier: proves that a plan reads each value before anything overwrites it, and changes state last.

Lowering notes a `Step` for each call, guard, copy and store of a plan, in order, with the arrays that it reads and
writes. The verifier follows what each array holds from step to step, and knows nothing of how memory was assigned. A
plan that it accepts

- reads a value only where it still is; an elementwise call may write exactly over an operand, and over no part of one,
- draws random numbers in the order in which they were recorded,
- hands out (results, gradients) only arrays that are new at each call, each once,
- changes arrays of the caller, of Tensors and of optimizers after the last step that can fail, and leaves in each the
  value that the program stores there, or the old one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..trace.ir import Call, Var
from ..trace.traced import JitError

Array = np.ndarray
Stored = tuple[Var, Array | None]  # a value, and the array that it is in; None for a new object at each call


class PlanError(JitError):
    """Raised for a plan whose memory is laid out wrongly: a fault of jit, not of the recorded function."""

    def __init__(self, words: str) -> None:
        super().__init__(f"{words}: a fault of jit; use jit(f, optimize=False), and please report it")


class Step(NamedTuple):
    """One step of a plan: a call with its result `out`, or a guard, a store or the end of ownership without one."""

    text: str
    reads: Sequence[Stored] = ()
    out: Var | None = None
    array: Array | None = None  # where `out` is
    shares: Sequence[Var] = ()  # the Vars whose memory `out` may share, if that is known only when the plan runs
    into: Stored | None = None  # the memory that is written, and a Var that is found there before or after
    elementwise: bool = False
    draws: bool = False
    fails: bool = False  # whether values can make it fail, or end the replay
    hands_out: bool = False  # whether what it reads belongs to the caller or to a Tensor from then on


class Extent(NamedTuple):
    """The memory of an array: its bytes in a block, and how its elements lie there; for a new object, a block of it."""

    block: object
    start: int = 0
    stop: int = 1
    form: object = None


def extents(arrays: Mapping[int, Array]) -> dict[int, list[Extent]]:
    """Return the extent of each array, by its identity; arrays whose bytes may overlap are in one block."""
    found: dict[int, list[Extent]] = {}
    forms: dict[object, int] = {}  # numbers are compared faster than what they number
    bounds = []
    for i, a in arrays.items():
        at = a.__array_interface__["data"][0]
        form = forms.setdefault((at, a.shape, a.strides, a.dtype), len(forms))
        bounds.append((*((at, at + a.nbytes) if a.flags.forc else byte_bounds(a)), i, form))
    block, end = 0, -1
    for start, stop, i, form in sorted(bounds):
        block, end = (block, max(end, stop)) if start < end else (block + 1, stop)
        found[i] = [Extent(block, start, stop, form)]
    return found


class Memory:
    """What each block of memory holds, after the steps so far."""

    def __init__(self, steps: Sequence[Step], outside: Mapping[Var, Array | None]) -> None:
        places = [*outside.items()]
        for step in steps:
            places += step.reads
            if step.into:
                places.append(step.into)
            elif step.out:
                places.append((step.out, step.array))
        self.extents = extents({id(a): a for _, a in places if a is not None})
        self.holds: dict[object, dict[tuple[Var, object], Extent]] = {}  # block: the values in it
        self.at_runtime: dict[Var, list[Extent]] = {}  # the memory of Vars that are new objects at each call
        self.changed_by: dict[object, str] = {}  # block: the last step that wrote into it
        self.outside: dict[Var, list[Extent]] = {}  # where they and constants are at first, though a copy is read later
        for v, array in places:
            if type(v.source) is not Call and v not in self.outside:
                self.define(v, array)
                self.outside[v] = self.places(v, array)
        self.owned = set(self.holds)  # the blocks of the caller, of Tensors and of optimizers, and what is handed out

    def places(self, v: Var, array: Array | None) -> list[Extent]:
        """Return the memory that a value may lie in."""
        return self.at_runtime.get(v, []) if array is None else self.extents[id(array)]

    def define(self, v: Var, array: Array | None, shared: Sequence[Stored] = ()) -> None:
        """Note where a new value is; a new object may share the memory of others."""
        if array is None:
            found = [e._replace(form=None) for place in shared for e in self.places(*place)]
            self.at_runtime[v] = found or [Extent(object())]
        for e in self.places(v, array):
            self.holds.setdefault(e.block, {})[v, e.form] = e

    def lacks(self, v: Var, places: Sequence[Extent]) -> str:
        """Return what is wrong unless a value is in all these places, else an empty text."""
        for e in places:
            if (v, e.form) not in self.holds.get(e.block, ()):
                return f"{v!r}, which is not there after `{self.changed_by.get(e.block)}`"
        return "" if places else f"{v!r} before it is computed"

    def write(self, step: Step, written: Extent) -> None:
        """Forget the values that a step overwrites."""
        held = self.holds.setdefault(written.block, {})
        for (v, form), e in list(held.items()):
            if e.start < written.stop and written.start < e.stop:
                is_exact = step.elementwise and form == written.form
                if not is_exact and any([u is v and e in self.places(u, array) for u, array in step.reads]):
                    raise PlanError(f"`{step.text}` writes over {v!r} while it reads it")
                del held[v, form]
        self.changed_by[written.block] = step.text

    def hand_out(self, step: Step) -> None:
        """Let the arrays that a step reads belong to others."""
        for v, array in step.reads:
            blocks = {e.block for e in self.places(v, array)}
            if blocks & self.owned or any(isinstance(b, int) for b in blocks):
                raise PlanError(f"`{step.text}` hands out {v!r}, whose memory others have or is used again")
            self.owned |= blocks


def verify(
    steps: Sequence[Step], outside: Mapping[Var, Array | None], stores: Sequence[tuple[Var, Var]], drawn: Sequence[Var]
) -> None:
    """Raise PlanError if a plan is wrong.

    `outside` are the arrays of arguments, Tensors and optimizers; `stores` are (target, new value); `drawn` are the
    random numbers in their order.
    """
    memory = Memory(steps, outside)
    change = ""
    for step in steps:
        for v, array in step.reads:
            if lack := memory.lacks(v, memory.places(v, array)):
                raise PlanError(f"`{step.text}` reads {lack}")
        if change and step.fails:
            raise PlanError(f"`{step.text}` can fail after `{change}` has changed what others own")
        written = step.into and (memory.outside.get(step.into[0]) or memory.places(*step.into))
        for e in written or ():
            memory.write(step, e)
            change = change or (step.text if e.block in memory.owned else "")
            if step.out is None:  # a store of the value that it reads
                memory.holds[e.block][step.reads[0][0], e.form] = e
        if step.out is not None:
            shares = [place for place in step.reads if place[0] in step.shares] if step.shares else ()
            memory.define(step.out, step.array, shares)
        if step.hands_out:
            memory.hand_out(step)
    if [step.out for step in steps if step.draws] != list(drawn):
        raise PlanError("random numbers are not drawn in the order in which they were recorded")
    final = dict(stores)
    for v, places in memory.outside.items():
        if lack := memory.lacks(final.get(v, v), places):
            raise PlanError(f"in the end {v!r} should hold {lack}")
