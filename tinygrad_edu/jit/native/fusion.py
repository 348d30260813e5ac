"""Fusion: which calls of a stretch share one loop.

Calls are placed one by one, in their order. An elementwise call joins a loop over the same shape if all that it reads
is computed before that loop, or in it, at the same element; otherwise a new loop is opened after the others. A
reduction joins the loop that computes what it reduces. A call that can join no loop gets one of its own.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...trace.ir import Guard, Var
from ..simplify import constant_value
from .access import Access, Accesses, squeezed
from .operations import Operation, literal

MOST = 60  # calls in one loop; more would need more registers than there are
READS = 24  # arrays that one loop reads and does not compute


class Element(NamedTuple):
    """An operand that differs from element to element: where it is read, and the Var whose value it is."""

    access: Access
    dtype: np.dtype[Any]


class Scalar(NamedTuple):
    """An operand that is one number."""

    var: Var


class Number(NamedTuple):
    """An operand that is known: the C text of it."""

    text: str


Operand = Element | Scalar | Number


@dataclass(eq=False)
class Statement:
    """One call in a loop: `out` is computed from operands, and written where `write` says, if it needs memory.

    Of a reduction, `operation` computes the elements that are reduced and `reduction` is the ufunc.
    """

    operation: Operation
    operands: list[Operand]
    out: Var
    write: Access | None = None
    reduction: np.ufunc | None = None
    local: Access | None = None  # where it would be written, if it needed memory


@dataclass(eq=False)
class Group:
    """What one C function computes, in its place among the others: a loop over `space` with statements in it.

    Groups of other kinds (products, indexing, checks) are subclasses. `reads` and `writes` are bases of arrays.
    """

    space: tuple[int, ...] = ()
    statements: list[Statement] = field(default_factory=list)
    is_open: bool = True  # whether other calls may join
    fails: bool = False  # whether it can end the step early: a guard, or an index out of range

    def accesses(self) -> list[Access]:
        """Return where elements are read and written, in the order of the text."""
        found = [[*[o.access for o in s.operands if isinstance(o, Element)], s.write] for s in self.statements]
        return list(dict.fromkeys([access for accesses in found for access in accesses if access is not None]))

    def reads(self) -> set[Var]:
        """Return the bases of the arrays that are read, but for those that an open loop has just computed."""
        own = {s.write for s in self.statements if s.reduction is None and self.is_open}
        operands = [o for s in self.statements for o in s.operands if isinstance(o, Element)]
        return {o.access.base for o in operands if o.access not in own}

    def writes(self) -> list[Var]:
        """Return the bases of the arrays that are written, in the order of the text."""
        return [s.write.base for s in self.statements if s.write is not None]

    def scalars(self) -> set[Var]:
        """Return the scalars that are read."""
        return {o.var for s in self.statements for o in s.operands if isinstance(o, Scalar)}


class Check(Group):
    """Guards that are checked in C: that no gradient is NaN, no logsumexp infinite, that class numbers are in range."""

    def __init__(self, guard: Guard, arrays: list[tuple[Access, tuple[int, ...]]], numbers: list[Var]) -> None:
        super().__init__(is_open=False, fails=True)
        self.guard, self.arrays, self.numbers = guard, arrays, numbers

    def reads(self) -> set[Var]:
        """Return the bases of the arrays that are looked at."""
        return {access.base for access, _ in self.arrays}

    def scalars(self) -> set[Var]:
        """Return the numbers that are looked at."""
        return set(self.numbers)


class Scalars(Group):
    """Statements about numbers: they are lines of the main function."""


class Fusion:
    """The groups of one stretch, in order, and which of them computes each Var."""

    def __init__(self, accesses: Accesses) -> None:
        self.accesses = accesses
        self.groups: list[Group] = []
        self.loops: dict[tuple[int, ...], dict[int, None]] = {}  # loops that other calls may join, by their space
        self.places: dict[Var, int] = {}  # the group that completes a base or a scalar; those from outside have none
        self.read_at: dict[Var, int] = {}  # the last group that reads a base
        self.barrier = 0  # the first group that may write into arrays of parameters

    def operand(self, a: object, dtype: np.dtype[Any], space: Sequence[int]) -> Operand:
        """Return an argument as an operand of a loop over `space`, whose operation takes `dtype`."""
        value = constant_value(a)
        if value is not None:
            return Number(literal(value, dtype))
        assert isinstance(a, Var)
        if a.shape == () and a not in self.accesses:
            return Scalar(a)
        return Element(self.accesses.of(a).broadcast(a.shape, space), a.dtype)

    def operands(self, given: Sequence[object], dtypes: Sequence[np.dtype[Any]], space: Sequence[int]) -> list[Operand]:
        """Return the arguments of a call as operands."""
        return [self.operand(a, dtype, space) for a, dtype in zip(given, dtypes, strict=False)]

    def is_computed(self, operand: Operand, at: int) -> bool:
        """Whether a loop can read an operand: it is computed before, or in the loop itself at the same element."""
        if isinstance(operand, Number):
            return True
        v = operand.var if isinstance(operand, Scalar) else operand.access.base
        if self.places.get(v, -1) < at:
            return True
        own = (s.write for s in self.groups[at].statements if s.reduction is None)
        return isinstance(operand, Element) and operand.access in own

    def candidate(self, space: tuple[int, ...], operands: Sequence[Operand], first: int) -> int | None:
        """Return the place of the best loop that a statement may join: none before one that computes an operand."""
        bases = [o.access.base for o in operands if isinstance(o, Element)]
        known = [self.places[v] for v in bases if v in self.places]
        loops, low = self.loops.get(space, {}), max([first, *known])
        for i in itertools.chain([low] if low in known and low in loops else [], reversed(loops)):
            if i < low:
                break
            group = self.groups[i]
            fits = len(group.statements) < MOST and all(self.is_computed(o, i) for o in operands)
            if fits and len(group.reads()) < READS:
                return i
        return None

    def add(self, group: Group) -> None:
        """Add a group at the end."""
        self.groups.append(group)
        at = len(self.groups) - 1
        if type(group) is Group and group.is_open:
            self.loops.setdefault(group.space, {})[at] = None
        self.read_at.update(dict.fromkeys(group.reads(), at))
        self.places.update(dict.fromkeys([*group.writes(), *[s.out for s in group.statements]], at))
        if group.fails:
            self.barrier = at + 1

    def join(self, statement: Statement, at: int) -> None:
        """Add a statement to the group at a place."""
        self.groups[at].statements.append(statement)
        self.places[statement.out] = max(at, self.places.get(statement.out, 0))  # a product may be several sums
        for o in statement.operands:
            if isinstance(o, Element):
                self.read_at[o.access.base] = max(at, self.read_at.get(o.access.base, -1))

    def place(self, statement: Statement, shape: Sequence[int], into: Var | None = None) -> None:
        """Put an elementwise call, or a reduction over `shape`, into a loop.

        `into` is the array of a parameter that is written over, if its old elements may be read until then.
        """
        space, first = squeezed(shape), 0
        if into is not None:
            last_read = self.read_at.get(into, -1)
            first = max(self.barrier, last_read)
            if first == last_read:
                reader, old = self.groups[first], self.accesses.of(into)
                same = all(o.access == old for s in reader.statements for o in s.operands
                           if isinstance(o, Element) and o.access.base is into)  # fmt: skip
                first += not same or type(reader) is not Group or statement.reduction is not None
        found = self.candidate(space, statement.operands, first)
        if found is not None:
            self.join(statement, found)
        else:
            self.add(Group(space, [statement]))

    def place_scalar(self, statement: Statement) -> None:
        """Put a statement about numbers after all that it needs."""
        last = self.groups[-1] if self.groups else None
        if type(last) is Scalars:
            self.join(statement, len(self.groups) - 1)
        else:
            self.add(Scalars((), [statement]))
