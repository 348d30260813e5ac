"""Operators and NumPy calls on nodes.

NumPy hands a call with a node among its arguments over to the node: a ufunc by `__array_ufunc__` (NEP 13), any other
function by `__array_function__` (NEP 18). Python's operators come here as well, by a shorter way.
"""

import operator
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .apply import apply, plain, where_true, without_subclasses
from .conversions import check_conversion, several_numbers
from .errors import NoRuleError, describe, explained
from .inplace import augmented
from .mode import paused
from .pickling import reduced
from .rules.activations import relu
from .rules.floats import real_power
from .rules.methods import ADDING, METHODS, write_at
from .rules.registry import implementations, name, promoting, vjps
from .tape import NO_KEYWORDS, Function, Node, constant, record

FIRST, SECOND, BOTH = (0,), (1,), (0, 1)  # positions of the arguments that take gradients
REDUCTIONS: dict[np.ufunc, Function] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
}
SCANS: dict[np.ufunc, Function] = {np.add: np.cumsum, np.multiply: np.cumprod}


def binary(fun: np.ufunc, op: Function) -> tuple[Function, Function]:
    """Return the methods of `a op b`: for a node on the left, and for a constant there and a node on the right.

    Python's own operator computes: the same as the ufunc, but faster (`x ** 2` is a square).
    """

    promotes = fun in promoting

    def forward(a: Node, b: Any) -> Any:
        kind, x, t = type(a), a._value, type(b)
        if t is kind:
            y = b._value
        elif t is float or t is int:
            y = b
        elif isinstance(b, Node):
            return apply(fun, (a, b), {})
        else:
            y = b = kind._constant(b, a)
            if b is NotImplemented:
                return NotImplemented
        if promotes and hasattr(y, "dtype") and y.dtype != getattr(x, "dtype", None):
            return apply(fun, (a, b), {})
        try:
            data = op(x, y)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise explained(error, fun, (a, b), {}) from error
        if a.requires_grad:
            argnums = BOTH if t is kind and b.requires_grad else FIRST
            return record(kind, data, fun, (a, b), (x, y), NO_KEYWORDS, argnums)
        if t is kind and b.requires_grad:
            return record(kind, data, fun, (a, b), (x, y), NO_KEYWORDS, SECOND)
        return constant(kind, data)

    def reflected(b: Node, a: Any) -> Any:
        kind, t = type(b), type(a)
        if t is not float and t is not int:
            a = kind._constant(a)
            if a is NotImplemented:
                return NotImplemented
            if t is complex and type(b._value) is np.float64:  # a float to Python, which would give no number of NumPy
                a = np.complex128(a)
        try:
            data = op(a, b._value)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise explained(error, fun, (a, b), {}) from error
        if b.requires_grad:
            return record(kind, data, fun, (a, b), (a, b._value), NO_KEYWORDS, SECOND)
        return constant(kind, data)

    return forward, reflected


def unary(fun: Function, op: Function) -> Any:
    """Return the method for `fun` of a node, which `op` computes."""

    def method(x: Node) -> Any:
        data = x._value
        try:
            y = op(data)
        except ValueError as error:  # of Python's functions of floats, in words of each version
            raise explained(ValueError("the result is not a real number"), fun, (x,), {}) from error
        except (TypeError, OverflowError, ZeroDivisionError) as error:
            raise explained(error, fun, (x,), {}) from error
        if x.requires_grad:
            return record(type(x), y, fun, (x,), (data,), NO_KEYWORDS, FIRST)
        return constant(type(x), y)

    method.__qualname__, method.__name__ = name(fun), fun.__name__
    method.__doc__ = f"Return `{name(fun)}` of this node, element by element."
    return method


def comparison(fun: np.ufunc, op: Function) -> Any:
    """Return the method of an operator without a gradient: it gives plain numbers, arrays or booleans."""

    def method(a: Node, b: Any) -> Any:
        try:
            return op(a._value, plain(b))
        except (TypeError, ValueError) as error:
            raise explained(error, fun, (a, b), {}) from error

    return method


def refused(sign: str, remedy: str) -> Any:
    """Return the method of an operator that integers and booleans alone have: it raises TypeError."""

    def method(x: Node, other: Any = 0) -> Any:
        if not hasattr(other, "__float__"):  # no number or array: its class may have the operator
            return NotImplemented
        raise TypeError(f"{x._describe()} with {sign}, an operator of integers and booleans; {remedy}")

    return method


def call_of_method(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Function, tuple[Any, ...], dict[str, Any]] | None:
    """Return the call of a function with a rule that computes the same as a ufunc's method; None if there is none."""
    if method == "outer" and ufunc.signature is None and ufunc.nin == 2:
        a, b = inputs
        return ufunc, (np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b), kwargs
    table = {"reduce": REDUCTIONS, "accumulate": SCANS}.get(method, {})
    if "dtype" in kwargs and kwargs["dtype"] is None:  # the default, and np.max takes no dtype
        kwargs = {k: v for k, v in kwargs.items() if k != "dtype"}
    return (table[ufunc], inputs, {"axis": 0, **kwargs}) if ufunc in table else None


def _real_power_in_place(a: Any, b: Any) -> Any:
    return real_power(a, b) if type(a) is float else operator.ipow(a, b)  # type: ignore[no-untyped-call]


