"""Exercise of the lesson minima.py: local minima, restarts, momentum and saddle points.

    python examples/exercises/minima.py

Fill each blank (...) and run the file again. The cost has two valleys. The left one is deeper.
"""

import numpy as np
from checks import run_checks


def cost(w):
    return (w**2 - 1) ** 2 + 0.3 * w


def slope(w):  # 1. the derivative of the cost
    return ...


def best(ends):  # 2. many starts end at these places. Return the place with the lowest cost
    return ...


def success(p, k):  # 3. one start succeeds with probability p. With which probability does at least one of k?
    return ...


def is_minimum(curvatures):  # 4. the slopes are 0. True if this is a minimum
    return ...


def is_saddle(curvatures):  # 5. True if the cost rises along one axis, and falls along another
    return ...


def descend(w):
    for _ in range(500):
        w = w - 0.02 * slope(w)
    return w


run_checks(globals())
