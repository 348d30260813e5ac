"""`vmap(f)`: f for a batch of arguments, computed at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node
from . import (
    batch_rules,  # noqa: F401  # fills the table of `batching`
    tree,
)
from .arguments import Result, as_result, name_of
from .batching import Batch, Level, full

Axes = int | None | Sequence[Any] | dict[Any, Any]


def vmap(f: Function, in_axes: Axes = 0, out_axes: int = 0, fallback: bool = False) -> Callable[..., Result]:
    """Return f for batches: as if it were called on each member, along an axis of its arguments, in one call.

    `in_axes` is the axis of the members for all arguments, or one for each; None for an argument that all members
    share, as they share keywords. For a tree it is the axis in each of its leaves, or a tree of axes. In results it is
    `out_axes`. A function that cannot compute a batch at once raises a TypeError that names it; with `fallback` it is
    called for each member. `vmap(grad(loss), (None, 0, 0))` gives the gradient of each example.
    """

    @functools.wraps(f)
    def batched(*args: Any, **kwargs: Any) -> Result:
        axes = [in_axes] * len(args) if in_axes is None or isinstance(in_axes, int) else list(in_axes)
        if len(axes) != len(args):
            raise ValueError(f"vmap({name_of(f)}): {len(axes)} in_axes for {len(args)} arguments")
        flat = [_with_axes(f, i, a, axis) for i, (a, axis) in enumerate(zip(args, axes, strict=True))]
        sizes = {np.shape(leaf)[axis] for pairs in flat for leaf, axis in pairs if axis is not None}
        if len(sizes) != 1:
            found = sorted(sizes) or "no"
            raise ValueError(f"vmap({name_of(f)}): the arguments hold {found} members; they need the same number")
        level = Level(sizes.pop(), fallback, f"vmap({name_of(f)})")
        members = [
            a if tree.is_module(a) else tree.with_leaves(a, [_batched(*pair, level) for pair in pairs])
            for a, pairs in zip(args, flat, strict=True)
        ]
        return tree.tree_map(lambda y: _unbatched(y, level, out_axes), f(*members, **kwargs))

    return batched


def _with_axes(f: Function, i: int, a: Any, axis: Any) -> list[tuple[Any, int | None]]:
    """Return the leaves of an argument with the axis of the members in each."""
    leaves = tree.leaves(a)
    axes = [axis] * len(leaves) if axis is None or isinstance(axis, int) else _axes_in(axis)
    if tree.is_module(a) and axis is not None:
        raise TypeError(f"vmap({name_of(f)}): argument {i} is a Module, which all members share; its axis is None")
    if len(axes) != len(leaves):
        raise ValueError(f"vmap({name_of(f)}): {len(axes)} in_axes for the {len(leaves)} leaves of argument {i}")
    for path, leaf, n in zip(tree.paths(a, f"argument {i}"), leaves, axes, strict=True):
        if n is not None and not -np.ndim(leaf) <= n < np.ndim(leaf):
            raise ValueError(f"vmap({name_of(f)}): {path} of shape {np.shape(leaf)} has no axis {n} for its members")
    return list(zip(leaves, axes, strict=True))


def _axes_in(axes: Any) -> list[int | None]:
    """Return the axes in nested lists, tuples and dicts; a list of numbers is no array here."""
    if not isinstance(axes, (list, tuple, dict)):
        return [axes]
    return [n for part in (axes.values() if isinstance(axes, dict) else axes) for n in _axes_in(part)]


def _batched(a: Any, axis: int | None, level: Level) -> Any:
    """Return an argument as a Batch; one that all members share as it is, unless it takes gradients."""
    if axis is not None:
        return Batch(np.moveaxis(a if hasattr(a, "shape") else np.asarray(a), axis, 0), level)
    return Batch(full(a, level), level) if isinstance(a, Node) and a.requires_grad else a


def _unbatched(y: Any, level: Level, axis: int) -> Any:
    """Return a result of f with its members along an axis; what is the same for all is repeated."""
    if isinstance(y, Node) and y.requires_grad:
        raise TypeError(
            f"{level.title}: the function uses a Tensor that takes gradients without being given it; pass it as an "
            "argument, with None for its axis in in_axes"
        )
    y = y._value if isinstance(y, Node) else y
    if type(y) is Batch and y.level is level:
        return np.moveaxis(y.stacked, 0, axis) if axis else y.stacked
    y = as_result(y)
    return np.moveaxis(np.broadcast_to(y, (level.size, *np.shape(y))), 0, axis)
