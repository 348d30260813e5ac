"""The plainest optimisations: what nobody needs, what is there twice, what never changes, what need not be spread out.

Each takes a program and changes it in place, and keeps the results to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cores import LARGE
from .program import Call, Constant, Program, Var, substituted


def dead(program: Program) -> None:
    """Leave out what nobody waits for. Random numbers are drawn all the same: the next ones depend on it."""
    needed = set(program.ends())
    kept = []
    for call in reversed(program.calls):
        if call.out in needed or call.draws:
            needed.update(call.uses)
            kept.append(call)
    program.calls = kept[::-1]


def copies(program: Program) -> None:
    """A copy of what is never written into is that itself."""
    if not any([call.fun is np.copy for call in program.calls]):
        return
    same: dict[Var, Var] = {}
    for call in program.calls:
        if same:
            call.replace(same)
        if call.fun is np.copy and type(call.args[0]) is Var:
            same[call.out] = call.args[0]
    program.calls = [c for c in program.calls if c.out not in same]
    program.replace(same, calls=False)


def common(program: Program) -> None:
    """Compute once what is computed twice."""
    seen: dict[Any, Var] = {}
    same: dict[Var, Var] = {}
    for call in program.calls:
        if same:
            call.replace(same)
        if not call.draws:
            key = call.fun, *map(key_of, call.args), key_of(call.kwargs) if call.kwargs else None
            first = seen.setdefault(key, call.out)
            if first is not call.out:
                same[call.out] = first
    program.replace(same, calls=False)
    program.calls = [c for c in program.calls if c.out not in same]


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


def constants(program: Program) -> None:
    """Compute now what depends on nothing that may change; arrays of equal elements shrink to one."""
    known: dict[Var, Var] = {}
    calls = []
    for call in program.calls:
        if known:
            call.replace(known)
        for v in call.uses:
            if type(v.source) is not Constant:
                calls.append(call)
                break
        else:
            if call.draws or isinstance(call.out.example, (tuple, list)):
                calls.append(call)
            else:
                args, kwargs = (substituted(part, lambda v: v.source.array, Var) for part in (call.args, call.kwargs))
                with np.errstate(all="ignore"):  # the recording has warned
                    value = call.fun(*args, **kwargs)
                known[call.out] = Var(Constant(value), value, call.out.name)
    program.calls = calls
    program.replace(known, calls=False)


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
            if not any(array.strides) or (
                array.size < LARGE and array[(-1,) * array.ndim] == first and (array == first).all()
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


def broadcasting(program: Program) -> None:
    """Let ufuncs broadcast what would be spread out before."""
    numbers: dict[Any, Var] = {}
    for call in program.calls:
        for i, a in enumerate(call.args):
            if type(a) is not Var or a.shape == ():
                continue
            small: Any = None
            kind = type(a.source)
            if kind is Call and a.source.fun is np.broadcast_to:
                small = a.source.args[0]
            elif kind is Constant and (u := uniform(a)) is not None:
                small = numbers.setdefault((u.item(), u.dtype), Var(Constant(u), u))
            if small is None or getattr(small, "dtype", a.dtype) != a.dtype or not call.elementwise:
                continue
            others = call.args[:i], call.args[i + 1 :]
            shapes = {b.shape for part in others for b in part if type(b) is Var}
            shapes.add(getattr(small, "shape", ()))
            if call.out.shape in shapes or (
                len(shapes) > 1 + (() in shapes) and np.broadcast_shapes(*shapes) == call.out.shape
            ):
                call.become(call.fun, (*others[0], small, *others[1]))
