"""Initial weights: the spreads of their formulas, the options of PyTorch's functions, and shapes that do not fit."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import seeds, shapes

from tinygrad_edu import Tensor, nn

GAINS = {  # of torch==2.13.0
    ("linear", None): 1.0, ("sigmoid", None): 1.0, ("conv2d", None): 1.0, ("conv_transpose1d", None): 1.0,
    ("tanh", None): 1.6666666666666667, ("relu", None): 1.4142135623730951, ("selu", None): 0.75,
    ("leaky_relu", None): 1.4141428569978354, ("leaky_relu", 0.2): 1.3867504905630728,
}  # fmt: skip


@pytest.mark.parametrize(("name", "param"), GAINS)
def test_gains_are_pytorchs(name, param):
    assert nn.calculate_gain(name, param) == pytest.approx(GAINS[name, param], rel=1e-15)


SHAPE = (300, 100, 2)  # fan-in 200, fan-out 600
SPREADS = {
    partial(nn.he_normal, mode="fan_out"): (2 / 600) ** 0.5,
    partial(nn.he_uniform, mode="fan_out"): (2 / 600) ** 0.5,
    partial(nn.he_normal, nonlinearity="linear"): (1 / 200) ** 0.5,
    partial(nn.kaiming_uniform, a=0.5): (2 / 1.25 / 200) ** 0.5,
    partial(nn.kaiming_normal, mode="fan_out", nonlinearity="tanh"): 5 / 3 / 600**0.5,
    partial(nn.xavier_uniform, gain=3.0): 3 * (2 / 800) ** 0.5,
    partial(nn.xavier_normal, gain=0.5): 0.5 * (2 / 800) ** 0.5,
    partial(nn.normal, std=0.02): 0.02,
    partial(nn.uniform, a=-3.0, b=3.0): 3**0.5,
    partial(nn.trunc_normal, std=0.02): 0.02,
}


@pytest.mark.parametrize("init", SPREADS, ids=lambda f: f"{f.func.__name__} {f.keywords}")
def test_options_have_the_spread_of_their_formulas(init):
    w = init(SHAPE, 0)
    assert w.shape == SHAPE
    assert w.std() == pytest.approx(SPREADS[init], rel=0.02)
    assert abs(w.mean()) < 0.02 * SPREADS[init]
    np.testing.assert_array_equal(w, init(SHAPE, rng=np.random.default_rng(0)))


def test_numbers_have_their_mean():
    assert nn.normal((200, 200), 0, mean=5.0).mean() == pytest.approx(5, abs=0.03)
    assert nn.uniform(40_000, 0).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (0, 0.02, -2, 2), (1, 2, 0, 1.5), (0, 1, 4, 9), (5, 0.1, -math.inf, 4), (3, 1, 2.9, 3)],
)  # fmt: skip
def test_truncated_numbers_have_the_distribution_of_the_normal_one_within_the_limits(mean, std, a, b):
    x = nn.trunc_normal((20_000,), 1, mean, std, a, b)
    assert a <= x.min() <= x.max() <= b
    sign = -1 if mean < a else 1  # looks from the side of the tail, where it is exact
    cdf = lambda v: math.erfc(-sign * (v - mean) / std / 2**0.5)
    low, high = sorted((cdf(a), cdf(b)))
    shares = [(cdf(v) - low) / (high - low) for v in sign * np.sort(sign * x)]
    assert np.abs(shares - np.arange(20_000) / 20_000).max() < 0.015  # the test of Kolmogorov and Smirnov, at 2e-4


def test_truncated_numbers_refuse_limits_in_the_wrong_order():
    for options in ({"a": 2.0, "b": 1.0}, {"std": 0.0}, {"a": math.nan}):
        with pytest.raises(ValueError, match="trunc_normal: std must be positive, and a below b"):
            nn.trunc_normal((2, 2), 0, **options)


def test_distributions_may_differ_by_column():
    np.testing.assert_array_equal(nn.normal((9, 2), rng=0, std=np.array([0.0, 1.0]))[:, 0], 0)
    assert (nn.uniform((9, 2), rng=0, a=np.array([0.0, 5.0]), b=np.array([1.0, 6.0])) // 1 == [0, 5]).all()


def test_numbers_that_make_no_distribution_and_no_shape_are_named():
    for kind, words, init in (
        (ValueError, "normal: std is at least 0, not -1", lambda: nn.normal((2,), std=-1)),
        (ValueError, "uniform: a is at most b; got a=1, b=0", lambda: nn.uniform((2,), a=1, b=0)),
        (ValueError, r"he_normal: \(-1, 2\) is not a shape", lambda: nn.he_normal((-1, 2))),
        (ValueError, r"ones: \(-1,\) is not a shape", lambda: nn.ones(-1)),
        (TypeError, "he_uniform takes a shape", lambda: nn.he_uniform((2.5, 2))),
        (TypeError, r"Linear\(2 -> 1\): .* write init=constant\(0\.5\)", lambda: nn.Linear(2, 1, init=nn.constant)),
    ):
        with pytest.raises(kind, match=words):
            init()


@settings(max_examples=10)
@given(shapes(), seeds)
def test_those_without_fans_take_any_shape(shape, seed):
    for init in (nn.normal, nn.uniform, nn.trunc_normal, nn.ones, nn.zeros, nn.constant(2.0)):
        w = init(shape, seed)
        assert (w.shape, w.dtype) == (shape, np.float64)
        assert init(list(shape), seed).shape == shape
    assert (nn.ones(shape) == 1).all()


def test_the_unit_matrix_passes_inputs_on():
    layer = nn.Linear(3, 2, bias=False, init=nn.eye)
    assert layer(np.array([5.0, 6.0, 7.0])).data.tolist() == [5, 6]
    with pytest.raises(ValueError, match=r"eye: weights have a shape \(out, in\), not \(3,\)"):
        nn.eye(3)


@pytest.mark.parametrize("init", [nn.normal, nn.uniform, nn.trunc_normal, nn.ones, nn.zeros, nn.eye, nn.constant(1)])
@pytest.mark.parametrize("given", [Tensor(np.ones((2, 2))), (2.0, 2), "22", None])
def test_a_tensor_to_be_filled_is_answered_with_the_remedy(init, given):
    with pytest.raises(TypeError, match=r"takes a shape and returns an array; .* \(p\.data\[\.\.\.\] = .*\(p\.shape\)"):
        init(given)


def test_layers_refuse_what_is_no_initializer():
    with pytest.raises(TypeError, match=r"Linear\(2 -> 3\): init is a function of a shape .* not 'zeros'"):
        nn.Linear(2, 3, init="zeros")
    with pytest.raises(ValueError, match=r"Linear\(2 -> 3\): weights have the shape .*, and init returned \(3,\)"):
        nn.Linear(2, 3, init=lambda shape, rng: np.zeros(3))


def test_wrong_modes_and_names_are_answered_with_the_right_ones():
    with pytest.raises(ValueError, match='he_normal: mode is "fan_in" or "fan_out", not \'in\''):
        nn.he_normal((2, 3), mode="in")
    with pytest.raises(
        ValueError, match=r"calculate_gain: there is no gain for 'swish', only for linear, .*tanh, relu"
    ):
        nn.he_uniform((2, 3), nonlinearity="swish")
    with pytest.raises(
        AttributeError, match=r"no attribute 'xavier_uniform_'; write p\.data\[\.\.\.\] = xavier_uniform"
    ):
        nn.init.xavier_uniform_(nn.Linear(2, 2).weight)
    with pytest.raises(AttributeError, match=r"no attribute 'constant_'; write p\.data\[\.\.\.\] = value"):
        nn.init.constant_(nn.Linear(2, 2).weight, 1.0)
    with pytest.raises(AttributeError, match=r"no attribute 'dirac_'$"):
        nn.init.dirac_(nn.Linear(2, 2).weight)
