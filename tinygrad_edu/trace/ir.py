"""The intermediate representation: a recorded function as a list of NumPy calls in single-assignment form.

A `Var` is assigned once: by a `Call`, or before the first call. Writes into arrays that the function found (parameters,
optimizer state) are kept apart from the calls, in `stores`. They are done last, so that a call that fails has changed
nothing. Passes rewrite the list; a layout gives the arrays their memory.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..engine.errors import Line
from ..engine.rules.registry import Array, Function
from ..transforms.tree import like

ARRAYS = (np.ndarray, np.generic)  # and numbers of NumPy's types
NESTED = (list, tuple, dict)
NOTHING: Mapping[str, Any] = {}  # the keywords of most calls


class Var:
    """An array, a NumPy scalar or a Python number of the program.

    `source` is where it comes from: a `Call`, `Input`, `State`, `Setting` or `Constant`. `example` is its value while
    recording or, for the result of a call, a placeholder of the same shape and dtype.
    """

    __slots__ = ("dtype", "example", "name", "shape", "size", "source")

    def __init__(self, source: Any, example: Any, name: str = "") -> None:
        self.source, self.example, self.name = source, example, name
        self.shape: tuple[int, ...]
        self.dtype: Any
        if isinstance(example, ARRAYS):
            self.shape, self.size, self.dtype = example.shape, example.size, example.dtype
        else:  # a Python number, which adapts to any dtype
            self.shape, self.size, self.dtype = (), 1, None


@dataclass(eq=False, slots=True)
class Input:
    """An array among the arguments, or the data of a Tensor among them, by its index among their leaves."""

    index: int


@dataclass(eq=False, slots=True)
class State:
    """An array that the function found; it is read, and may be written."""

    array: Any
    owner: Any  # the Tensor, the Optimizer, or what else holds it
    kind: str  # "data", "grad", an optimizer's state and the number of its parameter, as "velocity.0", or "array"
    place: Any = None  # where a replay finds it, if the function, or the user between calls, puts another array there

    @property
    def moves(self) -> bool:
        """Whether a replay finds it at a place, and not always at the same address."""
        return self.kind == "grad" or self.place is not None


@dataclass(eq=False, slots=True)
class Setting:
    """A Python number in an attribute: an optimizer's learning rate or count of steps, a Value's data or gradient."""

    owner: Any
    attribute: str


@dataclass(eq=False, slots=True)
class Constant:
    """An array that is the same at every call."""

    array: Any
    element: Any = ...  # the value of all its elements if they are equal, else None; ... until it is looked up


class Call:
    """`out = fun(*args, **kwargs)`; args may be nested, with Vars in them.

    `line` is the user's line that led to it, `phase` "forward", "backward" or "update". A call that `draws` random
    numbers is made even if its result is not used. `alias_of` is the index in `uses` of the array whose memory the
    result shares, where NumPy decides that it does (np.flip, np.split). `uses` are the Vars among the arguments, in
    order, each as often as it occurs. Of an `elementwise` call, each element depends on the elements of the arguments
    at the same index alone. `errors` are the arguments of `np.errstate` under which the function makes the call, or
    None if they are those of its caller.
    """

    __slots__ = ("alias_of", "args", "draws", "elementwise", "errors", "fun", "kwargs", "line", "out", "phase", "uses")

    def __init__(
        self, fun: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], example: object,
        line: Line | None = None, phase: str = "forward", draws: bool = False,
    ) -> None:  # fmt: skip
        self.become(fun, args, kwargs)
        self.out = Var(self, example)
        self.line, self.phase, self.draws = line, phase, draws
        self.alias_of: int | None = None
        self.errors: dict[str, Any] | None = None

    def become(self, fun: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NOTHING) -> None:
        """Change into another call with the same result."""
        self.fun, self.args, self.kwargs = fun, args, kwargs
        self.elementwise = not kwargs and type(fun) is np.ufunc and fun.signature is None and fun.nout == 1
        self.uses = variables((*args, *kwargs.values()) if kwargs else args)

    def replace(self, new: Mapping[Var, Any]) -> None:
        """Replace each Var v among the arguments that is a key of `new` by new[v]."""
        if not new.keys().isdisjoint(self.uses):
            args = substituted(self.args, lambda v: new.get(v, v))
            self.become(self.fun, args, self.kwargs and substituted(self.kwargs, lambda v: new.get(v, v)))


@dataclass(eq=False, slots=True)
class Guard:
    """A predicate of recorded values; a replay must find the same answer."""

    predicate: Callable[..., bool]
    args: tuple[Any, ...]
    answer: bool


@dataclass(eq=False)
class Program:
    """A recorded function: its calls in order, the guards between them, its result, and the writes at its end."""

    calls: list[Call] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    inputs: list[Var] = field(default_factory=list)
    states: list[Var] = field(default_factory=list)
    settings: list[Var] = field(default_factory=list)
    stores: list[tuple[Var, Var]] = field(default_factory=list)  # (target, new value)
    grads: list[tuple[Any, Var | None]] = field(default_factory=list)  # (Tensor, its new gradient)
    passes: list[tuple[Any, int, bool]] = field(default_factory=list)  # (Tensor, `Node.passes`, whether it is added)
    rebound: list[tuple[Any, list[Var], Any]] = field(default_factory=list)  # (Place, what it held, what it holds then)
    modes: list[tuple[dict[str, Any], bool]] = field(default_factory=list)  # (attributes of a Module, its new mode)
    containers: list[tuple[tuple[Any, ...], Any]] = field(default_factory=list)  # (path, members)
    result: Any = None  # nested, with Vars in it

    def moving(self) -> set[tuple[int, Any]]:
        """Return the places, as (identity of the owner, key), that a replay reads anew or replaces."""
        places = [*[place for place, *_ in self.rebound], *[v.source.place for v in self.states if v.source.place]]
        places += [place.within for place in places if place.within]
        return {(id(place.owner), place.key) for place in places}

    def outputs(self) -> list[Var]:
        """Return the Vars that are needed after the calls, or by a guard."""
        return [*self.results(), *variables([guard.args for guard in self.guards])]

    def results(self) -> list[Var]:
        """Return the Vars that are needed after the calls."""
        return variables([self.result, *[v for *_, v in (*self.stores, *self.grads, *self.rebound, *self.containers)]])

    def replace(self, new: Mapping[Var, Any], calls: bool = True) -> None:
        """Replace each Var v in use that is a key of `new` by new[v]."""
        if not new:
            return
        for call in self.calls if calls else ():
            call.replace(new)

        made: dict[int, Any] = {}  # one object for a part that is there twice

        def renewed(value: Any) -> Any:
            if not isinstance(value, NESTED):
                return new.get(value, value) if type(value) is Var else value
            if id(value) not in made:
                made[id(value)] = like(value, [*map(renewed, parts(value))])
            return made[id(value)]

        self.guards = [Guard(guard.predicate, renewed(guard.args), guard.answer) for guard in self.guards]
        for writes in ("stores", "grads", "rebound", "containers"):
            setattr(self, writes, [(*target, renewed(value)) for *target, value in getattr(self, writes)])
        self.result = renewed(self.result)


class Result(NamedTuple):
    """A part of a function's result that differs from call to call.

    `kind` says what `value` is. "array": a Var. "result" (computed, takes gradients), "leaf" (made from a number, takes
    gradients) or "constant" (takes none): the data of a Tensor or Value, of class `node`, with its `label` and `grad`.
    "argument": the path of an argument or of one of its members. "found": a Tensor that the function finds at a place,
    and replaces. Of both, `node` is what a container holds, or the data of a Tensor, for the printer. "itself": the Var
    of a number, or of an array that the function found, which it puts into a place. "kept": that of a new array for a
    place, with its axes in the order `node` in memory.
    "held": the Holder of a list or dict; of Tensors, `node` is their data, for the printer. "dataclass": its fields;
    `node` is its class. "memory": the Var of memory that several arrays share, in the order `node` of its axes. Each of
    these arrays has (Result, shape, dtype, offset, strides) as its `memory`: the Result for all of it, and where the
    array lies in it.
    """

    kind: str
    value: Any
    node: Any = None
    label: str = ""
    grad: Any = None
    memory: Any = None


class Snapshot:
    """A copy of a program from before the passes; they replace arguments and lists, and never change them in place."""

    def __init__(self, program: Program) -> None:
        self.calls = [(call, call.fun, call.args, call.kwargs) for call in program.calls]
        self.program = replace(program)

    def restore(self) -> Program:
        """Return the program, with new calls."""
        program = replace(self.program, calls=[])
        new: dict[Var, Var] = {}
        for call, fun, args, kwargs in self.calls:
            copied = Call(fun, args, kwargs, call.out.example, call.line, call.phase, draws=call.draws)
            copied.out.name, copied.alias_of = call.out.name, call.alias_of
            new[call.out] = copied.out
            program.calls.append(copied)
        program.replace(new)
        return program


def placeholder(example: Any) -> Any:
    """Return an array of the same shape and dtype in the memory of one element; also for several arrays."""
    if isinstance(example, np.ndarray):
        return blank(example.dtype, example.shape)
    return mapped(placeholder, example) if isinstance(example, (list, tuple)) else example


@functools.lru_cache(1000)
def blank(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Return an array of ones in the memory of a single element."""
    return np.broadcast_to(np.ones((), dtype), shape)


