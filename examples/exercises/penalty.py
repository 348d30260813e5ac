"""Exercise of the lesson penalty.py: an L2 penalty.

    python examples/exercises/penalty.py

Fill each blank (...) and run the file again. The penalty is decay / 2 times the sum of the squares of all weights. It
is added to the mean squared error.
"""

import numpy as np
from checks import run_checks

X, w = np.random.default_rng(0).normal(size=(20, 3)), np.array([1.0, -2.0, 3.0])
y = X @ np.array([2.0, 0.0, 1.0]) + 0.1 * X[::-1, 0]


def penalty(w, decay):  # 1. as above
    return ...


def penalty_gradient(w, decay):  # 2. its gradient by w
    return ...


def step(w, g, rate, decay):  # 3. a step downhill on the sum of both; g is the gradient of the error alone
    return ...


def best(decay):  # 4. where both gradients add up to 0: (X.T X / n + decay / 2 I) w = X.T y / n
    n, m = X.shape
    return np.linalg.solve(X.T @ X / n + ..., X.T @ y / n)


def alpha(n, decay):  # 5. Ridge adds alpha |w| ** 2 to the SUM of n squared errors. Which alpha gives the same weights?
    return ...


run_checks(globals())
