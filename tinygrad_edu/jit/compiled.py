"""`jit(f)`: record f as a program of NumPy calls for each kind of arguments, and replay it."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from html import escape
from threading import Lock
from typing import Any, NamedTuple, overload
from weakref import WeakSet

from ..engine.errors import explained, format_line
from ..engine.mode import watchers
from ..engine.reprs import table
from ..trace.capture import capture, one_at_a_time
from ..trace.captured import Captured
from ..trace.ir import Snapshot, Var, placeholder, substituted
from ..trace.printer import Source
from . import passes
from .codegen import Plan
from .guards import CACHE_MISS, GUARD_FAILED

MAXSIZE = 16  # recordings that are kept

_jitted: WeakSet[Jitted] = WeakSet()  # all that exist in this process


class CacheInfo(NamedTuple):
    """How many calls a recording served and how many made one; how many recordings are kept at most, and now."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


class Recording:
    """A program, and the plan that replays it."""

    def __init__(self, fun: Callable[..., object], name: str, captured: Captured, chosen: frozenset[str]) -> None:
        self.fun, self.name, self.captured, self.chosen = fun, name, captured, chosen
        program = captured.rec.program
        self.size, self.recorded = len(program.calls), Snapshot(program)
        self.sizes = passes.optimize(program, chosen)
        self.plan = Plan(program, captured, chosen)
        captured.forget()
        for v in (*program.inputs, *program.states):
            v.example = placeholder(v.example)
        self.lock = Lock()

    def explained(self, error: Exception) -> Exception | None:
        """Return NumPy's error in a replay with the user's line, the function and the shapes of its arguments."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename != "<plan>":
            trace = trace.tb_next
        call = self.plan.calls.get(trace.tb_lineno) if trace else None
        if call is None:
            return None
        args, kwargs = (substituted(a, lambda v: v.example, Var) for a in (call.args, call.kwargs))
        shown = explained(error, call.fun, args, kwargs)
        where = f", {format_line(call.line)}" if call.line else ""
        return type(shown)(f"jit({self.name}){where}: {shown}")

    @functools.cached_property
    def source(self) -> Source:
        """The program for a reader, with only those optimisations that make it easier to read."""
        program = self.recorded.restore()
        passes.optimize(program, self.chosen & passes.READABLE)
        return Source(program, self.captured, self.fun, self.name)


class Jitted:
    """A function that `jit` records at its first call and replays at later calls with arguments of the same kind."""

    def __init__(self, fun: Callable[..., object], optimize: bool | Iterable[str]) -> None:
        if not callable(fun):
            raise TypeError(f"jit takes a function, not {type(fun).__name__}; write jit(f), or @jit above its def")
        names = passes.NAMES if optimize is True else () if optimize is False else optimize
        unknown = sorted(set(names) - set(passes.NAMES))
        if unknown:
            raise ValueError(f"jit: optimize={unknown}; the optimisations are {', '.join(passes.NAMES)}")
        functools.update_wrapper(self, fun)
        self._fun, self._chosen = fun, frozenset(names)
        self._name: str = getattr(fun, "__name__", type(fun).__name__)
        self._recordings: list[Recording] = []
        self._hits = self._misses = 0
        _jitted.add(self)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Replay a recording of the function, or call it, as always while a watcher is on: a replay hides calls."""
        if watchers():
            return self._fun(*args, **kwargs)
        for recording in self._recordings:
            try:
                with recording.lock:  # its arrays serve one call at a time
                    result = recording.plan.run(args, kwargs)
            except (TypeError, ValueError, IndexError) as error:
                if (explanation := recording.explained(error)) is None:
                    raise
                raise explanation from error
            if result is not CACHE_MISS:
                self._hits += 1
                return result if result is not GUARD_FAILED else self._fun(*args, **kwargs)
        captured, result = capture(self._fun, self._name, args, kwargs)
        recording = Recording(self._fun, self._name, captured, self._chosen)
        with one_at_a_time:
            self._misses += 1
            self._recordings = [recording, *self._recordings][:MAXSIZE]
        return result

    def cache_info(self) -> CacheInfo:
        """Return the counts of hits and misses, how many recordings are kept at most, and how many there are."""
        return CacheInfo(self._hits, self._misses, MAXSIZE, len(self._recordings))

    def cache_clear(self) -> None:
        """Forget all recordings."""
        self._recordings, self._hits, self._misses = [], 0, 0

    @property
    def source(self) -> str:
        """The latest recording as NumPy code to read and run: one function that needs only `import numpy as np`."""
        return self._latest("source").source.whole

    @property
    def plan(self) -> str:
        """The code that runs at replay: the latest recording with its optimisations, buffers and views."""
        return self._latest("plan").plan.text

    @property
    def stats(self) -> dict[str, Any]:
        """Counts of the latest recording: calls, calls left after each optimisation, buffers, and bytes in them."""
        recording = self._latest("stats")
        sizes = [b.size for b in recording.plan.layout.buffers]
        calls = {"calls": recording.size, "after": dict(recording.sizes)}
        return {**calls, "buffers": len(sizes), "bytes": sum(sizes)}

    def _latest(self, what: str) -> Recording:
        if not self._recordings:
            raise ValueError(f"jit({self._name}).{what}: nothing is recorded yet; call the function first")
        return self._recordings[0]

    def __repr__(self) -> str:
        hits, misses, _, size = self.cache_info()
        calls = f", {len(self._recordings[0].plan.program.calls)} calls in the latest" if size else ""
        return f"<jit({self._name}): recordings {size}{calls}; replayed {hits} times, recorded {misses}>"

    def __reduce__(self) -> str | tuple[type[Jitted], tuple[Callable[..., object], frozenset[str]]]:
        path: str = getattr(self, "__qualname__", "")
        found: object = sys.modules.get(self.__module__)
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is self:
            return path  # decorated by @jit: the name is enough to find it
        return Jitted, (self._fun, self._chosen)  # a copy makes its own recordings

    def _repr_html_(self) -> str:
        head = f"<p><code>{escape(repr(self))}</code></p>"
        if not self._recordings:
            return f"{head}<p>Nothing is recorded yet: call the function.</p>"
        stats = self.stats
        lines = [["calls recorded", f"{stats['calls']:,}"]]
        lines += [[f"after {optimization}", f"{calls:,}"] for optimization, calls in stats["after"].items()]
        lines += [["buffers", f"{stats['buffers']:,}"], ["bytes in them", f"{stats['bytes']:,}"]]
        source = f"<details><summary>source</summary><pre>{escape(self.source)}</pre></details>"
        return head + table(["latest recording", ""], lines) + source

    def __get__(self, instance: object, owner: type | None = None) -> Callable[..., Any]:
        return self if instance is None else functools.partial(self, instance)


