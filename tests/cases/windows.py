"""Cases for windows of images: tiny images with one or two axes, every option of windows, and no equal elements."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from strategies import arrays, distinct

from tinygrad_edu.engine.rules import windows


@st.composite
def places(draw, empty=True):
    """Draw windows on images; some overlap, some leave elements out, and some end outside of the padding."""
    ndim = draw(st.integers(1, 2))
    kernel, stride, dilation = [
        tuple(draw(st.lists(st.integers(1, high), min_size=ndim, max_size=ndim))) for high in (3, 3, 2)
    ]
    pads = tuple(draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=ndim, max_size=ndim)))
    spans = [(k - 1) * d + 1 - sum(pad) for k, d, pad in zip(kernel, dilation, pads, strict=True)]
    sizes = tuple([max(span, 1) + draw(st.integers(0, 2)) for span in spans])  # one window fits
    at = windows.Windows(sizes, kernel, stride, pads, dilation, draw(st.booleans()))
    assume(empty or np.isfinite(windows.max_pool(np.zeros(sizes), at)).all())  # no window within the padding
    return at


sides = st.integers(1, 2)


@st.composite
def unfold(draw):
    at = draw(places())
    return lambda x: windows.unfold(x, at), (draw(arrays(shape=(draw(sides), draw(sides), *at.sizes))),)


@st.composite
def fold(draw):
    at = draw(places())
    rows, columns = len(at.places), 1
    for n in at.counts:
        columns *= n
    return lambda c: windows.fold(c, at), (draw(arrays(shape=(draw(sides) * rows, draw(sides) * columns))),)


@st.composite
def max_pool(draw):
    at = draw(places(empty=False))
    return lambda x: windows.max_pool(x, at), (draw(distinct(shape=(draw(sides), draw(sides), *at.sizes))),)


@st.composite
def chosen(draw, fun):
    """Draw a call of a function that is linear in its first argument; x has equal elements."""
    at = draw(places(empty=False))
    x = draw(arrays(shape=(draw(sides), 1, *at.sizes))).round()
    y = windows.max_pool(x, at)
    first = draw(arrays(shape=y.shape if fun is windows.to_first else x.shape))
    return lambda g: fun(g, y.astype(g.dtype), x.astype(g.dtype), at), (first,)


CASES = {
    windows.unfold: unfold(), windows.fold: fold(), windows.max_pool: max_pool(),
    windows.to_first: chosen(windows.to_first), windows.from_first: chosen(windows.from_first),
}  # fmt: skip
