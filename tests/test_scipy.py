"""SciPy: its optimizers accept our gradients, and its functions can be added to the table."""

import numpy as np
import pytest
from scipy import optimize, special

import tinygrad_edu as tg


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_minimize_takes_value_and_grad(method):
    """Use fifty dimensions and a valley that is a hundred times steeper across than along."""
    found = optimize.minimize(
        tg.value_and_grad(rosenbrock), np.zeros(50), jac=True, method=method, options={"maxiter": 2000}
    )
    assert found.success, found.message
    np.testing.assert_allclose(found.x, np.ones(50), atol=1e-3)


@pytest.mark.parametrize("x0", [[0.0] * 10, [0] * 10, np.zeros(10, np.float32)], ids=["list", "integers", "float32"])
def test_minimize_starts_from_lists_integers_and_float32(x0):
    found = optimize.minimize(tg.value_and_grad(rosenbrock), x0, jac=True, method="L-BFGS-B")
    assert found.success, found.message
    np.testing.assert_allclose(found.x, np.ones(10), atol=1e-3)


@pytest.mark.parametrize(
    "second", [{"hess": tg.hessian(rosenbrock)}, {"hessp": tg.hvp(rosenbrock)}], ids=["hess", "hessp"]
)
def test_minimize_takes_second_derivatives(second):
    """Newton's method reaches the minimum up to rounding; methods without second derivatives stop earlier."""
    found = optimize.minimize(rosenbrock, np.zeros(20), jac=tg.grad(rosenbrock), method="trust-ncg", **second)
    assert found.success, found.message
    np.testing.assert_allclose(found.x, np.ones(20), atol=1e-8)


def test_least_squares_and_root_take_jacobians():
    t = np.linspace(0, 2, 30)
    residuals = lambda p: p[0] * np.exp(p[1] * t) - 3 * np.exp(-2 * t)
    fitted = optimize.least_squares(residuals, [1.0, -1.0], jac=tg.jacobian(residuals))
    assert fitted.success
    np.testing.assert_allclose(fitted.x, [3, -2], rtol=1e-6)
    crossing = lambda x: np.stack([x[0] ** 2 + x[1] ** 2 - 1, x[0] - x[1]])
    found = optimize.root(crossing, [1.0, 0.5], jac=tg.jacobian(crossing))
    assert found.success
    np.testing.assert_allclose(found.x, [0.5**0.5] * 2, rtol=1e-10)


def erf_rule(g, y, x):
    """Return g times the derivative 2 / sqrt(pi) exp(-x**2)."""
    return g * (2 / np.pi**0.5 * np.exp(-x * x))


@pytest.fixture(params=["primitive", "ufunc"])
def erf(request):
    """Return SciPy's erf as a new primitive, or erf itself: ufuncs dispatch to Tensors by NEP 13."""
    fun = special.erf if request.param == "ufunc" else tg.primitive(lambda x: special.erf(x))
    tg.defvjp(fun, erf_rule)
    return fun


def test_a_function_of_scipy_with_a_rule_is_differentiable(erf):
    at = np.array([-2.0, -0.5, 0.0, 0.3, 1.7])
    tg.check_grad(erf, at)
    tg.check_grad(lambda x: np.exp(erf(x)) * x, at.reshape(5, 1))
    x = tg.Tensor(at)
    y = erf(x)
    y.sum().backward()
    assert isinstance(y, tg.Tensor)
    np.testing.assert_array_equal(y.data, special.erf(at))
    np.testing.assert_allclose(x.grad, 2 / np.sqrt(np.pi) * np.exp(-(at**2)), rtol=1e-15)


def test_its_second_derivative_through_tensors_is_exact(erf):
    x = tg.Tensor([-1.0, 0.0, 0.5])
    (slope,) = tg.gradients(erf(x).sum(), [x], create_graph=True)
    slope.sum().backward()
    np.testing.assert_allclose(x.grad, -2 * x.data * slope.data, rtol=1e-15)


def test_it_keeps_float32_and_arrays(erf):
    x = tg.Tensor([0.5, 1.0], dtype=np.float32)
    y = erf(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32
    assert type(erf(np.array([0.5]))) is np.ndarray
