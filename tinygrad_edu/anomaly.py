"""Anomaly mode: find the operation that first makes an infinity or a NaN, and arrays written into before backward.

`detect_anomaly` turns a watcher of the engine on (`engine/mode.py`). It keeps the user's line and a checksum of every
array of an operation. Where a backward pass gives a gradient that is not finite, it looks for the rule that made it.
"""

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import isfinite
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

import numpy as np

from .engine.backward import parent, toposort
from .engine.errors import Line, describe, format_line, user_name, users_line
from .engine.mode import Contribution, Contributions, Passed, decorated, watching
from .engine.rules.registry import is_elementwise, name, vjps
from .transforms.batch_arguments import member
from .transforms.batching import Batch

P = ParamSpec("P")
R = TypeVar("R")
_FLOAT = np.dtype(np.float64)
_factors: Any = np.empty(0)  # fixed numbers around 1, the weights of a checksum


class AnomalyError(ValueError):
    """An operation turned finite numbers into an infinity or a NaN, or an array that backward needs was changed.

    >>> with np.errstate(divide="ignore"), tg.detect_anomaly():
    ...     try:
    ...         1 / tg.Tensor([0.0])
    ...     except tg.AnomalyError as error:
    ...         print("np.divide" in str(error))
    True
    """


class _Detection:
    """Anomaly mode as a context manager and as a decorator; each block and each call has a watcher of its own."""

    def __init__(self) -> None:
        self.blocks: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        self.blocks.append(_detecting())
        self.blocks[-1].__enter__()

    def __exit__(self, *error: Any) -> None:
        self.blocks.pop().__exit__(*error)

    def __call__(self, fun: Callable[P, R]) -> Callable[P, R]:
        return decorated("detect_anomaly", fun, _detecting)


@overload
def detect_anomaly() -> _Detection:
    """Return a context manager, which is a decorator too."""


@overload
def detect_anomaly(fun: Callable[P, R]) -> Callable[P, R]:
    """Return `fun` as a function whose calls are watched."""


def detect_anomaly(fun: Callable[..., Any] | None = None) -> Any:
    """Find the operation that first goes wrong: `with tg.detect_anomaly():`, or `@tg.detect_anomaly` on a function.

    Raises AnomalyError where an operation turns finite arguments into an infinity or a NaN; where a rule does so in a
    backward pass whose gradients, or in forward mode whose tangents, are not finite; and where an array was written
    into between an operation and the backward pass whose rule reads it. The error names the function, the shapes and
    labels, the element and the numbers that it was computed from, and the line that called the operation. Holds for the
    thread that entered it. An infinity or NaN that comes in, in data or parameters, is let through. Operations on plain
    arrays and constants, and those under `no_grad`, are not checked; NumPy's warnings are off for them too. Functions
    of `jit` run without their recordings.

    >>> try:
    ...     with tg.detect_anomaly():
    ...         np.log(tg.Tensor([1.0, 0.0]))
    ... except tg.AnomalyError:
    ...     print("log(0) is infinite")
    log(0) is infinite
    """
    return _Detection() if fun is None else _Detection()(fun)


@contextmanager
def _detecting() -> Iterator[None]:
    # NumPy's warnings are off: the errors here say more.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"), watching(_Detector()):
        yield


class Trail(NamedTuple):
    """The record of an operation: the user's line, and checksums of its result and of its arguments."""

    line: Line | None
    checksums: list[float | None]