def parts(value: Any) -> Iterable[Any]:
    """Return the members of a list, a tuple or a dict."""
    return value.values() if isinstance(value, dict) else value


def variables(value: object) -> list[Var]:
    """Return the Vars in nested lists, tuples and dicts, in order."""
    found: list[Var] = []
    for part in value if isinstance(value, (tuple, list)) else value.values() if isinstance(value, dict) else (value,):
        if type(part) is Var:
            found.append(part)
        elif isinstance(part, NESTED):
            found += variables(part)
    return found


def mapped(fun: Function, value: Any) -> Any:
    """Return nested lists, tuples and dicts with fun(v) for each v that is none of these."""
    return like(value, [mapped(fun, v) for v in parts(value)]) if isinstance(value, NESTED) else fun(value)


def substituted(value: Any, new: Function, kind: type = Var) -> Any:
    """Return nested lists, tuples and dicts with each v of type `kind` replaced by new(v)."""
    return mapped(lambda v: new(v) if type(v) is kind else v, value)


def ancestors(v: Var) -> Iterator[Var]:
    """Yield v, and each Var that it is computed from."""
    seen, stack = {v}, [v]
    while stack:
        x = stack.pop()
        yield x
        new = set(x.source.uses) - seen if isinstance(x.source, Call) else set()
        seen |= new
        stack += new


def use_counts(calls: Iterable[Call], outputs: Iterable[Var]) -> Counter[Var]:
    """Count the uses of each Var."""
    return Counter([*[v for call in calls for v in call.uses], *outputs])
