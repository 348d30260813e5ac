"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions
from ..engine.tensor import Tensor
from .init import Array
from .module import Module


class ReLU(Module):
    """`max(x, 0)`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Return `relu(x)`."""
        return functions.relu(x)


class LeakyReLU(Module):
    """x where it is positive, `negative_slope` x elsewhere."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor | Array) -> Any:
        """Return `leaky_relu(x, negative_slope)`."""
        return functions.leaky_relu(x, self.negative_slope)

    def describe(self) -> str:
        """Return "LeakyReLU(negative_slope)"."""
        return f"LeakyReLU({self.negative_slope:g})"


class Tanh(Module):
    """`tanh(x)`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Return `np.tanh(x)`."""
        return np.tanh(x)


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Return `sigmoid(x)`."""
        return functions.sigmoid(x)


class Softplus(Module):
    """`log(1 + exp(x))`."""

    def forward(self, x: Tensor | Array) -> Any:
        """Return `softplus(x)`."""
        return functions.softplus(x)


class GELU(Module):
    """x times the normal distribution's probability below x; `approximate="tanh"` computes it by tanh."""

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
    """`x sigmoid(x)`, also called swish."""

    def forward(self, x: Tensor | Array) -> Any:
        """Return `silu(x)`."""
        return functions.silu(x)
