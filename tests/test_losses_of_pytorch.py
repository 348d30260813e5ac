"""Losses that PyTorch has too: values, gradients, edge cases and reductions are PyTorch's, also when recorded."""

import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import arrays, seeds, shapes

import tinygrad_edu as tg

CASES = json.loads((Path(__file__).parent / "expected" / "losses.json").read_text("utf-8"))  # by losses.py
LOSSES = sorted({case[0] for case in CASES})


def call(loss, options):
    """Return a loss with PyTorch's options, whose arrays are given as lists."""
    axis = {"axis": options["dim"]} if "dim" in options else {}
    options = {k: np.array(v) if isinstance(v, list) else v for k, v in options.items() if k != "dim"}
    return lambda *args: getattr(tg, loss)(*args, **options, **axis)


@pytest.mark.parametrize("loss", LOSSES)
def test_values_and_gradients_are_pytorchs(loss):
    for _, options, arguments, results in (case for case in CASES if case[0] == loss):
        for kind, expected in results.items():
            xs = [tg.Tensor(a) if a.dtype.kind == "f" else a for a in map(np.array, arguments)]
            y = call(loss, options | ({"reduction": kind} if kind else {}))(*xs)
            close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-13, err_msg=f"{options}, {kind}")
            close(y.data, expected["value"])
            y.backward(np.cos(np.arange(y.size)).reshape(y.shape))
            for x, g in zip(xs, expected["gradients"], strict=False):
                if g is not None:
                    close(x.grad, g)


