import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu import Tensor
from tinygrad_edu.data import Standardizer, batches, train_valid_test_split


def rows(n):
    """X and y whose values tell their row."""
    return np.column_stack([np.arange(n), 10 * np.arange(n)]), np.arange(n) + 0.5


@given(n=st.integers(7, 60), seed=st.integers(0, 9), by=st.sampled_from(["random", "time"]))
def test_a_split_gives_every_row_once_and_keeps_rows_together(n, seed, by):
    parts = train_valid_test_split(*rows(n), by=by, rng=seed)
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert sorted(y) == list(rows(n)[1])
    np.testing.assert_array_equal(X, np.column_stack([y - 0.5, 10 * (y - 0.5)]))
    for (_, y_part), fraction in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert abs(len(y_part) - fraction * n) <= 1


def test_a_split_by_time_keeps_the_order_and_tests_on_the_last():
    (train,), (valid,), (test,) = train_valid_test_split(np.arange(1461), by="time")
    assert (train[0], train[-1], valid[0], valid[-1], test[0], test[-1]) == (0, 1022, 1023, 1241, 1242, 1460)
    np.testing.assert_array_equal(np.concatenate([train, valid, test]), np.arange(1461))


def test_a_random_split_is_shuffled_by_its_seed_alone():
    first, again, other = (train_valid_test_split(np.arange(100), rng=seed)[0][0] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert first.tolist() != sorted(first)


def test_a_fraction_of_zero_gives_an_empty_part():
    train, valid, test = train_valid_test_split(*rows(10), fractions=(0.8, 0, 0.2))
    assert [len(part[0]) for part in (train, valid, test)] == [8, 0, 2]


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((np.ones(3), np.ones((4, 2))), {}, r"differ in their number of rows: \(3,\), \(4, 2\)"),
        ((np.ones((0, 2)),), {}, r"there are no rows: \(0, 2\)"),
        ((), {}, "got none"),
        ((np.ones(9), 3.0), {}, r"a row for each example, got \(9,\), \(\)"),
        ((np.ones(9),), {"fractions": (0.5, 0.5)}, "three parts of 1"),
        ((np.ones(9),), {"fractions": (0.5, 0.4, 0.2)}, "three parts of 1"),
        ((np.ones(9),), {"fractions": (1.2, -0.2, 0)}, "three parts of 1"),
        ((np.ones(9),), {"by": "date"}, "by is 'random' or 'time', not 'date'"),
        ((np.ones(2),), {}, r"2 rows are too few to give a part of 0\.15 any"),
    ],
)
def test_splits_that_make_no_sense_are_refused(arguments, options, text):
    with pytest.raises(ValueError, match=f"train_valid_test_split.*{text}"):
        train_valid_test_split(*arguments, **options)


@given(n=st.integers(1, 30), size=st.integers(1, 35), seed=st.integers(0, 9), shuffle=st.booleans())
def test_batches_give_every_row_once_and_keep_rows_together(n, size, seed, shuffle):
    parts = list(batches(*rows(n), batch_size=size, rng=seed, shuffle=shuffle))
    assert [len(y) for _, y in parts] == [size] * (n // size) + [n % size] * (n % size > 0)
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert (sorted(y) if shuffle else list(y)) == list(rows(n)[1])
    np.testing.assert_array_equal(X, np.column_stack([y - 0.5, 10 * (y - 0.5)]))


def test_drop_last_leaves_out_what_fills_no_batch():
    assert [len(b) for (b,) in batches(np.arange(11), batch_size=4, drop_last=True)] == [4, 4]
    assert [len(b) for (b,) in batches(np.arange(4), batch_size=4, drop_last=True)] == [4]


def test_a_generator_draws_another_order_each_epoch_and_a_seed_the_same():
    def order(rng):
        return [b.tolist() for (b,) in batches(np.arange(20), batch_size=6, rng=rng)]

    generator = np.random.default_rng(3)
    first = order(generator)
    assert first != order(generator)
    assert first == order(np.random.default_rng(3)) == order(3)


def test_batches_complain_when_called_and_not_when_first_read():
    with pytest.raises(ValueError, match=r"batches: arrays differ in their number of rows: \(3,\), \(2,\)"):
        batches(np.ones(3), np.ones(2), batch_size=1)
    for size in (0, -1, 2.5, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"batch_size is a whole number from 1, not {size}"):
            batches(np.ones(3), batch_size=size)
    with pytest.raises(ValueError, match="batches of 4 from 3 rows leave nothing"):
        batches(np.ones(3), batch_size=4, drop_last=True)


TABLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 3)),
    elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3)),
)


@given(x=TABLES)
def test_standardised_columns_have_mean_0_and_deviation_1_and_come_back(x):
    standardizer = Standardizer().fit(x)
    z = standardizer.transform(x)
    constant = (x == x[0]).all(axis=0)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), np.where(constant, 0, 1), atol=1e-9)
    np.testing.assert_allclose(standardizer.inverse_transform(z), x, atol=1e-9)


def test_new_data_is_standardised_by_the_figures_of_the_old():
    standardizer = Standardizer().fit([[0.0, 10], [2.0, 30]])
    assert standardizer.mean.tolist() == [1, 20]
    assert standardizer.scale.tolist() == [1, 10]
    assert standardizer.transform([[5, 20]]).tolist() == [[4, 0]]


@pytest.mark.parametrize("value", [0.1, 1e9 / 3, -7.3e-5])
def test_a_constant_column_has_scale_1_and_becomes_0(value):
    standardizer = Standardizer().fit(np.full((10, 1), value))
    assert standardizer.scale.tolist() == [1]
    assert not standardizer.transform(np.full((3, 1), value)).any()


def test_a_plain_column_of_numbers_works_too():
    standardizer = Standardizer().fit([1, 2, 3])
    assert standardizer.transform([2, 2]).tolist() == [0, 0]
    assert standardizer.inverse_transform(np.zeros(2)).tolist() == [2, 2]


def test_float32_stays_float32():
    x = np.array([[1, 5], [2, 5]], np.float32)
    standardizer = Standardizer().fit(x)
    z = standardizer.transform(x)
    assert z.dtype == standardizer.inverse_transform(z).dtype == np.float32


def test_standardizer_refuses_gaps_text_other_widths_and_use_before_fit():
    x = np.array([[1, 2], [3, np.nan], [5, np.inf]])
    with pytest.raises(ValueError, match=r"Standardizer\.fit: 2 values are NaN or infinite, in columns \[1\]"):
        Standardizer().fit(x)
    with pytest.raises(TypeError, match="numbers are needed, not an array of dtype <U1"):
        Standardizer().fit([["a"], ["b"]])
    with pytest.raises(ValueError, match="there are no rows"):
        Standardizer().fit(np.ones((0, 3)))
    with pytest.raises(TypeError, match="takes gradients"):
        Standardizer().fit(Tensor([[1.0]]))
    for method in ("transform", "inverse_transform"):
        with pytest.raises(ValueError, match=rf"Standardizer\.{method}: call fit with the training data first"):
            getattr(Standardizer(), method)(x)
        fitted = getattr(Standardizer().fit(np.eye(2)), method)
        with pytest.raises(ValueError, match=r"rows of shape \(2,\), got an array of shape \(3, 1\)"):
            fitted(np.ones((3, 1)))
        with pytest.raises(ValueError, match=rf"{method}: 2 values are NaN"):
            fitted(x)
