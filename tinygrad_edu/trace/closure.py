"""The closure of a function: variables, attributes, elements of lists and dicts, sources of random numbers.

It is read off the code: the variables that the function closes over, and all that has a name which the function, or
one that it calls, uses. A replay requires that all of them are the same. A function that changes one of them cannot be
recorded, because later calls would not change it.
"""

import functools
import os
import random
import sys
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine.errors import INTERNAL
from ..nn import Module

Place = tuple[Any, str, Any]  # (cell, globals or owner; name of the variable or the attribute; value)

MANY = 100  # elements of a list or a dict that are compared
SOURCES = (np.random.Generator, np.random.RandomState, random.Random)
PLAIN = (bool, int, float, complex, str, type(None))
ATOMS = (*PLAIN, bytes, np.ndarray, np.generic, np.ufunc)
USERS, INSTALLED, INTERNALS = range(3)  # whose code a file holds; INTERNALS: this package's, Python's and NumPy's
STANDARD = os.path.dirname(os.__file__)


class Closure:
    """The closure of `fun`, and of the functions and objects among its `arguments`.

    Objects of `opaque` classes are not searched. Of a Module only its class is: it reports its attributes itself.
    """

    def __init__(self, fun: object, arguments: Iterable[object], opaque: tuple[type, ...]) -> None:
        self.variables: list[Place] = []
        self.attributes: list[Place] = []
        self.containers: list[tuple[Any, list[Any]]] = []  # (list, dict, set or deque; its elements)
        self.sources: list[Any] = [np.random, random]  # of random numbers
        self.names = {"__call__", "__wrapped__", "forward"}  # all that the functions use
        self.owners: list[object] = []  # objects whose attributes may be among these
        self.package = (getattr(fun, "__module__", None) or "").partition(".")[0]
        self.stack: list[Any] = [*arguments, fun]
        seen: dict[int, object] = {}
        while self.stack:
            x = self.stack.pop()
            if isinstance(x, ATOMS) or id(x) in seen:
                continue
            seen[id(x)] = x  # kept alive, so that no other object gets its id
            if isinstance(x, FunctionType):
                self.add_function(x)
            elif isinstance(x, opaque):
                continue
            elif isinstance(x, (list, tuple, dict, set, deque)):
                elements = list(x.values() if isinstance(x, dict) else x)[:MANY]
                if not isinstance(x, tuple):
                    self.containers.append((x, elements))
                self.stack += elements
            elif isinstance(x, MethodType):
                self.stack += [x.__self__, x.__func__]
            elif isinstance(x, functools.partial):
                self.stack += [x.func, *x.args, *x.keywords.values()]
            elif isinstance(x, SOURCES):
                self.sources.append(x)
            elif not isinstance(x, (type, ModuleType)) or not self.is_library(x):
                self.owners.append(x)
                self.add_attributes(x, self.names)
                if isinstance(x, Module):
                    self.stack += vars(x).values()

    def is_library(self, x: FunctionType | type | ModuleType) -> bool:
        """Whether a function, a class or a module is of a library, whose code is not searched."""
        name = x.__name__ if isinstance(x, ModuleType) else x.__module__ or ""
        whose = _whose_file(x.__code__.co_filename) if isinstance(x, FunctionType) else _whose_module(name)
        return whose == INTERNALS or (whose == INSTALLED and name.partition(".")[0] != self.package)

    def add_function(self, f: FunctionType) -> None:
        """Add the variables of a function, and the attributes that have a name in it."""
        self.stack += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        found: list[Place] = []
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            try:
                found.append((cell, name, cell.cell_contents))
            except ValueError:  # a variable without a value yet
                continue
        if not self.is_library(f):
            scope, names = f.__globals__, set(_names_in(f.__code__))
            found += [(scope, name, scope[name]) for name in sorted(names & scope.keys())]
            new = names - self.names
            self.names |= new
            for owner in self.owners if new else ():
                self.add_attributes(owner, new)
        self.stack += [value for _, _, value in found]
        self.variables += [v for v in found if not isinstance(v[2], (ModuleType, type))]

    def add_attributes(self, owner: object, names: set[str]) -> None:
        """Add the attributes of an object, a class or a module that have these names."""
        held: dict[str, Any] = {} if isinstance(owner, Module) else getattr(owner, "__dict__", {})
        if not held and not isinstance(owner, Module):
            slots = [name for kind in type(owner).__mro__ for name in getattr(kind, "__slots__", ()) if name in names]
            held = {name: getattr(owner, name) for name in slots if hasattr(owner, name)}
        for name in names & held.keys():
            self.stack.append(held[name])
            if not isinstance(held[name], (FunctionType, type, ModuleType, classmethod, staticmethod, property)):
                self.attributes.append((owner, name, held[name]))
        if not isinstance(owner, (type, ModuleType)):
            self.add_inherited(owner, names - held.keys())

    def add_inherited(self, owner: object, names: set[str]) -> None:
        """Add methods and plain values that an object has from its classes."""
        for kind in type(owner).__mro__[:-1]:
            for name in names & vars(kind).keys():
                value = vars(kind)[name]
                if isinstance(value, (FunctionType, property)):
                    self.stack.append(value.fget if isinstance(value, property) else value)
                    if not self.is_library(kind):
                        self.attributes.append((kind, name, value))
                elif isinstance(value, PLAIN) and not isinstance(owner, Module):
                    self.attributes.append((owner, name, value))

    def tensor_names(self, arguments: Iterable[tuple[str, object]]) -> dict[int, str]:
        """Return names for Tensors by their identity, taken from variables, attributes and (name, value) `arguments`.

        Elements of a list are name_0, name_1; parameters of a Module are model_0.weight.
        """
        names: dict[int, str] = {}
        for root, value in (*arguments, *[place[1:] for place in (*self.variables, *self.attributes)]):
            found = {root: value}
            if isinstance(value, (list, tuple, dict)) and len(value) <= MANY:
                found = {f"{root}_{k}": v for k, v in (value.items() if isinstance(value, dict) else enumerate(value))}
            for name, x in found.items():
                tensors = dict(x.named_parameters()) if isinstance(x, Module) else {"": x}
                for key, tensor in tensors.items():
                    names.setdefault(id(tensor), f"{name}_{key}".strip("_"))
        return names

    def changed(self) -> str:
        """Return a description of what is no longer as it was found; "" if nothing has changed."""
        for holder, name, value in self.variables:
            if (holder.cell_contents if isinstance(holder, CellType) else holder.get(name)) is not value:
                return f"the variable {name}"
        for owner, name, value in self.attributes:
            if getattr(owner, name, self) is not value:
                return f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"
        for container, elements in self.containers:
            if not is_unchanged(container, elements):
                return f"a {type(container).__name__}"
        return ""


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in a function and in those defined inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if type(inner) is CodeType:
            yield from _names_in(inner)


