"""The plan: a program with its memory laid out, as the Python text that is compiled and run at replay.

    guards of the arguments and the environment     (guards.py)
    one line or a few for each call                 (lowering.py)
    copies of what is returned, stores, and the result

Whatever the plan returns is a new array at each call.
"""

import operator
from collections import Counter
from collections.abc import Collection
from itertools import groupby
from typing import Any

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.tape import constant
from ..engine.tensor import Tensor
from ..trace.captured import Captured
from ..trace.functional import add_at
from ..trace.ir import Call, Program, Result, Setting, Var, variables
from .effects import is_view
from .guards import entry_guards, value_guards
from .lowering import Emitter, lower

# Functions that make NaN or infinity of finite numbers only by overflow: no warning has to be silenced for them.
QUIET = {
    np.add, np.subtract, np.multiply, np.negative, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.absolute, np.sign, np.exp, np.tanh, np.sin, np.cos, np.dot, np.matmul, np.sum, np.where,
    np.reshape, np.transpose, np.broadcast_to, np.copy, operator.getitem, setitem, add_at,
    np.square,
}  # fmt: skip


class Plan:
    """The text for one program, the layout of its memory, and the text as a function of (args, kwargs), `run`."""

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str]) -> None:
        self.program = program
        self.calls: dict[int, Call | None] = {}  # line number in the text: the call that the line belongs to
        emitter = Emitter(program, captured, chosen)
        self.layout = emitter.layout
        head = entry_guards(emitter)
        lower_calls(emitter)
        ResultWriter(emitter).write()
        self.text = self.join(emitter, head)
        scope: dict[str, Any] = dict(emitter.values)
        exec(compile(self.text, "<plan>", "exec"), scope)
        self.run = scope["plan"]

    def join(self, emitter: Emitter, head: list[str]) -> str:
        """Return the whole text, and note the call of each line."""
        warns = any(c.phase == "backward" and c.fun not in QUIET for c in self.program.calls)
        lines = ["def plan(args, kwargs):", *[f"    {line}" for line in head]]
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
    for i, call in enumerate(program.calls):
        emitter.current = call
        lower(emitter, call, i, nested)
        layout.release(i, call)
        if call.out in guarded:
            waiting = value_guards(emitter, waiting)


class ResultWriter:
    """What is returned or stored, and who owns each array from then on."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self.returned_bases: set[Var] = set()  # new arrays that the caller or a Tensor owns
        self.gradient_buffers: list[np.ndarray] = []  # arrays of the layout that Tensors have for their gradients

    def write(self) -> None:
        """Add the lines that store what the function changes, and return its result."""
        for v in self.emitter.program.outputs():
            self.emitter.ref(v)
        result = self.returned(self.emitter.program.result)  # copies what is returned before anything is stored
        for line in (*self.stores(), *self.gradients(), f"return {result}"):
            self.emitter.emit(line, "update")

    def stores(self) -> list[str]:
        """Return the lines that store values, after those that copy what another store would change."""
        emitter, layout, program = self.emitter, self.emitter.layout, self.emitter.program
        written = {target for target, value in program.stores if value not in layout.direct}
        lines = []
        for target, value in program.stores:
            source, text = target.source, emitter.locations[value].text
            if isinstance(source, Setting):
                lines.append(f"{emitter.name(source.owner, 'o')}.{source.attribute} = {text}")
            elif value not in layout.direct:
                text = emitter.copied(text) if layout.base(value) in written else text
                lines.append(f"{emitter.locations[target].text}[...] = {text}")
        return lines

    def gradients(self) -> list[str]:
        """Return the lines that set the gradients of Tensors."""
        grads = [(self.emitter.tensor(x), g) for x, g in self.emitter.program.grads]
        return [f"{name}._grad = {'None' if g is None else self.owned(g)}" for name, g in grads]

    def owned(self, v: Var) -> str:
        """Write an array that a Tensor owns from then on; what something else owns is copied."""
        base, location = self.emitter.layout.base(v), self.emitter.locations[v]
        if v.shape == ():
            return f"{self.emitter.fun(np.array)}({location.text})"
        shared = not isinstance(base.source, Call) or base in self.returned_bases or _overlaps(v)
        if location.array is not None:
            shared = shared or any(np.may_share_memory(location.array, other) for other in self.gradient_buffers)
            self.gradient_buffers.append(location.array)
        elif not shared:
            self.returned_bases.add(base)
        return f"{location.text}.copy()" if shared else location.text

    def returned(self, value: object) -> str:
        """Write the result, or a part of it."""
        emitter = self.emitter
        if isinstance(value, Result):
            text = self.returned_array(value.var)
            return f"{emitter.fun(constant)}({emitter.fun(Tensor)}, {text})" if value.kind == "tensor" else text
        if isinstance(value, (tuple, list, dict)):
            return emitter.container(value, self.returned)
        return emitter.ref(value)

    def returned_array(self, v: Var) -> str:
        """Write an array that the caller owns from then on; what belongs to the plan or to something else is copied."""
        base, location = self.emitter.layout.base(v), self.emitter.locations[v]
        if v.shape == () and isinstance(v.source, Call):
            return location.text
        if isinstance(base.source, Call) and location.array is None and base not in self.returned_bases:
            self.returned_bases.add(base)
        elif v.dtype is not None:
            return self.emitter.copied(location.text)
        return location.text


def _overlaps(v: Var) -> bool:
    """Whether several elements of v may have the same place in memory."""
    while isinstance(v.source, Call) and is_view(v.source):
        if v.source.fun is np.broadcast_to:
            return True
        v = v.source.args[0]
    return False
