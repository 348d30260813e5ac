"""Exercise of the lesson four_steps.py: forward pass, cost, gradient, adjust.

    python examples/exercises/four_steps.py

Fill each blank (...) and run the file again. A check says what is right, or what is wrong and why.
"""

import numpy as np
from checks import run_checks

import tinygrad_edu as tg

extra = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # kilometers more than the usual walk, which takes 36 minutes
minutes = np.array([13.0, 23.0, 37.0, 47.0, 62.0])


def prediction(pace):  # 1. forward pass: each extra kilometer takes `pace` minutes
    return ...


def cost(pace):  # 2. the mean of the squared errors
    errors = prediction(pace) - minutes
    return ...


def stick(f, x, h=0.001):  # 3. the slope: how much f grows from x - h to x + h, divided by the distance
    return ...


def adjust(pace, slope, rate):  # 4. a step downhill: against the slope, `rate` times as long
    return ...


def train(steps):
    pace = tg.Tensor(5.0)
    for _ in range(steps):
        pace.grad = ...  # 5. backward adds to the old gradient. So forget it first: set it to None
        cost(pace).backward()
        pace.data = adjust(pace.data, pace.grad, 0.06)
    return pace.data


run_checks(globals())
