"""Cases for reductions and scans."""

import numpy as np
from hypothesis import strategies as st
from strategies import along, axes, distinct, reduction, shapes


@st.composite
def spread_out(draw, fun):
    """var and std need two elements to each result, and std some distance between them."""
    x = draw(distinct(shape=draw(shapes(min_side=2, min_dims=1))))
    axis, keepdims, ddof = draw(axes(x.ndim)), draw(st.booleans()), draw(st.sampled_from([0, 1, 0.5]))
    return (lambda x: fun(x, axis=axis, keepdims=keepdims, ddof=ddof)), (x,)


CASES = {
    np.sum: reduction(np.sum, min_side=0),
    np.mean: reduction(np.mean),
    np.prod: reduction(np.prod, min_side=0, low=-1.2, high=1.2),
    np.max: reduction(np.max, source=distinct),
    np.min: reduction(np.min, source=distinct),
    np.var: spread_out(np.var),
    np.std: spread_out(np.std),
    np.cumsum: along(np.cumsum),
    np.cumprod: along(np.cumprod),
}
