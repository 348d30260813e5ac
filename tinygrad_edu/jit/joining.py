"""Joining: equal elementwise calls on several small arrays become one call on all their elements.

An optimizer's update makes the same calls for each parameter, and NumPy takes as long for a call on ten numbers as for
one on a thousand. The arrays of such calls, one for each parameter, are *lanes*. The calls become one call on their
concatenation. The optimizer keeps the state of small parameters in one array already (`optim.packing`). Parameters stay
where the user has put them: each of them is still changed by a call of its own. A penalty on the squares of all
parameters is one sum over their concatenation.
"""

import operator
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.rules.finite import has_nan
from ..engine.rules.registry import Function
from ..engine.threads import LARGE
from ..optim import Optimizer
from ..optim.packing import SMALL
from ..trace.ir import Call, Guard, Program, State, Var, blank, use_counts
from .simplify import BROADCASTING, eliminate_dead_calls, value_key

Lanes = tuple[Var, ...]
DEEP = 20  # calls in a chain, more than in any optimizer's formula
FEW = 4  # sums of squares that are worth a concatenation
EXACT = BROADCASTING | {np.sqrt, np.square, np.negative, np.absolute, np.positive, np.sign}  # the same at any place


def join_updates(program: Program) -> None:
    """Join the calls that lead to the new data of small parameters and to the new state of optimizers, if it pays.

    Joined calls come last. The calls that they are instead of are dead then, unless others need their results too.
    """
    joining, stores = Joining(join_squares(program)), dict(program.stores)
    groups: dict[Hashable, list[tuple[Var, Var]]] = {}
    for target, value in program.stores:
        if isinstance(target.source, State) and target.source.array.flags.c_contiguous and (kind := pattern(value)):
            block = is_optimizers(target) and id(target.source.array.base)
            groups.setdefault((block, kind), []).append((target, value))
    several = [g for g in groups.values() if len(g) > 1 and sum([v.size for _, v in g]) < LARGE]
    pairs = [(tuple([target for target, _ in group]), tuple([value for _, value in group])) for group in several]
    wholes = {targets: whole for targets, _ in pairs if (whole := whole_state(targets)) is not None}
    states = {v: whole for targets, whole in wholes.items() for v in targets}
    joining.found.update(wholes)
    for targets, values in pairs:
        if targets in wholes:
            stores[wholes[targets]] = joining.join(values)
        elif targets in joining.found:  # a penalty has concatenated them
            joining.join(values)
        else:
            joining.join_operands(values)
    changed = replace(program, stores=[(target, value) for target, value in stores.items() if target not in states])
    changed.states = [*dict.fromkeys([states.get(v, v) for v in program.states])]
    changed.guards = [joining.joined_guard(guard) for guard in program.guards]
    joining.cut_all({*changed.outputs()})
    changed.calls = [*program.calls, *joining.calls]
    changed.replace(joining.new, calls=False)
    used = eliminate_dead_calls(changed)
    if cost(changed.calls) < cost(program.calls) and used.isdisjoint(states):
        vars(program).update(vars(changed))


def join_squares(program: Program) -> dict[Lanes, Var]:
    """Add up several sums of squares as one; return the arrays that hold all of the elements, by their lanes."""
    uses, terms = use_counts(program.calls, program.outputs()), dict[Var, list[Any]]()  # of a sum of numbers
    for call in program.calls:
        if call.elementwise and call.fun is np.add and call.out.shape == ():
            parts = [terms.pop(a) if type(a) is Var and uses[a] == 1 and a in terms else [a] for a in call.args]
            terms[call.out] = [*parts[0], *parts[1]]
    found = {}
    for out, summed in terms.items():
        squares = [v for v in summed if type(v) is Var and uses[v] == 1 and v.dtype == out.dtype and is_square_sum(v)]
        lanes = tuple([v.source.args[0] for v in squares])
        if len(lanes) < FEW or sum([v.size for v in lanes]) >= LARGE:
            continue
        joining, line, phase = Joining({}), out.source.line, out.source.phase
        found[lanes] = whole = joining.join(lanes, DEEP)
        total = Call(np.vdot, (whole, whole), {}, squares[0].example, line, phase)
        at, rest = program.calls.index(out.source), [*[v for v in summed if v not in squares], total.out]
        new = [*joining.calls, total]
        while len(rest) > 2:
            new.append(Call(np.add, tuple(rest[:2]), {}, out.example, line, phase))
            rest[:2] = [new[-1].out]
        program.calls[at:at] = new
        out.source.become(np.add if rest[1:] else np.positive, tuple(rest))
    if found:
        eliminate_dead_calls(program)
    return found


def is_square_sum(v: Var) -> bool:
    """Whether v is the sum of the squares of a small array."""
    is_inner = isinstance(v.source, Call) and v.source.fun is np.vdot
    return is_inner and v.source.args[0] is v.source.args[1] and v.source.args[0].size <= SMALL


def is_optimizers(v: Var) -> bool:
    """Whether v is a state that an optimizer made."""
    return isinstance(v.source, State) and isinstance(v.source.owner, Optimizer) and v.source.place is None