@pytest.mark.parametrize("loss", LOSSES)
def test_recorded_ones_are_equal_and_float32_stays_float32(loss):
    _, options, arguments, _ = [case for case in CASES if case[0] == loss][-1]
    xs, f = [np.array(a) for a in arguments], call(loss, options)
    total = lambda *xs: np.sum(f(*xs))
    recorded = tg.jit(tg.value_and_grad(total))
    for _ in range(2):
        for a, b in zip(recorded(*xs), tg.value_and_grad(total)(*xs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    options = {k: np.float32(v) if isinstance(v, list) else v for k, v in options.items()}
    f, shorter = call(loss, options), [a.astype(np.float32) if a.dtype.kind == "f" else a for a in xs]
    y, slope = tg.value_and_grad(total)(*shorter)
    assert (y.dtype, slope.dtype) == (np.float32, np.float32)
    assert f(shorter[0], *[a.astype(int) for a in shorter[1:-1]], shorter[-1].astype(int)).dtype == np.float32


def test_weights_in_float64_and_plain_numbers_and_lists_leave_float32_as_it_is():
    x, w = np.array([[0.25, 0.5], [0.75, 1.0]], np.float32), np.array([1.0, 2.0])
    for loss in (tg.binary_cross_entropy, tg.binary_cross_entropy_with_logits):
        assert {loss(x, x, weight=weight).dtype for weight in (w, [1.0, 2.0], 2.0)} == {np.dtype(np.float32)}
    assert tg.binary_cross_entropy_with_logits(x, x, pos_weight=w).dtype == np.float32
    assert {tg.gaussian_nll_loss(x, x, var).dtype for var in (2.0, [1.0, 2.0])} == {np.dtype(np.float32)}
    for loss in (tg.mse_loss, tg.l1_loss, tg.huber_loss, tg.binary_cross_entropy, tg.kl_div):
        assert loss(x[0], [0.5, 0.25]).dtype == np.float32


@st.composite
def calls(draw):
    """Draw a loss with its options and arguments, away from kinks: (function, arguments to differentiate)."""
    shape = draw(shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    of = lambda low, high, **away: draw(arrays(shape=shape, low=low, high=high, **away))
    reduction = draw(st.sampled_from(["none", "sum", "mean"]))
    x, p, q = of(-1, 1), of(0.1, 0.9), of(0.1, 0.9)
    signs = np.where(of(-1, 1) > 0, 1, -1)
    loss = draw(st.sampled_from(LOSSES))
    if loss == "smooth_l1_loss":
        beta = draw(st.sampled_from([0.0, 0.5, 1.0]))
        return lambda d: tg.smooth_l1_loss(x + d, x, beta, reduction=reduction), (
            of(-2, 2, away=[-1, -0.5, 0, 0.5, 1]),
        )
    if loss == "binary_cross_entropy":
        return lambda p, q: tg.binary_cross_entropy(p, q, abs(x), reduction=reduction), (p, q)
    if loss == "binary_cross_entropy_with_logits":
        options = {"reduction": reduction, "weight": abs(x), "pos_weight": 2.0}
        return lambda x, q: tg.binary_cross_entropy_with_logits(x, q, **options), (x, q)
    if loss == "kl_div":
        options = {"log_target": draw(st.booleans()), "reduction": draw(st.sampled_from([reduction, "batchmean"]))}
        return lambda x, t: tg.kl_div(x, t, **options), (x, np.log(q) if options["log_target"] else q)
    if loss == "poisson_nll_loss":
        options = {"log_input": draw(st.booleans()), "full": draw(st.booleans()), "reduction": reduction}
        return lambda p, t: tg.poisson_nll_loss(p, t, **options), (p, of(0.2, 3, away=[1]))
    if loss == "gaussian_nll_loss":
        var = draw(st.sampled_from([p, p[..., 0], p[..., :1]]))
        options = {"full": draw(st.booleans()), "reduction": reduction}
        return lambda x, t, v: tg.gaussian_nll_loss(x, t, v, **options), (x, q, var)
    if loss == "cosine_similarity":
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        return lambda a, b: tg.cosine_similarity(a, b, axis), (p, x + 2)
    if loss == "triplet_margin_loss":
        options = {"margin": 9.0, "p": draw(st.sampled_from([1, 2, 3.5])), "reduction": reduction}
        return lambda a, b, c: tg.triplet_margin_loss(a, b, c, **options), (x, x + p, x - q - 1)
    if loss == "margin_ranking_loss":
        return lambda a, b: tg.margin_ranking_loss(a, b, signs, 3.0, reduction=reduction), (x, p)
    assert loss == "nll_loss"
    axis = min(1, len(shape) - 1)
    rest = shape[:axis] + shape[axis + 1 :]
    target = np.random.default_rng(draw(seeds)).integers(0, shape[axis], rest)
    weight = draw(st.sampled_from([None, 1 + np.arange(shape[axis])]))
    return lambda x: tg.nll_loss(x, target, weight, reduction=reduction), (x,)


@settings(max_examples=40)
@given(calls())
def test_derivatives_match_finite_differences_to_second_order(drawn):
    f, args = drawn
    tg.check_grad(f, *args)


def test_smooth_l1_loss_of_a_small_beta_has_finite_gradients_far_out():
    for dtype, beta, far in ((np.float16, 1e-3, 1000), (np.float32, 1e-3, 1e38), (np.float64, 1e-9, 1e300)):
        x = tg.Tensor(np.array([-far, 0, far], dtype))
        tg.smooth_l1_loss(x, np.zeros(3, dtype), beta, reduction="sum").backward()
        assert x.grad.tolist() == [-1, 0, 1]


SIX = [tg.smooth_l1_loss, tg.binary_cross_entropy, tg.kl_div, tg.poisson_nll_loss]


@pytest.mark.parametrize("loss", SIX)
def test_a_column_never_broadcasts_against_a_row(loss):
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: .*\(3, 1\).*\(3,\).*reshape"):
        loss(np.full((3, 1), 0.5), np.full(3, 0.5))
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: reduction is .*\"none\", not 'avg'"):
        loss(np.full(3, 0.5), np.full(3, 0.5), reduction="avg")


REFUSED = {
    "smooth_l1_loss(x, x, -1.0)": "beta must not be negative, got -1.0",
    "binary_cross_entropy(3 * x, x)": "predictions are probabilities, from 0 to 1; .*_with_logits takes scores",
    "binary_cross_entropy(x, 3 * x)": "targets are probabilities, from 0 to 1; pass the predictions first",
    "binary_cross_entropy(x, x, np.ones(3))": r"weight has shape \(3,\), .* broadcast to that of the losses, \(2, 2\)",
    "binary_cross_entropy_with_logits(x, x, pos_weight=np.ones((2, 2, 2)))": r"pos_weight has shape \(2, 2, 2\)",
    "kl_div(-x, -x)": "the target holds probabilities, and some are negative; with log_target=True it holds logarithms",
    "kl_div(-x, x, reduction='x')": "reduction is \"mean\", \"batchmean\", \"sum\" or \"none\", not 'x'",
    "mse_loss(x, x, reduction='batchmean')": "reduction is \"mean\", \"sum\" or \"none\", not 'batchmean'",
    "gaussian_nll_loss(x, x, -x)": "var holds variances, and some are negative",
    "gaussian_nll_loss(x, x, x, eps=0)": "eps must be positive, got 0",
    "gaussian_nll_loss(x, x, np.ones(3))": r"shape \(2, 2\), so var has this shape, \(2,\), or .* length 1, not \(3,\)",
    "cosine_similarity(x, x[:, :1].repeat(3, 1))": r"x1 has shape \(2, 2\) and x2 \(2, 3\)",
    "cosine_similarity(x, x, axis=2)": r"of shape \(2, 2\) have no axis 2; axis=-1 is the last",
    "triplet_margin_loss(x, x, x[0])": r"the anchor has shape \(2, 2\) and the negative \(2,\)",
    "triplet_margin_loss(x, x, x, margin=0)": "margin must be positive, got 0",
    "triplet_margin_loss(1.0, 2.0, 3.0)": "anchor holds vectors along its last axis, and it is a single number",
    "margin_ranking_loss(x, x[0], x)": r"the x1 has shape \(2, 2\) and the x2 \(2,\)",
    "margin_ranking_loss(x, x, x)": "targets are 1, where x1 should be larger, and -1",
    "nll_loss(-x, [[0], [1]])": r"log-probabilities of shape \(2, 2\) need one class number for each row, .*",
    "nll_loss(-x, [0, 2])": "class numbers go from 0 to 1 for log-probabilities",
    "nll_loss(-x, np.eye(2))": "target.argmax",
    "nll_loss(-x, [0, 1], [1.0])": "scores of shape .* have 2, and weight has shape",
    "nll_loss(-x, [1, 1], ignore_index=1)": "no row counts",
}  # fmt: skip


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_meant_is_refused_in_the_terms_of_the_loss(code):
    loss = code.partition("(")[0]
    with pytest.raises(ValueError, match=f"^{loss}: .*{REFUSED[code]}"):
        eval(f"tg.{code}", {"tg": tg, "np": np, "x": np.full((2, 2), 0.5)})


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "kl_div", "margin_ranking_loss", "gaussian_nll_loss"])
@pytest.mark.parametrize("wrong", ["ab", None, ["a", "b"], [1.0, None], {"a": 1}, np.array([1, 2], "M8[s]")], ids=str)
def test_what_holds_no_numbers_is_named(loss, wrong):
    x = np.full(2, 0.5)
    for i in range(3 if loss in ("margin_ranking_loss", "gaussian_nll_loss") else 2):
        args = [x, x, *[x] * (loss in ("margin_ranking_loss", "gaussian_nll_loss"))]
        args[i] = wrong
        with pytest.raises(TypeError, match=rf"^{loss}: the \w+ (holds|is|is an?) \S+, and the loss takes numbers$"):
            getattr(tg, loss)(*args)


