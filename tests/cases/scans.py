"""Cases for scans."""

import numpy as np
from hypothesis import strategies as st
from strategies import along, arrays, distinct, shapes

from tinygrad_edu.engine.rules import scans

from .reductions import with_nan


@st.composite
def scan(draw, fun):
    """Draw arguments of cumulative_sum and cumulative_prod, which need an axis if ndim > 1."""
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis, first = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.booleans())
    axis = None if x.ndim == 1 and draw(st.booleans()) else axis
    return (lambda x: fun(x, axis=axis, include_initial=first)), (x,)


@st.composite
def running(draw, fun, *options):
    x = draw(distinct(shape=shapes(min_dims=1, min_side=1)) if options else arrays(shape=shapes(min_dims=1)))
    axis = draw(st.integers(0, x.ndim - 1))
    return (lambda x: fun(x, *options, axis)), (x,)


CASES = {
    np.cumsum: along(np.cumsum),
    np.cumprod: along(np.cumprod, low=-1.5, high=1.5),
    np.nancumsum: with_nan(along(np.nancumsum), 0),
    scans.running_extremum: st.sampled_from(["maximum", "minimum", "fmax", "fmin"]).flatmap(
        lambda extremum: running(scans.running_extremum, extremum)
    ),
    scans.running_logaddexp: running(scans.running_logaddexp),
    np.nancumprod: with_nan(along(np.nancumprod, low=-1.5, high=1.5), 0),
}
if hasattr(np, "cumulative_sum"):
    CASES |= {fun: scan(fun) for fun in (np.cumulative_sum, np.cumulative_prod)}
