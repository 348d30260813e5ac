"""The tape: a `Node` holds data and the call that made it.

Operators and NumPy functions on a node do two things: compute on the data within, and note the call (`fun`,
`args`, `kwargs`) and its place on the tape (`order`) in the node that they return. That is the whole forward
pass; `backward` walks from a root and leaves each node its gradient.
"""

import contextlib
import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from .backward import ARGS, Call, backprop
from .errors import checked, explained, origin
from .rules import compositions, constants, implementations, keywords, name, refusal, vjps
from .rules.activations import relu
from .threads import shared

_tape = itertools.count(-1, -1)  # operations are numbered downwards as they are recorded, so that the latest come first
_paused = ContextVar("paused", default=0)  # how many no_grads this thread (or task) is inside of
paused = _paused.get
place = _tape.__next__  # a place on the tape for one's own use
_noted = 0  # the latest place that has a note

FIRST, SECOND, BOTH = (0,), (1,), (0, 1)  # positions of the arguments that take gradients
NO_KEYWORDS: dict[str, Any] = {}
LEAF: Call = (None, (), None, ())
REDUCTIONS: dict[np.ufunc, Any] = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
SCANS: dict[np.ufunc, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}
_new = object.__new__

implementations.update({f: shared(f) for f in (np.sin, np.cos)})  # in float64 ten times as slow as any other ufunc


