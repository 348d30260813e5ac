"""Cases for products."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays


@st.composite
def matrices(draw, fun):
    """Every pair of numbers of dimensions, stacks broadcasting against each other in matmul."""
    side = st.integers(0, 3)
    n, k, m = draw(side), draw(side), draw(side)
    a = draw(st.sampled_from([(k,), (n, k), (2, n, k), (2, 1, n, k)]))
    b = draw(st.sampled_from([(k,), (k, m), (2, k, m), (1, k, m)]))
    if fun is np.dot and draw(st.booleans()):
        a, b = draw(st.sampled_from([((), (k,)), ((n, k), ()), ((), ())]))
    return fun, (draw(arrays(shape=a)), draw(arrays(shape=b)))


CASES = {
    np.matmul: matrices(np.matmul),
    np.dot: matrices(np.dot),  # a composition, which has many cases
}
