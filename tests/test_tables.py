"""Tables and columns of pandas and polars, and numbers in the other byte order, work as their arrays do."""

import numpy as np
import pandas as pd
import pytest

import tinygrad_edu as tg
from tinygrad_edu import data, nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 2)), RNG.integers(0, 2, 12)


def forms(package):
    """Return functions that make a table of an array (n, 2), and a column of an array (n,)."""
    if package == "byte order":
        other = lambda a: a.astype(a.dtype.newbyteorder(">"))
        return other, other
    frames = pytest.importorskip(package)
    return (lambda a: frames.DataFrame({"a": a[:, 0], "b": a[:, 1]})), frames.Series


@pytest.fixture(params=["pandas", "polars", "byte order"])
def kind(request):
    return forms(request.param)


def network(seed=0):
    return nn.Sequential(nn.Linear(2, 4, rng=seed), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2, rng=seed))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_layers_take_tables(kind, dtype):
    table, column = kind
    x = (10 * X).astype(dtype)
    for layer in (nn.Linear(2, 3, rng=0), nn.LayerNorm(2), nn.BatchNorm1d(2), nn.Flatten(), nn.Dropout(0), nn.ReLU()):
        expected, given = layer(x), layer(table(x))
        for y in (expected, given):
            assert hasattr(y, "data")
        np.testing.assert_array_equal(np.asarray(given.data), np.asarray(expected.data))
    embedding = nn.Embedding(2, 3, rng=0)
    np.testing.assert_array_equal(embedding(column(Y)).data, embedding(Y).data)
    x = tg.Tensor(np.ones(2))
    assert network()(table(X)).requires_grad
    np.testing.assert_array_equal(nn.Dropout(0.5, rng=0)(table(X)), nn.Dropout(0.5, rng=0)(X))


def test_training_with_tables_is_training_with_arrays(kind):
    table, column = kind
    results = []
    for x, y in ((X, Y), (table(X), column(Y))):
        model = network()
        options = {"optimizer": tg.optim.Adam(model.parameters(), lr=0.1), "progress": False, "batch_size": 4, "rng": 0}
        metrics = {"accuracy": tg.accuracy}
        history = tg.fit(model, tg.cross_entropy, (x, y), epochs=3, valid_data=(x, y), metrics=metrics, **options)
        score = tg.evaluate(model, (x, y), loss=tg.cross_entropy, metrics=metrics)
        prediction = tg.predict(model, x)
        counts = tg.confusion_matrix(prediction, y)
        rates = tg.lr_finder(model, tg.cross_entropy, (x, y), optimizer=options["optimizer"], steps=5).losses
        results.append([history.train_loss, history.valid_loss, *score.values(), prediction, counts, rates])
    for expected, given in zip(*results, strict=True):
        np.testing.assert_array_equal(given, expected)


def test_data_functions_take_tables_and_return_arrays(kind):
    table, column = kind
    standard = data.Standardizer().fit(table(X))
    np.testing.assert_array_equal(standard.mean, data.Standardizer().fit(X).mean)
    z = standard.transform(table(X))
    np.testing.assert_array_equal(z, standard.transform(X), strict=True)
    np.testing.assert_array_equal(standard.inverse_transform(table(z)), standard.inverse_transform(z), strict=True)
    for split in (data.train_valid_test_split, data.train_test_split, data.k_fold):
        for by in ("random", "stratified", "time"):
            options = {"by": by, "rng": 0} | ({"k": 2} if split is data.k_fold else {})
            for expected, given in zip(split(X, Y, **options), split(table(X), column(Y), **options), strict=True):
                pairs = zip(expected, given, strict=True) if split is data.k_fold else [(expected, given)]
                for part, same in pairs:
                    for a, b in zip(part, same, strict=True):
                        np.testing.assert_array_equal(b, a, strict=True)
    for expected, given in zip(
        data.batches(X, Y, batch_size=5, rng=0), data.batches(table(X), column(Y), batch_size=5, rng=0), strict=True
    ):
        for a, b in zip(expected, given, strict=True):
            np.testing.assert_array_equal(b, a, strict=True)
            assert b.dtype.isnative
    np.testing.assert_array_equal(data.one_hot(column(Y)), data.one_hot(Y))
    assert tg.r2_score(table(X), table(X + 0.5)) == tg.r2_score(X, X + 0.5)
    assert tg.accuracy(column(Y), column(1 - Y)) == 0


