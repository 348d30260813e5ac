"""Cases for shaping."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays, shapes, unary

from tinygrad_edu.rules import shaping


@st.composite
def reshaped(draw, fun):
    x = draw(arrays())
    order = draw(st.sampled_from("CF"))
    if fun is np.ravel:
        return (lambda x: np.ravel(x, order=order)), (x,)
    shape = draw(st.sampled_from([(-1,), x.shape[::-1], (1, *x.shape)])) if x.size else x.shape[::-1]
    return (lambda x: np.reshape(x, shape, order=order)), (x,)


@st.composite
def permuted(draw, fun):
    x = draw(arrays())
    order = draw(st.permutations(range(x.ndim)))
    if fun is np.transpose:
        axes = draw(st.sampled_from([None, tuple(order), tuple(i - x.ndim for i in order)]))
        return (lambda x: np.transpose(x, axes)), (x,)
    x = draw(arrays(shape=shapes(min_dims=1)))
    one = st.integers(-x.ndim, x.ndim - 1)
    i, j = draw(one), draw(one)
    return (lambda x: fun(x, i, j)), (x,)


@st.composite
def squeezed(draw):
    x = draw(arrays(shape=shapes(max_side=2)))
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    axis = draw(st.none() | st.sets(st.sampled_from(ones)).map(tuple)) if ones else None
    return (lambda x: np.squeeze(x, axis=axis)), (x,)


@st.composite
def expanded(draw):
    x = draw(arrays())
    axis = draw(st.integers(-x.ndim - 1, x.ndim) | st.just((0, -1)))
    return (lambda x: np.expand_dims(x, axis)), (x,)


@st.composite
def broadcast(draw):
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
    x = draw(arrays(shape=drawn.input_shapes[0]))
    return (lambda x: np.broadcast_to(x, drawn.result_shape)), (x,)


CASES = {
    np.reshape: reshaped(np.reshape),
    np.ravel: reshaped(np.ravel),
    np.transpose: permuted(np.transpose),
    np.swapaxes: permuted(np.swapaxes),
    np.moveaxis: permuted(np.moveaxis),
    np.squeeze: squeezed(),
    np.expand_dims: expanded(),
    np.broadcast_to: broadcast(),
    np.copy: unary(np.copy),
    shaping.astype: unary(lambda x: shaping.astype(x, np.float64)),
}
