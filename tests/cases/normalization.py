"""Cases for normalization."""

from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.engine.rules import normalization


@st.composite
def normalized(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axes, center = draw(st.integers(1, x.ndim)), draw(st.booleans())
    return (lambda x: normalization.normalize(x, 0.1, axes, center)), (x,)


CASES = {normalization.normalize: normalized()}
