import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn


class Tied(nn.Module):
    """Hold parameters in all kinds of attributes, one of them twice."""

    def __init__(self):
        self.scale = Tensor([1.0, 2.0])
        self.table = {"a": Tensor(3.0), "deep": [Tensor(4.0), (nn.Linear(2, 1, rng=0),)]}
        self.again = self.scale
        self.frozen = Tensor([5.0], requires_grad=False)
        self.number, self.text, self.array = 3, "w", np.ones(2)

    def forward(self, x):
        self.result = x * self.scale  # a stored result is not a parameter
        return self.result


NAMES = ["scale", "table.a", "table.deep.0", "table.deep.1.0.weight", "table.deep.1.0.bias"]


def test_parameters_are_found_everywhere_each_once_and_in_order():
    model = Tied()
    model(np.ones(2))
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [p.shape for p in model.parameters()] == [(2,), (), (), (1, 2), (1,)]
    assert model.parameters()[0] is model.again


def test_a_module_that_holds_itself_is_walked_once():
    model = nn.Linear(2, 1)
    model.me = [model]
    assert len(model.parameters()) == 2
    assert model.modules() == [model]


def test_state_dict_holds_copies_of_parameters_and_other_state():
    model = Tied()
    state = model.state_dict()
    assert list(state) == [*NAMES, "again", "frozen"]
    state["scale"][:] = 0
    assert model.scale.data.tolist() == [1.0, 2.0]


def test_two_tensors_with_the_same_name_raise_an_error():
    model = nn.Module()
    model.table = {"a": Tensor(0.0), 1: Tensor(1.0), "1": Tensor(2.0)}
    with pytest.raises(ValueError, match=r"two tensors named 'table\.1'"):
        model.state_dict()


def test_load_state_dict_copies_in_place_and_keeps_dtype():
    model, source = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    for p in model.parameters():
        p.data = p.data.astype(np.float32)
    arrays = [p.data for p in model.parameters()]
    model.load_state_dict(source.state_dict())
    for p, a, q in zip(model.parameters(), arrays, source.parameters(), strict=True):
        assert p.data is a
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p.data, q.data.astype(np.float32))


def test_load_state_dict_lists_all_that_is_wrong_and_changes_nothing():
    model = nn.MLP([2, 3, 1], rng=0)
    before = model.state_dict()
    state = nn.MLP([2, 3, 1], rng=1).state_dict()
    del state["0.bias"]
    state["2.weight"] = np.ones((3, 1))
    state["2.bias"] = np.array(["x"])
    state["extra"] = np.ones(1)
    with pytest.raises(ValueError, match=r"MLP\.load_state_dict: nothing was loaded") as caught:
        model.load_state_dict(state)
    for part in [
        "missing '0.bias'",
        "unexpected 'extra'",
        "'2.weight' has shape (3, 1), not (1, 3)",
        "'2.bias' has dtype <U1, not float64",
    ]:
        assert part in str(caught.value)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_load_state_dict_of_something_else_says_what_it_takes():
    with pytest.raises(TypeError, match=r"Linear\.load_state_dict takes a dict .* not MLP"):
        nn.Linear(2, 1).load_state_dict(nn.MLP([2, 1]))


