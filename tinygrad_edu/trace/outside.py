"""What a recording finds outside: Tensors, gradients, optimizers, modules, random numbers.

While it runs, `Node`, `Module` and `Optimizer` report to it what its thread reads and writes there; the engine knows
nothing of it, and other threads see what is really there. At the end everything is put back, and only then is what the
function changed really changed: a recording that fails has changed nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from sys import getrefcount
from threading import RLock, get_ident
from typing import Any

import numpy as np

from ..engine.tape import Node, constant
from ..engine.tensor import Tensor, Value
from ..nn import Module
from ..optim import SGD, Group, Optimizer
from ..optim.lr_scheduler import LRScheduler
from .capture import Recorder, Result
from .closure import PLAIN, Surroundings, position
from .ir import Call, Constant, Input, Number, State, Var, shell, substituted
from .stand_ins import Draws, Standstill, put
from .traced import Traced

KEPT = (*PLAIN, np.random.Generator)  # what attributes must hold at later calls as well
NUMBERS = {Optimizer: ("steps",), Group: ("lr",), LRScheduler: ("epoch",)}  # read anew at each call
ROOMS = ("scratch", "room")  # of a Group: what is in these arrays at first does not matter
WATCHED = (Module, *NUMBERS)  # classes whose attributes are reported to the recording

raw_value, raw_grad = Node.__dict__["_value"], Node.__dict__["_grad"]
recorders: dict[int, Recorder] = {}  # by thread
one_at_a_time = RLock()  # a recording changes classes


class Outside:
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
        self.numbers: dict[tuple[int, str], Traced] = {}
        self.arrays: dict[int, Traced] = {}
        self.draws: dict[int, tuple[Any, Draws]] = {}
        self.around: Any = None  # what the function can reach

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
        if type(value) is not Traced or value.shape != now.shape or value.slot.dtype != now.dtype:
            raise self.rec.error(f"{x._describe()}.data = ...: of another shape or dtype, or the same at every call")
        if any(value.root is t for _, t in self.tensors.values() if t is not now):
            raise self.rec.error(
                f"{x._describe()}.data = ... lets two Tensors share one array, which a replay does not; take a .copy()"
            )
        new = Traced(self.rec, value.value, value.slot)  # who holds the array that was there keeps that
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
            if (id(owner), name) not in self.numbers:
                var = Var(Number(owner, name), value, name)
                self.rec.program.numbers.append(var)
                self.numbers[id(owner), name] = Traced(self.rec, value, var)
            return self.numbers[id(owner), name]
        if isinstance(owner, Optimizer) and name == "state":
            return {kind: [self.array(a, owner, f"{kind}.{i}") for i, a in enumerate(arrays)]
                    for kind, arrays in value.items()}  # fmt: skip
        if isinstance(value, KEPT):
            self.attributes.setdefault((id(owner), name), (owner, name, value))
        return self.stand_in(value)

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
            self.numbers[id(owner), name] = value
        elif value is not getattr(owner, name, self):
            raise self.rec.error(
                f"{type(owner).__name__}.{name} = ... would not happen at later calls; set it outside of the recorded "
                "function, or return the value"
            )

    def stand_in(self, x: Any) -> Any:
        """What stands for a Generator or an iterator; x itself for anything else."""
        if isinstance(x, np.random.Generator):
            return self.generator(x)
        return Standstill(self.rec, x) if hasattr(type(x), "__next__") else x

    def generator(self, generator: np.random.Generator) -> Draws:
        """What stands for a Generator."""
        return self.draws.setdefault(id(generator), (generator, Draws(self.rec, generator)))[1]

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
        return self.stand_in(a)

    # The end
    def refuse_changes(self, before: list[Any]) -> None:
        """Raise JitError for what has happened outside, and would not happen at later calls."""
        for source, at in zip(self.around.sources, before, strict=True):
            if id(source) not in self.draws and position(source) != at:
                name = getattr(source, "__name__", type(source).__name__)
                raise self.rec.error(
                    f"random numbers of {name} would be the same at every call; draw from a Generator, rng = "
                    "np.random.default_rng(seed), that the function is given, or that a variable or an attribute holds"
                )
        if changed := self.around.changed():
            raise self.rec.error(
                f"{changed} was changed, which would not happen at later calls; do it outside of the recorded "
                "function, or return the value"
            )

    def finish(self) -> None:
        """Change what the function has changed, and note it."""
        program = self.rec.program
        found = (*[t for _, t in self.tensors.values()], *self.arrays.values(), *self.inputs)
        changed = [t for t in found if t.slot is not t.origin]
        for t in changed:
            source = t.origin.source
            if not isinstance(source, Constant):
                program.stores.append((t.origin, t.slot))
                leaf = self.leaves[source.place] if isinstance(source, Input) else None
                array = source.array if leaf is None else leaf._value if source.tensor else leaf
                array[...] = t.value
        for var in program.numbers:
            number = self.numbers[id(var.source.owner), var.source.attribute]
            if number.slot is not var:
                program.stores.append((var, number.slot))
                setattr(var.source.owner, var.source.attribute, number.value)
        for x, g in self.new_grads.values():
            program.grads.append((x, None if g is None else g.slot))
            raw_grad.__set__(x, None if g is None else np.array(g.value))

    def forget(self) -> None:
        """Let the arrays of the recording go; what the arguments were made of stays, for their names."""
        held = self.fresh, self.arrays, self.numbers, self.tensors, self.new_grads, self.leaves, self.inputs
        for each in held:
            each.clear()
        self.args, self.kwargs = (substituted(a, shell, np.ndarray) for a in (self.args, self.kwargs))

    def result(self, value: Any) -> tuple[Any, Any]:
        """What the function returned: as part of the program, and for the user."""
        if id(value) in self.fresh:
            data = raw_value.__get__(value)
            return Result("tensor", data.slot), constant(type(value), _own(data.value))
        if type(value) is Traced:
            return Result("array", value.slot), _own(value.value)
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


def record(fun: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Outside, Any]:
    """Run fun(*args, **kwargs): what it found and did, and its result."""
    with one_at_a_time:
        rec = Recorder(name)
        found = Outside(rec)
        found.args, found.kwargs = args, kwargs
        args, kwargs = found.argument(args), found.argument(kwargs)
        rec.line_of = _line
        code = getattr(getattr(fun, "__func__", fun), "__code__", None)
        rec.top = code or getattr(type(fun).__call__, "__code__", None)
        around = found.around = Surroundings(fun, found.leaves, (Node, *NUMBERS), Module)
        for owner, key, value in around.attributes:
            found.attributes[id(owner), key] = owner, key, value
        places = *around.variables, *around.attributes
        exchanged = [
            (place, stand_in)
            for place in places
            if not isinstance(place[0], type) and (stand_in := found.stand_in(place[2])) is not place[2]
        ]
        before = [position(source) for source in around.sources]
        try:
            with _Hooks(found):
                for (holder, key, _), stand_in in exchanged:
                    put(holder, key, stand_in)
                result = fun(*args, **kwargs)
        finally:
            for place, _ in exchanged:
                put(*place)
        if rec.refused:  # and the function went on without
            raise rec.refused
        found.refuse_changes(before)
        found.finish()
        rec.program.result, visible = found.result(result)
        return found, visible


def numbers_of(owner: Any) -> tuple[str, ...]:
    """The attributes of an optimizer or a schedule that are read anew at each call."""
    return next((names for kind, names in NUMBERS.items() if isinstance(owner, kind)), ())


def _own(value: Any) -> Any:
    """What a user may keep: not an array that a later call writes into, or a view of an argument."""
    return np.array(value) if isinstance(value, np.ndarray) else value


def _line(node: Any) -> Any:
    """The user's line that made a node."""
    data = raw_value.__get__(node) if isinstance(node, Node) else None
    return data._slot.source.line if type(data) is Traced and isinstance(data._slot.source, Call) else None


