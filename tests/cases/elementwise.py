"""Cases for the elementwise functions."""

import operator

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, binary, broadcastable, shapes, unary

from tinygrad_edu.engine.rules import elementwise


@st.composite
def apart(draw, fun):
    """Draw two arrays of the same shape whose elements are never close to each other."""
    a = draw(arrays())
    gap = draw(arrays(shape=a.shape, away=[0.0], gap=0.1))
    return fun, (a, a + gap)


@st.composite
def power(draw, fun):
    a, b = draw(broadcastable(low=0.2, high=2.0))
    exponent = draw(st.sampled_from([None, -2, -1, 0, 1, 2, 3, 0.5, 2.5]))
    return (fun, (a, b)) if exponent is None else (lambda a: fun(a, exponent), (a,))


@st.composite
def remainder(draw, fun):
    """Draw b and a = (2 + part) b, where part avoids the jumps at integer multiples."""
    part, b = draw(broadcastable(low=0.2, high=0.8))
    b = draw(st.sampled_from([1, -1])) * (b + 1)
    return fun, ((draw(st.sampled_from([2, -3])) + part) * b, b)


@st.composite
def apart_from_origin(draw, fun):
    """Draw points of all four quadrants, not close to the origin or to the branch cut of arctan2."""
    a, b = draw(broadcastable(low=0.3, high=2.0))
    return fun, (draw(st.sampled_from([1, -1])) * a, draw(st.sampled_from([1, -1])) * b)


@st.composite
def clip(draw, fun):
    x, low, gap = draw(arrays()), draw(st.sampled_from([-1.0, None])), draw(st.sampled_from([1.5, None]))
    high = None if gap is None else gap - 1
    x = np.where(abs(x + 1) < 0.05, 0, np.where(abs(x - 0.5) < 0.05, 0, x))
    if low is None and high is None:
        low = -1.0
    if draw(st.booleans()) and low is not None and high is not None:
        return fun, (x, np.full(x.shape, low), np.full(x.shape, high))
    return (lambda x: fun(x, low, high)), (x,)


@st.composite
def where(draw, fun):
    a, b, c = draw(broadcastable(n=3))
    return (lambda a, b: fun(c > 0, a, b)), (a, b)


@st.composite
def heaviside(draw):
    x, h0 = draw(broadcastable())
    x = np.where(x < -1, 0, x)
    return (lambda h0: np.heaviside(x.astype(h0.dtype), h0)), (h0,)


@st.composite
def copysign(draw):
    a, b = draw(broadcastable(away=[0.0]))
    return (lambda a: np.copysign(a, b.astype(a.dtype))), (a,)


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


positive = {"low": 0.2, "high": 3.0}
unit = {"low": -0.7, "high": 0.7}
whole = {"low": -2.9, "high": 2.9, "away": [-2.0, -1.0, 0.0, 1.0, 2.0]}
CASES = {
    np.add: binary(np.add),
    np.subtract: binary(np.subtract),
    np.multiply: binary(np.multiply),
    np.divide: binary(np.divide, away=[0.0], gap=0.3),
    np.remainder: remainder(np.remainder),
    np.fmod: remainder(np.fmod),
    np.divmod: remainder(lambda a, b: np.add(*np.divmod(a, b))),
    np.negative: unary(operator.neg),
    np.positive: unary(operator.pos),
    np.reciprocal: unary(np.reciprocal, away=[0.0], gap=0.3),
    np.square: unary(np.square),
    np.sqrt: unary(np.sqrt, **positive),
    np.cbrt: unary(np.cbrt, away=[0.0], gap=0.2),
    np.power: power(operator.pow),
    np.float_power: power(lambda a, b: np.float_power(a, b).astype(a.dtype)),
    np.absolute: unary(abs, away=[0.0]),
    np.fabs: unary(np.fabs, away=[0.0]),
    np.copysign: copysign(),
    np.hypot: apart_from_origin(np.hypot),
    np.exp: unary(np.exp),
    np.exp2: unary(np.exp2),
    np.expm1: unary(np.expm1),
    np.log: unary(np.log, **positive),
    np.log2: unary(np.log2, **positive),
    np.log10: unary(np.log10, **positive),
    np.log1p: unary(np.log1p, low=-0.7, high=2.0),
    np.logaddexp: binary(np.logaddexp),
    np.logaddexp2: binary(np.logaddexp2),
    np.sin: unary(np.sin),
    np.cos: unary(np.cos),
    np.tan: unary(np.tan, low=-1.2, high=1.2),
    np.arcsin: unary(np.arcsin, **unit),
    np.arccos: unary(np.arccos, **unit),
    np.arctan: unary(np.arctan),
    np.arctan2: apart_from_origin(np.arctan2),
    np.sinh: unary(np.sinh),
    np.cosh: unary(np.cosh),
    np.tanh: unary(np.tanh),
    np.arcsinh: unary(np.arcsinh),
    np.arccosh: unary(np.arccosh, low=1.3, high=3.0),
    np.arctanh: unary(np.arctanh, **unit),
    np.deg2rad: unary(np.deg2rad),
    np.radians: unary(np.radians),
    np.rad2deg: unary(np.rad2deg),
    np.degrees: unary(np.degrees),
    np.unwrap: unwrap(),
    np.sinc: unary(np.sinc),
    elementwise.sinc_derivative: derivative(elementwise.sinc_derivative, low=-1.0, high=1.0),
    np.i0: unary(np.i0),
    elementwise.i0_derivative: derivative(elementwise.i0_derivative),
    np.maximum: apart(np.maximum),
    np.minimum: apart(np.minimum),
    np.fmax: apart(np.fmax),
    np.fmin: apart(np.fmin),
    np.heaviside: heaviside(),
    np.where: where(np.where),
    elementwise.clip: clip(elementwise.clip),
    np.clip: clip(np.clip),
    elementwise.finite: nan_to_num(lambda x, _, nan: elementwise.finite(x, nan, None, None)),
    np.nan_to_num: nan_to_num(np.nan_to_num),
    elementwise.fraction: unary(elementwise.fraction, **whole),
    np.modf: unary(lambda x: np.modf(x)[0] + np.modf(x)[1], **whole),
    np.ldexp: ldexp(),
    np.frexp: unary(lambda x: np.frexp(x)[0] + np.frexp(x)[1].astype(x.dtype), low=-1.9, high=-1.1),
    np.conjugate: unary(np.conjugate),
    np.real: unary(np.real),
    np.real_if_close: unary(np.real_if_close),
}
