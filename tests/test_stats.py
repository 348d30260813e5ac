"""Log-densities: values equal SciPy's, first and second derivatives equal finite differences, edges of the support."""

import numpy as np
import pytest
from checks import message
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from strategies import arrays, shapes

import tinygrad_edu as tg

REAL = {"norm": [], "t": [(0.5, 20)], "cauchy": [], "laplace": [], "logistic": [], "gumbel_r": [], "gumbel_l": []}
POSITIVE = {
    "expon": [], "gamma": [(0.3, 5)], "chi2": [(0.5, 8)], "invgamma": [(0.5, 4)], "lognorm": [(0.3, 2)],
    "halfnorm": [], "halfcauchy": [], "rayleigh": [], "weibull_min": [(0.5, 3)],
}  # fmt: skip
UNIT = {"uniform": [], "beta": [(0.4, 4), (0.4, 4)]}
ABOVE = {"pareto": [(0.5, 4)]}
CONTINUOUS = {
    **{k: (v, -3.0, 3.0) for k, v in REAL.items()}, **{k: (v, 0.1, 4.0) for k, v in POSITIVE.items()},
    **{k: (v, 0.1, 0.9) for k, v in UNIT.items()}, **{k: (v, 1.1, 4.0) for k, v in ABOVE.items()},
}  # fmt: skip
DISCRETE = {
    "poisson": [(0.2, 6)], "bernoulli": [(0.1, 0.9)], "binom": [(6, 6), (0.1, 0.9)], "geom": [(0.1, 0.9)],
    "nbinom": [(1, 5), (0.1, 0.9)],
}  # fmt: skip


@st.composite
def continuous(draw, name):
    """Draw z within the support, and the shapes, loc and scale of the same shape or as numbers."""
    limits, low, high = CONTINUOUS[name]
    shape = draw(shapes(max_dims=2, max_side=2))
    z = draw(arrays(shape=shape, low=low, high=high, away=[0.0]))
    drawn = [draw(arrays(shape=draw(st.sampled_from([shape, ()])), low=a, high=b)) for a, b in limits]
    loc, scale = draw(arrays(shape=())), draw(arrays(shape=(), low=0.3, high=2))
    return [loc + scale * z, *drawn, loc, scale]