class Operand(Node):
    """A node that Python's operators and NumPy's functions take."""

    __slots__ = ()
    __reduce__ = reduced
    _reflected: ClassVar[dict[np.ufunc, Function]] = {}  # of a subclass: its methods for an array on the left

    @property
    def __pandas_priority__(self) -> int:
        """Return more than a table's: of `table * tensor`, the Tensor computes the product."""
        frame = sys._getframe(1).f_back  # None if a program asks in its outermost lines
        if frame and frame.f_code.co_name == "_inplace_method":  # pandas takes NotImplemented for the product
            raise TypeError(
                f"pandas takes arrays: `table += x`, or another such operator, cannot write {describe(self)} into a "
                "table; write y = table.to_numpy() + x, or where no gradient is needed x.data"
            )
        return 5000

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            reflected = None if kwargs or self is inputs[0] else self._reflected.get(ufunc)
            if reflected:
                return reflected(self, inputs[0])
            if (where := kwargs.pop("where", True)) is not True:
                return where_true(ufunc, inputs, kwargs, where)
            if len(inputs) > 1:  # rules take no lists
                inputs = tuple([np.asarray(a) if isinstance(a, (list, tuple)) else a for a in inputs])
            return apply(ufunc, inputs, kwargs)
        if same := call_of_method(ufunc, method, inputs, kwargs):
            return apply(*same)
        if method in METHODS and ufunc.nin == 2 and ufunc in vjps and kwargs.pop("out", None) is None:
            return METHODS[method](ufunc, *map(without_subclasses, inputs), **kwargs)
        what = "Tensors"
        if method == "at" and ufunc in ADDING:
            y = inputs[0]
            if hasattr(y, "requires_grad") and (paused() or y.fun or not y.requires_grad):
                return write_at(ufunc, *inputs)
            what = "a plain array or a leaf; make y = tg.Tensor(array, requires_grad=False), or y = x.copy()"
        raise NoRuleError(
            f"{name(ufunc)}.{method} has no rule for {what}; y[index] = ... writes into a Tensor, and Tensor.data "
            "serves where no gradient is needed"
        )

    def __array_function__(self, fun: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply(fun, args, kwargs)

    def __bool__(self) -> bool:
        if np.size(self._value) != 1:
            raise ValueError(
                f"{self._describe()} holds {np.size(self._value)} elements, and none of them alone decides whether it "
                "is true; say which with .any() or .all()"
            )
        return bool(self._value)

    def __float__(self) -> float:
        number = float(self._scalar("float"))
        if self.requires_grad:
            check_conversion(self)
        return number

    def __complex__(self) -> complex:
        number = complex(self._scalar("complex"))
        check_conversion(self)
        return number

    def __int__(self) -> int:
        number = int(self._scalar("int"))
        check_conversion(self)
        return number

    def __round__(self, ndigits: int | None = None) -> float:
        return round(self._scalar("round").item(), ndigits)  # type: ignore[no-any-return]

    def __format__(self, spec: str) -> str:
        return format(self._scalar("format").item(), spec) if spec else str(self)

    def _as_gradient(self, r: Any, recorded: bool) -> Any:
        """Return a gradient that a hook made, in the dtype of this node; `recorded` says whether as a node."""
        if recorded and isinstance(r, Node):
            return r._as_base()
        data = r._value if isinstance(r, Node) else r
        g = float(data) if type(self._value) is float else np.array(data, self._value.dtype)
        return constant(self._kind, g) if recorded else g

    def _scalar(self, purpose: str) -> Any:
        """Return the single element as a NumPy scalar; raise TypeError if there is not exactly one."""
        data = self._value
        if isinstance(data, float):
            return data if type(data) is not float else np.float64(data)
        if data.size != 1:
            raise several_numbers(self, purpose)
        if data.dtype.kind == "c" and purpose in ("float", "int", "round"):
            raise TypeError(f"{purpose}: {self._describe()} is complex; take .real, .imag or abs(...) of it")
        return data.reshape(-1)[0]

    __hash__ = object.__hash__  # by identity: == compares data
    __add__, __radd__ = binary(np.add, operator.add)
    __sub__, __rsub__ = binary(np.subtract, operator.sub)
    __mul__, __rmul__ = binary(np.multiply, operator.mul)
    __truediv__, __rtruediv__ = binary(np.divide, operator.truediv)
    __mod__, __rmod__ = binary(np.remainder, operator.mod)
    __pow__, __rpow__ = binary(np.power, real_power)
    __neg__, __pos__ = unary(np.negative, operator.neg), unary(np.positive, operator.pos)
    __abs__, relu = unary(np.absolute, abs), unary(relu, implementations[relu])
    __iadd__, __isub__ = augmented("+", np.add, operator.iadd), augmented("-", np.subtract, operator.isub)
    __imul__, __itruediv__ = augmented("*", np.multiply, operator.imul), augmented("/", np.divide, operator.itruediv)
    __ifloordiv__ = augmented("//", np.floor_divide, operator.ifloordiv)
    __imod__, __ipow__ = augmented("%", np.remainder, operator.imod), augmented("**", np.power, _real_power_in_place)
    __floordiv__ = comparison(np.floor_divide, operator.floordiv)
    __rfloordiv__ = comparison(np.floor_divide, lambda b, a: a // b)
    __divmod__, __rdivmod__ = lambda a, b: (a // b, a % b), lambda b, a: (a // b, a % b)
    __eq__, __ne__ = comparison(np.equal, operator.eq), comparison(np.not_equal, operator.ne)
    __lt__, __le__ = comparison(np.less, operator.lt), comparison(np.less_equal, operator.le)
    __gt__, __ge__ = comparison(np.greater, operator.gt), comparison(np.greater_equal, operator.ge)
    if not TYPE_CHECKING:  # type checkers report these operators
        __xor__ = __rxor__ = refused("^", "a power is **, as in x ** 2")
        __and__ = __rand__ = refused("&", "join comparisons in parentheses: (x > 0) & (x < 1)")
        __or__ = __ror__ = refused("|", "join comparisons in parentheses: (x < 0) | (x > 1)")
        __invert__ = refused("~", "negate a comparison in parentheses: ~(x > 0)")
