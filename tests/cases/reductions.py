"""Cases for reductions and scans."""

import numpy as np
from hypothesis import strategies as st
from strategies import along, arrays, axes, distinct, reduction, seeds, shapes, unary

from tinygrad_edu.engine.rules import reductions


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
def scan(draw, fun):
    """Draw arguments of cumulative_sum and cumulative_prod, which need an axis if ndim > 1."""
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis, first = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.booleans())
    axis = None if x.ndim == 1 and draw(st.booleans()) else axis
    return (lambda x: fun(x, axis=axis, include_initial=first)), (x,)


@st.composite
def averaged(draw):
    """Draw weights for each element, or along the averaged axes."""
    a = draw(arrays(shape=shapes(min_side=1)))
    axis, keepdims = draw(axes(a.ndim)), draw(st.booleans())
    named = range(a.ndim) if axis is None else np.atleast_1d(axis)
    small = () if axis is None else tuple(a.shape[i] for i in named)
    w = draw(arrays(shape=draw(st.sampled_from([a.shape, small or a.shape])), low=0.5))
    if draw(st.booleans()):
        return (lambda a: np.average(a, axis=axis, keepdims=keepdims)), (a,)

    def joined(a, w):
        return np.stack(np.average(a, axis=axis, weights=w, keepdims=keepdims, returned=True))

    return joined, (a, w)


@st.composite
def covariances(draw, fun):
    k, n = draw(st.integers(1, 3)), draw(st.integers(3, 4))
    rowvar = draw(st.booleans())
    shape = draw(st.sampled_from([(n,), (k, n) if rowvar else (n, k)]))
    m = draw(arrays(shape=shape))
    kwargs = {"rowvar": rowvar}
    if fun is np.cov:
        kwargs |= {"bias": draw(st.booleans()), "ddof": draw(st.sampled_from([None, 0, 1]))}
        rng = np.random.default_rng(draw(seeds))
        kwargs["fweights"] = draw(st.sampled_from([None, rng.integers(1, 4, n)]))
        kwargs["aweights"] = draw(st.sampled_from([None, rng.uniform(0.5, 1.5, n)]))
    if draw(st.booleans()):
        return (lambda m: fun(m, **kwargs)), (m,)
    return (lambda m, y: fun(m, y, **kwargs)), (m, draw(arrays(shape=shape)))


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
    np.cumsum: along(np.cumsum),
    np.cumprod: along(np.cumprod, low=-1.5, high=1.5),
    np.nansum: with_nan(chosen(np.nansum, initial=[2]), 0),
    np.nanmean: with_nan(chosen(np.nanmean, min_side=1, must=True), 1),
    np.nanprod: with_nan(chosen(np.nanprod, initial=[-1.5], low=-1.2, high=1.2), 0),
    np.nanmax: with_nan(chosen(np.nanmax, source=distinct, min_side=1, initial=TOPS), 1),
    np.nanmin: with_nan(chosen(np.nanmin, source=distinct, min_side=1, initial=TOPS), 1),
    np.nanvar: with_nan(spread_out(np.nanvar), 2),
    np.nanstd: with_nan(spread_out(np.nanstd), 2),
    np.nancumsum: with_nan(along(np.nancumsum), 0),
    np.nancumprod: with_nan(along(np.nancumprod, low=-1.5, high=1.5), 0),
    np.ptp: reduction(np.ptp, source=distinct),
    np.average: averaged(),
    np.cov: covariances(np.cov),
    np.corrcoef: covariances(np.corrcoef),
    reductions.cosine: unary(reductions.cosine, low=-0.9, high=0.9),
    np.apply_along_axis: line_by_line(),
    np.apply_over_axes: axis_by_axis(),
}
if hasattr(np, "cumulative_sum"):
    CASES |= {fun: scan(fun) for fun in (np.cumulative_sum, np.cumulative_prod)}
