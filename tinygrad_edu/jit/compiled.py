"""`jit(f)`: f as a program of NumPy calls, recorded for each kind of arguments and replayed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from threading import Lock, get_ident
from typing import Any, NamedTuple
from weakref import WeakSet

from ..engine.errors import explained, written
from ..trace.capture import capture, one_at_a_time, recorders
from ..trace.captured import Captured
from ..trace.ir import Snapshot, Var, placeholder, substituted
from ..trace.printer import Source
from . import passes
from .codegen import Plan
from .guards import CACHE_MISS, GUARD_FAILED

MAXSIZE = 16  # recordings that are kept

_jitted: WeakSet[Jitted] = WeakSet()


class CacheInfo(NamedTuple):
    """How often a recording served, how often one was made, how many are kept at most, and now."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


class Recording:
    """One program, and the plan by which it runs."""

    def __init__(self, fun: Callable[..., Any], name: str, found: Captured, chosen: frozenset[str]) -> None:
        self.fun, self.name, self.found, self.chosen = fun, name, found, chosen
        program = found.rec.program
        self.size, self.recorded = len(program.calls), Snapshot(program)
        self.sizes = passes.optimize(program, chosen)
        self.plan = Plan(program, found, chosen)
        found.forget()
        for v in (*program.inputs, *program.states):
            v.example = placeholder(v.example)
        self.run, self.lock = self.plan.compile(), Lock()

    def explained(self, error: Exception) -> Exception | None:
        """NumPy's error in a replay again, with the user's line, the function, and the shapes of what met in it."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename != "<plan>":
            trace = trace.tb_next
        call = self.plan.calls.get(trace.tb_lineno) if trace else None
        if call is None:
            return None
        args, kwargs = (substituted(a, lambda v: v.example, Var) for a in (call.args, call.kwargs))
        shown = explained(error, call.fun, args, kwargs)
        where = f", {written(call.line)}" if call.line else ""
        return type(shown)(f"jit({self.name}){where}: {shown}")

    @functools.cached_property
    def source(self) -> Source:
        """The program for a reader: without what only a machine needs."""
        program = self.recorded.restore()
        passes.optimize(program, self.chosen & passes.READABLE)
        return Source(program, self.found, self.fun, self.name)


class Jitted:
    """A function that is recorded at its first call, and replayed at those like it: what `jit` gives."""

    def __init__(self, fun: Callable[..., Any], optimize: bool | Iterable[str]) -> None:
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        for recording in self._recordings:
            try:
                with recording.lock:  # its arrays serve one call at a time
                    result = recording.run(args, kwargs)
            except (TypeError, ValueError, IndexError) as error:
                if (explanation := recording.explained(error)) is None:
                    raise
                raise explanation from error
            if result is not CACHE_MISS:
                self._hits += 1
                return result if result is not GUARD_FAILED else self._fun(*args, **kwargs)
        if get_ident() in recorders:  # within another recording, of which this is a part
            return self._fun(*args, **kwargs)
        found, result = capture(self._fun, self._name, args, kwargs)
        recording = Recording(self._fun, self._name, found, self._chosen)
        with one_at_a_time:
            self._misses += 1
            self._recordings = [recording, *self._recordings][:MAXSIZE]
        return result

    def cache_info(self) -> CacheInfo:
        """How often a recording served, how often one was made, how many are kept at most, and now."""
        return CacheInfo(self._hits, self._misses, MAXSIZE, len(self._recordings))

    def cache_clear(self) -> None:
        """Forget all recordings."""
        self._recordings, self._hits, self._misses = [], 0, 0

    @property
    def source(self) -> str:
        """The latest recording as NumPy to read and run: one function, by `import numpy as np` alone."""
        return self._latest("source").source.whole

    @property
    def plan(self) -> str:
        """What really runs: the latest recording with its optimisations, its buffers and views."""
        return self._latest("plan").plan.text

    @property
    def stats(self) -> dict[str, Any]:
        """Of the latest recording: how many calls each optimisation left; buffers, and the bytes in them."""
        recording = self._latest("stats")
        buffers = recording.plan.layout.buffers
        return {
            "calls": recording.size,
            "after": dict(recording.sizes),
            "buffers": len(buffers),
            "bytes": sum(b.size for b in buffers),
        }

    def _latest(self, what: str) -> Recording:
        if not self._recordings:
            raise ValueError(f"jit({self._name}).{what}: nothing is recorded yet; call the function first")
        return self._recordings[0]

    def __repr__(self) -> str:
        hits, misses, _, size = self.cache_info()
        calls = f", {len(self._recordings[0].plan.program.calls)} calls in the latest" if size else ""
        return f"<jit({self._name}): recordings {size}{calls}; replayed {hits} times, recorded {misses}>"

    def __reduce__(self) -> Any:
        path: str = getattr(self, "__qualname__", "")
        found: Any = sys.modules.get(self.__module__)
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is self:
            return path  # @jit above a def: there is but one, known by its name
        return Jitted, (self._fun, self._chosen)  # a copy records for itself

    def _repr_html_(self) -> str:
        from html import escape

        from ..engine.reprs import table

        head = f"<p><code>{escape(repr(self))}</code></p>"
        if not self._recordings:
            return f"{head}<p>Nothing is recorded yet: call the function.</p>"
        stats = self.stats
        rows = [["calls recorded", f"{stats['calls']:,}"]]
        rows += [[f"after {optimization}", f"{calls:,}"] for optimization, calls in stats["after"].items()]
        rows += [["buffers", f"{stats['buffers']:,}"], ["bytes in them", f"{stats['bytes']:,}"]]
        source = f"<details><summary>source</summary><pre>{escape(self.source)}</pre></details>"
        return head + table(["latest recording", ""], rows) + source

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def jit(fun: Callable[..., Any] | None = None, *, optimize: bool | Iterable[str] = True) -> Any:
    """`fun` as a program: the first call records the NumPy calls that it makes, and later ones replay them.

    For a function of arrays, Tensors, and lists, tuples and dicts of them: a loss, a `value_and_grad`, a whole
    training step. It changes what `fun` changes in Tensors, optimizers, Modules and its arguments, in place, and gives
    what `fun` gives, Tensors without their graphs. Other shapes, dtypes or plain arguments are recorded anew, and so is
    another value of a variable, an attribute or an element of a list that `fun` uses; but what is written into a plain
    array that it only closes over goes unseen: what changes from call to call belongs into the arguments.
    Copies and forks record for themselves; threads may share one. `optimize=False` leaves the plain program; names of
    optimisations choose some. Also as a decorator, `@jit`.

    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> slope = tg.jit(tg.grad(lambda x: np.sum(x**3)))
    >>> slope(np.array([1.0, 2.0]))
    array([ 3., 12.])

    A value that is taken out of the recording (`float(x)`, `if x > 0`, `x[x > 0]`) raises JitError, and so does what
    would not happen at later calls (`losses.append(x)`).
    """
    if fun is None:
        return functools.partial(jit, optimize=optimize)
    return Jitted(fun, optimize)


def _after_fork() -> None:
    """In a fork: another thread of the parent's may have been in the middle of a replay, which nobody ends here."""
    for jitted in _jitted:
        jitted.cache_clear()
    one_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=one_at_a_time.acquire, after_in_parent=one_at_a_time.release, after_in_child=_after_fork)
