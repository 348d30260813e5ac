"""What `jit(f)` returns: a function that keeps a recording for each kind of arguments, and replays it."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from html import escape
from threading import RLock
from types import MethodType
from typing import Any, NamedTuple
from weakref import WeakMethod, WeakSet

import numpy as np

from ..engine.errors import users_level
from ..engine.hooks import hooks
from ..engine.mode import errors_stop, mode, transform
from ..engine.reprs import table
from ..engine.rules.registry import array_likes
from ..trace.capture import capture
from ..trace.captured import Captured
from ..trace.changes import are_leaves
from ..trace.closure import PLAIN
from ..trace.containers import leaves
from ..trace.holders import Transparent
from ..trace.opening import open_calls
from ..trace.traced import JitError, Unrecorded
from . import passes
from .emitter import CACHE_MISS, GUARD_FAILED
from .native import cache as native_cache
from .native import compiler
from .native.decompose import decompose
from .native.printer import Printer
from .recording import VARIABLE, Recording, remedy_for, varying

MAXSIZE = 16  # recordings that are kept
FEW = 4  # calls in a row that are recorded, though their shapes are known and no call has used the last recordings
AGAIN = 64  # at this call in a row, and then at twice as many, one more recording is made
SHAPES = MAXSIZE + FEW  # recordings of new shapes that are made, and one more for every AGAIN replays
# What differs, if a guard of values fails
COMPARISON = "the outcome of a comparison, the size of a result, or which parameters have gradients (requires_grad)"
NEW_SHAPES = "the number of the arguments, or the shape or dtype of an array among them,"
BACKENDS = ("numpy", "c", "auto")

_jitted: WeakSet[Jitted] = WeakSet()  # all that exist in this process


class CacheInfo(NamedTuple):
    """How many calls a recording served and how many made one; how many recordings are kept at most, and now."""

    hits: int
    misses: int
    maxsize: int
    currsize: int

    @property
    def compiled(self) -> native_cache.CompiledInfo:
        """The libraries of backend="c": how many this process found on disk and compiled, and what the disk holds."""
        return native_cache.info()


class Jitted(Transparent):
    """A function that `jit` records at its first call and replays at later calls with arguments of the same kind.

    Raises TypeError unless `fun` is a function, and ValueError for other options.

    >>> f = tg.jit(lambda x: np.sum(x * x))
    >>> float(f(np.ones(3))), float(f(np.ones(3)))
    (3.0, 3.0)
    >>> f.cache_info().hits
    1
    """

    def __init__(
        self, fun: Callable[..., object], optimize: bool | Iterable[str], check: bool | int, backend: str = "numpy"
    ) -> None:
        if not callable(fun):
            raise TypeError(f"jit takes a function, not {type(fun).__name__}; write jit(f), or @jit above its def")
        given: Any = passes.NAMES if optimize is True else () if optimize is False else optimize
        names: list[Any] = [*given] if isinstance(given, Iterable) and not isinstance(given, str) else [None]
        if not all([name in passes.NAMES for name in names]):
            raise ValueError(f"jit: optimize={optimize!r:.60}; it is a bool, or a list of {', '.join(passes.NAMES)}")
        functools.update_wrapper(self, fun)
        if not isinstance(check, (bool, int)) or check < 0:
            raise ValueError(f"jit: check={check!r}; it is True, False, or the number of replays from check to check")
        self._fun, self._chosen, self._check, self._backend = fun, frozenset(names), check, backend
        self._name: str = getattr(fun, "__name__", type(fun).__name__)
        if backend not in BACKENDS:
            raise ValueError(f"jit: backend={backend!r}; the backends are {', '.join(map(repr, BACKENDS))}")
        if backend == "c":
            compiler.required()
        self._recordings: list[Recording] = []
        self._hits = self._misses = 0  # hits of recordings that are gone
        self._gone: list[Any] = []  # the `kinds` of the latest recording that went with an object among its arguments
        self._varied = 0  # calls since the last replay that no recording served, though their shapes were known
        self._shapes = 0  # recordings made as shapes, dtypes or the number of arguments were new, also to other threads
        self._begun = 0  # calls since the last recording that gave something its first value
        self._failed = 0  # calls since then that were not recorded, such as those that caught an error
        self._warned = False
        self._moving: frozenset[tuple[int, Any]] = frozenset()  # places where later recordings found others
        self._lock = RLock()  # held for these fields, and never while the function runs
        _jitted.add(self)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Replay a recording of the function, or record it, or call it where neither is possible.

        Inside a transform it is called, as gradients go through it.
        """
        state = mode()
        if (state and state.watchers) or hooks or transform.get() or errors_stop():
            return self._fun(*args, **kwargs)
        is_paused = state is not None and state.paused > 0
        varies, recordings = "", self._recordings  # another thread may empty it
        try:
            for recording in recordings:
                if recording.paused is is_paused:
                    plain = recording.hits < recording.next_check and not recording.changes
                    result = (recording.replay if plain else recording.call)(args, kwargs)
                    if result is GUARD_FAILED:
                        varies = COMPARISON
                    elif result is not CACHE_MISS:
                        if self._varied or recording is not recordings[0]:
                            self._served(recording)
                        return result
            return self._record(args, kwargs, varies)
        except Unrecorded as unrecorded:
            self._begun += bool(unrecorded.args)
            if unrecorded.args and self._begun > FEW:
                raise unrecorded.args[0] from None
        self._failed += 1
        return self._fun(*args, **kwargs)

    def _served(self, recording: Recording) -> None:
        """Note a replay: the recording is the most recently used."""
        with self._lock:
            self._varied = 0
            if recording in self._recordings:
                self._recordings = [recording, *[r for r in self._recordings if r is not recording]]

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any], varies: str) -> Any:
        """Record the function, unless something differs from call to call so that no recording ever serves."""
        try:
            kinds = {type(leaf) for _, leaf in leaves("", [args, kwargs])}
        except RecursionError:
            deep = "the arguments contain themselves, or are nested more than 100 deep"
            raise JitError(f"jit({self._name}): {deep}; keep them in an object that is not a container") from None
        if not kinds.isdisjoint(array_likes):
            return self._fun(*args, **kwargs)  # for a batch, within vmap
        known = [*self._gone, *[r.kinds for r in self._recordings]]
        varies = varies or next(filter(None, [varying(self._fun, kinds, args, kwargs) for kinds in known]), "")
        n = self._varied + 1 if varies else self._failed
        is_new = not varies and self._shapes >= SHAPES + self.cache_info().hits // AGAIN
        is_tried = (n <= FEW and not is_new) or (n >= AGAIN and not n & (n - 1))  # what varied may have come to rest
        if not self._warned and ((varies and not is_tried) or (is_new and n == AGAIN)):
            self._warn(varies or NEW_SHAPES)
        recording: Recording | None = None
        try:
            if is_tried:
                given = self._fun, self._name, args, kwargs, self._check > 0, self._moving
                options = self._chosen, self._check, self._backend
                recording, result = capture(*given, lambda found: Recording(self._fun, self._name, found, *options))
        except (JitError, RecursionError) as error:  # a recorded call is deeper than the function's own
            if varies != COMPARISON and isinstance(error, JitError):
                raise
        if recording is None:  # for other values a recording serves, and for these the function itself
            self._varied, self._failed = self._varied + bool(varies), self._failed + (not varies)
            return self._fun(*args, **kwargs)
        recording.captured.on_gone = WeakMethod(self._forget)
        with self._lock:
            self._misses, self._begun, self._failed = self._misses + 1, 0, 0
            replaced = {r: r.replaced(recording) for r in self._recordings}
            stale = [r for r, found in replaced.items() if any(not isinstance(x, PLAIN) for *_, x in found)]
            members = [member for found in replaced.values() for member in found]
            moved = {place for place, _, x in members if isinstance(x, np.ndarray) or are_leaves(x, x)}
            is_known = moved <= self._moving or len(self._moving) > SHAPES  # else later recordings will know more
            self._moving |= moved
            self._varied = (self._varied + bool(varies)) * is_known
            self._shapes += not any([varies, *[varying(self._fun, r.kinds, args, kwargs) for r in self._recordings]])
            kept = [r for r in self._recordings if r not in stale[FEW - 1 :]][: MAXSIZE - 1]  # stale: hold old objects
            self._keep([recording, *kept])
        if recording.captured.is_doubtful:
            result = recording.checked_replay(args, kwargs)
            recording.hits = recording.next_check = 0  # it counts as a miss: the first replay is compared, too
            return self._fun(*args, **kwargs) if result is CACHE_MISS or result is GUARD_FAILED else result
        return result

    def _keep(self, recordings: list[Recording]) -> None:
        """Keep these recordings, and let go of the arrays of the others."""
        dropped = [r for r in self._recordings if r not in recordings]
        self._recordings = recordings
        for each in dropped:
            self._hits += each.hits
            each.release()

    def _warn(self, varies: str) -> None:
        """Say once that the function runs without jit, and what is a different one at each call."""
        self._warned = True
        if varies == VARIABLE and len(self._recordings) > 1:
            varies = next((name for _, name, _ in self._recordings[1].replaced(self._recordings[0])), varies)
        text = "is a different one at each call, so no recording fits: the function runs without jit"
        warnings.warn(f"jit({self._name}): {varies} {text}. {remedy_for(varies)}", stacklevel=users_level())

    def _forget(self, captured: Captured) -> None:
        """Drop the recording that an object among its arguments was given to, as the object is gone."""
        self._gone = [r.kinds for r in self._recordings if r.captured is captured] or self._gone
        self._keep([r for r in self._recordings if r.captured is not captured])

    def cache_info(self) -> CacheInfo:
        """Return the counts of hits and misses, how many recordings are kept at most, and how many there are."""
        hits = self._hits + sum(r.hits for r in self._recordings)
        return CacheInfo(hits, self._misses, MAXSIZE, len(self._recordings))

    def cache_clear(self) -> None:
        """Forget all recordings."""
        with self._lock:
            self._keep([])
            self._hits = self._misses = self._varied = self._shapes = self._begun = self._failed = 0
            self._warned = False

    @property
    def source(self) -> str:
        """The latest recording as NumPy code to read and run: one function that needs only `import numpy as np`."""
        return self._latest("source").readable(open_calls).whole

    @property
    def plan(self) -> str:
        """The code that runs at replay: the latest recording with its optimizations, buffers and views."""
        return self._latest("plan").plan.text

    @property
    def c(self) -> str:
        """The latest recording as C11 to read: a function `step`, and arrays named by the labels of parameters.

        Raises JitError if a call has no C form.
        """
        return Printer(self._latest("c").readable(open_calls, decompose)).whole

    def c_main(self, *args: Any, **kwargs: Any) -> str:
        """Return the latest recording as a C program that runs alone: `cc -std=c11 step.c -o step -lm && ./step 100`.

        It begins with these arguments and the parameters' values of now, and prints the results of each step.
        Raises JitError as `c` does, and ValueError for arguments of other shapes or dtypes.
        """
        given = [leaf for _, leaf in leaves("", [args, kwargs])]
        return Printer(self._latest("c_main").readable(open_calls, decompose), given).whole

    @property
    def stats(self) -> dict[str, Any]:
        """Counts of the latest recording: calls, calls left after each optimization, buffers, and bytes in them."""
        recording = self._latest("stats")
        calls, sizes = recording.recorded.calls, [b.size for b in recording.plan.buffers]
        return {"calls": len(calls), "after": dict(recording.sizes), "buffers": len(sizes), "bytes": sum(sizes)}

    def _latest(self, what: str) -> Recording:
        if not self._recordings:
            raise ValueError(f"jit({self._name}).{what}: nothing is recorded yet; call the function first")
        return self._recordings[0]

    def __repr__(self) -> str:
        hits, misses, _, size = self.cache_info()
        calls = f", {len(self._latest('repr').plan.program.calls)} calls in the latest" if size else ""
        return f"<jit({self._name}): recordings {size}{calls}; replayed {hits} times, recorded {misses}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        path: str = getattr(self, "__qualname__", "")
        found: object = sys.modules.get(self.__module__)
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is self:
            return path  # decorated by @jit: the name is enough to find it
        return Jitted, (self._fun, self._chosen, self._check, self._backend)  # a copy makes its own recordings

    def _repr_html_(self) -> str:
        head = f"<p><code>{escape(repr(self))}</code></p>"
        if not self.cache_info().currsize:
            return f"{head}<p>Nothing is recorded yet: call the function.</p>"
        stats = self.stats
        lines = [["calls recorded", f"{stats['calls']:,}"]]
        lines += [[f"after {optimization}", f"{calls:,}"] for optimization, calls in stats["after"].items()]
        lines += [["buffers", f"{stats['buffers']:,}"], ["bytes in them", f"{stats['bytes']:,}"]]
        source = f"<details><summary>source</summary><pre>{escape(self.source)}</pre></details>"
        return head + table(["latest recording", ""], lines) + source

    def __get__(self, instance: object, owner: type | None = None) -> Jitted:
        bound: Any = self if instance is None or isinstance(self._fun, staticmethod) else MethodType(self, instance)
        return bound  # type: ignore[no-any-return]  # a method has the attributes of its function


def _after_fork() -> None:
    """Drop a forked process's recordings: a thread of the parent may have been replaying one, and holds its lock."""
    for jitted in _jitted:
        jitted._lock = RLock()
        jitted.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
