"""`vmap(f)`: f for a batch of arguments, computed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node
from . import batch_rules  # noqa: F401  # fills the table of `batching`
from .arguments import Result, as_result
from .batching import Batch, Level, full


def vmap(
    f: Function, in_axes: int | Sequence[int | None] | None = 0, out_axes: int = 0, fallback: bool = False
) -> Callable[..., Result]:
    """Return f for batches: as if it were called on each member, along an axis of its arguments, in one call.

    `in_axes` is the axis of the members for all arguments, or one for each; None for an argument that all members
    share. In results it is `out_axes`. A function that cannot compute a batch at once raises a TypeError that names it;
    with `fallback` it is called for each member. `vmap(grad(loss), (None, 0, 0))` gives the gradient of each example.
    """

    def batched(*args: Any) -> Result:
        axes = [in_axes] * len(args) if in_axes is None or isinstance(in_axes, int) else list(in_axes)
        if len(axes) != len(args):
            raise ValueError(f"vmap: {len(axes)} in_axes for {len(args)} arguments")
        sizes = {np.shape(a)[axis] for a, axis in zip(args, axes, strict=True) if axis is not None}
        if len(sizes) != 1:
            raise ValueError(f"vmap: the arguments hold {sorted(sizes) or 'no'} members; they need the same number")
        level = Level(sizes.pop(), fallback)
        members = [_batched(a, axis, level) for a, axis in zip(args, axes, strict=True)]
        return _unbatched(f(*members), level, out_axes)

    return batched


def _batched(a: Any, axis: int | None, level: Level) -> Any:
    """Return an argument as a Batch; one that all members share as it is, unless it takes gradients."""
    if axis is not None:
        return Batch(np.moveaxis(a if hasattr(a, "shape") else np.asarray(a), axis, 0), level)
    return Batch(full(a, level), level) if isinstance(a, Node) and a.requires_grad else a


def _unbatched(y: Any, level: Level, axis: int) -> Any:
    """Return a result of f with its members along an axis; what is the same for all is repeated."""
    if isinstance(y, (list, tuple)):
        return type(y)(_unbatched(v, level, axis) for v in y)
    if isinstance(y, dict):
        return {k: _unbatched(v, level, axis) for k, v in y.items()}
    y = y._value if isinstance(y, Node) and not y.requires_grad else y
    if isinstance(y, Node):
        raise TypeError(
            "vmap: f uses a Tensor that takes gradients without being given it; pass it as an argument, with None for "
            "its axis in in_axes"
        )
    if type(y) is Batch and y.level is level:
        return np.moveaxis(y.stacked, 0, axis) if axis else y.stacked
    y = as_result(y)
    return np.moveaxis(np.broadcast_to(y, (level.size, *np.shape(y))), 0, axis)
