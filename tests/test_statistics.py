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
    assert ".data" in message(TypeError, lambda: np.cov(M, tg.Tensor(M), aweights=tg.Tensor(np.ones(5))))


def test_correlations_do_not_leave_minus_one_to_one():
    x = np.random.default_rng(0).uniform(-1, 1, (20, 50))
    assert abs(np.corrcoef(tg.Tensor(x), tg.Tensor(-3 * x)).data).max() == 1


def test_a_perfect_correlation_has_a_curvature():
    x = np.array([1.0, 2.0, 4.0])
    tg.check_grad(lambda x, y: np.corrcoef(x, y)[0, 1], x, 2 * x)


def test_a_weight_of_zero_leaves_an_observation_out_of_a_covariance():
    x, weights = X[0], np.array([0.0, 1.0, 2.0, 1.0])
    check(lambda x: np.cov(x, aweights=weights), x)
