"""Operators and methods of ndarray for a recorded array: each calls a NumPy function, or asks for the plain value."""

import builtins
import math
import operator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.methods import ARRAY_METHODS, calling
from ..engine.rules.floats import real_power
from ..engine.rules.registry import Function
from ..engine.tape import Node
from .functional import NUMBERS

RETURN_IT = "return the array and convert it outside"
CHOOSE = "choose with np.where or np.maximum, or return the value and test it outside"
NUMPYS = "NumPy's functions: np.exp for math.exp, np.clip for min and max, np.where for if"
OWN = (np.ones(1, np.float32) ** np.float64(2)).dtype == np.float32  # NumPy up to 2.2 takes its own numbers as Python's
# x ** n of arrays, where np.power differs: by the dtype of x, by n and its type
POWERS: dict[tuple[str, float, type], Function] = {
    **dict.fromkeys([*[(x, 2, int) for x in "?FDG"], *[("?", 2, float)] * OWN], np.square),
    **dict.fromkeys([(x, -1, int) for x in "FDG"], np.reciprocal),
    **dict.fromkeys([(x, 0.5, float) for x in "egFDG"], np.sqrt),
}
CONVERSIONS = {  # methods that give a plain value: what an error calls them, and the remedy
    **dict.fromkeys(("__bool__", "__contains__"),
                    ("the truth of a recorded value (`if`, `and`, `in`, `max`, `bool`)", CHOOSE)),
    **{f"__{name}__": (f"{name}()", f"{RETURN_IT}, or compute with {NUMPYS}") for name in ("float", "int", "complex")},
    **{f"__{name}__": (f"{name}()", RETURN_IT) for name in ("format", "str", "hash")},
    "__index__": ("use as a Python integer", "pass it in as an int, or index a recorded array"),
    "__reduce_ex__": ("pickle", RETURN_IT),
    **{name: (f".{name}()", RETURN_IT) for name in ("item", "tolist", "tobytes", "dumps", "dump", "tofile")},
}  # fmt: skip


def _recorded(fun: Function) -> Function:
    """Return the method that records a function."""
    return lambda self, *args: self.rec.call(fun, (self, *args), {})


def _in_place(name: str) -> Function:
    """Return the method that changes an array in place."""
    return lambda self, *args, **kwargs: self.change(getattr(type(self._array), name), (self, *args), kwargs)


def _conversion(name: str) -> Function:
    """Return the method that gives a plain value where that is the same at every call, and else raises JitError."""
    fun: Any = (vars(operator) | vars(builtins)).get(name.strip("_"), lambda *_: None)

    def method(self: Any, *args: object) -> Any:
        with suppress(ValueError, ArithmeticError, Warning):  # TypeError is for all values of a kind
            fun(self._array, *[a if type(a) is str else 0 for a in args])
        return getattr(self.plain(*CONVERSIONS[name]), name)(*args)

    return method


def _power(a: Any, b: Any, **out: Any) -> Any:
    """As ndarray's operator, which takes some squares and roots by other functions than np.power."""
    held = getattr(b, "_array", b)
    if OWN and isinstance(a._array, np.ndarray) and isinstance(held, (np.generic, np.ndarray)) and held.ndim == 0:
        return (a.change(operator.ipow, (a, b), {}) or a) if out else a.rec.call(operator.pow, (a, b), {})
    if type(b) is type(a) and type(held) in NUMBERS and a.dtype.char in "egFDG" and not out:
        return a.rec.call(operator.pow, (a, b), {})  # the number decides
    fun = POWERS.get((a.dtype.char, b, type(b))) if isinstance(a._array, np.ndarray) and type(b) in NUMBERS else None
    return fun(a, **out) if fun else np.power(a, b, **out)


TEXT = {str, bytes, np.str_, np.bytes_}
USUAL: set[type] = {np.ndarray, *NUMBERS}  # operands that leave operators to an array, with Traced
OF_ARRAYS = {"__pow__": _power, "__ipow__": lambda a, b: _power(a, b, out=(a,))}


def is_whole(x: Any) -> bool:
    """Whether a number is an integer, or a float that is the same whole number at every call."""
    return type(getattr(x, "_array", x)) is not float or (type(x) is float and x.is_integer())


def decides(other: Any, array: Any) -> bool:
    """Whether NumPy leaves an operator of an array to the other operand, which has a higher priority."""
    own, priority = [getattr(x, "__array_priority__", -1e6) for x in (array, other)]
    return priority > own and not hasattr(type(other), "__array_ufunc__")


