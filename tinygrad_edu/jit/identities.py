"""Checks of identity at the start of a replay: which arguments and arrays are one object, or share memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.tape import Node
from ..trace.changes import overlaps_itself, owner_of
from ..trace.containers import Attribute, is_container
from .emitter import Emitter


def path_text(emitter: Emitter, path: tuple[Any, ...]) -> str:
    """Write an argument, or a member of a nested one, by its keys."""
    return str(path[0]) + "".join([key_text(emitter, key) for key in path[1:]])


def key_text(emitter: Emitter, key: Any) -> str:
    """Write the key of a container's member, after the container."""
    return f".{key}" if isinstance(key, Attribute) else f"[{emitter.ref(key)}]"


def identities(emitter: Emitter) -> Iterator[str]:
    """Yield the checks that arguments and arrays are one object where they were at the recording, and nowhere else.

    Which arrays Tensors and other places hold counts only if the function asks for identities.
    """
    captured, closure = emitter.captured, emitter.captured.closure
    places = [(a, f"a{i}{'t' * isinstance(a, Node)}") for i, a in enumerate(captured.leaves)]
    places += [(a._value, f"a{i}") for i, a in enumerate(captured.leaves) if isinstance(a, Node)]
    replaced = [closure.holders[i].owner for i in captured.within]
    places += [(x, emitter.tensor(x)) for x in replaced] + [(x._value, f"{emitter.tensor(x)}._value") for x in replaced]
    places = [(x, text) for x, text in places if isinstance(x, (Node, np.ndarray))]
    places += [(argument, path_text(emitter, path)) for argument, path in captured.occurrences]
    # `argument is array` may be asked, of an array that the function found and that is the same at each replay
    states = [v.source for v in emitter.program.states]
    are_given = bool(captured.occurrences)
    found = {i for i, x in closure.seen.items() if isinstance(x, np.ndarray) or (are_given and is_container(x))}
    found = found.union([id(s.array) for s in states], closure.holders if are_given else ())
    found = found.difference([id(x) for x, _ in places])
    fixed = closure.fixed | found.difference([id(s.array) for s in states if s.moves])
    if not closure.names.isdisjoint(("is", "id")):
        moving = [v for v in emitter.program.states if emitter.locations[v].array is None]
        held = [(v.example, emitter.locations[v].text) for v in moving]
        nodes = [holder for holder in closure.holders.values() if isinstance(holder.owner, Node)]
        held += [(h.before[key], f"{emitter.tensor(h.owner)}.{key}") for h in nodes for key in ("_value", "_grad")]
        places += [(x, text) for x, text in held if isinstance(x, np.ndarray)]
    texts: dict[int, str] = {}
    for x, text in places:
        first = emitter.name(x, "t") if id(x) in fixed else texts.setdefault(id(x), text)
        if first is not text:
            yield f"{text} is {first}"
    yield from apart(emitter, [*texts.values()], fixed)


def apart(emitter: Emitter, objects: list[str], others: set[int], are_distinct: bool = True) -> list[str]:
    """Return the checks that objects are none of `others`, by identity, and no two the same if they `are_distinct`."""
    known, ids = emitter.name(frozenset(others), "others"), ", ".join([f"id({text})" for text in objects])
    checks = []
    if are_distinct and len(objects) > 1:
        checks.append(f"len({{{ids}}}) == {len(objects)}" if len(objects) > 2 else " is not ".join(objects))
    if objects and others:
        few = " and ".join([f"id({text}) not in {known}" for text in objects])
        checks.append(f"{known}.isdisjoint([{ids}])" if len(objects) > 2 else few)
    return checks


def memory_apart(emitter: Emitter) -> list[str]:
    """Return the checks that no array shares memory with one that is written into, if a replay may find new arrays."""
    program, locations = emitter.program, emitter.locations
    targets = {target for target, _ in program.stores}
    arrays = [v for v in (*program.inputs, *program.states) if isinstance(v.example, np.ndarray)]
    moving = {v: locations[v].text for v in arrays if locations[v].array is None}
    if not targets or not moving:
        return []
    written = [v for v in moving if v in targets]
    fixed = [v for v in arrays if v not in moving and (written or v in targets)]
    owners = [f"({a} if {a}.base is None else {emitter.fun(owner_of)}({a}))" for a in moving.values()]
    checks = [f"not {emitter.fun(overlaps_itself)}({moving[t]})" for t in written if t.shape]
    if quick := apart(emitter, owners, {id(owner_of(v.source.array)) for v in fixed}, bool(written)):
        groups = ([v for v in (*moving, *fixed) if (v in targets) is is_target] for is_target in (True, False))
        lists = [f"[{', '.join([locations[v].text for v in vs])}]" for vs in groups]
        checks.append(f"({' and '.join(quick)} or {emitter.fun(share_none)}({', '.join(lists)}))")
    return checks


def share_none(targets: list[Any], others: list[Any]) -> bool:
    """Return whether none of some arrays shares memory with another of them, or with one of the others."""
    return not any([np.may_share_memory(t, a) for i, t in enumerate(targets) for a in (*targets[:i], *others)])
