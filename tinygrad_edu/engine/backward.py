"""The backward pass, by the chain rule: from a root, the result, back to the leaves, which no operation computed.

A node is recorded after its arguments. So visiting the latest node first visits the graph in reverse topological order:
each node comes after all nodes that were computed from it, and before its arguments.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy import float64

from .errors import freed
from .hooks import HookedGradients
from .mode import Contribution
from .rules.registry import Function, name, vjps

Gradient = Any  # of a Tensor an array, of a Value a float; a node where gradients are recorded too


class Node(Protocol):
    """What the backward pass knows of a node (`tape.Node`): its data, its place, and the call that made it."""

    _value: Any
    order: int  # the place on the tape; places count down, so the latest node has the smallest
    fun: Any  # the function; None for a leaf or a constant
    args: tuple[Any, ...]
    argvals: tuple[Any, ...]  # the arguments as plain arrays
    kwargs: dict[str, Any]
    argnums: tuple[int, ...]  # the positions of the arguments that take gradients
    _kind: ClassVar[Any]  # the class of nodes: Tensor or Value

    def _fit(self, g: Gradient, fun: Function) -> Gradient: ...
    def _as_base(self) -> Any: ...  # the same node, but no instance of a user's subclass


N = TypeVar("N", bound=Node)
Pair = tuple[N, Gradient]


def backpropagate(root: N, gradient: Gradient, contribution: Contribution, hooked: object = False) -> Iterator[Pair[N]]:
    """Yield (node, its gradient) from the root back to the leaves, each node before its arguments."""
    gradients, latest = {root: gradient}, [(root.order, root)]
    if hooked:  # the user has functions that see, and may replace, complete gradients
        gradients = HookedGradients(gradients)
    while latest:
        order, y = heappop(latest)
        g = gradients.pop(y)  # complete: every node that was computed from y has been visited
        yield y, g
        for i in y.argnums:
            x = y.args[i]
            if x.order < order:  # since this call, x[index] = v has moved x to a later place
                x = parent(y, i)
            r = contribution(y, g, i, x)
            if r is None:  # nobody asked for this part of the gradient of x
                continue
            if x in gradients:
                gradients[x] = gradients[x] + r
            else:
                gradients[x] = r
                heappush(latest, (x.order, x))


def fitted(r: Gradient, y: Node, g: Gradient, x: Node) -> Gradient:
    """Return r, the result of a rule of y, in the shape and dtype of x: sums undo the broadcasting of the call."""
    if r is None:
        raise TypeError(f"a rule of {name(y.fun)} returned None; for no gradient, register None in its place")
    r = x._fit(r, y.fun)
    # A leaf keeps r as its .grad, and g is the .grad of y: they must not be one array.
    leaf_shares_array = r is g and not x.argnums and not isinstance(r, x._kind)
    return r.copy() if leaf_shares_array else r


def contribution(y: Node, g: Gradient, i: int, x: Node, fit: Callable[..., Gradient] = fitted) -> Gradient:
    """Return what y, whose gradient is g, passes on to x, its i-th argument: the result of a rule, fitted to x."""
    rule: Any = vjps[y.fun][i]
    args = y.argvals
    try:
        if len(args) == 2 and not y.kwargs:  # as for operators; spelled out, the call takes half the time
            r = rule(g, y._value, args[0], args[1])
        else:
            r = rule(g, y._value, *args, **y.kwargs)
    except ArithmeticError:  # Python's floats refuse to divide by zero, where NumPy's give inf
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            r = rule(*[float64(v) if type(v) is float else v for v in (g, y._value, *args)], **y.kwargs)
    if fit is fitted and (type(r) is float or (type(r) is float64 and type(x._value) is float64)):
        return r  # a single number has the shape and dtype of x already
    return fit(r, y, g, x)


def parent(y: N, i: int) -> N:
    """Return the i-th argument of y as it was when y was recorded: `x[index] = v` moves x to a later place."""
    x: N = y.args[i]
    while x.order < y.order:
        if not x.args:
            raise freed(x)
        x = x.args[0]
    return x


def toposort(*roots: N, since: int = 0) -> list[N]:
    """Return all nodes behind the roots that take gradients, latest first; with `since`, those recorded after it."""
    # Backward passes without rules: each contribution is 0, or None before `since`, where they stop.
    walks = [[y for y, _ in backpropagate(x, 0, lambda y, g, i, x: 0 if x.order < since else None)] for x in roots]
    return walks[0] if len(walks) == 1 else sorted({y for walk in walks for y in walk}, key=lambda y: y.order)


def leaves(pairs: Iterable[Pair[N]]) -> list[Pair[N]]:
    """Select the leaves; raise ValueError at a node whose graph was freed."""
    return [(y, g) for y, g in pairs if is_leaf(y)]


def is_leaf(y: Node) -> bool:
    """Return whether y was computed from nothing that takes gradients; raise ValueError if its graph was freed."""
    if y.fun and not y.argnums:
        tangents = getattr(y, "tangents", None)  # forward mode, once it has ended, frees the graph behind y on purpose
        if not tangents or any(t.active for t in tangents):
            raise freed(y)
    return not y.argnums
