"""Layers that normalize their input: to mean 0 and variance 1 over a batch, or over each example."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import nonnegative_numbers, switches
from ..engine.rules.normalization import normalize
from ..engine.rules.registry import Array, predicate_of_all
from ..engine.tensor import Tensor
from .layers import checked_input, checked_sizes
from .module import Module, float_dtype


class Pool(Protocol):
    """A function that returns the mean and the variance of a batch that several processes share.

    It takes those of this process's part. `examples` is the number of all.
    """

    examples: int

    def __call__(self, mean: Any, var: Any) -> tuple[Any, Any]:
        """Return the mean and the variance of the whole batch."""


# BatchNorm in training mode asks for it. One process, or thread, that shares its batches with others sets it meanwhile.
pooling: ContextVar[Pool | None] = ContextVar("pooling", default=None)


class BatchNorm1d(Module):
    """Each feature normalized over the batch, then times `weight` plus `bias` (Ioffe & Szegedy 2015).

    For (n, num_features) or (n, num_features, length). Training uses the mean and variance of the batch, and updates
    `running_mean` and `running_var`: running = (1 - momentum) running + momentum new, where the new variance is divided
    by one less than the count. `momentum=None` makes them the mean over all batches. Evaluation mode uses the running
    ones. Without `affine` there are no `weight` and `bias`, and without `track_running_stats` no running statistics:
    then evaluation mode uses those of the batch, too. All this is as in PyTorch, and so is the state, with
    `num_batches_tracked`, the number of batches trained on so far.

    >>> tg.nn.BatchNorm1d(1)(np.array([[1.0], [3.0]])).data.round(3)
    array([[-1.],
           [ 1.]])
    """

    ndims: ClassVar[tuple[int, ...]] = (2, 3)  # how many axes the input may have
    takes: ClassVar[str] = "(n, {0}) or (n, {0}, length)"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, *, dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"{type(self).__name__}({num_features})"
        (self.num_features,) = checked_sizes(where, num_features)
        switches(where, affine=affine, track_running_stats=track_running_stats)
        nonnegative_numbers(where, eps=eps, momentum=0 if momentum is None else momentum)
        self.eps, self.momentum, kind = eps, momentum, float_dtype(where, dtype)
        self.weight = Tensor(np.ones(num_features, kind), label="weight") if affine else None
        self.bias = Tensor(np.zeros(num_features, kind), label="bias") if affine else None
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            self.running_mean = Tensor(np.zeros(num_features, kind), requires_grad=False, label="running_mean")
            self.running_var = Tensor(np.ones(num_features, kind), requires_grad=False, label="running_var")
            self.num_batches_tracked = Tensor(np.zeros((), kind), requires_grad=False, label="num_batches_tracked")

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalized; raises ValueError for another shape, and for one number per feature."""
        x, shape = checked_input(self, x)
        if len(shape) not in self.ndims or shape[1] != self.num_features:
            raise ValueError(f"{self.describe()} got {shape}: it takes {self.takes.format(self.num_features)}")
        axes, column = (0, *range(2, len(shape))), (-1, *(1,) * (len(shape) - 2))
        wide: Any = widened(x)
        eps: Any = self.eps
        if not x.size:  # there is nothing to normalize, and there are no statistics
            centered, var = wide, np.ones(self.num_features, wide.dtype)
            if self.training and self.num_batches_tracked is not None:
                self.num_batches_tracked.data[...] += 1
        elif self.training or self.running_mean is None or self.running_var is None:
            n: float = x.size // self.num_features
            over_processes = pooling.get() if self.training else None
            if over_processes is not None:
                n *= over_processes.examples / shape[0]
            if n < 2:
                remedy = "use larger batches, drop_last=True in fit and batches, or model.eval()"
                raise ValueError(f"{self.describe()} got {shape}: one number per feature has no variance; {remedy}")
            scale = None
            if over_processes is None and squares_overflow(wide.data if isinstance(wide, Tensor) else wide):
                wide, scale = scaled(wide, axes)
                eps = (eps / scale / scale).reshape(-1)
            mean = np.mean(wide, axis=axes)
            centered = wide - mean.reshape(column)
            var = np.mean(np.square(centered), axis=axes)
            if over_processes is not None:
                mean, var = over_processes(mean, var)
                centered = wide - mean.reshape(column)
            if self.training:
                self._track(mean, var * (n / (n - 1)), None if scale is None else scale.reshape(-1))
        else:
            centered, var = wide - self.running_mean.data.reshape(column), self.running_var.data
        if self.weight is None or self.bias is None:
            y = centered / np.sqrt(var + eps).reshape(column)
        else:
            y = centered * (self.weight / np.sqrt(var + eps)).reshape(column) + self.bias.reshape(column)
        return narrowed(y, x, self.weight)

    def _track(self, mean: Any, var: Any, scale: Array | None) -> None:
        """Update the running statistics by those of a batch, which was divided by `scale`."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        count, means, variances = (t.data for t in (self.num_batches_tracked, self.running_mean, self.running_var))
        momentum, new = 1 / (count + 1) if self.momentum is None else self.momentum, []
        for running, found, power in ((means, mean, 1), (variances, var, 2)):
            latest = found.data if isinstance(found, Tensor) else found
            if scale is not None:
                latest = latest.astype(running.dtype) * scale.astype(running.dtype) ** power
            new.append((running * (1 - momentum)).astype(running.dtype, copy=False) + momentum * latest)
        count[...], means[...], variances[...] = count + 1, *new

    def describe(self) -> str:
        """Return "BatchNorm1d(num_features)", with the options that are off."""
        off = {"affine": self.weight is None, "track_running_stats": self.running_mean is None}
        return f"{type(self).__name__}({self.num_features}{''.join([f', {k}=False' for k, v in off.items() if v])})"


class BatchNorm2d(BatchNorm1d):
    """`BatchNorm1d` for images, (n, num_features, h, w): each channel is normalized over the batch and its elements.

    >>> tg.nn.BatchNorm2d(3)(np.ones((2, 3, 8, 8))).shape
    (2, 3, 8, 8)
    """

    ndims = (4,)
    takes = "(n, {0}, height, width)"


class LayerNorm(Module):
    """Each example normalized over its last axes, then times `weight` plus `bias` (Ba et al. 2016).

    As in PyTorch; `normalized_shape` has the sizes of these axes, an int or a tuple of ints. Without
    `elementwise_affine` there are no `weight` and `bias`, and with `bias=False` no `bias`.

    >>> tg.nn.LayerNorm(2)(np.array([[1.0, 3.0], [10.0, 30.0]])).data.round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, *, dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"LayerNorm({normalized_shape})"
        self.shape = checked_sizes(where, *np.atleast_1d(normalized_shape))
        switches(where, elementwise_affine=elementwise_affine, bias=bias)
        nonnegative_numbers(where, eps=eps)
        self.eps, kind = eps, float_dtype(where, dtype)
        self.weight = Tensor(np.ones(self.shape, kind), label="weight") if elementwise_affine else None
        self.bias = Tensor(np.zeros(self.shape, kind), label="bias") if elementwise_affine and bias else None

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalized; raises ValueError if its last axes have other sizes."""
        x, shape = checked_input(self, x)
        if shape[-len(self.shape) :] != self.shape:
            raise ValueError(f"{self.describe()} got {shape}: the last axes must be {self.shape}")
        y = normalized(widened(x), tuple(range(-len(self.shape), 0)), self.eps)
        y = y if self.weight is None else y * self.weight
        y = y if self.bias is None else y + self.bias
        return narrowed(y, x, self.weight)

    def describe(self) -> str:
        """Return "LayerNorm(shape)", with the option that is off."""
        off = ", elementwise_affine=False" if self.weight is None else ", bias=False" if self.bias is None else ""
        return f"LayerNorm({', '.join(map(str, self.shape))}{off})"


class RMSNorm(Module):
    """Each example divided by the root of the mean of its squares over its last axes, times `weight`.

    As in PyTorch: `normalized_shape` has the sizes of these axes. `eps` is added to the mean, and None is the distance
    from 1 to the next number of the dtype (of float32 for float16). Without `elementwise_affine` there is no `weight`
    (Zhang & Sennrich 2019).

    >>> tg.nn.RMSNorm(2)(np.array([[3.0, 4.0]])).data.round(3)
    array([[0.849, 1.131]])
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float | None = None, elementwise_affine: bool = True, *,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"RMSNorm({normalized_shape})"
        self.shape = checked_sizes(where, *np.atleast_1d(normalized_shape))
        switches(where, elementwise_affine=elementwise_affine)
        nonnegative_numbers(where, eps=0 if eps is None else eps)
        self.eps, kind = eps, float_dtype(where, dtype)
        self.weight = Tensor(np.ones(self.shape, kind), label="weight") if elementwise_affine else None

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalized; raises ValueError if its last axes have other sizes."""
        x, shape = checked_input(self, x)
        if shape[-len(self.shape) :] != self.shape:
            raise ValueError(f"{self.describe()} got {shape}: the last axes must be {self.shape}")
        wide = widened(x)
        eps = float(np.finfo(wide.dtype).eps) if self.eps is None else self.eps
        y = normalized(wide, tuple(range(-len(self.shape), 0)), eps, center=False)
        return narrowed(y if self.weight is None else y * self.weight, x, self.weight)

    def describe(self) -> str:
        """Return "RMSNorm(shape)", with the option that is off."""
        return f"RMSNorm({', '.join(map(str, self.shape))}{', elementwise_affine=False' * (self.weight is None)})"


class GroupNorm(Module):
    """Groups of channels of each example normalized, then times `weight` plus `bias`, one of each for each channel.

    (n, num_channels, ...) has num_groups groups of equal numbers of channels (Wu & He 2018). As in PyTorch; without
    `affine` there are no `weight` and `bias`. Raises ValueError unless `num_groups` divides `num_channels`.

    >>> tg.nn.GroupNorm(2, 6)(np.ones((1, 6, 8, 8))).shape
    (1, 6, 8, 8)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"GroupNorm({num_groups}, {num_channels})"
        self.num_groups, self.num_channels = checked_sizes(where, num_groups, num_channels)
        if num_channels % num_groups:
            raise ValueError(f"{where}: {num_channels} channels do not make {num_groups} groups of equal size")
        switches(where, affine=affine)
        nonnegative_numbers(where, eps=eps)
        self.eps, kind = eps, float_dtype(where, dtype)
        self.weight = Tensor(np.ones(num_channels, kind), label="weight") if affine else None
        self.bias = Tensor(np.zeros(num_channels, kind), label="bias") if affine else None

    def forward(self, x: Tensor | Array) -> Any:
        """Return x normalized; raises ValueError if axis 1 holds another number of channels."""
        x, shape = checked_input(self, x)
        if len(shape) < 2 or shape[1] != self.num_channels:
            raise ValueError(f"{self.describe()} got {shape}: it takes (n, {self.num_channels}, ...)")
        split = shape[0], self.num_groups, shape[1] // self.num_groups, *shape[2:]  # a view in any order of memory
        y = normalized(widened(x).reshape(split), tuple(range(1 - len(shape), 0)), self.eps).reshape(shape)
        column = (-1, *(1,) * (len(shape) - 2))
        if self.weight is not None and self.bias is not None:
            y = y * self.weight.reshape(column) + self.bias.reshape(column)
        return narrowed(y, x, self.weight)

    def describe(self) -> str:
        """Return "GroupNorm(num_groups, num_channels)", with the option that is off."""
        return f"GroupNorm({self.num_groups}, {self.num_channels}{', affine=False' * (self.weight is None)})"


