"""Exercise: write the rules of three functions, and let check_grad find a mistake.

    python examples/exercises/rules.py

Fill each blank (...) and run the file again. A rule gets g, the gradient of the result y. It returns the gradient of
an argument. check_grad compares the rules with finite differences, first and second order.
"""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

a, b, g = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]), np.array([[1.0, 0.0], [2.0, 1.0]])


@tg.primitive
def softsign(x):
    return x / (1 + np.abs(x))


def softsign_rule(g, y, x):  # 1. the slope of softsign is 1 / (1 + |x|) ** 2; multiply it by what arrives
    return ...


tg.defvjp(softsign, softsign_rule)
check(
    "1. rule of softsign", lambda: softsign_rule(5.0, 2 / 3, 2.0), 5 / 9, (1 / 9, "Multiply by g."), (5 / 3, "Square.")
)
check("1. check_grad agrees", lambda: tg.check_grad(softsign, np.array([-2.0, 1.0])) is None, True)


@tg.primitive
def product(a, b):
    return np.matmul(a, b)


def product_rule_a(g, y, a, b):  # 2. for y = a @ b: a product of g and b; which one is transposed?
    return ...


def product_rule_b(g, y, a, b):  # 3. a product of a and g
    return ...


tg.defvjp(product, product_rule_a, product_rule_b)
transpose = "One factor must be transposed. With a (2, 3) and b (3, 4), which shapes fit?"
order = "A matrix product depends on the order of its factors. With a (2, 3) and b (3, 4), which shapes fit?"
check(
    "2. rule for a", lambda: product_rule_a(g, 0, a, b), g @ b.T, (g @ b, transpose), (b.T @ g, order), (b @ g, order)
)
check(
    "3. rule for b", lambda: product_rule_b(g, 0, a, b), a.T @ g, (a @ g, transpose), (g @ a.T, order), (g @ a, order)
)
check("3. check_grad agrees", lambda: tg.check_grad(product, a, b) is None, True)


@tg.primitive
def x_log_x(x):
    return x * np.log(x)


tg.defvjp(x_log_x, lambda g, y, x: g * np.log(x))  # 4. this rule has a mistake


def missing():  # run check_grad and read its message: how much must be added to the slope?
    try:
        tg.check_grad(x_log_x, 2.0)
    except tg.GradientError as error:
        print(error)
    return ...


check("4. what the slope of x log(x) lacks", missing, 1.0, (-1.0, "The sign: right minus wrong."))
explore("Choose a function with two arguments, write its rules, and check them. Then break one rule. What is reported?")
