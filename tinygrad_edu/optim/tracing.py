"""Traces of an optimizer's formula: the ufunc calls that it makes, noted by running it on symbols.

A formula computes element by element, with arithmetic and NumPy's ufuncs. What else it does to a symbol raises
TypeError, with the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..engine.reprs import counted
from ..engine.rules.registry import name as name_of

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = tuple[Array, Array, *tuple[Array | None, ...]]  # theta, its gradient, its state: None if off
Formula: TypeAlias = Callable[..., Sequence[Array | None]]  # takes such arrays, gives the new theta and the new state
Call: TypeAlias = tuple[np.ufunc, tuple[int, ...]]

POWERS: dict[Any, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}  # by which arrays compute x ** n
GRADIENT = 1  # the position of the gradient among a formula's arguments: the only one that is not replaced


def computed(formula: Formula, arguments: Sequence[Any]) -> Sequence[Any]:
    """Return the new theta and the new state by a formula; one without state may return the new theta alone."""
    new: Any = formula(*arguments)
    results: Sequence[Any] = [*new] if isinstance(new, (tuple, list, Iterator)) else (new,)
    if len(results) != len(arguments) - 1:
        raise TypeError(
            f"formula: it returned {counted(len(results), 'result')}, and this optimizer needs {len(arguments) - 1}: "
            "the new theta, and the new state in the order of state_names or needed_state"
        )
    return results


class Trace:
    """The ufunc calls of a formula, and in `results` the positions of arguments with the results that replace them.

    An operand is an index: from 0 up those of the arguments, then of the calls' results; below 0 those of numbers.
    """

    def __init__(self, formula: Formula, arguments: Arrays) -> None:
        self.calls: list[Call] = []
        self.numbers: list[float] = []  # as an index from the end has it: the first noted is the last of the list
        self.arguments = len(arguments)
        symbols: Any = [None if a is None else Symbol(self, i) for i, a in enumerate(arguments)]
        replaced = [i for i in range(self.arguments) if i != GRADIENT]
        results: dict[int, int] = {}
        for i, new in zip(replaced, computed(formula, symbols), strict=True):
            if symbols[i] is not None:
                x = self.operand(new)
                is_new = x >= self.arguments and x not in results.values()
                results[i] = x if is_new else self.call(np.positive, x).index
        self.results = tuple(results.items())

    def call(self, ufunc: np.ufunc, *operands: int) -> Symbol:
        """Note a call, and return its result."""
        self.calls.append((ufunc, operands))
        return Symbol(self, self.arguments + len(self.calls) - 1)

    def operand(self, x: object) -> int:
        """Return the index of a symbol, or of a number, which is noted."""
        if type(x) is Symbol:
            return x.index
        if not isinstance(x, (int, float)):
            raise TypeError(f"an optimizer's formula computes with its arguments and with numbers, not with {x!r:.60}")
        self.numbers.insert(0, x)
        return -len(self.numbers)


def _operator(ufunc: np.ufunc) -> tuple[Callable[..., Symbol], Callable[..., Symbol]]:
    """Return the methods for `symbol op x` and `x op symbol`."""
    return (
        lambda a, b: a.trace.call(ufunc, a.index, b.index if type(b) is Symbol else a.trace.operand(b)),
        lambda b, a: b.trace.call(ufunc, b.trace.operand(a), b.index),
    )


def refused(what: str) -> TypeError:
    """Return the error for a formula that does more than a trace can note."""
    return TypeError(
        f"an optimizer's formula works element by element, without {what}: it takes arithmetic and NumPy's ufuncs "
        "(np.sign and np.maximum to choose); for anything else define _update(self, group, grads, *state) instead"
    )


class Symbol:
    """An argument or a result of a formula that is being traced: it notes the operators and ufuncs applied to it."""

    __slots__ = ("index", "trace")

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace, self.index = trace, index

    __add__, __radd__ = _operator(np.add)
    __sub__, __rsub__ = _operator(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.divide)
    __floordiv__, __rfloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__ = _operator(np.remainder)
    __rpow__ = _operator(np.power)[1]

    def __pow__(self, n: Any) -> Symbol:
        if isinstance(n, (int, float)) and n in POWERS:  # as an array does
            return self.trace.call(POWERS[n], self.index)
        return self.trace.call(np.power, self.index, self.trace.operand(n))

    def __neg__(self) -> Symbol:
        return self.trace.call(np.negative, self.index)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return self.trace.call(np.absolute, self.index)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # NumPy looks for protocols
            raise AttributeError(name)
        raise refused(f".{name}")

    def __array_function__(self, fun: Callable[..., Any], *_: object) -> NoReturn:
        raise refused(name_of(fun))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> Symbol:
        if method != "__call__" or kwargs or ufunc.nout > 1 or ufunc.signature:
            raise refused(f"np.{ufunc.__name__}{' in this form' if method == '__call__' else f'.{method}'}")
        return self.trace.call(ufunc, *map(self.trace.operand, inputs))


def _refusing(what: str) -> Callable[..., NoReturn]:
    """Return the method that raises the error of `refused`."""

    def method(self: Symbol, *_: object) -> NoReturn:
        raise refused(what)

    return method


for _what, _names in {
    "comparisons and branches": "bool lt le gt ge eq ne", "g[i] and len(g)": "getitem len iter contains",
    "matrix products": "matmul rmatmul", "float(g)": "float int",
}.items():  # fmt: skip
    for _name in _names.split():
        setattr(Symbol, f"__{_name}__", _refusing(_what))
