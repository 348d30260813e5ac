"""Operators and methods of ndarray for a recorded array: each calls a NumPy function, or asks for the plain value."""

import math
import operator
from typing import Any

import numpy as np

from ..engine.rules.floats import real_power
from ..engine.rules.registry import Function, array_likes
from ..engine.tape import Node
from .functional import NUMBERS

RETURN_IT = "return the array, and convert it outside"
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
}  # fmt: skip
COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
POWERS = {
    ("?", 2): np.square,
    **dict.fromkeys([(x, 0.5) for x in "eFD"], np.sqrt),
}  # x ** n of arrays, where np.power differs
SAME_ARGUMENTS = """
    sum mean prod max min var std cumsum cumprod argmax argmin all any round ravel squeeze swapaxes put take repeat
    choose diagonal argsort argpartition trace nonzero searchsorted
"""  # methods that take the arguments of the NumPy function of that name
CONVERSIONS = {  # methods that give a plain value: what an error calls them, and the remedy
    **dict.fromkeys(("__bool__", "__contains__"), ("the truth of a recorded value (`if`, `and`, `in`, `max`, `bool`)",
                                                   "choose with np.where or np.maximum")),
    **{f"__{name}__": (f"{name}()", RETURN_IT) for name in ("float", "int", "complex", "format", "str", "hash")},
    "__index__": ("use as a Python integer", "use it as an index of a recorded array, or return it"),
    "__reduce_ex__": ("pickle", RETURN_IT),
    **{name: (f".{name}()", RETURN_IT) for name in ("item", "tolist", "tobytes", "dumps", "dump", "tofile")},
}  # fmt: skip


def _method(fun: Function) -> Function:
    """Return the method that calls a NumPy function with the same arguments."""
    return lambda self, *args, **kwargs: fun(self, *args, **kwargs)


def _recorded(fun: Function, of_numbers: Function) -> Function:
    """Return the method that records one function for arrays, and another for Python numbers."""
    return lambda self, *args: self.rec.call(of_numbers if type(self._array) in NUMBERS else fun, (self, *args), {})


def _conversion(name: str) -> Function:
    """Return the method that gives a plain value where that is the same at every call, and else raises JitError."""

    def method(self: Any, *args: object) -> Any:
        if name == "__hash__" and isinstance(self._array, np.ndarray):
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return getattr(self.plain(*CONVERSIONS[name]), name)(*args)

    return method


def _operator(ufunc: np.ufunc, op: Function) -> tuple[Function, Function, Function]:
    """Return the methods of `a op b`, of the same with a constant on the left, and of `a op= b`."""

    def compute(traced: Any, a: Any, b: Any) -> Any:
        kind = type(traced)
        foreign = type(b) is not kind and (isinstance(b, Node) or type(b) in array_likes)
        if foreign or getattr(b, "__array_ufunc__", kind) is None:
            return NotImplemented
        x = a._array if type(a) is kind else a
        y = b._array if type(b) is kind else b
        if op is operator.mul and not isinstance(traced._array, np.ndarray):
            for v in (a, b):
                if isinstance(v, (list, tuple, str)):
                    return v * operator.index(traced)
        if type(y) in NUMBERS:
            if type(x) in NUMBERS:  # two Python numbers give a Python number
                # Of a negative number it may be complex
                is_root = op is operator.pow and type(y) is float and (type(b) is kind or not y.is_integer())
                return traced.rec.call(real_power if is_root else op, (a, b), {})
            if op is operator.pow and isinstance(x, np.ndarray) and (x.dtype.char, y) in POWERS:
                return traced.rec.call(POWERS[x.dtype.char, y], (a,), {})
        return traced.rec.call(ufunc, (a, b), {})

    def inplace(a: Any, b: object) -> Any:
        y = compute(a, a, b)
        if y is NotImplemented or not isinstance(a._array, np.ndarray):  # numbers are immutable
            return y
        a.accept(ufunc, y)
        return a

    return lambda a, b: compute(a, a, b), lambda b, a: compute(b, a, b), inplace


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    """As ndarray's; of matrices np.matmul, but np.dot takes 0 times infinity for 0 where one has a single element."""
    matrices = a.ndim == np.ndim(b) == 2 and 1 not in (a.size, np.size(b))
    return np.matmul(a, b, out=out) if matrices else np.dot(a, b, out)


def _reshape(self: Any, *shape: Any, **kwargs: Any) -> Any:
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)


def _part(name: str) -> property:
    """Return the property for the real or the imaginary part."""
    fun: Function = getattr(np, name)
    return property(lambda self: fun(self), lambda self, v: self.change(setattr, (self, name, v)))


METHODS: dict[str, Any] = {
    **{f"__{name}__": _recorded(ufunc, getattr(operator, name)) for name, ufunc in UNARY.items()},
    **{f"__{fun.__name__}__": _recorded(fun, fun) for fun in (round, math.floor, math.ceil, math.trunc)},
    **{name: _method(getattr(np, name)) for name in SAME_ARGUMENTS.split()},
    **{name: _conversion(name) for name in CONVERSIONS},
    "__divmod__": lambda a, b: (a // b, a % b),
    "__rdivmod__": lambda b, a: (a // b, a % b),
    "__bytes__": _conversion("tobytes"),
    "transpose": lambda self, *axes: np.transpose(self, axes[0] if len(axes) == 1 else axes or None),
    "reshape": _reshape,
    "dot": _dot,
    "compress": lambda self, condition, axis=None, out=None: np.compress(condition, self, axis, out),
    "flatten": lambda self, order="C": np.ravel(self, order).copy(),
    "clip": lambda self, min=None, max=None, out=None, **kwargs: np.clip(self, min, max, out, **kwargs),
    **dict.fromkeys(("conj", "conjugate"),
                    lambda self, *out: np.conj(self, *out) if out or self.dtype.kind == "c" else self),
    "sort": lambda self, *args, **kwargs: self.write(np.sort(self, *args, **kwargs)),
    "partition": lambda self, *args, **kwargs: self.write(np.partition(self, *args, **kwargs)),
    "fill": lambda self, v: self.__setitem__(..., v) if isinstance(self._array, np.ndarray) else None,
    "to_device": lambda self, device, stream=None: self if device == "cpu" else self._array.to_device(device),
    "__copy__": lambda self: self.copy(),
    "__deepcopy__": lambda self, memo: self.copy(),
    "T": property(lambda self: self.transpose()),
    "mT": property(lambda self: self.swapaxes(-1, -2)),
    "real": _part("real"),
    "imag": _part("imag"),
    "base": property(lambda self: None if self.root is self else self.root),
}  # fmt: skip
for _name, _ufunc in BINARY.items():
    _methods = _operator(_ufunc, getattr(operator, f"__{_name}__"))
    METHODS.update(zip((f"__{_name}__", f"__r{_name}__", f"__i{_name}__"), _methods, strict=True))
for _name, _ufunc in COMPARISONS.items():
    METHODS[f"__{_name}__"] = _operator(_ufunc, getattr(operator, _name))[0]
