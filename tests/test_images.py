"""Layers of images and signals: PyTorch's numbers, second derivatives, errors, recordings, batches of batches."""

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest
from checks import message
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn

LAYERS = json.loads((Path(__file__).parent / "expected" / "images.json").read_text("utf-8"))  # by images.py
EVERY = pytest.mark.parametrize(("kind", "args", "options", "shape", "expected"), LAYERS)


def made(kind, args, options, dtype=np.float64):
    with_weights = "Pool" not in kind and kind != "Flatten"
    return getattr(nn, kind)(*args, **options, **({"dtype": dtype} if with_weights else {}))


def image(shape, dtype=np.float64):
    return np.round(np.sin(np.arange(prod(shape))) * 2, 1).reshape(shape).astype(dtype)


def close(found, expected, tolerance=1e-10):
    np.testing.assert_allclose(np.ravel(found), expected, rtol=tolerance, atol=tolerance)


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_layers_give_pytorchs_numbers_and_gradients(kind, args, options, shape, expected, dtype):
    layer, tolerance = made(kind, args, options, dtype), 1e-10 if dtype is np.float64 else 1e-4
    shapes = {name: shape for name, (shape, _) in expected["state"].items() if name in ("weight", "bias")}
    weights = {name: np.sin(1 + np.arange(prod(shape))).reshape(shape) for name, shape in shapes.items()}
    layer.load_state_dict(layer.state_dict() | weights)
    x = tg.Tensor(image(shape, dtype))
    y = layer(x)
    assert y.dtype == dtype
    assert list(y.shape) == expected["shape"]
    close(y.data, expected["output"], tolerance)
    y.backward(np.cos(np.arange(y.size)).reshape(y.shape))
    for t, gradient in zip([x, *layer.parameters()], expected["gradients"], strict=True):
        assert t.grad.dtype == dtype
        close(t.grad, gradient, tolerance)
    for (name, a), (theirs, (their_shape, values)) in zip(
        layer.state_dict().items(), expected["state"].items(), strict=True
    ):
        assert (name, list(a.shape)) == (theirs, their_shape)
        close(a, values, tolerance)
    if expected["evaluated"]:
        close(layer.eval()(x).data, expected["evaluated"], tolerance)


@EVERY
def test_recorded_and_batched_layers_equal_eager_ones_and_pass_tangents(kind, args, options, shape, expected):
    layer = made(kind, args, options)
    if "running_mean" in layer.state_dict():
        layer.eval()
    for p in layer.parameters():
        p.requires_grad = False
    x, v = image(shape), np.cos(np.arange(prod(shape))).reshape(shape)
    gradient = tg.grad(lambda x: np.sum(np.sin(layer(x))))
    y, g = np.asarray(layer(x)), gradient(x)
    recorded, recorded_gradient = tg.jit(lambda x: layer(x) * 1.0), tg.jit(gradient)
    for _ in range(2):
        np.testing.assert_allclose(recorded(x), y, atol=1e-13)
        np.testing.assert_allclose(recorded_gradient(x), g, atol=1e-13)
    xs = np.stack([x, v])
    np.testing.assert_allclose(tg.vmap(lambda x: layer(x) * 1.0)(xs)[0], y, atol=1e-13)
    np.testing.assert_allclose(tg.vmap(gradient)(xs)[0], g, atol=1e-12)
    np.testing.assert_allclose(np.sum(tg.jvp(lambda x: np.sum(np.sin(layer(x))), [x], [v])[1]), np.sum(g * v))


