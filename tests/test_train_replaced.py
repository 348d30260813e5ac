"""`fit` keeps and puts back the Tensors that a model has now: layers and callbacks may replace them."""

import contextlib

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, nn, optim

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))


def constant(data):
    return Tensor(data, requires_grad=False)


class Centered(nn.Module):
    """Subtracts a running `mean` of what it computes; the `last` outputs have the shape of a batch."""

    def __init__(self, begins=True):
        self.layer = nn.Linear(3, 1, rng=0)
        self.mean = constant(np.zeros(1)) if begins else None
        self.last = constant(np.zeros((1, 1)))

    def forward(self, x):
        y = self.layer(x)
        if self.training:
            new = np.mean(y, axis=0)
            self.mean = new.detach() if self.mean is None else (0.9 * self.mean + 0.1 * new).detach()
            self.last = (y * 1).detach()
        return y - self.mean + 0.1 * np.mean(self.last)


def arrays(model):
    return {name: t.data.tolist() for name, t in model.tensors().items()}


def run(model, callback=lambda **_: None, **options):
    given = {"optimizer": optim.Adam(model.parameters(), lr=0.1), "epochs": 8, "batch_size": 4, "rng": 0}
    return tg.fit(model, tg.mse_loss, (X, Y), progress=False, callbacks=[callback], **given | options)


class Interruption(Exception):
    pass


def interrupt(epoch, **_):
    if epoch == 5:
        raise Interruption


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("jit", [False, True])
def test_an_interrupted_run_goes_on_with_what_the_model_had_put_in_place(tmp_path, begins, jit):
    options = {"checkpoint": tmp_path / "run.npz", "valid_data": (X, Y), "patience": 8, "jit": jit}
    straight, resumed = Centered(begins), Centered(begins)
    expected = run(straight, valid_data=(X, Y), patience=8, jit=jit)
    with contextlib.suppress(Interruption):
        run(Centered(begins), interrupt, **options)
    history = run(resumed, **options)
    np.testing.assert_allclose(history.train_loss, expected.train_loss, 1e-12)
    np.testing.assert_allclose(history.valid_loss, expected.valid_loss, 1e-12)
    given, right = arrays(resumed), arrays(straight)
    assert given.keys() == right.keys()
    for name, values in right.items():
        np.testing.assert_allclose(given[name], values, 1e-12)


def test_the_best_epoch_comes_back_whole_whatever_shape_it_has_then():
    model, epochs = Centered(), []

    def note(model, epoch, **_):
        epochs.append(arrays(model))
        if epoch > 3:
            model.layer.weight.data[...] = 100.0  # worse than the epochs before
        model.last = constant(np.zeros((epoch, 1)))

    history = run(model, note, valid_data=(X, Y), patience=2)
    assert history.stopped == "patience"
    assert arrays(model) == epochs[history.best_epoch - 1]


def test_a_diverging_run_gives_back_what_the_model_had_put_in_place():
    model, epochs = Centered(), []

    def spoil(model, epoch, **_):
        epochs.append(arrays(model))
        if epoch == 3:
            model.mean = constant(np.array([np.nan]))

    with pytest.raises(tg.DivergenceError):
        run(model, spoil, batch_size=None)
    assert arrays(model) == epochs[1]  # those of epoch 3 gave no finite loss


@pytest.mark.parametrize("begins", [True, False])
def test_the_finder_puts_the_tensors_themselves_back(begins):
    model = Centered(begins)
    held, before = dict(vars(model)), arrays(model)
    tg.lr_finder(model, tg.mse_loss, (X, Y), optimizer=optim.SGD(model.parameters(), lr=0.1), steps=5, batch_size=4)
    assert all(vars(model)[name] is value for name, value in held.items())
    assert arrays(model) == before


@pytest.mark.parametrize("begins", [True, False])
def test_a_file_that_is_refused_changes_no_attribute(tmp_path, begins):
    run(Centered(begins), checkpoint=tmp_path / "run.npz")
    state = tg.load(tmp_path / "run.npz")
    others = {"generators": np.array("{}"), "model/layer.weight": np.zeros((1, 4)), "model/new": X}
    for name, value in others.items():
        tg.save({**state, name: value}, tmp_path / "other.npz")
        model = Centered(begins)
        held, before = dict(vars(model)), arrays(model)
        with pytest.raises(ValueError, match="is of another run"):
            run(model, checkpoint=tmp_path / "other.npz")
        assert all(vars(model)[name] is value for name, value in held.items())
        assert arrays(model) == before


