"""Recurrent layers and attention: PyTorch's values, gradients and names; derivatives; masks; shapes; recording."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn
from tinygrad_edu.engine.rules import recurrences
from tinygrad_edu.trace.opening import open_calls

EXPECTED = json.loads((Path(__file__).parent / "expected" / "sequences.json").read_text("utf-8"))  # by sequences.py
LAYERS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}


def numbers(shape, k):
    return np.sin(np.arange(k, k + np.prod(shape, dtype=int))).reshape(shape)


def filled(layer):
    for k, p in enumerate(layer.parameters()):
        p.data[...] = numbers(p.shape, k) * 0.7
    return layer


def assert_as_expected(layer, inputs, results, expected):
    sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in results).backward()
    found = {"results": [y.data for y in results], "gradients": [x.grad for x in (*inputs, *layer.parameters())]}
    assert list(layer.state_dict()) == expected["names"]
    for name, several in found.items():
        for a, b in zip(several, expected[name], strict=True):
            np.testing.assert_allclose(a.ravel(), b, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize(("kind", "options", "with_state", "expected"), EXPECTED["recurrent"])
def test_recurrent_layers_are_pytorchs(kind, options, with_state, expected):
    layer = filled(LAYERS[kind](4, 2, rng=0, **options))
    pair = kind == "LSTM"
    state = [(options["num_layers"] * (1 + options["bidirectional"]), 2, 2)] * (1 + pair) if with_state else []
    x, *state = [Tensor(numbers(shape, 10 * k)) for k, shape in enumerate([(2, 3, 4), *state])]
    y, last = layer(x, *([] if not state else [tuple(state)] if pair else state))
    assert_as_expected(layer, [x, *state], [y, *(last if pair else [last])], expected)


@pytest.mark.parametrize(("options", "call", "expected"), EXPECTED["attention"])
def test_multihead_attention_is_pytorchs(options, call, expected):
    layer = filled(nn.MultiheadAttention(4, 2, rng=0, **options))
    inputs = [Tensor(numbers(shape, 10 * k)) for k, shape in enumerate([(2, 3, 4), (2, 2, 4), (2, 2, 4)])]
    assert_as_expected(layer, inputs, layer(*inputs, **call), expected)


@st.composite
def recurrent(draw):
    kind = draw(st.sampled_from(list(LAYERS)))
    options = {
        "num_layers": draw(st.integers(1, 2)), "bias": draw(st.booleans()), "bidirectional": draw(st.booleans()),
    }  # fmt: skip
    return LAYERS[kind](draw(st.integers(1, 2)), draw(st.integers(1, 2)), rng=draw(st.integers(0, 99)), **options)


def first_result(layer, *args):
    y, state = layer(*args)
    return y + sum(np.sum(s) for s in (state if isinstance(state, tuple) else [state]) if s is not None)


@settings(max_examples=8)
@given(layer=recurrent(), n=st.integers(1, 2), t=st.integers(1, 2), seed=st.integers(0, 99))
def test_recurrent_layers_have_derivatives_to_second_order_and_replay_as_they_run(layer, n, t, seed):
    x = np.random.default_rng(seed).normal(size=(n, t, layer.input_size))
    tg.check_grad(lambda x: first_result(layer, x), x)

    @tg.jit
    def step(x):
        layer.zero_grad()
        loss = np.sum(np.square(first_result(layer, x)))
        loss.backward()
        return loss

    for data in (x, x + 1):
        eager = np.sum(np.square(first_result(layer, data)))
        eager.backward()
        expected = [p.grad for p in layer.parameters()]
        np.testing.assert_allclose(float(step(data)), float(eager), rtol=1e-12)
        for p, g in zip(layer.parameters(), expected, strict=True):
            np.testing.assert_allclose(p.grad, g, rtol=1e-10, atol=1e-12)
        layer.zero_grad()


@settings(max_examples=5)
@given(t=st.integers(1, 3), seed=st.integers(0, 99))
def test_the_relu_recurrence_has_the_derivatives_of_its_steps(t, seed):
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(0.2, 1, shape) * sign for shape, sign in [((2, 2), 1), ((2, 2), 1), ((t, 2, 2), 1)]]
    tg.check_grad(lambda *inputs: recurrences.rnn(inputs, "relu"), *inputs)


@pytest.mark.parametrize("kind", LAYERS)
def test_recurrences_batch_push_tangents_forward_and_keep_float32(kind):
    layer = LAYERS[kind](2, 3, rng=0)
    for p in layer.parameters():
        p.requires_grad = False
    x, v = np.random.default_rng(1).normal(size=(2, 4, 2, 2))
    f = lambda x: first_result(layer, x)
    y, tangent = tg.jvp(f, [x], [v])
    np.testing.assert_allclose(tangent, (f(x + 1e-6 * v) - f(x - 1e-6 * v)).data / 2e-6, atol=1e-7)
    one_by_one = [f(row[np.newaxis]).data for row in x]
    np.testing.assert_allclose(tg.vmap(lambda row: f(row[np.newaxis]))(x), one_by_one, atol=1e-12)
    np.testing.assert_allclose(tg.vmap(tg.grad(lambda r: np.sum(f(r[np.newaxis]))))(x)[1], tg.grad(
        lambda r: np.sum(f(r[np.newaxis])))(x[1]), atol=1e-12)  # fmt: skip

    layer = LAYERS[kind](2, 3, rng=0, dtype=np.float32)
    y, _ = layer(Tensor(x, dtype=np.float32))
    y.sum().backward()
    assert {a.dtype for p in layer.parameters() for a in (p.data, p.grad, y.data)} == {np.dtype(np.float32)}


def test_a_sequence_in_two_parts_gives_the_states_of_the_whole():
    layer, x = nn.LSTM(2, 3, num_layers=2, rng=0), numbers((2, 5, 2), 0)
    whole, (h, c) = layer(x)
    first, state = layer(x[:, :2])
    second, last = layer(x[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1).data, whole.data, atol=1e-15)
    np.testing.assert_allclose(last[0].data, h.data, atol=1e-15)
    np.testing.assert_allclose(last[1].data, c.data, atol=1e-15)


def test_layers_start_as_pytorchs_do():
    bound = 16**-0.5
    for p in nn.GRU(3, 16, num_layers=2, rng=0).parameters():
        assert 0.8 * bound < abs(p.data).max() <= bound
    layer = nn.MultiheadAttention(16, 4, rng=0)
    assert 0.9 * (6 / 64) ** 0.5 < abs(layer.in_proj_weight.data).max() <= (6 / 64) ** 0.5
    assert 0.8 * bound < abs(layer.out_proj.weight.data).max() <= bound
    assert not layer.in_proj_bias.data.any()


def same_gradients(layer, args, of_one, of_batch):
    """Assert that a layer passes the same gradients back with and without the axis of the batch."""
    found = []
    for call in (of_one, of_batch):
        layer.zero_grad()
        inputs = [Tensor(a) for a in args]
        sum(np.sum(np.sin(y)) for y in call(*inputs)).backward()
        found.append([t.grad for t in (*inputs, *layer.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@settings(max_examples=8)
@given(layer=recurrent(), t=st.integers(1, 3), with_state=st.booleans())
def test_one_sequence_without_a_batch_axis_is_a_batch_of_one(layer, t, with_state):
    pair = isinstance(layer, nn.LSTM)
    size = layer.num_layers * (1 + layer.bidirectional), layer.hidden_size
    args = [numbers((t, layer.input_size), 0), *[numbers(size, 9 * k) for k in range((1 + pair) * with_state)]]

    def run(x, *state):
        y, last = layer(x, *([tuple(state)] if pair and state else state))
        return [y, *(last if pair else [last])]

    def in_batch(x, *state):
        y, *last = run(x[np.newaxis], *[s[:, np.newaxis] for s in state])
        return [y[0], *[s[:, 0] for s in last]]

    for one, other in zip(run(*args), in_batch(*args), strict=True):
        np.testing.assert_array_equal(one.data, other.data, strict=True)
    same_gradients(layer, args, run, in_batch)


@pytest.mark.parametrize("mask", [None, numbers((3, 2), 0), numbers((2, 3, 2), 0) > 0.9])
@pytest.mark.parametrize("padding", [None, [False, True], np.array([0.5, -0.5])])
def test_attention_of_one_sequence_without_a_batch_axis_is_that_of_a_batch_of_one(mask, padding):
    layer = filled(nn.MultiheadAttention(4, 2, rng=0))
    args = [numbers(shape, 10 * k) for k, shape in enumerate([(3, 4), (2, 4), (2, 4)])]
    options = {"attn_mask": mask, "average_attn_weights": mask is None}
    run = lambda *xs: layer(*xs, padding, **options)
    in_batch = lambda *xs: [
        y[0] for y in layer(*[x[np.newaxis] for x in xs], None if padding is None else [padding], **options)
    ]
    for one, other in zip(run(*args), in_batch(*args), strict=True):
        np.testing.assert_array_equal(one.data, other.data, strict=True)
    same_gradients(layer, args, run, in_batch)
    assert layer(args[0], need_weights=False)[1] is None
    itself = layer(args[0][np.newaxis], is_causal=True)[0].data[0]
    np.testing.assert_array_equal(layer(args[0], is_causal=True)[0].data, itself)


def test_dropout_between_layers_is_left_out_in_evaluation():
    layer = nn.GRU(2, 8, num_layers=2, dropout=0.5, rng=0)
    x = numbers((1, 3, 2), 0)
    assert (layer(x)[0].data != layer(x)[0].data).any()
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].data, layer(x)[0].data)
    assert layer.describe() == "GRU(2 -> 8, num_layers=2, dropout=0.5)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.LSTM(2, 3)(np.ones(2)), r"LSTM\(2 -> 3\) got \(2,\): it takes \(n, t, 2\) or \(t, 2\) for one seq"),
        (lambda: nn.LSTM(2, 3)(np.ones((4, 3))), r"LSTM\(2 -> 3\) got \(4, 3\): it takes \(n, t, 2\) or \(t, 2\)"),
        (lambda: nn.RNN(2, 3)(np.ones((4, 2)), np.ones((1, 1, 3))), r"for one sequence it takes one of shape \(1, 3\)"),
        (lambda: nn.MultiheadAttention(6, 2)(np.ones((3, 4))), r"query \(3, 4\).* \(n, s, 6\), or all .* without n"),
        (
            lambda: nn.MultiheadAttention(6, 2)(np.ones((3, 6)), key_padding_mask=np.zeros((1, 3), bool)),
            r"key_padding_mask of shape \(1, 3\): for one sequence it takes \(3,\)",
        ),
        (lambda: nn.GRU(2, 3)(np.ones((4, 5, 3))), r"GRU\(2 -> 3\) got \(4, 5, 3\): it takes \(n, t, 2\)"),
        (lambda: nn.RNN(2, 3)(np.ones((4, 0, 2))), r"RNN\(2 -> 3\) got \(4, 0, 2\): .*t from 1"),
        (lambda: nn.RNN(2, 3)(np.ones((4, 5, 2)), np.ones((4, 3))), r"\(4, 3\): for 4 sequences .* \(1, 4, 3\)"),
        (lambda: nn.LSTM(2, 3)(np.ones((4, 5, 2)), np.ones((1, 4, 3))), r"for 4 sequences it takes a pair \(h, c\)"),
        (
            lambda: nn.GRU(2, 3, 2)(np.ones((4, 5, 2)), (np.ones((2, 4, 3)), np.ones((2, 4, 2)))),
            r"GRU\(2 -> 3, num_layers=2\) got a state of shape \(2, 4, 3\), \(2, 4, 2\).* one of shape \(2, 4, 3\)",
        ),
        (
            lambda: nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1))(np.ones((4, 5, 2))),
            r"Linear\(3 -> 1\) takes an array or Tensor, not tuple; recurrent layers .* first element is the output",
        ),
        (
            lambda: tg.mse_loss(nn.LSTM(2, 3)(np.ones((4, 5, 2))), np.ones((4, 5, 3))),
            "a tuple holds Tensors.* its first",
        ),
        (lambda: tg.relu(nn.GRU(2, 3)(np.ones((4, 5, 2)))), "a tuple holds Tensors, as recurrent layers .* the output"),
        (lambda: tg.cross_entropy(nn.RNN(2, 3)(np.ones((4, 1, 2))), np.ones((4, 3))), "a tuple holds Tensors"),
        (lambda: nn.LayerNorm(normalized_shape=(3, 4))(np.ones(4)), r"LayerNorm\(3, 4\) got \(4,\)"),
        (lambda: nn.RMSNorm(normalized_shape=0), r"RMSNorm\(0\): sizes are whole numbers from 1"),
        (lambda: nn.LSTM(2, 3, batch_first=False), r"LSTM\(2 -> 3\): sequences are \(n, t, features\)"),
        (lambda: nn.RNN(2, 3, nonlinearity="gelu"), 'nonlinearity is "tanh" or "relu", not \'gelu\''),
        (lambda: nn.GRU(2, 0), r"GRU\(2 -> 0\): sizes are whole numbers from 1"),
        (lambda: nn.GRU(2, 3, dtype=np.int64), r"GRU\(2 -> 3\): parameters are float16, float32 or float64, not int64"),
        (lambda: nn.MultiheadAttention(6, 4), r"MultiheadAttention\(6, 4\): the features must be divisible"),
        (lambda: nn.MultiheadAttention(6, 2)(np.ones((1, 3, 4))), r"query \(1, 3, 4\), key \(1, 3, 4\).* \(n, t, 6\)"),
        (
            lambda: nn.MultiheadAttention(6, 2)(np.ones((1, 3, 6)), attn_mask=np.ones((3, 2))),
            r"attn_mask of shape \(3, 2\): it takes \(3, 3\) or \(2, 3, 3\)",
        ),
        (
            lambda: nn.MultiheadAttention(6, 2)(np.ones((1, 3, 6)), attn_mask=np.ones((3, 3), np.int64)),
            r"MultiheadAttention\(6, 2\): attn_mask holds int64; \.astype\(bool\)",
        ),
        (
            lambda: tg.scaled_dot_product_attention(*[np.ones((2, 3))] * 3, mask=np.tri(2, dtype=np.int64)),
            r"scaled_dot_product_attention: the mask holds int64; \.astype\(bool\)",
        ),
        (lambda: nn.PositionalEncoding(4)(np.ones((3, 5))), r"PositionalEncoding\(4\) got \(3, 5\)"),
        (
            lambda: tg.scaled_dot_product_attention(*map(np.ones, [(2, 3), (2, 4), (2, 4)])),
            r"k \(2, 4\) and v \(2, 4\)",
        ),
        (
            lambda: tg.scaled_dot_product_attention(*[np.ones((2, 3))] * 3, is_causal=True),
            "no argument is_causal=; write",
        ),
        (
            lambda: tg.scaled_dot_product_attention(*[np.ones((5, 2, 3))] * 3, mask=np.ones((3, 3), bool)),
            r"mask of shape \(3, 3\); it must broadcast to the scores, \(5, 2, 2\)",
        ),
    ],
)
def test_wrong_shapes_and_options_are_named_in_the_layers_terms(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def attention_by_hand(q, k, v, allowed):
    """Return the definition, query by query, with loops."""
    y = np.zeros((len(q), v.shape[-1]))
    for i, row in enumerate(q):
        keys = np.flatnonzero(allowed[i])
        e = np.exp(k[keys] @ row / len(row) ** 0.5)
        y[i] = e @ v[keys] / e.sum() if len(keys) else 0
    return y


@settings(max_examples=20)
@given(t=st.integers(1, 3), s=st.integers(1, 3), d=st.integers(1, 3), causal=st.booleans(), data=st.data())
def test_attention_is_its_definition_with_derivatives_to_second_order(t, s, d, causal, data):
    q, k, v = [data.draw(arrays(shape=shape)) for shape in [(t, d), (s, d), (s, 2)]]
    allowed = np.random.default_rng(data.draw(st.integers(0, 99))).random((t, s)) < 0.6
    both = allowed & np.tri(t, s, dtype=bool) if causal else allowed
    f = lambda q, k, v: tg.scaled_dot_product_attention(q, k, v, allowed, causal)
    np.testing.assert_allclose(f(q, k, v), attention_by_hand(q, k, v, both), atol=1e-12)
    tg.check_grad(f, q, k, v)
    x = Tensor(q, dtype=np.float32)
    assert f(x, k.astype(np.float32), v.astype(np.float32)).dtype == np.float32


def test_a_mask_of_numbers_is_added_to_the_scores_and_has_a_gradient():
    q, k, v, mask = (numbers(shape, i) for i, shape in enumerate([(2, 3), (4, 3), (4, 2), (2, 4)]))
    expected = tg.softmax(q @ k.T / 3**0.5 + mask) @ v
    np.testing.assert_allclose(tg.scaled_dot_product_attention(q, k, v, mask), expected, atol=1e-15)
    tg.check_grad(lambda mask: tg.scaled_dot_product_attention(q, k, v, mask), mask)


def test_attention_in_float32_stays_so_with_masks_in_float64():
    x, mask = numbers((2, 3, 4), 0).astype(np.float32), np.where(np.tri(3), 0.0, -np.inf)
    layer = nn.MultiheadAttention(4, 2, dtype=np.float32)
    assert {a.dtype for a in layer(x, attn_mask=mask)} == {np.dtype(np.float32)}
    assert layer(x, key_padding_mask=np.zeros((2, 3)))[0].dtype == np.float32
    for causal in (False, True):
        assert tg.scaled_dot_product_attention(x, x, x, mask, causal).dtype == np.float32


def test_attention_replays_with_masks_that_leave_queries_without_keys():
    f = tg.jit(lambda x, mask: tg.scaled_dot_product_attention(x, x, x, mask))
    x = numbers((3, 2), 0)
    for mask in (np.ones((3, 3), bool), np.eye(3, dtype=bool), np.zeros((3, 3), bool)):
        np.testing.assert_allclose(f(x, mask), attention_by_hand(x, x, x, mask), atol=1e-15)


def test_positions_differ_by_sines_and_cosines_and_causal_attention_sees_no_future():
    x = nn.PositionalEncoding(6)(np.zeros((2, 4, 6), np.float32))
    assert x.dtype == np.float32
    angle = 3 / 10000 ** (2 / 6)
    np.testing.assert_allclose(x[1, 3, 2:4], [np.sin(angle), np.cos(angle)], rtol=1e-6)
    layer = nn.MultiheadAttention(6, 2, rng=0, dtype=np.float32)
    changed = x.copy()
    changed[:, 3] = 1
    y, weights = layer(x, is_causal=True)
    np.testing.assert_array_equal(layer(changed, is_causal=True)[0].data[:, :3], y.data[:, :3])
    assert not np.triu(weights.data[0], 1).any()
    assert y.dtype == np.float32


@pytest.mark.parametrize("kind", LAYERS)
def test_a_composed_layer_computes_the_same_and_shows_what_is_inside(kind):
    layer, x = LAYERS[kind](2, 3, rng=0), numbers((2, 3, 2), 0)
    whole = np.sum(np.square(first_result(layer, x)))
    whole.backward()
    expected = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    layer.composed = True
    composed = np.sum(np.square(first_result(layer, x)))
    composed.backward()
    np.testing.assert_allclose(composed.data, whole.data, rtol=1e-14)
    for p, g in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-12, atol=1e-14)
    assert len(tg.explain(composed)) > 2 * len(tg.explain(whole)) > 0


@pytest.mark.parametrize("kind", LAYERS)
def test_a_recording_of_a_recurrent_layer_prints_as_numpy(kind):
    layer, x = LAYERS[kind](2, 3, rng=0), numbers((2, 3, 2), 0)
    for p in layer.parameters():
        p.requires_grad = False
    f = tg.jit(tg.value_and_grad(lambda x, h: np.sum(np.square(layer(x, (h, h) if kind == "LSTM" else h)[0]))))
    h = numbers((1, 2, 3), 1)
    value, gradient = f(x, h)
    assert len(f.plan.splitlines()) < 60  # the steps are inside one call
    printed, namespace = f._recordings[0].readable(open_calls), {}
    exec(f.source, namespace)
    again = namespace[printed.title](**{**printed.values, **layer.state_dict(), "x": x, "h": h})
    np.testing.assert_allclose(again[0], value, rtol=1e-12)
    np.testing.assert_allclose(again[1], gradient, rtol=1e-12)


def test_attention_to_keys_and_values_of_other_sizes_has_weights_for_each():
    joint, apart = nn.MultiheadAttention(4, 2, rng=0), nn.MultiheadAttention(4, 2, kdim=6, vdim=5, rng=0)
    for i, (name, size) in enumerate({"q": 4, "k": 6, "v": 5}.items()):
        part = joint.in_proj_weight.data[4 * i : 4 * i + 4]
        getattr(apart, f"{name}_proj_weight").data[...] = np.pad(part, ((0, 0), (0, size - 4)))
    apart.out_proj.weight.data[...] = joint.out_proj.weight.data
    q, k, v = (numbers((2, t, 4), 10 * t) for t in (3, 2, 2))
    wider = q, np.pad(k, ((0, 0), (0, 0), (0, 2)), constant_values=9), np.pad(v, ((0, 0), (0, 0), (0, 1)))
    for y, expected in zip(apart(*wider), joint(q, k, v), strict=True):
        np.testing.assert_allclose(y.data, expected.data, rtol=1e-12)
    assert apart(*wider, need_weights=False)[1] is None
    with pytest.raises(ValueError, match=r"^MultiheadAttention\(4, 2\): sequences are \(n, t, features\)"):
        nn.MultiheadAttention(4, 2, batch_first=False)
