"""Trees: nested containers of arrays and numbers.

A container is a list, a tuple, a namedtuple, a dict, a dataclass, or a Module, which counts as the dict of its
parameters by name. Anything else is a leaf. So is a list of plain numbers alone, also nested with equal lengths: it is
an array, as everywhere in NumPy. A tuple is always a container.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ..engine.errors import kind_of
from ..engine.rules.parameters import check_functions
from ..engine.rules.registry import real_part
from ..engine.tape import Node
from .lists import is_array

__all__ = ["Structure", "flatten", "is_container", "leaves", "paths", "ravel", "raveled", "tree_map", "unflatten"]

Tree = Any  # a leaf, or a container of trees


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Structure:
    """The nesting of a tree without its leaves: the structures of its members by key, and a tree with None for leaves.

    Two are equal if they nest the same kinds of containers with the same keys. A leaf has no kind.

    >>> tg.tree.flatten({"w": 1.0})[1] == tg.tree.flatten({"w": np.ones(3)})[1]
    True
    """

    kind: type | None
    members: dict[Any, Structure]
    container: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.kind, self.members) == (other.kind, other.members)

    def __hash__(self) -> int:
        return hash((self.kind, *self.members))

    def __len__(self) -> int:
        """Return the number of leaves."""
        return sum(map(len, self.members.values())) if self.kind else 1

    def __repr__(self) -> str:
        return f"Structure({unflatten(self, [_Star()] * len(self))!r})"


class _Star:
    def __repr__(self) -> str:
        return "*"


LEAF = Structure(None, {})


def flatten(tree: Tree) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree in order, and its structure, from which `unflatten` builds it again.

    A list of plain numbers is one leaf, an array.

    >>> tg.tree.flatten({"w": np.ones(2), "b": 0.5})
    ([array([1., 1.]), 0.5], Structure({'w': *, 'b': *}))
    """
    return [np.array(leaf) if isinstance(leaf, list) else leaf for leaf in leaves(tree)], structure_of(tree)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Tree:
    """Return the tree of a structure with these leaves; a Module comes as a dict of its parameters' names.

    Raises ValueError for another number of leaves.

    >>> tg.tree.unflatten(tg.tree.flatten({"w": 1.0, "b": 0.5})[1], [10.0, 20.0])
    {'w': 10.0, 'b': 20.0}
    """
    if len(leaves) != len(structure):
        raise ValueError(f"unflatten: {len(leaves)} leaves for a structure of {len(structure)}, {structure!r}")
    return with_leaves(structure.container, leaves)


