"""`vmap(f)`: f for a batch of arguments, computed at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.backward import is_leaf, parent, toposort
from ..engine.habits import names_keywords
from ..engine.mode import Transform, paused, transform
from ..engine.rules.registry import Function
from ..engine.tape import Node
from ..engine.tensor import Tensor
from . import (
    batch_rules,  # noqa: F401  # fills the table of `batching`
    tree,
)
from .arguments import Result, as_result, check_function, name_of
from .batching import Batch, full
from .levels import LOOP, Level, NoBatching, is_no_batching

Axes = int | None | Sequence[Any] | dict[Any, Any]


@names_keywords
def vmap(f: Function, in_axes: Axes = 0, out_axes: int = 0, fallback: bool = False) -> Callable[..., Result]:
    """Return f for batches: as if it were called on each member, along an axis of its arguments, in one call.

    `in_axes` is the axis of the members for all arguments, or one for each; None for an argument that all members
    share, as they share keywords. For a tree it is the axis in each of its leaves, or a tree of axes. In results it is
    `out_axes`. A function that cannot compute a batch at once raises a TypeError that names it; with `fallback` it is
    called for each member. `vmap(grad(loss), (None, 0, 0))` gives the gradient of each example. Tensors that f closes
    over, such as the parameters of a Module, are shared by all members, and gradients go through them. Random numbers
    that f draws are the same for all members: draw them before, and pass each member its own. Raises ValueError for
    axes that do not fit, and for arguments with different numbers of members.

    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.vmap(tg.grad(lambda row: np.sum(row**2)))(x)
    array([[2., 4.],
           [6., 8.]])
    """
    check_function("vmap", f)

    @functools.wraps(f)
    def batched(*args: Any, **kwargs: Any) -> Result:
        if not isinstance(out_axes, int) or isinstance(out_axes, bool):
            raise TypeError(f"vmap({name_of(f)}): out_axes is a number, not {out_axes!r}")
        axes = list(in_axes) if isinstance(in_axes, (list, tuple)) else [in_axes] * len(args)
        if len(axes) != len(args):
            raise ValueError(f"vmap({name_of(f)}): {len(axes)} in_axes for {len(args)} arguments")
        flat = [_with_axes(f, i, a, axis) for i, (a, axis) in enumerate(zip(args, axes, strict=True))]
        sizes = {np.shape(leaf)[axis] for pairs in flat for leaf, axis in pairs if axis is not None}
        if len(sizes) != 1:
            found = f"{sorted(sizes)} members: {_first_of_each(args, flat)}" if sizes else "no members"
            raise ValueError(f"vmap({name_of(f)}): the arguments hold {found}; they need the same number")
        level = Level(sizes.pop(), fallback, f"vmap({name_of(f)})")
        members = [_rebuilt(a, [_batched(*pair, level) for pair in pairs]) for a, pairs in zip(args, flat, strict=True)]
        replayed: dict[Node, Any] = {}  # once for all leaves of the result
        token = transform.set(transform.get() or Transform(frozenset(), []))  # functions of jit are called
        try:
            return tree.tree_map(lambda y: _unbatched(y, level, out_axes, replayed), f(*members, **kwargs))
        except (TypeError, ValueError) as error:
            if not fallback or not is_no_batching(error):
                if isinstance(error, ValueError) and isinstance(error.__cause__, NoBatching):
                    raise error.__cause__ from None  # array[0] = x: NumPy raised an error of its own instead
                raise
        finally:
            transform.reset(token)

        def one(i: int) -> Any:
            member = [[x if axis is None else np.take(x, i, axis) for x, axis in pairs] for pairs in flat]
            y = f(*map(_rebuilt, args, member), **kwargs)  # perhaps one array for all members, into which f writes
            return tree.tree_map(lambda y: y.copy() if isinstance(y, np.ndarray) else y, y)

        def stacked(*ys: Any) -> Any:
            if len(shapes := {np.shape(y) for y in ys}) > 1:
                raise ValueError(f"vmap({name_of(f)}): results of different shapes, {sorted(shapes)}, make no array")
            return None if ys[0] is None else np.stack(ys, out_axes)

        if not level.size:
            raise ValueError(f"vmap({name_of(f)}): there are no members to loop over")
        return tree.tree_map(stacked, *map(one, range(level.size)))

    return batched


def _rebuilt(a: Any, leaves: list[Any]) -> Any:
    """Return an argument with other leaves; a Module stays as it is."""
    return a if tree.is_module(a) else tree.with_leaves(a, leaves)


def _first_of_each(args: Sequence[Any], flat: Sequence[list[tuple[Any, int | None]]]) -> str:
    """Return the first leaf of each number of members, for an error."""
    first: dict[int, str] = {}
    for i, (a, pairs) in enumerate(zip(args, flat, strict=True)):
        for path, (leaf, axis) in zip(tree.paths(a, f"argument {i}"), pairs, strict=True):
            if axis is not None:
                n = np.shape(leaf)[axis]
                first.setdefault(n, f"{path} has {n}")
    return ", ".join(first.values())


def _with_axes(f: Function, i: int, a: Any, axis: Any) -> list[tuple[Any, int | None]]:
    """Return the leaves of an argument with the axis of the members in each."""
    leaves = tree.leaves(a)
    if tree.is_module(a) and axis is not None:
        raise TypeError(f"vmap({name_of(f)}): argument {i} is a Module, which all members share; its axis is None")
    axes = list(_axes_in(f, axis, a, f"argument {i}"))
    for number, (leaf, n) in enumerate(zip(leaves, axes, strict=True)):
        if n is not None and not -np.ndim(leaf) <= n < np.ndim(leaf):
            path = list(tree.paths(a, f"argument {i}"))[number]
            raise ValueError(f"vmap({name_of(f)}): {path} of shape {np.shape(leaf)} has no axis {n} for its members")
    return list(zip(leaves, axes, strict=True))


def _axes_in(f: Function, axis: Any, x: Any, path: str) -> Iterator[int | None]:
    """Yield the axis in each leaf of x: one for all, or those of a tree of the same keys."""
    members = tree.members(x)
    given = dict(enumerate(axis)) if isinstance(axis, (list, tuple)) else axis
    if axis is None or (isinstance(axis, int) and not isinstance(axis, bool)):
        yield from [axis] * len(tree.leaves(x))
    elif not isinstance(given, dict) or members is None or given.keys() != members.keys():
        wanted = f"with the keys {list(members)}" if members else "that is a number or None"
        raise ValueError(f"vmap({name_of(f)}): {path} needs an axis {wanted}, not {axis!r:.40}")
    else:
        for key, member in members.items():
            yield from _axes_in(f, given[key], member, path + tree.step(x, key))


def _batched(a: Any, axis: int | None, level: Level) -> Any:
    """Return an argument as a Batch; one that all members share as it is, unless it takes gradients."""
    if axis is not None:
        a = a if hasattr(a, "shape") else np.asarray(a)
        return Batch(np.moveaxis(a, axis, 0) if axis else a, level)
    return Batch(full(a, level), level) if isinstance(a, Node) and a.requires_grad else a


def _replayed(y: Tensor, level: Level, values: dict[Node, Any]) -> Any:
    """Return the value of y, computed again from the tape, with a Batch for each Tensor that is older than the vmap.

    A transform within recorded such a Tensor as a parent of its own nodes, which gradients of what vmap returns do not
    pass. The Batch stacks the Tensor for all members, and gradients of any order reach it through the value of y.
    `values` has the nodes that were computed again for another result.
    """
    for node in reversed(toposort(y, since=level.start)):
        is_leaf(node)  # raises FreedError where forward mode forgot what f closes over, and starts again
        args = list(node.argvals)
        for i in node.argnums:
            x = parent(node, i)
            if x.order > level.start and x not in values:
                values[x] = Batch(full(x, level), level)
            args[i] = values.get(x, args[i])
        if node not in values and any([parent(node, i) in values for i in node.argnums]):
            if "pull" in node.kwargs:
                raise NoBatching(
                    f"{level.title}: a gradient that is taken within of a function with custom_vjp or checkpoint "
                    f"depends on a Tensor which the function closes over or has from a Module; {LOOP}"
                )
            with np.errstate(all="ignore"):  # the call that is on the tape has warned
                values[node] = node.fun(*args, **node.kwargs)
    return values.get(y, y._value)


def _unbatched(y: Any, level: Level, axis: int, replayed: dict[Node, Any]) -> Any:
    """Return a result of f with its members along an axis; what is the same for all is repeated."""
    if y is not None and not -np.ndim(y) - 1 <= axis <= np.ndim(y):
        shape = np.shape(y)
        raise ValueError(f"{level.title}: results of shape {shape} for each member have no place for out_axes={axis}")
    if isinstance(y, Tensor) and y.requires_grad and not paused():
        if level.is_shared(y):
            return np.moveaxis(np.repeat(np.expand_dims(y, 0), level.size, 0), 0, axis)
        y = _replayed(y, level, replayed)
    y = y._value if isinstance(y, Node) else y
    if type(y) is Batch and y.level is level:
        is_constant = isinstance(y.stacked, Node) and (paused() or not y.stacked.requires_grad)
        stacked = y.stacked._value if is_constant else y.stacked
        return np.moveaxis(stacked, 0, axis) if axis else stacked
    if y is None:
        return None
    return np.moveaxis(np.repeat(np.expand_dims(as_result(y), 0), level.size, 0), 0, axis)
