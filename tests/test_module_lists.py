"""Plain lists and dicts of layers do what PyTorch's ModuleList and ModuleDict do, with the same names."""

from collections import deque

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn


class Net(nn.Module):
    """PyTorch's names: layers.0.weight, layers.1.weight, heads.mean.weight, gains.0."""

    def __init__(self, rng=0):
        rng = np.random.default_rng(rng)
        self.layers = [nn.Linear(2, 3, rng=rng) for _ in range(1)]
        self.layers.append(nn.Linear(3, 3, rng=rng))
        self.heads = {"mean": nn.Linear(3, 1, rng=rng)}
        self.heads["drop"] = nn.Dropout(0.5, rng=rng)
        self.gains = (Tensor(1.0), Tensor([2.0], requires_grad=False))

    def forward(self, x):
        for layer in self.layers:
            x = tg.relu(layer(x))
        return self.heads["mean"](self.heads["drop"](x)) * self.gains[0]


NAMES = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "heads.mean.weight", "heads.mean.bias"]


def test_parameters_state_modes_and_repr():
    model = Net()
    assert [name for name, _ in model.named_parameters()] == [*NAMES, "gains.0"]
    assert list(model.state_dict()) == [*NAMES, "gains.0", "gains.1"]
    assert [name for name, _ in model.named_modules()] == ["", "layers.0", "layers.1", "heads.mean", "heads.drop"]
    model.eval()
    assert not any(m.training for m in model.modules())
    model.layers[0].train()
    assert [m.training for m in model.modules()] == [False, True, False, False, False]
    assert repr(model).split("\n") == [
        "Net()                         26 parameters",
        "  layers.0    Linear(2 -> 3)   9",
        "  layers.1    Linear(3 -> 3)  12",
        "  heads.mean  Linear(3 -> 1)   4",
        "  heads.drop  Dropout(0.5)",
        "  gains.0     Tensor ()        1",
    ]


def test_state_goes_from_one_model_to_another_and_training_reaches_all():
    one, other = Net(0), Net(1)
    other.load_state_dict(one.state_dict())
    x = np.random.default_rng(0).normal(size=(8, 2))
    np.testing.assert_array_equal(one.eval()(x).data, other.eval()(x).data)
    assert {p.dtype for p in one.astype(np.float32).tensors().values()} == {np.dtype(np.float32)}
    before = other.state_dict()
    adam = tg.optim.Adam(other.train().parameters())
    for _ in range(3):
        adam.zero_grad()
        tg.mse_loss(other(x), x[:, :1]).backward()
        adam.step()
    assert [name for name, a in other.state_dict().items() if (a != before[name]).any()] == [*NAMES, "gains.0"]
    other.zero_grad()
    assert all(p.grad is None for p in other.parameters())


def test_layers_that_are_added_replaced_and_removed_later_count_at_once():
    model = Net()
    model.layers.append(nn.Linear(3, 3))
    assert "layers.2.bias" in model.state_dict()
    model.layers[0] = nn.Linear(2, 3, bias=False)
    assert "layers.0.bias" not in model.state_dict()
    del model.layers[2], model.heads["mean"]
    assert [name for name, _ in model.named_parameters()][-2:] == ["layers.1.bias", "gains.0"]


@pytest.mark.parametrize("wrong", [set, frozenset, deque, lambda a: dict(enumerate(a)).values()])
def test_containers_that_are_not_searched_are_refused(wrong):
    model = nn.Module()
    for part in (nn.Linear(2, 2), Tensor(1.0)):
        with pytest.raises(TypeError, match=r"Module\.layers = .*: nothing finds the layers in a .*lists"):
            model.layers = wrong([part])
    model.seen = wrong([1, Tensor(1.0, requires_grad=False), Tensor(1.0) * 2])


@pytest.mark.parametrize("name", ["parameters", "modules", "train", "state_dict", "astype"])
def test_an_attribute_that_would_hide_a_method_is_refused(name):
    with pytest.raises(TypeError, match=rf"Module\.{name} = .*: {name} is a method of every Module; use another name"):
        setattr(nn.Module(), name, [nn.Linear(2, 2)])


@pytest.mark.parametrize("jit", [False, True])
def test_a_list_of_blocks_trains(jit):
    model = Net()
    x = np.random.default_rng(0).normal(size=(32, 2))
    history = tg.fit(
        model, tg.mse_loss, (x, x[:, :1]), optimizer=tg.optim.Adam(model.parameters(), 0.02), epochs=20, progress=False,
        rng=0, jit=jit,
    )  # fmt: skip
    assert history.train_loss[-1] < history.train_loss[0]


def test_an_attribute_of_a_users_module_may_be_named_as_a_switch_of_other_libraries():
    class Layer(nn.Module):
        __module__ = "tinygrad_edu_demo"  # a file of the user

        def __init__(self):
            self.trainable = self.requires_grad = True
            self.pairs = map(str, [1])

    assert Layer().trainable
    assert not Layer().parameters()


def test_layers_in_an_array_of_objects_are_refused():
    model = nn.Module()
    with pytest.raises(TypeError, match="nothing finds the layers in an ndarray; parameters are searched for in lists"):
        model.layers = np.array([nn.Linear(2, 2)], dtype=object)
    model.names = np.array(["a", None], dtype=object)


def test_results_that_a_module_keeps_are_no_parameters_and_raise_no_warning():
    model, theta = nn.Linear(2, 2, rng=0), Tensor(np.ones((2, 2)))
    model.weight, model.input = theta - 0.1, np.tanh(Tensor(np.ones(2)))
    assert model.parameters() == [model.bias]
    assert [*model.state_dict()] == ["bias"]
