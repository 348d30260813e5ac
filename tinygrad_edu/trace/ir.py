"""A recorded function as a list of NumPy calls in single-assignment form.

A `Var` is an array that is assigned once: by a `Call`, or from outside. What a function writes into arrays that it
found (parameters, optimizer state) is kept apart from the calls, in `stores`: done last, so that a call that fails has
changed nothing. Passes rewrite the list; a layout gives the arrays their memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

NOTHING: Mapping[str, Any] = {}  # the keywords of most calls


class Var:
    """An array, a NumPy scalar or a Python number of the program.

    `source` says where it comes from: a `Call`, or what stands outside (`Input`, `State`, `Setting`, `Constant`).
    `example` is its value while recording, or, for what a call makes, something of the same shape and dtype.
    """

    __slots__ = ("dtype", "example", "name", "shape", "size", "source")

    def __init__(self, source: Any, example: Any, name: str = "") -> None:
        self.source, self.example, self.name = source, example, name
        self.shape: Any = getattr(example, "shape", ())
        self.size: int = getattr(example, "size", 1)
        self.dtype: Any = getattr(example, "dtype", None)  # None for a Python number, which takes on any

    @property
    def scalar(self) -> bool:
        """Whether this is a single number, kept as one and not in a buffer."""
        return len(self.shape) == 0

    def __repr__(self) -> str:
        kind = type(self.source).__name__
        return f"<{kind} {self.name or hex(id(self))[-5:]} {self.dtype}{self.shape}>"


@dataclass(eq=False, slots=True)
class Input:
    """An array among the arguments, by its place among their leaves; `tensor` if it is a Tensor's data."""

    place: int
    tensor: bool = False


@dataclass(eq=False, slots=True)
class State:
    """An array that lives outside: it is read, and may be written, where `get` finds it."""

    array: Any
    owner: Any  # the Tensor whose data or gradient it is, or the Optimizer
    kind: str  # "data", "grad" or the name of an optimizer's state
    references: int = 0  # to the array, as it was found


@dataclass(eq=False, slots=True)
class Setting:
    """A Python number that lives outside, in an attribute: a learning rate, a count of steps."""

    owner: Any
    attribute: str


@dataclass(eq=False, slots=True)
class Constant:
    """An array that was there already, and stays as it is."""

    array: Any
    element: Any = ...  # what all its elements are, or None; ... until somebody asks


class Call:
    """`out = fun(*args, **kwargs)`; args may be nested, with Vars in them.

    `line` is the user's (file, number) that led here, `phase` "forward", "backward" or "update". `draws` tells random
    numbers, which are different at each call and drawn even where nobody looks at them. `alias_of` is the place among
    `uses` of the array in whose memory the result lies, where that is no plain view (NumPy's flip and split).
    """

    __slots__ = ("alias_of", "args", "deep", "draws", "elementwise", "fun", "kwargs", "line", "out", "phase", "uses")

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    uses: list[Var]  # the Vars among the arguments, in order
    deep: bool  # whether some are within lists, tuples and dicts
    elementwise: bool  # whether each element of the result is made from those at the same place of the arguments

    def __init__(
        self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], example: Any,
        line: Any = None, phase: str = "forward", draws: bool = False,
    ) -> None:  # fmt: skip
        self.become(fun, args, kwargs)
        self.out = Var(self, example)
        self.line, self.phase, self.draws = line, phase, draws
        self.alias_of: int | None = None

    def become(self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] = NOTHING) -> None:
        """Be another call with the same result."""
        self.fun, self.args, self.kwargs = fun, args, kwargs
        self.elementwise = not kwargs and type(fun) is np.ufunc and fun.signature is None and fun.nout == 1
        self.deep = bool(kwargs and any(variables(kwargs)))
        self.uses = uses = []
        for a in args:
            if type(a) is Var:
                uses.append(a)
            elif isinstance(a, (list, tuple, dict)) and any(variables(a)):
                self.deep = True
        if self.deep:
            self.uses = list(variables((args, kwargs)))

    def replace(self, new: Mapping[Var, Any]) -> None:
        """Put new[v] in the place of every Var v among the arguments that is a key there."""
        if new.keys().isdisjoint(self.uses):
            return
        if self.deep:
            args, kwargs = (substituted(part, lambda v: new.get(v, v)) for part in (self.args, self.kwargs))
            self.become(self.fun, args, kwargs)
        else:
            self.args = tuple([new.get(a, a) if type(a) is Var else a for a in self.args])
            self.uses = [a for a in self.args if type(a) is Var]

    def __repr__(self) -> str:
        return f"{self.out!r} = {getattr(self.fun, '__name__', self.fun)}{self.args} {self.kwargs or ''}"


@dataclass(eq=False, slots=True)
class Guard:
    """A predicate of recorded values; a replay must find the same answer."""

    predicate: Callable[..., Any]
    args: tuple[Any, ...]
    answer: Any


