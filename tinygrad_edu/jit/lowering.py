"""Lowering: how each call of a program is written in the plan.

NumPy writes into the arrays of the layout by `out=`, and views of them are made once. Scalars are Python variables.
"""

from collections.abc import Callable

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.threads import LARGE
from ..trace.functional import add_at
from ..trace.ir import Call, Var
from .effects import can_raise, can_vary, is_view, shared
from .emitter import REDUCTIONS, Emitter
from .memory import WRITES, Location
from .simplify import BROADCASTING, scalar_value, uniform_element
from .verifier import Step

SHORT = 32  # elements of a row, along which NumPy takes three times as long to find an extremum as along a column


def lower(emitter: Emitter, call: Call, i: int) -> None:
    """Write the i-th call, and note what it does to the memory."""
    args = [emitter.ref(a) for a in call.args]
    reads = [emitter.place(v) for v in call.uses]
    into = None
    shares = shared(call)
    if shares and is_view(call):
        _view(emitter, call, args)
    elif call.out.shape == () and not call.draws:
        _scalar(emitter, call, args)
    else:
        lowering = LOWERINGS.get(call.fun) if not call.kwargs or call.fun in REDUCTIONS else None
        if lowering is None and call.elementwise:
            lowering = _ufunc
        leaving = call.out in emitter.layout.leaving and lowering is not _product
        if lowering and not call.draws and not leaving and emitter.layout.optimized and not can_vary(call):
            for line in lowering(emitter, call, i, args):
                emitter.emit(line, call.phase)
        if call.out not in emitter.locations:
            emitter.assign(call.out, emitter.call(call)[0], call.phase)
        into = None if emitter.locations[call.out].array is None else emitter.place(call.out)
    text, array = emitter.lines[-1][1] if emitter.lines else "", emitter.locations[call.out].array
    over_operand = call.elementwise or call.fun in WRITES  # whether it may write exactly over what it reads
    effects = over_operand, call.draws, can_raise(call)
    emitter.steps.append(Step(text, reads, call.out, array, shares, into, *effects))


def _view(emitter: Emitter, call: Call, args: list[str]) -> None:
    """Make a view now, if its base is the same array at every call."""
    fun, x = call.fun, call.args[0]
    base = emitter.locations[x].array if type(x) is Var else None
    if base is not None:
        array = fun(base, *call.args[1:])
        if isinstance(array, np.ndarray) and np.may_share_memory(array, base):
            emitter.locations[call.out] = Location(emitter.name(array, "w"), array)
            return
    emitter.assign(call.out, emitter.call(call)[0], call.phase)


def _scalar(emitter: Emitter, call: Call, args: list[str]) -> None:
    """Compute a scalar."""
    fun, text = call.fun, ""
    if fun in REDUCTIONS and len(args) == 1 and not call.kwargs:
        text = f"{emitter.reduce(fun)}({args[0]}, None)"
    elif fun is np.vdot and call.phase == "forward":  # dot has less overhead, and warns of an overflow as a sum does
        flat = [flattened(emitter, v) for v in call.uses]
        text = "{}.dot({})".format(*flat) if all(flat) else ""
    emitter.assign(call.out, text or emitter.call(call)[0], call.phase)


def flattened(emitter: Emitter, v: Var) -> str:
    """Write all elements of an array in a row, if that is a view, else an empty text."""
    array = emitter.locations[v].array
    if array is not None and array.flags.c_contiguous:
        return emitter.cache(("flat", id(array)), array.reshape(-1), "w")
    return emitter.ref(v) if len(v.shape) == 1 else ""


# Lowerings to calls that write into an array. Each returns its lines, or none where the call is written plainly.


def _ufunc(emitter: Emitter, call: Call, i: int, args: list[str]) -> list[str]:
    out, array = emitter.into(call, i), emitter.locations[call.out].array
    extremum, given, lines = call.fun in (np.maximum, np.minimum), [], []
    dtypes = {v.dtype for v in call.uses}
    is_masked = len(call.uses) == len(dtypes) == 2 and dtypes == {np.dtype(bool), call.out.dtype}
    for a, text in zip(call.args, args, strict=True):
        n = scalar_value(a) if extremum and call.out.dtype == np.float32 and call.out.size < LARGE else None
        if n is not None and array is not None:  # NumPy takes a third of the time for two arrays
            key = "filled", repr(n), array.shape, array.strides
            text = emitter.cache(key, np.full_like(array, n), "k")
        elif type(a) is not Var or a.size == 1:
            text = operand(emitter, a, call)
        elif is_masked and a.dtype == bool and a.size < LARGE:  # converting the mask apart is faster
            mask = emitter.cache(("mask", a.shape, call.out.dtype), np.empty(a.shape, call.out.dtype), "mask")
            lines.append(f"{mask}[...] = {text}")
            text = mask
        given.append(text)
    by_name = "out=" if extremum else ""  # NumPy deprecates `out` by position for these two alone
    return [*lines, f"{emitter.fun(call.fun)}({', '.join(given)}, {by_name}{out})"]


