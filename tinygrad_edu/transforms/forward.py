"""Forward mode: `jvp` is the derivative of a function along one direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.mode import recording
from ..engine.rules.registry import Function
from ..engine.tensor import Tensor
from .arguments import Result, as_result
from .reverse import Operand, gradients, pull_back, trace


def jvp(f: Function, xs: Sequence[Operand], vs: Sequence[Operand]) -> tuple[Result, Result]:
    """Return f(*xs), and its derivative along the directions vs: the sum of d(f)/d(x) v.

    The vjp is linear in u, the gradient that it pulls back; its derivative by u in the direction v is the jvp.
    """
    if not isinstance(xs, (list, tuple)) or not isinstance(vs, (list, tuple)):
        raise TypeError("jvp: arguments and directions are lists of the same length; write jvp(f, [x], [v])")
    if len(xs) != len(vs):
        raise ValueError(f"jvp: {len(xs)} arguments and {len(vs)} directions")
    y, variables, carry = trace("jvp", f, xs, {}, tuple(range(len(xs))))
    for i, (x, v) in enumerate(zip(variables, vs, strict=True)):
        if np.shape(v) != np.shape(x):
            raise ValueError(f"jvp: direction {i} has shape {np.shape(v)}, its argument {np.shape(x)}")
    carry = carry or any(isinstance(v, Tensor) and v.requires_grad for v in vs)
    if not isinstance(y, Tensor):
        return y, np.zeros(np.shape(y))
    with recording():
        u = Tensor(np.zeros_like(y.data))
        pulled = gradients(y, variables, u, create_graph=True)
        along = sum([np.sum(g * v) for g, v in zip(pulled, vs, strict=True)])
    return as_result(y, carry), pull_back(along, [u], None, carry)[0]