def test_train_and_eval_reach_every_module():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert len(model.modules()) == 4
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_zero_grad_forgets_all_gradients():
    model = nn.MLP([2, 3, 1], rng=0)
    model(np.ones((4, 2))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_module_without_forward_says_so():
    with pytest.raises(TypeError, match=r"Module has no method forward"):
        nn.Module()(1.0)


def test_repr_shows_layers_and_parameter_counts():
    assert repr(nn.MLP([2, 16, 1])).split("\n") == [
        "MLP(2 -> 16 -> 1)     65 parameters",
        "  0  Linear(2 -> 16)  48",
        "  1  ReLU()",
        "  2  Linear(16 -> 1)  17",
    ]
    assert repr(nn.Linear(3, 4, bias=False)) == "Linear(3 -> 4, bias=False)  12 parameters"


@given(lead=st.lists(st.integers(0, 3), max_size=3), k=st.integers(1, 4), m=st.integers(1, 4), bias=st.booleans())
def test_linear_is_the_affine_map_along_the_last_axis(lead, k, m, bias):
    layer = nn.Linear(k, m, bias=bias, rng=0)
    x = np.random.default_rng(1).normal(size=(*lead, k))
    if bias:
        layer.bias.data[:] = np.arange(m)
    y = layer(x)
    expected = np.einsum("...k,mk->...m", x, layer.weight.data) + (np.arange(m) if bias else 0)
    assert y.shape == (*lead, m)
    np.testing.assert_allclose(y.data, expected, atol=1e-12)
    np.testing.assert_array_equal(layer(Tensor(x)).data, y.data)

    y.sum().backward()
    np.testing.assert_allclose(layer.weight.grad, np.tile(x.reshape(-1, k).sum(axis=0), (m, 1)), atol=1e-12)
    if bias:
        np.testing.assert_array_equal(layer.bias.grad, np.full(m, np.prod(lead)))


def test_linear_keeps_pytorchs_layout_and_starts_its_bias_at_zero():
    layer = nn.Linear(3, 2, rng=0)
    assert layer.weight.shape == (2, 3)
    assert layer.bias.data.tolist() == [0.0, 0.0]
    assert nn.Linear(3, 2, bias=False).bias is None


@pytest.mark.parametrize("shape", [(32, 63), (64, 32), (), (64, 1)])
def test_linear_shows_itself_and_the_shape_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"^Linear\(64 -> 128\) got \(") as caught:
        nn.Linear(64, 128)(np.ones(shape))
    assert f"got {shape}: the last axis must hold 64 features" in str(caught.value)


def test_linear_refuses_what_is_no_array_and_sizes_that_are_none():
    with pytest.raises(TypeError, match=r"takes an array or Tensor, not list; np\.array\(x\) makes"):
        nn.Linear(2, 1)([1.0, 2.0])
    for sizes in [(0, 1), (2, -1), (2.0, 1), (True, 1)]:
        with pytest.raises(ValueError, match="sizes are whole numbers from 1"):
            nn.Linear(*sizes)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.Tanh(), np.tanh),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.LeakyReLU(0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
        (nn.Softplus(), lambda x: np.log1p(np.exp(x))),
        (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
    ],
)
def test_activations_are_their_functions(layer, function):
    x = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(layer(x=Tensor(x)).data, function(x), rtol=1e-14)
    assert layer.parameters() == []
    with pytest.raises(TypeError):
        layer(x, np.empty(13))  # np.tanh would write into it


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", tg.relu), ("tanh", np.tanh), ("sigmoid", tg.sigmoid), ("gelu", tg.gelu), ("silu", tg.silu),
        ("leaky_relu", tg.leaky_relu), ("softplus", tg.softplus),
    ],
)  # fmt: skip
def test_mlp_has_the_activation_between_layers_and_none_after_the_last(activation, function):
    model = nn.MLP([2, 5, 4, 1], activation=activation, rng=0)
    W1, b1, W2, b2, W3, b3 = (p.data for p in model.parameters())
    x = np.random.default_rng(1).normal(size=(7, 2))
    expected = function(function(x @ W1.T + b1) @ W2.T + b2) @ W3.T + b3
    np.testing.assert_allclose(model(x).data, expected, rtol=1e-12)


def test_parameters_in_a_container_are_labeled_by_the_way_to_them():
    model = nn.Sequential(nn.MLP([2, 3, 1]), nn.Linear(1, 1, bias=False))
    model2 = nn.Sequential(Named())
    assert [p.label for p in model.parameters()] == [name for name, _ in model.named_parameters()]
    assert model.parameters()[0].label == "0.0.weight"
    assert model2.parameters()[0].label == "slope m"


class Named(nn.Module):
    def __init__(self):
        self.m = Tensor(1.0, label="slope m")

    def forward(self, x):
        return x * self.m


