"""Third and fourth derivatives, computed by nested gradients, equal closed forms."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg


def derivative(f, n):
    """Return the n-th derivative of a function of one number, at each element of an array."""
    if n == 0:
        return f
    lower = derivative(f, n - 1)
    return tg.grad(lambda x: np.sum(lower(x)))


def exp(x):
    return np.exp(x), np.exp(x)


def sin(x):
    return -np.cos(x), np.sin(x)


def tanh(x):
    y = np.tanh(x)
    slope = 1 - y**2
    return slope * (6 * y**2 - 2), 8 * y * slope * (2 - 3 * y**2)


def log(x):
    return 2 / x**3, -6 / x**4


def reciprocal(x):
    return -6 / x**4, 24 / x**5


def sqrt(x):
    return 3 / 8 * x**-2.5, -15 / 16 * x**-3.5


def fifth_power(x):
    return 60 * x**2, 120 * x


def sigmoid(x):
    p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
    return p * q * (1 - 6 * p * q), p * q * (q - p) * (1 - 12 * p * q)


def softplus(x):
    p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
    return p * q * (q - p), p * q * (1 - 6 * p * q)


def gaussian(x):
    """The expected values are Hermite polynomials."""
    return -(8 * x**3 - 12 * x) * np.exp(-(x**2)), (16 * x**4 - 48 * x**2 + 12) * np.exp(-(x**2))


def sin_times_exp(x):
    return 2 * np.exp(x) * (np.cos(x) - np.sin(x)), -4 * np.exp(x) * np.sin(x)


def power_of_itself(x):
    """The expected values are Bell polynomials of the derivatives of x log(x): log(x) + 1, ..."""
    y, u = x**x, np.log(x) + 1
    return y * (u**3 + 3 * u / x - 1 / x**2), y * (u**4 + 6 * u**2 / x - 4 * u / x**2 + 3 / x**2 + 2 / x**3)


SLOPES = np.array([-1.0, 0.5, 2.0])


def logsumexp_of_lines(x):
    """The expected values are the cumulants of the slopes, with softmax as weights."""
    weights = np.exp(np.multiply.outer(x, SLOPES))
    weights /= weights.sum(axis=-1, keepdims=True)
    away = SLOPES - (weights * SLOPES).sum(axis=-1, keepdims=True)
    second, third, fourth = ((weights * away**k).sum(axis=-1) for k in (2, 3, 4))
    return third, fourth - 3 * second**2


EVERYWHERE, POSITIVE = st.floats(-3, 3), st.floats(0.3, 3)


@pytest.mark.parametrize(
    ("f", "closed", "points"),
    [
        (np.exp, exp, EVERYWHERE),
        (np.sin, sin, EVERYWHERE),
        (np.tanh, tanh, EVERYWHERE),
        (np.log, log, POSITIVE),
        (lambda x: 1 / x, reciprocal, POSITIVE),
        (np.sqrt, sqrt, POSITIVE),
        (lambda x: x**5, fifth_power, EVERYWHERE),
        (tg.sigmoid, sigmoid, EVERYWHERE),
        (tg.softplus, softplus, EVERYWHERE),
        (lambda x: np.exp(-(x**2)), gaussian, EVERYWHERE),
        (lambda x: np.sin(x) * np.exp(x), sin_times_exp, EVERYWHERE),
        (lambda x: x**x, power_of_itself, POSITIVE),
        (lambda x: tg.logsumexp(x[..., None] * SLOPES, axis=-1), logsumexp_of_lines, EVERYWHERE),
    ],
    ids=lambda f: getattr(f, "__name__", None),
)
@given(data=st.data())
def test_third_and_fourth_derivatives_are_those_of_the_closed_form(f, closed, points, data):
    x = np.array(data.draw(st.lists(points, min_size=1, max_size=4) | points))
    third, fourth = closed(x)
    np.testing.assert_allclose(derivative(f, 3)(x), third, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(derivative(f, 4)(x), fourth, rtol=1e-12, atol=1e-13)


@given(x=EVERYWHERE, y=EVERYWHERE)
def test_a_mixed_fourth_derivative_does_not_depend_on_the_order(x, y):
    """Differentiate exp(sin(x) y) twice by each argument; in the formula s = sin(x), c = cos(x)."""
    s, c = np.sin(x), np.cos(x)
    expected = np.exp(s * y) * (c**2 * (2 + 4 * s * y + s**2 * y**2) - s * (2 * s + s**2 * y))
    for order in set(permutations((0, 0, 1, 1))):
        f = lambda x, y: np.exp(np.sin(x) * y)
        for argnum in order:
            f = tg.grad(f, argnum)
        np.testing.assert_allclose(f(x, y), expected, rtol=1e-12, atol=1e-11)


def test_the_array_of_fourth_derivatives_is_symmetric():
    a = np.random.default_rng(0).normal(size=(4, 3))
    f = lambda x: np.sum(np.tanh(a @ x) ** 2)
    fourths = tg.jacobian(tg.jacobian(tg.hessian(f)))(np.array([0.3, -0.2, 0.5]))
    assert fourths.shape == (3, 3, 3, 3)
    assert abs(fourths).max() > 1
    for axes in permutations(range(4)):
        np.testing.assert_allclose(fourths.transpose(axes), fourths, rtol=1e-12, atol=1e-12)


def test_a_power_has_one_mixed_derivative_where_its_exponent_is_zero():
    """The derivative of a**b by a and b is a**(b - 1) (1 + b log(a)), which is 1 / a at b = 0."""
    for first, second in ((0, 1), (1, 0)):
        assert tg.grad(tg.grad(lambda a, b: a**b, first), second)(4.0, 0.0) == 0.25
