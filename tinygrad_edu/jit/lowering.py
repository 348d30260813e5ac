"""Lowering: how each call of a program is written in the plan.

NumPy writes into the arrays of the layout by `out=`, and views of them are made once. Scalars are Python variables.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Function
from ..engine.threads import LARGE
from ..trace.functional import add_at
from ..trace.ir import Call, Constant, Var
from .effects import can_raise, can_vary, is_view, shared
from .emitter import Emitter
from .guards import kind_guard
from .memory import WRITES, Location
from .simplify import BROADCASTING, constant_value, uniform_element
from .verifier import Step

REDUCTIONS: dict[Function, np.ufunc] = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum}
SHORT = 32  # elements of a row, along which NumPy takes 3 to 25 times as long to find an extremum as along a column


def lower(emitter: Emitter, call: Call, i: int) -> None:
    """Write the i-th call, check a result that may have another shape, and note what is done to the memory."""
    reads, shares = [emitter.place(v) for v in call.uses], shared(call)
    view = view_at_once(emitter, call) if shares and is_view(call) else None
    if view is not None:  # as it is the same at every call, nothing can fail
        emitter.locations[call.out] = Location(emitter.name(view, "w"), view)
        emitter.steps.append(Step(emitter.locations[call.out].text, reads, call.out, view, shares))
        return
    varies = can_vary(call)
    is_plain = varies or not call.kwargs.keys() <= {"axis", "keepdims"}
    lowering = None if is_plain else _ufunc if call.elementwise else LOWERINGS.get(call.fun)
    out = emitter.into(call, i) if lowering else ""
    text = lowering(emitter, call, out) if lowering else ""
    if text and out:
        emitter.emit(text)
    else:
        emitter.assign(call.out, text or emitter.call(call)[0])
    place = emitter.place(call.out)
    into = place if text and out else None
    is_exact = call.elementwise or call.fun in WRITES  # whether it may write exactly over what it reads
    emitter.steps.append(Step(emitter.lines[-1][0], reads, *place, shares, into, is_exact, call.draws, can_raise(call)))
    if varies and (call.out.dtype is not None or isinstance(call.out.example, (tuple, list))):
        kind_guard(emitter, call.out)


def view_at_once(emitter: Emitter, call: Call) -> np.ndarray | None:
    """Return the result of a call if that is a view of an array that is the same at every call."""
    x = call.args[0]
    base = emitter.locations[x].array if type(x) is Var else None
    view = None if base is None else call.fun(base, *call.args[1:])
    return view if isinstance(view, np.ndarray) and np.may_share_memory(view, base) else None


# Each lowering writes a call's result into the array that `out` names, or as a new object if that is empty. It returns
# its last line, or nothing where the call is written plainly.


def _ufunc(emitter: Emitter, call: Call, out: str) -> str:
    if not out:
        return ""
    dtypes = {v.dtype for v in call.uses if v.dtype is not None}
    given = ", ".join([operand(emitter, a, call, dtypes) for a in call.args])
    by_name = "out=" if call.fun in (np.maximum, np.minimum) else ""  # NumPy deprecates `out` by position for these
    return f"{emitter.fun(call.fun)}({given}, {by_name}{out})"


def operand(emitter: Emitter, a: object, call: Call, dtypes: Collection[np.dtype[Any]]) -> str:
    """Write an operand of a ufunc in the form that NumPy reads in the least time.

    A number becomes an array without axes, or a full array for np.maximum and np.minimum.
    """
    array = emitter.locations[a].array if type(a) is Var else None
    if type(a) is Var and array is not None and array.size > 1 and type(a.source) is not Constant:
        return emitter.ref(a)
    dtype = next(iter(dtypes)) if len(dtypes) == 1 and call.fun in BROADCASTING else np.dtype(object)
    number = constant_value(a)
    out: Any = emitter.locations[call.out].array
    if number is not None and dtype.kind == "f" and np.result_type(dtype, number) == dtype:
        is_full = call.fun in (np.maximum, np.minimum) and out.size < LARGE
        with np.errstate(over="ignore"):  # NumPy warned when the call was recorded
            k = np.full_like(out, number) if is_full else np.array(number, dtype)
        return emitter.name(k, "k", (repr(number), dtype, k.shape, k.strides))
    if array is not None and array.size == 1 and call.out.shape in [v.shape for v in call.uses if v.size > 1]:
        return emitter.name(array.reshape(()), "w")
    if type(a) is Var and type(a.example) is float and dtype.kind == "f":
        is_new = (a, dtype) not in emitter.known
        name = emitter.name(np.empty((), dtype), "k", (a, dtype))
        if is_new:
            emitter.emit(f"{name}[()] = {emitter.ref(a)}")
        return name
    return emitter.ref(a)


def _inner(emitter: Emitter, call: Call, out: str) -> str:
    """Write the sum of the products of two arrays by the method `dot`, which warns of an overflow as a sum does."""
    is_plain = call.phase == "forward" and len(call.uses) == 2 and all([v.shape for v in call.uses])
    if not is_plain or call.out.dtype.kind == "c":  # vdot takes the conjugate
        return ""
    a, b = [emitter.ref(v) if len(v.shape) == 1 else f"{emitter.ref(v)}.ravel()" for v in call.uses]
    return f"{a}.dot({b})"


def _product(emitter: Emitter, call: Call, out: str) -> str:
    """Write a matrix product; the method `dot` has less overhead than `matmul`, but its output must be C-contiguous."""
    (a, b), (x, y) = call.args, map(emitter.ref, call.args)
    matrices = all([type(v) is Var and 1 <= len(v.shape) <= 2 for v in (a, b)]) and call.out.shape != ()
    array = emitter.locations[call.out].array if out else None
    small = matrices and a.dtype == b.dtype == call.out.dtype and (array is None or array.flags.c_contiguous)
    small = small and (call.fun is np.dot or a.dtype.kind != "c")  # products of infinite complex numbers differ
    if small and 1 not in (a.size, b.size):  # of one number and an array dot takes 0 times infinity for 0
        return f"{x}.dot({y}{out and f', {out}'})"
    return "" if not out or (call.fun is np.dot and not matrices) else f"{emitter.fun(call.fun)}({x}, {y}, {out})"


def _reduction(emitter: Emitter, call: Call, out: str) -> str:
    """Write the method of a ufunc that `np.sum` and its kin call in the end; it has less overhead."""
    if len(call.args) > 2:
        return ""
    reduce, axis = emitter.fun(REDUCTIONS[call.fun].reduce), emitter.ref((*call.args[1:], call.kwargs.get("axis"))[0])
    (_, x), array = emitter.place(call.args[0]), emitter.locations[call.out].array if out else None
    if (
        call.fun in (np.max, np.min) and axis in ("1", "-1") and x is not None and array is not None and x.ndim == 2
        and x.shape[1] <= SHORT < x.shape[0] and x.flags.c_contiguous
    ):  # fmt: skip
        columns = emitter.name(np.empty_like(x.T, order="C"), "b")  # of zeros of both signs, NumPy too gives either
        emitter.emit(f"{emitter.fun(np.copyto)}({columns}, {emitter.name(x.T, 'w')})")
        return f"{reduce}({columns}, 0, None, {emitter.name(array.reshape(-1), 'w')})"
    keepdims = ", True" if call.kwargs.get("keepdims") else ""
    more = f", None, {out or None}{keepdims}" if out or keepdims else ""
    return f"{reduce}({emitter.ref(call.args[0])}, {axis}{more})"


def _write(emitter: Emitter, call: Call, out: str) -> str:
    """Copy an array, unless nothing else reads it, then write elements into the copy."""
    if not out:
        return ""
    x, index, value = map(emitter.ref, call.args)
    if (element := uniform_element(call.args[0])) is not None:  # as zeros, which need not be read
        emitter.emit(f"{out}.fill({emitter.name(element, 'k', (element.tobytes(), element.dtype))})")
    elif out != x:
        emitter.emit(f"{emitter.fun(np.copyto)}({out}, {x})")
    if call.fun is setitem:
        return f"{out}[{emitter.subscript(call.args[1])}] = {value}"
    return f"{emitter.fun(np.add.at)}({out}, {index}, {value})"


LOWERINGS: dict[Function, Callable[[Emitter, Call, str], str]] = {
    np.matmul: _product, np.dot: _product, np.vdot: _inner, **dict.fromkeys(REDUCTIONS, _reduction), setitem: _write,
    add_at: _write,
}  # fmt: skip
