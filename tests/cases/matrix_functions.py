"""Cases for functions of matrices."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays

from tinygrad_edu.engine.rules import matrix_functions


@st.composite
def square(draw, fun, plus=0.0):
    n = draw(st.integers(1, 3))
    return fun, (draw(arrays(shape=(n, n), low=-0.7, high=0.7)) + plus * np.eye(n),)


@st.composite
def sylvester(draw):
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    a, b, q = (draw(arrays(shape=shape, low=-0.7, high=0.7)) for shape in ((n, n), (m, m), (n, m)))
    return matrix_functions.solve_sylvester, (a + 3 * np.eye(n), b + 2 * np.eye(m), q)


CASES = {
    matrix_functions.expm: square(matrix_functions.expm),
    matrix_functions.sqrtm: square(matrix_functions.sqrtm, plus=4.0),
    matrix_functions.solve_sylvester: sylvester(),
}
