"""Lowering of a program for backend="c": stretches of calls as C functions, and the lines of the plan that call them.

The plan is otherwise that of NumPy: the same guards before it, the same stores and result at its end.
"""

import ctypes
from typing import Any

import numpy as np

from ...engine.rules.registry import Array
from ...trace.ir import Call, Constant, Input, Var, variables
from ..emitter import Emitter
from ..lowering import lower
from ..memory import Location
from ..verifier import Step
from . import blas, compiler, threads
from .access import rearranges
from .binding import bound, compared, plain
from .forms import has_guard_form
from .functions import read, scalar_type
from .scratch import layout_scratch
from .source import Writer
from .stretch import Stretch
from .stretches import Guards


class Lowering:
    """One stretch of a plan: which Vars come from outside, where the results go, and the C function."""

    def __init__(self, emitter: Emitter, start: int, stop: int, guards: Guards) -> None:
        self.emitter, self.start, self.stop = emitter, start, stop
        self.calls = emitter.program.calls[start:stop]
        self.guards = {i: list(filter(has_guard_form, guards.get(i, ()))) for i in range(start, stop)}
        self.exported = self.exports()
        self.fixed: list[Any] = []  # the C function's objects that are the same at every call
        self.given: list[str] = []  # the Python text of those that are read anew at each call
        self.opening: list[str] = []
        self.closing: list[str] = []
        self.plain: list[int] = []  # the places of the arrays among them that are read
        self.direct: dict[Var, Array] = {}  # results that are computed in the array of a parameter

    def exports(self) -> list[Var]:
        """Return the results that are needed after the stretch, in order."""
        program, checked = self.emitter.program, [g for group in self.guards.values() for g in group]
        used = {v for call in program.calls[self.stop :] for v in call.uses}.union(program.results())
        used.update(v for guard in program.guards if guard not in checked for v in variables(guard.args))
        return [call.out for call in self.calls if call.out in used]

    def array(self, v: Var) -> Array | None:
        """Return the array of a Var from outside, if it is the same at every call and C can read it."""
        location = self.emitter.locations.get(v)
        a: Array | None = location.array if location is not None else None
        if isinstance(v.source, Constant) and isinstance(v.source.array, np.ndarray):
            a = v.source.array
        if a is None or not a.flags.aligned or any(s % a.itemsize for s in a.strides):
            return None
        return a

    def fix(self, x: Any) -> str:
        """Pass an object that is the same at every call; return its memory in C."""
        self.fixed.append(x)
        return f"ARRAY(fixed, {len(self.fixed) - 1})"

    def give(self, text: str, macro: str = "ARRAY") -> str:
        """Pass what a Python text reads at each call; return its memory, or the value of a float, in C."""
        self.given.append(text)
        return f"{macro}(given, {len(self.given) - 1})"

    def write(self) -> None:
        """Compile the stretch, and add its lines to the plan."""
        layout, guards = self.emitter.layout, [guard for group in self.guards.values() for guard in group]
        read = {v for call in self.calls for v in call.uses}.union(*[variables(guard.args) for guard in guards])
        outer = read.difference([call.out for call in self.calls])
        self.arrays = {v: a for v in outer if (a := self.array(v)) is not None}
        stretch = self.stretch = Stretch({**layout.turned, **self.arrays})
        views = self.views_outside()
        outputs = [v for v in self.exported if v not in views]
        layout.copied.update(v for v in outputs if v in layout.shared)
        layout.analyze()
        for i, call in enumerate(self.calls, self.start):
            leaves = call.out in outputs and call.out.shape != ()
            stretch.add(call, leaves, *(self.destination(call, i) if leaves else ()))
            for guard in self.guards[i]:
                stretch.check(guard)
        stretch.check_finite()
        self.compile(outputs, stretch.lifetimes({v for v in outputs if v.shape != ()}))
        self.steps(outputs)
        for i in range(self.start, self.stop):
            layout.release(i)

    def views_outside(self) -> set[Var]:
        """Lower views of arrays from outside that are needed after the stretch; return them."""
        emitter, found = self.emitter, set()
        for i, call in enumerate(self.calls, self.start):
            v = call.out
            if v in self.exported and v.shape != () and rearranges(call) and call.args[0] in emitter.locations:
                lower(emitter, call, i)
                found.add(v)
        return found

    def destination(self, call: Call, i: int) -> tuple[Array | None, Var | None]:
        """Choose the array that a result goes into: a parameter's (return it with its Var), a buffer, or a new one."""
        emitter, layout = self.emitter, self.emitter.layout
        v, target = call.out, layout.changed_in_place(call, i)
        if target is not None and (place := self.array(target)) is not None:
            emitter.locations[v] = Location(emitter.name(place, "b"), place)
            self.direct[v] = place
            return place, target
        if v in layout.new:
            dtype = "" if v.dtype == np.float64 else f", {emitter.name(v.dtype, 'dtype')}"
            like = self.stretch.like(call)
            text = f"{emitter.fun(np.empty)}({v.shape}{dtype})"
            if like is not None:
                layout.turned[v] = like
                if not like.flags.c_contiguous:
                    text = f"{emitter.fun(np.empty_like)}({emitter.name(like, 'like')})"
            emitter.assign(v, text)
            return like, None
        array = layout.allocate(v)
        emitter.locations[v] = Location(emitter.name(array, "b"), array)
        return array, None

    def compile(self, outputs: list[Var], intervals: dict[Var, tuple[int, int]]) -> None:
        """Write the C text, compile it, and add the line that calls it."""
        emitter = self.emitter
        writer = Writer(self.stretch)
        for v in self.stretch.outside:
            self.receive(writer, v)
        numbers: list[Var] = []
        for v in outputs:
            if v in self.direct and (target := emitter.layout.targets[v]) in self.stretch.outside:
                writer.known[v] = writer.name(target)  # one pointer, as both are in one place
            if v.shape == ():
                numbers.append(v)
            else:
                self.pointer(writer, v)
        places, size = layout_scratch(intervals)
        if size:
            raw = np.empty(size + 64, np.uint8)
            shift = -raw.ctypes.data % 64
            scratch = raw[shift : shift + size]
            emitter.layout.buffers.append(scratch)
            self.opening.append(f"char *const scratch = {self.fix(scratch)};")
            for v, at in places.items():
                real = scalar_type(v)
                self.opening.append(f"{real} *const {writer.name(v)} = ({real} *)(scratch + {at});")
        writer.needed.update(numbers)
        writer.groups()
        if writer.slots:
            self.opening.append(f"double *const slots = {self.fix(np.empty(writer.slots))};")
        held = self.numbers_out(writer, numbers)
        checks = [f"!PLAIN(given, {k})" for k in self.plain]
        if checks:
            self.opening.insert(0, f"if ({' || '.join(checks)}) return 2;")
        changed = compared(self.fixed, {id(a) for a in (*self.arrays.values(), *self.direct.values())})
        if changed:
            self.opening.insert(0, f"if ({' || '.join(changed)}) return 1;")
        text = writer.text(self.opening, self.closing)
        library = compiler.load(text)
        if "set_blas" in text:
            library.set_blas(*map(ctypes.c_void_p, blas.addresses() or ()))
        if "set_share" in text:
            library.set_share(ctypes.c_void_p(threads.address()))
        self.line(bound(library, tuple(self.fixed)), held)

    def receive(self, writer: Writer, v: Var) -> None:
        """Pass a Var from outside."""
        name, real, is_array = writer.name(v), scalar_type(v), isinstance(v.example, np.ndarray)
        if v in self.arrays:
            where = self.fix(self.arrays[v])
        elif v.shape == () and not is_array and (v.dtype is None or v.dtype.kind == "f"):
            is_float = isinstance(v.source, Input) and type(v.example) is float  # of a Value; a setting may be an int
            text = self.emitter.ref(v) if is_float else f"{self.emitter.fun(float)}({self.emitter.ref(v)})"
            self.opening.append(f"const {real} {name} = ({real}){self.give(text, 'NUMBER')};")
            return
        elif v.shape == () and not is_array:
            where = self.give(f"{self.emitter.fun(np.asarray)}({self.emitter.ref(v)})")
        else:
            where = self.give(self.emitter.ref(v))
            if v not in self.emitter.layout.turned:
                self.plain.append(len(self.given) - 1)
        if v.shape == ():
            self.opening.append(f"const {real} {name} = {read(f'*({real} *){where}', v.dtype)};")
        else:
            self.opening.append(f"{real} *const {name} = {where};")

    def pointer(self, writer: Writer, v: Var) -> None:
        """Pass the array that a result goes into."""
        if v in writer.known:
            return
        location = self.emitter.locations[v]
        where = self.give(location.text) if location.array is None else self.fix(location.array)
        self.opening.append(f"{scalar_type(v)} *const {writer.name(v)} = {where};")

    def numbers_out(self, writer: Writer, numbers: list[Var]) -> list[tuple[str, list[Var]]]:
        """Pass arrays for results that are numbers, one of each dtype; return their names, and what they hold."""
        groups: dict[Any, list[Var]] = {}
        for v in numbers:
            groups.setdefault(v.dtype, []).append(v)
        found = []
        for dtype, same in groups.items():
            array = np.empty(len(same), dtype)  # of Python's numbers, float64
            where = self.fix(array)
            found.append((self.emitter.name(array, "out"), same))
            self.closing += [f"(({scalar_type(v)} *){where})[{k}] = {writer.name(v)};" for k, v in enumerate(same)]
        return found

    def line(self, function: Any, numbers: list[tuple[str, list[Var]]]) -> None:
        """Add the lines that call the stretch and take up the numbers that it computes."""
        emitter = self.emitter
        step, given = emitter.name(function, "c"), emitter.variable("given")
        tuple_ = "".join(f"{text}, " for text in self.given)
        emitter.emit(f"{given} = ({tuple_})")
        again = f"(s == 1 or {step}({emitter.fun(plain)}({given}, {self.plain})))"
        emitter.emit(f"if (s := {step}({given})) and {again}:", "    return GUARD_FAILED")
        for name, held in numbers:
            self.take(name, held)

    def take(self, name: str, held: list[Var]) -> None:
        """Add lines that read numbers from the array of this name."""
        emitter = self.emitter
        if held[0].dtype is None:
            names = [emitter.variable() for _ in held]
            emitter.emit(f"{', '.join(names)}, = {name}.tolist()")
            for v, text in zip(held, names, strict=True):
                emitter.locations[v] = Location(text)
                if type(v.example) is bool:
                    emitter.assign(v, f"{text} != 0")
            return
        for k, v in enumerate(held):
            text = f"{name}[{k}]"
            emitter.assign(v, f"{emitter.fun(np.array)}({text})" if isinstance(v.example, np.ndarray) else text)

    def steps(self, outputs: list[Var]) -> None:
        """Tell the verifier what the stretch reads and writes: parameters are written after all that can fail."""
        emitter = self.emitter
        reads = [emitter.place(v) for v in self.stretch.outside]
        text = emitter.lines[-1][0]
        for v in [v for v in outputs if v not in self.direct]:
            place = emitter.place(v)
            if place[1] is None:  # it is new, and writes over nothing
                emitter.steps.append(Step(text, (), v))
            else:
                emitter.steps.append(Step(text, reads, v, place[1], (), place))
        emitter.steps.append(Step(text, reads, fails=True))
        targets = emitter.layout.targets
        emitter.steps += [Step(text, (), v, array, (), (targets[v], array)) for v, array in self.direct.items()]
