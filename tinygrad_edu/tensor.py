"""Tensor and Value: data, its gradient, and the call that made it.

Operators and NumPy functions on a Tensor do two things: compute on the arrays within, and note the call
(`fun`, `args`, `kwargs`) and its place on the tape (`order`) in the Tensor that they return. That is the whole
forward pass; `backward` walks from the root and leaves each node its gradient.
"""

import contextlib
import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any, Self

import numpy as np

from .backprop import backprop, unbroadcast
from .rules import bodies, compositions, constants, keywords, name, vjps
from .rules.activations import relu
from .rules.indexing import setitem
from .rules.linalg import matmul
from .rules.shaping import astype

Array = np.ndarray[Any, Any]

_new = object.__new__
_tape = itertools.count(1)  # operations are numbered as they are recorded
NONE, FIRST, SECOND, BOTH = (), (0,), (1,), (0, 1)  # the positions of arguments that take gradients
_NO_KEYWORDS: dict[str, Any] = {}
LEAF: tuple[Any, ...] = (None, (), (), (), _NO_KEYWORDS)  # the call of what no call made


_paused: dict[int, int] = {}  # by thread, how many no_grads it is inside of


class no_grad:  # noqa: N801 (a context manager and decorator, in lower case like contextlib's)
    """Compute without recording: `with no_grad():` or `@no_grad()`. Holds for the thread that entered it."""

    __slots__ = ()

    def __enter__(self) -> None:
        thread = get_ident()
        _paused[thread] = _paused.get(thread, 0) + 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        thread = get_ident()
        depth = _paused.pop(thread) - 1
        if depth:
            _paused[thread] = depth

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fun)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return fun(*args, **kwargs)

        return call


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Record again within no_grad: what a transform computes inside is its own affair."""
    thread = get_ident()
    paused = _paused.pop(thread, 0)
    try:
        yield
    finally:
        if paused:
            _paused[thread] = paused


def _record(
    kind: type["Node"], data: Any, fun: Any, args: Any, argvals: Any, argnums: Any, kwargs: Any = _NO_KEYWORDS
) -> Any:
    """The node that holds `data`, the result of `fun(*argvals, **kwargs)`; a constant where nothing is recorded."""
    y = _new(kind)
    y._data = data
    y._grad = kind._no_grad
    y.label = None
    if argnums and not (_paused and get_ident() in _paused):
        y.requires_grad = True
        y.order = next(_tape)
        y.call = (fun, args, argvals, argnums, kwargs)
    else:
        y.requires_grad = False
        y.order = 0
        y.call = LEAF
    return y


def _operator(fun: np.ufunc, op: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """The methods of `a op b`: for a node on the left, and for a constant there and a node on the right.

    Python's own operator computes: the same as the ufunc, but faster (`x ** 2` is a square).
    """

    def forward(a: "Node", b: Any) -> Any:
        kind, x, t = type(a), a._data, type(b)
        if t is kind:
            y = b._data
            if a.requires_grad:
                argnums = BOTH if b.requires_grad else FIRST
            else:
                argnums = SECOND if b.requires_grad else NONE
        elif t is float or t is int:
            y, argnums = b, FIRST if a.requires_grad else NONE
        elif isinstance(b, Node):
            return apply(fun, (a, b), {})
        else:
            y = b = kind._constant(b)
            if b is NotImplemented:
                return NotImplemented
            argnums = FIRST if a.requires_grad else NONE
        try:
            data = op(x, y)
        except (TypeError, ValueError) as error:
            raise _explained(error, fun, (a, b), {}) from error
        return _record(kind, data, fun, (a, b), (x, y), argnums)

    def reflected(b: "Node", a: Any) -> Any:
        kind = type(b)
        if type(a) is not float and type(a) is not int:
            a = kind._constant(a)
            if a is NotImplemented:
                return NotImplemented
        try:
            data = op(a, b._data)
        except (TypeError, ValueError) as error:
            raise _explained(error, fun, (a, b), {}) from error
        return _record(kind, data, fun, (a, b), (a, b._data), SECOND if b.requires_grad else NONE)

    return forward, reflected


def _unary(fun: np.ufunc, op: Callable[[Any], Any]) -> Any:
    def method(x: "Node") -> Any:
        return _record(type(x), op(x._data), fun, (x,), (x._data,), FIRST if x.requires_grad else NONE)

    return method


def _comparison(op: Callable[[Any, Any], Any]) -> Any:
    return lambda a, b: op(a._data, b._data if isinstance(b, Node) else b)


def _real_power(a: Any, b: Any) -> Any:
    y = a**b
    if type(y) is complex:  # Python's floats leave the real line here, where NumPy's become NaN
        raise ValueError(f"{a} ** {b} is not a real number")
    return y


def _method(fun: Any) -> Any:
    @functools.wraps(fun)
    def method(self: "Node", *args: Any, **kwargs: Any) -> Any:
        return apply(fun, (self, *args), kwargs)

    return method


class Node:
    """What Tensor and Value share: a place on the tape, the operators, and `backward`."""

    __slots__ = (
        "__weakref__", "_data", "_grad", "call", "label", "order", "requires_grad",
    )  # fmt: skip
    _no_grad: Any = None  # what `.grad` is before the first backward

    def __init__(self, data: Any, requires_grad: bool, label: str | None) -> None:
        self._data, self._grad = data, self._no_grad
        self.requires_grad, self.label = bool(requires_grad), label
        self.order, self.call = next(_tape), LEAF

    fun = property(lambda self: self.call[0], doc="The function that made this; None for a leaf or a constant.")
    args = property(lambda self: self.call[1], doc="Its arguments, this node's parents among them.")
    argnums = property(lambda self: self.call[3], doc="The positions of the arguments that take gradients.")
    kwargs = property(lambda self: self.call[4], doc="Its keywords.")

    def backward(self, gradient: Any = None, retain_graph: bool = True) -> None:
        """Give every node behind this one that takes gradients its `.grad`: d(self)/d(node), times `gradient`.

        Without `gradient` this must be a single number. Leaves add to the gradient they have, until
        `zero_grad`; the others hold this pass's. `retain_graph=False` lets the graph go as soon as it has
        been walked, and keeps gradients for leaves alone.
        """
        if not self.requires_grad:
            raise ValueError(
                f"backward: {self._describe()} depends on nothing that takes gradients; wrap the values that you "
                "want gradients of in Tensor(...), and look for no_grad, detach() and .data on the way"
            )
        seed = self._seed(gradient)
        passed, leaves = backprop(self, seed)
        for x, g in leaves:
            x._receive(g)
        if retain_graph:
            for y, g in passed:
                y._grad = g
        else:
            for y, _ in passed:
                y.call = (y.fun, (), (), None, _NO_KEYWORDS)

    def detach(self) -> Self:
        """A constant with the same data."""
        y = self._constant_node(self._data)
        y.label = self.label
        return y

    @classmethod
    def _constant_node(cls, data: Any) -> Self:
        return _record(cls, data, None, (), (), ())

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = self._no_grad

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            reflected = _REFLECTED.get(ufunc)
            if reflected and self is not inputs[0] and not kwargs:
                return reflected(self, inputs[0])
            return apply(ufunc, inputs, kwargs)
        if method == "reduce" and ufunc in _REDUCTIONS:
            return apply(_REDUCTIONS[ufunc], inputs, {"axis": 0, **kwargs})
        raise TypeError(
            f"{name(ufunc)}.{method} has no rule for Tensors; use a NumPy function such as np.sum, "
            "or Tensor.data where no gradient is needed"
        )

    def __array_function__(self, fun: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply(fun, args, kwargs)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._one("float"))

    def __int__(self) -> int:
        return int(self._one("int"))

    def __format__(self, spec: str) -> str:
        return format(self._one("format").item(), spec) if spec else str(self)

    __hash__ = object.__hash__  # by identity: == compares data

    def _one(self, purpose: str) -> Any:
        """The single element as a NumPy scalar or number."""
        data = np.asarray(self._data)
        if data.size != 1:
            raise TypeError(f"{purpose}: {self._describe()} holds {data.size} elements, not one; use .data or .numpy()")
        return data.reshape(-1)[0]

    def _describe(self) -> str:
        return f"{type(self).__name__}{f' {self.label!r}' if self.label else ''}"

    __add__, __radd__ = _operator(np.add, operator.add)
    __sub__, __rsub__ = _operator(np.subtract, operator.sub)
    __mul__, __rmul__ = _operator(np.multiply, operator.mul)
    __truediv__, __rtruediv__ = _operator(np.divide, operator.truediv)
    __mod__, __rmod__ = _operator(np.remainder, operator.mod)
    __pow__, __rpow__ = _operator(np.power, _real_power)
    relu = _unary(relu, bodies[relu])
    __neg__ = _unary(np.negative, operator.neg)
    __pos__ = _unary(np.positive, operator.pos)
    __abs__ = _unary(np.absolute, abs)
    __eq__, __ne__ = _comparison(operator.eq), _comparison(operator.ne)
    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)

    # What a subclass says of its data.
    def _seed(self, gradient: Any) -> Any: ...
    def _receive(self, g: Any) -> None: ...
    def _fit(self, g: Any, fun: Any) -> Any: ...
    @classmethod
    def _constant(cls, b: Any) -> Any: ...


class Tensor(Node):
    """An array that takes gradients: what is computed from it is recorded.

    `data` is copied; integers and booleans become float64, and float16, float32 and float64 stay what they
    are. `requires_grad=False` makes a constant. `label` names the tensor in errors and pictures.
    Attributes: `data` (ndarray), `grad` (ndarray of the same shape and dtype, or None), `shape`, `dtype`, ...;
    methods are ndarray's.
    """

    __slots__ = ()

    def __init__(
        self, data: Any, *, requires_grad: bool = True, label: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(_floating(data, dtype, copy=True), requires_grad, label)

    @classmethod
    def _variable(cls, data: Any) -> "Tensor":
        """A leaf on `data` itself, without a copy."""
        x = _new(cls)
        Node.__init__(x, _floating(data.data if isinstance(data, Tensor) else data), True, None)
        return x

    @property
    def data(self) -> Array:
        """The array itself; writing into it is not recorded."""
        if isinstance(self._data, np.generic):  # what NumPy gives for 0-d results, and is faster with
            self._data = np.asarray(self._data)
        return self._data  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        self._data = _floating(value)

    @property
    def grad(self) -> Array | None:
        """d(root)/d(self) as the last `backward` left it, or None."""
        if isinstance(self._grad, np.generic):
            self._grad = np.asarray(self._grad)
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = _floating(value, self.dtype)
            if value.shape != self.shape:
                raise ValueError(f"grad: {self._describe()} has shape {self.shape}, the gradient {value.shape}")
        self._grad = value

    shape = property(lambda self: self._data.shape, doc="The length of each axis.")
    ndim = property(lambda self: self._data.ndim, doc="How many axes there are.")
    size = property(lambda self: self._data.size, doc="How many elements there are.")
    dtype = property(lambda self: self._data.dtype, doc="The type of the elements.")
    T = property(lambda self: apply(np.transpose, (self,), {}), doc="The axes in reverse order.")

    __matmul__, __rmatmul__ = _operator(np.matmul, matmul)

    # ndarray's methods, with ndarray's arguments
    sum, mean, prod = _method(np.sum), _method(np.mean), _method(np.prod)
    max, min, var, std = _method(np.max), _method(np.min), _method(np.var), _method(np.std)
    ravel, flatten, squeeze = _method(np.ravel), _method(np.ravel), _method(np.squeeze)
    swapaxes, clip, dot, copy = _method(np.swapaxes), _method(np.clip), _method(np.dot), _method(np.copy)
    argmax, argmin, all, any = _method(np.argmax), _method(np.argmin), _method(np.all), _method(np.any)
    round = _method(np.round)

    def reshape(self, *shape: Any, order: Any = "C") -> "Tensor":
        """The same elements in another shape, given as a tuple or as numbers."""
        target = shape[0] if len(shape) == 1 else shape
        return apply(np.reshape, (self, target), _NO_KEYWORDS if order == "C" else {"order": order})  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order, given as a tuple or as numbers; reversed without any."""
        return apply(np.transpose, (self, *axes) if len(axes) < 2 else (self, axes), {})  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> Any:
        """The elements as another floating type; as integers or booleans they are a plain array."""
        if np.dtype(dtype).kind != "f":
            return self.data.astype(dtype)
        return astype(self, np.dtype(dtype))

    def item(self, *index: Any) -> float:
        """One element as a Python number."""
        return self.data.item(*index) if index else self._one("item").item()  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self) -> Array:
        """The array itself, the same as `.data`."""
        return self.data

    def __getitem__(self, index: Any) -> "Tensor":
        return apply(operator.getitem, (self, index), {})  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        if self.requires_grad and not self.fun:
            raise ValueError(
                f"{self._describe()}[...] = ...: this leaf takes gradients, so it must keep the values that they "
                "are taken at; assign to a copy (y = x.copy()), or to x.data where nothing is to be recorded"
            )
        if self.fun is operator.getitem and isinstance(self._data, np.ndarray) and self._data.base is not None:
            raise ValueError("x[i][j] = ... would change a copy of x[i], not x; write x[i, j] = ..., or copy() x[i]")
        if self.requires_grad and get_ident() in _paused:
            raise ValueError(
                f"{self._describe()}[...] = ... within no_grad would cut it off from what it was made from; "
                "assign to a detached copy, y.detach()"
            )
        earlier = _new(Tensor)
        for slot in _RECORD:
            setattr(earlier, slot, getattr(self, slot))
        later = apply(setitem, (earlier, index, value), {})
        for slot in _RECORD:
            setattr(self, slot, getattr(later, slot))

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self.data == value).any())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.requires_grad:
            raise TypeError(
                f"{self._describe()} takes gradients, which an array would lose: use .data for its array or "
                ".detach() for a constant (and np.stack to make one tensor of several)"
            )
        return np.array(self._data, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        body = np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=100, edgeitems=3)
        notes = [f"label={self.label!r}"] if self.label else []
        notes += [f"dtype={self.dtype}"] if self.dtype != np.float64 else []
        notes += [f"fun={name(self.fun)}"] if self.fun else [] if self.requires_grad else ["requires_grad=False"]
        return f"Tensor({', '.join([body, *notes])})"

    def _seed(self, gradient: Any) -> Any:
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward: {self._describe()} has shape {self.shape}, and only a single number has a gradient "
                    "by itself; reduce it (y.sum().backward(), y.mean().backward()) or pass gradient= of that shape"
                )
            return np.ones_like(self._data) if self.ndim else self.dtype.type(1)
        gradient = np.array(gradient, dtype=self.dtype)
        if gradient.shape != self.shape:
            raise ValueError(
                f"backward: gradient= has shape {gradient.shape}, but {self._describe()} has shape {self.shape}"
            )
        return gradient

    def _receive(self, g: Any) -> None:
        if self._grad is not None:
            self._grad = self._grad + g
        else:  # a view belongs to another array, which may change
            self._grad = g if g.base is None else g.copy()

    def _fit(self, g: Any, fun: Any) -> Any:
        data = self._data
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
            b = np.asarray(b)
        if isinstance(b, (np.ndarray, np.generic)) and b.dtype.kind not in "fiub":
            raise TypeError(f"a {b.dtype} array with a Tensor: Tensors are real numbers")
        return b if isinstance(b, (int, float, np.generic)) or hasattr(b, "__array_function__") else NotImplemented


