"""Checks of ../learning_rates.py."""

import numpy as np
from checks import check, explore

half, whole = (40, "The 2 of the square and the 1 / 2 cancel each other."), (32, "The distance is w - 3, not w.")
itself, order = (50, "This is the loss itself, not its slope."), (29, "First subtract, then multiply: write (w - 3).")
check("1. the slope at 8 for c = 4", lambda: gradient(8, 4), 20, half, whole, itself, order)
plus = (1.2, "Descent subtracts rate * gradient: a minus is missing.")
check("2. the factor", lambda: factor(0.1, 2), 0.8, plus, (0.2, "A step subtracts this share: 1 minus it is left."))
check("2. five steps shrink as the factor says", lambda: distances(0.1, 2), 0.8 ** np.arange(5))
best = (0.25, "With this rate the factor is 0: one step reaches the minimum. Solve 1 - rate * c = -1.")
check("3. the limit for c = 4", lambda: limit(4), 0.5, best, (8, "A larger curvature needs a smaller rate."))
late = ([False, False, False, True], "This is divergence. A step overshoots earlier: when the factor is below 0.")
opposite = ([True, True, False, False], "The other way round: high rates overshoot.")
rates = [0.1, 0.25, 0.4, 0.6]
check("4. overshooting", lambda: [overshoots(r, 4) for r in rates], [False, False, True, True], late, opposite)
flat = (2, "With this rate the weight of curvature 10 diverges: the largest curvature sets the limit.")
average = (2 / 4, "The mean does not help: along the largest curvature descent would diverge.")
check("5. curvatures 1 and 10", lambda: limit_of_many(np.array([1.0, 10.0, 1.0])), 0.2, flat, average)
explore("Print distances(rate, 4) for 0.05, 0.25, 0.45 and 0.55. Draw them. Which of them zigzag?")
