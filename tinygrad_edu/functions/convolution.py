"""Convolutions by PyTorch's names, arguments and numbers: matrix products of the weight and the windows of images.

Images are (n, channels, length) or (n, channels, height, width), or one of them without n. An option with a number for
each axis is given as an int for all axes, or as a tuple. Results lie in memory with the batch as the last axis, which
makes the work on small images as fast as on large ones; `np.ascontiguousarray` brings an array into the usual order.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..engine.rules.registry import Shape
from ..engine.rules.windows import Pads, Windows, batch_first, batch_last, fold, unfold, windows
from .activations import floating

Sizes = int | Sequence[int]
Where = str | Callable[[], str]  # who is named in an error: a function, or a layer's method `describe`
AXES = {1: "length", 2: "height, width"}
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # and NumPy's names


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    """Return the cross-correlation of signals (n, channels, length) with a weight (out, channels / groups, kernel).

    See `conv2d`.

    >>> tg.conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))  # differences of neighbors
    array([[[1., 2.]]])
    """
    return convolution("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    """Return the cross-correlation of images (n, channels, h, w) with a weight (out, channels / groups, kh, kw).

    `bias` is (out,). Windows start every `stride` elements of the image with `padding` zeros around it, or "valid" for
    none, or "same" for as many as keep its size; their elements are `dilation` apart. With `groups`, each group of
    output channels sees its own group of input channels. Raises ValueError for shapes that do not fit. The windows,
    kh * kw times as many numbers as the images have, are kept for the backward pass.

    >>> tg.conv2d(np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2)))
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    return convolution("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
    groups: int = 1, dilation: Sizes = 1,
) -> Any:  # fmt: skip
    """Return longer signals of x, (n, in, length), and a weight (in, out / groups, kernel); see `conv_transpose2d`.

    >>> tg.conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0]]]))
    array([[[ 1., 12., 20.]]])
    """
    return transposed_convolution("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, dilation,
                                  groups)  # fmt: skip


def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
    groups: int = 1, dilation: Sizes = 1,
) -> Any:  # fmt: skip
    """Return the gradient of `conv2d` as a function: a weight (in, out / groups, kh, kw) makes larger images of x.

    An axis of the result has (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 elements.

    >>> tg.conv_transpose2d(np.ones((1, 3, 4, 4)), np.ones((3, 5, 2, 2)), stride=2).shape
    (1, 5, 8, 8)
    """
    return transposed_convolution("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, dilation,
                                  groups)  # fmt: skip


def convolution(
    where: Where, ndim: int, x: Any, weight: Any, bias: Any, stride: Sizes, padding: Sizes | str | Pads,
    dilation: Sizes, groups: int, padding_mode: str = "zeros",
) -> Any:  # fmt: skip
    """Return the convolution along any number of axes; `padding_mode` is one of PyTorch's."""
    x, weight, groups = operands(where, ndim, x, weight, groups)
    if x.ndim == ndim + 1:
        return convolution(where, ndim, x[None], weight, bias, stride, padding, dilation, groups, padding_mode)[0]
    kernel, stride = weight.shape[2:], each(where, "stride", stride, ndim)
    dilation = each(where, "dilation", dilation, ndim)
    pads = padding_of(where, padding, kernel, stride, dilation)
    if padding_mode != "zeros":
        x = np.pad(x, ((0, 0), (0, 0), *pads), mode=PAD_MODES[padding_mode])  # type: ignore[call-overload]
        pads = ((0, 0),) * ndim
    at = fitting(where, x.shape, kernel, stride, pads, dilation)
    y = product(weight, unfold(x, at), groups)
    if bias is not None:
        y = y + column(where, bias, len(weight), 1)
    return batch_first(y.reshape((len(weight), *at.counts, len(x))))


def transposed_convolution(
    where: Where, ndim: int, x: Any, weight: Any, bias: Any, stride: Sizes, padding: Sizes, output_padding: Sizes,
    dilation: Sizes, groups: int,
) -> Any:  # fmt: skip
    """Return the transposed convolution along any number of axes."""
    x, weight, groups = operands(where, ndim, x, weight, groups, transposed=True)
    if x.ndim == ndim + 1:
        return transposed_convolution(where, ndim, x[None], weight, bias, stride, padding, output_padding, dilation,
                                      groups)[0]  # fmt: skip
    stride, dilation = each(where, "stride", stride, ndim), each(where, "dilation", dilation, ndim)
    padding = each(where, "padding", padding, ndim, 0)
    extra = each(where, "output_padding", output_padding, ndim, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{title(where)}: output_padding={output_padding} is not smaller than stride or dilation")
    sizes = tuple([
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], stride, padding, dilation, weight.shape[2:], extra, strict=True)
    ])  # fmt: skip
    if min(sizes) < 1:
        raise ValueError(f"{title(where)} got {x.shape}: no elements are left within padding={padding}")
    pads = tuple([(p, p - e) for p, e in zip(padding, extra, strict=True)])
    at = windows(sizes, weight.shape[2:], stride, pads, dilation)
    rows = batch_last(x).reshape((len(weight), prod(at.counts) * len(x)))
    y = fold(product(weight, rows, groups, transposed=True), at)
    return y if bias is None else y + column(where, bias, weight.shape[1] * groups, ndim)


