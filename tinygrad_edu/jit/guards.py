"""Guards: what a plan checks before it computes (does the recording serve this call?), and while it computes.

A guard of the first kind that fails is a cache miss: another recording may serve the call. A guard of the second kind
is a predicate of values that the function has branched on; if it fails, the call runs without its recording.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, count
from operator import is_
from types import CellType, MappingProxyType, MethodType
from typing import Any
from weakref import ref

import numpy as np

from ..engine.rules import registry
from ..engine.rules.registry import implementations
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Group, Optimizer
from ..trace.closure import PLAIN
from ..trace.containers import is_container, members, nested
from ..trace.holders import ITEMS, VALUES, Holder, base, is_same, slot
from ..trace.ir import ARRAYS, Guard, Input, Var, variables
from ..trace.names import BY_TEXT
from .conditions import absent_text, array_text, items_text, keys_text, same_text
from .emitter import Emitter
from .identities import identities, key_text, memory_apart
from .memory import Location
from .verifier import Step

LONG = 20  # members of a list or dict that are compared one by one
MAPPINGS = (dict, MappingProxyType)


def entry_guards(emitter: Emitter) -> None:
    """Add the lines that check the arguments and the captured state, and read arrays and settings."""
    captured, program, locations = emitter.captured, emitter.program, emitter.locations
    names = map("a{}".format, count())
    checks = [f"{emitter.name(registry, 'registry')}.revision == {captured.revision}"]
    checks += [*check_argument(emitter, "args", captured.args, names)]
    checks += [*check_argument(emitter, "kwargs", captured.kwargs, names)]
    checks += chain(*[holds_tensors(emitter, member_text(emitter, *at[:2]), x) for at, x, _ in captured.replaced])
    checks += [*members_seen(emitter), *chain(*[locate_state(emitter, v) for v in program.states])]
    emitter.emit("try:", f"    if not ({' and '.join(checks)}):", "        return CACHE_MISS")
    emitter.emit("except Exception:", "    return CACHE_MISS")  # a member that was there may be missing
    for v in program.inputs:
        locations[v] = Location(f"a{v.source.index}")
    writeable = [f"{emitter.var(v)}.flags.writeable" for v, _ in program.stores]  # else a store would fail after others
    unless(emitter, [*identities(emitter), *memory_apart(emitter), *writeable])
    for v in program.settings:
        owner, attribute = v.source.owner, v.source.attribute
        of_value = isinstance(owner, Node)
        text = emitter.assign(v, f"{emitter.tensor(owner) if of_value else emitter.name(owner, 'o')}.{attribute}")
        if attribute not in ("lr", "_value"):  # which are always floats
            unless(emitter, [f"type({text}) is {emitter.fun(type(v.example))}"])
    emitter.emit("if guards_only:", "    return None")


def unless(emitter: Emitter, checks: Sequence[str]) -> None:
    """Add the lines that end the replay as a cache miss unless all checks hold."""
    if checks:
        emitter.emit(f"if not ({' and '.join(checks)}):", "    return CACHE_MISS")


def locate_state(emitter: Emitter, v: Var) -> list[str]:
    """Say where a state's array is, at one place in memory or read at each call; return the checks of it."""
    source, found = v.source, place_text(emitter, v)
    if not source.moves:
        emitter.locations[v] = Location(found, source.array)
        is_own = source.kind != "array"  # a Tensor's or an optimizer's, whose shape nobody sets in place
        return [] if is_own else [array_text(emitter, found, a := source.array), f"{found}.strides == {a.strides}"]
    if source.kind == "grad" and not v.shape:  # perhaps NumPy's scalar, of which the attribute makes an array
        found = f"{emitter.tensor(source.owner)}.grad"
    text = emitter.variable("g")
    emitter.locations[v] = Location(text)
    return [f"type({text} := {found}) is {emitter.fun(np.ndarray)}", array_text(emitter, text, source.array)]


def place_text(emitter: Emitter, v: Var) -> str:
    """Write where the array of an argument or a state is found when a call begins."""
    source = v.source
    if isinstance(source, Input):
        given = emitter.captured.leaves[source.index]
        return f"{emitter.tensor(given)}._value" if isinstance(given, Node) else f"a{source.index}"
    if not source.moves:
        return emitter.name(source.array, v.name or "s")
    return member_text(emitter, *((source.owner, "_grad") if source.kind == "grad" else source.place[:2]))


def member_text(emitter: Emitter, owner: Any, key: Any) -> str:
    """Write the member of a holder."""
    if isinstance(owner, ITEMS):
        held, at = emitter.name(owner, "held"), repr(key) if type(key) is str else emitter.ref(key)
        return f"{held}[{at}]" if type(owner) in ITEMS else f"{emitter.fun(base(owner).__getitem__)}({held}, {at})"
    if isinstance(owner, Node):
        return f"{emitter.tensor(owner)}.{key}"
    if isinstance(owner, type):  # a staticmethod, not its function
        return f"{emitter.name(owner, 'm')}.__dict__[{key!r}]"
    return f"{emitter.name(owner, 'cell' if isinstance(owner, CellType) else 'm')}.{key}"


