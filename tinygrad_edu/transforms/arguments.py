"""Arguments and results of transformed functions: trees in which leaves are exchanged for variables and gradients."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.errors import kind_of
from ..engine.mode import paused
from ..engine.rules.registry import Function, array_likes
from ..engine.tape import Node
from ..engine.tensor import Tensor
from . import tree

Argnums = int | tuple[int, ...]
LEAVES = {float, Tensor, np.ndarray}
Result = Any  # an array; a Tensor under an outer transform; for Values a float or a Value; or a tree of these


def positions(transform: str, f: Function, argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any]) -> list[int]:
    """Return argnums as positions from 0; raises TypeError for one without an argument, ValueError for one twice."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for i in numbers:
        if not -len(args) <= i < len(args):
            by_name = f"; pass {', '.join(kwargs)} by position" if kwargs else ""
            raise TypeError(
                f"{transform}({name_of(f)}): argnums={argnums} of a call with {len(args)} arguments{by_name}"
            )
    found = [i % len(args) for i in numbers]
    if len(set(found)) < len(found):
        raise ValueError(f"{transform}({name_of(f)}): argnums={argnums} names an argument twice")
    return found


def with_variables(transform: str, f: Function, x: Any, i: int, xs: list[Tensor]) -> Any:
    """Return argument i with new variables in place of its floats; they join xs, as a Module's parameters do.

    A Module stays as it is, and so do constants.
    """
    if type(x) in LEAVES and (type(x) is not np.ndarray or x.dtype.kind in "fc"):  # the usual ones
        xs.append(variable_of(x))
        return xs[-1]
    before, visited, nested = len(xs), 0, tree.is_container(x)

    def exchanged(leaf: Any) -> Any:
        nonlocal visited
        if tree.is_module(leaf):
            parameters = tree.leaves(leaf)
            visited += len(parameters)
            xs.extend(parameters)
            return leaf
        visited += 1
        if tree.is_constant(leaf) if nested else isinstance(leaf, (bool, np.bool)) or _dtype_kind(leaf) == "b":
            return leaf
        try:
            xs.append(variable_of(leaf))
        except (TypeError, ValueError) as error:
            if not nested:
                raise
            where = [*tree.paths(x, argument_name(f, i))][visited - 1]
            raise type(error)(f"{transform}({name_of(f)}): {where}: {error}") from error
        return xs[-1]

    result = tree.replaced(exchanged, x)
    if len(xs) == before and (leaves := tree.leaves(x)):
        where = next(tree.paths(x, argument_name(f, i)))
        found = f"an array of {leaves[0].dtype}" if isinstance(leaves[0], np.ndarray) else f"{leaves[0]!r:.20}"
        raise TypeError(
            f"{transform}({name_of(f)}): {where} is {found}, and only floats have gradients: integers and booleans "
            "are constants; pass x.astype(float)"
        )
    return result


def variable_of(x: Any) -> Any:
    """Return a new variable that holds x; of a Tensor that takes gradients, a new node that passes them on.

    So a Tensor that f closes over is not confused with the argument of f.
    """
    return Tensor.__pos__(x) if isinstance(x, Tensor) and x.requires_grad else Tensor._variable(x)


def is_constant_argument(x: Any) -> bool:
    """Return whether x, one of all arguments by which a function is differentiated, holds booleans or integers.

    Numbers that a user writes, such as 3 or [1, 2], are not constants here: they stand for 3.0 and [1.0, 2.0].
    """
    return isinstance(x, bool) or _dtype_kind(x) in ("i", "u", "b")


def _dtype_kind(x: Any) -> str | None:
    dtype = getattr(x._value if isinstance(x, Node) else x, "dtype", None)
    return dtype.kind if isinstance(dtype, np.dtype) else None


def like_arguments(args: Sequence[Any], argnums: Argnums, results: Sequence[Result]) -> Result:
    """Return results, one for each variable, in the structure of the arguments, with None for constants.

    For a single argument number that is one tree, for several a tuple of trees.
    """
    if isinstance(argnums, int):
        is_leaf = type(args[argnums]) in LEAVES or not tree.is_container(args[argnums])
        return results[0] if is_leaf else like_arguments(args, (argnums,), results)[0]
    remaining, trees = iter(results), []
    for x in (args[i] for i in argnums):
        if tree.is_container(x):
            leaves = [None if tree.is_constant(leaf) else next(remaining) for leaf in tree.leaves(x)]
            trees.append(tree.with_leaves(x, leaves))
        else:
            trees.append(next(remaining))
    return tuple(trees)


def check_function(transform: str, f: object, argnums: object = 0) -> None:
    """Raise TypeError for an f that is not a function, such as a loss, and for argnums that number no arguments."""
    if not callable(f):
        remedy = "; gradients(y, [x]) and y.backward() are for a Tensor y" if isinstance(f, Node) else ""
        raise TypeError(f"{transform} takes a function, not {kind_of(f)}{remedy}")
    numbers = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in numbers):
        given = f"argnums is a number or a tuple of numbers, not {argnums!r:.60}"
        raise TypeError(f"{transform}({name_of(f)}): {given}; the arguments go to what it returns, {transform}(f)(x)")


def check_result(transform: str, f: Function, y: Any, has_aux: bool, several: bool) -> None:
    """Raise ValueError unless a function returned what its transform takes."""
    if has_aux:
        if not isinstance(y, tuple) or len(y) != 2:
            raise ValueError(
                f"{transform}({name_of(f)}): with has_aux=True the function must return a pair (result, aux), and "
                f"returned {kind_of(y)}"
            )
        y = y[0]
    if not several and isinstance(y, (bool, np.bool)):
        raise TypeError(f"{transform}({name_of(f)}): the function returned {y}, and no gradient passes a comparison")
    for i, part in enumerate(tree.leaves(y) if several else [y]):
        if several and part is None and part is not y:
            continue  # as the gradient by a constant
        if not hasattr(part, "shape") and not isinstance(part, (int, float, complex, *([list] if several else []))):
            where = f" at {list(tree.paths(y, 'result'))[i]}" if several and part is not y else ""
            remedy = "" if several else "; np.concatenate and np.stack join several"
            raise ValueError(
                f"{transform}({name_of(f)}): the function must return a Tensor, an array or a number, and returned "
                f"{kind_of(part)}{where}{remedy}"
            )


def as_results(y: Any, carry: bool) -> Result:
    """Return a tree as arrays, or with Tensors; leaves that are not Tensors stay as they are."""
    return tree.replaced(lambda leaf: as_result(leaf, carry) if isinstance(leaf, Tensor) else leaf, y)


def as_result(y: Any, carry: bool = True) -> Result:
    """Return a result as an array, or as a Tensor if an outer transform needs its gradient; it has none in no_grad."""
    if paused():
        y = y.detach() if isinstance(y, Tensor) else y.detached if type(y) in array_likes else y
    y = y._value if isinstance(y, Tensor) and not carry else y
    if isinstance(y, (Node, np.ndarray)) or type(y) is float or np.ndim(y):
        return y
    return np.copy(y)  # jit can record np.copy, and not np.asarray


def argument_name(f: Function, i: int) -> str:
    """Return the name of a function's i-th parameter, for an error."""
    try:
        parameters = [p for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
        return parameters[i].name
    except (TypeError, ValueError, IndexError):
        return f"args[{i}]"


def name_of(f: Function) -> str:
    """Return the name of a function for an error."""
    return getattr(f, "__name__", type(f).__name__)
