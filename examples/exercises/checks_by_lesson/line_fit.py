"""Checks of ../line_fit.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

e = y - (0.9 * x + 0.1)
check("1. errors", lambda: errors(0.9, 0.1), e, (-e, "Measured minus line, not line minus measured."))
by_m, by_b = (tg.grad(lambda m, b: np.mean((y - (m * x + b)) ** 2), i)(0.9, 0.1) for i in (0, 1))
minus, total = "A minus is missing: e gets smaller when the line rises.", "This is the sum: take the mean."
two = "The square has the slope 2 e: the factor 2 is missing."
inner = "The chain rule: multiply by the slope of e by m, which is -x."
check(
    "2. slope by m, equal to autodiff", lambda: slope_by_m(0.9, 0.1), by_m,
    (-by_m, minus), (len(x) * by_m, total), (by_m / 2, two), (np.mean(2 * e), inner), (by_b, inner),
)  # fmt: skip
outer = (np.mean(2 * e * -x), "By b, the slope of e is -1.")
check(
    "3. slope by b, equal to autodiff", lambda: slope_by_b(0.9, 0.1), by_b,
    (-by_b, minus), (len(x) * by_b, total), (by_b / 2, two), outer,
)  # fmt: skip
uphill = (0.9 + RATE * by_m, "This goes uphill.")
alone = (RATE * by_m, "This is the step alone: subtract it from m.")
check("4. a step", lambda: step(0.9, 0.1)[0], 0.9 - RATE * by_m, uphill, (0.9 - by_m, "Multiply by RATE."), alone)
check("4. many steps find the best line", lambda: np.round(descend(4_000), 3), np.round(np.polyfit(x, y, 1), 3))
explore("Start at other numbers. Is the end the same? Find the largest RATE with which the cost still falls.")