@pytest.mark.parametrize("name", CONTINUOUS)
@settings(max_examples=max(settings.default.max_examples * 3 // 5, 5))
@given(data=st.data())
def test_densities_and_distribution_functions_equal_scipys_and_have_their_derivatives(name, data):
    x, *args = data.draw(continuous(name))
    ours, theirs = getattr(tg.stats, name), getattr(stats, name)
    np.testing.assert_allclose(ours.logpdf(x, *args), theirs.logpdf(x, *args), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.pdf(x, *args), theirs.pdf(x, *args), rtol=1e-10)
    tg.check_grad(ours.logpdf, x, *args)
    for f in ("cdf", "sf", "logcdf", "logsf"):
        np.testing.assert_allclose(getattr(ours, f)(x, *args), getattr(theirs, f)(x, *args), rtol=1e-8, atol=1e-12)
    tg.check_grad(lambda x: ours.cdf(x, *args), x)
    x = tg.Tensor(x)
    ours.cdf(x, *args).sum().backward()
    np.testing.assert_allclose(x.grad, theirs.pdf(x.data, *args), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("name", CONTINUOUS)
@given(
    u=st.floats(-9, 2.8).filter(lambda u: abs(u) > 1e-3), sign=st.sampled_from([-1, 1]), of_shapes=st.floats(0.3, 30)
)
def test_logarithms_of_probabilities_are_exact_in_the_tails(name, u, sign, of_shapes):
    x = sign * 10**u
    shapes = [of_shapes for _ in CONTINUOUS[name][0]]
    ours, theirs = getattr(tg.stats, name), getattr(stats, name)
    for f, slope in (("logcdf", 1), ("logsf", -1)):
        with np.errstate(all="ignore"):
            exact = getattr(theirs, f)(x, *shapes)
            value, gradient = tg.value_and_grad(getattr(ours, f))(x, *shapes)
            derivative = slope * np.exp(ours.logpdf(x, *shapes) - value) if value > -np.inf else 0.0
        if exact > -np.inf:  # SciPy's gives up earlier for halfnorm
            np.testing.assert_allclose(value, exact, rtol=1e-8, atol=1e-300 if name != "halfnorm" else 1e-15)
        if abs(value) < 1e6:  # or the difference of logarithms has lost its digits
            np.testing.assert_allclose(gradient, derivative, rtol=1e-7, atol=1e-300)


def test_distribution_functions_have_derivatives_by_their_parameters():
    df, t, h = np.array([0.7, 3.0, 40.0]), np.array([-1.5, 0.0, 2.0]), 1e-5
    slopes = tg.elementwise_grad(lambda df: tg.stats.t.cdf(t, df))(df)
    np.testing.assert_allclose(slopes, (stats.t.cdf(t, df + h) - stats.t.cdf(t, df - h)) / (2 * h), atol=1e-11)
    x = np.array([-0.5, 0.0, 0.3, 1.0, 2.0])
    by_a, by_b = tg.jacobian(lambda p: tg.stats.beta.cdf(x, *p))(np.array([2.0, 1.5])).T
    for found, d in ((by_a, (h, 0)), (by_b, (0, h))):
        change = stats.beta.cdf(x, 2 + d[0], 1.5 + d[1]) - stats.beta.cdf(x, 2 - d[0], 1.5 - d[1])
        np.testing.assert_allclose(found, change / (2 * h), atol=1e-10)
    for name, parameters in (("beta", (2.0, 1.5)), ("t", (2.5,))):  # of a quantile
        ppf, q = getattr(tg.stats, name).ppf, np.array([0.1, 0.4, 0.95])
        tg.check_grad(lambda *p, ppf=ppf, q=q: ppf(q, *p), *parameters, rtol=1e-5, atol=1e-5)


def test_the_laplace_distribution_function_has_a_derivative_where_its_density_has_a_kink():
    laplace = tg.stats.laplace
    for f, slope in ((laplace.cdf, 0.5), (laplace.sf, -0.5), (laplace.logcdf, 1), (laplace.logsf, -1)):
        assert tg.grad(f)(0.0) == slope


def test_the_logistic_density_is_smooth_at_0():
    f = tg.stats.logistic.logpdf
    assert tg.grad(tg.grad(tg.grad(tg.grad(f))))(0.0) == pytest.approx(0.25)  # as next to it


def test_a_quantile_of_no_probability_is_nan_and_so_is_a_density_of_nan():
    for name, args in WITH_QUANTILES.items():
        ppf = getattr(tg.stats, name).ppf
        assert np.isnan(ppf([-0.1, 1.1, np.nan], *args)).all()
        assert ppf(np.float32([0.2, 0.5, 0.8]), *args).dtype == np.float32
    assert np.isnan(tg.grad(tg.stats.norm.ppf)(np.nan))
    q = np.array([0.0, 1.0])
    np.testing.assert_array_equal(tg.stats.t.ppf(q, 2.5), [-np.inf, np.inf])
    np.testing.assert_array_equal(tg.elementwise_grad(lambda q: tg.stats.t.ppf(q, 2.5))(q), [np.inf, np.inf])
    np.testing.assert_allclose(tg.stats.cauchy.ppf(1 - 1e-10), stats.cauchy.ppf(1 - 1e-10))
    for name, limits in DISCRETE.items():
        assert np.isnan(getattr(tg.stats, name).logpmf(np.nan, *[low for low, _ in limits]))


WITH_QUANTILES = {
    "norm": (),
    "cauchy": (),
    "logistic": (),
    "expon": (),
    "uniform": (),
    "gamma": (1.5,),
    "beta": (2, 1.5),
    "t": (2.5,),
}


@pytest.mark.parametrize("name", WITH_QUANTILES)
@given(q=arrays(low=0.05, high=0.95), loc=arrays(shape=()), scale=arrays(shape=(), low=0.3))
def test_quantiles_equal_scipys(name, q, loc, scale):
    ours, theirs, args = getattr(tg.stats, name), getattr(stats, name), WITH_QUANTILES[name]
    np.testing.assert_allclose(ours.ppf(q, *args, loc, scale), theirs.ppf(q, *args, loc, scale), rtol=1e-10, atol=1e-12)
    tg.check_grad(lambda q, loc, scale: ours.ppf(q, *args, loc, scale), q, loc, scale, rtol=1e-5, atol=1e-5)
    if name in ("norm", "cauchy", "logistic", "t"):
        isf = lambda q, loc, scale: ours.isf(q, *args, loc, scale)
        np.testing.assert_allclose(isf(q, loc, scale), theirs.isf(q, *args, loc, scale), rtol=1e-10, atol=1e-12)
        tg.check_grad(isf, q, loc, scale, rtol=1e-5, atol=1e-5)
    else:
        assert "has no isf" in message(NotImplementedError, lambda: ours.isf(q, *args))
    assert "has no ppf" in message(NotImplementedError, lambda: tg.stats.pareto.ppf(q, 3.0))


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_parameters_that_make_no_distribution_give_nan(name):
    if name in DISCRETE:
        invalid = {"poisson": [[-1]], "bernoulli": [[-0.1], [1.1]], "binom": [[-1, 0.5], [3, 1.5]]}
        invalid |= {"geom": [[0], [1.5]], "nbinom": [[0, 0.5], [3, 0], [3, 1.5]]}
        x, invalid, functions = [-1, 0, 1, 3], invalid[name], ["logpmf", "pmf"]
    else:
        x, n = [-1.0, 0.0, 0.3, 1.0, 2.0], len(CONTINUOUS[name][0])
        functions = ["logpdf", "pdf", "cdf", "sf", "logcdf", "logsf", *["ppf"] * (name in WITH_QUANTILES)]
        invalid = [[1.5] * n + [0.0, scale] for scale in (0.0, -1.0, np.nan)]  # the cdf of scale -1 was that of -x
        invalid += [[1.5] * i + [v] + [1.5] * (n - i - 1) for i in range(n) for v in (0.0, -1.0, np.nan)]
    for f in functions:
        for parameters in invalid:
            assert np.isnan(getattr(getattr(tg.stats, name), f)(x, *parameters)).all(), (f, parameters)


def test_only_the_elements_whose_parameters_are_wrong_are_nan():
    scale = np.array([-1.0, 2.0])
    cdf = lambda s: tg.stats.norm.cdf(1.0, 0.0, s)
    for f in (cdf, tg.jit(cdf), tg.vmap(cdf)):
        np.testing.assert_array_equal(f(scale), [np.nan, stats.norm.cdf(0.5)])
    assert tg.grad(lambda s: cdf(s)[1])(scale)[1] == pytest.approx(-stats.norm.pdf(0.5) / 4)


def test_the_tails_of_students_and_cauchys_densities_do_not_overflow():
    exact = -np.log(np.pi) - 2 * np.log(1e300)
    for f in (tg.stats.cauchy.logpdf, lambda x: tg.stats.t.logpdf(x, 1), lambda x: tg.stats.halfcauchy.logpdf(x)):
        half = np.log(2) if f(1.0) > -1.5 else 0
        assert tg.value_and_grad(f)(1e300) == pytest.approx((exact + half, -2e-300), rel=1e-12)
    with np.errstate(divide="ignore"):
        for f in (tg.stats.cauchy.ppf, tg.jit(tg.stats.cauchy.ppf)):
            np.testing.assert_array_equal(f(np.zeros(2) * [1, -1]), -np.inf)
        assert tg.grad(tg.stats.cauchy.ppf)(0.0) == np.inf
    np.testing.assert_allclose(tg.stats.cauchy.logpdf(np.float16([1, 6e4])), stats.cauchy.logpdf([1, 6e4]), rtol=1e-3)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_distribution_functions_have_a_derivative_at_infinity():
    for f in (lambda x: special.gammainc(2.5, x), lambda x: special.gammaincc(200.0, x), lambda m: special.pdtr(2, m)):
        assert tg.grad(f)(np.inf) == 0
    assert tg.grad(tg.stats.invgamma.cdf)(1e-310, 2.0) == 0  # its 1 / x is infinite
    assert np.isnan(tg.stats.poisson.cdf(np.nan, 0.0))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_outside_the_support_the_density_is_zero_and_has_no_gradient(name):
    limits, _, _ = CONTINUOUS[name]
    shapes = [1.5 for _ in limits]
    x = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, np.inf, -np.inf, np.nan])
    ours, theirs = getattr(tg.stats, name), getattr(stats, name)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ours.logpdf(x, *shapes), theirs.logpdf(x, *shapes), rtol=1e-12, atol=1e-14)
    if name in POSITIVE:
        assert tg.grad(ours.logpdf)(-1.0, *shapes) == 0
        assert ours.cdf(-1.0, *shapes) == 0


