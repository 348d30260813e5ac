"""Layers that have weights, or rearrange what comes in."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tensor import Tensor
from ..functions import within
from .init import xavier_uniform
from .module import Module

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    from .init import Init, Rng


def sizes_of(what: str, *sizes: int) -> tuple[int, ...]:
    """The sizes as ints; raises ValueError unless they are whole numbers from 1."""
    for size in sizes:
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{what}: sizes are whole numbers from 1")
    return tuple(map(int, sizes))


def shape_of(layer: Module, x: Any) -> tuple[int, ...]:
    """The shape of what a layer is called with; raises TypeError for what has none, a list say."""
    shape: tuple[int, ...] | None = getattr(x, "shape", None)
    if shape is None:
        raise TypeError(f"{layer.describe()} takes an array or Tensor, not {type(x).__name__}")
    return shape


class Linear(Module):
    """`x @ weight.T + bias` along the last axis: (..., in_features) gives (..., out_features).

    `weight` is (out_features, in_features), as in PyTorch, drawn by `init` (shape, rng); `bias` starts at
    zero.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        *,
        init: Init = xavier_uniform,
    ) -> None:
        what = f"Linear({in_features} -> {out_features})"
        self.in_features, self.out_features = sizes_of(what, in_features, out_features)
        weight = init((self.out_features, self.in_features), rng)
        # Column by column in memory, so that its transpose and the gradient that comes back through it lie row by row.
        self.weight = Tensor(np.asfortranarray(weight), label="weight")
        self.bias = Tensor(np.zeros(self.out_features), label="bias") if bias else None

    def forward(self, x: Tensor | Array) -> Tensor:
        """Give the layer's output; raises ValueError if the last axis of `x` is not in_features long."""
        shape = shape_of(self, x)
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self.describe()} got {shape}: the last axis must hold {self.in_features} features")
        y: Tensor = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def describe(self) -> str:
        """Give "Linear(in -> out)"."""
        return f"Linear({self.in_features} -> {self.out_features}{', bias=False' if self.bias is None else ''})"


class Embedding(Module):
    """A row of `weight`, (num, dim), for each number from 0 to num - 1: shape (...) of integers gives (..., dim).

    `weight` is drawn from the normal distribution, as in PyTorch. A row that is named twice adds up both gradients.
    """

    def __init__(self, num: int, dim: int, rng: Rng = None) -> None:
        self.num, self.dim = sizes_of(f"Embedding({num}, {dim})", num, dim)
        self.weight = Tensor(np.random.default_rng(rng).normal(size=(self.num, self.dim)), label="weight")

    def forward(self, x: Any) -> Tensor:
        """Give the rows; raises TypeError for numbers that are not integers, ValueError for those out of range."""
        index = x if hasattr(x, "dtype") else np.asarray(x)
        if index.dtype.kind not in "iu":
            raise TypeError(f"{self.describe()} takes integers, and got {index.dtype}; .astype(int) makes them")
        if not within(index, self.num):
            given = f"{index.min()} to {index.max()}"
            raise ValueError(f"{self.describe()} takes numbers from 0 to {self.num - 1}; got {given}")
        return self.weight[index]

    def describe(self) -> str:
        """Give "Embedding(num, dim)"."""
        return f"Embedding({self.num}, {self.dim})"


class Flatten(Module):
    """All axes from `start` on as one: (n, 8, 8) gives (n, 64)."""

    def __init__(self, start: int = 1) -> None:
        self.start = start

    def forward(self, x: Tensor | Array) -> Any:
        """Give x reshaped; raises ValueError if it has fewer than `start` axes."""
        shape = shape_of(self, x)
        if not 0 <= self.start <= len(shape):
            raise ValueError(f"{self.describe()} got shape {shape}: there is no such axis")
        return x.reshape(*shape[: self.start], prod(shape[self.start :]))

    def describe(self) -> str:
        """Give "Flatten()", or "Flatten(start=2)" and so on."""
        return f"Flatten({'' if self.start == 1 else f'start={self.start}'})"


class Dropout(Module):
    """In training, each number is 0 with probability `p`, drawn by `rng`, and the others are divided by 1 - p.

    In evaluation mode, `model.eval()`, x itself (Srivastava et al. 2014).
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        if not isinstance(p, (int, float, np.number)) or not 0 <= p < 1:
            raise ValueError(f"Dropout: p is a probability from 0 to below 1, not {p!r}")
        self.p, self.rng = float(p), np.random.default_rng(rng)

    def forward(self, x: Tensor | Array) -> Any:
        """Give x with some of it left out, or x."""
        shape = shape_of(self, x)
        if not self.training or not self.p:
            return x
        return np.where(self.rng.random(shape) >= self.p, x / (1 - self.p), 0)

    def describe(self) -> str:
        """Give "Dropout(p)"."""
        return f"Dropout({self.p:g})"
