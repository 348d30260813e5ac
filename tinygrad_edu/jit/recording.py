"""One recording of a function: its program, the plan that replays it, and the check of its first replay."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from threading import RLock
from typing import Any

import numpy as np

from ..engine.errors import format_line
from ..engine.mode import Watcher, paused, watching
from ..engine.tape import Node
from ..optim.inplace import warnings_raise
from ..trace import containers
from ..trace.capture import claimed
from ..trace.captured import Captured
from ..trace.expressions import argument_names
from ..trace.holders import is_same
from ..trace.ir import ARRAYS, Call, Program, Snapshot, placeholder, variables
from ..trace.opening import open_calls
from ..trace.printer import Source
from ..trace.traced import JitError, Unrecorded
from . import passes
from .codegen import Plan
from .emitter import CACHE_MISS, GUARD_FAILED
from .native import compiler
from .native.decompose import decompose
from .native.stretches import pays
from .selfcheck import SavedState, first_difference
from .simplify import value_key

VARIABLE = "a variable, an attribute or an object that it uses"  # what differs, if the arguments do not
GROWING = (list, dict, set, deque)  # whose lengths are named, if they differ
LENGTH = 10_000  # elements; one norm of a longer array is left to NumPy, whose BLAS is faster
STEPS = 256  # the longest recurrence whose steps are compiled, as the time to compile grows with their number


class Recording:
    """A program, and the plan that replays it."""

    def __init__(
        self, fun: Callable[..., Any], name: str, captured: Captured, chosen: frozenset[str], check: int,
        backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.fun, self.name, self.captured, self.chosen = fun, name, captured, chosen
        self.paused = paused() > 0
        program = self.program = captured.rec.program
        self.recorded = Snapshot(program)
        is_free = backend == "auto"
        backend = ("c" if compiler.find() and pays(program) else "numpy") if is_free else backend
        if backend == "c":
            open_calls(program, STEPS)
            decompose(program, LENGTH)
        self.sizes = passes.optimize(program, chosen - {"blas", "join"} if backend == "c" else chosen)
        try:
            self.plan = Plan(program, captured, chosen, backend)
        except compiler.CompilerError:
            if not is_free:
                raise
            self.plan = Plan(program, captured, chosen)
        changes = (program.stores, program.rebound, program.grads, program.passes, program.modes, program.containers)
        self.changes = any([*changes, captured.drawn])
        self.drawn = captured.drawn
        self.seen = self.objects_seen()
        self.kinds = [(kind_of_array(x), value_key(x)) for x in captured.leaves]
        captured.forget()
        for v in (*program.inputs, *program.states):
            v.example = placeholder(v.example)
        for v in [v for v in program.states if v.source.place]:  # a replay finds another array there
            v.source.array = v.example
        # Its arrays serve one call at a time. It is for `with` alone: Ctrl-C between acquire() and the block after it
        # would leave it locked
        self.lock, self.is_running = RLock(), False
        self.run = self.plan.run
        self.hits = 0  # the number of replays
        self.next_check = 0 if check else math.inf  # the number of replays before the next one that is compared
        self.interval = math.inf if check is True else check  # the number of replays from check to check

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Replay, or compare a replay with the function itself if it is time to."""
        is_due = self.hits >= self.next_check
        if not is_due and not warnings_raise():
            return self.replay(args, kwargs)
        if self.run(args, kwargs, True) is CACHE_MISS:  # guards alone; there may be no such state to save
            return CACHE_MISS
        if is_due:
            return self.checked_replay(args, kwargs)
        return self.replay(args, kwargs, saved=SavedState(self.captured, args, kwargs))

    def replay(self, args: Any, kwargs: Any, saved: SavedState | None = None) -> Any:
        """Return the result of a replay; CACHE_MISS or GUARD_FAILED, with nothing changed, if it does not serve.

        A replay that raises an error has changed nothing either: then the function itself raises it, or catches it. A
        warning that is raised may end a replay in the middle of an update; the `saved` state is then put back first.
        """
        drawn, result = None, GUARD_FAILED
        with self.lock:
            if self.is_running:  # by a signal's handler, or a hook of warnings
                raise Unrecorded
            try:
                self.is_running = True
                if self.drawn:
                    drawn = [(s, s.bit_generator.state) for s in self.drawn]
                if saved and not warnings_raise():  # to be compared: the function itself warns
                    quiet: Any = {kind: "ignore" for kind, how in np.geterr().items() if how == "warn"}
                    with np.errstate(**quiet):
                        result = self.run(args, kwargs)
                else:
                    result = self.run(args, kwargs)
                self.hits += result is not CACHE_MISS and result is not GUARD_FAILED
                return result
            except (TypeError, ValueError, IndexError, ArithmeticError, Warning):
                if saved:
                    saved.restore()
            finally:
                self.is_running = False
                if drawn and result is GUARD_FAILED:  # or an error
                    for source, state in drawn:
                        source.bit_generator.state = state
        with saved or SavedState(self.captured, args, kwargs):
            return self.fun(*args, **kwargs)

    def checked_replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Replay, then put the state back and call the function; raise JitError if both do not do the same."""
        with claimed(self.fun, args, kwargs, None) as closure, SavedState(self.captured, args, kwargs) as saved:
            hits, result = self.hits, self.replay(args, kwargs, saved=saved)
            if result is CACHE_MISS or result is GUARD_FAILED or self.hits == hits:  # after an error `fun` has run
                return result
            try:
                given = saved.outcome(result)
                if self.changes:  # other threads may change what a replay only reads
                    saved.restore()
                with watching(Watcher()):  # other jitted functions run without their recordings, as they did in this
                    expected = saved.outcome(self.fun(*args, **kwargs))
                if difference := first_difference(expected, given):
                    raise self.contradicted(*difference)
            except BaseException:
                closure.restore()  # the function may have changed more than a replay does
                raise
        self.next_check = self.hits - 1 + self.interval
        return result

    def contradicted(self, name: str, words: str) -> JitError:
        """Return the error for a replay that does something else than the function."""
        program = self.program
        parts = [("the result", v) for v in variables(program.result)]
        parts += [(f"the data of {t.name}", v) for t, v in program.stores]
        parts += [(f"the gradient of {self.captured.name_of(x)}", v) for x, v in program.grads if v is not None]
        parts += [("", call.out) for call in reversed(program.calls)]  # for any other difference, the last line
        led = [v.source.line for start, v in parts if name.startswith(start) and isinstance(v.source, Call)]
        line = next(filter(None, led), None)
        where = f", {format_line(line)}" if line else ""
        return JitError(
            f"jit({self.name}){where}: {name} {words}, so the function depends on something that a recording does "
            "not see, or on the type of its arrays; pass it as an argument, ask isinstance(x, np.ndarray) instead "
            "of type(x), or leave the function without jit"
        )

    def objects_seen(self) -> dict[tuple[int, Any], tuple[str, Any]]:
        """Return the names and the values of what the guards compare, by holder and key; None is that of a length."""
        moving, held = self.program.moving(), self.captured.closure.holders
        holders = [(i, h) for i, h in held.items() if i not in self.captured.containers]
        members = [(i, h, key, value) for i, h in holders for key, value in h.seen.items()]
        grow = [(h.member(key), v) for _, h, key, v in members if isinstance(v, GROWING) and id(v) in held]
        seen: dict[Any, Any] = {(id(v), None): (f"the length of {text}", len(held[id(v)].before)) for text, v in grow}
        for i, h, key, value in members:
            if (i, key) not in moving:
                is_attribute = h.has_names and not h.is_globals
                name = f"attribute {key} of {h.title}" if is_attribute else f"variable or attribute {h.member(key)}"
                seen[i, key] = f"the {name}", value
        return seen

    def replaced(self, later: Recording) -> list[tuple[tuple[int, Any], str, Any]]:
        """Return the places, names and values of objects that a later recording found replaced."""
        return [
            (place, name, value) for place, (name, value) in self.seen.items()
            if (new := later.seen.get(place)) and not is_same(new[1], value)
        ]  # fmt: skip

    def readable(self, *opens: Callable[[Program], None]) -> Source:
        """Return the program for a reader, with calls opened, and only those optimizations that make it plainer."""
        program = self.recorded.restore()
        for each in opens:
            each(program)
        passes.optimize(program, self.chosen & passes.READABLE)
        return Source(program, self.captured, self.fun, self.name)

    def release(self) -> None:
        """Break the cycles of calls and their results, which would keep arrays."""
        for call in (*self.program.calls, *[recorded for recorded, *_ in self.recorded.calls]):
            call.out.source = None


def varying(
    fun: Callable[..., Any], kinds: Sequence[tuple[Hashable, Hashable]], args: tuple[Any, ...], kwargs: Any
) -> str:
    """Return what differs in a call with the same kinds of arrays: an argument, or VARIABLE; "" if they differ."""
    given = [(kind_of_array(x), value_key(x)) for _, x in containers.leaves("", [args, kwargs])]
    if [kind for kind, _ in given] != [kind for kind, _ in kinds]:
        return ""
    pairs = zip(argument_names(fun, args, kwargs), given, kinds, strict=True)
    return next((f"the argument {name}" for name, (kind, x), (_, y) in pairs if not kind and x != y), VARIABLE)


def remedy_for(varies: str) -> str:
    """Return what to do about what is a different one at each call."""
    if varies.startswith("the length of "):
        return "Keep growing containers outside of the models, lists and dicts that it uses, or pass few shapes"
    return "Pass arrays or Values for what changes, keep the same objects and few shapes"


def kind_of_array(x: Any) -> Hashable:
    """Return the kind of an array, or a Tensor or Value; None for anything else, which is the same at each replay."""
    if isinstance(x, Node):
        return type(x), kind_of_array(x._value)
    return (type(x), x.shape, x.dtype) if isinstance(x, ARRAYS) else None