def _operator(name: str) -> Function:
    """Return the method of an operator: that of arrays, or of Python numbers alone one that records Python's."""
    of_arrays = OF_ARRAYS.get(name) or getattr(NDArrayOperatorsMixin, name)
    plain = f"__{name[3:]}"  # of "__radd__" and "__iadd__", "__add__"
    form, forward = (name[2], plain) if hasattr(NDArrayOperatorsMixin, plain) else ("", name)
    of_numbers = getattr(operator, forward, divmod)

    def method(a: Any, *others: Any) -> Any:
        odd = [b for b in others if type(b) not in USUAL]
        if odd and any([decides(b, a._array) for b in odd]):
            return NotImplemented
        is_text = odd and any([type(b) in TEXT for b in odd])  # which no ufunc compares with numbers
        if isinstance(a._array, np.ndarray) and not is_text:
            return of_arrays(a, *others)
        others_decide = (Node, list, tuple) if type(a._array) in NUMBERS or of_numbers is operator.mul else Node
        if form == "i" or (odd and any([isinstance(b, others_decide) for b in odd])):
            return NotImplemented  # a number is immutable, and repeats a list
        fun, operands = of_numbers, (*others, a) if form == "r" else (a, *others)
        kinds = [type(v._array if type(v) is type(a) else v) for v in operands]
        of_python = {*kinds} <= NUMBERS or (kinds[0] is complex and kinds[-1] is np.float64)  # which is a float too
        if not of_python and not is_text:
            return of_arrays(a, *others)
        if fun is operator.pow and not is_whole(operands[1]):
            fun = real_power  # of a negative number it may be complex
        return a.rec.call(fun, operands, {})

    return method


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    """As ndarray's; of matrices np.matmul, unless one has a single element, for which np.dot takes 0 * inf for 0."""
    matrices = a.ndim == np.ndim(b) == 2 and 1 not in (a.size, np.size(b))
    return np.matmul(a, b, out=out) if matrices else np.dot(a, b, out)


def _conjugate(a: Any, *out: Any) -> Any:
    """As ndarray's, which of real numbers is the array itself; a Python number stays one."""
    if type(a._array) is complex:
        return a.rec.call(complex.conjugate, (a,), {})
    return np.conj(a, *out) if out or a.dtype.kind == "c" else a


def _part(name: str) -> property:
    """Return the property for the real or the imaginary part."""
    fun: Function = getattr(np, name)
    return property(lambda self: fun(self), lambda self, v: self.change(setattr, (self, name, v), {}))


def _base(self: Any) -> Any:
    """Return the owner of a view's memory; of a number that was broadcast, and cannot be written into, a new array."""
    if self.root.is_found and isinstance(self._array, np.ndarray) and not self.root.flags.owndata:
        self.rec.give_up()  # a view that the function found: the owner of its memory is not recorded
    if self.root is not self:
        return self.root
    is_broadcast = not self.is_found and isinstance(self._array, np.ndarray) and not self._array.flags.writeable
    return self.copy() if is_broadcast else None


METHODS: dict[str, Any] = {
    **{name: _operator(name) for name, method in vars(NDArrayOperatorsMixin).items() if callable(method)},
    **{f"__{fun.__name__}__": _recorded(fun) for fun in (round, math.floor, math.ceil, math.trunc)},
    **ARRAY_METHODS, **{name: calling(getattr(np, name)) for name in ("put", "argpartition", "nonzero")},
    **{name: _conversion(name) for name in CONVERSIONS},
    "__divmod__": lambda a, b: (a // b, a % b), "__rdivmod__": lambda b, a: (a // b, a % b),
    "__bytes__": _conversion("tobytes"),
    "dot": _dot,
    "compress": lambda self, condition, axis=None, out=None: np.compress(condition, self, axis, out),
    "clip": lambda self, min=None, max=None, out=None, **kwargs: np.clip(self, min, max, out, **kwargs),
    **dict.fromkeys(("conj", "conjugate"), _conjugate),
    **{name: _in_place(name) for name in ("sort", "partition")},
    "fill": lambda self, v: self.__setitem__(..., v) if isinstance(self._array, np.ndarray) else None,
    **dict.fromkeys(("resize", "setflags"), property(lambda self: self.rec.give_up())),  # of the array itself
    "to_device": lambda self, device, stream=None: self if device == "cpu" else self._array.to_device(device),
    **dict.fromkeys(("__copy__", "__deepcopy__"), lambda self, *memo: self.copy()),
    "T": property(lambda self: self.transpose()), "mT": property(lambda self: self.swapaxes(-1, -2)),
    **{name: _part(name) for name in ("real", "imag")},
    "base": property(_base),
}  # fmt: skip
