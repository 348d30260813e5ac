"""The walk back: from a root through everything it was made from, by the chain rule.

A node is known by what it holds: `fun`, `args` and `kwargs`, the call that made it; `argvals`, the same
arguments as plain arrays; `argnums`, the positions of those that take gradients; `order`, its place on the
tape, numbered so that the latest has the smallest. It comes before that of every argument, so the tape read in this
order, from the latest back, is a reverse topological order.
"""

from collections.abc import Collection
from contextlib import nullcontext
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import numpy as np
from numpy import float64, ndarray

from .rules import name, pointwise, predicate, vjps


def toposort(*roots: Any) -> list[Any]:
    """The nodes that the roots' gradients flow through, each before its arguments. No recursion."""
    seen, stack, nodes = set(roots), list(roots), []
    while stack:
        y = stack.pop()
        nodes.append(y)
        if y.argnums is None:
            raise freed(y)
        for i in y.argnums:
            x = parent(y, i)
            if x not in seen:
                seen.add(x)
                stack.append(x)
    nodes.sort(key=attrgetter("order"))
    return nodes


def parent(y: Any, i: int) -> Any:
    """The i-th argument of y as it was when y was made.

    `x[index] = v` moves x to a later place on the tape and leaves its earlier self as the first argument there.
    """
    x = y.call[ARGS + i]
    while x.order < y.order:
        x = x.call[ARGS]
    return x


# A node's call is one flat tuple, for the memory's sake: the function, the positions of the arguments that take
# gradients (None once the graph is freed), the keywords (None for an operator's, which has none), the arguments as
# arrays, and from ARGS on the arguments themselves.
Call = tuple[Any, ...]
ARGS = 4

_QUIET = nullcontext()  # Python's floats do not warn
Ends = list[tuple[Any, Any]]
Notes = list[tuple[Any, Any, int, Any, Any]]  # node, its complete gradient, argument's position, parent, contribution


def backprop(
    root: Any, gradient: Any, wanted: Collection[Any] | None = None, create_graph: bool = False, keep: bool = False,
    notes: Notes | None = None,
) -> tuple[Ends, list[Any]]:  # fmt: skip
    """(node, gradient) of those at the ends of the way from `root`, latest first, and the nodes on the way.

    The ends are the leaves; or with `wanted` those nodes, and then nothing is computed that leads elsewhere.
    With `keep` the nodes on the way are not listed: they keep what they pass on as their `.grad`. Every contribution
    is added to `notes`, if there are any.

    A zero that meets an infinity or a NaN on the way makes a NaN. Only where one arrives is the walk done again
    with care: where no gradient arrives at an elementwise function, none leaves.
    """
    leads, ends = None, None
    if wanted is not None:
        ends = {x.order for x in wanted}
        leads = set(ends)
        for y in reversed(toposort(root)):
            if any([parent(y, i).order in leads for i in y.argnums]):
                leads.add(y.order)
        if root.order not in leads:
            return [], []
    with _QUIET if type(gradient) is float else np.errstate(divide="ignore", invalid="ignore"):
        ended, passed = _walk(root, gradient, leads, ends, create_graph, keep, False, notes)
        if _has_nan(ended):
            if notes is not None:
                notes.clear()
            ended, passed = _walk(root, gradient, leads, ends, create_graph, keep, True, notes)
    return ended, passed


