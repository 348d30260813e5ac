"""What a function changes outside of itself."""

import asyncio
import contextlib
import functools
import io
import queue

import numpy as np
import pytest

import tinygrad_edu as tg

from .harness import Cfg, X, attack, works


@attack
def plain_attribute_set_that_was_not_there(J):
    o = Cfg()

    def f(x):
        o.calls = getattr(o, "calls", 0) + 1
        return x * 2

    f = J(f)
    f(X), f(X), f(X)
    return o.calls


@attack
def global_set_that_was_not_there(J):
    globals().pop("H5_NEW", None)

    def f(x):
        global H5_NEW
        H5_NEW = x.sum()
        return x

    f = J(f)
    f(X)
    f(X + 1)
    return globals().pop("H5_NEW")


@attack
def global_counter(J):
    globals()["H5_COUNT"] = 0

    def f(x):
        global H5_COUNT
        H5_COUNT += 1
        return x * H5_COUNT

    f = J(f)
    return [f(X), f(X), globals()["H5_COUNT"]]


@attack
def function_attribute_counter(J):
    def g(x):
        g.calls = getattr(g, "calls", 0) + 1
        return x * g.calls

    f = J(lambda x: g(x))
    return [f(X), f(X), f(X), g.calls]


@attack
def attribute_set_by_setattr(J):
    o = Cfg(n=0)

    def f(x):
        setattr(o, "n", getattr(o, "n") + 1)
        return x * 2

    f = J(f)
    f(X), f(X)
    return o.n


@attack
def cached_property_on_a_plain_object(J):
    class P:
        def __init__(self):
            self.w = tg.Tensor(X)

        @functools.cached_property
        def norm(self):
            return (self.w * self.w).sum()

    p = P()
    f = J(lambda x: x * p.norm.data)
    out = [f(X), f(X)]
    return [*out, p.__dict__.get("norm")]


@attack
def default_dict_memo(J):
    def f(x, memo={}):
        memo["n"] = memo.get("n", 0) + 1
        return x * memo["n"]

    f = J(f)
    return [f(X), f(X), f(X)]


@attack
def long_list_of_losses(J):
    losses = [0.0] * 150

    def f(x):
        losses.append(x.sum())
        return x

    f = J(f)
    f(X)
    f(X)
    return losses[150:]


@attack
def element_of_a_long_list_written(J):
    table = [0] * 200

    def f(x):
        table[150] += 1
        return x * 2

    f = J(f)
    f(X), f(X)
    return table[150]


@attack
def nested_history(J):
    history = {"train": {"loss": []}}

    def f(x):
        history["train"]["loss"].append(1)
        return x

    f = J(f)
    f(X), f(X + 1)
    return history


@attack
def history_in_a_logger_with_dunder(J):
    class Log:
        def __init__(self):
            self.values = {}

        def __setitem__(self, k, v):
            self.values[k] = v

        def __iadd__(self, v):
            self.total = getattr(self, "total", 0) + v
            return self

        def __call__(self, v):
            self.values.setdefault("called", []).append(v)

        def __lshift__(self, v):
            self.values.setdefault("shifted", []).append(v)

    log = Log()

    def f(x):
        log["loss"] = x.sum()
        return x

    f = J(f)
    f(X), f(X + 1)
    return log.values


@attack
def array_module_changed(J):
    import array

    a = array.array("d")

    def f(x):
        a.append(1.0)
        return x

    f = J(f)
    f(X), f(X + 1)
    return len(a)


@attack
def heap_pushed(J):
    import heapq

    h = [3, 5]

    def f(x):
        heapq.heappush(h, 1)
        return x

    f = J(f)
    f(X), f(X + 1)
    return h


@attack
def pandas_frame_changed(J):
    pd = pytest.importorskip("pandas")
    df = pd.DataFrame({"n": [0]})

    def f(x):
        df.loc[0, "n"] += 1
        return x * 2

    f = J(f)
    f(X), f(X + 1)
    return int(df.loc[0, "n"])


@attack
def printed_to_stdout(J):
    def f(x):
        print("called")
        return x * 2

    f, out = J(f), io.StringIO()
    with contextlib.redirect_stdout(out):
        f(X), f(X + 1)
    return out.getvalue()


@attack
def callback_called(J):
    calls = []

    class Callback:
        def __call__(self, v):
            calls.append(1)

    def f(x, callback):
        callback(x)
        return x * 2

    f, c = J(f), Callback()
    f(X, c), f(X + 1, c)
    return len(calls)


@attack
def module_keeps_its_activation(J):
    class Keeps(tg.nn.Module):
        def __init__(self):
            self.inner = tg.nn.Linear(3, 2, rng=0)

        def forward(self, x):
            self.last = self.inner(x)
            return self.last * 1

    net = Keeps()
    f = J(lambda x: net(x))
    f(X), f(X + 1)
    return net.last.detach()


@attack
def exception_after_the_update_leaves_a_whole_update(J):
    """Eager: the update is done, then the rest fails. A replay may do all of the update or none of it."""
    w = tg.Tensor([1.0, 2.0])
    opt = tg.optim.Adam([w], lr=0.1)

    def step(x, a):
        opt.minimize((w * x).sum())
        return np.linalg.inv(a)

    step = J(step)
    step(X[:2], np.eye(2))
    step(X[:2], np.eye(2))
    before = w.data.copy(), opt.steps, [a.copy() for s in opt.state.values() for a in s], w.grad.copy()
    with contextlib.suppress(np.linalg.LinAlgError):
        step(X[:2] * 2, np.zeros((2, 2)))
    after = w.data, opt.steps, [a for s in opt.state.values() for a in s], w.grad
    moved = not np.array_equal(before[0], after[0])
    counted = before[1] != after[1]
    averaged = any(not np.array_equal(a, b) for a, b in zip(before[2], after[2]))
    graded = not np.array_equal(before[3], after[3])
    return (
        "a whole update or none" if len({moved, counted, averaged, graded}) == 1 else (moved, counted, averaged, graded)
    )


def queue_attack(name, make):
    def run(J):
        made = make()
        f = J(lambda x: (made.put_nowait(1), x * 2)[1])
        return f(X), f(X), f(X), made.qsize()

    run.__name__ = name
    attack(run)


queue_attack("simple_queue", queue.SimpleQueue)
queue_attack("queue_of_asyncio", asyncio.Queue)


@works
def array_resized_and_locked_within(J):
    a, b = Cfg(of=X[:1].copy()), X.copy()

    def f(x):
        a.of.resize(len(a.of) + 1, refcheck=False)
        b.setflags(write=False)
        return x * 2

    f = J(f)
    return f(X), f(X), a.of, b.flags.writeable


@attack
def array_written_through_its_buffer(J):
    a = X.copy()
    f = J(lambda x: (a.data.__setitem__(0, 9.0), x * 2)[1])
    return f(X), f(X), a
