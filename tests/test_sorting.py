"""Sorting and order statistics: ties, NaN, all methods, and errors."""

import numpy as np
import pytest
from cases.sorting import METHODS
from checks import X, check, message

import tinygrad_edu as tg


def gradient(f, x, dtype=np.float64):
    t = tg.Tensor(x, dtype=dtype)
    y = f(t)
    assert y.dtype == dtype
    y.backward(np.arange(1, y.size + 1).reshape(y.shape))
    assert t.grad.dtype == dtype
    return t.grad.tolist()


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, -2, -3])
def test_numbers_are_rearranged_along_any_axis(axis):
    check(lambda x: np.sort(x, axis=axis), X)
    check(lambda x: np.sort(x, axis=axis, stable=True), X)
    check(lambda x: np.partition(x, 1, axis=axis), X)
    check(lambda x: np.partition(x, (0, -1), axis=axis, kind="introselect"), X)


def test_long_lines_are_partitioned_as_numpy_does_it():
    x = np.random.default_rng(0).permutation(1000) * 1.0
    y = np.partition(x, 300)
    assert gradient(lambda x: np.partition(x, 300), x) == [1 + int(np.flatnonzero(y == v)[0]) for v in x]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_numbers_keep_their_order_when_sorted(dtype):
    assert gradient(np.sort, [2.0, 1.0, 2.0, 1.0, 2.0], dtype) == [3, 1, 4, 2, 5]
    assert gradient(np.sort, [[np.nan, 1.0], [0.0, -0.0]], dtype) == [[2, 1], [3, 4]]
    many = gradient(np.sort, [1.0] * 50 + [0.0] * 50, dtype)
    assert many == [*range(51, 101), *range(1, 51)]
    x = np.random.default_rng(0).integers(0, 30, 1001).astype(dtype)
    parted = np.array(gradient(lambda x: np.partition(x, 500), x, dtype))
    for v in range(30):
        np.testing.assert_array_equal(parted[x == v], 1 + np.flatnonzero(np.partition(x, 500) == v))
    assert np.argmax(gradient(np.median, x, dtype)) == np.argsort(x, kind="stable")[500]


def test_sorting_and_medians_have_correct_second_derivatives():
    tg.check_grad(lambda x: np.sort(x, axis=0) ** 3 * np.median(x, axis=0), X[0])


