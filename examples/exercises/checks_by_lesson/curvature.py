"""Checks of ../curvature.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

once, width = (0.02, "Divide by h ** 2, not by h."), (0.5, "Divide by h ** 2, not by (2 h) ** 2.")
right = (7.01, "This is the first derivative: subtract the slope from x - h to x, and divide by h again.")
first = (7, "This is the first derivative: how fast f changes. How fast does this slope change?")
check("1. of x * x + x at 3", lambda: second(lambda x: x * x + x, 3), 2, once, width, first, (-2, "The sign."), right)
bowl, saddle = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])
wrong = (
    [True, True, False],
    "The second is a saddle: not the elements, all the eigenvalues count (np.linalg.eigvalsh).",
)
product = (
    [True, False, True],
    "The third is a hill: the product of two negative eigenvalues is positive. Look at each.",
)
check("2. convex", lambda: [convex(h) for h in (bowl, saddle, -bowl)], [True, False, False], wrong, product)
strict = (False, "An eigenvalue of 0 is allowed: in this direction the function is flat.")
check("2. convex with a flat direction", lambda: convex(np.diag([1.0, 0.0])), True, strict)
curvatures = np.array([5.0, 2.0, 20.0])
check(
    "3. the condition number",
    lambda: condition(np.array([5.0, 2.0, 21.0])),
    10.5,
    (2 / 21, "Invert it."),
    (19, "Divide, do not subtract."),
)
steep = (0.05, "With 1 / L the steepest axis needs one step, but the flattest is slow.")
limit = (0.1, "With 2 / L the steepest axis jumps from side to side forever.")
check("4. the best rate", lambda: best_rate(curvatures), 1 / 11, steep, limit)
check("4. both axes shrink equally", lambda: abs(1 - best_rate(curvatures) * np.array([2.0, 20.0])), [9 / 11, 9 / 11])
w = np.array([3.0, -2.0])
place = np.array([1.0, 2.0])
g = tg.grad(lambda w: (w - place) @ bowl @ (w - place) / 2)(w)
times = (w - bowl @ g, "This multiplies by the Hessian. Divide: np.linalg.solve(hessian, gradient).")
plain = (w - g, "This is descent with the rate 1. Newton's step divides by the curvature.")
check(
    "5. Newton's step reaches the minimum",
    lambda: newton(w, g, bowl),
    place,
    times,
    plain,
    (2 * w - place, "The sign: downhill."),
    (w - place, "This is the step alone: subtract it from w."),
)
explore("Start Newton's method on the saddle. Where does it go? Is this what you want?")
