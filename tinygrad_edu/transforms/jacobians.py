"""Jacobians, Hessians, and products with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.backward import toposort
from ..engine.habits import names_keywords
from ..engine.rules.registry import Function
from ..engine.tape import Node
from ..engine.tensor import Tensor
from . import batch_rules  # noqa: F401  # fills the table of `batching`
from .arguments import Argnums, Result, as_result, like_arguments, name_of
from .batching import Batch, Level, full
from .forward import jvp, push_forward
from .reverse import Operand, grad, pull_back, trace

MOST = 2**23  # elements of the largest array that a batch of directions may make


@names_keywords
def jacobian(f: Function, argnums: Argnums = 0, mode: str = "auto") -> Callable[..., Result]:
    """Return a function that returns d(f)/d(x), of f's shape + x's shape.

    `mode` is "reverse", which pulls back a gradient for each element of f, "forward", which pushes a direction forward
    for each element of x, or "auto", which takes the cheaper of both. All gradients, or all directions, go at once.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"jacobian: mode={mode!r}; it is 'auto', 'forward' or 'reverse'")

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Result:
        y, xs, carry = trace("jacobian", f, args, kwargs, argnums)
        outputs, inputs = np.shape(as_result(y)), sum([x.size for x in xs])
        if not isinstance(y, Node):
            return like_arguments(args, argnums, [np.zeros(outputs + x.shape) for x in xs])
        forward = mode == "forward" or (mode == "auto" and inputs < y.size)
        columns = [_forward(y, xs, k, carry) for k in range(len(xs))] if forward else _reverse(y, xs, carry)
        return like_arguments(args, argnums, columns)

    return jacobian_of


def _reverse(y: Node, xs: list[Tensor], carry: bool) -> list[Result]:
    """Pull back the gradient of each element of y."""
    pulled = _for_all(lambda e: pull_back(y, xs, e, carry), y, y.shape, carry)
    return (
        [np.reshape(gradients, y.shape + x.shape) for x, gradients in zip(xs, pulled, strict=True)]
        if pulled
        else [np.zeros(y.shape + x.shape) for x in xs]
    )


def _forward(y: Node, xs: list[Tensor], k: int, carry: bool) -> Result:
    """Push each direction of the k-th variable forward."""
    zeros = [np.zeros_like(x._value) for x in xs]

    def push(e: Any) -> list[Any]:
        tangent = push_forward(y, xs, [*zeros[:k], e, *zeros[k + 1 :]])
        return [np.zeros_like(y._value) if tangent is None else as_result(tangent, carry)]

    pushed = _for_all(push, y, xs[k].shape, carry)
    if not pushed:
        return np.zeros(y.shape + xs[k].shape)
    return np.moveaxis(pushed[0], 0, -1).reshape(y.shape + xs[k].shape)


def _for_all(pass_on: Function, y: Node, shape: tuple[int, ...], carry: bool) -> list[Result]:
    """Return the arrays that `pass_on` gives for each direction of the standard basis, stacked.

    The directions go at once, as a Batch, unless an outer transform needs a graph.
    """
    n = int(np.prod(shape))
    basis = np.eye(n, dtype=y.dtype).reshape(n, *shape)
    if carry or n == 1:
        parts = [pass_on(e) for e in basis]
        return [np.stack(part) for part in zip(*parts, strict=True)]
    step = max(1, MOST // max([1, *[node._value.size for node in toposort(y)]]))
    parts = []
    for start in range(0, n, step):
        level = Level(min(step, n - start), fallback=True)
        parts.append([full(r, level) for r in pass_on(Batch(basis[start : start + step], level))])
    return parts[0] if len(parts) == 1 else [np.concatenate(part) for part in zip(*parts, strict=True)]


@names_keywords
def hessian(f: Function, argnums: int = 0) -> Callable[..., Result]:
    """Return a function that returns the second derivatives of f, a single number: an array of x's shape twice.

    The gradient is computed in reverse mode, and its derivatives in forward mode.
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: Function) -> Callable[[Operand, Operand], Result]:
    """Return the function (x, v) -> hessian(f)(x) @ v, of x's shape, which never holds the Hessian."""

    def product(x: Operand, v: Operand) -> Result:
        if np.shape(v) != np.shape(x):
            raise ValueError(
                f"hvp({name_of(f)}): the direction has shape {np.shape(v)}, and the argument has shape {np.shape(x)}"
            )
        return jvp(grad(f), [x], [v])[1]

    return product
