"""Layers: with weights, activations, normalisation, and those that reshape or drop elements of their input."""

from math import prod
from typing import Any

import numpy as np

from .. import functions
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from .init import Init, Rng, xavier_uniform
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

    `weight` is (out_features, in_features), as in PyTorch, and starts as `init(shape, rng)`; `bias` starts at zero.
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
        if not functions.within(index, self.num):
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


class BatchNorm1d(Module):
    """Each feature normalised over the batch, then times `weight` plus `bias` (Ioffe & Szegedy 2015).

    For (n, num_features) or (n, num_features, length). Training uses the mean and variance of the batch, and updates
    `running_mean` and `running_var`: running = (1 - momentum) running + momentum new, where the new variance is divided
    by one less than the count. Evaluation mode uses the running ones. All this is as in PyTorch, and so is the state,
    with `num_batches_tracked`, the number of batches trained on so far.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        (self.num_features,) = checked_sizes(f"BatchNorm1d({num_features})", num_features)
        self.eps, self.momentum = eps, momentum
        self.weight = Tensor(np.ones(num_features), label="weight")
        self.bias = Tensor(np.zeros(num_features), label="bias")
        self.running_mean = Tensor(np.zeros(num_features), requires_grad=False, label="running_mean")
        self.running_var = Tensor(np.ones(num_features), requires_grad=False, label="running_var")
        self.num_batches_tracked = Tensor(0, requires_grad=False, label="num_batches_tracked")

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalised; raises ValueError for another shape, and in training for one number per feature."""
        shape = shape_of(self, x)
        if len(shape) not in (2, 3) or shape[1] != self.num_features:
            c = self.num_features
            raise ValueError(f"{self.describe()} got {shape}: it takes (n, {c}) or (n, {c}, length)")
        axes, column = ((0,), (-1,)) if len(shape) == 2 else ((0, 2), (-1, 1))
        if self.training:
            n = x.size // self.num_features
            if n < 2:
                remedy = "use larger batches, drop a last batch of one row, or call model.eval()"
                raise ValueError(f"{self.describe()} got {shape}: one number a feature has no variance; {remedy}")
            mean = np.mean(x, axis=axes)
            centred = x - mean.reshape(column)
            var = np.mean(np.square(centred), axis=axes)
            for running, new in ((self.running_mean, mean), (self.running_var, var * (n / (n - 1)))):
                r, latest = running.data, new.data if isinstance(new, Tensor) else new
                r *= 1 - self.momentum
                r += self.momentum * latest
            count = self.num_batches_tracked.data
            count += 1
        else:
            centred, var = x - self.running_mean.data.reshape(column), self.running_var.data
        scale = self.weight / np.sqrt(var + self.eps)
        return centred * scale.reshape(column) + self.bias.reshape(column)

    def describe(self) -> str:
        """Return "BatchNorm1d(num_features)"."""
        return f"BatchNorm1d({self.num_features})"


class LayerNorm(Module):
    """Each example normalised over its last axes, of sizes `shape`, then times `weight` plus `bias` (Ba et al. 2016).

    As in PyTorch; `shape` is an int or a tuple of ints.
    """

    def __init__(self, shape: int | tuple[int, ...], eps: float = 1e-5) -> None:
        self.shape = checked_sizes(f"LayerNorm({shape})", *(shape if isinstance(shape, (tuple, list)) else (shape,)))
        self.eps = eps
        self.weight = Tensor(np.ones(self.shape), label="weight")
        self.bias = Tensor(np.zeros(self.shape), label="bias")

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalised; raises ValueError if its last axes have other sizes."""
        shape = shape_of(self, x)
        if shape[-len(self.shape) :] != self.shape:
            raise ValueError(f"{self.describe()} got {shape}: the last axes must be {self.shape}")
        axes = tuple(range(-len(self.shape), 0))
        centred = x - np.mean(x, axis=axes, keepdims=True)
        var = np.mean(np.square(centred), axis=axes, keepdims=True)
        return centred / np.sqrt(var + self.eps) * self.weight + self.bias

    def describe(self) -> str:
        """Return "LayerNorm(shape)"."""
        return f"LayerNorm({', '.join(map(str, self.shape))})"


class ReLU(Module):
    """`max(x, 0)`."""

    forward = staticmethod(functions.relu)


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
        return np.tanh(functions.floating(x))


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`."""

    forward = staticmethod(functions.sigmoid)


class Softplus(Module):
    """`log(1 + exp(x))`."""

    forward = staticmethod(functions.softplus)


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

    forward = staticmethod(functions.silu)
