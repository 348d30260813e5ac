"""Threads, forks and copies: each trains as if it were alone, to the last bit."""

import copy
import multiprocessing
import pickle
import threading

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, Value, nn, optim

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 1))


def train(seed, jit=False, steps=30):
    """The losses and final weights of a small network."""
    model = nn.Sequential(
        nn.Linear(3, 8, rng=seed), nn.Tanh(), nn.Dropout(0.2, rng=seed), nn.Linear(8, 1, rng=seed + 1)
    )
    adam = optim.Adam(model.parameters(), lr=0.01)

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        adam.minimize(loss)
        return loss

    step = tg.jit(step) if jit else step
    losses = [float(step(X[i % 3 :], T[i % 3 :])) for i in range(steps)]
    with tg.no_grad():
        losses.append(float(tg.mse_loss(model.eval()(X), T)))
    assert model(X).requires_grad
    return losses, [p.data.tolist() for p in model.parameters()]


@pytest.mark.parametrize("jit", [False, True])
def test_eight_threads_train_as_one_after_the_other(jit):
    expected, found = [train(seed, jit) for seed in range(8)], [None] * 8
    together = threading.Barrier(8)

    def work(seed):
        together.wait()
        found[seed] = train(seed, jit)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_threads_with_and_without_gradients_do_not_disturb_each_other():
    recorded, together = [None] * 8, threading.Barrier(8)

    def work(k):
        x = Tensor([1.0, 2.0])
        together.wait()
        for _ in range(200):
            if k % 2:
                with tg.no_grad():
                    y = (x * x).sum()
            else:
                y = (x * x).sum()
            if y.requires_grad == bool(k % 2):
                return
        recorded[k] = True

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded == [True] * 8


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_trains_as_its_parent_does(method):
    tg.jit(np.sin)(np.ones(200_000))  # a parent whose threads no fork has
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(train, [3, 4]) == [train(3), train(4)]
        assert pool.apply(train, (3, True)) == train(3, True)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("make", [lambda: Tensor([1.0, 2.0], label="x"), lambda: Value(3.0, label="v")])
def test_a_leaf_is_copied_with_its_gradient_and_all_that_is_its_own(make, copied):
    x = make()
    np.sum(x * x).backward() if isinstance(x, Tensor) else (x * x).backward()
    y = copied(x)
    assert type(y) is type(x)
    assert (y.label, y.requires_grad, y.fun) == (x.label, True, None)
    np.testing.assert_array_equal(y.data, x.data)
    np.testing.assert_array_equal(y.grad, x.grad)


def test_a_deep_copy_shares_nothing():
    x = Tensor([1.0, 2.0])
    y = copy.deepcopy(x)
    y.data[0] = 9
    assert x.data[0] == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_a_result_is_not_copied_with_all_that_it_was_made_from(copied):
    y = Tensor([1.0]) * 2
    y.label = "y"
    with pytest.raises(TypeError, match=r"Tensor 'y' is a result, .*detach\(\)"):
        copied(y)
    assert copied(y.detach())


class Tied(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 3, rng=0)
        self.again = self.first

    def forward(self, x):
        return self.again(np.tanh(self.first(x))).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("make", [Tied, lambda: nn.MLP([3, 4, 1], rng=0)])
def test_a_model_and_its_optimizer_are_copied_together(make, copied, jit):
    model = make()
    adam = optim.Adam(model.parameters(), lr=0.01)

    def steps(model, adam):
        step = tg.jit(lambda x, t: adam.minimize(tg.mse_loss(model(x), t))) if jit else None
        for _ in range(5):
            step(X, T) if step else adam.minimize(tg.mse_loss(model(X), T))
        return [p.data.tolist() for p in model.parameters()]

    steps(model, adam)  # jit may have moved the parameters into one array
    other, other_adam = copied((model, adam))
    assert [p is q for p, q in zip(other_adam.params, other.parameters(), strict=True)] == [True] * len(adam.params)
    before = model.state_dict()
    after = steps(other, other_adam)
    assert all((model.state_dict()[name] == array).all() for name, array in before.items())
    assert after == steps(model, adam)
    assert getattr(other, "first", None) is getattr(other, "again", None)


def test_a_jitted_function_and_a_history_are_copied():
    step = tg.jit(train)
    assert pickle.loads(pickle.dumps(step))._fun is train
    history = tg.History(train_loss=[2.0, 1.0])
    assert copy.deepcopy(history) == pickle.loads(pickle.dumps(history)) == history
