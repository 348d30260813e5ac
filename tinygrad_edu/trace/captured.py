"""Captured state: the arrays, numbers and generators that a recorded function finds, and what it does to them.

While the function runs, the places that hold them (a Tensor's data, an optimizer's lists, attributes) hold recording
values. Changes are made only when the function has returned: a recording that fails has no effect.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node, constant
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Optimizer
from ..transforms import tree
from .closure import PLAIN, Closure, settings_of
from .containers import is_container, mapped, members
from .copies import Copies
from .expressions import argument_names
from .holders import EMPTY, Holder, Place, are_same
from .ir import Input, Setting, State, Var, placeholder
from .recorder import Recorder, TracedGenerator, TracedIterator
from .traced import Traced

Path = tuple[Any, ...]
PLAIN_ARRAYS = (np.ndarray, np.memmap)


class Container(NamedTuple):
    """A list, a dict or a dataclass among the arguments, what fun is given instead, and what that held before."""

    paths: list[Path]  # the name of the parameters, and the keys: several if it is given twice
    argument: Any
    given: Any
    before: dict[Any, Any]

    def changed(self) -> bool:
        """Return whether the function has put other members into it."""
        return not are_same(members(self.given), self.before)


class Captured:
    """The state that one recording of fun(*args, **kwargs) uses and changes."""

    closure: Closure

    def __init__(self, rec: Recorder, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.rec, self.fun = rec, fun
        # With lists and dicts of their own: the function may change those that it is given.
        self.args, self.kwargs = mapped(lambda x: x, args), mapped(lambda x: x, kwargs)
        self.given: dict[int, Input] = {}  # the Tensors among the arguments
        self.leaves: list[Any] = []  # the arguments, and the members of nested ones
        self.containers: dict[int, Container] = {}  # among the arguments, but for tuples; by their identity
        self.paths: dict[int, tuple[Path, Any]] = {}  # by the identity of what fun gets: where it is given, as what
        self.results: dict[tuple[int, bool], tuple[Any, Any]] = {}  # parts of the result, and what `described` returns
        self.labelled = False  # whether a Tensor or a Value in the result has a label
        self.arrays: dict[int, Traced] = {}  # by the identity of the array
        self.generators: dict[int, Any] = {}  # and iterators
        self.places: list[Place] = []
        self.copied: list[Holder] = []  # the variables of copied functions
        self.absent: dict[Node, None] = {}  # Tensors whose gradient was read and is None
        self.passes: dict[Node, tuple[int, int]] = {}  # Tensor: `Node.passes` before and after
        self.requires_grad: dict[Node, bool] = {}
        self.described: dict[Node, tuple[str, bool]] = {}  # `label` and `requires_grad` before
        self.renamed = ""  # what the function changed of those
        self.drawn: list[np.random.Generator] = []  # those that random numbers were drawn from
        self.on_gone: Callable[[], Callable[[Captured], None] | None] = lambda: None  # a weak reference

    # Before the function runs
    def argument(self, a: Any, path: Path) -> Any:
        """Capture an argument, or a member of a nested one; return what the function gets instead."""
        if is_container(a):
            new = tree.like(a, [self.argument(v, (*path, k)) for k, v in members(a).items()])
            if isinstance(a, tuple):
                return new
            if isinstance(a, (list, dict)) and id(a) in self.closure.holders:
                raise self.rec.error(f"a {type(a).__name__} among the arguments is a variable too; pass a copy of it")
            known = self.containers.setdefault(id(a), Container([], a, new, dict(members(new))))
            known.paths.append(path)
            self.paths[id(known.given)] = path, a
            return known.given
        self.leaves.append(a)
        self.paths.setdefault(id(a), (path, a))
        source = Input(len(self.leaves) - 1)
        if isinstance(a, Node):
            self.given.setdefault(id(a), source)
        elif isinstance(a, (list, tuple, dict)) or is_special(a):
            raise self.rec.error(f"an argument is a {type(a).__name__}; pass a plain array, list, tuple or dict")
        elif isinstance(a, (np.ndarray, np.generic)):
            if id(a) not in self.arrays:
                self.add(Var(source, a), self.rec.program.inputs)
            self.paths.setdefault(id(self.arrays[id(a)]), (path, a))
            return self.arrays[id(a)]
        return self.traced_source(a)

    def add(self, var: Var, group: list[Var]) -> Traced:
        """Add an input or a state to the program, and return its recording array."""
        group.append(var)
        self.arrays[id(var.example)] = traced = Traced(self.rec, var.example, var)
        return traced

    def traced_source(self, x: Any) -> Any:
        """Return what to use instead of a Generator or an iterator; x itself for anything else."""
        if isinstance(x, np.random.Generator):
            return self.generators.setdefault(id(x), TracedGenerator(self.rec, x))
        if hasattr(type(x), "__next__") and not hasattr(x, "__dict__"):  # of a user's class, attributes are seen
            return self.generators.setdefault(id(x), TracedIterator(self.rec, x))
        return x

    def exchange(self) -> Copies:
        """Let the places of arrays, numbers and generators hold recording values; return copies of functions."""
        closure, given = self.closure, [a for a in self.leaves if isinstance(a, Node)]
        for x in dict.fromkeys([*given, *closure.tensors]):
            self.passes[x], self.requires_grad[x] = (getattr(x, "passes", int(x._grad is not None)), 0), x.requires_grad
            self.described[x] = x.label, x.requires_grad
            if isinstance(x, Tensor):
                self.exchange_tensor(x)
            else:
                self.exchange_value(x)
        for owner in closure.framework:
            for name in settings_of(owner):
                var = Var(Setting(owner, name), vars(owner)[name], name)
                self.rec.program.settings.append(var)
                self.put(vars(owner), name, f"{type(owner).__name__}.{name}", Traced(self.rec, var.example, var))
        states = {
            id(a): (owner, f"{kind}.{i}")
            for owner in closure.framework if isinstance(owner, Optimizer)
            for kind, arrays in owner.state.items() for i, a in enumerate(arrays)
        }  # fmt: skip
        replaced: dict[int, Any] = {}
        for holder in closure.holders.values():
            for key, value in holder.seen().items():
                if is_special(value):
                    raise self.rec.error(
                        f"{holder.member(key)} is a {type(value).__name__}; keep a plain array, np.asarray of it"
                    )
                if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
                    new = self.traced_source(value)
                elif (new := self.arrays.get(id(value))) is None:
                    owner, kind = states.get(id(value), (holder.owner, "array"))
                    new = self.add(Var(State(value, owner, kind), value, holder.member(key)), self.rec.program.states)
                if new is not value and holder.is_scope:
                    replaced[id(value)] = new
                elif new is not value and isinstance(holder.owner, (dict, list)):
                    self.put(holder.owner, key, holder.member(key), new)
        for f in closure.functions:
            for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
                if (new := self.traced_source(value)) is not value:
                    replaced[id(value)] = new
        copies = Copies(closure, replaced)
        self.copied = copies.holders
        for holder in closure.holders.values():
            for key, value in holder.seen().items() if isinstance(holder.owner, (dict, list)) else ():
                if not holder.is_scope and (new := copies.new(value)) is not value and id(value) not in replaced:
                    self.put(holder.owner, key, holder.member(key), new)
        return copies

    def exchange_value(self, x: Node) -> None:
        """Let a Value hold recording numbers, which a replay reads anew."""
        name, given = self.name_of(x), self.given.get(id(x))
        data = Var(given or Setting(x, "_value"), x._value, name)
        (self.rec.program.inputs if given else self.rec.program.settings).append(data)
        self.put(x, "_value", f"{x._describe()}.data", Traced(self.rec, data.example, data))
        if x._grad is None:
            self.empty_gradient(x)
            return
        if type(x._grad) is not float:
            raise self.rec.error(f"{x._describe()}.grad has a graph of create_graph=True; call zero_grad() first")
        grad = Var(Setting(x, "_grad"), x._grad, f"{name}_grad")
        self.rec.program.settings.append(grad)
        self.put(x, "_grad", f"{x._describe()}.grad", Traced(self.rec, grad.example, grad))

    def empty_gradient(self, x: Node) -> None:
        """Empty the slot of a gradient that is not there: this tells who reads it."""
        self.places.append(Place(x, "_grad", f"{x._describe()}.grad", EMPTY))
        del x._grad

    def exchange_tensor(self, x: Tensor) -> None:
        """Let a Tensor hold recording arrays."""
        data, name, given = x.data, self.name_of(x), self.given.get(id(x))
        if id(data) not in self.arrays:
            source, group = State(data, x, "data"), self.rec.program.states
            self.add(Var(given or source, data, name), self.rec.program.inputs if given else group)
        self.put(x, "_value", f"{x._describe()}.data", self.arrays[id(data)])
        if (g := x.grad) is None:
            self.empty_gradient(x)
            return
        if id(g) not in self.arrays:
            self.add(Var(State(g, x, "grad"), g, f"{name}_grad"), self.rec.program.states)
        self.put(x, "_grad", f"{x._describe()}.grad", self.arrays[id(g)])

    def put(self, owner: Any, key: Any, title: str, value: Any) -> None:
        """Let a place hold a recording value."""
        self.places.append(Place(owner, key, title, value))
        self.places[-1].put(value)

    def name_of(self, x: Node) -> str:
        """Return the label of a Tensor, or the name that the function knows it by."""
        return x.label or self.names.get(id(x), "")

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """Names of Tensors by their identity, as the function knows them: looked for if one has no label."""
        arguments = list(zip(argument_names(self.fun, self.args, self.kwargs), self.leaves, strict=True))
        owner = getattr(self.fun, "__self__", self.fun)
        return self.closure.tensor_names([*arguments, ("", owner)] if isinstance(owner, Module) else arguments)

    def learning(self) -> list[Node]:
        """Return the Tensors and Values that take gradients, of those that the function reaches."""
        return [x for x, takes in self.requires_grad.items() if takes]

    # After the function has returned, or failed
    def restore(self) -> None:
        """Let all places hold what they held, and note what they held at the end."""
        for place in self.places:
            place.last = place.get()
        for place in reversed(self.places):
            place.put(place.found)
        for x, (label, takes) in self.described.items():
            if (x.label, x.requires_grad) != (label, takes):
                self.renamed = f"{x._describe()}.{'label' if x.label != label else 'requires_grad'}"
                x.label, x.requires_grad = label, takes
        self.described.clear()
        for x, (before, _) in self.passes.items():
            self.passes[x] = before, getattr(x, "passes", 0)
            if before:
                x.passes = before
            elif hasattr(x, "passes"):
                del x.passes

    def forget(self) -> None:
        """Release the arrays and objects of the recording; the kinds of the arguments stay, for later calls."""
        given = {id(a) for a in self.leaves if isinstance(a, Node)}
        self.passes = {x: n for x, n in self.passes.items() if id(x) not in given}
        self.places = [p for p in self.places if id(p.owner) not in given]
        for place in self.places:
            place.found = place.last = place.given = None
        held = self.arrays, self.containers, self.paths, self.leaves, self.requires_grad, self.copied
        for each in (*held, self.results):
            each.clear()
        vars(self).setdefault("names", {})
        del self.closure, self.fun
        self.args, self.kwargs = mapped(_kinds, self.args), mapped(_kinds, self.kwargs)

    def gone(self, _: object) -> None:
        """Tell the cache that an object among the arguments is gone, and this recording with it."""
        if (forget := self.on_gone()) is not None:
            forget(self)


def _kinds(x: Any) -> Any:
    """Return nested arguments with placeholders for arrays, and weak references for objects."""
    if isinstance(x, Node):
        return constant(type(x), placeholder(x._value))
    if isinstance(x, (np.ndarray, *PLAIN, np.generic, range)):
        return placeholder(x)
    try:
        return ref(x)
    except TypeError:
        return x


def is_special(a: object) -> bool:
    """Whether a is an array of another class, such as np.matrix, whose operators may compute something else."""
    return isinstance(a, np.ndarray) and type(a) not in PLAIN_ARRAYS
