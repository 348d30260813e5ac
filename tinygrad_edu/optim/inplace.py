"""Run an optimizer's formula in place: trace it, choose an array for each result, replay its NumPy calls with `out=`.

A formula is plain NumPy, element by element. Run as it stands, it allocates an array for each operation.
`InPlace.update` gives the same numbers to the last bit, and allocates nothing after the first step.

float16 is too narrow for a formula: squares of gradients above 255 are infinite, and an eps of 1e-8 is 0. The formula
of a float16 parameter, and of any whose state is kept in a wider dtype, computes in the wider dtype, and the new
parameter is rounded.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..engine.arrays import broadcasts
from ..engine.mode import error_modes, errors_stop
from .tracing import GRADIENT, Array, Arrays, Call, Formula, Trace, computed

Update: TypeAlias = tuple[Formula, Sequence[Arrays]]  # a formula, and the arrays of each parameter that it is for

WITH_OUT = (np.maximum, np.minimum)  # NumPy deprecates `out` as the third positional argument of these two
NARROW, WIDE = np.dtype(np.float16), np.dtype(np.float32)
# The dtype of the state of parameters some of whose squared gradients have left the range of theirs.
WIDER: dict[str, np.dtype[Any]] = {"f": np.dtype(np.float64), "d": np.dtype(np.longdouble)}
_known_filters: tuple[list[Any], bool] = [], False


class Plan(NamedTuple):
    """How to replay a trace: `picks` take (ufunc, *inputs, out) from its arguments, scratch, `ufuncs` and numbers."""

    picks: Sequence[Callable[[Any], tuple[Any, ...]]]
    ufuncs: list[np.ufunc]
    scratch: int  # how many arrays


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which the state of a parameter is kept at first."""
    return WIDE if dtype == NARROW else dtype


def formula_dtype(theta: Array, g: Array, *state: Array | None) -> np.dtype[Any]:
    """Return the dtype in which the formula of a parameter computes: that of its state, if that is wider."""
    first = next((a.dtype for a in state if a is not None), working_dtype(theta.dtype))
    return first if first.kind == "f" and first.itemsize > theta.dtype.itemsize else theta.dtype


def real_parts(arrays: Arrays) -> list[Arrays]:
    """Return the arrays of a complex parameter as those of two: views of their real and of their imaginary parts.

    As in PyTorch, each part is a number with a step size of its own.
    """
    if arrays[0].dtype.kind != "c":
        return [arrays]
    parts: Any = [tuple([None if a is None else getattr(a, part) for a in arrays]) for part in ("real", "imag")]
    return parts  # type: ignore[no-any-return]


def full_state(p: Array, value: float) -> Array:
    """Return an array like a parameter in which each number is `value`, and so is each part of a complex number."""
    dtype = working_dtype(p.dtype)
    return np.full_like(p, value * (1 + 1j) if dtype.kind == "c" else value, dtype=dtype)


def ascent(formula: Any, theta: Array, g: Array, *state: Array | None, **numbers: Any) -> Any:
    """Return what a formula gives for the gradient that points the other way: the step goes up."""
    return formula(theta, -g, *state, **numbers)


def run_plainly(updates: Iterable[Update], finish: Sequence[tuple[Any, ...]] = ()) -> None:
    """Run formulas as they stand, then copy the results: what jit records, and what `InPlace.update` must equal."""
    results = []
    for formula, parameters in updates:
        for arrays in parameters:
            theta, g, *state = arrays
            dtype = formula_dtype(*arrays)
            arguments = [a if a.dtype == dtype else a.astype(dtype) for a in (theta, g)] + state
            results.append((theta, state, arguments, computed(formula, arguments)))
    for theta, state, arguments, new in results:
        # A result that is itself an argument is copied before that argument is written into.
        values = [np.positive(x) if x is not None and any(x is a for a in arguments) else x for x in new]
        for old, value in zip((theta, *state), values, strict=True):
            if old is not None:
                old[...] = value
    for function, *arguments in finish:
        function(*arguments)


