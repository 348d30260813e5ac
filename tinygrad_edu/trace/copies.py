"""Copies of functions: the code of a function, run with other values in its variables.

Where a function closes over an array, or names a global one, a recording runs a copy of it whose variables hold
recording arrays. The user's own variables stay as they are, and other threads see nothing of it; a variable that is
given another array gets it when the recording has ended. Globals that the function also reaches as attributes of a
module are the exception: they hold recording arrays themselves.
"""

import functools
from collections.abc import Iterator, Mapping
from types import CellType, FunctionType
from typing import Any

from ..engine.rules.registry import implementations, leaves, rules_of
from .closure import Closure
from .holders import CACHED, Holder, members, parts, slot, wrapper
from .names import EVALUATING, NAMESPACES, names_in
from .traced import Traced


class Copies:
    """Copies of the functions of a closure that use a value in `replaced`, by the identity of the value."""

    def __init__(self, closure: Closure, replaced: Mapping[int, Any]) -> None:
        self.closure, self.replaced = closure, replaced
        self.copies: dict[int, Any] = {}  # of functions and wrappers, by the identity of the original
        self.originals: dict[int, Any] = {}  # by the identity of the copy
        self.holders: list[Holder] = []  # the variables of the copies
        chosen: dict[int, FunctionType] = {}
        functions, size = [f for f in closure.functions if f not in implementations], -1  # without primitives
        while len(chosen) > size:  # a function that uses a copied one is copied too, or shares its assigned variables
            size = len(chosen)
            self.known = replaced.keys() | chosen.keys() | {id(v) for f in chosen.values() for v in self.assigned(f)}
            chosen |= {id(f): f for f in functions if any(map(self.is_known, self.values(f)))}
        reached = {i for i, h in closure.holders.items() if h.is_globals and not h.is_scope}  # which hold them already
        scopes = {id(scope): dict(scope) for f in chosen.values() if id(scope := f.__globals__) not in reached}
        cells = {id(c): (c, CellType()) for f in chosen.values() for c in f.__closure__ or ()}
        for f in chosen.values():
            own = tuple([cells[id(c)][1] for c in f.__closure__ or ()])
            scope = scopes.get(id(f.__globals__), f.__globals__)
            copy = FunctionType(f.__code__, scope, f.__name__, f.__defaults__, own)
            copy.__qualname__, copy.__dict__ = f.__qualname__, f.__dict__
            self.copies[id(f)], self.originals[id(copy)] = copy, f
        for f in chosen.values():
            copy = self.copies[id(f)]
            copy.__defaults__ = f.__defaults__ and tuple(map(self.new, f.__defaults__))
            copy.__kwdefaults__ = f.__kwdefaults__ and {k: self.new(v) for k, v in f.__kwdefaults__.items()}
            held = (copy, copy.__kwdefaults__)
            self.holders += [Holder(owner, f"some default of {f.__name__}", None) for owner in held if owner]
        for cell, other in cells.values():
            for value in members(cell).values():
                other.cell_contents = self.new(value)
            self.hold(other, closure.holders[id(cell)].title, closure.holders[id(cell)])
        for i, scope in scopes.items():
            if holder := closure.holders.get(i):
                scope.update({name: self.new(scope[name]) for name in holder.checked or ()})
            self.hold(scope, "a global variable", holder, closure.names)

    def hold(self, owner: Any, title: str, original: Holder | None, names: set[str] | None = None) -> None:
        """Add the variables of a copy; those that hold a recording array may get another one."""
        holder = Holder(owner, title, None, names)
        holder.has_names = holder.is_globals = names is not None
        if original:
            holder.original = original
            holder.traced = {key: x for key, x in holder.before.items() if type(x) is Traced}
        self.holders.append(holder)

    def is_needed(self, primitive: FunctionType) -> bool:
        """Return whether a primitive, which is never copied, would need it: a variable leads to a replaced value."""
        functions = [] if self.closure.is_library(implementations[primitive]) else Closure(primitive, []).functions
        return any([id(part) in self.replaced for f in functions for v in self.values(f) for part in parts(v)])

    def values(self, f: FunctionType) -> Iterator[Any]:
        """Yield the values of a function's variables and defaults."""
        yield from (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values(), *rules_of(f), *self.assigned(f))
        for cell in f.__closure__ or ():
            yield from members(cell).values()
        scope = self.closure.holders.get(id(f.__globals__))
        if scope and scope.checked and scope.is_scope and not self.closure.is_library(f):
            names = names_in(f.__code__)
            if NAMESPACES.intersection(names) or not self.closure.names.isdisjoint(("__globals__", *EVALUATING)):
                names = [*scope.checked]
            yield from [scope.before[name] for name in scope.checked.intersection(names)]

    def assigned(self, f: FunctionType) -> list[Any]:
        """Return the cells and the globals of a function that other functions share, if one of them may assign some."""
        cells = [*(f.__closure__ or ())] * ("nonlocal" in self.closure.names)
        return [*cells, f.__globals__] if "global" in self.closure.names else cells

    def is_known(self, value: Any) -> bool:
        """Return whether a value, or a part of it, is replaced, copied, such a copy, or a function with a cache."""
        return any([isinstance(p, CACHED) or id(p) in self.known or id(p) in self.originals for p in parts(value)])

    def new(self, value: Any) -> Any:
        """Return what a copy has instead of a value."""
        if id(value) in self.replaced:
            return self.replaced[id(value)]
        wrapped = wrapper(value)
        if wrapped and id(value) not in self.copies and self.is_known(value):
            members, make = wrapped
            copy = self.cached(value) if isinstance(value, CACHED) else make(value, *map(self.new, members))
            self.copies[id(value)], self.originals[id(copy)] = copy, value
            attributes, own = slot(value, "__dict__"), slot(copy, "__dict__")
            is_alike = type(copy) is type(value) or isinstance(value, CACHED)
            if is_alike and isinstance(own, dict) and own is not attributes:
                own.update({k: self.new(v) for k, v in attributes.items() if own.get(k) is None})
                self.holders.append(Holder(own, getattr(copy, "__name__", type(copy).__name__), None))
        return self.copies.get(id(value), value)

    def cached(self, function: Any) -> Any:
        """Return a cached function that guards the arrays it uses: what it has cached is right for those alone."""
        reached = Closure(function, []).seen
        arrays = [a for i, x in reached.items() if type(a := self.replaced.get(i, x)) is Traced]

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            for a in arrays:
                if a.is_written:
                    raise a.rec.error(f"{guarded.__name__} has a cache, and uses an array that was written into")
                a.rec.fixed_value(a)
            result = function(*args, **kwargs)
            for a in [v for v in leaves(result) if type(v) is Traced]:  # made from an attribute; the cache keeps it
                function.cache_clear()
                a.rec.give_up()
            return result

        vars(guarded).update({k: getattr(function, k) for k in ("cache_info", "cache_clear", "cache_parameters")})
        return guarded