class Value(Node):
    """One Python float that takes gradients, for learning: micrograd's class on this library's table.

    `data` and `grad` (0.0 at first) are floats. Operators, `relu()`, `exp()`, `log()`, `tanh()` and NumPy's
    ufuncs (`np.sin(v)`) give Values; a comparison gives a bool.
    """

    __slots__ = ()
    _no_grad = 0.0

    def __init__(self, data: Any, *, requires_grad: bool = True, label: str | None = None) -> None:
        super().__init__(_number(data), requires_grad, label)

    @property
    def data(self) -> float:
        """The number itself."""
        return self._data  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        self._data = _number(value)

    @property
    def grad(self) -> float:
        """d(root)/d(self) as the last `backward` left it."""
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = _number(value)

    def relu(self) -> "Value":
        """max(x, 0); its derivative at 0 is taken to be 0."""
        return self._of(relu, self._data if self._data > 0 else 0.0)

    def exp(self) -> "Value":
        """The exponential."""
        return self._of(np.exp, math.exp(self._data))

    def log(self) -> "Value":
        """The natural logarithm."""
        return self._of(np.log, math.log(self._data))

    def tanh(self) -> "Value":
        """The hyperbolic tangent."""
        return self._of(np.tanh, math.tanh(self._data))

    def _of(self, fun: Any, data: float) -> "Value":
        return _record(Value, data, fun, (self,), (self._data,), FIRST if self.requires_grad else NONE)

    def __repr__(self) -> str:
        return f"Value(data={self._data}, grad={self._grad}{f', label={self.label!r}' if self.label else ''})"

    def _seed(self, gradient: Any) -> Any:
        return 1.0 if gradient is None else _number(gradient)

    def _receive(self, g: Any) -> None:
        self._grad = self._grad + g

    def _fit(self, g: Any, fun: Any) -> Any:
        return g if isinstance(g, Value) else float(g)

    @classmethod
    def _constant(cls, b: Any) -> Any:
        if isinstance(b, np.ndarray) and b.ndim:
            raise TypeError(f"a Value is one number, and met an array of shape {b.shape}; make it a Tensor")
        return float(b) if isinstance(b, (int, float, np.generic, np.ndarray)) else NotImplemented


