"""Cases for joining and splitting."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.engine.rules import joining


def together(results):
    """Concatenate several results into one vector."""
    return np.concatenate([np.ravel(y) for y in results])


@st.composite
def joined(draw, fun):
    shape = draw(shapes(min_dims=1))
    parts = [draw(arrays(shape=shape)) for _ in range(draw(st.integers(1, 3)))]
    if fun in (np.vstack, np.hstack, np.dstack, np.column_stack):
        return (lambda *xs: fun(xs)), parts
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    if fun is not np.stack:
        sides = draw(st.lists(st.integers(0, 3), min_size=len(parts), max_size=len(parts)))
        parts = [
            np.repeat(p.take([0], axis=axis), n, axis=axis) if p.size else p for p, n in zip(parts, sides, strict=True)
        ]
        axis = draw(st.just(axis) | st.none())
    return (lambda *xs: fun(list(xs), axis=axis)), parts


@st.composite
def blocks(draw):
    n, m, k, ndim = *(draw(st.integers(0, 2)) for _ in range(3)), draw(st.integers(2, 3))
    a, b, c = (draw(arrays(shape=(2,) * (ndim - 2) + shape)) for shape in [(n, m), (n, k), (1, m + k)])
    return draw(
        st.sampled_from(
            [
                (lambda a, b, c: np.block([[a, b], [c]]), (a, b, c)),
                (lambda a, b: np.block([a, b]), (a, b)),
                (lambda a: np.block([[[a]], [[a]]]), (a,)),
                (lambda a: np.block(a), (a,)),
                (lambda c: np.block([[c], [np.ones(c.shape, np.float32)]]), (c,)),
            ]
        )
    )


@st.composite
def appended(draw):
    x = draw(arrays(shape=shapes(min_dims=1)))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    return (lambda x, v: np.append(x, v, axis=axis)), (x, draw(arrays(shape=x.shape if axis is not None else shapes())))


@st.composite
def places(draw, x, axis, beyond):
    """Draw one index, several, or a slice: into x along the axis, or up to `beyond` elements after its last."""
    n = (x.size if axis is None else x.shape[axis]) + beyond
    if n == 0:
        return []
    one = st.integers(-n + beyond, n - 1)
    return draw(one | st.lists(one, max_size=3) | st.slices(n - beyond))


@st.composite
def inserted(draw):
    x = draw(arrays(shape=shapes(min_dims=1, max_dims=2)))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    obj = draw(places(x, axis, 1))
    new = list(np.shape(np.insert(x, obj, 0.0, axis)))  # the shape after each index got one number
    side = 0 if axis is None else axis
    new[side] -= x.size if axis is None else x.shape[axis]
    if isinstance(obj, int):
        new = np.moveaxis(np.empty(new), side, 0).shape
    shape = draw(st.sampled_from([(), (1,), tuple(new)]))
    return (lambda x, v: np.insert(x, obj, v, axis)), (x, draw(arrays(shape=shape)))


@st.composite
def deleted(draw):
    x = draw(arrays(shape=shapes(min_dims=1)))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    obj = draw(places(x, axis, 0))
    return (lambda x: np.delete(x, obj, axis)), (x,)


@st.composite
def parted(draw, fun, axis=None, min_dims=1):
    x = draw(arrays(shape=shapes(min_dims=min_dims)))
    own = draw(st.integers(-x.ndim, x.ndim - 1)) if axis is None else min(axis, x.ndim - 1)
    equal = [k for k in (1, 2, 3) if fun is np.array_split or x.shape[own] % k == 0]
    cuts = draw(st.sampled_from(equal) | st.lists(st.integers(-3, 4), max_size=3))
    if axis is None:
        return (lambda x: together(fun(x, cuts, axis=own))), (x,)
    return (lambda x: together(fun(x, cuts))), (x,)


@st.composite
def unstacked(draw):
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1)))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    return (lambda x: together(np.unstack(x, axis=axis))), (x,)


CASES = {
    joining.concatenate: joined(lambda xs, axis: joining.concatenate(*xs, axis=axis)),
    np.concatenate: joined(np.concatenate),
    np.stack: joined(np.stack),
    np.vstack: joined(np.vstack),
    np.hstack: joined(np.hstack),
    np.dstack: joined(np.dstack),
    np.column_stack: joined(np.column_stack),
    np.block: blocks(),
    np.append: appended(),
    np.insert: inserted(),
    np.delete: deleted(),
    np.split: parted(np.split),
    np.array_split: parted(np.array_split),
    np.hsplit: parted(np.hsplit, axis=1),
    np.vsplit: parted(np.vsplit, axis=0, min_dims=2),
    np.dsplit: parted(np.dsplit, axis=2, min_dims=3),
}
if hasattr(np, "unstack"):
    CASES[np.unstack] = unstacked()