def test_sequential_takes_functions_too():
    x = np.array([-1.0, 4.0])
    assert nn.Sequential(tg.relu, np.sqrt, Named())(Tensor(x)).data.tolist() == [0.0, 2.0]


def test_sequential_and_mlp_refuse_what_is_no_layer():
    with pytest.raises(TypeError, match=r"layer 1 is the class ReLU; write ReLU\(\)"):
        nn.Sequential(nn.Linear(2, 1), nn.ReLU)
    with pytest.raises(
        TypeError, match=r"layer 0 is a list, not a layer or function; a star unpacks it: Sequential\(\*layers\)"
    ):
        nn.Sequential([nn.Linear(2, 1)])
    with pytest.raises(ValueError, match=r"MLP\(\[2\]\): give a list of the sizes .*MLP"):
        nn.MLP([2])
    with pytest.raises(ValueError, match=r"activation is one of 'relu', .*'tanh', 'sigmoid', not 'swish'"):
        nn.MLP([2, 1], activation="swish")


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (nn.he_uniform, (2 / 200) ** 0.5),
        (nn.he_normal, (2 / 200) ** 0.5),
        (nn.xavier_uniform, (2 / 500) ** 0.5),
        (nn.xavier_normal, (2 / 500) ** 0.5),
    ],
)
def test_initializers_have_the_spread_of_their_papers(init, std):
    w = init((300, 200), 0)
    assert w.shape == (300, 200)
    assert w.std() == pytest.approx(std, rel=0.02)
    assert abs(w.mean()) < 0.02 * std
    largest = 3**0.5 * std if "uniform" in init.__name__ else 10 * std
    assert 0.99 * min(largest, 3 * std) < abs(w).max() <= largest


def test_he_weights_go_before_relu_and_xavier_before_others():
    relu, tanh = (nn.MLP([300, 300, 1], activation=a, rng=0).parameters()[0].data for a in ("relu", "tanh"))
    assert abs(relu).max() == pytest.approx((6 / 300) ** 0.5, rel=1e-3)
    assert abs(tanh).max() == pytest.approx((6 / 600) ** 0.5, rel=1e-3)


def test_random_weights_come_from_rng_alone():
    np.random.seed(0)  # noqa: NPY002 (the global state, which must not matter)
    first, again, other, fresh = (nn.MLP([2, 3, 3, 1], rng=rng).parameters() for rng in (7, 7, 8, None))
    generator = np.random.default_rng(7)
    passed = nn.MLP([2, 3, 3, 1], rng=generator).parameters()
    for p, q, r in zip(first, again, passed, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        np.testing.assert_array_equal(p.data, r.data)
    assert (first[0].data != other[0].data).all()
    assert (first[0].data != fresh[0].data).all()
    assert (nn.Linear(2, 3, rng=generator).weight.data != first[0].data).all()


LAYERS = json.loads((Path(__file__).parent / "expected" / "layers.json").read_text("utf-8"))["layers"]  # by layers.py


@pytest.mark.parametrize(("kind", "settings", "shape", "expected"), LAYERS)
def test_layers_are_pytorchs_forward_and_backward(kind, settings, shape, expected):
    given = [v for k, v in settings.items() if k == "normalized_shape"]
    layer = getattr(nn, kind)(*given, **{k: v for k, v in settings.items() if k != "normalized_shape"})
    for p in layer.parameters():
        p.data[...] = 1 + np.arange(p.size).reshape(p.shape) / 10
    x = Tensor((np.sin(np.arange(24.0)) * 2 + np.arange(24) % 3).reshape(shape))
    y = layer(x)
    y.backward(np.cos(np.arange(24.0)).reshape(shape))
    found = {
        "output": [y.data],
        "gradients": [t.grad for t in (x, *layer.parameters())],
        "running": [t.data for t in layer.tensors().values() if not t.requires_grad],
        "evaluated": [layer.eval()(x).data],
    }
    for name, arrays in expected.items():
        for a, b in zip(found[name], arrays, strict=True):
            np.testing.assert_allclose(a.ravel(), b, rtol=1e-11, atol=1e-13, err_msg=name)


def test_gelu_is_exact_far_out_and_its_approximation_is_near():
    x = np.linspace(-6, 6, 201)
    np.testing.assert_allclose(tg.gelu(x), tg.gelu(x, "tanh"), atol=6e-4)
    assert tg.gelu(np.array([-50.0, 0.0, 50.0])).tolist() == [0, 0, 50]
    assert tg.gelu(np.float32([1.0])).dtype == tg.silu(np.float32([1.0])).dtype == np.float32
    with pytest.raises(ValueError, match='approximate is "none" or "tanh", not \'erf\''):
        nn.GELU("erf")


def test_dropout_of_everything_gives_zeros_and_no_gradient():
    x = Tensor([1.0, -2.0, np.inf])
    y = nn.Dropout(1)(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.data, np.zeros(3))
    np.testing.assert_array_equal(x.grad, np.zeros(3))


def test_dropout_leaves_out_a_share_in_training_and_nothing_in_evaluation():
    layer, x = nn.Dropout(0.25, rng=0), Tensor(np.ones(100_000, np.float32))
    y = layer(x)
    assert y.dtype == np.float32
    assert set(np.unique(y.data)) == {0, np.float32(1 / 0.75)}
    assert np.mean(y.data == 0) == pytest.approx(0.25, abs=0.01)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)
    assert (layer(x).data != y.data).any()
    assert layer.eval()(x) is x
    assert nn.Dropout(0)(x) is x
    for p in (-0.1, 1.5, "0.5", None):
        with pytest.raises(ValueError, match="Dropout: p is a probability from 0 to 1"):
            nn.Dropout(p)


