"""Cases for the elementwise functions."""

import operator

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, binary, broadcastable, unary

from tinygrad_edu.rules import elementwise


@st.composite
def apart(draw, fun):
    """Two arrays of one shape that nowhere come close to each other."""
    a = draw(arrays())
    gap = draw(arrays(shape=a.shape, away=[0.0], gap=0.1))
    return fun, (a, a + gap)


@st.composite
def power(draw):
    a, b = draw(broadcastable(low=0.2, high=2.0))
    exponent = draw(st.sampled_from([None, -2, -1, 0, 1, 2, 3, 0.5, 2.5]))
    return (np.power, (a, b)) if exponent is None else (lambda a: a**exponent, (a,))


@st.composite
def remainder(draw):
    """a = (2 + part) b, with a part that keeps away from the jumps at whole multiples."""
    part, b = draw(broadcastable(low=0.2, high=0.8))
    b = b + 1
    return np.remainder, ((draw(st.sampled_from([2, -3])) + part) * b, b)


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
def where(draw):
    a, b, c = draw(broadcastable(n=3))
    return (lambda a, b: np.where(c > 0, a, b)), (a, b)


positive = {"low": 0.2, "high": 3.0}
CASES = {
    np.add: binary(np.add),
    np.subtract: binary(np.subtract),
    np.multiply: binary(np.multiply),
    np.divide: binary(np.divide, away=[0.0], gap=0.3),
    np.remainder: remainder(),
    np.negative: unary(operator.neg),
    np.positive: unary(operator.pos),
    np.absolute: unary(abs, away=[0.0]),
    np.square: unary(np.square),
    np.sqrt: unary(np.sqrt, **positive),
    np.power: power(),
    np.exp: unary(np.exp),
    np.expm1: unary(np.expm1),
    np.log: unary(np.log, **positive),
    np.log1p: unary(np.log1p, low=-0.7, high=2.0),
    np.sin: unary(np.sin),
    np.cos: unary(np.cos),
    np.tan: unary(np.tan, low=-1.2, high=1.2),
    np.tanh: unary(np.tanh),
    np.logaddexp: binary(np.logaddexp),
    np.maximum: apart(np.maximum),
    np.minimum: apart(np.minimum),
    np.where: where(),
    elementwise.clip: clip(elementwise.clip),
    np.clip: clip(np.clip),
}