def holds_tensors(emitter: Emitter, text: str, x: Any) -> Iterator[str]:
    """Yield the checks that there are Tensors where the function found x, one or a container; they give it a name."""
    if isinstance(x, Tensor):
        name = emitter.tensors[id(x)] = emitter.variable("t")
        is_array = f" and {name}.data.shape == ()" * (not x._value.shape)  # makes an array of NumPy's scalar
        yield f"type({name} := {text}) is {emitter.fun(Tensor)} and {name}.fun is None{is_array}"
        return
    name = emitter.known[id(x)] = emitter.variable("held")
    keys = keys_text(emitter, name, [*x]) if isinstance(x, dict) else f"len({name}) == {len(x)}"
    yield f"type({name} := {text}) is {emitter.name(type(x), 'kind')} and {keys}"
    for key, member in members(x).items():
        yield from holds_tensors(emitter, name + key_text(emitter, key), member)


def members_seen(emitter: Emitter) -> Iterator[str]:
    """Yield the checks that holders have the members that they had: cells, lists, Tensors."""
    program, captured = emitter.program, emitter.captured
    moving = program.moving()
    arrays = [a._value if isinstance(a, Node) else a for a in captured.leaves]
    inputs = {id(a): i for i, a in enumerate(arrays) if isinstance(a, np.ndarray)}
    used = {*program.inputs, *program.states}
    read = {id(v.source.array) for v in program.states}  # `locate_state` checks their kinds
    holders = captured.closure.holders.values()
    unread = {id(x) for _, old, _ in captured.replaced for x in nested(old)}  # others, at each call
    if "defaults" not in captured.closure.names:  # what optimizers keep for parameters that are added later
        unread |= {id(holder.of.defaults) for holder in holders if isinstance(holder.of, Optimizer)}
    for holder in [holder for holder in holders if id(holder.owner) not in unread]:
        owner, before, keys = holder.owner, holder.before, list(holder.seen)
        if isinstance(owner, Node):
            keys = [key for key in keys if key in holder.traced and holder.traced[key].origin in used]
            yield from tensor_seen(emitter, holder, used, "_value" in keys)
        for x in holder.instances.values():
            text, computes = referred(emitter, x), captured.closure.computing[type(x)]
            own = f"{emitter.fun(slot)}({text}, '__dict__')" if computes else f"{text}.__dict__"
            yield f"{own} is {emitter.name(owner, 'held')}"
        if isinstance(owner, type):
            yield keys_text(emitter, f"{emitter.name(owner, 'm')}.__dict__", [*vars(owner)])  # it may get others later
        if holder.absent:
            yield absent_text(emitter, owner, frozenset(holder.absent))
        is_whole = holder.checked is None and holder.of is None
        grows = holder.instances and not BY_TEXT.isdisjoint(captured.closure.names)  # new attributes may be found
        if is_whole and isinstance(owner, MAPPINGS):  # of keys the order counts
            yield keys_text(emitter, items_text(emitter, owner), keys)
        elif (grows or holder.checked is None or holder.of is not None) and isinstance(owner, (dict, list, set, deque)):
            held, is_ordered = items_text(emitter, owner), isinstance(holder.of, Module)  # as its parameters are
            yield keys_text(emitter, held, [*before]) if is_ordered or not before else f"len({held}) == {len(before)}"
        is_long = is_whole and len(keys) > LONG and isinstance(owner, (list, deque, *MAPPINGS))
        is_long = is_long and moving.isdisjoint([(id(owner), key) for key in keys])
        if isinstance(owner, set) or (is_long and all([isinstance(x, (*PLAIN, Node)) for x in before.values()])):
            now = items_text(emitter, owner, "values" if isinstance(owner, MAPPINGS) else "__iter__")
            pairs = f"{now}, {emitter.name([*before.values()], 'members')}"
            yield f"(all(map({emitter.fun(is_)}, {pairs})) or all(map({emitter.fun(is_same)}, {pairs})))"
            continue
        for key in sorted(before.keys() - keys) if isinstance(holder.of, Module) else ():  # nobody reads its value
            yield f"type({member_text(emitter, owner, key)}) is {emitter.fun(type(before[key]))}"
        of_optimizer = isinstance(holder.of, (Optimizer, Group))
        for key in keys:
            text = member_text(emitter, owner, key)
            if (index := inputs.get(id(before[key]))) is not None:
                yield f"{text} is a{index}"
            elif (id(owner), key) not in moving:
                yield same_text(emitter, text, before[key])
                if isinstance(before[key], np.ndarray) and id(before[key]) not in read and not of_optimizer:
                    yield array_text(emitter, text, before[key], has_content=True)


