"""Activations along one axis, as layers: softmax, its logarithm, and the gated linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from .layers import checked_input
from .module import Module


class AlongAxis(Module):
    """Base of activations along one axis of x, which code written for PyTorch calls `dim`."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        axis = axis if dim is None else dim
        if not isinstance(axis, (int, np.integer)):
            raise TypeError(f"{type(self).__name__}: axis is a whole number, not {axis!r}")
        self.axis = axis

    def checked(self, x: Any) -> Any:
        """Return the input as an array or Tensor; raises ValueError if it lacks the axis."""
        x, shape = checked_input(self, x)
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"{self.describe()} got {shape}: there is no axis {self.axis}")
        return x

    def describe(self) -> str:
        """Return the name of the class, with the axis unless it is the last one."""
        return f"{type(self).__name__}({'' if self.axis == -1 else f'axis={self.axis}'})"


class Softmax(AlongAxis):
    """`exp(x) / sum(exp(x))` along `axis`. `cross_entropy` takes the scores before it.

    >>> tg.nn.Softmax()(np.array([0.0, np.log(3.0)])).round(4)
    array([0.25, 0.75])
    """

    def forward(self, x: Tensor | Array) -> Any:
        """Return `softmax(x, axis)`."""
        return functions.softmax(self.checked(x), self.axis)


class LogSoftmax(AlongAxis):
    """The logarithm of softmax along `axis`, exact also where softmax rounds to 0; `nll_loss` goes with it.

    >>> tg.nn.LogSoftmax()(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """

    def forward(self, x: Tensor | Array) -> Any:
        """Return `log_softmax(x, axis)`."""
        return functions.log_softmax(self.checked(x), self.axis)


class GLU(AlongAxis):
    """`a sigmoid(b)` for the halves a and b of x along `axis`, which must have an even length.

    >>> tg.nn.GLU()(np.ones((5, 8))).shape
    (5, 4)
    """

    def forward(self, x: Tensor | Array) -> Any:
        """Return `glu(x, axis)`."""
        return functions.glu(self.checked(x), self.axis)
