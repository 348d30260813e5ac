"""Holders: the objects whose members a function may replace; while it is recorded, they hold recording values.

Wrappers, such as tuples and methods, cannot change their members: new wrappers take their place.
"""

import functools
from collections import OrderedDict, deque
from collections.abc import Callable
from inspect import ismemberdescriptor
from operator import attrgetter, getitem, is_, itemgetter, methodcaller
from types import BuiltinMethodType, CellType, FunctionType, MappingProxyType, MethodType, MethodWrapperType
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from ..engine.tape import Node
from ..transforms import custom_vjp

CACHED: type = type(functools.cache(len))
GETTERS = attrgetter, itemgetter, methodcaller
DICT_VIEWS: Any = (type({}.keys()), type({}.values()), type({}.items()))
ITEMS: Any = (OrderedDict, dict, list, deque, np.ndarray, MappingProxyType, set, tuple)
EMPTY = object()  # what an empty slot of a Tensor holds
# Compared by value; a subclass of the user may hold or compute more
VALUES = (bool, int, float, complex, str, bytes, type(None), range, np.float64, np.complex128, np.str_, np.bytes_)
MEMBERS: dict[type, tuple[str, ...]] = {CellType: ("cell_contents",), FunctionType: ("__defaults__", "__kwdefaults__")}


class Transparent:
    """A callable that calls `__wrapped__` while another function is recorded."""

    __wrapped__: Any


def _method(m: Any, func: Any, owner: Any) -> Any:
    is_own = owner is m.__self__ or isinstance(func, FunctionType)
    return MethodType(func, owner) if is_own else getattr(owner, m.__name__)  # of a recorded Generator


def _partial(p: Any, func: Any, *values: Any) -> Any:
    n = len(p.args)
    kind: Any = functools.partial if isinstance(p, functools.partial) else functools.partialmethod
    return kind(func, *values[:n], **dict(zip(p.keywords, values[n:], strict=True)))


# For each kind: a function that gives a wrapper's members, and one that makes a wrapper; `Copies` adds attributes
WRAPPERS: dict[Any, tuple[Callable[[Any], Any], Callable[..., Any]]] = {
    tuple: (lambda x: tuple.__getitem__(x, slice(None)), lambda x, *new: tuple.__new__(type(x), new)),
    frozenset: (lambda x: (*frozenset.__iter__(x),), lambda _, *new: frozenset(new)),
    DICT_VIEWS: (lambda x: (x.mapping,), lambda x, mapping: getattr(mapping, type(x).__name__.partition("_")[2])()),
    MappingProxyType: (lambda x: (*x.values(),), lambda x, *new: MappingProxyType(dict(zip(x, new, strict=True)))),
    MethodType: (lambda x: (x.__func__, x.__self__), _method),
    (BuiltinMethodType, MethodWrapperType): (lambda x: (x.__self__,), lambda x, owner: getattr(owner, x.__name__)),
    (functools.partial, functools.partialmethod): (lambda x: (x.func, *x.args, *x.keywords.values()), _partial),
    GETTERS: (lambda x: (x.__reduce__()[0], *x.__reduce__()[1]), lambda _, make, *new: make(*new)),
    (staticmethod, classmethod): (lambda x: (x.__func__,), lambda x, f: type(x)(f)),
    property: (lambda x: (x.fget, x.fset, x.fdel), lambda _, *new: property(*new)),
    functools.cached_property: (lambda x: (x.func,), lambda _, f: functools.cached_property(f)),
    functools.singledispatchmethod: (lambda x: (x.dispatcher,), lambda x, _: x),
    ref: (lambda x: (x(),), lambda _, new: lambda: new),
    custom_vjp: (lambda x: (x._fun, x._forward, x._backward), lambda _, f, *rules: custom_vjp(f)),
    Transparent: (lambda x: (x.__wrapped__,), lambda x, _: object.__new__(type(x))),
    CACHED: (lambda x: (x.__wrapped__,), lambda x, _: x),
}


@functools.lru_cache(1000)
def wrapping(kind: Any) -> tuple[Callable[[Any], Any], Callable[..., Any]] | None:
    """Return the functions in WRAPPERS for a class, or None; by a weak reference, so that the cache keeps no class."""
    return next((functions for kinds, functions in WRAPPERS.items() if issubclass(kind(), kinds)), None)


