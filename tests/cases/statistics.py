"""Cases for statistics."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, axes, distinct, reduction, seeds, shapes, unary

from tinygrad_edu.engine.rules import statistics


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


CASES = {
    np.ptp: reduction(np.ptp, source=distinct),
    np.average: averaged(),
    np.cov: covariances(np.cov),
    np.corrcoef: covariances(np.corrcoef),
    statistics.clip_cosine: unary(statistics.clip_cosine, low=-0.9, high=0.9),
}
