"""The plainest optimisations: what nobody needs, what is there twice, what never changes, what need not be spread out.

Most look at one call at a time, when all that it uses is as simple as it gets: a rule may change the call, and gives
the Var that is the same as its result, if there is one. All keep the results to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..engine.threads import LARGE
from ..trace.ir import Call, Constant, Program, Var, substituted

Seen = dict[Any, Var]  # what rules remember of the calls before
Rule = Callable[[Call, Seen], Var | None]


def dead(program: Program) -> None:
    """Leave out what nobody waits for. Random numbers are drawn all the same: the next ones depend on it."""
    needed = set(program.outputs())
    kept = []
    for call in reversed(program.calls):
        if call.out in needed or call.draws:
            needed.update(call.uses)
            kept.append(call)
    program.calls = kept[::-1]


def simplify(program: Program, rules: Mapping[str, tuple[Rule, Any]]) -> dict[str, int]:
    """Apply the rules, in their order, to each call of a function that they are for; how many calls each left out."""
    new: dict[Var, Var] = {}
    seen: dict[Any, Var] = {}
    calls = []
    gone = dict.fromkeys(rules, 0)
    by_function: dict[Any, list[tuple[str, Rule]]] = {}
    for call in program.calls:
        if new:
            call.replace(new)
        fun = call.fun
        if fun not in by_function:
            by_function[fun] = [(name, rule) for name, (rule, known) in rules.items() if known is None or fun in known]
        for name, rule in by_function[fun]:
            same = rule(call, seen)
            if same is not None:
                new[call.out] = same
                gone[name] += 1
                break
        else:
            calls.append(call)
    program.calls = calls
    program.replace(new, calls=False)
    return gone


def copies(call: Call, seen: Seen) -> Var | None:
    """A copy of an array that is never written into is that itself; of a single number it is an array."""
    x = call.args[0]
    return x if type(x) is Var and isinstance(x.example, np.ndarray) else None


def common(call: Call, seen: Seen) -> Var | None:
    """Compute once what is computed twice."""
    if call.draws:
        return None
    args = [a if type(a) is Var and type(a.source) is not Constant else key_of(a) for a in call.args]
    key = call.fun, *args, key_of(call.kwargs) if call.kwargs else None
    first = seen.setdefault(key, call.out)
    return first if first is not call.out else None


def key_of(x: Any) -> Any:
    """What is equal for equal arguments, and hashable; 1, 1.0 and True are told apart, and so are 0.0 and -0.0."""
    kind = type(x)
    if kind is Var:
        return ("array", id(x.source.array)) if type(x.source) is Constant else x
    if kind is int or kind is str or x is None or x is ...:
        return x
    if kind is float or kind is bool:
        return kind, repr(x)
    if isinstance(x, (list, tuple)):
        return kind, tuple([key_of(v) for v in x])
    if isinstance(x, dict):
        return tuple([(k, key_of(v)) for k, v in x.items()])
    if kind is slice:
        return "slice", key_of(x.start), key_of(x.stop), key_of(x.step)
    return x if isinstance(x, np.dtype) else ("object", id(x))


def constants(call: Call, seen: Seen) -> Var | None:
    """Compute now what depends on nothing that may change."""
    for v in call.uses:
        if type(v.source) is not Constant:
            return None
    if call.draws or isinstance(call.out.example, (tuple, list)):
        return None
    args, kwargs = (substituted(part, lambda v: v.source.array, Var) for part in (call.args, call.kwargs))
    with np.errstate(all="ignore"):  # the recording has warned
        value = call.fun(*args, **kwargs)
    return Var(Constant(value), value, call.out.name)


def uniform(v: Any) -> Any:
    """The number that all elements of a constant are, as an array without axes; None if they differ."""
    if type(v) is not Var or type(v.source) is not Constant:
        return None
    source = v.source
    if source.element is ...:
        array = source.array
        source.element = None
        if isinstance(array, np.ndarray) and array.size:
            first = array[(0,) * array.ndim]
            # Bytes are compared sooner than numbers, and tell 0.0 from -0.0.
            if not any(array.strides) or (
                array.size < LARGE
                and array[(-1,) * array.ndim] == first
                and array.tobytes() == first.tobytes() * array.size
            ):
                source.element = np.asarray(first)
    return source.element


def number(v: Any) -> Any:
    """The value of a Python number, or of a constant whose elements are all the same; else None."""
    if type(v) is not Var:
        return v if type(v) in (int, float) else None
    if type(v.source) is not Constant:
        return None
    u = uniform(v)
    return None if u is None else u.item()


def broadcasting(call: Call, seen: Seen) -> None:
    """Let ufuncs broadcast what would be spread out before; arrays of equal elements shrink to one."""
    for i, a in enumerate(call.args):
        if type(a) is not Var or a.shape == ():
            continue
        small: Any = None
        kind = type(a.source)
        if kind is Call and a.source.fun is np.broadcast_to:
            small = a.source.args[0]
        elif kind is Constant and (u := uniform(a)) is not None:
            small = seen.setdefault((u.item(), u.dtype), Var(Constant(u), u))
        if small is None or getattr(small, "dtype", a.dtype) != a.dtype or not call.elementwise:
            continue
        others = call.args[:i], call.args[i + 1 :]
        shapes = {b.shape for part in others for b in part if type(b) is Var}
        shapes.add(getattr(small, "shape", ()))
        several = len(shapes) > 1 + (() in shapes)
        if call.out.shape in shapes or (several and np.broadcast_shapes(*shapes) == call.out.shape):
            call.become(call.fun, (*others[0], small, *others[1]))
