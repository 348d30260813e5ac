import numpy as np
import pytest
from checks import EXTENDED
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu import Tensor, data, load, save
from tinygrad_edu.data import Standardizer, batches, k_fold, one_hot, train_test_split, train_valid_test_split


def rows(n):
    """Return X and y whose values identify their row."""
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


@given(
    sizes=st.lists(st.integers(3, 40), min_size=1, max_size=6),
    fractions=st.sampled_from(
        [(0.7, 0.15, 0.15), (0.8, 0.2, 0.0), (0.6, 0.2, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05)]
    ),
    seed=st.integers(0, 9),
)
def test_a_stratified_split_gives_every_part_each_class_in_its_share(sizes, fractions, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = train_valid_test_split(np.arange(len(classes)), classes, fractions=fractions, by="stratified", rng=seed)
    assert sorted(np.concatenate([x for x, _ in parts])) == list(range(len(classes)))
    for (x, y), fraction in zip(parts, fractions, strict=True):
        np.testing.assert_array_equal(y, classes[x])
        counts = np.bincount(y, minlength=len(sizes))
        assert not fraction or counts.all()
        for count, size in zip(counts, sizes, strict=True):
            if min(f * size for f in fractions if f) >= 1:
                assert abs(count - fraction * size) < 1
            else:
                assert abs(count - fraction * size) <= 2  # each part has at least one row of a small class


def test_a_stratified_split_comes_out_in_its_totals_and_reads_any_kind_of_class():
    parts = train_valid_test_split(np.repeat(np.arange(10), 10), by="stratified", rng=0)
    assert [len(y) for (y,) in parts] == [70, 15, 15]
    for classes in (["a", "b"] * 10, [[0.0], [1.0]] * 10, np.array(["a", "b"] * 10, object)):
        train, valid, test = train_valid_test_split(classes, by="stratified", fractions=(0.6, 0.2, 0.2), rng=1)
        assert [len(y) for (y,) in (train, valid, test)] == [12, 4, 4]
        assert [np.unique(y, return_counts=True)[1].tolist() for (y,) in (train, valid, test)] == [
            [6, 6],
            [2, 2],
            [2, 2],
        ]


def test_a_stratified_split_is_shuffled_by_its_seed_alone():
    def train(seed):
        return train_valid_test_split(np.arange(60), [0, 1] * 30, by="stratified", rng=seed)[0][0].tolist()

    assert train(1) == train(1) != train(2)
    assert train(1) != sorted(train(1))


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
        (({1, 2},), {}, r"a row for each example, got a set"),
        ((np.ones(9),), {"fractions": (0.5, 0.5)}, r"three parts of 1, not .* \(train_test_split makes two\)"),
        ((np.ones(9),), {"fractions": (0.5, 0.4, 0.2)}, "three parts of 1"),
        ((np.ones(9),), {"fractions": (1.2, -0.2, 0)}, "three parts of 1"),
        ((np.ones(9),), {"fractions": 0.7}, "three parts of 1, not 0.7"),
        ((np.ones(9),), {"fractions": ("a", "b", "c")}, "three parts of 1"),
        ((np.ones(9),), {"by": "date"}, "by is 'random', 'stratified' or 'time', not 'date'"),
        ((np.ones(9),), {"fractions": (0.7, 0.3, np.nan)}, "three parts of 1"),
        ((np.ones(2),), {}, r"too few rows \(2\): a fraction of 0\.15 has none"),
        (([0] * 30 + [7] * 2,), {"by": "stratified"}, "class 7 has 2 rows, too few for one in each of 3 parts"),
        ((np.ones((9, 2)),), {"by": "stratified"}, r"one per row, not of shape \(9, 2\)"),
    ],
)
def test_wrong_fractions_are_refused(arguments, options, text):
    with pytest.raises(ValueError, match=f"train_valid_test_split.*{text}"):
        train_valid_test_split(*arguments, **options)


@given(n=st.integers(2, 60), by=st.sampled_from(["random", "stratified", "time"]), share=st.sampled_from([0.5, 0.8]))
def test_a_split_in_two_is_the_first_part_and_the_rest(n, by, share):
    X, y = rows(4 * n)
    y = np.arange(4 * n) % 2 if by == "stratified" else y
    train, test = train_test_split(X, y, fractions=(share, 1 - share), by=by, rng=1)
    assert sorted(np.concatenate([train[0], test[0]])[:, 0]) == list(range(4 * n))
    assert abs(len(train[1]) - share * 4 * n) <= 1
    for x, classes in (train, test):
        np.testing.assert_array_equal(classes, y[x[:, 0].astype(int)])
    first, _, last = train_valid_test_split(X, y, fractions=(share, 0, 1 - share), by=by, rng=1)
    np.testing.assert_array_equal(train[0], first[0])
    np.testing.assert_array_equal(test[0], last[0])


