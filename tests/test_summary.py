"""`model.summary(x)` and the repr: rows that add up, shapes of every call, and a model that stays as it was."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn


class Net(nn.Module):
    """Holds Tensors, layers in a list and in a dict, one layer that is called thrice, and one that is not called."""

    def __init__(self):
        self.scale = Tensor(np.ones(5))
        self.layers = [nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4)]
        self.heads = {"a": nn.Linear(4, 2, rng=1), "b": nn.MLP([4, 3, 1], rng=2)}
        self.again, self.unused = nn.Linear(4, 4, rng=3), nn.Linear(1, 1, rng=4)
        self.drop, self.rng, self.seen = nn.Dropout(0.5, rng=5), np.random.default_rng(6), [1, {"n": 2}]
        self.mean = np.zeros(4)

    def forward(self, x, y=None):
        for layer in self.layers:
            x = layer(x)
        for _ in range(3):
            x = self.again(x)
        x = self.drop(x) + self.rng.normal()
        self.last = x
        self.seen.append(x)
        self.seen[1]["n"] += 1
        self.mean += 1
        self.scale.data *= 2
        self.heads["a"].training = True
        return self.heads["a"](x), {"b": self.heads["b"](x)}


TABLE = """Net()
-----------------------------------------------------------------
name       layer             output shape     parameters   bytes
-----------------------------------------------------------------
scale      Tensor (5,)                                 5      40
layers.0   Linear(3 -> 4)    (7, 4)                   16     128
layers.1   BatchNorm1d(4)    (7, 4)                    8      64
heads.a    Linear(4 -> 2)    (7, 2)                   10      80
heads.b    MLP(4 -> 3 -> 1)  (7, 1)                  (19)   (152)
heads.b.0  Linear(4 -> 3)    (7, 3)                   15     120
heads.b.1  ReLU()            (7, 3)                    0       0
heads.b.2  Linear(3 -> 1)    (7, 1)                    4      32
again      Linear(4 -> 4)    (7, 4), 3 calls          20     160
unused     Linear(1 -> 1)    not called                2      16
drop       Dropout(0.5)      (7, 4)                    0       0
-----------------------------------------------------------------
Parameters: 80 (640 bytes)
Other state, not trained: 9 (72 bytes)"""


def test_a_summary_is_printed_with_layers_shapes_parameters_and_bytes(capsys):
    text = Net().summary(np.ones((7, 3)), y=0)
    assert capsys.readouterr().out == TABLE + "\n"
    assert text == TABLE
    assert repr(text) == "<Summary: 80 parameters, 640 bytes>"
    assert (text.parameters, text.bytes, len(text.rows)) == (80, 640, 11)
    assert text.rows[1] == ("layers.0", "Linear(3 -> 4)", "(7, 4)", 16, 128, None)
    assert text.rows[4] == ("heads.b", "MLP(4 -> 3 -> 1)", "(7, 1)", 0, 0, (19, 152))


def test_a_summary_leaves_no_trace(capsys):
    model = Net()
    model.train()
    model.heads["b"].eval()
    np.sum(model.again(np.ones((2, 4)))).backward()
    twin = copy.deepcopy(model)
    objects = {id(v) for v in vars(model).values()}
    model.summary(np.ones((7, 3)))
    assert list(vars(model)) == list(vars(twin))
    assert objects == {id(v) for v in vars(model).values()}
    assert [m.training for m in model.modules()] == [m.training for m in twin.modules()]
    for (name, a), (_, b) in zip(model.tensors().items(), twin.tensors().items(), strict=True):
        np.testing.assert_array_equal(a.data, b.data, err_msg=name)
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or (a.grad == b.grad).all()
    assert model.rng.random() == twin.rng.random()
    assert model.drop.rng.random() == twin.drop.rng.random()
    assert model.seen == [1, {"n": 2}]
    assert (model.mean == 0).all()


def test_a_summary_leaves_gradients_that_have_a_graph():
    model = nn.Linear(3, 2, rng=0)
    np.sum(model(np.ones((4, 3))) ** 2).backward(create_graph=True)
    before = [p.grad for p in model.parameters()]
    model.summary(np.ones((4, 3)))
    assert all(p.grad is g and isinstance(g, Tensor) for p, g in zip(model.parameters(), before, strict=True))


def test_a_model_whose_forward_fails_is_left_as_it_was(capsys):
    model = Net()
    with pytest.raises(ValueError, match=r"Linear\(3 -> 4\) got \(7, 2\)"):
        model.summary(np.ones((7, 2)))
    assert model.training
    assert "last" not in vars(model)
    assert capsys.readouterr().out == ""


def test_several_inputs_outputs_and_shapes(capsys):
    class Siamese(nn.Module):
        def __init__(self):
            self.encoder, self.head = nn.Embedding(5, 2), nn.Linear(2, 1)

        def forward(self, a, b, *, c):
            a, b = self.encoder(a), self.encoder(b)
            return self.head(a) + c, {"b": [b]}

    text = Siamese().summary(np.zeros((4, 3), int), np.zeros(6, int), c=np.float32(1))
    assert text.rows[0].output_shape == "(4, 3, 2), (6, 2), 2 calls"
    inside = nn.Sequential(Siamese(), lambda y: y[0])
    assert "((4, 3, 1), {'b': ((6, 2))})" not in inside.summary()
    wrapped = nn.Module()
    wrapped.part = Siamese()
    wrapped.forward = lambda x: wrapped.part(x, x[0], c=0)
    assert wrapped.summary(np.zeros((4, 3), int)).rows[0].output_shape == "((4, 3, 1), {'b': ((3, 2))})"


def test_a_layer_alone_and_a_model_without_an_input(capsys):
    assert nn.Linear(2, 3).summary(np.ones((4, 2))).rows == [("", "Linear(2 -> 3)", "(4, 3)", 9, 72, None)]
    without = nn.Sequential(nn.Linear(2, 3, dtype=np.float32), nn.Tanh()).summary()
    assert without.rows == [("0", "Linear(2 -> 3)", "", 9, 36, None), ("1", "Tanh()", "", 0, 0, None)]
    assert "output shape" not in without
    assert nn.Tanh().summary(np.ones(3)).parameters == 0


def test_a_shape_instead_of_an_input_is_answered_with_the_remedy():
    with pytest.raises(TypeError, match=r"Linear.summary takes .*, not their shape; .* np\.zeros\(\(4, 2\)\)"):
        nn.Linear(2, 3).summary((4, 2))


def test_shared_tensors_count_where_they_are_first():
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    model[1].weight = model[0].weight
    assert repr(model).split("\n") == [
        "Sequential()          20 parameters",
        "  0  Embedding(5, 3)  15",
        "  1  Linear(3 -> 5)    5",
    ]


@st.composite
def models(draw, depth=2):
    """Draw a module that holds Tensors, state, layers and modules, in lists and dicts too, some of them twice."""
    model, pool = (
        nn.Module(),
        [nn.Linear(2, 3, rng=0), Tensor(np.ones(4)), Tensor(np.ones((2, 2)), requires_grad=False)],
    )
    for i in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["tensor", "layer", "list", "dict", "shared", "module"]))
        part = {
            "tensor": lambda: Tensor(np.ones(draw(st.integers(0, 3)))), "layer": lambda: nn.BatchNorm1d(2),
            "list": lambda: [Tensor(np.ones(2)), (nn.Linear(1, 1, rng=0),)],
            "dict": lambda: {"a": nn.ReLU(), 3: pool[1]},
            "shared": lambda: pool[draw(st.integers(0, 2))],
            "module": lambda: draw(models(depth - 1)) if depth else 0,
        }[kind]()  # fmt: skip
        setattr(model, f"part{i}", part)
    return model


@settings(max_examples=40)
@given(models())
def test_rows_add_up(model):
    rows, total = model.summary().rows, sum(p.size for p in model.parameters())
    assert sum(row.parameters for row in rows) == total
    assert sum(row.bytes for row in rows) == sum(p.data.nbytes for p in model.parameters())
    for row in rows:
        if row.subtotal:
            assert row.parameters == 0
            inside = [r for r in rows if r.name.startswith(f"{row.name}.")]
            assert row.subtotal == (sum(r.parameters for r in inside), sum(r.bytes for r in inside))
    first, *lines = repr(model).split("\n")
    assert re.fullmatch(rf"Module\(\) +{total} parameters?", re.sub(" +", " ", first))
    assert [line.split()[0] for line in lines] == [row.name for row in rows if row.name]
    if lines:
        assert sum(int(found[1]) for line in lines if (found := re.search(r" (\d+)$", line))) == total


def test_a_summary_in_a_summary(capsys):
    class Curious(nn.Module):
        def __init__(self):
            self.inner, self.outer = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            self.inner.summary(x)
            return self.outer(self.inner(x))

    assert [row.output_shape for row in Curious().summary(np.ones((3, 2))).rows] == ["(3, 2)", "(3, 1)"]


def test_calls_outside_a_summary_are_not_kept():
    from tinygrad_edu.nn import summary

    model = nn.Linear(2, 1)
    model.summary(np.ones((1, 2)))
    model(np.ones((1, 2)))
    assert summary.observers == {}
    assert tg.jit(lambda x: model(x))(np.ones((1, 2))).shape == (1, 1)


def test_an_output_that_is_none_is_shown_as_python_writes_it():
    class Attending(nn.Module):
        def __init__(self):
            self.attention = nn.MultiheadAttention(4, 2, rng=0)

        def forward(self, x):
            return self.attention(x, need_weights=False)

    assert Attending().summary(np.zeros((1, 3, 4))).rows[0].output_shape == "((1, 3, 4), None)"
