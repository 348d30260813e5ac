"""Operators and methods of ndarray for a recorded array, each by the NumPy function that it calls."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.tape import Node

NUMBERS = {int, float, bool}


def _method(fun: Function) -> Function:
    """Return the method that calls a NumPy function with the same arguments."""

    def method(self: Operators, *args: object, **kwargs: object) -> Any:
        return fun(self, *args, **kwargs)

    return method


def _methods(*funs: Function) -> Iterator[Function]:
    return map(_method, funs)


def _operator(ufunc: np.ufunc, op: Function) -> tuple[Function, Function, Function]:
    """Return the methods of `a op b`, of the same with a constant on the left, and of `a op= b`."""

    def compute(traced: Operators, a: object, b: object) -> Any:
        if isinstance(b, Node):
            return NotImplemented
        x, y = (v._array if isinstance(v, Operators) else v for v in (a, b))
        fun = op if type(x) in NUMBERS and type(y) in NUMBERS else ufunc  # two Python numbers give a Python number
        return traced.rec.call(fun, (a, b), {})

    def forward(a: Operators, b: object) -> Any:
        return compute(a, a, b)

    def reflected(b: Operators, a: object) -> Any:
        return compute(b, a, b)

    def inplace(a: Operators, b: object) -> Any:
        y = compute(a, a, b)
        if y is NotImplemented or not isinstance(a._array, np.ndarray):  # numbers are immutable
            return y
        if y.shape != a.shape:
            raise ValueError(f"{ufunc.__name__}: shape {y.shape} does not fit into {a.shape}")
        a.write(y)
        return a

    return forward, reflected, inplace


class Operators:
    """Operators and methods of a recorded array.

    The subclass computes on `_array`, records calls by `rec.call`, and takes another value by `write`.
    """

    __slots__ = ()
    rec: Any
    _array: Any
    shape: tuple[int, ...]

    def write(self, new: Any) -> None:
        """Take the value of `new`."""
        raise NotImplementedError

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
    __lt__, __le__ = _operator(np.less, operator.lt)[0], _operator(np.less_equal, operator.le)[0]
    __gt__, __ge__ = _operator(np.greater, operator.gt)[0], _operator(np.greater_equal, operator.ge)[0]
    __eq__, __ne__ = _operator(np.equal, operator.eq)[0], _operator(np.not_equal, operator.ne)[0]
    __neg__, __pos__, __abs__, __invert__ = _methods(np.negative, np.positive, np.absolute, np.invert)
    __divmod__, __rdivmod__ = lambda a, b: (a // b, a % b), lambda b, a: (a // b, a % b)
    __hash__ = object.__hash__  # by identity: == compares elements

    sum, mean, prod, max, min, var, std = _methods(np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std)
    cumsum, cumprod, argmax, argmin = _methods(np.cumsum, np.cumprod, np.argmax, np.argmin)
    all, any, clip, round = _methods(np.all, np.any, np.clip, np.round)
    conj, conjugate = _methods(np.conj, np.conjugate)
    ravel, flatten, squeeze, swapaxes = _methods(np.ravel, np.ravel, np.squeeze, np.swapaxes)
    take, repeat, choose, diagonal, trace = _methods(np.take, np.repeat, np.choose, np.diagonal, np.trace)
    argsort, argpartition = _methods(np.argsort, np.argpartition)
    nonzero, searchsorted = _methods(np.nonzero, np.searchsorted)
