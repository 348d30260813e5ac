"""Derivatives of gradients, which the limits at kinks ask for: see `rules/limits.py`.

A rule that runs on nodes is recorded. So its result, a gradient, has derivatives, and a backward pass through it gives
them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .backward import Gradient, Node, backpropagate, fitted, is_leaf, parent, toposort
from .rules.finite import has_nan
from .rules.registry import unsettled, vjps


def on_nodes(y: Node) -> list[Any]:
    """Return y and its arguments for a rule to compute with: as nodes, so its NumPy calls are recorded."""
    args = [parent(y, j)._as_base() if j in y.argnums else a for j, a in enumerate(y.argvals)]
    return [y._as_base(), *args]


def change(g: Any, y: Node, mask: Callable[..., Gradient], direction: Gradient) -> Gradient:
    """Return the derivative of g, a gradient of y that is a node itself, along a direction of y; None if there is none.

    g is the gradient of one number, so its derivatives with respect to y are a symmetric matrix: the vjp serves as the
    jvp. Nodes that compute the same, such as two norms of x - y, count as y. The result is a constant to other calls of
    this function: the limits at kinks multiply it by 0, and the graph would double with each kink behind another.
    `mask` fits a contribution that holds a NaN, see `passes.masked`.
    """
    if not hasattr(g, "order"):
        return None
    same = repetitions(g, y)
    earliest = max(min([x.order for x in y.args if hasattr(x, "order")]), max(same) + 1)
    total: Any = None

    def towards(z: Node, g: Gradient, i: int, x: Node) -> Gradient:
        if z.order in same or not (x.order < earliest) or hasattr(x, "curves"):
            return None
        rule: Any = vjps[z.fun][i]
        r = rule(g, *on_nodes(z), **z.kwargs)
        c = fitted(r, z, g, x)
        return mask(r, z, g, x) if has_nan(getattr(c, "_value", c)) else c

    for z, c in backpropagate(g, direction, towards):
        is_leaf(z)  # raises FreedError where forward mode forgot the graph, and starts again
        if z.order in same:
            total = c if total is None else total + c
    if hasattr(total, "order") and y.fun not in unsettled:
        total.curves = True
    return total


def repetitions(g: Node, y: Node) -> set[int]:
    """Return the places of y and of all nodes behind g that come from the same function of the same arguments.

    Nodes that compute the same get the same number, arguments before results: so each is compared once.
    """
    calls = [z for z in toposort(g) if z.fun is y.fun and not is_leaf(z)]
    if all(z.order == y.order for z in calls):
        return {y.order}
    behind: dict[int, Node] = {}
    nodes = [y, *calls]
    while nodes:
        z = nodes.pop()
        if z.order not in behind:
            behind[z.order] = z
            nodes += [parent(z, i) for i in z.argnums]
    numbers: dict[int, int] = {}
    first: dict[Any, int] = {}
    for order in sorted(behind, reverse=True):
        z = behind[order]
        args = [parent(z, i) if i in z.argnums else x for i, x in enumerate(z.args)]
        call = z.fun, token(args, numbers), token([*z.kwargs.items()], numbers)
        numbers[order] = first.setdefault(call, order) if args else order
    return {z.order for z in (y, *calls) if numbers[z.order] == numbers[y.order]}


def token(x: Any, numbers: dict[int, int]) -> Any:
    """Return a key of an argument: equal for equal numbers, arrays and nodes, for anything else its identity."""
    if hasattr(x, "order"):
        return numbers.get(x.order, x.order), "node"
    if isinstance(x, (tuple, list)):
        return tuple([token(v, numbers) for v in x])
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape, x.tobytes()
    if isinstance(x, slice):
        return slice, token([x.start, x.stop, x.step], numbers)
    return (type(x), x) if isinstance(x, (int, float, str)) else id(x)