def test_batch_norm_has_running_statistics_that_are_state_and_no_parameters():
    layer = nn.BatchNorm1d(2)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    x = np.random.default_rng(0).normal([1, -2], [3, 0.5], (200, 2))
    for _ in range(200):
        layer(x)
    np.testing.assert_allclose(layer.running_mean.data, x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.data, x.var(axis=0, ddof=1), rtol=1e-6)
    assert float(layer.num_batches_tracked) == 200
    before = layer.state_dict()
    np.testing.assert_allclose(layer.eval()(x).data.std(axis=0), 1, rtol=1e-2)
    assert all((layer.state_dict()[name] == array).all() for name, array in before.items())


def test_batch_norm_and_layer_norm_name_what_does_not_fit():
    with pytest.raises(ValueError, match=r"BatchNorm1d\(3\) got \(5, 2\): it takes \(n, 3\) or \(n, 3, length\)"):
        nn.BatchNorm1d(3)(np.ones((5, 2)))
    with pytest.raises(ValueError, match=r"one number per feature has no variance.*model\.eval\(\)"):
        nn.BatchNorm1d(3)(np.ones((1, 3)))
    assert nn.BatchNorm1d(3).eval()(np.ones((1, 3))).shape == (1, 3)
    with pytest.raises(ValueError, match=r"LayerNorm\(4, 2\) got \(5, 2\): the last axes must be \(4, 2\)"):
        nn.LayerNorm((4, 2))(np.ones((5, 2)))


def test_embedding_looks_rows_up_and_adds_up_their_gradients():
    layer = nn.Embedding(4, 2, rng=0)
    y = layer([[0, 3], [3, 3]])
    assert y.shape == (2, 2, 2)
    np.testing.assert_array_equal(y.data[0, 1], layer.weight.data[3])
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [0, 0], [0, 0], [3, 3]])
    with pytest.raises(TypeError, match=r"Embedding\(4, 2\) takes integers, and got float64; \.astype\(int\)"):
        layer(np.ones(2))
    for wrong in (4, -1):
        with pytest.raises(ValueError, match=rf"takes numbers from 0 to 3; got {min(wrong, 0)} to {max(wrong, 0)}"):
            layer([0, wrong])