@pytest.mark.parametrize("name", DISCRETE)
@given(data=st.data())
def test_log_probabilities_equal_scipys_and_have_their_derivatives(name, data):
    shape = data.draw(shapes(max_dims=2, max_side=2))
    k = data.draw(arrays(shape=shape, low=-1.4, high=7.4)).round()
    args = [data.draw(arrays(shape=data.draw(st.sampled_from([shape, ()])), low=a, high=b)) for a, b in DISCRETE[name]]
    if name in ("binom", "nbinom"):
        args[0] = args[0].round()
    ours, theirs = getattr(tg.stats, name), getattr(stats, name)
    np.testing.assert_allclose(ours.logpmf(k.astype(int), *args), theirs.logpmf(k, *args), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.pmf(k, *args), theirs.pmf(k, *args), rtol=1e-10)
    np.testing.assert_allclose(ours.logpmf(k, *args, 1), theirs.logpmf(k, *args, 1), rtol=1e-10, atol=1e-12)
    assert np.all(ours.logpmf(k + 0.5, *args) == -np.inf)
    tg.check_grad(lambda p: np.maximum(ours.logpmf(k, *args[:-1], p), -1e3), args[-1])


def test_certain_events_have_finite_gradients():
    for k, p in ((0, 0.0), (1, 1.0)):
        assert tg.stats.bernoulli.logpmf(k, p) == 0
        assert abs(tg.grad(lambda p, k=k: tg.stats.bernoulli.logpmf(k, p))(p)) == 1
    assert tg.grad(lambda mu: tg.stats.poisson.logpmf(0, mu))(0.0) == -1
    assert tg.stats.poisson.cdf(2.5, 1.5) == pytest.approx(stats.poisson.cdf(2.5, 1.5))


