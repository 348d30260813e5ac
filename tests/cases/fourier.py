"""Cases for Fourier transforms: all lengths, axes and norms, of real numbers times a complex one."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, shapes

NORMS = st.sampled_from([None, "ortho", "forward", "backward"])


def parts(z):
    """Return the real and the imaginary parts in one vector."""
    return np.concatenate([np.ravel(np.real(z)), np.ravel(np.imag(z))])


@st.composite
def one_axis(draw, fun, real=False):
    """Draw a transform of one axis, which `n` may shorten or extend."""
    x = draw(arrays(shape=draw(shapes(min_dims=1, min_side=1))))
    inverse = fun in (np.fft.irfft, np.fft.hfft)
    axis, n = (
        draw(st.integers(-x.ndim, x.ndim - 1)),
        draw(st.integers(1, 6) if inverse else st.none() | st.integers(1, 5)),
    )
    norm, factor = draw(NORMS), 1 if real else 0.8 + 0.6j
    return (lambda x: parts(fun(x * factor, n, axis, norm))), (x,)


@st.composite
def axes_of(draw, fun, real=False):
    """Draw a transform of several axes, or of the last two."""
    two = fun.__name__.endswith("2")
    x = draw(arrays(shape=draw(shapes(min_dims=2 if two else 1, min_side=1))))
    chosen = draw(st.permutations(range(x.ndim)))[: 2 if two else draw(st.integers(1, x.ndim))]
    s = draw(st.none() | st.tuples(*[st.integers(1, 4)] * len(chosen)))
    if "irfft" in fun.__name__:
        s = (*([-1] * (len(chosen) - 1) if s is None else s[:-1]), draw(st.integers(1, 5)))
    norm, factor = draw(NORMS), 1 if real else 0.8 + 0.6j
    return (lambda x: parts(fun(x * factor, s, tuple(chosen), norm))), (x,)


@st.composite
def shift(draw, fun):
    x = draw(arrays(shape=draw(shapes(min_dims=1))))
    axes = draw(st.none() | st.integers(0, x.ndim - 1) | st.just(tuple(range(x.ndim))))
    return (lambda x: fun(x, axes)), (x,)


REAL = (np.fft.rfft, np.fft.ihfft, np.fft.rfftn, np.fft.rfft2)
CASES = {
    **{
        f: one_axis(f, f in REAL)
        for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft)
    },
    **{f: axes_of(f, f in REAL) for f in (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)},
    **{f: axes_of(f, f in REAL) for f in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2)},
    np.fft.fftshift: shift(np.fft.fftshift),
    np.fft.ifftshift: shift(np.fft.ifftshift),
}
