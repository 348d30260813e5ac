"""Checks of ../moons.py."""

import numpy as np
from checks import check, explore

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
