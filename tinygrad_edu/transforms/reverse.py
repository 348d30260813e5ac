"""Functions of functions: `grad(f)` is f's gradient as a function of the same arguments.

Each takes and returns arrays. They nest: handed a Tensor that takes gradients, or called inside a function
that is itself being transformed, they return Tensors that carry the outer gradient on.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..engine.backward import PLAIN, RECORDED, Pair, is_leaf, parent, reverse_pass, toposort
from ..engine.mode import Contribution, recording
from ..engine.tape import Node, constant, next_place, tag
from ..engine.tensor import Tensor

Argnums = int | tuple[int, ...]


def gradients(y: Any, xs: Sequence[Any], gradient: Any = None, create_graph: bool = False) -> list[Any]:
    """d(y)/d(x) for each x, times `gradient`, which a y of more than one element needs. No `.grad` is touched.

    Gives arrays (floats for Values), or with `create_graph` Tensors that have gradients themselves; zeros where y
    does not depend on x.
    """
    if isinstance(xs, Node):
        raise TypeError("gradients: xs is a list; write gradients(y, [x])")
    for x in (y, *xs):
        if not isinstance(x, Node):
            raise TypeError(f"gradients: y and all of xs are Tensors, and one is a {type(x).__name__}; wrap it first")
    if create_graph and isinstance(gradient, Tensor) and gradient.shape == y.shape:
        seed = gradient
    else:
        seed = y._seed(gradient.data if isinstance(gradient, Tensor) else gradient)
        seed = constant(type(y), seed) if create_graph else seed
    start = next_place()
    wanted = set(xs)
    leading = _leading_to(wanted, y)

    def towards(contribute: Contribution) -> Contribution:
        return lambda y, g, i, x: contribute(y, g, i, x) if x in leading else None

    def select(pairs: Iterable[Pair[Node]]) -> list[Pair[Node]]:
        return [(x, g) for x, g in pairs if x in wanted]

    plain, masked = RECORDED if create_graph else PLAIN
    found = dict(reverse_pass(y, seed, select, (towards(plain), towards(masked)))) if y in leading else {}
    result = [_array(found[x]) if x in found else _nothing(x, create_graph) for x in xs]
    tag(result, None, None, start, ())
    return result


def _leading_to(wanted: set[Node], y: Node) -> set[Node]:
    """Return the nodes that y was computed from and that were computed from a wanted one, and these."""
    leading = set(wanted)
    for node in reversed(toposort(y)):
        if not is_leaf(node) and any([parent(node, i) in leading for i in node.argnums]):
            leading.add(node)
    return leading


def _nothing(x: Any, create_graph: bool) -> Any:
    """The gradient by an x that y does not depend on; x * 0 would be NaN where x is infinite."""
    zeros = np.zeros_like(x.data) if isinstance(x, Tensor) else 0.0
    return constant(type(x), zeros) if create_graph else zeros


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., tuple[Any, Any]]:
    """The function that gives both f's value, a single number, and its gradient."""

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        y, xs, carry = _trace("grad", f, args, kwargs, argnums)
        if np.prod(np.shape(y)) != 1:
            raise ValueError(
                f"grad({_name(f)}): the function must give a single number, and gave shape {y.shape}; "
                "reduce it with .sum() or .mean(), or use jacobian"
            )
        return _array(y, carry), _like(argnums, _pull(y, xs, None, carry))

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The gradient of f, a function to a single number, by its `argnums`-th argument; a tuple gives a tuple."""
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def vjp(f: Callable[..., Any], *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f(*xs), and the function that pulls a gradient of it back: g -> (g d(f)/d(x) for each x)."""
    y, variables, carry = _trace("vjp", f, xs, {}, tuple(range(len(xs))))
    shape = np.shape(_array(y))

    def pull(g: Any) -> tuple[Any, ...]:
        if np.shape(g) != shape:
            raise ValueError(
                f"vjp({_name(f)}): the gradient that is pulled back has shape {np.shape(g)}, the result {shape}"
            )
        return tuple(_pull(y, variables, g, carry or (isinstance(g, Tensor) and g.requires_grad)))

    return _array(y, carry), pull


