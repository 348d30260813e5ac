"""Changes: what a recorded function did to the state that it found, and which of it later calls would not do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from types import CodeType, MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.errors import kind_of, line_using
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..nn import Module
from .captured import Captured
from .containers import is_container, members, nested
from .holders import EMPTY, ITEMS, Holder, Place, are_same, is_same, parts
from .ir import ARRAYS, NESTED, Constant, Input
from .traced import JitError, Traced, Unrecorded

FIXED = (set, MappingProxyType)  # holders of no places
CHANGED = "was changed, which would not happen at later calls"
APART = "= ... ends that two places hold one array; give each its own"
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
    note_replaced(found)
    refuse_replacements(found)
    remedy = "return the value, and do it outside of the recorded function"
    codes = users_code(found)
    for _, kind in found.closure.reclassed():
        title = f"the attribute __class__ of {kind.__name__}"
        raise found.rec.error(f"{title} {CHANGED}; {remedy}", at=line_using("__class__", codes))
    for holder in [h for h in found.holders if h.last is not h.before]:
        last, before = holder.last, holder.before
        replaced = {place.key for place, *_ in found.replaced if place.owner is (holder.original or holder).owner}
        expected = before | {key: last[key] for key in replaced.union(holder.traced) if key in last}
        expected |= mode_changed(found, holder)
        if isinstance(holder.owner, Node):
            changed = [(holder.member(k), k) for k in ("label", "requires_grad") if last[k] != before[k]]
        else:
            changed = [] if are_same(last, expected) else [title_of_change(found, holder, expected)]
        for title, name in changed[:1]:
            others = [(k, v) for k, v in before.items() if last.get(k) is not expected.get(k)]
            for k, v in [(k, v) for k, v in others if k not in holder.anew]:
                key = name_of(found, holder, k)[0]
                if isinstance(v, Node) and type(last.get(k)) is Traced:
                    remedy = f"give the array another name than that of a Tensor, or {remedy}"
                elif isinstance(v, (Traced, Node)):
                    keep = f"keep an array, {key} = (...).data, " if isinstance(v, Node) and v.fun else ""
                    if not keep and isinstance(last.get(k), Tensor) and last[k].fun:
                        keep = f"keep a Tensor without a graph, {key} = (...).detach(), "
                    remedy = f"{keep}write into the array, {key}{'.data' * isinstance(v, Node)}[...] = ..., or {remedy}"
                elif type(v) in (list, dict) and type(v) is type(last.get(k)):
                    change = "[:] = ..." if type(v) is list else ".update(...)"
                    remedy = f"change the {type(v).__name__} itself, {key}{change}, or {remedy}"
                elif type(last.get(k)) is Traced and isinstance(v, (int, float, np.number)):  # self.loss = np.sum(...)
                    remedy = f"make it an array first, {key} = np.zeros(()), and write {key}[...] = ..., or {remedy}"
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


def note_replaced(found: Captured) -> None:
    """Note the Tensors, and containers of them, that the function or others replace: each call finds the latest.

    None of the Tensors has a graph, and no other place holds one of them, at the beginning or at the end.
    """
    if not (candidates := replaced_members(found)):
        return
    kept = [x for h in found.closure.holders.values() for member in h.before.items() for x in member]
    held = Counter([id(part) for x in (*kept, found.fun) for part in parts(x)])
    known = found.closure.holders.keys() - found.tensors.keys()
    pairs = []
    for holder, key, old, new in candidates:
        tensors = each(old).values()
        single = [*nested(old), *tensors, *[x._value for x in tensors if new is old]]
        if known.issuperset(map(id, tensors)) and all([held[id(x)] == 1 for x in single]):
            pairs.append((holder, key, old, new))
        elif new is not old and not any([x.requires_grad for x in tensors]):  # the next call finds others
            raise Unrecorded(refused(found, holder, key, "= ... replaces a Tensor held elsewhere; give each its own"))
    olds, news = ([id(x) for pair in pairs for x in each(pair[at]).values()] for at in (2, 3))
    found.closure.fixed -= {*olds}
    for holder, key, old, new in pairs:
        if any([news.count(id(x)) > 1 or (held[id(x)] and id(x) not in olds) for x in each(new).values()]):
            raise refused(found, holder, key, "= ... ends that two places hold one Tensor; give each its own")
        place = Place((holder.original or holder).owner, key, holder.member(key))
        found.replaced.append((place, old, new))
        found.places.append(place)
        for path, x in each(old).items():
            found.within[id(x)] = place._replace(title="_".join(map(str, [place.title, *path])), path=path)


def replaced_members(found: Captured) -> list[tuple[Holder, Any, Any, Any]]:
    """Return the members that are Tensors or containers of them, and that the function replaces, or others before it.

    Each is (holder, key, what it was, what it is at the end). Of containers that hold one another, it is a member of
    the inner one if the function replaces that, and else of the outer one.
    """
    holders = [(h, id((h.original or h).owner)) for h in found.holders if not isinstance(h.owner, (Node, *FIXED))]
    holders = [(h, i) for h, i in holders if (h.last is not h.before or found.moving) and i in found.closure.holders]
    places = {(i, key): (h, key, h.before.get(key), new) for h, i in holders for key, new in h.last.items()}
    pairs = [pair for place, pair in places.items() if pair[2] is not pair[3] or place in found.moving]
    pairs = [pair for pair in pairs if are_leaves(*pair[2:])]
    changed = {id(h.owner) for h, _, old, new in pairs if new is not old}
    pairs = [pair for pair in pairs if changed.isdisjoint(map(id, nested(pair[2])))]
    inner = {id(x) for *_, old, _ in pairs for x in nested(old)}
    return [pair for pair in pairs if id(pair[0].owner) not in inner]


def each(x: Any, *at: Any) -> dict[tuple[Any, ...], Any]:
    """Return the Tensors in nested lists, tuples and dicts by their paths, which begin with `at`."""
    return {at: x} if isinstance(x, Node) else {p: t for k, v in members(x).items() for p, t in each(v, *at, k).items()}


def are_leaves(old: Any, new: Any, depth: int = 4) -> bool:
    """Return whether both are Tensors without a graph, or nested lists, tuples and dicts of such with equal keys."""
    if type(old) is not type(new) or not isinstance(old, NESTED) or not is_container(old) or type(old).__dictoffset__:
        return type(old) is type(new) is Tensor and old.fun is new.fun is None  # a namedtuple may have attributes
    a, b = members(old), members(new)
    is_alike = depth > 0 and len(a) == len(b) > 0 and all(map(is_same, a, b))
    return is_alike and all([are_leaves(*pair, depth - 1) for pair in zip(a.values(), b.values(), strict=True)])


def refuse_replacements(found: Captured) -> None:
    """Raise JitError if a place holds something at the end that a replay would not give it."""
    shared = Counter([id(given) for _, _, given, _ in found.exchanged])
    places = {(id(holder), key) for holder, key, _, _ in found.exchanged}
    scopes = [((id(h), key), x) for h in found.holders if h.is_scope for key, x in h.seen.items()]
    # What tuples, defaults and the like hold, which stays there
    fixed = found.closure.fixed.union([id(x) for place, x in scopes if place not in places])
    news = [(place, x) for place, _, new in found.replaced for x in each(new).values()]
    gone = found.within.keys() - {id(x) for _, x in news}
    held = [exchange for exchange in found.exchanged if id(exchange[0].owner) not in gone]
    stay = {id(given) for holder, key, given, new in held if new is given or holder.has(key, "_grad")}
    stay |= {id(t) for i, t in found.arrays.items() if i in fixed or shared[id(t)] > 1}
    taken = found.moved | {id(t) for t in found.arrays.values() if id(t) in stay}  # the memories that places hold
    for place, old, _ in found.replaced:
        arrays = [found.closure.holders[id(x)].traced["_value"] for x in each(old).values()]
        if any([shared[id(t)] > 1 or id(t.origin.example) in fixed for t in arrays]):
            raise refused(found, found.closure.holders[id(place.owner)], place.key, APART)
    for place, new in news:
        for array in [a for a in (new._value, new._grad) if type(a) is Traced and id(new) not in found.closure.seen]:
            memory = memory_of(array)
            if memory in taken or array.root.is_found:
                raise refused(found, found.closure.holders[id(place.owner)], place.key, f"= ... {SHARED}")
            taken.add(memory)
            found.moved.add(memory)
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
            remedy = f"write {name_of(found, holder, key)[0]}[...] = instead"
            raise refused(found, holder, key, f"= ... puts a number in place of an array; {remedy}")
        elif was_array and (shared[id(given)] > 1 or id(given.origin.example) in fixed):
            raise refused(found, holder, key, APART)
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
    title, name = name_of(found, holder, key)
    return found.rec.error(f"{title} {words}", at=line_using(name, users_code(found)))


def name_of(found: Captured, holder: Holder, key: Any) -> tuple[str, str]:
    """Return the text of a member, such as hist[0], and the name that is in the code, hist."""
    if isinstance(holder.owner, ITEMS) and not holder.has_names and (held := names_of(found, holder.owner)):
        return f"{held[0]}[{key!r}]", held[0]
    title = holder.member(key)
    return title, title.rpartition(".")[2]


def names_of(found: Captured, x: Any) -> list[str]:
    """Return the names of the attributes and variables that hold an object."""
    return [h.member(k) for h in found.holders for k, v in h.before.items() if v is x and type(k) is str]


def title_of_change(found: Captured, holder: Holder, expected: dict[Any, Any]) -> tuple[str, str]:
    """Return what was changed: a variable, an attribute, or a container with the name of its holder; and the name."""
    last, title, owner = holder.last, holder.title, holder.owner
    keys = [k for k in {**expected, **last} if last.get(k, EMPTY) is not expected.get(k, EMPTY)]
    if keys and holder.has_names:
        return (f"{title} {keys[0]}" if holder.is_globals else f"the attribute {keys[0]} of {title}"), str(keys[0])
    held = names_of(found, owner)
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
