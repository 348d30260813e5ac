"""What a function can reach outside: variables, attributes, elements of lists and dicts, sources of random numbers.

It is read off the code: what a function closes over, and whatever has a name that the function, or one that it calls,
uses. A replay is for the same surroundings; a function that changes them cannot be recorded, as that would not happen
at later calls.
"""

from __future__ import annotations

import functools
import os
import random
import sys
from collections import deque
from collections.abc import Iterator
from operator import is_
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine.errors import INTERNAL

Place = tuple[Any, str, Any]

MANY = 100  # elements of a list or a dict that are looked at
SOURCES = (np.random.Generator, np.random.RandomState, random.Random)
PLAIN = (bool, int, float, complex, str, type(None))
ATOMS = (*PLAIN, bytes, np.ndarray, np.generic, np.ufunc)
USERS, INSTALLED, OURS = range(3)  # OURS: Python's and NumPy's too
STANDARD = os.path.dirname(os.__file__)


class Closure:
    """What `fun` can reach, and what stands in `given`.

    Objects of the classes `apart` are not looked into; of those of the class `module` only the classes are.
    """

    def __init__(self, fun: Any, given: list[Any], apart: tuple[type, ...], module: type) -> None:
        self.variables: list[Place] = []  # (cell, "", value) or (globals, name, value)
        self.attributes: list[Place] = []  # (owner, name, value)
        self.containers: list[tuple[Any, list[Any]]] = []  # (list, dict, set or deque, its elements)
        self.sources: list[Any] = [np.random, random]  # of random numbers
        self.names = {"__call__", "__wrapped__", "forward"}  # that the functions use
        self.owners: list[Any] = []  # whose attributes may be among these
        self.module, self.home = module, package(fun)
        self.stack = [*given, fun]
        seen: dict[int, Any] = {}
        while self.stack:
            x = self.stack.pop()
            if isinstance(x, ATOMS) or id(x) in seen:
                continue
            seen[id(x)] = x  # kept, lest another gets its id
            if isinstance(x, FunctionType):
                self.function(x)
            elif isinstance(x, apart):
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
            elif not isinstance(x, (type, ModuleType)) or not self.library(x):
                self.owners.append(x)
                self.named(x, self.names)
                if isinstance(x, module):
                    self.stack += vars(x).values()

    def library(self, x: Any) -> bool:
        """Whether a function, a class or a module is of a library, whose code is not looked at."""
        name = x.__name__ if isinstance(x, ModuleType) else x.__module__ or ""
        whose = of_file(x.__code__.co_filename) if isinstance(x, FunctionType) else of_module(name)
        return whose == OURS or (whose == INSTALLED and name.partition(".")[0] != self.home)

    def function(self, f: FunctionType) -> None:
        """The variables of a function, and what it may find under the names that it uses."""
        self.stack += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        found: list[Place] = []
        for cell in f.__closure__ or ():
            try:
                found.append((cell, "", cell.cell_contents))
            except ValueError:  # a variable without a value yet
                continue
        if not self.library(f):
            scope, names = f.__globals__, set(used(f.__code__))
            found += [(scope, name, scope[name]) for name in names & scope.keys()]
            new = names - self.names
            self.names |= new
            for owner in self.owners if new else ():
                self.named(owner, new)
        self.stack += [value for _, _, value in found]
        self.variables += [v for v in found if not isinstance(v[2], (ModuleType, type))]

    def named(self, owner: Any, names: set[str]) -> None:
        """The attributes of an object, a class or a module that have these names."""
        own: Any = getattr(owner, "__dict__", {})
        if isinstance(owner, self.module):  # which tells a recording itself what is asked of it
            own = {}
        elif not own:
            slots = [name for kind in type(owner).__mro__ for name in getattr(kind, "__slots__", ()) if name in names]
            own = {name: getattr(owner, name) for name in slots if hasattr(owner, name)}
        for name in names & own.keys():
            self.stack.append(own[name])
            if not isinstance(own[name], (FunctionType, type, ModuleType, classmethod, staticmethod, property)):
                self.attributes.append((owner, name, own[name]))
        if not isinstance(owner, (type, ModuleType)):
            self.inherited(owner, names - own.keys())

    def inherited(self, owner: Any, names: set[str]) -> None:
        """What an object has under these names from its classes: methods, and plain values."""
        for kind in type(owner).__mro__[:-1]:
            own = vars(kind)
            for name in names & own.keys():
                value = own[name]
                if isinstance(value, (FunctionType, property)):
                    self.stack.append(value.fget if isinstance(value, property) else value)
                    if not self.library(kind):
                        self.attributes.append((kind, name, value))
                elif isinstance(value, PLAIN) and not isinstance(owner, self.module):
                    self.attributes.append((owner, name, value))

    def changed(self) -> str:
        """What is no longer as it was found, in words."""
        for holder, name, value in self.variables:
            if (holder.get(name) if name else holder.cell_contents) is not value:
                return f"the variable {name}" if name else "a variable that the function closes over"
        for owner, name, value in self.attributes:
            if getattr(owner, name, self) is not value:
                return f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"
        for container, elements in self.containers:
            if not as_it_was(container, elements):
                return f"a {type(container).__name__}"
        return ""


def used(code: CodeType) -> Iterator[str]:
    """The names that a function, and those defined in it, find in globals and in attributes."""
    yield from code.co_names
    for inner in code.co_consts:
        if type(inner) is CodeType:
            yield from used(inner)


def package(x: Any) -> str:
    """The package that a function or a class belongs to."""
    return (getattr(x, "__module__", None) or "").partition(".")[0]


@functools.lru_cache(1000)
def of_module(name: str) -> int:
    """Whose a module is."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:  # of Python's own, or of no file: what was typed in, or a package without a module of its own
        return USERS if module is None or name == "__main__" or hasattr(module, "__path__") else OURS
    return USERS if name == "__main__" else of_file(file)


@functools.lru_cache(1000)
def of_file(name: str) -> int:
    """Whose a file is."""
    if name.startswith(INTERNAL):
        return OURS
    return INSTALLED if "-packages" in name else OURS if name.startswith(STANDARD) else USERS


def as_it_was(container: Any, elements: list[Any]) -> bool:
    """Whether a list or a dict still holds these elements, the very same, and as many (of long ones, the first)."""
    n = len(container)
    if n != len(elements) and (n < MANY or len(elements) < MANY):
        return False
    return all(map(is_, container.values() if isinstance(container, dict) else container, elements))


def position(source: Any) -> Any:
    """Where a source of random numbers has come to: the same as before only if nothing was drawn from it."""
    if isinstance(source, np.random.Generator):
        return frozen(source.bit_generator.state)
    return frozen(source.get_state(legacy=False)) if hasattr(source, "get_state") else source.getstate()


def frozen(state: Any) -> Any:
    """Nested dicts and arrays as something that can be compared."""
    if isinstance(state, dict):
        return [frozen(v) for v in state.values()]
    return state.tobytes() if isinstance(state, np.ndarray) else state
