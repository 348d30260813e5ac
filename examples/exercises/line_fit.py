"""Exercise of the lesson line_fit.py: the slopes of a cost surface, by hand.

    python examples/exercises/line_fit.py

Fill each blank (...) and run the file again. The cost is the mean of e ** 2, with the errors e = y - (m x + b).
"""

import numpy as np
from checks import run_checks

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


run_checks(globals())
