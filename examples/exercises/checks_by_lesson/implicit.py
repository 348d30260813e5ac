"""Checks of ../implicit.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

check("1. df/dx at 2", lambda: slope_by_x(2.0), 13, (12, "The term x has a slope, too."), (5, "x ** 3 has 3 x ** 2."))
plus = (3 + 20 / 28, "This goes away from the solution: subtract.")
check("2. a step from 3, a = 10", lambda: step(3.0, 10.0), 3 - 20 / 28, plus, (-17, "Divide by the slope."))
check("2. the solution for a = 10", lambda: solve(10.0), 2)
minus = (-1 / 13, "The sign: a larger a needs a larger x. There are two minus signs.")
upside = (13, "Invert it: this is da/dx.")
check("3. dx/da at a = 10", lambda: slope_of_solution(10.0), 1 / 13, minus, upside)
check("3. equal to autodiff through all steps", lambda: slope_of_solution(4.0), tg.grad(solve)(4.0))
J, g = np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([1.0, 3.0])
straight = (-np.linalg.solve(J, g), "The gradient goes backwards, so the Jacobian is transposed.")
sign = (np.linalg.solve(J.T, g), "A minus is missing.")
check("4. many equations", lambda: pull(J, g), [-0.5, -2.5], straight, sign, (-J.T @ g, "Solve, do not multiply."))
explore("Which is cheaper for 50 steps: autodiff through them, or this? Try x = cos(a * x) in the same way.")
