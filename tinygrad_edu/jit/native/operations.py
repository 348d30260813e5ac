"""What NumPy's elementwise functions are in C: one expression of an element, in the types of NumPy's own loop.

NumPy computes `np.multiply(float32_array, 2.0)` in float32 and `np.multiply(float32_array, float64_array)` in float64;
`ufunc.resolve_dtypes` tells, and the C operands are converted to these types first. A function that is not here, and
one of a dtype that is not in TYPES, stays a NumPy call.
"""

import functools
import math
import operator
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.rules.floats import positive_part, real_power
from ...trace.functional import astype
from ...trace.ir import Call, Var
from ..simplify import constant_value, is_reduction

TYPES = {
    "float64": "double", "float32": "float", "int64": "int64_t", "int32": "int32_t", "int16": "int16_t",
    "int8": "int8_t", "uint64": "uint64_t", "uint32": "uint32_t", "uint16": "uint16_t", "uint8": "uint8_t",
    "bool": "uint8_t",
}  # fmt: skip
NAMED: dict[Any, str] = {  # functions of polynomials, of one and of two arguments: tg_exp, or tg_expf for floats
    np.exp: "exp", np.exp2: "exp2", np.expm1: "expm1", np.log: "log", np.log2: "log2", np.log10: "log10",
    np.log1p: "log1p", np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "arcsin", np.arccos: "arccos",
    np.arctan: "arctan", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh", np.arcsinh: "arcsinh",
    np.arccosh: "arccosh", np.arctanh: "arctanh", np.cbrt: "cbrt", np.power: "pow", np.arctan2: "arctan2",
    np.hypot: "hypot", np.logaddexp: "logaddexp",
}  # fmt: skip
SPECIAL = {"erf": "erf", "expit": "sigmoid"}  # names in scipy.special, which is not imported here
PLAIN_TEXTS = {  # of functions that math.h does not have
    "tg_logaddexp": "(a == b ? a + log(2) : fmax(a, b) + log1p(exp(-fabs(a - b))))", "tg_sigmoid": "1 / (1 + exp(-a))",
    "tg_logaddexpf": "(a == b ? a + logf(2) : fmaxf(a, b) + log1pf(expf(-fabsf(a - b))))",
    "tg_sigmoidf": "1 / (1 + expf(-a))",
}  # fmt: skip
LIBM: dict[Any, str] = {  # functions that are one instruction, or exact
    np.sqrt: "sqrt", np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "rint", np.copysign: "copysign",
    np.fabs: "fabs", np.fmod: "fmod",
}  # fmt: skip
FLOATS: dict[Any, str] = {  # NaN goes through maximum and minimum, and is ignored by fmax and fmin
    np.divide: "a / b", np.reciprocal: "1 / a", np.absolute: "fabs(a)",
    np.sign: "(a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a)", np.fmax: "(a >= b || b != b ? a : b)",
    np.fmin: "(a <= b || b != b ? a : b)", np.heaviside: "(a != a ? a : a == 0 ? b : a < 0 ? 0 : 1)",
    np.maximum: "(a <= b || b != b ? b : a)", np.minimum: "(a >= b || b != b ? b : a)",
    np.isnan: "a != a", np.isfinite: "a - a == 0", np.isinf: "fabs(a) == INFINITY", np.signbit: "signbit(a) != 0",
}  # fmt: skip
INTEGERS: dict[Any, str] = {
    np.absolute: "(a < 0 ? -a : a)", np.sign: "(a > 0) - (a < 0)", np.bitwise_and: "a & b", np.bitwise_or: "a | b",
    np.bitwise_xor: "a ^ b", np.invert: "~a", np.maximum: "(a >= b ? a : b)", np.minimum: "(a <= b ? a : b)",
    np.isnan: "0", np.isfinite: "1", np.isinf: "0",
}  # fmt: skip
COMPARISONS: dict[Any, str] = {
    np.greater: "a > b", np.greater_equal: "a >= b", np.less: "a < b", np.less_equal: "a <= b", np.equal: "a == b",
    np.not_equal: "a != b",
}  # fmt: skip
NUMBERS: dict[Any, str] = {
    np.add: "a + b", np.subtract: "a - b", np.multiply: "a * b", np.negative: "-a", np.positive: "a",
    np.square: "a * a", **COMPARISONS, np.logical_and: "a && b", np.logical_or: "a || b", np.logical_not: "!a",
    np.logical_xor: "!a != !b", np.conjugate: "a",
}  # fmt: skip
BOOLS: dict[Any, str] = {
    **COMPARISONS,
    np.add: "a | b", np.multiply: "a & b", np.logical_and: "a & b", np.logical_or: "a | b", np.logical_not: "!a",
    np.logical_xor: "a ^ b", np.bitwise_and: "a & b", np.bitwise_or: "a | b", np.bitwise_xor: "a ^ b",
    np.invert: "!a", np.maximum: "a | b", np.minimum: "a & b", np.absolute: "a", np.positive: "a",
}  # fmt: skip
PYTHON: dict[Any, str] = {  # of Python's floats; where these raise an error, the result in C is not finite
    operator.add: "a + b", operator.sub: "a - b", operator.mul: "a * b", operator.truediv: "a / b",
    operator.pow: "tg_pow(a, b)", real_power: "tg_pow(a, b)", operator.neg: "-a", operator.pos: "a",
    operator.abs: "fabs(a)", float: "a", positive_part: "(a <= 0 ? 0 : a)", math.exp: "tg_exp(a)",
    math.log: "tg_log(a)", math.sqrt: "sqrt(a)", math.tanh: "tg_tanh(a)", operator.lt: "a < b", operator.le: "a <= b",
    operator.gt: "a > b", operator.ge: "a >= b", operator.eq: "a == b", operator.ne: "a != b", **COMPARISONS,
}  # fmt: skip
OF_ONE: dict[Any, str] = {  # reductions of an array without axes; NumPy's sum of -0.0 is 0.0
    np.sum: "a + 0", np.mean: "a + 0", np.prod: "a", np.max: "a", np.min: "a", np.amax: "a", np.amin: "a", np.all: "a",
    np.any: "a",
}  # fmt: skip
RAISING = {operator.truediv, operator.pow, real_power, math.exp, math.log, math.sqrt}
POWERS = {1: "a", 2: "a * a", 3: "a * a * a"}
PLAIN = (bool, int, float)
ROOTS = bool(np.signbit(np.power(np.full(2, -0.0), 0.5)).all())  # of NumPy from 2.3 on


