"""How a plan ends: its result, and what it changes outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tape import constant
from ..engine.tensor import Tensor
from ..trace.ir import Call, Result, Setting, Var
from .memory import is_view

if TYPE_CHECKING:
    from .codegen import Plan


def epilogue(plan: Plan) -> None:
    """The result, and what is changed outside."""
    program, layout = plan.program, plan.layout
    for v in program.outputs():
        plan.ref(v)
    written = {target for target, value in program.stores if value not in layout.direct}
    result = returned(plan, program.result)
    stores = []
    for target, value in program.stores:
        source, text = target.source, plan.home[value].text
        if isinstance(source, Setting):
            stores.append(f"{plan.name(source.owner, 'o')}.{source.attribute} = {text}")
        elif value not in layout.direct:
            if layout.origin(value) in written:  # which may be written before it is read
                name = plan.variable()
                plan.emit(f"{name} = {text}.copy()", "update")
                text = name
            stores.append(f"{plan.home[target].text}[...] = {text}")
    places: list[tuple[Any, Any]] = []  # for gradients that lie at the same place at every call
    for x, g in program.grads:
        text = "None" if g is None else own(plan, g)
        home = None if g is None else plan.home[g]
        if home is not None and home.array is not None and text == home.text and id(x) not in plan.found.given:
            places.append((x, home.array))
        else:
            stores.append(f"{plan.tensor(x)}._grad = {text}")
    if places:
        stores.append(f"{plan.fun(hand_out)}({plan.name(places, 'grads')})")
    for line in (*stores, f"return {result}"):
        plan.emit(line, "update")


def hand_out(places: list[tuple[Any, Any]]) -> None:
    """Give each Tensor its gradient."""
    for tensor, array in places:
        tensor._grad = array


def own(plan: Plan, v: Var) -> str:
    """An array that from now on is a Tensor's, and nobody else's."""
    root, home = plan.layout.origin(v), plan.home[v]
    if v.shape == ():
        return f"{plan.fun(np.array)}({home.text})"
    shared = not isinstance(root.source, Call) or root in plan.handed or _spread_out(v)
    if home.array is not None:
        shared = shared or any(np.may_share_memory(home.array, other) for other in plan.given)
        plan.given.append(home.array)
    elif not shared:
        plan.handed.add(root)
    return f"{home.text}.copy()" if shared else home.text


def returned(plan: Plan, value: Any) -> str:
    """The text of the result. Arrays are copied where they are not its own, before anything is stored."""
    if isinstance(value, Result):
        v = value.var
        root, text = plan.layout.origin(v), plan.home[v].text
        if v.shape != () or not isinstance(v.source, Call):
            if isinstance(root.source, Call) and plan.home[v].array is None and root not in plan.handed:
                plan.handed.add(root)
            elif v.dtype is not None:
                name = plan.variable()
                plan.emit(f"{name} = {text}.copy()", "update")
                text = name
        return f"{plan.fun(constant)}({plan.fun(Tensor)}, {text})" if value.kind == "tensor" else text
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{plan.fun(type(value))}({', '.join(returned(plan, v) for v in value)})"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(returned(plan, v) for v in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{plan.ref(k)}: {returned(plan, v)}' for k, v in value.items())}}}"
    return plan.ref(value)


def _spread_out(v: Var) -> bool:
    """Whether some elements of v lie at the same place in memory."""
    while isinstance(v.source, Call) and is_view(v.source):
        if v.source.fun is np.broadcast_to:
            return True
        v = v.source.args[0]
    return False