class no_grad:
    """Compute without recording: `with no_grad():` or `@no_grad()`. Holds for the thread that entered it."""

    __slots__ = ()

    def __enter__(self) -> None:
        _paused.set(paused() + 1)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        _paused.set(paused() - 1)

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        """`fun` as a function that never records."""
        if getattr(getattr(fun, "__code__", None), "co_flags", 0) & 0x20:  # inspect.CO_GENERATOR, without inspect
            raise TypeError(f"no_grad: {name(fun)} is a generator, which runs later; write `with no_grad():` inside it")

        @functools.wraps(fun)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return fun(*args, **kwargs)

        return call


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Record again within no_grad: what a transform computes inside is its own affair."""
    before = _paused.set(0)
    try:
        yield
    finally:
        _paused.reset(before)


def record(kind: type["Node"], data: Any, call: Call) -> Any:
    """The node that holds `data`, the result of `call`."""
    y = _new(kind)
    y._value = data
    y._grad = None
    y.label = None
    y.requires_grad = True
    y.order = next(_tape)
    y.call = call
    return y


def constant(kind: type["Node"], data: Any) -> Any:
    """A node that holds `data`, whatever it was made from."""
    y = _new(kind)
    y._value = data
    y._grad = None
    y.label = None
    y.requires_grad = False
    y.order = 0  # before all that is recorded
    y.call = LEAF
    return y


def note(y: Any, whose: Any, kind: type | None, start: int, given: Any) -> None:
    """Let each node in y that was recorded since `start` tell whose work it came out of, and the ids of what went in.

    The tape never asks; pictures do, to draw as one what was done as one. A node's `span` keeps nothing alive: `whose`
    is a weak reference to a module of class `kind`; both are None for a backward pass.
    """
    global _noted
    if isinstance(y, Node):
        order = y.order
        if order < start:
            inner = None
            if order < _noted:  # it is later than all that has a span, and an unset slot takes long to read
                _noted = order
            else:
                inner = getattr(y, "span", None)
            y.span = (whose, kind, start, order, given, inner)
    elif isinstance(y, (list, tuple, dict)):
        for part in y.values() if isinstance(y, dict) else y:
            note(part, whose, kind, start, given)


def binary(fun: np.ufunc, op: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """The methods of `a op b`: for a node on the left, and for a constant there and a node on the right.

    Python's own operator computes: the same as the ufunc, but faster (`x ** 2` is a square).
    """

    def forward(a: "Node", b: Any) -> Any:
        kind, x, t = type(a), a._value, type(b)
        if t is kind:
            y = b._value
        elif t is float or t is int:
            y = b
        elif isinstance(b, Node):
            return apply(fun, (a, b), {})
        else:
            y = b = kind._constant(b)
            if b is NotImplemented:
                return NotImplemented
        try:
            data = op(x, y)
        except (TypeError, ValueError) as error:
            raise explained(error, fun, (a, b), {}) from error
        if not paused():
            if a.requires_grad:
                argnums = BOTH if t is kind and b.requires_grad else FIRST
                return record(kind, data, (fun, argnums, None, (x, y), a, b))
            if t is kind and b.requires_grad:
                return record(kind, data, (fun, SECOND, None, (x, y), a, b))
        return constant(kind, data)

    def reflected(b: "Node", a: Any) -> Any:
        kind, t = type(b), type(a)
        if t is not float and t is not int:
            a = kind._constant(a)
            if a is NotImplemented:
                return NotImplemented
        try:
            data = op(a, b._value)
        except (TypeError, ValueError) as error:
            raise explained(error, fun, (a, b), {}) from error
        if b.requires_grad and not paused():
            return record(kind, data, (fun, SECOND, None, (a, b._value), a, b))
        return constant(kind, data)

    return forward, reflected


def unary(fun: Any, op: Callable[[Any], Any]) -> Any:
    """The method that gives `fun` of a node, which `op` computes."""

    def method(x: "Node") -> Any:
        data = x._value
        if x.requires_grad and not paused():
            return record(type(x), op(data), (fun, FIRST, NO_KEYWORDS, (data,), x))
        return constant(type(x), op(data))

    return method


def plain(fun: np.ufunc, op: Callable[[Any, Any], Any]) -> Any:
    """The method of an operator without a gradient: it sees data, and gives plain numbers, arrays or booleans."""

    def method(a: "Node", b: Any) -> Any:
        try:
            return op(a._value, _plain(b))
        except ValueError as error:
            raise explained(error, fun, (a, b), {}) from error

    return method


def _real_power(a: Any, b: Any) -> Any:
    y = a**b
    if type(y) is complex:  # Python's floats leave the real line here, where NumPy's become NaN
        raise ValueError(f"{a} ** {b} is not a real number")
    return y


class Node:
    """What Tensor and Value share: a place on the tape, the operators, and `backward`."""

    __slots__ = (
        "__weakref__", "_grad", "_value", "call", "label", "order", "passes", "requires_grad", "span",
    )  # fmt: skip
    passes: int  # how many backward passes have added up to a leaf's gradient; unset before the first
    span: tuple[Any, ...]  # what `note` noted, and the span that it noted here before; unset where there is none
    _reflected: dict[Any, Any] = {}  # noqa: RUF012 (each subclass has its own, and nothing writes to it)

    def __init__(self, data: Any, requires_grad: bool, label: str | None) -> None:
        self._value: Any = data  # not `_data`: masked arrays take an attribute of that name for an array's own
        self._grad: Any = None
        self.requires_grad, self.label = bool(requires_grad), label
        self.order, self.call = next(_tape), LEAF

    fun = property(lambda self: self.call[0], doc="The function that made this; None for a leaf or a constant.")
    args = property(lambda self: self.call[ARGS:], doc="Its arguments, this node's parents among them.")
    argnums = property(lambda self: self.call[1], doc="The positions of the arguments that take gradients.")
    kwargs = property(lambda self: self.call[2] or {}, doc="Its keywords.")

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
        leaves, passed = backprop(self, seed, keep=retain_graph)
        for x, g in leaves:
            x._receive(g)
        for y in passed:
            y.call = (y.fun, None, None, ())

    def detach(self) -> Self:
        """A constant with the same data."""
        y = self._constant_node(self._value)
        y.label = self.label
        return y

    def __reduce__(self) -> Any:
        if self.fun:
            raise TypeError(
                f"{self._describe()} is a result of {name(self.fun)}, and neither copied nor pickled with all that it "
                "was made from; take y.detach() for the value alone, or +y for another node of the same graph"
            )
        return _restored, (type(self), self._value, self._grad, self.requires_grad, self.label)

    @classmethod
    def _constant_node(cls, data: Any) -> Self:
        return constant(cls, data)  # type: ignore[no-any-return]

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            reflected = None if kwargs or self is inputs[0] else self._reflected.get(ufunc)
            if reflected:
                return reflected(self, inputs[0])
            if len(inputs) > 1:  # rules see no lists
                inputs = tuple([np.asarray(a) if isinstance(a, (list, tuple)) else a for a in inputs])
            return apply(ufunc, inputs, kwargs)
        if method == "outer" and ufunc.signature is None and ufunc.nin == 2:
            a, b = inputs
            return apply(ufunc, (np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b), kwargs)
        table = {"reduce": REDUCTIONS, "accumulate": SCANS}.get(method, {})
        if ufunc in table:
            return apply(table[ufunc], inputs, {"axis": 0, **kwargs})
        known = ", ".join(f"{name(f)}.{method}" for f in table)
        raise TypeError(
            f"{name(ufunc)}.{method} has no rule for Tensors; "
            + (f"{known} have, and " if known else "y[index] = ... writes into a Tensor, and ")
            + "Tensor.data goes where no gradient is needed"
        )

    def __array_function__(self, fun: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply(fun, args, kwargs)

    def __bool__(self) -> bool:
        if np.size(self._value) != 1:
            raise ValueError(
                f"{self._describe()} holds {np.size(self._value)} elements, and none of them alone decides whether it "
                "is true; say which with .any() or .all()"
            )
        return bool(self._value)

    def __float__(self) -> float:
        return float(self._one("float"))

    def __int__(self) -> int:
        return int(self._one("int"))

    def __format__(self, spec: str) -> str:
        return format(self._one("format").item(), spec) if spec else str(self)

    __hash__ = object.__hash__  # by identity: == compares data

    def _one(self, purpose: str) -> Any:
        """The single element as a NumPy scalar."""
        data = self._value
        if isinstance(data, float):
            return data if type(data) is not float else np.float64(data)
        if data.size != 1:
            raise TypeError(f"{purpose}: {self._describe()} holds {data.size} elements, not one; use .data or .numpy()")
        return data.reshape(-1)[0]

    def _describe(self) -> str:
        return f"{type(self).__name__}{f' {self.label!r}' if self.label else ''}"

    __add__, __radd__ = binary(np.add, operator.add)
    __sub__, __rsub__ = binary(np.subtract, operator.sub)
    __mul__, __rmul__ = binary(np.multiply, operator.mul)
    __truediv__, __rtruediv__ = binary(np.divide, operator.truediv)
    __mod__, __rmod__ = binary(np.remainder, operator.mod)
    __pow__, __rpow__ = binary(np.power, _real_power)
    relu = unary(relu, implementations[relu])
    __floordiv__, __rfloordiv__ = plain(np.floor_divide, operator.floordiv), plain(np.floor_divide, lambda b, a: a // b)
    __neg__ = unary(np.negative, operator.neg)
    __pos__ = unary(np.positive, operator.pos)
    __abs__ = unary(np.absolute, abs)
    __divmod__, __rdivmod__ = lambda a, b: (a // b, a % b), lambda b, a: (a // b, a % b)
    __eq__, __ne__ = plain(np.equal, operator.eq), plain(np.not_equal, operator.ne)
    __lt__, __le__ = plain(np.less, operator.lt), plain(np.less_equal, operator.le)
    __gt__, __ge__ = plain(np.greater, operator.gt), plain(np.greater_equal, operator.ge)

    # What a subclass says of its data.
    def _seed(self, gradient: Any) -> Any: ...
    def _receive(self, g: Any) -> None: ...
    def _fit(self, g: Any, fun: Any) -> Any: ...
    @classmethod
    def _constant(cls, b: Any) -> Any: ...
    @classmethod
    def _result(cls, data: Any, fun: Any) -> Any: ...


def apply(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute `fun(*args, **kwargs)` on the data of the nodes among the arguments, and record it."""
    rules = vjps.get(fun)
    if rules is None:
        if fun in compositions:
            if kwargs or "out" in keywords(fun):
                kwargs = checked(fun, args, kwargs)
            try:
                return compositions[fun](*args, **kwargs)
            except (TypeError, ValueError, IndexError) as error:  # of a call that the user did not write
                if (numpys := origin(error)) is None:
                    raise
                raise explained(numpys, fun, args, kwargs) from numpys
        if fun in constants:
            try:
                return fun(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()})
            except (TypeError, ValueError, IndexError) as error:
                raise explained(error, fun, args, kwargs) from error
        if why := refusal(fun):
            raise TypeError(f"{name(fun)} does not take Tensors: {why}")
        raise TypeError(
            f"{name(fun)} has no rule for Tensors: give it one with defvjp({name(fun)}, rule, ...), list it with "
            f"nondifferentiable({name(fun)}), or call it on Tensor.data where no gradient is needed"
        )
    if kwargs or (len(args) > 2 and "out" in keywords(fun)):
        args, kwargs = _understood(fun, args, kwargs)
    kind: Any = None
    argvals, argnums = list(args), []
    for i, a in enumerate(args):
        if isinstance(a, Node):
            argvals[i] = a._value
            if a.requires_grad:
                if i >= len(rules):
                    unfit = TypeError(f"argument {i} is no place for a Tensor; hand over its .data")
                    raise explained(unfit, fun, args, kwargs) from unfit
                if rules[i] is not None:
                    argnums.append(i)
            kind = type(a) if kind is None or kind is type(a) else common(kind, type(a), fun)
    try:
        data = implementations.get(fun, fun)(*argvals, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        raise explained(error, fun, args, kwargs) from error
    if type(data) is tuple and not argnums:  # of places, which np.where(condition) gives
        return data
    data = kind._result(data, fun)
    if argnums and not paused():
        return record(kind, data, (fun, tuple(argnums), kwargs, tuple(argvals), *args))
    return constant(kind, data)


def common(one: type[Node], other: type[Node], fun: Any) -> type[Node]:
    """The class of a result of two: of a Tensor and a subclass, a Tensor; a Value meets only Values."""
    shared = next(kind for kind in one.__mro__ if issubclass(other, kind))
    if shared is Node:
        raise TypeError(f"{name(fun)}: a Value is one number and meets no Tensors; make it a Tensor too")
    return shared


def _plain(a: Any) -> Any:
    if isinstance(a, (list, tuple)):
        return [_plain(v) for v in a]
    return a._value if isinstance(a, Node) else a


def _understood(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with the nodes among the positional ones, and only keywords that the rules know."""
    if any(isinstance(v, Node) for v in kwargs.values()):
        import inspect

        bound = inspect.signature(fun).bind(*args, **kwargs)
        args, kwargs = bound.args, bound.kwargs
    for k, v in kwargs.items():
        if isinstance(v, Node):
            raise TypeError(f"{name(fun)}(..., {k}=...): no place for a Tensor; hand over its .data")
    return args, checked(fun, args, kwargs)


def _restored(kind: type[Node], data: Any, grad: Any, requires_grad: bool, label: str | None) -> Node:
    x = _new(kind)
    Node.__init__(x, data, requires_grad, label)
    x._grad = grad
    return x
