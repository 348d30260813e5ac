"""Joining: equal elementwise calls on several small arrays become one call on all their elements.

An optimizer's update makes the same calls for each parameter, and NumPy takes as long for a call on ten numbers as for
one on a thousand. The arrays of such calls, one for each parameter, are *lanes*. The calls become one call on their
concatenation. The optimizer keeps the state of small parameters in one array already (`optim.packing`); what the first
calls of a chain read is written where the concatenation has it (`memory`). Parameters stay where the user has put them:
each of them is still changed by a call of its own.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.rules.finite import has_nan
from ..engine.rules.registry import Function
from ..engine.threads import LARGE
from ..optim import Optimizer
from ..optim.packing import SMALL
from ..trace.functional import join, piece
from ..trace.ir import Call, Program, State, Var, blank
from .effects import can_vary
from .simplify import BROADCASTING, eliminate_dead_calls, value_key

Lanes = tuple[Var, ...]
DEEP = 20  # calls in a chain, more than in any optimizer's formula
EXACT = BROADCASTING | {np.sqrt, np.square, np.negative, np.absolute, np.positive, np.sign}  # the same at any place


def join_updates(program: Program) -> None:
    """Join the calls that lead to the new data of small parameters."""
    groups: dict[Hashable, list[Call]] = {}
    for target, value in program.stores:
        fits = is_lane(value) and value.shape == target.shape and isinstance(target.source, State)
        if fits and not is_optimizers(target) and target.source.array.flags.c_contiguous:
            groups.setdefault((value.dtype, pattern(value.source)), []).append(value.source)
    joining = Joining(program)
    for calls in groups.values():
        if len(calls) > 1 and sum([call.out.size for call in calls]) < LARGE:
            joining.join_operands(calls)
    if joining.calls:
        joining.finish()


def is_lane(v: Var) -> bool:
    """Whether v is the small result of an elementwise call that gives the same wherever the elements are."""
    call = v.source
    return isinstance(call, Call) and call.elementwise and call.fun in EXACT and v.shape != () and v.size <= SMALL


def is_optimizers(v: Var) -> bool:
    """Whether v is a state that an optimizer made."""
    return isinstance(v.source, State) and isinstance(v.source.owner, Optimizer) and v.source.place is None


def pattern(call: Call) -> Hashable:
    """Return what calls on lanes have in common: the function, and operands that are numbers; None is a lane."""
    return call.fun, *[None if isinstance(a, Var) and a.shape else value_key(a) for a in call.args]


class Joining:
    """The calls of one program that can be joined. The program changes in `finish` alone."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.new_value = dict(program.stores)
        self.stored_in = {value: target for target, value in program.stores}
        self.index = {call.out: i for i, call in enumerate(program.calls)}
        self.found: dict[Lanes, Var | None] = {}
        self.depth = 0  # of the calls of `join`
        self.calls: dict[Var, Lanes] = {}  # the result of a call on joined lanes: the results that it is instead of
        self.states: dict[Var, Lanes] = {}  # an array of which the states in lanes are pieces, one behind the other
        self.leaves: dict[Var, Lanes] = {}  # lanes that have to be put together

    def join(self, lanes: Lanes) -> Var | None:
        """Return a Var with the elements of all lanes, one behind the other, or None if that would cost too much."""
        if lanes not in self.found:
            self.depth += 1
            self.found[lanes] = self.joined(lanes) if len({*lanes}) == len(lanes) else None
            self.depth -= 1
        return self.found[lanes]

    def joined(self, lanes: Lanes) -> Var | None:
        """Do what `join` does, for lanes that are looked at for the first time."""
        if all(map(is_optimizers, lanes)):
            return self.joined_states(lanes)
        if len({v.dtype for v in lanes}) > 1 or not all([v in self.index and v.shape for v in lanes]):
            return None
        calls = [v.source for v in lanes]
        if self.depth < DEEP and all(map(is_lane, lanes)) and len({pattern(call) for call in calls}) == 1:
            operands = self.join_operands(calls)
            targets = tuple([self.stored_in[v] for v in lanes if v in self.stored_in])
            stays = not targets or (len(targets) == len(lanes) and self.join(targets) is not None)
            if stays and None not in operands:
                return self.add(self.calls, calls[0].fun, tuple(operands), lanes)
        return self.add(self.leaves, join, lanes, lanes) if lanes[0].dtype.kind == "f" else None

    def add(self, group: dict[Var, Lanes], fun: Function, args: tuple[object, ...], lanes: Lanes) -> Var:
        """Note a call that computes joined lanes."""
        example, last = blank(lanes[0].dtype, (sum([v.size for v in lanes]),)), lanes[-1].source
        call = Call(fun, args, {}, example, last.line, last.phase)
        group[call.out] = lanes
        return call.out

    def join_operands(self, calls: Sequence[Call]) -> list[object]:
        """Return the operands of a call on joined lanes; None for one that cannot be joined."""
        operands: list[object] = []
        for column in zip(*[call.args for call in calls], strict=True):
            if not isinstance(column[0], Var) or column[0].shape == ():
                operands.append(column[0])
            elif all([v.shape == call.out.shape for v, call in zip(column, calls, strict=True)]):
                operands.append(self.join(column))
            else:
                operands.append(None)
        return operands

    def joined_states(self, lanes: Lanes) -> Var | None:
        """Return the array in which an optimizer's states lie one behind the other, or None if they do not."""
        arrays, source = [v.source.array for v in lanes], lanes[0].source
        base, dtype = arrays[0].base, arrays[0].dtype
        if type(base) is not np.ndarray or base.ndim != 1 or base.dtype != dtype:
            return None
        bounds = [byte_bounds(a) for a in arrays]
        alike = all([a.base is base and a.dtype == dtype and a.flags.c_contiguous for a in arrays])
        if not alike or any([stop != start for (_, stop), (start, _) in pairwise(bounds)]):
            return None
        start, stop = (at - byte_bounds(base)[0] for at in (bounds[0][0], bounds[-1][1]))
        whole = base[start // dtype.itemsize : stop // dtype.itemsize]
        state = Var(State(whole, source.owner, source.kind), whole, source.kind.partition(".")[0])
        self.states[state] = lanes
        return state

    def finish(self) -> None:
        """Put the calls on joined lanes into the program, unless that gains nothing."""
        program = self.program
        used = {v for out in self.calls for v in out.source.uses}
        states: dict[Var, Var | None] = {}  # those that are joined: the new value that is stored there, if any
        for state, lanes in self.states.items():
            values = tuple([self.new_value[v] for v in lanes if v in self.new_value])
            value = self.found.get(values) if len(values) == len(lanes) else None
            if value is not None and value in self.calls:
                states[state] = value
            elif state in used:
                states[state] = None
                if values:
                    return
        whole = {v: state for state in states for v in self.states[state]}
        if len(whole) < sum([len(self.states[state]) for state in states]):
            return
        replaced, pieces = self.pieces({**self.calls, **{state: self.states[state] for state in states}})
        leaves = {out: lanes for out, lanes in self.leaves.items() if out in used}
        copies = self.copies(leaves, replaced)
        kept = [(i, call) for i, call in enumerate(program.calls) if call.out not in replaced]
        new = [(self.place(lanes), out.source) for out, lanes in [*leaves.items(), *self.calls.items()]]
        calls = ordered([*kept, *copies, *new, *pieces], replaced)
        is_whole = len(calls) == sum(map(len, (kept, copies, new, pieces)))  # no call needs a call that needs it
        draws = [[call for call in each if call.draws] for each in (program.calls, calls)]
        gain = sum([len(lanes) - 1 for lanes in self.calls.values()]) - len(copies)
        if gain <= 0 or not is_whole or draws[0] != draws[1]:
            return
        for call in calls:
            call.replace(replaced)
        program.calls = calls
        stores = [(whole.get(target, target), value) for target, value in program.stores]
        program.stores = [*{target: states.get(target) or value for target, value in stores}.items()]
        program.states = [*dict.fromkeys([whole.get(v, v) for v in program.states])]
        program.replace(replaced, calls=False)
        join_guards(program, {**self.calls, **leaves}, replaced)
        eliminate_dead_calls(program)

    def place(self, lanes: Lanes) -> int:
        """Return the number of the last of the calls that compute lanes."""
        return max([self.index[v] for v in lanes])

    def pieces(self, joined: Mapping[Var, Lanes]) -> tuple[dict[Var, Var], list[tuple[int, Call]]]:
        """Return calls that cut lanes from joined arrays, with their places, and their results by lanes."""
        found, calls = {}, []
        for out, lanes in joined.items():
            start, place = 0, -1 if out in self.states else self.place(lanes)
            for v in lanes:
                call = Call(piece, (out, start, v.shape), {}, blank(v.dtype, v.shape), None, "update")
                found[v] = call.out
                calls.append((place, call))
                start += v.size
        return found, calls

    def copies(self, leaves: Mapping[Var, Lanes], replaced: Mapping[Var, Var]) -> list[tuple[int, Call]]:
        """Let leaves join copies of the lanes that cannot be computed there, and return the calls that copy."""
        calls = []
        filled: set[Var] = set()
        for out, lanes in leaves.items():
            operands = []
            for v in lanes:
                if v in filled or v in replaced or v in self.stored_in or not writes_anywhere(v.source):
                    copy = Call(np.positive, (v,), {}, blank(v.dtype, v.shape), v.source.line, v.source.phase)
                    calls.append((self.index[v], copy))
                    v = copy.out
                operands.append(v)
                filled.add(v)
            out.source.become(join, tuple(operands))
        return calls


def writes_anywhere(call: Call) -> bool:
    """Whether a call can write its result into any array that is contiguous."""
    if call.draws or can_vary(call):
        return False
    product = call.fun in (np.dot, np.matmul) and not call.kwargs
    return call.elementwise or (product and all([type(v) is Var and 1 <= len(v.shape) <= 2 for v in call.args]))


def ordered(calls: Sequence[tuple[int, Call]], new: Mapping[Var, Var]) -> list[Call]:
    """Return calls in the order of their places, but each after those that it uses, with Vars replaced by new ones.

    Those that need each other in a circle are left out.
    """
    makers = {call.out: n for n, (_, call) in enumerate(calls)}
    waits, users = [], defaultdict(list)
    for n, (_, call) in enumerate(calls):
        needs = {makers[u] for v in call.uses if (u := new.get(v, v)) in makers}
        waits.append(len(needs))
        for maker in needs:
            users[maker].append(n)
    ready = [(place, n) for n, (place, _) in enumerate(calls) if not waits[n]]
    heapify(ready)
    found = []
    while ready:
        _, n = heappop(ready)
        found.append(calls[n][1])
        for user in users[n]:
            waits[user] -= 1
            if not waits[user]:
                heappush(ready, (calls[user][0], user))
    return found


def join_guards(program: Program, joined: Mapping[Var, Lanes], replaced: Mapping[Var, Var]) -> None:
    """Look for NaN in joined arrays at once, where a guard looks for it in all of their lanes."""
    for guard in program.guards:
        if guard.predicate is has_nan and not guard.answer:
            for out, lanes in joined.items():
                parts = {replaced.get(v, v) for v in lanes}
                if parts <= {*guard.args}:
                    guard.args = (out, *[a for a in guard.args if a not in parts])
