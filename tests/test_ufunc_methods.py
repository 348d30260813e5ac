"""The methods of ufuncs, `reduce`, `accumulate`, `reduceat`, and their keyword `where`: values and derivatives."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from checks import gradient, message
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, distinct, shapes

import tinygrad_edu as tg

BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp,
    np.logaddexp2, np.hypot, np.arctan2,
]  # fmt: skip
EVERY = pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)


def reduce(ufunc, x, axis, keepdims=True):
    """As ufunc.reduce; NumPy's own of plain arrays is wrong for arctan2 on processors with AVX-512 (numpy 2.4)."""
    if ufunc is not np.arctan2 or isinstance(x, tg.Tensor):
        return ufunc.reduce(x, axis=axis, keepdims=keepdims)
    last = np.take(ufunc.accumulate(x, axis), [-1], axis)
    return last if keepdims else last.squeeze(axis)


def reduceat(ufunc, x, indices, axis):
    if ufunc is not np.arctan2 or isinstance(x, tg.Tensor):
        return ufunc.reduceat(x, indices, axis)
    stops = [max(stop, start + 1) for start, stop in pairwise([*indices, x.shape[axis]])]
    parts = [np.take(x, np.arange(*pair), axis) for pair in zip(indices, stops, strict=True)]
    return np.concatenate([reduce(ufunc, part, axis) for part in parts], axis)


def check(f, x):
    np.testing.assert_allclose(f(tg.Tensor(x)).data, f(x), rtol=1e-12, atol=1e-13)
    tg.check_grad(lambda x: np.sum(np.sin(f(x))), x)


@EVERY
@given(data=st.data())
def test_reductions_scans_and_slices(ufunc, data):
    x = data.draw(distinct(shape=shapes(min_dims=1, min_side=1)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    x = np.where(abs(x) < 0.05, 0.3, x)
    keep = data.draw(st.booleans())
    indices = data.draw(st.lists(st.integers(0, x.shape[axis] - 1), min_size=1, max_size=4))

    def each(x):
        return [
            reduce(ufunc, x, axis, keep), ufunc.accumulate(x, axis),
            reduceat(ufunc, x, indices, axis), reduceat(ufunc, x, np.array(indices), axis),
        ]  # fmt: skip

    for y, expected in zip(each(tg.Tensor(x)), each(x), strict=True):
        np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-13)
    tg.check_grad(lambda x: [np.sin(y) for y in each(x)], x)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.fmin, np.logaddexp, np.logaddexp2, np.hypot])
@pytest.mark.parametrize("axis", [None, 0, (0, 2), (-1, 1)])
def test_reductions_over_several_axes_with_where_and_initial(ufunc, axis):
    x = np.random.default_rng(0).permutation(24).reshape(2, 3, 4) / 30 + 0.5
    mask = x % 0.3 > 0.1
    check(lambda x: ufunc.reduce(x, axis=axis), x)
    check(lambda x: ufunc.reduce(x, axis=axis, initial=0.25, where=mask, keepdims=True), x)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.logaddexp, np.logaddexp2, np.hypot])
def test_a_reduction_of_no_elements_is_the_identity(ufunc):
    x = np.ones((0, 3))
    np.testing.assert_array_equal(ufunc.reduce(tg.Tensor(x)).data, ufunc.reduce(x))


def test_a_running_maximum_shares_its_ties_equally():
    x = np.array([1.0, 2.0, 2.0, 0.0, 2.0, 3.0])
    third, half = 1 / 3, 1 / 2
    expected = [1, 1 + half + half + third, half + half + third, 0, third, 1]
    np.testing.assert_allclose(gradient(np.maximum.accumulate, x), expected)
    np.testing.assert_allclose(gradient(np.minimum.accumulate, -x), expected)


def test_running_logarithms_of_sums_are_exact_far_out():
    x = np.array([-1000.0, 0.0, 1000.0, 1000.0, -np.inf])
    np.testing.assert_allclose(gradient(np.logaddexp.accumulate, x), [1, 1, 2, 1, 0])


UNARY = [np.sin, np.exp, np.sqrt, np.square, np.absolute, np.tanh]


@pytest.mark.parametrize("f", UNARY, ids=lambda f: f.__name__)
@given(x=arrays(shape=(2, 3), low=0.2), mask=st.lists(st.booleans(), min_size=3, max_size=3))
def test_a_ufunc_with_where_computes_and_differentiates_where_it_is_true(f, x, mask):
    x = np.where(mask, x, -np.inf)  # which no function must see
    y = f(tg.Tensor(x), where=mask)
    np.testing.assert_array_equal(y.data[:, mask], f(x[:, mask]))
    np.testing.assert_array_equal(y.data[:, ~np.array(mask)], 0)
    expected = np.zeros(x.shape)
    expected[:, mask] = tg.grad(lambda x: np.sum(f(x)))(x[:, mask])
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(f(x, where=mask)))(x), expected)
    assert isinstance(f(tg.Tensor(abs(expected)), where=True), tg.Tensor)


def test_binary_ufuncs_with_where():
    a, b, mask = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0, 4.0]), np.array([True, False, True])
    for f in (np.add, np.divide, np.power, np.maximum):
        y = f(a, tg.Tensor(b), where=mask)
        np.testing.assert_array_equal(y.data[mask], f(a, b)[mask] if f is not np.divide else a[mask] / b[mask])
        np.testing.assert_array_equal(f(tg.Tensor(a), b, where=mask).data[mask], y.data[mask])
        assert tg.grad(lambda b, f=f: np.sum(f(a, b, where=mask)))(b)[1] == 0


