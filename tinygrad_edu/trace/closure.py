"""The closure of a function: all objects that it reaches, and how to notice that one of them was changed.

The walk follows arguments, variables that the function closes over, globals that it names, and attributes and elements
of those. It searches the code of the user's functions for names, and never that of libraries.
"""

import functools
import os
import random
import sys
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..engine.errors import INTERNAL
from ..engine.tape import Node
from ..nn import Module
from ..optim import Group, Optimizer
from ..optim.lr_scheduler import LRScheduler
from .holders import Holder, members

MANY, HUGE = 100, 1000  # longer lists are frozen, of plain values and of data: replays do not look at them
SOURCES = (np.random.Generator, np.random.RandomState, random.Random, np.random.BitGenerator)
PLAIN = (bool, int, float, complex, str, bytes, type(None))
ATOMS = (*PLAIN, np.generic, np.ufunc, np.dtype, range, slice)
SETTINGS = {Optimizer: ("steps",), Group: ("lr",), LRScheduler: ("epoch",)}  # numbers that a replay reads anew
FRAMEWORK = (Module, *SETTINGS)  # their instances are seen with all attributes
METHODS = (FunctionType, property, classmethod, staticmethod, functools.cached_property)
USERS, INSTALLED, INTERNALS = range(3)  # whose code a file holds; INTERNALS: this package's, Python's and NumPy's
STANDARD = os.path.dirname(os.__file__)
MADE_BY_CLASS = 1 << 9  # the flag of a type that Python code has made


class Closure:
    """All that `fun` reaches, with its `arguments`."""

    def __init__(self, fun: object, arguments: Sequence[object]) -> None:
        self.holders: dict[int, Holder] = {}
        self.tensors: list[Node] = []
        self.framework: list[Any] = []  # modules, optimizers, groups and schedules
        self.sources: list[Any] = [np.random, random]  # of random numbers
        self.functions: list[FunctionType] = []
        self.names = {"__wrapped__", "forward"}  # all that the functions use
        self.owners: list[object] = []  # objects whose attributes may be among these
        self.package = (getattr(fun, "__module__", None) or "").partition(".")[0]
        self.seen: dict[int, object] = {}  # kept alive, so that no other object gets the same id
        self.queue: deque[Any] = deque([fun, *[x for x in arguments if not isinstance(x, Node)]])
        self.walk()
        self.elsewhere = {id(t) for t in self.tensors}  # Tensors that are not only arguments themselves
        self.queue += [x for x in arguments if isinstance(x, Node)]
        self.walk()

    def walk(self) -> None:
        """Visit each object of the queue once."""
        while self.queue:
            x = self.queue.popleft()
            if not isinstance(x, ATOMS) and id(x) not in self.seen:
                self.seen[id(x)] = x
                self.visit(x)

    def visit(self, x: Any) -> None:
        """Add an object, and put all that it leads to into the queue."""
        if isinstance(x, Node):
            self.tensors.append(x)
        elif isinstance(x, FunctionType):
            self.add_function(x)
        elif isinstance(x, (list, tuple, dict, set, deque)):
            elements = list(x.values() if isinstance(x, dict) else x)
            if not isinstance(x, tuple):
                frozen = len(elements) > MANY and all(isinstance(v, PLAIN) for v in elements)
                frozen |= len(elements) > HUGE and not any(isinstance(v, (Node, *FRAMEWORK)) for v in elements)
                self.hold(x, f"a {type(x).__name__}", set() if frozen else None)
                elements = [] if frozen else elements
            self.queue += elements
        elif isinstance(x, MethodType):
            self.queue += [x.__self__, x.__func__]
        elif isinstance(x, functools.partial):
            self.queue += [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, SOURCES) and not isinstance(x, random.SystemRandom):  # which has no state
            self.sources.append(x)
        elif isinstance(x, FRAMEWORK):
            self.framework.append(x)
            settings = settings_of(x)
            checked = {name for name in vars(x) if name not in settings and name != "_in_place"}
            self.hold(vars(x), type(x).__name__, checked if settings else None)
            self.holders[id(vars(x))].is_namespace = True
            self.queue += [value for name, value in vars(x).items() if name in checked]
            self.owners.append(x)
            self.add_inherited(x, self.names)
        elif not isinstance(x, (type, ModuleType)) or not self.is_library(x):
            self.owners.append(x)
            self.add_attributes(x, self.names)

    def hold(self, owner: Any, title: str, checked: set[str] | None, names: set[str] | None = None) -> None:
        """Add a holder, or more of the keys that are checked to one that is known."""
        holder = self.holders.get(id(owner))
        if holder is None:
            self.holders[id(owner)] = Holder(owner, title, checked, names)
        elif holder.checked is not None:
            holder.checked = None if checked is None else holder.checked | checked

    def is_library(self, x: Any) -> bool:
        """Return whether a function, a class or a module is of a library, whose code is not searched."""
        name = x.__name__ if isinstance(x, ModuleType) else _module(x)
        whose = _whose_file(x.__code__.co_filename) if isinstance(x, FunctionType) else _whose_module(name)
        return whose == INTERNALS or (whose == INSTALLED and name.partition(".")[0] != self.package)

    def add_function(self, f: FunctionType) -> None:
        """Add the variables of a function, and the attributes that have a name in it."""
        self.functions.append(f)
        self.queue += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self.hold(cell, f"the variable {name}", None)
            self.queue += members(cell).values()
        if self.is_library(f):
            return
        if f.__dict__:
            self.hold(f.__dict__, f.__name__, set(f.__dict__))
            self.queue += f.__dict__.values()
        scope, ordered = f.__globals__, list(names_in(f.__code__))
        names = set(ordered)
        known = {name for name in names & scope.keys() if not isinstance(scope[name], (ModuleType, type))}
        self.hold(scope, "a global variable", known, self.names)
        self.queue += [scope[name] for name in ordered if name in scope]
        new = names - self.names
        self.names |= new
        for owner in self.owners if new else ():
            self.add_attributes(owner, new)

    def add_attributes(self, owner: Any, names: set[str]) -> None:
        """Add the attributes of an object, a class or a module that have these names."""
        if isinstance(owner, FRAMEWORK):
            self.add_inherited(owner, names)
            return
        whole = owner if isinstance(owner, type) else getattr(owner, "__dict__", owner)
        held = members(whole) if isinstance(whole, (dict, type)) or hasattr(type(owner), "__slots__") else {}
        found = {name: value for name, value in held.items() if name in names}
        is_object = not isinstance(owner, (type, ModuleType))  # whose functions are attributes like any other
        others = (type, ModuleType, *(() if is_object else METHODS))
        plain = {name for name, value in found.items() if not isinstance(value, others)}
        if is_object and _whose_module(_module(type(owner))) != USERS:
            plain = set()  # a library may change what its objects hold at any time
        elif held or isinstance(whole, dict):
            self.hold(whole, getattr(owner, "__name__", type(owner).__name__), plain)
        self.queue += [_function(value) for value in found.values()]
        if not isinstance(owner, ModuleType):
            self.add_inherited(owner, names)

    def add_inherited(self, owner: object, names: set[str]) -> None:
        """Add the special methods of the user's classes of an object, or of a class, and their members by name."""
        for kind in (owner if isinstance(owner, type) else type(owner)).__mro__[:-1]:
            if not self.is_library(kind):
                found = {k: v for k, v in vars(kind).items() if k in names or (k[:2] == "__" and callable(v))}
                self.queue += [_function(value) for value in found.values()]
                self.hold(kind, kind.__name__, found.keys() & names)
                if (held := self.holders.get(id(getattr(owner, "__dict__", None)))) is not None:
                    held.absent |= found.keys() & names - held.before.keys()

    def restore(self) -> None:
        """Put back all members that were replaced."""
        for holder in self.holders.values():
            if holder.changed():
                holder.restore()

    def tensor_names(self, arguments: Iterable[tuple[str, object]]) -> dict[int, str]:
        """Return names for Tensors by their identity, taken from variables, attributes and (name, value) `arguments`.

        Elements of a list are name_0, name_1; parameters of a Module are model_0.weight.
        """
        found = [*arguments]
        for holder in self.holders.values():
            seen = holder.seen().items()
            found += [(holder.member(key), value) for key, value in seen if holder.is_scope or isinstance(key, str)]
        names: dict[int, str] = {}
        for root, value in found:
            inner = {root: value}
            if isinstance(value, (list, tuple, dict)) and len(value) <= MANY:
                inner = {f"{root}_{k}": v for k, v in (value.items() if isinstance(value, dict) else enumerate(value))}
            for name, x in inner.items():
                tensors = dict(x.named_parameters()) if isinstance(x, Module) else {"": x}
                for key, tensor in tensors.items():
                    names.setdefault(id(tensor), f"{name}_{key}".strip("_"))
        return names