def normalized(x: Any, axes: tuple[int, ...], eps: Any, center: bool = True) -> Any:
    """Return x with mean 0 (if `center`) and mean square 1 along its last `axes`, as far as `eps` allows."""
    if squares_overflow(x.data if isinstance(x, Tensor) else x):
        x, scale = scaled(x, axes)
        eps = eps / scale / scale
    return normalize(x, eps, len(axes), center)


def widened(x: Any) -> Any:
    """Return x, float16 as float32 and integers as float64: squares of float16 overflow from 256 on.

    Raises TypeError for complex numbers.
    """
    kind = x.dtype
    if kind.kind == "c":
        raise TypeError("normalization takes real numbers; pass z.real, z.imag or np.abs(z)")
    return x if kind.kind == "f" and kind.itemsize > 2 else x.astype(np.float32 if kind.kind == "f" else np.float64)


def narrowed(y: Any, x: Any, weight: Tensor | None) -> Any:
    """Return y as float16 if it was computed from float16 alone."""
    half = x.dtype.itemsize == 2 and x.dtype.kind == "f" and (weight is None or weight.dtype == np.float16)
    return y.astype(np.float16) if half else y


@predicate_of_all(True)
def squares_overflow(x: Array) -> bool:
    """Return whether the sum of the squares of x might overflow."""
    if x.size < 10_000:
        x = x.ravel("K")
        return not np.vdot(x, x) < np.inf  # does not warn of an overflow, unlike dot
    # The dot product of large arrays starts BLAS's threads, and they slow down what comes next.
    bound = (np.finfo(x.dtype).max / x.size) ** 0.5
    return not (x.max() < bound and x.min() > -bound)


def scaled(x: Any, axes: tuple[int, ...]) -> tuple[Any, Array]:
    """Return x divided by its largest absolute value along `axes`, if that is above 1, and the divisor.

    Normalizing takes every such factor out again, so the divisor is a constant for gradients.
    """
    divisor = np.maximum(np.max(np.abs(x.data if isinstance(x, Tensor) else x), axis=axes, keepdims=True), 1)
    return x / divisor, divisor
