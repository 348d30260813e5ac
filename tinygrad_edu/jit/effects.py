"""Effects of a call beside its result: whose memory the result may share, and whether values can make it fail.

For other values, a function that is not known here may also give another number of elements, or another dtype.
"""

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np

from ..engine.rules.floats import positive_part
from ..engine.rules.indexing import is_basic, setitem
from ..engine.rules.registry import opaques
from ..trace.functional import add_at, astype, changed, filled, part, retyped
from ..trace.ir import Call, Constant, Var

Functions = frozenset[Callable[..., object]]
COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
VIEWS: Functions = frozenset({np.reshape, np.transpose, np.broadcast_to, retyped})
INDEXED: Functions = frozenset({operator.getitem, setitem, add_at})
STEADY: Functions = frozenset({setitem, add_at, changed, filled})  # results have the first argument's shape and dtype
NEW: Functions = frozenset({  # their results are new arrays, and no values are wrong for them
    np.dot, np.vdot, np.matmul, np.sum, np.prod, np.max, np.min, np.mean, np.var, np.std, np.argmax, np.argmin,
    np.where, np.concatenate, np.stack, np.copy, astype, np.cumsum, operator.add, operator.sub, operator.mul,
    operator.neg, operator.pos, operator.abs, *COMPARISONS, float, math.tanh, positive_part,
})  # fmt: skip


def is_view(call: Call) -> bool:
    """Whether a call rearranges an array without looking at its elements, so that a view may do."""
    if call.fun is operator.getitem:
        return is_basic(call.args[1])
    return call.fun in VIEWS and not call.kwargs and len(call.uses) == 1


def shared(call: Call) -> Sequence[Var]:
    """Return the Vars whose memory the result may share: all of them for a function that is not known."""
    if type(call.fun) is np.ufunc:
        return ()
    if call.alias_of is not None:
        return [call.uses[call.alias_of]]
    if is_view(call):
        return call.uses[:1]
    if call.draws or call.fun in NEW or call.fun in opaques or call.fun in INDEXED:
        return ()
    return call.uses


def can_vary(call: Call) -> bool:
    """Whether the result may have another shape or dtype for other values, as that of np.unique; a plan checks it."""
    fun = call.fun
    if type(fun) is np.ufunc or fun in STEADY or fun in opaques:
        return False
    if fun is part:
        return can_vary(call.args[0].source)
    others = [v for v in call.uses[1:] if type(v.source) is not Constant]  # beside the array
    if fun is operator.getitem:
        return any([v.dtype == bool for v in others])
    if fun in VIEWS or fun in NEW:  # an integer may be a length or an axis
        return any([not v.shape and not isinstance(v.example, (float, np.inexact)) for v in others])
    return any([type(v.source) is not Constant for v in call.uses])


def can_raise(call: Call) -> bool:
    """Whether a call that worked when it was recorded can fail for other values of the same shapes and dtypes."""
    if type(call.fun) is np.ufunc:
        return call.fun is np.power and getattr(call.out.dtype, "kind", "O") in "iuO"  # 2 ** -1
    if call.fun in INDEXED:
        index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
        return not all(is_basic(i) or (type(i) is Var and type(i.source) is Constant) for i in index)
    known = call.fun in NEW or call.fun in opaques or call.fun is part or call.fun in VIEWS
    return can_vary(call) or not known
