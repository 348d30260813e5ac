"""The plan: the Python text that is compiled and run at replay: guards, a line or a few for each call, stores, result.

Whatever the plan returns is a new array at each call.
"""

import functools
import operator
from collections.abc import Collection, Sequence
from types import CodeType

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.tape import Node
from ..trace.captured import Captured
from ..trace.containers import refill
from ..trace.functional import add_at
from ..trace.holders import ITEMS, assign
from ..trace.ir import Call, Program, Result, Var
from ..trace.results import parents, returned
from .effects import is_view
from .emitter import Emitter, ErrorModes
from .guards import entry_guards, member_text, value_guards
from .identities import path_text
from .lowering import lower
from .memory import schedule
from .native.arrange import arrange
from .native.forms import has_guard_form
from .native.lowering import Lowering
from .native.stretches import divide
from .verifier import Step, verify

# Functions that make NaN or infinity of finite numbers only by overflow: no warning has to be silenced for them.
QUIET = {
    np.add, np.subtract, np.multiply, np.negative, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.absolute, np.sign, np.exp, np.tanh, np.sin, np.cos, np.dot, np.vdot, np.matmul, np.sum,
    np.where, np.reshape, np.transpose, np.broadcast_to, np.copy, np.square, operator.getitem, setitem, add_at,
    np.concatenate,
}  # fmt: skip


@functools.lru_cache(64)
def compiled(text: str) -> CodeType:
    """Return a plan's code. A function that is recorded again, or is made again, often has the same text."""
    return compile(text, "<plan>", "exec")


class Plan:
    """The text for one program, the buffers of its memory, and the text as a function of (args, kwargs), `run`.

    With `guards_only` it returns CACHE_MISS or None, and computes nothing. Raises PlanError if the verifier rejects it.
    """

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str], backend: str = "numpy") -> None:
        self.program, drawn = program, [call.out for call in program.calls if call.draws]
        first_write = (arrange if backend == "c" else schedule)(program)
        emitter = Emitter(program, captured, chosen, first_write)
        entry_guards(emitter)
        outside = dict(emitter.place(v) for v in (*program.inputs, *program.states))
        lower_calls(emitter, backend)
        ResultWriter(emitter).write()
        verify(emitter.steps, outside, program.stores, drawn)
        self.buffers = emitter.layout.buffers
        self.text = emitter.plan()
        exec(compiled(self.text), emitter.values)
        self.run = emitter.values.pop("plan")  # a function among its own globals would keep itself


def lower_calls(emitter: Emitter, backend: str) -> None:
    """Write every call, and every guard as soon as its arguments are computed; for "c", stretches of them in C."""
    program = emitter.program
    guards = emitter.layout.guards
    value_guards(emitter, guards.get(-1, ()))
    stretches = dict(divide(program.calls, guards)) if backend == "c" else {}
    emitter.layout.first_write = max([emitter.layout.first_write, *stretches])  # each stretch can end the replay
    # Python's numbers raise errors, and do not warn
    warning = [c for c in program.calls if c.phase == "backward" and c.fun not in QUIET and c.out.dtype is not None]
    silent: ErrorModes = {"divide": "ignore", "invalid": "ignore"} if warning else None
    stop = 0
    for i, call in enumerate(program.calls):
        if i in stretches:
            stop, emitter.errors = stretches[i], None
            Lowering(emitter, i, stop, guards).write()
            value_guards(emitter, [guard for guard in guards.get(stop - 1, ()) if not has_guard_form(guard)])
        if i < stop:
            continue
        emitter.errors = silent if call.phase == "backward" else call.errors
        lower(emitter, call, i)
        value_guards(emitter, guards.get(i, ()))
        emitter.layout.release(i)


