"""The logarithm of the gamma function and its derivatives: against mpmath, and at their edges."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import gamma

NAN, INF = np.nan, np.inf


@given(x=st.floats(1e-5, 1e5) | st.floats(-30, -0.01).filter(lambda x: abs(x - round(x)) > 0.01), n=st.integers(0, 5))
def test_polygamma_equals_mpmaths(x, n):
    with mpmath.workdps(40):
        expected = float(mpmath.polygamma(n, mpmath.mpf(x)))
    np.testing.assert_allclose(gamma.polygamma(n, x), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gamma.polygamma(n, np.array([x])), [expected], rtol=1e-12, atol=1e-14)


@given(x=st.floats(1e-300, 1e300) | st.floats(0, 20, exclude_min=True) | st.floats(-30, -1e-5))
def test_gammaln_equals_mpmaths(x):
    with mpmath.workdps(40):
        expected = float(mpmath.re(mpmath.loggamma(mpmath.mpf(x)))) if x != round(x) or x > 0 else INF
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(tg.gammaln(x), expected, rtol=4e-15, atol=4e-15)


def test_where_the_series_begin_they_are_exact_to_rounding():
    x, z = np.linspace(6.5, 9.5, 61), np.linspace(1.05, 4, 60)
    with mpmath.workdps(40):
        expected = [float(mpmath.loggamma(v)) for v in x]
        slopes = {n: [float(mpmath.polygamma(n, v)) for v in z] for n in range(1, 6)}
    np.testing.assert_allclose(tg.gammaln(x), expected, rtol=1e-15)
    np.testing.assert_allclose(tg.gammaln(x.astype(np.float16)), expected, rtol=5e-3)
    for n, exact in slopes.items():
        np.testing.assert_allclose(gamma.polygamma(n, z), exact, rtol=1e-15)


@given(
    x=st.floats(0.01, 40) | st.floats(1e-9, 0.1).flatmap(lambda e: st.sampled_from([1 - e, 1 + e, 2 - e, 2 + e])),
    beside=st.sampled_from([1.0, -2.5, NAN]),
)
def test_gammaln_is_relatively_exact_next_to_its_zeros_too(x, beside):
    with mpmath.workdps(40):
        expected = float(mpmath.loggamma(mpmath.mpf(x)))
    np.testing.assert_allclose(tg.gammaln(np.array([x, beside]))[0], expected, rtol=2e-15)


@given(x=st.floats(0.01, 1e15))
def test_a_half_step_of_the_gamma_function_and_its_slope_do_not_cancel(x):
    with mpmath.workdps(50):
        a = mpmath.mpf(x)
        step, slope = mpmath.loggamma(a + 0.5) - mpmath.loggamma(a), mpmath.digamma(a + 0.5) - mpmath.digamma(a)
    np.testing.assert_allclose(tg.value_and_grad(gamma.half_step)(x), [float(step), float(slope)], rtol=1e-12)


@given(u=st.floats(-300, 300), dtype=st.sampled_from([np.float32, np.float64]))
def test_the_logarithm_of_1_and_a_square_does_not_overflow(u, dtype):
    z = dtype(-(10.0 ** np.clip(u, -37, 37) if dtype == np.float32 else 10.0**u))
    with mpmath.workdps(30):
        a = mpmath.mpf(float(z))
        value, slope = mpmath.log1p(a * a), 2 * a / (1 + a * a)
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 1e-40 if dtype == np.float32 else 0}
    with np.errstate(under="ignore"):
        found = tg.value_and_grad(gamma.log1p_square)(z)
    np.testing.assert_allclose(found, [float(value), float(slope)], **tolerance)


def test_the_logarithm_of_1_and_a_square_has_slope_0_at_infinity():
    z = np.array([0.0, INF, -INF, NAN])
    np.testing.assert_array_equal(gamma.log1p_square(z), [0, INF, INF, NAN])
    np.testing.assert_array_equal(tg.elementwise_grad(gamma.log1p_square)(z), [0, 0, 0, NAN])


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_polygamma_of_numbers_next_to_which_1_rounds_off_is_exact(n):
    x = 10.0 ** np.linspace(14, 18, 41)
    with mpmath.workdps(40):
        expected = [float(mpmath.psi(n, a)) for a in x]
    np.testing.assert_allclose(gamma.polygamma(n, x), expected, rtol=2e-15)


def test_gammaln_at_its_edges():
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(tg.gammaln(np.array([1.0, 2.0, INF, 0.0, -1.0, NAN])), [0, 0, INF, INF, INF, NAN])
    near = np.array([1e-9, -1e-9])
    np.testing.assert_allclose(tg.gammaln(1 + near), -0.5772156649015329 * near, rtol=2e-7)
    assert tg.gammaln(np.float32([3.5])).dtype == np.float32
    assert tg.gammaln(np.float16([3.5, 300])).dtype == np.float16
    assert tg.gammaln([3, 4]).tolist() == pytest.approx(np.log([2, 6]))


def test_arguments_are_integers_lists_and_numbers():
    assert gamma.polygamma(0, 1) == pytest.approx(-0.5772156649015329)
    np.testing.assert_allclose(gamma.xlogy([0, 2], [0, 3]), [0, 2 * np.log(3)])
    np.testing.assert_allclose(gamma.xlog1py(2, np.float32(0.5)), 2 * np.log(1.5), rtol=1e-6)
    assert tg.grad(tg.gammaln)(3) == pytest.approx(1.5 - 0.5772156649015329)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_values_at_poles_and_outside_of_the_domain_are_scipys():
    special = pytest.importorskip("scipy.special")
    x = np.array([-2.0, -1.0, 0.0])
    np.testing.assert_array_equal(tg.special.digamma(x), special.digamma(x))
    for n in (1, 2, 3):
        np.testing.assert_array_equal(gamma.polygamma(n, x), special.polygamma(n, x))
    np.testing.assert_array_equal(np.isnan(tg.special.multigammaln([0.2, 0.5, 0.6], 2)), [True, True, False])
    slope = tg.grad(lambda a: tg.special.multigammaln(a, 2))(3.0)
    assert slope == pytest.approx(special.digamma(3) + special.digamma(2.5))


@pytest.mark.parametrize("x", [2.5, -2.5])
def test_jit_records_polygamma_of_one_number(x):
    for f in (tg.special.digamma, lambda x: gamma.polygamma(2, x), tg.gammaln, gamma.half_step, gamma.log1p_square):
        jitted = tg.jit(f)
        for a in np.array([abs(x), x, 3.5]) if f is not gamma.half_step else np.array([2.5, 3.5]):
            result, expected = jitted(np.asarray(a)), f(np.asarray(a))
            assert type(result) is type(expected)
            assert result == pytest.approx(expected, rel=1e-14)


def test_the_gamma_function_of_several_dimensions_takes_the_logarithm_of_all_at_once():
    multigammaln = tg.special.multigammaln
    jitted = tg.jit(lambda a: multigammaln(a, 5))
    jitted(np.full((2, 3), 4.0))
    assert jitted.source.count("np.floor(") == 1
    a = tg.Value(4.0)  # one number makes no array of all
    multigammaln(a, 3).backward()
    assert a.grad == pytest.approx(tg.grad(lambda x: multigammaln(x, 3))(4.0))


def log_poch(z, m):
    return mpmath.loggamma(z + m) - mpmath.loggamma(z)


def binom(n, k):
    return mpmath.exp(log_poch(n - k + 1, k) - mpmath.loggamma(k + 1))


@pytest.mark.parametrize(
    ("name", "exact", "points"),
    [
        ("betaln", lambda a, b: mpmath.loggamma(b) - log_poch(a, b), [(1e8, 2.5), (1e12, 300), (60, 1e9), (29, 31)]),
        ("beta", mpmath.beta, [(1e8, 2.5), (31, 40), (1e5, 1e-3)]),
        ("binom", binom, [(1e8, 2.5), (1e15, 2), (81, 40), (1e9, 3), (100, 65)]),
        ("poch", lambda z, m: mpmath.exp(log_poch(z, m)), [(1e8, 2.5), (1e5, -3.5), (90, -50), (1e10, -0.5)]),
    ],
)
def test_slopes_of_quotients_of_gamma_functions_keep_their_digits_where_they_are_large(name, exact, points):
    f = getattr(pytest.importorskip("scipy.special"), name)
    slopes = tg.grad(lambda x: f(x[0], x[1]))
    for point in np.array(points, float):
        with mpmath.workdps(60):
            orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
            expected = [float(mpmath.diff(exact, tuple(map(mpmath.mpf, point)), order)) for order in orders]
        first, second = slopes(point), tg.jacobian(slopes)(point)
        np.testing.assert_allclose([*first, *second[0], second[1, 1]], expected, rtol=1e-9)


def test_the_logarithm_of_a_finite_beta_function_has_a_slope_at_negative_integers():
    betaln = pytest.importorskip("scipy.special").betaln
    a = np.array([-1.0, -2.0, -3.0, -3.0])
    exact = [[1, 1], [3 / 2, 5 / 4], [11 / 6, 49 / 36], [1 / 3, 1 / 9]]  # of -log|a (a + 1) ...|, with b factors
    for x, b, expected in zip(a, [1.0, 2.0, 3.0, 1.0], exact, strict=True):
        assert [tg.grad(betaln)(x, b), tg.grad(tg.grad(betaln))(x, b)] == pytest.approx(expected, rel=1e-13)
    mixed = tg.elementwise_grad(betaln)(np.array([-2.0, 2.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(mixed, [0.5, -0.5], rtol=1e-13)
    with np.errstate(invalid="ignore"):
        assert np.isnan(tg.grad(betaln)(-2.0, 2.5))  # betaln is infinite there


def test_quantiles_of_the_gamma_distribution_have_slopes_by_its_parameter_at_both_ends():
    special = pytest.importorskip("scipy.special")
    p, h = np.array([0.0, 0.5, 1.0]), 1e-5
    between = (special.gammaincinv(2 + h, 0.5) - special.gammaincinv(2 - h, 0.5)) / (2 * h)
    for inverse, q in ((special.gammaincinv, p), (special.gammainccinv, 1 - p)):
        slopes = tg.elementwise_grad(inverse)(np.full(3, 2.0), q)
        np.testing.assert_allclose(slopes, [0, between, INF], rtol=1e-8)


@given(a=st.floats(-2, 2.5), b=st.floats(-2, 2.5), x=st.floats(1e-6, 1, exclude_max=True))
@example(a=-4, b=-0.6, x=4e-20)  # in places where most of the probability is below x
@example(a=-2.6, b=-0.4, x=4.4e-14)
@example(a=-3, b=2, x=1e-80)
def test_slopes_of_betainc_by_its_parameters_equal_mpmaths(a, b, x):
    special = pytest.importorskip("scipy.special")
    a, b = 10**a, 10**b
    with mpmath.workdps(40):
        along_a = lambda t: mpmath.betainc(t, mpmath.mpf(b), 0, mpmath.mpf(x), regularized=True)
        along_b = lambda t: mpmath.betainc(mpmath.mpf(a), t, 0, mpmath.mpf(x), regularized=True)
        expected = [float(mpmath.diff(f, mpmath.mpf(v), h=1e-12)) for f, v in ((along_a, a), (along_b, b))]
    np.testing.assert_allclose(tg.grad(special.betainc, (0, 1))(a, b, x), expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(
        tg.grad(special.betaincc, (0, 1))(a, b, x), np.negative(expected), rtol=1e-11, atol=1e-14
    )


def test_functions_of_the_beta_distribution_do_not_change_with_its_parameters_at_both_ends():
    special = pytest.importorskip("scipy.special")
    for f in (special.betainc, special.betaincc, special.betaincinv, special.betainccinv):
        for parameters in ((2.0, 3.0), (0.5, 0.5)):
            for end in (0.0, 1.0):
                assert tg.grad(f, (0, 1))(*parameters, end) == (0, 0)
                assert tg.grad(tg.grad(f))(*parameters, end) == 0
    assert np.isnan(tg.grad(special.betainc)(-1.0, 2.0, 0.5))


def test_slopes_of_betainc_by_its_parameters_of_many_elements_take_little_memory():
    special = pytest.importorskip("scipy.special")
    slopes = tg.elementwise_grad(special.betainc, (0, 1))
    a, b, x = np.array([[2.0], [0.7]]), 3.0, np.linspace(0, 1, 10_000)
    each = slopes(a, b, x[1::1000])
    tracemalloc.start()
    try:
        found = slopes(a, np.full(len(x), b), x)
        assert tracemalloc.get_traced_memory()[1] < 50e6  # one array of all points of all integrals has 55 MB
    finally:
        tracemalloc.stop()
    assert found[0].shape == (2, 1)
    assert found[1].shape == (10_000,)
    np.testing.assert_allclose(tg.elementwise_grad(special.betainc)(a + 0 * x, b, x)[:, 1::1000].sum(1), each[0][:, 0])


def test_distribution_functions_do_not_change_with_their_parameters_at_infinity():
    special = pytest.importorskip("scipy.special")
    for infinity in (INF, -INF):
        assert tg.grad(special.stdtr, (0, 1))(3.0, infinity) == (0, 0)
        assert tg.grad(tg.grad(special.stdtr))(3.0, infinity) == 0
    for f in (special.fdtr, special.fdtrc):
        assert tg.grad(f, (0, 1, 2))(3.0, 4.0, INF) == (0, 0, 0)
        assert tg.grad(tg.grad(f))(3.0, 4.0, INF) == 0


def test_slopes_of_distribution_functions_do_not_overflow():
    special = pytest.importorskip("scipy.special")
    t, v = mpmath.mpf(1e155), mpmath.mpf(0.05)
    with mpmath.workdps(60):
        cdf = lambda v: 1 - mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) / 2
        log_density = -mpmath.log(mpmath.beta(v / 2, 0.5)) - mpmath.log(v) / 2 - (v + 1) / 2 * mpmath.log1p(t * t / v)
        expected = [float(mpmath.diff(cdf, v, h=1e-20)), float(mpmath.exp(log_density))]
    np.testing.assert_allclose(tg.grad(special.stdtr, (0, 1))(0.05, 1e155), expected, rtol=1e-9)
    assert tg.grad(special.fdtr, 2)(0.1, 0.1, 1e160) > 0


def test_a_binomial_of_a_huge_number_has_a_slope():
    binom = pytest.importorskip("scipy.special").binom
    assert tg.grad(binom)(1e100, 1.0) == pytest.approx(1, rel=1e-15)  # digamma(1e100 + 1) - digamma(1e100) rounds to 0
