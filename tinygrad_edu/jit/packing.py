"""Packing the updates of many parameters into one update of a flat buffer.

Where an optimizer does the same to every parameter, the parameters (and each kind of optimizer state) are moved side
by side into one array. The arrays that Tensors hold are views of it from then on. Gradients are packed in the same
way. An array that is referenced elsewhere too is not moved, and is updated alone.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np

from ..engine.rules.finite import has_nan
from ..optim import Optimizer
from ..trace.capture import alone
from ..trace.captured import raw_value
from ..trace.ir import Call, Guard, Program, State, Var, blank
from .batching import Shared, equivalent
from .simplify import eliminate_dead_calls

Bounds = tuple[int, int, tuple[int, ...], str]  # start and stop in a flat array, shape, memory order


def flat_bounds(shapes: Sequence[tuple[int, ...]], orders: str) -> list[Bounds]:
    """Return the bounds of arrays of these shapes and memory orders in a flat array."""
    stops = list(accumulate(map(math.prod, shapes)))
    return list(zip([0, *stops], stops, shapes, orders, strict=False))


def flat_views(array: np.ndarray, shapes: Sequence[tuple[int, ...]], orders: str) -> list[np.ndarray]:
    """Return the views of a flat array that have these shapes and memory orders."""
    return [flat_view(array, *bounds) for bounds in flat_bounds(shapes, orders)]


def flat_view(array: np.ndarray, start: int, stop: int, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Return a part of a flat array, as an array of that shape."""
    return array[start:stop].reshape(shape) if order == "C" else array[start:stop].reshape(shape[::-1]).T


def flatten(*arrays: np.ndarray, orders: str) -> np.ndarray:
    """Concatenate the elements of arrays, each read row by row ("C") or column by column ("F")."""
    return np.concatenate([a.ravel("C" if order == "C" else "F") for a, order in zip(arrays, orders, strict=True)])


class PackedUpdates:
    """The updates of several arrays, packed as far back as the same is done to all of them."""

    def __init__(self, targets: list[Var]) -> None:
        self.calls: list[Call] = []
        self.orders = "".join(["F" if t.source.array.flags.fnc else "C" for t in targets])
        self.shapes = [t.shape for t in targets]
        self.known: dict[tuple[int, ...], Var | None] = {}
        self.members: dict[Var, list[Var]] = {}  # packed: what is packed in it

    def pack(self, members: list[Var]) -> Var | Shared | None:
        """Return all members side by side, or as `Shared` if one number serves them all."""
        first = members[0]
        if all([m is first or equivalent(m, first) for m in members]) and (type(first) is not Var or first.shape == ()):
            return Shared(first)
        if any(type(m) is not Var for m in members) or [m.shape for m in members] != self.shapes:
            return None
        key = tuple([id(m) for m in members])
        if key not in self.known:
            self.known[key] = None  # ends a recursion that comes back here
            packed = self.known[key] = self.merge(members)
            if packed is not None:
                self.members[packed] = members
        return self.known[key]

    def merge(self, members: list[Var]) -> Var | None:
        """Return one Var for different arrays of the program, if they can be computed as one or copied together."""
        sources = [m.source for m in members]
        if all(isinstance(s, State) for s in sources):
            return self.move(members)
        if not all(isinstance(s, Call) for s in sources) or len(set(members)) < len(members):
            return None
        first: Call = sources[0]
        if first.elementwise and all(s.fun is first.fun and s.elementwise for s in sources):
            args = [self.pack(list(a)) for a in zip(*[s.args for s in sources], strict=True)]
            if all(a is not None for a in args):
                values = tuple([a.value if isinstance(a, Shared) else a for a in args])
                return self.add(first.fun, values, {}, first, members)
        return self.add(flatten, tuple(members), {"orders": self.orders}, sources[-1], members)

    def add(
        self, fun: Callable[..., np.ndarray], args: tuple[object, ...], kwargs: Mapping[str, object],
        like: Call, members: list[Var],
    ) -> Var:  # fmt: skip
        """Add a call whose result is as large as all members together."""
        example = blank(members[0].dtype, (sum([m.size for m in members]),))
        self.calls.append(Call(fun, args, kwargs, example, like.line, like.phase))
        return self.calls[-1].out

    def move(self, members: list[Var]) -> Var | None:
        """Return the flat array that these arrays are moved into, or None if one of them cannot be moved."""
        arrays: list[np.ndarray] = [m.source.array for m in members]
        array = adjacent(arrays)
        if array is None:
            for m, a in zip(members, arrays, strict=True):
                kind = m.source.kind.partition(".")[0]
                references = m.source.references - alone("data" if kind == "data" else "state")
                if references > 0 or a.base is not None or a.dtype != arrays[0].dtype:
                    return None
            array = flatten(*arrays, orders=self.orders)
            for m, view in zip(members, flat_views(array, self.shapes, self.orders), strict=True):
                if m.source.kind == "data":
                    raw_value.__set__(m.source.owner, view)
                else:
                    kind, _, i = m.source.kind.partition(".")
                    m.source.owner.state[kind][int(i)] = view
                m.source.array = view
        return Var(State(array, None, "flat"), array, members[0].source.kind.partition(".")[0])