class Operation(NamedTuple):
    """An elementwise call in C: its expression in a, b, c or x0, x1, ..., the dtypes of operands and result.

    `functions` are the names in the text that belong to `polynomials`.
    """

    text: str
    dtypes: tuple[np.dtype[Any], ...]
    result: np.dtype[Any]
    functions: tuple[str, ...] = ()


@functools.cache
def c_type(dtype: Any) -> str | None:
    """Return the C type of a dtype, or None if it has none here."""
    return TYPES.get(dtype.name) if isinstance(dtype, np.dtype) and dtype.isnative else None


def operand_kind(a: object) -> Any:
    """Return what `resolve_dtypes` takes for an argument: a dtype, or `int` or `float` for a Python number."""
    if type(a) is Var and a.dtype is not None:
        return a.dtype
    value = a.example if type(a) is Var else a
    if isinstance(value, np.generic):
        return value.dtype
    return np.dtype(bool) if type(value) is bool else type(value) if type(value) in PLAIN else None


def operation(call: Call) -> Operation | None:
    """Return an elementwise call in C, or None if it stays a NumPy call."""
    if call.out.dtype is None:
        return of_floats(call)
    if call.elementwise:
        found = _resolved(call.fun, tuple([operand_kind(a) for a in call.args]), call.out.dtype)
        if found and any(map(_out_of_range, call.args, found.dtypes)):
            return None
        if found and call.fun is np.power and found.result.kind == "f" and np.shape(call.args[1]) == ():
            return _power(found, constant_value(call.args[1]))
        return found
    if c_type(call.out.dtype) is None:
        return None
    if call.fun in OF_ONE and is_reduction(call) and not call.args[0].shape:
        known = call.args[0].dtype == call.out.dtype
        return Operation(OF_ONE[call.fun], (call.out.dtype,), call.out.dtype) if known else None
    kinds = [operand_kind(a) for a in call.args]
    if any(isinstance(k, np.dtype) and c_type(k) is None for k in kinds):
        return None
    out = call.out.dtype
    if call.fun in NUMBERS and call.kwargs.keys() == {"dtype"} and out.kind == "f":
        return _ufunc(call.fun, (out,) * len(kinds), out) if all(k is not None for k in kinds) else None
    if call.kwargs:
        return None
    if call.fun is np.copy and len(kinds) == 1:
        return Operation("a", (out,), out) if kinds == [out] else None
    if call.fun is np.clip:
        return _clip(call, kinds)
    if call.fun is astype:
        return _conversion(kinds[0], out) if isinstance(kinds[0], np.dtype) else None
    if call.fun is np.where and len(kinds) == 3 and isinstance(kinds[0], np.dtype):
        known = all(k is not None and (k in (int, float) or np.can_cast(k, out)) for k in kinds[1:])
        return Operation("(a ? b : c)", (kinds[0], out, out), out) if known else None
    return None


