"""Copies of the Tensors of a model, with the attributes that held them, as arrays by name too.

The state of a model is what its forward pass or a callback may replace: attributes that are a Tensor without gradient,
None, or lists, tuples and dicts of these.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from operator import is_
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module

A = TypeVar("A")  # an array, or what np.asarray takes
Attributes = dict[str, Any]


class Copies(NamedTuple):
    """The data of Tensors at one time.

    `data` are copies by name, in the order of `tensors`. `attributes` are pairs by the name of a module: the dict of
    its attributes, and copies of those that were Tensors or state.
    """

    data: dict[str, Array]
    tensors: list[Tensor]
    attributes: dict[str, tuple[Attributes, Attributes]]

    def restore(self) -> None:
        """Put the Tensors back where others or None replaced them, and give all the data that they had."""
        for now, then in self.attributes.values():
            now.update({key: copied(value) for key, value in then.items() if _replaces(value, now.get(key, ...))})
        for t, data in zip(self.tensors, self.data.values(), strict=True):
            if t.shape == data.shape:
                np.copyto(t.data, data)
            else:
                t.data = data.copy()

    def state_dict(self, part: str) -> dict[str, ArrayLike]:
        """Return the arrays by names that begin with `part`, and the structure of the state as text."""
        names = {id(t): name for name, t in zip(self.data, self.tensors, strict=True)}
        held = {path: structures(then, names) for path, (_, then) in self.attributes.items()}
        return {**named(part, self.data), f"{part}'s structure": json.dumps(held)}


def is_leaf(value: object) -> bool:
    """Return whether a value is a Tensor that no operation made."""
    return isinstance(value, Tensor) and value.fun is None


def is_state(value: object, around: tuple[int, ...] = ()) -> bool:
    """Return whether a value is a Tensor without gradient, None, or a list, tuple or dict of these alone."""
    if isinstance(value, Tensor):
        return value.fun is None and not value.requires_grad
    if type(value) is dict and not all(isinstance(key, (str, int)) for key in value):
        return False
    if type(value) not in (list, tuple, dict):
        return value is None
    inside = (*around, id(value))  # the ids of the containers around a member
    return id(value) not in around and all(is_state(member, inside) for member in members(value))


def members(container: Any) -> Collection[Any]:
    """Return the members of a list or a tuple, or the values of a dict."""
    return container.values() if isinstance(container, dict) else container


def copied(value: Any) -> Any:
    """Return a Tensor itself, and copies of the containers that hold it."""
    if isinstance(value, dict):
        return {key: copied(member) for key, member in value.items()}
    return type(value)(map(copied, value)) if isinstance(value, (list, tuple)) else value


def held_by(attributes: Attributes) -> Attributes:
    """Return copies of the attributes that are Tensors or state."""
    return {key: copied(value) for key, value in attributes.items() if is_leaf(value) or is_state(value)}


def _replaces(then: object, now: object) -> bool:
    kinds = (is_leaf(then) and isinstance(now, Tensor)) or (is_state(then) and is_state(now))
    return kinds and not _same(then, now)


def _same(a: Any, b: Any) -> bool:
    """Return whether two values are one, or containers of one type that hold the same."""
    if a is b or type(a) is not type(b) or not isinstance(a, (list, tuple, dict)):
        return a is b
    keys = not isinstance(a, dict) or [*a] == [*b]
    return keys and len(a) == len(b) and all(map(_same, members(a), members(b)))


def structures(attributes: Attributes, names: Mapping[int, str]) -> Attributes:
    """Return the structure of each attribute that is state, which JSON can hold."""
    return {key: structure(value, names) for key, value in attributes.items() if is_state(value)}


def structure(value: Any, names: Mapping[int, str]) -> Any:
    """Return None, a Tensor's name by its id, or the name of a container's type and the structures of its members."""
    if isinstance(value, Tensor):
        return names[id(value)]
    if isinstance(value, dict):
        return ["dict", [[key, structure(member, names)] for key, member in value.items()]]
    return value if value is None else [type(value).__name__, [structure(member, names) for member in value]]


def build(model: Module, held: Mapping[str, Attributes], given: Mapping[str, ArrayLike]) -> None:
    """Give the attributes that are state, or None, or missing, another structure, with new Tensors for `given` arrays.

    `held` are the `structures` of the attributes of each module, by its name.
    """
    tensors, modules = model.tensors(), dict(model.named_modules())
    names = {id(t): name for name, t in tensors.items()}

    def made(form: Any) -> Any:
        if isinstance(form, str):
            if form not in tensors:
                tensors[form] = Tensor(np.empty_like(given.get(form, 0.0)), requires_grad=False)
            return tensors[form]
        if form is None:
            return None
        kind, inside = form
        if kind == "dict":
            return {key: made(member) for key, member in inside}
        return {"list": list, "tuple": tuple}[kind](map(made, inside))

    for path in held.keys() & modules.keys():
        attributes = vars(modules[path])
        for key, form in held[path].items():
            now = attributes.get(key)
            if is_state(now) and structure(now, names) != form:
                attributes[key] = made(form)


def named(part: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays by the names that they have in the state of a run."""
    return {f"{part}/{name}": array for name, array in arrays.items()}


def part_of(part: str, state: Mapping[str, A]) -> dict[str, A]:
    """Return the state of one part by names without the part's prefix."""
    return {name.removeprefix(f"{part}/"): value for name, value in state.items() if name.startswith(f"{part}/")}


class Contents:
    """What the modules of a model hold, also in lists, tuples and dicts; `changed` is faster than a search for Tensors.

    It keeps the values, so that no id belongs to a new one.
    """

    def __init__(self, model: Module, others: list[Tensor]) -> None:
        containers = [c for m in model.modules() for c in containers_in(vars(m))]
        self.dicts = [c for c in containers if isinstance(c, dict)]
        self.members = [*map(members, containers)]  # views of dicts show what they hold later
        self.sizes, self.keys, self.values = self._now(others)

    def _now(self, others: list[Tensor]) -> tuple[list[int], list[Any], list[Any]]:
        return [*map(len, self.members)], [*chain(*self.dicts)], [*chain(*self.members, others)]

    def changed(self, others: list[Tensor]) -> bool:
        """Return whether a container holds something else now, or `others` are other Tensors."""
        sizes, keys, values = self._now(others)
        same = sizes == self.sizes and keys == self.keys and len(values) == len(self.values)
        return not (same and all(map(is_, values, self.values)))


def containers_in(value: object, around: tuple[int, ...] = ()) -> Iterator[Any]:
    """Yield a value that is a list, tuple or dict, and all of these inside it."""
    if isinstance(value, (list, tuple, dict)) and id(value) not in around:
        yield value
        for member in members(value):
            yield from containers_in(member, (*around, id(value)))
