"""Layers that normalise their input to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from .init import Array
from .layers import checked_sizes, shape_of
from .module import Module


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
                raise ValueError(
                    f"{self.describe()} got {shape}: one number a feature has no variance to train with; use larger "
                    "batches, drop a last batch of one row, or call model.eval()"
                )
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
