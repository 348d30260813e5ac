"""Opening: the calls inside a primitive that is recorded as one call, for a program that is printed or becomes C."""

from typing import Any

import numpy as np

from ..engine.rules.registry import implementations, opaques
from .functional import part
from .ir import Call, Constant, Program, Var, mapped, substituted
from .recorder import Recorder
from .traced import Traced


def open_calls(program: Program, steps: float = np.inf) -> None:
    """Replace each call of an opaque primitive, of at most so many steps, by the calls of its implementation."""
    new: dict[Var, Any] = {}
    calls: list[Call] = []
    for call in program.calls:
        call.replace(new)
        if opaques.get(call.fun) and max([len(v.example) for v in call.uses if len(v.shape) > 2], default=0) <= steps:
            inside, new[call.out] = calls_inside(call)
            calls += inside
        elif call.fun is part and isinstance(call.args[0], tuple):  # the results of a call that was replaced
            new[call.out] = call.args[0][call.args[1]]
        else:
            calls.append(call)
    program.calls = calls
    program.replace(new, calls=False)


def calls_inside(call: Call) -> tuple[list[Call], Any]:
    """Return the calls that compute the result of a call, and the Vars of the result."""
    rec = Recorder(call.fun.__name__)
    args = substituted(call.args, lambda v: Traced(rec, v.example, v))
    with np.errstate(all="ignore"):  # the values are placeholders
        result = implementations[call.fun](*args, **call.kwargs)
    constants: dict[Any, Var] = {}  # one for the uses of an array in all steps
    for inner in rec.program.calls:
        inner.line, inner.phase = call.line, call.phase
        arrays = {v: v.source.array for v in inner.uses if type(v.source) is Constant and v.shape}
        inner.replace({v: constants.setdefault((a.shape, a.dtype, a.tobytes()), v) for v, a in arrays.items()})
    return rec.program.calls, mapped(lambda traced: traced.variable, result)
