"""Threads, forked processes and copies: each trains exactly as if it ran alone."""

import contextlib
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, Value, nn, optim

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 1))


def train(seed, jit=False, steps=30):
    """Train a small network; return its losses and final weights."""
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


@pytest.fixture
def eight():
    """Return f(0), ..., f(7) from eight simultaneous threads, which switch as often as possible."""

    def at_once(f):
        def work(k):
            together.wait()
            found[k] = f(k)

        found, together = [None] * 8, threading.Barrier(8, timeout=60)
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield at_once
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("jit", [False, True])
def test_eight_threads_train_as_one_after_the_other(eight, jit):
    assert eight(lambda seed: train(seed, jit)) == [train(seed, jit) for seed in range(8)]


def test_threads_with_and_without_gradients_do_not_disturb_each_other(eight):
    def recorded(k):
        x = Tensor([1.0, 2.0])
        found = set()
        for _ in range(200):
            with tg.no_grad() if k % 2 else contextlib.nullcontext():
                found.add((x * x).sum().requires_grad)
        return found

    assert eight(recorded) == [{True}, {False}] * 4


def test_threads_share_a_model_for_predictions_and_its_replays(eight):
    model = nn.MLP([3, 8, 1], rng=0).eval()
    predict = tg.jit(lambda x: model(x).data)

    def predictions(k):
        with tg.no_grad():
            return [(predict(X[: k + i % 3 + 1]).tolist(), model(X[: k + 1]).data.tolist()) for i in range(30)]

    assert eight(predictions) == [predictions(k) for k in range(8)]


def test_results_in_threads_tell_which_modules_they_came_out_of(eight):
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3, rng=0)), nn.Sequential(nn.Tanh()))

    def modules(k):
        found = set()
        for _ in range(100):
            span, kinds = model(X).span, []
            while span:
                kinds.append(span[1].__name__)
                span = span[5]
            found.add(tuple(kinds))
        return found

    assert eight(modules) == [{("Sequential", "Sequential", "Tanh")}] * 8


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & {*multiprocessing.get_all_start_methods()}))
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_trains_as_its_parent_does(method):
    tg.jit(np.sin)(np.ones(200_000))  # the parent starts threads, which a fork does not inherit
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
    with pytest.raises(TypeError, match=r"Tensor 'y' is a result of np.multiply, .*detach\(\)"):
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


@tg.jit
def slope(x):
    return tg.grad(lambda x: np.sum(np.sin(x)))(x)


def test_a_jitted_function_and_a_history_are_copied():
    step = tg.jit(train)
    assert pickle.loads(pickle.dumps(step))._fun is copy.deepcopy(step)._fun is train
    assert pickle.loads(pickle.dumps(slope)) is copy.deepcopy(slope) is slope  # functions are copied by reference
    history = tg.History(train_loss=[2.0, 1.0])
    assert copy.deepcopy(history) == pickle.loads(pickle.dumps(history)) == history


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & {*multiprocessing.get_all_start_methods()}))
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_jitted_function_is_handed_to_processes(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map(slope, [X, T])
    np.testing.assert_array_equal(found[0], np.cos(X))
    np.testing.assert_array_equal(found[1], np.cos(T))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_another_threads_replay_or_recording_goes_on():
    x, ended = np.linspace(0, 1, 300_000), threading.Event()

    def others():
        while not ended.is_set():
            slope(x)
            tg.jit(np.tanh)(x)

    thread = threading.Thread(target=others)
    thread.start()
    forks = [multiprocessing.get_context("fork").Process(target=slope, args=(x,)) for _ in range(4)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(timeout=60)
        fork.kill()
    ended.set()
    thread.join()
    assert [fork.exitcode for fork in forks] == [0] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_thread_that_records_one_function_after_another_lets_the_parent_of_a_fork_go_on():
    np.random.default_rng()  # loads np.random, whose state recordings then read: that kept other threads waiting
    ended = threading.Event()

    def others():
        while not ended.is_set():
            tg.jit(np.tanh)(np.ones(5))

    def seconds_of_forks():
        start = time.perf_counter()
        for _ in range(10):
            fork = multiprocessing.get_context("fork").Process(target=int)
            fork.start()
            fork.join()
        return time.perf_counter() - start

    tg.jit(np.tanh)(np.ones(5))
    alone = seconds_of_forks()  # the machine may be busy
    thread = threading.Thread(target=others)
    thread.start()
    try:
        assert seconds_of_forks() < 2 + 10 * alone
    finally:
        ended.set()
        thread.join()


def test_functions_that_run_at_the_end_of_the_program_compute_too():
    code = """
import atexit, numpy as np, tinygrad_edu as tg
from tinygrad_edu.engine import threads
threads.cpu_count = lambda: 2
x = np.ones(threads.LARGE)
atexit.register(lambda: print(tg.grad(lambda x: np.sum(np.sin(x)))(x)[0] == np.cos(1)))
np.sin(tg.Tensor(x))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("True\n", "")
