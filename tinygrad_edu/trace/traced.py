"""`Traced`: the array, or the Python float of a Value, that a recorded function computes with.

It wraps the value and implements NumPy's protocols (NEP 13, NEP 18): each NumPy call on it is computed and recorded.
A write into it, or into a view of it, gives it a new value and leaves the wrapped array unchanged, so that a recording
that fails has no effect. Turning it into a plain number or array raises JitError, unless it is the same at every call.
Threads that do not record meet the plain array that it wraps.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn
from weakref import ref

import numpy as np

from ..engine.concatenators import is_joining, joined_item
from ..engine.conversions import assigns, caller_of_libraries, instead_of_library
from ..engine.dispatch import REDUCTIONS, SCANS, Operand
from ..engine.errors import Line, users_line
from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Array, Function, array_likes, implementations, leaves, name, opaques, predicates
from . import functional
from .functional import NUMBERS, REWRITTEN, SHAPES, UNKNOWN, add_at, astype, retyped
from .ir import ARRAYS, Call
from .operators import CONVERSIONS, METHODS, RETURN_IT, USUAL
from .views import View

UNBUFFERED = {np.concatenate, np.stack, np.ptp, np.place}  # read what they have just written, if it is an operand
CALLING = {np.piecewise, np.pad}  # can call functions of the user
PLAIN = np.ndarray.__array_ufunc__  # another class may compute a ufunc in its own way
INSTEAD = {np.add.at: add_at, np.ndarray.sort: np.sort, np.ndarray.partition: np.partition}  # return a new array

TO_PLAIN = (
    "conversion to a plain array",
    "leave out np.asarray(x), write np.stack([a, b]) for np.array([a, b]), np.zeros(n) + x for np.full(n, x), and make "
    "tables, and arrays to write into, outside of the function or with np.zeros_like(x)",
)


class Unrecorded(Exception):
    """Raised to call the function itself this time: no replay would do the same, or another thread uses the state.

    With a JitError as its argument: the call gave something its first value, and later calls may change nothing more.
    """


class JitError(RuntimeError):
    """Raised for a function that cannot be recorded; the message names the user's line and the remedy.

    >>> f = tg.jit(lambda x: x if x > 0 else -x)
    >>> try:
    ...     f(np.array(2.0))
    ... except tg.JitError:
    ...     print("a branch on a recorded value")
    a branch on a recorded value
    """


class Traced(View):
    """An array, a NumPy scalar or a Python number of a recording."""

    __slots__ = ()

    __class__ = property(lambda self: type(self._array))
    __array_priority__ = 0.0

    def takes(self, fun: Function, args: Any, kwargs: Any) -> bool:
        """Return whether to record fun(*args, **kwargs), which writes into this array; if not, call it."""
        if self.rec.is_foreign(args) or not isinstance(self._array, np.ndarray):  # NumPy changes a copy of a number
            if isinstance(self._array, np.void):
                raise self.rec.error("a record was written into; write into the array, as in x['name'][i] = value")
            self.rec.evaluate(fun, args, kwargs, [self])
            return False
        if not self._array.flags.writeable:
            self.rec.give_up()  # NumPy raises an error; before 2.5, ufunc.at writes
        return True

    def change(self, fun: Function, args: tuple[Any, ...], kwargs: Any) -> None:
        """Record fun(*args, **kwargs), which changes its first argument in place."""
        x, *rest = args
        if type(x) is not Traced:
            self._refuse_plain(name(fun))
        if fun in UNBUFFERED and x.is_read((rest, kwargs)):
            self.rec.give_up()
        if x.takes(fun, (x, *rest), kwargs):
            call = (INSTEAD[fun], args) if fun in INSTEAD else (functional.changed, (x, fun, *rest))
            x.write(self.rec.call(*call, kwargs))

    def _fill(self, fun: Function, args: Any, kwargs: dict[str, Any], out: Any) -> Any:
        """Write the result of fun(*args, **kwargs) into `out`, and return that."""
        if isinstance(out, tuple) and len(out) > 1:
            raise self.rec.error(f"{name(fun)}(..., out=...) of several arrays is not recorded; use what it returns")
        target = out[0] if isinstance(out, tuple) else out
        if type(target) is not Traced:
            self._refuse_plain(f"{name(fun)}(..., out=...)")
        target.takes(fun, args, {**kwargs, "out": target})
        if fun in UNBUFFERED and target.is_read((args, kwargs)):
            self.rec.give_up()
        new = self.rec.call(fun, args, kwargs) if type(fun) is np.ufunc and not kwargs else None
        if new is None or new.shape != target.shape or not np.can_cast(new.dtype, target.dtype, "same_kind"):
            new = self.rec.call(functional.filled, (target, fun, *args), kwargs)
        target.write(new)
        return target

    def is_read(self, given: Any) -> bool:
        """Return whether an array among nested arguments lies in the same memory."""
        return any([type(a) is Traced and a.root is self.root for a in leaves(given)])

    def _refuse_plain(self, writes: str) -> NoReturn:
        made = "a plain array, which is not recorded: the function, or an optimizer in it, made it"
        remedy = "make the array with np.zeros_like(x), and the optimizer outside"
        raise self.rec.error(f"{writes} writes into {made}; {remedy}")

    # NumPy's protocols
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any([type(a) not in USUAL and getattr(type(a), "__array_ufunc__", PLAIN) is not PLAIN for a in inputs]):
            return NotImplemented
        if method == "__call__" and not kwargs:
            return self.rec.call(ufunc, inputs, kwargs)
        fun = ufunc if method == "__call__" else getattr(ufunc, method)
        if self.rec.is_foreign(inputs):
            result = self.rec.evaluate(fun, inputs, kwargs, kwargs.get("out") or inputs[: method == "at"])
            return kwargs["out"][0] if len(kwargs.get("out", ())) == 1 else result  # x += 1 leaves x what it is
        out = kwargs.pop("out", None)
        if method == "at":
            return self.change(fun, inputs, kwargs)
        if out is not None:
            return self._fill(fun, inputs, kwargs, out)
        table = {"reduce": REDUCTIONS, "accumulate": SCANS}.get(method, {})
        if ufunc not in table:
            return self.rec.call(fun, inputs, kwargs)
        given = [self.rec.constant(a) if type(a) is np.ndarray else a for a in inputs]  # if `where` alone is recorded
        return table[ufunc](*given, **{"axis": 0, **kwargs})

    def __array_function__(self, fun: Function, types: Iterable[type], args: Any, kwargs: dict[str, Any]) -> Any:
        if any([t is not Traced and np.ndarray not in t.__mro__ for t in types]):
            return NotImplemented
        if not args:  # the first one is given by its name
            args = (kwargs.pop(functional.parameters(fun)[0]),)
        rec = self.rec
        if rec.is_foreign(args):
            return rec.evaluate(fun, args, kwargs, args[: fun in functional.CHANGING] or kwargs.get("out"))
        if fun in CALLING and any([callable(f) and type(f) is not np.ufunc for f in leaves((args, kwargs))]):
            raise rec.error(f"{name(fun)} calls a function of yours, and is not recorded; use np.where, or a loop")
        if fun in REWRITTEN:
            return REWRITTEN[fun](*args, **kwargs)
        if fun in implementations:
            others = [a for a in leaves(list(args)) if isinstance(a, Operand) or type(a) in array_likes]
            if others:  # a Traced was asked first, but a Node records, and a Batch computes
                return others[0].__array_function__(fun, types, args, kwargs)
            if fun in predicates:
                return rec.ask(fun, args)
            return rec.call(fun, args, kwargs) if fun in opaques else rec.primitive(fun, args, kwargs)
        if fun is np.where and len(args) == 1:
            fun = np.nonzero
        if fun in UNKNOWN and (fun is not np.real_if_close or self.dtype.kind == "c"):
            raise rec.error(f"{name(fun)} cannot be recorded: later calls would not do it; {RETURN_IT}")
        if fun in SHAPES or (fun is np.full_like and len(args) == 2 and type(args[1]) is float):
            given = args[1:] if fun is np.size else args[4:] if name(fun).endswith("_like") else ()
            lengths = leaves([given, kwargs.get("shape"), kwargs.get("axis")])  # or an axis
            [n.plain(*CONVERSIONS["__index__"]) for n in lengths if type(n) is Traced]
            result = rec.evaluate(fun, args, kwargs)
            return rec.constant(result) if isinstance(result, np.ndarray) else result
        if fun is np.nan_to_num and False in (*args[1:2], kwargs.get("copy")) and isinstance(self._array, np.ndarray):
            self.change(fun, args, kwargs)
            return self[()]
        if fun in functional.CHANGING:
            return self.change(fun, args, kwargs)
        args, kwargs, out = functional.without_out(fun, args, kwargs)
        if fun in (np.concatenate, np.stack) and type(args[0]) is Traced:
            args = [*args[0]], *args[1:]
        return rec.call(fun, args, kwargs) if out is None else self._fill(fun, args, kwargs, out)

    # Elements
    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Traced]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: object) -> Any:
        for i in index if isinstance(index, tuple) else (index,):
            if type(i) is Traced and i.dtype == bool:
                i.plain("indexing by a mask", "choose with np.where(mask, ..., ...)")
        return self.rec.call(operator.getitem, (self, index), {})

    def __setitem__(self, index: object, v: Any) -> None:
        if self.takes(operator.setitem, (self, index, v), {}):
            if isinstance(v, Operand) and (v := None if v.requires_grad else v._value) is None:
                raise self.rec.error("array[...] = Tensor loses its gradient; write np.stack([...]), or assign .data")
            indices = index if isinstance(index, tuple) else (index,)
            by_mask = bool in [getattr(i, "dtype", None) for i in indices]
            if (by_mask or isinstance(v, (list, tuple))) and self.is_read((v,)):
                self.rec.give_up()
            if self.dtype.kind != "c" and isinstance(v, ARRAYS) and v.dtype.kind == "c":
                v = v.astype(self.dtype)  # NumPy too drops a part, with a warning
            whole = index is ... and type(v) is Traced and v._root is None and isinstance(v.variable.source, Call)
            whole = whole and (v.shape, v.dtype) == (self.shape, self.dtype) and v is not self.root  # replaced by it
            self.write(v if whole else self.rec.call(setitem, (self, index, v), {}))

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """As ndarray's."""
        dtype = np.dtype(dtype)
        if dtype.hasobject:
            return self.plain("astype(object)", RETURN_IT).astype(dtype, order, casting)
        if not np.can_cast(self.dtype, dtype, casting):
            return self._array[:0].astype(dtype, order, casting)  # raises NumPy's error
        if dtype == self.dtype:
            flag = {"C": "C", "F": "F", "A": "FORC"}.get(str(order).upper())
            return self.copy(order) if copy or (flag and not self.flags[flag]) else self
        x = np.copy(self) if type(self._array) in NUMBERS else self if order == "K" else self.copy(order)
        return self.rec.call(astype, (x, dtype), {})

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """As ndarray's."""
        given = [a for a in (*args, *kwargs.values()) if a is not None and a is not np.ndarray]
        if any([np.ndarray in getattr(a, "__mro__", ()) for a in given]):
            return self.plain_copy(TO_PLAIN).view(*args, **kwargs)
        if not given:
            return self[...] if isinstance(self._array, np.ndarray) else self
        return self.rec.call(retyped, (self, np.dtype(given[0])), {})

    def copy(self, order: Any = "C") -> Any:
        """As ndarray's."""
        if not isinstance(self._array, np.ndarray):
            return np.stack([self])[0] if isinstance(self._array, np.void) else self  # np.copy gives a view
        y = self.rec.call(np.copy, (self,), {})
        if type(y) is Traced:
            y._array = np.array(y._array, order=order if order not in ("A", "a") else "F" if self.flags.fnc else "C")
        return y

    # Plain values
    def plain(self, conversion: str, remedy: str) -> Any:
        """Return the wrapped array if it is the same at every call, and record a guard; else raise JitError."""
        if self.rec.is_foreign(self):
            return self._array
        if self.rec.is_fixed(self.variable):
            return self.rec.fixed_value(self)
        frame = sys._getframe(1)
        at: Line | None = None
        if found := instead_of_library(frame):
            conversion, remedy = found[0], f"{found[1]}, or call it outside of the recorded function"
            at = users_line(caller_of_libraries(frame), self.rec.top)
        elif function := self.rec.library_function():
            conversion += f" in {function}"
            remedy = f"{'pass steps=, or ' * (function == 'odeint')}call {function} outside of the recorded function"
        elif assigns(frame):
            conversion, remedy = "array[...] = ...", "make the array outside of the function or with np.zeros_like(x)"
        escapes = "takes a value out of the recording, and would be the same at every call"
        raise self.rec.error(f"{conversion}{', which' * bool(found)} {escapes}; {remedy}", at=at)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.rec.is_foreign(self):
            return np.array(self._array, dtype, copy=copy)
        if (joined := joined_item(self)) is not None:
            if type(self._array) in NUMBERS:  # beside arrays, NumPy takes it in their dtype
                raise self.rec.error("np.r_ and np.c_ of a recorded number are not recorded; use np.append")
            return joined
        return self.plain_copy(TO_PLAIN, dtype, bool(copy) or (dtype is not None and dtype != self.dtype))

    def plain_copy(self, words: tuple[str, str], dtype: Any = None, is_own: bool = False) -> Array:
        """Return a plain copy; unless the function asked for one of its own, neither may be written into."""
        array = np.array(self.plain(*words), dtype)
        self.rec.gave_plain = True
        array.flags.writeable = is_own
        self.root.plain_copies += () if is_own else ((ref(array), self._root is None),)
        return array

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__array_") and (self.rec.is_fixed(self._variable) or is_joining(sys._getframe(1))):
            raise AttributeError(attribute)  # NumPy then asks __array__
        getattr(self._array, attribute)  # raises AttributeError as NumPy does
        remedy = "use reshape(-1)" if attribute == "flat" else "use NumPy functions that return new arrays"
        words = TO_PLAIN if attribute.startswith("__") else (f".{attribute}", remedy)
        is_array = isinstance(self._array, np.ndarray) and not self.rec.is_foreign(self)
        return getattr(self.plain_copy(words) if is_array else self.plain(*words), attribute)

    def __repr__(self) -> str:
        text = repr(self.value)
        self.rec.texts.append((text, Traced(self.rec, self._array, self._variable)))
        return text


USUAL.add(Traced)
for _name, _method in METHODS.items():
    setattr(Traced, _name, _method)
