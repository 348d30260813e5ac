"""Normalizing layers at the limits of their dtypes, and their options, by independent formulas in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu import Tensor, check_grad, jit, nn

STEPS = np.array([0.0, 300, 600, 900])
LIMITS = [(np.float16, 1), (np.float16, 70), (np.float32, 1e17), (np.float32, 1e20), (np.float32, 3e35), (float, 1e305)]


def in_dtype(layer, dtype):
    for t in layer.tensors().values():
        t.data = t.data.astype(dtype)
    return layer


def slope(layer, x, g):
    """The gradient of sum(layer(x) * g)."""
    x = Tensor(x)
    layer(x).backward(g)
    return x.grad


def normalized(x, axis, eps=1e-5):
    """The definition, in the widest float that NumPy has."""
    x = np.asarray(x, np.longdouble)
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


@pytest.mark.parametrize(("dtype", "factor"), LIMITS)
def test_large_numbers_are_normalized_as_small_ones_are(dtype, factor):
    x, g = (STEPS * factor).astype(dtype), np.array([1, -2, 3, 5], dtype)
    tolerance = 1e-5 if dtype is not np.float16 else 2e-3
    layer = in_dtype(nn.LayerNorm(4), dtype)
    y = layer(Tensor(x))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.data, normalized(x, -1).astype(float), rtol=tolerance)
    expected = slope(nn.LayerNorm(4), STEPS, g.astype(float)) / factor
    np.testing.assert_allclose(slope(layer, x, g), expected, rtol=2 * tolerance, atol=1e-7 / factor)
    layer = in_dtype(nn.BatchNorm1d(1), dtype)
    with np.errstate(over="ignore"):  # of the running variance, which may be no number of this dtype
        y = layer(Tensor(x[:, None]))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.data[:, 0], normalized(x, 0).astype(float), rtol=tolerance)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * 450 * float(factor), rtol=tolerance)


def test_the_running_statistics_of_float16_batches_are_right():
    layer = in_dtype(nn.BatchNorm1d(1), np.float16)
    layer(STEPS.astype(np.float16)[:, None])
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * STEPS.var(ddof=1), rtol=1e-3)
    y = layer.eval()(Tensor(STEPS.astype(np.float16)[:, None]))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.data[:, 0], (STEPS - 45) / np.sqrt(15000.9), rtol=2e-3)


@given(
    exponents=st.lists(st.integers(-30, 37), min_size=1, max_size=5), seed=st.integers(0, 100),
    length=st.sampled_from([2, 3, 4000]),
)  # fmt: skip
def test_rows_and_columns_of_any_size_are_normalized_each_by_itself(exponents, seed, length):
    rng = np.random.default_rng(seed)
    x = (rng.uniform(-3, 3, (length, len(exponents))) * 10.0 ** np.array(exponents)).astype(np.float32)
    with np.errstate(over="ignore"):
        columns = nn.BatchNorm1d(len(exponents))(Tensor(x))
    expected = normalized(x, 0).astype(float)
    np.testing.assert_allclose(columns.data, expected, rtol=1e-4, atol=1e-5)
    rows = nn.LayerNorm(length)(Tensor(np.ascontiguousarray(x.T)))
    np.testing.assert_allclose(rows.data, expected.T, rtol=1e-4, atol=1e-5)


def test_a_row_with_nan_or_infinity_spoils_no_other():
    x = np.array([[1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0], [3.0, 1.0]])
    with np.errstate(invalid="ignore"):
        y = nn.LayerNorm(2)(x).data
    np.testing.assert_allclose(y[[0, 3]], normalized(x[[0, 3]], -1).astype(float), rtol=1e-12)
    assert np.isnan(y[[1, 2]]).any(axis=1).all()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("tracking", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_normalization_with_and_without_parameters_and_statistics(affine, tracking, momentum):
    layer = nn.BatchNorm1d(3, 1e-5, momentum, affine, tracking)
    names = ["weight", "bias"] * affine + ["running_mean", "running_var", "num_batches_tracked"] * tracking
    assert list(layer.state_dict()) == names
    rng = np.random.default_rng(0)
    batches = rng.normal(2.0, 3.0, (4, 6, 3))
    for x in batches:
        np.testing.assert_allclose(layer(Tensor(x)).data, normalized(x, 0).astype(float))
    layer.eval()
    x = batches[0]
    if tracking:
        for name, values in (("running_mean", batches.mean(axis=1)), ("running_var", batches.var(axis=1, ddof=1))):
            expected = float(name == "running_var")
            for i, v in enumerate(values):
                share = 0.1 if momentum else 1 / (i + 1)
                expected = (1 - share) * expected + share * v
            np.testing.assert_allclose(getattr(layer, name).data, expected, rtol=1e-12)
        expected = (x - layer.running_mean.data) / np.sqrt(layer.running_var.data + 1e-5)
    else:
        expected = normalized(x, 0).astype(float)
        with pytest.raises(ValueError, match="one number per feature has no variance"):
            layer(x[:1])
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-12)
    check_grad(layer, x)
    check_grad(layer.train(), x)
    off = [", affine=False"] * (not affine) + [", track_running_stats=False"] * (not tracking)
    assert layer.describe() == f"BatchNorm1d(3{''.join(off)})"


def test_layer_normalization_without_bias_or_parameters():
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    for options, names, name in (
        ({"bias": False}, ["weight"], "LayerNorm(3, 2, bias=False)"),
        ({"elementwise_affine": False}, [], "LayerNorm(3, 2, elementwise_affine=False)"),
    ):
        layer = nn.LayerNorm((3, 2), **options)
        assert list(layer.state_dict()) == names
        assert layer.describe() == name
        np.testing.assert_allclose(layer(Tensor(x)).data, normalized(x, (1, 2)).astype(float), rtol=1e-12)
        check_grad(layer, x)


def test_the_remedy_for_a_batch_of_one_is_drop_last():
    with pytest.raises(ValueError, match=r"drop_last=True in fit and batches"):
        nn.BatchNorm1d(2)(np.zeros((1, 2)))


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}], ids=str)
@pytest.mark.parametrize("run", [lambda f: f, jit], ids=["eager", "jit"])
def test_an_empty_batch_is_counted_and_changes_no_statistics(shape, options, run):
    layer = nn.BatchNorm1d(3, dtype=np.float32, **options)

    def step(x):
        layer.zero_grad()
        y = layer(x)
        np.sum(y * 2).backward()
        return y

    x = Tensor(np.ones(shape, np.float32))
    y = run(step)(x)
    assert (y.shape, y.dtype, x.grad.shape) == (shape, np.float32, shape)
    expected = {"running_mean": np.zeros(3), "running_var": np.ones(3), "num_batches_tracked": 1}
    for name, a in layer.state_dict().items():
        np.testing.assert_array_equal(a, expected.get(name, a))
    for p in layer.parameters():
        np.testing.assert_array_equal(p.grad, np.zeros(3, np.float32), strict=True)


@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}], ids=str
)
def test_a_recorded_batch_normalization_gives_the_same_numbers_and_statistics(options):
    one, other = nn.BatchNorm1d(3, **options), nn.BatchNorm1d(3, **options)
    recorded = jit(lambda x: one(x))
    rng = np.random.default_rng(0)
    for factor in (1.0, 3.0, 1e200, 1.0):
        x = rng.normal(size=(5, 3)) * factor
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(np.asarray(recorded(x).data), other(Tensor(x)).data, rtol=1e-12)
        if factor > 1e100:
            other.load_state_dict({k: np.ones_like(v) for k, v in other.state_dict().items()})
            one.load_state_dict(other.state_dict())
        for name, a in one.state_dict().items():
            np.testing.assert_allclose(a, other.state_dict()[name], rtol=1e-12)


def test_a_recorded_layer_normalization_follows_the_size_of_its_input():
    layer = nn.LayerNorm(4, bias=False)
    recorded = jit(lambda x: layer(x))
    for factor in (1.0, 1e200, 1e-200, 1e300):
        x = np.random.default_rng(0).normal(size=(3, 4)) * factor
        np.testing.assert_allclose(recorded(x).data, layer(x).data, rtol=1e-12)
