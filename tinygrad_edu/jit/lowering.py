"""Lowering: how each call of a program is written in the plan.

NumPy writes into the arrays of the layout by `out=`, and views of them are made once. Scalars are Python variables.
"""

from collections.abc import Callable

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
from .simplify import BROADCASTING, scalar_value, uniform_element
from .verifier import Step

REDUCTIONS: dict[Function, np.ufunc] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
}  # fmt: skip
SHORT = 32  # elements of a row, along which NumPy takes three times as long to find an extremum as along a column


def lower(emitter: Emitter, call: Call, i: int) -> None:
    """Write the i-th call, check a result that may have another shape, and note what is done to the memory."""
    reads, shares = [emitter.place(v) for v in call.uses], shared(call)
    view = view_at_once(emitter, call) if shares and is_view(call) else None
    if view is not None:  # as it is the same at every call, nothing can fail
        emitter.locations[call.out] = Location(emitter.name(view, "w"), view)
        emitter.steps.append(Step(emitter.locations[call.out].text, reads, call.out, view, shares))
        return
    args, varies = [emitter.ref(a) for a in call.args], can_vary(call)
    lowering = LOWERINGS.get(call.fun, _ufunc if call.elementwise else None)
    if lowering and (call.draws or varies or not call.kwargs.keys() <= {"axis", "keepdims"}):
        lowering = None
    out = emitter.into(call, i) if lowering else ""
    text = lowering(emitter, call, args, out) if lowering else ""
    if text and out:
        emitter.emit(text, call.phase)
    else:
        emitter.assign(call.out, text or emitter.call(call)[0], call.phase)
    emitter.calls_numpy = emitter.calls_numpy or (call.out.dtype is not None and not is_view(call))
    place = emitter.place(call.out)
    over_operand = call.elementwise or call.fun in WRITES  # whether it may write exactly over what it reads
    effects = over_operand, call.draws, varies or can_raise(call)
    emitter.steps.append(Step(emitter.lines[-1][1], reads, *place, shares, place if text and out else None, *effects))
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


