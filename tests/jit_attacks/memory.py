"""State of one number, values from before an update, layouts, aliases."""

import io

import numpy as np

import tinygrad_edu as tg

from .harness import TT, XX, X, works
from .training import final


@works
def running_mean_of_a_single_number(J):
    mean = tg.Tensor(1.0, requires_grad=False)

    def f(x):
        m = mean.data
        m *= 0.9
        m += 0.1 * x.mean()
        return mean * 1.0

    f = J(f)
    return [f(X * i) for i in range(4)] + [mean.data]


@works
def counter_tensor_changed_twice(J):
    n = tg.Tensor(0, requires_grad=False)

    def f(x):
        c = n.data
        c += 1
        c += 1
        return x * 2

    f = J(f)
    f(X), f(X)
    return n.data


@works
def reptile(J):
    model = tg.nn.MLP([3, 5, 1], activation="tanh", rng=0)
    opt = tg.optim.SGD(model.parameters(), lr=0.05)

    def step(x, t):
        start = [p.data.copy() for p in model.parameters()]
        for _ in range(2):
            opt.minimize(tg.mse_loss(model(x), t))
        moved = [p.data - s for p, s in zip(model.parameters(), start)]
        for p, s, m in zip(model.parameters(), start, moved):
            p.data[...] = s + 0.3 * m
        return moved

    step = J(step)
    return [step(XX, TT) for _ in range(5)], final(model, opt)


@works
def weights_loaded_from_a_file_by_rebinding(J):
    model = tg.nn.MLP([3, 3, 1], activation="tanh", rng=0)
    opt = tg.optim.Adam(model.parameters(), lr=0.05)

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    for _ in range(3):
        step(XX, TT)  # eagerly
    file = io.BytesIO()
    np.savez(file, *[p.data for p in model.parameters()])
    file.seek(0)
    loaded = np.load(file)
    for p, k in zip(model.parameters(), loaded):
        p.data = np.ascontiguousarray(loaded[k])
    step = J(step)
    return [step(XX, TT) for _ in range(5)], opt.state_dict()


@works
def source_of_a_step_that_returns_a_view(J):
    """The text runs to the same numbers (checked where J is jit)."""
    w = tg.Tensor(np.arange(3.0), label="w")
    opt = tg.optim.SGD([w], lr=0.1)

    def step(x):
        head = w.copy()[:-1]
        opt.minimize((w * w * x).sum())
        return head

    f = J(step)
    out = [f(X)]
    if hasattr(f, "source"):
        scope = {}
        exec(f.source, scope)
        given = {"x": X, "w": w.data.copy(), "steps": opt.steps, "lr": opt.lr}
        out.append(scope["step"](**given)[0])
    else:
        out.append(w.data[:-1].copy())
    return [np.asarray(v.data if isinstance(v, tg.Tensor) else v) for v in out]


@works
def batchnorm_called_twice(J):
    bn = tg.nn.BatchNorm1d(3)
    f = J(lambda x: bn(np.tanh(bn(x))))
    for i in range(3):
        f(XX * (i + 1))
    return bn.state_dict()


@works
def reshape_of_an_input_with_gaps_then_written(J):
    def f(x):
        y = np.reshape(x, (2, -1))
        x *= 0.5
        return y * 1

    f = J(f)
    a, b = np.ones((4, 3)), np.ones((4, 6))[:, ::2]
    return [f(a), f(b), a, b]
