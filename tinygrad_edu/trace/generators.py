"""What stands, while a function is recorded, for what gives something else each time: Generators and iterators.

Another thread that comes upon one meets what it stands for.
"""

from __future__ import annotations

from threading import get_ident
from types import ModuleType
from typing import Any

import numpy as np

from .recorder import Recorder


class TracedGenerator:
    """Stands for a Generator: what it draws is drawn anew at each call."""

    def __init__(self, rec: Recorder, generator: np.random.Generator) -> None:
        self._rec, self._generator = rec, generator

    def __getattr__(self, name: str) -> Any:
        method, rec = getattr(self._generator, name), self._rec
        if not callable(method) or get_ident() != rec.thread:
            return method

        def draw(*args: Any, **kwargs: Any) -> Any:
            if name == "shuffle" or kwargs.get("out") is not None:
                raise rec.error(
                    f"{name} writes into its argument; take what permutation, or {name} without out=, gives"
                )
            return rec.call(method, args, kwargs, draws=True)

        return draw


class TracedIterator:
    """Stands for an iterator, whose next would be the same at every call."""

    def __init__(self, rec: Recorder, iterator: Any) -> None:
        self._rec, self._iterator = rec, iterator

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if get_ident() == self._rec.thread:
            raise self._rec.error("next() would give the same at every call; take it outside, and hand it over")
        return next(self._iterator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


def put(holder: Any, key: str, value: Any) -> None:
    """Let a variable or an attribute hold a value."""
    if not key:
        holder.cell_contents = value
    elif isinstance(holder, (dict, ModuleType)):
        (holder if isinstance(holder, dict) else vars(holder))[key] = value
    else:
        object.__setattr__(holder, key, value)  # of a frozen dataclass, too
