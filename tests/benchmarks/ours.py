"""tinygrad_edu, used as in its README: eager, recorded by `jit`, and compiled. `jit` decorates the function."""

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

    update = jit(update)

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


class Block(tg.nn.Module):
    def __init__(self, width, heads):
        self.norm1, self.norm2 = tg.nn.LayerNorm(width), tg.nn.LayerNorm(width)
        self.attention = tg.nn.MultiheadAttention(width, heads)
        self.up, self.down = tg.nn.Linear(width, 4 * width), tg.nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x), is_causal=True, need_weights=False)[0]
        return x + self.down(tg.relu(self.up(self.norm2(x))))


class Transformer(tg.nn.Module):
    def __init__(self, w):
        (letters, width), context = w.state["tokens.weight"].shape, len(w.state["places.weight"])
        self.tokens, self.places = tg.nn.Embedding(letters, width), tg.nn.Embedding(context, width)
        self.blocks = [Block(width, w.heads) for _ in range(w.blocks)]
        self.norm, self.head = tg.nn.LayerNorm(width), tg.nn.Linear(width, letters)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places.weight
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Lstm(tg.nn.Module):
    def __init__(self, w):
        rows, features = w.state["lstm.weight_ih_l0"].shape
        self.lstm, self.head = tg.nn.LSTM(features, rows // 4), tg.nn.Linear(rows // 4, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def network(kind, optimizer, w, jit):
    model = kind(w).astype(np.float32)
    model.load_state_dict(w.state)

    def loss(params, x, y):
        scores = model(x)
        return tg.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))

    step, _ = training(w, jit, loss, lambda ps: optimizer(ps, lr=w.lr), w.batches, model.parameters())
    return step, lambda: np.concatenate([a.ravel() for _, a in sorted(model.state_dict().items())])


def function(f, x, jit):
    f, last = jit(f), []

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
    "hessian": hessian, "transformer": functools.partial(network, Transformer, tg.optim.AdamW),
    "lstm": functools.partial(network, Lstm, tg.optim.Adam),
}  # fmt: skip
EAGER = {name: functools.partial(task, jit=lambda f: f) for name, task in TASKS.items()}
JIT = {name: functools.partial(task, jit=lambda f: tg.jit(f)) for name, task in TASKS.items()}
C = {name: functools.partial(task, jit=lambda f: tg.jit(f, backend="c")) for name, task in TASKS.items()}
