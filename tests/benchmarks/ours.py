"""tinygrad_edu, used as in its README: eager, and recorded by `jit`."""

import functools

import numpy as np

import tinygrad_edu as tg


def mlp(params, x):
    *hidden, w, b = params
    for v, c in zip(hidden[0::2], hidden[1::2], strict=True):
        x = tg.relu(x @ v + c)
    return x @ w + b


def training(w, jit, loss, optimizer, batches, params=None):
    params, count = params or [tg.Tensor(p) for p in w.params], [0]
    opt = optimizer(params)

    def update(x, y):
        value = loss(params, x, y)
        opt.minimize(value)
        return value

    if jit:
        update = tg.jit(update)

    def step():
        count[0] += 1
        return float(update(*batches[(count[0] - 1) % len(batches)]))

    return step, lambda: np.concatenate([p.data.ravel() for p in params])


def moons(w, jit):
    def loss(params, x, y):
        return tg.relu(1 - y * mlp(params, x)).mean() + w.alpha * sum((p * p).sum() for p in params)

    return training(w, jit, loss, lambda ps: tg.optim.SGD(ps, lr=w.lr), [(w.x, w.y)])


def line(w, jit):
    return training(
        w, jit, lambda ps, x, y: tg.mse_loss(mlp(ps, x), y), lambda ps: tg.optim.SGD(ps, lr=w.lr), [(w.x, w.y)]
    )


def classifier(w, jit):
    return training(
        w, jit, lambda ps, x, y: tg.cross_entropy(mlp(ps, x), y),
        lambda ps: tg.optim.Adam(ps, lr=w.lr, betas=w.betas, eps=w.eps), w.batches,
    )  # fmt: skip


def images(w, jit):
    layers, dtype = [], w.params[0].dtype
    for c, out in ((1, 16), (16, 32)):
        layers += [tg.nn.Conv2d(c, out, 3, padding=1, dtype=dtype), tg.nn.ReLU(), tg.nn.MaxPool2d(2)]
    model = tg.nn.Sequential(*layers, tg.nn.Flatten(), tg.nn.Linear(128, 10, dtype=dtype))
    for p, value in zip(model.parameters(), w.params, strict=True):
        p.data[...] = value
    return training(
        w, jit, lambda ps, x, y: tg.cross_entropy(model(x), y),
        lambda ps: tg.optim.SGD(ps, lr=w.lr, momentum=w.momentum), w.batches, model.parameters(),
    )  # fmt: skip


def function(f, x, jit):
    f, last = tg.jit(f) if jit else f, []

    def step():
        last[:] = [f(x)]

    return step, lambda: last[0]


def curve(w, jit):
    f = tg.value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(x) * x))
    step, last = function(f, w.x, jit)
    return step, lambda: last()[1]


def hessian(w, jit):
    f = tg.hessian(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    return function(f, w.x, jit)


TASKS = {
    "moons": moons, "line": line, "digits": classifier, "wide": classifier, "images": images, "curve": curve,
    "hessian": hessian,
}  # fmt: skip
EAGER = {name: functools.partial(task, jit=False) for name, task in TASKS.items()}
JIT = {name: functools.partial(task, jit=True) for name, task in TASKS.items()}
