"""Updates: the changes of a recorded function, added to its program, and made once when it has been recorded."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from .captured import Captured
from .changes import each
from .functional import memory_axes
from .holders import EMPTY, Place, assign
from .ir import Result, Setting, State, ancestors, variables
from .traced import Traced


def note_changes(found: Captured, tensors: list[tuple[Place, Any, tuple[Any, Any]]]) -> list[Callable[[], object]]:
    """Add the changes that the function made to the program, and return what makes them.

    `tensors` are the places of Tensors that were replaced, with those before, and the new ones as they are `described`.
    """
    program, changes = found.rec.program, list[Callable[[], object]]()
    stores = [(t.origin, t) for t in found.arrays.values() if t.is_written]
    for holder, key, given, new in found.exchanged:
        if new is given:
            continue
        if holder.has(key, "_grad"):
            program.grads.append((holder.owner, None if new is None else new.variable))
            value = None if new is None else _kept(new.value)
        else:
            var, place = given.origin, Place(holder.owner, key, holder.member(key))
            if isinstance(var.source, Setting):
                value, content = new.value, Result("itself", new.variable)
            elif isinstance(new.value, np.ndarray) and new.is_found:
                value, content = new.origin.example, Result("itself", new.origin)
            else:
                value = _kept(new.value)
                content = Result("kept", new.variable, memory_axes(np.asarray(value)))
            found.places += [place] * holder.is_scope  # which the others have already
            program.rebound.append((place, [var], content))
            if isinstance(var.source, State):
                var.source.place = place
        changes.append(partial(assign, holder.owner, key, value))
    for place, old, (content, new) in tensors:  # after what the function does to the old ones
        data = [found.closure.holders[id(x)].traced["_value"].origin for x in each(old).values()]
        program.rebound.append((place, data, content))
        changes.append(partial(assign, place.owner, place.key, new))
    changes += [partial(assign, attributes, "training", mode) for attributes, mode in program.modes]
    changes += [partial(assign, target.example, ..., new.value) for target, new in stores]
    program.stores += [(target, new.variable) for target, new in stores]
    read_anew(found)
    for i, place in found.within.items():
        holder = found.closure.holders[i]
        if isinstance(source := holder.traced["_value"].origin.source, State):
            source.place = Place(holder.owner, "_value", place.title, place)
    used = dict.fromkeys([v for call in program.calls for v in call.uses] + list(program.outputs()))
    used.update(dict.fromkeys(variables([program.stores, [before for _, before, _ in program.rebound]])))
    places = Counter([given.origin for _, _, given, _ in found.exchanged if type(given) is Traced])
    used.update(dict.fromkeys([v for v, n in places.items() if n > 1]))  # what moves between these stays where it is
    order = {v: i for i, v in enumerate(used)}  # that of their first use; what moves is checked also if it has none
    program.states = sorted([v for v in program.states if v in used or v.source.place], key=lambda v: order.get(v, 0))
    program.settings = [v for v in program.settings if v in used]
    return [*changes, *count_passes(found)]


def read_anew(found: Captured) -> None:
    """Let a replay find arrays at the places that are moving, unless another place holds the same array."""
    holders = found.closure.holders
    held = Counter([id(x) for h in holders.values() for x in h.before.values()]) if found.moving else Counter()
    places = [(holders[i], key) for i, key in found.moving if i in holders]
    for holder, key in [place for place in places if not isinstance(place[0].owner, MappingProxyType)]:
        array = holder.before.get(key)
        t = found.arrays.get(id(array))
        is_alone = held[id(array)] == 1 and id(array) not in found.closure.fixed
        if t is not None and is_alone and isinstance(t.origin.source, State) and not t.origin.source.moves:
            t.origin.source.place = Place(holder.owner, key, holder.member(key))
            found.places += [t.origin.source.place] * holder.is_scope


def _kept(value: Any) -> Any:
    """Return the Python float of a Value as it is, and a copy of an array."""
    return value if type(value) is float else np.array(value)


def count_passes(found: Captured) -> Iterator[Callable[[], object]]:
    """Let Tensors count the backward passes that added up: anew, or on if the sum contains the earlier gradient."""
    program = found.rec.program
    moving = {h.of.params[0] for h, key, given, new in found.exchanged if h.has(key, "steps") and new is not given}
    earlier = {id(v.source.owner): v for v in program.states if v.source.kind == "grad"}  # those that are read
    earlier |= {id(v.source.owner): v for v in program.settings if v.source.attribute == "_grad"}  # of Values
    found.stepped = {x for x in moving if id(x) in earlier}
    for x, v in [(x, v) for x, v in program.grads if v is not None]:
        holder = found.closure.holders[id(x)]
        before, after = holder.before["passes"], holder.last["passes"]
        if after is not EMPTY:
            adds = id(x) in earlier and earlier[id(x)] in ancestors(v)
            if adds and after is not before and x in moving:
                added = "gradients add up from call to call, and every step takes their sum"
                raise found.rec.error(f"{added}; call zero_grad() before backward()")
            program.passes.append((x, after - (1 if before is EMPTY else before) if adds else after, adds))
            yield partial(assign, x, "passes", after)
