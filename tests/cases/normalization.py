"""Cases for normalisation."""

from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.engine.rules import normalization


@st.composite
def normalised(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axes, centre = draw(st.integers(1, x.ndim)), draw(st.booleans())
    return (lambda x: normalization.normalise(x, 0.1, axes, centre)), (x,)


CASES = {normalization.normalise: normalised()}
