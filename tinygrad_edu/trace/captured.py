"""Captured state: the Tensors, gradients, optimizers, modules and random numbers that a recorded function uses.

While the function runs, `Node`, `Module` and `Optimizer` report the reads and writes of its thread, and other threads
see the state as it is. Changes are made only when the function has returned: a recording that fails has no effect.
"""

from collections.abc import Hashable
from threading import get_ident
from typing import Any

import numpy as np

from ..engine.rules.registry import Array
from ..engine.tape import Node, constant
from ..engine.value import Value
from ..nn import Module
from ..optim import Group, Optimizer
from ..optim.lr_scheduler import LRScheduler
from .closure import PLAIN, Closure, Place, source_state
from .ir import Constant, Input, Result, Setting, State, Var, mapped, placeholder, substituted
from .recorder import Recorder, TracedGenerator, TracedIterator
from .traced import Traced

GUARDED = (*PLAIN, np.random.Generator)  # kinds of attributes that must be the same at later calls
SETTINGS = {Optimizer: ("steps",), Group: ("lr",), LRScheduler: ("epoch",)}  # attributes that are read at each call
REPORTING = (Module, *SETTINGS)  # classes whose attributes are reported to a recording

raw_value, raw_grad = Node.__dict__["_value"], Node.__dict__["_grad"]