@given(df=st.floats(0.1, 1e15), z=st.floats(-50, 50))
def test_students_density_does_not_cancel_for_many_degrees_of_freedom(df, z):
    import mpmath

    with mpmath.workdps(50):
        v, x = mpmath.mpf(df), mpmath.mpf(z)
        exact = mpmath.loggamma((v + 1) / 2) - mpmath.loggamma(v / 2) - mpmath.log(v * mpmath.pi) / 2
        exact = float(exact - (v + 1) / 2 * mpmath.log1p(x * x / v))
    np.testing.assert_allclose(tg.stats.t.logpdf(z, df), exact, rtol=1e-13, atol=2e-14)


@st.composite
def normal(draw):
    k, n = draw(st.integers(1, 4)), draw(st.sampled_from([(), (3,), (2, 2)]))
    a = draw(arrays(shape=(k, k)))
    return draw(arrays(shape=(*n, k))), draw(arrays(shape=(k,))), a @ a.T + 0.5 * np.eye(k)


def symmetric(cov):
    return (cov + cov.T) / 2


@given(normal())
def test_the_multivariate_normal_equals_scipys(drawn):
    x, mean, cov = drawn
    ours, theirs = tg.stats.multivariate_normal, stats.multivariate_normal
    np.testing.assert_allclose(ours.logpdf(x, mean, cov), np.reshape(theirs.logpdf(x, mean, cov), x.shape[:-1]))
    np.testing.assert_allclose(ours.pdf(x, mean, cov), np.reshape(theirs.pdf(x, mean, cov), x.shape[:-1]))
    np.testing.assert_allclose(ours.entropy(mean, cov), theirs.entropy(mean, cov))
    np.testing.assert_allclose(ours.logpdf(x, mean, cov, allow_singular=True), ours.logpdf(x, mean, cov))
    for singular in (False, True):
        tg.check_grad(
            lambda x, m, c, s=singular: ours.logpdf(x, m, symmetric(c), s), x, mean, cov, rtol=1e-5, atol=1e-5
        )
    tg.check_grad(lambda c: ours.entropy(cov=symmetric(c)), cov)