@functools.cache
def alone(kind: str) -> int:
    """How many references an array has, as a recording finds it, that nobody but its owner holds."""
    x = Tensor([0.0, 0.0])
    found = Outside(Recorder("alone"))
    if kind == "data":
        origin = found.tensor(x).origin
    else:
        optimizer = SGD([x], lr=1.0, momentum=0.5)
        origin = found.get_attribute(optimizer, "state", optimizer.state)["velocity"][0].origin
    return origin.source.references  # type: ignore[no-any-return]


class _Hooks:
    """Let Tensors, modules and optimizers report to a recording while it runs."""

    def __init__(self, found: Outside) -> None:
        self.found = found

    def __enter__(self) -> None:
        found, thread = self.found, self.found.rec.thread
        recorders[thread] = found.rec
        setattr(Node, "_value", property(found.get_value, found.set_value))  # noqa: B010 (mypy)
        setattr(Node, "_grad", property(found.get_grad, found.set_grad))  # noqa: B010

        def get(owner: Any, name: str) -> Any:
            if name in ROOMS and isinstance(owner, Group) and get_ident() == thread:
                return [found.rec.constant(shell(found.get_value(p)._array)) for p in owner.params]
            value = object.__getattribute__(owner, name)
            return value if name[:2] == "__" or get_ident() != thread else found.get_attribute(owner, name, value)

        def put(owner: Any, name: str, value: Any) -> None:
            ours = get_ident() == thread and not isinstance(getattr(type(owner), name, None), property)
            (found.set_attribute if ours else object.__setattr__)(owner, name, value)

        self.own = [(kind, kind.__dict__.get("__setattr__")) for kind in WATCHED]
        for kind in WATCHED:
            setattr(kind, "__getattribute__", get)  # noqa: B010 (as above)
            setattr(kind, "__setattr__", put)  # noqa: B010

    def __exit__(self, *_: object) -> None:
        for kind, own in self.own:
            del kind.__getattribute__, kind.__setattr__
            if own:
                setattr(kind, "__setattr__", own)  # noqa: B010
        setattr(Node, "_value", raw_value)  # noqa: B010
        setattr(Node, "_grad", raw_grad)  # noqa: B010
        del recorders[self.found.rec.thread]
