"""Statistics: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg


def test_an_average_is_differentiable_by_its_weights_too():
    w = np.random.default_rng(1).uniform(1, 2, (4, 2))
    check(lambda x, w: np.average(x, axis=(2, 0), weights=w), X, w)
    check(lambda x, w: np.average(x, axis=-1, weights=w[:, 0], keepdims=True), X, w)
    check(lambda x: np.average(x, weights=x * x), X)
    check(lambda w: np.average([[1, 2], [3, 4], [5, 7], [0, 1]], weights=w), w)
    check(lambda x: np.average(x[0], axis=0, weights=[1, 2, 3]), X)
    check(lambda x: np.average(a=x, axis=1), X)


def test_an_average_gives_the_sum_of_its_weights_when_asked():
    x, w = tg.Tensor(X), tg.Tensor([1.0, 2.0, 3.0, 4.0])
    mean, total = np.average(x, axis=2, weights=w, returned=True)
    assert mean.shape == total.shape == (2, 3)
    assert (total.data == 10).all()
    total.sum().backward()
    assert w.grad.tolist() == [6, 6, 6, 6]
    mean, total = np.average(x, axis=(0, 1), returned=True)
    assert total.tolist() == [6, 6, 6, 6]
    assert np.average(x, returned=True)[1] == 24


def test_an_average_refuses_weights_that_do_not_fit():
    x = tg.Tensor(X)
    assert "(3,)" in message(ValueError, lambda: np.average(x, axis=0, weights=np.ones(3)))
    assert "axis=None" in message(TypeError, lambda: np.average(x, weights=np.ones(4)))
    assert "np.average" in message(ZeroDivisionError, lambda: np.average(x, axis=2, weights=[1, -1, 1, -1]))


M = np.random.default_rng(2).uniform(-1, 1, (3, 5))


@pytest.mark.parametrize(
    "kwargs",
    [
        {}, {"bias": True}, {"ddof": 2}, {"fweights": [1, 2, 0, 1, 3]}, {"aweights": [0.5, 1, 0.2, 2, 0.1]},
        {"fweights": [1, 2, 0, 1, 3], "aweights": [0.5, 1, 0.2, 2, 0.1], "ddof": 2},
        {"fweights": [1, 2, 0, 1, 3], "bias": True},
    ],
)  # fmt: skip
def test_covariances_with_every_keyword(kwargs):
    check(lambda m: np.cov(m, **kwargs), M)
    check(lambda m: np.cov(m.T, rowvar=False, **kwargs), M)
    check(lambda m, y: np.cov(m, y, **kwargs), M, M[0] ** 2)
    check(lambda m: np.cov(m[1], **kwargs), M)
    check(lambda y: np.cov([[1, 2, 3, 4, 6]], y=y, **kwargs), M)


@pytest.mark.parametrize("fun", [np.cov, np.corrcoef])
def test_variables_lie_along_rows_or_columns(fun):
    check(lambda m, y: fun(m.T, y[None], rowvar=False), M, M[0] ** 2)
    check(lambda m, y: fun(m[:1], y), M, M[0] ** 2)
    check(lambda m: fun(m.T, m.T, rowvar=False), M)
    check(lambda m: fun(m[0], m[1], False), M)
    assert fun(tg.Tensor(np.zeros((0, 3)))).shape == (0, 0)
    assert "(2, 3, 4)" in message(ValueError, lambda: fun(tg.Tensor(X)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_covariances_of_too_few_observations_are_numpys():
    for m in (np.ones((2, 1)), np.ones((2, 0)), np.array([[1.0, 2.0], [3.0, 5.0]])):
        np.testing.assert_array_equal(np.cov(tg.Tensor(m), ddof=2).data, np.cov(m, ddof=2))
    np.testing.assert_array_equal(np.corrcoef(tg.Tensor(M * [[1], [0], [1]])).data[1], [np.nan] * 3)


def test_covariances_refuse_weights_that_do_not_fit():
    for bad in (
        {"aweights": np.ones(4)}, {"aweights": [1, 2, -0.1, 1, 1]},
        {"fweights": [1, 2, -1, 1, 1]}, {"fweights": [1, 0.5, 1, 1, 1]},
    ):  # fmt: skip
        assert "5 observations" in message(ValueError, lambda bad=bad: np.cov(tg.Tensor(M), **bad))


def test_correlations_do_not_leave_minus_one_to_one():
    x = np.random.default_rng(0).uniform(-1, 1, (20, 50))
    assert abs(np.corrcoef(tg.Tensor(x), tg.Tensor(-3 * x)).data).max() == 1


@pytest.mark.parametrize(
    ("dtype", "scale"), [("f2", 300), ("f2", 1e-4), ("f4", 1e20), ("f4", 1e-30), ("c8", 1e20), ("c8", 1e-30)]
)
def test_correlations_of_small_floats_keep_their_digits_where_squares_leave_the_range(dtype, scale):
    m = (scale * np.array([[0.0, 1, 2, 3, 5], [4.0, 1, 2, 0, 3]])).astype(dtype)
    f = lambda m, *y: np.sum(abs(np.corrcoef(m, *y)) ** 2)
    for y in ((), (m[0] - m[1],)):
        r = np.corrcoef(tg.Tensor(m), *y)
        assert r.dtype == dtype
        np.testing.assert_allclose(r.data, np.corrcoef(m, *y), rtol=2e-3 if dtype == "f2" else 1e-6)
    wide = m.astype(np.result_type(dtype, float))
    g, expected = tg.grad(f)(m), tg.grad(f)(wide)
    assert g.dtype == dtype
    np.testing.assert_allclose(g, expected, rtol=2e-3, atol=2e-3 * abs(expected).max())


def test_covariances_of_many_small_floats_have_a_gradient():
    x = np.random.default_rng(0).uniform(1, 2, 100_000).astype(np.float16)
    y = np.cov(tg.Tensor(x), aweights=np.ones(len(x)))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.data, np.cov(x), rtol=1e-3)
    expected = 2 * (x - np.mean(x, dtype=float)) / (len(x) - 1)
    np.testing.assert_allclose(tg.grad(np.cov)(x), expected, rtol=1e-2, atol=1e-7)


def test_a_perfect_correlation_has_a_curvature():
    x = np.array([1.0, 2.0, 4.0])
    tg.check_grad(lambda x, y: np.corrcoef(x, y)[0, 1], x, 2 * x)


def test_a_weight_of_zero_leaves_an_observation_out_of_a_covariance():
    x, weights = X[0], np.array([0.0, 1.0, 2.0, 1.0])
    check(lambda x: np.cov(x, aweights=weights), x)


CONTINUOUS = ["linear", "hazen", "weibull", "median_unbiased", "normal_unbiased", "interpolated_inverted_cdf"]


@pytest.mark.parametrize("method", CONTINUOUS)
@pytest.mark.parametrize("axis", [None, 0, -1, (1, 0)])
@pytest.mark.parametrize(
    "fun", [np.quantile, np.percentile, np.nanquantile, np.nanpercentile], ids=lambda f: f.__name__
)
def test_quantiles_have_a_gradient_by_q(fun, axis, method):
    x = np.random.default_rng(0).permutation(8).reshape(2, 4) / 3.1
    factor = 100 if "percentile" in fun.__name__ else 1
    points = np.array(0.31), np.array([0.23, 0.77])

    def each(x, *qs):
        keep = CONTINUOUS.index(method) % 2 == 1  # a number keeps the axes, or an array does
        return [
            fun(x, factor * q, axis=axis, method=method, keepdims=keepdims)
            for q, keepdims in zip(qs, (keep, not keep), strict=True)
        ]

    for y, expected in zip(each(tg.Tensor(x), *map(tg.Tensor, points)), each(x, *points), strict=True):
        np.testing.assert_allclose(y.data, expected, rtol=1e-12, strict=True)
    tg.check_grad(lambda *args: list(map(np.sin, each(*args))), x, *points, atol=1e-5)
    with pytest.raises(TypeError, match="is constant between jumps"):
        fun(x, tg.Tensor(0.3), method="nearest")


def test_a_quantile_passes_over_nan_by_q_too():
    x = np.array([[1.0, np.nan, 3.0, 7.0], [2.0, 5.0, np.nan, np.nan]])
    f = lambda q: np.nanquantile(x, q, axis=1)
    np.testing.assert_allclose(f(tg.Tensor(0.3)).data, f(0.3))
    tg.check_grad(f, 0.3)
    assert np.isnan(np.quantile(x, tg.Tensor(0.3), axis=1).data).all()


def test_covariances_have_a_gradient_by_their_weights():
    rng = np.random.default_rng(0)
    x, w, f = rng.normal(size=(3, 5)), rng.uniform(1, 2, 5), np.array([1.0, 2, 1, 3, 1])
    tg.check_grad(lambda x, w: np.cov(x, aweights=w), x, w)
    tg.check_grad(lambda x, w: np.cov(x, aweights=w, fweights=f.astype(int), ddof=0), x, w)
    tg.check_grad(lambda w: np.cov(np.arange(10).reshape(2, 5), aweights=w), w)
    np.testing.assert_allclose(np.cov(x, fweights=tg.Tensor(f)).data, np.cov(x, fweights=f.astype(int)))
    np.testing.assert_allclose(np.cov(x, aweights=tg.Tensor(w)).data, np.cov(x, aweights=w))


@pytest.mark.parametrize(
    "options", [{}, {"bins": 3}, {"bins": [-1.0, 0.0, 4.0]}, {"range": (0, 2)}, {"density": True}, {"bins": "sqrt"}]
)
def test_a_histogram_has_a_gradient_by_its_weights(options):
    rng = np.random.default_rng(0)
    a, w = rng.normal(size=(4, 5)), rng.uniform(1, 2, (4, 5))
    if options.get("bins") == "sqrt":
        options = {"bins": np.histogram_bin_edges(a, "sqrt")}
    sums, edges = np.histogram(a, weights=tg.Tensor(w), **options)
    expected = np.histogram(a, weights=w, **options)
    np.testing.assert_allclose(sums.data, expected[0])
    np.testing.assert_array_equal(edges, expected[1])
    tg.check_grad(lambda w: np.histogram(a, weights=w, **options)[0], w)
    with pytest.raises(TypeError, match="counts have no gradient"):
        np.histogram(tg.Tensor(a))


@pytest.mark.parametrize("fun", [np.var, np.std, np.nanvar, np.nanstd], ids=lambda f: f.__name__)
def test_spreads_about_a_mean_that_is_given(fun):
    x = np.random.default_rng(0).normal(size=(3, 4))
    where = x > -0.5
    for options in ({}, {"axis": 1}, {"axis": 0, "ddof": 1}, {"axis": (0, 1), "keepdims": True}, {"where": where}):
        axis, mask = options.get("axis"), options.get("where", True)
        mean = lambda x, axis=axis, mask=mask: np.mean(x, axis=axis, keepdims=True, where=mask)
        f = lambda x, m, options=options: fun(x, mean=m, **options)
        np.testing.assert_allclose(f(tg.Tensor(x), mean(tg.Tensor(x))).data, f(x, mean(x)))
        tg.check_grad(f, x, mean(x))
        tg.check_grad(lambda x, f=f, mean=mean: f(x, mean(x)), x)
        np.testing.assert_allclose(
            tg.grad(lambda x, f=f, mean=mean: np.sum(f(x, mean(x))))(x),
            tg.grad(lambda x, options=options: np.sum(fun(x, **options)))(x), atol=1e-14,
        )  # fmt: skip
    at_mean = lambda x: np.sum(fun(x, mean=np.mean(x, keepdims=True)))
    assert tg.grad(at_mean)(np.full(2, 3.0)).tolist() == [0, 0]
    for dtype in (np.float16, np.float32, np.complex64):
        x = np.array([1, 2, 4], dtype)
        for options in ({}, {"axis": ()}, {"where": x != 2}):
            got = fun(tg.Tensor(x), mean=np.mean(x), **options)
            assert got.dtype == fun(x, mean=np.mean(x), **options).dtype
    assert fun(tg.Tensor([1.0], dtype=np.float16), mean=np.zeros(1)).dtype == float


@pytest.mark.parametrize("fun", [np.var, np.std], ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [[1, 2, 4], np.array([1, 2, 4]), np.array([True, False, True])])
def test_spreads_about_means_that_take_gradients_or_have_more_axes(fun, x):
    where = np.array([True, False, True])
    for options in ({}, {"where": where}):
        expected = fun(x, mean=np.ones(1), **options)
        np.testing.assert_allclose(fun(x, mean=tg.Tensor([1.0]), **options).data, expected)
    rows, means = np.arange(4.0)[None], np.arange(3.0)[:, None]
    np.testing.assert_allclose(fun(tg.Tensor(rows), mean=means, axis=1).data, fun(rows, mean=means, axis=1))


@pytest.mark.parametrize("fun", [np.var, np.std], ids=lambda f: f.__name__)
def test_a_spread_is_real_also_where_its_dtype_is_complex(fun):
    x, z = np.array([1 + 1j, 2 - 0.5j, 0.3]), tg.Tensor([1 + 1j, 2 - 0.5j, 0.3])
    fun(z, dtype=complex).backward(1 + 5j)
    np.testing.assert_allclose(z.grad, tg.grad(fun)(x))
