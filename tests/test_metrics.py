import re

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, n=st.integers(1, 40), k=st.integers(2, 5))
def test_accuracy_counts_the_largest_score_as_scikit_learn_does(seed, n, k):
    rng = np.random.default_rng(seed)
    scores, target = rng.normal(size=(n, k)), rng.integers(k, size=n)
    classes = scores.argmax(axis=1)
    counts = sklearn.metrics.confusion_matrix(target, classes, labels=range(k))
    for prediction in (scores, classes):
        assert tg.accuracy(prediction, target) == pytest.approx(sklearn.metrics.accuracy_score(target, classes))
        np.testing.assert_array_equal(tg.confusion_matrix(prediction, target, n=k), counts)
    np.testing.assert_array_equal(tg.confusion_matrix(scores, target), counts)
    assert tg.confusion_matrix(classes, target).shape == (max(classes.max(), target.max()) + 1,) * 2


@given(seed=seeds, n=st.integers(2, 40), outputs=st.none() | st.integers(1, 3))
def test_r2_equals_that_of_scikit_learn(seed, n, outputs):
    rng = np.random.default_rng(seed)
    target, noise = rng.normal(3, 5, (2, n) if outputs is None else (2, n, outputs))
    assert tg.r2_score(target + noise, target) == pytest.approx(sklearn.metrics.r2_score(target, target + noise))


def test_r2_of_an_exact_prediction_is_1_and_of_the_mean_0():
    y = np.array([1.0, 2.0, 6.0])
    assert tg.r2_score(y, y) == 1
    assert tg.r2_score(np.full(3, 3.0), y) == 0
    assert tg.r2_score([0, 0], [1, 3]) == -4


def test_one_logit_a_row_says_class_1_above_0():
    logits = np.array([[2.0], [-1.0], [0.5], [0.0]])
    for target in ([1, 0, 0, 0], [[1.0], [0.0], [0.0], [0.0]], [1, -1, -1, -1], [True, False, False, False]):
        for prediction in (logits, logits[:, 0]):
            assert tg.accuracy(prediction, target) == 0.75
            assert tg.confusion_matrix(prediction, target).tolist() == [[2, 1], [0, 1]]
    assert tg.accuracy(np.array([0.9, 0.2]) > 0.5, [1, 0]) == 1


def test_metrics_take_what_a_model_gives():
    model, x = nn.Linear(2, 3, rng=0), np.eye(2)
    assert tg.accuracy(model(x), model(x).data.argmax(axis=1)) == 1
    assert tg.r2_score(model(x), model(x)) == 1


def test_rows_of_the_matrix_are_true_classes_and_columns_predicted_ones():
    assert tg.confusion_matrix([1, 1, 2], [0, 1, 1]).tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert tg.confusion_matrix([0], [0], n=2).tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("metric", [tg.accuracy, tg.confusion_matrix])
@pytest.mark.parametrize(
    ("prediction", "target", "error", "text"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), ValueError, r"there are no rows: \(0, 3\), \(0,\)"),
        (np.zeros((4, 3)), [0, 1], ValueError, r"differ in their number of rows: \(4, 3\), \(2,\)"),
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, r"class numbers are integers, and the target is float64"),
        (np.zeros(2, int), [0.0, 1.0], TypeError, r"class numbers are integers, and the target is float64"),
        (np.zeros((2, 3)), [0, 3], ValueError, r"scores of shape \(2, 3\) are of classes 0 to 2.* from 0 to 3"),
        (np.zeros((2, 3)), [0, -1], ValueError, "from -1 to 0"),
        (np.zeros((2, 3)), np.eye(2), ValueError, r"shape \(2, 3\) and the target \(2, 2\).*argmax"),
        (np.zeros((2, 3, 4)), [0, 1], ValueError, r"shape \(2, 3, 4\)"),
        (np.zeros((2, 1)), [0, 2], ValueError, "one logit a row tells two classes apart"),
        (["a", "b"], [0, 1], TypeError, "the prediction: numbers are needed"),
        ([0, 1], ["a", "b"], TypeError, "the target: numbers are needed"),
        ([[np.nan, 0.0]], [0], ValueError, "prediction: 1 value is NaN .* column 0; a lower learning rate may help"),
    ],
)
def test_wrong_classes_are_named(metric, prediction, target, error, text):
    with pytest.raises(error, match=rf"{metric.__name__}.*{text}"):
        metric(prediction, target)


def test_a_class_number_keeps_all_of_its_64_bits():
    large = np.array([2**32 + 1])
    assert tg.accuracy(np.array([1]), large) == 0
    with pytest.raises(ValueError, match="confusion_matrix: class numbers go from 0 to 1"):
        tg.confusion_matrix(np.array([1]), large, n=2)


