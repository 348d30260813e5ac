"""Augmented assignment: `p -= lr * g` writes into a leaf within no_grad, and is a new node everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import explained
from .mode import paused, transform
from .tape import MADE, Function, Node


def augmented(symbol: str, fun: np.ufunc, op: Function) -> Callable[[Any, Any], Any]:
    """Return the method of `x symbol= b`, which `op` computes in place; `fun` names it in errors.

    Within no_grad it writes into a leaf: a node that a user made or copied, or that takes gradients. The leaf stays the
    same object, in its dtype and shape. Elsewhere it returns NotImplemented, so that Python computes `x = x symbol b`:
    a result, recorded or not, or the variable of a transform, is not a parameter. For a leaf that takes gradients it
    raises ValueError: the name would get a new node, and the parameter would stay as it was.
    """

    def method(x: Any, b: Any) -> Any:
        if x.fun or not (x.requires_grad or (x.kwargs is MADE and paused())):
            return NotImplemented
        if not paused():
            if _is_parameter(x, b):
                raise ValueError(
                    f"{x._describe()} {symbol}= ...: this leaf takes gradients, and would stay as it is while its name "
                    f"gets a new node; write into it within no_grad(), or make the new node by x = x {symbol} ..."
                )
            return NotImplemented
        operand = b._value if isinstance(b, Node) else type(x)._constant(b)
        if operand is NotImplemented:
            return NotImplemented
        value = np.copy(x._value) if isinstance(x._value, np.generic) else x._value
        try:
            x._value = op(value, operand)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise explained(error, fun, (x, b), {}) from error
        return x

    return method


def _is_parameter(x: Node, b: Any) -> bool:
    """Return whether `x -= b` means to change x itself: not the variable of a transform, nor a Value that sums others.

    A Value is changed where it has a gradient, and b is a plain number, as in `v -= 0.1 * v.grad`; `total += v` is no
    such step.
    """
    if type(x._value) is float or getattr(x._value, "is_float", False):  # the latter while jit records
        return x._grad is not None and not isinstance(b, Node)
    within = transform.get()
    return not (within and x in within.variables)
