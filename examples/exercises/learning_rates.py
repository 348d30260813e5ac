"""Exercise of the lesson learning_rates.py: why a rate is too low, good, or too high.

    python examples/exercises/learning_rates.py

Fill each blank (...) and run the file again. The loss is c / 2 * (w - 3) ** 2. Its minimum is at 3, its curvature is c.
"""

import numpy as np
from checks import check, explore


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


half = (16, "The 2 of the square and the 1 / 2 cancel each other.")
check("1. the slope at 5 for c = 4", lambda: gradient(5, 4), 8, half, (20, "The distance is w - 3, not w."))
plus = (1.2, "Descent subtracts rate * gradient: a minus is missing.")
check("2. the factor", lambda: factor(0.1, 2), 0.8, plus, (0.2, "A step subtracts this share: 1 minus it is left."))
check("2. five steps shrink as the factor says", lambda: distances(0.1, 2), 0.8 ** np.arange(5))
best = (0.25, "With this rate the factor is 0: one step reaches the minimum. Solve 1 - rate * c = -1.")
check("3. the limit for c = 4", lambda: limit(4), 0.5, best, (8, "A larger curvature needs a smaller rate."))
late = ([False, False, False, True], "This is divergence. A step overshoots earlier: when the factor is below 0.")
opposite = ([True, True, False, False], "The other way round: high rates overshoot.")
rates = [0.1, 0.2, 0.4, 0.6]
check("4. overshooting", lambda: [overshoots(r, 4) for r in rates], [False, False, True, True], late, opposite)
flat = (2, "With this rate the weight of curvature 10 diverges: the largest curvature sets the limit.")
average = (2 / 4, "The mean does not help: along the largest curvature descent would diverge.")
check("5. curvatures 1 and 10", lambda: limit_of_many(np.array([1.0, 1.0, 10.0])), 0.2, flat, average)
explore("Print distances(rate, 4) for 0.05, 0.25, 0.45 and 0.55. Draw them. Which of them zigzag?")
