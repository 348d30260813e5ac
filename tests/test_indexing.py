"""Indexing: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import indexing

A = X[0, 0, 0]
MASK = np.array([[True, False, True], [False, True, True]])


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [2, 2, 0]),
        (..., [1, 1], None),
        ([0, 0, 1], slice(1, None), [3, 3, 0]),
        (np.array([[0, 0], [1, 0]]), 1),
        (slice(None), np.array([True, False, True])),
        (1, np.int64(2)),
        (),
        ...,
        None,
        (np.newaxis, [1, 1, 0], None),
        -1,
        np.int8(-2),
        np.array(1),
        (1, ..., np.uint8(3)),
        slice(None, None, -1),
        (slice(None, None, 2), slice(-1, None, -2), slice(1, 1)),
        True,
        False,
        np.True_,
        np.array(True),
        (True, [1, 1]),
        [True, False],
        [[0, 1], [1, 1]],
        [],
        np.zeros((0, 2), int),
        range(2),
        ((0, 0), (1, 1)),
        ((0, 0), slice(None), range(2)),
        ((0, 0), 1, [[2], [2]]),
        (np.array([0, -2, 0], np.int8), np.array([2, 2, -1])),
        (slice(None), [[0, 0], [1, -3]], np.array([3, 3], np.uint64)),
        ([0, 0], slice(None), [1, 1]),
        (0, slice(None), [1, 1]),
        MASK,
        (MASK, 2),
        (MASK, slice(None, None, 2)),
        ([True, False], [0]),
        X > 1,
    ],
    ids=str,
)
def test_every_form_of_an_index_is_read_and_written_with_its_gradient(index):
    check(lambda x: x[index], X)
    v = X[index] + 1
    check(lambda x, v: indexing.setitem(x, index, v), X, v)
    check(lambda v: indexing.scatter(v, index, X.shape), v)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((7, 50), np.arange(-7, 93) % 14 - 7),
        ((7, 50), list(range(7)) * 9),
        ((7, 5, 10), np.arange(60).reshape(3, 20) % 7),
        ((5,), np.arange(2000).reshape(2, 1000) % 9 - 4),
        ((30, 40), (np.arange(50)[:, None] % 30, np.arange(60) % 79 - 39)),
        ((4, 5, 30), (1, tuple(range(5)) * 10)),
        ((4, 50, 30), (slice(None), np.arange(100) % 50)),
    ],
)
def test_many_numbers_are_added_just_as_add_at_adds_them(shape, index, dtype):
    """The faster method adds in the same order, so even the rounding is the same."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=np.empty(shape)[index].shape).astype(dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, index, v)
    for laid_out in (v, np.asfortranarray(v), np.broadcast_to(v, v.shape)):
        got = indexing.scatter(laid_out, index, shape)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected)


def test_a_table_of_many_rows_has_its_second_derivatives():
    rows = np.arange(600) % 7 - 3
    tg.check_grad(lambda x: np.sum(x[rows] ** 3, axis=0), np.linspace(-1, 1, 14).reshape(7, 2))


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: (0, t), lambda t: [t], lambda t: slice(t, None)])
@pytest.mark.parametrize("takes", [True, False])
def test_a_tensor_is_no_index(wrap, takes):
    x, i = tg.Tensor(X, label="x") * 1, tg.Tensor(1.0, requires_grad=takes)
    for text in (
        message((TypeError, IndexError), lambda: x[wrap(i)]),
        message((TypeError, IndexError), lambda: x.__setitem__(wrap(i), 0.0)),
    ):
        assert text.startswith(("Tensor of shape (2, 3, 4) [", "getitem: argument 1 takes no Tensor"))
    assert x[i.astype(int)].shape == (3, 4)


