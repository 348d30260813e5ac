"""Activations, elementwise; softmax and its logarithm are rules of the derivative table."""

import math
from typing import Any

import numpy as np

from ..engine.arguments import check_numbers
from ..engine.conjugation import complex_seen
from ..engine.dispatch import Operand
from ..engine.habits import names_keywords
from ..engine.rules import activations
from ..engine.rules.activations import erf, log1pexp, sigmoid
from ..engine.rules.registry import is_complex


def relu(x: Any) -> Any:
    """Return max(x, 0) elementwise; its derivative at 0 is 0.

    >>> tg.relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    if isinstance(x, Operand) and type(x) is x._kind:  # a user's subclass may redefine the method
        return x.relu()
    return activations.relu(floating(x))


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """Return x where x is positive, and `negative_slope` x elsewhere, elementwise.

    >>> tg.leaky_relu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.01,  0.  ,  2.  ])
    """
    check_numbers("leaky_relu", negative_slope=negative_slope)
    x = floating(x)
    # NaN has the slope of negatives, as in PyTorch. Where signs are in no order, np.where takes ten times as long.
    positive = np.fmax(np.sign(x), 0)
    return np.multiply(x, positive + negative_slope * (1 - positive))


def softplus(x: Any, beta: float = 1.0, threshold: float | None = None) -> Any:
    """Return log(1 + exp(beta x)) / beta elementwise, without overflow.

    Where beta x is above a `threshold`, the result is x itself; PyTorch has 20 there, and by default there is none.
    Raises ValueError unless `beta` is positive.

    >>> tg.softplus(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.3133, 0.6931, 2.1269])
    """
    x = floating(x)
    if beta == 1 and threshold is None:
        return log1pexp(x)
    check_numbers("softplus", beta=beta, threshold=0 if threshold is None else threshold)
    if not beta > 0:
        raise ValueError(f"softplus: beta must be positive, got {beta}")
    y = log1pexp(np.multiply(beta, x)) / beta
    return y if threshold is None else np.where(np.greater(np.multiply(beta, x), threshold), x, y)


def silu(x: Any) -> Any:
    """Return x sigmoid(x) elementwise, also called swish (Hendrycks & Gimpel 2016).

    >>> tg.silu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.2689,  0.    ,  1.7616])
    """
    x = floating(x)
    return np.multiply(x, sigmoid(x))


def gelu(x: Any, approximate: str = "none") -> Any:
    """Return x times the normal distribution's probability below x, elementwise (Hendrycks & Gimpel 2016).

    `approximate="tanh"` computes x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2, with an error of up to 5e-4.
    Raises ValueError for another `approximate` than "none" and "tanh".

    >>> tg.gelu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.1587,  0.    ,  1.9545])
    """
    x = floating(x)
    if approximate == "none":
        return np.multiply(0.5, x) * (1 + erf(np.multiply(x, math.sqrt(0.5))))
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    clipped = np.clip(x, -10, 10)  # further from 0, tanh is -1 or 1 to the last digit, and the power might overflow
    inner = math.sqrt(2 / math.pi) * clipped * (1 + 0.044715 * np.square(clipped))
    return np.multiply(0.5, x) * (1 + np.tanh(inner))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where x is positive, and `alpha` (exp(x) - 1) elsewhere, elementwise (Clevert et al. 2016).

    >>> tg.elu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.6321,  0.    ,  2.    ])
    """
    check_numbers("elu", alpha=alpha)
    x = floating(x)
    return activations.relu(x) + np.multiply(alpha, np.expm1(np.clip(x, None, 0)))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where positive, else `alpha` (exp(x / alpha) - 1), elementwise: elu with slope 1 at 0 (Barron 2017).

    Raises ValueError unless `alpha` is positive.

    >>> tg.celu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.6321,  0.    ,  2.    ])
    """
    check_numbers("celu", alpha=alpha)
    if not alpha > 0:
        raise ValueError(f"celu: alpha must be positive, got {alpha}")
    x = floating(x)
    return activations.relu(x) + np.multiply(alpha, np.expm1(np.clip(x, None, 0) / alpha))


def selu(x: Any) -> Any:
    """Return elu, elementwise, with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017).

    >>> tg.selu(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.1113,  0.    ,  2.1014])
    """
    return np.multiply(_SELU_SCALE, elu(x, _SELU_ALPHA))


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def prelu(x: Any, weight: Any) -> Any:
    """Return x where x is positive, and `weight` x elsewhere (He et al. 2015): leaky_relu with a learned slope.

    `weight` is a number, or holds one for each channel, along axis 1 of x; raises ValueError for another shape.

    >>> tg.prelu(np.array([-2.0, 3.0]), 0.1)
    array([-0.2,  3. ])
    """
    x, weight = floating(x), floating(weight)
    shape, channels = np.shape(x), np.shape(weight)
    if channels not in ((), (1,)):
        if len(shape) < 2 or channels != shape[1:2]:
            raise ValueError(
                f"prelu: weight holds one number, or one for each channel, along axis 1; x has shape {shape} and "
                f"weight {channels}"
            )
        weight = weight.reshape(-1, *(1,) * (len(shape) - 2))
    elif channels and not shape:
        weight = weight.reshape(())
    return activations.relu(x) + weight * np.clip(x, None, 0)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Return x limited to `min_val` and `max_val`, elementwise.

    Its derivative is 0 outside and, unlike np.clip's, at the limits.

    Raises ValueError unless `min_val` is below `max_val`.

    >>> tg.hardtanh(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.,  0.,  1.])
    """
    check_numbers("hardtanh", min_val=min_val, max_val=max_val)
    if not min_val < max_val:
        raise ValueError(f"hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
    return activations.limited(floating(x), min_val, max_val)


def relu6(x: Any) -> Any:
    """Return max(x, 0), and at most 6, elementwise.

    >>> tg.relu6(np.array([-1.0, 2.0, 9.0])).round(4)
    array([0., 2., 6.])
    """
    return hardtanh(x, 0.0, 6.0)


def hardsigmoid(x: Any) -> Any:
    """Return x / 6 + 1 / 2, limited to 0 and 1, elementwise.

    >>> tg.hardsigmoid(np.array([-1.0, 0.0, 2.0])).round(4)
    array([0.3333, 0.5   , 0.8333])
    """
    return hardtanh(floating(x) + 3, 0.0, 6.0) / 6


def hardswish(x: Any) -> Any:
    """Return x hardsigmoid(x) elementwise: 0 up to -3, and x from 3 on (Howard et al. 2019).

    >>> tg.hardswish(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.3333,  0.    ,  1.6667])
    """
    return activations.hardswish(floating(x))


def mish(x: Any) -> Any:
    """Return x tanh(softplus(x)) elementwise (Misra 2020).

    >>> tg.mish(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.3034,  0.    ,  1.944 ])
    """
    x = floating(x)
    return np.multiply(x, np.tanh(softplus(x)))


def softsign(x: Any) -> Any:
    """Return x / (1 + |x|) elementwise.

    >>> tg.softsign(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-0.5   ,  0.    ,  0.6667])
    """
    x = floating(x)
    share = 1 / (1 + np.abs(x))  # the derivative is its square, which x / (1 + |x|) far out loses to rounding
    return np.where(np.abs(x) < 1, x * share, np.sign(x) * (1 - share))


def logsigmoid(x: Any) -> Any:
    """Return log(sigmoid(x)) elementwise, exact also where sigmoid rounds to 0.

    >>> tg.logsigmoid(np.array([-1.0, 0.0, 2.0])).round(4)
    array([-1.3133, -0.6931, -0.1269])
    """
    return -softplus(np.negative(floating(x)))


@names_keywords
def glu(x: Any, axis: int = -1) -> Any:
    """Return a sigmoid(b) for the halves a and b of x along `axis`: the gated linear unit (Dauphin et al. 2017).

    Raises ValueError unless x has an even length along that axis.

    >>> tg.glu(np.array([1.0, 2.0, 0.0, 0.0]))  # halves [1, 2] and [0, 0]
    array([0.5, 1. ])
    """
    x = floating(x)
    shape = np.shape(x)
    if not -len(shape) <= axis < len(shape) or shape[axis] % 2:
        raise ValueError(f"glu: x has shape {shape}; axis {axis} must exist and hold an even number of elements")
    a, b = np.split(x, 2, axis=axis)
    return a * sigmoid(b)


def floating(x: Any, real: bool = True) -> Any:
    """Return an argument as floats: integers and booleans as float64, a table or column as its array.

    Raises TypeError for complex numbers if it must be `real`, and for a tuple that holds Tensors.
    """
    if isinstance(x, Operand):
        if real and complex_seen and is_complex(x):
            raise TypeError(activations.REAL)
        return x._as_base()
    if isinstance(x, tuple) and any([isinstance(member, Operand) for member in x]):
        raise TypeError("a tuple holds Tensors, as recurrent layers and attention return: pass its first, the output")
    return activations.floating(x) if real else activations.numbers(x)