class Captured:
    """The state that one recording of fun(*args, **kwargs) uses and changes."""

    closure: Closure

    def __init__(self, rec: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.rec, self.args, self.kwargs = rec, args, kwargs
        self.names: dict[int, str] = {}  # of Tensors, by their identity
        self.given: dict[int, Input] = {}  # the Tensors among the arguments
        self.leaves: list[Any] = []  # the arguments, and the members of nested ones
        self.inputs: list[Traced] = []  # for the arrays among them
        # Tensors that existed before, and a Traced for the data of each; other threads still see the array.
        self.tensors: dict[int, tuple[Node, Traced]] = {}
        self.fresh: dict[int, Node] = {}  # Tensors made by the function; kept alive, so that no other gets the same id
        self.new_grads: dict[int, tuple[Node, Traced | None]] = {}  # (Tensor, its new gradient)
        self.absent: list[Any] = []  # Tensors whose gradient was read and is None
        self.attributes: dict[tuple[int, str], Place] = {}
        self.settings: dict[tuple[int, str], Traced] = {}
        self.arrays: dict[int, Traced] = {}  # gradients and optimizer state
        self.generators: dict[int, TracedGenerator] = {}

    # Tensors
    def tensor(self, x: Node) -> Traced:
        """Capture the data of a Tensor that existed before."""
        self.refuse_values(x)
        array = raw_value.__get__(x)
        source = self.given.get(id(x)) or State(array, x, "data")
        var = Var(source, array, self.name_of(x))
        (self.rec.program.states if isinstance(source, State) else self.rec.program.inputs).append(var)
        if isinstance(source, State):
            self.attributes[id(x), "requires_grad"] = x, "requires_grad", x.requires_grad
        traced = Traced(self.rec, array, var)
        self.tensors[id(x)] = x, traced
        return traced

    def name_of(self, x: Node) -> str:
        """Return the label of a Tensor, or the name that the function knows it by."""
        return x.label or self.names.get(id(x), "")

    def refuse_values(self, x: Node) -> None:
        """Raise JitError for a Value."""
        if isinstance(x, Value):
            raise self.rec.error("a Value computes with Python's floats, which cannot be recorded; use a Tensor")

    def is_captured(self, x: Node) -> bool:
        """Whether a Tensor existed before; if so, capture it."""
        if id(x) not in self.tensors and id(x) not in self.fresh:
            self.tensor(x)
        return id(x) in self.tensors

    # Reads and writes of `_value` and `_grad`. Those by other threads are not reported.
    def get_value(self, x: Node) -> Any:
        """Read `x._value`."""
        if id(x) in self.fresh or get_ident() != self.rec.thread:
            return raw_value.__get__(x)
        found = self.tensors.get(id(x))
        return found[1] if found else self.tensor(x)

    def set_value(self, x: Node, value: object) -> None:
        """Write `x._value`: a Tensor that existed before gets new elements in its array."""
        if get_ident() != self.rec.thread:
            raw_value.__set__(x, value)
            return
        if getattr(x, "order", None) is None:  # it is being made, and its data is set first
            if type(value) is not Traced:
                self.refuse_values(x)
            self.fresh[id(x)] = x
        if id(x) in self.fresh or not self.is_captured(x):
            raw_value.__set__(x, value if type(value) is Traced else self.rec.constant(value))
            return
        now = self.get_value(x)
        if value is now:
            return
        if type(value) is not Traced or value.shape != now.shape or value.variable.dtype != now.dtype:
            refused = "has another shape or dtype, or would be the same at every call"
            raise self.rec.error(f"{x._describe()}.data = ... {refused}")
        if any(value.root is t for _, t in self.tensors.values() if t is not now):
            refused = "lets two Tensors share one array, which a replay does not; take a .copy()"
            raise self.rec.error(f"{x._describe()}.data = ... {refused}")
        new = Traced(self.rec, value.value, value.variable)  # other references to the old array keep its elements
        new.origin = now.origin
        self.tensors[id(x)] = x, new

    def get_grad(self, x: Node) -> Any:
        """Read `x._grad`."""
        if get_ident() != self.rec.thread:
            return raw_grad.__get__(x)
        if id(x) in self.new_grads:
            return self.new_grads[id(x)][1]
        g = raw_grad.__get__(x)
        if type(g) is Traced or not self.is_captured(x):
            return g
        if g is None:
            if not any(x is y for y in self.absent):
                self.absent.append(x)
            return None
        return self.array(g, x, "grad")

    def set_grad(self, x: Node, g: object) -> None:
        """Write `x._grad`."""
        if get_ident() != self.rec.thread or id(x) in self.fresh or not self.is_captured(x):
            raw_grad.__set__(x, g)
        else:
            self.new_grads[id(x)] = x, self.rec.constant(g) if g is not None and type(g) is not Traced else g

    # Optimizers and modules
    def array(self, array: Array, owner: Any, kind: str) -> Traced:
        """Capture a gradient, or an array of an optimizer's state."""
        if id(array) not in self.arrays:
            name = f"{self.name_of(owner)}_grad" if kind == "grad" else kind
            var = Var(State(array, owner, kind), array, name)
            self.rec.program.states.append(var)
            self.arrays[id(array)] = Traced(self.rec, array, var)
        return self.arrays[id(array)]

    def get_attribute(self, owner: object, name: str, value: Any) -> Any:
        """Read an attribute of a module, an optimizer or a schedule, which holds `value`."""
        if name in setting_names(owner):
            if (id(owner), name) not in self.settings:
                var = Var(Setting(owner, name), value, name)
                self.rec.program.settings.append(var)
                self.settings[id(owner), name] = Traced(self.rec, value, var)
            return self.settings[id(owner), name]
        if isinstance(owner, Optimizer) and name == "state":
            return {kind: [self.array(a, owner, f"{kind}.{i}") for i, a in enumerate(arrays)]
                    for kind, arrays in value.items()}  # fmt: skip
        if isinstance(value, GUARDED):
            self.attributes.setdefault((id(owner), name), (owner, name, value))
        return self.traced_source(value)

    def set_attribute(self, owner: object, name: str, value: object) -> None:
        """Write an attribute of a module, an optimizer or a schedule."""
        now = vars(owner).get(name)
        if name in setting_names(owner):
            if type(value) is not Traced:
                remedy = "set it outside of the recorded function, or let a schedule of tg.optim.lr_scheduler do it"
                raise self.rec.error(f"{name} = {value!r:.40} would be the same at every call; {remedy}")
            self.get_attribute(owner, name, now)
            self.settings[id(owner), name] = value
        elif value is not getattr(owner, name, self):
            remedy = "set it outside of the recorded function, or return the value"
            raise self.rec.error(f"{type(owner).__name__}.{name} = ... would not happen at later calls; {remedy}")

    def traced_source(self, x: Any) -> Any:
        """Return what to use instead of a Generator or an iterator; x itself for anything else."""
        if isinstance(x, np.random.Generator):
            return self.generators.setdefault(id(x), TracedGenerator(self.rec, x))
        return TracedIterator(self.rec, x) if hasattr(type(x), "__next__") else x

    def argument(self, a: Any) -> Any:
        """Capture an argument, or a member of a nested one; return what the function gets instead."""
        self.leaves.append(a)
        if isinstance(a, Node):
            self.given.setdefault(id(a), Input(len(self.leaves) - 1, tensor=True))
        elif isinstance(a, (np.ndarray, np.generic)):
            var = Var(Input(len(self.leaves) - 1), a)
            self.rec.program.inputs.append(var)
            self.inputs.append(Traced(self.rec, a, var))
            return self.inputs[-1]
        return self.traced_source(a)

    # After the function has returned
    def refuse_changes(self, before: list[Hashable]) -> None:
        """Raise JitError for a change that later calls would not make; `before` are states of random numbers."""
        for source, state in zip(self.closure.sources, before, strict=True):
            if id(source) not in self.generators and source_state(source) != state:
                name = getattr(source, "__name__", type(source).__name__)
                raise self.rec.error(
                    f"random numbers of {name} would be the same at every call; draw from a Generator, rng = "
                    "np.random.default_rng(seed), that the function is given, or that a variable or an attribute holds"
                )
        if changed := self.closure.changed():
            remedy = "do it outside of the recorded function, or return the value"
            raise self.rec.error(f"{changed} was changed, which would not happen at later calls; {remedy}")

    def finish(self) -> None:
        """Make the changes that the function made, and add them to the program."""
        program = self.rec.program
        for t in (*[t for _, t in self.tensors.values()], *self.arrays.values(), *self.inputs):
            source = t.origin.source
            if t.variable is not t.origin and not isinstance(source, Constant):
                program.stores.append((t.origin, t.variable))
                leaf = self.leaves[source.index] if isinstance(source, Input) else None
                array = source.array if leaf is None else leaf._value if source.tensor else leaf
                array[...] = t.value
        for var in program.settings:
            traced = self.settings[id(var.source.owner), var.source.attribute]
            if traced.variable is not var:
                program.stores.append((var, traced.variable))
                setattr(var.source.owner, var.source.attribute, traced.value)
        for x, g in self.new_grads.values():
            program.grads.append((x, None if g is None else g.variable))
            raw_grad.__set__(x, None if g is None else np.array(g.value))

    def forget(self) -> None:
        """Release the arrays of the recording; the structure of the arguments stays, for their names."""
        held = self.fresh, self.arrays, self.settings, self.tensors, self.new_grads, self.leaves, self.inputs
        for each in held:
            each.clear()
        self.args, self.kwargs = (substituted(a, placeholder, np.ndarray) for a in (self.args, self.kwargs))

    def result(self, value: Any) -> tuple[Any, Any]:
        """Return the function's result twice: with a Result for each array, for the program; and for the user."""

        def recorded(x: Any) -> Any:
            if id(x) in self.fresh:
                return Result("tensor", raw_value.__get__(x).variable)
            if type(x) is Traced:
                return Result("array", x.variable)
            return Result("array", Var(Constant(x), x)) if isinstance(x, np.ndarray) else x

        def visible(x: Any) -> Any:
            if id(x) in self.fresh:
                return constant(type(x), visible(raw_value.__get__(x)))
            value = x.value if type(x) is Traced else x  # copied: later calls write into it, or it is a view
            return np.array(value) if isinstance(value, np.ndarray) else value

        return mapped(recorded, value), mapped(visible, value)


def setting_names(owner: object) -> tuple[str, ...]:
    """Return the attributes of an optimizer or a schedule that are read at each call."""
    return next((names for kind, names in SETTINGS.items() if isinstance(owner, kind)), ())
