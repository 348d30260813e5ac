"""`Traced`: what stands in an array's place while a function is recorded.

It holds an array and speaks NumPy's protocols: whatever is computed from it is computed, and noted. Writing into it,
or into a view of it, gives it a new value and leaves the array alone, so that a recording that fails has changed
nothing. What would take a value out of the recording raises JitError.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.dispatch import REDUCTIONS, SCANS, Operand
from ..engine.rules import compositions, implementations
from ..engine.rules.indexing import setitem
from ..engine.rules.registry import name, predicates
from ..engine.tape import Node
from ..optim.lr_scheduler import number
from .functional import add_at, astype, put_along_axis, retyped
from .ir import Var
from .shapes import COMPUTED, COUNTED, SHAPES


class JitError(RuntimeError):
    """A function that cannot be recorded; the message names the line and says what to do instead."""


TO_BE_FILLED = {np.zeros_like, np.ones_like, np.empty_like}  # constants, as shapes are
NUMBERS = {int, float, bool}


class Traced:
    """An array, a NumPy scalar or a Python number of a recording."""

    __slots__ = ("_array", "_variable", "base", "origin", "path", "rec", "seen", "shape", "version")

    def __init__(self, rec: Any, value: Any, var: Var) -> None:
        self.rec, self._array, self._variable, self.origin, self.shape = rec, value, var, var, var.shape
        self.base: Traced | None = None  # in whose memory it lies
        self.path: Any = None  # by which function it was made of that, and its other arguments
        self.version = self.seen = 0

    # What it is now: a view follows what is written into its base.
    @property
    def value(self) -> Any:
        """The array itself."""
        if self.base is not None:
            self.follow()
        return self._array

    @property
    def variable(self) -> Var:
        """Its place in the program."""
        if self.base is not None:
            self.follow()
        return self._variable

    @property
    def root(self) -> Traced:
        """What it is a view of at last."""
        return self if self.base is None else self.base.root

    def lie_in(self, base: Traced, fun: Any, args: Any = None) -> None:
        """Share the memory of `base`, as what `fun(base, *args)` gave; without `args` it follows nothing written."""
        self.base, self.path, self.seen = base, (fun, args), base.version

    def follow(self) -> None:
        """Be what the base's elements now say."""
        base: Any = self.base
        if base.base is not None:
            base.follow()
        if base.version != self.seen:
            fun, args = self.path
            if args is None:
                raise self._shared()
            new = self.rec.call(fun, (base, *args), {})
            self._array, self._variable, self.seen = new._array, new._variable, base.version
            self.version += 1

    def write(self, new: Traced) -> None:
        """Take another value, of the same shape and dtype."""
        if new._array.dtype != self._array.dtype:
            new = new.astype(self._array.dtype)
        if self.base is not None:
            fun, args = self.path
            if args is None:
                raise self._shared()
            if fun is operator.getitem:
                back = self.rec.call(setitem, (self.base, *args, new), {})
            elif fun is np.transpose:
                back = self.rec.call(fun, (new, tuple(np.argsort(args[0]).tolist())), {})
            else:
                back = self.rec.call(np.reshape, (new, self.base.shape), {})
            self.base.write(back)
            self.seen = self.base.version
        self._array, self._variable = new.value, new.variable
        self.version += 1

    def _shared(self) -> JitError:
        error: JitError = self.rec.error(
            f"what {name(self.path[0])} gave shares its argument's memory, and one of them was written into; take a "
            ".copy() of the other before"
        )
        return error

    # Attributes, known while recording
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

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # Calls
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        for a in inputs:
            if isinstance(a, Node):
                return NotImplemented
        if method == "__call__":
            result = self.rec.call(ufunc, inputs, kwargs)
        elif method == "at":
            x, index, *values = inputs
            if ufunc is not np.add or type(x) is not Traced:
                raise self.rec.error(f"{ufunc.__name__}.at writes into an array that the recording does not know")
            x.write(self.rec.call(add_at, (x, index, *values), {}))
            return None
        elif method == "reduce" and ufunc in REDUCTIONS:
            result = REDUCTIONS[ufunc](*inputs, **{"axis": 0, **kwargs})
        elif method == "accumulate" and ufunc in SCANS:
            result = SCANS[ufunc](*inputs, **{"axis": 0, **kwargs})
        else:
            result = self.rec.call(getattr(ufunc, method), inputs, kwargs)
        return result if out is None else self._written(ufunc, result, out)

    def _written(self, fun: Any, result: Any, out: Any) -> Any:
        targets = out if isinstance(out, tuple) else (out,)
        if len(targets) != 1 or type(targets[0]) is not Traced:
            raise self.rec.error(
                f"{fun.__name__}(..., out=...) writes into a plain array, which the recording does not know; let the "
                "array be a Tensor's or an optimizer's, or use what the function returns"
            )
        targets[0].write(result)
        return targets[0]

    def __array_function__(self, fun: Any, types: Any, args: Any, kwargs: Any) -> Any:
        for t in types:
            if issubclass(t, Node):
                return NotImplemented
        if fun in predicates:
            return self.rec.ask(fun, args)
        if fun is number:
            return self.rec.call(float, args, {})
        if fun in implementations:
            if nodes := [a for a in args if isinstance(a, Operand)]:  # the primitive asked this array first
                return nodes[0].__array_function__(fun, types, args, kwargs)
            return self.rec.primitive(fun, args, kwargs)
        if fun in COUNTED or (fun is np.where and len(args) == 1):
            self._count(fun, args, kwargs)
        if fun in (np.polymul, np.polydiv):  # which leave out zeros in front: a question, and not a rule of shapes
            return compositions[fun](*args, **kwargs)
        if fun in SHAPES:
            return self.rec.plainly(fun, args, kwargs)
        if fun in TO_BE_FILLED:
            return self.rec.constant(self.rec.plainly(fun, args, kwargs))
        if fun is np.copyto and len(args) == 2 and not kwargs:
            args[0][...] = args[1]
            return None
        if fun is np.put_along_axis and type(args[0]) is Traced:
            args[0].write(self.rec.call(put_along_axis, args, kwargs))
            return None
        if fun in COMPUTED:
            return COMPUTED[fun](*args, **kwargs)
        out = kwargs.get("out")
        if out is None:
            return self.rec.call(fun, args, kwargs)
        rest = {k: v for k, v in kwargs.items() if k != "out"}
        return self._written(fun, self.rec.call(fun, args, rest), out)

    def _count(self, fun: Any, args: Any, kwargs: Any) -> None:
        """Raise JitError if values that are known only later say how many elements a result has."""
        place, key = COUNTED.get(fun, (0, ""))
        counted = args[place] if isinstance(place, slice) or place < len(args) else kwargs.get(key)
        if fun is np.insert and getattr(counted, "dtype", None) != np.dtype(bool):  # as many as there are indices
            return
        if any(type(v) is Traced for v in (counted if isinstance(counted, (list, tuple)) else [counted])):
            raise self.rec.error(
                f"how many elements np.{fun.__name__} gives depends on values, and they are known only later; keep all "
                "of them, and choose with np.where(condition, ..., ...)"
            )

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        for i in parts:
            if type(i) is Traced and i.dtype == bool:
                raise self.rec.error(
                    "a mask as an index takes as many elements as the values say, and they are known only later; "
                    "choose with np.where(mask, ..., ...)"
                )
        y = self.rec.call(operator.getitem, (self, index), {})
        if all(i is None or i is ... or isinstance(i, (int, slice)) for i in parts):
            return self._view(y, operator.getitem, index)
        return y

    def _view(self, y: Any, fun: Any, *args: Any) -> Any:
        """y, which `fun` made of this, and which shares its memory unless it had to be copied."""
        if y.base is not None:
            y.lie_in(self, fun, args)
        return y

    def __setitem__(self, index: Any, v: Any) -> None:
        self.write(self.rec.call(setitem, (self, index, v), {}))

    # Methods whose NumPy function takes the same arguments
    def reshape(self, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
        """As ndarray's."""
        shape = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """As ndarray's."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def dot(self, other: Any) -> Any:
        """As ndarray's."""
        return np.matmul(self, other) if self.ndim == np.ndim(other) == 2 else np.dot(self, other)

    def astype(self, dtype: Any, copy: bool = True, **kwargs: Any) -> Any:
        """As ndarray's."""
        if np.dtype(dtype) == self.dtype:
            return self.copy() if copy else self
        return self.rec.call(astype, (self, np.dtype(dtype)), {})

    def view(self, dtype: Any) -> Any:
        """As ndarray's, with a dtype."""
        return self.rec.call(retyped, (self, np.dtype(dtype)), {})

    def copy(self, order: Any = "C") -> Any:
        """As ndarray's."""
        return self.rec.call(np.copy, (self,), {})

    def fill(self, value: Any) -> None:
        """As ndarray's."""
        self[...] = value

    def _out(self, purpose: str, instead: str) -> JitError:
        error: JitError = self.rec.error(
            f"{purpose} takes a value out of the recording, and would be the same at every call; {instead}"
        )
        return error

    def __bool__(self) -> bool:
        raise self._out("the truth of an array (`if`, `and`, `bool`)", "choose with np.where(condition, ..., ...)")

    def __float__(self) -> float:
        raise self._out("float()", "return the array, and convert it outside")

    __int__ = __index__ = __float__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self._out("a plain array of it", "use NumPy functions on the array itself, np.stack for several")

    def item(self, *args: Any) -> Any:
        """Raise JitError."""
        raise self._out(".item()", "return the array, and read it outside")

    def tolist(self) -> Any:
        """Raise JitError."""
        raise self._out(".tolist()", "return the array, and read it outside")

    def __repr__(self) -> str:
        return f"{self._array!r}"

    __hash__ = object.__hash__


def _method(fun: Any) -> Any:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return fun(self, *args, **kwargs)

    return method


for _name in [
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "var",
    "std",
    "ravel",
    "squeeze",
    "swapaxes",
    "clip",
    "cumsum",
    "cumprod",
    "argmax",
    "argmin",
    "all",
    "any",
    "round",
    "conj",
    "conjugate",
    "take",
    "repeat",
    "choose",
    "diagonal",
    "trace",
    "argsort",
    "argpartition",
    "nonzero",
    "searchsorted",
]:
    setattr(Traced, _name, _method(getattr(np, _name)))
Traced.flatten = _method(np.ravel)  # type: ignore[attr-defined]


def _operator(ufunc: np.ufunc, op: Callable[[Any, Any], Any]) -> tuple[Any, Any, Any]:
    """The methods of `a op b`, of the same with a constant on the left, and of `a op= b`."""

    def forward(a: Any, b: Any) -> Any:
        if isinstance(b, Node):
            return NotImplemented
        x = a._array if type(a) is Traced else a
        y = b._array if type(b) is Traced else b
        fun = op if type(x) in NUMBERS and type(y) in NUMBERS else ufunc  # Python's numbers stay Python's
        return (a if type(a) is Traced else b).rec.call(fun, (a, b), {})

    def reflected(b: Any, a: Any) -> Any:
        return forward(a, b)

    def inplace(a: Any, b: Any) -> Any:
        y = forward(a, b)
        if y is NotImplemented or not isinstance(a._array, np.ndarray):  # numbers are not written into
            return y
        if y.shape != a.shape:
            raise ValueError(f"{ufunc.__name__}: shape {y.shape} does not fit into {a.shape}")
        a.write(y)
        return a

    return forward, reflected, inplace


for _name, _ufunc, _op in (
    ("add", np.add, operator.add), ("sub", np.subtract, operator.sub), ("mul", np.multiply, operator.mul),
    ("truediv", np.divide, operator.truediv), ("floordiv", np.floor_divide, operator.floordiv),
    ("mod", np.remainder, operator.mod), ("pow", np.power, operator.pow), ("matmul", np.matmul, operator.matmul),
    ("and", np.bitwise_and, operator.and_), ("or", np.bitwise_or, operator.or_), ("xor", np.bitwise_xor, operator.xor),
):  # fmt: skip
    for _form, _function in zip(("__{}__", "__r{}__", "__i{}__"), _operator(_ufunc, _op), strict=True):
        setattr(Traced, _form.format(_name), _function)
for _name, _compare, _op in (
    ("lt", np.less, operator.lt), ("le", np.less_equal, operator.le), ("gt", np.greater, operator.gt),
    ("ge", np.greater_equal, operator.ge), ("eq", np.equal, operator.eq), ("ne", np.not_equal, operator.ne),
):  # fmt: skip
    setattr(Traced, f"__{_name}__", _operator(_compare, _op)[0])
for _name, _one in (
    ("neg", np.negative), ("pos", np.positive), ("abs", np.absolute), ("invert", np.invert)
):  # fmt: skip
    setattr(Traced, f"__{_name}__", _method(_one))
setattr(Traced, "__divmod__", lambda a, b: (a // b, a % b))  # noqa: B010
setattr(Traced, "__rdivmod__", lambda b, a: (a // b, a % b))  # noqa: B010
setattr(Traced, "__hash__", object.__hash__)  # noqa: B010 (which a class with == loses)
