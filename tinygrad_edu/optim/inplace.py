"""Run an optimizer's formula in place: trace it, choose an array for each result, replay its NumPy calls with `out=`.

A formula is plain NumPy, element by element. Run as it stands, it allocates an array for each operation.
`InPlace.update` gives the same numbers to the last bit, and allocates nothing after the first step.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[Array | None]  # theta, its gradient and its state; None for state that is switched off
Formula: TypeAlias = Callable[..., Sequence[Array | None]]  # takes such arrays, gives the new theta and the new state
Update: TypeAlias = tuple[Formula, Sequence[Arrays]]  # a formula, and the arrays of each parameter that it is for
Call: TypeAlias = tuple[np.ufunc, *tuple[int, ...]]
Pick: TypeAlias = Callable[[tuple[Any, ...]], tuple[Any, ...]]
Plan: TypeAlias = tuple[list[Pick], list[np.ufunc], int]

GRADIENT = 1  # the position of the gradient among a formula's arguments: the only one that is not replaced


def run_plainly(updates: Iterable[Update]) -> None:
    """Run formulas as they stand, then copy the results: what jit records, and what `InPlace.update` must equal."""
    results = [(arrays, formula(*arrays)) for formula, parameters in updates for arrays in parameters]
    for (theta, _, *state), new in results:
        for old, value in zip((theta, *state), new, strict=True):
            if old is not None:
                old[...] = value


class InPlace:
    """Runs formulas in place; keeps its scratch arrays from step to step."""

    def __init__(self) -> None:
        self.scratch: dict[tuple[Any, ...], list[Array]] = {}
        self.backup: list[Array] = []
        self.succeeded = False

    def update(self, updates: Iterable[Update]) -> None:
        """Replace each theta and its state by what the formula gives; an exception leaves all of them as they were."""
        calls: list[tuple[Any, ...]] = []
        replaced: list[Any] = []
        for formula, parameters in updates:
            trace = Trace(formula, parameters[0])
            plan, ufuncs, scratch = make_plan(tuple(trace.calls), trace.results, len(parameters[0]))
            dtypes: set[Any] = {theta.dtype for theta, *_ in parameters if theta is not None}
            numbers = {dtype: [np.asarray(x, dtype) for x in trace.numbers] for dtype in dtypes}
            for arrays in parameters:
                theta: Any = arrays[0]
                registers = (*arrays, *self._scratch(theta, scratch), *ufuncs, *numbers[theta.dtype])
                calls += [call(registers) for call in plan]
                replaced += [arrays[i] for i, _ in trace.results]
        # A backup costs a third of the step. After a step that succeeded only floating-point errors can raise: shapes
        # and dtypes fit, and Ctrl-C waits for the end, as a deque filled by starmap runs no Python code in between.
        self._back_up([] if self.succeeded and not floating_point_errors_raise() else replaced)
        try:
            deque(starmap(operator.call, calls), maxlen=0)
        except BaseException:
            for array, copy in zip(replaced, self.backup, strict=False):
                if array.flags.writeable:
                    np.copyto(array, copy)
            raise
        self.succeeded = True

    def _back_up(self, arrays: list[Array]) -> None:
        if [(a.shape, a.dtype) for a in arrays] != [(b.shape, b.dtype) for b in self.backup]:
            self.backup = [np.empty_like(a) for a in arrays]
        for array, copy in zip(arrays, self.backup, strict=True):
            np.copyto(copy, array)

    def _scratch(self, like: Any, count: int) -> list[Array]:
        """Return `count` arrays like this one, the same at every step."""
        key = like.shape, like.strides, like.dtype, count
        if key not in self.scratch:
            self.scratch[key] = [np.empty_like(like) for _ in range(count)]
        return self.scratch[key]


def floating_point_errors_raise() -> bool:
    """Return whether np.errstate, or a filter of warnings, makes an overflow an exception."""
    errors = [f for f in warnings.filters if f[0] == "error" and issubclass(RuntimeWarning, f[2])]
    return bool(errors) or not {"raise", "call"}.isdisjoint(np.geterr().values())


class Trace:
    """The ufunc calls of a formula. Operands are indices: of arguments, then of results, from 0 up; of numbers, below 0.

    `results` pairs the positions of arguments with the operands that replace them.
    """

    def __init__(self, formula: Formula, arguments: Arrays) -> None:
        self.calls: list[Call] = []
        self.numbers: list[complex] = []  # the first is at -1, the last of the list
        self.arguments = len(arguments)
        symbols = [None if a is None else Symbol(self, i) for i, a in enumerate(arguments)]
        replaced = [i for i in range(self.arguments) if i != GRADIENT]
        results: dict[int, int] = {}
        for i, new in zip(replaced, formula(*symbols), strict=True):
            if symbols[i] is not None:
                x = self.index(new)
                results[i] = self.call(np.positive, x).index if x < self.arguments or x in results.values() else x
        self.results = tuple(results.items())

    def call(self, *call: Any) -> Symbol:
        """Note a call, and return its result."""
        self.calls.append(call)
        return Symbol(self, self.arguments + len(self.calls) - 1)

    def number(self, x: Any) -> int:
        """Note a number."""
        if not isinstance(x, (int, float)):
            raise TypeError(f"an optimizer's formula computes with its arguments and with numbers, not with {x!r:.60}")
        self.numbers.insert(0, x)
        return -len(self.numbers)

    def index(self, x: object) -> int:
        """Return an operand's index; note it if it is a number."""
        return x.index if isinstance(x, Symbol) else self.number(x)