@st.composite
def layers(draw):
    """Draw a layer with one or two axes of images, and its input without equal elements."""
    ndim, channels = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 4]))
    numbers = lambda low, high: draw(st.one_of(
        st.integers(low, high), st.tuples(*[st.integers(low, high)] * ndim)))  # fmt: skip
    kind = draw(st.sampled_from(["Conv", "ConvTranspose", "AvgPool", "MaxPool", "AdaptiveAvgPool", "Norm"]))
    options = {"stride": numbers(1, 3), "padding": numbers(0, 1)}
    if "Conv" in kind:
        groups = draw(st.sampled_from([1, channels]))
        args = [channels, draw(st.integers(1, 2)) * groups, numbers(1, 3)]
        options |= {"dilation": numbers(1, 2), "groups": groups, "bias": draw(st.booleans()), "rng": 0}
    else:
        args = [numbers(2, 3)]
        options["ceil_mode"] = draw(st.booleans())
    if kind == "AdaptiveAvgPool":
        args, options = [numbers(1, 5)], {}
    x = np.random.default_rng(draw(st.integers(0, 99))).permutation(2 * channels * 4**ndim) / 10.0
    x = x.reshape(2, channels, *(4,) * ndim)
    if kind == "Norm":
        eps = draw(st.sampled_from([1e-5, 0.5]))
        norms = [nn.GroupNorm(draw(st.sampled_from([1, channels])), channels, eps), nn.RMSNorm(4, eps)]
        return draw(st.sampled_from([*norms, (nn.BatchNorm1d if ndim == 1 else nn.BatchNorm2d)(channels, eps)])), x
    layer = getattr(nn, f"{kind}{ndim}d")(*args, **options)
    try:
        layer(x)
    except ValueError as error:
        assert "larger than the image" in str(error) or "no elements are left" in str(error)  # noqa: PT017
        assume(False)
    return layer, x


@settings(max_examples=min(settings.default.max_examples, 30))
@given(layers())
def test_derivatives_match_finite_differences_to_second_order(case):
    layer, x = case
    names = [name for name, _ in layer.named_parameters()]

    def f(x, *weights):
        for name, w in zip(names, weights, strict=True):
            vars(layer)[name] = w
        y = layer(x)
        return np.sum(y * y * (1 + np.arange(y.size).reshape(y.shape) % 3))

    weights = [p.data for p in layer.parameters()]
    tg.check_grad(f, x, *weights)


def test_gradients_of_each_example_are_those_of_one_example_alone():
    model = nn.Sequential(nn.Conv2d(1, 2, 2, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 1, rng=0))
    x = image((3, 1, 4, 3))
    f = lambda model, x: np.sum(model(x[None]))
    together = tg.vmap(tg.grad(f), (None, 0))(model, x)
    for name, g in together.items():
        np.testing.assert_allclose(g, np.stack([tg.grad(f)(model, a)[name] for a in x]), atol=1e-12)


def test_initial_values_are_the_same_for_sizes_that_are_numpys_integers():
    for n in range(3, 30):
        weights = [nn.Conv1d(i, 4, k, rng=0).weight.data for i, k in ((n, 3), (np.int64(n), np.int32(3)))]
        np.testing.assert_array_equal(*weights)


