"""Kinds of backward passes: those that record gradients too, and those that repeat a pass in which a NaN arrived."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from .backward import Gradient, N, Node, Pair, backpropagate, contribution, fitted, toposort
from .conjugation import complex_seen, outgoing
from .hooks import hooks
from .kinks import change, on_nodes
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


def recorded_contribution(y: Node, g: Gradient, i: int, x: Node, fit: Callable[..., Gradient] = fitted) -> Gradient:
    """Return the contribution as a node that has gradients itself."""
    rule: Any = vjps[y.fun][i]
    nodes = on_nodes(y)
    r = rule(g, *nodes, **y.kwargs)
    if y.fun in limits and (hasattr(g, "order") or y.fun in unsettled):
        r = limits[y.fun](i, r, g, partial(change, g, y, masked), *nodes, **y.kwargs)
    return fit(r, y, g, x)


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
