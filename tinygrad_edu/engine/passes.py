"""Kinds of backward passes: those that record gradients too, and those that repeat a pass in which a NaN arrived."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from .backward import Gradient, N, Node, Pair, backpropagate, contribution, fitted, is_leaf, parent, toposort
from .conjugation import complex_seen, outgoing
from .hooks import hooks
from .mode import Contribution, recording, watchers
from .rules.finite import has_nan
from .rules.registry import choosing, is_elementwise, limits, unsettled, vjps

Select = Callable[[Iterable[Pair[N]]], list[Pair[N]]]
Attempts = tuple[Contribution, ...]  # the contributions of the first pass, and of two repetitions after a NaN


def masked(r: Gradient, y: Node, g: Gradient, x: Node) -> Gradient:
    """Return what `fitted` returns, with 0 for 0 * inf = NaN where no gradient arrives.

    A function that is not elementwise passes none on if none arrives at all, since its rule is linear. Where a function
    chose another argument, an infinite gradient counts as none too: sqrt(relu(x)) for x < 0.
    """
    if y.fun not in unsettled:
        is_none = (g == 0) | np.isinf(g) if y.fun in choosing else g == 0
        is_none = is_none if is_elementwise(y.fun) else np.all(is_none)
        if is_none is not np.False_:  # of r, which may be far larger than g, only NaN is replaced
            r = np.where(is_none & np.isnan(r), 0, r)
    return fitted(r, y, g, x)


def on_nodes(y: Node) -> list[Any]:
    """Return y and its arguments for a rule to compute with: as nodes, so its NumPy calls are recorded."""
    args = [parent(y, j)._as_base() if j in y.argnums else a for j, a in enumerate(y.argvals)]
    return [y._as_base(), *args]


def recorded_contribution(y: Node, g: Gradient, i: int, x: Node, fit: Callable[..., Gradient] = fitted) -> Gradient:
    """Return the contribution as a node that has gradients itself."""
    rule: Any = vjps[y.fun][i]
    nodes = on_nodes(y)
    r = rule(g, *nodes, **y.kwargs)
    if y.fun in limits and (hasattr(g, "order") or y.fun in unsettled):
        r = limits[y.fun](i, r, g, partial(change, g, y), *nodes, **y.kwargs)
    return fit(r, y, g, x)


def change(g: Any, y: Node, direction: Gradient) -> Gradient:
    """Return the derivative of g, a gradient of y that is a node itself, along a direction of y; None if there is none.

    g is the gradient of one number, so its derivatives with respect to y are a symmetric matrix: the vjp serves as the
    jvp. Nodes that compute the same, such as two norms of x - y, count as y. The result is a constant to other calls of
    this function: the limits at kinks multiply it by 0, and the graph would double with each kink behind another.
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
        return masked(r, z, g, x) if has_nan(getattr(c, "_value", c)) else c

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


NOTHING = nullcontext()
RECORDED: Attempts = recorded_contribution, partial(recorded_contribution, fit=masked)
PLAIN: Attempts = contribution, partial(contribution, fit=masked), RECORDED[1]


def reverse_pass(root: N, gradient: Gradient, select: Select[N], attempts: Attempts = PLAIN) -> list[Pair[N]]:
    """Run the backward pass; return those (node, gradient) pairs that `select` picks from an iterator over all.

    If a NaN arrives, repeat it with masked contributions: 0 * inf may have made it, where `np.where` chose another
    branch. If the NaN stays, repeat it with recorded gradients: they have the limits that some rules need.
    """
    watching = watchers()
    pairs: list[Pair[N]] = []
    try:
        with NOTHING if type(gradient) is float else np.errstate(divide="ignore", invalid="ignore"):
            for n, contribute in enumerate(attempts):
                if n == 2 and not any(y.fun in unsettled for y in toposort(root)):
                    break
                for watcher in watching:
                    contribute = watcher.contribution(contribute)
                every = backpropagate(root, gradient, contribute, hooks)
                if complex_seen:  # complex numbers
                    every = outgoing(every)
                pairs = select(every if n < 2 else _plain(every))
                if not has_nan(*[getattr(g, "_value", g) for _, g in pairs]):
                    break
    finally:
        for watcher in watching:
            watcher.finished(pairs)
    return pairs


def _plain(pairs: Iterable[Pair[N]]) -> Iterator[Pair[N]]:
    """Record gradients, and yield their data."""
    with recording():
        for y, g in pairs:
            yield y, getattr(g, "_value", g)
