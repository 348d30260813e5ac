"""Exercise of the lesson optimizers.py: write SGD, momentum and Adam, until they equal those of tg.optim.

    python examples/exercises/optimizers.py

Fill each blank (...) and run the file again. Each function returns the new parameter w, and what it keeps until the
next step. g is the gradient at w, and t counts the steps from 1.
"""

import numpy as np
from checks import run_checks

START, RATE = np.array([2.0, -1.0]), 0.1


def sgd(w, g, kept, t):  # 1. go RATE times the gradient downhill
    return ..., kept


def momentum(w, g, v, t):  # 2. the velocity v is 0.9 times the velocity before, plus the gradient
    v = ...
    return w - RATE * v, v


# 3. Adam keeps running means: m of the gradients (0.9 times the mean before, plus 0.1 times the gradient), and s of the
# squares of the gradients (0.999 and 0.001). 4. Both start at 0, so at first they are too small. Divide m by
# 1 - 0.9 ** t, and s by 1 - 0.999 ** t. 5. The step is RATE times m, divided by the root of s; to the root add 1e-8.
def adam(w, g, kept, t):
    m, s = 0.9 * kept[0] + 0.1 * g, ...
    m_hat, s_hat = m / (1 - 0.9**t), ...
    return ..., (m, s)


def run(optimizer, kept, steps):
    """Return the parameter after some steps of your optimizer."""
    w = START
    for t in range(1, steps + 1):
        w, kept = optimizer(w, np.array([2.0, 10.0]) * w, kept, t)  # the gradient of w[0] ** 2 + 5 w[1] ** 2
    return w


run_checks(globals())
