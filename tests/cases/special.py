"""Cases for special functions, and the parts of a floating-point number."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, broadcastable, shapes, unary

from tinygrad_edu.engine.rules import special

from .elementwise import remainder


@st.composite
def ldexp(draw):
    x, i = draw(broadcastable())
    return (lambda x: np.ldexp(x, np.rint(i).astype(int))), (x,)


@st.composite
def unwrap(draw):
    """Draw steps that are at least 0.05 away from half a period, above and below it."""
    x = draw(arrays(shape=shapes(min_dims=1, min_side=1), low=-4, high=4))
    axis, period = draw(st.integers(-x.ndim, x.ndim - 1)), draw(st.sampled_from([2 * np.pi, 3.0]))
    discont = draw(st.none() | st.just(0.6 * period))
    steps = abs(np.diff(x, axis=axis))
    if any((abs(steps - d) < 0.05).any() for d in (0.5 * period, 0.6 * period, 1.5 * period, 2.5 * period)):
        x = x / 10
    return (lambda x: np.unwrap(x, discont, axis, period=period)), (x,)


@st.composite
def nan_to_num(draw, fun):
    """Draw numbers with a NaN among them, and the number that replaces it."""
    x = draw(arrays())
    replaced = draw(arrays(shape=x.shape)) > 1
    return (lambda x: fun(np.where(replaced, np.nan, x), True, 0.5)), (x,)


@st.composite
def derivative(draw, fun, **values):
    x, n = draw(arrays(**values)), draw(st.integers(1, 3))
    return (lambda x: fun(x, n)), (x,)


whole = {"low": -2.9, "high": 2.9, "away": [-2.0, -1.0, 0.0, 1.0, 2.0]}
CASES = {
    np.divmod: remainder(lambda a, b: np.add(*np.divmod(a, b))),
    np.unwrap: unwrap(),
    np.sinc: unary(np.sinc),
    special.sinc_derivative: derivative(special.sinc_derivative, low=-1.0, high=1.0),
    np.i0: unary(np.i0),
    special.i0_derivative: derivative(special.i0_derivative),
    special.finite: nan_to_num(lambda x, _, nan: special.finite(x, nan, None, None)),
    np.nan_to_num: nan_to_num(np.nan_to_num),
    special.fraction: unary(special.fraction, **whole),
    np.modf: unary(lambda x: np.modf(x)[0] + np.modf(x)[1], **whole),
    np.ldexp: ldexp(),
    np.frexp: unary(lambda x: np.frexp(x)[0] + np.frexp(x)[1].astype(x.dtype), low=-1.9, high=-1.1),
}