def _ufunc(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    if not out:
        return ""
    array = emitter.locations[call.out].array
    extremum, given, dtypes = call.fun in (np.maximum, np.minimum), [], {v.dtype for v in call.uses}
    is_masked = len(call.uses) == len(dtypes) == 2 and dtypes == {np.dtype(bool), call.out.dtype}
    for a, text in zip(call.args, args, strict=True):
        n = scalar_value(a) if extremum and call.out.dtype == np.float32 and call.out.size < LARGE else None
        if n is not None and array is not None:  # NumPy takes a third of the time for two arrays
            text = emitter.name(np.full_like(array, n), "k", ("filled", repr(n), array.shape, array.strides))
        elif type(a) is not Var or a.size == 1:
            text = operand(emitter, a, call)
        elif is_masked and a.dtype == bool and a.size < LARGE:  # converting the mask apart is faster
            mask = emitter.name(np.empty(a.shape, call.out.dtype), "mask", ("mask", a.shape, call.out.dtype))
            emitter.emit(f"{mask}[...] = {text}", call.phase)
            text = mask
        given.append(text)
    if call.out.size == 1 and out in args:  # NumPy takes twice as long for one element in place
        return f"{out}[...] = {emitter.fun(call.fun)}({', '.join(given)})"
    by_name = "out=" if extremum else ""  # NumPy deprecates `out` by position for these two alone
    return f"{emitter.fun(call.fun)}({', '.join(given)}, {by_name}{out})"


def operand(emitter: Emitter, a: object, call: Call) -> str:
    """Write an operand of a ufunc: numbers as arrays without axes, which NumPy reads in half the time."""
    dtypes = {v.dtype for v in call.uses if v.dtype is not None and v.dtype != bool}  # masks are converted
    if isinstance(a, Var) and a.shape:
        array = emitter.locations[a].array if a in emitter.locations else None
        if array is not None and call.out.shape in [v.shape for v in call.uses if v.size > 1]:
            return emitter.name(array.reshape(()), "w")
    if isinstance(a, Var) and type(a.source) is Constant and a.shape == ():
        a = a.source.array
    number = a.example if isinstance(a, Var) and a.dtype is None else a
    known = type(number) is float or (type(number) is int and not isinstance(a, Var))
    known |= isinstance(number, np.generic) and {number.dtype} == dtypes
    if not known or call.fun not in BROADCASTING or len(dtypes) != 1 or (dtype := dtypes.pop()).kind != "f":
        return emitter.ref(a)
    key = a if isinstance(a, Var) else repr(a), dtype
    is_new = key not in emitter.known
    with np.errstate(over="ignore"):  # NumPy warned when the call was recorded
        name = emitter.name(np.array(number, dtype), "k", key)
    if isinstance(a, Var) and is_new:
        emitter.emit(f"{name}[()] = {emitter.ref(a)}", call.phase)
    return name


def _product(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    """Write a matrix product; the method `dot` has less overhead than `matmul`, but its output must be C-contiguous."""
    a, b = call.args
    matrices = all([type(v) is Var and 1 <= len(v.shape) <= 2 for v in (a, b)]) and call.out.shape != ()
    array = emitter.locations[call.out].array if out else None
    small = matrices and a.dtype == b.dtype == call.out.dtype and (array is None or array.flags.c_contiguous)
    small = small and (call.fun is np.dot or a.dtype.kind != "c")  # products of infinite complex numbers differ
    if small and 1 not in (a.size, b.size):  # of one number and an array dot takes 0 times infinity for 0
        return f"{args[0]}.dot({args[1]}{out and f', {out}'})"
    plain = not out or type(a) is not Var or type(b) is not Var or (call.fun is np.dot and not matrices)
    return "" if plain else f"{emitter.fun(call.fun)}({', '.join(args)}, {out})"


def _inner(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    """Write the sum of the products of two arrays; `dot` has less overhead, and warns of an overflow as a sum does."""
    is_real = call.out.dtype is not None and call.out.dtype.kind != "c"  # vdot takes the conjugate
    flat = [flattened(emitter, v) for v in call.uses if is_real and call.phase == "forward"]
    return "{}.dot({})".format(*flat) if len(flat) == 2 and all(flat) else ""


def flattened(emitter: Emitter, v: Var) -> str:
    """Write all elements of an array in a row, if that is a view, else an empty text."""
    array = emitter.locations[v].array
    if array is not None and array.flags.c_contiguous:
        return emitter.name(array.reshape(-1), "w", ("flat", id(array)))
    return emitter.ref(v) if len(v.shape) == 1 else ""


def _reduction(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    """Write the method of a ufunc that `np.sum` and its kin call in the end; it has less overhead."""
    if len(args) > 2:
        return ""
    reduce, axis = emitter.fun(REDUCTIONS[call.fun].reduce), [*args[1:], emitter.ref(call.kwargs.get("axis"))][0]
    x, array = emitter.place(call.args[0])[1], emitter.locations[call.out].array if out else None
    if (
        call.fun in (np.max, np.min) and axis in ("1", "-1") and x is not None and array is not None and x.ndim == 2
        and x.shape[1] <= SHORT < x.shape[0] and x.flags.c_contiguous
    ):  # fmt: skip
        columns = emitter.name(np.empty_like(x.T, order="C"), "b")  # of zeros of both signs, NumPy too gives either
        emitter.emit(f"{emitter.fun(np.copyto)}({columns}, {emitter.name(x.T, 'w')})", call.phase)
        return f"{reduce}({columns}, 0, None, {emitter.name(array.reshape(-1), 'w')})"
    keepdims = ", True" if call.kwargs.get("keepdims") else ""
    return f"{reduce}({args[0]}, {axis}{f', None, {out or None}{keepdims}' if out or keepdims else ''})"


def _write(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    """Copy an array, unless nothing else reads it, then write elements into the copy."""
    if not out:
        return ""
    if (element := uniform_element(call.args[0])) is not None:  # as zeros, which need not be read
        number = emitter.name(element, "k", (element.tobytes(), element.dtype))
        emitter.emit(f"{out}.fill({number})", call.phase)
    elif out != args[0]:
        emitter.emit(f"{emitter.fun(np.copyto)}({out}, {args[0]})", call.phase)
    if call.fun is setitem:
        return f"{out}[{emitter.subscript(call.args[1])}] = {args[2]}"
    return f"{emitter.fun(np.add.at)}({out}, {args[1]}, {args[2]})"


def _concatenate(emitter: Emitter, call: Call, args: list[str], out: str) -> str:
    axis = [*args[1:], emitter.ref(call.kwargs.get("axis", 0))][0]
    return f"{emitter.fun(call.fun)}({args[0]}, {axis}, {out})" if out else ""


LOWERINGS: dict[Function, Callable[[Emitter, Call, list[str], str], str]] = {
    np.matmul: _product, np.dot: _product, np.vdot: _inner, **dict.fromkeys(REDUCTIONS, _reduction), setitem: _write,
    add_at: _write, np.concatenate: _concatenate,
}  # fmt: skip