@given(n=st.integers(2, 60), k=st.integers(2, 7), by=st.sampled_from(["random", "stratified"]))
def test_each_row_is_in_one_fold(n, k, by):
    k = min(k, n)
    X, y = rows(n)
    y = np.arange(n) // (n - n // 2) if by == "stratified" and n // 2 >= k else np.zeros(n, int)
    pairs = list(k_fold(X, y, k=k, by=by, rng=3))
    assert len(pairs) == k
    assert sorted(np.concatenate([valid[0][:, 0] for _, valid in pairs])) == list(range(n))
    sizes = [len(valid[1]) for _, valid in pairs]
    assert max(sizes) - min(sizes) <= (1 if by == "random" else 2)
    for train, valid in pairs:
        assert sorted(np.concatenate([train[0][:, 0], valid[0][:, 0]])) == list(range(n))
        for x, classes in (train, valid):
            np.testing.assert_array_equal(classes, y[x[:, 0].astype(int)])
        counts = np.bincount(valid[1], minlength=y.max() + 1)
        if by == "stratified":
            assert (abs(counts - np.bincount(y) / k) < 1).all()
    again = [valid[0].tolist() for _, valid in k_fold(X, y, k=k, by=by, rng=3)]
    assert again == [valid[0].tolist() for _, valid in pairs]


def test_folds_end_where_they_did_in_earlier_versions():
    """From Python 3.12 on, `sum` rounds once, and running sums of 1 / k would move rows from one fold to another."""
    for n, k in ((15, 10), (23, 14), (27, 26)):
        ends = np.cumsum([len(valid[0]) for _, valid in k_fold(np.arange(n), k=k)])
        assert ends.tolist() == [*(round(n * sum([1 / k] * i)) for i in range(1, k)), n]


@given(n=st.integers(3, 60), k=st.integers(2, 7))
def test_folds_by_time_are_tested_on_what_follows(n, k):
    k = min(k, n - 1)
    pairs = list(k_fold(np.arange(n), k=k, by="time"))
    assert len(pairs) == k
    seen = pairs[0][0][0].tolist()
    assert seen
    for (train,), (valid,) in pairs:
        assert train.tolist() == seen
        assert len(valid)
        seen += valid.tolist()
    assert seen == list(range(n))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: train_test_split(np.ones(9), fractions=(0.5, 0.2)), "train_test_split: fractions are two parts of 1"),
        (
            lambda: train_test_split(np.ones(9), fractions=0.2),
            "train_test_split: fractions are two parts of 1.*not 0.2",
        ),
        (lambda: train_test_split(np.ones(9), fractions=(0.7, 0.2, 0.1)), "train_test_split: fractions are two parts"),
        (lambda: train_test_split(np.ones(1)), r"train_test_split: too few rows \(1\)"),
        (lambda: k_fold(np.ones(9), k=1), "k_fold: k is from 2 to 9 for 9 rows, not 1"),
        (lambda: k_fold(np.ones(3), k=4), "k_fold: k is from 2 to 3 for 3 rows, not 4"),
        (lambda: k_fold(np.ones(3), k=3, by="time"), "k_fold: k is from 2 to 2 for 3 rows, not 3"),
        (lambda: k_fold(np.ones(3), k=2.5), "k_fold: k is a whole number from 1, not 2.5"),
        (lambda: k_fold(np.ones(9), by="day"), "k_fold: by is 'random', 'stratified' or 'time', not 'day'"),
        (
            lambda: k_fold([0, 0, 0, 1], k=2, by="stratified"),
            "k_fold: class 1 has 1 row, too few for one in each of 2",
        ),
        (lambda: k_fold(np.ones(3), np.ones(4)), "k_fold: arrays differ in their number of rows"),
    ],
)
def test_splits_name_what_is_wrong_when_they_are_called(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@given(n=st.integers(1, 30), part=st.integers(0, 30), seed=st.integers(0, 9), shuffle=st.booleans())
def test_batches_give_every_row_once_and_keep_rows_together(n, part, seed, shuffle):
    size = 1 + part % n
    parts = list(batches(*rows(n), batch_size=size, rng=seed, shuffle=shuffle))
    assert [len(y) for _, y in parts] == [size] * (n // size) + [n % size] * (n % size > 0)
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert (sorted(y) if shuffle else list(y)) == list(rows(n)[1])
    np.testing.assert_array_equal(X, np.column_stack([y - 0.5, 10 * (y - 0.5)]))


def test_drop_last_leaves_out_the_incomplete_batch():
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
    with pytest.raises(ValueError, match=r"batch_size=4 is more than the 3 rows of data; .*batch_size=None"):
        batches(np.ones(3), batch_size=4)


TABLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 3)),
    elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3)),
)


