"""Checks of identity at the start of a replay: which arguments and arrays are one object, or share memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.tape import Node
from ..trace.changes import are_apart, overlaps_itself, owner_of
from ..trace.containers import Attribute
from .emitter import Emitter


def path_text(emitter: Emitter, path: tuple[Any, ...]) -> str:
    """Write an argument, or a member of a nested one, by its keys."""
    return str(path[0]) + "".join([key_text(emitter, key) for key in path[1:]])


def key_text(emitter: Emitter, key: Any) -> str:
    """Write the key of a container's member, after the container."""
    return f".{key}" if isinstance(key, Attribute) else f"[{emitter.ref(key)}]"


def check_identities(emitter: Emitter) -> Iterator[str]:
    """Yield the checks that the same objects are given twice, or reached elsewhere too, and no others."""
    captured, closure = emitter.captured, emitter.captured.closure
    names: dict[int, str] = {}  # by the identity of a Tensor, an array or a container
    texts = [(a, f"a{i}{'t' * isinstance(a, Node)}") for i, a in enumerate(captured.leaves)]
    texts += [(a._value, f"a{i}") for i, a in enumerate(captured.leaves) if isinstance(a, Node)]
    texts += [(argument, path_text(emitter, path)) for argument, path in captured.occurrences]
    for value, text in texts:
        if id(value) in closure.elsewhere:
            yield f"{text} is {emitter.name(value, 't')}"
        elif not isinstance(value, (Node, np.ndarray)) and id(value) not in captured.containers:
            continue
        elif names.setdefault(id(value), text) is not text:
            yield f"{names[id(value)]} is {text}"
    if len(names) > 1:
        yield distinct([*names.values()])
    arrays = unmoved(emitter)  # `argument is array` may be asked
    holders = closure.holders.keys() if captured.containers else set()
    if names and (others := closure.elsewhere | arrays | holders):
        yield apart(emitter, [*names.values()], frozenset(others - names.keys()))


def distinct(objects: list[str]) -> str:
    """Write the check that no two of several objects are one."""
    if len(objects) == 2:
        return " is not ".join(objects)
    return f"len({{{', '.join([f'id({text})' for text in objects])}}}) == {len(objects)}"


def apart(emitter: Emitter, objects: list[str], others: frozenset[int]) -> str:
    """Write the check that the ids of objects are none of `others`."""
    known = emitter.name(others, "others")
    if len(objects) < 3:
        return " and ".join([f"id({text}) not in {known}" for text in objects])
    return f"{known}.isdisjoint([{', '.join([f'id({text})' for text in objects])}])"


def unmoved(emitter: Emitter) -> set[int]:
    """Return the identities of the arrays that the function found and that are the same at each replay."""
    states = [v.source for v in emitter.program.states]
    arrays = {i for i, x in emitter.captured.closure.seen.items() if isinstance(x, np.ndarray)}
    return arrays.union([id(s.array) for s in states]).difference([id(s.array) for s in states if s.moves])


def told_apart(emitter: Emitter) -> list[str]:
    """Return the checks that places hold one array, or several, as they did; none if the function asks no identity."""
    program, closure = emitter.program, emitter.captured.closure
    if closure.names.isdisjoint(("is", "id")):
        return []
    found = [v for v in (*program.inputs, *program.states) if emitter.locations[v].array is None]
    places = [(v.example, emitter.locations[v].text) for v in found]
    places += [
        (holder.before[key], f"{emitter.tensor(x)}.{key}")
        for holder in closure.holders.values() if isinstance(x := holder.owner, Node) for key in ("_value", "_grad")
    ]  # fmt: skip
    texts, checks = dict[int, str](), list[str]()
    fixed = unmoved(emitter).difference([id(v.example) for v in program.inputs])
    for a, text in [place for place in places if isinstance(place[0], np.ndarray)]:
        first = emitter.name(a, "array") if id(a) in fixed else texts.setdefault(id(a), text)
        checks += [f"{text} is {first}"] * (first is not text)
    checks += [distinct([*texts.values()])] * (len(texts) > 1)
    return checks + [apart(emitter, [*texts.values()], frozenset(fixed))] * bool(texts and fixed)


def written_apart(emitter: Emitter) -> list[str]:
    """Return the checks that no argument shares memory with an array that is written into."""
    program = emitter.program
    targets = [target for target, _ in program.stores]
    arrays = [v for v in (*program.inputs, *program.states) if isinstance(v.example, np.ndarray)]
    moving = {v: emitter.locations[v].text for v in arrays if emitter.locations[v].array is None}
    if not targets or not moving:
        return []
    objects = [f"{a} if {a}.base is None else {emitter.fun(owner_of)}({a})" for a in moving.values()]
    owners = frozenset([id(owner_of(t.source.array)) for t in targets if t not in moving])
    checks = [f"not {emitter.fun(overlaps_itself)}({moving[t]})" for t in targets if t in moving and t.shape]
    checks += [apart(emitter, objects, owners)] if owners else []
    if any(t in moving for t in targets) and len(moving) > 1:
        ids = ", ".join([f"id({text})" for text in objects])
        checks.append(f"(len({{{ids}}}) == {len(moving)} or {emitter.fun(are_apart)}({', '.join(moving.values())}))")
    fixed = [v for v in arrays if v not in moving]
    if written := [text for v, text in zip(moving, objects, strict=True) if v in targets and fixed]:
        both = [[emitter.locations[v].text for v in vs] for vs in ([v for v in moving if v in targets], fixed)]
        known = frozenset([id(owner_of(v.source.array)) for v in fixed])
        lists = ", ".join([f"[{', '.join(texts)}]" for texts in both])
        checks.append(f"({apart(emitter, written, known)} or {emitter.fun(share_none)}({lists}))")
    return checks


def share_none(targets: list[Any], others: list[Any]) -> bool:
    """Return whether none of some arrays shares memory with one of the others."""
    return not any([np.may_share_memory(t, a) for t in targets for a in others])
