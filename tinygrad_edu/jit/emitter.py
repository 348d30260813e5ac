"""The emitter collects the lines of a plan, and knows the names and locations of values."""

from collections.abc import Collection
from itertools import groupby
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..trace.captured import Captured
from ..trace.expressions import Container, Expressions, Write
from ..trace.ir import Call, Program, Var
from .memory import Layout, Location
from .verifier import Step, Stored

ErrorModes = dict[str, Any] | None
SIGNED = (np.add, np.subtract, np.multiply, np.divide, np.negative)  # Python's operators do the same with floats
PLAIN = (int, float, bool, str, type(None), type(...))
RESERVED = {
    "plan", "args", "kwargs", "guards_only", "type", "len", "id", "list", "dict", "abs", "all", "map", "s",
    "CACHE_MISS", "GUARD_FAILED",
}  # fmt: skip
CACHE_MISS, GUARD_FAILED = object(), object()  # what a plan returns if a guard of the first or the second kind fails


class Emitter(Expressions):
    """The text of one program, as far as it is written."""

    def __init__(self, program: Program, captured: Captured, chosen: Collection[str], first_write: int) -> None:
        arguments = [f"a{i}{tensor}" for i in range(len(captured.leaves)) for tensor in ("", "t")]
        super().__init__({}, [*RESERVED, *arguments])
        self.values |= {"np": np, "CACHE_MISS": CACHE_MISS, "GUARD_FAILED": GUARD_FAILED}
        self.program, self.captured = program, captured
        self.tensors = {i: f"a{given.index}t" for i, given in captured.tensors.items()}  # others at each call
        self.layout = Layout(program, chosen, first_write)
        self.locations = self.layout.locations
        self.lines: list[tuple[str, ErrorModes]] = []
        self.steps: list[Step] = []  # what the lines do, for the verifier
        self.errors: ErrorModes = None  # how NumPy treats errors of floats in the lines to come, if not as the caller

    def emit(self, *lines: str) -> None:
        """Add lines."""
        self.lines += [(line, self.errors) for line in lines]

    def plan(self) -> str:
        """Return the whole text."""
        text = ["def plan(args, kwargs, guards_only=False):"]
        for errors, group in groupby(self.lines, lambda line: line[1]):
            indent = " " * 4
            if errors:
                given = ", ".join([f"{kind}={mode!r}" for kind, mode in errors.items()])
                text.append(f"{indent}with {self.fun(np.errstate)}({given}):")
                indent += " " * 4
            text += [f"{indent}{line}" for line, _ in group]
        return "\n".join([*text, ""])

    def assign(self, v: Var, text: str) -> str:
        """Add a line that assigns v to a new variable, and return the variable."""
        self.locations[v] = Location(self.variable())
        self.emit(f"{self.locations[v].text} = {text}")
        return self.locations[v].text

    def copy(self, v: Var) -> None:
        """Add a line that copies a value into a new array, where it is found from then on."""
        text = f"{self.fun(np.array)}({self.ref(v)})" if v.shape == () else f"{self.ref(v)}.copy()"
        place = self.place(v)
        self.steps.append(Step(self.assign(v, text), (place,), v))

    def place(self, v: Var) -> Stored:
        """Return a Var and the array that it is in, if that is the same at every call."""
        self.var(v)
        return v, self.locations[v].array

    def into(self, call: Call, i: int) -> str:
        """Return the name of the array that a call writes its result into; nothing for a new object at each call."""
        array = self.layout.destination(call, i) if call.out.shape else None
        if array is None:
            return ""
        self.locations[call.out] = Location(self.name(array, "b"), array)
        return self.locations[call.out].text

    # How arguments and calls are written, where that is not as in a printed program
    def ref(self, x: object) -> str:
        """Write an argument."""
        return self.var(x) if type(x) is Var else self.expression(x)

    def var(self, v: Var) -> str:
        """Return where a Var is found."""
        if v not in self.locations:
            value = v.source.array  # a constant
            array = value if isinstance(value, np.ndarray) else None
            self.locations[v] = Location(self.name(value, v.name or "c"), array)
        return self.locations[v].text

    def value(self, x: object) -> str:
        """Write a Python number or text as a literal; pass anything else by name."""
        return super().value(x) if type(x) in PLAIN else self.name(x)

    def fun(self, f: Function) -> str:
        """Return the name of a function."""
        if f in self.known:  # np.add.reduce is another object each time
            return self.known[f]
        owner, name = getattr(f, "__self__", None), getattr(f, "__name__", "f")
        hint = f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name
        return self.known.get(id(f)) or self.name(f, hint, f)

    def container(self, x: Container, write: Write) -> str:
        """Write a list, a tuple or a dict; of a namedtuple, a call of its type."""
        kind = self.fun(type(x)) if hasattr(x, "_fields") else ""
        return kind + super().container(x, write)

    def shown(self, call: Call) -> tuple[Any, list[Any], bool]:
        """Return the function and its arguments, and whether an operator does the same, in a third of the time."""
        scalars = all([a.shape == () if type(a) is Var else isinstance(a, (int, float)) for a in call.args])
        floats = any([v.dtype is not None and v.dtype.kind == "f" for v in call.uses])
        by_sign = call.fun in SIGNED and scalars and floats and not call.kwargs
        return call.fun, [*call.args], by_sign or isinstance(call.fun, BuiltinFunctionType)  # of `operator`

    def tensor(self, x: object) -> str:
        """Write a Tensor that is an argument or captured."""
        return self.tensors.get(id(x)) or self.name(x, "t")
