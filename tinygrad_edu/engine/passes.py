"""Kinds of backward passes: one that records gradients themselves, and what is repeated where a NaN arrives."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from .backward import Gradient, N, Node, Pair, backpropagate, contribution, fitted, is_leaf, parent, toposort
from .conjugation import met, outgoing
from .hooks import hooks
from .mode import Contribution, recording, watchers
from .rules.finite import has_nan
from .rules.registry import is_elementwise, limits, unsettled, vjps

Select = Callable[[Iterable[Pair[N]]], list[Pair[N]]]
Contributions = tuple[Contribution, ...]  # the function for the first pass, for one after a NaN, and for the last


def masked(r: Gradient, y: Node, g: Gradient, x: Node) -> Gradient:
    """Return what `fitted` returns, with 0 for 0 * inf = NaN where no gradient arrives at an elementwise function."""
    if is_elementwise(y.fun):
        r = np.where((g == 0) & np.isnan(r), 0, r)  # only NaN is replaced: other elements may have derivatives
    return fitted(r, y, g, x)


def recorded_contribution(y: Node, g: Gradient, i: int, x: Node, fit: Callable[..., Gradient] = fitted) -> Gradient:
    """Return the contribution as a node: the rule runs on nodes, so its NumPy calls are recorded and have gradients."""
    args = [parent(y, j)._as_base() if j in y.argnums else a for j, a in enumerate(y.argvals)]
    rule: Any = vjps[y.fun][i]
    base = y._as_base()
    r = rule(g, base, *args, **y.kwargs)
    if y.fun in limits and (hasattr(g, "order") or y.fun in unsettled):
        r = limits[y.fun](i, r, g, partial(change, g, y), base, *args, **y.kwargs)
    return fit(r, y, g, x)


def change(g: Any, y: Node, direction: Gradient) -> Gradient:
    """Return the derivative of g, a gradient of y that is a node itself, along a direction of y; None if there is none.

    g is the gradient of one number, so its derivatives by y are a symmetric matrix: the vjp serves as the jvp. Nodes
    that are alike, such as two norms of x - y, count as y. Such a derivative, which limits multiply by what is 0, is a
    constant to the others, or the graph would double with each kink behind another.
    """
    if not hasattr(g, "order"):
        return None
    same = {z.order for z in toposort(g) if z.fun is y.fun and not is_leaf(z) and alike(z, y)} | {y.order}
    earliest = max(min([x.order for x in y.args if hasattr(x, "order")]), max(same) + 1)
    total: Any = None

    def towards(z: Node, g: Gradient, i: int, x: Node) -> Gradient:
        if z.order in same or not (x.order < earliest) or hasattr(x, "curves"):
            return None
        args = [parent(z, j)._as_base() if j in z.argnums else a for j, a in enumerate(z.argvals)]
        rule: Any = vjps[z.fun][i]
        return fitted(rule(g, z._as_base(), *args, **z.kwargs), z, g, x)

    for z, c in backpropagate(g, direction, towards):
        is_leaf(z)  # raises FreedError where forward mode forgot the graph, and starts again
        if z.order in same:
            total = c if total is None else total + c
    if hasattr(total, "order"):
        total.curves = True
    return total


def alike(a: Any, b: Any) -> bool:
    """Return whether two nodes are results of the same functions of the same arguments."""
    pairs, seen = [(a, b)], set()
    while pairs:
        a, b = pairs.pop()
        if hasattr(a, "order") and hasattr(b, "order"):
            if a.order == b.order or (a.order, b.order) in seen:
                continue
            seen.add((a.order, b.order))
            if not a.args or a.fun is not b.fun or len(a.args) != len(b.args) or {*a.kwargs} != {*b.kwargs}:
                return False
            pairs += [(a.kwargs[name], b.kwargs[name]) for name in a.kwargs]
            a, b = ([parent(y, i) if hasattr(x, "order") else x for i, x in enumerate(y.args)] for y in (a, b))
        if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
            pairs += zip(a, b, strict=True)
        elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if (a.dtype, a.shape, a.tobytes()) != (b.dtype, b.shape, b.tobytes()):
                return False
        elif a is not b and not (type(a) is type(b) and isinstance(a, (int, float, str, slice)) and a == b):
            return False
    return True


NOTHING = nullcontext()
RECORDED: Contributions = recorded_contribution, partial(recorded_contribution, fit=masked)
PLAIN: Contributions = contribution, partial(contribution, fit=masked), RECORDED[1]


def reverse_pass(root: N, gradient: Gradient, select: Select[N], contributions: Contributions = PLAIN) -> list[Pair[N]]:
    """Run the backward pass; return those (node, gradient) pairs that `select` picks from an iterator over all.

    If a NaN arrives, repeat it with masked contributions: 0 * inf, where `np.where` chose another branch, made the NaN.
    If it stays, a rule may lack a limit, which needs gradients that are recorded.
    """
    watching = watchers()
    pairs: list[Pair[N]] = []
    try:
        with NOTHING if type(gradient) is float else np.errstate(divide="ignore", invalid="ignore"):
            for n, contribute in enumerate(contributions):
                if n == 2 and not any(y.fun in unsettled for y in toposort(root)):
                    break
                for watcher in watching:
                    contribute = watcher.contribution(contribute)
                every = backpropagate(root, gradient, contribute, hooks)
                if met:  # complex numbers
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