@given(x=TABLES)
def test_standardized_columns_have_mean_0_and_deviation_1_and_come_back(x):
    standardizer = Standardizer().fit(x)
    z = standardizer.transform(x)
    constant = (x == x[0]).all(axis=0)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), np.where(constant, 0, 1), atol=1e-9)
    np.testing.assert_allclose(standardizer.inverse_transform(z), x, atol=1e-9)


def test_new_data_is_standardized_by_the_figures_of_the_old():
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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", np.uint8, np.int64])
@given(data=st.data())
def test_columns_of_any_size_in_any_dtype_are_standardized(dtype, data):
    dtype = np.dtype(dtype)
    widest = (-300, 307) if EXTENDED else (-140, 150)  # numbers whose squares are numbers of the widest float
    low, high = {2: (-7, 4), 4: (-37, 37)}.get(dtype.itemsize, widest)
    low = low if dtype.kind == "f" else 0
    high = high if dtype.kind == "f" else 2 if dtype == np.uint8 else 17
    factors = 10.0 ** np.array(data.draw(st.lists(st.integers(low, high), min_size=1, max_size=3)))
    x = (np.random.default_rng(0).uniform(-1 if dtype.kind == "f" else 0, 1, (50, len(factors))) * factors).astype(
        dtype
    )
    exact = x.astype(np.longdouble)
    scale = np.where(np.ptp(x, axis=0) == 0, 1, exact.std(axis=0))
    standardizer = Standardizer()
    z = standardizer.fit_transform(x)
    assert z.dtype == (dtype.newbyteorder("=") if dtype.kind == "f" else np.float64)
    tolerance = {2: 2e-3, 4: 1e-6}.get(dtype.itemsize if dtype.kind == "f" else 8, 1e-12)
    np.testing.assert_allclose(z, ((exact - exact.mean(axis=0)) / scale).astype(float), atol=tolerance, rtol=tolerance)
    np.testing.assert_array_equal(z, Standardizer().fit(x).transform(x))
    if dtype.kind == "f":
        back = standardizer.inverse_transform(z)
        assert back.dtype == z.dtype
        np.testing.assert_allclose((back / factors).astype(float), (exact / factors).astype(float), atol=20 * tolerance)


def test_half_precision_of_0_to_1000_is_standardized():
    x = np.arange(1001, dtype=np.float16)
    standardizer = Standardizer().fit(x)
    assert (standardizer.mean, standardizer.scale) == (500, pytest.approx(288.963666, rel=1e-8))
    np.testing.assert_allclose(standardizer.transform(x), (np.arange(1001) - 500) / 288.963666, rtol=1e-3)


def test_the_state_of_a_standardizer_goes_through_a_file(tmp_path):
    x = np.random.default_rng(0).normal(3, 2, (9, 2))
    one, other = Standardizer().fit(x), Standardizer()
    save(one.state_dict(), tmp_path / "s.npz")
    other.load_state_dict(load(tmp_path / "s.npz"))
    np.testing.assert_array_equal(other.transform(x), one.transform(x))
    one.state_dict()["mean"][:] = 0
    np.testing.assert_array_equal(other.transform(x), one.transform(x))
    with pytest.raises(ValueError, match=r"Standardizer\.state_dict: call fit with the training data first"):
        Standardizer().state_dict()
    wrong = [{"mean": [mean], "scale": [1.0]} for mean in (1j, "a", np.complex64(1), None)]
    for state in (
        {"mean": [0.0]},
        {"mean": [0.0], "scale": [0.0]},
        {"mean": [0.0], "scale": [1.0, 2.0]},
        [1.0],
        *wrong,
    ):
        with pytest.raises(ValueError, match=r"Standardizer\.load_state_dict"):
            other.load_state_dict(state)
    np.testing.assert_array_equal(other.transform(x), one.transform(x))


