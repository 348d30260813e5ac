"""How a plan begins: is it for these arguments, and is what the recording found outside still there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tensor import Tensor
from ..trace.closure import as_it_was
from ..trace.ir import Home

if TYPE_CHECKING:
    from .codegen import Plan


def prologue(plan: Plan) -> list[str]:
    """Is the plan for these arguments, and is what was found outside still there?"""
    checks: list[str] = []
    places = unpack(plan, "args", plan.found.args, checks, 0)
    unpack(plan, "kwargs", plan.found.kwargs, checks, places)
    tensors: list[tuple[Tensor, Any, bool]] = []
    attributes = plan.found.attributes.copy()
    for v in plan.program.inputs:
        plan.home[v] = Home(f"a{v.source.place}")
    for v in plan.program.states:
        if v.source.kind == "grad":
            plan.home[v] = Home(plan.variable("g"))
            checks.append(f"({plan.home[v].text} := {plan.tensor(v.source.owner)}._grad) is not None")
        else:
            plan.home[v] = Home(plan.name(v.source.array, v.name or "s"), v.source.array)
            if v.source.kind == "data":
                x = v.source.owner
                tensors.append((x, v.source.array, attributes.pop((id(x), "requires_grad"))[2]))
    checks += [f"{plan.tensor(x)}._grad is None" for x in plan.found.absent]
    for holder, key, value in plan.found.closure.variables:
        text = f"{plan.name(holder, 'scope')}.get({key!r})" if key else f"{plan.name(holder, 'cell')}.cell_contents"
        checks.append(f"{text} {same(plan, value)}")
    for owner, attribute, value in attributes.values():
        checks.append(f"{plan.name(owner, 'm')}.{attribute} {same(plan, value)}")
    containers = plan.found.closure.containers
    if tensors or containers:
        given = plan.name(tensors, "tensors"), plan.name(containers, "containers")
        checks.append(f"{plan.fun(unchanged)}({', '.join(given)})")
    lines = [f"if not ({' and '.join(checks)}):", "    return MISSED"]
    for v in plan.program.settings:
        plan.home[v] = Home(plan.variable("n"))
        lines.append(f"{plan.home[v].text} = {plan.name(v.source.owner, 'o')}.{v.source.attribute}")
    return lines


def unchanged(tensors: list[tuple[Tensor, Any, bool]], containers: list[tuple[Any, list[Any]]]) -> bool:
    """Whether Tensors still have their arrays, and take gradients as they did, and lists and dicts hold the same."""
    for tensor, array, takes in tensors:
        if tensor._value is not array or tensor.requires_grad is not takes:
            return False
    return all([as_it_was(container, elements) for container, elements in containers])


def same(plan: Plan, value: Any) -> str:
    """The rest of a comparison with a value that must not have changed."""
    plain = isinstance(value, (int, float, str)) and not isinstance(value, bool) and value == value
    single = value is None or isinstance(value, bool)
    return f"== {plan.ref(value)}" if plain else f"is {plan.ref(value) if single else plan.name(value, 'v')}"


def unpack(plan: Plan, text: str, value: Any, checks: list[str], place: int) -> int:
    """Add what is to be true of an argument, naming its leaves, the first of them `place`; the number of the next."""
    kind = plan.name(type(value), type(value).__name__)
    if isinstance(value, (list, tuple, dict)):
        if text not in ("args", "kwargs"):
            checks.append(f"type({text}) is {kind}")
        if isinstance(value, dict):
            checks.append(f"list({text}) == {plan.ref(list(value))}" if value else f"not {text}")
        else:
            checks.append(f"len({text}) == {len(value)}")
        for k in value if isinstance(value, dict) else range(len(value)):
            place = unpack(plan, f"{text}[{plan.ref(k)}]", value[k], checks, place)
        return place
    name = f"a{place}"
    if isinstance(value, Tensor):
        checks.append(f"type({name}t := {text}) is {kind} and {name}t.requires_grad is {value.requires_grad}")
        text, value = f"{name}t._value", value._value
        kind = plan.name(type(value), type(value).__name__)
    if isinstance(value, (np.ndarray, np.generic)):
        checks.append(f"type({name} := {text}) is {kind}")
        if isinstance(value, np.ndarray):
            checks.append(f"{name}.shape == {value.shape}")
        checks.append(f"{name}.dtype == {plan.name(value.dtype, 'dtype')}")
    elif isinstance(value, (bool, int, float, complex, str, type(None))):
        checks.append(f"type({name} := {text}) is {kind} and {name} == {plan.ref(value)}")
    else:
        checks.append(f"({name} := {text}) is {plan.name(value, 'o')}")
    return place + 1