def test_wrong_indices_name_the_tensor_and_its_shape():
    x = tg.Tensor(X, label="x")
    assert "x of shape (2, 3, 4) [(0, 0, 0, 0)]: too many" in message(IndexError, lambda: x[0, 0, 0, 0])
    assert "np.take(x of shape (2, 3, 4), 2, axis=0): index 2 is out" in message(
        IndexError, lambda: np.take(x, 2, axis=0)
    )


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3, None])
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize(
    "indices", [1, [1, 0, 1], (0, 0), range(2), [[1, -2], [0, 1]], [True, False, True], np.int8(1)]
)
def test_take_along_every_axis_in_every_mode(axis, mode, indices):
    check(lambda x: np.take(x, indices, axis=axis, mode=mode), X)


def test_take_brings_in_what_is_outside_as_its_mode_says():
    outside = [-9, -5, 4, 7, 9]
    check(lambda x: np.take(x, outside, axis=2, mode="wrap"), X)
    check(lambda x: np.take(x, outside, axis=2, mode="clip"), X)
    x = tg.Tensor([1.0, 2.0, 3.0])
    np.take(a=x, indices=[-1, -4, 5], mode="clip").sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 0, 1])


def test_take_of_nothing_and_of_a_single_number():
    check(lambda x: np.take(x, np.zeros((0, 2), int), axis=1), X)
    check(lambda x: np.take(x, [0, -1, 0]), np.array(2.0))
    check(lambda x: np.take(x, [0, 0], axis=0), np.array(2.0))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
def test_take_along_axis_reads_an_element_as_often_as_it_is_named(axis):
    shape = (5,) if axis is None else tuple(5 if i == axis % 3 else n for i, n in enumerate(X.shape))
    indices = np.random.default_rng(0).integers(-2, 2, shape)
    check(lambda x: np.take_along_axis(x, indices, axis=axis), X)


def test_take_along_axis_broadcasts():
    check(lambda x: np.take_along_axis(x, np.array([[[3, 3, -1, 0, 1]]]), axis=-1), X)
    check(lambda x: np.take_along_axis(x[:, :1], np.array([[[1], [0], [1]], [[0], [0], [0]]]), axis=0), X)
    check(lambda x: np.take_along_axis(x, np.argsort(X, axis=1), 1), X)


def test_conditions_may_be_shorter_or_longer_numbers_and_tensors():
    check(lambda x: np.compress([False, True], x, axis=1), X)
    check(lambda x: np.compress([0, 2, 1, 0, 0], x, axis=-2), X)
    check(lambda x: np.compress(condition=[True, False, True], a=x), X)
    check(lambda x: np.compress([], x, axis=0), X)
    check(lambda x: np.extract([1, 0, 1], x), X)
    check(lambda x: np.extract(X > 1, x), X)
    x, condition = tg.Tensor([1.0, 2.0, 3.0]), tg.Tensor([0.0, 1.0, -1.0])
    for select in (np.compress, np.extract):
        y = select(condition, x)
        y.sum().backward()
        assert y.data.tolist() == [2.0, 3.0]
    np.testing.assert_array_equal(x.grad, [0, 2, 2])
    assert condition.grad is None


def test_select_takes_the_first_that_holds_of_tensors_arrays_lists_and_numbers():
    row = [1.0, 2.0, 3.0, 4.0]
    check(lambda x: np.select([X > 1.2, X > 0.8], [x * x, np.sin(x)], x), X)
    check(lambda x: np.select([X > 1.2, X > 0.8, X > 0.7], [7, x[0], row]), X)
    check(lambda x: np.select([True, X[0] > 1], [x[0, 0, 0], 2.0], default=row), X)
    check(lambda x: np.select([[True, False, False, True]], [x], -1.0), X)
    check(lambda x: indexing.select([X > 1.2, X > 0.8], x * x, np.sin(x), x), X)
    check(lambda x: np.select([X + i / 20 > 1.5 for i in range(20)], [x * i for i in range(19)] + [3], x[0] - 1), X)
    x = tg.Tensor(X, dtype=np.float32)
    y = np.select([X > 1.2, X > 0.8], [x, 0.5], 2.0)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.select([X > 9] * 9, [x] + [0.5] * 8, 2.0).dtype == np.float32
    np.testing.assert_array_equal(x.grad, X > 1.2)


