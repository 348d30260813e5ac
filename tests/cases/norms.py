"""Cases for norms."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, distinct, reduction, seeds, shapes

from tinygrad_edu.engine.rules import norms

from .linalg import matrix, some

ORDERS = [None, "fro", "f", "nuc", 1, -1, 2, -2, np.inf, -np.inf]

POWERS = [None, 1, 2, 3, 2.5, -1, 0.5, np.inf, -np.inf]


def away(shape):
    """Draw numbers not close to 0 or to each other, to avoid ties of a maximum and the kink of abs."""
    return distinct(shape=shape).map(lambda x: np.where(x < 0, x - 0.2, x + 0.25))


@st.composite
def uneven(draw, shape):
    """Draw matrices in which no two rows and no two columns have equal sums of absolute values."""
    rng = np.random.default_rng(draw(seeds))
    sums = rng.permutation(shape[-2])[:, None] + rng.permutation(shape[-1])
    return (rng.uniform(0.2, 0.4, shape) + sums) * rng.choice([-1, 1], shape)


@st.composite
def minkowski(draw):
    p = draw(st.sampled_from([1, 1.5, 3, 4.5, -1, -2, 0.5]))
    return draw(reduction(lambda x, **how: norms.minkowski_norm(x, p, **how), source=away))


@st.composite
def vector_norm(draw):
    p = draw(st.sampled_from(POWERS))
    return draw(reduction(lambda x, **how: np.linalg.vector_norm(x, ord=p, **how), source=away))


@st.composite
def norm(draw):
    """Draw a norm of all elements, of vectors along one axis, or of matrices along two axes."""
    kind, keepdims = draw(st.sampled_from(["all", "vectors", "matrices"])), draw(st.booleans())
    if kind == "all":
        return (lambda x: np.linalg.norm(x, keepdims=keepdims)), (draw(arrays(shape=shapes(min_side=1), low=0.2)),)
    if kind == "vectors":
        x = draw(away(draw(shapes(min_side=1, min_dims=1))))
        axis, p = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.sampled_from(POWERS))
        axis = axis if x.ndim > 1 or draw(st.booleans()) else None
        return (lambda x: np.linalg.norm(x, p, axis, keepdims)), (x,)
    x = draw(matrix(n=some, m=some, stack=st.sampled_from([(), (2,)])))
    axis, p = (-2, -1), draw(st.sampled_from(ORDERS))
    if p in (1, -1, np.inf, -np.inf):
        x = draw(uneven(x.shape))
    elif x.ndim == 3:
        x, axis = draw(st.sampled_from([(x, (1, -1)), (x.transpose(1, 0, 2), (0, 2)), (x.transpose(2, 0, 1), (2, 0))]))
    elif draw(st.booleans()):
        axis = None
    return (lambda x: np.linalg.norm(x, p, axis, keepdims)), (x,)


@st.composite
def matrix_norm(draw):
    p, keepdims = draw(st.sampled_from(ORDERS)), draw(st.booleans())
    x = draw(matrix(some, some))
    if p in (1, -1, np.inf, -np.inf):
        x = draw(uneven(x.shape))
    return (lambda x: np.linalg.matrix_norm(x, ord=p or "fro", keepdims=keepdims)), (x,)


@st.composite
def cond(draw):
    p = draw(st.sampled_from([None, 2, -2, "fro", "nuc"]))
    return (lambda x: np.linalg.cond(x, p)), (draw(matrix(some, some if p in (None, 2, -2) else None)),)


CASES = {
    norms.euclidean_norm: reduction(norms.euclidean_norm, low=0.2),
    norms.minkowski_norm: minkowski(),
    np.linalg.norm: norm(),
    np.linalg.vector_norm: vector_norm(),
    np.linalg.matrix_norm: matrix_norm(),
    np.linalg.cond: cond(),
}