def test_rows_of_unequal_lengths_are_named():
    ragged = [[1, 2], [3]]
    for where, take in {"batches": lambda x: batches(x, batch_size=1), "k_fold": k_fold}.items():
        with pytest.raises(ValueError, match=f"^{where}: rows of unequal lengths make no array; pad them"):
            take(ragged)
    with pytest.raises(ValueError, match=r"^Embedding\(4, 2\): rows of unequal lengths make no array; pad them"):
        tg.nn.Embedding(4, 2)(ragged)

    class Closed:
        def __array__(self, dtype=None, copy=None):
            raise ValueError("the file is closed")

    for take in (k_fold, tg.nn.Embedding(4, 2)):
        with pytest.raises(ValueError, match="the file is closed"):
            take(Closed())


@pytest.mark.parametrize("take", [Tensor, Standardizer().fit, lambda x: batches(x, batch_size=1), k_fold])
def test_a_masked_array_is_refused_as_its_mask_would_be_lost(take):
    with pytest.raises(TypeError, match=r"a masked array .*would lose its mask"):
        take(np.ma.masked_array([[1.0], [2.0]], [[True], [False]]))


def test_standardizer_refuses_gaps_text_other_widths_and_use_before_fit():
    x = np.array([[1, 2], [3, np.nan], [5, np.inf]])
    with pytest.raises(ValueError, match=r"Standardizer\.fit: 2 values are NaN or infinite, in columns \[1\]"):
        Standardizer().fit(x)
    with pytest.raises(TypeError, match="numbers are needed, not an array of dtype <U1"):
        Standardizer().fit([["a"], ["b"]])
    with pytest.raises(TypeError, match=r"not an array of dtype object; \.astype\(float\) makes numbers of it"):
        Standardizer().fit(np.ones((3, 2), object))
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


def test_one_hot_rows_have_their_one_at_the_class():
    assert one_hot([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot(np.array([[1], [0]], np.uint8), n=2).tolist() == [[[0, 1]], [[1, 0]]]
    assert one_hot(1, n=3).tolist() == [0, 1, 0]
    assert one_hot(np.zeros(0, int), n=3).shape == (0, 3)


@pytest.mark.parametrize(
    ("classes", "n", "error", "text"),
    [
        ([0.0, 1.0], None, TypeError, "class numbers are integers, not float64"),
        ([True], None, TypeError, r"not bool; \.astype\(int\)"),
        (["cat"], None, TypeError, r"np\.unique\(names, return_inverse=True\)"),
        ([0, -1], None, ValueError, r"numbers go from 0 to 0, and here from -1 to 0"),
        ([-1], None, ValueError, r"numbers go from 0 to 0, and here from -1 to -1"),
        ([], None, ValueError, "there are no classes; pass n"),
        ([1, 3], 3, ValueError, r"numbers go from 0 to 2, and here from 1 to 3"),
        (np.zeros(0, int), None, ValueError, "there are no classes; pass n"),
        ([0], 0, ValueError, "n is a whole number from 1, not 0"),
    ],
)
def test_one_hot_refuses_wrong_class_numbers(classes, n, error, text):
    with pytest.raises(error, match=f"one_hot: .*{text}"):
        one_hot(classes, n)


POINTS = {
    "moons": data.make_moons,
    "circles": data.make_circles,
    "spirals": data.make_spirals,
    "three spirals": lambda n, **options: data.make_spirals(n, classes=3, **options),
    "xor": data.xor,
}


@given(n=st.integers(4, 50), kind=st.sampled_from(sorted(POINTS)))
def test_toy_sets_are_points_with_balanced_classes_in_an_order_drawn_by_the_seed(n, kind):
    X, y = POINTS[kind](n, rng=1)
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((n, 2), np.float64, (n,), np.dtype(int))
    counts = np.bincount(y)
    assert len(counts) == (3 if kind == "three spirals" else 2)
    assert np.ptp(counts) <= (2 if kind == "xor" else 1)
    again, other = POINTS[kind](n, rng=1), POINTS[kind](n, rng=2)
    np.testing.assert_array_equal(again[0], X)
    assert n < 20 or (other[1] != y).any()


def test_without_noise_points_lie_on_their_curves():
    X, y = data.make_moons(101, noise=0)
    centers = np.array([[0, 0], [1, 0.5]])[y]
    np.testing.assert_allclose(np.linalg.norm(X - centers, axis=1), 1)
    assert (np.sign(X - centers)[:, 1] == 1 - 2 * y).all()
    X, y = data.make_circles(101, noise=0, factor=0.3)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), np.array([1, 0.3])[y])
    X, y = data.make_spirals(300, classes=3, noise=0)
    radius, angle = np.linalg.norm(X, axis=1), np.arctan2(X[:, 1], X[:, 0])
    turns = (radius - 0.3) / 1.7 + y / 3
    np.testing.assert_allclose(np.exp(1j * angle), np.exp(2j * np.pi * turns))


