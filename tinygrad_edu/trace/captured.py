"""What a recording finds outside: Tensors, gradients, optimizers, modules, random numbers.

While it runs, `Node`, `Module` and `Optimizer` report to it what its thread reads and writes there; the engine knows
nothing of it, and other threads see what is really there. At the end everything is put back, and only then is what the
function changed really changed: a recording that fails has changed nothing.
"""

from __future__ import annotations

from sys import getrefcount
from threading import RLock, get_ident
from typing import Any

import numpy as np

from ..engine.tape import Node, constant
from ..engine.value import Value
from ..nn import Module
from ..optim import Group, Optimizer
from ..optim.lr_scheduler import LRScheduler
from .closure import PLAIN, position
from .generators import TracedGenerator, TracedIterator
from .ir import Constant, Input, Result, Setting, State, Var, placeholder, substituted
from .recorder import Recorder
from .traced import Traced

KEPT = (*PLAIN, np.random.Generator)  # what attributes must hold at later calls as well
NUMBERS = {Optimizer: ("steps",), Group: ("lr",), LRScheduler: ("epoch",)}  # read anew at each call
ROOMS = ("scratch", "room")  # of a Group: what is in these arrays at first does not matter
WATCHED = (Module, *NUMBERS)  # classes whose attributes are reported to the recording

raw_value, raw_grad = Node.__dict__["_value"], Node.__dict__["_grad"]
recorders: dict[int, Recorder] = {}  # by thread
one_at_a_time = RLock()  # a recording changes classes


