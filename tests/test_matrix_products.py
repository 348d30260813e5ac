"""elementwise_grad and Gauss-Newton products against the matrices that they never hold."""

import numpy as np
from hypothesis import given
from strategies import arrays

import tinygrad_edu as tg


@given(arrays(shape=(2, 3)))
def test_elementwise_derivatives(x):
    f = tg.elementwise_grad
    np.testing.assert_allclose(f(np.tanh)(x), 1 - np.tanh(x) ** 2, atol=1e-12)
    np.testing.assert_allclose(f(f(f(np.sin)))(x), -np.cos(x), atol=1e-12)
    np.testing.assert_allclose(f(np.multiply, 1)(x, 3 * x), x)
    a, b = f(np.multiply, (0, 1))(x, 3 * x)
    np.testing.assert_allclose(a, 3 * b)
    g = f(lambda p: {"a": p["x"] ** 2, "b": np.sin(p["y"])})({"x": x, "y": x})
    np.testing.assert_allclose(g["x"], 2 * x)
    np.testing.assert_allclose(g["y"], np.cos(x))
    assert type(f(np.sin)(0.5)) is np.ndarray
    assert f(lambda x: 3.0)(1.0) == 0


@given(arrays(shape=(3,)), arrays(shape=(3,)))
def test_gauss_newton_products(x, v):
    A = np.arange(12.0).reshape(4, 3) / 5
    labels = np.array([1.0, 0, 0, 0])
    f = lambda x: np.tanh(A @ x)
    loss = lambda y: -np.sum(labels * tg.log_softmax(y)) * np.exp(y[0] / 3)
    J, y = tg.jacobian(f)(x), f(x)
    np.testing.assert_allclose(tg.ggnvp(f)(x, v), J.T @ (J @ v), atol=1e-9)
    np.testing.assert_allclose(tg.ggnvp(f, loss)(x, v), J.T @ tg.hessian(loss)(y) @ (J @ v), atol=1e-9)
    linear = lambda x: A @ x  # then it is the Hessian
    H = tg.hessian(lambda x: loss(linear(x)))(x)
    np.testing.assert_allclose(tg.ggnvp(linear, loss)(x, v), H @ v, atol=1e-8)


def test_gauss_newton_products_without_a_loss_of_complex_numbers_and_trees():
    z, v = np.array([1 + 2j, -0.5j]), np.array([0.3 - 1j, 2 + 0.1j])
    parts = lambda u: u[:2] + 1j * u[2:]
    f = lambda z: {"square": z**2, "size": np.abs(z), "n": 3, "rest": None}
    of_parts = lambda u: [g(x) for x in tg.tree.leaves(f(parts(u)))[:2] for g in (np.real, np.imag)]
    J = np.concatenate(tg.jacobian(of_parts)(np.concatenate([z.real, z.imag])))
    expected = parts(J.T @ (J @ np.concatenate([v.real, v.imag])))
    np.testing.assert_allclose(tg.ggnvp(f)(z, v), expected, atol=1e-12)
    x, u = z.real, v.real
    pair = lambda x: (np.sin(x), [x**2])
    np.testing.assert_allclose(tg.ggnvp(pair)(x, u), (np.cos(x) ** 2 + 4 * x**2) * u, atol=1e-12)
