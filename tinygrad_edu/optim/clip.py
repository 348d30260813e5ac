"""Gradient clipping: call it between `backward` and `step` to keep gradients within bounds."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.rules.finite import all_finite
from .validation import describe, gradients, leaf_tensors, python_float

if TYPE_CHECKING:
    from ..engine.tensor import Tensor


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients by one factor to a joint norm of at most `max_norm`; return the norm before.

    Raises ValueError for a missing gradient and for a norm that is not finite, and changes nothing then.
    """
    if not max_norm > 0:
        raise ValueError(f"clip_grad_norm: max_norm must be above 0, not {max_norm}")
    params = leaf_tensors(params, "clip_grad_norm")
    grads = gradients(params, "clip_grad_norm")
    norms = [np.linalg.norm(g) for g in grads]
    total: Any = functools.reduce(np.hypot, norms)  # squares would overflow long before
    if not all_finite(total):
        i = next((i for i, norm in enumerate(norms) if not all_finite(norm)), 0)
        raise _infinite("clip_grad_norm", i, params[i], "a norm that is not finite")
    factor = np.minimum(1.0, max_norm / (total + 1e-6))  # PyTorch's 1e-6, for a gradient of zeros
    for p, g in zip(params, grads, strict=True):
        p.grad = np.multiply(g, factor, dtype=g.dtype)  # not in place: two parameters may share one gradient array
    return python_float(total)  # type: ignore[no-any-return]


def clip_grad_value(params: Iterable[Tensor], clip_value: float) -> None:
    """Clip each element of all gradients to within -clip_value and clip_value.

    Raises ValueError for a missing gradient and for one that is not finite, and changes nothing then.
    """
    if not clip_value > 0:
        raise ValueError(f"clip_grad_value: clip_value must be above 0, not {clip_value}")
    params = leaf_tensors(params, "clip_grad_value")
    grads = gradients(params, "clip_grad_value")
    if not all_finite(*grads):
        i = next(i for i, g in enumerate(grads) if not all_finite(g))
        raise _infinite("clip_grad_value", i, params[i], "infinite or NaN elements")
    for p, g in zip(params, grads, strict=True):
        p.grad = np.clip(g, -clip_value, clip_value)


def _infinite(where: str, i: int, p: Tensor, what: str) -> ValueError:
    return ValueError(
        f"{where}: the gradient of {describe(i, p)} has {what}; a smaller learning rate or standardised features "
        "keep it finite"
    )
