"""Checks of ../penalty.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

half = (14 * 0.4, "The factor 1 / 2 is missing.")
check(
    "1. the penalty", lambda: penalty(w, 0.4), 2.8, half, (0.4, "Square the weights."), (np.sqrt(14) * 0.2, "No root.")
)
twice = (0.8 * w, "The 2 of the square and the 1 / 2 cancel each other.")
check("2. its gradient", lambda: penalty_gradient(w, 0.4), 0.4 * w, twice, (0.2 * w, twice[1]))
g = np.ones(3)
grows = (w - 0.1 * (g - 0.4 * w), "The weights grow: the gradients of error and penalty are added.")
alone = (w - 0.1 * g, "The penalty is missing.")
unscaled = (w - 0.1 * g - 0.4 * w, "Multiply both gradients by the rate.")
check("3. a step", lambda: step(w, g, 0.1, 0.4), w - 0.1 * (g + 0.4 * w), grows, alone, unscaled)
right = np.linalg.solve(X.T @ X / 20 + 0.2 * np.eye(3), X.T @ y / 20)
full = np.linalg.solve(X.T @ X / 20 + 0.4 * np.eye(3), X.T @ y / 20)
ones = np.linalg.solve(X.T @ X / 20 + 0.2, X.T @ y / 20)
everywhere = (ones, "A number is added to all elements. The penalty belongs on the diagonal: use np.eye(m).")
check("4. the best weights", lambda: best(0.4), right, (full, "Half of the decay."), everywhere)
zero = tg.grad(lambda w: np.mean((X @ w - y) ** 2) + 0.2 * np.sum(w * w))
check("4. autodiff finds the gradient 0 there", lambda: zero(best(0.4)), np.zeros(3))
mean = (0.125, "The mean is the sum divided by n: multiply by n.")
check("5. alpha of Ridge", lambda: alpha(20, 0.25), 2.5, mean, (5, "Half of it: the penalty has a factor 1 / 2."))
explore(
    "Print best(decay) for 0, 0.1, 1 and 100. Which weights shrink first? When does a penalty help? See the lesson."
)