def adjacent(arrays: list[np.ndarray]) -> np.ndarray | None:
    """Return the part of a flat array that consists of these views of it, in order, or None if there is none."""
    base = arrays[0].base
    if base is None or base.ndim != 1 or any(a.base is not base for a in arrays):
        return None
    at = start = (arrays[0].ctypes.data - base.ctypes.data) // base.itemsize
    for a in arrays:
        if a.ctypes.data != base.ctypes.data + at * base.itemsize or not a.flags.forc:
            return None
        at += a.size
    return base[start:at]


def pack_updates(program: Program) -> None:
    """Update all parameters that follow the same settings at once."""
    packs: dict[tuple[object, ...], PackedUpdates] = {}
    stores: list[tuple[list[Var], Var, Var]] = []
    for numbers, targets, values in store_groups(program):
        key = tuple([(i, t.shape, t.dtype) for i, t in zip(numbers, targets, strict=True)])
        updates = packs.setdefault(key, PackedUpdates(targets))
        target = updates.pack(targets)
        value = None if target is None else updates.pack(values)
        if type(target) is Var and type(value) is Var:
            stores.append((targets, target, value))
    if stores:
        replaced = {id(t) for targets, _, _ in stores for t in targets}
        program.stores = [(t, v) for t, v in program.stores if id(t) not in replaced]
        program.stores += [(target, value) for _, target, value in stores]
        use_packed(program, packs.values())


def store_groups(program: Program) -> Iterator[tuple[list[int], list[Var], list[Var]]]:
    """Yield the stores that make the same kind of update to several parameters, in the order of the parameters."""
    owners = {id(v.source.owner): v.source.owner for v in (*program.settings, *program.states)}
    parameters: dict[int, tuple[int, int]] = {}  # id: its number, and the group whose settings it follows
    for opt in owners.values():
        if isinstance(opt, Optimizer):
            settings = [id(group) for group in opt.groups for _ in group.params]
            parameters.update(zip(map(id, opt.params), enumerate(settings), strict=True))
    groups: dict[tuple[object, ...], list[tuple[int, Var, Var]]] = {}
    for target, value in program.stores:
        source = target.source
        if not isinstance(source, State) or not isinstance(value.source, Call) or not target.shape:
            continue
        kind, _, i = source.kind.partition(".")
        parameter = source.owner.params[int(i)] if i else source.owner
        if id(parameter) in parameters:
            number, settings_of = parameters[id(parameter)]
            groups.setdefault((kind, target.dtype, value.source.fun, settings_of), []).append((number, target, value))
    for group in groups.values():
        group.sort(key=lambda member: member[0])
        numbers, targets, values = (list(part) for part in zip(*group, strict=True))
        if len(group) > 1 and len(set(targets)) == len(targets):
            yield numbers, targets, values


def use_packed(program: Program, packs: Collection[PackedUpdates]) -> None:
    """Put the packed calls into the program, with views of their results where a single array is still needed."""
    merged = {id(m) for u in packs for packed, ms in u.members.items() if type(packed.source) is Call for m in ms}
    needed = set(program.outputs()).union(*[c.uses for c in program.calls if id(c.out) not in merged])
    views: dict[Var, Var] = {}
    for updates in packs:
        program.calls += updates.calls
        for packed, members in updates.members.items():
            for n, guard in enumerate(program.guards):  # there is no NaN in the members if there is none in all
                if guard.predicate is has_nan and not guard.answer and set(guard.args) == set(members):
                    program.guards[n] = Guard(has_nan, (packed,), False)
            if isinstance(packed.source, State):
                program.states.append(packed)
            elif packed.source.fun is not flatten:
                parts = flat_bounds(updates.shapes, updates.orders)
                for m, part in zip(members, parts, strict=True):
                    if m in needed:
                        view = Call(flat_view, (packed, *part), {}, m.example, m.source.line, m.source.phase)
                        program.calls.append(view)
                        views[m] = view.out
    packed_calls = {id(c) for u in packs for c in u.calls}
    for call in program.calls:
        if id(call) not in packed_calls:
            call.replace(views)
    stores, program.stores = program.stores, []  # a store waits for the packed value, or for its own
    program.replace(views, calls=False)
    program.stores = stores
    program.sort()
    eliminate_dead_calls(program)