def test_only_the_elements_in_the_middle_share_the_gradient():
    assert gradient(np.median, [1.0, 1.0, 1.0, 5.0, 5.0]) == [0, 0, 1, 0, 0]
    assert gradient(np.median, [1.0, 1.0, 1.0, 1.0]) == [0, 0.5, 0.5, 0]
    assert gradient(lambda x: np.quantile(x, 0.25), [7.0, 7.0, 7.0, 7.0]) == [0.25, 0.75, 0, 0]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -2, (0, 2), (-1, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    "fun",
    [
        np.median,
        np.nanmedian,
        lambda x, **kwargs: np.quantile(x, 0.3, **kwargs),
        lambda x, **kwargs: np.percentile(x, (10, 55, 55), **kwargs),
        lambda x, **kwargs: np.nanquantile(x, [0.3, 1.0], **kwargs),
        lambda x, **kwargs: np.nanpercentile(x, 80, **kwargs),
        lambda x, **kwargs: np.quantile(x, np.array([[0.1], [0.2], [0.9]]), **kwargs),
    ],
)
def test_medians_and_quantiles_of_three_axes_along_any_of_them(fun, axis, keepdims):
    check(lambda x: fun(x, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_quantiles(method):
    for n in range(1, 7):
        x = np.random.default_rng(n).permutation(n) * 1.5 + 1
        check(lambda x: np.quantile(x, [0, 0.1, 1 / 3, 0.5, 0.83, 1], method=method), x)
        check(lambda x: np.nanpercentile(np.concatenate([x, [np.nan]]), [10, 50], method=method), x)


def test_nan_functions_ignore_nan_along_each_line():
    x = [[1.0, np.nan, 3.0, np.nan], [4.0, 2.0, 7.0, np.nan], [1.0, 2.0, 4.0, 3.0]]
    expected = [[0.5, 0, 0.5, 0], [2, 0, 0, 0], [0, 1.5, 0, 1.5]]
    assert gradient(lambda x: np.nanmedian(x, axis=1), x) == expected
    assert gradient(lambda x: np.nanquantile(x, 0.5, axis=1), x) == expected
    assert gradient(lambda x: np.nanpercentile(x, [50.0], axis=1), x, np.float32) == expected


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
def test_a_statistic_that_is_nan_passes_on_nothing_where_all_is_nan():
    x = [[np.nan, np.nan], [1.0, 2.0]]
    assert gradient(lambda x: np.nanmedian(x, axis=1), x) == [[0, 0], [1, 1]]
    assert gradient(lambda x: np.nanquantile(x, [0.0], axis=1), x) == [[0, 0], [2, 0]]
    assert np.isnan(np.median(tg.Tensor(x)).data)


@pytest.mark.filterwarnings("ignore:(Mean of empty|invalid value):RuntimeWarning")
def test_empty_arrays_can_be_sorted():
    assert gradient(np.sort, []) == []
    assert gradient(lambda x: np.partition(x, 1, axis=1), np.zeros((0, 3))) == []
    assert gradient(lambda x: np.quantile(x, 0.5, axis=1), np.zeros((0, 3))) == []
    assert gradient(np.median, []) == []
    x = tg.Tensor(np.zeros((0, 3)))
    (g,) = tg.gradients(np.median(x * x, axis=1), [x], gradient=np.zeros(0), create_graph=True)
    assert g.shape == (0, 3)


def test_single_numbers_are_their_own_median():
    assert gradient(np.median, 3.0) == 1
    assert gradient(lambda x: np.quantile(x, [0.1, 0.9]), 3.0) == 3
    assert gradient(lambda x: np.sort(x, axis=None), 3.0) == 1


def test_infinities_do_not_spoil_a_median():
    assert gradient(np.median, [np.inf, 1.0, np.inf]) == [1, 0, 0]


def test_the_data_stays_even_if_it_might_be_overwritten():
    x = tg.Tensor([3.0, 1.0, 2.0])
    np.median(x, overwrite_input=True).backward()
    np.quantile(x, 0.5, None, None, True).backward()
    assert x.data.tolist() == [3, 1, 2]
    assert x.grad.tolist() == [0, 0, 2]


def test_q_may_be_a_constant_tensor():
    x = tg.Tensor(X)
    assert np.quantile(x, tg.Tensor(0.5, requires_grad=False)).data == np.quantile(X, 0.5)
    assert np.quantile([1, 2], tg.Tensor(0.5, requires_grad=False)) == 1.5


def test_quantiles_name_what_is_wrong():
    x = tg.Tensor(X)
    assert "'cubic'" in message(ValueError, lambda: np.quantile(x, 0.5, method="cubic"))
    assert "range [0, 1]" in message(ValueError, lambda: np.quantile(x, 1.5))
    assert "weights" in message(TypeError, lambda: np.quantile(x, 0.5, weights=X, method="inverted_cdf"))
    assert "2 axes" in message(ValueError, lambda: np.nanquantile(x, [[0.5]], axis=0))
    assert "np.sort" in message(ValueError, lambda: np.sort(x, axis=3))
    assert "np.partition" in message(ValueError, lambda: np.partition(x, 9))


@pytest.mark.parametrize("trim", ["f", "b", "fb", "B"])
def test_zeros_are_trimmed_from_the_ends(trim):
    check(lambda x: np.trim_zeros(np.concatenate([[0, 0], x[0, 0], [0], x[1, 0], [0]]), trim), X)
    assert np.trim_zeros(tg.Tensor([0.0, 0.0]), trim).shape == (0,)
    assert np.trim_zeros(tg.Tensor(np.zeros((2, 3))), trim).shape == (0, 0)


def test_zeros_are_not_trimmed_from_anywhere_else():
    assert "trim='x'" in message(ValueError, lambda: np.trim_zeros(tg.Tensor([0.0, 1.0]), "x"))


def test_weights_are_counted_with_their_gradients():
    check(lambda w: np.bincount([1, 0, 1, 5], w, 8), X[0, 0])
    check(lambda w: np.bincount((1, 0, 1, 1), weights=w), X[0, 0])
    assert gradient(lambda w: np.bincount([2, 2, 0], w), [5.0, 6.0, 7.0], np.float32) == [3, 3, 1]
    w = tg.Tensor([1.0, 2.0])
    assert "same length" in message(ValueError, lambda: np.bincount([1], w))
    assert "negative" in message(ValueError, lambda: np.bincount([1, -1], w))
    assert ".data" in message(TypeError, lambda: np.bincount(w))


def test_places_are_plain_integers_and_answers_plain_booleans():
    x = tg.Tensor([3.0, 0.0, 2.0])
    assert np.argsort(x).tolist() == [1, 2, 0]
    assert np.argpartition(x, 1).tolist() == np.argpartition(x.data, 1).tolist()
    assert np.searchsorted([1.0, 2.5], x).tolist() == [2, 0, 1]
    assert np.searchsorted(np.sort(x), 1.0) == 1
    assert np.digitize(x, tg.Tensor([1.0, 2.5])).tolist() == [2, 0, 1]
    assert [i.tolist() for i in np.nonzero(x)] == [[0, 2]]
    assert np.flatnonzero(x).tolist() == [0, 2]
    assert np.argwhere(x).tolist() == [[0], [2]]
    assert np.isin(x, [2, 3]).tolist() == [True, False, True]
    assert np.isin([2, 5], x).tolist() == [True, False]


@pytest.mark.parametrize(
    ("f", "remedy"),
    [
        (lambda x: np.lexsort((x, x)), "np.lexsort([key.data for key in keys])"),
        (np.unique, "np.unique(x.data, return_index=True)"),
        (np.unique_all, "np.unique(x.data, return_index=True)"),
        (np.unique_counts, "np.unique(x.data, return_index=True)"),
        (np.unique_inverse, "np.unique(x.data, return_index=True)"),
        (np.unique_values, "np.unique(x.data, return_index=True)"),
        (lambda x: np.intersect1d(x, x), "np.intersect1d(x.data, y.data, return_indices=True)"),
        (lambda x: np.union1d([1.0], x), "np.unique(both.data, return_index=True)"),
        (lambda x: np.setdiff1d(x, [1.0]), "x[~np.isin(x, y)]"),
        (lambda x: np.setxor1d(x, x), "x[~np.isin(x, y)]"),
        (lambda x: np.histogram2d(x, x), ".data"),
        (lambda x: np.histogramdd([x, x]), ".data"),
        (np.histogram_bin_edges, "np.linspace(np.min(x), np.max(x), n + 1)"),
        (np.sort_complex, "np.sort"),
    ],
)
def test_what_is_refused_says_what_to_do(f, remedy):
    error = message(TypeError, lambda: f(tg.Tensor([1.0, 3.0, 2.0])))
    assert "does not take Tensors" in error
    assert remedy in error


def test_the_remedies_work():
    x, y = tg.Tensor([3.0, 1.0, 3.0, 2.0]), tg.Tensor([2.0, 5.0])
    assert x[np.unique(x.data, return_index=True)[1]].tolist() == [1, 2, 3]
    assert x[~np.isin(x, y)].tolist() == [3, 1, 3]
    assert x[np.intersect1d(x.data, y.data, return_indices=True)[1]].tolist() == [2]
    both = np.concatenate([x, y])
    assert both[np.unique(both.data, return_index=True)[1]].tolist() == [1, 2, 3, 5]
    edges, w = np.array([0.0, 1.5, 2.5, 4.0]), tg.Tensor([1.0, 2.0, 3.0, 4.0])
    counted = np.bincount(np.digitize(x.data, edges[1:-1]), w)
    assert counted.tolist() == np.histogram(x.data, edges, weights=w.data)[0].tolist()
