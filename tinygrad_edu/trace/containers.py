"""Containers: arguments and results may be nested lists, tuples, namedtuples, dicts and dataclasses of arrays.

A recorded function is given containers of its own, so that the caller's are changed only when it has returned.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node
from ..transforms import tree
from .traced import Traced

DEPTH = 100  # of nested containers


class Attribute(str):
    """The key of a dataclass's member."""

    __slots__ = ()


def is_container(x: Any) -> bool:
    """Return whether x is a container, whose members are looked at."""
    is_namedtuple = isinstance(x, tuple) and hasattr(x, "_fields") and not getattr(x, "__dict__", None)
    return type(x) in (list, tuple, dict) or is_namedtuple or is_dataclass(x)


def is_dataclass(x: Any) -> bool:
    """Return whether x is a dataclass with an array or a Tensor in it, with all of its fields and nothing else."""
    return has_fields(x) and any([isinstance(leaf, (np.ndarray, Node, Traced)) for leaf in tree.leaves(x)])


def has_fields(x: Any) -> bool:
    """Return whether x is a dataclass with all of its fields and nothing else."""
    if not hasattr(type(x), "__dataclass_fields__") or tree.is_module(x) or isinstance(x, (Node, type)):
        return False
    extra = getattr(x, "__dict__", {}).keys() - {f.name for f in fields(x)}
    if extra or x.__class__.__getattribute__ is not object.__getattribute__:  # which may give other values
        return False
    return all([hasattr(x, f.name) for f in fields(x)])  # else a field has no value yet


def members(x: Any) -> dict[Any, Any]:
    """Return the members of a container by their keys; those of a dataclass are Attributes."""
    if isinstance(x, (list, tuple, dict)):
        return x if isinstance(x, dict) else dict(enumerate(x if isinstance(x, list) else tuple.__iter__(x)))
    return {Attribute(f.name): getattr(x, f.name) for f in fields(x)}


def mapped(fun: Function, x: Any) -> Any:
    """Return nested containers with fun(leaf) for each leaf."""
    return tree.like(x, [mapped(fun, v) for v in members(x).values()]) if is_container(x) else fun(x)


def refill(container: Any, content: Any) -> Any:
    """Give a list, a dict or a dataclass the members of `content`, and return it."""
    if isinstance(container, (list, dict)):
        container.clear()
        (container.update if isinstance(container, dict) else container.extend)(content)
        return container
    for f, member in zip(fields(container), members(content).values(), strict=True):
        object.__setattr__(container, f.name, member)  # which a frozen dataclass allows
    return container


def nested(x: Any) -> Iterator[Any]:
    """Yield x, if it is a container, and the containers in it."""
    if is_container(x):
        yield x
        for member in members(x).values():
            yield from nested(member)


def leaves(name: str, value: Any, depth: int = DEPTH) -> Iterator[tuple[str, object]]:
    """Yield (name, leaf) for each leaf of nested containers: name_0, name_1, name_key.

    Raises RecursionError for containers that are nested deeper, or contain themselves.
    """
    if not depth:
        raise RecursionError
    if not is_container(value):
        yield name, value
        return
    keys = (isinstance(value, tuple) and getattr(value, "_fields", None)) or members(value)
    for k, v in zip(keys, members(value).values(), strict=True):
        yield from leaves(f"{name}_{k}", v, depth - 1)