def wrapper(x: Any) -> tuple[tuple[Any, ...], Callable[..., Any]] | None:
    """Return a wrapper's members, and a function of it and of new members that makes another; or None."""
    functions = wrapping(ref(type(x)))
    return functions and (functions[0](x), functions[1])


def parts(x: Any) -> list[Any]:
    """Return x, and all that it wraps."""
    wrapped = wrapper(x)
    return [x, *[part for member in wrapped[0] for part in parts(member)]] if wrapped else [x]


class Place(NamedTuple):
    """A member of a holder that is exchanged while the function is recorded, or that the function replaces.

    The owner may be a Tensor that each call finds anew `within` another place, which holds it at the end of a `path`.
    """

    owner: Any
    key: Any
    title: str
    within: Any = None
    path: tuple[Any, ...] = ()

    def get(self) -> Any:
        """Return what the place holds now."""
        owner = self.within.get() if self.within else self.owner
        held = vars(owner) if isinstance(owner, type) else owner  # a staticmethod, not its function
        found = base(held).__getitem__(held, self.key) if isinstance(held, ITEMS) else getattr(held, self.key)
        return functools.reduce(getitem, self.path, found)


class Holder:
    """An object whose members can be replaced: a Tensor, a cell, a dict, a list, a class, an object with slots.

    Its members are `before` as they were found; those in `traced` are exchanged while the function is recorded, and
    `last` are those when it had returned. Replays check members with a key in `checked`, or all if it is None, and read
    those in `anew` at each call. `absent` are keys that had no member, such as an attribute that only the class has. If
    it `has_names`, keys are names of attributes or variables. Of globals and of objects of libraries only members with
    `names` are looked at: others belong to other code. They are `of` an object of this package, or of `instances`.
    """

    def __init__(self, owner: Any, title: str, checked: set[str] | None, names: set[str] | None = None) -> None:
        self.owner, self.title, self.checked, self.names = owner, title, checked, names
        self.absent: set[str] = set()
        self.has_names = self.is_globals = self.is_reached = False
        self.of: Any = None
        self.original: Holder | None = None  # of the variables of a copied function: those of the function itself
        self.instances: dict[int, Any] = {}  # by their identity
        self.anew: tuple[str, ...] = ()
        self.traced: dict[Any, Any] = {}
        self.last: dict[Any, Any] = {}
        self.others: dict[Any, Any] = {}  # of an object of a library, all members as they were found
        self.seen: dict[Any, Any] = {}  # the members as they were found that replays check
        # Whether only a copy exchanges them: variables and defaults of functions, and what is read-only
        self.is_scope = isinstance(owner, (CellType, FunctionType, MappingProxyType))
        self.before = self.now()

    def settle(self) -> None:
        """Note what replays check, as all names are known now; globals that are attributes too are exchanged there."""
        self.seen = {k: v for k, v in self.before.items() if self.checked is None or k in self.checked}
        self.is_scope |= self.is_globals and not self.is_reached

    def has(self, key: Any, name: str) -> bool:
        """Whether the key is this attribute of an object of this package; keys of other dicts may be anything."""
        return self.of is not None and key == name

    def member(self, key: Any) -> str:
        """Return a name for the member with this key."""
        if isinstance(self.owner, CellType):
            return self.title.removeprefix("the variable ")
        if isinstance(self.owner, Node) or key in self.anew:
            return f"{self.title}.{'data' if key == '_value' else key.strip('_')}"
        return key if isinstance(key, str) else f"{self.title.removeprefix('a ')}_{key_text(key)}"

    def now(self) -> dict[Any, Any]:
        """Return the present members."""
        owner, names = self.owner, self.names
        for x in self.instances.values():
            owner = slot(x, "__dict__")
        if names is None:
            return members(owner, self.checked is not None)
        found = owner if isinstance(owner, dict) else members(owner, slots_only=True)
        return {name: found[name] for name in names if name in found}

    def changed(self) -> bool:
        """Return whether any member was added, removed or replaced."""
        return not are_same(self.now(), self.before)

    def notice(self, kind: type) -> None:
        """Look also at members with other names that were given a value of this kind, which a library keeps there."""
        found, names = self.others, {*(self.names or ())}
        new = {k: v for k, v in members(self.owner, True).items() if k not in names and v is not found.get(k)}
        if kept := {k for k, v in new.items() if type(v._value if isinstance(v, Node) else v) is kind}:
            self.names = names | kept
            self.before = {k: found[k] for k in self.names if k in found}

    def restore(self) -> None:
        """Put back the members that were found, and note the `last`."""
        owner, before, now = self.owner, self.before, self.now()
        self.last = before if are_same(now, before) else now
        if replaced := [x for x in self.instances.values() if slot(x, "__dict__") is not owner]:
            for x in replaced:
                object.__setattr__(x, "__dict__", owner)
            now = self.now()
        elif self.last is before or isinstance(owner, MappingProxyType):
            return
        if isinstance(owner, set) or (isinstance(owner, (list, deque)) and len(now) != len(before)):
            kind = base(owner)
            kind.clear(owner)  # not else: another thread may read it
            getattr(kind, "update" if kind is set else "extend")(owner, before.values())
            return
        is_moved = isinstance(owner, dict) and self.names is None and [*now][: len(before)] != [*before]
        for key in now if is_moved else now.keys() - before.keys():
            assign(owner, key, EMPTY)
        for key, value in before.items():
            if is_moved or now.get(key, EMPTY) is not value:
                assign(owner, key, value)


