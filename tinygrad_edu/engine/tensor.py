"""Tensor: an array on the tape. Its operators are made in `dispatch.py`, its other methods in `methods.py`."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .apply import apply, outranked, plain
from .arrays import as_floats, scalar_as_array, unbroadcast
from .backward import Gradient, toposort
from .concatenators import joined_item
from .conjugation import complex_seen
from .conversions import array_refused, check_conversion
from .declared import Declared
from .errors import AssignmentError, check_complex, converted, describe
from .inplace import augmented
from .memory import keep_freed_memory
from .mode import paused
from .reprs import tensor_html, tensor_text
from .rules.foreign import array_from
from .rules.indexing import check_fit, setitem
from .rules.registry import Array, Function, array_likes, array_of, conj, is_complex, name
from .tape import Node, constant


class Tensor(Declared):  # type: ignore[misc]
    """An array that takes gradients: NumPy calls on it are recorded.

    `data` is copied. Integers and booleans become float64; floats and complex numbers keep their dtype.
    `requires_grad=False` makes a constant. `label` names the tensor in errors and pictures.
    `data` and `grad` are arrays of one shape and dtype, `grad` may be None. Methods that compute are ndarray's; those
    of its memory, such as `strides`, are attributes of `data`.

    >>> x = tg.Tensor([1.0, 2.0], label="x")
    >>> np.sum(x * x).backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = ()

    def __init__(
        self, data: ArrayLike, *, requires_grad: bool = True, label: str | None = None, dtype: DTypeLike | None = None
    ) -> None:
        given: Any = data
        is_float = type(given) is float and dtype is None  # which needs no checks
        Node.__init__(self, np.asarray(given) if is_float else as_floats(given, dtype, copy=True), requires_grad, label)

    @classmethod
    def _variable(cls, data: ArrayLike | Tensor) -> Tensor:
        """Return a leaf that holds `data` itself, not a copy."""
        x = object.__new__(cls)
        Node.__init__(x, as_floats(data._value if isinstance(data, Node) else data), True, None)
        return x

    @property  # type: ignore[override]
    def data(self) -> Array:
        """The array; writing into it is not recorded."""
        value = self._value
        if isinstance(value, np.generic):  # NumPy's result without axes; it computes faster than an array
            self._value = value = scalar_as_array(value)
        return value.detached if type(value) in array_likes else value  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: ArrayLike) -> None:
        self._value = as_floats(value)

    @property
    def grad(self) -> Array | None:
        """The gradient d(root)/d(self) of the last `backward`, of a leaf the sum since `zero_grad`, or None."""
        if isinstance(self._grad, np.generic):
            self._grad = scalar_as_array(self._grad)
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: ArrayLike | None) -> None:
        g, data = value._value if isinstance(value, Node) else value, self._value
        if g is not None:
            g = as_floats(g, data.dtype)
            if g.shape != data.shape:
                raise ValueError(f"grad: {self._describe()} has shape {data.shape}, the gradient {g.shape}")
        self._grad = g

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient; without `set_to_none`, set one that is there to zeros."""
        if set_to_none or self._grad is None:
            self._grad = None
        else:
            self._grad, self.passes = np.zeros_like(self._value), 0

    __imatmul__ = augmented("@", np.matmul, operator.imatmul)

    def item(self, *index: int) -> Any:  # type: ignore[override]
        """Return one element as a Python number."""
        check_conversion(self, "item")
        try:
            return self._value.item(*index) if index else self._scalar("item").item()
        except (IndexError, ValueError) as error:
            raise type(error)(f"item: {describe(self)} [{', '.join(map(repr, index))}]: {error}") from error

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        check_conversion(self, "tolist")
        return self._value.tolist()

    def numpy(self) -> Array:
        """Return the array, the same as `.data`."""
        return Tensor.data.__get__(self)  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Tensor:
        return apply(operator.getitem, (self, index), {})  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        if self.requires_grad and not self.fun:
            if paused():
                check_fit(self._value, value)
                self._value[index] = plain(value)
                return
            raise AssignmentError(
                f"{self._describe()}[...] = ...: this leaf takes gradients, so it must keep the values at which they "
                "are computed; assign to a copy (y = x.copy()), or to x.data where nothing is to be recorded"
            )
        if self.fun is operator.getitem and isinstance(self._value, np.ndarray) and self._value.base is not None:
            raise AssignmentError(
                "x[i][j] = ... would change a copy of x[i], not x; write x[i, j] = ..., or copy() x[i]"
            )
        if self.requires_grad and paused():
            raise AssignmentError(
                f"{self._describe()}[...] = ... within no_grad would lose the graph behind it; "
                "assign to a detached copy, y.detach()"
            )
        earlier = constant(type(self), self._value)
        earlier._take_place_of(self)
        later = apply(setitem, (earlier, index, earlier if value is self else value), {})
        if type(later) in array_likes:  # the members of a vmap, which all share the earlier self
            self._take_place_of(constant(type(self), later))
            return
        if not later.requires_grad:
            self._value = later._value
            return
        if isinstance(value, Node):  # nodes behind it must refer to the earlier self, or self would depend on itself
            for y in toposort(value, since=self.order):
                y.args = tuple([earlier if a is self else a for a in y.args])
        self._take_place_of(later)

    def _take_place_of(self, other: Tensor) -> None:
        """Become another result: take over its data, its place on the tape and its recipe."""
        recipe = ("fun", "args", "argvals", "kwargs", "argnums")
        for slot in ("_value", "requires_grad", "order", *recipe, "span", "tangents", "trail"):
            if hasattr(other, slot):
                setattr(self, slot, getattr(other, slot))
            elif hasattr(self, slot):
                delattr(self, slot)

    def __len__(self) -> int:
        if not self._value.ndim:
            raise TypeError(f"{self._describe()} is a single number: it has no length and cannot be iterated over")
        return len(self._value)

    def __iter__(self) -> Iterator[Tensor]:
        return (apply(operator.getitem, (self, i), {}) for i in range(Tensor.__len__(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self._value == plain(value)).any())

    @overload  # type: ignore[override]
    def __array__(self) -> np.ndarray[Any, np.dtype[Tensor]]: ...
    @overload
    def __array__(self, dtype: Any, copy: bool | None = None) -> Array: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.requires_grad:
            if (array := joined_item(self)) is not None:  # np.r_ and np.c_ ask
                return array
            if (error := array_refused(self, dtype)) is not None:
                raise error
        return np.array(self._value, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return tensor_text(self)

    def _repr_html_(self) -> str:
        return tensor_html(self)

    def _seed(self, gradient: ArrayLike | None) -> Gradient:
        data = self._value
        if gradient is None:
            if data.size != 1:
                raise ValueError(
                    f"backward: {self._describe()} has shape {data.shape}, and only a scalar has a gradient by itself; "
                    "reduce it (y.sum().backward(), y.mean().backward()) or pass gradient= of that shape"
                )
            if data.dtype.kind == "c":
                raise ValueError(
                    f"backward: {self._describe()} is complex, and only a real number has a gradient by itself; take "
                    ".real, .imag or abs(...) of it first"
                )
            return np.ones_like(data) if data.ndim else data.dtype.type(1)
        given = converted("backward: gradient", array_of, gradient)
        if given.dtype.kind not in "fiubc":
            raise TypeError(f"backward: gradient= holds {given.dtype}, and {self._describe()} numbers")
        if is_complex(given) and data.dtype.kind != "c":
            raise TypeError(f"backward: gradient= is complex, and {self._describe()} is real; pass its .real")
        given = given.astype(data.dtype)
        if given.shape != data.shape:
            raise ValueError(
                f"backward: gradient= has shape {given.shape}, but {self._describe()} has shape {data.shape}"
            )
        return conj(given)

    def _sum(self, g: Gradient) -> tuple[Node, Gradient, int]:
        is_view = g.base is not None if type(g) is np.ndarray else getattr(g, "is_view", False)  # one of a recording
        if self._grad is None and is_view:  # writing into its base would change it
            g = g.copy("F" if self._value.flags.fnc else "C")
        return Node._sum(self, g)

    def _fit(self, g: Gradient, fun: Function) -> Gradient:
        data = self._value
        if type(g) is np.float64 is type(data):
            return g
        if g.shape != data.shape:
            g = unbroadcast(g, data.shape, fun)
        if g.dtype is data.dtype or g.dtype == data.dtype:  # an array that was pickled has a dtype object of its own
            return g
        if g.dtype.kind == "c" != data.dtype.kind:  # moving a real number changes the result along the real axis alone
            g = g.real
        return g.astype(data.dtype)

    @classmethod
    def _constant(cls, b: Any, node: Any = None) -> Any:
        if type(b) is np.ndarray and b.dtype.kind in "fiub":
            return b
        if type(b) in array_likes and node is not None and outranked(b, (node,)):
            return NotImplemented
        if isinstance(b, (list, tuple)):
            b = as_floats(b)
        elif not isinstance(b, (int, float)):
            b = array_from(b)
        if isinstance(b, (np.ndarray, np.generic)) and b.dtype.kind not in "fiubc":
            raise TypeError(f"an array of {b.dtype} with a Tensor: a Tensor holds real or complex numbers")
        if is_complex(b):
            complex_seen.add(np.result_type(b))
        known = isinstance(b, (int, float, complex, np.generic)) or hasattr(b, "__array_function__")
        return b if known else NotImplemented

    @classmethod
    def _result(cls, data: Any, fun: Function) -> Any:
        if type(data) is float:  # as a primitive that a user defines may give
            return np.float64(data)
        if (kind := getattr(data, "dtype", _OBJECT).kind) != "f":
            if kind != "c":
                raise TypeError(f"{name(fun)} of Tensors gave {data!r:.60}, which is not an array of numbers")
            check_complex(fun)
            complex_seen.add(data.dtype)
        return data


# With an array on the left, Python asks NumPy first. These are the methods that it would have called on the Tensor.
Tensor._reflected = {
    np.add: Tensor.__radd__, np.subtract: Tensor.__rsub__, np.multiply: Tensor.__rmul__,
    np.divide: Tensor.__rtruediv__, np.matmul: Tensor.__rmatmul__,
}  # fmt: skip


Tensor._kind = Tensor
_OBJECT = np.dtype(object)


keep_freed_memory()
