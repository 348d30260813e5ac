"""`jit(f)`: f as a program of NumPy calls, recorded for each kind of arguments and replayed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import get_ident
from typing import Any, NamedTuple

from . import passes
from .layout import ASKED, MISSED, Layout
from .outside import Outside, record, recorders

MAXSIZE = 16  # recordings that are kept


class CacheInfo(NamedTuple):
    """How often a recording served, how often one was made, how many are kept at most, and now."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


class Recording:
    """One program, and the plan by which it runs."""

    def __init__(self, found: Outside, optimize: Any) -> None:
        self.found, self.program = found, found.rec.program
        self.better = self.program.copy()
        if optimize:
            passes.optimize(self.better, passes.PASSES if optimize is True else optimize)
        self.layout = Layout(self.better, found, optimized=bool(optimize), blocked=optimize is True or "blocks" in (optimize or ()))
        self.run = self.layout.compile()


class Jitted:
    """A function that is recorded at its first call, and replayed at those like it."""

    def __init__(self, fun: Callable[..., Any], optimize: Any = True) -> None:
        if not callable(fun):
            raise TypeError(f"jit takes a function, not {type(fun).__name__}")
        functools.update_wrapper(self, fun)
        self._fun, self._optimize = fun, optimize
        self._name = getattr(fun, "__name__", type(fun).__name__)
        self._recordings: list[Recording] = []
        self._hits = self._misses = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        for recording in self._recordings:
            result = recording.run(args, kwargs)
            if result is MISSED:
                continue
            self._hits += 1
            return result if result is not ASKED else self._fun(*args, **kwargs)
        if get_ident() in recorders:  # within another recording, of which this is a part
            return self._fun(*args, **kwargs)
        found, result = record(self._fun, self._name, args, kwargs)
        self._misses += 1
        self._recordings.insert(0, Recording(found, self._optimize))
        del self._recordings[MAXSIZE:]
        return result

    def cache_info(self) -> CacheInfo:
        """As that of `functools.lru_cache`."""
        return CacheInfo(self._hits, self._misses, MAXSIZE, len(self._recordings))

    @property
    def plan(self) -> str:
        """What really runs, for the latest recording."""
        return self._recordings[0].layout.text


def jit(fun: Callable[..., Any], *, optimize: Any = True) -> Jitted:
    """f as a recorded program."""
    return Jitted(fun, optimize)
