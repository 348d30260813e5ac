"""Cases for joining and splitting."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.rules import joining


@st.composite
def joined(draw, fun):
    shape = draw(shapes(min_dims=1))
    parts = [draw(arrays(shape=shape)) for _ in range(draw(st.integers(1, 3)))]
    if fun in (np.vstack, np.hstack):
        return (lambda *xs: fun(xs)), parts
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    if fun is not np.stack:
        sides = draw(st.lists(st.integers(0, 3), min_size=len(parts), max_size=len(parts)))
        parts = [
            np.repeat(p.take([0], axis=axis), n, axis=axis) if p.size else p for p, n in zip(parts, sides, strict=True)
        ]
        axis = draw(st.just(axis) | st.none())
    return (lambda *xs: fun(list(xs), axis=axis)), parts


CASES = {
    joining.concatenate: joined(lambda xs, axis: joining.concatenate(*xs, axis=axis)),
    np.concatenate: joined(np.concatenate),
    np.stack: joined(np.stack),
    np.vstack: joined(np.vstack),
    np.hstack: joined(np.hstack),
}
