"""Cases for indexing."""

import operator

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays, shapes

from tinygrad_edu.rules import indexing


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


CASES = {
    operator.getitem: indexed(),
    indexing.scatter: scattered(),
    indexing.setitem: assigned(),
}
