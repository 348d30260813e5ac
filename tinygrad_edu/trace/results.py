"""Results of a recorded function: what a replay returns, and what the recording itself gives to the user.

Arrays, Tensors, plain values and known containers of them are returned. A Tensor comes without the graph behind it, and
refuses a gradient that would need this graph.
"""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from ..engine.errors import kind_of
from ..engine.rules.registry import Array, defvjp, primitive
from ..engine.tape import NO_KEYWORDS, Node, constant, record
from ..engine.tensor import Tensor
from ..transforms import tree
from .captured import Captured
from .changes import SHARED, are_leaves, each, memory_of
from .closure import PLAIN
from .containers import has_fields, is_container, is_dataclass, leaves, members
from .functional import memory_axes
from .ir import ARRAYS, Constant, Result, State, Var, variables
from .recorder import PLAIN_ARRAYS, TracedGenerator
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


def parents(found: Captured) -> tuple[Node, ...]:
    """Return the nodes that a Tensor seems to be computed from: a new leaf, if the function reaches none."""
    return tuple([x for x, takes in found.requires_grad.items() if takes]) or (Tensor(0.0),)


def returned(kind: Any, data: Any, nodes: tuple[Node, ...], label: str, grad: Any, takes: bool) -> Any:
    """Return a Tensor or a Value that seems to be computed from some nodes, or from none; it refuses gradients."""
    argnums = tuple(range(len(nodes)))
    y = record(kind, data, recorded_result, nodes, nodes, NO_KEYWORDS, argnums) if nodes else constant(kind, data)
    y.label, y._grad, y.requires_grad = label, grad, takes
    return y


def described(x: Any, found: Captured, kept: bool = False) -> tuple[Any, Any]:
    """Return the function's result with a Result for each array, Tensor, argument and dataclass, and as it is shown.

    The caller is shown copies of arrays, as later calls may write into them. What is there twice is described once,
    by one object, and arrays that share memory go on to do so, unless it is that of an argument or of the state.
    Objects among the arguments are returned themselves; if `kept`, also arrays, lists, dicts and dataclasses among
    them, and arrays that a Tensor or another object holds from call to call.
    """
    if type(x) is not Traced and isinstance(x, IMMUTABLE):
        for text, value in found.rec.texts:
            if isinstance(x, str) and re.search(rf"(?<![\w.]){re.escape(text)}(?!\w|\.\d)", x):  # not the 1 of conv1
                value.plain("the text of a value in the result", "return the value, and make the text outside")
        return x, x
    if (id(x), kept) not in found.results:
        found.results[id(x), kept] = x, _described(x, found, kept)
    return found.results[id(x), kept][1]


def _described(x: Any, found: Captured, kept: bool) -> tuple[Any, Any]:
    path, given = found.paths.get(id(x), (None, None))
    if path and (kept or not isinstance(given, ARRAYS)):
        content = described_members(x, found, kept)[0] if is_container(given) and not kept else data_at_end(x, found)
        return Result("argument", path, content), given
    if id(x) in found.within:
        return Result("found", x, data_at_end(x, found)), x
    if kept and memory_of(x._value if isinstance(x, Node) else x) in found.moved:
        raise found.rec.error(f"a list, a dict or a dataclass among the arguments {SHARED}")
    state = x.origin.source if kept and type(x) is Traced else None
    if isinstance(state, State) and state.kind != "grad" and found.arrays.get(id(state.array)) is x:
        found.closure.fixed.add(id(state.array))  # the plan puts this array there
        return state.array, state.array
    seen = id(x) in found.closure.seen
    is_array = type(x) is Traced or (type(x) in PLAIN_ARRAYS and x.dtype.kind != "O")
    if kept and (is_array or (isinstance(x, Node) and not seen)):
        if type(x) is Traced and x.is_view and x.root.is_found:
            raise found.rec.error(f"a view of an array that the function found {SHARED}")
        return described(x, found)  # the same as in the result
    if isinstance(x, (list, dict)) and id(x) in found.closure.holders:  # the function's own, which it may have changed
        data = [variables(described(t, found)[0])[:1] for t in each(x).values()] if are_leaves(x, x) else None
        return Result("held", found.closure.holders[id(x)], data), x
    if (is_container(x) and not (seen and is_dataclass(x))) or (not seen and has_fields(x)):
        return described_members(x, found, kept)
    if isinstance(x, Node) and not seen:
        return _described_node(x, found)
    if is_array:
        return _described_array(x, found)
    x = found.copies.originals.get(id(x), x)
    x = x._generator if type(x) is TracedGenerator else x
    if id(x) not in found.closure.seen and not isinstance(x, (ModuleType, tree.Structure)):
        kinds = "arrays, Tensors, plain values, and lists, tuples, dicts and dataclasses of them"
        extra = ", whose attributes are not just its fields" if hasattr(type(x), "__dataclass_fields__") else ""
        raise found.rec.error(f"the result has {kind_of(x)} in it{extra}; return {kinds}")
    return x, x


