"""Recording: run a function once with `Traced` arrays in the place of those that it is given and finds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

import numpy as np

from ..engine import backward
from ..engine.errors import INTERNAL, written
from ..engine.rules import implementations
from ..optim import Optimizer
from .functional import part
from .ir import NOTHING, Call, Constant, Guard, Program, Var, placeholder, substituted
from .traced import JitError, Traced

OURS, USERS, WALK, STEP = range(4)  # whose code a frame runs

_kinds: dict[int, int] = {}  # of the code that is not the user's, and never goes
_codes: list[Any] = []


class Recorder:
    """What `Traced` arrays report to: it computes, and notes the call."""

    def __init__(self, name: str) -> None:
        self.name, self.program, self.thread = name, Program(), get_ident()
        self.refused: JitError | None = None  # the last error
        self.top: Any = None  # the code of the function that is recorded
        self.kinds = _kinds.copy()  # whose code it is, by the code's identity
        self.codes: list[Any] = []  # the user's codes among these, lest another gets the identity of one
        self.node: Any = None  # whose rule runs, in a backward pass
        self.line_of: Callable[[Any], Any] = lambda node: None

    def call(self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], draws: bool = False) -> Any:
        """fun(*args, **kwargs), noted."""
        if self.thread != get_ident():
            self.refused = JitError(f"jit({self.name}): an array of a recording was used outside of it")
            raise self.refused
        values, given = [], []
        for a in args:
            kind = type(a)
            if kind is Traced:
                if a.base is not None:
                    a.follow()
                given.append(a._variable)
                values.append(a._array)
            elif kind is np.ndarray:
                given.append(Var(Constant(a), a))
                values.append(a)
            elif isinstance(a, (list, tuple, dict)) and holds(a):
                given.append(vars_of(a))
                values.append(values_of(a))
            else:
                given.append(a)
                values.append(a)
        known = named = kwargs
        if kwargs and holds(kwargs):
            known, named = values_of(kwargs), vars_of(kwargs)
        result = fun(*values, **known)
        line, phase = self.place()
        call = Call(fun, tuple(given), named, placeholder(result), line, phase, draws=draws)
        self.program.calls.append(call)
        base = None
        if type(fun) is not np.ufunc:
            call.alias_of = base_of(result, (given, named), (values, known))
            if call.alias_of is not None:
                base = list(arrays_of((given, named), (args, kwargs)))[call.alias_of]
        if not isinstance(result, (tuple, list)):
            y = Traced(self, result, call.out)
            if type(base) is Traced:
                y.share(base, fun)
            return y
        parts = []
        for i, value in enumerate(result):
            one = Call(part, (call.out, i), NOTHING, placeholder(value), line, phase)
            one.alias_of = 0
            self.program.calls.append(one)
            y = Traced(self, value, one.out)
            if type(base) is Traced:
                y.share(base, fun)
            parts.append(y)
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)

    def plainly(self, fun: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """fun(*args, **kwargs), not noted: it depends on shapes and types alone."""
        return fun(*values_of(args), **values_of(kwargs))

    def primitive(self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A primitive, by the calls that it computes with."""
        return implementations[fun](*[self.constant(a) if type(a) is np.ndarray else a for a in args], **kwargs)

    def ask(self, predicate: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Return a predicate's answer and note it as a guard."""
        answer = self.plainly(predicate, args, NOTHING)
        self.program.guards.append(Guard(predicate, vars_of(args), answer))
        return answer

    def constant(self, value: Any) -> Traced:
        """An array that is the same at every call."""
        return Traced(self, value, Var(Constant(value), value))

    def error(self, message: str) -> JitError:
        """The error, with the user's line."""
        line = self.place()[0]
        self.refused = JitError(f"jit({self.name}){f', {written(line)}' if line else ''}: {message}")
        return self.refused

    def place(self) -> tuple[Any, str]:
        """The user's line that led here, for the way back the one that went there; and the phase."""
        frame: Any = sys._getframe(2)
        line, phase, kinds, top = None, "forward", self.kinds, self.top
        while frame is not None:
            code = frame.f_code
            kind = kinds.get(id(code))
            if kind is None:
                kind = self.kind(code)
            if kind == USERS:
                line = line or (code.co_filename, frame.f_lineno)
            elif kind == WALK:
                phase = "backward"
                if forward := self.line_of(self.node):
                    return forward, phase
            elif kind == STEP:
                phase = "update"
            if code is top:
                break
            frame = frame.f_back
        return line, phase

    def kind(self, code: Any) -> int:
        """Whose code it is."""
        kind = OURS if code.co_filename.startswith(INTERNAL) else USERS
        if code is backward.backpropagate.__code__:
            kind = WALK
        elif code is Optimizer.step.__code__:
            kind = STEP
        self.kinds[id(code)] = kind
        (self.codes if kind == USERS else _codes).append(code)
        if kind != USERS:
            _kinds[id(code)] = kind
        return kind

    def named(self, x: Any) -> str:
        """What the user calls x: by a variable's name, or that of a list and x's place there."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            if self.kind(frame.f_code) == USERS:
                for name, value in frame.f_locals.items():
                    if value is x:
                        return str(name)
                    if isinstance(value, (list, tuple)) and len(value) < 100:
                        for i, v in enumerate(value):
                            if v is x:
                                return f"{name}_{i}"
            if frame.f_code is self.top:
                break
            frame = frame.f_back
        return ""


def base_of(result: Any, given: Any, values: Any) -> int | None:
    """The place of the Var whose array a result, or one of several, is a part of; None if it has memory of its own."""
    for r in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(r, np.ndarray) and r.base is not None:
            for i, array in enumerate(arrays_of(given, values)):
                if isinstance(array, np.ndarray) and np.may_share_memory(r, array):
                    return i
    return None


def arrays_of(given: Any, values: Any) -> Iterator[Any]:
    """Of nested arguments, the values of the Vars among them."""
    if type(given) is Var:
        yield values
    elif isinstance(given, (list, tuple, dict)):
        for k in given if isinstance(given, dict) else range(len(given)):
            yield from arrays_of(given[k], values[k])


def holds(value: Any) -> bool:
    """Whether nested lists, tuples and dicts hold arrays, or what is recorded."""
    for v in value.values() if isinstance(value, dict) else value:
        if isinstance(v, (Traced, np.ndarray)) or (isinstance(v, (list, tuple, dict)) and holds(v)):
            return True
    return False


def values_of(value: Any) -> Any:
    """Arrays in the place of what is recorded, in nested lists, tuples and dicts."""
    return substituted(value, lambda t: t.value, Traced)


def vars_of(value: Any) -> Any:
    """Vars in the place of arrays and of what is recorded, in nested lists, tuples and dicts."""
    return substituted(substituted(value, lambda t: t.variable, Traced), lambda a: Var(Constant(a), a), np.ndarray)