_REDUCTIONS = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
# What Python would have called, had NumPy's array on the left not been asked first: the shorter way.
_REFLECTED = {
    np.add: Tensor.__radd__, np.subtract: Tensor.__rsub__, np.multiply: Tensor.__rmul__,
    np.divide: Tensor.__rtruediv__, np.matmul: Tensor.__rmatmul__,
}  # fmt: skip
_NOT_AN_ARRAY = np.dtype(object)
_RECORD = ("_data", "requires_grad", "order", "call")


def _floating(data: Any, dtype: Any = None, copy: bool | None = None) -> Any:
    """`data` as an array of real floating-point numbers; what speaks NumPy's protocols already stays as it is."""
    if isinstance(data, Node):
        raise TypeError(f"Tensor({data._describe()}): it is one already; use it, its .data, or .detach()")
    if not isinstance(data, np.ndarray) and hasattr(data, "__array_function__"):
        return data
    array = np.array(data, dtype=dtype, copy=copy)
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(
            f"Tensor: cannot hold {array.dtype} ({type(data).__name__} {str(data)[:40]!r}); it takes real numbers, "
            "in arrays or lists of equal lengths"
        )
    return array


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, (Node, str)) or np.ndim(value):
        raise TypeError(f"a Value holds one number, not {value!r:.60}; use Tensor for arrays")
    return float(value)


