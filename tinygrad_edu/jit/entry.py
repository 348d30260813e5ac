"""How a plan begins: is it for these arguments, and is what the recording found outside still there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensor import Tensor
from .program import Home

if TYPE_CHECKING:
    from .plan import Plan


def prologue(plan: Plan) -> list[str]:
    """Is the plan for these arguments, and is what was found outside still there?"""
    lines: list[str] = []
    places = unpack(plan, "args", plan.found.args, lines, 0)
    unpack(plan, "kwargs", plan.found.kwargs, lines, places)
    checks: list[str] = []
    tensors: list[tuple[Tensor, Any, bool]] = []
    attributes = plan.found.attributes.copy()
    for v in plan.program.inputs:
        plan.home[v] = Home(f"a{v.source.place}")
    for v in plan.program.states:
        if v.source.kind == "grad":
            plan.home[v] = Home(plan.variable("g"))
            lines.append(f"{plan.home[v].text} = {plan.tensor(v.source.owner)}._grad")
            checks.append(f"{plan.home[v].text} is not None")
        else:
            plan.home[v] = Home(plan.name(v.source.array, v.name or "s"), v.source.array)
            if v.source.kind == "data":
                x = v.source.owner
                tensors.append((x, v.source.array, attributes.pop((id(x), "requires_grad"))[2]))
    for v in plan.program.numbers:
        plan.home[v] = Home(plan.variable("n"))
        lines.append(f"{plan.home[v].text} = {plan.name(v.source.owner, 'o')}.{v.source.attribute}")
    checks += [f"{plan.tensor(x)}._grad is None" for x in plan.found.absent]
    for holder, key, value in plan.found.variables:
        text = f"{plan.name(holder, 'scope')}.get({key!r})" if key else f"{plan.name(holder, 'cell')}.cell_contents"
        checks.append(f"{text} {same(plan, value)}")
    for owner, attribute, value in attributes.values():
        checks.append(f"{plan.name(owner, 'm')}.{attribute} {same(plan, value)}")
    if tensors:
        lines += [
            f"for tensor, array, takes in {plan.name(tensors, 'tensors')}:",
            "    if tensor._value is not array or tensor.requires_grad is not takes:",
            "        return MISSED",
        ]
    if checks:
        lines += [f"if not ({' and '.join(checks)}):", "    return MISSED"]
    return lines


def same(plan: Plan, value: Any) -> str:
    """The rest of a comparison with a value that must not have changed."""
    plain = isinstance(value, (int, float, str)) and not isinstance(value, bool) and value == value
    single = value is None or isinstance(value, bool)
    return f"== {plan.ref(value)}" if plain else f"is {plan.ref(value) if single else plan.name(value, 'v')}"


def unpack(plan: Plan, text: str, value: Any, lines: list[str], place: int) -> int:
    """Lines that check an argument and name its leaves, the first of them `place`; the number of the next."""

    def must(condition: str) -> None:
        lines.extend([f"if not ({condition}):", "    return MISSED"])

    kind = plan.name(type(value), type(value).__name__)
    if isinstance(value, (list, tuple)):
        must(
            f"len({text}) == {len(value)}"
            if text == "args"
            else f"type({text}) is {kind} and len({text}) == {len(value)}"
        )
        for i, v in enumerate(value):
            place = unpack(plan, f"{text}[{i}]", v, lines, place)
        return place
    if isinstance(value, dict):
        must(f"list({text}) == {plan.ref(list(value))}" if value else f"not {text}")
        if text != "kwargs":
            must(f"type({text}) is {kind}")
        for k, v in value.items():
            place = unpack(plan, f"{text}[{plan.ref(k)}]", v, lines, place)
        return place
    name = f"a{place}"
    if isinstance(value, Tensor):
        lines.append(f"{name}t = {text}")
        must(f"type({name}t) is {kind} and {name}t.requires_grad is {value.requires_grad}")
        lines.append(f"{name} = {name}t._value")
        value = value._value
        kind = plan.name(type(value), type(value).__name__)
    else:
        lines.append(f"{name} = {text}")
    if isinstance(value, (np.ndarray, np.generic)):
        shape = f" and {name}.shape == {value.shape}" if isinstance(value, np.ndarray) else ""
        must(f"type({name}) is {kind}{shape} and {name}.dtype == {plan.name(value.dtype, 'dtype')}")
    elif isinstance(value, (bool, int, float, complex, str, type(None))):
        must(f"type({name}) is {kind} and {name} == {plan.ref(value)}")
    else:
        must(f"{name} is {plan.name(value, 'o')}")
    return place + 1
