"""Capture: run a function once with recording values in place of the state that it reaches."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock, active_count
from time import sleep
from types import ModuleType
from typing import Any

import numpy as np

from ..engine.mode import Contribution, Watcher, watching
from ..engine.rules.registry import Function
from ..engine.tape import Node, next_place
from .captured import Captured
from .changes import refuse_changes
from .closure import Closure
from .containers import leaves, nested, refill
from .names import library
from .operators import RETURN_IT
from .randomness import comparable, source_state
from .recorder import Recorder
from .results import described, described_members, note_memories, recorded_result
from .traced import JitError, Traced, Unrecorded
from .updates import note_changes

# A function that uses one of these may tell a recording value, or a copy of a function, from the original
TELLING = {"type", "id", "hasattr", "Hashable", "modules"}
# Words in errors of C code and libraries that refuse a recorded array, as it is not a plain one
NEEDS_PLAIN = ("Traced", "buffer API", "JSON serializable", "object to NumPy", "producing an array")


@dataclass(eq=False, slots=True)
class Claim:
    """The holders, by their identities, that a recording or a self-check has `walked`, and those that it has `taken`.

    At first Tensors and optimizers are taken, and then what else is exchanged: arrays, and methods that are copied.
    """

    found: Captured | None  # None for a self-check, which exchanges nothing
    walked: set[int]
    taken: set[int]

    def check(self) -> None:
        """Raise Unrecorded if one of two recordings has taken what the other has walked."""
        for other in _claims:
            if other is not self and not (self.taken.isdisjoint(other.walked) and self.walked.isdisjoint(other.taken)):
                raise Unrecorded


_exchanging = Lock()  # held only while state is exchanged and put back, never while the function runs
_claims: list[Claim] = []
_pauses: list[bool] = []  # for each recording, whether garbage was collected before it


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage: the many objects of a recording live until its end, and would be searched in vain."""
    _pauses.append(gc.isenabled())
    try:
        gc.disable()
        yield
    finally:
        if _pauses.pop():
            gc.enable()


@contextmanager
def claimed(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any], found: Captured | None) -> Iterator[Closure]:
    """Walk the closure of a call; no other thread exchanges it within the block. Raises Unrecorded if one has."""
    claim = None
    try:
        with _exchanging:
            given = [*nested([args, kwargs])]  # not the containers, but their classes, which may have methods, and keys
            given = [*map(type, given), *[tuple(x) for x in given if isinstance(x, dict)]]
            closure = Closure(fun, [*[x for _, x in leaves("", [args, kwargs])], *given])
            walked = [i for i, holder in closure.holders.items() if not holder.is_scope]
            claim = Claim(found, {*walked}, {i for i in walked if closure.holders[i].anew})
            claim.check()
            held = [v for holder in closure.holders.values() for v in holder.before.values()] if _claims else ()
            if Traced in map(type, held):  # another function that is being recorded has put it there
                raise Unrecorded
            _claims.append(claim)
        yield closure
    finally:
        with _exchanging:
            if claim in _claims:
                _claims.remove(claim)
        # get_state of np.random gives the interpreter lock away for moments that are too short for other threads to
        # take it. CPython then sees no need to hand it over, and they would wait for seconds
        if active_count() > 1:
            sleep(1e-6)


def capture(
    fun: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], checks: bool = False,
    moving: Set[tuple[int, Any]] = frozenset(), finish: Callable[[Captured], Any] = lambda found: found,
) -> tuple[Any, Any]:  # fmt: skip
    """Run fun(*args, **kwargs); return `finish` of the recording, and the result. An error in either changes nothing.

    A function that may tell recording values from others changes nothing either, if the caller `checks` the recording.
    A replay finds arrays and Tensors anew at the places that are `moving`, which earlier recordings found replaced.
    """
    code = getattr(getattr(fun, "__func__", fun), "__code__", None)
    rec = Recorder(name, code or getattr(type(fun).__call__, "__code__", None))
    rec.is_replayed = True
    found = Captured(rec, fun, args, kwargs, moving)
    with collector_paused(), claimed(fun, args, kwargs, found) as found.closure:
        found.is_doubtful = checks and not TELLING.isdisjoint(found.closure.names)
        return _recorded(found, fun, args, kwargs, finish)


