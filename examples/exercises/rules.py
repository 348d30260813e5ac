"""Exercise: write the rules of functions, and let check_grad find a mistake.

    python examples/exercises/rules.py

Fill each blank (...) and run the file again. A rule gets g, the gradient of the result y. It returns the gradient of
an argument. check_grad compares the rules with finite differences, first and second order.
"""

import numpy as np
from checks import run_checks

import tinygrad_edu as tg


@tg.primitive
def softsign(x):
    return x / (1 + np.abs(x))


def softsign_rule(g, y, x):  # 1. the slope of softsign is 1 / (1 + |x|) ** 2; multiply it by what arrives
    return ...


@tg.primitive
def product(a, b):
    return np.matmul(a, b)


def product_rule_a(g, y, a, b):  # 2. for y = a @ b: a product of g and b; which one is transposed?
    return ...


def product_rule_b(g, y, a, b):  # 3. a product of a and g
    return ...


@tg.primitive
def x_log_x(x):
    return x * np.log(x)


def x_log_x_rule(g, y, x):  # 4. check_grad finds a mistake in g * np.log(x). Read its message. What must be added?
    return g * (np.log(x) + ...)


tg.defvjp(softsign, softsign_rule)
tg.defvjp(product, product_rule_a, product_rule_b)
tg.defvjp(x_log_x, x_log_x_rule)
run_checks(globals())
