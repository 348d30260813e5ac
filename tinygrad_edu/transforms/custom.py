"""Functions that are one node of the tape: computed again in the backward pass, or pulled back by a rule of their own.

The arguments of such a node are the Tensors in the arguments of the function, and those that it closes over. Several
results are joined to one vector, so that the rule runs once for all results and arguments.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from ..engine.arrays import scalar_as_array
from ..engine.backward import is_leaf, parent, toposort
from ..engine.errors import kind_of
from ..engine.mode import Transform, paused, recording, transform
from ..engine.rules import registry
from ..engine.rules.containers import JointRule
from ..engine.rules.registry import Array, Function, conj, defvjp, predicate_of_all, primitive, takes_complex
from ..engine.rules.table import Each
from ..engine.tape import Node, next_place, record
from ..engine.tensor import Tensor
from . import tree
from .arguments import check_function, name_of, variable_of
from .batching import Batch, batches, depth, looped
from .reverse import node_gradients

P = ParamSpec("P")
R = TypeVar("R")


def stop_gradient(x: Any) -> Any:
    """Return x as a constant, through which no gradient passes; of a tree, all of its Tensors.

    >>> tg.grad(lambda x: tg.stop_gradient(x) * x)(3.0)
    array(3.)
    """

    def stopped(leaf: Any) -> Any:
        return leaf.detached if type(leaf) is Batch else leaf.detach() if isinstance(leaf, Node) else leaf

    return tree.replaced(stopped, x)


def _rule(i: int, g: Array, y: Array, *args: Array, pull: JointRule) -> Any:
    return pull.argument(i, g, y, *args)


@contextmanager
def _inside(variables: Sequence[Node], outermost: Transform | None = None) -> Iterator[None]:
    """Let the variables count as those of a transform within the enclosing one, or within `outermost`, if there is one.

    There, functions of jit are called without their recordings.
    """
    enclosing = transform.get() or outermost
    token = transform.set(enclosing and enclosing.within(variables))
    try:
        yield
    finally:
        transform.reset(token)


def _node(fun: Function, data: Any, tensors: Sequence[Tensor], gradients: Callable[..., Sequence[Any]]) -> Tensor:
    """Record a node that `fun` made of Tensors that take gradients, which `gradients(g, y, *tensors)` returns."""
    argvals, argnums = tuple([x._value for x in tensors]), tuple(range(len(tensors)))
    if transform.get() is not None:
        gradients = _inside((), Transform(frozenset(), []))(gradients)
    pull = {"pull": JointRule(recording()(gradients))}
    y: Tensor = record(Tensor, Tensor._result(data, fun), fun, tuple(tensors), argvals, pull, argnums)
    return y


def _tensors(x: Any) -> list[Tensor]:
    """Return the Tensors in a tree that take gradients, without the parameters of Modules."""
    found: list[Tensor] = []
    tree.replaced(lambda leaf: found.append(leaf) if isinstance(leaf, Tensor) and leaf.requires_grad else None, x)
    return found


def _exchanged(x: Any, new: Sequence[Any]) -> Any:
    """Return a tree with other leaves in place of its Tensors that take gradients."""
    remaining: Iterator[Any] = iter(new)
    return tree.replaced(lambda leaf: next(remaining) if isinstance(leaf, Tensor) and leaf.requires_grad else leaf, x)


def _joined(y: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a result as one array, and the function from such an array to the result."""
    return tree.ravel(y) if tree.is_container(y) else (y, lambda y: y)


def _numbers_apart(leaf: Any) -> Any:
    """Return a list with arrays without axes for NumPy's floats, so that each is a result, as a Tensor would be."""
    if not isinstance(leaf, list):
        return leaf  # a number itself may be among the saved values, which are found by their identity
    return [scalar_as_array(v) if isinstance(v, np.inexact) else _numbers_apart(v) for v in leaf]


@primitive
def recomputed(*tensors: Array) -> Array:
    """The function of the nodes that `checkpoint` records."""
    raise NotImplementedError


defvjp(recomputed, each=_rule)
takes_complex.add(recomputed)


