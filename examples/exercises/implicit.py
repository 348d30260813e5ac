"""Exercise of the lesson implicit.py: the slope of a solution, without the steps of its solver.

    python examples/exercises/implicit.py

Fill each blank (...) and run the file again. x(a) is the solution of x ** 3 + x = a. If a changes, x ** 3 + x - a
stays 0. So df/dx dx + df/da da = 0, and dx/da = -(df/da) / (df/dx).
"""

import numpy as np
from checks import run_checks


def f(x, a):
    return x**3 + x - a


def slope_by_x(x):  # 1. df/dx
    return ...


def step(x, a):  # 2. a step of Newton's method: subtract f, divided by its slope
    return ...


def solve(a):
    x = a
    for _ in range(50):
        x = step(x, a)
    return x


def slope_of_solution(a):  # 3. dx/da at the solution; df/da is -1
    x = solve(a)
    return ...


def pull(jacobian, g):  # 4. many equations: return u, where the transpose of the Jacobian times u is -g
    return ...


run_checks(globals())
