"""The emitter: collects the lines of a plan, and knows the names and locations of the values in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable

import numpy as np

from ..engine.tensor import Tensor
from ..trace.captured import Captured
from ..trace.ir import Call, Program, Var
from ..trace.names import Names
from .memory import Layout, Location

Write = Callable[[object], str]
REDUCTIONS: dict[Callable[..., object], np.ufunc] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
}  # fmt: skip
RESERVED = {"plan", "args", "kwargs", "type", "len", "list", "dict", "slice", "abs", "s", "t", "start", "stop"}


class Emitter(Names):
    """The text of one program, as far as it is written."""

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str]) -> None:
        super().__init__({}, RESERVED, r"([a-z]|block)\d+t?")  # a0, a0t, block0: arguments and groups
        self.program, self.captured = program, captured
        self.layout = Layout(program, captured, chosen)
        self.locations = self.layout.locations
        self.functions: list[str] = []  # the texts of loops over blocks
        self.lines: list[tuple[str, str, Call | None]] = []  # (phase, line, the call that it belongs to)
        self.current: Call | None = None  # the call that lines are written for
        self.cached: dict[Hashable, np.ndarray | Callable[..., object]] = {}  # constants and bound methods with a name

    def emit(self, line: str, phase: str) -> None:
        """Add a line."""
        self.lines.append((phase, line, self.current))

    def assign(self, v: Var, text: str, phase: str) -> str:
        """Add a line that assigns v to a new variable, and return the variable."""
        self.locations[v] = Location(self.variable())
        self.emit(f"{self.locations[v].text} = {text}", phase)
        return self.locations[v].text

    def copied(self, text: str) -> str:
        """Add a line that copies an array, before any store can change it, and return the copy's variable."""
        name = self.variable()
        self.emit(f"{name} = {text}.copy()", "update")
        return name

    def into(self, call: Call, i: int) -> str:
        """Choose the array that a call writes its result into, and return its name."""
        array = self.layout.destination(call, i)
        self.locations[call.out] = Location(self.name(array, "b"), array)
        return self.locations[call.out].text

    def ref(self, x: object) -> str:
        """Write an argument as an expression."""
        if isinstance(x, Var):
            location = self.locations.get(x)
            if location is None:  # a constant
                location = self.locations[x] = Location(self.name(x.source.array, x.name or "c"), x.source.array)
            return location.text
        if x is ...:
            return "..."
        if x is None or isinstance(x, (bool, str)) or type(x) is int or (type(x) is float and math.isfinite(x)):
            return repr(x)
        if isinstance(x, slice):
            return f"slice({self.ref(x.start)}, {self.ref(x.stop)}, {self.ref(x.step)})"
        return self.container(x, self.ref) if isinstance(x, (tuple, list, dict)) else self.name(x)

    def container(self, x: tuple[object, ...] | list[object] | dict[object, object], write: Write) -> str:
        """Write a tuple, list or dict with its elements as `write` writes them."""
        if isinstance(x, dict):
            return f"{{{', '.join(f'{self.ref(k)}: {write(v)}' for k, v in x.items())}}}"
        elements = ", ".join(map(write, x))
        if isinstance(x, list):
            return f"[{elements}]"
        if hasattr(x, "_fields"):
            return f"{self.fun(type(x))}({elements})"
        return f"({elements}{',' if len(x) == 1 else ''})"

    def call(self, call: Call) -> str:
        """Write a call as an expression."""
        given = [*map(self.ref, call.args), *[f"{k}={self.ref(v)}" for k, v in call.kwargs.items()]]
        return f"{self.fun(call.fun)}({', '.join(given)})"

    def tensor(self, x: Tensor) -> str:
        """Write a Tensor that is an argument or captured."""
        given = self.captured.given.get(id(x))
        return f"a{given.index}t" if given else self.name(x, "t")

    def cache(self, key: Hashable, value: np.ndarray | Callable[..., object], hint: str) -> str:
        """Name a value that is the same at every call, but not the same object each time that it is asked for."""
        return self.name(self.cached.setdefault(key, value), hint)

    def reduce(self, fun: Callable[..., object]) -> str:
        """Name the method of a ufunc that `np.sum` and its kin call in the end; it has less overhead."""
        ufunc = REDUCTIONS[fun]
        return self.cache(ufunc, ufunc.reduce, f"{ufunc.__name__}_reduce")
