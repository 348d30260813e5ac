"""Hypothesis strategies for shapes, axes and values."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

seeds = st.integers(0, 2**32 - 1)


def shapes(min_dims=0, max_dims=3, min_side=0, max_side=3):
    """Draw shapes of small arrays, including 0-d and empty ones."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


@st.composite
def arrays(draw, shape=None, low=-2.0, high=2.0, away=(), gap=0.05):
    """Draw a float64 array with elements in low..high, at least `gap` away from each number in `away`."""
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    x = np.random.default_rng(draw(seeds)).uniform(low, high, shape)
    for point in away:
        x = np.where(abs(x - point) < gap, point + gap + abs(x - point), x)
    return x


@st.composite
def broadcastable(draw, n=2, **values):
    """Draw n arrays whose shapes broadcast."""
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=3, max_side=3, min_side=0))
    return [draw(arrays(shape=shape, **values)) for shape in drawn.input_shapes]


@st.composite
def distinct(draw, shape=None, gap=0.1):
    """Draw an array with elements at least `gap` apart, so that small changes do not move a maximum."""
    shape = draw(shapes(min_side=1)) if shape is None else shape
    n = int(np.prod(shape))
    order = np.random.default_rng(draw(seeds)).permutation(n)
    return ((order - n / 2) * gap + 0.01).reshape(shape)


@st.composite
def axes(draw, ndim):
    """Draw None, one axis or several axes, possibly negative."""
    if ndim == 0:
        return None
    chosen = draw(st.none() | st.integers(-ndim, ndim - 1) | st.sets(st.integers(0, ndim - 1), min_size=1))
    return tuple(a - ndim if draw(st.booleans()) else a for a in chosen) if isinstance(chosen, set) else chosen


def unary(fun, **values):
    return st.tuples(st.just(fun), st.tuples(arrays(**values)))


def binary(fun, **values):
    return st.tuples(st.just(fun), broadcastable(**values))


@st.composite
def reduction(draw, fun, source=arrays, min_side=1, **values):
    x = draw(source(shape=draw(shapes(min_side=min_side)), **values))
    axis, keepdims = draw(axes(x.ndim)), draw(st.booleans())
    return (lambda x: fun(x, axis=axis, keepdims=keepdims)), (x,)


@st.composite
def along(draw, fun, low=-3, high=3):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1), low=low, high=high))
    axis = draw(st.integers(-x.ndim, x.ndim - 1) | st.none())
    return (lambda x: fun(x, axis=axis)), (x,)