def checkpoint(f: Callable[P, R]) -> Callable[P, R]:
    """Return f as a function that keeps nothing but its arguments for the backward pass, which computes it again.

    So the arrays between arguments and result take no memory in the meantime. Arguments and results may be trees (see
    `tg.tree`), and f may close over Tensors, such as a Module's parameters. f must give the same result each time: the
    backward pass raises ValueError if it does not, as with random numbers that f draws.

    >>> f = tg.checkpoint(lambda x: np.sin(x) ** 2)
    >>> round(float(tg.grad(f)(1.0)), 6)
    0.909297
    """
    check_function("checkpoint", f)

    @functools.wraps(f)
    def checkpointed(*args: P.args, **kwargs: P.kwargs) -> R:
        if paused():
            return f(*args, **kwargs)
        given = _tensors((args, kwargs))
        variables = [Tensor._variable(x) for x in given]
        start = next_place()
        arguments, keywords = _exchanged((args, kwargs), variables)
        y, unravel = _joined(f(*arguments, **keywords))
        if not isinstance(y, Tensor) or not y.requires_grad or y.order > start:
            return f(*args, **kwargs)  # nothing to compute again
        known = set(variables)
        inner = toposort(y, since=start)
        for node in inner:
            is_leaf(node)  # raises FreedError where forward mode forgot what f closes over, and starts again
        parents = dict.fromkeys([parent(node, i) for node in inner for i in node.argnums])
        closed = [x for x in parents if x.order > start and x not in known]
        if not given and not closed:
            return f(*args, **kwargs)  # its variables are those of a transform within f

        def gradients(g: Any, y: Any, *args_of_node: Any) -> Sequence[Any]:
            again = [variable_of(a) for a in args_of_node[: len(given)]]
            for x in again:
                if isinstance(x._value, np.generic):  # an array without axes, as at first: powers have other digits
                    x._value = scalar_as_array(x._value)
            arguments, keywords = _exchanged((args, kwargs), again)
            with _inside(again):
                result = _joined(f(*arguments, **keywords))[0]
            _check_same(f, y, result)
            record = isinstance(g, Node) or isinstance(y, Node)  # each may depend on the others
            cut = frozenset([*again, *closed])
            return list(map(conj, node_gradients(result, [*again, *closed], conj(g), record, cut)))

        result: R = unravel(_node(recomputed, y._value, [*given, *closed], gradients))
        return result

    return checkpointed


@predicate_of_all(general=True)
def is_the_same(before: Array, after: Array) -> bool:
    """Return whether two results are equal; NaN equals NaN."""
    return np.array_equal(before, after, equal_nan=True)


def _check_same(f: Function, y: Any, again: Any) -> None:
    """Raise ValueError if f gave another result than before."""
    before, after = getattr(y, "_value", y), getattr(again, "_value", again)
    plain = (np.ndarray, np.generic, float)
    if isinstance(before, plain) and isinstance(after, plain) and not is_the_same(before, after):
        raise ValueError(
            f"checkpoint({name_of(f)}): computed again in the backward pass, it gives another result; draw random "
            "numbers outside and pass them, and leave what it reads as it was"
        )