def test_initial_values_are_pytorchs():
    for layer, fan_in in (
        (nn.Conv2d(4, 64, (3, 5), groups=2, rng=0), 30), (nn.Conv1d(8, 200, 3, rng=0), 24),
        (nn.ConvTranspose2d(64, 8, 3, rng=0, groups=2), 36),
    ):  # fmt: skip
        w = layer.weight.data
        assert 0.95 < abs(w).max() * fan_in**0.5 <= 1
        assert np.std(w) * (3 * fan_in) ** 0.5 == pytest.approx(1, rel=0.05)
        assert 0.5 < abs(layer.bias.data).max() * fan_in**0.5 <= 1
    a, b = nn.Conv2d(1, 2, 3, rng=5), nn.Conv2d(1, 2, 3, rng=5)
    np.testing.assert_array_equal(a.bias.data, b.bias.data)


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: nn.Conv2d(3, 8, 3), (2, 1, 9, 9), r"Conv2d\(3 -> 8, kernel_size=3\) got \(2, 1, 9, 9\): it takes "
         r"\(n, 3, height, width\) or \(3, height, width\); its axis 1 holds 1 channels"),
        (lambda: nn.Conv2d(3, 8, 3), (2, 9, 9), r"got \(2, 9, 9\): it takes .*; its axis 0 holds 2 channels"),
        (lambda: nn.ConvTranspose1d(3, 8, 3), (2, 9), r"got \(2, 9\): it takes .*; its axis 0 holds 2 channels"),
        (lambda: nn.Conv2d(3, 8, 3), (9, 9), r"Conv2d\(3 -> 8, kernel_size=3\) got \(9, 9\): it takes"),
        (lambda: nn.Conv1d(3, 8, 4, padding=1), (2, 3, 1),
         r"Conv1d\(3 -> 8, kernel_size=4, padding=1\) got \(2, 3, 1\): a window of 4 is larger than the image, 1 "
         r"\(3 with its padding\)"),
        (lambda: nn.Conv2d(1, 1, (2, 3)), (1, 1, 4, 2), r"a window of 2 x 3 is larger than the image, 4 x 2"),
        (lambda: nn.ConvTranspose2d(2, 1, 1, padding=1), (1, 2, 2, 2), r"no elements are left within padding=\(1, 1\)"),
        (lambda: nn.ConvTranspose2d(2, 1, 1), (1, 1, 2, 2), r"ConvTranspose2d\(2 -> 1, kernel_size=1\) got"),
        (lambda: nn.MaxPool2d(3), (1, 1, 2, 5), r"MaxPool2d\(3\) got \(1, 1, 2, 5\): a window of 3 x 3 is larger than"),
        (lambda: nn.AvgPool2d(2), (1, 5), r"AvgPool2d\(2\) got \(1, 5\): it takes \(n, channels, height, width\) or"),
        (lambda: nn.AdaptiveAvgPool2d(2), (5,), r"AdaptiveAvgPool2d\(2\) got \(5,\): it takes"),
        (lambda: nn.BatchNorm2d(3), (2, 3, 4), r"BatchNorm2d\(3\) got \(2, 3, 4\): it takes \(n, 3, height, width\)"),
        (lambda: nn.BatchNorm2d(3), (1, 3, 1, 1), "one number per feature has no variance"),
        (lambda: nn.GroupNorm(2, 4), (2, 3, 4), r"GroupNorm\(2, 4\) got \(2, 3, 4\): it takes \(n, 4, ...\)"),
        (lambda: nn.RMSNorm(4), (2, 3), r"RMSNorm\(4\) got \(2, 3\): the last axes must be \(4,\)"),
    ],
)  # fmt: skip
def test_wrong_shapes_are_named_in_the_layers_terms(make, shape, message):
    for x in (np.ones(shape), tg.Tensor(np.ones(shape))):
        with pytest.raises(ValueError, match=message):
            make()(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), r"Conv2d\(3 -> 4\): groups=2 does not divide both numbers of channels"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"Conv2d\(3 -> 4\): kernel_size is a whole number from 1, or 2 of them"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), r"stride is a whole number from 1, or 2 of them in a tuple, not 0"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), r'padding is a number, a tuple of them, "same" or "valid", not'),
        (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), r'padding="same" keeps the size of an image only with stride'),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), r"padding_mode is one of 'zeros', 'reflect'"),
        (lambda: nn.Conv2d(3, 4, 3, dtype=int), r"Conv2d\(3 -> 4\): parameters are float16, float32 or float64"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=1), r"output_padding=1 is not smaller than stride or dil"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), r"padding is a whole number from 0, or 2 of them"),
        (lambda: nn.MaxPool2d(2, padding=2), r"MaxPool2d: padding=2 is more than half of kernel_size=2"),
        (lambda: nn.MaxPool1d(2, 2, 0, 1, True), "MaxPool1d returns no indices; leave return_indices out"),
        (lambda: nn.AvgPool2d(0), r"AvgPool2d: kernel_size is a whole number from 1, or 2 of them in a tuple, not 0"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), r"AdaptiveAvgPool2d: output_size is a whole number from 1"),
        (lambda: nn.GroupNorm(3, 4), r"GroupNorm\(3, 4\): 4 channels do not make 3 groups of equal size"),
        (lambda: tg.conv2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, 2))), r"conv2d: a weight is \(out, in / groups, ker"),
        (lambda: tg.conv2d(np.ones((1, 1, 4, 4)), np.ones((1, 2, 2, 2))), r"conv2d got \(1, 1, 4, 4\): it takes \(n,"),
        (lambda: tg.conv1d(np.ones((1, 1, 4)), np.ones((2, 1, 2)), [1.0]), r"conv1d: a bias of shape \(1,\), where"),
        (lambda: tg.avg_pool2d(np.ones((1, 4, 4)), 2, divisor_override=0), r"avg_pool2d: divisor_override=0"),
    ],
)  # fmt: skip
def test_wrong_options_are_named_with_their_remedy(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (nn.Conv2d(1, 2, (3, 2), stride=2, padding=1, bias=False, rng=0),
         "Conv2d(1 -> 2, kernel_size=(3, 2), stride=2, padding=1, bias=False)"),
        (nn.Conv1d(1, 2, 3, padding="same", padding_mode="reflect"),
         "Conv1d(1 -> 2, kernel_size=3, padding='same', padding_mode='reflect')"),
        (nn.ConvTranspose2d(1, 2, 3, 2, output_padding=1),
         "ConvTranspose2d(1 -> 2, kernel_size=3, stride=2, output_padding=1)"),
        (nn.Conv1d(1, 2, np.int64(3), np.int64(2)), "Conv1d(1 -> 2, kernel_size=3, stride=2)"),
        (nn.MaxPool2d(3, 2, 1, 1, False, True), "MaxPool2d(3, stride=2, padding=1, ceil_mode=True)"),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), "MaxPool2d(3, stride=2, padding=1, ceil_mode=True)"),
        (nn.AvgPool2d((2, 3), count_include_pad=False), "AvgPool2d((2, 3), count_include_pad=False)"),
        (nn.AdaptiveAvgPool2d((3, None)), "AdaptiveAvgPool2d((3, None))"), (nn.BatchNorm2d(3), "BatchNorm2d(3)"),
        (nn.GroupNorm(2, 4, affine=False), "GroupNorm(2, 4, affine=False)"), (nn.RMSNorm((3, 2)), "RMSNorm(3, 2)"),
    ],
)  # fmt: skip
def test_reprs_show_the_options_that_differ_from_their_defaults(layer, line):
    assert repr(layer).startswith(line)
    assert layer.describe() == line


