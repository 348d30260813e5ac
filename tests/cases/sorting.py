"""Cases for sorting and order statistics: numbers far enough apart that small changes keep their order."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, axes, distinct, seeds, shapes

from tinygrad_edu.engine.rules import sorting

METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip


@st.composite
def rearranged(draw, fun):
    x = draw(distinct(shape=draw(shapes(min_dims=1, min_side=int(fun is np.partition)))))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    if fun is sorting.permute:
        places = np.argsort(np.random.default_rng(draw(seeds)).random(x.shape), axis=axis)
        return (lambda x: sorting.permute(x, places, axis)), (x,)
    axis = draw(st.sampled_from([axis, None]))
    if fun is np.sort:
        kind = draw(st.sampled_from([None, "stable", "heapsort"]))
        return (lambda x: np.sort(x, axis=axis, kind=kind)), (x,)
    n = x.size if axis is None else x.shape[axis]
    one = st.integers(-n, n - 1)
    kth = draw(one | st.lists(one, min_size=1, max_size=3))
    return (lambda x: np.partition(x, kth, axis=axis)), (x,)


@st.composite
def statistics(draw, fun):
    x = draw(distinct(shape=draw(shapes(min_side=1))))
    kwargs = {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}
    q = ()
    if "median" not in fun.__name__:
        full = 100 if "percentile" in fun.__name__ else 1
        one = st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5, 0.8, 1.0]).map(lambda q: q * full)
        table = one if "nan" in fun.__name__ else st.just(np.array([[0.0, 0.3], [0.9, 0.3]]) * full)
        q = (draw(one | st.lists(one, max_size=3) | table),)
        kwargs["method"] = draw(st.sampled_from(METHODS))
    missing = np.random.default_rng(draw(seeds)).random(x.shape) < 0.3
    if "nan" not in fun.__name__ or np.any(np.all(missing, axis=kwargs["axis"])):
        missing = np.zeros(x.shape, bool)
    return (lambda x: fun(np.where(missing, np.nan, x), *q, **kwargs)), (x,)


@st.composite
def trimmed(draw):
    x = draw(arrays(shape=shapes(min_dims=1, max_dims=1), away=[0]))
    trim = draw(st.sampled_from(["f", "b", "fb", "BF"]))
    n, m = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    return (lambda x: np.trim_zeros(np.concatenate([np.zeros(n), x, np.zeros(m)]).astype(x.dtype), trim)), (x,)


@st.composite
def counted(draw, fun):
    w = draw(arrays(shape=shapes(min_dims=1, max_dims=1)))
    x, least = np.random.default_rng(draw(seeds)).integers(0, 4, w.shape), draw(st.sampled_from([0, 5]))
    if fun is sorting.bincount:
        return (lambda w: sorting.bincount(w, x, least)), (w,)
    return (lambda w: np.bincount(x, w, minlength=least)), (w,)


@st.composite
def histogram(draw):
    w = draw(arrays(shape=shapes(min_dims=1, max_dims=2, min_side=1), low=0.5))
    a = np.random.default_rng(w.size).normal(size=w.shape)
    density = draw(st.booleans())
    return (lambda w: np.histogram(a, 3, weights=w, density=density)[0].astype(w.dtype)), (w,)


CASES = {
    np.histogram: histogram(),
    np.sort: rearranged(np.sort),
    np.partition: rearranged(np.partition),
    sorting.permute: rearranged(sorting.permute),
    np.trim_zeros: trimmed(),
    np.median: statistics(np.median),
    np.nanmedian: statistics(np.nanmedian),
    np.quantile: statistics(np.quantile),
    np.percentile: statistics(np.percentile),
    np.nanquantile: statistics(np.nanquantile),
    np.nanpercentile: statistics(np.nanpercentile),
    sorting.order_statistic: statistics(np.quantile),
    np.bincount: counted(np.bincount),
    sorting.bincount: counted(sorting.bincount),
}
