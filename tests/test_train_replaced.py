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
