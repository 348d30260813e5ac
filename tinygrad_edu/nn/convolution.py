"""Convolutions of signals and images, with PyTorch's arguments, parameters and initial values."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import generator, switches
from ..engine.rules.registry import Array, Shape
from ..engine.tensor import Tensor
from ..functions.convolution import PAD_MODES, Sizes, convolution, each, padding_of, transposed_convolution
from .init import Rng
from .layers import checked_input, checked_sizes
from .module import Module, float_dtype


class Convolution(Module):
    """What convolutions share: their options, and a weight and a bias within 1 / sqrt(fan-in), as in PyTorch."""

    ndim: ClassVar[int]  # the number of axes of an image
    options: ClassVar[dict[str, Any]] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros"}

    def _start(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes, padding: Sizes | str,
        dilation: Sizes, groups: int, bias: bool, rng: Rng, dtype: DTypeLike, transposed: bool = False,
    ) -> None:  # fmt: skip
        where = f"{type(self).__name__}({in_channels} -> {out_channels})"
        self.in_channels, self.out_channels, self.groups = checked_sizes(where, in_channels, out_channels, groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{where}: groups={groups} does not divide both numbers of channels")
        switches(where, bias=bias)
        self.kernel_size = each(where, "kernel_size", kernel_size, self.ndim)
        self.stride = each(where, "stride", stride, self.ndim)
        self.dilation = each(where, "dilation", dilation, self.ndim)
        if isinstance(padding, str) and not transposed:
            padding_of(where, padding, self.kernel_size, self.stride, self.dilation)  # raises ValueError
            self.padding: Any = padding
        else:
            self.padding = each(where, "padding", padding, self.ndim, 0)
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape: Shape = (first, second // groups, *self.kernel_size)
        rng, kind, bound = generator(where, rng), float_dtype(where, dtype), math.prod(map(int, shape[1:])) ** -0.5
        self.weight = Tensor(rng.uniform(-bound, bound, shape).astype(kind), label="weight")
        initial = rng.uniform(-bound, bound, out_channels).astype(kind) if bias else None
        self.bias = None if initial is None else Tensor(initial, label="bias")

    def describe(self) -> str:
        """Return "Conv2d(in -> out, kernel_size=3)", with the options that differ from their defaults."""
        shown = [f"kernel_size={shortest(self.kernel_size)}", *changed(self, self.options)]
        shown += ["bias=False"] if self.bias is None else []
        return f"{type(self).__name__}({self.in_channels} -> {self.out_channels}, {', '.join(shown)})"


def changed(layer: Any, defaults: dict[str, Any]) -> list[str]:
    """Return "padding=1" and so on for the options of a layer that differ from their defaults."""
    given = [(name, getattr(layer, name), default) for name, default in defaults.items()]
    return [f"{k}={shortest(v)}" for k, v, default in given if v not in (default, (default,) * layer.ndim)]


def shortest(value: Any) -> str:
    """Return an option as text: one number for a tuple of equal ones."""
    return str(value[0]) if isinstance(value, tuple) and len(set(value)) == 1 else repr(value)


class Conv2d(Convolution):
    """Convolution of images: (n, in_channels, h, w) gives (n, out_channels, ...); see `tg.conv2d` for the options.

    `weight` is (out_channels, in_channels / groups, kh, kw) and `bias` (out_channels,). `padding` is a number, a pair,
    "valid" or "same"; `padding_mode` is "zeros", or "reflect", "replicate" or "circular" for copies of elements. Raises
    ValueError for sizes and options that do not fit.

    >>> tg.nn.Conv2d(3, 5, 3, padding="same", rng=0)(np.ones((1, 3, 8, 8))).shape
    (1, 5, 8, 8)
    """

    ndim = 2

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1, padding: Sizes | str = 0,
        dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", rng: Rng = None, *,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        if padding_mode not in tuple(PAD_MODES):  # a dict would raise for a list
            name = type(self).__name__
            raise ValueError(f"{name}: padding_mode is one of {', '.join(map(repr, PAD_MODES))}, not {padding_mode!r}")
        self.padding_mode = padding_mode
        self._start(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng, dtype)

    def forward(self, x: Tensor | Array) -> Any:
        """Return the convolution; raises ValueError for images with other channels or smaller than the kernel."""
        x, _ = checked_input(self, x)
        return convolution(
            self.describe, self.ndim, x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups,
            self.padding_mode,
        )  # fmt: skip


class Conv1d(Conv2d):
    """Convolution of signals: (n, in_channels, length) gives (n, out_channels, ...), with `Conv2d`'s options.

    >>> tg.nn.Conv1d(3, 5, 2, rng=0)(np.ones((1, 3, 10))).shape
    (1, 5, 9)
    """

    ndim = 1


class ConvTranspose2d(Convolution):
    """`Conv2d` from its output to its input: (n, in_channels, h, w) gives larger images; see `tg.conv_transpose2d`.

    `weight` is (in_channels, out_channels / groups, kh, kw), as in PyTorch. With stride s and kernel k an axis of the
    result has (size - 1) s + k elements, less twice the padding; `output_padding` adds elements at its end. Raises
    ValueError for sizes and options that do not fit.

    >>> tg.nn.ConvTranspose2d(3, 5, 2, stride=2, rng=0)(np.ones((1, 3, 8, 8))).shape
    (1, 5, 16, 16)
    """

    ndim = 2
    options: ClassVar[dict[str, Any]] = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1, padding: Sizes = 0,
        output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, rng: Rng = None, *,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.output_padding = each(name, "output_padding", output_padding, self.ndim, 0)
        self._start(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng, dtype, True)
        if any(e >= max(s, d) for e, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise ValueError(f"{name}: output_padding={output_padding} is not smaller than stride or dilation")

    def forward(self, x: Tensor | Array) -> Any:
        """Return the larger images; raises ValueError for images with other channels."""
        x, _ = checked_input(self, x)
        return transposed_convolution(
            self.describe, self.ndim, x, self.weight, self.bias, self.stride, self.padding, self.output_padding,
            self.dilation, self.groups,
        )  # fmt: skip


class ConvTranspose1d(ConvTranspose2d):
    """`ConvTranspose2d` for signals, (n, in_channels, length).

    >>> tg.nn.ConvTranspose1d(3, 5, 2, stride=2, rng=0)(np.ones((1, 3, 10))).shape
    (1, 5, 20)
    """

    ndim = 1