def test_a_confusion_matrix_too_small_for_its_classes_is_refused():
    with pytest.raises(ValueError, match="class numbers go from 0 to 1, and here from 0 to 2"):
        tg.confusion_matrix([0, 2], [0, 1], n=2)
    with pytest.raises(ValueError, match="here from -1 to 1"):
        tg.confusion_matrix([-1, 1], [0, 1])


@pytest.mark.parametrize(
    ("prediction", "target", "text"),
    [
        ([], [], "there are no rows"),
        ([1.0, 2.0], [1.0], "differ in their number of rows"),
        ([[1.0], [2.0]], [1.0, 2.0], r"shape \(2, 1\) and the target \(2,\); .*makes a column"),
        ([1.0, 2.0], [3.0, 3.0], r"the target is constant in columns \[0\]"),
        ([1.0, np.inf], [1.0, 2.0], "the prediction: 1 value is NaN or infinite"),
    ],
)
def test_r2_names_what_it_is_not_defined_for(prediction, target, text):
    with pytest.raises(ValueError, match=f"r2_score.*{text}"):
        tg.r2_score(prediction, target)


class Noisy(nn.Module):
    """Return x, plus noise in training mode, and record the calls."""

    def __init__(self):
        self.w, self.calls = tg.Tensor(1.0), []

    def forward(self, x):
        y = self.w * x + self.training
        self.calls.append((len(x), y.requires_grad))
        return y


@pytest.mark.parametrize(("batch_size", "calls"), [(None, [5]), (2, [2, 2, 1]), (9, [5])])
def test_predict_is_in_evaluation_mode_without_gradients_in_batches(batch_size, calls):
    model, x = Noisy(), np.arange(10.0).reshape(5, 2)
    prediction = tg.predict(model, x, batch_size)
    assert type(prediction) is np.ndarray
    np.testing.assert_array_equal(prediction, x)
    assert model.calls == [(n, False) for n in calls]
    assert model.training
    assert tg.predict(model.eval(), x).tolist() == x.tolist()
    assert not model.training


@pytest.mark.parametrize("batch_size", ["2", 0, 1.5])
def test_a_batch_size_of_predict_is_a_whole_number(batch_size):
    with pytest.raises(ValueError, match=r"^predict: batch_size is a whole number from 1, not"):
        tg.predict(tg.nn.Linear(1, 1), np.ones((3, 1)), batch_size)


@pytest.mark.parametrize("batch_size", [None, 3])
def test_evaluate_gives_loss_and_metrics_of_all_rows_together(batch_size):
    model, x = Noisy(), np.arange(10.0).reshape(5, 2)
    y = x + np.arange(5.0)[:, None]
    found = tg.evaluate(
        model, (x, y), loss=tg.mse_loss, metrics={"r2": tg.r2_score, "rows": lambda p, y: len(p)}, batch_size=batch_size
    )
    assert found == {"loss": 6.0, "r2": pytest.approx(tg.r2_score(x, y)), "rows": 5.0}
    assert tg.evaluate(model, (x, y), loss=lambda p, y: (p - y).mean()) == {"loss": -2.0}


def test_evaluate_and_predict_name_what_they_cannot_use():
    model, x = Noisy(), np.ones((3, 2))
    for call, error, text in [
        (lambda: tg.predict(np.sin, x), TypeError, r"predict: model is a tg\.nn\.Module, not ufunc"),
        (lambda: tg.predict(model, np.ones((0, 2))), ValueError, "predict: there are no rows"),
        (lambda: tg.predict(model, x * np.nan), ValueError, "predict, x: 6 values are NaN"),
        (lambda: tg.predict(nn.Sequential(lambda x: x.sum()), x), TypeError, "the model returns a float64"),
        (
            lambda: tg.predict(nn.Sequential(lambda x: x.T), x),
            ValueError,
            r"returned shape \(2, 3\) for input of shape \(3, 2\)",
        ),
        (lambda: tg.evaluate(model, (x, x)), ValueError, "evaluate: pass a loss, such as"),
        (lambda: tg.evaluate(model, x, loss=tg.mse_loss), TypeError, r"data is a tuple \(X, y\), not ndarray"),
        (lambda: tg.evaluate(model, (x, x), metrics=[tg.r2_score]), TypeError, "evaluate: metrics are a dict"),
        (lambda: tg.evaluate(model, (x, x), metrics={"loss": tg.r2_score}), ValueError, "cannot be named 'loss'"),
        (
            lambda: tg.evaluate(model, (x, x), metrics={"r": lambda p, y: p}),
            TypeError,
            "the metric 'r' must return a number",
        ),
    ]:
        with pytest.raises(error, match=text):
            call()
    assert model.training


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_r2_does_not_depend_on_the_unit(factor):
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    expected = np.mean(1 - ((y - p) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0))
    assert tg.r2_score(p * factor, y * factor) == pytest.approx(expected, rel=1e-12)


