import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn


class Tied(nn.Module):
    """Every place where a parameter may hide, and one that is in two places."""

    def __init__(self):
        self.scale = Tensor([1.0, 2.0])
        self.table = {"a": Tensor(3.0), "deep": [Tensor(4.0), (nn.Linear(2, 1, rng=0),)]}
        self.again = self.scale
        self.frozen = Tensor([5.0], requires_grad=False)
        self.number, self.text, self.array = 3, "w", np.ones(2)

    def forward(self, x):
        self.result = x * self.scale  # a result that is kept is no parameter
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
    assert list(state) == [*NAMES, "frozen"]
    state["scale"][:] = 0
    assert model.scale.data.tolist() == [1.0, 2.0]


def test_two_tensors_of_one_name_are_an_error_rather_than_lost():
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
    del state["layers.0.bias"]
    state["layers.2.weight"] = np.ones((3, 1))
    state["layers.2.bias"] = np.array(["x"])
    state["extra"] = np.ones(1)
    with pytest.raises(ValueError, match=r"MLP\.load_state_dict: nothing was loaded") as caught:
        model.load_state_dict(state)
    for part in [
        "missing 'layers.0.bias'",
        "unexpected 'extra'",
        "'layers.2.weight' has shape (3, 1), not (1, 3)",
        "'layers.2.bias' has dtype <U1, not float64",
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
        "MLP(2 -> 16 -> 1)            65 parameters",
        "  layers.0  Linear(2 -> 16)  48",
        "  layers.1  ReLU()",
        "  layers.2  Linear(16 -> 1)  17",
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
    with pytest.raises(TypeError, match=r"Linear\(2 -> 1\) takes an array or Tensor, not list"):
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
    ],
)
def test_activations_are_their_functions(layer, function):
    x = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(layer(Tensor(x)).data, function(x), rtol=1e-14)
    assert layer.parameters() == []


@pytest.mark.parametrize(("activation", "function"), [("relu", tg.relu), ("tanh", np.tanh), ("sigmoid", tg.sigmoid)])
def test_mlp_has_the_activation_between_layers_and_none_after_the_last(activation, function):
    model = nn.MLP([2, 5, 4, 1], activation=activation, rng=0)
    W1, b1, W2, b2, W3, b3 = (p.data for p in model.parameters())
    x = np.random.default_rng(1).normal(size=(7, 2))
    expected = function(function(x @ W1.T + b1) @ W2.T + b2) @ W3.T + b3
    np.testing.assert_allclose(model(x).data, expected, rtol=1e-12)


def test_parameters_in_a_container_are_labelled_by_the_way_to_them():
    model = nn.Sequential(nn.MLP([2, 3, 1]), nn.Linear(1, 1, bias=False))
    model2 = nn.Sequential(Named())
    assert [p.label for p in model.parameters()] == [name for name, _ in model.named_parameters()]
    assert model.parameters()[0].label == "layers.0.layers.0.weight"
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
    with pytest.raises(TypeError, match="layer 0 is a list"):
        nn.Sequential([nn.Linear(2, 1)])
    with pytest.raises(ValueError, match=r"MLP\(\[2\]\): give the sizes"):
        nn.MLP([2])
    with pytest.raises(ValueError, match="activation is one of 'relu', 'tanh', 'sigmoid', not 'gelu'"):
        nn.MLP([2, 1], activation="gelu")


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (nn.he_uniform, (2 / 200) ** 0.5),
        (nn.he_normal, (2 / 200) ** 0.5),
        (nn.xavier_uniform, (2 / 500) ** 0.5),
        (nn.xavier_normal, (2 / 500) ** 0.5),
    ],
)
def test_initialisers_have_the_spread_of_their_papers(init, std):
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