def tree_map(f: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Return a tree of f(leaf, *leaves of the other trees at the same place).

    Raises ValueError, with the path, where another tree has other keys.

    >>> tg.tree.tree_map(lambda p, g: p - 0.1 * g, {"w": 1.0}, {"w": 5.0})
    {'w': 0.5}
    """
    check_functions("tree_map", f)
    columns = [leaves_like("tree_map", "tree", tree, other, f"tree {i}") for i, other in enumerate(others, 1)]
    rows = zip(flatten(tree)[0], *columns, strict=True)
    return with_leaves(tree, [f(*row) for row in rows])


def paths(tree: Tree, name: str = "") -> Iterator[str]:
    """Yield the path of each leaf as Python writes it, such as `params["layers"][1][0]`; `name` is the tree's.

    >>> list(tg.tree.paths({"w": 1.0, "b": (2.0, 3.0)}, "params"))
    ['params["w"]', 'params["b"][0]', 'params["b"][1]']
    """
    found = members(tree)
    if found is None:
        yield name
        return
    for key, member in found.items():
        yield from paths(member, name + step(tree, key))


def ravel(tree: Tree) -> tuple[Any, Callable[[Any], Tree]]:
    """Return all elements of the leaves of floats as one vector, and the function from such a vector to the tree.

    Both are differentiable. Other leaves stay as they are; a real leaf beside complex ones takes the real parts of its
    elements. A vector of another length raises ValueError.

    >>> tg.tree.ravel({"w": np.array([1.0, 2.0]), "b": 3.0})[0]
    array([1., 2., 3.])
    """
    found, structure = flatten(tree)
    floats = tuple([i for i, x in enumerate(found) if not is_constant(x)])
    parts = [np.ravel(found[i]) for i in floats]
    vector = np.concatenate(parts) if parts else np.zeros(0)
    shapes, dtypes = tuple([np.shape(found[i]) for i in floats]), tuple([p.dtype for p in parts])
    ends = tuple(itertools.accumulate([p.size for p in parts], initial=0))
    others = tuple([x if is_constant(x) else None for x in found])

    def unravel(vector: Any) -> Tree:
        """Return the tree whose leaves hold the elements of the vector."""
        if np.shape(vector) != (ends[-1],):
            raise ValueError(f"unravel: the vector has shape {np.shape(vector)}, and the tree holds {ends[-1]} floats")
        result = list(others)
        for i, (start, end), shape, dtype in zip(floats, itertools.pairwise(ends), shapes, dtypes, strict=True):
            part = vector[start:end].reshape(shape)
            part = part if dtype.kind == "c" else real_part(part)
            result[i] = part if part.dtype == dtype else part.astype(dtype)
        return unflatten(structure, result)

    return vector, unravel


def raveled(f: Callable[..., Tree], example: Tree) -> tuple[Callable[..., Any], Callable[[Any], Tree], Any]:
    """Return f as a function of a vector, the function from a vector to the tree, and the vector of an example.

    Other arguments of f stay. If f returns a tree, such as its gradient, the new function returns the vector of it.

    >>> g, unravel, start = tg.tree.raveled(lambda p: p["w"] * p["b"], {"w": 2.0, "b": 3.0})
    >>> float(g(start))
    6.0
    """
    vector, unravel = ravel(example)

    def of_vector(vector: Any, *args: Any, **kwargs: Any) -> Any:
        y = f(unravel(vector), *args, **kwargs)
        return ravel(y)[0] if is_container(y) else y

    return of_vector, unravel, vector


def is_container(x: object) -> bool:
    """Return whether x is a container, whose members are looked at, and not a leaf.

    >>> tg.tree.is_container({"w": 1.0}), tg.tree.is_container([1.0, 2.0])
    (True, False)
    """
    return is_module(x) or members(x) is not None


def leaves(tree: Tree) -> list[Any]:
    """Return the leaves of a tree in order; a list of plain numbers is one, and stays a list.

    >>> tg.tree.leaves({"w": 1.0, "b": (2.0, 3.0)})
    [1.0, 2.0, 3.0]
    """
    found = members(tree)
    return [tree] if found is None else [leaf for member in found.values() for leaf in leaves(member)]


def replaced(f: Callable[[Any], Any], tree: Tree) -> Tree:
    """Return a tree with f(leaf) in place of each leaf; lists of plain numbers and Modules are passed to f too."""
    found = None if is_module(tree) else members(tree)
    return f(tree) if found is None else like(tree, [replaced(f, member) for member in found.values()])


def with_leaves(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """Return a tree of the same structure with other leaves; a Module comes as a dict."""
    remaining = iter(leaves)  # of an iterator itself: the nested calls take the leaves that are left
    found = members(tree)
    return next(remaining) if found is None else like(tree, [with_leaves(m, remaining) for m in found.values()])


def structure_of(tree: Tree) -> Structure:
    """Return the structure of a tree."""
    found = members(tree)
    if found is None:
        return LEAF
    structures = {key: structure_of(member) for key, member in found.items()}
    return Structure(
        dict if is_module(tree) else type(tree), structures, like(tree, [s.container for s in structures.values()])
    )


def leaves_like(caller: str, name: str, tree: Tree, other: Tree, other_name: str) -> list[Any]:
    """Return the leaves of another tree in the order of `tree`; raise ValueError, with the path, if keys differ."""
    found, others = members(tree), members(other)
    if found is None:
        if others is not None:
            raise ValueError(f"{caller}: {name} is a leaf, and {other_name} has {kind_of(other)} there")
        return [other]
    others = dict(enumerate(other)) if isinstance(tree, list) and isinstance(other, list) else others
    if others is None:
        given = kind_of(other) + (f" of shape {shape}" if (shape := getattr(other, "shape", None)) else "")
        raise ValueError(f"{caller}: {name} is {kind_of(tree)}, and {other_name} has {given} there")
    if found.keys() != others.keys():
        raise ValueError(
            f"{caller}: {name} has the members {[*found]}, and {other_name} has {[*others]} there"
            if isinstance(tree, dict) or len(found) == len(others)
            else f"{caller}: {name} has {len(found)} members, and {other_name} has {len(others)} there"
        )
    return [
        leaf
        for key, member in found.items()
        for leaf in leaves_like(caller, name + step(tree, key), member, others[key], other_name)
    ]


def members(x: Any) -> dict[Any, Any] | None:
    """Return the members of a container by key, or None for a leaf."""
    if x is None or isinstance(x, np.ndarray):  # None is every leaf of a structure
        return None
    if isinstance(x, dict):
        return x
    if isinstance(x, tuple) or (isinstance(x, list) and not is_array(x)):
        return dict(enumerate(x))
    if is_module(x):
        return dict(x.named_parameters())
    if is_dataclass(x) and not isinstance(x, type):
        return {field.name: getattr(x, field.name) for field in fields(x)}
    return None


def like(container: Any, new: Sequence[Any]) -> Any:
    """Return a container of the same kind with new members; for a Module, a dict."""
    kind: Any = type(container)
    copied: Any
    if isinstance(container, (list, tuple)):
        if hasattr(kind, "n_sequence_fields"):  # time.struct_time and its like refuse tuple.__new__
            return kind(new)
        copied = tuple.__new__(kind, new) if isinstance(container, tuple) else list.__new__(kind)  # __init__ may differ
        if isinstance(container, list):
            list.extend(copied, new)
        for name, value in getattr(container, "__dict__", {}).items():
            object.__setattr__(copied, name, value)
        return copied
    if is_module(container):
        return dict(zip([name for name, _ in container.named_parameters()], new, strict=True))
    if isinstance(container, dict):
        copied = copy(container)
        copied.update(zip(container, new, strict=True))
        return copied
    copied = object.__new__(type(container))  # not copy(), which notes the slots of the class in the class
    fields_of = zip([field.name for field in fields(container)], new, strict=True)
    for name, value in (*getattr(container, "__dict__", {}).items(), *fields_of):
        object.__setattr__(copied, name, value)  # a frozen dataclass refuses setattr
    return copied


def is_module(x: object) -> bool:
    """Return whether x has parameters by name, as a Module has."""
    return hasattr(type(x), "named_parameters")


def is_constant(leaf: Any) -> bool:
    """Return whether a leaf holds no floats: integers, booleans, None, text, functions."""
    if isinstance(leaf, (float, complex, Node)):
        return False
    if isinstance(leaf, list):
        return all(map(is_constant, leaf))
    dtype: Any = getattr(leaf, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype.kind not in "fcO"  # an array of objects is an error, and not passed over in silence
    return not hasattr(leaf, "__array__")  # as a DataFrame has


def step(tree: Tree, key: Any) -> str:
    """Return how Python writes the way from a container to its member."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return f".{tree._fields[key]}"
    if isinstance(tree, (dict, list, tuple)) or is_module(tree):
        return f'["{key}"]' if repr(key) == f"'{key}'" and '"' not in repr(key) else f"[{key!r}]"
    return f".{key}"
