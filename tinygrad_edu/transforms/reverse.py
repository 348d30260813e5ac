"""Reverse mode: `grad(f)` is the gradient of f, as a function of the same arguments.

Each transform takes and returns arrays, and trees of them (`tree`). Given a Tensor that takes gradients, or a function
that closes over one (a parameter, or the variable of an enclosing transform), it returns Tensors, so that gradients go
through it; within no_grad none do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine import mode
from ..engine.backward import Pair, is_leaf, parent, toposort
from ..engine.errors import kind_of
from ..engine.habits import names_keywords
from ..engine.mode import Contribution, Transform, paused, recording
from ..engine.passes import PLAIN, RECORDED, reverse_pass
from ..engine.rules.registry import Function, conj, real_part
from ..engine.spans import tag
from ..engine.tape import Node, constant, next_place
from ..engine.tensor import Tensor
from . import tree
from .arguments import (
    Argnums,
    Result,
    as_result,
    as_results,
    check_function,
    check_result,
    is_constant_argument,
    like_arguments,
    name_of,
    positions,
    with_variables,
)

Operand = ArrayLike | Tensor
OUTERMOST = Transform(frozenset(), [])  # what is around a transform that is within no other


@names_keywords
def gradients(y: Any, xs: Any, gradient: Any = None, create_graph: bool = False) -> Any:
    """Return d(y)/d(x) for each x, times `gradient`, which a y of several elements needs; change no `.grad`.

    Returns arrays (floats for Values), or with `create_graph` Tensors that have gradients; zeros for an unused x. xs is
    a list or another container of Tensors, such as a Module; the result has its structure. If y is a container too, the
    gradients of its members add up, and `gradient` has its structure. Raises TypeError unless xs is a container and
    all in it are Tensors, and ValueError for a `gradient` that does not fit y.

    >>> w = tg.Tensor([1.0, 2.0])
    >>> tg.gradients(np.sum(w**3), [w])
    [array([ 3., 12.])]
    """
    if isinstance(xs, Node):
        raise TypeError("gradients: xs is a list; write gradients(y, [x])")
    nodes, roots = tree.leaves(xs), [y] if isinstance(y, Node) else tree.leaves(y)
    for i, x in enumerate((*nodes, *roots)):
        if not isinstance(x, Node):
            where = [*tree.paths(xs, "xs"), *tree.paths(y, "y")][i]
            raise TypeError(f"gradients: y and all of xs are Tensors, and one is {kind_of(x)}, {where}; wrap it first")
    if not isinstance(y, Node):
        if not roots:
            raise TypeError(f"gradients: y is a Tensor, or a container of Tensors, not {y!r}")
        given: list[Any] = [None] * len(roots)
        if gradient is not None:
            given = tree.leaves_like("gradients", "result", y, gradient, "the gradient")
        for where, root, g in zip(tree.paths(y, "y"), roots, given, strict=True):
            if g is not None and np.shape(g) != (shape := np.shape(root._value)):
                raise ValueError(f"gradients: {where} has shape {shape}, and the gradient there {np.shape(g)}")
        y = _contracted(y, [conj(root._seed(g)) for root, g in zip(roots, given, strict=True)])
        gradient = None
    found = node_gradients(y, nodes, gradient, create_graph)
    return found if type(xs) is list and len(found) == len(xs) else tree.with_leaves(xs, found)


def node_gradients(
    y: Node, xs: Sequence[Node], gradient: Operand | None = None, create_graph: bool = False,
    cut: frozenset[Node] = frozenset(), alone: bool = False,
) -> list[Result]:  # fmt: skip
    """Return `gradients` of one y and a flat list of xs; nothing passes the nodes in `cut` on the way to others.

    If the caller knows that y depends on no leaf but the xs, they are `alone`: all nodes are on the way to them.
    """
    seed = y._start(gradient, create_graph)
    start = next_place()
    wanted = set(xs)
    on_path = wanted if alone else _nodes_towards(wanted, y)

    def towards(contribute: Contribution) -> Contribution:
        return lambda y, g, i, x: contribute(y, g, i, x) if x in on_path and y not in cut else None

    def select(pairs: Iterable[Pair[Node]]) -> list[Pair[Node]]:
        return [(x, g) for x, g in pairs if x in wanted]

    contributions = RECORDED if create_graph else PLAIN
    if not alone:
        contributions = tuple(map(towards, contributions))
    found = dict(reverse_pass(y, seed, select, contributions)) if alone or y in on_path else {}
    result = [found[x] if x in found else _zeros(x, create_graph) for x in xs]
    result = [as_result(g) if isinstance(x, Tensor) else g for x, g in zip(xs, result, strict=True)]
    tag(result, None, None, start, ())
    return result


def _nodes_towards(wanted: set[Node], y: Node) -> set[Node]:
    """Return the wanted nodes, and the nodes on paths from y to them."""
    on_path = set(wanted)
    for node in reversed(toposort(y)):
        if not is_leaf(node) and any([parent(node, i) in on_path for i in node.argnums]):
            on_path.add(node)
    return on_path


def _zeros(x: Node, create_graph: bool) -> Result:
    """Return the gradient by an x that y does not depend on; x * 0 would be NaN where x is infinite."""
    zeros = np.zeros_like(x._value) if isinstance(x, Tensor) else 0.0
    return constant(type(x), zeros) if create_graph else zeros


@names_keywords
def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., tuple[Result, Result]]:
    """Return a function that returns f's value, a single number, and its gradient by the `argnums`-th argument.

    An argument may be a tree, that is nested containers of arrays and numbers (see `tg.tree`): its gradient has the
    same structure, with None for each constant (an integer, a boolean, or no number at all). The gradient by a Module
    is a dict of its parameters' gradients by name. With `has_aux` f returns (value, aux), and the value that comes back
    is that pair. Raises ValueError if f returns more than one number, or no number at all.

    >>> tg.value_and_grad(lambda x: x**2)(3.0)
    (array(9.), array(6.))
    """
    check_function("grad", f, argnums)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Result, Result]:
        y, aux, xs, carry, alone = trace("grad", f, args, kwargs, argnums, has_aux)
        if (y._value.size if isinstance(y, Tensor) else np.size(y)) != 1:
            raise ValueError(
                f"grad({name_of(f)}): the function must return a single number, a scalar, and returned shape "
                f"{y.shape}; reduce it with .sum() or .mean(), or use jacobian"
            )
        value, gradient = as_result(y, carry), like_arguments(args, argnums, pull_back(y, xs, None, carry, alone))
        return ((value, as_results(aux, carry)), gradient) if has_aux else (value, gradient)

    return value_and_gradient


@names_keywords
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Result]:
    """Return the gradient of f, which returns a single number, by its `argnums`-th argument; for a tuple, a tuple.

    Trees are taken as by `value_and_grad`. With `has_aux` f returns (value, aux), and the result is (gradient, aux).
    The gradient by a complex x + iy is df/dx + i df/dy, as in PyTorch; JAX and HIPS autograd return `np.conjugate` of
    it.

    >>> tg.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Result:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Function, *xs: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return f(*xs), and the function g -> (g d(f)/d(x) for each x), which pulls a gradient of the result back.

    Arguments and result may be trees; g has the structure of the result, with None where no gradient arrives. With
    `has_aux` f returns (result, aux), and aux is returned as a third. Raises ValueError, when it is pulled back, for a
    g of another shape than the result.

    >>> y, pull = tg.vjp(np.square, np.array([1.0, 2.0]))
    >>> y, pull(np.array([1.0, 10.0]))
    (array([1., 4.]), (array([ 2., 40.]),))
    """
    check_function("vjp", f)
    argnums = tuple([i for i, x in enumerate(xs) if not is_constant_argument(x)]) or tuple(range(len(xs)))
    y, aux, variables, carry, _ = trace("vjp", f, xs, {}, argnums, has_aux, several=True)

    def pull(g: Any) -> tuple[Result, ...]:
        caller = f"vjp({name_of(f)})"
        gs = [g] if isinstance(y, Node) else tree.leaves_like(caller, "result", y, g, "the gradient")
        for i, (part, given) in enumerate(zip(tree.leaves(y), gs, strict=True)):
            if given is not None and np.shape(given) != np.shape(part):
                where = "" if isinstance(y, Node) else f" at {list(tree.paths(y, 'result'))[i]}"
                raise ValueError(
                    f"{caller}: the gradient{where} has shape {np.shape(given)}, and the result has shape "
                    f"{np.shape(part)}"
                )
        record = carry or any([isinstance(given, Tensor) and given.requires_grad for given in gs])
        pulled = like_arguments(xs, argnums, pull_back(y, variables, gs[0] if isinstance(y, Node) else gs, record))
        return tuple([pulled[argnums.index(i)] if i in argnums else None for i in range(len(xs))])

    value = as_results(y, carry) if tree.is_container(y) else as_result(y, carry)
    return (value, pull, as_results(aux, carry)) if has_aux else (value, pull)


def trace(
    transform: str, f: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums,
    has_aux: bool = False, several: bool = False,
) -> tuple[Any, Any, list[Tensor], bool, bool]:  # fmt: skip
    """Call f on new variables; return its result, aux, the variables, and two booleans.

    They are whether results are Tensors with gradients, and whether the variables are known to be the only leaves. The
    result is one array or number, or with `several` a tree of them. With `has_aux` f returns it with aux, which may be
    anything; else aux is None.
    """
    arguments, start, within_no_grad = list(args), next_place(), paused()
    xs: list[Tensor] = []
    enclosing = mode.transform.get() or OUTERMOST
    inside = Transform(enclosing.variables, [], enclosing.entered, f)
    token = mode.transform.set(inside)  # already for the variables: an enclosing forward mode has to keep their graph
    try:
        with recording():
            for i in positions(transform, f, argnums, args, kwargs):
                arguments[i] = with_variables(transform, f, args[i], i, xs)
            carry = any([x.fun is not None for x in xs])
            mode.transform.set(inside.within(xs))
            y = f(*arguments, **kwargs)
            y = y._as_base() if isinstance(y, Node) else y
    except ValueError as error:
        for lost in inside.lost:  # array[0] = x: NumPy raises an error of its own instead
            raise lost from error
        raise
    finally:
        mode.transform.reset(token)
    if has_aux or not isinstance(y, Tensor):
        check_result(transform, f, y, has_aux, several)
    alone = False
    if not carry and not within_no_grad:
        roots = [y] if isinstance(y, Node) else [part for part in tree.leaves(y) if isinstance(part, Node)]
        variables = set(xs) - enclosing.variables  # the parameters of a Module may be variables of both
        carry, alone = _other_leaves([root for root in roots if root.requires_grad], variables, start)
    return (*y, xs, carry, alone) if has_aux else (y, None, xs, carry, alone)


def _other_leaves(roots: list[Node], variables: set[Tensor], start: int) -> tuple[bool, bool]:
    """Return whether results depend on a Tensor older than place `start` that is no variable, and on no other leaf."""
    seen, nodes, alone = set(roots), list(roots), True
    while nodes:
        y = nodes.pop()
        if y.order > start:
            if y not in variables:
                return True, False
            continue
        if is_leaf(y) and y not in variables:  # f made it; is_leaf raises an error where the graph was freed
            alone = False
        for i in y.argnums:
            x = y.args[i] if y.args[i].order >= y.order else parent(y, i)
            if x not in seen:
                seen.add(x)
                nodes.append(x)
    return False, alone


def pull_back(y: Any, xs: Sequence[Tensor], gradient: Any, carry: bool, alone: bool = False) -> list[Result]:
    """Return the gradients of y by each x, see `node_gradients`; zeros where y depends on no variable.

    If y is a tree, `gradient` is a list with an array, or None, for each of its leaves.
    """
    if not isinstance(y, Node) and tree.is_container(y):
        y, gradient = _contracted(y, gradient), None
    if isinstance(y, Tensor):
        return node_gradients(y, xs, gradient, create_graph=carry, alone=alone)
    return [np.zeros_like(x._value) for x in xs]


def _contracted(y: Any, gradients: Sequence[Any]) -> Any:
    """Return the sum of the leaves of y times their gradients; 0 if none of them takes gradients."""
    with recording():
        return sum(
            [
                real_part(np.sum(part * (np.conjugate(g) if np.iscomplexobj(g) else g)))
                for part, g in zip(tree.leaves(y), gradients, strict=True)
                if isinstance(part, Tensor) and g is not None
            ]
        )
