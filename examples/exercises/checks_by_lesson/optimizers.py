"""Checks of ../optimizers.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg


def library(make, steps=5):
    """Return the parameter after some steps of an optimizer of the library."""
    w = tg.Tensor(START)
    optimizer = make([w], lr=RATE)
    for _ in range(steps):
        optimizer.minimize(w[0] ** 2 + 5 * w[1] ** 2)
    return w.data


def with_momentum(params, lr):
    return tg.optim.SGD(params, lr, momentum=0.9)


g = np.array([4.0, -10.0])  # at START
uphill = START + RATE * g, "This goes uphill: subtract."
whole, alone = (START - g, "Multiply the gradient by RATE."), (-RATE * g, "This is the step alone: add it to w.")
check("1. one step of SGD", lambda: run(sgd, None, 1), START - RATE * g, uphill, whole, alone)
check("1. five steps equal tg.optim.SGD", lambda: run(sgd, None, 5), library(tg.optim.SGD))
mean = 1.8 + 0.1 * g, "This is a running mean, as in Adam. Here the whole gradient is added."
check(
    "2. velocity",
    lambda: momentum(START, g, 2 * np.ones(2), 1)[1],
    1.8 + g,
    mean,
    (2 + g, "Multiply v by 0.9."),
    (0.9 + g, "v is missing: 0.9 * v."),
)
check("2. five steps equal SGD with momentum", lambda: run(momentum, 0, 5), library(with_momentum))
kept = 1.998 + 0.001 * g**2
no_square = 1.998 + 0.001 * g, "s is the mean of the squares: g ** 2."
check("3. running mean of squares", lambda: adam(START, g, (0, 2.0), 1)[1][1], kept, no_square)
sign = np.sign(g)  # in the first step of Adam, m_hat is g, and the root of s_hat is its size
check(
    "4. and 5. one step of Adam", lambda: run(adam, (0, 0), 1), library(tg.optim.Adam, 1),
    (START - RATE * sign / 0.001**0.5, "s is 0.001 times the squares: for s_hat divide by 1 - 0.999 ** t."),
    (START - RATE * sign * 0.1, "Use m_hat, not m."),
    (START - RATE / g, "Divide by the root of s_hat, not by s_hat."),
    (START + RATE * sign, "This goes uphill: subtract."),
)  # fmt: skip
check("5. five steps equal tg.optim.Adam", lambda: run(adam, (0, 0), 5), library(tg.optim.Adam))
tiny, inside = 1e-8 * np.ones(2), "Add 1e-8 to the root, not to what is under it."
check(
    "5. a tiny gradient", lambda: adam(START, tiny, (0, 0), 1)[0], START - 0.05,
    (START - 0.1, "Add 1e-8 to the root: without it, a gradient of 0 divides 0 by 0."),
    (START - RATE * tiny / np.sqrt(tiny**2 + 1e-8), inside),
)  # fmt: skip
explore("Write Nesterov's momentum or RMSprop. Which of your optimizers reaches a cost of 0.01 first? Vary RATE.")
