"""Changes: what a recorded function did to the state that it found; refused, or made and added to the program."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType, MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.errors import kind_of, line_using
from ..engine.tape import Node
from ..nn import Module
from .captured import Captured
from .functional import memory_axes
from .holders import EMPTY, Holder, Place, are_same, assign, parts
from .ir import ARRAYS, Constant, Input, Setting, State, ancestors
from .traced import JitError, Traced, Unrecorded

CHANGED = "was changed, which would not happen at later calls"
SHARED = "lets two places share one array, which a replay does not; take a .copy()"


def owner_of(array: Any) -> Any:
    """Return the object that owns an array's memory."""
    while (base := array.obj if isinstance(array, memoryview) else getattr(array, "base", None)) is not None:
        array = base
    return array


def memory_of(x: Any) -> int:
    """Return the identity of what owns the memory of an array, recorded or plain."""
    if type(x) is Traced and type(x.root.variable.source) is not Constant:
        return id(x.root)
    return id(owner_of(x.value if type(x) is Traced else x))


def users_code(found: Captured) -> list[CodeType]:
    """Return the code of the functions that are no library's."""
    return [f.__code__ for f in found.closure.functions if not found.closure.is_library(f)]


def refuse_changes(found: Captured) -> None:
    """Raise JitError for changes that later calls would not make."""
    # What np.asarray(x) gave the function, which without jit is x itself
    plain = {id(copy()): (t, is_whole) for t in found.arrays.values() for copy, is_whole in t.plain_copies}
    for holder in found.holders:
        for key, given in holder.traced.items():
            new = holder.last.get(key, EMPTY)
            of_value = type(new) is float and isinstance(holder.owner, Node)
            if of_value or issubclass(type(new), ARRAYS):
                array, is_whole = plain.get(id(new), (None, False))
                new = array if is_whole else found.rec.constant(new)
            found.exchanged.append((holder.original or holder, key, given, new))
    found.moved = {*plain}
    refuse_replacements(found)
    remedy = "return the value, and do it outside of the recorded function"
    codes = users_code(found)
    for _, kind in found.closure.reclassed():
        title = f"the attribute __class__ of {kind.__name__}"
        raise found.rec.error(f"{title} {CHANGED}; {remedy}", at=line_using("__class__", codes))
    for holder in [h for h in found.holders if h.last is not h.before]:
        last, before = holder.last, holder.before
        expected = before | {key: last[key] for key in holder.traced if key in last} | mode_changed(found, holder)
        if isinstance(holder.owner, Node):
            changed = [(holder.member(k), k) for k in ("label", "requires_grad") if last[k] != before[k]]
        else:
            changed = [] if are_same(last, expected) else [title_of_change(found, holder, expected)]
        for title, name in changed[:1]:
            replaced = [(k, v) for k, v in before.items() if last.get(k) is not expected.get(k)]
            for k, v in [(k, v) for k, v in replaced if k not in holder.anew]:
                key = holder.member(k)
                if isinstance(v, Node) and type(last.get(k)) is Traced:
                    remedy = f"give the array another name than that of a Tensor, or {remedy}"
                elif isinstance(v, (Traced, Node)):
                    keep = f"keep an array, {key} = (...).data, " if isinstance(v, Node) and v.fun else ""
                    remedy = f"{keep}write into the array, {key}{'.data' * isinstance(v, Node)}[...] = ..., or {remedy}"
                elif type(v) in (list, dict) and type(v) is type(last.get(k)):
                    change = "[:] = ..." if type(v) is list else ".update(...)"
                    remedy = f"change the {type(v).__name__} itself, {key}{change}, or {remedy}"
                elif type(v) in (int, float) or isinstance(v, np.number):
                    remedy = f"count in an array, {key} = np.array({v}), or {remedy}"
            raise found.rec.error(f"{title} {CHANGED}; {remedy}", at=line_using(name, codes))
    for holder in found.containers.values():
        argument = found.paths[id(holder.owner)][1]
        names = () if isinstance(argument, (list, dict)) else holder.now().keys() ^ holder.before.keys()
        if names or (holder.changed() and id(getattr(argument, "__dict__", argument)) in found.closure.holders):
            why = "is a variable too" if not names else f"got or lost the attribute {min(names)}"
            error = found.rec.error(f"{holder.title} {why}, and was changed; pass a copy of it")
            raise Unrecorded(error) if names & holder.now().keys() else error
    refuse_overlaps(found)


