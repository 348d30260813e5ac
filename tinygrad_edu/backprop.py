"""The walk back: from a root through everything it was made from, by the chain rule.

A node is known by what it holds: `fun`, `args` and `kwargs`, the call that made it; `argvals`, the same
arguments as plain arrays; `argnums`, the positions of those that take gradients; `order`, its place on the
tape, later than that of every argument. So the tape, read backwards, is a reverse topological order.
"""

from collections.abc import Collection
from operator import attrgetter
from typing import Any

import numpy as np

from .rules import name, vjps


def toposort(root: Any) -> list[Any]:
    """The nodes that root's gradient flows through, root first, each before its arguments. No recursion."""
    seen, stack, nodes = {root}, [root], []
    while stack:
        y = stack.pop()
        nodes.append(y)
        if y.argnums is None:
            raise ValueError(
                f"backward: the graph behind {y!r} was freed by backward(retain_graph=False); "
                "leave that argument out where you want to walk a graph twice"
            )
        for i in y.argnums:
            x = parent(y, i)
            if x not in seen:
                seen.add(x)
                stack.append(x)
    nodes.sort(key=attrgetter("order"), reverse=True)
    return nodes


def parent(y: Any, i: int) -> Any:
    """The i-th argument of y as it was when y was made.

    `x[index] = v` moves x to a later place on the tape and leaves its earlier self as the first argument there.
    """
    x = y.args[i]
    while x.order > y.order:
        x = x.args[0]
    return x


def backprop(
    root: Any, gradient: Any, wanted: Collection[Any] | None = None, create_graph: bool = False
) -> dict[Any, Any]:
    """{node: gradient} of every node behind `root`, or of those `wanted`, latest first.

    A zero that meets an infinity or NaN on the way down makes a NaN. Only then is the walk done again with
    care: where no gradient arrives at an elementwise function, none leaves.
    """
    nodes, leads = toposort(root), None
    if wanted is not None:
        leads = set(wanted)
        for y in reversed(nodes):
            if any(parent(y, i) in leads for i in y.argnums):
                leads.add(y)
        nodes = [y for y in nodes if y in leads]
    if not nodes:
        return {}
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _walk(nodes, gradient, wanted, leads, create_graph, careful=False)
        if any(_has_nan(g) for x, g in found.items() if wanted is not None or not x.argnums):
            found = _walk(nodes, gradient, wanted, leads, create_graph, careful=True)
    return found


def _walk(
    nodes: list[Any], gradient: Any, wanted: Collection[Any] | None, leads: Collection[Any] | None,
    create_graph: bool, careful: bool,
) -> dict[Any, Any]:  # fmt: skip
    arrived, found = {nodes[0]: gradient}, {}
    for y in nodes:
        g = arrived.pop(y)
        if wanted is None or y in wanted:
            found[y] = g
        if not y.argnums:
            continue
        rules, kwargs = vjps[y.fun], y.kwargs
        # The choice between arrays and nodes is the whole difference between a gradient and one that has a
        # gradient itself: rules run on nodes are recorded.
        if create_graph:
            value, args = y, [parent(y, i) if i in y.argnums else a for i, a in enumerate(y.argvals)]
        else:
            value, args = y._data, y.argvals
        for i in y.argnums:
            x = parent(y, i)
            if leads is not None and x not in leads:
                continue
            try:
                r = rules[i](g, value, *args, **kwargs) if kwargs else rules[i](g, value, *args)
            except ArithmeticError:  # Python's floats refuse to divide by zero, where NumPy's say inf
                r = rules[i](np.float64(g), value, *args, **kwargs)
            if careful and isinstance(y.fun, np.ufunc) and y.fun.signature is None:
                r = np.where(g == 0, 0, r)
            if type(r) is not float:
                if r is g and not x.argnums and not create_graph:
                    r = g.copy()  # a leaf's gradient is its own
                r = x._fit(r, y.fun)
            arrived[x] = arrived[x] + r if x in arrived else r
    return found


def _has_nan(g: Any) -> bool:
    """Whether a gradient holds a NaN: squares add up to NaN exactly then."""
    if not isinstance(g, float):
        g = getattr(g, "_data", g)
        g = np.vdot(g, g)
    return bool(g != g)


def unbroadcast(g: Any, shape: tuple[int, ...], fun: Any) -> Any:
    """Sum `g` over the axes that broadcasting added to `shape` or stretched."""
    extra = g.ndim - len(shape)
    stretched = tuple([i for i, n in enumerate(shape, extra) if n == 1 != g.shape[i]])
    if extra < 0 or any(n != m for i, (n, m) in enumerate(zip(shape, g.shape[extra:]), extra) if i not in stretched):
        raise ValueError(f"a rule of {name(fun)} gave a gradient of shape {g.shape} for an argument of shape {shape}")
    return g.sum(axis=(*range(extra), *stretched)).reshape(shape)
