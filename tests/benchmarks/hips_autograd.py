"""HIPS autograd: its NumPy module, and plain gradient descent."""

import autograd.numpy as anp
import numpy as np
from autograd import hessian, value_and_grad


def mlp(params, x):
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = anp.maximum(anp.dot(x, w) + b, 0.0)
    return anp.dot(x, params[-2]) + params[-1]


def training(w, loss):
    both, params = value_and_grad(loss), [p.copy() for p in w.params]

    def step():
        value, grads = both(params)
        for p, g in zip(params, grads, strict=True):
            p -= w.lr * g
        return float(value)

    return step, lambda: np.concatenate([p.ravel() for p in params])


def moons(w):
    def loss(params):
        decay = w.alpha * sum([anp.sum(p * p) for p in params])
        return anp.mean(anp.maximum(1 - w.y * mlp(params, w.x), 0.0)) + decay

    return training(w, loss)


def line(w):
    return training(w, lambda params: anp.mean((mlp(params, w.x) - w.y) ** 2))


def function(f, x):
    last = []

    def step():
        last[:] = [f(x)]

    return step, lambda: last[0]


def curve(w):
    step, last = function(value_and_grad(lambda x: anp.sum(anp.tanh(x) * anp.exp(-x * x) + anp.sin(x) * x)), w.x)
    return step, lambda: last()[1]


def second(w):
    return function(hessian(lambda x: anp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)), w.x)


TASKS = {"moons": moons, "line": line, "curve": curve, "hessian": second}