def refuse_replacements(found: Captured) -> None:
    """Raise JitError if a place holds something at the end that a replay would not give it."""
    shared = Counter([id(given) for _, _, given, _ in found.exchanged])
    places = {(id(holder), key) for holder, key, _, _ in found.exchanged}
    scopes = [((id(h), key), x) for h in found.holders if h.is_scope for key, x in h.seen.items()]
    # What tuples, defaults and the like hold, which stays there
    fixed = found.closure.fixed.union([id(x) for place, x in scopes if place not in places])
    stay = {id(given) for holder, key, given, new in found.exchanged if new is given or holder.has(key, "_grad")}
    stay |= {id(t) for i, t in found.arrays.items() if i in fixed or shared[id(t)] > 1}
    taken = found.moved | {id(t) for t in found.arrays.values() if id(t) in stay}  # the memories that places hold
    for holder, key, given, new in found.exchanged:
        if new is given or new is EMPTY:
            continue
        was_array = type(given) is Traced and isinstance(given.value, np.ndarray)
        if holder.has(key, "_grad"):
            if isinstance(new, Node):
                remedy = "a replay does not; take the gradient by tg.grad, or call zero_grad() before the end"
                raise refused(found, holder, key, f"keeps its graph (create_graph=True), and {remedy}")
        elif was_array and isinstance(new, Node):
            raise refused(found, holder, key, "= ... puts a Tensor in place of an array; keep its .data")
        elif type(new) is not Traced:
            remedy = "set it outside of the recorded function, or by a schedule that does not ask for the loss"
            if Traced in map(type, parts(new)):  # a tuple of arrays
                remedy = "keep each array in an attribute of its own, or return the value"
            raise refused(found, holder, key, f"= {new!r:.40} would be the same at every call; {remedy}")
        elif type(given) is not Traced:  # a copy of a function or a tuple, or a Generator
            kind = kind_of(holder.before[key])
            raise refused(found, holder, key, f"= ... puts an array in place of {kind}; give it another name")
        elif was_array and not (isinstance(new.value, np.ndarray) or holder.has(key, "_value")):
            remedy = f"write {holder.member(key)}[...] = instead"
            raise refused(found, holder, key, f"= ... puts a number in place of an array; {remedy}")
        elif was_array and (shared[id(given)] > 1 or id(given.origin.example) in fixed):
            raise refused(found, holder, key, "= ... ends that two places hold one array; give each its own")
        if type(new) is Traced and isinstance(new.value, np.ndarray):
            memory = memory_of(new)
            is_whole = not new.is_view and not holder.has(key, "_grad")  # and may go from place to place
            if memory in taken or (new.root.is_found and not is_whole):
                raise refused(found, holder, key, f"= ... {SHARED}")
            taken.add(memory)
            if not holder.has(key, "_grad"):
                found.moved |= {memory, id(given)}


def refused(found: Captured, holder: Holder, key: Any, words: str) -> JitError:
    """Return the error about what a place holds at the end, with the line that puts it there."""
    title = holder.member(key)
    return found.rec.error(f"{title} {words}", at=line_using(title.rpartition(".")[2], users_code(found)))


def title_of_change(found: Captured, holder: Holder, expected: dict[Any, Any]) -> tuple[str, str]:
    """Return what was changed: a variable, an attribute, or a container with the name of its holder; and the name."""
    last, title, owner = holder.last, holder.title, holder.owner
    keys = [k for k in {**expected, **last} if last.get(k, EMPTY) is not expected.get(k, EMPTY)]
    if keys and holder.has_names:
        return (f"{title} {keys[0]}" if holder.is_globals else f"the attribute {keys[0]} of {title}"), str(keys[0])
    held = [h.member(k) for h in found.holders for k, v in h.before.items() if v is owner and type(k) is str]
    name = held[0] if held else holder.member(keys[0]) if keys else title
    return f"the {title.removeprefix('a ')} {name!r}" if held and not title.startswith("some ") else title, name


