"""Cases for indexing."""

import operator

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays, broadcastable, seeds, shapes

from tinygrad_edu.engine.rules import indexing


@st.composite
def indices(draw, shape, n, outside=0):
    """Draw positive and negative indices into an axis of length n, at most `outside` out of bounds."""
    low = -n - outside
    return np.random.default_rng(draw(seeds)).integers(low, max(n + outside, low + 1), shape, np.intp)


@st.composite
def indexed(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(
        hnp.basic_indices(x.shape, allow_newaxis=True)
        | hnp.integer_array_indices(x.shape)
        | hnp.arrays(bool, x.shape)
        | st.tuples(st.integers(-x.shape[0], x.shape[0] - 1), st.just(...))
        | st.lists(st.integers(-x.shape[0], x.shape[0] - 1), min_size=1, max_size=4)
    )
    return (lambda x: x[index]), (x,)


@st.composite
def scattered(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(hnp.integer_array_indices(x.shape) | hnp.basic_indices(x.shape))
    v = draw(arrays(shape=x[index].shape))
    return (lambda v: indexing.scatter(v, index, x.shape)), (v,)


@st.composite
def assigned(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    index = draw(hnp.integer_array_indices(x.shape) | hnp.basic_indices(x.shape) | hnp.arrays(bool, x.shape))
    v = draw(arrays(shape=draw(st.sampled_from([x[index].shape, ()]))))
    return (lambda x, v: indexing.setitem(x, index, v)), (x, v)


@st.composite
def taken(draw):
    x = draw(arrays())
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else draw(st.sampled_from([None, 0, -1]))
    n = x.size if axis is None or not x.ndim else x.shape[axis]
    mode = draw(st.sampled_from(["raise", "wrap", "clip"]))
    shape = draw(shapes(max_dims=2)) if n else (0,)
    where = draw(indices(shape, n, outside=0 if mode == "raise" else 3))
    return (lambda x: np.take(x, where, axis=axis, mode=mode)), (x,)


@st.composite
def taken_along(draw):
    """Draw `indices` that broadcast against the array in any axis but the one that is indexed."""
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    if draw(st.booleans()):
        where = draw(indices((draw(st.integers(0, 4)),), x.size))
        return (lambda x: np.take_along_axis(x, where, axis=None)), (x,)
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [draw(st.sampled_from([1, n])) for n in x.shape]
    shape[axis] = draw(st.integers(0, 4))
    where = draw(indices(tuple(shape), x.shape[axis]))
    return (lambda x: np.take_along_axis(x, where, axis=axis)), (x,)


@st.composite
def compressed(draw):
    """Draw a condition that may be shorter than the axis."""
    x = draw(arrays())
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
    condition = draw(st.lists(st.booleans(), max_size=x.size if axis is None else x.shape[axis]))
    return (lambda x: np.compress(condition, x, axis=axis)), (x,)


@st.composite
def extracted(draw):
    x = draw(arrays())
    condition = draw(hnp.arrays(bool, x.shape))
    return (lambda x: np.extract(condition, x)), (x,)


@st.composite
def chosen(draw, fun):
    """Draw choices and the indices that choose among them, all of shapes that broadcast."""
    of, *choices = draw(broadcastable(n=draw(st.integers(2, 4))))
    mode = draw(st.sampled_from(["raise", "wrap", "clip"]))
    n = len(choices)
    a = draw(indices(of.shape, n)) % n if mode == "raise" else draw(indices(of.shape, n, outside=2))
    return (lambda *choices: fun(a, choices, mode=mode)), choices


@st.composite
def selected(draw, fun):
    """Draw conditions; for an element, several or none of them may be true."""
    default, *rest = draw(broadcastable(n=draw(st.sampled_from([3, 5]))))
    conditions, choices = [c > 0 for c in rest[::2]], rest[1::2]
    return (lambda default, *choices: fun(conditions, choices, default)), (default, *choices)


@st.composite
def pieces(draw):
    """Draw a condition for each function, or for all but the last; several may be true at once."""
    x = draw(arrays())
    conditions = draw(st.lists(hnp.arrays(bool, x.shape), min_size=1, max_size=3))
    functions = [np.sin, 2.0, lambda v: v * v, np.exp][: len(conditions) + draw(st.integers(0, 1))]
    return (lambda x: np.piecewise(x, conditions, functions)), (x,)


CASES = {
    operator.getitem: indexed(),
    indexing.scatter: scattered(),
    indexing.setitem: assigned(),
    np.take: taken(),
    np.take_along_axis: taken_along(),
    np.compress: compressed(),
    np.extract: extracted(),
    indexing.choose: chosen(lambda a, choices, mode: indexing.choose(a, *choices, mode=mode)),
    np.choose: chosen(np.choose),
    indexing.select: selected(lambda conditions, choices, default: indexing.select(conditions, *choices, default)),
    np.select: selected(np.select),
    np.piecewise: pieces(),
}
