"""Exercise of the lesson implicit.py: the slope of a solution, without the steps of its solver.

    python examples/exercises/implicit.py

Fill each blank (...) and run the file again. x(a) is the solution of x ** 3 + x = a. If a changes, x ** 3 + x - a
stays 0. So df/dx dx + df/da da = 0, and dx/da = -(df/da) / (df/dx).
"""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg


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


def pull(jacobian, g):  # 4. many equations J(x): from the gradient g of x, solve "transpose of the Jacobian @ u = -g"
    return ...


check("1. df/dx at 2", lambda: slope_by_x(2.0), 13, (12, "The term x has a slope, too."), (5, "x ** 3 has 3 x ** 2."))
plus = (3 + 20 / 28, "This goes away from the solution: subtract.")
check("2. a step from 3, a = 10", lambda: step(3.0, 10.0), 3 - 20 / 28, plus, (-17, "Divide by the slope."))
check("2. the solution for a = 10", lambda: solve(10.0), 2)
minus = (-1 / 13, "The sign: a larger a needs a larger x. There are two minus signs.")
upside = (13, "Turn it round: this is da/dx.")
check("3. dx/da at a = 10", lambda: slope_of_solution(10.0), 1 / 13, minus, upside)
check("3. equal to autodiff through all steps", lambda: slope_of_solution(4.0), tg.grad(solve)(4.0))
J, g = np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([1.0, 3.0])
straight = (-np.linalg.solve(J, g), "The gradient goes backwards, so the Jacobian is transposed.")
sign = (np.linalg.solve(J.T, g), "A minus is missing.")
check("4. many equations", lambda: pull(J, g), [-0.5, -2.5], straight, sign, (-J.T @ g, "Solve, do not multiply."))
explore("Which is cheaper for 50 steps: autodiff through them, or this? Try x = cos(a * x) in the same way.")