def data_at_end(x: Any, found: Captured) -> Var | None:
    """Return the Var of the data that a Tensor or a Value which the function found has at the end; None for others."""
    if not isinstance(x, Node):
        return None
    data = found.closure.holders[id(x)].last["_value"]
    return (data if type(data) is Traced else found.rec.constant(data)).variable


def _described_node(x: Node, found: Captured) -> tuple[Result, Any]:
    """Describe a Tensor or a Value that the function made."""
    if type(x) is not x._kind:
        raise found.rec.error(f"the result has {kind_of(x)} in it; return Tensors or arrays")
    kind = "constant" if not x.requires_grad else "result" if x.fun else "leaf"
    value, data = described(x._value, found)
    g = x._grad
    if type(g) is Traced and type(g.variable.source) is Constant and not g.shape:  # that of a loss, 1
        g = g.value if type(g.value) is float else np.asarray(g.value)[()]
    g, grad = described(g, found)
    found.labeled |= bool(x.label)
    nodes = parents(found) if kind == "result" else ()
    return Result(kind, value, x._kind, x.label, g), returned(x._kind, data, nodes, x.label, grad, x.requires_grad)


def _described_array(x: Any, found: Captured) -> tuple[Result, Any]:
    """Describe an array or a number, and copy what it holds."""
    var, value = (x.variable, x.value) if type(x) is Traced else (Var(Constant(x), x), x)
    is_array = isinstance(value, np.ndarray)
    if not is_array or type(x) is not Traced or id(x.root) not in found.memories:
        return Result("array", var), np.array(value) if is_array else value
    memory, data = found.memories[id(x.root)]
    view = x.within(data)
    offset = view.ctypes.data - data.ctypes.data
    return Result("array", var, memory=(memory, view.shape, view.dtype, offset, view.strides)), view


def note_memories(found: Captured, values: Any) -> None:
    """Note the memory of arrays in `values` that share it."""
    x: Any
    roots: dict[int, dict[int, Traced]] = {}
    for _, x in leaves("", values):
        for a in (x._value, x._grad) if isinstance(x, Node) else (x,):
            is_shared = type(a) is Traced and isinstance(a.value, np.ndarray) and a.value.flags.writeable
            if is_shared and not a.root.is_found:
                roots.setdefault(id(a.root), {})[id(a)] = a
    for i, arrays in roots.items():
        if len(arrays) > 1:
            root: Any = next(iter(arrays.values())).root
            data = np.array(root.value)
            found.memories[i] = Result("memory", root.variable, memory_axes(data)), data


def described_members(x: Any, found: Captured, kept: bool) -> tuple[Any, Any]:
    """Return a container with its members described, and as it is shown."""
    pairs = [described(v, found, kept) for v in members(x).values()]
    parts, shown = ([pair[i] for pair in pairs] for i in range(2))
    of_fields = hasattr(type(x), "__dataclass_fields__")
    return Result("dataclass", parts, type(x)) if of_fields else tree.like(x, parts), tree.like(x, shown)
