"""Captured state: the arrays, numbers and generators that a recorded function finds, and what it does to them.

While the function runs, the places that hold them (a Tensor's data, an optimizer's lists, attributes) hold recording
values. Changes are made only when the function has returned: a recording that fails has no effect.
"""

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ..engine.tape import Node, constant
from ..engine.value import Value
from ..optim import Optimizer
from .closure import PLAIN, SETTINGS, Closure
from .copies import Copies
from .holders import EMPTY, Holder, Place
from .ir import Input, Setting, State, Var, depends, is_container, mapped, placeholder
from .recorder import Recorder, TracedGenerator, TracedIterator
from .results import described, refill, visible
from .traced import Traced

REFUSED = (np.matrix, np.ma.MaskedArray)  # their operators compute something else than an array's


class Overlap(Exception):
    """Raised if an argument shares memory with an array that the function writes into."""


def owner_of(array: Any) -> Any:
    """Return the object that owns an array's memory."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


class Captured:
    """The state that one recording of fun(*args, **kwargs) uses and changes."""

    closure: Closure

    def __init__(self, rec: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.rec, self.args, self.kwargs = rec, args, kwargs
        self.find_names: Callable[[], dict[int, str]] = dict  # names of Tensors by their identity
        self.given: dict[int, Input] = {}  # the Tensors among the arguments
        self.leaves: list[Any] = []  # the arguments, and the members of nested ones
        self.containers: list[tuple[str, Any, Any, Any]] = []  # (path, argument, what fun gets, a copy of that)
        self.arrays: dict[int, Traced] = {}  # by the identity of the array
        self.generators: dict[int, Any] = {}  # and iterators
        self.places: list[Place] = []
        self.copied: list[Holder] = []  # the variables of copied functions
        self.absent: dict[Node, None] = {}  # Tensors whose gradient was read and is None
        self.passes: dict[Node, tuple[int, int]] = {}  # Tensor: `Node.passes` before and after
        self.requires_grad: dict[Node, bool] = {}
        self.drawn: list[np.random.Generator] = []  # those that random numbers were drawn from
        self.on_gone: Callable[[], Callable[[Captured], None] | None] = lambda: None  # a weak reference

    # Before the function runs
    def argument(self, a: Any, path: str) -> Any:
        """Capture an argument, or a member of a nested one; return what the function gets instead."""
        if is_container(a):
            items = a.items() if isinstance(a, dict) else enumerate(a)
            parts = {k: self.argument(v, f"{path}[{k!r}]") for k, v in items}
            if isinstance(a, tuple):
                return type(a)(*parts.values()) if hasattr(a, "_fields") else tuple(parts.values())
            new: Any = parts if isinstance(a, dict) else list(parts.values())
            self.containers.append((path, a, new, new.copy()))
            return new
        self.leaves.append(a)
        source = Input(len(self.leaves) - 1, tensor=isinstance(a, Node))
        if isinstance(a, Node):
            self.given.setdefault(id(a), source)
        elif isinstance(a, (*REFUSED, list, tuple, dict)):
            raise self.rec.error(f"an argument is a {type(a).__name__}; pass a plain array, list, tuple or dict")
        elif isinstance(a, (np.ndarray, np.generic)):
            if id(a) not in self.arrays:
                self.add(Var(source, a), self.rec.program.inputs)
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
            if not isinstance(x, Value):
                self.exchange_tensor(x)
        for owner in closure.framework:
            for name in next((names for kind, names in SETTINGS.items() if isinstance(owner, kind)), ()):
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
            keys = holder.before if holder.checked is None else [k for k in holder.before if k in holder.checked]
            for key in keys:
                value, title = holder.before[key], holder.member(key)
                if type(value) is not np.ndarray or value.dtype.kind not in "biufc":
                    new = self.traced_source(value)
                elif (new := self.arrays.get(id(value))) is None:
                    owner, kind = states.get(id(value), (holder.owner, "array"))
                    new = self.add(Var(State(value, owner, kind), value, title), self.rec.program.states)
                if new is not value and holder.is_scope:
                    replaced[id(value)] = new
                elif new is not value and isinstance(holder.owner, (dict, list)):
                    self.put(holder.owner, key, title, new)
        for f in closure.functions:
            for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
                if (new := self.traced_source(value)) is not value:
                    replaced[id(value)] = new
        copies = Copies(closure, replaced)
        self.copied = copies.holders
        return copies

    def exchange_tensor(self, x: Node) -> None:
        """Let a Tensor hold recording arrays; an empty slot `_grad` tells who reads a gradient that is not there."""
        data, name, given = x.data, self.name_of(x), self.given.get(id(x))
        self.passes[x], self.requires_grad[x] = (getattr(x, "passes", int(x._grad is not None)), 0), x.requires_grad
        if id(data) not in self.arrays:
            source, group = State(data, x, "data"), self.rec.program.states
            self.add(Var(given or source, data, name), self.rec.program.inputs if given else group)
        self.put(x, "_value", f"{x._describe()}.data", self.arrays[id(data)])
        g, title = x._grad, f"{x._describe()}.grad"
        if g is None:
            self.places.append(Place(x, "_grad", title, EMPTY))
            del x._grad
            return
        g = x.grad
        if id(g) not in self.arrays:
            self.add(Var(State(g, x, "grad"), g, f"{name}_grad"), self.rec.program.states)
        self.put(x, "_grad", title, self.arrays[id(g)])

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
        return self.find_names()

    # After the function has returned, or failed
    def restore(self) -> None:
        """Let all places hold what they held, and note what they held at the end."""
        for place in self.places:
            place.last = place.get()
        for place in reversed(self.places):
            place.put(place.found)
        for x, (before, _) in self.passes.items():
            self.passes[x] = before, getattr(x, "passes", 0)
            if before:
                x.passes = before
            elif hasattr(x, "passes"):
                del x.passes

    def check(self) -> None:
        """Raise JitError for changes that later calls would not make, and undo those of Python state."""
        changed = [h for h in (*self.closure.holders.values(), *self.copied) if h.changed()]
        titles = [h.title for h in changed]
        for holder in changed:
            holder.restore()
        shared = Counter([id(place.given) for place in self.places if place.given is not EMPTY])
        for place in self.places:
            if type(place.last) is np.ndarray:
                place.last = self.rec.constant(place.last)
            new = place.last if place.last is not place.given else None
            if place.key == "_grad" or new is None:
                continue
            if type(new) is not Traced:
                remedy = "set it outside of the recorded function, or let a schedule of tg.optim.lr_scheduler do it"
                raise self.rec.error(f"{place.title} = {new!r:.40} would be the same at every call; {remedy}")
            if shared[id(place.given)] > 1 and new.shape:
                raise self.rec.error(f"{place.title} = ... ends that two places hold one array; give each its own")
            if new.shape and isinstance(new.root.variable.source, (State, Input)):
                refused = "lets two places share one array, which a replay does not; take a .copy()"
                raise self.rec.error(f"{place.title} = ... {refused}")
        if titles:
            remedy = "do it outside of the recorded function, or return the value"
            raise self.rec.error(f"{titles[0]} was changed, which would not happen at later calls; {remedy}")
        for opt in self.closure.framework:
            if isinstance(opt, Optimizer) and any(p.owner is vars(opt) and p.last is not p.given for p in self.places):
                before, after = self.passes[opt.params[0]]
                if after > max(before, 1) and before:
                    added = "gradients add up from call to call, and every step takes their sum"
                    raise self.rec.error(f"{added}; call zero_grad() before backward()")
        self.refuse_overlaps()

    def refuse_overlaps(self) -> None:
        """Raise JitError, or Overlap for an argument, if an array that was written into shares memory with another."""
        by_owner: dict[int, list[Traced]] = {}
        for t in self.arrays.values():
            by_owner.setdefault(id(owner_of(t.origin.example)), []).append(t)
        tensors = Counter([id(place.given) for place in self.places if place.key == "_value"])
        for group in by_owner.values():
            for t in group:
                if tensors[id(t)] > 1 and t.variable is not t.origin:
                    raise self.rec.error(f"{t.origin.name or 'an array'} is the data of two Tensors; use one Tensor")
                a = t.origin.example
                if t.variable is t.origin or not isinstance(a, np.ndarray):
                    continue
                if not a.flags.writeable:
                    raise self.rec.error(f"{t.origin.name or 'an argument'} is read-only, and was written into")
                for other in group:
                    if other is not t and np.may_share_memory(a, other.origin.example):
                        if isinstance(t.origin.source, Input) or isinstance(other.origin.source, Input):
                            raise Overlap
                        names = f"{t.origin.name or 'an array'} and {other.origin.name or 'another'}"
                        raise self.rec.error(f"{names} share memory, and one was written into; give each its own copy")

    def finish(self) -> None:
        """Make the changes that the function made, and add them to the program."""
        program = self.rec.program
        stores = [(t.origin, t) for t in self.arrays.values() if t.variable is not t.origin]
        for place in self.places:
            new = place.last
            if new is place.given:
                continue
            if place.key == "_grad":
                program.grads.append((place.owner, None if new is None else new.variable))
                place.put(None if new is None else np.array(new.value))
            elif isinstance(place.given.origin.source, Setting):
                stores.append((place.given.origin, new))
            else:
                place.var = place.given.origin
                program.rebound.append((place, new.variable))
                if isinstance(place.given.origin.source, State):
                    place.given.origin.source.place = place
                place.put(np.array(new.value))
        for target, new in stores:
            program.stores.append((target, new.variable))
            if isinstance(target.source, Setting):
                vars(target.source.owner)[target.source.attribute] = new.value
            else:
                target.example[...] = new.value
        for path, argument, given, before in self.containers:
            keys = range(len(before)) if isinstance(before, list) else before
            if len(given) != len(before) or any(given[k] is not before[k] for k in keys):
                program.containers.append((path, described(given, self)))
                refill(argument, visible(given, self))
        used = dict.fromkeys([v for call in program.calls for v in call.uses] + list(program.outputs()))
        used.update(dict.fromkeys([t for t, _ in program.stores] + [place.var for place, _ in program.rebound]))
        order = {v: i for i, v in enumerate(used)}  # that of their first use
        program.states = sorted([v for v in program.states if v in used], key=order.__getitem__)
        program.settings = [v for v in program.settings if v in used]
        self.count_passes()

    def count_passes(self) -> None:
        """Let Tensors count the backward passes that added up: anew, or on if the sum contains the earlier gradient."""
        program = self.rec.program
        grads = {x: v for x, v in program.grads if v is not None}
        earlier = {id(v.source.owner): v for v in program.states if v.source.kind == "grad"}  # those that are read
        for x, (before, after) in self.passes.items():
            if x in grads and after:
                adds = id(x) in earlier and depends(grads[x], earlier[id(x)])
                program.passes.append((x, after - before if adds else after, adds))
                x.passes = after

    def forget(self) -> None:
        """Release the arrays and objects of the recording; the kinds of the arguments stay, for later calls."""
        given = {id(a) for a in self.leaves if isinstance(a, Node)}
        self.passes = {x: n for x, n in self.passes.items() if id(x) not in given}
        self.places = [p for p in self.places if id(p.owner) not in given]
        for place in self.places:
            place.found = place.last = place.given = None
        for each in (self.arrays, self.containers, self.leaves, self.requires_grad, self.copied):
            each.clear()
        del self.closure
        self.find_names = dict
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