def _power(found: Operation, exponent: Any) -> Operation:
    """Return a power by one number: NumPy's is a square root for 0.5, which is NaN of -inf and -0.0 of -0.0."""
    root = f"sqrt{'f' if found.result == np.float32 else ''}(a)"
    if not ROOTS or exponent not in (None, 0.5):
        return found
    return found._replace(text=root if exponent else f"(b == 0.5 ? {root} : {found.text})")


def of_floats(call: Call) -> Operation | None:
    """Return a call of Python's floats in C; None of integers, which have no limit. A truth value is 0 or 1."""
    text = PYTHON.get(call.fun)
    if text is None or call.kwargs or not all(map(_is_float, (*call.args, call.out))):
        return None
    if call.fun is operator.pow and type(call.args[1]) is int:
        text = POWERS.get(call.args[1], text)
    double = np.dtype(np.float64)
    return Operation(text, (double,) * len(call.args), double, tuple(re.findall(r"tg_\w+", text)))


def _is_float(a: object) -> bool:
    """Whether a number is a float, a truth value, or a known integer that is exact as a float."""
    value = a.example if type(a) is Var else a
    return a == float(a) if type(a) is int else type(value) in (float, bool) or isinstance(value, np.floating)


@functools.lru_cache(10_000)
def _resolved(fun: np.ufunc, kinds: tuple[Any, ...], out: np.dtype[Any]) -> Operation | None:
    """Return the C form of a ufunc of operands of these kinds, whose result has the dtype `out`."""
    if any([k is None or (k not in PLAIN and c_type(k) is None) for k in (*kinds, out)]):
        return None
    try:
        *dtypes, result = fun.resolve_dtypes((*kinds, None))
    except TypeError:
        return None
    return _ufunc(fun, tuple(dtypes), result) if result == out and all(map(c_type, dtypes)) else None