def mode_changed(found: Captured, holder: Holder) -> dict[str, bool]:
    """Return {"training": mode} if a Module was put into another mode, which a replay does too."""
    mode = holder.last.get("training")
    if not isinstance(holder.of, Module) or type(mode) is not bool or mode is holder.before.get("training"):
        return {}
    if "training" not in holder.before:  # the function gives it the attribute, and later calls find it there
        raise Unrecorded
    found.places.append(Place(holder.owner, "training", f"the mode of {holder.title}"))
    found.rec.program.modes.append((holder.owner, mode))
    return {"training": mode}


def refuse_overlaps(found: Captured) -> None:
    """Raise JitError or Unrecorded if an array that was written into shares memory with another, or with itself."""
    arrays = [*found.arrays.values()]
    tensors = Counter([id(given) for h, key, given, _ in found.exchanged if h.has(key, "_value")])
    for t in [t for t in arrays if t.is_written]:
        if tensors[id(t)] > 1:
            raise found.rec.error(f"{t.origin.name or 'an array'} is the data of two Tensors; use one Tensor")
        if isinstance(a := t.origin.example, np.ndarray) and (overlaps_itself(a) or not a.flags.writeable):
            raise Unrecorded  # NumPy refuses a write into what is read-only
    for t, other in [(arrays[i], arrays[j]) for i, j in overlapping([t.origin.example for t in arrays])]:
        if t.is_written or other.is_written:
            if isinstance(t.origin.source, Input) or isinstance(other.origin.source, Input):
                raise Unrecorded
            names = f"{t.origin.name or 'an array'} and {other.origin.name or 'another'}"
            raise found.rec.error(f"{names} share memory, and one was written into; give each its own copy")


def overlaps_itself(array: Any) -> bool:
    """Return whether elements of an array may share memory, as those of np.broadcast_to."""
    end = array.itemsize
    for stride, n in () if array.flags.forc else sorted(zip(map(abs, array.strides), array.shape, strict=True)):
        if n > 1 and stride < end:
            return True
        end += stride * (n - 1)
    return False


def overlapping(arrays: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """Yield the indices of pairs of arrays that may share memory; other values are passed over."""
    latest, end = -1, 0  # the array that ends last of those so far
    for start, stop, i in sorted([(*byte_bounds(a), i) for i, a in enumerate(arrays) if isinstance(a, np.ndarray)]):
        if start < end:
            yield latest, i
        if stop > end:
            latest, end = i, stop


def note_changes(found: Captured) -> list[Callable[[], object]]:
    """Add the changes that the function made to the program, and return what makes them."""
    program, changes = found.rec.program, list[Callable[[], object]]()
    stores = [(t.origin, t) for t in found.arrays.values() if t.is_written]
    for holder, key, given, new in found.exchanged:
        if new is given:
            continue
        if holder.has(key, "_grad"):
            program.grads.append((holder.owner, None if new is None else new.variable))
            value = None if new is None else _kept(new.value)
        else:
            var, itself = given.origin, new.origin if isinstance(new.value, np.ndarray) and new.is_found else None
            is_number = isinstance(var.source, Setting)
            value = itself.example if itself else new.value if is_number else _kept(new.value)
            axes = None if itself or is_number else memory_axes(np.asarray(value))
            place = Place(holder.owner, key, holder.member(key), var, itself, axes)
            found.places += [place] * holder.is_scope  # which the others have already
            program.rebound.append((place, new.variable))
            if isinstance(var.source, State):
                var.source.place = place
        changes.append(partial(assign, holder.owner, key, value))
    changes += [partial(assign, attributes, "training", mode) for attributes, mode in program.modes]
    changes += [partial(assign, target.example, ..., new.value) for target, new in stores]
    program.stores += [(target, new.variable) for target, new in stores]
    read_anew(found)
    used = dict.fromkeys([v for call in program.calls for v in call.uses] + list(program.outputs()))
    used.update(dict.fromkeys([t for t, _ in program.stores] + [place.var for place, _ in program.rebound]))
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
            t.origin.source.place = Place(holder.owner, key, holder.member(key), t.origin)
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
