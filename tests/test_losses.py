"""Options of the losses equal their definitions, row by row; integers, tables and either byte order become floats."""

import math
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

ELEMENTWISE = [tg.mse_loss, tg.l1_loss, tg.huber_loss, tg.hinge_loss, tg.binary_cross_entropy_with_logits]
ACTIVATIONS = [
    tg.relu, tg.leaky_relu, tg.softplus, tg.silu, tg.gelu, tg.sigmoid, tg.softmax, tg.log_softmax, tg.logsumexp,
    lambda x: tg.gelu(x, "tanh"), tg.nn.Tanh(),
]  # fmt: skip
INTEGERS = [np.dtype(order + kind) for order, kind in product("<>", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])]


def by_rows(logits, target, weight=None, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    """Cross entropy by its definition: one row of class scores at a time, in plain Python."""
    rows = np.moveaxis(logits, min(1, logits.ndim - 1), -1).reshape(-1, logits.shape[min(1, logits.ndim - 1)])
    k = rows.shape[1]
    w = np.ones(k) if weight is None else weight
    shares = target
    if target.dtype.kind != "f":
        shares = np.array([[float(c == i) for i in range(k)] for c in target.ravel()])
    else:
        shares = np.moveaxis(target, min(1, target.ndim - 1), -1).reshape(-1, k)
    losses, counts = [], []
    for i, (row, share) in enumerate(zip(rows, shares, strict=True)):
        total = math.fsum(math.exp(v) for v in row)
        share = (1 - label_smoothing) * share + label_smoothing / k
        ignored = target.dtype.kind != "f" and target.ravel()[i] == ignore_index
        losses.append(
            0.0 if ignored else -math.fsum(w[c] * share[c] * math.log(math.exp(row[c]) / total) for c in range(k))
        )
        counts.append(0.0 if ignored else 1.0 if target.dtype.kind == "f" else w[target.ravel()[i]])
    if reduction == "none":
        rest = logits.shape[: min(1, logits.ndim - 1)] + logits.shape[min(1, logits.ndim - 1) + 1 :]
        return np.reshape(losses, rest)
    return math.fsum(losses) if reduction == "sum" else math.fsum(losses) / math.fsum(counts)


@given(
    shape=st.sampled_from([(3,), (1, 2), (4, 3), (2, 3, 4), (2, 2, 1, 3)]), seed=st.integers(0, 1000),
    soft=st.booleans(), weighted=st.booleans(), ignore=st.sampled_from([None, 0, -100]),
    label_smoothing=st.sampled_from([0.0, 0.1, 1.0]), reduction=st.sampled_from(["mean", "sum", "none"]),
)  # fmt: skip
def test_cross_entropy_equals_its_definition(shape, seed, soft, weighted, ignore, label_smoothing, reduction):
    rng = np.random.default_rng(seed)
    axis = min(1, len(shape) - 1)
    k, rest = shape[axis], shape[:axis] + shape[axis + 1 :]
    logits = rng.normal(size=shape)
    options = {"label_smoothing": label_smoothing, "reduction": reduction}
    options["weight"] = rng.uniform(0.1, 2, k) if weighted else None
    if soft:
        target = rng.uniform(size=shape)
        target /= target.sum(axis=axis, keepdims=True)
    else:
        target = rng.integers(0, k, rest)
        target = np.where(rng.random(rest) < 0.3, -100, target) if ignore == -100 else target
        options["ignore_index"] = ignore
        if ignore is not None and (target == ignore).all():
            target = np.full(rest, 1)
    loss = lambda x: tg.cross_entropy(x, target, **options)
    np.testing.assert_allclose(loss(logits), by_rows(logits, target, **options), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(loss(tg.Tensor(logits)).data, loss(logits), rtol=1e-15)
    assert loss(logits.astype(np.float32)).dtype == (np.float64 if soft else np.float32)
    tg.check_grad(loss, logits)
    if soft:
        tg.check_grad(lambda t: tg.cross_entropy(logits, tg.softmax(t, axis), **options), target)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_reductions_are_of_the_same_losses(loss):
    p, t = np.array([[0.25, -2.0], [3.0, 0.5]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    each = loss(p, t, reduction="none")
    assert each.shape == p.shape
    np.testing.assert_allclose(loss(p, t, reduction="sum"), each.sum(), rtol=1e-15)
    np.testing.assert_allclose(loss(p, t), each.mean(), rtol=1e-15)
    tg.check_grad(lambda p: loss(p, t, reduction="none"), p)
    with pytest.raises(ValueError, match=rf'{loss.__name__}: reduction is "mean", "sum" or "none", not \'avg\''):
        loss(p, t, reduction="avg")


@pytest.mark.parametrize(
    "dtype", [*INTEGERS, np.dtype(bool), np.dtype(">f4"), np.dtype(">f8"), np.dtype(">f2")], ids=str
)
def test_losses_and_activations_of_any_kind_of_numbers_are_those_of_floats(dtype):
    low, high = (0, 1) if dtype.kind in "bf" else (max(np.iinfo(dtype).min, -(2**40)), min(np.iinfo(dtype).max, 2**40))
    p, t = np.array([low, high, 1], dtype), np.array([high, low, 0], dtype)
    floats = lambda a: a.astype(dtype.newbyteorder("=") if dtype.kind == "f" else np.float64)
    for loss in (tg.mse_loss, tg.l1_loss, tg.huber_loss):
        np.testing.assert_array_equal(loss(p, t), loss(floats(p), floats(t)), strict=True)
        np.testing.assert_array_equal(loss(p, floats(t)), loss(floats(p), floats(t)), strict=True)
    ones = np.ones(3, dtype)
    for loss in (tg.hinge_loss, tg.binary_cross_entropy_with_logits):
        np.testing.assert_array_equal(loss(p, ones), loss(floats(p), floats(ones)), strict=True)
    for f in ACTIVATIONS:
        np.testing.assert_array_equal(f(p), f(floats(p)), strict=True)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_class_numbers_of_any_kind_of_integers(dtype):
    logits = np.random.default_rng(0).normal(size=(3, 3))
    expected = tg.cross_entropy(logits, [2, 0, 1])
    assert tg.cross_entropy(logits, np.array([2, 0, 1], dtype)) == expected
    assert tg.nn.Embedding(3, 2)(np.array([2, 0, 1], dtype)).shape == (3, 2)
    for wrong in (3, np.iinfo(dtype).max, *([-1] if dtype.kind == "i" else [])):
        bad = np.array([2, wrong, 1], dtype)
        with pytest.raises(ValueError, match="class numbers go from 0 to 2"):
            tg.cross_entropy(logits, bad)
        with pytest.raises(ValueError, match=f"takes numbers from 0 to 2; got .*{wrong}"):
            tg.nn.Embedding(3, 2)(bad)


@pytest.mark.parametrize(
    "target", [np.array([255, 1], np.uint8), np.array([127, 1], np.int8), np.array([-128, 1], np.int8)]
)
def test_numbers_whose_square_wraps_around_to_1_are_no_signs(target):
    with pytest.raises(ValueError, match="targets are -1 and 1"):
        tg.hinge_loss(np.ones(2), target)


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_tables_and_columns_are_taken_as_their_arrays(package):
    frames = pytest.importorskip(package)
    table = lambda a: frames.DataFrame({"a": a[:, 0], "b": a[:, 1]})
    rng = np.random.default_rng(0)
    p, t = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    assert float(tg.mse_loss(tg.Tensor(p), table(t))) == tg.mse_loss(table(p), t) == tg.mse_loss(p, t)
    classes, weight = frames.Series([0, 1, 1, 0]), frames.Series([1.0, 2.0])
    assert tg.cross_entropy(p, classes, weight=weight) == tg.cross_entropy(p, [0, 1, 1, 0], weight=[1, 2])
    for f in ACTIVATIONS:
        np.testing.assert_array_equal(f(table(p)), f(p), strict=True)


def test_columns_of_nullable_integers_and_of_text():
    p = np.ones((4, 2))
    assert tg.cross_entropy(p, pd.Series([0, 1, 1, 0], dtype="Int64")) == tg.cross_entropy(p, [0, 1, 1, 0])
    with pytest.raises(TypeError, match=r"the target is object; np\.unique\(names, return_inverse=True\)"):
        tg.cross_entropy(p, pd.Series(["a", "b", "b", "a"]))


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        (np.array([0, 1]), np.zeros((2, 3)), "pass the logits first, then the target"),
        (np.eye(2, 3), np.full((2, 3), -0.5), "pass the logits first, then the target"),
        (
            np.zeros((2, 4, 5)),
            np.zeros((2, 4), int),
            r"shape \(2, 5\).*has shape \(2, 4\).*np.moveaxis\(logits, -1, 1\)",
        ),
        (np.zeros((2, 3)), np.eye(2, 3, dtype=int), r"target.astype\(float\) makes probabilities of one-hot rows"),
        (np.zeros((2, 3)), np.array([0, -100]), "ignore_index=-100"),
    ],
)
def test_cross_entropy_says_what_to_write_instead(logits, target, message):
    with pytest.raises(ValueError, match=message):
        tg.cross_entropy(logits, target)


def test_options_of_cross_entropy_that_cannot_be_meant_are_refused():
    logits, soft = np.zeros((2, 3)), np.full((2, 3), 1 / 3)
    for kind, message, arguments, options in (
        (ValueError, r"weight holds one number for each class; .* have 3, .* \(2,\)", [0, 1], {"weight": [1.0, 2.0]}),
        (ValueError, "label_smoothing is a share from 0 to 1, not 1.5", [0, 1], {"label_smoothing": 1.5}),
        (ValueError, "ignore_index is for class numbers", soft, {"ignore_index": 0}),
        (ValueError, "no row counts", [1, 1], {"ignore_index": 1}),
        (ValueError, "no row counts", [1, 1], {"weight": [1.0, 0.0, 1.0]}),
        (ValueError, "reduction is", [1, 1], {"reduction": None}),
    ):
        with pytest.raises(kind, match=message):
            tg.cross_entropy(logits, arguments, **options)
    assert tg.cross_entropy(logits, [1, 1], ignore_index=1, reduction="sum") == 0
    assert tg.cross_entropy(logits, soft, ignore_index=-100) == tg.cross_entropy(logits, soft)  # PyTorch's default


@pytest.mark.parametrize(
    ("logits", "target"),
    [
        (np.zeros((3, 1)), np.array([[0.0], [1.0], [1.0]])),  # the softmax of one class is 1, whatever the logit
        (np.zeros(4), np.array([0.0, 1.0, 1.0, 0.0])),
        (np.zeros((2, 3)), np.array([[1.0, 1, 0], [0, 1, 0]])),
    ],
)
def test_targets_of_a_yes_or_no_for_each_logit_are_sent_to_the_loss_for_them(logits, target):
    with pytest.raises(ValueError, match=r"cross_entropy: .*binary_cross_entropy_with_logits takes a yes or no"):
        tg.cross_entropy(logits, target)
    assert tg.cross_entropy(np.zeros((2, 3)), np.array([[0.0, 0, 0], [0, 1, 0]])) == np.log(3) / 2
    assert tg.cross_entropy(np.zeros((2, 3)), np.full((2, 3), 0.5)) == pytest.approx(1.5 * np.log(3))


@pytest.mark.parametrize(
    "options",
    [
        {"reduction": "sum"}, {"label_smoothing": 0.1}, {"weight": [0.5, 1, 2]}, {"ignore_index": 2},
        {"weight": [0.5, 1, 2], "ignore_index": 0, "label_smoothing": 0.2, "reduction": "sum"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", [[0, 2, 1, 1], [1, 1, 0, 2], "soft"])
def test_a_recorded_loss_gives_the_same_numbers(options, target):
    rng = np.random.default_rng(0)
    if target == "soft":
        target, options = rng.dirichlet(np.ones(3), 4), {k: v for k, v in options.items() if k != "ignore_index"}
    target = np.asarray(target)
    loss = lambda x, t: tg.cross_entropy(x, t, **options)
    recorded, slope = tg.jit(loss), tg.jit(tg.value_and_grad(loss))
    for _ in range(3):
        x = rng.normal(size=(4, 3))
        target = np.roll(target, 1, axis=0)
        np.testing.assert_allclose(recorded(x, target), loss(x, target), rtol=1e-13)
        for a, b in zip(slope(x, target), tg.value_and_grad(loss)(x, target), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("loss", [tg.cross_entropy, tg.nll_loss])
def test_the_weights_of_classes_are_not_repeated_for_each_row(loss):
    step = tg.jit(lambda x, t: loss(x, t, weight=[0.5, 1, 2]))
    step(np.array([[-1.0, -2.0, -3.0], [-2.0, -1.0, -4.0]]), np.array([0, 2]))
    assert "np.array([0.5, 1.0, 2.0])" in step.source
    assert step.source.count("take_along_axis") == 1  # of the weights; an index picks the elements of rows sooner


def test_softmax_before_cross_entropy_and_sigmoid_before_its_loss_give_a_hint():
    x = tg.Tensor(np.random.default_rng(0).normal(size=(4, 3)))
    e = np.exp(x)
    for p in (tg.softmax(x), tg.softmax(x.data), tg.softmax(x.astype(np.float16)), e / e.sum(axis=1, keepdims=True)):
        with pytest.warns(UserWarning, match="cross_entropy: the first argument is a result of softmax already"):
            tg.cross_entropy(p, [0, 1, 2, 0])
    with pytest.warns(UserWarning, match="is a result of sigmoid already"):
        tg.binary_cross_entropy_with_logits(tg.sigmoid(x), np.ones((4, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for logits in (x, x / 2, np.exp(x), tg.log_softmax(x), np.eye(4, 3), np.zeros((4, 3)), np.ones((4, 1))):
            tg.cross_entropy(logits, [0, 0, 0, 0])


@given(d=st.floats(-3, 3), delta=st.floats(0.1, 2))
def test_the_second_derivative_of_huber_loss_is_1_within_delta_also_at_0(d, delta):
    for residual in (d, 0.0):
        hessian = tg.hessian(lambda x: tg.huber_loss(x, np.zeros(1), delta))(np.array([residual]))
        assert hessian.item() == (abs(residual) <= delta)
        slope = tg.grad(lambda x: tg.huber_loss(x, np.zeros(1), delta))(np.array([residual]))
        assert slope.item() == pytest.approx(np.clip(residual, -delta, delta))