class InPlace:
    """Runs formulas in place; keeps its scratch arrays from step to step."""

    def __init__(self) -> None:
        self.scratch: dict[int, tuple[Array, str, list[Array]]] = {}  # by the id of a parameter's array, kept with it
        self.succeeded = False

    def update(self, updates: Iterable[Update], finish: Sequence[tuple[Any, ...]] = ()) -> None:
        """Replace each theta and its state by what the formula gives; an exception leaves all of them as they were.

        `finish` are calls, (function, *arguments), that belong to the step, such as to count it.
        """
        updates = [(formula, parameters) for formula, parameters in updates if parameters]
        calls: list[tuple[Any, ...]] = []
        for formula, parameters in updates:
            trace = Trace(formula, parameters[0])
            picks, ufuncs, count = plan(tuple(trace.calls), trace.results, trace.arguments)
            constants: dict[str, tuple[object, ...]] = {}
            state = next((i for i, a in enumerate(parameters[0]) if i > GRADIENT and a is not None), 0)
            for arrays in parameters:
                theta = arrays[0]
                dtype = theta.dtype
                if not theta.flags.writeable:
                    fit_together(theta)  # raises ValueError
                if arrays[state].dtype is not dtype or dtype is NARROW:  # type: ignore[union-attr]
                    dtype = formula_dtype(*arrays)
                is_wider, kind = dtype is not theta.dtype, dtype.char
                kept, kept_kind, scratch = self.scratch.get(id(theta), (None, "", []))
                needed = count + 2 if is_wider else count
                if kept is not theta or kept_kind != kind or len(scratch) != needed:
                    self.succeeded &= fit_together(*arrays)
                    scratch = [np.empty_like(theta, dtype) for _ in range(needed)]
                    self.scratch[id(theta)] = theta, kind, scratch
                if kind not in constants:  # arrays give what Python's floats do, in half the time
                    constants[kind] = (*ufuncs, *[np.asarray(x, dtype) for x in trace.numbers])
                if is_wider:
                    *scratch, wide_theta, wide_g = scratch
                    calls += [(np.positive, theta, wide_theta), (np.positive, arrays[1], wide_g)]
                    arrays = wide_theta, wide_g, *arrays[2:]
                registers = (*arrays, *scratch, *constants[kind])
                calls += [pick(registers) for pick in picks]
                if is_wider:
                    calls.append((np.positive, arrays[0], theta))
        if len(self.scratch) > sum([len(parameters) for _, parameters in updates]):
            # Data was replaced, and the old array may go.
            used = {id(arrays[0]) for _, parameters in updates for arrays in parameters}
            self.scratch = {i: kept for i, kept in self.scratch.items() if i in used}
        # Copies cost a third of the step. After a step that succeeded only floating-point errors can raise: shapes and
        # dtypes fit, and Ctrl-C waits for the end, as deque and starmap run no Python code between two calls.
        copies = []
        if not self.succeeded or floating_point_errors_raise():
            replaced = [a for _, parameters in updates for theta, _, *state in parameters for a in (theta, *state)]
            copies = [(a, a.copy()) for a in replaced if a is not None and a.flags.writeable]
        done: list[bool] = []
        try:
            deque(starmap(operator.call, [*calls, *finish, (done.append, True)]), maxlen=0)
        except BaseException:
            for array, copy in copies if not done else ():  # Ctrl-C came after the last call
                array[...] = copy
            raise
        self.succeeded = True


def fit_together(theta: Array, *others: Array | None) -> bool:
    """Return whether gradient and state have the shape of theta.

    Raises ValueError if they do not broadcast to it, and for a theta that is read-only.
    """
    if not theta.flags.writeable:
        raise ValueError(
            f"step: the data of a parameter of shape {theta.shape} are read-only; write p.data = array.copy()"
        )
    shapes = [a.shape for a in others if a is not None and a.shape != theta.shape]
    if other := [s for s in shapes if not broadcasts(s, theta.shape)]:
        remedy = "write the numbers into p.data[...], or construct Tensor and optimizer anew for another shape"
        raise ValueError(f"step: a parameter has shape {theta.shape}, and its gradient or state {other[0]}; {remedy}")
    return not shapes


def floating_point_errors_raise() -> bool:
    """Return whether np.errstate, or a filter of warnings, makes an overflow an exception."""
    return errors_stop() or ("warn" in error_modes() and warnings_raise())


def warnings_raise() -> bool:
    """Return whether a filter makes NumPy's warnings exceptions; looked for anew only if the filters have changed."""
    global _known_filters
    filters, answer = _known_filters
    if warnings.filters != filters:
        fitting = [
            action for action, message, category, module, line in warnings.filters
            if issubclass(RuntimeWarning, category) and (action == "error" or not (message or module or line))
        ]  # fmt: skip
        answer = fitting[:1] == ["error"]  # the first that fits counts
        _known_filters = [*warnings.filters], answer
    return answer


@functools.lru_cache
def plan(calls: tuple[Call, ...], results: tuple[tuple[int, int], ...], arguments: int) -> Plan:
    """Choose an array for the result of each call of a trace."""
    last_use = {x: i for i, (_, operands) in enumerate(calls) for x in operands} | {x: len(calls) for _, x in results}
    replaced_by = {x: i for i, x in results}
    place = {x: x for x in range(arguments)}  # the array that has a value: an argument's, or from there on scratch
    latest = dict(place)  # the latest value in the array of an argument
    free: list[int] = []
    arrays = arguments
    placed: list[Call] = []
    for i, (ufunc, operands) in enumerate(calls):
        result = arguments + i
        done = {place[x] for x in operands if x in place and last_use[x] == i} - {GRADIENT}
        free += [array for array in done if array >= arguments]
        # The result may overwrite an argument: the one that it replaces, or one that is read here for the last time.
        target = replaced_by.get(result, min(done, default=arguments))
        if target < arguments and last_use.get(latest[target], -1) <= i:
            out = target
            latest[out] = result
        elif free:
            out = free.pop()
        else:
            out, arrays = arrays, arrays + 1
        placed.append((ufunc, (*[place.get(x, x) for x in operands], out)))
        place[result] = out
    placed += [(np.positive, (place[x], i)) for i, x in results if place[x] != i]
    picks: list[Any] = [operator.itemgetter(arrays + i, *operands) for i, (_, operands) in enumerate(placed)]
    ufuncs = [ufunc for ufunc, _ in placed]
    picks = [named_out(pick) if ufunc in WITH_OUT else pick for pick, ufunc in zip(picks, ufuncs, strict=True)]
    return Plan(picks, ufuncs, arrays - arguments)


def named_out(pick: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a pick of the same call of two operands, whose `out` is passed by its name, by code in C."""

    def call(registers: Any) -> tuple[Any, ...]:
        ufunc, a, b, out = pick(registers)
        return (functools.partial(ufunc, a, b, out=out),)

    return call