def settings_of(x: object) -> tuple[str, ...]:
    """Return the names of the attributes whose numbers a replay reads anew."""
    return next((names for kind, names in SETTINGS.items() if isinstance(x, kind)), ())


def _function(value: Any) -> Any:
    """Return the function of a property or of a class or static method, and anything else as it is."""
    for attribute in ("fget", "__func__", "func"):
        if isinstance(value, METHODS) and hasattr(value, attribute):
            return getattr(value, attribute)
    return value


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in a function and in those defined inside it, and its short strings.

    A string may be a name too, as in getattr(x, "name").
    """
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, str) and value.isidentifier():
            yield value
        elif isinstance(value, CodeType):
            yield from names_in(value)


def _module(x: Any) -> str:
    """Return the name of the module of a function or a class; of one that `exec` made without a name, "__main__"."""
    name: str = x.__module__ or ""
    return "__main__" if name == "builtins" and isinstance(x, type) and x.__flags__ & MADE_BY_CLASS else name


@functools.lru_cache(1000)
def _whose_module(name: str) -> int:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == SimpleNamespace.__module__:  # of Python itself, and as plain as a user's class
        return USERS
    if file is None:  # built into Python; or without a file: typed in, or a package without an __init__
        return USERS if module is None or name == "__main__" or hasattr(module, "__path__") else INTERNALS
    return USERS if name == "__main__" else _whose_file(file)


@functools.lru_cache(1000)
def _whose_file(name: str) -> int:
    if name.startswith(INTERNAL):
        return INTERNALS
    return INSTALLED if "-packages" in name else INTERNALS if name.startswith(STANDARD) else USERS


def source_state(source: Any) -> Any:
    """Return the state of a source of random numbers."""
    if isinstance(source, (np.random.Generator, np.random.BitGenerator)):
        bits: Any = getattr(source, "bit_generator", source)
        return bits.state
    return source.get_state(legacy=False) if hasattr(source, "get_state") else source.getstate()


def set_source_state(source: Any, state: Any) -> None:
    """Put a source of random numbers back into a state."""
    if isinstance(source, (np.random.Generator, np.random.BitGenerator)):
        bits: Any = getattr(source, "bit_generator", source)
        bits.state = state
    else:
        (source.set_state if hasattr(source, "set_state") else source.setstate)(state)


def comparable(state: Any) -> Hashable:
    """Return a state of random numbers in a form that can be compared."""
    if isinstance(state, dict):
        return tuple([comparable(v) for v in state.values()])
    return state.tobytes() if isinstance(state, np.ndarray) else state
