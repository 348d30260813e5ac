"""Which calls and guards have a C form, and so are part of a stretch."""

import numpy as np

from ...engine.rules.activations import has_infinity
from ...engine.rules.finite import has_nan
from ...functions.classification import within
from ...trace.ir import Call, Guard, Var
from ..effects import can_vary
from .access import rearranges
from .blas import addresses
from .indexing import is_indexed, is_part
from .operations import c_type, of_floats, operation
from .products import SMALL, is_product
from .reductions import is_joined, reduction


def has_form(call: Call) -> bool:
    """Whether a call can be part of a stretch."""
    if call.out.dtype is None:
        return of_floats(call) is not None
    if call.elementwise:
        return 0 not in call.out.shape and operation(call) is not None
    if call.draws or 0 in call.out.shape or c_type(call.out.dtype) is None:
        return False
    if can_vary(call) and call.fun is not np.clip:
        return False
    if not all(v.dtype is None or (isinstance(v.dtype, np.dtype) and 0 not in v.shape) for v in call.uses):
        return False
    if rearranges(call):
        return c_type(call.args[0].dtype) is not None
    if call.fun is np.broadcast_to or call.fun is np.reshape:  # of a number
        known = len(call.uses) == 1 and not call.kwargs and type(call.args[0]) is Var
        return known and call.args[0].dtype == call.out.dtype
    if is_product(call):
        return call.out.size * call.args[0].shape[-1] <= SMALL or addresses() is not None
    return bool(operation(call) or reduction(call) or is_indexed(call) or is_part(call) or is_joined(call))


def has_guard_form(guard: Guard) -> bool:
    """Whether a guard can be checked within a stretch."""
    if guard.predicate in (has_nan, has_infinity) and guard.answer is False:
        return all(
            v == v if type(v) is float
            else type(v) is Var and (v.dtype is None or (v.dtype.kind == "f" and c_type(v.dtype) is not None))
            for v in guard.args
        )  # fmt: skip
    if guard.predicate is within and guard.answer is True:
        v, n = guard.args
        known = type(v) is Var and type(n) is int and v.shape != ()
        return known and v.dtype.kind in "iu" and c_type(v.dtype) is not None
    return False
