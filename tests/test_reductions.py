"""Reductions: cases that random tests rarely reach, and errors."""

import warnings

import numpy as np
import pytest
from checks import X, check, gradient, message

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import activations, norms


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -2, (0, 2), (-1, 0), (2, 0, 1), ()])
@pytest.mark.parametrize(
    "fun",
    [
        np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.ptp, np.average,
        lambda x, **how: np.average(x, weights=x * x, **how), norms.euclidean_norm, activations.logsumexp,
    ],
)  # fmt: skip
def test_reductions_of_three_axes_along_any_of_them(fun, axis, keepdims):
    check(lambda x: fun(x, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("fun", [np.sum, np.mean, np.prod, np.cumsum, np.cumprod, np.max])
def test_the_gradient_of_nothing_is_nothing(fun):
    x = tg.Tensor(np.zeros((0, 3)))
    y = fun(x, axis=1)
    y.backward(np.zeros(y.shape))
    assert x.grad.shape == (0, 3)
    if fun not in (np.max, np.mean):  # an empty axis has no maximum and no mean
        check(lambda x: fun(x, axis=0), x.data)


EACH = np.sum(np.indices(X.shape), axis=0) % 3 > 0  # True somewhere in each line
ROWS = np.array([True, False, True])[:, None]


@pytest.mark.parametrize("where", [EACH, ROWS, True], ids=["each", "rows", "all"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
@pytest.mark.parametrize("fun", [np.sum, np.mean, np.prod, np.nansum, np.nanmean, np.nanprod])
def test_where_leaves_elements_out(fun, axis, where):
    if where is not ROWS or axis in (None, 1):
        check(lambda x: fun(x, axis=axis, where=where), X)


@pytest.mark.parametrize("fun", [np.var, np.std, np.nanvar, np.nanstd])
@pytest.mark.parametrize("kwargs", [{}, {"ddof": 1}, {"correction": 1}, {"axis": 1}, {"axis": (1, -1)}])
def test_variances_of_what_where_leaves(fun, kwargs):
    check(lambda x: fun(x, where=ROWS, **kwargs), X)


@pytest.mark.parametrize("fun", [np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin])
def test_extrema_of_what_where_leaves_and_a_first_number(fun):
    for initial in (0.2, 1.001, 2.0):
        check(lambda x, initial=initial: fun(x, axis=2, where=ROWS, initial=initial), X)
        check(lambda x, initial=initial: fun(x, axis=(0, 2), initial=initial, keepdims=True), X)


def test_a_first_number_counts_in_sums_and_products():
    check(lambda x: np.sum(x, axis=1, initial=3), X)
    check(lambda x: np.prod(x, axis=1, initial=3), X)
    check(lambda x: x.sum(where=EACH, initial=2.0) * x.prod(where=EACH), X)


def test_the_first_number_is_one_of_the_equal_largest():
    assert gradient(lambda x: np.max(x, initial=2), [1.0, 2.0, 2.0]) == [0, 1 / 3, 1 / 3]
    assert gradient(lambda x: np.max(x, initial=3), [1.0, 2.0, 2.0]) == [0, 0, 0]
    assert gradient(lambda x: np.min(x, initial=np.float64(0.1)), [0.1, 2.0], np.float32) == [0.5, 0]


def test_where_masks_an_infinity_without_a_nan():
    assert gradient(lambda x: np.prod(x, where=[True, False, True]), [2.0, np.inf, 3.0]) == [3, 0, 2]
    assert gradient(lambda x: np.sum(1 / x, where=[True, False]), [2.0, np.inf]) == [-0.25, 0]
    assert gradient(lambda x: np.var(x, where=[True, True, False]), [2.0, 0.0, np.nan]) == [1, -1, 0]


NUMBERS = [[1.0, np.nan, 3.0], [4.0, 2.0, np.nan]]


@pytest.mark.parametrize(
    ("fun", "expected"),
    [
        (np.nansum, [[1, 0, 1], [1, 1, 0]]),
        (np.nanmean, [[0.5, 0, 0.5], [0.5, 0.5, 0]]),
        (np.nanprod, [[3, 0, 1], [2, 4, 0]]),
        (np.nanmax, [[0, 0, 1], [1, 0, 0]]),
        (np.nanmin, [[1, 0, 0], [0, 1, 0]]),
        (np.nanvar, [[-1, 0, 1], [1, -1, 0]]),
        (np.nanstd, [[-0.5, 0, 0.5], [0.5, -0.5, 0]]),
    ],
)
def test_nan_is_passed_over_and_takes_no_gradient(fun, expected):
    for dtype in (np.float32, np.float64):
        assert gradient(lambda x: fun(x, axis=1), NUMBERS, dtype) == expected


@pytest.mark.filterwarnings("ignore:(Mean|Degrees|All-NaN|invalid):RuntimeWarning")
@pytest.mark.parametrize("fun", [np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.nanvar, np.nanstd])
def test_where_all_is_nan_there_is_no_gradient_and_nothing_happens_to_the_rest(fun):
    rows = [[np.nan, np.nan, np.nan], [1.0, 4.0, np.nan]]
    np.testing.assert_array_equal(fun(tg.Tensor(rows), axis=1).data, fun(rows, axis=1))
    assert gradient(lambda x: fun(x, axis=1), rows) == [[0, 0, 0], gradient(fun, rows[1])]


@pytest.mark.parametrize("fun", [np.nansum, np.nanprod])
def test_what_passes_over_nan_takes_nothing_and_single_numbers(fun):
    assert gradient(fun, []) == []
    assert gradient(fun, 3.0) == 1
    assert gradient(fun, np.nan) == 0


@pytest.mark.parametrize("f", [np.sum, np.cumsum, lambda v: v[:2], lambda v: v[0] * v[:3, None], lambda v: v[0] * X])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_a_function_applied_along_any_axis(f, axis):
    check(lambda x: np.apply_along_axis(f, axis, x), np.concatenate([X, X + 1]))


def test_a_function_applied_along_an_axis_takes_more_arguments_and_may_give_constants():
    check(lambda x: np.apply_along_axis(lambda v, a, b: a * v[b], 1, x, 3.0, -1), X)
    assert np.apply_along_axis(np.argmax, 1, tg.Tensor(X)).tolist() == X.argmax(1).tolist()
    empty = tg.Tensor(np.zeros((0, 3)))
    assert "(0, 3)" in message(ValueError, lambda: np.apply_along_axis(np.sum, 1, empty))


def test_functions_applied_over_axes():
    check(lambda x: np.apply_over_axes(np.sum, x, [0, -1]), X)
    check(lambda x: np.apply_over_axes(np.max, x, 1), X)
    assert "axis 3" in message(ValueError, lambda: np.apply_over_axes(np.sum, tg.Tensor(X), 3))


def test_constants_are_plain():
    x = tg.Tensor(NUMBERS)
    assert [f(x, axis=1).tolist() for f in (np.nanargmax, np.nanargmin)] == [[2, 0], [0, 1]]
    for fun in (np.argmax, np.argmin, np.all, np.any, np.count_nonzero):
        y = fun(tg.Tensor(X), axis=1)
        assert type(y) is np.ndarray
        assert y.tolist() == fun(X, axis=1).tolist()


def test_wrong_arguments_are_named():
    x = tg.Tensor(X)
    assert "simultaneously" in message(ValueError, lambda: np.var(x, ddof=1, correction=1))
    assert "np.sum(Tensor of shape (2, 3, 4)" in message(ValueError, lambda: np.sum(x, where=np.ones(5, bool)))
    assert "np.ptp" in message(TypeError, lambda: np.ptp(x, out=np.empty(())))


def test_an_initial_value_shares_with_the_numbers_beside_nan():
    x = tg.Tensor([1.0, np.nan, 2.0])
    np.nanmax(x, initial=2.0).backward()
    assert x.grad.tolist() == [0, 0, 0.5]


def test_a_standard_deviation_in_a_dtype_of_its_own_has_that_range():
    x = np.array([1.0, 3.0, 4.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usual = tg.grad(lambda x: np.std(x, dtype=np.float32))(x)
    np.testing.assert_allclose(usual, tg.grad(np.std)(x), rtol=1e-6)
    with np.errstate(under="ignore"):
        small = tg.grad(lambda x: np.std(x, dtype=np.float32))(x * 1e-25)  # the variance is 0 in float32
    np.testing.assert_allclose(small, usual, rtol=1e-6)
