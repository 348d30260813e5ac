"""The recorder: `Traced` arrays report every call to it; it computes, and appends the call to a program.

Draws from generators of random numbers are recorded too, and `next` of an iterator is refused. Other threads that use
one of these objects meanwhile get what the original gives.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from threading import get_ident
from types import CodeType, FrameType
from typing import Any

import numpy as np

from .. import optim
from ..engine.errors import Line, format_line, users_line
from ..engine.rules.registry import Function, implementations
from ..engine.tape import Node
from .functional import part
from .ir import NOTHING, Call, Constant, Guard, Program, Var, placeholder, substituted
from .traced import JitError, Traced

OPTIM = os.path.dirname(optim.__file__)


class Recorder:
    """Records the calls of one function, `top`, into a program."""

    def __init__(self, name: str, top: CodeType | None = None) -> None:
        self.name, self.top, self.program, self.thread = name, top, Program(), get_ident()
        self.refused: JitError | None = None  # the last error
        self.node: Node | None = None  # in a backward pass, the node whose rule runs

    def call(self, fun: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], draws: bool = False) -> Any:
        """Return fun(*args, **kwargs), and record the call."""
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
            elif isinstance(a, (list, tuple, dict)) and holds_arrays(a):
                given.append(vars_of(a))
                values.append(values_of(a))
            else:
                given.append(a)
                values.append(a)
        value_kwargs = given_kwargs = kwargs
        if kwargs and holds_arrays(kwargs):
            value_kwargs, given_kwargs = values_of(kwargs), vars_of(kwargs)
        result = fun(*values, **value_kwargs)
        line, phase = self.place()
        call = Call(fun, tuple(given), given_kwargs, placeholder(result), line, phase, draws=draws)
        self.program.calls.append(call)
        base: Traced | None = None
        if type(fun) is not np.ufunc:
            call.alias_of = aliased(result, (given, given_kwargs), (values, value_kwargs))
            if call.alias_of is not None:
                base = list(values_at_vars((given, given_kwargs), (args, kwargs)))[call.alias_of]

        def traced(value: object, var: Var) -> Traced:
            y = Traced(self, value, var)
            if type(base) is Traced:
                y.share(base, fun)
            return y

        if not isinstance(result, (tuple, list)):
            return traced(result, call.out)
        parts = []
        for i, value in enumerate(result):
            element = Call(part, (call.out, i), NOTHING, placeholder(value), line, phase)
            element.alias_of = 0
            self.program.calls.append(element)
            parts.append(traced(value, element.out))
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)

    def evaluate(self, fun: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return fun(*args, **kwargs), not recorded: the result depends on shapes and dtypes alone."""
        return fun(*values_of(args), **values_of(kwargs))

    def primitive(self, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record the calls of a primitive's implementation."""
        return implementations[fun](*[self.constant(a) if type(a) is np.ndarray else a for a in args], **kwargs)

    def ask(self, predicate: Function, args: tuple[Any, ...]) -> bool:
        """Return a predicate's answer, and record a guard that it is the same at a replay."""
        answer: bool = self.evaluate(predicate, args, NOTHING)
        self.program.guards.append(Guard(predicate, vars_of(args), answer))
        return answer

    def constant(self, value: object) -> Traced:
        """Return a Traced array that is the same at every call."""
        return Traced(self, value, Var(Constant(value), value))

    def error(self, message: str) -> JitError:
        """Return a JitError with the user's line."""
        line = self.place()[0]
        self.refused = JitError(f"jit({self.name}){f', {format_line(line)}' if line else ''}: {message}")
        return self.refused

    def place(self) -> tuple[Line | None, str]:
        """Return the user's line that led here and the phase; in a backward pass the line of the forward call."""
        frame: FrameType | None = sys._getframe(2)
        line = users_line(frame, self.top)
        if self.node is not None:
            data = self.node._value
            call = data._variable.source if type(data) is Traced else None
            return (call.line if isinstance(call, Call) else None) or line, "backward"
        while frame is not None and frame.f_code is not self.top:
            if frame.f_code.co_name == "step" and frame.f_code.co_filename.startswith(OPTIM):
                return line, "update"
            frame = frame.f_back
        return line, "forward"


class TracedGenerator:
    """A Generator whose draws are recorded, so that each replay draws new numbers from the original."""

    def __init__(self, rec: Recorder, generator: np.random.Generator) -> None:
        self._rec, self._generator = rec, generator

    def __getattr__(self, name: str) -> Any:
        method, rec = getattr(self._generator, name), self._rec
        if not callable(method) or get_ident() != rec.thread:
            return method

        def draw(*args: object, **kwargs: object) -> Any:
            if name == "shuffle" or kwargs.get("out") is not None:
                remedy = f"use what permutation, or {name} without out=, returns"
                raise rec.error(f"{name} writes into its argument; {remedy}")
            return rec.call(method, args, kwargs, draws=True)

        return draw


class TracedIterator:
    """An iterator whose `next` raises JitError: every replay would get the same element."""

    def __init__(self, rec: Recorder, iterator: Iterator[Any]) -> None:
        self._rec, self._iterator = rec, iterator

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if get_ident() == self._rec.thread:
            raise self._rec.error("next() would give the same at every call; call it outside, and pass the element in")
        return next(self._iterator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


def aliased(result: object, given: object, values: object) -> int | None:
    """Return the index of the Var whose memory a result, or one of several, shares; None if it shares none."""
    for r in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(r, np.ndarray) and r.base is not None:
            for i, array in enumerate(values_at_vars(given, values)):
                if isinstance(array, np.ndarray) and np.may_share_memory(r, array):
                    return i
    return None


def values_at_vars(given: Any, values: Any) -> Iterator[Any]:
    """Yield the members of nested `values` at whose place `given` has a Var."""
    if type(given) is Var:
        yield values
    elif isinstance(given, (list, tuple, dict)):
        for k in given if isinstance(given, dict) else range(len(given)):
            yield from values_at_vars(given[k], values[k])


def holds_arrays(value: Any) -> bool:
    """Whether nested lists, tuples and dicts hold arrays, recorded or plain."""
    for v in value.values() if isinstance(value, dict) else value:
        if isinstance(v, (Traced, np.ndarray)) or (isinstance(v, (list, tuple, dict)) and holds_arrays(v)):
            return True
    return False


def values_of(value: object) -> Any:
    """Return nested lists, tuples and dicts with the arrays of Traced ones."""
    return substituted(value, lambda t: t.value, Traced)


def vars_of(value: object) -> Any:
    """Return nested lists, tuples and dicts with Vars for arrays, recorded or plain."""
    return substituted(substituted(value, lambda t: t.variable, Traced), lambda a: Var(Constant(a), a), np.ndarray)
