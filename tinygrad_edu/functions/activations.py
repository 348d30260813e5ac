"""Activations, elementwise; softmax and its logarithm are rules of the derivative table."""

import math
from typing import Any

import numpy as np

from ..engine.dispatch import Operand
from ..engine.rules import activations
from ..engine.rules.activations import erf, sigmoid


def relu(x: Any) -> Any:
    """Return max(x, 0) elementwise; its derivative at 0 is 0."""
    if isinstance(x, Operand) and type(x) is x._kind:  # a user's subclass may redefine the method
        return x.relu()
    return activations.relu(floating(x))


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """Return x where x is positive, and `negative_slope` x elsewhere."""
    x = floating(x)
    return np.where(np.greater(x, 0), x, np.multiply(negative_slope, x))


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) elementwise, without overflow."""
    return np.logaddexp(floating(x), 0)


def silu(x: Any) -> Any:
    """Return x sigmoid(x) elementwise, also called swish (Hendrycks & Gimpel 2016)."""
    x = floating(x)
    return np.multiply(x, sigmoid(x))


def gelu(x: Any, approximate: str = "none") -> Any:
    """Return x times the normal distribution's probability below x, elementwise (Hendrycks & Gimpel 2016).

    `approximate="tanh"` computes x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2, with an error of up to 5e-4.
    """
    x = floating(x)
    if approximate == "none":
        return np.multiply(0.5, x) * (1 + erf(np.multiply(x, math.sqrt(0.5))))
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    clipped = np.clip(x, -10, 10)  # further from 0, tanh is -1 or 1 to the last digit, and the power might overflow
    inner = math.sqrt(2 / math.pi) * clipped * (1 + 0.044715 * np.square(clipped))
    return np.multiply(0.5, x) * (1 + np.tanh(inner))


def floating(x: Any) -> Any:
    """Return an argument as floats: integers and booleans as float64, a table or column as its array."""
    return x._as_base() if isinstance(x, Operand) else activations.floating(x)