def _recorded(found: Captured, fun: Function, args: Any, kwargs: Any, finish: Function) -> tuple[Any, Any]:
    """Record, make the changes that the function makes, and return `finish` of the recording, and the result."""
    rec, closure, modules = found.rec, found.closure, len(sys.modules)
    try:
        try:
            with _exchanging:
                found.exchange()
                claim = next(claim for claim in _claims if claim.found is found)
                claim.taken.update([id(holder.owner) for holder in found.holders if holder.traced])
                claim.check()
                run = found.copies.new(fun)
                given = [found.argument(a, ("args", i)) for i, a in enumerate(args)]
                keywords = {k: found.argument(a, ("kwargs", k)) for k, a in kwargs.items()}
            with watching(_Recording(found)):
                result = run(*given, **keywords)
        except Exception as error:
            if (told := error_of(rec, error)) is not error:
                raise told from error
            raise
        finally:
            with _exchanging:
                found.restore()
        if rec.refused or rec.others == {False}:  # the function caught the error, or a thread of its own may compute
            raise rec.refused or Unrecorded
        imported = [*sys.modules.values()][modules:] if len(sys.modules) > modules else []
        if any([isinstance(m, ModuleType) and not library(m) for m in imported]):
            raise Unrecorded  # the function finds it there from now on
        if np.geterr() != rec.errors:
            np.seterr(**rec.errors)
            raise rec.error("np.seterr would not be called at later calls; use `with np.errstate(...)`")
        note_draws(found)
        refuse_changes(found)
        owners = [holder.owner for holder in found.containers.values() if holder.changed()]
        note_memories(found, [result, *owners])
        rec.program.result, shown = described(result, found)
        changed = [(*found.paths[id(x)], *described_members(x, found, kept=True)) for x in owners]
        rec.program.containers = [(path, content) for path, _, content, _ in changed]
        found.results, found.memories = {}, {}  # what is put into places is no part of the result
        tensors = [(place, old, described(new, found)) for place, old, new in found.replaced if new is not old]
        changes = note_changes(found, tensors)
        changes += [partial(refill, argument, content) for _, argument, _, content in changed]
        finished = finish(found)
    except BaseException as error:
        begins = isinstance(error, JitError) and found.begins()
        closure.restore()
        if begins:
            raise Unrecorded(error) from error
        raise
    if found.is_doubtful:
        closure.restore()  # the states of Generators
    else:
        for change in changes:
            change()
    rec.ended = True
    return finished, shown


def error_of(rec: Recorder, error: Exception) -> Exception:
    """Return what to raise for an error in a recorded run: itself, one that says what to write, or Unrecorded."""
    errors = [e for e in (error, error.__cause__ or error.__context__) if e and not rec.refused]
    if any([isinstance(v, (Traced, Node)) for _, v in leaves("", [(e.args, vars(e)) for e in errors])]):
        return Unrecorded()  # the error of the function itself holds plain arrays
    words = str(error)
    if rec.gave_plain and isinstance(error, (TypeError, ValueError)) and "read-only" in words:
        rec.error("an array was made a plain one and written into; write into the array, or into a copy", error)
    if isinstance(error, TypeError) and "jit cannot replay" in words:  # a hook on a gradient
        rec.error(words, error)
    if not rec.refused and any([w in words for w in NEEDS_PLAIN]) and "unhashable" not in words:  # as of arrays
        rec.error(f"{words}: it takes plain arrays and numbers, not recorded ones; {RETURN_IT}", error)
    return rec.refused or error  # NumPy may raise another error instead of ours


def _after_fork() -> None:
    """Put back what the threads of a forked process's parent have exchanged: in the child they are gone."""
    _exchanging.release()
    if any(_pauses):
        gc.enable()
    for claim in _claims:
        if claim.found:
            claim.found.restore()
    _claims.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_exchanging.acquire, after_in_parent=_exchanging.release, after_in_child=_after_fork)


def note_draws(found: Captured) -> None:
    """Note the Generators that were drawn from; raise JitError for a source whose draws are not recorded."""
    recorded = {id(getattr(call.fun, "__self__", None)) for call in found.rec.program.calls if call.draws}
    for source, state in zip(found.closure.sources, found.closure.states, strict=True):
        if id(source) in recorded:
            found.drawn.append(source)
        elif comparable(source_state(source)) != comparable(state):
            name = getattr(source, "__name__", type(source).__name__)
            raise found.rec.error(
                f"random numbers of {name} would be the same at every call; draw from a Generator, rng = "
                "np.random.default_rng(seed), that the function is given, or that a variable or an attribute holds"
            )


class _Recording(Watcher):
    """Tells the recorder which node's rule is running, and refuses nodes that come from elsewhere.

    The sum of contributions that follows a rule counts as part of it.
    """

    def __init__(self, found: Captured) -> None:
        self.found, self.start = found, next_place()
        self.running: list[Any] = []  # a rule may run a backward pass itself

    def recorded(self, y: Any) -> None:
        """Refuse a node from before the recording that was not exchanged, or has a graph."""
        for i in y.argnums:
            x = y.args[i]
            if x.order > self.start and (x not in self.found.requires_grad or x.fun):
                where = "by another jitted function" if x.fun is recorded_result else "outside"
                remedy = f"was computed {where}; recompute it inside, or pass x.detach()"
                if not x.fun:
                    remedy = "is not reached by the function's arguments or variables; pass it as an argument"
                raise self.found.rec.error(f"{x._describe()} {remedy}")

    def contribution(self, contribute: Contribution) -> Contribution:
        """Note the node whose rule runs; refuse one from before the recording, as its arrays may be others later."""

        def watched(y: Any, g: Any, i: int, x: Any) -> Any:
            if y.order > self.start and y.fun is not recorded_result:
                title = y._describe()
                raise self.found.rec.error(f"a gradient of {title}, which was computed outside; compute it inside")
            self.found.rec.node = y
            self.running.append(y)
            try:
                return contribute(y, g, i, x)
            finally:
                self.running.pop()

        return watched

    def finished(self, pairs: object) -> None:
        """Forget the node."""
        self.found.rec.node = self.running[-1] if self.running else None

    def gradient_read(self, x: Any) -> None:
        """Note that the recording depends on a gradient that is not there."""
        self.found.absent[x] = None
