"""Results of a recorded function: what a replay returns, and what the recording itself gives to the user.

Arrays, Tensors, plain values and known containers of them are returned. A Tensor comes without the graph behind it, and
refuses a gradient that would need this graph.
"""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.registry import Array, defvjp, primitive
from ..engine.tape import NO_KEYWORDS, Node, constant, record
from ..engine.tensor import Tensor
from ..transforms import tree
from .captured import Captured
from .closure import PLAIN
from .containers import is_container, is_dataclass, members, refill
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


def returned_node(kind: type[Node], data: Any, nodes: tuple[Node, ...], argnums: tuple[int, ...]) -> Any:
    """Return a Tensor or a Value that takes gradients, as the function's own does, and refuses those that arrive at it.

    It looks like the result of all `nodes` that the function reaches; those at `argnums` take gradients.
    """
    return record(kind, data, recorded_result, nodes, nodes, NO_KEYWORDS, argnums)


def noted(y: Any, label: str, grad: float | None, takes: bool) -> Any:
    """Return a node with its label and gradient, that takes gradients or none."""
    y.label, y._grad, y.requires_grad = label, grad, takes
    return y


def has_label(x: Any) -> bool:
    """Return whether a described result has a Tensor or a Value with a label in it."""
    if isinstance(x, Result):
        return bool(x.label)
    return isinstance(x, (list, tuple, dict)) and any(map(has_label, x.values() if isinstance(x, dict) else x))


def parents(tensors: Mapping[Node, bool]) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Return the arguments of `returned_node`: a new leaf if only Tensors that the function made take gradients."""
    found = tuple([x for x, takes in tensors.items() if takes]) or (Tensor(0.0),)
    return found, tuple(range(len(found)))


def described(x: Any, found: Captured, kept: bool = False) -> Any:
    """Return the function's result with a Result for each array, Tensor and argument in it; dataclasses become tuples.

    What is in it twice is described once, by one object. Objects among the arguments are returned themselves; if
    `kept`, also arrays, lists, dicts and dataclasses among them, and arrays that a Tensor or another object holds from
    call to call.
    """
    if type(x) is not Traced and isinstance(x, IMMUTABLE):
        return x
    if (id(x), kept) not in found.results:
        found.results[id(x), kept] = x, _described(x, found, kept)
    return found.results[id(x), kept][1]


def _described(x: Any, found: Captured, kept: bool) -> Any:
    path, given = found.paths.get(id(x), (None, None))
    if path and (kept or (given is x and not isinstance(x, np.ndarray))):
        found.shown[path] = given
        return Result("argument", path)
    if kept and type(x) is Traced and isinstance(state := x.origin.source, State) and state.kind != "grad":
        moved = any([place.given is x and place.last is not x for place in found.places])
        if found.arrays.get(id(state.array)) is x and not moved:
            return state.array
    seen = id(x) in found.closure.seen
    if is_container(x) and not (seen and is_dataclass(x)):
        return described_members(x, found, kept)
    kind, node, label, grad = "array", None, "", None
    if isinstance(x, Node) and not seen:
        if type(x) is not x._kind:
            raise found.rec.error(f"the result has a {type(x).__name__} in it; return Tensors or arrays")
        kind = "constant" if not x.requires_grad else "result" if x.fun else "leaf"
        if x._kind is not Tensor and x._grad is not None:
            grad = x._grad.variable if type(x._grad) is Traced else Var(Constant(x._grad), x._grad)
            found.shown[grad] = getattr(x._grad, "value", x._grad)
        node, label, x = x._kind, x.label, x._value
    elif type(x) is not Traced and not isinstance(x, np.ndarray):
        if not callable(x) and not seen:
            kinds = "arrays, Tensors, plain values, and lists, tuples, dicts and dataclasses of them"
            raise found.rec.error(f"the result has a {type(x).__name__} in it; return {kinds}")
        return x
    value, var = (x.value, x.variable) if type(x) is Traced else (x, Var(Constant(x), x))
    found.shown[var] = value
    return Result(kind, var, node, label, grad)


def described_members(x: Any, found: Captured, kept: bool) -> Any:
    """Return a container with its members described."""
    parts = [described(v, found, kept) for v in members(x).values()]
    kind: Any = type(x)
    return fields_type(kind)(*parts) if hasattr(kind, "__dataclass_fields__") else tree.like(x, parts)


def visible(x: Any, found: Captured, made: dict[int, Any]) -> Any:
    """Return what `described` describes, as the caller gets it; arrays are copies, as later calls may write.

    `made` has what was made for the parts, by their identity.
    """
    if isinstance(x, Result) or is_container(x):
        if id(x) not in made:
            made[id(x)] = _visible(x, found, made)
        return made[id(x)]
    return x


def _visible(x: Any, found: Captured, made: dict[int, Any]) -> Any:
    if isinstance(x, Result):
        value = found.shown[x.value]
        if x.kind == "argument":
            return value
        data = np.array(value) if isinstance(value, np.ndarray) else value
        if x.kind == "array":
            return data
        computed = x.kind == "result"
        y = returned_node(x.node, data, *parents(found.requires_grad)) if computed else constant(x.node, data)
        return noted(y, x.label, None if x.grad is None else found.shown[x.grad], x.kind != "constant")
    parts = [visible(v, found, made) for v in members(x).values()]
    return x.build(*parts) if hasattr(x, "build") else tree.like(x, parts)


@functools.cache
def fields_type(kind: Any) -> Any:
    """Return the namedtuple that describes a dataclass; `build` makes an object of the dataclass from its members."""
    new_type: Any = namedtuple
    made = new_type(kind.__name__, [f.name for f in fields(kind)], rename=True)

    def build(*values: Any) -> Any:
        return refill(object.__new__(kind), values)

    build.__name__, made.build = kind.__name__, staticmethod(build)
    return made