def operand(emitter: Emitter, a: object, call: Call) -> str:
    """Write an operand of a ufunc: numbers as arrays without axes, which NumPy reads in half the time."""
    dtypes = {v.dtype for v in call.uses if v.dtype is not None}
    if isinstance(a, Var) and a.shape:
        array = emitter.locations[a].array if a in emitter.locations else None
        if array is not None and call.out.shape in [v.shape for v in call.uses if v.size > 1]:
            return emitter.name(array.reshape(()), "w")
    number = a.example if isinstance(a, Var) and a.dtype is None else a
    known = type(number) is float or (type(number) is int and not isinstance(a, Var))
    known |= isinstance(number, np.generic) and {number.dtype} == dtypes
    if not known or call.fun not in BROADCASTING or len(dtypes) != 1 or (dtype := dtypes.pop()).kind != "f":
        return emitter.ref(a)
    key = a if isinstance(a, Var) else repr(a), dtype
    if isinstance(a, Var) and key not in emitter.cached:
        emitter.emit(f"{emitter.cache(key, np.array(0, dtype), 'k')}[()] = {emitter.ref(a)}", call.phase)
    with np.errstate(over="ignore"):  # NumPy warned when the call was recorded
        return emitter.cache(key, np.array(number, dtype), "k")


def _product(emitter: Emitter, call: Call, i: int, args: list[str]) -> list[str]:
    """Write a matrix product; the method `dot` has less overhead than `matmul`, but its output must be C-contiguous."""
    a, b = call.args
    matrices = all(type(v) is Var and 1 <= len(v.shape) <= 2 for v in (a, b))
    if not matrices and (call.fun is np.dot or type(a) is not Var or type(b) is not Var):
        return []
    small = matrices and a.dtype == b.dtype == call.out.dtype
    small = small and 1 not in (a.size, b.size)  # of one number and an array dot takes 0 times infinity for 0
    if call.out in emitter.layout.leaving:
        if small:
            emitter.assign(call.out, f"{args[0]}.dot({args[1]})", call.phase)
        return []
    out = emitter.into(call, i)
    array = emitter.locations[call.out].array
    if small and (array is None or array.flags.c_contiguous):
        return [f"{args[0]}.dot({args[1]}, {out})"]
    return [f"{emitter.fun(call.fun)}({', '.join(args)}, {out})"]


def _reduction(emitter: Emitter, call: Call, i: int, args: list[str]) -> list[str]:
    if set(call.kwargs) - {"axis", "keepdims"} or len(args) > 2:
        return []
    axis = args[1] if len(args) > 1 else emitter.ref(call.kwargs.get("axis"))
    keepdims = ", True" if call.kwargs.get("keepdims") else ""
    out, reduce = emitter.into(call, i), emitter.reduce(call.fun)
    x, array = emitter.locations[call.args[0]].array, emitter.locations[call.out].array
    if (
        call.fun in (np.max, np.min) and axis in ("1", "-1") and x is not None and array is not None and x.ndim == 2
        and x.shape[1] <= SHORT < x.shape[0] and x.flags.c_contiguous
    ):  # fmt: skip
        columns = emitter.name(np.empty_like(x.T, order="C"), "b")  # of zeros of both signs, NumPy too gives either
        copied = f"{emitter.fun(np.copyto)}({columns}, {emitter.name(x.T, 'w')})"
        return [copied, f"{reduce}({columns}, 0, None, {emitter.name(array.reshape(-1), 'w')})"]
    return [f"{reduce}({args[0]}, {axis}, None, {out}{keepdims})"]


def _write(emitter: Emitter, call: Call, i: int, args: list[str]) -> list[str]:
    """Copy an array, unless nothing else reads it, then write elements into the copy."""
    out = emitter.into(call, i)
    copied = [f"{emitter.fun(np.copyto)}({out}, {args[0]})"] if out != args[0] else []
    if (element := uniform_element(call.args[0])) is not None:  # as zeros, which need not be read
        copied = [f"{out}.fill({emitter.cache((element.tobytes(), element.dtype), element, 'k')})"]
    if call.fun is setitem:
        return [*copied, f"{out}[{emitter.subscript(call.args[1])}] = {args[2]}"]
    return [*copied, f"{emitter.cache('add_at', np.add.at, 'add_at')}({out}, {args[1]}, {args[2]})"]


def _concatenate(emitter: Emitter, call: Call, i: int, args: list[str]) -> list[str]:
    axis = args[1] if len(args) > 1 else "0"
    return [f"{emitter.fun(call.fun)}({args[0]}, {axis}, {emitter.into(call, i)})"]


LOWERINGS: dict[Callable[..., object], Callable[[Emitter, Call, int, list[str]], list[str]]] = {
    np.matmul: _product, np.dot: _product, **dict.fromkeys(REDUCTIONS, _reduction), setitem: _write,
    add_at: _write, np.concatenate: _concatenate,
}  # fmt: skip
