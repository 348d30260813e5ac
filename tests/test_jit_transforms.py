"""Transforms of recorded functions, and recorded transforms, in either order: the derivatives of the function."""

import numpy as np
import pytest

import tinygrad_edu as tg

A = np.array([[1.0, 2.0], [3.0, -1.0]])


def f(x):
    return np.sum(np.sin(x) * (A @ x)) + np.prod(x)


X = np.array([0.5, -1.2])
ONE = {
    "grad": tg.grad,
    "value": lambda f: lambda x: tg.value_and_grad(f)(x)[0],
    "vjp": lambda f: lambda x: tg.vjp(f, x)[1](2.0)[0],
    "jvp": lambda f: lambda x: tg.jvp(f, [x], [A[0]])[1],
    "jacobian": tg.jacobian,
    "hessian": tg.hessian,
    "hvp": lambda f: lambda x: tg.hvp(f)(x, A[0]),
}


@pytest.mark.parametrize("name", ONE)
def test_a_transform_of_a_recorded_function_is_that_of_the_function(name):
    transform, jitted = ONE[name], tg.jit(f)
    jitted(X)
    for _ in range(3):
        np.testing.assert_allclose(transform(jitted)(X), transform(f)(X), rtol=1e-12)
    np.testing.assert_allclose(jitted(X), f(X))
    assert jitted.cache_info().hits == 1


@pytest.mark.parametrize("name", ONE)
def test_recorded_transforms_of_recorded_functions(name):
    transform = ONE[name]
    expected = transform(f)(X)
    jitted = tg.jit(transform(tg.jit(f)))
    for _ in range(3):
        np.testing.assert_allclose(jitted(X), expected, rtol=1e-12)
    assert jitted.cache_info().hits == 2


def test_gradients_of_recorded_gradients_both_ways():
    expected = tg.grad(lambda x: np.sum(tg.grad(f)(x) ** 3))(X)
    inner = tg.jit(tg.grad(tg.jit(f)))
    inner(X)
    outer = tg.grad(lambda x: np.sum(inner(x) ** 3))
    recorded = tg.jit(outer)
    for _ in range(3):
        np.testing.assert_allclose(outer(X), expected, rtol=1e-12)
        np.testing.assert_allclose(recorded(X), expected, rtol=1e-12)


def test_a_recorded_function_that_closes_over_a_variable_keeps_its_gradient():
    g = tg.grad(lambda w: np.sum(tg.jit(lambda x: np.sum(w * x * x))(X) ** 2))(np.ones(2))
    np.testing.assert_allclose(g, 2 * np.sum(X * X) * X**2)


def test_trees_under_jit():
    params = {"layers": [(A, np.ones(2)), (A.T, np.zeros(2))], "scale": 2.0, "n": 2}

    def loss(params, x):
        for w, b in params["layers"]:
            x = np.tanh(x @ w + b)
        return np.sum(x**2) ** params["n"] * params["scale"]

    eager = tg.value_and_grad(loss)
    jitted = tg.jit(eager)
    for x in (X, X + 1, X - 1):
        value, g = jitted(params, x)
        expected_value, expected = eager(params, x)
        np.testing.assert_allclose(value, expected_value)
        assert g["n"] is None
        for a, b in zip(tg.tree.leaves(g), tg.tree.leaves(expected), strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b)
    assert jitted.cache_info().hits == 2
