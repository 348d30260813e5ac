"""Hypothesis strategies for shapes, axes and values."""

import functools
import itertools

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

LONG = settings.default.max_examples > 25


def drawn(few, many):
    """Return settings for a test: draw `few` examples, and `many` in the profile `long`."""
    return settings(max_examples=many if LONG else few)


seeds = st.integers(0, 2**32 - 1)


@functools.cache
def shapes(min_dims=0, max_dims=3, min_side=0, max_side=3):
    """Draw shapes of small arrays, including 0-d and empty ones: every number of axes is equally likely."""
    sides = range(min_side, max_side + 1)
    return st.one_of(
        [st.sampled_from([*itertools.product(sides, repeat=ndim)]) for ndim in range(min_dims, max_dims + 1)]
    )


@st.composite
def arrays(draw, shape=None, low=-2.0, high=2.0, away=(), gap=0.05):
    """Draw a float64 array with elements in low..high, at least `gap` away from each number in `away`."""
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    x = np.random.default_rng(draw(seeds)).uniform(low, high, shape)
    for point in away:
        x = np.where(abs(x - point) < gap, point + gap + abs(x - point), x)
    return x


# Which sides of a shape are kept, while others become 1, and how many axes are left out in front: often none.
ALL = [((True, True, True), 0)]
PARTS = st.sampled_from([*(16 * ALL), *itertools.product(itertools.product([True, False], repeat=3), range(4))])


@st.composite
def broadcastable_shapes(draw, n=2, max_dims=3, max_side=3):
    """Draw n shapes that broadcast."""
    whole, drawn = draw(shapes(max_dims=max_dims, max_side=max_side)), []
    for _ in range(n):
        kept, cut = draw(PARTS)
        drawn.append(tuple([side if k else 1 for side, k in zip(whole, kept, strict=False)][cut:]))
    return drawn


@st.composite
def broadcastable(draw, n=2, **values):
    """Draw n arrays whose shapes broadcast."""
    return [draw(arrays(shape=shape, **values)) for shape in draw(broadcastable_shapes(n))]


@st.composite
def distinct(draw, shape=None, gap=0.1):
    """Draw an array with elements at least `gap` apart, so that small changes do not move a maximum."""
    shape = (
        draw(shapes(min_side=1)) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    )
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