def test_the_multivariate_normal_takes_numbers_diagonals_and_singular_matrices():
    ours, theirs = tg.stats.multivariate_normal, stats.multivariate_normal
    x = np.array([0.5, -1.0, 2.0])
    for args in ((), (0.5,), (0.5, 2.0), (None, 3.0), ([0.5], [[2.0]])):
        np.testing.assert_allclose(ours.logpdf(x, *args), theirs.logpdf(x, *args))
        np.testing.assert_allclose(ours.logpdf(0.3, *args), theirs.logpdf(0.3, *args))
    np.testing.assert_allclose(ours.logpdf(x, [1, 2, 3], [1.0, 2.0, 4.0]), theirs.logpdf(x, [1, 2, 3], [1.0, 2.0, 4.0]))
    a = np.array([[1.0, 0.5], [0.5, 2.0], [1.5, 2.5]])
    singular = a @ a.T
    np.testing.assert_allclose(
        ours.logpdf(a[:, 0], np.zeros(3), singular, True), theirs.logpdf(a[:, 0], np.zeros(3), singular, True)
    )
    small = np.diag([1.0, 1e-3, 0.0])  # for float32, SciPy's threshold is 1e3 times the rounding error
    np.testing.assert_allclose(
        ours.logpdf(np.float32([0.5, 0.1, 0.0]), cov=small.astype(np.float32), allow_singular=True),
        theirs.logpdf([0.5, 0.1, 0.0], cov=small, allow_singular=True),
        rtol=1e-5,
    )
    with pytest.raises(np.linalg.LinAlgError):
        ours.logpdf(x, cov=-np.eye(3))
    for args in ((x, np.zeros(2), np.eye(3)), (np.zeros(4), None, np.eye(3)), (x, None, np.ones((3, 2)))):
        assert message(ValueError, lambda args=args: ours.logpdf(*args)).startswith("stats.multivariate_normal")


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_vectors_that_no_distribution_has_are_nan_and_those_outside_of_the_support_have_no_density():
    dirichlet, multinomial = tg.stats.dirichlet.logpdf, tg.stats.multinomial.logpmf
    x = np.array([0.2, 0.3, 0.5])
    assert np.isnan(dirichlet(x, [1.0, 2.0, 0.0]))
    assert np.isnan(dirichlet(x, [1.0, 2.0, -1.0]))
    value, gradient = tg.value_and_grad(dirichlet)(np.array([-0.1, 0.6, 0.5]), np.array([1.0, 2.0, 1.0]))
    assert value == -np.inf
    assert not gradient.any()
    assert dirichlet([0.0, 0.5, 0.5], [1.0, 1.0, 1.0]) == pytest.approx(np.log(2))
    assert isinstance(dirichlet(x, [1.0, 2.0, 3.0]), np.float64)  # a number of NumPy, as SciPy's
    for p in ([-0.1, 1.1], [np.nan, 0.5]):
        assert np.isnan(multinomial([0, 3], 3, p))
    assert multinomial([1.5, 1.5], 3, [0.5, 0.5]) == multinomial([-1, 4], 3, [0.5, 0.5]) == -np.inf
    for cov in (-np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]])):
        assert np.isnan(tg.stats.multivariate_normal.logpdf([1.0, 1.0], None, cov, allow_singular=True))


@given(st.data())
def test_dirichlet_multinomial_and_categorical(data):
    k = data.draw(st.integers(2, 4))
    p, alpha = (data.draw(arrays(shape=(k,), low=0.2, high=3.0)) for _ in range(2))
    p = p / p.sum()
    columns = np.stack([p, p[::-1]], axis=1)
    for x in (p, p[:-1], columns):
        np.testing.assert_allclose(tg.stats.dirichlet.logpdf(x, alpha), stats.dirichlet.logpdf(x, alpha), rtol=1e-9)
        np.testing.assert_allclose(tg.stats.dirichlet.pdf(x, alpha), stats.dirichlet.pdf(x, alpha), rtol=1e-9)
        tg.check_grad(tg.stats.dirichlet.logpdf, x, alpha)
    counts = np.random.default_rng(0).multinomial(7, p, size=3)
    np.testing.assert_allclose(tg.stats.multinomial.logpmf(counts, 7, p), stats.multinomial.logpmf(counts, 7, p))
    assert np.all(tg.stats.multinomial.pmf(counts, 8, p) == 0)
    tg.check_grad(lambda p: tg.stats.multinomial.logpmf(counts, 7, p), p)
    of_few_digits = tg.stats.multinomial.logpmf(counts.astype(np.float16), 7, p)
    np.testing.assert_array_equal(of_few_digits, tg.stats.multinomial.logpmf(counts, 7, p))
    classes = np.array([0, k - 1, 1])
    np.testing.assert_allclose(tg.stats.categorical.logpmf(classes, p), np.log(p[classes]))
    np.testing.assert_allclose(tg.stats.categorical.pmf(classes[:2], columns.T), [p[0], p[0]])
    tg.check_grad(lambda p: tg.stats.categorical.logpmf(classes, p), p)
    np.testing.assert_allclose(
        tg.stats.categorical.logpmf(classes, logits=np.log(p) + 3), np.log(p[classes]), rtol=1e-9
    )
    tg.check_grad(lambda z: tg.stats.categorical.logpmf(classes, logits=z), p)
    assert "p, or logits=" in message(TypeError, lambda: tg.stats.categorical.logpmf(classes))