def test_errors_name_the_method():
    x = tg.Tensor([[1.0, 2.0]])
    assert "np.subtract.reduce(..., where=...)" in message(ValueError, lambda: np.subtract.reduce(x, where=x > 1))
    assert "indices go from 0 to 1" in message(ValueError, lambda: np.add.reduceat(x, [2], axis=1))
    assert "np.add.at has no rule" in message(TypeError, lambda: np.add.at(x, [0], 1.0))
    assert "np.hypot.reduce has no rule" in message(TypeError, lambda: np.hypot.reduce(x, out=np.zeros(2)))


@pytest.mark.parametrize(("method", "args"), [("reduce", ()), ("accumulate", ()), ("reduceat", ([0, 3],))])
def test_the_methods_compute_in_a_dtype_that_is_given(method, args):
    x = np.linspace(1, 2, 6)
    y = getattr(np.hypot, method)(tg.Tensor(x), *args, dtype=np.float32)
    expected = getattr(np.hypot, method)(x, *args, dtype=np.float32)
    assert y.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(y.data, expected, rtol=1e-6)


def test_what_is_accumulated_of_nothing_is_nothing():
    assert np.hypot.accumulate(tg.Tensor(np.zeros((2, 0))), axis=1).shape == (2, 0)


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax, np.fmin, np.add, np.multiply])
def test_arguments_that_say_what_numpy_does_without_them_are_taken_by_position(ufunc):
    x = np.array([[1.0, 4.0], [3.0, 2.0]])
    for args in ((0, None), (1, None, None), (0, None, None, True)):
        y = ufunc.reduce(tg.Tensor(x), *args)
        np.testing.assert_array_equal(y.data, ufunc.reduce(x, *args))
    np.testing.assert_array_equal(ufunc.accumulate(tg.Tensor(x), 1, None).data, ufunc.accumulate(x, 1, None))


INDICES = [
    [0, 2, 2, 1], ([0, 0, 3], [1, 1, 0]), slice(1, 3), (slice(None), [0, 0]), [True, False, True, True], 2, ..., (),
    [[0, 0], [1, 1]],
]  # fmt: skip


def added(ufunc, y, index, v):
    ufunc.at(y, index, v)
    return y


@pytest.mark.parametrize("ufunc", [np.add, np.subtract], ids=lambda f: f.__name__)
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_at_adds_to_a_result_and_to_a_constant_as_often_as_the_index_names_an_element(ufunc, index):
    close = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-15)
    y = np.cos(np.arange(12.0)).reshape(4, 3)
    v = np.asarray(y[index] + 0.5)
    into_result = lambda y, v: added(ufunc, y * 1, index, v)
    into_constant = lambda v: added(ufunc, tg.Tensor(y, requires_grad=False), index, v)
    expected = into_result(y, v)
    close(into_result(tg.Tensor(y), v).data, expected)
    close(into_constant(tg.Tensor(v)).data, expected)
    tg.check_grad(lambda y, v: np.sin(into_result(y, v)), y, v)
    tg.check_grad(lambda v: np.sin(into_constant(v)), v)
    close(tg.jvp(into_constant, [v], [v])[1], into_result(0 * y, v))
    many = np.stack([v, v + 1])
    for batched in (tg.vmap(into_constant)(many), tg.vmap(into_result)(np.stack([y, y]), many)):
        close(batched, [expected, into_result(y, v + 1)])
    loss = lambda v: np.sum(into_constant(v) ** 2)
    step = tg.jit(tg.grad(loss))
    for w in many:
        close(step(w), tg.grad(loss)(w))


def test_at_takes_the_index_of_each_member_of_a_batch():
    y, v, index = np.arange(5.0), np.array([1.0, 2.0, 3.0]), np.array([[0, 1, 1], [4, 4, 4]])
    for f in (
        lambda i: added(np.add, tg.Tensor(y, requires_grad=False), i, v), lambda i: added(np.add, y + 0 * i[0], i, v),
    ):  # fmt: skip
        np.testing.assert_array_equal(tg.vmap(f)(index), [added(np.add, y + 0, i, v) for i in index])
    for refused in (lambda i: added(np.add, y, i, v), lambda i: np.maximum.at(y + 0 * i[0], i, v)):
        assert "pass fallback=True" in message(TypeError, lambda: tg.vmap(refused)(index))  # noqa: B023


def test_at_converts_what_it_adds_as_numpy_does():
    for v in (True, np.int8(100), np.full(3, 200, np.uint8), 0.1):
        expected = added(np.add, np.zeros(2, np.float32), [0, 0, 0], v)
        y = added(np.add, tg.Tensor(np.zeros(2, np.float32)) * 1, [0, 0, 0], v)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y.data, expected)


def test_at_shows_the_shapes_of_an_index_and_of_values_that_do_not_fit():
    for v in (np.ones(3), [1.0, 2.0, 3.0], tg.Tensor(np.ones(3))):
        for index, shape in (([0, 1], r"\(2,\)"), (0, r"\(\)"), (slice(1, 5), r"\(4,\)")):
            with pytest.raises(ValueError, match=rf"^np\.subtract\.at: values of shape \(3,\) .* {shape}"):
                np.subtract.at(tg.Tensor(np.ones(6)) * 1, index, v)


def test_at_writes_into_a_leaf_within_no_grad_alone():
    w = tg.Tensor([1.0, 2.0])
    with tg.no_grad():
        np.subtract.at(w, [1, 1], 0.5)
    assert w.data.tolist() == [1, 1]
    assert w.requires_grad
    for y in (w, np.zeros(2)):
        text = message(TypeError, lambda: np.add.at(y, [1], w[:1]))  # noqa: B023
        assert "y = tg.Tensor(array, requires_grad=False), or y = x.copy()" in text
    assert "x[i][j] = ..." in message(ValueError, lambda: np.add.at((w * np.ones((2, 1)))[0], [0], 1.0))
