"""Cases for reductions."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, axes, distinct, reduction, seeds, shapes


@st.composite
def chosen(draw, fun, source=arrays, min_side=0, initial=None, must=False, **values):
    """Draw a reduction of all elements or of some (`where`), with and without an `initial` value."""
    x = draw(source(shape=draw(shapes(min_side=min_side)), **values))
    kwargs = {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}
    if draw(st.booleans()):
        where = np.random.default_rng(draw(seeds)).random(x.shape[draw(st.integers(0, x.ndim)) :]) < 0.6
        if initial or not must or np.sum(np.broadcast_to(where, x.shape), axis=kwargs["axis"]).all():
            kwargs["where"] = where
    if initial and ("where" in kwargs or draw(st.booleans())):
        kwargs["initial"] = draw(st.sampled_from(initial))
    return (lambda x: fun(x, **kwargs)), (x,)


@st.composite
def spread_out(draw, fun):
    """Draw arrays for var and std: at least two elements for each result, not all equal for std."""
    x = draw(distinct(shape=draw(shapes(min_side=2, min_dims=1))))
    kwargs = {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}
    kwargs[draw(st.sampled_from(["ddof", "correction"]))] = draw(st.sampled_from([0, 1, 0.5]))
    where = np.random.default_rng(draw(seeds)).random(x.shape) < 0.7
    if np.sum(where, axis=kwargs["axis"]).min() > 1:
        kwargs["where"] = where
    return (lambda x: fun(x, **kwargs)), (x,)


@st.composite
def with_nan(draw, case, least):
    """Take a case of another reduction and put NaN into its arrays; leave at least `least` numbers for each result."""
    f, (x,) = draw(case)
    missing = np.random.default_rng(draw(seeds)).random(x.shape) < 0.3
    keywords = dict(zip(f.__code__.co_freevars, [c.cell_contents for c in f.__closure__], strict=True))
    kwargs = keywords.get("kwargs", keywords)
    numbers = ~missing & kwargs.get("where", True)
    if np.min(np.sum(numbers, axis=kwargs["axis"]), initial=least) < least:
        missing = np.zeros(x.shape, bool)
    return (lambda x: f(np.where(missing, np.nan, x))), (x,)


@st.composite
def line_by_line(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    f = draw(
        st.sampled_from(
            [np.sum, np.cumsum, lambda v: v[0], lambda v: np.sin(v)[None] * v[:, None], lambda v: np.stack([v[0] ** 2])]
        )
    )
    return (lambda x: np.apply_along_axis(f, axis, x)), (x,)


@st.composite
def axis_by_axis(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    chosen = draw(st.sets(st.integers(0, x.ndim - 1), min_size=1))
    axis = draw(st.sampled_from([tuple(i - x.ndim for i in chosen), tuple(chosen), min(chosen)]))
    f = draw(st.sampled_from([np.sum, np.mean, lambda x, axis: np.sum(x * x, axis, keepdims=True)]))
    return (lambda x: np.apply_over_axes(f, x, axis)), (x,)


TOPS = [0.003, 0.153, 5.003]  # below, between or above the elements, but never equal to one

CASES = {
    np.sum: chosen(np.sum, initial=[2]),
    np.mean: chosen(np.mean, min_side=1, must=True),
    np.prod: chosen(np.prod, initial=[-1.5], low=-1.2, high=1.2),
    np.max: chosen(np.max, source=distinct, min_side=1, initial=TOPS),
    np.min: chosen(np.min, source=distinct, min_side=1, initial=TOPS),
    np.amax: reduction(np.amax, source=distinct),
    np.amin: reduction(np.amin, source=distinct),
    np.var: spread_out(np.var),
    np.std: spread_out(np.std),
    np.nansum: with_nan(chosen(np.nansum, initial=[2]), 0),
    np.nanmean: with_nan(chosen(np.nanmean, min_side=1, must=True), 1),
    np.nanprod: with_nan(chosen(np.nanprod, initial=[-1.5], low=-1.2, high=1.2), 0),
    np.nanmax: with_nan(chosen(np.nanmax, source=distinct, min_side=1, initial=TOPS), 1),
    np.nanmin: with_nan(chosen(np.nanmin, source=distinct, min_side=1, initial=TOPS), 1),
    np.nanvar: with_nan(spread_out(np.nanvar), 2),
    np.nanstd: with_nan(spread_out(np.nanstd), 2),
    np.apply_along_axis: line_by_line(),
    np.apply_over_axes: axis_by_axis(),
}
