"""Exercise of the lesson moons.py: a neural network of two layers.

    python examples/exercises/moons.py

Fill each blank (...) and run the file again. 100 points (100, 2) lie on two moons, their classes are -1 and 1.
"""

import numpy as np
from checks import run_checks

import tinygrad_edu as tg

X, moon = tg.data.make_moons(100, noise=0.1, rng=0)
y, rng = 2.0 * moon - 1, np.random.default_rng(0)


def neuron(w, b, x):  # 1. multiply each input by its weight; add all products and the bias
    return ...


def relu(x):  # 2. x where it is positive, else 0
    return ...


def layer(W, b, x):  # 3. all points (n, inputs) at once; W has a row for each neuron (outputs, inputs)
    return ...


def hinge(scores, y):  # 4. the mean of max(0, 1 - y * score)
    return ...


def accuracy(scores, y):  # 5. the share of the points whose score has the sign of the class
    return ...


def train(steps):
    p = [tg.Tensor(a) for a in (rng.normal(size=(16, 2)), np.zeros(16), 0.3 * rng.normal(size=(1, 16)), np.zeros(1))]
    sgd = tg.optim.SGD(p, lr=0.5)
    for _ in range(steps):
        scores = layer(p[2], p[3], relu(layer(p[0], p[1], X)))[:, 0]
        sgd.minimize(hinge(scores, y))
    return accuracy(scores.data, y)


run_checks(globals())
