"""Generators and iterators while a function is recorded: random numbers are recorded, `next` is refused.

Other threads that use one of these objects meanwhile get what the original gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident
from types import CellType, ModuleType
from typing import Any

import numpy as np

from .recorder import Recorder


class TracedGenerator:
    """A Generator whose draws are recorded, so that each replay draws new numbers from the original."""

    def __init__(self, rec: Recorder, generator: np.random.Generator) -> None:
        self._rec, self._generator = rec, generator

    def __getattr__(self, name: str) -> Any:
        method, rec = getattr(self._generator, name), self._rec
        if not callable(method) or get_ident() != rec.thread:
            return method

        def draw(*args: object, **kwargs: object) -> Any:
            if name == "shuffle" or kwargs.get("out") is not None:
                raise rec.error(
                    f"{name} writes into its argument; use what permutation, or {name} without out=, returns"
                )
            return rec.call(method, args, kwargs, draws=True)

        return draw


class TracedIterator:
    """An iterator whose `next` raises JitError: every replay would get the same element."""

    def __init__(self, rec: Recorder, iterator: Iterator[Any]) -> None:
        self._rec, self._iterator = rec, iterator

    def __iter__(self) -> TracedIterator:
        return self

    def __next__(self) -> Any:
        if get_ident() == self._rec.thread:
            raise self._rec.error("next() would give the same at every call; call it outside, and pass the element in")
        return next(self._iterator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


def assign(holder: Any, key: str, value: object) -> None:
    """Set the variable in a cell or in globals, or an attribute."""
    if isinstance(holder, CellType):
        holder.cell_contents = value
    elif isinstance(holder, (dict, ModuleType)):
        (holder if isinstance(holder, dict) else vars(holder))[key] = value
    else:
        object.__setattr__(holder, key, value)  # which a frozen dataclass allows
