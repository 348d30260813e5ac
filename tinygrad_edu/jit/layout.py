"""The plan: a program with its memory laid out, as the Python text that really runs.

Every array that does not leave the program has its place in memory before the first call: NumPy writes into it by
`out=`, and views of it are made once. A place is used again when what was in it is no longer needed, by an
elementwise call even for its own result. Single numbers are kept as Python variables. What is handed out is a new
array at each call.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np

from ..backprop import has_nan
from ..rules import bodies
from ..rules.indexing import setitem
from ..tape import constant
from ..tensor import Tensor
from .blocks import BLOCK, cores, spread, stretches
from .flat import Flat, join, piece
from .outside import Outside
from .program import Call, Constant, Guard, Input, Number, Program, State, Var, used, variables
from .record import Result, part
from .traced import VIEWS, add_at, astype, put_along_axis, retyped

MISSED, ASKED = object(), object()  # a call that the plan is not for; one whose answers are not the recording's
PYTHON = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**", np.floor_divide: "//",
    np.remainder: "%", operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
    operator.pow: "**", operator.floordiv: "//", operator.mod: "%", np.matmul: "@",
    np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==", np.not_equal: "!=",
}  # fmt: skip
# Functions that make no NaN and no infinity from finite numbers but by overflow, and so need not be told to be quiet.
CALM = {
    np.add, np.subtract, np.multiply, np.negative, np.maximum, np.minimum, np.greater, np.greater_equal, np.less,
    np.less_equal, np.equal, np.absolute, np.sign, np.exp, np.tanh, np.sin, np.cos, np.dot, np.matmul, np.sum, np.where,
    np.reshape, np.transpose, np.broadcast_to, np.copy, operator.getitem, setitem, add_at, join, piece, np.square,
}  # fmt: skip
REDUCED = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum}


class Home:
    """Where a Var lives: `text` names it in the plan, `array` is the array if it is the same at every call."""

    __slots__ = ("array", "root", "text")

    def __init__(self, text: str, array: Any = None, root: Var | None = None) -> None:
        self.text, self.array, self.root = text, array, root


def is_view(call: Call) -> bool:
    """Whether a call rearranges an array without looking at its elements, so that a view may do."""
    if call.fun is operator.getitem:
        index = call.args[1]
        return all(i is None or i is ... or isinstance(i, (int, slice)) for i in _parts(index))
    return (call.fun in VIEWS or call.fun in (np.broadcast_to, retyped, piece)) and not call.kwargs


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def elementwise(call: Call) -> bool:
    """Whether each element of the result is made from those at the same place of the arguments."""
    f = call.fun
    return isinstance(f, np.ufunc) and f.signature is None and f.nout == 1 and not call.kwargs


class Layout:
    """Lays out one program; `text` is the plan and `run` the function that it defines."""

    def __init__(self, program: Program, found: Outside, chosen: Any) -> None:
        self.program, self.found = program, found
        self.optimized = "memory" in chosen
        self.blocked = self.optimized and "blocks" in chosen
        self.functions: list[str] = []
        self.env: dict[str, Any] = {"MISSED": MISSED, "ASKED": ASKED, "lock": threading.Lock()}
        self.names: dict[int, str] = {}
        self.counts: dict[str, int] = {}  # how many names begin alike
        self.home: dict[Var, Home] = {}
        self.lines: list[tuple[str, str]] = []  # (phase, line)
        self.free: dict[int, list[Any]] = {}  # bytes: blocks of memory of that size
        self.blocks: list[Any] = []
        self.taken: dict[Var, Any] = {}  # root: its block
        self.kept: list[Any] = []
        self.generated = 0
        self.order()
        self.lay()

    # Names
    def name(self, thing: Any, hint: str = "c") -> str:
        """The name in the plan of something that is the same at every call."""
        if id(thing) not in self.names:
            base = "".join([c if c.isalnum() else "_" for c in hint]).strip("_") or "c"
            base = base if not base[0].isdigit() else f"c{base}"
            name = base
            while name in self.env or name in RESERVED:
                self.counts[base] = self.counts.get(base, 0) + 1
                name = f"{base}{self.counts[base]}"
            self.env[name] = thing
            self.names[id(thing)] = name
            self.kept.append(thing)
        return self.names[id(thing)]

    def variable(self, hint: str = "v") -> str:
        """A new variable of the plan."""
        self.generated += 1
        return f"{hint}{self.generated}"

    def ref(self, x: Any) -> str:
        """An argument, as the plan writes it."""
        if type(x) is Var:
            return self.home[x].text
        if x is None or x is ... or isinstance(x, (bool, int, str)):
            return repr(x) if x is not ... else "..."
        if type(x) is float and math.isfinite(x):
            return repr(x)
        if isinstance(x, slice):
            return f"slice({self.ref(x.start)}, {self.ref(x.stop)}, {self.ref(x.step)})"
        if isinstance(x, tuple) and not hasattr(x, "_fields"):
            return f"({', '.join(map(self.ref, x))}{',' if len(x) == 1 else ''})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.ref, x))}]"
        if isinstance(x, dict):
            return f"{{{', '.join(f'{k!r}: {self.ref(v)}' for k, v in x.items())}}}"
        return self.name(x)

    def fun(self, f: Any) -> str:
        """A function, as the plan writes it."""
        own = getattr(f, "__self__", None)
        hint = f"{own.__name__}_{f.__name__}" if isinstance(own, np.ufunc) else getattr(f, "__name__", "f")
        return self.name(f, hint)

    def emit(self, line: str, phase: str = "forward") -> None:
        self.lines.append((phase, line))

    # Order and lifetimes
    def order(self) -> None:
        """Nothing outside is written before the last of the guards' questions is answered."""
        program = self.program
        asked = {v for g in program.guards for v in variables(g.args)}
        self.barrier = 0  # the call that may be the first to write outside
        if program.stores or program.grads:
            self.barrier = max([i + 1 for i, c in enumerate(program.calls) if c.out in asked], default=0)
        self.spans: dict[int, int] = {}
        if self.blocked:
            program.calls, spans = stretches(program.calls, elementwise, self.barrier)
            self.spans = dict(spans)
        self.root: dict[Var, Var] = {}
        for call in program.calls:
            if is_view(call) and type(call.args[0]) is Var:
                self.root[call.out] = self.root.get(call.args[0], call.args[0])
        self.leaving = {self.root.get(v, v) for v in variables(program.result)}
        # A gradient is a new array too if its Tensor is an argument, or if it is added to one that was there.
        renewed = {id(v.source.owner) for v in program.states if v.source.kind == "grad"} | self.found.given.keys()
        self.leaving |= {self.root.get(v, v) for x, v in program.grads if v is not None and id(x) in renewed}
        self.joined: dict[Var, Any] = {}  # the array for each join, and for what is computed in a part of it
        if self.optimized:
            self.join()
        self.last: dict[Var, int] = {}
        for i, call in enumerate(program.calls):
            for v in call.uses():
                self.last[self.root.get(v, v)] = i
        forever = len(program.calls)
        for v in program.ends():
            self.last[self.root.get(v, v)] = forever

    def join(self) -> None:
        """Let what is to stand side by side be computed there."""
        for call in self.program.calls:
            if call.fun is not join:
                continue
            out = call.out
            whole = self.array(out)
            self.joined[out] = whole
            views = Flat(whole, [np.empty(v.shape, bool, o) for v, o in zip(call.args, call.kwargs["orders"], strict=True)]).pieces
            for v, view in zip(call.args, views, strict=True):
                root, array = v, view
                while isinstance(root.source, Call) and root.source.fun in (np.transpose, np.reshape) and is_view(root.source):
                    inner = root.source.args[0]
                    if root.source.fun is np.transpose:
                        array = array.transpose(np.argsort(root.source.args[1]))
                    else:
                        array = array.reshape(inner.shape)
                    root = inner
                free = isinstance(root.source, Call) and not is_view(root.source) and root not in self.leaving
                if free and root not in self.joined and root.shape and np.may_share_memory(array, whole):
                    self.joined[root] = array
                    for other, r in list(self.root.items()):
                        if r is root:
                            self.root[other] = out
                    self.root[root] = out

    def dies(self, v: Var, i: int) -> bool:
        """Whether nothing after the i-th call needs v or a view of it."""
        root = self.root.get(v, v)
        return isinstance(root.source, Call) and self.last.get(root, -1) <= i and root in self.taken

    # Memory
    def array(self, root: Var, block: Any = None) -> Any:
        """The array for a root in a block of memory, its own or a free one."""
        size = root.size * root.dtype.itemsize
        if block is None:
            sizes = self.free.get(size)
            if sizes:
                block = sizes.pop()
            else:
                raw = np.empty(size + 64, np.uint8)
                start = -raw.ctypes.data % 64
                block = raw[start : start + size]
                self.blocks.append(block)
        self.taken[root] = block
        return block.view(root.dtype).reshape(root.shape)

    def release(self, i: int, call: Call) -> None:
        """Give back the memory of what the i-th call was the last to use."""
        for v in {self.root.get(v, v) for v in (*call.uses(), call.out)}:
            if v in self.taken and self.last.get(v, -1) <= i:
                block = self.taken.pop(v)
                self.free.setdefault(block.size, []).append(block)

    def stored_in(self, call: Call, i: int) -> Any:
        """The array outside that the result of the i-th call is to end in, if it may be written there now."""
        target = self.targets.get(call.out)
        if target is None or i < self.barrier:
            return None
        if self.last.get(target, -1) > i or any(self.root.get(v) is target for v in call.uses()):
            return None
        self.direct.add(call.out)
        return target.source.array

    def output(self, call: Call, i: int) -> Home | None:
        """Where the i-th call is to write its result: None if in an array of its own that leaves the program."""
        out = call.out
        if out in self.leaving or not self.optimized:
            return None
        place = self.joined.get(out)
        if place is None:
            place = self.stored_in(call, i)
        if place is None:
            own = None
            if elementwise(call):  # may write where it reads, if it reads exactly there
                for v in call.uses():
                    root, home = self.root.get(v, v), self.home[v]
                    if self.dies(v, i) and root.shape == out.shape == v.shape and root.dtype == out.dtype:
                        same = [self.home[u] for u in call.uses() if self.root.get(u, u) is root]
                        whole = home.array is not None and home.array.flags.c_contiguous
                        if whole and all(h.array is not None and h.array.strides == home.array.strides for h in same):
                            own = self.taken.pop(root)
                            break
            place = self.array(out, own)
        home = Home(self.name(place, "b"), place)
        self.home[out] = home
        return home

    # The plan
    def lay(self) -> None:
        program = self.program
        self.targets = {value: target for target, value in program.stores if isinstance(target.source, State)
                        and target.source.kind != "grad" and not target.scalar}  # fmt: skip
        self.direct: set[Var] = set()
        self.prologue()
        waiting = list(program.guards)
        done = {v for v in self.home}
        waiting = self.ask(waiting, done)
        i = 0
        while i < len(program.calls):
            stop = self.spans.get(i, i + 1)
            if i in self.spans:
                self.stretch(i, stop)
            else:
                self.lower(program.calls[i], i)
            for j in range(i, stop):
                self.release(j, program.calls[j])
                done.add(program.calls[j].out)
            if waiting:
                waiting = self.ask(waiting, done)
            i = stop
        self.epilogue()
        self.text = self.print()

    def ask(self, waiting: list[Guard], done: set[Var]) -> list[Guard]:
        left = []
        for guard in waiting:
            if all(v in done or isinstance(v.source, Constant) for v in variables(guard.args)):
                args = [self.value(a) for a in guard.args]
                if guard.question is has_nan and guard.answer is False and guard.args:
                    signs = [self.sign(a, text) for a, text in zip(guard.args, args, strict=True)]
                    self.emit(f"s = {' + '.join(signs)}", "ask")
                    self.emit("if s != s:", "ask")
                else:
                    question = self.fun(bodies.get(guard.question, guard.question))
                    self.emit(f"if {question}({', '.join(args)}) is not {guard.answer!r}:", "ask")
                self.emit("    return ASKED", "ask")
            else:
                left.append(guard)
        return left

    def sign(self, a: Any, text: str) -> str:
        """A number that is NaN if a holds one, as `has_nan` finds it, and never else: squares are not negative."""
        if type(a) is not Var or not a.shape:
            return f"{text} * {text}"
        if a.size >= 10_000:
            return f"abs({text}.min())"
        array = self.home[a].array
        flat = array.ravel("K") if array is not None else None
        if flat is None or not np.may_share_memory(flat, array):
            return f"{self.name(np.vdot, 'vdot')}({text}, {text})"
        name = self.name(flat, "w")
        return f"{self.name(np.vdot, 'vdot')}({name}, {name})"

    def value(self, x: Any) -> str:
        for v in variables(x):
            self.constant(v)
        return self.ref(x)

    def constant(self, v: Var) -> None:
        """A Var that was there already."""
        if v not in self.home and isinstance(v.source, Constant):
            self.home[v] = Home(self.name(v.source.array, v.name or "c"), v.source.array)

    def prologue(self) -> None:
        """What the plan begins with: is it for these arguments, and is what it found outside still there?"""
        found, checks = self.found, []
        self.head: list[str] = []
        for v in self.program.inputs:
            self.home[v] = Home(f"a{v.source.place}")
        for v in self.program.states:
            if v.source.kind == "grad":
                self.home[v] = Home(self.variable("g"))
                owner = self.tensor(v.source.owner)
                self.head.append(f"{self.home[v].text} = {owner}._grad")
                checks.append(f"{self.home[v].text} is not None")
            else:
                array = v.source.array
                self.home[v] = Home(self.name(array, v.name or "s"), array)
                if v.source.kind == "data":
                    checks.append(f"{self.name(v.source.owner, 't')}._value is {self.home[v].text}")
        for v in self.program.numbers:
            self.home[v] = Home(self.variable("n"))
            self.head.append(f"{self.home[v].text} = {self.name(v.source.owner, 'opt')}.{v.source.attribute}")
        for x in found.absent:
            checks.append(f"{self.tensor(x)}._grad is None")
        for owner, attribute, value in found.attributes.values():
            same = f"{self.name(owner, 'm')}.{attribute} is {self.ref(value)}"
            checks.append(same if type(value) not in (int, float, str) else same.replace(" is ", " == "))
        self.checks = checks

    def tensor(self, x: Any) -> str:
        """A Tensor from outside, which may be an argument."""
        given = self.found.given.get(id(x))
        return f"a{given.place}t" if given else self.name(x, "t")

    def epilogue(self) -> None:
        """What the plan ends with: its result, and what it changes outside."""
        program = self.program
        for v in program.ends():
            self.constant(v)
        self.handed: set[Var] = set()  # roots of arrays that somebody outside has been given
        written = {target for target, value in program.stores if value not in self.direct}
        result = self.returned(program.result)
        stores = []
        for target, value in program.stores:
            source, text = target.source, self.home[value].text
            if isinstance(source, Number):
                stores.append(f"{self.name(source.owner, 'opt')}.{source.attribute} = {text}")
            elif value not in self.direct:
                if self.root.get(value, value) in written:  # which may be written before it is read
                    name = self.variable()
                    self.emit(f"{name} = {text}.copy()", "update")
                    text = name
                stores.append(f"{self.home[target].text}[...] = {text}")
        for x, g in program.grads:
            stores.append(f"{self.tensor(x)}._grad = {'None' if g is None else self.own(g)}")
        for line in stores:
            self.emit(line, "update")
        self.emit(f"return {result}", "update")

    def own(self, v: Var) -> str:
        """An array that from now on belongs to somebody outside, and to nobody else."""
        root, text = self.root.get(v, v), self.home[v].text
        if v.shape == ():
            return f"{self.name(np.array, 'array')}({text})"
        if not isinstance(root.source, Call) or root in self.handed or root.source.fun is np.broadcast_to:
            return f"{text}.copy()"
        self.handed.add(root if root.source.fun is not join and v is root else v)
        return text

    def returned(self, value: Any) -> str:
        """The text of the result. Arrays are copied where they are not its own, before anything is stored."""
        if isinstance(value, Result):
            v = value.var
            root, text = self.root.get(v, v), self.home[v].text
            if v.shape != () or not isinstance(v.source, Call):
                if isinstance(root.source, Call) and self.home[v].array is None and root not in self.handed:
                    self.handed.add(root)
                else:
                    name = self.variable()
                    self.emit(f"{name} = {text}.copy()" if v.dtype is not None else f"{name} = {text}", "update")
                    text = name
            if value.kind == "tensor":
                return f"{self.name(constant, 'constant')}({self.name(Tensor, 'Tensor')}, {text})"
            return text
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return f"{self.name(type(value), type(value).__name__)}({', '.join(map(self.returned, value))})"
        if isinstance(value, (list, tuple)):
            inside = ", ".join(map(self.returned, value))
            return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{self.ref(k)}: {self.returned(v)}' for k, v in value.items())}}}"
        return self.ref(value)

    # One call
    def lower(self, call: Call, i: int) -> None:
        for v in call.uses():
            self.constant(v)
        out = call.out
        if is_view(call):
            return self.view(call)
        if out.shape == () and not call.draws:
            return self.number(call)
        lowered = LOWERED.get(call.fun) if not call.kwargs or call.fun in REDUCED or call.fun is join else None
        if lowered is None and elementwise(call):
            lowered = Layout.ufunc
        if lowered is None or not self.optimized or call.draws or not lowered(self, call, i):
            name = self.variable()
            args = [self.ref(a) for a in call.args] + [f"{k}={self.ref(v)}" for k, v in call.kwargs.items()]
            self.home[out] = Home(name)
            self.emit(f"{name} = {self.fun(call.fun)}({', '.join(args)})", call.phase)

    def view(self, call: Call) -> None:
        base = self.home[call.args[0]] if type(call.args[0]) is Var else Home(self.ref(call.args[0]))
        rest = ", ".join(map(self.ref, call.args[1:]))
        f = call.fun
        if base.array is not None:
            array = f(base.array, *call.args[1:])
            if isinstance(array, np.ndarray) and np.may_share_memory(array, base.array):
                self.home[call.out] = Home(self.name(array, "w"), array)
                return None
        name = self.variable()
        self.home[call.out] = Home(name)
        text = f"{base.text}[{rest}]" if f is operator.getitem else f"{self.fun(f)}({base.text}, {rest})"
        if f is np.reshape:
            text = f"{base.text}.reshape({rest})"
        elif f is np.transpose:
            text = f"{base.text}.T" if call.args[1] == tuple(range(call.out.example.ndim))[::-1] else f"{base.text}.transpose({rest})"
        return self.emit(f"{name} = {text}", call.phase)

    def number(self, call: Call) -> None:
        f, name = call.fun, self.variable()
        args = [self.ref(a) for a in call.args]
        flat = all(type(a) is not Var or a.shape == () for a in call.args)
        if f in PYTHON and not call.kwargs and (flat or f is not np.matmul) and flat:
            text = f" {PYTHON[f]} ".join(args)
        elif f is np.negative and flat:
            text = f"-{args[0]}"
        elif f in REDUCED and len(call.args) == 1 and not call.kwargs:
            text = f"{self.name(REDUCED[f].reduce, REDUCED[f].__name__ + '_reduce')}({args[0]}, None)"
        elif f is part:
            text = f"{args[0]}[{args[1]}]"
        else:
            args += [f"{k}={self.ref(v)}" for k, v in call.kwargs.items()]
            text = f"{self.fun(f)}({', '.join(args)})"
        self.home[call.out] = Home(name)
        self.emit(f"{name} = {text}", call.phase)

    def ufunc(self, call: Call, i: int) -> bool:
        home = self.output(call, i)
        if home is None:
            return False
        args = [self.operand(a, call) for a in call.args]
        keyword = "out=" if call.fun in (np.maximum, np.minimum) else ""  # NumPy deprecates a third argument there
        self.emit(f"{self.fun(call.fun)}({', '.join(args)}, {keyword}{home.text})", call.phase)
        return True

    def stretch(self, start: int, stop: int) -> None:
        """The calls of a stretch, as a function of a block."""
        calls = self.program.calls[start:stop]
        phase = calls[-1].phase
        size = next(c.out.size for c in calls if c.out.shape)
        last: dict[Var, int] = {}
        for i, call in enumerate(calls):
            for v in call.uses():
                last[v] = i
        here = {c.out for c in calls}
        given: dict[str, str] = {}  # what the block is handed: a name there, and what it is called here
        cut: dict[Var, str] = {}
        slices: list[str] = []
        body: list[str] = []
        temporaries: list[Any] = []  # dtypes
        idle: dict[Any, list[int]] = {}
        sums: list[tuple[Var, str]] = []

        def whole(v: Var, home: Home) -> str:
            """The part of an array that belongs to the block."""
            name = f"x{len(slices)}"
            if home.array is not None and home.array.flags.c_contiguous:
                text = self.name(home.array.reshape(-1), "f")
            else:
                text = f"g{len(given)}"
                given[text] = f"{home.text}.reshape(-1)" if v.shape else home.text
            slices.append(f"{name} = {text}[start:stop]")
            return name

        def operand(a: Any, call: Call) -> str:
            if type(a) is not Var or a.shape == ():
                if type(a) is Var and self.home[a].array is None:
                    text = f"g{len(given)}"
                    given[text] = self.home[a].text
                    return text
                return self.operand(a, call)
            if a not in cut:
                cut[a] = whole(a, self.home[a])
            return cut[a]

        for i, call in enumerate(calls):
            out = call.out
            for v in call.uses():
                self.constant(v)
            args = [operand(a, call) for a in call.args]
            if not out.shape:
                partial = np.zeros(-(-size // BLOCK), out.dtype)
                name = self.name(partial, "partial")
                body.append(f"{name}[start // {BLOCK}] = {self.name(np.add.reduce, 'add_reduce')}({args[0]})")
                sums.append((out, name))
                continue
            place = self.stored_in(call, start + i)
            for v in set(call.uses()):  # whose block is free again, for the result too
                if last[v] == i and cut.get(v, "").startswith("t"):
                    idle.setdefault(v.dtype, []).append(int(cut[v][1:]))
            if place is None and out not in self.leaving and out not in self.joined and self.last.get(out, -1) < stop:
                free = idle.setdefault(out.dtype, [])
                if not free:
                    free.append(len(temporaries))
                    temporaries.append(out.dtype)
                cut[out] = f"t{free.pop()}"
            elif out in self.leaving:
                name = self.variable()
                self.emit(f"{name} = {self.name(np.empty, 'empty')}({out.shape}, {self.name(out.dtype, 'dtype')})", phase)
                self.home[out] = Home(name)
                cut[out] = whole(out, self.home[out])
            else:
                if place is None:
                    place = self.joined.get(out)
                if place is None:
                    place = self.array(out)
                self.home[out] = Home(self.name(place, "b"), place)
                cut[out] = whole(out, self.home[out])
            keyword = "out=" if call.fun in (np.maximum, np.minimum) else ""
            body.append(f"{self.fun(call.fun)}({', '.join(args)}, {keyword}{cut[out]})")
        del here
        name = f"block{len(self.functions)}"
        unpacked = [f"{', '.join(f't{i}' for i in range(len(temporaries)))}, = t"] if temporaries else []
        lines = [f"def {name}(t, start, stop{''.join(f', {g}' for g in given)}):"]
        lines += [f"    {line}" for line in (*unpacked, *slices)]
        indent = "    "
        if phase == "backward" or any(c.phase == "backward" for c in calls):
            lines.append(f"    with {self.name(np.errstate, 'errstate')}(divide='ignore', invalid='ignore'):")
            indent = "        "
        self.functions.append("\n".join([*lines, *[indent + line for line in body], ""]))
        workers = [[np.empty(BLOCK, dtype) for dtype in temporaries] for _ in range(cores())]
        values = ", ".join(given.values())
        self.emit(f"{self.name(spread, 'spread')}({name}, {size}, {self.name(workers, 'T')}, ({values}{',' if values else ''}))", phase)
        for out, partial in sums:
            self.home[out] = Home(self.variable())
            self.emit(f"{self.home[out].text} = {self.name(np.add.reduce, 'add_reduce')}({partial})", phase)

    def operand(self, a: Any, call: Call) -> str:
        """An argument of a ufunc; a Python number as an array, which NumPy takes in half the time."""
        if type(a) in (int, float):
            dtypes = {v.dtype for v in call.uses() if v.dtype is not None}
            if len(dtypes) == 1 and (dtype := dtypes.pop()).kind == "f":
                return self.name(self.found_number(a, dtype), "k")
        return self.ref(a)

    def found_number(self, a: Any, dtype: Any) -> Any:
        key = (repr(a), dtype)
        return self.numbers.setdefault(key, np.array(a, dtype))

    numbers: dict[Any, Any] = {}  # noqa: RUF012

    def product(self, call: Call, i: int) -> bool:
        a, b = call.args
        if type(a) is not Var or type(b) is not Var:
            return False
        home = self.output(call, i)
        if home is None:
            return False
        flat = len(a.shape) <= 2 and len(b.shape) <= 2 and home.array.flags.c_contiguous
        if not flat and call.fun is np.dot:
            return False
        f = np.dot if flat and a.dtype == b.dtype else np.matmul
        self.emit(f"{self.fun(f)}({self.ref(a)}, {self.ref(b)}, {'' if f is np.dot else 'out='}{home.text})", call.phase)
        return True

    def reduction(self, call: Call, i: int) -> bool:
        if set(call.kwargs) - {"axis", "keepdims"} or len(call.args) > 2:
            return False
        axis = call.args[1] if len(call.args) > 1 else call.kwargs.get("axis")
        home = self.output(call, i)
        if home is None:
            return False
        f = REDUCED[call.fun]
        reduce = self.name(f.reduce, f"{f.__name__}_reduce")
        keepdims = ", True" if call.kwargs.get("keepdims") else ""
        self.emit(f"{reduce}({self.ref(call.args[0])}, {self.ref(axis)}, None, {home.text}{keepdims})", call.phase)
        return True

    def joining(self, call: Call, i: int) -> bool:
        """What was not computed in its place is copied there."""
        home = self.output(call, i)
        if home is None:
            return False
        views = Flat(home.array, [np.empty(v.shape, bool, o) for v, o in zip(call.args, call.kwargs["orders"], strict=True)]).pieces
        for v, view in zip(call.args, views, strict=True):
            if self.root.get(v) is not call.out:
                self.emit(f"{self.fun(np.copyto)}({self.name(view, 'b')}, {self.ref(v)})", call.phase)
        return True

    def copy(self, call: Call, i: int) -> bool:
        home = self.output(call, i)
        if home is None:
            return False
        casting = ", 'unsafe'" if call.fun is astype else ""
        self.emit(f"{self.fun(np.copyto)}({home.text}, {self.ref(call.args[0])}{casting})", call.phase)
        return True

    def writing(self, call: Call, i: int) -> bool:
        """A copy, and then what is written into it."""
        home = self.output(call, i)
        if home is None:
            return False
        x, index, *v = call.args
        if not (type(x) is Var and isinstance(x.source, Constant) and not np.any(x.source.array)):
            self.emit(f"{self.fun(np.copyto)}({home.text}, {self.ref(x)})", call.phase)
        else:
            self.emit(f"{home.text}.fill(0)", call.phase)
        if call.fun is setitem:
            self.emit(f"{home.text}[{self.ref(index)}] = {self.ref(v[0])}", call.phase)
        else:
            self.emit(f"{self.name(np.add.at, 'add_at')}({home.text}, {self.ref(index)}, {self.ref(v[0])})", call.phase)
        return True

    def print(self) -> str:
        """The plan as a text."""
        lines = ["def plan(args, kwargs):"]
        structure: list[str] = []
        self.unpack("args", self.found.args, structure, [0])
        self.unpack("kwargs", self.found.kwargs, structure, [len(self.places_of(self.found.args))])
        for s in structure:
            lines.append(f"    {s}")
        for v in self.program.states:
            if v.source.kind == "grad":
                pass
        lines += [f"    {line}" for line in self.head]
        if self.checks:
            lines += [f"    if not ({' and '.join(self.checks)}):", "        return MISSED"]
        body, indent = [], "    "
        quiet = any(c.phase == "backward" and c.fun not in CALM for c in self.program.calls)
        for phase, group in groupby(self.lines, key=lambda line: line[0] == "backward"):
            inner = indent
            if phase and quiet:
                body.append(f"{indent}with {self.name(np.errstate, 'errstate')}(divide='ignore', invalid='ignore'):")
                inner = indent + "    "
            body += [f"{inner}{line}" for _, line in group]
        return "\n".join([*self.functions, *lines, "    with lock:", *[f"    {line}" for line in body], ""])

    def places_of(self, value: Any) -> list[Any]:
        if isinstance(value, (list, tuple)):
            return [p for v in value for p in self.places_of(v)]
        if isinstance(value, dict):
            return [p for v in value.values() for p in self.places_of(v)]
        return [value]

    def unpack(self, text: str, value: Any, lines: list[str], place: list[int]) -> None:
        """Lines that check an argument and name its leaves."""

        def must(condition: str) -> None:
            lines.extend([f"if not ({condition}):", "    return MISSED"])

        if isinstance(value, (list, tuple)):
            must(f"type({text}) is {self.name(type(value), type(value).__name__)} and len({text}) == {len(value)}")
            for i, v in enumerate(value):
                self.unpack(f"{text}[{i}]", v, lines, place)
        elif isinstance(value, dict):
            if text == "kwargs" and not value:
                must("not kwargs")
            else:
                must(f"type({text}) is dict and list({text}) == {self.name(list(value), 'keys')}")
            for k, v in value.items():
                self.unpack(f"{text}[{self.ref(k)}]", v, lines, place)
        else:
            n = place[0]
            place[0] += 1
            name = f"a{n}"
            if isinstance(value, Tensor):
                lines.append(f"{name}t = {text}")
                must(f"type({name}t) is {self.name(type(value), 'Tensor')} and {name}t.requires_grad is {value.requires_grad}")
                lines.append(f"{name} = {name}t._value")
                value = value._value
            else:
                lines.append(f"{name} = {text}")
            if isinstance(value, (np.ndarray, np.generic)):
                kind = f"type({name}) is {self.name(type(value), type(value).__name__)}"
                shape = "" if isinstance(value, np.generic) else f" and {name}.shape == {value.shape}"
                must(f"{kind}{shape} and {name}.dtype == {self.name(value.dtype, 'dtype')}")
            elif isinstance(value, (int, float, str, bool, type(None))):
                must(f"type({name}) is {self.name(type(value), type(value).__name__)} and {name} == {self.ref(value)}")
            else:
                must(f"{name} is {self.name(value, 'o')}")

    def compile(self) -> Callable[..., Any]:
        """The plan as a function of (args, kwargs)."""
        scope = dict(self.env)
        exec(compile(self.text, "<plan>", "exec"), scope)
        return scope["plan"]  # type: ignore[no-any-return]


RESERVED = {"plan", "args", "kwargs", "lock", "type", "len", "list", "dict", "slice", "not", "and", "or", "if", "is"}
LOWERED: dict[Any, Any] = {
    np.matmul: Layout.product, np.dot: Layout.product, **dict.fromkeys(REDUCED, Layout.reduction),
    np.copy: Layout.copy, astype: Layout.copy, setitem: Layout.writing, add_at: Layout.writing, join: Layout.joining,
}  # fmt: skip
