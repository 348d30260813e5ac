"""Exercise of the lesson line_fit.py: the slopes of a cost surface, by hand.

    python examples/exercises/line_fit.py

Fill each blank (...) and run the file again. The cost is the mean of e ** 2, with the errors e = y - (m x + b).
"""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

x, y = tg.data.drug_dosage()  # the dose, and how forgetful the patient was
RATE = 0.01


def errors(m, b):  # 1. what was measured, minus what the line says
    return ...


def slope_by_m(m, b):  # 2. the chain rule: the mean of 2 e times the slope of e by m
    e = errors(m, b)
    return ...


def slope_by_b(m, b):  # 3. the same with the slope of e by b
    e = errors(m, b)
    return ...


def step(m, b):  # 4. both numbers go downhill at the same time
    return ..., b - RATE * slope_by_b(m, b)


def descend(steps):
    m, b = 0.9, 0.1
    for _ in range(steps):
        m, b = step(m, b)
    return m, b


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
check("4. a step", lambda: step(0.9, 0.1)[0], 0.9 - RATE * by_m, uphill, (0.9 - by_m, "Multiply by RATE."))
check("4. many steps find the best line", lambda: np.round(descend(4_000), 3), np.round(np.polyfit(x, y, 1), 3))
explore("Start at other numbers. Is the end the same? Find the largest RATE with which the cost still falls.")