def test_arguments_go_by_name_and_constants_stay_constants():
    check(lambda x: np.select(condlist=[X > 1], choicelist=[x], default=2.0), X)
    check(lambda x: np.choose(a=1, choices=x, mode="clip"), X)
    check(lambda x: np.take_along_axis(arr=x, indices=np.array([[[1]]]), axis=0), X)
    check(lambda x: np.extract(condition=X > 1, arr=x), X)
    check(lambda x: np.piecewise(x, condlist=[X > 1], funclist=[np.sin]), X)
    x = tg.Tensor(X, requires_grad=False)
    for y in (np.take(x, [0]), np.select([X > 1], [x]), np.choose(0, x), np.piecewise(x, [X > 1], [np.sin])):
        assert isinstance(y, tg.Tensor)
        assert not y.requires_grad


def test_selects_mistakes_are_named():
    x = tg.Tensor([1.0, 2.0])
    assert "2 conditions and 1 choices" in message(ValueError, lambda: np.select([x > 1, x > 2], [x]))
    assert "condition 1 holds float64, not booleans; compare" in message(
        TypeError, lambda: np.select([x > 1, x], [x, x])
    )
    assert f"condition 0 holds {np.dtype(int)}" in message(TypeError, lambda: np.select([[1, 0]], [x]))


def test_choose_from_a_list_a_tensor_and_numbers():
    a = np.array([[1], [0], [1]])
    check(lambda x: np.choose(a, x), X)
    check(lambda x: np.choose(a, [x[0], x[1, 0], 3.0, [1.0, 2.0, 3.0, 4.0]]), X)
    check(lambda x: np.choose(1, x), X)
    check(lambda x: np.choose([-5, 0, 9, 2], [x, 2 * x, x * x], mode="clip"), X)
    check(lambda x: np.choose([-5, 0, 9, 2], [x, 2 * x, x * x], mode="wrap"), X)
    x = tg.Tensor(X, dtype=np.float32)
    y = np.choose([0, 1, 0, 1], [x, 0.5])
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, np.broadcast_to([1, 0, 1, 0], X.shape))


def test_choose_refuses_what_numpy_does():
    x = tg.Tensor(X)
    for outside in (-1, 2):
        assert "invalid entry" in message(ValueError, lambda outside=outside: np.choose(outside, x))
    assert "Cannot cast" in message(TypeError, lambda: np.choose(x, [x, x]))
    assert "out=" in message(TypeError, lambda: np.choose(0, x, out=np.zeros((3, 4))))


def test_piecewise_functions_see_only_what_their_condition_holds_for():
    def checked(f, condition):
        def g(v):
            assert condition(v).all()
            return f(v)

        return g

    x = tg.Tensor([-1.0, 0.0, 0.5, 4.0])
    positive = checked(lambda v: np.sqrt(v) / v, lambda v: v > 0)
    y = np.piecewise(x, [x > 0], [positive, lambda v: v * v])
    y.sum().backward()
    np.testing.assert_allclose(y.data, [1, 0, 0.5**-0.5, 0.5])
    np.testing.assert_allclose(x.grad, [-2, 0, -0.5 * 0.5**-1.5, -0.5 * 4**-1.5])


def test_piecewise_calls_no_function_with_nothing():
    x = tg.Tensor([1.0, 2.0])
    assert np.piecewise(x, [x > 9, x <= 9], [np.max, np.min]).data.tolist() == [1, 1]


def test_piecewise_lets_the_last_condition_count():
    check(lambda x: np.piecewise(x, [X > 0.8, X > 1.0, X > 1.2], [np.sin, 2.0, np.exp, lambda v: v**3]), X)


def test_piecewise_takes_its_conditions_as_numpy_does():
    check(lambda x: np.piecewise(x, X[0, 0] > 1, [np.sin, np.cos]), X[0, 0])
    check(lambda x: np.piecewise(x, [[[True] * 4, [False] * 4, [True] * 4]] * 2, [np.sin, np.cos]), X[0])
    check(lambda x: np.piecewise(x, [True, False, True], [np.sin, np.cos]), X[0, 0, :3])
    check(lambda x: np.piecewise(x, [MASK], [np.sin, 1.0]), X)
    for at in (-0.7, 0.7):
        x = np.array(at)
        check(lambda x, at=at: np.piecewise(x, [at < 0, at >= 0], [np.sin, np.cos]), x)
        check(lambda x, at=at: np.piecewise(x, at < 0, [np.sin, np.cos]), x)


