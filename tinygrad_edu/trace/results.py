"""Results of a recorded function: what a replay returns, and what the recording itself gives to the user.

Arrays, Tensors, plain values and known containers of them are returned. A Tensor comes without the graph behind it, and
refuses a gradient that would need this graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.registry import Array, defvjp, primitive
from ..engine.tape import NO_KEYWORDS, Node, constant, record
from ..engine.tensor import Tensor
from ..transforms import tree
from .captured import Captured
from .closure import PLAIN
from .containers import is_container, is_dataclass, members
from .ir import Constant, Result, State, Var
from .traced import JitError, Traced

IMMUTABLE = (*PLAIN, type, np.dtype, np.ufunc, np.generic, range, slice, frozenset, type(...))


@primitive
def recorded_result(x: Array, *tensors: Array) -> Array:
    """The function that made a Tensor which a jitted function returned."""
    return x


def _refuse_gradient(i: int, g: Array, y: Array, *tensors: Array) -> NoReturn:
    raise JitError(
        "what a jitted function returned has no graph behind it, so no gradient can go through it; put the "
        "gradient inside, as in tg.jit(tg.grad(f)), or call the function without jit"
    )


defvjp(recorded_result, each=_refuse_gradient)


def recipe(nodes: Sequence[Node]) -> tuple[Any, ...]:
    """Return what `record` notes in a Tensor that looks like the result of `nodes`, and refuses gradients."""
    nodes = tuple(nodes) or (Tensor(0.0),)  # a new leaf, if only Tensors that the function made take gradients
    return recorded_result, nodes, nodes, NO_KEYWORDS, tuple(range(len(nodes)))


def labelled(y: Any, label: str, grad: float | None, takes: bool) -> Any:
    """Return a node with its label and gradient, that takes gradients or none."""
    y.label, y._grad, y.requires_grad = label, grad, takes
    return y


def described(x: Any, found: Captured, kept: bool = False) -> tuple[Any, Any]:
    """Return the function's result with a Result for each array, Tensor, argument and dataclass, and as it is shown.

    The caller is shown copies of arrays, as later calls may write into them. What is there twice is described once,
    by one object. Objects among the arguments are returned themselves; if `kept`, also arrays, lists, dicts and
    dataclasses among them, and arrays that a Tensor or another object holds from call to call.
    """
    if type(x) is not Traced and isinstance(x, IMMUTABLE):
        return x, x
    if (id(x), kept) not in found.results:
        found.results[id(x), kept] = x, _described(x, found, kept)
    pair: tuple[Any, Any] = found.results[id(x), kept][1]
    return pair


def _described(x: Any, found: Captured, kept: bool) -> tuple[Any, Any]:
    path, given = found.paths.get(id(x), (None, None))
    if path and (kept or (given is x and not isinstance(x, np.ndarray))):
        return Result("argument", path), given
    if kept and type(x) is Traced and isinstance(state := x.origin.source, State) and state.kind != "grad":
        moved = any([given is x is not new for _, _, given, new in found.exchanged])
        if found.arrays.get(id(state.array)) is x and not moved:
            return state.array, state.array
    seen = id(x) in found.closure.seen
    if is_container(x) and not (seen and is_dataclass(x)):
        return described_members(x, found, kept)
    if isinstance(x, Node) and not seen:
        return _described_node(x, found)
    if type(x) is Traced or isinstance(x, np.ndarray):
        var, data = _value_of(x)
        return Result("array", var), data
    if not callable(x) and not seen:
        kinds = "arrays, Tensors, plain values, and lists, tuples, dicts and dataclasses of them"
        raise found.rec.error(f"the result has a {type(x).__name__} in it; return {kinds}")
    return (found.copies.originals.get(id(x), x),) * 2


def _described_node(x: Node, found: Captured) -> tuple[Result, Any]:
    """Describe a Tensor or a Value that the function made."""
    if type(x) is not x._kind:
        raise found.rec.error(f"the result has a {type(x).__name__} in it; return Tensors or arrays")
    kind = "constant" if not x.requires_grad else "result" if x.fun else "leaf"
    var, data = _value_of(x._value)
    g, grad = (None, None) if x._kind is Tensor or x._grad is None else _value_of(x._grad)
    found.labelled |= bool(x.label)
    y = record(x._kind, data, *recipe(found.learning())) if kind == "result" else constant(x._kind, data)
    return Result(kind, var, x._kind, x.label, g), labelled(y, x.label, grad, x.requires_grad)


def _value_of(x: Any) -> tuple[Var, Any]:
    """Return the Var of an array, and a copy of what it holds."""
    var, value = (x.variable, x.value) if type(x) is Traced else (Var(Constant(x), x), x)
    return var, np.array(value) if isinstance(value, np.ndarray) else value


def described_members(x: Any, found: Captured, kept: bool) -> tuple[Any, Any]:
    """Return a container with its members described, and as it is shown."""
    pairs = [described(v, found, kept) for v in members(x).values()]
    parts, shown = ([pair[i] for pair in pairs] for i in range(2))
    of_fields = hasattr(type(x), "__dataclass_fields__")
    return Result("dataclass", parts, type(x)) if of_fields else tree.like(x, parts), tree.like(x, shown)
