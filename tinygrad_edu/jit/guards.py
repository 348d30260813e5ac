"""Guards: what a plan checks before it computes (does the recording serve this call?), and while it computes.

A guard of the first kind that fails is a cache miss: another recording may serve the call. A guard of the second kind
is a predicate of values that the function has branched on; if it fails, the call runs without its recording.
"""

from types import CellType

import numpy as np

from ..engine.rules.finite import has_nan
from ..engine.rules.registry import implementations
from ..engine.tensor import Tensor
from ..trace.closure import is_unchanged
from ..trace.ir import Constant, Guard, Var, variables
from .lowering import Emitter
from .memory import Location

CACHE_MISS, GUARD_FAILED = object(), object()  # what a plan returns if a guard of the first or the second kind fails


def entry_guards(emitter: Emitter) -> list[str]:
    """Return the lines that check the arguments and the captured state, and read the settings."""
    captured, program, locations = emitter.captured, emitter.program, emitter.locations
    checks: list[str] = []
    n = check_argument(emitter, "args", captured.args, checks, 0)
    check_argument(emitter, "kwargs", captured.kwargs, checks, n)
    attributes = captured.attributes.copy()
    for v in program.inputs:
        locations[v] = Location(f"a{v.source.index}")
    for v in program.states:
        if v.source.kind == "grad":
            locations[v] = Location(emitter.variable("g"))
            checks.append(f"({locations[v].text} := {emitter.tensor(v.source.owner)}._grad) is not None")
        else:
            locations[v] = Location(emitter.name(v.source.array, v.name or "s"), v.source.array)
            if v.source.kind == "data":
                x, _, requires_grad = attributes.pop((id(v.source.owner), "requires_grad"))
                checks.append(f"{emitter.tensor(x)}._value is {locations[v].text}")
                checks.append(f"{emitter.tensor(x)}.requires_grad is {requires_grad}")
    checks += [f"{emitter.tensor(x)}._grad is None" for x in captured.absent]
    for holder, key, value in captured.closure.variables:
        text = f"{emitter.name(holder, 'scope')}.get({key!r})"
        if isinstance(holder, CellType):
            text = f"{emitter.name(holder, 'cell')}.cell_contents"
        checks.append(f"{text} {unchanged(emitter, value)}")
    for owner, attribute, value in attributes.values():
        checks.append(f"{emitter.name(owner, 'm')}.{attribute} {unchanged(emitter, value)}")
    for container, elements in captured.closure.containers:
        given = emitter.name(container, type(container).__name__), emitter.name(elements, "elements")
        checks.append(f"{emitter.fun(is_unchanged)}({', '.join(given)})")
    lines = [f"if not ({' and '.join(checks)}):", f"    return {emitter.name(CACHE_MISS, 'CACHE_MISS')}"]
    for v in program.settings:
        locations[v] = Location(emitter.variable("n"))
        lines.append(f"{locations[v].text} = {emitter.name(v.source.owner, 'o')}.{v.source.attribute}")
    return lines


def unchanged(emitter: Emitter, value: object) -> str:
    """Write the right side of a comparison with a recorded value."""
    if value is None or isinstance(value, bool):
        return f"is {emitter.ref(value)}"
    if isinstance(value, (int, float, str)) and value == value:
        return f"== {emitter.ref(value)}"
    return f"is {emitter.name(value, 'v')}"


def check_argument(emitter: Emitter, text: str, value: object, checks: list[str], n: int) -> int:
    """Add the checks for an argument; they name its leaves, the first by the number n. Return the next number."""
    kind = emitter.name(type(value), type(value).__name__)
    if isinstance(value, (list, tuple, dict)):
        if text not in ("args", "kwargs"):
            checks.append(f"type({text}) is {kind}")
        if isinstance(value, dict):
            checks.append(f"list({text}) == {emitter.ref(list(value))}" if value else f"not {text}")
        else:
            checks.append(f"len({text}) == {len(value)}")
        for key, element in value.items() if isinstance(value, dict) else enumerate(value):
            n = check_argument(emitter, f"{text}[{emitter.ref(key)}]", element, checks, n)
        return n
    name = f"a{n}"
    if isinstance(value, Tensor):
        checks.append(f"type({name}t := {text}) is {kind} and {name}t.requires_grad is {value.requires_grad}")
        text, value = f"{name}t._value", value._value
        kind = emitter.name(type(value), type(value).__name__)
    if isinstance(value, (np.ndarray, np.generic)):
        checks.append(f"type({name} := {text}) is {kind}")
        if isinstance(value, np.ndarray):
            checks.append(f"{name}.shape == {value.shape}")
        checks.append(f"{name}.dtype == {emitter.name(value.dtype, 'dtype')}")
    elif isinstance(value, (bool, int, float, complex, str, type(None))):
        checks.append(f"type({name} := {text}) is {kind} and {name} == {emitter.ref(value)}")
    else:
        checks.append(f"({name} := {text}) is {emitter.name(value, 'o')}")
    return n + 1


def value_guards(emitter: Emitter, guards: list[Guard]) -> list[Guard]:
    """Add the checks of those guards whose arguments are computed; return the others."""
    waiting = []
    for guard in guards:
        if any(v not in emitter.locations and not isinstance(v.source, Constant) for v in variables(guard.args)):
            waiting.append(guard)
            continue
        if guard.predicate is has_nan and guard.answer is False and guard.args:
            total = " + ".join([_nan_if_any(emitter, a) for a in guard.args])
            emitter.emit(f"if (s := {total}) != s:", "guard")
        else:
            predicate = emitter.fun(implementations.get(guard.predicate, guard.predicate))
            given = ", ".join(map(emitter.ref, guard.args))
            emitter.emit(f"if {predicate}({given}) is not {guard.answer!r}:", "guard")
        emitter.emit(f"    return {emitter.name(GUARD_FAILED, 'GUARD_FAILED')}", "guard")
    return waiting


def _nan_if_any(emitter: Emitter, a: object) -> str:
    """Write a number that is NaN if `a` holds one, and never below 0, so that infinities do not cancel in a sum."""
    text = emitter.ref(a)
    if not isinstance(a, Var) or not a.shape:
        return f"{text} * {text}"
    if a.size >= 10_000:
        return f"abs({text}.min())"
    array = emitter.locations[a].array
    flat = array.ravel("K") if array is not None else None
    if flat is not None and array is not None and np.may_share_memory(flat, array):
        text = emitter.name(flat, "w")
    elif len(a.shape) > 1:
        return f"(r := {text}.ravel('K')).dot(r)"
    return f"{text}.dot({text})"
