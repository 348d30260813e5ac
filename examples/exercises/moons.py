"""Exercise of the lesson moons.py: a neural network of two layers.

    python examples/exercises/moons.py

Fill each blank (...) and run the file again. 100 points (100, 2) lie on two moons, their classes are -1 and 1.
"""

import numpy as np
from checks import check, explore

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


w, x = np.array([1.0, 2.0, 3.0]), np.array([3.0, -1.0, 1.0])
no_sum = (w * x + 5, "Add the products: one number for a neuron.")
check("1. a neuron", lambda: neuron(w, 5.0, x), 9, no_sum, (4, "Add the bias."), (19, "Add the bias once."))
numbers = np.array([-2.0, 0.0, 3.0])
smaller = ([-2, 0, 0], "This keeps the negative numbers: the maximum of x and 0.")
check(
    "2. relu",
    lambda: relu(numbers),
    [0, 0, 3],
    smaller,
    ([2, 0, 3], "This is the size of x."),
    (3, "Each number: np.maximum."),
)
W, b = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]), np.array([0.0, 10.0, 20.0])
points = np.array([x, w, w])
turned = (points @ W + b, "W must be transposed: its rows are neurons, and each has a weight for each input.")
check("3. a layer", lambda: layer(W, b, points), points @ W.T + b, turned, (points @ W.T, "Add the bias."))
scores, classes = np.array([2.0, 0.5, -1.0, -3.0]), np.array([1.0, 1.0, 1.0, -1.0])
total, plus = (2.5, "This is the sum: take the mean."), (8.5 / 4, "1 MINUS y * score: a good score costs nothing.")
below = (-0.5 / 4, "A score that is better than 1 costs 0, not less.")
check("4. the loss", lambda: hinge(scores, classes), 2.5 / 4, total, plus, below)
count = (3, "This is the number of points: divide by the number of all.")
check("5. the accuracy", lambda: accuracy(scores, classes), 0.75, count, (0.25, "This is the share of mistakes."))
check("5. your network learns", lambda: train(200) > 0.85, True)
explore("Replace 16 by 2, 4 and 64 neurons. Add a layer. Leave relu out: what can the network still learn?")