def apply(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute `fun(*args, **kwargs)` on the data of the nodes among the arguments, and record it."""
    rules = vjps.get(fun)
    if rules is None:
        if fun in compositions:
            return compositions[fun](*args, **kwargs)
        if fun in constants:
            return fun(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()})
        raise TypeError(
            f"{name(fun)} has no rule for Tensors: give it one with defvjp({name(fun)}, rule, ...), list it with "
            f"nondifferentiable({name(fun)}), or call it on Tensor.data where no gradient is needed"
        )
    if kwargs:
        args, kwargs = _understood(fun, args, kwargs)
    kind: Any = None
    argvals, argnums = list(args), []
    try:
        for i, a in enumerate(args):
            if isinstance(a, Node):
                argvals[i] = a._data
                if a.requires_grad and rules[i] is not None:
                    argnums.append(i)
                kind = type(a) if kind is None or kind is type(a) else _met(fun, args)
        data = bodies.get(fun, fun)(*argvals, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        raise _explained(error, fun, args, kwargs) from error
    if kind is Value:
        data = float(data)
    elif getattr(data, "dtype", _NOT_AN_ARRAY).kind != "f":
        raise TypeError(f"{name(fun)} of Tensors gave {data!r:.60}, which is no array of real numbers")
    return _record(kind, data, fun, args, argvals, argnums, kwargs)


def _met(fun: Any, args: tuple[Any, ...]) -> type[Node]:
    """The class of a result of several: a subclass of Tensor gives a Tensor, a Value meets only Values."""
    if any(isinstance(a, Value) for a in args):
        raise TypeError(f"{name(fun)}: a Value is one number and meets no Tensors; make it a Tensor too")
    return Tensor


def _plain(a: Any) -> Any:
    return a._data if isinstance(a, Node) else a


def _understood(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with the nodes among the positional ones, and only keywords that the rules know."""
    kwargs = {k: v for k, v in kwargs.items() if not (k == "out" and v is None)}
    if "out" in kwargs:
        raise TypeError(
            f"{name(fun)}(..., out=...): a plain array cannot hold a Tensor's result; write y = ... instead "
            "(and a = a + t instead of a += t)"
        )
    if any(isinstance(v, Node) for v in kwargs.values()):
        import inspect

        bound = inspect.signature(fun).bind(*args, **kwargs)
        args, kwargs = bound.args, bound.kwargs
    for k in kwargs:
        if k not in keywords(fun):
            raise TypeError(f"{name(fun)}(..., {k}=...): its rule does not know this keyword")
    return args, kwargs


def _explained(error: Exception, fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """NumPy's error again, with the function, and the shapes and labels of what met in it."""

    def shown(a: Any) -> str:
        if not isinstance(a, (Node, np.ndarray)):
            return f"{a!r:.60}"
        label = f"{a.label} " if isinstance(a, Node) and a.label else ""
        return f"{label}of shape {np.shape(a._data if isinstance(a, Node) else a)}"

    kind = next(k for k in (IndexError, ValueError, TypeError) if isinstance(error, k))
    call = ", ".join([*map(shown, args), *(f"{k}={shown(v)}" for k, v in kwargs.items())])
    return kind(f"{name(fun)}({call}): {error}")


# glibc hands freed memory back to the system beyond a bound that follows the largest block it has seen freed, and a
# step would then fetch all its arrays anew, page by page: three times the time at 17,000 rows. So let it see one of
# the largest size that counts (32 MB, never touched, so never really there).
np.empty(2**25 - 2**14, np.uint8)
