"""`Traced`: the array that a recorded function computes with.

It wraps an array and implements NumPy's protocols (NEP 13, NEP 18): each NumPy call on it is computed and recorded.
A write into it, or into a view of it, gives it a new value and leaves the wrapped array unchanged, so that a recording
that fails has no effect. Turning it into a plain number or array raises JitError.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import numpy as np

from ..engine.dispatch import REDUCTIONS, SCANS, Operand
from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Function, compositions, implementations, name, predicates
from ..engine.tape import Node
from ..optim.lr_scheduler import python_float
from .functional import COUNTED, REWRITTEN, SHAPES, add_at, astype, is_basic, put_along_axis, retyped
from .ir import Call, Var
from .operators import Operators


class JitError(RuntimeError):
    """Raised for a function that cannot be recorded; the message names the user's line and the remedy."""


FILLED = {np.zeros_like, np.ones_like, np.empty_like}  # their results depend on shapes alone: constants


class Traced(Operators):
    """An array, a NumPy scalar or a Python number of a recording."""

    __slots__ = ("_array", "_variable", "base", "base_version", "origin", "rec", "shape", "version", "view_of")

    def __init__(self, rec: Any, value: Any, var: Var) -> None:
        self.rec, self._array, self._variable, self.origin, self.shape = rec, value, var, var, var.shape
        self.base: Traced | None = None  # the Traced whose memory a view shares
        self.view_of: Any = None  # (function, its arguments after the base) of the call that made the view
        self.version = self.base_version = 0  # counts of writes, by which a view notices those into its base

    # Its current value: a view sees what was written into its base.
    @property
    def value(self) -> Any:
        """The wrapped array."""
        if self.base is not None:
            self.follow()
        return self._array

    @property
    def variable(self) -> Var:
        """The Var of the program that holds its value."""
        if self.base is not None:
            self.follow()
        return self._variable

    @property
    def root(self) -> Traced:
        """The Traced that owns the memory."""
        return self if self.base is None else self.base.root

    def share(self, base: Traced, fun: Function, args: tuple[object, ...] | None = None) -> None:
        """Become a view of `base`, made by `fun(base, *args)`; with args None, writes to either raise JitError."""
        self.base, self.view_of, self.base_version = base, (fun, args), base.version

    def follow(self) -> None:
        """Compute a view again if its base was written into."""
        base: Any = self.base
        if base.base is not None:
            base.follow()
        if base.version != self.base_version:
            fun, args = self.view_of
            if args is None:
                self._refuse_write()
            new = self.rec.call(fun, (base, *args), {})
            self._array, self._variable, self.base_version = new._array, new._variable, base.version
            self.version += 1

    def write(self, new: Traced) -> None:
        """Take the value of `new`, cast to this dtype, and pass it on to the base of a view."""
        if new._array.dtype != self._array.dtype:
            new = new.astype(self._array.dtype)
        if self.base is not None:
            fun, args = self.view_of
            if args is None:
                self._refuse_write()
            if fun is operator.getitem:
                back = self.rec.call(setitem, (self.base, *args, new), {})
            elif fun is np.transpose:
                back = self.rec.call(fun, (new, tuple(np.argsort(args[0]).tolist())), {})
            else:
                back = self.rec.call(np.reshape, (new, self.base.shape), {})
            self.base.write(back)
            self.base_version = self.base.version
        self._array, self._variable = new.value, new.variable
        self.version += 1

    def _refuse_write(self) -> NoReturn:
        gave = f"{name(self.view_of[0])} gave a view, and the view or its argument was written into"
        raise self.rec.error(f"{gave}; take a .copy() of the view first")

    # Attributes that are the same at every call
    ndim = property(lambda self: getattr(self._array, "ndim", 0))
    size = property(lambda self: getattr(self._array, "size", 1))
    dtype = property(lambda self: self._array.dtype)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    flags = property(lambda self: self._array.flags)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))
    real = property(lambda self: self)

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Traced]:
        return (self[i] for i in range(len(self)))

    # Calls
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: object = None, **kwargs: object) -> Any:
        for a in inputs:
            if isinstance(a, Operand):
                return NotImplemented
        if method == "__call__":
            result = self.rec.call(ufunc, inputs, kwargs)
        elif method == "at":
            x, index, *values = inputs
            if ufunc is not np.add or type(x) is not Traced:
                raise self.rec.error(f"np.{ufunc.__name__}.at writes into an array that is not recorded")
            x.write(self.rec.call(add_at, (x, index, *values), {}))
            return None
        elif method == "reduce" and ufunc in REDUCTIONS:
            result = REDUCTIONS[ufunc](*inputs, **{"axis": 0, **kwargs})
        elif method == "accumulate" and ufunc in SCANS:
            result = SCANS[ufunc](*inputs, **{"axis": 0, **kwargs})
        else:
            result = self.rec.call(getattr(ufunc, method), inputs, kwargs)
        return result if out is None else self._written(ufunc, result, out)

    def _written(self, fun: Function, result: Traced, out: object) -> Traced:
        targets = out if isinstance(out, tuple) else (out,)
        if len(targets) != 1 or type(targets[0]) is not Traced:
            plain = f"{fun.__name__}(..., out=...) writes into a plain array, which is not recorded"
            raise self.rec.error(f"{plain}; use the function's result, or the array of a Tensor or an optimizer")
        targets[0].write(result)
        return targets[0]

    def __array_function__(self, fun: Function, types: Iterable[type], args: Any, kwargs: dict[str, Any]) -> Any:
        for t in types:
            if issubclass(t, Node):
                return NotImplemented
        if fun in predicates:
            return self.rec.ask(fun, args)
        if fun is python_float:
            return self.rec.call(float, args, {})
        if fun in implementations:
            if nodes := [a for a in args if isinstance(a, Operand)]:  # the first Traced was asked, but a Node records
                return nodes[0].__array_function__(fun, types, args, kwargs)
            return self.rec.primitive(fun, args, kwargs)
        if fun in COUNTED or (fun is np.where and len(args) == 1):
            self._count(fun, args, kwargs)
        if fun in (np.polymul, np.polydiv):  # their results' shapes depend on leading zeros
            return compositions[fun](*args, **kwargs)
        if fun in SHAPES:
            return self.rec.evaluate(fun, args, kwargs)
        if fun in FILLED:
            return self.rec.constant(self.rec.evaluate(fun, args, kwargs))
        if fun is np.copyto and len(args) == 2 and not kwargs:
            args[0][...] = args[1]
            return None
        if fun is np.put_along_axis and type(args[0]) is Traced:
            args[0].write(self.rec.call(put_along_axis, args, kwargs))
            return None
        if fun in REWRITTEN:
            return REWRITTEN[fun](*args, **kwargs)
        out = kwargs.get("out")
        if out is None:
            return self.rec.call(fun, args, kwargs)
        rest = {k: v for k, v in kwargs.items() if k != "out"}
        return self._written(fun, self.rec.call(fun, args, rest), out)

    def _count(self, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise JitError if the number of elements of the result depends on recorded values."""
        place, key = COUNTED.get(fun, (0, ""))
        counted = args[place] if isinstance(place, slice) or place < len(args) else kwargs.get(key)
        if fun is np.insert and getattr(counted, "dtype", None) != np.dtype(bool):  # one element for each index
            return
        if any(type(v) is Traced for v in (counted if isinstance(counted, (list, tuple)) else [counted])):
            depends = f"the number of elements of np.{fun.__name__} depends on values that are known only later"
            raise self.rec.error(f"{depends}; keep all elements and choose with np.where(condition, ..., ...)")

    def __getitem__(self, index: object) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        for i in parts:
            if type(i) is Traced and i.dtype == bool:
                depends = "indexing by a mask gives a number of elements that depends on values known only later"
                raise self.rec.error(f"{depends}; choose with np.where(mask, ..., ...)")
        y = self.rec.call(operator.getitem, (self, index), {})
        return self.as_view(y, operator.getitem, index) if is_basic(index) else y

    def as_view(self, y: Traced, fun: Function, *args: object) -> Traced:
        """Let y = fun(self, *args) follow writes into this, unless NumPy had to copy."""
        if y.base is not None:
            y.share(self, fun, args)
        return y

    def __setitem__(self, index: object, v: object) -> None:
        result = v if index is ... and isinstance(v, Traced) and isinstance(v.variable.source, Call) else None
        if result is None or (result.shape, result.dtype) != (self.shape, self.dtype):
            result = self.rec.call(setitem, (self, index, v), {})
        self.write(result)  # of x[...] = v, v itself, where it is a result that replaces all of x

    # Methods whose NumPy function takes other arguments
    def reshape(self, *shape: Any, order: Any = "C", copy: object = None) -> Any:
        """As ndarray's."""
        shape = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """As ndarray's."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def dot(self, other: Any) -> Any:
        """As ndarray's."""
        return np.matmul(self, other) if self.ndim == np.ndim(other) == 2 else np.dot(self, other)

    def astype(self, dtype: Any, copy: bool = True, **kwargs: object) -> Any:
        """As ndarray's."""
        if np.dtype(dtype) == self.dtype:
            return self.copy() if copy else self
        return self.rec.call(astype, (self, np.dtype(dtype)), {})

    def view(self, dtype: Any) -> Any:
        """As ndarray's, with a dtype."""
        return self.rec.call(retyped, (self, np.dtype(dtype)), {})

    def copy(self, order: str = "C") -> Any:
        """As ndarray's."""
        return self.rec.call(np.copy, (self,), {})

    def fill(self, value: object) -> None:
        """As ndarray's."""
        self[...] = value

    def _refuse_escape(self, conversion: str, remedy: str) -> NoReturn:
        escapes = "takes a value out of the recording, and would be the same at every call"
        raise self.rec.error(f"{conversion} {escapes}; {remedy}")

    def __bool__(self) -> bool:
        self._refuse_escape("the truth of an array (`if`, `and`, `bool`)", "choose with np.where(condition, ..., ...)")

    def __float__(self) -> float:
        self._refuse_escape("float()", "return the array, and convert it outside")

    __int__ = __index__ = __float__

    def __array__(self, dtype: object = None, copy: object = None) -> NoReturn:
        self._refuse_escape("conversion to a plain array", "use NumPy functions on the array itself")

    def item(self, *args: object) -> NoReturn:
        """Raise JitError."""
        self._refuse_escape(".item()", "return the array, and read it outside")

    def tolist(self) -> NoReturn:
        """Raise JitError."""
        self._refuse_escape(".tolist()", "return the array, and read it outside")

    def __repr__(self) -> str:
        return f"{self._array!r}"
