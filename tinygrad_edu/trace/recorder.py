"""The recorder: `Traced` arrays report every call to it; it computes, and appends the call to a program.

Draws from generators of random numbers are recorded too. Other threads that use one of these objects meanwhile get
what the original gives.
"""

import functools
import operator
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from threading import get_ident
from traceback import walk_tb
from types import CodeType, FrameType
from typing import Any, NoReturn

import numpy as np

from .. import optim
from ..engine.errors import INTERNAL, Line, format_line, kind_of, users_line
from ..engine.mode import STOPPING
from ..engine.rules import registry
from ..engine.rules.finite import has_nan
from ..engine.rules.registry import Function, implementations, leaves, name, predicates_of_all
from ..engine.tape import Node
from ..transforms.tree import like
from .functional import part
from .ir import NESTED, NOTHING, Call, Constant, Guard, Program, State, Var, ancestors, parts, placeholder, variables
from .traced import JitError, Traced, Unrecorded

OBJECT = np.dtype(object)
PLAIN_ARRAYS = (np.ndarray, np.memmap)
NUMERIC = (np.ndarray, np.generic, float, int, complex)
OPTIM = os.path.join(INTERNAL[0], "optim")
# The files of the functions that users call
PUBLIC = tuple([os.path.join(INTERNAL[0], name) for name in ("data", "functions", "integrate", "nn", "optim", "train")])


class OtherArray(Exception):
    """Raised for an array of another class, with which NumPy may compute something else, or of objects."""