def base(owner: Any) -> Any:
    """Return the class of Python or NumPy that has the items of a holder; a user's methods may do more."""
    return next(kind for kind in type(owner).__mro__ if kind in ITEMS)


def key_text(key: Any) -> str:
    """Return the text of a key in a name."""
    return "key" if isinstance(key, Node) else str(key)


def are_same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Return whether members have the same keys in the same order, and are the same objects or equal plain values."""
    pairs = (now.values(), before.values())
    return list(now) == list(before) and (all(map(is_, *pairs)) or all(map(is_same, *pairs)))


def is_same(new: object, old: object) -> bool:
    """Return whether both are one object, or equal plain values; 1, 1.0 and True are told apart, 0.0 and -0.0 too."""
    return new is old or (type(new) is type(old) and is_plain(new) and is_plain(old) and repr(new) == repr(old))


def is_plain(x: object) -> bool:
    """Return whether x is a plain value, or a tuple of such, as a shape is."""
    return type(x) in VALUES or (type(x) is tuple and all(map(is_plain, x)))


def members(owner: Any, slots_only: bool = False) -> dict[Any, Any]:
    """Return the members of a holder by their keys; of an object, also what its __dict__ holds, if not `slots_only`."""
    if isinstance(owner, (dict, MappingProxyType)):
        return dict(owner if type(owner) is dict else base(owner).items(owner))
    if isinstance(owner, (list, set, deque, tuple)):
        return dict(enumerate(owner if type(owner) in ITEMS else base(owner).__iter__(owner)))
    if isinstance(owner, np.ndarray):  # of objects
        return dict(np.ndenumerate(owner))
    if isinstance(owner, Node):
        kept = {"_value": owner._value, "requires_grad": owner.requires_grad, "label": owner.label}
        return kept | {name: slot(owner, name) for name in ("_grad", "passes")}
    if isinstance(owner, type):
        return dict(vars(owner))
    kind: Any = type(owner)
    found = {name: v for name in MEMBERS.get(kind) or slots_of(ref(kind)) if (v := slot(owner, name)) is not EMPTY}
    own = slot(owner, "__dict__")  # whose __getattr__ may give anything
    return found if kind in MEMBERS or slots_only or not isinstance(own, dict) else {**own, **found}


@functools.lru_cache(1000)
def slots_of(cls: Any) -> list[str]:
    """Return the names of the slots of a class's objects, by a weak reference to it."""
    kinds = [vars(kind) for kind in cls().__mro__ if "__slots__" in vars(kind)]
    return sorted({name for kind in kinds for name, v in kind.items() if ismemberdescriptor(v)})


def slot(owner: Any, name: str) -> Any:
    """Return what an object holds under a name, or EMPTY."""
    try:
        return object.__getattribute__(owner, name)
    except (AttributeError, ValueError):  # ValueError: a variable without a value
        return EMPTY


def assign(owner: Any, key: Any, value: object) -> None:
    """Replace a member of a holder, or remove it if the value is EMPTY."""
    if isinstance(owner, ITEMS):
        kind = dict if type(owner) is dict else base(owner)
        kind.__delitem__(owner, key) if value is EMPTY else kind.__setitem__(owner, key, value)
    elif isinstance(owner, (type, CellType)):
        delattr(owner, key) if value is EMPTY else setattr(owner, key, value)
    else:  # `object.__setattr__` is allowed by a frozen dataclass
        object.__delattr__(owner, key) if value is EMPTY else object.__setattr__(owner, key, value)