@pytest.mark.parametrize("kind", sorted(POINTS))
def test_noise_is_a_standard_deviation_in_the_units_of_the_points(kind):
    clean, noisy = (POINTS[kind](4000, noise=noise, rng=3) for noise in (0, 0.2))
    assert abs(noisy[0].var(axis=0) - clean[0].var(axis=0) - 0.04).max() < 0.02


def test_xor_is_its_truth_table():
    X, y = data.xor()
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]
    X, y = data.xor(40, rng=0)
    assert (y == (X[:, 0] != X[:, 1])).all()
    assert len(np.unique(X, axis=0)) == 4


def test_linear_data_follow_their_weights():
    X, y = data.make_linear(50, weights=(2.0, -1.0), bias=3.0, noise=0, rng=0)
    assert (X.shape, y.shape) == ((50, 2), (50, 1))
    np.testing.assert_allclose(y, X @ [[2.0], [-1.0]] + 3)
    X, y = data.make_linear(4000, noise=0.5, rng=0)
    assert (y - 2 * X - 1).std() == pytest.approx(0.5, rel=0.05)


def test_the_drug_dosage_table_gives_the_tutorials_first_loss():
    dose, forgetfulness = data.drug_dosage()
    residual = 0.9 * dose + 0.1 - forgetfulness
    assert np.mean(residual**2) == pytest.approx(19.6755, abs=5e-5)
    assert (np.mean(2 * residual * dose), np.mean(2 * residual)) == pytest.approx((36.305, 6.265), abs=5e-4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: data.make_moons(0), "make_moons: n is a whole number from 1, not 0"),
        (lambda: data.make_moons(1), r"make_moons: too few points \(1\) for 2 classes"),
        (lambda: data.make_moons(2.5), r"make_moons: n is a whole number from 1, not 2\.5"),
        (lambda: data.make_circles(noise=-1), "make_circles: noise is a standard deviation.*not -1"),
        (lambda: data.make_circles(noise=np.nan), "make_circles: noise is a standard deviation.*not nan"),
        (lambda: data.make_circles(factor=1), "make_circles: factor.*below 1, not 1"),
        (lambda: data.make_spirals(classes=1), "make_spirals: classes are two or more"),
        (lambda: data.xor(3), r"xor: too few points \(3\) for four corners"),
        (lambda: data.xor(noise=np.inf), "xor: noise is a standard deviation"),
        (lambda: data.make_linear(0), "make_linear: n is a whole number from 1, not 0"),
        (lambda: data.make_linear(weights=()), "make_linear: weights are a list of finite numbers"),
        (lambda: data.make_linear(bias=np.nan), "make_linear: weights are a list of finite numbers"),
    ],
)
def test_toy_sets_name_a_wrong_size_or_noise(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_a_standardizer_transforms_in_jit_and_is_read_anew(dtype):
    rng = np.random.default_rng(0)
    scaler, x = tg.data.Standardizer(), (rng.normal(size=(2, 5, 3)) * 9).astype(dtype)
    scaler.fit(x[0])
    both = tg.jit(lambda x: (scaler.transform(x), scaler.inverse_transform(x)))
    for given_ in (x[0], x[1], x[0]):
        for a, b in zip(both(given_), (scaler.transform(given_), scaler.inverse_transform(given_)), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
    assert both.cache_info().hits == 2
    scaler.fit(x[1])
    np.testing.assert_array_equal(both(x[1])[0], scaler.transform(x[1]))
    if dtype is not np.int64:
        with pytest.raises(ValueError, match=r"Standardizer.transform: 5 values .* in columns \[1\]"):
            both(np.where([False, True, False], dtype(np.nan), x[1]))
        with pytest.raises(ValueError, match=r"Standardizer.transform: fitted to rows of shape \(3,\)"):
            both(x[1][:, :2])
