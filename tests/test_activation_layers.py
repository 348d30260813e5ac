"""Activations and their layers: PyTorch's values, gradients and names, second derivatives, and wrong inputs."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import arrays, shapes

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn

EXPECTED = json.loads((Path(__file__).parent / "expected" / "activations.json").read_text("utf-8"))  # by activations.py
KINKS = [-3.0, -1.7, -1.0, 0.0, 1.0, 2.5, 3.0, 6.0]


def make(kind, options, **dtype):
    return getattr(nn, kind)(**options, **dtype)


@pytest.mark.parametrize(("kind", "options", "expected"), EXPECTED["layers"], ids=lambda a: str(a)[:40])
def test_values_gradients_and_state_are_pytorchs(kind, options, expected):
    layer, x = make(kind, options), Tensor(EXPECTED["x"])
    assert list(layer.state_dict()) == list(expected["state"])
    layer.load_state_dict(expected["state"])
    y = layer(x)
    np.testing.assert_allclose(y.data, expected["output"], rtol=1e-10, atol=1e-15)
    y.backward(np.cos(np.arange(y.size)).reshape(y.shape))
    if kind == "Identity":
        assert y is x
        return
    for t, g in zip((x, *layer.parameters()), expected["gradients"], strict=True):
        np.testing.assert_allclose(t.grad, g, rtol=1e-10, atol=1e-14)
    for p in layer.parameters():
        p.requires_grad = False
    recorded = tg.jit(tg.value_and_grad(lambda x: np.sum(np.square(layer(x)))))
    for factor in (1.0, -0.5):
        array = factor * x.data
        for a, b in zip(recorded(array), tg.value_and_grad(lambda x: np.sum(np.square(layer(x))))(array), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


LAYERS = [(kind, options) for kind, options, _ in EXPECTED["layers"]] + [("Hardsigmoid", {}), ("CELU", {"alpha": 0.6})]


@settings(max_examples=30)
@given(
    st.sampled_from(LAYERS), arrays(shape=shapes(min_dims=3, min_side=2, max_side=3), low=-7, high=7, away=KINKS)
)  # fmt: skip
def test_derivatives_match_finite_differences_to_second_order(layer, x):
    kind, options = layer
    if kind == "GLU":
        x = np.concatenate([x, x + 1], options.get("dim", -1))
    if options.get("num_parameters"):
        x = np.concatenate([x, x + 1, x - 1], axis=1)[:, :3]
    if "beta" in options:
        x = np.where(abs(x - 2.5) < 0.3, x + 1, x)  # a step of 1e-5 at the threshold
    layer = make(kind, options)
    tg.check_grad(layer, x)
    if kind == "PReLU":
        tg.check_grad(tg.prelu, x, layer.weight.data)


@pytest.mark.parametrize(("kind", "options"), LAYERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_float32_and_float16_stay_what_they_are(kind, options, dtype):
    layer = make(kind, options, **({"dtype": dtype} if kind == "PReLU" else {}))
    x = Tensor(EXPECTED["x"], dtype=dtype)
    y = layer(x)
    assert y.dtype == dtype
    y.sum().backward()
    assert {t.grad.dtype for t in (x, *layer.parameters())} == {np.dtype(dtype)}
    np.testing.assert_allclose(
        y.data, layer(x.data.astype(float)).data if kind == "PReLU" else layer(x.data), rtol=1e-2
    )


def test_far_out_they_are_what_they_tend_to_without_warnings():
    far = np.array([-1e300, -1e5, 1e5, 1e300])
    for f, expected in (
        (tg.elu, [-1, -1, 1e5, 1e300]), (tg.celu, [-1, -1, 1e5, 1e300]), (tg.mish, [0, 0, 1e5, 1e300]),
        (tg.selu, np.multiply(1.0507009873554805, [-1.6732632423543772, -1.6732632423543772, 1e5, 1e300])),
        (tg.hardswish, [0, 0, 1e5, 1e300]), (tg.hardsigmoid, [0, 0, 1, 1]), (tg.logsigmoid, [-1e300, -1e5, 0, 0]),
        (tg.softsign, [-1, -0.99999, 0.99999, 1]), (lambda x: tg.softplus(x, 3.0), [0, 0, 1e5, 1e300]),
        (tg.relu6, [0, 0, 6, 6]), (tg.hardtanh, [-1, -1, 1, 1]),
    ):  # fmt: skip
        np.testing.assert_allclose(f(far), expected, rtol=1e-5, atol=1e-300)
        slope = tg.grad(lambda x, f=f: np.sum(f(x)))
        assert np.isfinite(slope(far)).all()
        assert np.isfinite(tg.grad(lambda x, slope=slope: np.sum(slope(x)))(far)).all()
        with np.errstate(invalid="ignore"):  # NumPy's logaddexp warns of NaN
            assert np.isnan(f(np.array([np.nan]))).all()
        assert f(np.zeros((0, 2))).shape == (0, 2)
        assert f([1, 2]).tolist() == f(np.array([1.0, 2.0])).tolist()
        assert float(f(tg.Value(0.5))) == f(0.5)


REFUSED = {
    "nn.Softmax(axis=2)(x)": r"^Softmax\(axis=2\) got \(2, 3\): there is no axis 2$",
    "nn.LogSoftmax(-3)(x)": r"^LogSoftmax\(axis=-3\) got \(2, 3\): there is no axis -3$",
    "nn.Softmax()(x[0, 0])": r"^Softmax\(\) got \(\): there is no axis -1$",
    "nn.GLU()(x)": r"^glu: x has shape \(2, 3\); axis -1 must exist and hold an even number of elements$",
    "nn.PReLU(2)(x)": r"^PReLU\(2\) got \(2, 3\): axis 1 must hold 2 channels$",
    "nn.PReLU(3)(x[0])": r"^PReLU\(3\) got \(3,\): axis 1 must hold 3 channels$",
    "nn.PReLU(0)": "sizes are whole numbers from 1",
    "tg.prelu(x, np.ones(2))": r"^prelu: weight holds one number, or one for each channel, .* and weight \(2,\)$",
    "nn.Hardtanh(1, -1)": "min_val must be below max_val, got 1 and -1",
    "nn.Softplus(beta=0)": "beta must be positive, got 0",
    "nn.CELU(alpha=0)": "alpha must be positive, got 0",
}  # fmt: skip


@pytest.mark.parametrize("code", REFUSED)
def test_what_does_not_fit_is_named_in_the_terms_of_the_layer(code):
    with pytest.raises(ValueError, match=REFUSED[code]):
        eval(code, {"tg": tg, "nn": nn, "np": np, "x": np.ones((2, 3))})


@pytest.mark.parametrize("layer", [nn.Softmax, nn.LogSoftmax, nn.GLU])
def test_dim_is_another_name_of_axis(layer):
    x = np.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(layer(dim=0)(x), layer(0)(x))


def test_an_axis_is_one_number():
    for axis in (None, (0, 1), "a"):
        with pytest.raises(TypeError, match="Softmax: axis is a whole number, not"):
            nn.Softmax(axis)


def test_layers_show_their_options():
    shown = {
        "ELU(0.5)": nn.ELU(0.5), "CELU(1)": nn.CELU(), "SELU()": nn.SELU(), "PReLU(3)": nn.PReLU(3),
        "Hardtanh(-1, 2)": nn.Hardtanh(max_val=2), "Softmax()": nn.Softmax(), "LogSoftmax(axis=1)": nn.LogSoftmax(1),
        "Softplus(beta=2, threshold=20)": nn.Softplus(2, 20), "Softplus()": nn.Softplus(), "Identity()": nn.Identity(3),
    }  # fmt: skip
    for text, layer in shown.items():
        assert layer.describe() == text
