"""Value: a single Python float on the tape, for learning."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .backward import Gradient
from .declared import Arithmetic
from .dispatch import unary
from .rules.activations import relu, sigmoid
from .rules.floats import python_exp, python_float, python_log, python_relu, python_sqrt, python_tanh
from .rules.foreign import array_from
from .rules.notation import INFIX, PREFIX
from .rules.registry import implementations, is_elementwise, is_users, name
from .tape import Function, Node


class Value(Arithmetic):
    """One Python float that takes gradients, for learning: micrograd's class on this library's rules.

    `data` and `grad` (0.0 at first) are floats. Operators, `relu()`, `exp()`, `log()`, `tanh()` and NumPy's
    ufuncs (`np.sin(v)`) return Values; a comparison returns a bool.

    >>> a, b = tg.Value(2.0), tg.Value(-3.0)
    >>> (a * b).backward()
    >>> a.grad, b.grad
    (-3.0, 2.0)
    """

    __slots__ = ()

    def __init__(self, data: float, *, requires_grad: bool = True, label: str | None = None) -> None:
        Node.__init__(self, data if type(data) is float else _number(data), requires_grad, label)

    @property
    def data(self) -> float:
        """The number."""
        return self._value  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: float) -> None:
        self._value = _number(value)

    @property
    def grad(self) -> float:
        """The gradient d(root)/d(self) of the last `backward`; of a leaf the sum since `zero_grad`."""
        return 0.0 if self._grad is None else self._grad

    @grad.setter
    def grad(self, value: float) -> None:
        self._grad = _number(value)

    # Python's own functions compute these: on one number they take a tenth of the time of NumPy's.
    if not TYPE_CHECKING:  # Arithmetic has their types
        relu, abs = unary(relu, python_relu), unary(np.absolute, abs)
        exp, log = unary(np.exp, python_exp), unary(np.log, python_log)
        tanh, sqrt = unary(np.tanh, python_tanh), unary(np.sqrt, python_sqrt)
        sigmoid = unary(sigmoid, lambda x: python_float(implementations[sigmoid](x)))

    @property
    def _op(self) -> str:
        """The operation that made this Value, as micrograd writes it: "+", "**2", "tanh", "ReLU"; "" of a leaf."""
        if not self.fun:
            return ""
        if self.fun is relu:
            return "ReLU"
        if self._is_constant_power():
            return f"**{self.args[1]}"
        known = INFIX.get(self.fun) or PREFIX.get(self.fun)
        return known[0] if known else name(self.fun).removeprefix("np.")

    def _is_constant_power(self) -> bool:
        return self.fun is np.power and len(self.args) == 2 and not isinstance(self.args[1], Node)

    @property
    def _prev(self) -> set["Value"]:
        """The arguments of that operation, for drawing code that was written for micrograd; numbers are constants."""
        args = self.args[:1] if self._is_constant_power() else self.args
        return {a if isinstance(a, Value) else Value(a, requires_grad=False) for a in args}

    def __repr__(self) -> str:
        label, fun = f", label={self.label!r}" if self.label else "", f", fun={name(self.fun)}" if self.fun else ""
        return f"Value(data={self._value}, grad={self.grad}{label}{fun})"

    def _seed(self, gradient: float | None) -> Gradient:
        return 1.0 if gradient is None else _number(gradient)

    def _fit(self, g: Gradient, fun: Function) -> Gradient:
        return g if isinstance(g, Value) else python_float(g)

    @classmethod
    def _constant(cls, b: Any, node: Any = None) -> Any:
        b = array_from(b)
        if isinstance(b, complex):
            raise TypeError("a complex number with a Value: a Value holds one real number")
        if isinstance(b, np.ndarray) and b.ndim:
            raise TypeError(f"a Value is one number, and this is an array of shape {b.shape}; make the Value a Tensor")
        is_number = isinstance(b, (int, float, np.generic, np.ndarray)) or hasattr(b, "__array_function__")
        return python_float(b) if is_number else NotImplemented

    @classmethod
    def _result(cls, data: Any, fun: Function) -> Any:
        if np.ndim(data):
            raise TypeError(f"{name(fun)}: a Value is one number, and this is an array; make the Value a Tensor")
        if not is_elementwise(fun) and not is_users(fun):
            raise TypeError(f"{name(fun)}: a Value is one number, and this is for arrays; make it a Tensor")
        if isinstance(data, (complex, np.complexfloating)):
            raise TypeError(f"{name(fun)} of Values gave a complex number, and a Value holds one real number")
        return python_float(data)


Value._kind = Value


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, (Node, str, bytes, list, tuple)) or value is None or np.ndim(value) or np.iscomplexobj(value):
        raise TypeError(f"a Value holds one real number, not {value!r:.60}; use Tensor for arrays")
    return python_float(value)  # type: ignore[no-any-return]