def test_dim_is_called_axis():
    with pytest.raises(TypeError, match="cosine_similarity: there is no argument dim=; write axis="):
        tg.cosine_similarity(np.eye(2), np.eye(2), dim=1)


def test_float_class_numbers_are_refused_by_nll_loss():
    with pytest.raises(TypeError, match=r"nll_loss: class numbers are integers, and the target is float64; .*astype"):
        tg.nll_loss(np.zeros((2, 2)), [0.0, 1.0])


def test_where_a_probability_is_0_nothing_becomes_nan():
    q, t = np.array([0.0, 0.5, 0.5]), np.array([0.0, 0.0, 1.0])
    with np.errstate(divide="ignore"):
        log_q, log_t = np.log(q), np.log(t)
    for target, log_target in ((t, False), (log_t, True)):
        f = lambda x, target=target, log_target=log_target: tg.kl_div(x, target, log_target=log_target, reduction="sum")
        assert f(log_q) == pytest.approx(np.log(2))
        assert tg.grad(f)(log_q).tolist() == [0, 0, -1]
    loss, slope = tg.value_and_grad(lambda p: tg.binary_cross_entropy(p, [1, 0]))(np.array([0.0, np.nan]))
    assert np.isnan(loss)
    assert np.isfinite(slope[0])