def test_piecewise_hands_its_functions_more_arguments_tensors_among_them():
    check(lambda x, a: np.piecewise(x, [X > 1], [lambda v, a, b: a * v + b, lambda v, a, b: a**b], a, 3.0), X, A)
    check(lambda x, a: np.piecewise(x, [X > 1], [lambda v: a * v, a]), X, A)


def test_piecewise_of_numbers_alone_is_a_tensor_whose_gradient_is_zero():
    x = tg.Tensor([-np.inf, 0.0, 2.0], dtype=np.float32)
    step = np.piecewise(x, [x < 0, x > 0], [-1, 1])
    step.sum().backward()
    assert step.dtype == np.float32
    assert step.data.tolist() == [-1, 0, 1]
    assert x.grad.tolist() == [0, 0, 0]


def test_piecewise_counts_its_functions():
    x = tg.Tensor([1.0])
    assert "1 conditions and 3 functions" in message(ValueError, lambda: np.piecewise(x, [x > 0], [1, 2, 3]))


@pytest.mark.parametrize(
    "write",
    [
        lambda x, a, i: np.put(x, i, a), lambda x, a, i: np.put(a, i, x),
        lambda x, a, i: np.put_along_axis(x, i, a, 0), lambda x, a, i: np.put_along_axis(a, i, x, 0),
        lambda x, a, i: np.place(x, i, a), lambda x, a, i: np.place(a, i, x),
        lambda x, a, i: np.putmask(x, i, a), lambda x, a, i: np.putmask(a, i, x),
        lambda x, a, i: np.copyto(x, a), lambda x, a, i: np.copyto(a, x),
    ],
)  # fmt: skip
def test_functions_that_write_in_place_are_refused_and_name_what_is_recorded(write):
    x, a = tg.Tensor([1.0, 2.0]), np.zeros(2)
    text = message(TypeError, lambda: write(x, a, np.array([1, 0])))
    assert "does not take Tensors: it writes into an array in place" in text
    assert "write y[index] = v" in text
    assert a.tolist() == [0, 0]
    assert x.data.tolist() == [1, 2]


FORMS = [
    0,
    1,
    ...,
    slice(0, 1),
    (0, slice(None)),
    [0, 1],
    (slice(None), [0, 2, 2]),
    ([0, 1], [2, 0]),
    (0, MASK[0]),
]


@pytest.mark.parametrize("index", FORMS, ids=str)
@pytest.mark.parametrize("extra", [1, 2])
def test_leading_axes_of_length_1_of_a_value_that_is_written_are_dropped_and_come_back(index, extra):
    x = X[..., 0]
    for v in (x[index], np.ones((1,) * np.ndim(x[index])), np.array(2.0)):
        v = np.reshape(v, (1,) * extra + np.shape(v))

        def written(x, v, index=index):
            y = x * 1.0
            y[index] = v
            return np.sin(y)

        check(written, x, v)
        tg.check_grad(written, x, v)


def test_flags_and_axes_may_be_tuples_in_functions_without_a_gradient():
    t = tg.Tensor(X)
    for f in (np.any, np.all, np.count_nonzero):
        np.testing.assert_array_equal(f(t > 1, axis=(0, 1)), f(X > 1, axis=(0, 1)))
        np.testing.assert_array_equal(f(t, axis=(0, 1)), f(X, axis=(0, 1)))
        np.testing.assert_array_equal(f(t, (2, 0)), f(X, (2, 0)))
    assert np.zeros_like(t, shape=(2, 5)).shape == (2, 5)
    np.testing.assert_array_equal(np.isclose(t, (1.0, 2.0, 3.0, 4.0)), np.isclose(X, (1.0, 2.0, 3.0, 4.0)))
