"""Cases for products."""

import itertools

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, broadcastable_shapes, shapes

from tinygrad_edu.engine.rules import products


@st.composite
def matrices(draw, fun):
    """Draw operands with every pair of ndims; in matmul, their stacks broadcast."""
    side = st.integers(0, 3)
    n, k, m = draw(side), draw(side), draw(side)
    a = draw(st.sampled_from([(k,), (n, k), (2, n, k), (2, 1, n, k)]))
    b = draw(st.sampled_from([(k,), (k, m), (2, k, m), (1, k, m)]))
    if fun is np.dot and draw(st.booleans()):
        a, b = draw(st.sampled_from([((), (k,)), ((n, k), ()), ((), ())]))
    return fun, (draw(arrays(shape=a)), draw(arrays(shape=b)))


@st.composite
def flattened(draw):
    a = draw(arrays())
    return np.vdot, (a, draw(arrays(shape=draw(st.sampled_from([a.shape[::-1], (a.size,)])))))


@st.composite
def last_axes(draw):
    few = shapes(max_dims=2)
    k = draw(st.integers(0, 3))
    a, b = (
        ((*draw(few), k), (*draw(few), k)) if draw(st.booleans()) else draw(st.sampled_from([((), (k, 2)), ((k,), ())]))
    )
    return np.inner, (draw(arrays(shape=a)), draw(arrays(shape=b)))


@st.composite
def pairs(draw, fun):
    """Draw any two arrays with few elements."""
    few = shapes(min_dims=1, max_dims=1) if fun is np.linalg.outer else shapes(max_dims=3, max_side=2)
    return fun, (draw(arrays(shape=few)), draw(arrays(shape=few)))


@st.composite
def paired_axes(draw, fun):
    """Draw summed axes at any positions and in any order; all other axes have unequal lengths."""
    n = draw(st.integers(0, 2))
    lengths = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    free = st.lists(st.integers(0, 3), max_size=1 if n == 2 else 2)
    rows, columns = draw(free), draw(free)
    a, b = (*rows, *lengths), (*lengths, *columns)
    if draw(st.booleans()):
        return (lambda a, b: fun(a, b, axes=n)), (draw(arrays(shape=a)), draw(arrays(shape=b)))
    i, j = draw(st.permutations(range(len(a)))), draw(st.permutations(range(len(b))))
    over = (
        [i.index(len(rows) + k) - draw(st.sampled_from([0, len(a)])) for k in range(n)],
        [j.index(k) - draw(st.sampled_from([0, len(b)])) for k in range(n)],
    )
    if n == 1 and draw(st.booleans()):
        over = (over[0][0], over[1][0])
    a, b = draw(arrays(shape=tuple(a[k] for k in i))), draw(arrays(shape=tuple(b[k] for k in j)))
    return (lambda a, b: fun(a, b, axes=over)), (a, b)


def stacks(draw):
    """Draw two shapes that broadcast."""
    return draw(broadcastable_shapes(max_dims=2, max_side=2))


@st.composite
def vectors(draw, fun, n=None):
    """Draw stacks of vectors along the last axis, or along any axis (the same in both), that broadcast."""
    n = draw(st.integers(0, 3)) if n is None else n
    if fun is products.cross or draw(st.booleans()):
        left, right = stacks(draw)
        return fun, (draw(arrays(shape=(*left, n))), draw(arrays(shape=(*right, n))))
    axis = draw(st.sampled_from([-2, -1, 0, 1]))
    shape = (n, 2) if axis in (-2, 0) else (2, n)
    left, right = stacks(draw) if axis < 0 else ((), ())
    return (lambda a, b: fun(a, b, axis=axis)), (
        draw(arrays(shape=(*left, *shape))),
        draw(arrays(shape=(*right, *shape))),
    )


@st.composite
def vectors_anywhere(draw):
    """Draw vectors of three elements, along a different axis in each factor and in the product."""
    if draw(st.booleans()):
        return draw(vectors(np.cross, n=3))
    axisa, axisb, axisc = (draw(st.integers(-2, 1)) for _ in range(3))
    a, b = (draw(arrays(shape=(3, 2) if axis in (-2, 0) else (2, 3))) for axis in (axisa, axisb))
    return (lambda a, b: np.cross(a, b, axisa, axisb, axisc)), (a, b)


@st.composite
def matrix_and_vector(draw, fun):
    n, m = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    left, right = stacks(draw)
    matrix, vector = (
        draw(arrays(shape=(*left, m, n))),
        draw(arrays(shape=(*right, n if fun.__name__ == "matvec" else m))),
    )
    return fun, (matrix, vector) if fun.__name__ == "matvec" else (vector, matrix)


@st.composite
def diagonals(draw, fun):
    x = draw(arrays(shape=shapes(min_dims=2)))
    offset = draw(st.integers(-3, 3))
    if fun is np.linalg.trace:
        return (lambda x: fun(x, offset=offset)), (x,)
    axis1, axis2 = draw(st.permutations(range(x.ndim)))[:2]
    axis1 -= draw(st.sampled_from([0, x.ndim]))
    return (lambda x: fun(x, offset, axis1=axis1, axis2=axis2)), (x,)


@st.composite
def powers(draw):
    n = draw(st.integers(0, 3))
    x = draw(arrays(shape=(*draw(shapes(max_dims=1, max_side=2)), n, n), low=-1, high=1))
    power = draw(st.integers(0, 5))
    return (lambda x: np.linalg.matrix_power(x, power)), (x,)


@st.composite
def chains(draw):
    n = draw(st.integers(2, 4))
    sides = draw(st.lists(st.integers(0, 3), min_size=n + 1, max_size=n + 1))
    factors = [draw(arrays(shape=shape)) for shape in itertools.pairwise(sides)]
    if sides[0] and draw(st.booleans()):
        factors[0] = factors[0][0]
    if sides[-1] and draw(st.booleans()):
        factors[-1] = factors[-1][:, 0]
    return (lambda *factors: np.linalg.multi_dot(factors)), factors


CASES = {
    np.matmul: matrices(np.matmul),
    np.linalg.matmul: matrices(np.linalg.matmul),
    np.dot: matrices(np.dot),  # a composition with many cases
    np.vdot: flattened(),
    np.inner: last_axes(),
    np.tensordot: paired_axes(np.tensordot),
    np.linalg.tensordot: paired_axes(np.linalg.tensordot),
    np.outer: pairs(np.outer),
    np.linalg.outer: pairs(np.linalg.outer),
    np.kron: pairs(np.kron),
    np.vecdot: vectors(np.vecdot),
    np.linalg.vecdot: vectors(np.linalg.vecdot),
    products.cross: vectors(products.cross, n=3),
    np.cross: vectors_anywhere(),
    np.linalg.cross: vectors(np.linalg.cross, n=3),
    np.trace: diagonals(np.trace),
    np.linalg.trace: diagonals(np.linalg.trace),
    np.linalg.matrix_power: powers(),
    np.linalg.multi_dot: chains(),
}
if hasattr(np, "matvec"):  # new in NumPy 2.2
    CASES |= {fun: matrix_and_vector(fun) for fun in (np.matvec, np.vecmat)}