@pytest.mark.parametrize("run", [lambda f: f, tg.jit], ids=["eager", "jit"])
def test_the_padding_of_an_embedding_starts_at_zero_and_is_not_trained(run):
    layer = nn.Embedding(4, 2, rng=0, padding_idx=-1)
    assert layer.describe() == "Embedding(4, 2, padding_idx=3)"
    np.testing.assert_array_equal(layer.weight.data[3], [0, 0])
    np.testing.assert_array_equal(layer.weight.data[:3], nn.Embedding(4, 2, rng=0).weight.data[:3])
    layer.weight.data[3] = 7

    @run
    def step(i):
        layer.zero_grad()
        y = layer(i)
        y.sum().backward()
        return y

    for i in ([[0, 3], [3, 1]], [[3, 3], [0, 0]]):
        np.testing.assert_array_equal(step(np.array(i)).data, layer.weight.data[i])
        times = np.bincount(np.ravel(i), minlength=4) * [1, 1, 1, 0]
        np.testing.assert_array_equal(layer.weight.grad, np.column_stack([times, times]))
    np.testing.assert_array_equal(layer(3).data, [7, 7])
    for wrong in (4, 1.0, np.array([1])):
        with pytest.raises(ValueError, match=re.escape(f"Embedding(4, 2): there is no row padding_idx={wrong!r}")):
            nn.Embedding(4, 2, padding_idx=wrong)


@pytest.mark.parametrize("layer", [nn.Linear(2, 1), nn.BatchNorm1d(2), nn.LayerNorm(2), nn.Dropout(), nn.Flatten()])
def test_layers_refuse_lists_by_name(layer):
    with pytest.raises(TypeError, match=f"{type(layer).__name__}.* takes an array or Tensor, not list"):
        layer([[1.0, 2.0], [3.0, 4.0]])


def test_layers_show_the_settings_that_are_not_the_usual_ones():
    layers = [nn.GELU(), nn.GELU("tanh"), nn.Flatten(), nn.Flatten(2), nn.LeakyReLU(0.2), nn.Dropout(0.1)]
    assert [layer.describe() for layer in layers] == [
        "GELU()", "GELU('tanh')", "Flatten()", "Flatten(start_dim=2)", "LeakyReLU(0.2)", "Dropout(0.1)",
    ]  # fmt: skip


def test_flatten_joins_the_axes_from_its_start():
    x = np.zeros((2, 3, 4, 5))
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten()(x[:0]).shape == (0, 60)
    assert nn.Flatten(2)(Tensor(x)).shape == (2, 3, 20)
    for start, end, shape in (
        (0, 1, (6, 4, 5)),
        (1, 2, (2, 12, 5)),
        (1, -2, (2, 12, 5)),
        (-2, -1, (2, 3, 20)),
        (0, -1, (120,)),
    ):
        assert nn.Flatten(start, end)(x).shape == nn.Flatten(start, end)(Tensor(x)).shape == shape
    assert nn.Flatten()(np.zeros(3)).shape == (3, 1)
    assert repr(nn.Flatten(0, 1)).startswith("Flatten(0, 1)")
    with pytest.raises(ValueError, match=r"Flatten\(2, 1\) got shape .*: axis 1 is before axis 2"):
        nn.Flatten(2, 1)(x)
    with pytest.raises(ValueError, match=r"Flatten\(start_dim=5\) got shape \(2, 3, 4, 5\)"):
        nn.Flatten(5)(x)


def test_sequential_goes_by_names_and_places():
    model = nn.Sequential({"hidden": nn.Linear(2, 3), "act": nn.Tanh(), "out": nn.Linear(3, 1)})
    assert [name for name, _ in model.named_parameters()] == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert model[0] is model.hidden is model["hidden"]
    with pytest.raises(KeyError, match=r"no layer has the name 'hiden'; the names are hidden, "):
        model["hiden"]
    with pytest.raises(IndexError, match=r"Sequential: there is no layer 9 among \d"):
        model[9]
    assert [*model] == list(model.layers) == [model.hidden, model.act, model.out]
    assert len(model) == 3
    assert model(np.ones((4, 2))).shape == (4, 1)
    for name in ("a.b", "forward", "training", "names", 3):
        with pytest.raises(ValueError, match="cannot name a layer"):
            nn.Sequential({name: nn.Tanh()})


