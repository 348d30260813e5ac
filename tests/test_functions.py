"""Activations and losses equal their definitions, and losses raise errors for wrong arguments."""

import numpy as np
import pytest
from hypothesis import given
from strategies import arrays

import tinygrad_edu as tg
from tinygrad_edu.engine.rules.activations import erf

P, T = np.array([[0.25], [-2.0], [3.0]]), np.array([[1.0], [0.0], [0.0]])
ELEMENTWISE = [tg.mse_loss, tg.l1_loss, tg.huber_loss, tg.hinge_loss, tg.binary_cross_entropy_with_logits]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (tg.mse_loss, (0.75**2 + 4 + 9) / 3),
        (tg.l1_loss, (0.75 + 2 + 3) / 3),
        (tg.huber_loss, (0.75**2 / 2 + 1.5 + 2.5) / 3),
        (tg.binary_cross_entropy_with_logits, np.mean(np.log1p(np.exp(P)) - T * P)),
    ],
)
def test_losses_are_means_of_their_definitions(loss, expected):
    np.testing.assert_allclose(float(loss(tg.Tensor(P), T)), expected, rtol=1e-15)
    np.testing.assert_allclose(loss(P, T), expected, rtol=1e-15)
    tg.check_grad(loss, P, 0.1 + 0.8 * T)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_a_column_never_broadcasts_against_a_row(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: .*\(3, 1\).*\(3,\).*reshape"):
        loss(tg.Tensor(P), T[:, 0])


def test_cross_entropy_is_minus_the_log_likelihood_of_the_class():
    logits, target = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), np.array([2, 0])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(float(tg.cross_entropy(tg.Tensor(logits), target)), -np.log(p[[0, 1], target]).mean())
    np.testing.assert_allclose(float(tg.cross_entropy(tg.Tensor(logits[0]), 2)), -np.log(p[0, 2]))
    tg.check_grad(lambda x: tg.cross_entropy(x, target), logits)


def test_cross_entropy_refuses_wrong_class_numbers():
    logits = tg.Tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*\(2,\).*target has shape \(2, 1\); target\[\.\.\., 0\]"):
        tg.cross_entropy(logits, [[0], [1]])
    for several in (np.zeros((2, 3, 4)), np.zeros(())):
        with pytest.raises(ValueError, match="need one class number for each row"):
            tg.cross_entropy(tg.Tensor(several), np.zeros(several.shape[:-1], int))
    with pytest.raises(TypeError, match="class numbers are integers, and the target is float64"):
        tg.cross_entropy(logits, [0.0, 1.0])
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match="class numbers go from 0 to 2"):
            tg.cross_entropy(logits, bad)


def test_hinge_loss_asks_no_more_than_a_margin_of_one():
    p, t = np.array([3.0, -0.5, -2.0]), np.array([1, 1, -1])
    assert tg.hinge_loss(p, t) == float(tg.hinge_loss(tg.Tensor(p), t)) == 1.5 / 3
    tg.check_grad(lambda p: tg.hinge_loss(p, t), p)


@pytest.mark.parametrize("target", [[0, 1], [-1, 2], [0.5, np.nan]])
def test_hinge_loss_refuses_targets_other_than_1_and_minus_1(target):
    with pytest.raises(ValueError, match=r"hinge_loss: targets are -1 and 1.*2 \* target - 1"):
        tg.hinge_loss(tg.Tensor([1.0, 2.0]), target)


@pytest.mark.parametrize("target", [[0, 1.01], [-0.01, 1], [0.5, np.nan]])
def test_binary_cross_entropy_refuses_targets_that_are_not_probabilities(target):
    with pytest.raises(ValueError, match=r"targets are probabilities, from 0 to 1.*logits first"):
        tg.binary_cross_entropy_with_logits(tg.Tensor([1.0, 2.0]), target)


def test_huber_loss_needs_a_positive_delta():
    with pytest.raises(ValueError, match="delta must be positive"):
        tg.huber_loss(P, T, delta=0.0)


@given(arrays(low=-5, high=5))
def test_activations_match_their_formulas(x):
    np.testing.assert_allclose(tg.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-13)
    np.testing.assert_allclose(tg.softplus(x), np.log1p(np.exp(x)), rtol=1e-13)
    np.testing.assert_array_equal(tg.relu(x), np.maximum(x, 0))
    np.testing.assert_array_equal(tg.leaky_relu(x), np.where(x > 0, x, 0.01 * x))
    np.testing.assert_array_equal(tg.leaky_relu(x, 0.1), np.where(x > 0, x, 0.1 * x))


