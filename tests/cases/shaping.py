"""Cases for shaping."""

import numpy as np
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from strategies import arrays, axes, broadcastable, broadcastable_shapes, shapes, unary

from tinygrad_edu.engine.rules import padding, shaping


def together(results):
    """Concatenate several results into one vector."""
    return np.concatenate([np.ravel(y) for y in results])


@st.composite
def reshaped(draw, fun):
    x = draw(arrays())
    turned = draw(st.sampled_from([lambda x: x, np.transpose]))  # the orders A and K depend on the memory layout
    order = draw(st.sampled_from("CFAK" if fun is np.ravel else "CFA"))
    if fun is np.ravel:
        return (lambda x: np.ravel(turned(x), order=order)), (x,)
    shape = draw(st.sampled_from([(-1,), x.shape[::-1], (1, *x.shape)])) if x.size else x.shape[::-1]
    return (lambda x: np.reshape(turned(x), shape, order=order)), (x,)


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
    own, other = draw(broadcastable_shapes())
    return (lambda x: np.broadcast_to(x, np.broadcast_shapes(own, other))), (draw(arrays(shape=own)),)


@st.composite
def flipped(draw):
    x = draw(arrays())
    axis = draw(axes(x.ndim))
    return (lambda x: np.flip(x, axis)), (x,)


@st.composite
def rolled(draw):
    x = draw(arrays())
    axis = draw(axes(x.ndim))
    one = st.integers(-4, 4)
    shift = draw(one | st.tuples(*[one] * len(axis)) if isinstance(axis, tuple) else one)
    return (lambda x: np.roll(x, shift, axis)), (x,)


@st.composite
def turned(draw):
    x = draw(arrays(shape=shapes(min_dims=2)))
    first, second = draw(st.permutations(range(x.ndim)))[:2]
    k, plane = draw(st.integers(-5, 5)), (first - x.ndim * draw(st.booleans()), second)
    return (lambda x: np.rot90(x, k, plane)), (x,)


@st.composite
def rolled_axis(draw):
    x = draw(arrays(shape=shapes(min_dims=1)))
    axis, start = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.integers(-x.ndim, x.ndim))
    return (lambda x: np.rollaxis(x, axis, start)), (x,)


@st.composite
def at_least(draw, fun):
    xs = [draw(arrays(shape=shapes(max_side=2))) for _ in range(draw(st.integers(1, 3)))]
    return (lambda *xs: fun(*xs) if len(xs) == 1 else together(fun(*xs))), xs


@st.composite
def broadcast_together(draw):
    return (lambda *xs: together(np.broadcast_arrays(*xs))), draw(broadcastable(n=draw(st.integers(1, 3))))


@st.composite
def tiled(draw):
    x = draw(arrays())
    reps = draw(st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=4))
    return (lambda x: np.tile(x, reps)), (x,)


@st.composite
def repeated(draw):
    x = draw(arrays())
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
    n = x.size if axis is None else x.shape[axis]
    repeats = draw(st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return (lambda x: np.repeat(x, repeats, axis)), (x,)


@st.composite
def resized(draw):
    x, shape = draw(arrays()), draw(st.integers(0, 20) | shapes())
    return (lambda x: np.resize(x, shape)), (x,)


@st.composite
def padded(draw, fun):
    x = draw(arrays(shape=shapes(max_dims=2, min_side=1)))
    mode = draw(st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]))
    one = st.integers(0, 4)
    width = draw(st.lists(st.tuples(one, one), min_size=x.ndim, max_size=x.ndim) if x.ndim else st.just(0))
    options = draw(st.sampled_from([{}, {"constant_values": 2.0}])) if mode == "constant" else {}
    if fun is padding.pad:
        return (lambda x: padding.pad(x, width, mode, options)), (x,)
    return (lambda x: np.pad(x, width, mode, **options)), (x,)


@st.composite
def triangular(draw, fun):
    x, k = draw(arrays(shape=shapes(min_dims=1))), draw(st.integers(-3, 3))
    return (lambda x: fun(x, k=k)), (x,)


@st.composite
def diagonal(draw, fun):
    k = draw(st.integers(-4, 4))
    if fun in (np.diag, np.diagflat):
        return (lambda x: fun(x, k)), (draw(arrays(shape=shapes(min_dims=1, max_dims=2))),)
    x = draw(arrays(shape=shapes(min_dims=2)))
    if fun is np.linalg.diagonal:
        return (lambda x: fun(x, offset=k)), (x,)
    first, second = draw(st.permutations(range(x.ndim)))[:2]
    first -= x.ndim * draw(st.booleans())
    return (lambda x: np.diagonal(x, k, first, second)), (x,)


@st.composite
def grids(draw):
    xs = [draw(arrays(shape=shapes(max_dims=1))) for _ in range(draw(st.integers(1, 3)))]
    sparse, indexing = draw(st.booleans()), draw(st.sampled_from(["xy", "ij"]))
    return (lambda *xs: together(np.meshgrid(*xs, sparse=sparse, indexing=indexing))), xs


@st.composite
def windows(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis = draw(axes(x.ndim))
    sides = x.shape if axis is None else [x.shape[i] for i in np.atleast_1d(axis)]
    window = tuple(draw(st.integers(1, n)) for n in sides)
    return (lambda x: sliding_window_view(x, window, axis)), (x,)


@st.composite
def full_like(draw):
    a, fill = draw(broadcastable())
    a = np.broadcast_to(a, np.broadcast_shapes(a.shape, fill.shape))
    return (lambda a, fill: a * np.full_like(a, fill)), (a, fill)


CASES = {
    np.full_like: full_like(),
    np.reshape: reshaped(np.reshape),
    np.ravel: reshaped(np.ravel),
    np.resize: resized(),
    np.transpose: permuted(np.transpose),
    np.matrix_transpose: unary(np.matrix_transpose, shape=shapes(min_dims=2)),
    np.linalg.matrix_transpose: unary(np.linalg.matrix_transpose, shape=shapes(min_dims=2)),
    np.swapaxes: permuted(np.swapaxes),
    np.moveaxis: permuted(np.moveaxis),
    np.rollaxis: rolled_axis(),
    np.squeeze: squeezed(),
    np.expand_dims: expanded(),
    np.atleast_1d: at_least(np.atleast_1d),
    np.atleast_2d: at_least(np.atleast_2d),
    np.atleast_3d: at_least(np.atleast_3d),
    np.broadcast_to: broadcast(),
    np.broadcast_arrays: broadcast_together(),
    np.meshgrid: grids(),
    np.copy: unary(np.copy),
    shaping.astype: unary(lambda x: shaping.astype(x, np.float64)),
    np.flip: flipped(),
    np.fliplr: unary(np.fliplr, shape=shapes(min_dims=2)),
    np.flipud: unary(np.flipud, shape=shapes(min_dims=1)),
    np.roll: rolled(),
    np.rot90: turned(),
    np.tile: tiled(),
    np.repeat: repeated(),
    np.pad: padded(np.pad),
    padding.pad: padded(padding.pad),
    sliding_window_view: windows(),
    np.triu: triangular(np.triu),
    np.tril: triangular(np.tril),
    np.diag: diagonal(np.diag),
    np.diagonal: diagonal(np.diagonal),
    np.linalg.diagonal: diagonal(np.linalg.diagonal),
    np.diagflat: diagonal(np.diagflat),
}
if hasattr(np, "astype"):
    CASES[np.astype] = unary(lambda x: np.astype(x, x.dtype))
