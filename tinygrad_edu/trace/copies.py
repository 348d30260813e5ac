"""Copies: what cannot be changed (tuples, partials, methods) is used in a copy that holds recording values."""

import functools
from collections.abc import Mapping
from typing import Any

from ..engine.rules.registry import leaves
from .closure import Closure
from .holders import CACHED, Holder, parts, slot, wrapper
from .traced import Traced


class Copies:
    """Copies of the wrappers that hold a value in `replaced`, by the identity of the value."""

    def __init__(self, replaced: Mapping[int, Any]) -> None:
        self.replaced = replaced
        self.copies: dict[int, Any] = {}  # by the identity of the original
        self.holders: list[Holder] = []  # of the attributes of copies

    def new(self, value: Any) -> Any:
        """Return what a recording has instead of a value."""
        if id(value) in self.replaced:
            return self.replaced[id(value)]
        wrapped = wrapper(value)
        if wrapped and id(value) not in self.copies and self.is_known(value):
            members, make = wrapped
            copy = self.cached(value) if isinstance(value, CACHED) else make(value, *map(self.new, members))
            self.copies[id(value)] = copy
            attributes, own = slot(value, "__dict__"), slot(copy, "__dict__")
            is_alike = type(copy) is type(value) or isinstance(value, CACHED)
            if is_alike and isinstance(own, dict) and own is not attributes:
                own.update({k: self.new(v) for k, v in attributes.items() if own.get(k) is None})
                self.holders.append(Holder(own, getattr(copy, "__name__", type(copy).__name__), None))
        return self.copies.get(id(value), value)

    def is_known(self, value: Any) -> bool:
        """Return whether a value, or a part of it, is replaced, or is a function with a cache."""
        return any([id(part) in self.replaced or isinstance(part, CACHED) for part in parts(value)])

    def cached(self, function: Any) -> Any:
        """Return a function with a cache that guards the arrays that it uses: its results are right for those alone."""
        reached = Closure(function, []).seen  # of which some are exchanged already
        arrays = [a for i, x in reached.items() if type(a := self.replaced.get(i, x)) is Traced]

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            for a in arrays:
                if a.variable is not a.origin:
                    raise a.rec.error(f"{guarded.__name__} has a cache, and uses an array that was written into")
                a.rec.fixed_value(a)
            result = function(*args, **kwargs)
            for a in [v for v in leaves(result) if type(v) is Traced]:  # which the cache must not keep
                function.cache_clear()
                a.rec.give_up()
            return result

        vars(guarded).update({k: getattr(function, k) for k in ("cache_info", "cache_clear", "cache_parameters")})
        return guarded
