"""Operators and methods of ndarray for a recorded array: each calls a NumPy function, or asks for the plain value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node

NUMBERS = {int, float, bool}
RETURN_IT = "return the array, and convert it outside"
CONVERSIONS = {  # methods that give a plain value: what an error calls them, and the remedy
    **dict.fromkeys(("__bool__", "__contains__"), ("the truth of an array (`if`, `and`, `in`, `bool`)",
                                                   "choose with np.where(condition, ..., ...)")),
    **{f"__{name}__": (f"{name}()", RETURN_IT) for name in ("float", "int", "complex", "format", "str", "hash")},
    **{f"__{name}__": (f"math.{name}()", f"use np.{name}") for name in ("floor", "ceil", "trunc")},
    "__index__": ("use as a Python integer", "use it as an index of a recorded array, or return it"),
    "__reduce_ex__": ("pickle", RETURN_IT),
    **{name: (f".{name}()", RETURN_IT) for name in ("item", "tolist", "tobytes", "dumps", "dump", "tofile")},
}  # fmt: skip


def _method(fun: Function) -> Function:
    """Return the method that calls a NumPy function with the same arguments."""
    return lambda self, *args, **kwargs: fun(self, *args, **kwargs)


def _methods(*funs: Function) -> Iterator[Function]:
    return map(_method, funs)


def _conversion(name: str) -> Function:
    """Return the method that gives a plain value where that is the same at every call, and else raises JitError."""
    shown, remedy = CONVERSIONS[name]

    def method(self: Operators, *args: object) -> Any:
        if name == "__hash__" and isinstance(self._array, np.ndarray):
            raise TypeError("unhashable type: 'numpy.ndarray'")
        value = self.plain(shown, remedy)
        return getattr(math, name[2:-2])(value) if shown.startswith("math.") else getattr(value, name)(*args)

    return method


def _operator(ufunc: np.ufunc, op: Function) -> tuple[Function, Function, Function]:
    """Return the methods of `a op b`, of the same with a constant on the left, and of `a op= b`."""

    def compute(traced: Operators, a: object, b: object) -> Any:
        kind = type(traced)
        if type(b) is not kind and (isinstance(b, Node) or getattr(b, "__array_ufunc__", kind) is None):
            return NotImplemented
        x: Any = a._array if type(a) is kind else a
        y: Any = b._array if type(b) is kind else b
        if op is operator.mul and not isinstance(traced._array, np.ndarray):
            for v in (a, b):
                if isinstance(v, (list, tuple, str)):
                    return v * operator.index(traced)
        fun = op if type(x) in NUMBERS and type(y) in NUMBERS else ufunc  # two Python numbers give a Python number
        return traced.rec.call(fun, (a, b), {})

    def inplace(a: Operators, b: object) -> Any:
        y = compute(a, a, b)
        if y is NotImplemented or not isinstance(a._array, np.ndarray):  # numbers are immutable
            return y
        a.accept(ufunc, y)
        return a

    return lambda a, b: compute(a, a, b), lambda b, a: compute(b, a, b), inplace


class Operators:
    """Operators and methods of a recorded array.

    The subclass wraps `_array`, records calls by `rec.call`, takes other values by `write`, a ufunc's result by
    `accept`, and the changes of a function by `change`, and gives a plain value by `plain`.
    """

    __slots__ = ()
    rec: Any
    _array: Any
    accept: Callable[[np.ufunc, Any], None]
    change: Callable[[Function, Any], None]
    copy: Callable[..., Any]
    plain: Callable[[str, str], Any]
    root: Any
    write: Callable[[Any], None]

    __add__, __radd__, __iadd__ = _operator(np.add, operator.add)
    __sub__, __rsub__, __isub__ = _operator(np.subtract, operator.sub)
    __mul__, __rmul__, __imul__ = _operator(np.multiply, operator.mul)
    __truediv__, __rtruediv__, __itruediv__ = _operator(np.divide, operator.truediv)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operator(np.floor_divide, operator.floordiv)
    __mod__, __rmod__, __imod__ = _operator(np.remainder, operator.mod)
    __pow__, __rpow__, __ipow__ = _operator(np.power, operator.pow)
    __matmul__, __rmatmul__, __imatmul__ = _operator(np.matmul, operator.matmul)
    __and__, __rand__, __iand__ = _operator(np.bitwise_and, operator.and_)
    __or__, __ror__, __ior__ = _operator(np.bitwise_or, operator.or_)
    __xor__, __rxor__, __ixor__ = _operator(np.bitwise_xor, operator.xor)
    __lshift__, __rlshift__, __ilshift__ = _operator(np.left_shift, operator.lshift)
    __rshift__, __rrshift__, __irshift__ = _operator(np.right_shift, operator.rshift)
    __lt__, __le__ = _operator(np.less, operator.lt)[0], _operator(np.less_equal, operator.le)[0]
    __gt__, __ge__ = _operator(np.greater, operator.gt)[0], _operator(np.greater_equal, operator.ge)[0]
    __eq__, __ne__ = _operator(np.equal, operator.eq)[0], _operator(np.not_equal, operator.ne)[0]
    __neg__, __pos__, __abs__, __invert__ = _methods(np.negative, np.positive, np.absolute, np.invert)
    __divmod__, __rdivmod__ = lambda a, b: (a // b, a % b), lambda b, a: (a // b, a % b)

    sum, mean, prod, max, min, var, std = _methods(np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std)
    cumsum, cumprod, argmax, argmin = _methods(np.cumsum, np.cumprod, np.argmax, np.argmin)
    all, any, round = _methods(np.all, np.any, np.round)
    ravel, squeeze, swapaxes, put = _methods(np.ravel, np.squeeze, np.swapaxes, np.put)
    take, repeat, choose, diagonal = _methods(np.take, np.repeat, np.choose, np.diagonal)
    argsort, argpartition, trace = _methods(np.argsort, np.argpartition, np.trace)
    nonzero, searchsorted = _methods(np.nonzero, np.searchsorted)

    # Methods whose NumPy function takes other arguments
    transpose = lambda self, *axes: np.transpose(self, axes[0] if len(axes) == 1 else axes or None)
    reshape = lambda self, *shape, **kwargs: np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)
    dot = lambda a, b, out=None: np.matmul(a, b, out=out) if a.ndim == np.ndim(b) == 2 else np.dot(a, b, out)
    compress = lambda self, condition, axis=None, out=None: np.compress(condition, self, axis, out)
    flatten = lambda self, order="C": np.ravel(self, order).copy()
    clip = lambda self, min=None, max=None, out=None, **kwargs: np.clip(self, min, max, out, **kwargs)
    conj = conjugate = lambda self, *out: np.conj(self, *out) if out or self.dtype.kind == "c" else self
    sort = lambda self, *args, **kwargs: self.write(np.sort(self, *args, **kwargs))
    partition = lambda self, *args, **kwargs: self.write(np.partition(self, *args, **kwargs))
    fill = lambda self, v: self.__setitem__(..., v) if isinstance(self._array, np.ndarray) else None
    to_device = lambda self, device, stream=None: self if device == "cpu" else self._array.to_device(device)
    __copy__ = lambda self: self.copy() if isinstance(self._array, np.ndarray) else self
    __deepcopy__ = lambda self, memo: self.__copy__()

    T, mT = property(lambda self: self.transpose()), property(lambda self: self.swapaxes(-1, -2))
    real = property(lambda self: np.real(self), lambda self, v: self.change(setattr, (self, "real", v)))
    imag = property(lambda self: np.imag(self), lambda self, v: self.change(setattr, (self, "imag", v)))
    base = property(lambda self: None if self.root is self else self.root)

    # Plain values
    __bool__, __float__, __int__, __index__ = map(_conversion, ("__bool__", "__float__", "__int__", "__index__"))
    __complex__, __floor__, __ceil__ = map(_conversion, ("__complex__", "__floor__", "__ceil__"))
    __contains__, __str__, __format__ = map(_conversion, ("__contains__", "__str__", "__format__"))
    __hash__ = _conversion("__hash__")
    item, tolist, tobytes, dumps = map(_conversion, ("item", "tolist", "tobytes", "dumps"))
    __reduce_ex__, __trunc__, dump, tofile = map(_conversion, ("__reduce_ex__", "__trunc__", "dump", "tofile"))
    __bytes__ = tobytes

    def __round__(self, digits: int | None = None) -> Any:
        if isinstance(self._array, np.ndarray):
            raise TypeError("type numpy.ndarray doesn't define __round__ method")
        return round(self.plain("round()", "use np.round")) if digits is None else np.round(self, digits)  # type: ignore[call-overload]
