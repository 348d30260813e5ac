"""The closure of a function: all objects that it reaches, and how to notice that one of them was changed.

The walk follows arguments, variables that the function closes over, globals that it names, and attributes and elements
of those. It searches the code of the user's functions for names, and never that of libraries.
"""

import builtins
import functools
import itertools
import random
import sys
from collections import deque
from collections.abc import Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, cast
from weakref import ref

import numpy as np

from ..data.standardizer import Standardizer
from ..engine.rules.registry import implementations, rules_of, vjps
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..nn import Module
from ..optim import Group, Optimizer
from ..optim.lr_scheduler import LRScheduler
from . import names as words
from .holders import GETTERS, MEMBERS, VALUES, Holder, members, parts, slot, slots_of, wrapper
from .names import MADE_BY_CLASS, TEXTS, library, modules_in_texts, names_in, names_in_texts, texts_in
from .randomness import SOURCES, comparable, set_source_state, source_state

MANY = 1000  # longer lists are frozen: replays do not look at them
PLAIN = (bool, int, float, complex, str, bytes, type(None))
ATOMS = (*PLAIN, np.bool, np.number, np.character, np.datetime64, np.ufunc, range, slice)
FRAMEWORK = (Module, Optimizer, Group, LRScheduler, Standardizer)  # their instances are seen with all attributes
SETTINGS = {  # what a replay reads anew
    Optimizer: ("steps",), Group: ("lr",), LRScheduler: ("epoch",), Value: ("_value", "_grad"), Tensor: ("_grad",),
}  # fmt: skip


