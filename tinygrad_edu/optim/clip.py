"""Gradient clipping: call it between `backward` and `step` to keep gradients within bounds."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.rules.finite import all_finite
from ..engine.rules.floats import python_float
from ..engine.rules.registry import predicate
from .tracing import Array
from .validation import describe, gradients, leaf_tensors

if TYPE_CHECKING:
    from ..engine.tensor import Tensor


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients by one factor to a joint norm of at most `max_norm`; return the norm before.

    Parameters without a gradient are left out. Raises ValueError if none has one and for a norm that is not finite, and
    changes nothing then. The norm is computed in float64, and scaled if squares leave its range.

    >>> w = tg.Tensor([1.0, 1.0])
    >>> w.grad = np.array([3.0, 4.0])
    >>> tg.optim.clip_grad_norm([w], 1.0), w.grad.round(4)
    (5.0, array([0.6, 0.8]))
    """
    check_bound("clip_grad_norm: max_norm", max_norm)
    params, grads = _with_gradients(params, "clip_grad_norm")
    total = _joint_norm(grads)
    if not all_finite(total):
        i = next((i for i, g in enumerate(grads) if not all_finite(g)), 0)
        raise _infinite("clip_grad_norm", i, params[i], "a norm that is not finite")
    factor = np.minimum(1.0, max_norm / (total + 1e-6))  # PyTorch's 1e-6, for a gradient of zeros
    # In float64, as a factor of 1e-9 is 0 in float16; not in place, as two parameters may share one gradient array.
    scaled = [np.multiply(g, factor, dtype=np.result_type(g.dtype, np.float64)).astype(g.dtype) for g in grads]
    for p, g in zip(params, scaled, strict=True):
        p._grad = g
    return python_float(total)  # type: ignore[no-any-return]


def clip_grad_value(params: Iterable[Tensor], clip_value: float) -> None:
    """Clip each element of all gradients to within -clip_value and clip_value.

    Parameters without a gradient are left out. Raises ValueError if none has one and for a gradient that is not finite,
    TypeError for a complex one, and changes nothing then.

    >>> w = tg.Tensor([1.0, 1.0])
    >>> w.grad = np.array([3.0, -0.5])
    >>> tg.optim.clip_grad_value([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5])
    """
    check_bound("clip_grad_value: clip_value", clip_value)
    params, grads = _with_gradients(params, "clip_grad_value")
    if not all_finite(*grads):
        i = next(i for i, g in enumerate(grads) if not all_finite(g))
        raise _infinite("clip_grad_value", i, params[i], "infinite or NaN elements")
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        if g.dtype.kind == "c":
            raise TypeError(
                f"clip_grad_value: {describe(i, p)} is complex, and complex numbers have no order; clip_grad_norm "
                "scales all gradients together"
            )
    clipped = [np.clip(g, -clip_value, clip_value) for g in grads]
    for p, g in zip(params, clipped, strict=True):
        p._grad = g


def check_bound(name: str, bound: Any) -> None:
    """Raise ValueError for a bound that is not a number above 0."""
    if not hasattr(bound, "__float__") or not bound > 0:
        raise ValueError(f"{name} must be above 0, not {bound!r:.60}")


def _with_gradients(params: Iterable[Tensor], where: str) -> tuple[list[Tensor], list[Array]]:
    """Return the parameters that have a gradient, and their gradients; raises ValueError if none has one."""
    params = leaf_tensors(params, where, frozen=inf)
    found = [(p, g) for p, g in zip(params, gradients(params, where), strict=True) if g is not None]
    return [p for p, _ in found], [g for _, g in found]


def _joint_norm(grads: list[Array]) -> Any:
    """Return the root of the sum of all squares, of elements of any size."""
    wide = [g.astype(np.result_type(g.dtype, np.float64)) for g in grads]
    with np.errstate(over="ignore"):
        total: Any = functools.reduce(np.hypot, [np.linalg.norm(g) for g in wide])
    if squares_fit(total) or not all_finite(*grads):
        return total
    largest = functools.reduce(np.maximum, [np.max(np.abs(g), initial=0.0) for g in wide])
    scale = np.where(largest > 0, largest, 1.0)
    return functools.reduce(np.hypot, [np.linalg.norm(g / scale) for g in wide]) * scale


@predicate
def squares_fit(norm: Array) -> bool:
    """Return whether squares of elements that have this norm neither overflow nor lose digits at the lower limit."""
    return bool(1e-140 < norm < np.inf)


def _infinite(where: str, i: int, p: Tensor, what: str) -> ValueError:
    return ValueError(
        f"{where}: the gradient of {describe(i, p)} has {what}; a smaller learning rate or standardized features "
        "keep it finite"
    )
