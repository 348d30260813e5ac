"""Captured state: the arrays, numbers and generators that a recorded function finds, and what it does to them.

While the function runs, the places that hold them (a Tensor's data, an optimizer's lists, attributes) hold recording
values. Changes are made only when the function has returned: a recording that fails has no effect.
"""

import functools
import threading
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, MutableMapping, MutableSequence, MutableSet, Set
from typing import Any
from weakref import ProxyTypes, ref

import numpy as np

from ..engine.errors import kind_of
from ..engine.rules import registry
from ..engine.rules.registry import Function
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..engine.value import Value
from ..optim import Optimizer
from ..transforms import tree
from .closure import ATOMS, MANY, Closure
from .containers import is_container, leaves, mapped, members
from .copies import Copies
from .expressions import argument_names
from .holders import EMPTY, Holder, Place, assign, key_text, parts, slot
from .ir import ARRAYS, NESTED, Input, Setting, State, Var
from .names import WHOLE, library
from .recorder import PLAIN_ARRAYS, Recorder, TracedGenerator
from .traced import JitError, Traced, Unrecorded

Path = tuple[Any, ...]
# Their contents are not recorded, nor are those of other containers of the standard library
UNSEEN = (memoryview, ChainMap, UserDict, UserList, np.void, threading.local)
CHANNELS = ("_queue", "asyncio.queues", "asyncio.locks")  # modules of queues and events to other threads and tasks
CONTAINERS, HELD = (MutableMapping, MutableSequence, MutableSet), (dict, list, set, deque)