class Closure:
    """All that `fun` reaches, with its `arguments`."""

    def __init__(self, fun: object, arguments: Sequence[object]) -> None:
        self.holders: dict[int, Holder] = {}
        self.tensors: list[Node] = []
        self.sources: list[Any] = [np.random, random]  # of random numbers
        self.functions: list[FunctionType] = []
        self.names, self.texts = {"__wrapped__", "forward"}, set[str]()  # that the functions use; texts, perhaps names
        self.owners: list[object] = []  # objects whose attributes may be among these
        self.computing: dict[type, bool] = {}  # whether a class computes attributes from others, by any name
        self.package = (getattr(fun, "__module__", None) or "").partition(".")[0]
        # Kept alive, so that no other object gets the same id; rules are found by their functions
        self.seen: dict[int, object] = {id(table): table for table in (vjps, implementations)}
        self.queue: deque[Any] = deque([fun, *[x for x in arguments if not isinstance(x, Node)]])
        self.walk()
        self.fixed = {id(t) for t in self.tensors}  # Tensors, and arrays, that are the same ones at each replay
        nodes = [x for x in arguments if isinstance(x, Node)]
        self.queue += nodes
        self.walk()
        for x in nodes:  # another one may be given at each call
            self.holders[id(x)].checked, self.holders[id(x)].anew = set(), ("_value", "_grad")
        is_named = words.NAMESPACES.isdisjoint(self.names)
        for holder in self.holders.values():
            if holder.names is not None:  # all are known now
                holder.before = holder.now()
                holder.others = {} if holder.is_globals and is_named else members(holder.owner, slots_only=True)
                holder.absent |= self.names & vars(builtins).keys()  # `from numpy import *` may replace them
            if holder.has_names and not self.names.isdisjoint(words.ASKING):
                slots = {*slots_of(ref(type(holder.owner)))}  # none of a dict, or of a class
                known = self.names if isinstance(holder.owner, dict) else self.names & slots
                holder.absent |= slots if holder.checked is None else known
            holder.absent -= holder.before.keys()
            if isinstance(holder.of, Module) and (unread := self.unread_numbers(holder)):
                holder.checked = holder.before.keys() - unread
            holder.settle()
        made = [x for x in self.seen.values() if type(x).__flags__ & MADE_BY_CLASS]
        self.kinds = [(x, type(x)) for x in made if not isinstance(x, (type, ModuleType))]  # which may load lazily
        self.states = [source_state(source) for source in self.sources]

    def walk(self) -> None:
        """Visit each object of the queue once."""
        while self.queue or self.add_texts():
            x = self.queue.popleft()
            if issubclass(type(x), str):
                self.texts.add(str.__str__(x))
            elif type(x) in (type, BuiltinFunctionType) or x is builtins:  # perhaps getattr, by another name
                self.add_names({x.__name__, f"global {x.__name__}"})
            if (type(x).__flags__ & MADE_BY_CLASS or not isinstance(x, ATOMS)) and id(x) not in self.seen:
                self.seen[id(x)] = x
                if not isinstance(x, np.ndarray) or x.dtype.kind == "O":  # others lead to nothing
                    self.visit(x)

    def visit(self, x: Any) -> None:
        """Add an object, and put all that it leads to into the queue."""
        is_owner = self.is_users(x) or isinstance(x, FunctionType)  # perhaps a list, which may have attributes too
        if isinstance(x, Node):
            self.tensors.append(x)
            if isinstance(x, Tensor):
                (x.data, x.grad)  # noqa: B018 - makes arrays of scalars
            self.hold(x, x._describe(), {"_value"}, of=x)
        elif isinstance(x, FunctionType):
            self.add_function(x)
        elif isinstance(x, CodeType):
            self.texts.update(texts_in(x))
            self.add_names({*names_in(x)})
        elif wrapped := wrapper(x):
            self.queue += wrapped[0]
            is_owner |= isinstance(slot(x, "__dict__"), dict)
            if isinstance(x, GETTERS):
                self.add_names({dot + name for text in parts(x) for name in str(text).split(".") for dot in ("", ".")})
            elif isinstance(x, functools.partial):
                self.queue.append(x.keywords)
            elif isinstance(x, MappingProxyType):  # of a dict that others may change
                self.hold(x, f"a {type(x).__name__}", None)
        elif issubclass(type(x), (list, dict, set, deque, np.ndarray)):  # and no proxy that has its __class__
            found = members(x)
            frozen = len(found) > MANY and not any(isinstance(v, (Node, *FRAMEWORK)) for v in found.values())
            self.hold(x, f"a {type(x).__name__}", set() if frozen else None).is_reached = True
            self.queue += [] if frozen else [*found.values(), *(found if isinstance(x, dict) else ())]
            is_owner |= type(x).__dictoffset__ != 0  # an OrderedDict and a Counter have attributes
        elif isinstance(x, SOURCES) and not isinstance(x, random.SystemRandom):  # which has no state
            self.sources.append(x)
        elif not isinstance(x, (type, ModuleType)) or not self.is_library(x):
            is_owner = True
            if isinstance(x, FRAMEWORK):
                own = {"kind", "names"} if isinstance(x, Group) else {"_in_place"}  # which nobody sets
                checked = None if isinstance(x, Module) else vars(x).keys() - own
                held = self.hold(vars(x), type(x).__name__, checked, of=x)
                held.has_names = True
                self.queue += [v for k, v in held.before.items() if checked is None or k in checked]
        if is_owner:
            self.owners.append(x)
            self.add_attributes(x, self.names)

    def hold(
        self, owner: Any, title: str, checked: set[str] | None, names: set[str] | None = None, of: Any = None
    ) -> Holder:
        """Add a holder, or more of the keys that are checked to one that is known, and return it."""
        holder = self.holders.get(id(owner))
        if holder is None:
            holder = self.holders[id(owner)] = Holder(owner, title, checked, names)
        elif holder.checked is not None:
            holder.checked = None if checked is None else holder.checked | checked
        if of is not None:
            holder.of, holder.anew = of, next((keys for kind, keys in SETTINGS.items() if isinstance(of, kind)), ())
            holder.checked = holder.checked and holder.checked.difference(holder.anew)
        return holder

    def is_library(self, x: Any) -> bool:
        """Return whether a function, a class or a module is of a library, whose code is not searched."""
        return library(x) not in ("", self.package)

    def is_users(self, x: object) -> bool:
        """Return whether an object is of a class of the user."""
        return bool(type(x).__flags__ & MADE_BY_CLASS) and not self.is_library(type(x))

    def unread_numbers(self, holder: Holder) -> set[str]:
        """Return the attributes of a user's Module that hold plain values, such as counters, and that no code reads."""
        kind = type(holder.of)
        known = [base for base in kind.__mro__[:-1] if self.is_library(base)]
        if known != [Module] or self.computing.get(kind) or not self.names.isdisjoint(words.BY_TEXT):
            return set()
        named = self.names | {".training"}
        return {key for key, value in holder.before.items() if type(value) in VALUES and f".{key}" not in named}

    def add_function(self, f: FunctionType) -> None:
        """Add the variables of a function, and the attributes that have a name in it."""
        self.functions.append(f)
        self.queue += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            if (f.__module__, name) != ("functools", "dispatch_cache"):  # which singledispatch fills
                self.hold(cell, f"the variable {name}", None).absent.add("cell_contents")
                self.queue += members(cell).values()
        if f in implementations and not self.is_library(implementations[f]):  # the user's primitive
            self.queue += rules_of(f)
        if self.is_library(f):
            return
        if f.__dict__:
            self.hold(f.__dict__, f.__name__, None).has_names = True
            self.queue += f.__dict__.values()
        scope, ordered = f.__globals__, names_in(f.__code__)
        loaded = {name.removeprefix("global ") for name in ordered if name.startswith("global ")}
        self.queue.appendleft(f.__code__)
        held = self.hold(scope, "a global variable", scope.keys() & loaded, self.names)
        held.has_names = held.is_globals = True
        self.queue += [scope[name] for name in ordered if name in loaded and name in scope]
        parents = [*itertools.accumulate(str(scope.get("__package__")).split("."), "{}{}.".format, initial="")]
        self.queue += [sys.modules[p + n] for n in ordered for p in parents if p + n in sys.modules]  # what f imports
        if f.__defaults__ or f.__kwdefaults__ or not self.names.isdisjoint(MEMBERS[FunctionType]):  # which code may set
            self.hold(f, f"some default of {f.__name__}", None)
            self.queue.append(f.__kwdefaults__)

    def add_names(self, names: set[str]) -> None:
        """Add names that functions use, and the attributes that have them."""
        new = names - self.names
        self.names |= new
        for owner in self.owners if new else ():
            self.add_attributes(owner, new)

    def add_texts(self) -> bool:
        """Add what functions may find by texts: names, modules, and globals; return whether there is more to visit."""
        scopes = [holder for holder in self.holders.values() if holder.is_globals]
        self.add_names(names_in_texts(self.texts, self.names, [*self.owners, *[scope.owner for scope in scopes]]))
        if not words.NAMESPACES.isdisjoint(self.names):
            self.queue += [x for x in modules_in_texts(self.texts) if id(x) not in self.seen]
            for holder in [holder for holder in scopes if holder.checked is not None]:
                found = sorted((self.names & holder.owner.keys()).difference(holder.checked))
                self.hold(holder.owner, holder.title, {*found})
                self.queue += [holder.owner[name] for name in found]
        return bool(self.queue)

    def add_attributes(self, owner: Any, names: set[str]) -> None:
        """Add the attributes of an object, a class or a module that have these names."""
        kind, own = cast(Any, type(owner)), slot(owner, "__dict__")  # no dict of a class; properties make others
        places = [own] * (isinstance(own, dict) and own is slot(owner, "__dict__") and not isinstance(owner, FRAMEWORK))
        for held in [*places, *[owner] * bool(slots_of(ref(kind)))]:
            found = members(held, slots_only=True)
            self.names |= found.keys() & {"__getattr__"}  # of a module
            if kind not in self.computing:
                self.computing[kind] = self.computes_attributes(kind)
            is_own = isinstance(owner, (ModuleType, FunctionType)) or not self.is_library(kind)
            is_plain = is_own and not isinstance(owner, (type, ModuleType, FunctionType))
            is_fields = hasattr(kind, "__dataclass_fields__")
            is_asked = (is_plain or is_fields) and not names.isdisjoint(words.FIELDS if is_fields else words.WHOLE)
            is_whole = is_asked or self.computing[kind]
            if not is_whole:
                # A call that fails may be caught, an object be made again, and a pattern take attributes by their place
                is_any = not {"try", "suppress", "__init__", "__new__", "__match_args__"}.isdisjoint(self.names)
                found = {k: v for k, v in found.items() if (k if is_any or callable(v) else f".{k}") in self.names}
            self.queue += found.values()
            title = owner.__name__ if isinstance(owner, ModuleType) else kind.__name__
            used = None if is_own else self.names  # what else changes in it is the library's affair
            holder = self.hold(held, title, None if is_whole else {*found}, used)
            holder.has_names = holder.is_reached = True
            holder.instances |= {id(owner): owner} if is_plain and held is not owner else {}
            if is_whole:
                holder.names, holder.before = None if held is own else {*slots_of(ref(kind))}, found
        self.add_inherited(owner, names)

    def computes_attributes(self, kind: type) -> bool:
        """Return whether a user's class has or inherits __getattr__ or the like, or descriptors of the user."""
        bases = [base for base in kind.__mro__ if base.__flags__ & MADE_BY_CLASS and library(base) != "python"]
        held = [] if self.is_library(kind) else [member for base in bases for member in vars(base).items()]
        return any([k.startswith("__getattr") or (hasattr(type(v), "__get__") and self.is_users(v)) for k, v in held])

    def add_inherited(self, owner: object, names: set[str]) -> None:
        """Add members of an object's classes: those with these names, and those that Python or a library calls."""
        held, kind = self.holders.get(id(slot(owner, "__dict__"))), cast(Any, type(owner))
        kinds = (*kind.__mro__[:-2], *owner.__mro__[:-1]) if isinstance(owner, type) else kind.__mro__[:-1]
        bases = [kind for kind in kinds if self.is_library(kind) or not kind.__flags__ & MADE_BY_CLASS]
        for kind in [kind for kind in kinds if kind not in bases]:
            found = {k: v for k, v in vars(kind).items() if k in names or self.may_use(owner, k, v, names, bases)}
            self.queue += found.values()
            methods = [(v, f) for v in found.values() for f in parts(v) if isinstance(f, FunctionType)]
            own = [(v, f.__code__) for v, f in methods if not self.is_library(f)]
            makes = any([isinstance(v, classmethod) or "__class__()" in names_in(c) for v, c in own])
            if makes or ("replace" in names and "__post_init__" in vars(kind)):
                self.queue.append(type(owner))  # methods in MAKING run, in type(self)(...)
            self.hold(kind, kind.__name__, {*found}).has_names = True
            if held is not None:
                held.absent |= found.keys() - held.before.keys()
            self.names |= found.keys() & {"__getattr__", "__exit__"}

    def may_use(self, owner: object, name: str, member: Any, names: set[str], bases: Sequence[type]) -> bool:
        """Whether Python, libraries with these `bases`, or code that asks for all use a member of the owner's class."""
        if name[:2] != "__":
            is_read = not names.isdisjoint(words.WHOLE) and not hasattr(member, "__get__")
            return is_read or any([name in vars(base) for base in bases])
        unused = words.MADE.union(TEXTS, () if isinstance(owner, type) else words.MAKING)
        is_called = callable(member) or member is None or hasattr(member, "__get__")
        return is_called and name not in unused and not (name == "__eq__" and self.is_uncompared(owner, member, names))

    def is_uncompared(self, owner: object, method: Any, names: set[str]) -> bool:
        """Whether a method is the == of a dataclass, and nobody compares the owner: it holds arrays, models, or lists.

        A function that uses == may compare what holds lists, and two dataclasses that hold the same array.
        """
        if getattr(getattr(method, "__code__", None), "co_filename", "") != "<string>":
            return False
        held: tuple[type, ...] = (np.ndarray, Node, *FRAMEWORK, list, dict, set, deque)
        if "==" in names:
            is_alone = sum([type(x) is type(owner) for x in self.owners]) == 1
            held = (np.ndarray, Node, *FRAMEWORK) if is_alone else ()
        return isinstance(owner, type) or any([isinstance(v, held) for v in members(owner).values()])

    def reclassed(self) -> list[tuple[Any, type]]:
        """Return the objects that have another class now, and the class that they had."""
        return [(x, kind) for x, kind in self.kinds if type(x) is not kind]

    def restore(self) -> None:
        """Put back all members and classes that were replaced, and the states of sources of random numbers."""
        for x, kind in self.reclassed():
            object.__setattr__(x, "__class__", kind)
        for holder in self.holders.values():
            holder.restore()
        for source, state in zip(self.sources, self.states, strict=True):
            if comparable(source_state(source)) != comparable(state):
                set_source_state(source, state)
