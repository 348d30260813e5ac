"""The tasks: data and settings. Every peer starts from the same arrays, so that results can be compared."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from sklearn.datasets import load_digits, make_moons


def layers(rng, sizes, dtype=np.float64):
    """Return weights of shape (in, out) with He's normal initialization and zero biases, alternately."""
    found = []
    for k, m in pairwise(sizes):
        found += [(rng.standard_normal((k, m)) * np.sqrt(2 / k)).astype(dtype), np.zeros(m, dtype)]
    return found


def moons():
    x, y = make_moons(100, noise=0.1, random_state=0)
    params = layers(np.random.default_rng(0), [2, 16, 16, 1])
    return SimpleNamespace(x=x, y=2.0 * y.reshape(-1, 1) - 1, params=params, lr=0.1, alpha=1e-4)


def line():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((17_000, 3))
    y = x @ np.array([[1.5], [-2.0], [0.5]]) + 3 + 0.1 * rng.standard_normal((17_000, 1))
    return SimpleNamespace(x=x, y=y, params=[np.zeros((3, 1)), np.zeros(1)], lr=0.1)


def classifier(x, y, sizes, batch):
    rng = np.random.default_rng(2)
    order = rng.permutation(len(x))[: len(x) // batch * batch].reshape(-1, batch)
    batches = [(np.ascontiguousarray(x[i]), y[i]) for i in order]
    return SimpleNamespace(
        batches=batches, params=layers(rng, sizes, np.float32), lr=1e-3, betas=(0.9, 0.999), eps=1e-8
    )


def digits():
    x, y = load_digits(return_X_y=True)
    return classifier((x / 16).astype(np.float32), y, [64, 128, 64, 10], 64)


def wide():
    rng = np.random.default_rng(3)
    centers, y = rng.standard_normal((10, 784)), rng.integers(0, 10, 1024)
    x = centers[y] + 2 * rng.standard_normal((1024, 784))
    return classifier(x.astype(np.float32), y, [784, 512, 256, 10], 128)


def images():
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(6)
    order = rng.permutation(len(x))[: len(x) // 64 * 64].reshape(-1, 64)
    batches = [((x[i] / 16).astype(np.float32).reshape(-1, 1, 8, 8), y[i]) for i in order]
    params = []  # in PyTorch's order and layout
    for c, out in ((1, 16), (16, 32)):
        weight = rng.standard_normal((out, c, 3, 3)) * np.sqrt(2 / (9 * c))
        params += [weight.astype(np.float32), np.zeros(out, np.float32)]
    params += [(rng.standard_normal((10, 128)) * np.sqrt(2 / 128)).astype(np.float32), np.zeros(10, np.float32)]
    return SimpleNamespace(batches=batches, params=params, lr=0.05, momentum=0.9)


def curve():
    return SimpleNamespace(x=np.random.default_rng(4).standard_normal(1_000_000))


def hessian():
    return SimpleNamespace(x=np.random.default_rng(5).standard_normal(50))


def state(rng, shapes):
    """Return float32 parameters by name, uniform within 1 / sqrt(the last axis); norms start at 1."""
    uniform = {name: rng.uniform(-1, 1, shape) / shape[-1] ** 0.5 for name, shape in shapes.items()}
    return {n: (np.ones_like(a) if "norm" in n else a).astype(np.float32) for n, a in uniform.items()}


def transformer():
    rng, width, letters, context = np.random.default_rng(6), 64, 65, 32
    shapes = {"tokens.weight": (letters, width), "places.weight": (context, width)}
    for i in range(2):
        block = {
            "norm1.weight": (width,), "norm1.bias": (width,), "attention.in_proj_weight": (3 * width, width),
            "attention.in_proj_bias": (3 * width,), "attention.out_proj.weight": (width, width),
            "attention.out_proj.bias": (width,), "norm2.weight": (width,), "norm2.bias": (width,),
            "up.weight": (4 * width, width), "up.bias": (4 * width,), "down.weight": (width, 4 * width),
            "down.bias": (width,),
        }  # fmt: skip
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in block.items()}
    shapes |= {"norm.weight": (width,), "norm.bias": (width,), "head.weight": (letters, width), "head.bias": (letters,)}
    text = rng.integers(0, letters, (8, 16, context + 1))
    batches = [(np.ascontiguousarray(t[:, :-1]), np.ascontiguousarray(t[:, 1:])) for t in text]
    return SimpleNamespace(batches=batches, state=state(rng, shapes), heads=4, blocks=2, lr=1e-3)


def lstm():
    rng, steps, features, hidden = np.random.default_rng(7), 28, 28, 64
    centers, y = rng.standard_normal((10, steps, features)), rng.integers(0, 10, (8, 32))
    x = (centers[y] + 2 * rng.standard_normal((8, 32, steps, features))).astype(np.float32)
    shapes = {
        "lstm.weight_ih_l0": (4 * hidden, features), "lstm.weight_hh_l0": (4 * hidden, hidden),
        "lstm.bias_ih_l0": (4 * hidden,), "lstm.bias_hh_l0": (4 * hidden,), "head.weight": (10, hidden),
        "head.bias": (10,),
    }  # fmt: skip
    return SimpleNamespace(batches=list(zip(x, y, strict=True)), state=state(rng, shapes), lr=1e-3)


TITLES = {
    moons: "moons: MLP 2-16-16-1, hinge loss and L2, SGD, float64",
    line: "line: linear regression on 17,000 x 3, SGD, float64",
    digits: "digits: MLP 64-128-64-10, Adam, batches of 64, float32",
    wide: "wide: MLP 784-512-256-10, Adam, batches of 128, float32",
    images: "images: convolutions 1-16-32, 3 x 3, max pooling, on digits, SGD, batches of 64, float32",
    curve: "curve: value and gradient of a sum over 1,000,000 numbers",
    hessian: "hessian: all second derivatives of Rosenbrock's function, n = 50",
    transformer: "transformer: 2 blocks, 4 heads, width 64, 16 x 32 letters, AdamW, float32",
    lstm: "lstm: 28 steps of 28 features, 64 hidden units, Adam, batches of 32, float32",
}
