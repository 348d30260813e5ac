"""Scopes of the tape: each call of a module, and each pass of `gradients`, and how they are nested.

`Module.__call__` and `gradients` tag their results with the span of the tape that they recorded. From these tags this
module finds the scopes of a graph, so that a picture can frame the operations of a module, or draw it as one box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from ..engine.tensor import Tensor
from ..engine.value import Value
from ..nn import Module


@dataclass(eq=False)
class Scope:
    """One call of a module, or one pass of `gradients` (`module_type` is None)."""

    module: Module | None  # None also if the module no longer exists
    module_type: type | None
    start: int  # its span of the tape
    stop: int
    input_ids: set[int]  # ids of the arguments of the call
    tensor_ids: set[int] = field(default_factory=set)  # ids of the module's tensors
    outputs: list[Tensor | Value] = field(default_factory=list)
    parent: Scope | None = None  # the innermost scope around this one
    has_inner_calls: bool = False  # whether it called other modules
    collapsed: bool = False  # whether it is drawn as one box
    call_number: int = 1
    calls: int = 1  # of the module in the graph
    repeats: int = 1  # equal blocks in a row, of which only this one is drawn

    def receives(self, a: Any) -> bool:
        """Whether `a` comes from outside: it is an input, or an earlier tensor that is not the module's."""
        if id(a) in self.input_ids:
            return True
        if id(a) in self.tensor_ids or (self.module is None and self.module_type):  # its tensors are unknown
            return False
        return isinstance(a, (Tensor, Value)) and a.requires_grad and a.order > self.start


def find_scopes(nodes: Sequence[Tensor | Value]) -> list[Scope]:
    """Return the scopes that computed these nodes and their arguments, in the order of the tape."""
    scopes: dict[int, Scope] = {}
    for node in {id(a): a for y in nodes for a in (y, *y.args) if isinstance(a, (Tensor, Value))}.values():
        span = getattr(node, "span", None)
        while span:
            module, module_type, start, stop, inputs, span = span
            if start not in scopes:
                input_ids = {inputs} if isinstance(inputs, int) else set(inputs)
                scopes[start] = Scope(module and module(), module_type, start, stop, input_ids)
            scopes[start].stop = min(scopes[start].stop, stop)
            if node.order == stop:  # otherwise it was assigned to after the call
                scopes[start].outputs.append(node)
    in_order = sorted(scopes.values(), key=attrgetter("start"), reverse=True)
    calls_of: dict[int, list[Scope]] = {}
    for scope in in_order:
        calls_of.setdefault(id(scope.module), []).append(scope)
    for calls in calls_of.values():
        if (called := calls[0].module) is None:
            continue
        tensor_ids = {id(t) for t in called.tensors().values()}
        for n, scope in enumerate(calls, 1):
            scope.tensor_ids, scope.call_number, scope.calls = tensor_ids, n, len(calls)
    return in_order


def nest(nodes: Sequence[Tensor | Value], scopes: Sequence[Scope], depth: int | str | None) -> dict[int, Scope | None]:
    """Return the innermost scope of each node by its place on the tape; set which scopes are nested and collapsed.

    `nodes` and `scopes` are in the order of the tape. `depth` is the number of levels of modules that stay open; None
    leaves all open, and "layers" collapses only modules that call no others.
    """
    scope_of: dict[int, Scope | None] = {}
    inner: Scope | None = None
    coming = list(scopes[::-1])
    for y in nodes:
        while coming and coming[-1].start > y.order:
            scope = coming.pop()
            while inner and inner.stop > scope.start:
                inner = inner.parent
            scope.parent, inner = inner, scope
            if scope.module_type:
                for outer in enclosing(scope.parent):
                    outer.has_inner_calls = True
        while inner and inner.stop > y.order:
            inner = inner.parent
        scope_of[y.order] = inner
    for scope in scopes:
        level = sum(s.module_type is not None for s in enclosing(scope.parent))
        collapsed = not scope.has_inner_calls if depth == "layers" else level == depth
        scope.collapsed = scope.module_type is not None and collapsed
    return scope_of


def enclosing(scope: Scope | None) -> Iterator[Scope]:
    """Yield a scope and those around it, innermost first."""
    while scope:
        yield scope
        scope = scope.parent


def frames_around(scope: Scope | None) -> list[Scope]:
    """Return the scopes around that are drawn as frames, innermost first: a pass of `gradients` is not."""
    return [s for s in enclosing(scope) if s.module_type or s.repeats > 1]


def outermost_collapsed(scope: Scope | None) -> Scope | None:
    """Return the outermost collapsed scope around; it is the box that hides this scope."""
    return next((s for s in reversed([*enclosing(scope)]) if s.collapsed), None)


def common_scope(scopes: Sequence[Scope | None]) -> Scope | None:
    """Return the innermost scope around all of these."""
    shared = [*enclosing(scopes[0])]
    for scope in scopes[1:]:
        around = {*enclosing(scope)}
        shared = [s for s in shared if s in around]
    return shared[0] if shared else None


def home_scope(a: Any, user: Scope | None) -> Scope | None:
    """Return the innermost scope around `user` that a leaf or constant belongs to: it did not come from outside."""
    home = user
    for scope in enclosing(user):
        if scope.module_type is None or scope.receives(a):
            home = scope.parent
    return home
