"""Threads that meet a recording."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import tinygrad_edu as tg

from .harness import TT, XX, Cfg, X, attack, works
from .training import final


@attack
def other_thread_uses_a_generator_while_recording(J):
    o = Cfg(rng=np.random.default_rng(0))
    started, done, found = threading.Event(), threading.Event(), []

    def other():
        started.wait(5)
        found.append(isinstance(o.rng, np.random.Generator))
        done.set()

    t = threading.Thread(target=other)
    t.start()

    def f(x):
        y = x + o.rng.normal(size=3)
        started.set()
        done.wait(5)
        return y

    f(X) if False else J(f)(X)
    t.join()
    return found


@attack
def other_thread_changes_a_parameter_while_recording(J):
    """An eager thread writes w while another records a function that only reads it."""
    w = tg.Tensor(X)
    started, done = threading.Event(), threading.Event()

    def other():
        started.wait(5)
        w.data = X * 10
        done.set()

    t = threading.Thread(target=other)
    t.start()

    def f(x):
        y = (w * x).sum()
        started.set()
        done.wait(5)
        return y

    J(f)(X)
    t.join()
    return w.data


def in_threads(n, work):
    """Return what each of n threads returns; raise the first error."""
    errors, out = [], [None] * n

    def guarded(i):
        try:
            out[i] = work(i)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=guarded, args=(i,), daemon=True) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    if any(t.is_alive() for t in threads):
        raise TimeoutError("a thread hangs")
    if errors:
        raise errors[0]
    return out


@works
def one_function_called_by_many_threads(J):
    f = J(lambda x: np.sum(np.tanh(x) * x))
    return in_threads(8, lambda i: [f(X * (i + 1)) for _ in range(20)])


@works
def functions_recorded_by_many_threads(J):
    def work(i):
        f = J(lambda x: np.exp(x * i).sum())
        return [f(X), f(X + 1), f(X[:2])]

    return in_threads(8, work)


@works
def models_trained_by_many_threads(J):
    def work(i):
        model = tg.nn.MLP([3, 4, 1], activation="tanh", rng=i)
        opt = tg.optim.Adam(model.parameters(), lr=0.01)
        step = J(lambda x, t: opt.minimize(tg.mse_loss(model(x), t)))
        for _ in range(5):
            step(XX, TT)
        return final(model, opt)

    return in_threads(4, work)


@works
def eager_threads_beside_a_recording(J):
    def work(i):
        model = tg.nn.MLP([3, 4, 1], activation="tanh", rng=i)
        opt = tg.optim.SGD(model.parameters(), lr=0.01)

        def step(x, t):
            opt.minimize(tg.mse_loss(model(x), t))

        step = J(step) if i % 2 else step
        for _ in range(5):
            step(XX, TT)
        return final(model, opt)

    return in_threads(6, work)


@works
def threads_of_its_own_compute(J):
    w = tg.Tensor(X)

    def f(x):
        with ThreadPoolExecutor(2) as pool:
            parts = [*pool.map(lambda k: np.sum(x * w.data[k]), range(3))]
            return sum(parts) + pool.submit(lambda: float(x[0])).result()

    f = J(f)
    return [f(x) for x in (X, X, X + 1, X * 2)]


@works
def threads_of_its_own_fill_an_array(J):
    def f(x):
        y = np.zeros_like(x)

        def fill(i):
            y[i] = x[i] * 2

        in_threads(3, fill)
        return y

    f = J(f)
    return [f(x) for x in (X, X, X + 1)]


@works
def a_thread_of_its_own_changes_a_list(J):
    seen = []

    def f(x):
        thread = threading.Thread(target=lambda: seen.append(np.sum(x)))
        thread.start()
        thread.join()
        return x * 2

    f = J(f)
    return [f(X), f(X), f(X + 1), seen]


@attack
def threads_of_its_own_train(J):
    w = tg.Tensor(X)

    def step(i):
        w.data[i] -= 0.1

    def f(x):
        in_threads(3, step)
        return w * x

    f = J(f)
    return [f(X), f(X), f(X), w.data]
