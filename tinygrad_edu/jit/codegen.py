"""The plan: a program with its memory laid out, as the Python text that really runs.

NumPy writes into the arrays of the layout by `out=`, and views of them are made once. Single numbers are kept as
Python variables. What is handed out is a new array at each call.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np

from ..engine.backward import has_nan
from ..engine.rules import implementations
from ..engine.rules.indexing import setitem
from ..engine.threads import LARGE, cores
from ..trace.captured import Captured
from ..trace.functional import add_at, astype, part
from ..trace.ir import Call, Constant, Guard, Home, Program, Var, variables
from ..trace.names import Names
from .blocks import block_text, spread
from .flat import join, piece
from .guards import prologue
from .memory import Layout, is_view
from .results import epilogue
from .simplify import number

MISSED, ASKED = object(), object()  # a call that the plan is not for; one whose answers are not the recording's
PYTHON = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**", np.floor_divide: "//",
    np.remainder: "%", operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
    operator.pow: "**", operator.floordiv: "//", operator.mod: "%",
    np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==", np.not_equal: "!=",
}  # fmt: skip
LONG = 80  # what may stand within another expression; parentheses nest only so deep
CHOICES = {np.maximum, np.minimum}
REDUCED = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum}
# Functions that make no NaN and no infinity from finite numbers but by overflow, and so need not be told to be quiet.
CALM = {
    np.add, np.subtract, np.multiply, np.negative, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.absolute, np.sign, np.exp, np.tanh, np.sin, np.cos, np.dot, np.matmul, np.sum, np.where,
    np.reshape, np.transpose, np.broadcast_to, np.copy, operator.getitem, setitem, add_at, join, piece, np.square,
}  # fmt: skip


class Plan(Names):
    """The text for one program, and what it names."""

    def __init__(self, program: Program, found: Captured, chosen: Any) -> None:
        self.program, self.found = program, found
        self.layout = Layout(program, found, chosen)
        self.home = self.layout.home
        super().__init__({"MISSED": MISSED, "ASKED": ASKED})
        self.numbers: dict[Any, Any] = {}  # Python's numbers as arrays
        self.functions: list[str] = []  # of blocks
        self.lines: list[tuple[str, str, Call | None]] = []  # phase, line, what it is for
        self.calls: dict[int, Call | None] = {}  # by the numbers of the text's lines
        self.current: Call | None = None
        self.once: set[Var] = set()  # single numbers that one call uses, and nobody outside
        self.handed: set[Var] = set()  # roots of arrays that somebody outside has been given
        self.given: list[Any] = []  # arrays of the layout that Tensors have for their gradients
        self.head = prologue(self)
        self.body()
        epilogue(self)
        self.text = self.join_lines()

    def compile(self) -> Callable[[Any, Any], Any]:
        """The plan as a function of (args, kwargs)."""
        scope = dict(self.env)
        exec(compile(self.text, "<plan>", "exec"), scope)
        return scope["plan"]  # type: ignore[no-any-return]

    def ref(self, x: Any) -> str:
        """An argument, as it is written."""
        if type(x) is Var:
            home = self.home.get(x)
            if home is None:  # of what is neither computed nor found outside
                home = self.home[x] = Home(self.name(x.source.array, x.name or "c"), x.source.array)
            return home.text
        if x is ...:
            return "..."
        if x is None or isinstance(x, (bool, str)) or type(x) is int or (type(x) is float and math.isfinite(x)):
            return repr(x)
        if isinstance(x, slice):
            return f"slice({self.ref(x.start)}, {self.ref(x.stop)}, {self.ref(x.step)})"
        if isinstance(x, tuple) and hasattr(x, "_fields"):
            return f"{self.name(type(x), type(x).__name__)}({', '.join(map(self.ref, x))})"
        if isinstance(x, tuple):
            return f"({', '.join(map(self.ref, x))}{',' if len(x) == 1 else ''})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.ref, x))}]"
        if isinstance(x, dict):
            return f"{{{', '.join(f'{k!r}: {self.ref(v)}' for k, v in x.items())}}}"
        return self.name(x)

    def tensor(self, x: Any) -> str:
        """A Tensor from outside, which may be an argument."""
        given = self.found.given.get(id(x))
        return f"a{given.place}t" if given else self.name(x, "t")

    def emit(self, line: str, phase: str) -> None:
        """One line more."""
        self.lines.append((phase, line, self.current))

    # The calls
    def body(self) -> None:
        """Every call, and every guard as soon as its arguments are there."""
        calls, layout = self.program.calls, self.layout
        uses = [v for call in calls for v in call.uses if v.shape == ()]
        self.once = {v for v, n in Counter(uses).items() if n == 1}.difference(self.program.outputs())
        waiting = self.ask(self.program.guards)
        asked = {v for guard in waiting for v in variables(guard.args)}
        i = 0
        while i < len(calls):
            stop, self.current = layout.spans.get(i, i + 1), calls[i]
            if i in layout.spans:
                self.stretch(i, stop)
            else:
                self.lower(calls[i], i)
            due = False
            for j in range(i, stop):
                layout.release(j, calls[j])
                due = due or calls[j].out in asked
            if due:
                waiting = self.ask(waiting)
            i = stop

    def ask(self, guards: list[Guard]) -> list[Guard]:
        """Those guards whose arguments are there; the others are left."""
        left = []
        for guard in guards:
            if any(v not in self.home and not isinstance(v.source, Constant) for v in variables(guard.args)):
                left.append(guard)
                continue
            if guard.predicate is has_nan and guard.answer is False and guard.args:
                self.emit(f"if (s := {' + '.join(map(self.sign, guard.args))}) != s:", "ask")
            else:
                predicate = self.fun(implementations.get(guard.predicate, guard.predicate))
                self.emit(f"if {predicate}({', '.join(map(self.ref, guard.args))}) is not {guard.answer!r}:", "ask")
            self.emit("    return ASKED", "ask")
        return left

    def sign(self, a: Any) -> str:
        """A number that is NaN if a holds one, as `has_nan` finds it, and is never below 0, so that sums stay so."""
        text = self.ref(a)
        if type(a) is not Var or not a.shape:
            return f"{text} * {text}"
        if a.size >= 10_000:
            return f"abs({text}.min())"
        array = self.home[a].array
        flat = array.ravel("K") if array is not None else None
        if flat is not None and np.may_share_memory(flat, array):
            text = self.name(flat, "w")
        return f"{self.fun(np.vdot)}({text}, {text})"

    def lower(self, call: Call, i: int) -> None:
        """The line for one call."""
        args = [self.ref(a) for a in call.args]
        if is_view(call):
            return self.view(call, args)
        if call.out.shape == () and not call.draws:
            return self.number(call, args)
        lowered = LOWERED.get(call.fun) if not call.kwargs or call.fun in REDUCED or call.fun is join else None
        if lowered is None and call.elementwise:
            lowered = Plan.ufunc
        if lowered is not None and not call.draws and call.out not in self.layout.leaving and self.layout.optimized:
            lines = lowered(self, call, i, args)
            for line in lines:
                self.emit(line, call.phase)
            if call.out in self.home:
                return None
        self.home[call.out] = Home(self.variable())
        given = ", ".join([*args, *[f"{k}={self.ref(v)}" for k, v in call.kwargs.items()]])
        return self.emit(f"{self.home[call.out].text} = {self.fun(call.fun)}({given})", call.phase)

    def view(self, call: Call, args: list[str]) -> None:
        """A view is made once, if its base is the same at every call."""
        f, out = call.fun, call.out
        base = self.home[call.args[0]].array if type(call.args[0]) is Var else None
        if base is not None:
            array = f(base, *call.args[1:])
            if isinstance(array, np.ndarray) and np.may_share_memory(array, base):
                self.home[out] = Home(self.name(array, "w"), array)
                return
        text = f"{self.fun(f)}({', '.join(args)})"
        if f is operator.getitem:
            text = f"{args[0]}[{args[1]}]"
        elif f is np.reshape:
            text = f"{args[0]}.reshape({args[1]})"
        elif f is np.transpose:
            text = (
                f"{args[0]}.T"
                if call.args[1] == tuple(range(len(out.shape)))[::-1]
                else f"{args[0]}.transpose({args[1]})"
            )
        self.home[out] = Home(self.variable())
        self.emit(f"{self.home[out].text} = {text}", call.phase)

    def number(self, call: Call, args: list[str]) -> None:
        """A single number."""
        f = call.fun
        flat = not call.kwargs and all(type(a) is not Var or a.shape == () for a in call.args)
        if f in PYTHON and flat:
            text = f" {PYTHON[f]} ".join(args)
            # What lies in an array has to be read now: the array may soon hold something else.
            fleeting = [v for v in call.uses if self.home[v].array is not None]
            if call.out in self.once and not fleeting and len(text) < LONG:
                self.home[call.out] = Home(f"({text})")
                return
        elif f is np.negative and flat:
            text = f"-{args[0]}"
        elif f in REDUCED and len(args) == 1 and not call.kwargs:
            text = f"{self.reduce(f)}({args[0]}, None)"
        elif f is part:
            text = f"{args[0]}[{args[1]}]"
        elif f is np.copy:
            text = f"{self.fun(np.array)}({args[0]})"
        else:
            given = [*args, *[f"{k}={self.ref(v)}" for k, v in call.kwargs.items()]]
            text = f"{self.fun(f)}({', '.join(given)})"
        self.home[call.out] = Home(self.variable())
        self.emit(f"{self.home[call.out].text} = {text}", call.phase)

    def reduce(self, f: Any) -> str:
        """The ufunc's method behind np.sum and its kin, which starts sooner; it is not the same object twice."""
        ufunc = REDUCED[f]
        return self.name(self.numbers.setdefault(ufunc, ufunc.reduce), f"{ufunc.__name__}_reduce")

    def into(self, call: Call, i: int) -> str:
        """The name of the array that a call writes its result into."""
        place = self.layout.place(call, i)
        self.home[call.out] = Home(self.name(place, "b"), place)
        return self.home[call.out].text

    # How calls are written that know `out=`: lines, none where a call is not one of them after all.
    def ufunc(self, call: Call, i: int, args: list[str]) -> list[str]:
        """An elementwise call."""
        number = self.whole if call.fun in CHOICES else self.operand
        pairs = zip(call.args, args, strict=True)
        given = [text if type(a) is Var and a.size > 1 else number(a, call) for a, text in pairs]
        return [f"{self.fun(call.fun)}({', '.join(given)}, {self.out(call.fun)}{self.into(call, i)})"]

    def whole(self, a: Any, call: Call) -> str:
        """A number as an array of the result's shape: NumPy's maximum of two arrays takes a quarter of the time."""
        n = number(a)
        if n is None or (type(a) is Var and a.dtype != call.out.dtype) or not 100 <= call.out.size < LARGE:
            return self.operand(a, call)
        key = "whole", repr(n), call.out.dtype, call.out.shape
        return self.name(self.numbers.setdefault(key, np.full(call.out.shape, n, call.out.dtype)), "k")

    def out(self, f: Any) -> str:
        """The keyword before the array that is written into; NumPy deprecates a third argument of these two."""
        return "out=" if f in CHOICES else ""

    def operand(self, a: Any, call: Call) -> str:
        """An argument of a ufunc: numbers as arrays without axes, which NumPy takes in half the time."""
        if type(a) is Var:
            array = self.home[a].array if a in self.home else None
            if a.shape and array is not None and call.out.shape in [v.shape for v in call.uses if v.size > 1]:
                return self.name(array.reshape(()), "w")
            if a.dtype is not None or type(a.example) is not float:
                return self.ref(a)
        elif type(a) not in (int, float):
            return self.ref(a)
        dtypes = {v.dtype for v in call.uses if v.dtype is not None}
        if len(dtypes) != 1 or (dtype := dtypes.pop()).kind != "f":
            return self.ref(a)
        key = a if type(a) is Var else repr(a), dtype
        known = key in self.numbers
        name = self.name(self.numbers.setdefault(key, np.array(a.example if type(a) is Var else a, dtype)), "k")
        if type(a) is Var and not known:
            self.emit(f"{name}[()] = {self.ref(a)}", call.phase)
        return name

    def product(self, call: Call, i: int, args: list[str]) -> list[str]:
        """A product of matrices; `dot` starts sooner than `matmul`, but takes only what lies in memory row by row."""
        a, b = call.args
        if type(a) is not Var or type(b) is not Var or (call.fun is np.dot and max(len(a.shape), len(b.shape)) > 2):
            return []
        out = self.into(call, i)
        small = len(a.shape) <= 2 and len(b.shape) <= 2 and a.dtype == b.dtype == call.out.dtype
        if call.fun is np.matmul and 1 in (len(a.shape), len(b.shape)):
            small = small and 1 not in (a.size, b.size)  # where dot takes 0 times infinity for 0
        f = np.dot if small and self.home[call.out].array.flags.c_contiguous else np.matmul
        return [f"{self.fun(f)}({', '.join(args)}, {out})"]

    def reduction(self, call: Call, i: int, args: list[str]) -> list[str]:
        """A sum and its kin along some axes."""
        if set(call.kwargs) - {"axis", "keepdims"} or len(args) > 2:
            return []
        axis = args[1] if len(args) > 1 else self.ref(call.kwargs.get("axis"))
        keepdims = ", True" if call.kwargs.get("keepdims") else ""
        return [f"{self.reduce(call.fun)}({args[0]}, {axis}, None, {self.into(call, i)}{keepdims})"]

    def copy(self, call: Call, i: int, args: list[str]) -> list[str]:
        """A copy, or a conversion."""
        casting = ", 'unsafe'" if call.fun is astype else ""
        return [f"{self.fun(np.copyto)}({self.into(call, i)}, {args[0]}{casting})"]

    def writing(self, call: Call, i: int, args: list[str]) -> list[str]:
        """A copy, and then what is written into it."""
        out, x = self.into(call, i), call.args[0]
        zeros = type(x) is Var and isinstance(x.source, Constant) and not np.any(x.source.array)
        first = f"{out}.fill(0)" if zeros else f"{self.fun(np.copyto)}({out}, {args[0]})"
        if call.fun is setitem:
            return [first, f"{out}[{args[1]}] = {args[2]}"]
        return [first, f"{self.name(self.numbers.setdefault('at', np.add.at), 'add_at')}({out}, {args[1]}, {args[2]})"]

    def joining(self, call: Call, i: int, args: list[str]) -> list[str]:
        """What was not computed in its place is copied there."""
        homes = [self.home[v].array if v in self.home else None for v in call.args]
        self.into(call, i)
        parts = self.layout.parts(call, self.home[call.out].array)
        return [
            f"{self.fun(np.copyto)}({self.name(view, 'b')}, {text})"
            for home, view, text in zip(homes, parts, args, strict=True)
            if home is None or not np.may_share_memory(home, view)  # not of a call without `out=`
        ]

    def stretch(self, start: int, stop: int) -> None:
        """The calls of a stretch, a block at a time."""
        name = f"block{len(self.functions)}"
        text, size, temporaries, given, sums, phase = block_text(self, name, start, stop)
        self.functions.append(text)
        workers = self.name([[np.empty(size, dtype) for dtype in temporaries] for _ in range(cores())], "T")
        total = next(c.out.size for c in self.program.calls[start:stop] if c.out.shape)
        values = f"({', '.join(given)}{',' if given else ''})"
        self.emit(f"{self.fun(spread)}({name}, {total}, {workers}, {values})", phase)
        for out, partial in sums:
            self.home[out] = Home(self.variable())
            self.emit(f"{self.home[out].text} = {self.reduce(np.sum)}({partial})", phase)

    def join_lines(self) -> str:
        """All of the text."""
        quiet = any(c.phase == "backward" and c.fun not in CALM for c in self.program.calls)
        lines = [*self.functions, "def plan(args, kwargs):", *[f"    {line}" for line in self.head]]
        more = "\n".join(lines).count("\n") + 1 - len(lines)  # functions have several
        for backward, group in groupby(self.lines, key=lambda line: line[0] == "backward"):
            indent = " " * 4
            if backward and quiet:
                lines.append(f"{indent}with {self.fun(np.errstate)}(divide='ignore', invalid='ignore'):")
                indent += " " * 4
            for _, line, call in group:
                lines.append(f"{indent}{line}")
                self.calls[len(lines) + more] = call
        return "\n".join([*lines, ""])


LOWERED: dict[Any, Any] = {
    np.matmul: Plan.product, np.dot: Plan.product, **dict.fromkeys(REDUCED, Plan.reduction), np.copy: Plan.copy,
    astype: Plan.copy, setitem: Plan.writing, add_at: Plan.writing, join: Plan.joining,
}  # fmt: skip
