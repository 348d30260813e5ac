"""Exercise of the lesson curvature.py: second derivatives, and how fast descent can be.

    python examples/exercises/curvature.py

Fill each blank (...) and run the file again.
"""

import numpy as np
from checks import run_checks


def second(f, x, h=0.01):  # 1. by finite differences, from f(x - h), f(x) and f(x + h)
    return ...


def convex(hessian):  # 2. True if no eigenvalue of the Hessian is negative
    return ...


def condition(curvatures):  # 3. how narrow is the valley? The largest curvature, divided by the smallest
    return ...


def best_rate(curvatures):  # 4. the rate for which the flattest and the steepest axis shrink equally fast
    return ...


def newton(w, gradient, hessian):  # 5. a step that divides by the curvature: solve hessian @ step = gradient
    return ...


run_checks(globals())