def test_columns_of_different_types_make_one_table_of_numbers():
    table = pd.DataFrame({"count": [1, 2, 3], "size": [0.5, 1.5, 2.5], "sold": [True, False, True]})
    expected = np.array([[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]])
    np.testing.assert_array_equal(data.Standardizer().fit(table).mean, data.Standardizer().fit(expected).mean)
    layer = nn.Linear(3, 2, rng=0)
    np.testing.assert_array_equal(layer(table).data, layer(expected).data)
    nullable = pd.DataFrame({"a": pd.array([1, 2, 3], dtype="Int64"), "b": pd.array([0.5, 1, 2], dtype="Float64")})
    np.testing.assert_array_equal(data.Standardizer().fit(nullable).mean, [2, 3.5 / 3])


def test_text_and_gaps_in_a_table_are_named_with_the_remedy():
    text = pd.DataFrame({"a": [1.0, 2.0, 3.0], "town": ["Rome", "Oslo", "Bern"]})
    gaps = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": pd.array([1, None, 3], dtype="Int64")})
    model = nn.Linear(2, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    for table in (text, gaps):
        if table is text:
            with pytest.raises(
                TypeError, match=r"Linear\(2 -> 1\) takes numbers, and the table holds .*\.to_numpy\(\)"
            ):
                model(table)
        for call in (
            lambda table=table: data.Standardizer().fit(table),
            lambda table=table: tg.fit(model, tg.mse_loss, (table, np.ones((3, 1))), optimizer=optimizer, epochs=1),
            lambda table=table: tg.predict(model, table),
        ):
            with pytest.raises((TypeError, ValueError), match=r"columns \[1\]"):
                call()


def test_a_module_that_selects_columns_gets_the_table_itself():
    class Selected(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1, rng=0)

        def forward(self, table):
            return self.layer(table[["b"]])

    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    np.testing.assert_array_equal(Selected()(table).data, nn.Linear(1, 1, rng=0)(X[:, 1:]).data)


class Foreign:
    """An array as other libraries have them: with a shape and a dtype of its own, and DLPack for its memory."""

    shape, ndim, size, dtype = (3, 2), 2, 6, "float32"

    def __dlpack__(self):
        raise BufferError


@pytest.mark.parametrize(
    "use",
    [
        nn.Linear(2, 1), nn.LayerNorm(2), nn.BatchNorm1d(2), nn.Flatten(), nn.Dropout(0.5), nn.Embedding(3, 2),
        nn.Tanh(), tg.relu, tg.leaky_relu, tg.gelu, tg.silu, tg.softplus, tg.sigmoid, tg.softmax, tg.log_softmax,
        tg.logsumexp, lambda a: tg.mse_loss(tg.Tensor(np.ones((3, 2))), a), lambda a: tg.mse_loss(a, np.ones((3, 2))),
        lambda a: tg.cross_entropy(a, [0, 1, 0]), lambda a: tg.cross_entropy(np.ones((3, 2)), a),
        lambda a: tg.hinge_loss(np.ones((3, 2)), a), lambda a: tg.huber_loss(np.ones((3, 2)), a),
    ],
)  # fmt: skip
def test_arrays_of_other_libraries_are_refused_by_name(use):
    with pytest.raises(TypeError, match=r"a test_tables\.Foreign with a Tensor: .*convert it first, a = np\.asarray"):
        use(Foreign())
