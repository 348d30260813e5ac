"""Cases for linear algebra."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, reduction, shapes

from tinygrad_edu.rules import linalg


@st.composite
def norm(draw):
    x = draw(arrays(shape=shapes(min_side=1), low=0.2))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
    return (lambda x: np.linalg.norm(x, axis=axis)), (x,)


CASES = {
    linalg.length: reduction(linalg.length, low=0.2),
    np.linalg.norm: norm(),
}
