"""Runs a printed program, and the calls that it was printed from, one by one with arrays of their own."""

import numpy as np

from tinygrad_edu.trace.ir import Constant, Result, State, Var, substituted
from tinygrad_edu.trace.printer import whole


def fresh(v):
    """Return nested values with the arrays copied."""
    return substituted(v, np.array, np.ndarray)


def start(v):
    """Return what a program starts from: the array that the function found, or drawn elements of an argument."""
    if isinstance(v.source, State):
        return np.array(v.source.array)
    if isinstance(v.example, np.ndarray) and v.dtype.kind == "f":
        return np.random.default_rng(v.size).uniform(0.5, 1.5, v.shape).astype(v.dtype)
    return fresh(v.example)


def shown(x, value):
    """Return nested results as lists, dicts and arrays; `value` gives the arrays of Vars."""
    if isinstance(x, Result):
        return shown(x.node if x.kind in ("argument", "found") else x.value, value)
    if isinstance(x, (list, tuple)):
        return [shown(a, value) for a in x]
    if isinstance(x, dict):
        return {k: shown(a, value) for k, a in x.items()}
    x = value(x) if type(x) is Var else x
    return np.asarray(x) if isinstance(x, (np.ndarray, np.generic, int, float, complex)) else None  # another object


def called(source):
    """Return the result of a program's calls, and by its name what each array or number becomes."""
    program, names = source.program, arguments(source)
    values = {v: start(v) for v in names}

    def value(v):
        return fresh(v.source.array if isinstance(v.source, Constant) else values[v])

    for call in program.calls:
        args, kwargs = (substituted(given, value) for given in (call.args, dict(call.kwargs)))
        values[call.out] = fresh(call.fun(*args, **kwargs))
    end = {**values, **{target: value(v) for target, v in program.stores}}
    return shown([program.result, {name: end[v] for v, name in names.items()}], value)


def printed(source):
    """Return the same of the printed program."""
    names, scope = arguments(source), {}
    exec(source.whole, scope)
    given = {**source.values, **{name: start(v) for v, name in names.items()}}
    result = scope[source.title](**given)
    if not all([whole(target, value) for target, value in source.program.stores]):
        result, replaced = result
        given.update(replaced)
    return shown([result, {name: given[name] for name in names.values()}], None)


def arguments(source):
    """Return the names of what a program starts from."""
    program = source.program
    states = sorted(program.states, key=lambda v: v.source.kind != "data")
    return dict(zip([*program.inputs, *states, *program.settings], source.values, strict=False))
