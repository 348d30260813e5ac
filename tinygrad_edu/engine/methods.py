"""The methods of a Tensor: those of ndarray, with its arguments, and PyTorch's names for a few of them."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .apply import apply
from .dispatch import Operand, binary, unary
from .habits import names_keywords
from .rules.activations import sigmoid
from .rules.products import matmul
from .rules.registry import Function, implementations, name
from .rules.shaping import astype
from .tape import MADE, NO_KEYWORDS, Node


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


def calling(fun: Function) -> Function:
    """Return the method that calls a NumPy function with the same arguments."""
    return lambda self, *args, **kwargs: fun(self, *args, **kwargs)


NAMES = """
    sum mean prod max min var std cumsum cumprod argmax argmin all any round ravel squeeze swapaxes take repeat choose
    diagonal argsort trace searchsorted
"""
ARRAY_METHODS: dict[str, Function] = {  # methods of ndarray that vmap's and jit's arrays share
    **{name: calling(getattr(np, name)) for name in NAMES.split()},
    "transpose": lambda self, *axes: np.transpose(self, axes[0] if len(axes) == 1 else axes or None),
    "reshape": lambda self, *shape, **kwargs: np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs),
    "flatten": lambda self, order="C": np.ravel(self, order).copy(),
}


class Methods(Operand):
    """A node with the methods of ndarray: each calls the NumPy function of that name."""

    __slots__ = ()

    shape = property(lambda self: self._value.shape, doc="The length of each axis.")
    ndim = property(lambda self: self._value.ndim, doc="The number of axes.")
    size = property(lambda self: self._value.size, doc="The number of elements.")
    dtype = property(lambda self: self._value.dtype, doc="The dtype of the elements.")
    T = property(lambda self: apply(np.transpose, (self,), {}), doc="The tensor with its axes in reverse order.")
    mT = property(
        lambda self: apply(np.swapaxes, (self, -1, -2), {}), doc="The tensor with its last two axes exchanged."
    )
    real = property(lambda self: apply(np.real, (self,), {}), doc="The real part.")
    imag = property(lambda self: apply(np.imag, (self,), {}), doc="The imaginary part; of real numbers, zeros.")

    __matmul__, __rmatmul__ = binary(np.matmul, matmul)
    sum, mean, prod = _method(np.sum), _method(np.mean), _method(np.prod)
    max, min, var, std = _method(np.max), _method(np.min), _method(np.var), _method(np.std)
    ravel, flatten, squeeze = _method(np.ravel), _method(np.ravel), _method(np.squeeze)
    swapaxes, clip, dot = _method(np.swapaxes), _method(np.clip), _method(np.dot)
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

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """Return the same elements in another shape, given as a tuple or as numbers."""
        target = shape[0] if len(shape) == 1 else shape
        return apply(np.reshape, (self, target), NO_KEYWORDS if order == "C" else {"order": order})

    def transpose(self, *axes: Any) -> Any:
        """Return the tensor with its axes in another order, a tuple or numbers; without one, in reverse order."""
        return apply(np.transpose, (self, *axes) if len(axes) < 2 else (self, axes), {})

    def astype(self, dtype: DTypeLike, *, copy: bool = True) -> Any:
        """Return a copy in another dtype of floats or complex numbers; in an integer one, as a plain array."""
        if np.dtype(dtype).kind not in "fc":
            return self._value.astype(dtype)
        return astype(self, np.dtype(dtype))

    def compress(self, condition: ArrayLike, axis: int | None = None) -> Any:
        """Return the slices along `axis` for which `condition` holds."""
        return apply(np.compress, (condition, self, axis), {})

    # Value's methods, and PyTorch's names
    exp, log, sqrt = unary(np.exp, np.exp), unary(np.log, np.log), unary(np.sqrt, np.sqrt)
    tanh, abs = unary(np.tanh, np.tanh), unary(np.absolute, abs)
    sigmoid = unary(sigmoid, implementations[sigmoid])

    def copy(self, order: str = "K") -> Any:
        """Return a copy of this tensor, with its graph; the copy of a constant is a leaf, to be written into."""
        y = apply(np.copy, (self,), NO_KEYWORDS if order == "K" else {"order": order})
        if not y.fun:
            y.kwargs = MADE
        return y

    clone = copy

    def view(self, *shape: Any) -> Any:
        """Return the same elements in another shape, as `reshape` does; `astype` converts to another dtype."""
        target = shape[0] if len(shape) == 1 else shape
        lengths = target if isinstance(target, (tuple, list)) else [target]
        if not all(isinstance(n, (int, np.integer)) for n in lengths):
            raise TypeError(f"view: it takes a shape, as in x.view(-1, 2), not {target!r:.40}; astype converts dtypes")
        return apply(np.reshape, (self, target), NO_KEYWORDS)

    @names_keywords
    def unsqueeze(self, axis: int) -> Any:
        """Return the tensor with a new axis of length 1, as `np.expand_dims` does."""
        return apply(np.expand_dims, (self, axis), NO_KEYWORDS)
