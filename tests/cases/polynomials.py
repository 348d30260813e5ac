"""Cases for polynomials."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, shapes

from tinygrad_edu.engine.rules import polynomials

from .fourier import parts


def lines(min_side=1, max_side=4, **values):
    return arrays(shape=shapes(min_dims=1, max_dims=1, min_side=min_side, max_side=max_side), **values)


@st.composite
def vander(draw, fun):
    N, increasing = draw(st.none() | st.integers(0, 4)), draw(st.booleans())
    return (lambda x: fun(x, N, increasing)), (draw(lines(min_side=0)),)


@st.composite
def polyval(draw, fun):
    return fun, (draw(lines(min_side=0)), draw(arrays()))


@st.composite
def polyder(draw):
    m = draw(st.integers(0, 5))
    return (lambda p: np.polyder(p, m)), (draw(lines()),)


@st.composite
def polyint(draw):
    p, m = draw(lines()), draw(st.integers(0, 4))
    if m == 0 or draw(st.booleans()):
        return (lambda p: np.polyint(p, m)), (p,)
    k = draw(arrays(shape=st.sampled_from([(m,), (m + 1,), (1,), ()])))
    return (lambda p, k: np.polyint(p, m, k)), (p, k)


@st.composite
def polydiv(draw):
    u, v = draw(lines(max_side=5, low=1.0)), draw(lines(away=[0.0], gap=0.5))
    return (lambda u, v: np.concatenate(np.polydiv(u, v))), (u, v)


@st.composite
def polyfit(draw):
    """Draw points at least 0.3 apart, and weights that are not small."""
    x = np.cumsum(draw(arrays(shape=st.integers(1, 5).map(lambda n: (n,)), low=0.3, high=0.6))) - 1
    y = draw(arrays(shape=st.sampled_from([(x.size,), (x.size, 2)])))
    deg = draw(st.integers(0, min(x.size - 1, 2)))
    if draw(st.booleans()):
        return (lambda x, y: np.polyfit(x, y, deg)), (x, y)
    return (lambda x, y, w: np.polyfit(x, y, deg, w=w)), (x, y, draw(arrays(shape=x.shape, low=0.5, high=1.5)))


@st.composite
def roots(draw, fun):
    """Draw the coefficients of polynomials with separated zeros: real ones, and a pair of complex ones or none."""
    zeros = np.arange(draw(st.integers(1, 3))) + draw(arrays(shape=(), low=-2.0, high=0.0))
    pair = draw(st.sampled_from([[], [0.5 + 1j, 0.5 - 1j]]))
    return (lambda p: parts(fun(p))), (np.poly([*zeros, *pair]) * draw(st.sampled_from([1.5, -0.7])),)


CASES = {
    polynomials.roots: roots(polynomials.roots),
    np.roots: roots(np.roots),
    polynomials.powers: vander(polynomials.powers),
    np.vander: vander(np.vander),
    polynomials.horner: polyval(polynomials.horner),
    np.polyval: polyval(np.polyval),
    np.polyder: polyder(),
    np.polyint: polyint(),
    np.polyadd: st.tuples(st.just(np.polyadd), st.tuples(lines(), lines())),
    np.polysub: st.tuples(st.just(np.polysub), st.tuples(lines(), lines())),
    np.polymul: st.tuples(st.just(np.polymul), st.tuples(lines(), lines())),
    np.polydiv: polydiv(),
    np.polyfit: polyfit(),
    np.poly: st.tuples(st.just(np.poly), st.tuples(lines())),
}