def pattern(v: object) -> Hashable:
    """Return what lanes have in common: the function, numbers, and the dtypes of operands, of which none is broadcast.

    A lane is the small result of an elementwise call that gives the same wherever the elements are; else return None.
    """
    call = v.source if isinstance(v, Var) and v.shape != () and v.size <= SMALL else None
    if not isinstance(call, Call) or not call.elementwise or call.fun not in EXACT:
        return None
    operands = [(a.dtype, a.shape == call.out.shape or call) if is_array(a) else value_key(a) for a in call.args]
    return call.fun, call.out.dtype, *operands


def is_array(a: object) -> bool:
    """Whether an operand has axes."""
    return isinstance(a, Var) and a.shape != ()


def are_alike(lanes: Sequence[Any]) -> bool:
    """Whether operands are the results of equal calls, so that one call can compute them all."""
    return len(kinds := {*map(pattern, lanes)}) == 1 and None not in kinds


def whole_state(lanes: Lanes) -> Var | None:
    """Return the array in which an optimizer's states lie one behind the other, or None if they do not."""
    arrays, source = [v.source.array for v in lanes], lanes[0].source
    base = arrays[0].base
    if not is_optimizers(lanes[0]) or type(base) is not np.ndarray or base.ndim != 1:
        return None
    bounds = [byte_bounds(a) for a in arrays]
    if any([stop != start for (_, stop), (start, _) in pairwise(bounds)]) or {a.dtype for a in arrays} != {base.dtype}:
        return None
    start, stop = (at - byte_bounds(base)[0] for at in (bounds[0][0], bounds[-1][1]))
    whole = base[start // base.itemsize : stop // base.itemsize]
    return Var(State(whole, source.owner, source.kind), whole, source.kind.partition(".")[0])


def cost(calls: Sequence[Call]) -> int:
    """Return about how long small elementwise calls and concatenations take, where an elementwise call takes 1."""
    return sum([2 if call.fun is np.concatenate else call.elementwise for call in calls])


class Joining:
    """New calls, the arrays with all elements of lanes that they compute, and what takes the place of single lanes."""

    def __init__(self, wholes: Mapping[Lanes, Var]) -> None:
        self.calls: list[Call] = []
        self.found = dict(wholes)
        self.new: dict[Var, Var] = {}

    def call(self, fun: Function, args: tuple[object, ...], shape: tuple[int, ...], like: Var) -> Var:
        """Add a call, and return its result."""
        line, phase = (like.source.line, like.source.phase) if isinstance(like.source, Call) else (None, "update")
        self.calls.append(Call(fun, args, {}, blank(like.dtype, shape), line, phase))
        return self.calls[-1].out

    def join(self, lanes: Lanes, depth: int = 0) -> Var:
        """Return an array with the elements of all lanes: of calls that are alike, the result of one call."""
        if lanes not in self.found:
            size = (sum([v.size for v in lanes]),)
            if depth < DEEP and are_alike(lanes):
                columns = zip(*[v.source.args for v in lanes], strict=True)
                operands = [self.join(each, depth + 1) if is_array(each[0]) else each[0] for each in columns]
                self.found[lanes] = self.call(lanes[0].source.fun, tuple(operands), size, lanes[-1])
            else:
                flat = [v if len(v.shape) == 1 else self.call(np.reshape, (v, (v.size,)), (v.size,), v) for v in lanes]
                self.found[lanes] = self.call(np.concatenate, (tuple(flat),), size, lanes[-1])
        return self.found[lanes]

    def join_operands(self, values: Lanes) -> None:
        """Join the operands of calls that stay apart, where these are results of calls that are alike."""
        columns = []
        for column in zip(*[v.source.args for v in values], strict=True):
            columns.append(self.cut(self.join(column), column) if are_alike(column) else column)
        for v, args in zip(values, zip(*columns, strict=True), strict=True):
            self.new[v] = self.call(v.source.fun, args, v.shape, v)

    def cut(self, whole: Var, lanes: Lanes) -> Lanes:
        """Return the parts of an array that have the elements of lanes."""
        parts, start = [], 0
        for v in lanes:
            stop = start + v.size
            part = self.call(operator.getitem, (whole, slice(start, stop)), (v.size,), v)
            parts.append(part if len(v.shape) == 1 else self.call(np.reshape, (part, v.shape), v.shape, v))
            start = stop
        return tuple(parts)

    def cut_all(self, outputs: Collection[Var]) -> None:
        """Let parts of joined results take the place of lanes among outputs."""
        for lanes, whole in [*self.found.items()]:
            is_result = isinstance(whole.source, Call) and whole.source.fun is not np.concatenate
            if is_result and not set(lanes).isdisjoint(outputs):
                self.new.update(zip(lanes, self.cut(whole, lanes), strict=True))

    def joined_guard(self, guard: Guard) -> Guard:
        """Return a guard that looks for NaN in joined arrays, instead of in all of their lanes."""
        for lanes, whole in self.found.items() if guard.predicate is has_nan else ():
            if {*lanes} <= {*guard.args}:
                guard = replace(guard, args=(whole, *[a for a in guard.args if a not in lanes]))
        return guard