def test_images_of_integers_and_empty_batches():
    x = np.arange(16).reshape(1, 1, 4, 4)
    for layer in (nn.Conv2d(1, 2, 3, rng=0), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2)):
        np.testing.assert_array_equal(layer(tg.Tensor(x)).data, layer(tg.Tensor(x.astype(float))).data)
        empty = layer(tg.Tensor(x[:0]))
        assert empty.shape == (0, *layer(x).shape[1:])
        if isinstance(layer, nn.Conv2d):
            assert nn.Conv2d(1, 2, 3, dtype=np.float32)(x.astype(np.uint8)).dtype == np.float32
            np.sum(empty).backward()
            assert not layer.weight.grad.any()


def test_the_number_of_groups_may_be_in_a_tuple_as_each_option_of_one_axis():
    x, weight = np.arange(16.0).reshape(1, 4, 4), np.arange(16.0).reshape(4, 2, 2)
    np.testing.assert_array_equal(tg.conv1d(x, weight, groups=(2,)), tg.conv1d(x, weight, groups=2))
    np.testing.assert_array_equal(tg.conv_transpose1d(x, weight, groups=(2,)), tg.conv_transpose1d(x, weight, groups=2))


def test_the_first_maximum_of_a_window_gets_the_gradient():
    x = tg.Tensor([[[1.0, 3.0, 3.0, 0.0], [3.0, 0.0, 0.0, 0.0]]])
    tg.max_pool2d(x, 2).backward(np.array([[[5.0, 7.0]]]))
    np.testing.assert_array_equal(x.grad, [[[0, 5, 7, 0], [0, 0, 0, 0]]])
    x = tg.Tensor(np.full((1, 2, 2), -np.inf))  # equal to the padding, which is not an element of the image
    tg.max_pool2d(x, 2, padding=1).backward(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    np.testing.assert_array_equal(x.grad, [[[1, 2], [3, 4]]])


def test_recording_a_conv_net_costs_a_few_steps_and_gives_the_same_numbers():
    def network():
        layers = nn.Conv2d(1, 4, 3, padding=1, rng=0), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(36, 3, rng=0))
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(x, y):
            loss = tg.cross_entropy(model(x), y)
            optimizer.minimize(loss)
            return loss

        return model, step

    (model, step), (other, eager) = network(), network()
    recorded = tg.jit(step)
    rng = np.random.default_rng(0)
    for _ in range(4):
        x, y = rng.normal(size=(5, 1, 6, 6)), rng.integers(0, 3, 5)
        assert float(recorded(x, y)) == pytest.approx(float(eager(x, y)), rel=1e-12)
    for name, a in model.state_dict().items():
        np.testing.assert_allclose(a, other.state_dict()[name], rtol=1e-11, atol=1e-13)