class Stateful(nn.Module):
    """Puts what `new` makes of the mean and the square of its outputs in the place of its `state`."""

    def __init__(self, new, state=None):
        self.layer, self.new, self.state = nn.Linear(3, 1, rng=0), new, state

    def forward(self, x):
        y = self.layer(x)
        held = [t.data.mean() for name, t in self.tensors().items() if name.startswith("state")]
        mean = np.mean(y, axis=0).detach()
        self.state = self.new(self.state, mean, mean * mean)
        return y + 0.1 * sum(held)


def appended(state, a, b):
    state.append(a)
    return state


STATES = {
    "a tuple": lambda state, a, b: (a, b.detach()),
    "a list": lambda state, a, b: [a, None, (b.detach(),)],
    "a dict": lambda state, a, b: {"a": a, 3: {"b": b.detach()}},
    "one Tensor twice": lambda state, a, b: (a, a),
    "a growing list": appended,
    "a shorter list": lambda state, a, b: state[1:],
}


def stateful(kind):
    return Stateful(STATES[kind], [constant(np.full(1, float(i))) for i in range(30)] if "list" in kind else None)


@pytest.mark.parametrize("kind", STATES)
def test_an_interrupted_run_goes_on_with_any_structure_of_the_state(tmp_path, kind):
    options = {"checkpoint": tmp_path / "run.npz", "valid_data": (X, Y), "patience": 8}
    straight, resumed = stateful(kind), stateful(kind)
    expected = run(straight, valid_data=(X, Y), patience=8)
    with contextlib.suppress(Interruption):
        run(stateful(kind), interrupt, **options)
    assert run(resumed, **options).train_loss == expected.train_loss
    assert arrays(resumed) == arrays(straight)
    assert type(resumed.state) is type(straight.state)
    assert (kind != "one Tensor twice") or resumed.state[0] is resumed.state[1]


@pytest.mark.parametrize("kind", STATES)
def test_the_finder_puts_any_structure_of_the_state_back(kind):
    model = stateful(kind)
    before = arrays(model)
    tg.lr_finder(model, tg.mse_loss, (X, Y), optimizer=optim.SGD(model.parameters(), lr=0.1), steps=5)
    assert arrays(model) == before


def reset(model, **_):
    model.state = None


def average(model, **_):
    if "averages" not in vars(model):
        model.averages = {"of": [constant(p.data.copy()) for p in model.parameters()]}
    for a, p in zip(model.averages["of"], model.parameters(), strict=True):
        a.data[...] = 0.9 * a.data + 0.1 * p.data


@pytest.mark.parametrize("callback", [reset, average])
def test_an_interrupted_run_goes_on_with_what_a_callback_had_put_in_place(tmp_path, callback):
    make = lambda: Stateful(lambda state, a, b: a, constant(np.zeros(1)))
    options = {"valid_data": (X, Y), "patience": 8, "epochs": 8}
    straight, resumed = make(), make()
    expected = run(straight, callback, **options)
    run(make(), callback, **options | {"epochs": 5, "checkpoint": tmp_path / "run.npz"})
    assert run(resumed, callback, checkpoint=tmp_path / "run.npz", **options).train_loss == expected.train_loss
    assert arrays(resumed) == arrays(straight)


def test_a_file_without_the_structure_of_the_state_resumes_as_before(tmp_path):
    run(Centered(), checkpoint=tmp_path / "run.npz", epochs=5)
    state = tg.load(tmp_path / "run.npz")
    tg.save({name: a for name, a in state.items() if "structure" not in name}, tmp_path / "run.npz")
    straight, resumed = Centered(), Centered()
    run(straight)
    run(resumed, checkpoint=tmp_path / "run.npz")
    assert arrays(resumed) == arrays(straight)


def test_a_file_that_is_refused_leaves_the_structure_of_the_state(tmp_path):
    run(stateful("a growing list"), checkpoint=tmp_path / "run.npz")
    state = tg.load(tmp_path / "run.npz")
    tg.save({**state, "generators": np.array("{}")}, tmp_path / "run.npz")
    model = stateful("a growing list")
    held, before = model.state, arrays(model)
    with pytest.raises(ValueError, match="generators"):
        run(model, checkpoint=tmp_path / "run.npz")
    assert model.state is held
    assert arrays(model) == before