@overload
def jit(fun: Callable[..., object], *, optimize: bool | Iterable[str] = True) -> Jitted: ...
@overload
def jit(*, optimize: bool | Iterable[str] = True) -> Callable[[Callable[..., object]], Jitted]: ...
def jit(
    fun: Callable[..., object] | None = None, *, optimize: bool | Iterable[str] = True
) -> Jitted | Callable[[Callable[..., object]], Jitted]:
    """Record the NumPy calls that `fun` makes at its first call, and replay them at later calls.

    `fun` may be a loss, a `value_and_grad`, or a whole training step; its arguments are arrays, Tensors, and lists,
    tuples and dicts of them. A replay changes Tensors, optimizers, Modules and arguments in place as `fun` does, and
    returns what `fun` returns, but Tensors without their graphs. Arguments of other shapes, dtypes or plain values are
    recorded anew. So is `fun` if a variable, an attribute or an element of a list that it uses has another value.
    Writing into a plain array that `fun` only closes over is not noticed: pass arrays that change as arguments.
    Copies and forked processes make their own recordings; threads may share them. `optimize=False` replays the
    recorded calls as they are; a list of names chooses optimisations. Also a decorator, `@jit`.

    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> slope = tg.jit(tg.grad(lambda x: np.sum(x**3)))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])

    Raises JitError where `fun` turns a recorded value into a plain one (`float(x)`, `if x > 0`, `x[x > 0]`), and where
    it has an effect that a replay would not repeat (`losses.append(x)`).
    """
    if fun is None:
        return functools.partial(jit, optimize=optimize)
    return Jitted(fun, optimize)


def _after_fork() -> None:
    """Drop a forked process's recordings: a thread of the parent may have been replaying one, and holds its lock."""
    for jitted in _jitted:
        jitted.cache_clear()
    one_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=one_at_a_time.acquire, after_in_parent=one_at_a_time.release, after_in_child=_after_fork)