def jvp(f: Callable[..., Any], xs: Sequence[Any], vs: Sequence[Any]) -> tuple[Any, Any]:
    """f(*xs), and its change along the direction vs: sum of d(f)/d(x) v.

    Pulling u back is linear in u, and its derivative by u along v is pushing v forward.
    """
    if not isinstance(xs, (list, tuple)) or not isinstance(vs, (list, tuple)):
        raise TypeError("jvp: arguments and directions are lists, one entry an argument; write jvp(f, [x], [v])")
    if len(xs) != len(vs):
        raise ValueError(f"jvp: {len(xs)} arguments and {len(vs)} directions")
    y, variables, carry = _trace("jvp", f, xs, {}, tuple(range(len(xs))))
    for i, (x, v) in enumerate(zip(variables, vs, strict=True)):
        if np.shape(v) != x.shape:
            raise ValueError(f"jvp: direction {i} has shape {np.shape(v)}, its argument {x.shape}")
    carry = carry or any(isinstance(v, Tensor) and v.requires_grad for v in vs)
    if not isinstance(y, Tensor):
        return y, np.zeros(np.shape(y))
    with recording():
        u = Tensor(np.zeros_like(y.data))
        pulled = gradients(y, variables, u, create_graph=True)
        along = sum([np.sum(g * v) for g, v in zip(pulled, vs, strict=True)])
    return _array(y, carry), _pull(along, [u], None, carry)[0]


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives d(f)/d(x), of shape f's shape + x's shape: one pass back for each element of f."""

    @functools.wraps(f)
    def rows(*args: Any, **kwargs: Any) -> Any:
        y, xs, carry = _trace("jacobian", f, args, kwargs, argnums)
        shape = np.shape(_array(y))
        basis = np.eye(int(np.prod(shape))).reshape(int(np.prod(shape)), *shape)
        pulled = [_pull(y, xs, e, carry) for e in basis]
        columns = [
            np.stack(gs).reshape(shape + x.shape) if pulled else np.zeros(shape + x.shape)
            for x, gs in zip(xs, zip(*pulled, strict=True) if pulled else ((),) * len(xs), strict=True)
        ]
        return _like(argnums, columns)

    return rows


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that gives f's second derivatives, of shape x's shape twice, for f to a single number."""
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """The function (x, v) -> hessian(f)(x) times v, of x's shape, without making the Hessian."""

    def product(x: Any, v: Any) -> Any:
        if np.shape(v) != np.shape(x):
            raise ValueError(f"hvp({_name(f)}): the direction has shape {np.shape(v)}, the argument {np.shape(x)}")
        return vjp(grad(f), x)[1](v)[0]

    return product


class _Thread(threading.local):
    variables: frozenset[Tensor] = frozenset()


_enclosing = _Thread()  # the variables of the transforms that this thread is inside of


def _trace(
    transform: str, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums
) -> tuple[Any, list[Tensor], bool]:
    """f's result, the variables that stand for its arguments, and whether an outer gradient is to be carried on."""
    arguments, xs, outer = list(args), [], _enclosing.variables
    with recording():
        carry = False
        for i in (argnums,) if isinstance(argnums, int) else argnums:
            if not -len(args) <= i < len(args):
                raise TypeError(f"{transform}({_name(f)}): argnums={argnums} of a call with {len(args)} arguments")
            x = args[i]
            if isinstance(x, Tensor) and x.requires_grad:
                carry = True
                x = +x  # a node of its own, so that what f closes over is not taken for this argument
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
            f"{transform}({_name(f)}): the function must give a Tensor, an array or a number, and gave a "
            f"{type(y).__name__}; return one, joining several with np.concatenate or np.stack"
        )
    if outer and not carry and isinstance(y, Tensor) and y.requires_grad:
        carry = not outer.isdisjoint(toposort(y))
    return y, xs, carry


def _pull(y: Any, xs: Sequence[Tensor], gradient: Any, carry: bool) -> list[Any]:
    if isinstance(y, Tensor):
        return gradients(y, xs, gradient, create_graph=carry)
    return [np.zeros_like(x.data) for x in xs]


def _array(y: Any, carry: bool = True) -> Any:
    """What a user gets to see of a result: arrays, not NumPy's scalars, and Tensors only to carry a gradient on."""
    y = y.data if isinstance(y, Tensor) and not carry else y
    if isinstance(y, (Node, np.ndarray)) or type(y) is float or np.ndim(y):
        return y
    return np.copy(y)  # which, unlike asarray, may be recorded


def _like(argnums: Argnums, results: list[Any]) -> Any:
    return results[0] if isinstance(argnums, int) else tuple(results)


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)
