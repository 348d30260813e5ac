"""Tensor: an array on the tape."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .backward import Gradient, toposort
from .dispatch import Operand, apply, binary
from .memory import keep_freed_memory
from .mode import paused
from .reprs import tensor_html, tensor_text
from .rules.indexing import setitem
from .rules.products import matmul
from .rules.registry import Array, Function, Shape, array_of, name
from .rules.shaping import astype
from .tape import NO_KEYWORDS, Node


def _method(fun: Function) -> Callable[..., Any]:
    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        return apply(fun, (self, *args), kwargs)

    method.__name__ = fun.__name__
    method.__doc__ = f"Return `{name(fun)}` of this tensor; further arguments are NumPy's."
    return method


def _in_place(method: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: Node, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"{self._describe()}.{method}(...) would write into it without being recorded; write {instead}")

    refuse.__name__ = method
    refuse.__doc__ = f"Raise TypeError: this would write in place; {instead} returns a Tensor that is recorded."
    return refuse


class Tensor(Operand):
    """An array that takes gradients: NumPy calls on it are recorded.

    `data` is copied. Integers and booleans become float64; float16, float32 and float64 keep their dtype.
    `requires_grad=False` makes a constant. `label` names the tensor in errors and pictures.
    `data` and `grad` are arrays of one shape and dtype, `grad` may be None. Other attributes and methods are ndarray's.
    """

    __slots__ = ()

    def __init__(
        self, data: ArrayLike, *, requires_grad: bool = True, label: str | None = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(_floating(data, dtype, copy=True), requires_grad, label)

    @classmethod
    def _variable(cls, data: "ArrayLike | Tensor") -> "Tensor":
        """Return a leaf that holds `data` itself, not a copy."""
        x = object.__new__(cls)
        Node.__init__(x, _floating(data.data if isinstance(data, Tensor) else data), True, None)
        return x

    @property
    def data(self) -> Array:
        """The array; writing into it is not recorded."""
        if isinstance(self._value, np.generic):  # NumPy's result without axes; it computes faster than an array
            self._value = np.copy(self._value)
        return self._value  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: ArrayLike) -> None:
        self._value = _floating(value)

    @property
    def grad(self) -> Array | None:
        """The gradient d(root)/d(self) of the last `backward`, of a leaf the sum since `zero_grad`, or None."""
        if isinstance(self._grad, np.generic):
            self._grad = np.copy(self._grad)
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: ArrayLike | None) -> None:
        g = None if value is None else _floating(value, self.dtype)
        if g is not None and g.shape != self.shape:
            raise ValueError(f"grad: {self._describe()} has shape {self.shape}, the gradient {g.shape}")
        self._grad = g

    shape = property(lambda self: self._value.shape, doc="The length of each axis.")
    ndim = property(lambda self: self._value.ndim, doc="The number of axes.")
    size = property(lambda self: self._value.size, doc="The number of elements.")
    dtype = property(lambda self: self._value.dtype, doc="The dtype of the elements.")
    T = property(lambda self: apply(np.transpose, (self,), {}), doc="The tensor with its axes in reverse order.")
    mT = property(lambda self: self.swapaxes(-1, -2), doc="The tensor with its last two axes exchanged.")
    real = property(lambda self: apply(np.real, (self,), {}), doc="The tensor itself.")
    imag = property(lambda self: apply(np.imag, (self,), {}), doc="Zeros of the same shape.")

    __matmul__, __rmatmul__ = binary(np.matmul, matmul)

    # The methods of ndarray, with the same arguments
    sum, mean, prod = _method(np.sum), _method(np.mean), _method(np.prod)
    max, min, var, std = _method(np.max), _method(np.min), _method(np.var), _method(np.std)
    ravel, flatten, squeeze = _method(np.ravel), _method(np.ravel), _method(np.squeeze)
    swapaxes, clip, dot, copy = _method(np.swapaxes), _method(np.clip), _method(np.dot), _method(np.copy)
    cumsum, cumprod = _method(np.cumsum), _method(np.cumprod)
    argmax, argmin, all, any = _method(np.argmax), _method(np.argmin), _method(np.all), _method(np.any)
    round, conj, conjugate = _method(np.round), _method(np.conjugate), _method(np.conjugate)
    take, repeat, choose = _method(np.take), _method(np.repeat), _method(np.choose)
    diagonal, trace = _method(np.diagonal), _method(np.trace)
    argsort, argpartition, nonzero = _method(np.argsort), _method(np.argpartition), _method(np.nonzero)
    searchsorted = _method(np.searchsorted)
    sort, partition = _in_place("sort", "np.sort(x)"), _in_place("partition", "np.partition(x, kth)")
    fill, put = _in_place("fill", "y[...] = value"), _in_place("put", "y[index] = values")
    resize = _in_place("resize", "x.reshape(...), or np.resize(x, shape)")

    def reshape(self, *shape: Any, order: str = "C") -> "Tensor":
        """Return the same elements in another shape, given as a tuple or as numbers."""
        target = shape[0] if len(shape) == 1 else shape
        return apply(np.reshape, (self, target), NO_KEYWORDS if order == "C" else {"order": order})  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> "Tensor":
        """Return the tensor with its axes in another order, a tuple or numbers; without one, in reverse order."""
        return apply(np.transpose, (self, *axes) if len(axes) < 2 else (self, axes), {})  # type: ignore[no-any-return]

    def astype(self, dtype: DTypeLike) -> Any:
        """Return the elements in another floating-point dtype; in an integer or boolean one, as a plain array."""
        if np.dtype(dtype).kind != "f":
            return self.data.astype(dtype)
        return astype(self, np.dtype(dtype))

    def compress(self, condition: ArrayLike, axis: int | None = None) -> Any:
        """Return the slices along `axis` for which `condition` holds."""
        return apply(np.compress, (condition, self, axis), {})

    def item(self, *index: int) -> float:
        """Return one element as a Python number."""
        return self.data.item(*index) if index else self._scalar("item").item()  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._value.tolist()

    def numpy(self) -> Array:
        """Return the array, the same as `.data`."""
        return self.data

    def __getitem__(self, index: Any) -> "Tensor":
        return apply(operator.getitem, (self, index), {})  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        if self.requires_grad and not self.fun:
            raise ValueError(
                f"{self._describe()}[...] = ...: this leaf takes gradients, so it must keep the values at which they "
                "are computed; assign to a copy (y = x.copy()), or to x.data where nothing is to be recorded"
            )
        if self.fun is operator.getitem and isinstance(self._value, np.ndarray) and self._value.base is not None:
            raise ValueError("x[i][j] = ... would change a copy of x[i], not x; write x[i, j] = ..., or copy() x[i]")
        if self.requires_grad and paused():
            raise ValueError(
                f"{self._describe()}[...] = ... within no_grad would lose the graph behind it; "
                "assign to a detached copy, y.detach()"
            )
        earlier = self.detach()
        earlier._take_place_of(self)
        later = apply(setitem, (earlier, index, earlier if value is self else value), {})
        if not later.requires_grad:
            self._value = later._value
            return
        if isinstance(value, Node):  # nodes behind it must refer to the earlier self, or self would depend on itself
            for y in toposort(value, since=self.order):
                y.args = tuple([earlier if a is self else a for a in y.args])
        self._take_place_of(later)

    def _take_place_of(self, other: "Tensor") -> None:
        """Become another result: take over its data, its place on the tape and its recipe."""
        for slot in ("_value", "requires_grad", "order", "fun", "args", "argvals", "kwargs", "argnums", "span"):
            if hasattr(other, slot):
                setattr(self, slot, getattr(other, slot))

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError(f"{self._describe()} is a single number: it has no length and cannot be iterated over")
        return len(self.data)

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self.data == value).any())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.requires_grad:
            raise TypeError(
                f"{self._describe()} takes gradients, and an array would lose them; use .data for its array or "
                ".detach() for a constant (np.stack makes one tensor of several)"
            )
        return np.array(self._value, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return tensor_text(self)

    def _repr_html_(self) -> str:
        return tensor_html(self)

    def _seed(self, gradient: ArrayLike | None) -> Gradient:
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward: {self._describe()} has shape {self.shape}, and only a scalar has a gradient by itself; "
                    "reduce it (y.sum().backward(), y.mean().backward()) or pass gradient= of that shape"
                )
            return np.ones_like(self._value) if self.ndim else self.dtype.type(1)
        gradient = array_of(gradient).astype(self.dtype)
        if gradient.shape != self.shape:
            raise ValueError(
                f"backward: gradient= has shape {gradient.shape}, but {self._describe()} has shape {self.shape}"
            )
        return gradient

    def _receive(self, g: Gradient) -> None:
        if self._grad is not None:
            self._grad = self._grad + g
            self.passes = getattr(self, "passes", 1) + 1
        else:  # a view is copied, as writing into its base would change it
            self.passes = 1
            self._grad = g if g.base is None else g.copy("F" if self._value.flags.fnc else "C")

    def _fit(self, g: Gradient, fun: Function) -> Gradient:
        data = self._value
        if type(g) is np.float64 is type(data):
            return g
        if g.shape != data.shape:
            g = unbroadcast(g, data.shape, fun)
        return g if g.dtype is data.dtype else g.astype(data.dtype)

    @classmethod
    def _constant(cls, b: Any) -> Any:
        if type(b) is np.ndarray and b.dtype.kind in "fiub":
            return b
        if isinstance(b, (list, tuple)):
            b = _floating(b)
        if isinstance(b, (np.ndarray, np.generic)) and b.dtype.kind not in "fiub":
            raise TypeError(f"a {b.dtype} array with a Tensor: a Tensor holds real numbers")
        if hasattr(b, "mask"):
            raise TypeError("a masked array with a Tensor would lose its mask: choose with np.where(b.mask, ..., ...)")
        return b if isinstance(b, (int, float, np.generic)) or hasattr(b, "__array_function__") else NotImplemented

    @classmethod
    def _result(cls, data: Any, fun: Function) -> Any:
        if type(data) is float:  # as a primitive that a user defines may give
            return np.float64(data)
        if getattr(data, "dtype", _OBJECT).kind != "f":
            what = "complex numbers" if np.iscomplexobj(data) else f"{data!r:.60}"
            raise TypeError(f"{name(fun)} of Tensors gave {what}, which is no array of real numbers")
        return data


# With an array on the left, Python asks NumPy first. These are the methods that it would have called on the Tensor.
Tensor._reflected = {
    np.add: Tensor.__radd__, np.subtract: Tensor.__rsub__, np.multiply: Tensor.__rmul__,
    np.divide: Tensor.__rtruediv__, np.matmul: Tensor.__rmatmul__,
}  # fmt: skip


_OBJECT = np.dtype(object)


def _floating(data: Any, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
    """Return `data` as an array of floats; an array of another class that implements NEP 18 keeps its class."""
    if isinstance(data, Node):
        raise TypeError(f"Tensor({data._describe()}): this is a tensor already; use it, its .data, or .detach()")
    if not issubclass(type(data), np.ndarray) and hasattr(data, "__array_function__"):
        kind = np.dtype(dtype or (np.float64 if data.dtype.kind in "iub" else data.dtype))
        return data.astype(kind) if kind != data.dtype else np.copy(data) if copy else data
    try:
        array = np.array(data, dtype=dtype, copy=copy)
    except ValueError as error:
        raise ValueError(f"Tensor: {str(data)[:40]!r} makes no array; use lists of equal lengths: {error}") from error
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(
            f"Tensor: cannot hold {array.dtype} ({type(data).__name__} {str(data)[:40]!r}); it takes real numbers, "
            "in arrays or lists of equal lengths"
        )
    return array


def unbroadcast(g: Array, shape: Shape, fun: Function) -> Array:
    """Return the sum of g over the axes that broadcasting added to `shape` or stretched."""
    extra = g.ndim - len(shape)
    kept = g.shape[max(extra, 0) :]
    stretched = [i for i, n in enumerate(shape) if n == 1]
    if extra < 0 or any(n != m for i, (n, m) in enumerate(zip(shape, kept, strict=True)) if i not in stretched):
        raise ValueError(f"a rule of {name(fun)} gave a gradient of shape {g.shape} for an argument of shape {shape}")
    total: Array = g.sum(axis=(*range(extra), *[i + extra for i in stretched]))
    return total.reshape(shape)


keep_freed_memory()
