"""Checks of ../minima.py."""

import numpy as np
from checks import check, explore

inner = (16.3, "The chain rule: the slope of w ** 2, which is 2 w, is missing.")
tilt = (96, "The slope of 0.3 * w is missing.")
check("1. the slope at 3", lambda: slope(3.0), 96.3, inner, tilt, (96.6, "The slope of 0.3 * w is 0.3."))
check("1. two starts, two valleys", lambda: np.sign([descend(-0.5), descend(0.5)]), [-1, 1])
ends = np.array([0.96, -1.04, -1.3, 0.9])
value = (cost(-1.04), "This is the lowest cost. Return its place: arg min, not min.")
number = (1, "This is the number of the start. Which place is it?")
left = (-1.3, "This is the smallest w. Which w has the lowest cost?")
check("2. the best place", lambda: best(ends), -1.04, value, number, left, (0.9, "This is the highest cost."))
many = (0.9, "For k = 4 this would be more than 1. What is the probability of k failures?")
every = (0.3**3, "With this probability all k succeed.")
check("3. three starts, p = 0.3", lambda: success(0.3, 3), 1 - 0.7**3, many, every, (0.7**3, "With this one all fail."))
kinds = [np.array(c) for c in ([1.0, 2.0], [3.0, -2.0], [-1.0, -2.0], [-1.0, 1.0, -3.0])]
one = ([True, True, False, True], "At a saddle point one curvature is positive. At a minimum all are.")
total = ([True, True, False, False], "The sum can be positive at a saddle point: look at each curvature.")
product = "The product of two negative curvatures is positive: look at each curvature."
minus = ([True, False, True, True], product)
check("4. minima", lambda: [is_minimum(c) for c in kinds], [True, False, False, False], one, total, minus)
top = ([False, True, True, True], "Where all curvatures are negative, there is a maximum.")
even = ([False, True, False, False], product)
check("5. saddle points", lambda: [is_saddle(c) for c in kinds], [False, True, False, True], top, even)
explore(
    "Give descend momentum: v = 0.9 * v + slope(w); w = w - 0.02 * v. From where does it roll into the left valley?"
)
