"""Forward mode: derivatives along a direction, computed together with the values.

A jvp needs no rules of its own: those of the reverse mode serve. If a function is elementwise, its Jacobian is
diagonal, so the rule applied to a tangent is the tangent of the result. Any other rule is linear in the gradient that
it is given: it is recorded on one, and pulled back along the tangent.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.backward import backpropagate, contribution, parent, toposort
from ..engine.errors import FreedError
from ..engine.mode import Watcher, recording, transform, watched_by, watchers, watching
from ..engine.passes import recorded_contribution
from ..engine.rules import windows
from ..engine.rules.einsum import einsum
from ..engine.rules.indexing import read, scatter
from ..engine.rules.limits import any_true
from ..engine.rules.registry import Function, array_of, is_elementwise, limits, name, unsettled, vjps
from ..engine.rules.shaping import astype
from ..engine.tape import Node, constant
from ..engine.tensor import Tensor
from . import tree
from .arguments import as_result, as_results, check_function, is_constant_argument
from .reverse import trace
from .tangents import by_used_elements, holds_nan, pulled_by_limits, pulled_twice

# Functions that are linear in each of their Tensors: the function of the tangent is the tangent of the function, which
# is what transposing their rules would give, in a third of the time.
LINEAR = {
    np.sum, np.mean, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze,
    np.broadcast_to, operator.getitem, scatter, astype, np.matmul, np.outer, einsum, np.cumsum, np.flip, np.roll,
    np.diagonal, np.tril, np.triu, windows.unfold, windows.fold, windows.to_first, windows.from_first,
}  # fmt: skip


class Tangents(Watcher):
    """Gives each node that depends on the variables its tangent, the derivative along a direction, in `y.tangents`.

    With `free` it forgets the graph behind a node that depends on nothing else: then the memory of a jvp does not grow
    with the length of the computation. A tangent is a node where a gradient may go through it, and else an array.
    """

    needs_graph = True

    def __init__(
        self, variables: Sequence[Node], directions: Sequence[Any], free: bool = False, masked: bool = False
    ) -> None:
        self.below, self.enclosing = watchers(), id(transform.get())  # not the object: it holds the variables
        self.free = free and not any([watcher.needs_graph for watcher in self.below])
        self.masked, self.active = masked, True
        self.kinked = False  # whether a tangent that is recorded passed a kink, where it may lack a limit
        self.start = max([x.order for x in variables], default=0)  # older nodes depend on no variable
        for x, v in zip(variables, directions, strict=True):
            data = v._value if isinstance(v, Tensor) else array_of(getattr(v, "_value", v))
            if data.dtype.kind not in "fiubc" or data.dtype.kind == "c" != x._value.dtype.kind:
                raise TypeError(f"jvp: a direction holds {data.dtype}, and its argument real numbers")
            data = data if data.dtype == x._value.dtype else data.astype(x._value.dtype)
            if isinstance(v, Tensor) and v.requires_grad:
                self.note(x, v if v.dtype == data.dtype else v.astype(data.dtype))
            else:
                self.note(x, constant(Tensor, data) if x.argnums else data)

    def of(self, x: Any) -> Any:
        """Return the tangent of a node; None if it depends on no variable."""
        return getattr(x, "tangents", {}).get(self) if isinstance(x, Node) and x.order <= self.start else None

    def note(self, y: Node, tangent: Any) -> None:
        """Keep the tangent of a node."""
        y.tangents = {**getattr(y, "tangents", {}), self: tangent} if self.below else {self: tangent}

    def recorded(self, y: Any) -> None:
        """Compute the tangent of a node that was just recorded."""
        with watched_by(self.below), np.errstate(divide="ignore", invalid="ignore"):
            self.push(y)

    def show(self, y: Any, tangent: Any) -> None:
        """Show the tangent of a result to the watchers, unless it holds a NaN that another pass may mend."""
        if not self.below or tangent is None:
            return
        if not holds_nan(tangent) or (self.masked and not any(node.fun in unsettled for node in toposort(y))):
            for watcher in self.below:
                watcher.tangent_found(y, tangent, self.of)

    def push(self, y: Node) -> None:
        """Compute the tangent of a node from those of its arguments."""
        tangents = [self.of(parent(y, i)) for i in y.argnums]
        along = [(i, t) for i, t in zip(y.argnums, tangents, strict=True) if t is not None]
        if not along:
            return
        differentiable = len(along) < len(tangents) or any([isinstance(t, Node) for t in tangents])
        push = self.pushed if is_elementwise(y.fun) else applied if y.fun in LINEAR else transposed
        if self.masked and push is applied:
            push = functools.partial(by_used_elements, applied)
        first, *others = [push(y, i, t, differentiable) for i, t in along]
        tangent = sum(others, start=first)
        self.kinked = self.kinked or (differentiable and y.fun in limits and is_at_kink(y))
        if differentiable and not isinstance(tangent, Node):
            tangent = constant(Tensor, tangent)
        self.note(y, tangent)
        if self.free and not differentiable and id(transform.get()) == self.enclosing:
            y._free()

    def pushed(self, y: Node, i: int, t: Any, differentiable: bool) -> Any:
        """Return what the tangent t of its i-th argument adds to the tangent of y, whose function is elementwise."""
        shape = y._value.shape
        t = t if t.shape == shape else np.broadcast_to(t, shape)
        contribute = recorded_contribution if differentiable else contribution

        def rule(t: Any) -> Any:
            return contribute(y, t, i, y, fit=lambda r, y, g, x: r)

        r = rule(t)
        if self.masked:  # 0 instead of 0 * inf = NaN, whichever of both is 0
            is_zero = (t == 0) | ((rule(np.ones(shape, y._value.dtype)) == 0) & ~np.isfinite(getattr(t, "_value", t)))
            r = np.where(is_zero & np.isnan(getattr(r, "_value", r)), 0, r)
        r = r if r.shape == shape else np.broadcast_to(r, shape)
        return y._fit(r, y.fun)


def is_at_kink(y: Node) -> bool:
    """Return whether a node is at a point where the limit of its function asks for more than the rule knows."""
    asked: list[Any] = []
    rules: Any = vjps[y.fun]
    for i in y.argnums:
        ones = np.ones(y._value.shape, y._value.dtype)
        r = rules[i](ones, y._value, *y.argvals, **y.kwargs)
        limits[y.fun](i, r, ones * 0, asked.append, y._value, *y.argvals, **y.kwargs)
    return bool(asked)


def applied(y: Node, i: int, t: Any, differentiable: bool) -> Any:
    """Return the tangent of y by t, that of its i-th argument, for a function that is linear in this argument."""
    args = [parent(y, j) if differentiable and j in y.argnums else a for j, a in enumerate(y.argvals)]
    fun: Function = read if y.fun is operator.getitem else y.fun
    if fun is np.sum and len(args) > 5:
        args[5] = 0  # `initial`, which is no part of the tangent
    return fun(*args[:i], t, *args[i + 1 :], **{k: v for k, v in y.kwargs.items() if k != "initial"})


def transposed(y: Node, i: int, t: Any, differentiable: bool) -> Any:
    """Return the tangent of y by t: the transpose of the rule, which is linear in the gradient, times t."""
    contribute = recorded_contribution if differentiable else contribution

    def newer(y: Node, t: Any, i: int, x: Node) -> Any:
        return contribute(y, t, i, x) if x.order <= g.order else None

    r: Any = None
    for start in (np.zeros_like, np.ones_like):  # a rule may leave out what no gradient arrives at
        g = Tensor._variable(start(y._value))
        r = contribute(y, g, i, parent(y, i))
        if isinstance(r, Node) and r.requires_grad:
            for node, total in backpropagate(r, t, newer):
                if node is g:
                    return total
    if r is not None and any_true(np.not_equal(getattr(r, "_value", r), 0)):
        raise TypeError(
            f"forward mode: the rule of {name(y.fun)} makes plain numbers of the gradient; it has to compute with "
            "NumPy functions of it"
        )
    return np.zeros_like(y._value)  # no gradient passes this argument


def push_forward(y: Any, variables: Sequence[Node], directions: Sequence[Any]) -> Any:
    """Return the tangent of y, a result that was recorded already, along directions of its variables."""
    if not isinstance(y, Node):
        return None
    nodes = [node for node in reversed(toposort(y)) if node.argnums]
    for masked in (False, True):
        tangents = Tangents(variables, directions, masked=masked)
        with recording(), np.errstate(divide="ignore", invalid="ignore"):
            for node in nodes:
                tangents.push(node)
        if not holds_nan(t := tangents.of(y)):
            break
    t = pulled_twice(y, variables, directions) if tangents.kinked and isinstance(t, Node) else t
    tangents.show(y, t)
    return t


def jvp(f: Function, xs: Sequence[Any], vs: Sequence[Any], has_aux: bool = False) -> tuple[Any, ...]:
    """Return f(*xs), and its derivative along the directions vs: the sum of d(f)/d(x) v.

    The tangent goes along with the value, so no graph is kept. Arguments, directions and result may be trees (see
    `tg.tree`); the direction of a constant (an integer, a boolean, or no number at all) is None or 0. With `has_aux` f
    returns (result, aux), and aux is returned as a third. Raises TypeError for arguments that are not lists, and
    ValueError for directions of other numbers or shapes.

    >>> tg.jvp(np.square, [3.0], [1.0])
    (array(9.), array(6.))
    """
    check_function("jvp", f)
    if not isinstance(xs, (list, tuple)) or not isinstance(vs, (list, tuple)):
        raise TypeError("jvp: arguments and directions are lists of the same length; write jvp(f, [x], [v])")
    if len(xs) != len(vs):
        raise ValueError(f"jvp: {len(xs)} arguments and {len(vs)} directions")
    varying = [i for i, x in enumerate(xs) if not (is_constant_argument(x) or (isinstance(x, int) and vs[i] is None))]
    argnums = tuple(varying) or tuple(range(len(xs)))
    directions = [v for i, (x, v) in enumerate(zip(xs, vs, strict=True)) for v in _directions(x, v, i, i in argnums)]
    evaluate = functools.partial(_evaluated_along, f, xs, argnums, directions, has_aux)
    try:
        *result, has_nan = evaluate(free=True)
    except FreedError:  # f runs a backward pass itself, through what was forgotten
        *result, has_nan = evaluate()
    if has_nan:
        *result, _ = evaluate(masked=True)
    return tuple(result)


def _directions(x: Any, v: Any, i: int, varies: bool) -> list[Any]:
    """Return the direction of each leaf of argument i that is not a constant; raise ValueError if its shape differs."""
    if tree.is_container(x):
        leaves = tree.leaves(x)
        pairs = zip(leaves, tree.leaves_like("jvp", f"argument {i}", x, v, "its direction"), strict=True)
        varying = [not tree.is_constant(leaf) for leaf in leaves]
    else:
        pairs, varying = zip([x], [v], strict=True), [varies]
    found = []
    for (leaf, along), takes, where in zip(pairs, varying, tree.paths(x, str(i)), strict=True):
        if not takes:
            if along is not None and np.any(along):
                raise ValueError(f"jvp: direction {where} is not 0, and its argument is a constant; pass None")
            continue
        if along is None:
            raise ValueError(f"jvp: direction {where} is None, and its argument is no constant; pass zeros")
        if np.shape(along) != np.shape(leaf):
            raise ValueError(f"jvp: direction {where} has shape {np.shape(along)}, its argument {np.shape(leaf)}")
        found.append(along)
    return found


def _evaluated_along(
    f: Function, xs: Sequence[Any], argnums: tuple[int, ...], vs: Sequence[Any], has_aux: bool, free: bool = False,
    masked: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the value of f, its tangent, aux if there is one, and whether the tangent holds a NaN."""
    tangents: list[Any] = []

    @functools.wraps(f)
    def watched(*arguments: Any) -> Any:
        variables = _variables(xs, arguments, argnums)
        along = Tangents(variables, vs, free, masked)
        try:
            with watching(along):
                y = f(*arguments)
        finally:
            along.active = False  # from now on, what it freed is a leaf
        leaves = tree.leaves(y[0] if has_aux and isinstance(y, tuple) and y else y)
        tangents[:] = map(along.of, leaves)
        for i, (leaf, t) in enumerate(zip(leaves, tangents, strict=True)):
            if along.kinked and isinstance(t, Node) and t.requires_grad:
                tangents[i] = pulled_twice(leaf, variables, vs)
            is_lost = masked and holds_nan(tangents[i]) and not holds_nan(leaf)
            if is_lost and any(node.fun in unsettled for node in toposort(leaf)):
                tangents[i] = pulled_by_limits(leaf, variables, vs, tangents[i])
            along.show(leaf, tangents[i])
        return y

    y, aux, _, carry, _ = trace("jvp", watched, xs, {}, argnums, has_aux, several=True)
    carry = carry or any(isinstance(v, Tensor) and v.requires_grad for v in vs)
    rest = [as_results(aux, carry)] * has_aux + [any(map(holds_nan, tangents))]
    if not tree.is_container(y):
        return as_result(y, carry), _tangent(y, tangents[0], carry), *rest
    leaves = [
        None if t is None and tree.is_constant(leaf) else _tangent(leaf, t, carry)
        for leaf, t in zip(tree.leaves(y), tangents, strict=True)
    ]
    return as_results(y, carry), tree.with_leaves(y, leaves), *rest


def _tangent(y: Any, t: Any, carry: bool) -> Any:
    """Return the tangent of one result: zeros if it depends on no variable."""
    if t is not None:
        return as_result(t, carry)
    dtype = y.dtype if hasattr(y, "dtype") else np.asarray(getattr(y, "_value", y)).dtype
    return np.zeros(np.shape(y), dtype if dtype.kind in "fc" else float)


def _variables(xs: Sequence[Any], arguments: Sequence[Any], argnums: tuple[int, ...]) -> list[Any]:
    """Return the variables among the arguments that f is given for xs."""
    found: list[Any] = []
    for i in argnums:
        if tree.is_container(xs[i]):
            pairs = zip(tree.leaves(xs[i]), tree.leaves(arguments[i]), strict=True)
            found += [variable for x, variable in pairs if not tree.is_constant(x)]
        else:
            found.append(arguments[i])
    return found