def test_a_slice_of_a_model_is_a_model_that_shares_its_layers():
    model = nn.MLP([2, 5, 1], activation="tanh", rng=0)
    hidden, last = model[:-1], model[-1:]
    x = np.ones((4, 2))
    assert hidden(x).shape == (4, 5)
    np.testing.assert_array_equal(last(hidden(x)).data, model(x).data)
    assert [name for name, _ in last.named_parameters()] == ["2.weight", "2.bias"]
    assert last.parameters()[0] is model[2].weight
    assert model[0:0](x) is x


def test_orthogonal_weights_are_orthonormal():
    for shape in [(5, 3), (3, 5), (4, 4), (2, 3, 2)]:
        w = nn.orthogonal(shape, rng=0, gain=2.0)
        assert w.shape == shape
        w = w.reshape(len(w), -1) / 2
        small = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-14)
    w = nn.Linear(3, 5, rng=0, init=partial(nn.orthogonal, gain=2.0)).weight.data
    np.testing.assert_array_equal(w, nn.orthogonal((5, 3), rng=0, gain=2.0))
    turned = [np.linalg.det(nn.orthogonal((2, 2), rng=seed)) for seed in range(200)]
    assert np.mean(np.sign(turned)) == pytest.approx(0, abs=0.2)  # reflections are as likely as rotations


def test_zeros_constant_and_shapes_of_more_or_fewer_axes():
    assert nn.Linear(2, 3, init=nn.zeros).weight.data.tolist() == [[0, 0]] * 3
    assert nn.Linear(2, 3, init=nn.constant(0.5)).weight.data.tolist() == [[0.5, 0.5]] * 3
    assert abs(nn.he_uniform((2, 3, 5), 0)).max() <= (6 / 15) ** 0.5
    with pytest.raises(ValueError, match=r"he_uniform: weights have a shape \(out, in\), not \(3,\)"):
        nn.he_uniform((3,))


@pytest.mark.parametrize("init", [nn.he_uniform, nn.he_normal, nn.xavier_uniform, nn.xavier_normal, nn.orthogonal])
@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0), (2, 3, 0), [3, 0]])
def test_weights_without_inputs_or_outputs_have_no_variance(init, shape):
    with pytest.raises(ValueError, match=rf"{init.__name__}: {re.escape(str(tuple(shape)))} has no inputs or outputs"):
        init(shape)
    for wrong in ((), (3,), 3):
        with pytest.raises(ValueError, match=rf"{init.__name__}: weights have a shape \(out, in\)"):
            init(wrong)


@pytest.mark.parametrize("value", [np.zeros((1, 2)), 2.0, np.float64(1), 0])
@pytest.mark.parametrize("layers", [lambda: nn.Linear(2, 1), lambda: [nn.ReLU(), {"a": [Tensor([1.0])]}]])
def test_layers_replaced_by_numbers_are_refused(layers, value):
    model = nn.Module()
    model.body = body = layers()
    with pytest.raises(TypeError, match=r"Module.body = ...: .* with parameters would be replaced by .*; assign"):
        model.body = value
    assert model.body is body
    constant = Tensor([1.0], requires_grad=False)
    for without_parameters in (None, nn.ReLU(), [constant], {"a": constant}, [Tensor([1.0]) * 2], [1.0]):
        model.body = without_parameters
        model.body = value


def test_a_parameter_replaced_by_an_array_is_refused_with_the_remedy():
    layer = nn.Linear(2, 1)
    before = layer.weight
    with pytest.raises(TypeError, match=r"Linear\.weight = .*: Tensor 'weight' would.*weight\.data\[\.\.\.\] = "):
        layer.weight = np.zeros((1, 2))
    assert layer.weight is before
    layer.weight = Tensor(np.zeros((1, 2)))
    layer.bias = None
    assert len(layer.parameters()) == 1
