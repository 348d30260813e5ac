"""Identical updates of many parameters as one, over a flat buffer.

Where an optimizer does the same to every parameter, the parameters (and each kind of optimizer state) are moved side
by side into one array, of which those that Tensors hold are views from then on; so are the gradients. An array that
somebody else holds as well stays where it is, and is updated alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.backward import has_nan
from ..optim import Optimizer
from ..trace.capture import alone
from ..trace.captured import raw_value
from ..trace.ir import Call, Guard, Program, State, Var, blank
from .batching import Same, alike
from .simplify import dead


class Flat:
    """Arrays of one dtype side by side: `pieces` are views of `array`, one for each."""

    def __init__(self, array: Any, examples: list[Any]) -> None:
        self.array, self.bounds, start = array, [], 0
        for x in examples:
            self.bounds.append((start, start + x.size, x.shape, "F" if x.flags.fnc else "C"))
            start += x.size

    @property
    def pieces(self) -> list[Any]:
        """The parts of the array."""
        return [piece(self.array, *bounds) for bounds in self.bounds]


def piece(array: Any, start: int, stop: int, shape: tuple[int, ...], order: str) -> Any:
    """A part of a flat array, as an array of that shape."""
    return array[start:stop].reshape(shape) if order == "C" else array[start:stop].reshape(shape[::-1]).T


def shells(shapes: Any, orders: str) -> list[Any]:
    """Arrays of these shapes, row by row or column by column: what they hold does not matter."""
    return [np.empty(shape, bool, order) for shape, order in zip(shapes, orders, strict=True)]  # type: ignore[call-overload]


def join(*arrays: Any, orders: str) -> Any:
    """Arrays side by side, row by row ("C") or column by column ("F")."""
    return np.concatenate([a.ravel(order) for a, order in zip(arrays, orders, strict=True)])


class Updates:
    """The updates of several arrays, joined as far back as the same is done to all of them."""

    def __init__(self, targets: list[Var]) -> None:
        self.calls: list[Call] = []
        self.orders = "".join(["F" if t.source.array.flags.fnc else "C" for t in targets])
        self.shapes = [t.shape for t in targets]
        self.known: dict[Any, Var | None] = {}
        self.members: dict[Var, list[Var]] = {}

    def pack(self, members: list[Any]) -> Any:
        """All members side by side; `Same` where one number serves them all."""
        first = members[0]
        if all([m is first or alike(m, first) for m in members]) and (type(first) is not Var or first.shape == ()):
            return Same(first)
        if any(type(m) is not Var for m in members) or [m.shape for m in members] != self.shapes:
            return None
        key = tuple([id(m) for m in members])
        if key not in self.known:
            self.known[key] = None  # until it is known better
            made = self.merge(members)
            self.known[key] = made
            if made is not None:
                self.members[made] = members
        return self.known[key]

    def merge(self, members: list[Var]) -> Var | None:
        """One Var for all of them."""
        sources = [m.source for m in members]
        if all(isinstance(s, State) for s in sources):
            return self.moved(members)
        if not all(isinstance(s, Call) for s in sources) or len(set(members)) < len(members):
            return None
        first: Call = sources[0]
        if first.elementwise and all(s.fun is first.fun and s.elementwise for s in sources):
            args = [self.pack(list(a)) for a in zip(*[s.args for s in sources], strict=True)]
            if all(a is not None for a in args):
                given = tuple([a.value if isinstance(a, Same) else a for a in args])
                return self.new(first.fun, given, {}, first, members)
        return self.new(join, tuple(members), {"orders": self.orders}, sources[-1], members)

    def new(self, fun: Callable[..., Any], args: Any, kwargs: Any, like: Call, members: list[Var]) -> Var:
        """One more call."""
        example = blank(members[0].dtype, (sum([m.size for m in members]),))
        self.calls.append(Call(fun, args, kwargs, example, like.line, like.phase))
        return self.calls[-1].out

    def moved(self, members: list[Var]) -> Var | None:
        """The one array into which those arrays are moved; None if they cannot be."""
        arrays = [m.source.array for m in members]
        array = beside(arrays)
        if array is None:
            for m, a in zip(members, arrays, strict=True):
                kind = m.source.kind.partition(".")[0]
                others = m.source.references - alone("data" if kind == "data" else "state")
                if others > 0 or a.base is not None or a.dtype != arrays[0].dtype:
                    return None
            array = join(*arrays, orders=self.orders)
            flat = Flat(array, arrays)
            for m, view in zip(members, flat.pieces, strict=True):
                source: Any = m.source
                if source.kind == "data":
                    raw_value.__set__(source.owner, view)
                else:
                    kind, _, i = source.kind.partition(".")
                    source.owner.state[kind][int(i)] = view
                source.array = view
        return Var(State(array, None, "flat"), array, members[0].source.kind.partition(".")[0])


def beside(arrays: list[Any]) -> Any:
    """The flat array of which these are the parts already, in order; None if there is none."""
    base = arrays[0].base
    if base is None or base.ndim != 1 or any(a.base is not base for a in arrays):
        return None
    at = start = (arrays[0].ctypes.data - base.ctypes.data) // base.itemsize
    for a in arrays:
        if a.ctypes.data != base.ctypes.data + at * base.itemsize or not (a.flags.c_contiguous or a.flags.f_contiguous):
            return None
        at += a.size
    return base[start:at]


def flat(program: Program) -> None:
    """Update all parameters at once."""
    owners = {
        id(s.source.owner): s.source.owner
        for s in (*program.settings, *program.states)
        if isinstance(s.source.owner, Optimizer)
    }
    place: dict[int, tuple[int, int]] = {}  # of a parameter: its number, and the group whose settings it follows
    for opt in owners.values():
        followed = [id(group) for group in opt.groups for _ in group.params]
        place.update(zip(map(id, opt.params), enumerate(followed), strict=True))
    groups: dict[Any, list[tuple[int, Var, Var]]] = {}
    for target, value in program.stores:
        source = target.source
        if not isinstance(source, State) or not isinstance(value.source, Call) or not target.shape:
            continue
        kind, _, i = source.kind.partition(".")
        parameter = source.owner.params[int(i)] if i else source.owner
        if id(parameter) in place:
            at, followed_group = place[id(parameter)]
            key = kind, target.dtype, value.source.fun, followed_group
            groups.setdefault(key, []).append((at, target, value))
    packs: dict[Any, Updates] = {}
    roots: list[tuple[list[Var], Var, Var]] = []
    for group in groups.values():
        group.sort(key=lambda member: member[0])
        targets, values = [t for _, t, _ in group], [v for _, _, v in group]
        if len(group) < 2 or len({id(t) for t in targets}) < len(targets):
            continue
        updates = packs.setdefault(tuple([(i, t.shape, t.dtype) for i, t, _ in group]), Updates(targets))
        where = updates.pack(list(targets))
        if where is None:
            continue
        made = updates.pack(list(values))
        if type(made) is Var and type(where) is Var:
            roots.append((targets, where, made))
    if not roots:
        return
    gone = {id(t) for targets, _, _ in roots for t in targets}
    program.stores = [(t, v) for t, v in program.stores if id(t) not in gone]
    program.stores += [(where, made) for _, where, made in roots]
    merged = {id(m) for u in packs.values() for made, ms in u.members.items() if type(made.source) is Call for m in ms}
    wanted = set(program.outputs()).union(*[c.uses for c in program.calls if id(c.out) not in merged])
    same: dict[Var, Var] = {}
    guards = list(program.guards)
    for updates in packs.values():
        program.calls += updates.calls
        for made, members in updates.members.items():
            for n, guard in enumerate(guards):  # of none, if none of all
                if guard.predicate is has_nan and not guard.answer and set(guard.args) == set(members):
                    guards[n] = Guard(has_nan, (made,), False)
            if isinstance(made.source, State):
                program.states.append(made)
            elif made.source.fun is not join:
                spans = Flat(None, shells(updates.shapes, updates.orders))
                for m, bounds in zip(members, spans.bounds, strict=True):
                    if m not in wanted:
                        continue
                    view = Call(piece, (made, *bounds), {}, m.example, m.source.line, m.source.phase)
                    program.calls.append(view)
                    same[m] = view.out
    made_here = {id(c) for u in packs.values() for c in u.calls}
    for call in program.calls:
        if not same.keys().isdisjoint(call.uses) and id(call) not in made_here:
            call.replace(same)
    stores, program.stores = program.stores, []
    calls, program.calls = program.calls, []
    program.guards = guards
    program.replace(same)
    program.stores, program.calls = stores, calls
    program.sort()
    dead(program)