@pytest.mark.parametrize("f", [tg.gelu, lambda x: tg.gelu(x, "tanh"), tg.silu], ids=["gelu", "gelu-tanh", "silu"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gelu_and_silu_of_large_inputs_are_exact_without_warnings(f, dtype):
    far = np.finfo(dtype).max / 4
    x = np.array([-far, -50, 50, far], dtype)
    slope = tg.grad(lambda x: np.sum(f(x)))
    for array, expected in [
        (f(x), [0, 0, 50, far]),
        (slope(x), [0, 0, 1, 1]),
        (tg.grad(lambda x: np.sum(slope(x)))(x), [0, 0, 0, 0]),
    ]:
        assert array.dtype == dtype
        np.testing.assert_allclose(array, expected, atol=1e-19)
    near = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(f(near.astype(dtype)), f(near), atol=20 * np.finfo(dtype).eps)


@given(arrays(low=-5, high=5))
def test_gelu_and_silu_have_the_derivatives_of_their_formulas(x):
    density, share = np.exp(-x * x / 2) / np.sqrt(2 * np.pi), (1 + erf(x / np.sqrt(2))) / 2
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(tg.gelu(x), x * share, atol=1e-15)
    np.testing.assert_allclose(tg.silu(x), x * s, rtol=1e-14)
    for f, slope in [(tg.gelu, share + x * density), (tg.silu, s * (1 + x * (1 - s)))]:
        np.testing.assert_allclose(tg.grad(lambda x, f=f: np.sum(f(x)))(x), slope, atol=1e-13)
    for f in (tg.gelu, tg.silu, lambda x: tg.gelu(x, "tanh")):
        tg.check_grad(f, x)


def test_activations_take_numbers_and_values():
    assert tg.relu(-1) == 0
    assert tg.sigmoid(0.0) == 0.5
    v = tg.Value(0.5)
    y = tg.sigmoid(v) + tg.relu(v) + tg.softplus(v) + tg.silu(v)
    y.backward()
    s = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(v.grad, s * (1 - s) + 1 + s + s * (1 + 0.5 * (1 - s)), rtol=1e-14)
    assert type(tg.gelu(v).data) is float
    assert float(tg.gelu(v)) == tg.gelu(0.5) == pytest.approx(0.345731230637)
    assert float(tg.gelu(v, "tanh")) == tg.gelu(0.5, "tanh") == pytest.approx(0.345714)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_softmax_sums_to_one_along_its_axis(axis):
    x = tg.Tensor(np.arange(6.0).reshape(2, 3))
    np.testing.assert_allclose(np.sum(tg.softmax(x, axis=axis), axis=axis).data, 1, rtol=1e-15)
    np.testing.assert_allclose(np.exp(tg.log_softmax(x, axis=axis)).data, tg.softmax(x, axis=axis).data, rtol=1e-14)


def test_lists_and_integers_are_accepted_as_arrays():
    x = [1, -2]
    for f in (
        tg.relu,
        tg.leaky_relu,
        tg.sigmoid,
        tg.softplus,
        tg.gelu,
        tg.silu,
        tg.softmax,
        tg.log_softmax,
        tg.logsumexp,
    ):
        np.testing.assert_array_equal(f(x), f(np.array(x, float)))
        np.testing.assert_array_equal(f(np.array(x)), f(np.array(x, float)))
    assert tg.hinge_loss([1.0, 2.0], [1, -1]) == 1.5
    assert tg.cross_entropy([[0.0, 0.0]], [0]) == np.log(2)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_softmax_and_logsumexp_are_their_definitions(axis):
    x = np.random.default_rng(0).uniform(-2, 2, (2, 1, 3))
    total = np.exp(x).sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(tg.softmax(x, axis), np.exp(x) / total, rtol=1e-14)
    np.testing.assert_allclose(tg.log_softmax(x, axis), x - np.log(total), rtol=1e-13)
    np.testing.assert_allclose(tg.logsumexp(x, axis, keepdims=True), np.log(total), rtol=1e-14, strict=True)
    np.testing.assert_allclose(tg.logsumexp(x, axis), np.log(np.exp(x).sum(axis=axis)), rtol=1e-14, strict=True)


def test_softmax_goes_along_the_last_axis_and_logsumexp_over_all():
    x = np.random.default_rng(0).uniform(-2, 2, (2, 3, 4))
    np.testing.assert_array_equal(tg.softmax(x), tg.softmax(x, axis=2))
    np.testing.assert_array_equal(tg.log_softmax(x), tg.log_softmax(x, axis=2))
    np.testing.assert_allclose(tg.logsumexp(x), np.log(np.exp(x).sum()), rtol=1e-15)


def test_softmax_and_logsumexp_take_empty_arrays():
    x = np.zeros((2, 0))
    assert tg.softmax(x).shape == tg.log_softmax(x, axis=0).shape == (2, 0)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(tg.logsumexp(x, axis=1), [-np.inf, -np.inf])