class Captured:
    """The state that one recording of fun(*args, **kwargs) uses and changes."""

    closure: Closure
    copies: Copies
    inputs: deque[Any]  # what the function gets instead of the `leaves`

    def __init__(
        self, rec: Recorder, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any], moving: Set[tuple[int, Any]]
    ) -> None:
        self.rec, self.fun, self.revision, self.moving = rec, fun, registry.revision, moving
        # With lists and dicts of their own: the function may change those that it is given.
        self.args, self.kwargs = mapped(lambda x: x, args), mapped(lambda x: x, kwargs)
        self.tensors: dict[int, Input] = {}  # the Tensors among the arguments
        self.leaves: list[Any] = []  # the arguments, and the members of nested ones
        self.containers: dict[int, Holder] = {}  # what fun gets for those among the arguments, by their identity
        self.occurrences: list[tuple[Any, Path]] = []  # each of those arguments, as often as it is given
        self.paths: dict[int, tuple[Path, Any]] = {}  # by the identity of what fun gets: where it is given, as what
        self.results: dict[tuple[int, bool], tuple[Any, tuple[Any, Any]]] = {}  # its parts, as they are `described`
        self.memories: dict[int, tuple[Any, Any]] = {}  # shared by arrays of the result, by the identity of its owner
        self.labeled = False  # whether a Tensor or a Value in the result has a label
        self.arrays: dict[int, Traced] = {}  # by the identity of the array
        self.generators: dict[int, Any] = {}  # by the identity of the Generator
        self.holders: list[Holder] = []  # of the closure, Tensors among the arguments first, and other Tensors then
        self.exchanged: list[tuple[Holder, Any, Any, Any]] = []  # (holder, key, recording value, value at the end)
        self.replaced: list[tuple[Place, Any, Any]] = []  # places of Tensors or tuples of them: before, and at the end
        self.within: dict[int, Place] = {}  # by the identity of a Tensor that is replaced: where each call finds one
        self.moved: set[int] = set()  # the identities of arrays that go into places, or out of them, or plain
        self.clear: list[Callable[[], None]] = []  # clear the caches of singledispatch, which may hold copies
        self.places: list[Place] = []  # what is exchanged, but for the data and gradients of Tensors
        self.is_doubtful = False  # whether the recorded run is not to be trusted, and changes nothing
        self.absent: dict[Node, None] = {}  # Tensors whose gradient was read and is None
        self.stepped: set[Node] = set()  # the first parameter of each optimizer that stepped by gradients found before
        self.requires_grad: dict[Node, bool] = {}  # of all Tensors
        self.drawn: list[np.random.Generator] = []  # those that random numbers were drawn from
        self.on_gone: Callable[[], Callable[[Captured], None] | None] = lambda: None  # a weak reference

    # Before the function runs
    def add_argument(self, a: Any) -> Any:
        """Capture an argument, or a member of a nested one; return what the function gets instead."""
        source, kind = Input(len(self.leaves)), ref(type(a))
        self.leaves.append(a)
        if isinstance(a, Node):
            self.tensors.setdefault(id(a), source)
        elif is_special(kind) or is_like_array(kind) or (isinstance(a, NESTED) and not self.closure.is_users(a)):
            raise self.refusal("an argument", a, "pass")
        elif isinstance(a, np.ndarray) and a.dtype.kind != "O":
            return self.add_array(Var(source, a))
        elif isinstance(a, np.generic):  # if it is given twice, it may be two numbers at a later call
            return self.add(Var(source, a))
        return self.traced_source(a)

    def argument(self, a: Any, path: Path) -> Any:
        """Return what the function gets instead of an argument: recording values, copies of functions, containers."""
        if not is_container(a):
            new = self.inputs.popleft()
            new = self.copies.new(a) if new is a else new
            for x in (a, new):
                self.paths.setdefault(id(x), (path, a))
            return new
        is_reached, is_asked = id(a) in self.closure.seen, not self.closure.names.isdisjoint(("is", "id"))
        if is_asked or not isinstance(a, tuple):
            self.occurrences.append((a, path))
            self.closure.fixed |= {id(a)} & self.closure.seen.keys()
        if is_reached and not isinstance(a, (list, tuple, dict)):  # a dataclass, whose attributes are exchanged
            for _ in leaves("", a):
                self.inputs.popleft()
            return a
        new = tree.like(a, [self.argument(v, (*path, k)) for k, v in members(a).items()])
        if isinstance(a, tuple):
            new = self.copies.new(a) if is_reached else self.copies.copies.setdefault(id(a), new)
            if isinstance(own := slot(new, "__dict__"), dict):  # a namedtuple that may get attributes
                self.holders.append(Holder(own, type(a).__name__, None))
            return new
        if isinstance(a, (list, dict)) and id(a) in self.closure.holders:
            raise self.rec.error(f"a {type(a).__name__} among the arguments is a variable too; pass a copy of it")
        holder = self.containers.setdefault(id(a), Holder(new, f"a {type(a).__name__} among the arguments", None))
        self.refuse_keys(holder)
        self.paths.setdefault(id(holder.owner), (path, a))
        return holder.owner

    def refuse_keys(self, holder: Holder) -> None:
        """Raise JitError for a key of a dict that would have to be a copy."""
        for key in holder.before if isinstance(holder.owner, dict) else ():
            if type(key) is not str and self.copies.new(key) is not key:
                raise self.rec.error("a function that uses an array is the key of a dict; keep it in a list")

    def add(self, var: Var) -> Traced:
        """Add an input, a state or a setting to the program, and return its recording value."""
        program = self.rec.program
        group = {Input: program.inputs, State: program.states, Setting: program.settings}[type(var.source)]
        group.append(var)
        return Traced(self.rec, var.example, var)

    def add_array(self, var: Var) -> Traced:
        """Add an array, if it is not known; return the recording array."""
        if id(var.example) not in self.arrays:
            self.arrays[id(var.example)] = self.add(var)
        return self.arrays[id(var.example)]

    def traced_source(self, x: Any) -> Any:
        """Return what to use instead of a Generator; x itself for anything else."""
        is_generator = isinstance(x, np.random.Generator)
        if is_generator and self.closure.is_users(x):
            raise Unrecorded  # a method of the user may change its attributes
        return self.generators.setdefault(id(x), TracedGenerator(self.rec, x)) if is_generator else x

    def exchange(self) -> None:
        """Let the places of arrays, numbers and generators hold recording values, and make copies of functions."""
        closure = self.closure
        self.inputs = deque([self.add_argument(a) for _, a in leaves("", [self.args, self.kwargs])])
        self.holders = sorted(
            closure.holders.values(), key=lambda h: (not isinstance(h.owner, Node), id(h.owner) not in self.tensors)
        )
        self.requires_grad = {h.owner: h.owner.requires_grad for h in self.holders if isinstance(h.owner, Node)}
        states = {
            id(a): (owner, f"{kind}.{i}")
            for owner in [h.of for h in self.holders] if isinstance(owner, Optimizer)
            for kind, arrays in owner.state.items() for i, a in enumerate(arrays)
        }  # fmt: skip
        plain = (*ATOMS, Node)  # Tensors have holders of their own
        found = [(h, key, v) for h in self.holders for key, v in h.seen.items() if not isinstance(v, plain)]
        found += [(h, key, h.before[key]) for h in self.holders for key in h.anew]
        given = Holder([self.fun, *self.leaves], "argument", None)  # perhaps a functools.partial
        for holder, key, value in [*found, *[(given, key, v) for key, v in given.before.items()]]:
            self.trace(holder, key, value, states)
        self.copies = Copies(closure, {**self.arrays, **self.generators})
        if needy := [f for f in closure.functions if f in registry.implementations and self.copies.is_needed(f)]:
            which = "is a primitive that uses an array or a Generator beside its arguments"
            raise self.rec.error(f"{needy[0].__name__} {which}; pass that as an argument")
        for holder, key, value in found:
            if holder.is_scope or (new := self.copies.new(value)) is value:
                continue
            if isinstance(holder.owner, set):
                raise self.rec.error("a set holds a function that uses an array; keep it in a list")
            self.put(holder, key, new)
        for holder in self.holders:
            self.refuse_keys(holder)
        self.holders += self.copies.holders
        self.copies.holders = self.holders  # arguments are copied later
        self.clear = [f.__dict__["_clear_cache"] for f in closure.functions if "_clear_cache" in f.__dict__]
        for clear in self.clear:
            clear()

    def trace(self, holder: Holder, key: Any, value: Any, states: dict[int, tuple[Any, str]]) -> None:
        """Make a recording value for a member that is an array, a number that is read anew, or a generator."""
        x, is_grad = holder.owner, holder.has(key, "_grad")
        given = None if is_grad else self.tensors.get(id(x))
        name = self.name_of(x) + "_grad" * is_grad if isinstance(x, Node) else key
        if isinstance(x, Node) and value is None:
            self.put(holder, key, EMPTY)  # this tells who reads it
        elif isinstance(x, Tensor):
            self.add_array(Var(given or State(value, x, "grad" if is_grad else "data"), value, name))
        elif isinstance(value, Value) and isinstance(x, Value):
            raise self.rec.error(f"{holder.member(key)} has a graph of create_graph=True; call zero_grad() first")
        elif key in holder.anew:
            self.put(holder, key, self.add(Var(given or Setting(holder.of, key), value, name)))
        else:
            for part in parts(value):
                kind = ref(type(part))
                is_other = is_special(kind) or (is_like_array(kind) and library(kind()) not in ("", "python"))
                if is_other and (holder.of is None or not self.closure.names.isdisjoint({key, *WHOLE})):
                    raise self.refusal(holder.member(key), part, "keep")
                if isinstance(part, np.ndarray) and part.dtype.kind in "biufcV" and not part.dtype.hasobject:
                    if part is not value:  # in a tuple, which a replay does not look into
                        self.closure.fixed.add(id(part))
                    self.add_array(Var(State(part, *states.get(id(part), (x, "array"))), part, holder.member(key)))
                else:
                    self.traced_source(part)

    def refusal(self, name: str, a: Any, verb: str) -> JitError | Unrecorded:
        """Return the error for what is special; Unrecorded for a queue with which a function may run without jit."""
        if type(a).__module__ in CHANNELS:
            return Unrecorded()
        remedy = "call next() outside" if hasattr(type(a), "__next__") else f"{verb} a plain array, list, tuple or dict"
        if type(a) in ProxyTypes:
            remedy = f"{verb} the object itself, or a weakref.ref"
        return self.rec.error(f"{name} is {kind_of(a)}; {remedy}")

    def put(self, holder: Holder, key: Any, value: Any) -> None:
        """Let a place hold a recording value."""
        if not isinstance(holder.owner, Node):
            self.places.append(Place(holder.owner, key, holder.member(key)))
        holder.traced[key] = value
        self.rec.public.add(id(value))
        assign(holder.owner, key, value)

    def name_of(self, x: Node) -> str:
        """Return the label of a Tensor, or the name that the function knows it by."""
        return str(x.label or self.names.get(id(x), ""))  # numbers may be labels too

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """Names of Tensors by their identity, as the function knows them: looked for if one has no label.

        Elements of a list are name_0, name_1.
        """
        found = list(zip(argument_names(self.fun, self.args, self.kwargs), self.leaves, strict=True))
        for holder in self.closure.holders.values():
            seen = [(k, v) for k, v in holder.seen.items() if isinstance(v, (Node, *NESTED))]
            found += [(holder.member(k), v) for k, v in seen if holder.is_scope or isinstance(k, str)]
        names: dict[int, str] = {}
        for name, value in found:
            inner = members(value) if isinstance(value, NESTED) and len(value) <= MANY else {}
            for text, x in [(name, value), *[(f"{name}_{key_text(k)}", v) for k, v in inner.items()]]:
                if isinstance(x, Node):
                    names.setdefault(id(x), text)
        return names

    # After the function has returned, or failed
    def restore(self) -> None:
        """Let all holders have the members that they had, and note those that they had at the end."""
        for holder in self.holders:
            if holder.others:
                holder.notice(Traced)
            holder.restore()
        for clear in self.clear:
            clear()

    def begins(self) -> bool:
        """Return whether the function gave an attribute, a variable or a key a value, where there was none, or None."""
        return any([
            h.before.get(key) is None is not value
            for h in self.holders if h.last is not h.before and not isinstance(h.owner, (Node, list, set, deque))
            for key, value in h.last.items()
        ])  # fmt: skip

    def forget(self) -> None:
        """Release the arrays and objects of the recording; the containers among the arguments stay, for their names."""
        self.requires_grad = {x: takes for x, takes in self.requires_grad.items() if id(x) not in self.tensors}
        held = self.arrays, self.containers, self.paths, self.leaves, self.holders, self.exchanged, self.occurrences
        for each in (*held, self.replaced, self.clear, self.results, self.memories, self.rec.texts):
            each.clear()
        vars(self).setdefault("names", {})
        del self.closure, self.copies, self.fun
        self.args, self.kwargs = [mapped(lambda _: np.empty(0), given) for given in (self.args, self.kwargs)]

    def gone(self, _: object) -> None:
        """Tell the cache that an object among the arguments is gone, and this recording with it."""
        if (forget := self.on_gone()) is not None:
            forget(self)


@functools.lru_cache(1000)
def is_special(of: Any) -> bool:
    """Whether objects of a class are arrays, but not plain ones, or containers or iterators of elements not seen."""
    kind = of()
    unseen = issubclass(kind, CONTAINERS) and not issubclass(kind, HELD) and library(kind) == "python"
    unseen |= any([library(base) == "python" and {*vars(base)} & {"put_nowait", "is_set"} for base in kind.__mro__])
    unseen |= hasattr(kind, "__next__") and kind.__dictoffset__ == 0  # else its attributes are seen
    return unseen or issubclass(kind, UNSEEN) or (issubclass(kind, np.ndarray) and kind not in PLAIN_ARRAYS)


@functools.lru_cache(1000)
def is_like_array(of: Any) -> bool:
    """Whether objects of a class hold an array, as a DataFrame or a sparse matrix does."""
    protocols = ("__array__", "__array_ufunc__", "__array_priority__")
    return not issubclass(of(), ARRAYS) and any([hasattr(of(), name) for name in protocols])