def test_the_printed_program_of_a_recording_needs_numpy_alone():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 1, 6, 6)), rng.normal(size=(2, 1, 3, 3))

    def f(x, w):
        y = tg.max_pool2d(tg.conv2d(x, w, padding=1), 3, stride=2, padding=1)
        return np.sum(tg.avg_pool2d(y, 2, ceil_mode=True) ** 2)

    gradient = tg.grad(f, (0, 1))
    recorded, scope = tg.jit(lambda x, w: gradient(x, w)), {}
    recorded(x, w)
    exec(recorded.source, scope)
    program = next(v for k, v in scope.items() if k not in ("np", "__builtins__"))
    for found, expected in zip(program(x, w), gradient(x, w), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize(
    ("fun", "x", "weight"),
    [
        (lambda x, w: tg.conv_transpose2d(x, w, stride=2), (3, 4, 4), (3, 5, 2, 2)),
        (lambda x, w: tg.conv_transpose1d(x, w), (3, 4), (3, 5, 2)),
        (lambda x, w: tg.avg_pool2d(x, 2), (3, 4, 4), ()),
        (lambda x, w: tg.avg_pool1d(x, 2, 1), (3, 4), ()),
    ],
)
def test_one_image_without_a_batch_gives_one_result(fun, x, weight):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=x), rng.normal(size=weight)
    np.testing.assert_array_equal(fun(x, weight), fun(x[np.newaxis], weight)[0])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: tg.conv_transpose2d(np.ones((1, 3, 4, 4)), np.ones((3, 5, 2))), "conv_transpose2d: a weight is (in, "),
        (
            lambda: tg.conv_transpose1d(np.ones((1, 3, 4)), np.ones((3, 1, 2)), groups=2),
            "with in a multiple of groups=2",
        ),
        (lambda: tg.conv_transpose1d(np.ones((1, 3, 4)), np.ones((3, 1, 2)), output_padding=1), "is not smaller than"),
        (lambda: tg.avg_pool1d(np.ones((1, 3, 4)), 2, padding=2), "padding=2 is more than half of kernel_size=2"),
    ],
)
def test_functions_of_images_refuse_weights_and_paddings_that_do_not_fit(call, error):
    assert error in message(ValueError, call)


@pytest.mark.parametrize("batch", [(), (2,), (0,)])
@pytest.mark.parametrize("output", [1, 2, 3, 4, (1, 2), (4, 1), (None, 3), (None, None), (5, 6), (8, 12)])
def test_adaptive_pooling_takes_the_mean_of_each_part(batch, output):
    x = np.random.default_rng(0).normal(size=(*batch, 3, 4, 6))
    rows, columns = [size if n is None else n for n, size in zip(np.broadcast_to(output, 2), (4, 6), strict=True)]

    def part(i, n, size):
        return slice(i * size // n, -(-(i + 1) * size // n))

    weights = np.zeros((rows, columns, 4, 6))  # of each element in each mean
    for i, j in np.ndindex(rows, columns):
        weights[i, j, part(i, rows, 4), part(j, columns, 6)] = 1
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    t = tg.Tensor(x)
    y = tg.adaptive_avg_pool2d(t, output)
    np.testing.assert_allclose(y.data, np.einsum("...hw,ijhw->...ij", x, weights), rtol=1e-12, atol=1e-14)
    g = np.cos(np.arange(y.size)).reshape(y.shape)
    y.backward(g)
    np.testing.assert_allclose(t.grad, np.einsum("...ij,ijhw->...hw", g, weights), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("output", [1, (2, 2), (2, 3), (None, 3)])
def test_adaptive_pooling_of_parts_of_equal_size_does_not_take_them_one_by_one(output):
    step = tg.jit(lambda x: tg.adaptive_avg_pool2d(x, output))
    step(np.ones((2, 3, 4, 6)))
    assert step.source.count("np.mean(") == (output == 1)