def _positional(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return all arguments of a call by position."""
    if not kwargs:
        return args
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
    except TypeError as error:  # Python's words name no function
        raise TypeError(f"custom_vjp({name_of(f)}): {error}") from error
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(f"custom_vjp({name_of(f)}): {next(iter(bound.kwargs))}= has no position, and so no gradient")
    return bound.args


class custom_vjp(Generic[P, R]):
    """A function with a rule of its own for the whole of it, and values that its forward pass saves for the rule.

    Decorate f(*args), then call `f.defvjp(forward, backward)`. `forward(*args)` returns (f's result, saved), and
    `backward(saved, g)` the gradients of the arguments, a tuple with None where there is none; `saved`, g, arguments
    and result may be trees. Both are plain NumPy. Of complex numbers g and the gradients are the conjugates of `.grad`,
    as for `tg.defvjp`. For derivatives of higher order `backward` is given Tensors: saved arguments and results are the
    Tensors themselves, and if anything else was saved, `forward` runs on Tensors again.

    >>> square = tg.custom_vjp(lambda x: x**2)
    >>> square.defvjp(lambda x: (x**2, x), lambda x, g: (2 * g * x,))
    >>> tg.grad(square)(3.0)
    array(6.)
    """

    _vjps = Each(_rule)

    def __init__(self, f: Callable[P, R]) -> None:
        check_function("custom_vjp", f)
        functools.update_wrapper(self, f)  # first: the attributes of f may have the same names
        self._fun, self._forward, self._backward = f, None, None  # type: tuple[Callable[P, R], Any, Any]

    def defvjp(self, forward: Callable[P, tuple[R, Any]], backward: Callable[[Any, Any], Any]) -> None:
        """Give the function its forward pass and its rule."""
        check_function("custom_vjp.defvjp", forward)
        check_function("custom_vjp.defvjp", backward)
        if self._forward is not None:
            registry.revision += 1  # a jitted function that used the former rule is recorded anew
        self._forward, self._backward = forward, backward

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the function's result; on Tensors that take gradients, record it as one node."""
        if self._forward is None:
            name = name_of(self)
            raise TypeError(f"custom_vjp({name}) has no rule yet; call {name}.defvjp(forward, backward)")
        given = _tensors((args, kwargs))
        within = [b for b in batches((args, kwargs)) if all(map(b.outranks, given))]
        if within and (given or any([b.of_tensors for b in within])):  # of the members, each with its rule
            return looped(self, max([b.level for b in within], key=depth), args, kwargs)  # type: ignore[no-any-return]
        if paused() or not given:
            return self._fun(*args, **kwargs)
        result: R = self._recorded_call(_positional(self._fun, args, kwargs), given)
        return result

    def _recorded_call(self, args: tuple[Any, ...], given: Sequence[Tensor]) -> Any:
        arrays = _exchanged(args, [x._value for x in given])
        pair = self._forward(*arrays)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"custom_vjp({name_of(self)}): forward returns (result, saved), and not {kind_of(pair)}")
        result, saved = tree.replaced(_numbers_apart, pair[0]), pair[1]
        if _tensors((result, saved)):
            raise TypeError(
                f"custom_vjp({name_of(self)}): the forward pass depends on a Tensor that takes gradients and is not an "
                "argument; pass it as one"
            )
        if any([b.of_tensors for b in batches(arrays)]):  # gradients outside of the vmap take the rule too
            ruled = self(*arrays)  # type: ignore[call-arg]
            of_leaf = {id(a): b for a, b in zip(tree.leaves(result), tree.leaves(ruled), strict=True)}
            result, saved = ruled, tree.replaced(lambda x: of_leaf.get(id(x), x), saved)
        y, unravel = _joined(result)

        def gradients(g: Any, y: Any, *args_of_node: Any) -> Sequence[Any]:
            known = saved
            if isinstance(y, Node):
                known = self._recorded(saved, args, given, args_of_node, result, unravel(y))
            return self._pulled(args, self._backward(known, unravel(g)))

        return unravel(_node(self, y, given, gradients))

    def _recorded(
        self, saved: Any, args: Any, given: Sequence[Tensor], nodes: Sequence[Any], result: Any, y: Any
    ) -> Any:
        """Return what the forward pass saved, as Tensors of the graph."""
        pairs = [(x._value, node) for x, node in zip(given, nodes, strict=True)]
        pairs += zip(tree.leaves(result), tree.leaves(y), strict=True)
        graph = {id(array): node for array, node in pairs}
        constants = [id(x) for x in tree.leaves(args)]
        if all([tree.is_constant(x) or id(x) in graph or id(x) in constants for x in tree.leaves(saved)]):
            return tree.replaced(lambda x: graph.get(id(x), x), saved)
        return self._forward(*_exchanged(args, nodes))[1]

    def _pulled(self, args: Any, gradients: Any) -> list[Any]:
        """Return the gradient of each Tensor in the arguments from what the rule returned."""
        caller = f"custom_vjp({name_of(self)})"
        each = gradients if isinstance(gradients, tuple) else (gradients,)
        if len(each) - len(args) <= len(getattr(self._fun, "__defaults__", None) or ()):
            each = each[: len(args)]  # the others are by defaults
        if len(each) != len(args):
            count = f"{len(each)} gradients for {len(args)} arguments"
            raise TypeError(f"{caller}: the rule returned {count}; it returns a tuple of them")
        found: list[Any] = []
        for i, (x, g) in enumerate(zip(args, each, strict=True)):
            leaves = tree.leaves(x)
            name = f"args[{i}]"
            gs = [None] * len(leaves) if g is None else tree.leaves_like(caller, name, x, g, "the rule's gradient")
            pairs = [(leaf, g) for leaf, g in zip(leaves, gs, strict=True)]
            found += [
                np.zeros_like(leaf._value) if g is None else g if hasattr(g, "shape") else np.asarray(g)
                for leaf, g in pairs if isinstance(leaf, Tensor) and leaf.requires_grad
            ]  # fmt: skip
        return found
