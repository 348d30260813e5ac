"""Capturing: run a function with its Tensors, modules and optimizers reporting to a recording."""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import RLock, get_ident
from typing import Any

from ..engine.mode import Contribution, Watcher, watching
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import SGD, Group
from .captured import NUMBERS, ROOMS, WATCHED, Captured, raw_grad, raw_value
from .closure import Closure, position
from .generators import assign
from .ir import Call, placeholder
from .recorder import Recorder
from .traced import Traced

recorders: dict[int, Recorder] = {}  # by thread
one_at_a_time = RLock()  # a recording changes classes


def capture(fun: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Captured, Any]:
    """Run fun(*args, **kwargs): what it found and did, and its result."""
    with one_at_a_time:
        rec = Recorder(name)
        found = Captured(rec)
        found.args, found.kwargs = args, kwargs
        args, kwargs = found.argument(args), found.argument(kwargs)
        rec.line_of = _line
        code = getattr(getattr(fun, "__func__", fun), "__code__", None)
        rec.top = code or getattr(type(fun).__call__, "__code__", None)
        around = found.closure = Closure(fun, found.leaves, (Node, *NUMBERS), Module)
        for owner, key, value in around.attributes:
            found.attributes[id(owner), key] = owner, key, value
        places = *around.variables, *around.attributes
        exchanged = [
            (place, traced_source)
            for place in places
            if not isinstance(place[0], type) and (traced_source := found.traced_source(place[2])) is not place[2]
        ]
        before = [position(source) for source in around.sources]
        try:
            with _Hooks(found), watching(_Backward(rec)):
                for (holder, key, _), traced_source in exchanged:
                    assign(holder, key, traced_source)
                result = fun(*args, **kwargs)
        finally:
            for place, _ in exchanged:
                assign(*place)
        if rec.refused:  # and the function went on without
            raise rec.refused
        found.refuse_changes(before)
        found.finish()
        rec.program.result, visible = found.result(result)
        return found, visible


class _Backward(Watcher):
    """Tells a recorder which node's rule is running."""

    def __init__(self, rec: Recorder) -> None:
        self.rec = rec

    def contribution(self, contribute: Contribution) -> Contribution:
        def told(y: Any, g: Any, i: int, x: Any) -> Any:
            self.rec.node = y
            return contribute(y, g, i, x)

        return told

    def finished(self, pairs: Any) -> None:
        self.rec.node = None


def _line(node: Any) -> Any:
    """The user's line that made a node."""
    data = raw_value.__get__(node) if isinstance(node, Node) else None
    return data._variable.source.line if type(data) is Traced and isinstance(data._variable.source, Call) else None


@functools.cache
def alone(kind: str) -> int:
    """How many references an array has, as a recording finds it, that nobody but its owner holds."""
    x = Tensor([0.0, 0.0])
    found = Captured(Recorder("alone"))
    if kind == "data":
        origin = found.tensor(x).origin
    else:
        optimizer = SGD([x], lr=1.0, momentum=0.5)
        origin = found.get_attribute(optimizer, "state", optimizer.state)["velocity"][0].origin
    return origin.source.references  # type: ignore[no-any-return]


class _Hooks:
    """Let Tensors, modules and optimizers report to a recording while it runs."""

    def __init__(self, found: Captured) -> None:
        self.found = found

    def __enter__(self) -> None:
        found, thread = self.found, self.found.rec.thread
        recorders[thread] = found.rec
        setattr(Node, "_value", property(found.get_value, found.set_value))  # noqa: B010 (mypy)
        setattr(Node, "_grad", property(found.get_grad, found.set_grad))  # noqa: B010

        def get(owner: Any, name: str) -> Any:
            if name in ROOMS and isinstance(owner, Group) and get_ident() == thread:
                return [found.rec.constant(placeholder(found.get_value(p)._array)) for p in owner.params]
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
