"""One recording of a function: its program, the plan that replays it, and the check of its first replay."""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import Lock
from typing import Any

from ..engine.errors import Line, explained, format_line
from ..engine.mode import Watcher, paused, watching
from ..trace.captured import Captured
from ..trace.ir import Call, Snapshot, Var, placeholder, substituted, variables
from ..trace.printer import Source
from ..trace.traced import JitError
from . import passes
from .codegen import Plan
from .guards import CACHE_MISS, GUARD_FAILED
from .selfcheck import SavedState, first_difference


class Recording:
    """A program, and the plan that replays it."""

    def __init__(
        self, fun: Callable[..., Any], name: str, captured: Captured, chosen: frozenset[str], check: int
    ) -> None:
        self.fun, self.name, self.captured, self.chosen = fun, name, captured, chosen
        self.paused = paused() > 0
        program = self.program = captured.rec.program
        self.size, self.recorded = len(program.calls), Snapshot(program)
        self.sizes = passes.optimize(program, chosen)
        self.plan = Plan(program, captured, chosen)
        self.lines = self.users_lines()
        captured.forget()
        for v in (*program.inputs, *program.states):
            v.example = placeholder(v.example)
        self.lock = Lock()
        self.check = check  # compare the first replay, and then every `check`-th; -1: no other, 0: none at all
        self.until_check = 0 if check else -1  # how many replays come before the next one that is compared

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Replay, or compare a replay with the function itself if it is time to."""
        if not self.until_check:
            return self.checked_replay(args, kwargs)
        result = self.replay(args, kwargs)
        if self.until_check > 0 and result is not CACHE_MISS:
            self.until_check -= 1
        return result

    def replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of a replay; CACHE_MISS or GUARD_FAILED, with nothing changed, if it does not serve."""
        drawn = [(s, s.bit_generator.state) for s in self.captured.drawn]
        result = GUARD_FAILED
        try:
            with self.lock:  # its arrays serve one call at a time
                result = self.plan.run(args, kwargs)
        except (TypeError, ValueError, IndexError) as error:
            if (explanation := self.explained(error)) is None:
                raise
            raise explanation from error
        finally:
            if result is GUARD_FAILED:  # or an error
                for source, state in drawn:
                    source.bit_generator.state = state
        return result

    def checked_replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Replay, then put the state back and call the function; raise JitError if both do not do the same."""
        saved = SavedState(self.captured, args, kwargs)
        result = self.replay(args, kwargs)
        if result is CACHE_MISS or result is GUARD_FAILED:
            return result
        given = saved.outcome(result)
        saved.restore()
        with watching(Watcher()):  # other jitted functions run without their recordings, as they did in this one
            expected = saved.outcome(self.fun(*args, **kwargs))
        if difference := first_difference(expected, given):
            saved.restore()
            name, words = difference
            line = next((line for start, line in self.lines.items() if name.startswith(start)), None)
            where = f", {format_line(line)}" if line else ""
            raise JitError(
                f"jit({self.name}){where}: {name} {words}, so the function depends on something that a recording does "
                "not see, or on the kind of its arrays; hand it over as an argument, or leave the function without jit"
            )
        self.until_check = self.check
        return result

    def users_lines(self) -> dict[str, Line]:
        """Return the user's line that led to each part of the outcome, by the part's name."""
        program = self.program
        found: dict[str, Line] = {}
        pairs = [("the result", v) for v in variables(program.result)]
        pairs += [(f"the data of {t.name}", v) for t, v in program.stores]
        pairs += [(f"the gradient of {self.captured.name_of(x)}", v) for x, v in program.grads if v is not None]
        for name, v in pairs:
            if isinstance(v.source, Call) and v.source.line:
                found.setdefault(name, v.source.line)
        if last := next((c.line for c in reversed(program.calls) if c.line), None):
            found.setdefault("", last)
        return found

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

    def release(self) -> None:
        """Let go of all arrays, once no replay is running: the program and the plan hold themselves in cycles."""
        with self.lock:
            self.plan.run.__globals__.clear()
            for call in (*self.program.calls, *[c for c, *_ in self.recorded.calls]):
                call.out.source = None