@functools.lru_cache(1000)
def _whose_module(name: str) -> int:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:  # built into Python; or without a file: typed in, or a package without an __init__
        return USERS if module is None or name == "__main__" or hasattr(module, "__path__") else INTERNALS
    return USERS if name == "__main__" else _whose_file(file)


@functools.lru_cache(1000)
def _whose_file(name: str) -> int:
    if name.startswith(INTERNAL):
        return INTERNALS
    return INSTALLED if "-packages" in name else INTERNALS if name.startswith(STANDARD) else USERS


def is_unchanged(container: Any, elements: list[Any]) -> bool:
    """Whether a container still holds these elements, the very same, and as many (of a long one, the first)."""
    n = len(container)
    if n != len(elements) and (n < MANY or len(elements) < MANY):
        return False
    return all(map(is_, container.values() if isinstance(container, dict) else container, elements))


def source_state(source: Any) -> Hashable:
    """Return the state of a source of random numbers; it stays equal only if no number is drawn."""
    if isinstance(source, np.random.Generator):
        return _hashable(source.bit_generator.state)
    return _hashable(source.get_state(legacy=False) if hasattr(source, "get_state") else source.getstate())


def _hashable(state: Any) -> Hashable:
    if isinstance(state, dict):
        return tuple([_hashable(v) for v in state.values()])
    return state.tobytes() if isinstance(state, np.ndarray) else state
