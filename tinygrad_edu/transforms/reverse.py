"""Reverse mode: `grad(f)` is the gradient of f, as a function of the same arguments.

Each transform takes and returns arrays. They nest: given a Tensor that takes gradients, or called inside a function
that is being transformed itself, they return Tensors, so that the outer gradient goes through them.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.backward import PLAIN, RECORDED, Pair, is_leaf, parent, reverse_pass, toposort
from ..engine.mode import Contribution, recording
from ..engine.rules.registry import Function
from ..engine.tape import Node, constant, next_place, tag
from ..engine.tensor import Tensor

Argnums = int | tuple[int, ...]
Operand = ArrayLike | Tensor
Result = Any  # an array; a Tensor under an outer transform; for Values a float or a Value


def gradients(y: Node, xs: Sequence[Node], gradient: Operand | None = None, create_graph: bool = False) -> list[Result]:
    """Return d(y)/d(x) for each x, times `gradient`, which a y of several elements needs; change no `.grad`.

    Returns arrays (floats for Values), or with `create_graph` Tensors that have gradients; zeros for an unused x.
    """
    if isinstance(xs, Node):
        raise TypeError("gradients: xs is a list; write gradients(y, [x])")
    for x in (y, *xs):
        if not isinstance(x, Node):
            raise TypeError(f"gradients: y and all of xs are Tensors, and one is a {type(x).__name__}; wrap it first")
    if create_graph and isinstance(gradient, Tensor) and isinstance(y, Tensor) and gradient.shape == y.shape:
        seed = gradient
    else:
        seed = y._seed(gradient.data if isinstance(gradient, Tensor) else gradient)
        seed = constant(type(y), seed) if create_graph else seed
    start = next_place()
    wanted = set(xs)
    on_path = _nodes_towards(wanted, y)

    def towards(contribute: Contribution) -> Contribution:
        return lambda y, g, i, x: contribute(y, g, i, x) if x in on_path else None

    def select(pairs: Iterable[Pair[Node]]) -> list[Pair[Node]]:
        return [(x, g) for x, g in pairs if x in wanted]

    plain, masked = RECORDED if create_graph else PLAIN
    found = dict(reverse_pass(y, seed, select, (towards(plain), towards(masked)))) if y in on_path else {}
    result = [as_result(found[x]) if x in found else _zeros(x, create_graph) for x in xs]
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
    zeros = np.zeros_like(x.data) if isinstance(x, Tensor) else 0.0
    return constant(type(x), zeros) if create_graph else zeros


def value_and_grad(f: Function, argnums: Argnums = 0) -> Callable[..., tuple[Result, Result]]:
    """Return a function that returns f's value, a single number, and its gradient by the `argnums`-th argument."""

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Result, Result]:
        y, xs, carry = trace("grad", f, args, kwargs, argnums)
        if np.prod(np.shape(y)) != 1:
            raise ValueError(
                f"grad({name_of(f)}): the function must return a single number, and returned shape {y.shape}; "
                "reduce it with .sum() or .mean(), or use jacobian"
            )
        return as_result(y, carry), like_argnums(argnums, pull_back(y, xs, None, carry))

    return value_and_gradient


def grad(f: Function, argnums: Argnums = 0) -> Callable[..., Result]:
    """Return the gradient of f, which returns a single number, by its `argnums`-th argument; for a tuple, a tuple."""
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Result:
        return both(*args, **kwargs)[1]

    return gradient


def vjp(f: Function, *xs: Operand) -> tuple[Result, Callable[[Operand], tuple[Result, ...]]]:
    """Return f(*xs), and the function g -> (g d(f)/d(x) for each x), which pulls a gradient of the result back."""
    y, variables, carry = trace("vjp", f, xs, {}, tuple(range(len(xs))))
    shape = np.shape(as_result(y))

    def pull(g: Operand) -> tuple[Result, ...]:
        if np.shape(g) != shape:
            raise ValueError(
                f"vjp({name_of(f)}): the gradient has shape {np.shape(g)}, and the result has shape {shape}"
            )
        return tuple(pull_back(y, variables, g, carry or (isinstance(g, Tensor) and g.requires_grad)))

    return as_result(y, carry), pull


class _Thread(threading.local):
    variables: frozenset[Tensor] = frozenset()


_enclosing = _Thread()  # the variables of all transforms that this thread is in


def trace(
    transform: str, f: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums
) -> tuple[Any, list[Tensor], bool]:
    """Call f on new variables; return its result, the variables, and whether an outer transform needs a Tensor."""
    arguments, xs, outer = list(args), [], _enclosing.variables
    with recording():
        carry = False
        for i in (argnums,) if isinstance(argnums, int) else argnums:
            if not -len(args) <= i < len(args):
                raise TypeError(f"{transform}({name_of(f)}): argnums={argnums} of a call with {len(args)} arguments")
            x = args[i]
            if isinstance(x, Tensor) and x.requires_grad:
                carry = True
                x = +x  # a new node, so that a Tensor that f closes over is not confused with this argument
            else:
                x = Tensor._variable(x)
            arguments[i] = x
            xs.append(x)
        _enclosing.variables = outer.union(xs)
        try:
            y = f(*arguments, **kwargs)
        finally:
            _enclosing.variables = outer
    if not hasattr(y, "shape") and not isinstance(y, (int, float)):
        raise ValueError(
            f"{transform}({name_of(f)}): the function must return a Tensor, an array or a number, and returned a "
            f"{type(y).__name__}; np.concatenate and np.stack join several"
        )
    if outer and not carry and isinstance(y, Tensor) and y.requires_grad:
        carry = not outer.isdisjoint(toposort(y))
    return y, xs, carry


def pull_back(y: Any, xs: Sequence[Tensor], gradient: Operand | None, carry: bool) -> list[Result]:
    """Return the gradients of y by each x; zeros where y depends on no variable."""
    if isinstance(y, Tensor):
        return gradients(y, xs, gradient, create_graph=carry)
    return [np.zeros_like(x.data) for x in xs]


def as_result(y: Any, carry: bool = True) -> Result:
    """Return a result as an array, or as a Tensor if an outer transform needs its gradient."""
    y = y.data if isinstance(y, Tensor) and not carry else y
    if isinstance(y, (Node, np.ndarray)) or type(y) is float or np.ndim(y):
        return y
    return np.copy(y)  # jit can record np.copy, and not np.asarray


def like_argnums(argnums: Argnums, results: list[Result]) -> Result:
    """Return the only result for a single argument number, and a tuple for several."""
    return results[0] if isinstance(argnums, int) else tuple(results)


def name_of(f: Function) -> str:
    """Return the name of a function for an error."""
    return getattr(f, "__name__", type(f).__name__)