def test_two_vectors_have_one_similarity_and_infinite_variances_are_kept():
    assert tg.cosine_similarity([3.0, 0.0], [1.0, 1.0]) == pytest.approx(0.5**0.5)
    assert tg.cosine_similarity([3e200, 0.0], [1e-5, 1e-5]) == pytest.approx(0.5**0.5)
    assert tg.gaussian_nll_loss([1.0], [0.0], [np.inf]) == np.inf
    assert tg.gaussian_nll_loss(2.0, 0.0, 1.0) == 2


def test_probabilities_where_logarithms_belong_give_a_hint():
    x = tg.Tensor(np.random.default_rng(0).normal(size=(4, 3)))
    with pytest.warns(UserWarning, match=r"nll_loss: the first argument is a result of softmax.*log_softmax"):
        tg.nll_loss(tg.softmax(x), [0, 1, 2, 0])
    with pytest.warns(UserWarning, match=r"kl_div: the first argument is a result of softmax.*log_softmax"):
        tg.kl_div(tg.softmax(x), np.full((4, 3), 1 / 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(tg.nll_loss(tg.log_softmax(x), [0, 1, 2, 0])) == float(tg.cross_entropy(x, [0, 1, 2, 0]))


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("options", [{"reduction": "batchmean"}, {}])
def test_the_mean_divergence_of_no_rows_is_nan_as_other_means_are(options):
    assert np.isnan(tg.kl_div(np.zeros((0, 3)), np.zeros((0, 3)), **options))
    assert tg.grad(lambda x: tg.kl_div(x, np.zeros((0, 3)), **options))(np.zeros((0, 3))).shape == (0, 3)
    x = np.log([[0.5, 0.5], [0.25, 0.75]])
    expected = np.mean(np.sum(tg.kl_div(x, x, reduction="none", log_target=True), axis=1))
    np.testing.assert_allclose(tg.kl_div(x, x, reduction="batchmean", log_target=True), expected, atol=1e-16)


@pytest.mark.parametrize(("dtype", "size"), [(np.float16, 300.0), (np.float32, 1e30), (np.float64, 1e200)])
def test_a_gaussian_likelihood_is_finite_where_squares_leave_the_range(dtype, size):
    x, var = dtype([size, -size]), dtype([100 * size] * 2)
    f = lambda x, var: tg.gaussian_nll_loss(x, dtype([0, 0]), var, reduction="sum")
    np.testing.assert_allclose(f(x, var), np.log(100 * size) + size / 100, rtol=2e-3)
    by_x, by_var = tg.grad(f, argnums=(0, 1))(x, var)
    np.testing.assert_allclose(by_x, [0.01, -0.01], rtol=2e-3)
    np.testing.assert_allclose(by_var, [(1 - size / 100) / (200 * size)] * 2, rtol=2e-2)


def test_a_gaussian_likelihood_of_float16_is_finite_where_the_variance_is_tiny():
    x, var = np.float16([0.1]), np.float16([0.0])  # which counts as eps
    eps = float(np.float16(1e-6))
    expected = (np.log(eps) + float(x[0]) ** 2 / eps) / 2
    loss = tg.gaussian_nll_loss(tg.Tensor(x), np.float16([0.0]), var)
    assert loss.dtype == np.float16
    np.testing.assert_allclose(loss.data, expected, rtol=1e-3)
