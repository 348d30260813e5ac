"""Exercise of the lesson learning_rates.py: why a rate is too low, good, or too high.

    python examples/exercises/learning_rates.py

Fill each blank (...) and run the file again. The loss is c / 2 * (w - 3) ** 2. Its minimum is at 3, its curvature is c.
"""

import numpy as np
from checks import run_checks


def gradient(w, c):  # 1. the slope of the loss
    return ...


def factor(rate, c):  # 2. a step multiplies the distance w - 3 by this number
    return ...


def limit(c):  # 3. from this rate on, descent does not converge: the factor is -1
    return ...


def overshoots(rate, c):  # 4. True if a step jumps over the minimum: then the factor is negative
    return ...


def limit_of_many(curvatures):  # 5. one rate for several weights, each with its curvature: which curvature matters?
    return ...


def distances(rate, c, steps=5):
    """Return w - 3 before each step."""
    w, result = 4.0, []
    for _ in range(steps):
        result.append(w - 3)
        w = w - rate * gradient(w, c)
    return result


run_checks(globals())
