"""Products with Jacobians and Hessians that never hold the matrix, and the derivatives of elementwise functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.habits import names_keywords
from ..engine.rules.registry import Function, conj, is_complex, real_part
from . import tree
from .arguments import Argnums, Result, check_function, like_arguments, name_of
from .forward import jvp
from .jacobians import hvp
from .reverse import pull_back, trace, vjp


@names_keywords
def elementwise_grad(f: Function, argnums: Argnums = 0) -> Callable[..., Result]:
    """Return a function that returns the derivative of each element of f by the element of x at the same place.

    f works element by element, such as `np.tanh`. For any other function this is the sum over all elements of f. Raises
    TypeError for complex numbers, of which jvp(f, [x], [np.ones_like(x)]) gives the derivative of a holomorphic f.

    >>> tg.elementwise_grad(np.square)(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """
    check_function("elementwise_grad", f, argnums)

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Result:
        y, _, xs, carry, _ = trace("elementwise_grad", f, args, kwargs, argnums, several=True)
        if any(map(is_complex, (*tree.leaves(y), *xs))):
            raise TypeError(
                f"elementwise_grad({name_of(f)}): it takes functions of real numbers; jvp(f, [x], [np.ones_like(x)]) "
                "gives the derivative of a holomorphic function"
            )
        ones = [np.ones(np.shape(leaf)) for leaf in tree.leaves(y)]
        return like_arguments(args, argnums, pull_back(y, xs, ones if tree.is_container(y) else ones[0], carry))

    return derivative


def half_square(y: Any) -> Any:
    """Return half the sum of the squares, of absolute values if complex, whose Hessian is the identity; y is a tree."""
    squares = [np.sum(real_part(leaf * conj(leaf))) for leaf in tree.leaves(y) if not tree.is_constant(leaf)]
    return 0.5 * sum(squares)


def ggnvp(f: Function, loss: Function = half_square) -> Callable[[Any, Any], Result]:
    """Return the function (x, v) -> J^T H J v, the product with the Gauss-Newton matrix of loss(f(x)).

    J is the Jacobian of f and H the Hessian of `loss`, which takes f's result and returns a number; without `loss`, H
    is the identity. Where the loss is convex, the matrix has no negative eigenvalue. (Schraudolph 2002, Fast curvature
    matrix-vector products.)

    >>> tg.ggnvp(lambda w: np.array([[1.0], [2.0]]) @ w, lambda y: np.sum(y**2))(np.ones(1), np.ones(1))
    array([10.])
    """

    check_function("ggnvp", f)

    def product(x: Any, v: Any) -> Result:
        y, pull = vjp(f, x)
        _, along = jvp(f, [x], [v])
        return pull(hvp(loss)(y, along))[0]

    return product
