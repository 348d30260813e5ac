"""Jacobians, Hessians, and products with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.habits import names_keywords
from ..engine.rules.registry import Function
from .arguments import Argnums, Result, as_result, like_arguments, name_of
from .reverse import Operand, grad, pull_back, trace, vjp


@names_keywords
def jacobian(f: Function, argnums: Argnums = 0) -> Callable[..., Result]:
    """Return a function that returns d(f)/d(x), of f's shape + x's shape: one backward pass for each element of f."""

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Result:
        y, xs, carry = trace("jacobian", f, args, kwargs, argnums)
        shape = np.shape(as_result(y))
        basis = np.eye(int(np.prod(shape))).reshape(int(np.prod(shape)), *shape)
        pulled = [pull_back(y, xs, e, carry) for e in basis]
        columns = [
            np.reshape(np.stack(gs), shape + np.shape(x)) if pulled else np.zeros(shape + np.shape(x))
            for x, gs in zip(xs, zip(*pulled, strict=True) if pulled else ((),) * len(xs), strict=True)
        ]
        return like_arguments(args, argnums, columns)

    return jacobian_of


@names_keywords
def hessian(f: Function, argnums: int = 0) -> Callable[..., Result]:
    """Return a function that returns the second derivatives of f, a single number: an array of x's shape twice."""
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function) -> Callable[[Operand, Operand], Result]:
    """Return the function (x, v) -> hessian(f)(x) @ v, of x's shape, which never holds the Hessian."""

    def product(x: Operand, v: Operand) -> Result:
        if np.shape(v) != np.shape(x):
            raise ValueError(
                f"hvp({name_of(f)}): the direction has shape {np.shape(v)}, and the argument has shape {np.shape(x)}"
            )
        return vjp(grad(f), x)[1](v)[0]

    return product