def _ufunc(fun: Callable[..., object], dtypes: tuple[np.dtype[Any], ...], result: np.dtype[Any]) -> Operation | None:
    """Return the C form of a ufunc whose operands are converted to `dtypes`."""
    kinds = {d.kind for d in dtypes}
    end = "f" if dtypes[0] == np.float32 else ""
    if kinds == {"f"} and len(set(dtypes)) == 1:
        polynomial = NAMED.get(fun) or _special(fun)
        if polynomial or fun in LIBM:
            name = f"tg_{polynomial}{end}" if polynomial else f"{LIBM[fun]}{end}"
            text = f"{name}({', '.join('ab'[: len(dtypes)])})"
            return Operation(text, dtypes, result, (name,) if polynomial else ())
        text = FLOATS.get(fun, NUMBERS.get(fun, ""))
        if text:
            return Operation(text.replace("fabs", f"fabs{end}"), dtypes, result)
    elif kinds == {"b"}:
        return Operation(BOOLS[fun], dtypes, result) if fun in BOOLS else None
    elif kinds <= {"i", "u"} and len(set(dtypes)) == 1:
        text = INTEGERS.get(fun, NUMBERS.get(fun, ""))
        if text and not (fun is np.absolute and dtypes[0].kind == "u"):
            return Operation(text, dtypes, result)
    return None


def _special(fun: Any) -> str | None:
    """Return the name of the polynomials of a function of scipy.special."""
    name = fun.__name__
    return SPECIAL.get(name) if getattr(sys.modules.get("scipy.special"), name, None) is fun else None


def _clip(call: Call, kinds: list[Any]) -> Operation | None:
    """Return np.clip between two numbers that are the same at every call; NaN stays NaN."""
    out = call.out.dtype
    if len(call.args) != 3 or out.kind != "f" or kinds[0] != out or any(k not in (int, float, out) for k in kinds):
        return None
    low, high = (constant_value(a) for a in call.args[1:])
    if low is None or high is None or not low <= high:
        return None
    return Operation("(a < b ? b : a > c ? c : a)", (out,) * 3, out)


def _conversion(given: np.dtype[Any], out: np.dtype[Any]) -> Operation | None:
    """Return a conversion of dtype; that of floats to integers is left to NumPy, as C leaves it open out of range."""
    if c_type(given) is None or (given.kind == "f" and out.kind in "iu"):
        return None
    return Operation("a", (out,), out)


def _out_of_range(a: object, dtype: np.dtype[Any]) -> bool:
    """Whether a Python integer may not fit the dtype that it is converted to."""
    if type(a) is Var and a.dtype is None:
        return dtype.kind != "f"  # the number may be another one at each call
    return type(a) is int and dtype.kind in "iu" and not np.iinfo(dtype).min <= a <= np.iinfo(dtype).max


def with_operands(text: str, operands: Sequence[str]) -> str:
    """Write the operands into an expression in a, b and c, or in x0, x1 and so on.

    GCC makes -x of `0.0 - (double)x` for an integer x, which is -0.0 where NumPy's is 0.0.
    """
    if text == "a - b" and operands[0] in ("0.0", "0.0f") and operands[1].startswith("("):
        text = "(b == 0 ? a : -b)"
    return re.sub(r"\b(?:[abc]|x(\d+))\b", lambda m: operands[int(m[1] or "abc".index(m[0]))], text)


def literal(value: Any, dtype: np.dtype[Any]) -> str:
    """Write a number as C of a dtype."""
    if type(value) is float and dtype == np.float64 and math.isfinite(value):
        return f"({value!r})" if value < 0 or repr(value) == "-0.0" else repr(value)
    with np.errstate(over="ignore"):  # NumPy warned when the call was recorded
        x = np.asarray(value).astype(dtype)[()]
    if dtype.kind == "f":
        if np.isnan(x):
            return f"({'-' if np.signbit(x) else ''}NAN)"
        if np.isinf(x):
            return f"({'-' if x < 0 else ''}INFINITY)"
        text = repr(float(x)) if dtype == np.float64 else str(x) if "." in str(x) or "e" in str(x) else f"{x}.0"
        text += "f" if dtype == np.float32 else ""
        return f"({text})" if text.startswith("-") else text
    if dtype.kind == "b":
        return str(int(x))
    smallest = dtype.kind == "i" and int(x) == np.iinfo(np.int64).min
    text = (
        "INT64_MIN" if smallest else f"{int(x)}{'u' if dtype.kind == 'u' else ''}{'ll' if dtype.itemsize == 8 else ''}"
    )
    return f"(({c_type(dtype)}){text})"
