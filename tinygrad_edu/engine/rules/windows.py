"""Windows of images: the columns of a convolution, and the largest element of each window.

An image batch is (n, channels, *sizes), with any number of axes in `sizes`. `unfold` copies the windows into the
columns of a matrix, so a convolution is a matrix product, and its derivatives are matrix products too. `unfold` and
`fold` are adjoint: each is the other's rule. So are `to_first` and `from_first`.
"""

import functools
from collections.abc import Iterator
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np

from .registry import Array, Shape, defvjp, primitive

Pads = tuple[tuple[int, int], ...]  # how many elements are added before and after each axis


class Windows:
    """The places of windows on images of `sizes`, along each of their axes.

    Windows have `kernel` elements, `dilation` apart, and start every `stride` elements of the padded image. With `ceil`
    a window may end behind the padding, if it starts before it (as PyTorch's `ceil_mode`). `counts` are the numbers
    of windows; 0 or less where the padded image is smaller than a window.
    """

    def __init__(
        self, sizes: Shape, kernel: Shape, stride: Shape, padding: Pads, dilation: Shape, ceil_mode: bool = False
    ) -> None:
        self.sizes, self.kernel, self.stride = sizes, kernel, stride
        self.reach = tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])
        counts, pads = [], []
        for size, (low, high), step, reach in zip(sizes, padding, stride, self.reach, strict=True):
            last = (size + low + high - reach) / step
            count = (ceil(last) if ceil_mode else int(last // 1)) + 1
            if ceil_mode and (count - 1) * step >= size + low:
                count -= 1
            counts.append(count)
            pads.append((low, max(0, high, (count - 1) * step + reach - size - low)))
        self.counts, self.pads = tuple(counts), tuple(pads)
        self.padded = tuple([low + size + high for size, (low, high) in zip(sizes, pads, strict=True)])
        self.overlap = any(reach > step for reach, step in zip(self.reach, stride, strict=True))
        image = [slice(low, low + size) for size, (low, _) in zip(sizes, pads, strict=True)]
        starts = product(*[range(0, k * d, d) for k, d in zip(kernel, dilation, strict=True)])
        lengths = [step * (n - 1) + 1 for step, n in zip(stride, counts, strict=True)]
        steps = [step if step > 1 else None for step in stride]
        places = [[slice(i, i + n, s) for i, n, s in zip(at, lengths, steps, strict=True)] for at in starts]
        # Indices of the padded image: of the image, and for each element of a window of its places, one a window.
        self.image, self.places = self.indices(image, places, ...)
        # The same where another axis follows
        self.rows_image, self.rows_places = self.indices(image, places, slice(None))

    @staticmethod
    def indices(image: list[slice], places: list[list[slice]], first: Any) -> tuple[Any, list[Any]]:
        """Return slices as indices of arrays with other axes before those of the image."""
        return (first, *image), [(first, *place) for place in places]

    def __repr__(self) -> str:
        """Return "windows(3 x 3)"."""
        return f"windows({' x '.join(map(str, self.kernel))})"


windows = functools.lru_cache(1000)(Windows)


# Columns of a matrix
def batch_last(x: Array) -> Array:
    """Return (n, channels, *sizes) as (channels, *sizes, n): long rows in memory, however small an image is."""
    return x.transpose((*range(1, x.ndim), 0))


def batch_first(x: Array) -> Array:
    """Undo `batch_last`."""
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


@primitive
def unfold(x: Array, at: Windows) -> Array:
    """The windows as columns: (n, c, *sizes) gives (c * kernel, counts * n), with 0 for elements of the padding."""
    n, c = x.shape[:2]
    padded = np.zeros_like(x, shape=(c, *at.padded, n), order="C")
    padded[at.rows_image] = batch_last(x)
    columns = np.stack([padded[place] for place in at.rows_places], axis=1)
    return columns.reshape((c * len(at.places), prod(at.counts) * n))


@primitive
def fold(columns: Array, at: Windows) -> Array:
    """The images of which each element is the sum of its copies in the columns: the inverse of `unfold`'s shapes."""
    c, n = columns.shape[0] // len(at.places), columns.shape[1] // prod(at.counts)
    columns = columns.reshape((c, len(at.places), *at.counts, n))
    padded = np.zeros_like(columns, shape=(c, *at.padded, n), order="C")
    for k, index in enumerate(at.rows_places):
        place = padded[index]
        np.add(place, columns[:, k], out=place)
    return batch_first(padded[at.rows_image])


defvjp(unfold, lambda g, y, x, at: fold(g, at))
defvjp(fold,   lambda g, y, columns, at: unfold(g, at))


# Maxima. The first of equal elements gets the gradient, as in PyTorch: sharing it would take as long as a convolution.
def padded(x: Array, at: Windows, fill: float) -> Array:
    """Return x with `fill` around its last axes."""
    if at.padded == at.sizes:
        return x
    y = np.full_like(x, fill, shape=(*x.shape[: x.ndim - len(at.sizes)], *at.padded))
    y[at.image] = x
    return y


@primitive
def max_pool(x: Array, at: Windows) -> Array:
    """The largest element of each window over the last axes."""
    x = padded(x, at, -np.inf)
    y = x[at.places[0]]
    for place in at.places[1:]:
        y = np.maximum(y, x[place])
    return y if len(at.places) > 1 else y.copy()


def first_maxima(x: Array, y: Array, at: Windows) -> Iterator[tuple[Any, Array]]:
    """Yield for each place in a window where it is, and in which windows the first maximum is there."""
    left: Array | None = None  # the windows whose maximum is still to come
    for place in at.places:
        chosen = x[place] == y if left is None else (x[place] == y) & left
        left = ~chosen if left is None else left ^ chosen
        yield place, chosen


@primitive
def to_first(g: Array, y: Array, x: Array, at: Windows) -> Array:
    """For each window, an element of g at the first element of x that equals the maximum y, and 0 elsewhere."""
    x = padded(x, at, np.nan)  # which is never chosen
    images = np.zeros_like(x, dtype=g.dtype)
    for place, chosen in first_maxima(x, y, at):
        target = images[place]
        if at.overlap:
            np.add(target, g * chosen, out=target)
        else:
            np.multiply(g, chosen, out=target)
    return images[at.image]


@primitive
def from_first(images: Array, y: Array, x: Array, at: Windows) -> Array:
    """For each window, the element of `images` where the first element of x equals the maximum y."""
    x, images = padded(x, at, np.nan), padded(images, at, 0)
    return functools.reduce(np.add, (np.where(chosen, images[place], 0) for place, chosen in first_maxima(x, y, at)))


defvjp(max_pool,   lambda g, y, x, at: to_first(g, y, x, at))
defvjp(to_first,   lambda h, images, g, y, x, at: from_first(h, y, x, at), None, None)
defvjp(from_first, lambda h, picked, images, y, x, at: to_first(h, y, x, at), None, None)