def test_errors_name_the_distribution_and_its_parameters():
    assert "stats.gamma: the parameters after the first argument are (a, loc=0.0, scale=1.0)" in message(
        TypeError, lambda: tg.stats.gamma.logpdf(1.0)
    )
    for call in (
        lambda: tg.stats.norm.logpdf(1.0, 0.0, 1.0, 2.0),
        lambda: tg.stats.norm.logpdf(1.0, 0.0, loc=1.0),
        lambda: tg.stats.norm.logpdf(1.0, sigma=1.0),
    ):
        assert "(loc=0.0, scale=1.0)" in message(TypeError, call)
    assert "classes have numbers from 0" in message(ValueError, lambda: tg.stats.categorical.logpmf(2, [0.5, 0.5]))
    assert "integers, not float64" in message(TypeError, lambda: tg.stats.categorical.logpmf(0.5, [0.5, 0.5]))
    assert "alpha has shape (3,)" in message(ValueError, lambda: tg.stats.dirichlet.logpdf([0.5], [1.0, 1.0, 1.0]))
    assert "only its log-density" in message(NotImplementedError, lambda: tg.stats.geom.cdf(1, 0.5))
    assert "closed form" in message(TypeError, lambda: tg.grad(special.jv)(1.0, 2.0))
    assert repr(tg.stats.norm) == "tinygrad_edu.stats.norm"


def test_jit_records_log_densities():
    x = np.random.default_rng(0).uniform(0.2, 0.8, 5)

    def loss(a, b):
        s = tg.stats
        y = s.norm.logpdf(x, a, b) + s.t.logpdf(x, a, b) + s.gamma.logpdf(x, a, scale=b) + s.beta.logpdf(x, a, b)
        return np.sum(y + s.poisson.logpmf(np.arange(5), a) + s.norm.logcdf(x, a)) + s.dirichlet.logpdf(
            [0.2, 0.8], np.stack([a, b])
        )

    recorded = tg.jit(tg.grad(loss, (0, 1)))
    for a, b in ((0.5, 2.0), (1.5, 0.7), (0.9, 1.1)):
        np.testing.assert_allclose(recorded(a, b), tg.grad(loss, (0, 1))(a, b), rtol=1e-12)
    normal = lambda c: tg.stats.multivariate_normal.logpdf(x, x[::-1], c @ c.T + np.eye(5))
    recorded = tg.jit(tg.grad(normal))
    for c in np.random.default_rng(1).normal(size=(3, 5, 5)):
        np.testing.assert_allclose(recorded(c), tg.grad(normal)(c), rtol=1e-12)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_float32_stays_float32(name):
    limits, low, high = CONTINUOUS[name]
    distribution, x = getattr(tg.stats, name), np.float32([0.7 * low + 0.3 * high])
    for parameters in ([1.5] * len(limits), [np.float32([1.5])] * len(limits)):
        for f in ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf"):
            y = getattr(distribution, f)(tg.Tensor(x), *parameters)
            assert y.dtype == np.float32
            expected = getattr(distribution, f)(x.astype(float), *[1.5] * len(limits))
            np.testing.assert_allclose(y.data, expected, rtol=1e-4, atol=1e-6)


def test_numbers_lists_and_values_are_taken():
    assert tg.stats.norm.logpdf(3) == stats.norm.logpdf(3)
    np.testing.assert_allclose(tg.stats.gamma.logpdf([1, 2], [2, 3]), stats.gamma.logpdf([1, 2], [2, 3]))
    np.testing.assert_allclose(tg.stats.poisson.logpmf([1, 2], 3), stats.poisson.logpmf([1, 2], 3))
    v = tg.Value(0.5)
    tg.stats.norm.logpdf(v).backward()
    assert v.grad == -0.5