def tensor_seen(emitter: Emitter, holder: Holder, used: Set[Var], is_read: bool) -> Iterator[str]:
    """Yield the checks that a Tensor is as it was; `is_read` says whether the program reads its data."""
    captured, x, before, text = emitter.captured, holder.owner, holder.before, emitter.tensor(holder.owner)
    if captured.labeled or captured.replaced or "label" in captured.closure.names:  # a copy has it too
        yield same_text(emitter, f"{text}.label", x.label)
    yield f"{text}.requires_grad is {x.requires_grad}"
    if before["_grad"] is not None or x in captured.absent:
        yield f"{text}._grad is {'' if before['_grad'] is None else 'not '}None"
    if x in captured.stepped:  # the step warns of a sum
        yield f"(getattr({text}, 'passes', 1) > 1) is {getattr(x, 'passes', 1) > 1}"
    if not is_read and isinstance(before["_value"], np.ndarray) and id(x) not in captured.tensors:
        yield array_text(emitter, f"{text}._value", before["_value"])  # it may have asked for the dtype alone
    for key in holder.anew:
        var: Any = getattr(holder.traced.get(key), "origin", None)
        if var in used and (place := place_text(emitter, var)) != f"{text}.{key}":
            yield f"{text}.{key} is {place}"  # the array of another place, too


def check_argument(emitter: Emitter, text: str, value: Any, names: Iterator[str]) -> Iterator[str]:
    """Yield the checks for an argument; they give its leaves the next of the names."""
    kind = emitter.name(type(value), type(value).__name__)
    if is_container(value):
        if text not in ("args", "kwargs"):
            yield f"type({text}) is {kind}"
        if isinstance(value, dict):
            yield keys_text(emitter, text, [*value])
        elif isinstance(value, (list, tuple)):
            yield f"len({text}) == {len(value)}"
        if hasattr(value, "__dict__"):  # a dataclass, or a namedtuple that may get attributes
            yield f"len({text}.__dict__) == {len(vars(value))}"
        for key, element in members(value).items():
            yield from check_argument(emitter, text + key_text(emitter, key), element, names)
        return
    name = next(names)
    if isinstance(value, Node):
        yield f"type({name}t := {text}) is {kind} and {name}t.fun is {'' if value.fun is None else 'not '}None"
        value = value._value
        text = f"{name}t.{'_value' if np.shape(value) or type(value) is float else 'data'}"  # `data` too makes one
        kind = emitter.name(type(value), type(value).__name__)
        if type(value) is float:  # of a Value, and read anew
            yield f"type({name} := {text}) is {kind}"
            return
    if isinstance(value, ARRAYS) and value.dtype.kind != "O":
        yield f"type({name} := {text}) is {kind} and {array_text(emitter, name, value)}"
    elif type(value) in VALUES:
        yield same_text(emitter, f"({name} := {text})", value)
    elif isinstance(value, MethodType):  # a new one each time that it is looked up
        yield f"type({name} := {text}) is {kind} and {name}.__func__ is {emitter.fun(value.__func__)}"
        yield f"{name}.__self__ is {referred(emitter, value.__self__)}"
    else:
        yield f"({name} := {text}) is {referred(emitter, value)}"


def referred(emitter: Emitter, value: Any) -> str:
    """Write an object that must be the same; it may go, and the recording with it."""
    try:
        return f"{emitter.name(ref(value, emitter.captured.gone), 'ref')}()"
    except TypeError:  # its class has no weak references
        return emitter.name(value, "o")


def kind_guard(emitter: Emitter, v: Var) -> None:
    """Add the check that a result has the shape and dtype, or as many parts, as when it was recorded."""
    text = emitter.ref(v)
    different = f"{text}.shape != {v.shape} or {text}.dtype != {emitter.name(v.dtype, 'dtype')}"
    fails_if(emitter, f"len({text}) != {len(v.example)}" if isinstance(v.example, (tuple, list)) else different, [v])


def value_guards(emitter: Emitter, guards: Iterable[Guard]) -> None:
    """Add the checks of guards whose arguments are computed."""
    for guard in guards:
        predicate = emitter.fun(implementations.get(guard.predicate, guard.predicate))
        condition = f"{predicate}({', '.join(map(emitter.ref, guard.args))}) is not {guard.answer!r}"
        fails_if(emitter, condition, variables(guard.args))


def fails_if(emitter: Emitter, condition: str, reads: list[Var]) -> None:
    """Add the lines that end the replay as a guard that failed if a condition holds; it reads some values."""
    emitter.emit(f"if {condition}:", "    return GUARD_FAILED")
    emitter.steps.append(Step(f"if {condition}:", [*map(emitter.place, reads)], fails=True))
