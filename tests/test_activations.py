"""The error function: a single wrong digit in its rational approximations would show here."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine.rules.activations import erf


def test_erf_equals_that_of_scipy_up_to_rounding():
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-7, 7, 10_001), np.geomspace(1e-300, 1, 100), [0.0, np.inf, -np.inf, np.nan]])
    np.testing.assert_allclose(erf(x), special.erf(x), rtol=1e-15)
    assert np.signbit(erf(np.array([-0.0])))[0]


@pytest.mark.parametrize("fun", [tg.softmax, tg.log_softmax, tg.logsumexp])
@pytest.mark.parametrize("shape", [(500, 10), (20, 25, 10), (500, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arrays_of_short_rows_are_computed_as_their_rows_are(fun, shape, dtype):
    x = np.random.default_rng(0).normal(0, 30, shape).astype(dtype)
    x.reshape(-1, shape[-1])[3] = -np.inf
    x.reshape(-1, shape[-1])[5, 2] = np.inf
    with np.errstate(all="ignore"):
        rows = np.stack([fun(row) for row in x.reshape(-1, shape[-1])])
        y = fun(x, axis=-1)
    assert y.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(y.reshape(rows.shape), rows, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "f", [tg.relu, tg.leaky_relu, tg.elu, tg.celu, tg.selu, tg.relu6, tg.hardtanh, tg.hardsigmoid, tg.hardswish,
          tg.sigmoid, tg.silu, tg.softplus, tg.logsigmoid, tg.gelu, tg.glu, lambda x: tg.prelu(x, x[0] * 0.1)],
)  # fmt: skip
def test_activations_and_their_gradients_choose_without_np_where(f):
    step = tg.jit(tg.value_and_grad(lambda x: np.sum(f(x) * x[: np.size(f(x))])))
    step(np.linspace(-4, 4, 10))
    assert "np.where" not in step.source  # for elements of signs in no order it takes 20 times as long as a product


def test_leaky_relu_has_the_slope_of_negative_numbers_at_nan_as_in_pytorch():
    np.testing.assert_array_equal(tg.elementwise_grad(tg.leaky_relu)(np.array([np.nan, 1.0])), [0.01, 1])


def test_the_slope_of_prelu_gets_no_gradient_from_an_infinity_that_it_does_not_affect():
    weight = tg.Tensor(0.25)
    np.sum(tg.prelu(np.array([np.inf, -2.0]), weight)).backward()
    assert weight.grad == -2


@pytest.mark.parametrize("f", [tg.relu, tg.relu6, tg.hardtanh, tg.hardsigmoid, tg.hardswish])
@pytest.mark.parametrize("g", [np.inf, -np.inf])
def test_an_infinite_gradient_does_not_pass_where_an_activation_is_constant(f, g):
    x = tg.Tensor([-8.0, -np.inf, 0.5])
    f(x).backward([g, g, 0.0])
    np.testing.assert_array_equal(x.grad, [0, 0, 0])