class Captured:
    """What one recording has found outside."""

    def __init__(self, rec: Recorder) -> None:
        self.rec = rec
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.given: dict[int, Input] = {}  # the Tensors among the arguments
        self.leaves: list[Any] = []  # the arguments
        self.inputs: list[Traced] = []  # what stands for the arrays among them
        # Tensors from outside, with what stands for their arrays; they keep these, as other threads may be reading them
        self.tensors: dict[int, tuple[Any, Traced]] = {}
        self.fresh: dict[int, Node] = {}  # made on the way; kept, or a later one could have the same id
        self.new_grads: dict[int, tuple[Any, Any]] = {}
        self.absent: list[Any] = []  # those whose gradient was asked for, and missing
        self.attributes: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        self.settings: dict[tuple[int, str], Traced] = {}
        self.arrays: dict[int, Traced] = {}
        self.draws: dict[int, tuple[Any, TracedGenerator]] = {}
        self.closure: Any = None  # what the function can reach

    # Tensors
    def tensor(self, x: Any) -> Traced:
        """The data of a Tensor that was there before."""
        self.refuse_values(x)
        array = raw_value.__get__(x)
        source = self.given.get(id(x)) or State(array, x, "data", getrefcount(array))
        var = Var(source, array, x.label or self.rec.named(x))
        (self.rec.program.states if isinstance(source, State) else self.rec.program.inputs).append(var)
        if isinstance(source, State):
            self.attributes[id(x), "requires_grad"] = x, "requires_grad", x.requires_grad
        traced = Traced(self.rec, array, var)
        self.tensors[id(x)] = x, traced
        return traced

    def refuse_values(self, x: Any) -> None:
        """Raise JitError for a Value."""
        if isinstance(x, Value):
            raise self.rec.error("a Value computes with Python's floats, which cannot be recorded; use a Tensor")

    def was_there(self, x: Any) -> bool:
        """Whether a Tensor comes from outside."""
        if id(x) not in self.tensors and id(x) not in self.fresh:
            self.tensor(x)
        return id(x) in self.tensors

    # What other threads do, in these four too, is their own affair.
    def get_value(self, x: Any) -> Any:
        """What reading `x._value` gives."""
        if id(x) in self.fresh or get_ident() != self.rec.thread:
            return raw_value.__get__(x)
        found = self.tensors.get(id(x))
        return found[1] if found else self.tensor(x)

    def set_value(self, x: Any, value: Any) -> None:
        """What writing it does: in a Tensor from outside, its array gets other elements."""
        if get_ident() != self.rec.thread:
            raw_value.__set__(x, value)
            return
        if getattr(x, "order", None) is None:  # it is being made: its data come first
            if type(value) is not Traced:
                self.refuse_values(x)
            self.fresh[id(x)] = x
        if id(x) in self.fresh or not self.was_there(x):
            raw_value.__set__(x, value if type(value) is Traced else self.rec.constant(value))
            return
        now = self.get_value(x)
        if value is now:
            return
        if type(value) is not Traced or value.shape != now.shape or value.variable.dtype != now.dtype:
            raise self.rec.error(f"{x._describe()}.data = ...: of another shape or dtype, or the same at every call")
        if any(value.root is t for _, t in self.tensors.values() if t is not now):
            raise self.rec.error(
                f"{x._describe()}.data = ... lets two Tensors share one array, which a replay does not; take a .copy()"
            )
        new = Traced(self.rec, value.value, value.variable)  # who holds the array that was there keeps that
        new.origin = now.origin
        self.tensors[id(x)] = x, new

    def get_grad(self, x: Any) -> Any:
        """What reading `x._grad` gives."""
        if get_ident() != self.rec.thread:
            return raw_grad.__get__(x)
        if id(x) in self.new_grads:
            return self.new_grads[id(x)][1]
        g = raw_grad.__get__(x)
        if type(g) is Traced or not self.was_there(x):
            return g
        if g is None:
            if not any(x is y for y in self.absent):
                self.absent.append(x)
            return None
        return self.array(g, x, "grad")

    def set_grad(self, x: Any, g: Any) -> None:
        """What writing it does."""
        if get_ident() != self.rec.thread or id(x) in self.fresh or not self.was_there(x):
            raw_grad.__set__(x, g)
        else:
            self.new_grads[id(x)] = x, self.rec.constant(g) if g is not None and type(g) is not Traced else g

    # Optimizers and modules
    def array(self, array: Any, owner: Any, kind: str) -> Traced:
        """An array that belongs to a Tensor or an optimizer."""
        if id(array) not in self.arrays:
            name = f"{getattr(owner, 'label', '') or self.rec.named(owner)}_grad" if kind == "grad" else kind
            var = Var(State(array, owner, kind, getrefcount(array)), array, name)
            self.rec.program.states.append(var)
            self.arrays[id(array)] = Traced(self.rec, array, var)
        return self.arrays[id(array)]

    def get_attribute(self, owner: Any, name: str, value: Any) -> Any:
        """What reading an attribute of a module, an optimizer or a schedule gives."""
        if name in numbers_of(owner):
            if (id(owner), name) not in self.settings:
                var = Var(Setting(owner, name), value, name)
                self.rec.program.settings.append(var)
                self.settings[id(owner), name] = Traced(self.rec, value, var)
            return self.settings[id(owner), name]
        if isinstance(owner, Optimizer) and name == "state":
            return {kind: [self.array(a, owner, f"{kind}.{i}") for i, a in enumerate(arrays)]
                    for kind, arrays in value.items()}  # fmt: skip
        if isinstance(value, KEPT):
            self.attributes.setdefault((id(owner), name), (owner, name, value))
        return self.traced_source(value)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """What writing one does."""
        now = vars(owner).get(name)
        if name in numbers_of(owner):
            if type(value) is not Traced:
                raise self.rec.error(
                    f"{name} = {value!r:.40} would be the same at every call; set it outside of "
                    "the recorded function, or let a schedule of tg.optim.lr_scheduler do it"
                )
            self.get_attribute(owner, name, now)
            self.settings[id(owner), name] = value
        elif value is not getattr(owner, name, self):
            raise self.rec.error(
                f"{type(owner).__name__}.{name} = ... would not happen at later calls; set it outside of the recorded "
                "function, or return the value"
            )

    def traced_source(self, x: Any) -> Any:
        """What stands for a Generator or an iterator; x itself for anything else."""
        if isinstance(x, np.random.Generator):
            return self.generator(x)
        return TracedIterator(self.rec, x) if hasattr(type(x), "__next__") else x

    def generator(self, generator: np.random.Generator) -> TracedGenerator:
        """What stands for a Generator."""
        return self.draws.setdefault(id(generator), (generator, TracedGenerator(self.rec, generator)))[1]

    def argument(self, a: Any) -> Any:
        """What stands for an argument, or a part of one."""
        if isinstance(a, (list, tuple)):
            parts = [self.argument(v) for v in a]
            return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
        if isinstance(a, dict):
            return {k: self.argument(v) for k, v in a.items()}
        self.leaves.append(a)
        if isinstance(a, Node):
            self.given.setdefault(id(a), Input(len(self.leaves) - 1, tensor=True))
        elif isinstance(a, (np.ndarray, np.generic)):
            var = Var(Input(len(self.leaves) - 1), a)
            self.rec.program.inputs.append(var)
            self.inputs.append(Traced(self.rec, a, var))
            return self.inputs[-1]
        return self.traced_source(a)

    # The end
    def refuse_changes(self, before: list[Any]) -> None:
        """Raise JitError for what has happened outside, and would not happen at later calls."""
        for source, at in zip(self.closure.sources, before, strict=True):
            if id(source) not in self.draws and position(source) != at:
                name = getattr(source, "__name__", type(source).__name__)
                raise self.rec.error(
                    f"random numbers of {name} would be the same at every call; draw from a Generator, rng = "
                    "np.random.default_rng(seed), that the function is given, or that a variable or an attribute holds"
                )
        if changed := self.closure.changed():
            raise self.rec.error(
                f"{changed} was changed, which would not happen at later calls; do it outside of the recorded "
                "function, or return the value"
            )

    def finish(self) -> None:
        """Change what the function has changed, and note it."""
        program = self.rec.program
        found = (*[t for _, t in self.tensors.values()], *self.arrays.values(), *self.inputs)
        changed = [t for t in found if t.variable is not t.origin]
        for t in changed:
            source = t.origin.source
            if not isinstance(source, Constant):
                program.stores.append((t.origin, t.variable))
                leaf = self.leaves[source.index] if isinstance(source, Input) else None
                array = source.array if leaf is None else leaf._value if source.tensor else leaf
                array[...] = t.value
        for var in program.settings:
            number = self.settings[id(var.source.owner), var.source.attribute]
            if number.variable is not var:
                program.stores.append((var, number.variable))
                setattr(var.source.owner, var.source.attribute, number.value)
        for x, g in self.new_grads.values():
            program.grads.append((x, None if g is None else g.variable))
            raw_grad.__set__(x, None if g is None else np.array(g.value))

    def forget(self) -> None:
        """Let the arrays of the recording go; what the arguments were made of stays, for their names."""
        held = self.fresh, self.arrays, self.settings, self.tensors, self.new_grads, self.leaves, self.inputs
        for each in held:
            each.clear()
        self.args, self.kwargs = (substituted(a, placeholder, np.ndarray) for a in (self.args, self.kwargs))

    def result(self, value: Any) -> tuple[Any, Any]:
        """What the function returned: as part of the program, and for the user."""
        if id(value) in self.fresh:
            data = raw_value.__get__(value)
            return Result("tensor", data.variable), constant(type(value), _own(data.value))
        if type(value) is Traced:
            return Result("array", value.variable), _own(value.value)
        if isinstance(value, np.ndarray):
            return Result("array", Var(Constant(value), value)), _own(value)
        if isinstance(value, (list, tuple)):
            both = [self.result(v) for v in value]
            make = type(value) if hasattr(value, "_fields") else lambda *parts: type(value)(parts)
            return make(*[one for one, _ in both]), make(*[other for _, other in both])
        if isinstance(value, dict):
            pairs = {k: self.result(v) for k, v in value.items()}
            return {k: one for k, (one, _) in pairs.items()}, {k: other for k, (_, other) in pairs.items()}
        return value, value


def numbers_of(owner: Any) -> tuple[str, ...]:
    """The attributes of an optimizer or a schedule that are read anew at each call."""
    return next((names for kind, names in NUMBERS.items() if isinstance(owner, kind)), ())


def _own(value: Any) -> Any:
    """What a user may keep: not an array that a later call writes into, or a view of an argument."""
    return np.array(value) if isinstance(value, np.ndarray) else value
