"""Polynomials: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg

CUBIC = np.array([2.0, -1.0, 0.5, 3.0])
AT = np.array([-1.5, 0.0, 0.7])


def test_polynomials_take_numbers_lists_and_tensors_in_both_arguments():
    for fun in (np.polyadd, np.polysub, np.polymul):
        for other in (2.0, [1.0, 2.0], np.arange(1.0, 7.0)):
            check(lambda p: fun(p, other), CUBIC)  # noqa: B023
            check(lambda p: fun(other, p), CUBIC)  # noqa: B023
    check(lambda p: np.polyval(p, 2), CUBIC)
    check(lambda p: np.polyval(p, [[1, 2], [3, 4]]), CUBIC)
    check(lambda x: np.polyval([1, 2, 3], x), X)
    check(lambda p: np.polyval(p, p), CUBIC)
    check(lambda x: np.polyval(3.0 * np.ones(1), x), X)


def test_a_poly1d_gives_a_tensor_its_values_and_holds_none():
    line = np.poly1d([1.0, 2.0])
    check(lambda x: np.polyval(line, x), AT)
    check(lambda x: line(x), AT)
    p = tg.Tensor(CUBIC)
    for fun in (np.polyadd, np.polysub, np.polymul, np.polydiv):
        assert "pass its .coeffs" in message(TypeError, lambda: fun(p, line))  # noqa: B023
    assert "pass numbers" in message(TypeError, lambda: np.polyval(p, line))


def test_a_polynomial_has_one_axis():
    assert "np.polyadd: shape (2, 3, 4)" in message(ValueError, lambda: np.polyadd(tg.Tensor(X), 1.0))
    assert "shape (2, 3, 4)" in message(ValueError, lambda: np.polyval(X, tg.Tensor(1.0)))


def test_the_gradient_by_the_coefficients_and_by_x_at_zero():
    p, x = tg.Tensor(CUBIC), tg.Tensor(0.0)
    np.polyval(p, x).backward()
    np.testing.assert_array_equal(p.grad, [0, 0, 0, 1])
    assert x.grad == CUBIC[-2]


def test_vander_at_zero_is_exact():
    x = tg.Tensor([0.0])
    y = np.vander(x, 4)
    np.testing.assert_array_equal(tg.jacobian(lambda x: np.vander(x, 4))(x.data)[0, :, 0], [0, 0, 1, 0])
    np.testing.assert_array_equal(y.data, [[0, 0, 0, 1]])
    check(lambda x: np.vander(x, N=3, increasing=True), AT)
    assert np.vander(tg.Tensor(AT, dtype=np.float32)).dtype == np.float32
    assert "one-dimensional" in message(ValueError, lambda: np.vander(tg.Tensor(X)))


@pytest.mark.parametrize("m", range(6))
def test_repeated_derivatives_and_integrals(m):
    check(lambda p: np.polyder(p, m), CUBIC)
    check(lambda p: np.polyint(p, m=m), CUBIC)
    check(lambda p: np.polyint(p, m, 2.0), CUBIC)
    check(lambda p: np.polyint(p, m, k=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), CUBIC)
    p = tg.Tensor(CUBIC)
    np.testing.assert_allclose(np.polyder(np.polyint(p, m, 7.0), m).data, CUBIC, rtol=1e-14)


def test_fits_take_numbers_lists_and_tensors_in_every_place():
    x, y = np.array([-1.0, 0.0, 0.5, 2.0]), CUBIC
    check(lambda y: np.polyfit(x, y, 2), y)
    check(lambda y: np.polyfit([0, 1, 2, 3], y, deg=1, w=[1, 2, 1, 0.5]), y)
    check(lambda x: np.polyfit(x, [[1, 2], [3, 4], [5, 6], [7, 9]], 2), x)
    check(lambda w: np.polyfit(x, y, 1, w=w), np.array([1.0, 0.5, 2.0, 0.7]))
    np.testing.assert_allclose(np.polyfit(tg.Tensor(x), np.polyval(CUBIC, x), 3).data, CUBIC, rtol=1e-12)


def test_fits_do_not_depend_on_the_scale_of_x():
    x = 1e-6 * np.array([-1.0, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(np.polyfit(tg.Tensor(x), CUBIC, 3).data, np.polyfit(x, CUBIC, 3), rtol=1e-9)


def test_a_fit_to_points_that_rounding_alone_sets_apart_warns_as_numpys_does():
    for apart, rcond in ((np.finfo(np.float64).eps, None), (1e-11, 1e-8)):
        x = 1 + np.arange(100) * apart
        with pytest.warns(np.exceptions.RankWarning):
            fit = np.polyfit(tg.Tensor(x), np.ones(100), 1, rcond)
        with pytest.warns(np.exceptions.RankWarning):
            np.testing.assert_allclose(fit.data, np.polyfit(x, np.ones(100), 1, rcond))


def test_a_fit_of_more_coefficients_than_points_warns_as_numpys_does():
    with pytest.warns(np.exceptions.RankWarning) as caught:
        fit = np.polyfit(tg.Tensor([0.0, 1.0]), [1.0, 2.0], 3)
    with pytest.warns(np.exceptions.RankWarning):
        np.testing.assert_allclose(fit.data, np.polyfit([0.0, 1.0], [1.0, 2.0], 3))
    assert caught[0].filename == __file__  # the user's line, not the library's


def test_fits_name_shapes_and_keywords_that_they_do_not_take():
    y = tg.Tensor(CUBIC)
    assert "y of shape (4,)" in message(ValueError, lambda: np.polyfit([1.0, 2.0], y, 1))
    assert "x of shape (2, 2)" in message(ValueError, lambda: np.polyfit(np.ones((2, 2)), y, 1))
    assert "x of shape (0,)" in message(ValueError, lambda: np.polyfit(np.ones(0), y[:0], 1))
    assert "w of shape (2,)" in message(ValueError, lambda: np.polyfit(CUBIC, y, 1, w=[1.0, 2.0]))
    assert "deg=-1" in message(ValueError, lambda: np.polyfit(CUBIC, y, -1))
    assert "cov=" in message(TypeError, lambda: np.polyfit(CUBIC, y, 1, cov=True))


def test_wrong_orders_and_constants_are_named():
    p = tg.Tensor(CUBIC)
    assert "takes m constants k" in message(ValueError, lambda: np.polyint(p, 3, [1.0, 2.0]))
    assert "must be positive" in message(ValueError, lambda: np.polyint(p, -1))
    assert "must be positive" in message(ValueError, lambda: np.polyder(p, -1))


def test_a_product_leaves_out_zeros_in_front_as_numpys_does():
    for a in ([0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0]):
        check(lambda p: np.polymul(a, p), CUBIC)  # noqa: B023
        check(lambda p: np.polymul(p, a), CUBIC)  # noqa: B023
    p = tg.Tensor([0.0, 1.0])
    y = np.polymul(p, CUBIC)
    assert y.shape == (4,)
    y.sum().backward()
    np.testing.assert_allclose(p.grad, [0, CUBIC.sum()])


@pytest.mark.parametrize("u", [[1.0], [2.0, 1.0], [1.0, -3.0, 2.0, 5.0, 0.5]])
@pytest.mark.parametrize("v", [[2.0], [1.0, 3.0], [2.0, 0.0, 1.0]])
def test_division_of_every_pair_of_degrees(u, v):
    for i in (0, 1):
        check(lambda u, v: np.polydiv(u, v)[i] + 0 * u[0] * v[0], np.array(u), np.array(v))  # noqa: B023
    check(lambda v: np.concatenate(np.polydiv(u, v)), np.array(v))
    check(lambda u: np.concatenate(np.polydiv(u, v)), np.array(u))


def test_division_without_remainder_leaves_a_single_zero():
    u, v = np.convolve([1.0, 2.0], CUBIC), tg.Tensor(CUBIC)
    quotient, rest = np.polydiv(u, v)
    np.testing.assert_allclose(quotient.data, [1, 2])
    np.testing.assert_allclose(rest.data, [0], atol=1e-14)


@pytest.mark.parametrize("rest", [[0, 5, 0], [3, 0, 0], [0, 3, 1], [1.000005e-8, 0, 0], [1e-8, 2, 0]])
def test_division_leaves_out_zeros_in_front_of_the_remainder(rest):
    u, v = np.array([2.0, *rest]), np.array([1.0, 0, 0, 0])
    np.testing.assert_array_equal(np.polydiv(tg.Tensor(u), v)[1].data, np.polydiv(u, v)[1])


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float16, np.float64])
def test_division_has_the_dtypes_of_numpys(dtype):
    u, v = np.float32([1, 2, 3]), np.array([1, 2], dtype)
    for y, wanted in zip(np.polydiv(tg.Tensor(u), v), np.polydiv(u, v), strict=True):
        assert y.dtype == wanted.dtype
        np.testing.assert_array_equal(y.data, wanted)


def test_a_dividend_of_lower_degree_is_the_remainder():
    assert np.polydiv(tg.Tensor([5.0]), [0.0, 1.0, 2.0])[1].tolist() == [5]


def test_a_polynomial_from_its_zeros():
    check(np.poly, AT)
    check(np.poly, np.arange(-3.0, 4.0))
    check(lambda a: np.poly([a, 1.0, a**2]), np.array(2.0))
    assert "a square matrix" in message(ValueError, lambda: np.poly(tg.Tensor(np.ones((2, 3)))))
    a = np.array([[1.0, -2.0], [3.0, 0.5]])  # whose eigenvalues are complex
    np.testing.assert_allclose(np.poly(tg.Tensor(a)).data, [1, -np.trace(a), np.linalg.det(a)])
    np.testing.assert_allclose(tg.grad(lambda a: np.poly(a)[2])(a), tg.grad(np.linalg.det)(a))


@pytest.mark.parametrize("p", [[2.0, -3.0, 1.0, 0.0], [0.0, 1.0, 2.0, 5.0], [1.0, 0.0, 0.0, 8.0]])
def test_roots_of_polynomials_with_zeros_at_either_end(p):
    p = np.array(p)
    np.testing.assert_array_equal(np.roots(tg.Tensor(p)).data, np.roots(p))
    tangent = tg.jvp(lambda p: np.polyval(p, np.roots(p)), [p], [np.ones(4)])[1]  # 0, as are the values at the roots
    np.testing.assert_allclose(tangent, 0, atol=1e-12)


def test_a_multiple_root_has_no_finite_derivative():
    assert not np.isfinite(tg.grad(lambda p: np.sum(np.roots(p)[0]))(np.array([1.0, 0.0, 0.0]))[2])


@pytest.mark.parametrize("u", [[0.0, 4.0, 2.0], [4.0, 2.0], [4.0]])
@pytest.mark.parametrize("v", [[2.0], [2.0, 1.0]])
def test_quotient_and_rest_are_tensors_whichever_polynomial_is_one(u, v):
    expected = np.polydiv(u, v)
    for results in (np.polydiv(tg.Tensor(u), v), np.polydiv(u, tg.Tensor(v))):
        for result, value in zip(results, expected, strict=True):
            assert isinstance(result, tg.Tensor)
            np.testing.assert_allclose(result.data, value)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, bool])
def test_coefficients_of_small_integers_have_the_gradients_of_floats(kind):
    p = np.array([100, 50, 3]).astype(kind)
    assert tg.grad(lambda x: np.polyval(p, x))(1.5) == 3.0 * p[0] + p[1]
    np.testing.assert_allclose(tg.vmap(np.polyint)(p[None]), [np.polyint(p * 1.0)])