def insert(model):
    model.layers[:0] = [nn.Linear(3, 3, rng=5), nn.BatchNorm1d(3)]
    model.layers.insert(3, nn.BatchNorm1d(4))


def wrap(model):
    model.layers[0] = nn.Sequential(model.layers[0], nn.Tanh())


def rename(model):
    layers = model.layers
    del model.layers
    model.stack = layers


def remove(model):
    del model.layers[1]


class Stack(nn.Module):
    def __init__(self):
        self.layers = [nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Linear(4, 4, rng=1), nn.Linear(4, 1, rng=2)]

    def forward(self, x):
        for layer in vars(self).get("layers") or self.stack:
            x = layer(x)
        return x


@pytest.mark.parametrize("change", [insert, wrap, rename, remove])
def test_the_best_epoch_comes_back_in_the_layers_that_had_it_then(change):
    model, epochs = Stack(), []
    layers, values = [*model.layers], lambda: [arrays(layer) for layer in layers]

    def spoil(model, epoch, **_):
        epochs.append(values())
        if epoch == 2:
            change(model)
        if epoch >= 2:
            layers[-1].weight.data[...] = 100.0

    history = run(model, spoil, valid_data=(X, Y), patience=2)
    assert history.stopped == "patience"
    assert values() == epochs[history.best_epoch - 1]
    assert model(X).shape == (10, 1)


class Product(nn.Module):
    def __init__(self):
        self.first, self.second = Tensor(np.full((3, 4), 0.1)), Tensor(np.ones((4, 1)))
        self.bias = Tensor(np.zeros(1))

    def forward(self, x):
        return x @ self.first @ self.second + self.bias


def test_the_best_epoch_comes_back_in_parameters_that_were_replaced():
    model, epochs = Product(), []

    def prune(model, epoch, **_):
        epochs.append(arrays(model))
        if epoch == 1:
            model.first, model.second = Tensor(np.full((3, 2), 10.0)), Tensor(np.full((2, 1), 10.0))

    assert run(model, prune, valid_data=(X, Y), patience=1).best_epoch == 1
    assert arrays(model) == epochs[0]


def test_what_the_optimizer_trains_beside_the_model_is_not_confused_with_what_left_it():
    scale, model, epochs = Tensor(np.ones(4)), nn.Linear(3, 1, rng=0), []
    model.shift = shift = Tensor(np.arange(4.0))
    values = lambda: (scale.data.tolist(), shift.data.tolist())

    def drop(model, epoch, **_):
        epochs.append(values())
        if epoch == 2:
            model.shift = None
        if epoch >= 2:
            scale.data[...] = shift.data[...] = model.weight.data[...] = 50.0

    sgd = optim.SGD([shift, scale, model.weight, model.bias], lr=0.1)
    history = run(model, drop, optimizer=sgd, valid_data=(X, Y), patience=2)
    assert values() == epochs[history.best_epoch - 1]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_best_epoch_comes_back_where_state_moves_from_place_to_place(at, jit):
    def move(state, a, b):
        return state[1], a

    model, epochs = Stateful(move, (constant(np.zeros(1)), constant(np.ones(1)))), []

    def spoil(model, epoch, **_):
        epochs.append(arrays(model))
        if epoch == at:
            model.layer.weight.data[...] = 100.0

    history = run(model, spoil, valid_data=(X, Y), patience=1, batch_size=None, jit=jit)
    assert history.best_epoch == at
    assert arrays(model) == epochs[at - 1]


def test_a_run_that_diverges_at_once_leaves_no_state_where_there_was_none():
    model = Stateful(lambda state, a, b: (a, (b * np.nan).detach()))
    before = arrays(model)
    with pytest.raises(tg.DivergenceError):
        run(model)
    assert model.state is None
    assert arrays(model) == before


def test_a_container_whose_tensors_stay_is_the_same_after_a_run():
    model = Stateful(lambda state, a, b: state, [constant(np.zeros(1)), {"a": None}])
    held = model.state
    run(model, valid_data=(X, Y), patience=2)
    assert model.state is held