class ResultWriter:
    """What is returned or stored, and who owns each array from then on."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self.owned: set[Var] = set()  # new arrays that others own
        self.made: dict[int, str] = {}  # the names of the parts of the result, by the identity of their descriptions

    def write(self) -> None:
        """Add the lines that copy what has to be kept, store what the function changes, and return its result."""
        emitter, program = self.emitter, self.emitter.program
        emitter.errors = None
        targets = {target: emitter.locations[target] for target, _ in program.stores}
        stores = [(t, v) for t, v in program.stores if (a := emitter.place(v)[1]) is None or a is not targets[t].array]
        given = [self.returned(new) for *_, new in program.rebound]  # before a copy for the result
        result = self.returned(program.result)
        lines = [f"{emitter.tensor(x)}._grad = {self.kept(g)}" for x, g in program.grads]
        for (place, *_), text in zip(program.rebound, given, strict=True):
            if type(place.owner) in ITEMS or isinstance(place.owner, Node):
                lines.append(f"{member_text(emitter, place.owner, place.key)} = {text}")
            else:
                lines.append(f"{emitter.fun(assign)}({emitter.name(place.owner)}, {emitter.ref(place.key)}, {text})")
        lines += [f"{member_text(emitter, owner, 'training')} = {mode}" for owner, mode in program.modes]
        paths = "".join([f"{path_text(emitter, path)}, " for path, _ in program.containers])
        contents = "".join([f"{self.returned(content)}, " for _, content in program.containers])
        refills = f"list(map({emitter.fun(refill)}, ({paths}), ({contents})))"  # all are found before
        for _, value in stores:
            if isinstance(value.example, np.ndarray) and not targets.keys().isdisjoint(emitter.layout.roots(value)):
                emitter.copy(value)  # before a store changes it
        for target, value in stores:
            text, array = targets[target]
            emitter.emit(f"{text}[...] = {emitter.ref(value)}")
            emitter.steps.append(Step(emitter.lines[-1][0], (emitter.place(value),), into=(target, array)))
        for x, n, adds in program.passes:
            name = emitter.tensor(x)
            earlier = f"{emitter.fun(getattr)}({name}, 'passes', 1) + "
            lines.append(f"{name}.passes = {earlier if adds else ''}{n}")
        emitter.emit(*lines, *[refills][: len(program.containers)], f"return {result}")

    def returned(self, value: object) -> str:
        """Write the result, or a part of it: a part that is in it twice is made once."""
        if not isinstance(value, (tuple, list, dict)):
            return self.emitter.ref(value)
        if id(value) not in self.made:
            text = self.node(value) if isinstance(value, Result) else self.emitter.container(value, self.returned)
            self.made[id(value)] = self.emitter.variable("part")
            self.emitter.emit(f"{self.made[id(value)]} = {text}")
        return self.made[id(value)]

    def node(self, x: Result) -> str:
        """Write an argument, a list or dict of a variable, an array, a Tensor or Value, or a dataclass."""
        emitter = self.emitter
        if x.kind == "found":
            return emitter.tensor(x.value)
        if x.kind == "itself":
            return emitter.ref(x.value)
        if x.kind == "kept":
            return self.kept(x.value, x.node) + turned([*map(x.node.index, sorted(x.node))])
        if x.kind in ("argument", "held"):
            return path_text(emitter, x.value) if x.kind == "argument" else emitter.name(x.value.owner, "held")
        if x.kind == "dataclass":
            empty = f"{emitter.fun(object.__new__)}({emitter.fun(x.node)})"
            return f"{emitter.fun(refill)}({empty}, {emitter.container(x.value, self.returned)})"
        if x.kind in ("array", "memory"):
            return self.array(x)
        nodes = "()"
        if x.kind == "result" and emitter.tensors:  # what differs from call to call is not kept
            nodes = f"({''.join([f'{emitter.tensor(node)}, ' for node in parents(emitter.captured)])})"
        elif x.kind == "result":
            nodes = emitter.name(parents(emitter.captured), "parents", "parents")
        given = f"{self.returned(x.value)}, {nodes}, {x.label!r}, {self.returned(x.grad)}, {x.kind != 'constant'}"
        return f"{emitter.fun(returned)}({emitter.fun(x.node)}, {given})"

    def array(self, x: Result) -> str:
        """Write an array or a number, or memory that several arrays share."""
        if not x.memory:
            is_array = isinstance(x.value.example, np.ndarray)
            return self.kept(x.value, x.node) if is_array else self.emitter.ref(x.value)
        memory, shape, dtype, offset, strides = x.memory
        layout = f"{self.returned(memory)}, {offset}, {strides}"
        return f"{self.emitter.fun(np.ndarray)}({shape}, {self.emitter.name(dtype, 'dtype')}, {layout})"

    def kept(self, v: Var | None, axes: tuple[int, ...] | None = None) -> str:
        """Write what is kept: of a Value a Python float, an array that nobody else has, or None.

        With its `axes` in this order, an array is in C order.
        """
        text = self.emitter.ref(v) if v is None or type(v.example) is float else self.new_array(v)
        return f"{self.emitter.fun(np.ascontiguousarray)}({text}{turned(axes)})" if axes else text

    def new_array(self, v: Var) -> str:
        """Write an array that nobody else has; what belongs to others is copied."""
        emitter, roots = self.emitter, {*self.emitter.layout.roots(v)}
        others = [r for r in (v, *roots) if not isinstance(r.source, Call) or emitter.place(r)[1] is not None]
        if others or self.owned & roots or not isinstance(v.example, np.ndarray) or _overlaps(v):
            emitter.copy(v)
        self.owned |= roots
        emitter.steps.append(Step(emitter.ref(v), (emitter.place(v),), hands_out=True))
        return emitter.ref(v)


def turned(axes: Sequence[int]) -> str:
    """Write the method that puts the axes of an array in an order, if they are in another."""
    return f".transpose({[*axes]})" if [*axes] != sorted(axes) else ""


def _overlaps(v: Var) -> bool:
    """Whether several elements of v may have the same place in memory."""
    while isinstance(v.source, Call) and is_view(v.source):
        if v.source.fun is np.broadcast_to:
            return True
        v = v.source.args[0]
    return False
