"""Special functions, parts of a number and complex numbers: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import special

INF, NAN, PI = np.inf, np.nan, np.pi


def test_sinc_is_smooth_at_zero_to_every_order():
    # sinc(x) = sum of (-1)**k (pi x)**(2k) / (2k + 1)!
    f, found = np.sinc, []
    for _ in range(6):
        f = tg.grad(f)
        found.append(f(0.0))
    np.testing.assert_allclose(found, [0, -(PI**2) / 3, 0, PI**4 / 5, 0, -(PI**6) / 7], rtol=1e-14)
    assert found[0] == 0


def test_the_slope_of_sinc_does_not_cancel_near_zero():
    x = np.array([-1e-3, -1e-8, 1e-150, 1e-8, 1e-4])
    u = PI * x
    expected = PI * (-u / 3 + u**3 / 30 - u**5 / 840)
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(np.sinc(x)))(x), expected, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_derivatives_of_sinc_are_exact_near_and_far(n):
    # sinc(x) is the integral of cos(pi x t) for t from 0 to 1: differentiate the integrand, and use Gauss quadrature
    node, weight = np.polynomial.legendre.leggauss(60)
    t, weight = (node + 1) / 2, weight / 2
    x = np.array([-6.1, -2.0, -0.7, -0.1, 0.2, n / PI, 0.9, 1.2, 1.7, 2.5, 8.0])[:, None]
    expected = (weight * t**n * np.cos(PI * x * t + n * PI / 2)).sum(axis=1)
    found = special.sinc_derivative(x[:, 0], n) / PI**n
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-15)


def test_i0_grows_by_the_bessel_function_of_order_one():
    # I1(x) and I0(x) from tables: Abramowitz and Stegun, 9.8; I0'' = I0 - I1 / x
    x = np.array([0.0, 1e-9, 1.0, 5.0])
    slope = tg.grad(lambda x: np.sum(np.i0(x)))(x)
    np.testing.assert_allclose(slope, [0, 5e-10, 0.565159103992485, 24.335642142450524], rtol=1e-14)
    np.testing.assert_allclose(tg.grad(tg.grad(np.i0))(5.0), np.i0(5.0) - slope[3] / 5, rtol=1e-14)
    far = tg.grad(np.i0)(700.0)
    np.testing.assert_allclose(far / np.i0(700.0), 1 - 1 / 1400 - 1 / (8 * 700**2), rtol=1e-9)


def test_functions_with_several_results_give_them_as_numpy_does():
    x = np.array([2.75, -2.75, 0.5, -0.0, INF, 1e-310])
    t = tg.Tensor(x)
    for f, differentiable in ((np.modf, 0), (np.frexp, 0), (lambda x: np.divmod(x, 2.0), 1)):
        with np.errstate(invalid="ignore"):
            found, expected = f(t), f(x)
        assert type(found) is tuple
        for i, (result, own) in enumerate(zip(found, expected, strict=True)):
            assert isinstance(result, tg.Tensor) == (i == differentiable)
            result = getattr(result, "data", result) if i == differentiable else result
            np.testing.assert_array_equal(result, own)
            np.testing.assert_array_equal(np.signbit(result), np.signbit(own))
            assert result.dtype == own.dtype
    check(lambda x: np.modf(x)[0], X + 0.51)
    check(lambda x: np.frexp(x)[0], np.array([2.75, -2.75, 0.3]))
    check(lambda a, b: np.divmod(a, b)[1], np.array([2.75, -2.7]), np.array([2.0, 1.5]))
    np.testing.assert_array_equal(np.divmod(7.5, tg.Tensor(2.0))[0], 3)


def test_ldexp_scales_by_powers_of_two_and_takes_no_gradient_by_them():
    check(lambda x: np.ldexp(x, [-2, 0, 1, 5]), X)
    assert "ldexp" in message(TypeError, lambda: np.ldexp(X, tg.Tensor(2.0)))


def test_unwrap_follows_its_keywords():
    turned = np.array([[0.1, 3.4, 6.9, 0.4], [5.0, 0.3, 1.1, 4.4], [0.2, 5.5, 2.1, 2.9]])
    check(np.unwrap, turned)
    check(lambda p: np.unwrap(p, axis=0), turned)
    check(lambda p: np.unwrap(p, discont=3.5, axis=-2, period=5), turned)
    check(lambda p: np.unwrap(p, None, 0), turned)


def test_nan_to_num_replaces_and_keeps_what_the_tape_needs():
    x = np.array([NAN, INF, -INF, 2.0])
    t = tg.Tensor(x)
    for kwargs in ({}, {"nan": 1.0}, {"posinf": 5.0, "neginf": -5.0}, {"copy": True, "nan": -1.0}):
        y = np.nan_to_num(t, **kwargs)
        np.testing.assert_array_equal(y.data, np.nan_to_num(x, **kwargs))
        y.backward([2.0, 2.0, 2.0, 3.0], retain_graph=False)
        np.testing.assert_array_equal(t.grad, [0, 0, 0, 3])
        t.zero_grad()
    np.testing.assert_array_equal(t.data, x)
    for call in (lambda: np.nan_to_num(t, copy=False), lambda: np.nan_to_num(t, False)):
        assert "leave copy out" in message(TypeError, call)
    np.testing.assert_array_equal(t.data, x)
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(np.nan_to_num(np.log(x))))(np.array([1.0, 2.0])), [1, 0.5])


def test_real_numbers_are_their_own_conjugates_and_real_parts():
    for f in (np.conj, np.conjugate, np.real, np.real_if_close, lambda x: np.real_if_close(x, tol=10)):
        check(f, X)
    for f in (np.imag, np.angle, lambda x: np.angle(x, deg=True)):
        found = f(tg.Tensor(X - 1))
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, f(X - 1))


def test_a_ufunc_of_scipy_is_answered_with_its_name():
    pytest.importorskip("scipy")
    with pytest.raises(AttributeError, match=r"'erfc'; write scipy\.special\.erfc$"):
        tg.special.erfc  # noqa: B018
    with pytest.raises(AttributeError, match=r"'unheard_of'$"):
        tg.special.unheard_of  # noqa: B018
