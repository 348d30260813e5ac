"""Activations as layers: each calls the function of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import functions
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..functions.activations import floating
from .layers import checked_input, checked_sizes
from .module import Module, float_dtype


class ReLU(Module):
    """`max(x, 0)`, elementwise.

    >>> tg.nn.ReLU()(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """

    forward = staticmethod(functions.relu)


class LeakyReLU(Module):
    """x where it is positive, `negative_slope` x elsewhere, elementwise.

    >>> tg.nn.LeakyReLU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.01,  0.  ,  2.  ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope
        functions.leaky_relu(0.0, negative_slope)  # raises TypeError unless it is a number

    def forward(self, x: Tensor | Array) -> Any:
        """Return `leaky_relu(x, negative_slope)`."""
        return functions.leaky_relu(x, self.negative_slope)

    def describe(self) -> str:
        """Return "LeakyReLU(negative_slope)"."""
        return f"LeakyReLU({self.negative_slope:g})"


class Tanh(Module):
    """`tanh(x)`, elementwise.

    >>> tg.nn.Tanh()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.7616,  0.    ,  0.964 ])
    """

    def forward(self, x: Tensor | Array) -> Any:
        """Return `np.tanh(x)`."""
        return np.tanh(floating(x))


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`, elementwise.

    >>> tg.nn.Sigmoid()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.2689, 0.5   , 0.8808])
    """

    forward = staticmethod(functions.sigmoid)


class Softplus(Module):
    """`log(1 + exp(beta x)) / beta`, elementwise, and x itself where beta x is above the `threshold`, if there is one.

    >>> tg.nn.Softplus()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.3133, 0.6931, 2.1269])
    """

    def __init__(self, beta: float = 1.0, threshold: float | None = None) -> None:
        self.beta, self.threshold = beta, threshold
        functions.softplus(0.0, beta, threshold)  # raises ValueError for options that cannot be

    def forward(self, x: Tensor | Array) -> Any:
        """Return `softplus(x, beta, threshold)`."""
        return functions.softplus(x, self.beta, self.threshold)

    def describe(self) -> str:
        """Return "Softplus()", with the options that differ from the default."""
        options = [f"beta={self.beta:g}"] if self.beta != 1 else []
        options += [] if self.threshold is None else [f"threshold={self.threshold:g}"]
        return f"Softplus({', '.join(options)})"


class GELU(Module):
    """x times the normal distribution's probability below x, elementwise; `approximate="tanh"` computes it by tanh.

    >>> tg.nn.GELU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.1587,  0.    ,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate
        functions.gelu(0.0, approximate)  # raises ValueError for an unknown name

    def forward(self, x: Tensor | Array) -> Any:
        """Return `gelu(x, approximate)`."""
        return functions.gelu(x, self.approximate)

    def describe(self) -> str:
        """Return "GELU()" or "GELU('tanh')"."""
        return f"GELU({'' if self.approximate == 'none' else repr(self.approximate)})"


class SiLU(Module):
    """`x sigmoid(x)`, elementwise, also called swish.

    >>> tg.nn.SiLU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.2689,  0.    ,  1.7616])
    """

    forward = staticmethod(functions.silu)


class ELU(Module):
    """x where it is positive, `alpha (exp(x) - 1)` elsewhere, elementwise.

    >>> tg.nn.ELU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.6321,  0.    ,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha
        functions.elu(0.0, alpha)  # raises TypeError unless alpha is a number

    def forward(self, x: Tensor | Array) -> Any:
        """Return `elu(x, alpha)`."""
        return functions.elu(x, self.alpha)

    def describe(self) -> str:
        """Return "ELU(alpha)"."""
        return f"ELU({self.alpha:g})"


class CELU(Module):
    """x where it is positive, `alpha (exp(x / alpha) - 1)` elsewhere, elementwise.

    >>> tg.nn.CELU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.6321,  0.    ,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha
        functions.celu(0.0, alpha)  # raises ValueError for an alpha that is not positive

    def forward(self, x: Tensor | Array) -> Any:
        """Return `celu(x, alpha)`."""
        return functions.celu(x, self.alpha)

    def describe(self) -> str:
        """Return "CELU(alpha)"."""
        return f"CELU({self.alpha:g})"


class SELU(Module):
    """ELU, elementwise, with the two constants that keep mean 0 and variance 1 from layer to layer.

    >>> tg.nn.SELU()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.1113,  0.    ,  2.1014])
    """

    forward = staticmethod(functions.selu)


class PReLU(Module):
    """x where it is positive, `weight` x elsewhere; the weight is learned, and starts as `init`.

    With `num_parameters`, the channels, along axis 1 of x, each have a weight of their own.

    >>> tg.nn.PReLU()(np.array([-1.0, 2.0])).data
    array([-0.25,  2.  ])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float64) -> None:
        where = f"PReLU({num_parameters})"
        (self.num_parameters,) = checked_sizes(where, num_parameters)
        self.weight = Tensor(np.full(self.num_parameters, init, float_dtype(where, dtype)), label="weight")

    def forward(self, x: Tensor | Array) -> Any:
        """Return `prelu(x, weight)`; raises ValueError for an axis 1 of another length than `num_parameters`."""
        x, shape = checked_input(self, x)
        if self.num_parameters > 1 and shape[1:2] != (self.num_parameters,):
            raise ValueError(f"{self.describe()} got {shape}: axis 1 must hold {self.num_parameters} channels")
        return functions.prelu(x, self.weight)

    def describe(self) -> str:
        """Return "PReLU(num_parameters)"."""
        return f"PReLU({self.num_parameters})"


class Hardtanh(Module):
    """x limited to `min_val` and `max_val`, elementwise.

    >>> tg.nn.Hardtanh()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.,  0.,  1.])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val
        functions.hardtanh(0.0, min_val, max_val)  # raises ValueError for limits in the wrong order

    def forward(self, x: Tensor | Array) -> Any:
        """Return `hardtanh(x, min_val, max_val)`."""
        return functions.hardtanh(x, self.min_val, self.max_val)

    def describe(self) -> str:
        """Return "Hardtanh(min_val, max_val)"."""
        return f"Hardtanh({self.min_val:g}, {self.max_val:g})"


class ReLU6(Module):
    """`max(x, 0)`, and at most 6, elementwise.

    >>> tg.nn.ReLU6()(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """

    forward = staticmethod(functions.relu6)


class Hardsigmoid(Module):
    """`x / 6 + 1 / 2`, limited to 0 and 1, elementwise.

    >>> tg.nn.Hardsigmoid()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.3333, 0.5   , 0.8333])
    """

    forward = staticmethod(functions.hardsigmoid)


class Hardswish(Module):
    """`x hardsigmoid(x)`, elementwise.

    >>> tg.nn.Hardswish()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.3333,  0.    ,  1.6667])
    """

    forward = staticmethod(functions.hardswish)


class Mish(Module):
    """`x tanh(softplus(x))`, elementwise.

    >>> tg.nn.Mish()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.3034,  0.    ,  1.944 ])
    """

    forward = staticmethod(functions.mish)


class Softsign(Module):
    """`x / (1 + |x|)`, elementwise.

    >>> tg.nn.Softsign()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.5   ,  0.    ,  0.6667])
    """

    forward = staticmethod(functions.softsign)


class LogSigmoid(Module):
    """`log(sigmoid(x))`, elementwise.

    >>> tg.nn.LogSigmoid()(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.3133, -0.6931, -0.1269])
    """

    forward = staticmethod(functions.logsigmoid)
