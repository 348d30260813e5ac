"""Pooling of signals and images, with PyTorch's arguments: the largest element or the mean of each window."""

from __future__ import annotations

from typing import Any, ClassVar

from ..engine.arguments import check_numbers, switches
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..functions.convolution import Sizes, each
from ..functions.pooling import adaptive_means, maxima, means, spacing
from .convolution import changed, shortest
from .layers import checked_input
from .module import Module


class Pooling(Module):
    """What pooling layers share: their options, and their line in a repr."""

    ndim: ClassVar[int]
    options: ClassVar[dict[str, Any]]  # those that a line shows where they differ from their defaults

    def _start(self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes) -> None:
        options = spacing(type(self).__name__, self.ndim, kernel_size, stride, padding)
        self.kernel_size, self.stride, self.padding = options

    def describe(self) -> str:
        """Return "MaxPool2d(2)", with the options that differ from their defaults."""
        shown = [shortest(self.kernel_size), *changed(self, {"stride": self.kernel_size, **self.options})]
        return f"{type(self).__name__}({', '.join(shown)})"


class MaxPool2d(Pooling):
    """The largest element of each window of (n, channels, h, w); see `tg.max_pool2d` for the options.

    Windows do not overlap unless `stride` is smaller than `kernel_size`. The first of equal elements gets the gradient.
    `return_indices` has its place in PyTorch's order; raises ValueError if it is on.

    >>> tg.nn.MaxPool2d(2)(np.ones((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    ndim = 2
    options: ClassVar[dict[str, Any]] = {"padding": 0, "dilation": 1, "ceil_mode": False}

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self._start(kernel_size, stride, padding)
        self.dilation = each(type(self).__name__, "dilation", dilation, self.ndim)
        switches(type(self).__name__, return_indices=return_indices, ceil_mode=ceil_mode)
        if return_indices:
            raise ValueError(f"{type(self).__name__} returns no indices; leave return_indices out (ceil_mode is next)")
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor | Array) -> Any:
        """Return the maxima; raises ValueError for images smaller than a window."""
        x, _ = checked_input(self, x)
        return maxima(
            self.describe, self.ndim, x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class MaxPool1d(MaxPool2d):
    """`MaxPool2d` for signals, (n, channels, length).

    >>> tg.nn.MaxPool1d(2)(np.ones((1, 3, 8))).shape
    (1, 3, 4)
    """

    ndim = 1


class AvgPool2d(Pooling):
    """The mean of each window of (n, channels, h, w); see `tg.avg_pool2d` for the options.

    >>> tg.nn.AvgPool2d(2)(np.ones((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    ndim = 2
    options: ClassVar[dict[str, Any]] = {
        "padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None,
    }  # fmt: skip

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        self._start(kernel_size, stride, padding)
        switches(type(self).__name__, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
        if divisor_override is not None:
            check_numbers(type(self).__name__, divisor_override=divisor_override)
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, x: Tensor | Array) -> Any:
        """Return the means; raises ValueError for images smaller than a window."""
        x, _ = checked_input(self, x)
        return means(
            self.describe, self.ndim, x, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class AvgPool1d(AvgPool2d):
    """`AvgPool2d` for signals, (n, channels, length).

    >>> tg.nn.AvgPool1d(2)(np.ones((1, 3, 8))).shape
    (1, 3, 4)
    """

    ndim = 1


class AdaptiveAvgPool2d(Module):
    """Images of `output_size` (an int, or a pair; None keeps a size), whose elements are means of parts of the input.

    `AdaptiveAvgPool2d(1)` is the mean of each channel, for images of any size.

    >>> tg.nn.AdaptiveAvgPool2d(1)(np.ones((1, 3, 8, 8))).shape
    (1, 3, 1, 1)
    """

    ndim = 2

    def __init__(self, output_size: Any) -> None:
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * self.ndim
        each(type(self).__name__, "output_size", tuple([1 if n is None else n for n in sizes]), self.ndim)
        self.output_size = tuple(sizes)

    def forward(self, x: Tensor | Array) -> Any:
        """Return the means."""
        x, _ = checked_input(self, x)
        return adaptive_means(self.describe, self.ndim, x, self.output_size)

    def describe(self) -> str:
        """Return "AdaptiveAvgPool2d(output_size)"."""
        return f"{type(self).__name__}({shortest(self.output_size)})"


class AdaptiveAvgPool1d(AdaptiveAvgPool2d):
    """`AdaptiveAvgPool2d` for signals, (n, channels, length).

    >>> tg.nn.AdaptiveAvgPool1d(4)(np.ones((1, 3, 9))).shape
    (1, 3, 4)
    """

    ndim = 1
