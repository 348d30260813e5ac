"""Cases for convolution by Fourier transforms."""

from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.engine.rules import convolution


@st.composite
def two(draw):
    ndim = draw(st.integers(1, 2))
    sides = shapes(min_dims=ndim, max_dims=ndim, min_side=1)
    return convolution.fft_convolve, (draw(arrays(shape=sides)), draw(arrays(shape=sides)))


CASES = {convolution.fft_convolve: two()}