def _walk(
    root: Any, gradient: Any, leads: set[int] | None, ends: set[int] | None, create_graph: bool, keep: bool,
    careful: bool, notes: Notes | None,
) -> tuple[Ends, list[Any]]:  # fmt: skip
    passed: list[Any] = []
    ended: Ends = []
    arrived = {root.order: (root, gradient)}
    summed: set[int] = set()
    latest = [root.order]
    while latest:
        # The latest node is behind no other that is still to come, so its gradient is complete.
        order = heappop(latest)
        y, g = arrived.pop(order)
        call: Call = y.call
        argnums = call[1]
        if not argnums or ends is not None:
            if argnums is None:
                raise freed(y)
            if ends is None or order in ends:
                ended.append((y, g))
            if not argnums:
                continue
        elif keep:
            y._grad = g
        else:
            passed.append(y)
        # The choice between arrays and nodes is the whole difference between a gradient and one that has a
        # gradient itself: rules run on nodes are recorded.
        if create_graph:
            value, given = y, [parent(y, i) if i in argnums else a for i, a in enumerate(call[3])]
        else:
            value, given = y._value, call[3]
        fun, kwargs = call[0], call[2]
        rules = vjps[fun]
        if kwargs is None:
            a, b = given
        for i in argnums:
            x = call[i + ARGS]
            at = x.order
            if at < order:
                x = parent(y, i)
                at = x.order
            if leads is not None and at not in leads:
                continue
            try:
                rule = rules[i]  # spelled out, as it can be for an operator, its call takes a third of the time
                r = rule(g, value, a, b) if kwargs is None else rule(g, value, *given, **kwargs)
            except ArithmeticError:  # Python's floats refuse to divide by zero, where NumPy's say inf
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    floats = [np.float64(v) if type(v) is float else v for v in (g, value, *given)]
                    r = rule(*floats, **(kwargs or {}))
            if careful and elementwise(fun):
                r = np.where((g == 0) & np.isnan(r), 0, r)  # elsewhere a gradient that happens to be 0 has derivatives
            kind = type(r)
            if kind is not float and not (kind is float64 and type(x._value) is float64):
                if r is None:
                    raise TypeError(f"a rule of {name(fun)} gave None; in place of a rule None says: no gradient")
                r = x._fit(r, fun)
                if r is g and not x.argnums and not create_graph:
                    r = g.copy()  # a leaf's gradient is its own
            if notes is not None:
                notes.append((y, g, i, x, r))
            if at not in arrived:
                arrived[at] = x, r
                heappush(latest, at)
            else:
                total = arrived[at][1]
                if at in summed and type(total) is type(r):  # an array cannot take in what is being recorded
                    total += r
                else:  # what has arrived may be another node's too, but their sum is new
                    total = total + r
                    if not create_graph:
                        summed.add(at)
                arrived[at] = x, total
    return ended, passed


def elementwise(fun: Any) -> bool:
    """Whether each element of the result is made from those at the same place of the arguments, once broadcast."""
    return fun in pointwise or (isinstance(fun, np.ufunc) and fun.signature is None)


def _has_nan(ended: Ends) -> bool:
    """Whether a gradient holds a NaN."""
    gradients = [g if type(g) is ndarray or type(g) is float else getattr(g, "_value", g) for _, g in ended]
    return has_nan(*gradients)  # type: ignore[no-any-return]


@predicate
def has_nan(*gradients: Any) -> bool:
    """Whether one of them holds a NaN: exactly then squares add up to one, and the least element is one."""
    for g in gradients:
        if isinstance(g, float):
            sign: Any = g
        elif g.size < 10_000:
            g = g.ravel("K")
            sign = np.vdot(g, g)  # which, unlike dot, lets an overflow pass
        else:  # a dot would wake BLAS's threads, whose spinning slows what follows
            sign = g.min()
        if sign != sign:
            return True
    return False


def freed(y: Any) -> ValueError:
    """The error for a walk that comes to a node that an earlier one freed."""
    return ValueError(
        f"backward: the graph behind {y._describe()}, a result of {name(y.fun)}, was freed by "
        "backward(retain_graph=False); leave that argument out where a graph is walked twice"
    )


def unbroadcast(g: Any, shape: tuple[int, ...], fun: Any) -> Any:
    """Sum `g` over the axes that broadcasting added to `shape` or stretched."""
    extra = g.ndim - len(shape)
    kept = g.shape[max(extra, 0) :]
    stretched = [i for i, n in enumerate(shape) if n == 1]
    if extra < 0 or any(n != m for i, (n, m) in enumerate(zip(shape, kept, strict=True)) if i not in stretched):
        raise ValueError(f"a rule of {name(fun)} gave a gradient of shape {g.shape} for an argument of shape {shape}")
    return g.sum(axis=(*range(extra), *[i + extra for i in stretched])).reshape(shape)
