"""Convolution by fast Fourier transforms: of real arrays it is real, though the transforms are complex."""

import numpy as np

from .promotion import floats
from .registry import Array, defvjp, is_complex, primitive, promoting, takes_complex


@primitive
def fft_convolve(a: Array, b: Array) -> Array:
    """The full convolution of two arrays along all axes; of integers, in float64."""
    a, b = floats(a, b)
    shape = [n + k - 1 for n, k in zip(a.shape, b.shape, strict=True)]
    axes = tuple(range(len(shape)))
    y: Array
    if is_complex(a) or is_complex(b):
        y = np.fft.ifftn(np.fft.fftn(a, shape, axes) * np.fft.fftn(b, shape, axes), shape, axes)
    else:
        y = np.fft.irfftn(np.fft.rfftn(a, shape, axes) * np.fft.rfftn(b, shape, axes), shape, axes)
    return y.astype(np.result_type(a, b))


def correlation(g: Array, x: Array) -> Array:
    """Return the gradient of the other array: the sums of products of g and x, for each shift without padding."""
    y = fft_convolve(g, x[(slice(None, None, -1),) * x.ndim])
    return y[tuple([slice(k - 1, n) for n, k in zip(g.shape, x.shape, strict=True)])]


defvjp(fft_convolve, lambda g, y, a, b: correlation(g, b),
                     lambda g, y, a, b: correlation(g, a))
takes_complex.add(fft_convolve)
promoting.add(fft_convolve)
