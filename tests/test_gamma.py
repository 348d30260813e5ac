"""The logarithm of the gamma function and its derivatives: against mpmath, and at their edges."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
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
