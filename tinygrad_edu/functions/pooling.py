"""Pooling by PyTorch's names, arguments and numbers: the largest element or the mean of each window of an image.

Images are (n, channels, length) or (n, channels, height, width), or one of them without n.
"""

from math import prod
from typing import Any

import numpy as np

from ..engine.arguments import check_numbers
from ..engine.rules import windows
from ..engine.rules.reductions import widened
from ..engine.rules.registry import Shape
from .convolution import Sizes, Where, checked_image, each, fitting, title


def max_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """Return the largest element of each window of signals (n, channels, length); see `max_pool2d`.

    >>> tg.max_pool1d(np.array([[[1.0, 3.0, 5.0, 2.0]]]), 2)
    array([[[3., 5.]]])
    """
    return maxima("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """Return the largest element of each window of images (n, channels, height, width).

    Windows start every `stride` elements, `kernel_size` by default, and their elements are `dilation` apart. The image
    has `padding` elements of minus infinity around it. With `ceil_mode`, windows that start in the image may end
    outside of it. The first of equal elements gets the gradient, as in PyTorch (those of `np.max` share it).

    >>> tg.max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    return maxima("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """Return the mean of each window of signals (n, channels, length); see `avg_pool2d`.

    >>> tg.avg_pool1d(np.array([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    array([[[2., 6.]]])
    """
    return means("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """Return the mean of each window of images (n, channels, height, width); options as those of `max_pool2d`.

    The zeros of the padding count, unless `count_include_pad` is False. `divisor_override` is the number to divide
    each sum by instead.

    >>> tg.avg_pool2d(np.ones((1, 3, 8, 8)), 2).shape
    (1, 3, 4, 4)
    """
    if divisor_override is not None:
        check_numbers("avg_pool2d", divisor_override=divisor_override)
    return means("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool1d(x: Any, output_size: int) -> Any:
    """Return means of `output_size` parts of signals (n, channels, length); see `adaptive_avg_pool2d`.

    >>> tg.adaptive_avg_pool1d(np.array([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    array([[[2., 6.]]])
    """
    return adaptive_means("adaptive_avg_pool1d", 1, x, output_size)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """Return images of `output_size` (an int, or two; None keeps a size), whose elements are means of parts of x.

    Part i of n along an axis goes from floor(i size / n) to ceil((i + 1) size / n).

    >>> tg.adaptive_avg_pool2d(np.ones((1, 3, 7, 9)), (2, None)).shape
    (1, 3, 2, 9)
    """
    return adaptive_means("adaptive_avg_pool2d", 2, x, output_size)


def maxima(
    where: Where, ndim: int, x: Any, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes,
    ceil_mode: bool,
) -> Any:  # fmt: skip
    """Return the largest element of each window, for any number of axes."""
    x, at = placed(where, ndim, x, kernel_size, stride, padding, dilation, ceil_mode)
    return windows.max_pool(x, at)


def means(
    where: Where, ndim: int, x: Any, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, ceil_mode: bool,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """Return the mean of each window, for any number of axes."""
    if divisor_override == 0:
        raise ValueError(f"{title(where)}: divisor_override=0 would divide by zero")
    x, at = placed(where, ndim, x, kernel_size, stride, padding, 1, ceil_mode)
    if x.ndim == ndim + 1:
        return means(where, ndim, x[None], kernel_size, stride, padding, ceil_mode, count_include_pad,
                     divisor_override)[0]  # fmt: skip
    n, channels = x.shape[:2]
    columns = windows.unfold(x, at).reshape((channels, len(at.places), prod(at.counts) * n))
    total = np.sum(widened(columns), axis=1).reshape((channels, *at.counts, n))
    divisor = divisor_override or counts(at, each(where, "padding", padding, ndim, 0), count_include_pad)
    y = total / (divisor.astype(total.dtype) if isinstance(divisor, np.ndarray) else divisor)
    return windows.batch_first(y if y.dtype == x.dtype else y.astype(x.dtype))


def counts(at: windows.Windows, pads: Shape, count_include_pad: bool) -> Any:
    """Return how many elements of a window count; if they differ, those of each window, with a last axis for n."""
    if (count_include_pad or not any(pads)) and at.pads == tuple([(pad, pad) for pad in pads]):
        return len(at.places)
    ndim = len(pads)
    total = np.ones((1,) * (ndim + 1))
    for axis, (n, k, s, size, pad) in enumerate(zip(at.counts, at.kernel, at.stride, at.sizes, pads, strict=True)):
        first = np.arange(n) * s - pad
        last = np.minimum(first + k, size + pad)
        if not count_include_pad:
            first, last = np.maximum(first, 0), np.minimum(last, size)
        total = total * (last - first).reshape([-1 if i == axis else 1 for i in range(ndim + 1)])
    return total


def adaptive_means(where: Where, ndim: int, x: Any, output_size: Any) -> Any:
    """Return means of parts, for any number of axes: first along those whose parts have different lengths."""
    x = checked_image(where, ndim, x)
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * ndim
    first = x.ndim - ndim
    wanted = [size if n is None else n for n, size in zip(given, x.shape[first:], strict=False)]
    sizes = each(where, "output_size", wanted, ndim)
    if 0 in x.shape[first:]:
        raise ValueError(f"{title(where)} got {x.shape}: an image without elements has no mean")
    for axis, parts in enumerate(sizes, start=first):
        if (size := x.shape[axis]) % parts:
            ends = [(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]
            x = np.stack([np.mean(x[(slice(None),) * axis + (slice(*end),)], axis=axis) for end in ends], axis)
    if max(sizes) == 1:
        return np.mean(x, axis=tuple(range(first, x.ndim)), keepdims=True)
    kernel = tuple([size // parts for size, parts in zip(x.shape[first:], sizes, strict=True)])
    return x if max(kernel) == 1 else means(where, ndim, x, kernel, None, 0, ceil_mode=False)


def placed(
    where: Where, ndim: int, x: Any, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes,
    ceil_mode: bool,
) -> tuple[Any, windows.Windows]:  # fmt: skip
    """Return images and the windows on them; raises ValueError for options and shapes that do not fit."""
    x = checked_image(where, ndim, x)
    kernel, steps, padding = spacing(where, ndim, kernel_size, stride, padding)
    apart = each(where, "dilation", dilation, ndim)
    return x, fitting(where, x.shape, kernel, steps, tuple([(p, p) for p in padding]), apart, ceil_mode)


def spacing(where: Where, ndim: int, kernel_size: Sizes, stride: Sizes | None, padding: Sizes) -> list[Shape]:
    """Return these options as tuples; raises ValueError for a padding that leaves windows without an element."""
    kernel, pads = each(where, "kernel_size", kernel_size, ndim), each(where, "padding", padding, ndim, 0)
    if any(p > k // 2 for p, k in zip(pads, kernel, strict=True)):
        raise ValueError(f"{title(where)}: padding={padding} is more than half of kernel_size={kernel_size}")
    return [kernel, kernel if stride is None else each(where, "stride", stride, ndim), pads]
