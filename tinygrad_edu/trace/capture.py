"""Capture: run a function once, with its Tensors, modules and optimizers reporting to a recorder."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from types import CellType, ModuleType
from typing import Any

from ..engine.mode import Contribution, Watcher, watching
from ..engine.rules.registry import Function
from ..engine.tape import Node
from ..nn import Module
from .captured import REPORTING, SETTINGS, Captured, raw_grad, raw_value
from .closure import Closure, source_state
from .expressions import argument_names
from .ir import mapped
from .recorder import Recorder

one_at_a_time = RLock()  # a recording changes classes


def capture(fun: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Captured, Any]:
    """Run fun(*args, **kwargs); return the recording, and the function's result."""
    with one_at_a_time:
        code = getattr(getattr(fun, "__func__", fun), "__code__", None)
        found = Captured(Recorder(name, code or getattr(type(fun).__call__, "__code__", None)), args, kwargs)
        args, kwargs = mapped(found.argument, args), mapped(found.argument, kwargs)
        closure = found.closure = Closure(fun, found.leaves, (Node, *SETTINGS))
        owner = getattr(fun, "__self__", fun)
        arguments = zip(argument_names(fun, found.args, found.kwargs), found.leaves, strict=True)
        found.names = closure.tensor_names([*arguments, ("", owner)] if isinstance(owner, Module) else arguments)
        for owner, key, value in closure.attributes:
            found.attributes[id(owner), key] = owner, key, value
        exchanged = [
            (place, traced)
            for place in (*closure.variables, *closure.attributes)
            if not isinstance(place[0], type) and (traced := found.traced_source(place[2])) is not place[2]
        ]
        before = [source_state(source) for source in closure.sources]
        try:
            with _reporting(found), watching(_RunningRules(found.rec)):
                for (holder, key, _), traced in exchanged:
                    assign(holder, key, traced)
                result = fun(*args, **kwargs)
        except Exception as error:
            if found.rec.refused and error is not found.rec.refused:  # NumPy may raise another error instead of ours
                raise found.rec.refused from error
            raise
        finally:
            for place, _ in exchanged:
                assign(*place)
        if found.rec.refused:  # the function caught the error
            raise found.rec.refused
        found.refuse_changes(before)
        found.finish()
        found.rec.program.result, visible = found.result(result)
        return found, visible


def assign(holder: Any, key: str, value: object) -> None:
    """Set the variable in a cell or in globals, or an attribute."""
    if isinstance(holder, CellType):
        holder.cell_contents = value
    elif isinstance(holder, (dict, ModuleType)):
        (holder if isinstance(holder, dict) else vars(holder))[key] = value
    else:
        object.__setattr__(holder, key, value)  # which a frozen dataclass allows


class _RunningRules(Watcher):
    """Tells a recorder which node's rule is running; the sum of contributions that follows counts as part of it."""

    def __init__(self, rec: Recorder) -> None:
        self.rec = rec
        self.running: list[Any] = []  # a rule may run a backward pass itself

    def contribution(self, contribute: Contribution) -> Contribution:
        def watched(y: Any, g: Any, i: int, x: Any) -> Any:
            self.rec.node = y
            self.running.append(y)
            try:
                return contribute(y, g, i, x)
            finally:
                self.running.pop()

        return watched

    def finished(self, pairs: object) -> None:
        self.rec.node = self.running[-1] if self.running else None


@contextmanager
def _reporting(found: Captured) -> Iterator[None]:
    """Let Tensors, modules, optimizers and schedules report their attributes to a recording while it runs."""
    thread = found.rec.thread
    setattr(Node, "_value", property(found.get_value, found.set_value))  # noqa: B010 (mypy)
    setattr(Node, "_grad", property(found.get_grad, found.set_grad))  # noqa: B010

    def get(owner: Any, name: str) -> Any:
        value = object.__getattribute__(owner, name)
        return value if name[:2] == "__" or get_ident() != thread else found.get_attribute(owner, name, value)

    def put(owner: Any, name: str, value: Any) -> None:
        reported = get_ident() == thread and not isinstance(getattr(type(owner), name, None), property)
        (found.set_attribute if reported else object.__setattr__)(owner, name, value)

    setters = [(kind, kind.__dict__.get("__setattr__")) for kind in REPORTING]
    for kind in REPORTING:
        setattr(kind, "__getattribute__", get)  # noqa: B010 (as above)
        setattr(kind, "__setattr__", put)  # noqa: B010
    try:
        yield
    finally:
        for kind, setter in setters:
            del kind.__getattribute__, kind.__setattr__
            if setter:
                setattr(kind, "__setattr__", setter)  # noqa: B010
        setattr(Node, "_value", raw_value)  # noqa: B010
        setattr(Node, "_grad", raw_grad)  # noqa: B010