class _Detector(Contributions):
    """The watcher that checks each result and each backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.in_backward = False  # there np.where may still mask a rule's infinity, so only final gradients are checked

    def recorded(self, y: Any) -> None:
        """Keep the line and the checksums; raise AnomalyError if finite arguments gave a result that is not finite."""
        data, arguments = y._value, y.argvals
        y.trail = Trail(users_line(sys._getframe(1)), checksums := [*map(_checksum, (data, *arguments))])
        if self.in_backward or _finite(data, checksums[0]):
            return
        if all(map(_finite, arguments, checksums[1:])) and all(_finite(v, None) for v in y.kwargs.values()):
            raise AnomalyError(f"{_called(y)} gave {_first(y, data, arguments)}{_remedy(y.fun)}")

    def contribution(self, contribute: Contribution) -> Contribution:
        """Keep the contributions, and check no results until the pass is finished."""
        self.in_backward = True
        return super().contribution(contribute)

    def finished(self, pairs: list[tuple[Any, Any]]) -> None:
        """Raise AnomalyError for an array that was changed, or for the first infinity if a gradient is not finite."""
        if self.in_rule:  # which ran this backward pass
            return
        self.in_backward = False
        passed, self.passed = self.passed, []
        if not pairs:
            return
        _find_changed(passed)
        if not all(_finite(a, _checksum(a)) for a in (_array(g) for _, g in pairs)):
            _find_infinite(passed)

    def tangent_found(self, y: Any, tangent: Any, of: Callable[[Any], Any]) -> None:
        """Raise AnomalyError for the first operation that made such a tangent, if that of a result is not finite."""
        if _finite(tangent, None):
            return
        for node in reversed(toposort(y)):
            if node.argnums and (t := of(node)) is not None and not _finite(t, None):
                arrived = [v for i in node.argnums if (v := of(parent(node, i))) is not None]
                if all(_finite(a, None) for a in (node._value, *node.argvals, *arrived)):
                    first = _first(node, _data(t), node.argvals, _data(arrived[0]), "the tangent that arrives")
                    raise AnomalyError(
                        f"forward mode: the rule of {_called(node)} gave the tangent {first}{_remedy(node.fun)}"
                    )


def _find_changed(passed: list[Passed]) -> None:
    """Raise AnomalyError if an array was changed after the forward pass and a rule reads it."""
    now: dict[int, Any] = {}
    for y, g, i, _, _ in passed:
        if (trail := getattr(y, "trail", None)) is None:
            continue
        arrays = [y._value, *y.argvals]
        for k, (a, before) in enumerate(zip(arrays, trail.checksums, strict=True)):
            if id(a) not in now:
                now[id(a)] = _checksum(a)
            after = now[id(a)]
            if after != before and (after == after or before == before) and _reads(y, i, _data(g), arrays, k):
                what = f"argument {k - 1}, {describe(y.args[k - 1])}," if k else "result,"
                raise AnomalyError(
                    f"backward: the rule of {_called(y)} reads its {what} which was written into since, so the "
                    "gradient would be wrong; compute a new tensor (x = x + 1, not x.data += 1), or write after "
                    "backward()"
                )


def _reads(y: Any, i: int, g: Any, arrays: list[Any], k: int) -> bool:
    """Return whether the result of rule i depends on array k; index arrays always count as read."""
    if isinstance(a := arrays[k], tuple) or getattr(a, "dtype", _FLOAT).kind not in "fc":
        return True
    # The rule of a maximum reads only which of its arrays are equal, so the others are tried in the place of a too.
    others = (b for b in arrays if hasattr(b, "shape") and (is_elementwise(y.fun) or b.shape == np.shape(a)))
    results = (_contribution(y, i, g, [*arrays[:k], b, *arrays[k + 1 :]]) for b in (a, -3 * a - 1, *others))
    now = _array(next(results))
    return not all(np.array_equal(now, _array(r)) for r in results)


def _contribution(y: Any, i: int, g: Any, arrays: list[Any]) -> Any:
    """Return the result of rule i, before broadcasting is undone."""
    rule: Any = vjps[y.fun][i]
    values = [np.float64(a) if type(a) is float else a for a in (g, *arrays)]  # Python's floats would raise
    return rule(*values, **y.kwargs)


def _find_infinite(passed: list[Passed]) -> None:
    """Raise AnomalyError for the first rule, or sum of contributions, that turned finite numbers into others."""
    for y, g, i, x, r in passed:
        arrays, g, r = [y._value, *y.argvals], _data(g), _data(r)
        if _finite(r, _checksum(r)) or not all(_finite(a, _checksum(a)) for a in (g, *arrays)):
            continue
        if is_elementwise(y.fun):
            r = np.where(np.equal(g, 0), 0, _contribution(y, i, g, arrays))
        raise AnomalyError(
            f"backward: the rule of {_called(y)} gave argument {i}, {describe(x)}, the gradient "
            f"{_first(y, r, arrays[1:], g)}{_remedy(y.fun)}"
        )
    arrived: dict[Any, list[Any]] = {}
    for *_, x, r in passed:
        arrived.setdefault(x, []).append(_data(r))
    for x, gradients in arrived.items():
        if all(_finite(r, None) for r in gradients) and not _finite(sum(gradients), None):
            whose = _called(x) if x.fun else describe(x)
            raise AnomalyError(f"backward: the gradients that arrive at {whose} are finite, and their sum is not")


def _called(y: Any) -> str:
    """Return the call as text, with its line."""
    arguments = ", ".join([*map(describe, y.args), *(f"{k}={v!r:.60}" for k, v in y.kwargs.items())])
    call, trail = f"{user_name(y.fun)}({arguments})", getattr(y, "trail", None)
    if not (line := trail and trail.line):
        return call
    quoted = f"{format_line(line)}: {linecache.getline(*line).strip()}".removesuffix(": ")
    return f"{call} [{quoted}]"


def _first(y: Any, data: Any, arrays: Any, g: Any = None, arrives: str = "the gradient that arrives") -> str:
    """Return the first element of data that is not finite, and the numbers that it was computed from."""
    of_member = ""
    while type(data) is Batch:
        i = next(i for i, part in enumerate(_array(data)) if not np.isfinite(part).all())
        of_member = f"{of_member} in member {i} of the batch"
        data, arrays, g = member((data, list(arrays), g), data.level, i)
    data = np.asarray(data)
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(data))[0])
    named = [(getattr(a, "label", None) or f"argument {i}", arrays[i]) for i, a in enumerate(y.args)]
    named += [] if g is None else [(arrives, g)]
    made = []
    for what, value in named:
        if isinstance(value, (float, int, np.ndarray, np.generic)):
            if not np.size(value):
                made.append(f"{what} is empty")
            elif is_elementwise(y.fun):
                made.append(f"{what} is {np.broadcast_to(value, data.shape)[at]}")
            else:
                made.append(f"{what} is from {np.min(value)} to {np.max(value)}")
    return f"{data[at]}{f' at {list(at)}' if at else ''}{of_member}, where {' and '.join(made)}"


def _remedy(fun: Any) -> str:
    function = name(fun).removeprefix("np.")
    return next((f"; {remedy}" for remedy, funs in _REMEDIES.items() if function in funs.split()), "")


_REMEDIES = {
    "keep the argument above 0, or use a loss that takes logits (tg.cross_entropy)": "log log2 log10 log1p",
    "keep the argument above 0": "sqrt cbrt",
    "keep the divisor away from 0 (x / (y + 1e-8))": "divide reciprocal remainder fmod",
    "large exponents overflow, but not in tg.softmax, logsumexp, sigmoid and softplus": "exp exp2 expm1 sinh cosh",
    "keep the argument between -1 and 1": "arcsin arccos arctanh",
}


def _checksum(a: Any) -> float | None:
    """Return a number that almost surely changes if an element of `a` does, and is not finite if an element is not.

    It is a sum in float64, as the smallest change of one number would be lost in a long sum of float32 or float16.
    """
    global _factors
    a = _array(a)
    if type(a) is float:
        return a
    if type(a) is tuple:  # of indices
        return hash(tuple(map(_checksum, a)))
    if isinstance(a, (np.ndarray, np.generic)):
        if a.dtype.kind not in "fc":
            return hash(a.tobytes())
        elements = a.ravel("K")
        if a.dtype.kind == "c":  # the real and the imaginary parts
            elements = a = elements.view(np.finfo(a.dtype).dtype)
        if len(factors := _factors) < a.size:
            _factors = factors = np.random.default_rng(0).uniform(0.5, 1.5, 2 * a.size)
        return float(np.vdot(elements, factors[: a.size]))
    return float(np.sum(a)) if hasattr(a, "__array_function__") else None  # a recording of jit refuses


def _finite(a: Any, checksum: float | None) -> bool:
    """Return whether all elements are finite; a sum of finite numbers may overflow, so its checksum proves nothing."""
    if checksum is not None and isfinite(checksum):
        return True
    if isinstance(a, (tuple, list, dict)):  # such as the fill values of np.pad
        return all(_finite(v, None) for v in (a.values() if isinstance(a, dict) else a))
    a = _array(a)
    return not isinstance(a, (float, np.floating, np.ndarray)) or bool(np.isfinite(a).all())


def _data(g: Any) -> Any:
    """Return the data of a node, which may be a batch; other arguments as they are."""
    return getattr(g, "_value", g)


def _array(g: Any) -> Any:
    """Return the data of a node, and of a batch the array of all members."""
    while True:
        data = g.stacked if type(g) is Batch else getattr(g, "_value", g)
        if data is g:
            return g
        g = data
