"""Joining and splitting: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.dot(x, [1.0, 2.0, 3.0, 4.0]),
        lambda x: np.dot([[1.0, 2.0]], x[:, 0]),
        lambda x: np.dot(2.0, x),
        lambda x: np.dot(x, x[0, 0, 0]),
        lambda x: np.concatenate([x[0, 0], [1.0, 2.0], x[0, 0]]),
        lambda x: np.concatenate([x, x[0, 0], [[5.0]]], axis=None),
        lambda x: np.concatenate([x[:1], x, x[:1] ** 2], axis=-3),
        lambda x: np.stack([x, x * x]),
        lambda x: np.stack([x[0], np.ones((3, 4)), x[1]], axis=-1),
        lambda x: np.stack([x[0, 0, 0], 2.0]),
        lambda x: np.vstack([x[0], x[0, 0], [1.0, 2.0, 3.0, 4.0]]),
        lambda x: np.vstack([x, x]),
        lambda x: np.hstack([x[0, 0, 0], 2.0, x[0, 0]]),
        lambda x: np.hstack([x[0], x[1, :, :2]]),
        lambda x: np.concat([x, x**2], axis=1),
        lambda x: np.dstack([x[0], [[1.0, 2.0, 3.0, 4.0]] * 3, x[1]]),
        lambda x: np.dstack([x[0, 0], x[0, 1]]),
        lambda x: np.dstack([x, x[:, :, :1]]),
        lambda x: np.dstack([2.0, x[0, 0, 0]]),
        lambda x: np.column_stack([x[0, :, 0], [1.0, 2.0, 3.0], x[1]]),
        lambda x: np.column_stack([x[0, 0, 0], 2.0]),
        lambda x: np.column_stack([x, x[:, :1]]),
        lambda x: np.block([[x[0], np.ones((3, 1))], [np.zeros((1, 4)), 7.0]]),
        lambda x: np.block([[np.zeros((3, 3)), x[0]], [x[1].T, np.zeros((4, 4))]]),
        lambda x: np.block([x[0, 0, 0], 1.0, x[0, 0]]),
        lambda x: np.block([[x[0, 0]], [x[0, 1]]]),
        lambda x: np.block([[[[x]]], [[[x]]]]),
        lambda x: np.append(x, 3.0),
        lambda x: np.append([1.0, 2.0], x[0]),
        lambda x: np.append(x, [[[1.0, 2.0, 3.0, 4.0]]] * 2, axis=1),
        lambda x: np.append(x, values=x[:, :, :2], axis=-1),
        lambda x: np.insert(x, 1, 5.0),
        lambda x: np.insert(x, 1, x[0, 0, 0], axis=1),
        lambda x: np.insert(x, -1, x[:, :, 0], axis=2),
        lambda x: np.insert(x[0], 1, x[1, 0], axis=0),
        lambda x: np.insert(x[0], [1], x[1], axis=0),
        lambda x: np.insert(x[0], [2, 0, 2], x[1, :, :3], axis=1),
        lambda x: np.insert(x[0], [2, 0, 2], x[1, :, :1], axis=-1),
        lambda x: np.insert(x[0], slice(0, 3, 2), x[1, :2], axis=0),
        lambda x: np.insert(x[0, 0], [1, 2], x[1, :1, :2]),
        lambda x: np.insert(x[0, 0], [], []),
        lambda x: np.insert([1.5, 2.5], obj=1, values=x[0, 0]),
        lambda x: np.insert(x[0, 0, 0], 0, x[1, 0]),
        lambda x: np.delete(x, 1),
        lambda x: np.delete(x, [0, -1, 0], axis=1),
        lambda x: np.delete(x, slice(None, None, 2), axis=-1),
        lambda x: np.delete(x[0, 0], np.array([True, False, True, False])),
        lambda x: np.delete(x, [], axis=0),
    ],
)
def test_products_and_joins_take_numbers_lists_and_arrays_among_tensors(f):
    check(f, X)


SPLITS = [
    (np.split, (2,), {}),
    (np.split, (np.int64(2),), {"axis": -1}),
    (np.split, ([1, 3],), {"axis": -1}),
    (np.split, (np.array([1]),), {"axis": 1}),
    (np.split, ([3, 1, -1, 9],), {"axis": 2}),
    (np.split, ([],), {}),
    (np.array_split, (3,), {"axis": -1}),
    (np.array_split, (5,), {"axis": 1}),
    (np.hsplit, (3,), {}),
    (np.vsplit, ([1],), {}),
    (np.dsplit, (2,), {}),
]
if hasattr(np, "unstack"):
    SPLITS += [(np.unstack, (), {}), (np.unstack, (), {"axis": -1})]


@pytest.mark.parametrize(("fun", "args", "options"), SPLITS)
def test_splits_give_numpys_containers_and_parts(fun, args, options):
    parts, expected = fun(tg.Tensor(X), *args, **options), fun(X, *args, **options)
    assert type(parts) is type(expected)
    for part, e in zip(parts, expected, strict=True):
        assert isinstance(part, tg.Tensor)
        np.testing.assert_array_equal(part.data, e, strict=True)
    check(lambda x: sum(i * np.sum(part**2) for i, part in enumerate(fun(x, *args, **options), 1)), X)


@pytest.mark.parametrize("bounds", [np.arange(1, 100, dtype=np.uint8), [None] * 40], ids=["uint8", "None"])
def test_many_bounds_are_of_any_kind_that_numpy_takes(bounds):
    x = np.arange(300.0)
    for part, e in zip(np.split(tg.Tensor(x), bounds), np.split(x, bounds), strict=True):
        np.testing.assert_array_equal(part.data, e)


def test_hsplit_of_a_vector_splits_its_only_axis():
    for part, e in zip(np.hsplit(tg.Tensor(X[0, 0]), 2), np.hsplit(X[0, 0], 2), strict=True):
        np.testing.assert_array_equal(part.data, e)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.split(x, 5, axis=1), ["np.split", "axis 1 of length 3", "5 equal parts", "np.array_split"]),
        (lambda x: np.dsplit(x, 3), ["np.dsplit", "axis 2 of length 4", "np.array_split"]),
        (lambda x: np.split(x, 0), ["np.split", "0 equal parts", "1 or more"]),
        (lambda x: np.array_split(x, -1), ["np.array_split", "1 or more"]),
        (lambda x: np.split(x, 2, axis=3), ["np.split", "axis 3 is out of bounds"]),
        (lambda x: np.hsplit(x[0, 0, 0], 1), ["np.hsplit", "dimension 0"]),
        (lambda x: np.vsplit(x[0, 0], 2), ["np.vsplit", "dimension 1"]),
        (lambda x: np.dsplit(x[0], 2), ["np.dsplit", "dimension 2"]),
        (lambda x: np.block([[x], x]), ["np.block", "[1, 2] lists deep"]),
        (lambda x: np.insert(x, [1, 2], [1.0, 2.0, 3.0]), ["np.insert", "(2, 3, 4)", "(3,)"]),
        (lambda x: np.append(x, [1.0], axis=1), ["np.append", "(2, 3, 4)", "[1.0]"]),
    ],
)
def test_mistakes_are_named_with_function_and_shapes(f, words):
    text = message(ValueError, lambda: f(tg.Tensor(X)))
    for word in words:
        assert word in text


@pytest.mark.parametrize("fun", [lambda x: np.delete(x, 9, axis=1), lambda x: np.insert(x, 9, 0.0, axis=1)])
def test_an_index_beyond_the_end_is_named_with_the_shape(fun):
    text = message(IndexError, lambda: fun(tg.Tensor(X)))
    assert "(2, 3, 4)" in text
    assert "index 9 is out of bounds for axis 1 with size 3" in text


def test_blocks_are_in_lists_which_hold_something():
    x = tg.Tensor(X)
    assert "np.block: (1, 2)" in message(TypeError, lambda: np.block([x, (1, 2)]))
    assert "np.block: []" in message(TypeError, lambda: np.block([[x], []]))


@pytest.mark.parametrize("join", [np.concatenate, np.stack, np.vstack, np.hstack])
@pytest.mark.parametrize("option", [{"dtype": np.float32}, {"casting": "safe"}])
def test_joins_refuse_the_keywords_that_convert(join, option):
    assert f"np.{join.__name__}(..., {next(iter(option))}=...)" in message(
        TypeError, lambda: join([tg.Tensor(X), X], **option)
    )


def test_an_insertion_is_of_its_arrays_dtype_and_so_is_each_gradient():
    x, v = tg.Tensor(X[0, 0], dtype=np.float32), tg.Tensor([1.0, 2.0])
    y = np.insert(x, 1, v)
    y.backward(np.arange(6.0))
    assert (y.dtype, x.grad.dtype, v.grad.dtype) == (np.float32, np.float32, np.float64)
    np.testing.assert_array_equal(v.grad, [1, 2])
    np.testing.assert_array_equal(x.grad, [0, 3, 4, 5])


def test_only_arrays_of_one_shape_are_stacked():
    a, b = tg.Tensor(np.ones((2, 3))), np.ones((2, 4))
    assert "np.stack: arrays of one shape make a stack, and these have (2, 3), (2, 4)" in message(
        ValueError, lambda: np.stack([a, b, b])
    )
    assert np.stack([a, a]).shape == (2, 2, 3)


@pytest.mark.parametrize(
    "join",
    [
        lambda parts: np.concatenate([p.reshape(1, 2) for p in parts], axis=-1),
        lambda parts: np.concatenate(parts, axis=None),
        lambda parts: np.stack(parts, axis=1), np.hstack, np.vstack, np.dstack, np.column_stack,
    ],
)  # fmt: skip
def test_a_thousand_parts_are_joined_as_few_are_and_each_gets_its_slice(join):
    x = np.random.default_rng(0).normal(size=(1000, 2))
    parts = [tg.Tensor(row) if i % 3 else row for i, row in enumerate(x)]
    y = join(parts)
    expected = join(list(x))
    np.testing.assert_array_equal(y.data, expected)
    y.backward(expected)
    for part, row in zip(parts, x, strict=True):
        if isinstance(part, tg.Tensor):
            np.testing.assert_array_equal(part.grad, row)
    assert max(len(t.args) for t in toposort(y)) < 300  # a rule is called once for each argument, with all arguments


CONCATENATORS = {
    "one": lambda x: np.r_[x],
    "several, numbers and slices": lambda x: np.r_[x, 1.0, 2:4, x * 2, 0:1:3j],
    "a number without axes": lambda x: np.r_[5, x.sum(), np.int32(3)],
    "columns": lambda x: np.c_[x, x, np.ones(3)],
    "a matrix and a column": lambda x: np.c_[x[:, None] * np.ones((3, 2)), x],
    "a directive": lambda x: np.r_["0,2", x, np.ones(3)],
    "a directive for the place of new axes": lambda x: np.r_["1,3,0", x, x[:, None] * 2],
    "another axis": lambda x: np.r_["-1", x[None], x[None] ** 2],
}


@pytest.mark.parametrize("f", CONCATENATORS.values(), ids=CONCATENATORS)
def test_r_and_c_join_tensors_as_they_join_arrays(f):
    x = np.array([1.0, 2.0, 3.0])
    y = f(tg.Tensor(x))
    assert isinstance(y, tg.Tensor)
    assert y.dtype == f(x).dtype
    np.testing.assert_array_equal(y.data, f(x))
    tg.check_grad(f, x)
    np.testing.assert_array_equal(tg.vmap(f)(np.stack([x, x * 3])), np.stack([f(x), f(x * 3)]))
    recorded = tg.jit(tg.grad(lambda x: np.sum(f(x) ** 2)))
    for scale in (1.0, 1.0, 3.0):
        np.testing.assert_allclose(recorded(x * scale), tg.grad(lambda x: np.sum(f(x) ** 2))(x * scale))


def test_r_gives_each_item_a_gradient_in_its_own_dtype():
    a, b, c = tg.Tensor([1.0], dtype=np.float32), tg.Tensor([2.0, 3.0]), np.ones(1)
    y = np.r_[a, b, c, 4.0]
    np.sum(y * np.arange(1.0, 6.0)).backward()
    assert (y.dtype, a.grad.dtype, b.grad.dtype) == (np.float64, np.float32, np.float64)
    np.testing.assert_array_equal(np.r_[a.grad, b.grad], [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"np.stack\(\[...\]\) makes one of a list"):
        np.r_[[b[0], 1.0], b]