def _operator(ufunc: np.ufunc) -> tuple[Callable[..., Symbol], Callable[..., Symbol]]:
    """Return the methods for `symbol op x` and `x op symbol`."""
    return (
        lambda a, b: a.trace.call(ufunc, a.index, b.index if type(b) is Symbol else a.trace.number(b)),
        lambda b, a: b.trace.call(ufunc, b.trace.number(a), b.index),
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

    def __neg__(self) -> Symbol:
        return self.trace.call(np.negative, self.index)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> Symbol:
        if method != "__call__" or kwargs or ufunc.nout > 1 or ufunc.signature:
            raise TypeError(f"an optimizer's formula works element by element, without np.{ufunc.__name__}.{method}")
        return self.trace.call(ufunc, *map(self.trace.index, inputs))


@functools.lru_cache
def make_plan(calls: tuple[Call, ...], results: tuple[tuple[int, int], ...], arguments: int) -> Plan:
    """Choose an array for each result."""
    last = {x: i for i, (_, *operands) in enumerate(calls) for x in operands} | {x: len(calls) for _, x in results}
    replaces = {x: i for i, x in results}
    place = {x: x for x in range(arguments)}  # from `arguments` on it is scratch
    holds = {i: i for i, _ in results}  # the latest value in the array of each argument that is replaced
    free: list[int] = []
    arrays = arguments
    placed = []
    for i, (ufunc, *operands) in enumerate(calls):
        inputs = [place.get(x, x) for x in operands]
        done = {place[x] for x in operands if x in place and last[x] == i} - {GRADIENT}
        free += [array for array in done if array >= arguments]
        own = replaces.get(arguments + i)
        own = [own] if own is not None else [x for x in done if x < arguments]
        if own and last.get(holds[own[0]], -1) <= i:
            out = own[0]
            holds[out] = arguments + i
        elif free:
            out = free.pop()
        else:
            out, arrays = arrays, arrays + 1
        place[arguments + i] = out
        placed.append((ufunc, *inputs, out))
    placed += [(np.positive, place[x], i) for i, x in results if place[x] != i]
    plan = [operator.itemgetter(arrays + i, *operands) for i, (_, *operands) in enumerate(placed)]
    return plan, [ufunc for ufunc, *_ in placed], arrays - arguments