SCORES, CLASSES = np.random.default_rng(0).normal(size=(3, 6, 3)), np.array([[0, 1, 2, 0, 1, 1], [1, 1, 0, 2, 1, 0]])
IN_JIT = {  # a metric, and arguments for which it raises
    "scores": (tg.accuracy, lambda s, y: (s, y), (SCORES[0], CLASSES[0] + 9)),
    "tensor": (lambda s, y: tg.confusion_matrix(tg.Tensor(s) * 2, y), lambda s, y: (s, y), (SCORES[0], CLASSES[0] - 1)),
    "logits": (tg.accuracy, lambda s, y: (s[:, :1], (y > 0) * 2.0 - 1), (SCORES[0, :, :1], CLASSES[0])),
    "classes": (lambda p, y: tg.confusion_matrix(p, y, 3), lambda s, y: (s.argmax(1), y), (CLASSES[0] + 1, CLASSES[1])),
    "r2": (tg.r2_score, lambda s, y: (s, s * 2 + y[:, None]), (SCORES[0], np.ones((6, 3)))),
    "not finite": (tg.r2_score, lambda s, y: (s, s**2), (SCORES[0], SCORES[0] * np.nan)),
}


@pytest.mark.parametrize("name", IN_JIT)
@pytest.mark.parametrize("bad_first", [True, False])
def test_metrics_in_jit_are_those_of_the_eager_function_and_raise_its_errors(name, bad_first):
    metric, arguments, bad = IN_JIT[name]
    jitted, good = tg.jit(metric), [arguments(SCORES[i], CLASSES[i % 2]) for i in range(3)]
    for given_ in [bad, *good, bad] if bad_first else [*good, bad, good[0]]:
        if given_ is bad:
            with pytest.raises(ValueError, match=r"accuracy|confusion_matrix|r2_score") as eager:
                metric(*given_)
            with pytest.raises(ValueError, match=re.escape(str(eager.value))):
                jitted(*given_)
        else:
            result, expected = jitted(*given_), metric(*given_)
            assert type(result) is type(expected)
            np.testing.assert_allclose(result, expected, rtol=1e-12)
    assert jitted.cache_info().hits >= 2


def test_fit_and_evaluate_warn_of_accuracy_for_a_model_that_gives_one_probability():
    x, y = np.array([[-1.0], [1.0]]), np.array([[0.0], [1.0]])
    body = nn.Sequential(nn.Linear(1, 1, rng=0), nn.Sigmoid())
    adam = tg.optim.Adam(body.parameters(), lr=0.1)
    options = {"optimizer": adam, "epochs": 1, "progress": False}
    with pytest.warns(UserWarning, match=r"fit: the model ends with Sigmoid.*accuracy\(p > 0.5, y\)") as seen:
        tg.fit(body, tg.binary_cross_entropy, (x, y), **options, metrics={"accuracy": tg.accuracy})
    assert seen[0].filename == __file__
    with pytest.warns(UserWarning, match="evaluate: the model ends with Sigmoid") as seen:
        tg.evaluate(nn.Sequential(body), (x, y), metrics={"accuracy": tg.accuracy})
    assert seen[0].filename == __file__
    halved = {"accuracy": lambda p, y: tg.accuracy(p > 0.5, y), "loss of p": tg.binary_cross_entropy}
    assert tg.evaluate(body, (x, y), metrics=halved)["accuracy"] in (0.0, 0.5, 1.0)  # also for targets that are floats

    class Shifted(nn.Sequential):
        def forward(self, x):
            return super().forward(x) - 0.5

    two, image = nn.Linear(1, 2, rng=0), nn.Sequential(nn.Conv1d(1, 1, 1, rng=0), nn.Flatten(), nn.Sigmoid())
    for model in (nn.Sequential(two, nn.Sigmoid()), nn.Sequential(two, nn.PReLU(), nn.Sigmoid()), Shifted(body), image):
        data = (np.stack([x, x], axis=2) if model is image else x), y[:, 0].astype(int)
        tg.evaluate(model, data, metrics={"accuracy": tg.accuracy})  # does not warn


def test_booleans_are_class_numbers_beside_class_numbers():
    p = np.array([True, False, True])
    assert tg.accuracy(p, [1, 0, 2]) == tg.jit(tg.accuracy)(p, np.array([1, 0, 2])) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(tg.confusion_matrix(p, [1, 0, 2]), [[1, 0, 0], [0, 1, 0], [0, 1, 0]])
    assert tg.confusion_matrix(~p[:1], [0]).shape == (1, 1)


@pytest.mark.parametrize(
    "target", [[0, 1, 1], [0.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [-1, 1, 1], [[0.0], [1.0], [1.0]], [False, True, True]]
)
def test_booleans_are_predictions_of_two_classes_whatever_their_targets_are(target):
    p = np.array([0.2, 0.9, 0.3])
    assert tg.accuracy(p > 0.5, target) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(tg.confusion_matrix(p[:, None] > 0.5, target), [[1, 0], [1, 1]])
