"""Second derivatives at kinks that cancel: abs(x)**2, norm(x)**2, cos(norm(x)) and their kind are smooth."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg

# Functions y of a vector that behave like abs at 0, and half of the Hessian of y**2
ZERO = np.zeros(3)
P = np.eye(3) - 1 / 3
KINKS = {
    "abs": (lambda x: abs(x[0]), np.diag([1, 0, 0])),
    "fabs": (lambda x: np.fabs(x[1]), np.diag([0, 1, 0])),
    "copysign": (lambda x: np.copysign(x[1], -1.0), np.diag([0, 1, 0])),
    "hypot": (lambda x: np.hypot(x[0], x[1]), np.diag([1, 1, 0])),
    "norm": (np.linalg.norm, np.eye(3)),
    "vector norm": (lambda x: np.linalg.vector_norm(2 * x), 4 * np.eye(3)),
    "norm of a matrix": (lambda x: np.linalg.norm(x[:, None] * np.ones(2)), 2 * np.eye(3)),
    "norm along an axis": (lambda x: np.linalg.norm(x[None], axis=1, keepdims=True)[0, 0], np.eye(3)),
    "1-norm of one number": (lambda x: np.linalg.norm(x[:1], ord=1), np.diag([1, 0, 0])),
    "3-norm along an axis of length 1": (lambda x: np.linalg.norm(x[:, None], 3, axis=1)[1], np.diag([0, 1, 0])),
    "vector norm of one number": (lambda x: np.linalg.vector_norm(2 * x[2:], ord=1.5), np.diag([0, 0, 4])),
    "3-norm of several numbers, of no limit": (lambda x: np.linalg.norm(x, 3), np.zeros((3, 3))),
    "std": (np.std, P / 3),
    "std with ddof": (lambda x: x.std(ddof=1, keepdims=True)[0], P / 2),
    "nanstd": (lambda x: np.nanstd(np.append(x, np.nan)), P / 3),
    "sqrt of a sum of squares": (lambda x: np.sqrt(np.sum(x**2)), np.eye(3)),
    "power of a sum of squares": (lambda x: (x @ x) ** 0.5, np.eye(3)),
    "maximum": (lambda x: np.maximum(x[0] - x[1], x[1] - x[0]), np.array([[1, -1, 0], [-1, 1, 0], [0, 0, 0]])),
    "minimum": (lambda x: -np.minimum(x[0], -x[0]), np.diag([1, 0, 0])),
    "max": (lambda x: np.max(np.stack([x[0], -x[0]])), np.diag([1, 0, 0])),
    "nanmax": (lambda x: np.nanmax(np.append(np.stack([x[0], -x[0]]), np.nan)), np.diag([1, 0, 0])),
    "nanmin": (lambda x: -np.nanmin(np.stack([x, -x, ZERO * np.nan]), axis=0)[1], np.diag([0, 1, 0])),
    "two sides of relu": (lambda x: tg.relu(x[2]) + tg.relu(-x[2]), np.diag([0, 0, 1])),
    "abs of abs": (lambda x: abs(abs(x[0])), np.diag([1, 0, 0])),
}
# Smooth even functions of y, and their second derivatives at 0
OUTER = {
    "square": (lambda y: y**2, 2),
    "product": (lambda y: y * y, 2),
    "np.square": (np.square, 2),
    "cosine": (np.cos, -1),
    "reciprocal": (lambda y: 1 / (1 + y**2), -2),
    "Gaussian": (lambda y: np.exp(-y * y / 2), -1),
    "Matern": (lambda y: (1 + y) * np.exp(-y), -1),
    "Fair": (lambda y: y - np.log1p(y), 1),
    "Huber": (lambda y: np.where(y < 1, y**2 / 2, y - 0.5), 1),
    "pseudo-Huber": (lambda y: np.sqrt(1 + y * y), 1),
    "cosh": (np.cosh, 1),
    "cube": (lambda y: y**3, 0),
}
BASIS = np.eye(3)
HESSIANS = {
    "hessian": lambda f, x: tg.hessian(f)(x),
    "hvp": lambda f, x: np.stack([tg.hvp(f)(x, v) for v in BASIS]),
    "jvp of grad": lambda f, x: np.stack([tg.jvp(tg.grad(f), [x], [v])[1] for v in BASIS]),
    "grad of jvp": lambda f, x: np.stack([tg.grad(lambda x, v=v: tg.jvp(f, [x], [v])[1])(x) for v in BASIS]),
    "jvp of jvp": lambda f, x: np.stack(
        [[tg.jvp(lambda x, v=v: tg.jvp(f, [x], [v])[1], [x], [w])[1] for w in BASIS] for v in BASIS]
    ),
    "grad of grad": lambda f, x: np.stack([tg.grad(lambda x, v=v: tg.grad(f)(x) @ v)(x) for v in BASIS]),
}


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("way", HESSIANS)
@pytest.mark.parametrize("kink", [name for name in KINKS if "max" not in name and "min" not in name])
def test_a_kink_that_is_computed_twice_is_one(kink, way):
    """The product of two norms of x - y is smooth, also where each norm is computed of a difference of its own."""
    y, half = KINKS[kink]
    x = np.array([0.5, 0.5, 0.5])
    f = lambda v: np.exp(-y(v - x) * y(v - x))
    np.testing.assert_allclose(HESSIANS[way](f, x), -2 * np.asarray(half), atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("kink", KINKS)
@pytest.mark.parametrize("way", [way for way in HESSIANS if way != "jvp of jvp"])  # which takes long
@settings(max_examples=6)
@given(outer=st.sampled_from(sorted(OUTER)), scale=st.sampled_from([1.0, -0.5, 3.0]))
def test_a_smooth_function_of_a_kink_has_its_hessian(kink, way, outer, scale):
    y, half = KINKS[kink]
    f, second = OUTER[outer]
    hessian = HESSIANS[way](lambda x: f(y(scale * x)), ZERO)
    np.testing.assert_allclose(hessian, scale**2 * second * half, atol=1e-12)
    np.testing.assert_array_equal(tg.grad(lambda x: f(y(scale * x)))(ZERO), ZERO)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("kink", KINKS)
def test_a_cubic_function_of_a_kink_has_its_third_derivative(kink):
    y, half = KINKS[kink]
    w = np.array([2.0, -1.0, 3.0])
    third = np.einsum("i,jk->ijk", w, 2 * half)
    expected = third + third.transpose(1, 0, 2) + third.transpose(1, 2, 0)
    found = tg.jacobian(tg.hessian(lambda x: (w @ x) * y(x) ** 2))(ZERO)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("way", HESSIANS)
def test_kinks_of_some_elements_and_in_sums(way):
    x = np.array([0.0, -2.0, 0.0])
    np.testing.assert_allclose(HESSIANS[way](lambda x: np.sum(abs(x) ** 2), x), 2 * np.eye(3))
    np.testing.assert_allclose(HESSIANS[way](lambda x: abs(x) @ abs(x), x), 2 * np.eye(3))
    np.testing.assert_allclose(HESSIANS[way](lambda x: tg.huber_loss(x, np.zeros(3)), x), np.diag([1, 0, 1]) / 3)
    norms = lambda x: np.sum(np.linalg.norm(np.stack([x, x - [0.0, -2.0, 0.0]]), axis=1) ** 2)
    np.testing.assert_allclose(HESSIANS[way](norms, x), 4 * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(HESSIANS[way](lambda x: np.sum(abs(x)), x), np.zeros((3, 3)))


def test_a_product_of_two_different_kinks_has_the_second_derivative_0():
    for f in (lambda x: abs(x) * abs(2 * x), lambda x: abs(x) * tg.relu(x)):
        assert tg.hessian(f)(0.0) == 0


KINKED = (abs, np.hypot, np.linalg.norm, np.std, tg.relu, np.maximum, np.sqrt)


def test_the_cost_of_kinks_behind_kinks_is_not_exponential():
    def f(x):
        for _ in range(24):
            x = np.abs(x)
        return x**2

    assert tg.hessian(f)(0.0) == 2  # within a fifth of a second; in 2**24 steps it would take days
    assert tg.grad(tg.grad(f))(0.0) == 2


def test_the_cost_of_kinks_behind_kinks_is_quadratic():
    """As in a deep network of dead units: each kink walks the graph once."""

    def calls(depth):
        def f(x):
            for _ in range(depth):
                x = tg.relu(x * 0.5)
            return np.sum(x * x)

        count = itertools.count()
        sys.setprofile(lambda frame, event, _: event in ("call", "c_call") and next(count))
        try:
            tg.hvp(f)(ZERO, ZERO)
        finally:
            sys.setprofile(None)
        return next(count)

    assert calls(40) < 5 * calls(20)


@pytest.mark.parametrize("f", KINKED, ids=lambda f: f.__name__)
def test_first_derivatives_at_kinks_stay_what_they_are_where_they_are_recorded(f):
    x = np.zeros(1)
    g = lambda x: np.sum(f(x, 0.0) if f in (np.hypot, np.maximum) else f(x))
    t = tg.Tensor(x)
    (recorded,) = tg.gradients(g(t), [t], create_graph=True)
    np.testing.assert_array_equal(recorded.data, tg.grad(g)(x))


def test_a_value_has_its_second_derivative_too():
    v = tg.Value(0.0)
    for y in (abs(v) ** 2, abs(v) * abs(v), np.cosh(abs(v))):
        (g,) = tg.gradients(y, [v], create_graph=True)
        (h,) = tg.gradients(g, [v])
        assert h == (1 if y.fun is np.cosh else 2)


def test_a_recording_has_it_too_and_follows_a_kink_that_comes_and_goes():
    for f in (lambda x: np.sum(abs(x) ** 2), lambda x: np.linalg.norm(x) ** 2):
        hessian = tg.jit(tg.hessian(f))
        for x in ([0.0, 1.0], [0.0, 0.0], [2.0, 1.0], [0.0, 0.0], [1.0, 0.0]):
            np.testing.assert_allclose(hessian(np.array(x)), 2 * np.eye(2), atol=1e-14)
