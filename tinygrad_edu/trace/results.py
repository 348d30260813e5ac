"""Results of a recorded function: what a replay returns, and what the recording itself gives to the user.

Arrays, Tensors, plain values and known containers of them are returned. A Tensor comes without the graph behind it, and
refuses a gradient that would need this graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

import numpy as np

from ..engine.rules.registry import Array, defvjp, primitive
from ..engine.tape import NO_KEYWORDS, Node, constant, record
from ..engine.tensor import Tensor
from .closure import PLAIN, Closure
from .fields import fields_of, is_dataclass_of_arrays
from .ir import Constant, Result, Var, is_container
from .recorder import Recorder
from .traced import JitError, Traced

IMMUTABLE = (*PLAIN, type, np.dtype, np.ufunc, np.generic, range, slice, frozenset, type(...))


class Found(Protocol):
    """What is asked of `captured.Captured`."""

    rec: Recorder
    leaves: list[Any]  # the arguments
    closure: Closure
    requires_grad: dict[Node, bool]  # of the Tensors that the function reaches


@primitive
def recorded_result(x: Array, *tensors: Array) -> Array:
    """The function that made a Tensor which a jitted function returned."""
    return x


def _refuse_gradient(i: int, g: Array, y: Array, *tensors: Array) -> NoReturn:
    raise JitError(
        "a Tensor that a jitted function returned has no graph behind it, so no gradient can go through it; put the "
        "gradient inside, as in tg.jit(tg.grad(f)), or call the function without jit"
    )


defvjp(recorded_result, each=_refuse_gradient)


def returned_tensor(data: Array, tensors: tuple[Node, ...], argnums: tuple[int, ...]) -> Tensor:
    """Return a Tensor that takes gradients, as the function's own does, and refuses those that arrive at it.

    It looks like the result of all `tensors` that the function reaches; those at `argnums` take gradients.
    """
    y: Tensor = record(Tensor, data, recorded_result, tensors, tensors, NO_KEYWORDS, argnums)
    return y


def parents(tensors: Mapping[Node, bool]) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Return the arguments of `returned_tensor`: a new leaf if only Tensors that the function made take gradients."""
    found = tuple([x for x, takes in tensors.items() if takes]) or (Tensor(0.0),)
    return found, tuple(range(len(found)))


def described(x: Any, found: Found) -> Any:
    """Return the function's result with a Result for each array, Tensor and argument in it."""
    if is_dataclass_of_arrays(x) and id(x) not in found.closure.seen:
        x = fields_of(x)
    if is_container(x):
        return _mapped(described, x, found)
    for i, leaf in enumerate(found.leaves):
        if leaf is x and not isinstance(x, (np.ndarray, *IMMUTABLE)):
            return Result("leaf", i)
    if isinstance(x, Node) and id(x) not in found.closure.seen:
        if type(x) is not Tensor:
            raise found.rec.error(f"the result has a {type(x).__name__} in it; return Tensors or arrays")
        data = x._value
        var = data.variable if type(data) is Traced else Var(Constant(data), data)
        return Result("tensor" if x.requires_grad else "constant", var)
    if type(x) is Traced:
        return Result("array", x.variable)
    if isinstance(x, np.ndarray):
        return Result("array", Var(Constant(x), x))
    if not isinstance(x, IMMUTABLE) and not callable(x) and id(x) not in found.closure.seen:
        kinds = "arrays, Tensors, plain values, and lists, tuples, dicts and dataclasses of them"
        raise found.rec.error(f"the result has a {type(x).__name__} in it; return {kinds}")
    return x


def visible(x: Any, found: Found) -> Any:
    """Return the function's result with arrays for recording ones; they are copies, as later calls may write."""
    if is_dataclass_of_arrays(x) and id(x) not in found.closure.seen:
        members = fields_of(x)
        return members.build(*_mapped(visible, members, found))
    if is_container(x):
        return _mapped(visible, x, found)
    if isinstance(x, Node) and id(x) not in found.closure.seen:
        data = visible(x._value, found)
        return returned_tensor(data, *parents(found.requires_grad)) if x.requires_grad else constant(Tensor, data)
    value = x.value if type(x) is Traced else x
    return np.array(value) if isinstance(value, np.ndarray) else value


def refill(container: Any, content: Any) -> None:
    """Give a list or a dict other members."""
    container.clear()
    (container.update if isinstance(container, dict) else container.extend)(content)


def _mapped(fun: Any, x: Any, found: Found) -> Any:
    if isinstance(x, dict):
        return {k: fun(v, found) for k, v in x.items()}
    parts = [fun(v, found) for v in x]
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