def product(weight: Any, columns: Any, groups: int, transposed: bool = False) -> Any:
    """Return the matrix product of the weight, or its transpose, and the columns: one for each group of rows."""
    if groups == 1:
        rows = weight.reshape((len(weight), -1))
        return (rows.T if transposed else rows) @ columns
    rows = weight.reshape((groups, len(weight) // groups, -1))
    rows = rows.swapaxes(-1, -2) if transposed else rows
    y = rows @ columns.reshape((groups, len(columns) // groups, columns.shape[1]))
    return y.reshape((y.shape[0] * y.shape[1], y.shape[2]))


def operands(
    where: Where, ndim: int, x: Any, weight: Any, groups: Any, transposed: bool = False
) -> tuple[Any, Any, int]:
    """Return both as floats, images of integers in the dtype of the weight, and the number of groups.

    Raises ValueError for shapes that clash.
    """
    weight = floating(weight)
    shape: Shape = getattr(weight, "shape", ())  # a float or a Value has none
    (groups,) = each(where, "groups", groups, 1)
    if len(shape) != ndim + 2 or shape[0] % groups:
        first, second = ("in", "out") if transposed else ("out", "in")
        expected = f"({first}, {second} / groups, {', '.join(['kernel'] * ndim)}), with {first} a multiple of {groups=}"
        raise ValueError(f"{title(where)}: a weight is {expected}, not {shape}")
    if isinstance(x, np.ndarray) and x.dtype.kind in "iub":
        x = x.astype(weight.dtype)
    return checked_image(where, ndim, x, shape[0] if transposed else shape[1] * groups), weight, groups


def column(where: Where, bias: Any, channels: int, ndim: int) -> Any:
    """Return a bias with `ndim` more axes; raises ValueError unless it has one number for each channel."""
    bias = floating(bias)
    if np.shape(bias) != (channels,):
        made = f"where the weight makes {channels} channels"
        raise ValueError(f"{title(where)}: a bias of shape {np.shape(bias)}, {made}")
    return bias.reshape((channels, *(1,) * ndim))


# Options and shapes
def title(where: Where) -> str:
    """Return the name of a function, or a layer's line."""
    return where if isinstance(where, str) else where()


def each(where: Where, name: str, value: Any, ndim: int, least: int = 1) -> Shape:
    """Return an option as a tuple of ints, one for each axis; raises ValueError for anything else."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * ndim
    are_whole = [isinstance(v, (int, np.integer)) and not isinstance(v, bool) and v >= least for v in values]
    if len(values) == ndim and all(are_whole):
        return values
    several = f", or {ndim} of them in a tuple" if ndim > 1 else ""
    raise ValueError(f"{title(where)}: {name} is a whole number from {least}{several}, not {value!r}")


def padding_of(where: Where, padding: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """Return how many elements are added before and after each axis."""
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f'{title(where)}: padding="same" keeps the size of an image only with stride=1')
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple([(n // 2, n - n // 2) for n in total])
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f'{title(where)}: padding is a number, a tuple of them, "same" or "valid", not {padding!r}')
    return tuple([(n, n) for n in each(where, "padding", 0 if padding == "valid" else padding, len(kernel), 0)])


def checked_image(where: Where, ndim: int, x: Any, channels: int | None = None) -> Any:
    """Return x as floats; raises ValueError unless it is images, or one image, with so many channels."""
    x = floating(x)
    shape: Shape = getattr(x, "shape", ())
    axis = len(shape) - ndim - 1
    if axis in (0, 1) and channels in (None, shape[axis]):
        return x
    expected = f"({channels or 'channels'}, {AXES[ndim]})"
    hint = f"; its axis {axis} holds {shape[axis]} channels" if axis in (0, 1) else ""
    raise ValueError(f"{title(where)} got {tuple(shape)}: it takes (n, {expected[1:]} or {expected}{hint}")


def fitting(
    where: Where, shape: Shape, kernel: Shape, stride: Shape, pads: Pads, dilation: Shape, ceil_mode: bool = False
) -> Windows:
    """Return the windows on images; raises ValueError if an image is smaller than one."""
    sizes = tuple(shape[len(shape) - len(kernel) :])
    at = windows(sizes, kernel, stride, pads, dilation, ceil_mode)
    if min(at.counts) < 1:
        size, reach, padded = (
            " x ".join(map(str, n))
            for n in (sizes, at.reach, [n + low + high for n, (low, high) in zip(sizes, pads, strict=True)])
        )
        with_padding = "" if padded == size else f" ({padded} with its padding)"
        raise ValueError(f"{title(where)} got {tuple(shape)}: a window of {reach} is larger than the image, {size}"
                         f"{with_padding}")  # fmt: skip
    return at
