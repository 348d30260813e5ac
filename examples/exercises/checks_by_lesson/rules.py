"""Checks of ../rules.py."""

import numpy as np
from checks import check, explore

import tinygrad_edu as tg

no_g, no_square = (1 / 9, "Multiply by g."), (5 / 3, "The square is missing.")
check("1. rule of softsign", lambda: softsign_rule(5.0, 2 / 3, 2.0), 5 / 9, no_g, no_square)
check("1. check_grad agrees", lambda: tg.check_grad(softsign, np.array([-2.0, 1.0])) is None, True)
a, b, g = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]), np.array([[1.0, 0.0], [2.0, 1.0]])
transpose = "One factor must be transposed. With a (2, 3) and b (3, 4), which shapes fit?"
order = "A matrix product depends on the order of its factors. With a (2, 3) and b (3, 4), which shapes fit?"
wrong = (g @ b, transpose), (b.T @ g, order), (b @ g, order)
check("2. rule for a", lambda: product_rule_a(g, 0, a, b), g @ b.T, *wrong)
wrong = (a @ g, transpose), (g @ a.T, order), (g @ a, order)
check("3. rule for b", lambda: product_rule_b(g, 0, a, b), a.T @ g, *wrong)
check("3. check_grad agrees", lambda: tg.check_grad(product, a, b) is None, True)


def message():
    """Return what check_grad says about the rule without the blank."""
    wrong = tg.primitive(lambda x: x * np.log(x))
    tg.defvjp(wrong, lambda g, y, x: g * np.log(x))
    try:
        tg.check_grad(wrong, 2.0)
    except tg.GradientError as error:
        return error


print(f"g * np.log(x) at x = 2: {message()}")
sign = (np.log(2.0) - 1, "The sign: what is right, minus what is wrong.")
check(
    "4. rule of x log(x)",
    lambda: x_log_x_rule(1.0, 0, 2.0),
    np.log(2.0) + 1,
    sign,
    (np.log(2.0), "See above: they differ by 1."),
)
check("4. check_grad agrees", lambda: tg.check_grad(x_log_x, np.array([0.5, 2.0])) is None, True)
explore("Choose a function with two arguments, write its rules, and check them. Then break one rule. What is reported?")
