"""Cases for scans."""

import numpy as np
from hypothesis import strategies as st
from strategies import along, arrays, shapes

from .reductions import with_nan


@st.composite
def scan(draw, fun):
    """Draw arguments of cumulative_sum and cumulative_prod, which need an axis if ndim > 1."""
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis, first = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.booleans())
    axis = None if x.ndim == 1 and draw(st.booleans()) else axis
    return (lambda x: fun(x, axis=axis, include_initial=first)), (x,)


CASES = {
    np.cumsum: along(np.cumsum),
    np.cumprod: along(np.cumprod, low=-1.5, high=1.5),
    np.nancumsum: with_nan(along(np.nancumsum), 0),
    np.nancumprod: with_nan(along(np.nancumprod, low=-1.5, high=1.5), 0),
}
if hasattr(np, "cumulative_sum"):
    CASES |= {fun: scan(fun) for fun in (np.cumulative_sum, np.cumulative_prod)}