@dataclass(eq=False)
class Program:
    """What a recording made: calls in order, what they were asked on the way, what goes out and what is stored."""

    calls: list[Call] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    inputs: list[Var] = field(default_factory=list)
    states: list[Var] = field(default_factory=list)
    settings: list[Var] = field(default_factory=list)
    stores: list[tuple[Any, Any]] = field(default_factory=list)  # (the Var of a State or a Setting, what it becomes)
    grads: list[tuple[Any, Any]] = field(default_factory=list)  # (a Tensor, its gradient's Var or None)
    result: Any = None  # nested, with Vars in it

    def outputs(self) -> Iterator[Var]:
        """The Vars that somebody outside waits for."""
        changed = [value for _, value in (*self.stores, *self.grads)]
        return variables([self.result, changed, [guard.args for guard in self.guards]])

    def replace(self, new: Mapping[Var, Any], calls: bool = True) -> None:
        """Put new[v] in the place of every Var v that is used and a key there."""
        if not new:
            return
        for call in self.calls if calls else ():
            call.replace(new)

        def renewed(value: Any) -> Any:
            return substituted(value, lambda v: new.get(v, v))

        for guard in self.guards:
            guard.args = renewed(guard.args)
        self.stores = [(target, renewed(value)) for target, value in self.stores]
        self.grads = [(tensor, renewed(value)) for tensor, value in self.grads]
        self.result = renewed(self.result)

    def sort(self) -> None:
        """Bring the calls into an order in which each comes after those it uses, else as they stand."""
        order: list[Call] = []
        pending = {call.out for call in self.calls}
        for call in self.calls:
            stack = [call]
            while stack:
                last = stack[-1]
                if not pending.isdisjoint(last.uses):
                    stack += [v.source for v in reversed(last.uses) if v in pending]
                    continue
                stack.pop()
                if last.out in pending:
                    pending.remove(last.out)
                    order.append(last)
        self.calls = order


class Result(NamedTuple):
    """An array among the results; `kind` is "tensor" or "array"."""

    kind: str
    var: Var


class Snapshot:
    """A program as it was, whatever passes do to it later: they replace what calls hold, and change nothing in it."""

    def __init__(self, program: Program) -> None:
        self.calls = [(c, c.fun, c.args, c.kwargs) for c in program.calls]
        self.guards = [(g.predicate, g.args, g.answer) for g in program.guards]
        self.inputs, self.states, self.settings = list(program.inputs), list(program.states), list(program.settings)
        self.stores, self.grads, self.result = list(program.stores), list(program.grads), program.result

    def restore(self) -> Program:
        """The program, with calls of its own."""
        guards = [Guard(*g) for g in self.guards]
        program = Program([], guards, self.inputs, self.states, self.settings, self.stores, self.grads, self.result)
        new: dict[Var, Var] = {}
        for c, fun, args, kwargs in self.calls:
            copied = Call(fun, args, kwargs, c.out.example, c.line, c.phase, draws=c.draws)
            copied.out.name = c.out.name
            new[c.out] = copied.out
            program.calls.append(copied)
        program.replace(new)
        return program


def placeholder(example: Any) -> Any:
    """Something of the same shape and dtype that holds but one number."""
    if isinstance(example, np.ndarray):
        return blank(example.dtype, example.shape)
    if isinstance(example, (list, tuple)):
        parts = [placeholder(e) for e in example]
        return type(example)(*parts) if hasattr(example, "_fields") else type(example)(parts)
    return example


@functools.lru_cache(1000)
def blank(dtype: Any, shape: tuple[int, ...]) -> Any:
    """An array of ones that takes the memory of a single one."""
    return np.broadcast_to(np.ones((), dtype), shape)


def variables(value: Any) -> Iterator[Var]:
    """The Vars in nested lists, tuples and dicts."""
    if type(value) is Var:
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            if type(v) is Var:
                yield v
            elif isinstance(v, (list, tuple, dict)):
                yield from variables(v)


def substituted(value: Any, new: Callable[[Any], Any], kind: Any = Var) -> Any:
    """Nested lists, tuples and dicts with new(v) in the place of every v of that kind."""
    if type(value) is kind:
        return new(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[substituted(v, new, kind) for v in value])
    if isinstance(value, (list, tuple)):
        return type(value)([substituted(v, new, kind) for v in value])
    if isinstance(value, dict):
        return {k: substituted(v, new, kind) for k, v in value.items()}
    return value


def use_counts(calls: Iterable[Call], ends: Iterable[Var]) -> dict[Var, int]:
    """How often each Var is used."""
    counts: dict[Var, int] = {}
    for call in calls:
        for v in call.uses:
            counts[v] = counts.get(v, 0) + 1
    for v in ends:
        counts[v] = counts.get(v, 0) + 1
    return counts
