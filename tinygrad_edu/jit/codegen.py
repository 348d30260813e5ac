"""The plan: a program with its memory laid out, as the Python text that is compiled and run at replay.

    guards of the arguments and the environment     (guards.py)
    one line or a few for each call                 (lowering.py), or one for a group of calls (blocks.py)
    stores and the result                           (results.py)

Whatever the plan returns is a new array at each call.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection
from itertools import groupby

import numpy as np

from ..engine.rules.indexing import setitem
from ..trace.captured import Captured
from ..trace.functional import add_at
from ..trace.ir import Call, Program, variables
from .blocks import lower_group
from .emitter import Emitter
from .guards import entry_guards, value_guards
from .lowering import lower
from .packing import flat_view, flatten
from .results import emit_results

# Functions that make NaN or infinity of finite numbers only by overflow: no warning has to be silenced for them.
QUIET = {
    np.add, np.subtract, np.multiply, np.negative, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.absolute, np.sign, np.exp, np.tanh, np.sin, np.cos, np.dot, np.matmul, np.sum, np.where,
    np.reshape, np.transpose, np.broadcast_to, np.copy, operator.getitem, setitem, add_at, flatten, flat_view,
    np.square,
}  # fmt: skip


class Plan:
    """The text for one program, the values that it names, and the layout of its memory."""

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str]) -> None:
        self.program = program
        self.calls: dict[int, Call | None] = {}  # line number in the text: the call that the line belongs to
        emitter = Emitter(program, captured, chosen)
        self.layout, self.values = emitter.layout, emitter.values
        head = entry_guards(emitter)
        lower_calls(emitter)
        emit_results(emitter)
        self.text = self.join(emitter, head)

    def compile(self) -> Callable[[tuple[object, ...], dict[str, object]], object]:
        """Return the plan as a function of (args, kwargs)."""
        scope = dict(self.values)
        exec(compile(self.text, "<plan>", "exec"), scope)
        plan: Callable[[tuple[object, ...], dict[str, object]], object] = scope["plan"]
        return plan

    def join(self, emitter: Emitter, head: list[str]) -> str:
        """Return the whole text, and note the call of each line."""
        warns = any(c.phase == "backward" and c.fun not in QUIET for c in self.program.calls)
        lines = [line for text in emitter.functions for line in text.split("\n")]
        lines += ["def plan(args, kwargs):", *[f"    {line}" for line in head]]
        for backward, group in groupby(emitter.lines, key=lambda line: line[0] == "backward"):
            indent = " " * 4
            if backward and warns:
                lines.append(f"{indent}with {emitter.fun(np.errstate)}(divide='ignore', invalid='ignore'):")
                indent += " " * 4
            for _, line, call in group:
                lines.append(f"{indent}{line}")
                self.calls[len(lines)] = call
        return "\n".join([*lines, ""])


def lower_calls(emitter: Emitter) -> None:
    """Write every call, and every guard as soon as its arguments are computed."""
    program, layout = emitter.program, emitter.layout
    uses = Counter([v for call in program.calls for v in call.uses if v.shape == ()])
    nested = {v for v, n in uses.items() if n == 1}.difference(program.outputs())
    waiting = value_guards(emitter, program.guards)
    guarded = {v for guard in waiting for v in variables(guard.args)}
    i = 0
    while i < len(program.calls):
        stop = layout.spans.get(i, i + 1)
        calls = program.calls[i:stop]
        emitter.current = calls[0]
        if i in layout.spans:
            lower_group(emitter, i, stop)
        else:
            lower(emitter, calls[0], i, nested)
        for j, call in enumerate(calls, i):
            layout.release(j, call)
        if not guarded.isdisjoint([call.out for call in calls]):
            waiting = value_guards(emitter, waiting)
        i = stop
