"""Shaping: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message
from numpy.lib.stride_tricks import sliding_window_view

import tinygrad_edu as tg
from tinygrad_edu.engine.rules import activations

REFLECTED = ["edge", "reflect", "symmetric", "wrap"]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.transpose(x, (1, 2, 0)),
        lambda x: np.transpose(x, (0, -1, 1)),
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.moveaxis(x, (0, 1), (1, -1)),
        lambda x: np.swapaxes(x, 0, -1),
        lambda x: np.reshape(x, (4, 6), order="F"),
        lambda x: np.ravel(x, order="F"),
        lambda x: np.squeeze(x[:, None, :1], axis=1),
        lambda x: np.expand_dims(x, (0, 2)),
        lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)),
        lambda x: np.broadcast_to(x, x.shape, subok=True),
        lambda x: np.copy(x, order="F", subok=True),
        lambda x: np.permute_dims(x, (2, 0, 1)),
        lambda x: np.matrix_transpose(x) * np.linalg.matrix_transpose(x),
        lambda x: np.rollaxis(x, 2),
        lambda x: np.rollaxis(x, 0, 3),
        lambda x: np.rollaxis(x, -2, -1),
        lambda x: np.resize(x, (5, 7)),
        lambda x: np.resize(x, 5),
        lambda x: np.flip(x),
        lambda x: np.flip(x, axis=(0, -1)),
        lambda x: np.fliplr(x) * np.flipud(x),
        lambda x: np.roll(x, 5),
        lambda x: np.roll(x, (1, -2), axis=(0, -1)),
        lambda x: np.roll(x, (1, 2), axis=1),
        lambda x: np.roll(x, 1, axis=(0, 1, 2)),
        lambda x: np.rot90(x),
        lambda x: np.rot90(x, k=3, axes=(2, 0)),
        lambda x: np.tile(x, 2),
        lambda x: np.tile(x, (2, 3, 1, 2)),
        lambda x: np.tile(x, np.array([3, 1])),
        lambda x: np.tile(x[0, 0, 0], (2, 2)),
        lambda x: np.repeat(x, 3),
        lambda x: np.repeat(x, 3, axis=1),
        lambda x: np.repeat(x, [2], axis=-1),
        lambda x: np.repeat(x, [2, 0, 1], axis=-2),
        lambda x: np.repeat(x[0, 0], np.array([1, 2, 0, 3])),
        lambda x: np.repeat(x[0, 0, 0], 2, axis=0),
        lambda x: np.triu(x, 1) + np.tril(x, -1),
        lambda x: np.triu(x[0, 0]),
        lambda x: np.diag(x[0, 0], -2),
        lambda x: np.diag(x[0], 1),
        lambda x: np.diag(x[0], k=-2),
        lambda x: np.diagflat(x[0], 1),
        lambda x: np.diagonal(x),
        lambda x: np.diagonal(x, offset=1, axis1=2, axis2=0),
        lambda x: np.diagonal(x, -1, axis2=2),
        lambda x: np.diagonal(x, 9),
        lambda x: np.linalg.diagonal(x, offset=-2),
        lambda x: sliding_window_view(x, (2, 3), axis=(0, -1)),
        lambda x: sliding_window_view(x, (2, 2), axis=(1, 1)),
        lambda x: sliding_window_view(x, window_shape=(1, 2, 3), subok=True),
        lambda x: np.pad(x, 1),
        lambda x: np.pad(x, (1, 2), constant_values=(3, 4)),
        lambda x: np.pad(x, ((1,), (0,), (2,))),
        lambda x: np.pad(x, [[0, 2]]),
        lambda x: np.pad(x, np.array([3])),
        lambda x: np.pad(x[0, 0, 0], 4),
        lambda x: np.pad(x, ((1, 0), (0, 2), (3, 1)), mode="constant", constant_values=((1, 2), (3, 4), (5, 6))),
        lambda x: np.prod(x[0, 0], axis=-1),
        lambda x: np.cumsum(x),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x),
        lambda x: np.cumprod(x, axis=-2),
        lambda x: activations.softmax(x, axis=1),
        lambda x: activations.log_softmax(x, axis=1),
        activations.softmax,
        activations.log_softmax,
    ],
)
def test_arrangements_and_scans_of_three_axes(f):
    check(f, X)


@pytest.mark.parametrize("mode", REFLECTED)
@pytest.mark.parametrize("width", [2, (1, 0), ((1, 2), (0, 0), (3, 1)), 9])
def test_pad_copies_elements_in_every_mode_and_adds_their_gradients_up(mode, width):
    check(lambda x: np.pad(x, width, mode), X)
    check(lambda x: np.pad(x[:, :1], width, mode=mode), X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.ravel(x.T, order="A"),
        lambda x: np.ravel(x.T[1:, ::2], order="A"),
        lambda x: np.ravel(x.T, order="K"),
        lambda x: np.ravel(np.swapaxes(x, 0, 1)[:, ::-1], order="K"),
        lambda x: np.reshape(x.T, (6, 4), order="A"),
        lambda x: np.reshape(x.T[1:], (6, 3), order="A"),
        lambda x: np.reshape(x.T, (6, 4), order="F"),
        lambda x: x.T.ravel(order="K"),
    ],
)
def test_orders_of_the_memory_are_those_in_which_the_argument_lies(f):
    check(f, X)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="came with NumPy 2.1")
@pytest.mark.parametrize("copy", [None, True])
def test_reshape_takes_its_copy_keyword(copy):
    check(lambda x: np.reshape(x, (6, 4), copy=copy), X)


def test_resize_of_nothing_is_zeros_that_come_from_nowhere():
    x = tg.Tensor(np.zeros((2, 0)))
    y = np.resize(x, (2, 3))
    np.testing.assert_array_equal(y.data, np.zeros((2, 3)))
    y.sum().backward()
    assert x.grad.shape == (2, 0)


@pytest.mark.parametrize("fun", [np.atleast_1d, np.atleast_2d, np.atleast_3d])
def test_at_least_gives_one_for_one_and_a_tuple_for_several(fun):
    for x in [X[0, 0, 0], X[0, 0], X[0], X, np.stack([X, X])]:
        check(fun, np.asarray(x))
    several = fun(tg.Tensor(X[0, 0]), [[1.0, 2.0]], 3.0)
    assert type(several) is tuple
    for y, expected in zip(several, fun(X[0, 0], [[1.0, 2.0]], 3.0), strict=True):
        assert y.shape == expected.shape
    assert isinstance(several[0], tg.Tensor)


def test_broadcast_arrays_gives_a_tuple_and_takes_lists_and_numbers():
    ys = np.broadcast_arrays(tg.Tensor(X[:, :1]), 2.0, [[1.0], [2.0], [3.0]], subok=False)
    assert type(ys) is tuple
    assert [y.shape for y in ys] == [(2, 3, 4)] * 3
    check(lambda x: np.multiply(*np.broadcast_arrays(x[0], x[1, 0])), X)
    text = message(ValueError, lambda: np.broadcast_arrays(tg.Tensor(X), [1.0, 2.0, 3.0]))
    assert "(2, 3, 4)" in text
    assert "(3,)" in text


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_meshgrid_is_numpys_for_any_number_of_axes(indexing, sparse, n):
    arrays = [X[0, 0], X[0, 1, :2], X[1, 0, :3]][:n]
    options = {"indexing": indexing, "sparse": sparse, "copy": False}
    ys, expected = np.meshgrid(tg.Tensor(arrays[0]), *arrays[1:], **options), np.meshgrid(*arrays, **options)
    assert type(ys) is tuple
    for y, e in zip(ys, expected, strict=True):
        np.testing.assert_array_equal(y.data if isinstance(y, tg.Tensor) else y, e)
    check(lambda *xs: sum(i * y for i, y in enumerate(np.meshgrid(*xs, **options), 1)), *arrays)


def test_meshgrid_knows_two_indexings():
    assert "'xy' or 'ij'" in message(ValueError, lambda: np.meshgrid(tg.Tensor(X[0, 0]), [1.0], indexing="yx"))


def test_copies_are_in_float32_where_their_tensor_is():
    x = tg.Tensor(X, dtype=np.float32)
    for y in [np.tile(x, 2), np.pad(x, 1), np.pad(x, 1, "wrap"), np.repeat(x, [1, 2], axis=0), np.resize(x, 50)]:
        assert y.dtype == np.float32
        x.zero_grad()
        y.sum().backward()
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": lambda *args: None}, ["mode=<function", "np.concatenate"]),
        ({"constant_values": tg.Tensor(1.0)}, [".data", ".detach()"]),
    ],
)
def test_pad_names_the_mode_that_it_has_no_rule_for(options, words):
    text = message(TypeError, lambda: np.pad(tg.Tensor(X), 1, **options))
    for word in words:
        assert word in text


def test_pads_options_belong_to_their_modes():
    x = tg.Tensor(X)
    assert "constant_values" in message(ValueError, lambda: np.pad(x, 1, "edge", constant_values=2))
    np.testing.assert_array_equal(np.pad(x, 2, "reflect", reflect_type="even").data, np.pad(X, 2, "reflect"))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.diag(x), ["np.diag", "(2, 3, 4)", "1- or 2-d"]),
        (lambda x: np.repeat(x, [1, 2], axis=1), ["np.repeat", "(2, 3, 4)"]),
        (lambda x: np.reshape(x, (5, 5)), ["np.reshape", "(2, 3, 4)", "(5, 5)"]),
        (lambda x: sliding_window_view(x, 9, axis=1), ["sliding_window_view", "larger"]),
        (lambda x: np.pad(x, -1), ["(2, 3, 4)", "negative"]),
        (lambda x: np.rot90(x, axes=(1, 1)), ["np.rot90", "different"]),
        (lambda x: np.resize(x, (-1, 2)), ["np.resize", "non-negative"]),
    ],
)
def test_mistakes_are_named_with_function_and_shapes(f, words):
    text = message(ValueError, lambda: f(tg.Tensor(X)))
    for word in words:
        assert word in text


def test_what_needs_no_gradient_is_plain():
    x, y = tg.Tensor(X[0, :, :3]), tg.Tensor(X[0, :, :3], dtype=np.float32)
    for fun in [np.diag_indices_from, np.tril_indices_from, np.triu_indices_from]:
        for i, j in zip(fun(x), fun(x.data), strict=True):
            assert type(i) is np.ndarray
            np.testing.assert_array_equal(i, j)
    np.testing.assert_array_equal(x[np.triu_indices_from(x, k=1)].data, x.data[[0, 0, 1], [1, 2, 2]])
    assert np.result_type(x, y) == np.min_scalar_type(x) == np.float64
    assert np.common_type(y) is np.float32
    assert np.can_cast(y, np.float64) is True
    assert not np.can_cast(x, np.int64)
    assert np.shares_memory(x, x[1:]) is True
    assert np.may_share_memory(x, y) is False


@pytest.mark.parametrize(
    ("f", "remedy"),
    [
        (lambda x: np.fill_diagonal(x, 1), "y[np.diag_indices(n)] = value"),
        (lambda x: np.ix_(x[0]), "x.data.astype(int)"),
        (lambda x: np.unravel_index(x[0], (9, 9)), "x.data.astype(int)"),
        (lambda x: np.ravel_multi_index((x[0], x[1]), (9, 9)), "x.data.astype(int)"),
    ],
)
def test_what_writes_or_indexes_is_refused_with_the_remedy(f, remedy):
    assert remedy in message(TypeError, lambda: f(tg.Tensor(X[0])))


@pytest.mark.skipif(not hasattr(np, "astype"), reason="came with NumPy 2.1")
def test_astype_is_the_method_as_a_function():
    x = tg.Tensor(X)
    y = np.astype(x, np.float32, copy=False)
    y.sum().backward()
    assert x.astype(np.float32, copy=False).dtype == np.float32
    assert (y.dtype, x.grad.dtype) == (np.float32, np.float64)
    assert type(np.astype(x, np.int64)) is np.ndarray


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("constant", {}), ("linear_ramp", {}), ("linear_ramp", {"end_values": 2.0}),
        ("linear_ramp", {"end_values": ((1.0, 2.0), (3.0, 4.0))}),
        ("maximum", {}), ("minimum", {"stat_length": 2}), ("mean", {}), ("mean", {"stat_length": ((1, 2), (3, 1))}),
        ("median", {}), ("median", {"stat_length": 3}), ("reflect", {"reflect_type": "odd"}),
        ("symmetric", {"reflect_type": "odd"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("width", [0, 1, (1, 2), ((2, 0), (1, 2)), {-1: (1, 2)}])
def test_padding_that_is_computed(mode, options, width):
    x = np.random.default_rng(0).permutation(12).reshape(3, 4) / 5 + 1
    if isinstance(width, dict):
        try:
            np.pad(x, width)
        except TypeError:
            pytest.skip("dicts of widths came with NumPy 2.3")
    check(lambda x: np.pad(x, width, mode, **options), x)
    tg.check_grad(lambda x: np.sin(np.pad(x, width, mode, **options)), x)


def test_the_gradient_of_padding_with_constants_pads_nothing(monkeypatch):
    x = tg.Tensor(X)
    y = np.pad(x, ((1, 0), (0, 2), (3, 1)))
    monkeypatch.setattr(np, "pad", None)
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(x.grad, np.ones(x.shape))


def test_padding_that_is_refused_says_why():
    x = tg.Tensor(np.ones(3))
    assert "wider padding takes several calls" in message(
        ValueError, lambda: np.pad(x, 5, "reflect", reflect_type="odd")
    )
    assert "np.concatenate" in message(TypeError, lambda: np.pad(x, 1, lambda *a: None))
