"""Layers with weights, and layers that reshape or drop elements of their input."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..functions import within
from .init import Array, Init, Rng, xavier_uniform
from .module import Module


def checked_sizes(where: str, *sizes: int) -> tuple[int, ...]:
    """Return the sizes as ints; raises ValueError unless they are whole numbers from 1."""
    for size in sizes:
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{where}: sizes are whole numbers from 1")
    return tuple(map(int, sizes))


def shape_of(layer: Module, x: Tensor | Array) -> tuple[int, ...]:
    """Return the shape of a layer's input; raises TypeError for input without a shape, such as a list."""
    shape: tuple[int, ...] | None = getattr(x, "shape", None)
    if shape is None:
        raise TypeError(f"{layer.describe()} takes an array or Tensor, not {type(x).__name__}")
    return shape


class Linear(Module):
    """`x @ weight.T + bias` along the last axis: (..., in_features) gives (..., out_features).

    `weight` is (out_features, in_features), as in PyTorch, and `init(shape, rng)` returns its initial values; `bias`
    starts at zero.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, rng: Rng = None, *, init: Init = xavier_uniform
    ) -> None:
        where = f"Linear({in_features} -> {out_features})"
        self.in_features, self.out_features = checked_sizes(where, in_features, out_features)
        weight = init((self.out_features, self.in_features), rng)
        # In Fortran order, so that its transpose, and the gradient of the transpose, are in C order.
        self.weight = Tensor(np.asfortranarray(weight), label="weight")
        self.bias = Tensor(np.zeros(self.out_features), label="bias") if bias else None

    def forward(self, x: Tensor | Array) -> Tensor:
        """Return the layer's output; raises ValueError unless the last axis of `x` has in_features elements."""
        shape = shape_of(self, x)
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self.describe()} got {shape}: the last axis must hold {self.in_features} features")
        y: Tensor = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def describe(self) -> str:
        """Return "Linear(in -> out)"."""
        return f"Linear({self.in_features} -> {self.out_features}{', bias=False' if self.bias is None else ''})"


class Embedding(Module):
    """A row of `weight`, (num, dim), for each integer from 0 to num - 1: integers of shape (...) give (..., dim).

    `weight` is drawn from the normal distribution, as in PyTorch. Gradients of a row that is used repeatedly add up.
    """

    def __init__(self, num: int, dim: int, rng: Rng = None) -> None:
        self.num, self.dim = checked_sizes(f"Embedding({num}, {dim})", num, dim)
        self.weight = Tensor(np.random.default_rng(rng).normal(size=(self.num, self.dim)), label="weight")

    def forward(self, x: Any) -> Tensor:
        """Return the rows; raises TypeError for numbers that are not integers, ValueError for those out of range."""
        index = x if hasattr(x, "dtype") else np.asarray(x)
        if index.dtype.kind not in "iu":
            raise TypeError(f"{self.describe()} takes integers, and got {index.dtype}; .astype(int) makes them")
        if not within(index, self.num):
            given = f"{index.min()} to {index.max()}"
            raise ValueError(f"{self.describe()} takes numbers from 0 to {self.num - 1}; got {given}")
        return self.weight[index]

    def describe(self) -> str:
        """Return "Embedding(num, dim)"."""
        return f"Embedding({self.num}, {self.dim})"


class Flatten(Module):
    """All axes from `start` on as one axis: (n, 8, 8) gives (n, 64)."""

    def __init__(self, start: int = 1) -> None:
        self.start = start

    def forward(self, x: Tensor | Array) -> Any:
        """Return x reshaped; raises ValueError if it has fewer than `start` axes."""
        shape = shape_of(self, x)
        if not 0 <= self.start <= len(shape):
            raise ValueError(f"{self.describe()} got shape {shape}: there is no such axis")
        return x.reshape(*shape[: self.start], prod(shape[self.start :]))

    def describe(self) -> str:
        """Return "Flatten()", or "Flatten(start=2)" and so on."""
        return f"Flatten({'' if self.start == 1 else f'start={self.start}'})"


class Dropout(Module):
    """In training, each element is set to 0 with probability `p`, drawn by `rng`; the others are divided by 1 - p.

    In evaluation mode, after `model.eval()`, the output is x itself (Srivastava et al. 2014).
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        if not isinstance(p, (int, float, np.number)) or not 0 <= p < 1:
            raise ValueError(f"Dropout: p is a probability from 0 to below 1, not {p!r}")
        self.p, self.rng = float(p), np.random.default_rng(rng)

    def forward(self, x: Tensor | Array) -> Any:
        """Return x with random elements set to 0 in training mode, or x."""
        shape = shape_of(self, x)
        if not self.training or not self.p:
            return x
        return np.where(self.rng.random(shape) >= self.p, x / (1 - self.p), 0)

    def describe(self) -> str:
        """Return "Dropout(p)"."""
        return f"Dropout({self.p:g})"
