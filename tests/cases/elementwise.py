"""Cases for the elementwise functions."""

import operator

import numpy as np
from hypothesis import strategies as st
from numpy._core import umath
from strategies import arrays, binary, broadcastable, unary

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


CLIP = vars(umath)["clip"]  # the ufunc that a.clip(low, high) calls


def clip_by_ufunc(x, low, high):
    return CLIP(x, -np.inf if low is None else low, np.inf if high is None else high)


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


positive = {"low": 0.2, "high": 3.0}
unit = {"low": -0.7, "high": 0.7}
CASES = {
    np.add: binary(np.add),
    np.subtract: binary(np.subtract),
    np.multiply: binary(np.multiply),
    np.divide: binary(np.divide, away=[0.0], gap=0.3),
    np.remainder: remainder(np.remainder),
    np.fmod: remainder(np.fmod),
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
    elementwise.complement: unary(elementwise.complement),
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
    np.maximum: apart(np.maximum),
    np.minimum: apart(np.minimum),
    np.fmax: apart(np.fmax),
    np.fmin: apart(np.fmin),
    np.heaviside: heaviside(),
    np.where: where(np.where),
    elementwise.clip: clip(elementwise.clip),
    np.clip: clip(np.clip),
    CLIP: clip(clip_by_ufunc),
}
