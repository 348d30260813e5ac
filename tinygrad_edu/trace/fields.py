"""Dataclasses of arrays under jit: arguments and results are recorded as namedtuples of their fields.

A function that is given dataclasses is recorded as a function of such tuples, which makes the dataclasses anew.
"""

import functools
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import is_
from typing import Any

import numpy as np

from ..engine.tape import Node
from ..transforms import tree
from .ir import is_container
from .traced import JitError


class ArgumentChanged(JitError):
    """Raised if a function puts other members into a dataclass, or into a container that holds one."""


_types: dict[type, Any] = {}  # the namedtuple of each dataclass


def fields_type(kind: type) -> Any:
    """Return the namedtuple that stands for a dataclass; `build` makes an object of the dataclass from its members."""
    if kind in _types:
        return _types[kind]
    new_type: Any = namedtuple
    names = [f.name for f in fields(kind)]
    made = _types[kind] = new_type(kind.__name__, names, rename=True)

    def build(*values: Any) -> Any:
        new: Any = object.__new__(kind)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(new, name, value)
        return new

    build.__name__ = kind.__name__
    made.build = staticmethod(build)
    return made


def is_dataclass_of_arrays(x: Any) -> bool:
    """Return whether x is a dataclass with an array or a Tensor in it, and with no attributes beside its fields."""
    if not hasattr(type(x), "__dataclass_fields__") or tree.is_module(x) or isinstance(x, Node):
        return False
    names = [f.name for f in fields(x)]
    arrays = any([isinstance(leaf, (np.ndarray, Node)) or hasattr(leaf, "rec") for leaf in tree.leaves(x)])
    return arrays and vars(x).keys() <= {*names} if hasattr(x, "__dict__") else arrays


def has_dataclass(x: Any) -> bool:
    """Return whether a dataclass of arrays is among arguments, or in their containers."""
    if is_container(x):
        return any([has_dataclass(member) for member in (x.values() if isinstance(x, dict) else x)])
    return is_dataclass_of_arrays(x)


def as_fields(x: Any) -> Any:
    """Return arguments with namedtuples in place of dataclasses; containers without any stay the same objects."""
    if not has_dataclass(x):
        return x
    if is_container(x):
        members = [as_fields(member) for member in (x.values() if isinstance(x, dict) else x)]
        return tree.like(x, members)
    return fields_type(type(x))(*[as_fields(getattr(x, f.name)) for f in fields(x)])


def fields_of(x: Any) -> Any:
    """Return the namedtuple of one dataclass; its members stay."""
    return fields_type(type(x))(*[getattr(x, f.name) for f in fields(x)])


def of_fields(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fun` as a function that is given what `as_fields` returns."""

    @functools.wraps(fun)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        made: list[tuple[Any, list[Any]]] = []
        objects = _objects([args, kwargs], made)
        result = fun(*objects[0], **objects[1])
        for container, before in made:
            now = [*(tree.members(container) or {}).values()]
            if len(now) != len(before) or not all(map(is_, now, before)):
                raise ArgumentChanged(f"a {type(container).__name__} among the arguments was changed")
        return result

    return recorded


def _objects(x: Any, made: list[tuple[Any, list[Any]]]) -> Any:
    """Return arguments with their dataclasses; `made` receives each container that is made, with its members."""
    if not is_container(x) or not _has_fields(x):
        return x
    members = [_objects(member, made) for member in (x.values() if isinstance(x, dict) else x)]
    new = type(x).build(*members) if hasattr(type(x), "build") else tree.like(x, members)
    made.append((new, members))
    return new


def _has_fields(x: Any) -> bool:
    members: Iterator[Any] = iter(x.values() if isinstance(x, dict) else x) if is_container(x) else iter(())
    return hasattr(type(x), "build") or any([_has_fields(member) for member in members])