class Recorder:
    """Records the calls of one function, `top`, into a program."""

    def __init__(self, title: str, top: CodeType | None = None) -> None:
        self.name, self.top, self.program, self.thread = title, top, Program(), get_ident()
        self.refused: JitError | Unrecorded | None = None  # the last error
        self.node: Node | None = None  # in a backward pass, the node whose rule runs
        self.ended = False
        self.public: set[int] = set()  # the identities of its arrays that Tensors and other shared objects hold
        self.others: set[bool] = set()  # for uses of others by threads of the function: whether they write into state
        self.is_replayed = False  # whether other values will be computed by the program
        self.errors: Any = np.geterr()  # of the caller
        self.filters = warnings.filters  # of the caller
        self.texts: list[tuple[str, Traced]] = []  # of recorded values: the function may print them
        self.gave_plain = False  # whether a recorded array was converted to a plain one, which is read-only
        self.order_matters = False  # whether the function could tell the memory order of arrays

    def is_foreign(self, *given: Any) -> bool:
        """Whether another thread asks, for which a recorded array is plain; raise JitError after the recording.

        The function has started it if not all arrays that it is `given` are public.
        """
        if self.thread != get_ident():
            self.others.update([False for x in leaves(given) if type(x) is Traced and id(x.root) not in self.public])
            return True
        if self.ended:
            raise JitError(f"jit({self.name}): an array of a recording was used outside of it; return it instead")
        return False

    def call(self, fun: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], draws: bool = False) -> Any:
        """Return fun(*args, **kwargs), and record the call."""
        if self.is_foreign(args, kwargs):
            return self.evaluate(fun, args, kwargs)
        try:
            given, keywords = tuple(map(vars_of, args)), vars_of(kwargs) if kwargs else NOTHING
        except OtherArray as error:
            raise self.error(f"{name(fun)} of {error} is not recorded; make a plain array or a list of it") from None
        values = [*map(values_of, args)]
        result = self.computed(fun, values, values_of(kwargs) if kwargs else {})
        if type(result) is np.ndarray and type(fun) is not np.ufunc:  # which gives new arrays
            for a, value in zip(args, values, strict=True):
                if value is result and type(a) is Traced:
                    if len(variables((given, keywords))) == 1:
                        return a
                    result = result[...]  # for other values of the other arguments it may be another array
        several = isinstance(result, (tuple, list))
        results: Sequence[Any] = result if several else (result,)
        for value in results:
            if not isinstance(value, NUMERIC) or getattr(value, "dtype", None) is OBJECT:
                raise self.error(f"{name(fun)} gives no array of numbers, and cannot be recorded; call it outside")
        line, phase = self.place()
        call = Call(fun, given, keywords, placeholder(result), line, phase, draws)
        if phase != "backward" and self.is_replayed:  # in a backward pass the engine sets them
            call.errors = self.changed_errors()
        self.program.calls.append(call)
        if type(fun) is np.ufunc and not several:  # its result is a new array
            return Traced(self, result, call.out)
        traced = []
        for i, value in enumerate(results):
            out = call.out
            if several:
                element = Call(part, (call.out, i), NOTHING, placeholder(value), line, phase)
                element.alias_of, out = 0, element.out
                self.program.calls.append(element)
            traced.append(Traced(self, value, out))
            if getattr(value, "base", None) is not None:
                at, base = aliased(value, (args, kwargs))
                call.alias_of = at if call.alias_of is None else call.alias_of
                if type(base) is Traced:
                    traced[-1].share(base, fun, args, kwargs, i if several else None)
        return like(result, traced) if several else traced[0]

    def computed(self, fun: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return fun(*args, **kwargs); Unrecorded where it fails: the function may catch the error."""
        try:
            return fun(*args, **kwargs)
        except Exception:
            self.refused = Unrecorded()
            raise

    def changed_errors(self) -> dict[str, Any] | None:
        """Return how errors of floats are treated where not as by the caller; Unrecorded if they may be caught."""
        errors: Any = np.geterr()
        if warnings.filters is not self.filters:
            is_silent = bool(warnings.filters) and warnings.filters[0][0] == "ignore"
            errors |= {kind: "ignore" if is_silent else "raise" for kind, mode in errors.items() if mode == "warn"}
        if errors == self.errors:
            return None
        changed = {kind: mode for kind, mode in errors.items() if mode != self.errors[kind]}
        return changed if STOPPING.isdisjoint(changed.values()) else self.give_up()

    def is_fixed(self, v: Var) -> bool:
        """Whether a value depends on constants and on plain arrays alone, so that a guard can check it."""
        sources = (a.source for a in ancestors(v) if type(a.source) is not Constant)
        return all(not x.draws if type(x) is Call else type(x) is State and x.kind == "array" for x in sources)

    def fixed_value(self, x: Traced) -> Any:
        """Return the value of an array that is the same at every call, and record a guard that it is."""
        value, expected = x.value, np.asarray(x.value).tobytes()

        def is_the_same(array: Any) -> bool:
            return np.asarray(array).tobytes() == expected

        if type(x.variable.source) is not Constant:
            self.program.guards.append(Guard(is_the_same, (x.variable,), True))
        return value

    def evaluate(self, fun: Function, args: Any, kwargs: Mapping[str, Any], written: Any = ()) -> Any:
        """Return fun(*args, **kwargs), not recorded: another thread asks, or it depends on shapes and dtypes alone."""
        if self.others:
            self.others.update([x.root.is_found for x in leaves(written) if type(x) is Traced])
        return fun(*values_of(args), **values_of(kwargs))

    def primitive(self, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record the calls of a primitive's implementation."""
        given = [self.constant(a) if type(a) in PLAIN_ARRAYS or issubclass(type(a), np.generic) else a for a in args]
        return implementations[fun](*given, **kwargs)

    def ask(self, predicate: Function, args: tuple[Any, ...]) -> bool:
        """Return a predicate's answer, and record a guard that it is the same at a replay."""
        if self.is_replayed and predicate in registry.unasked_predicates:
            return predicates_of_all[predicate]
        answer: bool = self.evaluate(predicate, args, NOTHING)
        stays = answer or predicates_of_all.get(predicate) is not False  # False leads to an error, or to a wider state
        if predicate is optim.validation.is_settled:
            stays = self.is_fixed(args[0].variable)
        if self.is_replayed and not stays:
            self.give_up()
        # Else what follows is right for all values; but where there is a NaN a jvp runs the function again
        if predicates_of_all.get(predicate) is not answer or predicate is has_nan:
            self.program.guards.append(Guard(predicate, vars_of(args), answer))
        return answer

    def constant(self, value: object) -> Traced:
        """Return a Traced array that is the same at every call."""
        is_copied = isinstance(value, np.ndarray) and value.dtype is not OBJECT  # calls with objects are refused
        return Traced(self, value, vars_of(value) if is_copied else Var(Constant(value), value))

    def give_up(self) -> NoReturn:
        """Have the function itself called this time."""
        self.refused = Unrecorded()
        raise self.refused

    def error(self, message: str, cause: Exception | None = None, at: Line | None = None) -> JitError:
        """Return a JitError with the line `at`, that of the function recorded that led to the cause, or the user's."""
        through = walk_tb(cause.__traceback__) if cause else ()
        line = at or next(((f.f_code.co_filename, n) for f, n in through if f.f_code is self.top), self.place()[0])
        error = self.refused = JitError(f"jit({self.name}){f', {format_line(line)}' if line else ''}: {message}")
        return error

    def library_function(self) -> str:
        """Return the name of the library's function that the user's line calls, if it leads here; else ""."""
        frame: FrameType | None = sys._getframe(2)
        name = ""
        while frame is not None and frame.f_code.co_filename.startswith(INTERNAL):
            if frame.f_code.co_filename.startswith(PUBLIC):
                name = frame.f_code.co_qualname
            frame = None if frame.f_code is self.top else frame.f_back
        return "" if name.startswith("_") or "._" in name or "<" in name else name

    def place(self) -> tuple[Line | None, str]:
        """Return the user's line that led here and the phase; in a backward pass the line of the forward call."""
        frame: FrameType | None = sys._getframe(2)
        if self.node is not None:
            data = self.node._value
            call = data._variable.source if type(data) is Traced else None
            return (call.line if isinstance(call, Call) else None) or users_line(frame, self.top), "backward"
        line, phase = None, "forward"
        while frame is not None:
            code = frame.f_code
            if line is None and not code.co_filename.startswith(INTERNAL):
                line = code.co_filename, frame.f_lineno
            elif code.co_name == "step" and code.co_filename.startswith(OPTIM):
                phase = "update"
            frame = None if code is self.top else frame.f_back
        return line, phase


class TracedGenerator(np.random.Generator):
    """A Generator whose draws are recorded, so that each replay draws new numbers from the original."""

    __slots__ = ("_generator", "_rec")

    def __init__(self, rec: Recorder, generator: np.random.Generator) -> None:
        super().__init__(generator.bit_generator)
        self._rec, self._generator = rec, generator

    def __getattribute__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            return super().__getattribute__(attribute)
        rec, original = self._rec, getattr(self._generator, attribute)
        if rec.is_foreign() or not (callable(original) or attribute == "bit_generator"):
            return original
        if attribute in ("bit_generator", "shuffle", "spawn", "bytes"):
            raise rec.error(f"{attribute} of a Generator is not recorded; draw with other methods, such as permutation")
        return functools.partial(_draw, rec, original)

    def __str__(self) -> str:
        return str(self._generator)

    def __repr__(self) -> str:
        return repr(self._generator)

    def __reduce__(self) -> Any:
        if not self._rec.is_foreign():
            raise self._rec.error("a copy of a Generator would not be made at later calls; copy it outside")
        return self._generator.__reduce__()


def _draw(rec: Recorder, method: Function, /, *args: object, **kwargs: object) -> Any:
    """Record a draw."""
    if kwargs.get("out") is not None:
        raise rec.error("a draw into out= is not recorded; use what the method returns")
    if rec.node is not None:  # a checkpoint compares what it computes again, and zeros are equal by chance
        rec.give_up()
    return rec.call(method, args, kwargs, draws=True)


def aliased(result: Any, given: object) -> tuple[int | None, Any]:
    """Return the number and the array, recorded or plain, of the nested argument whose memory a result shares."""
    for i, a in enumerate([v for v in leaves(given) if type(v) is Traced or isinstance(v, np.ndarray)]):
        array = a._array if type(a) is Traced else a
        if isinstance(array, (np.ndarray, np.void)) and np.may_share_memory(result, array):
            return i, a
    return None, None


def values_of(value: Any) -> Any:
    """Return nested lists, tuples and dicts with each Traced replaced by the value that it wraps."""
    if type(value) is Traced:
        return value.value
    if type(value) is slice:
        return of_integers(value)
    return like(value, [*map(values_of, parts(value))]) if isinstance(value, NESTED) else value


def of_integers(s: slice) -> slice:
    """Return a slice with integers for recorded numbers, which have to be the same at every call."""
    return slice(*[operator.index(v) if type(v) is Traced else v for v in (s.start, s.stop, s.step)])


def vars_of(value: Any) -> Any:
    """Return nested lists, tuples and dicts with Vars for arrays, recorded or plain."""
    if type(value) is Traced:
        return value.variable
    if isinstance(value, np.ndarray):
        if type(value) not in PLAIN_ARRAYS or value.dtype is OBJECT:
            raise OtherArray(kind_of(value) if value.dtype is not OBJECT else "an array of objects")
        shape, once = value.shape, tuple([slice(1) if stride == 0 else slice(None) for stride in value.strides])
        value = np.copy(value[once], "K")  # the function may change it later
        if value.shape != shape:  # it is broadcast, and each of its elements is kept once: passes look for such arrays
            value = np.broadcast_to(value, shape)
        return Var(Constant(value), value)
    if type(value) is slice:
        return of_integers(value)
    return like(value, [*map(vars_of, parts(value))]) if isinstance(value, NESTED) else value
