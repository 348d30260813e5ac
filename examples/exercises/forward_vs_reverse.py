"""Exercise of the lesson forward_vs_reverse.py: write forward mode, and count the passes of each mode.

    python examples/exercises/forward_vs_reverse.py

Fill each blank (...) and run the file again. A Dual is a number a and its slope da. Forward mode computes both at once.
"""

import math

from checks import run_checks


class Dual:
    """A number and its slope by the input that is looked at."""

    def __init__(self, a, da):
        self.a, self.da = a, da

    def __add__(self, other):  # 1. the slope of a sum
        return Dual(self.a + other.a, ...)

    def __mul__(self, other):  # 2. the slope of a product
        return Dual(self.a * other.a, ...)

    def sin(self):  # 3. the slope of a sine, by the chain rule
        return Dual(math.sin(self.a), ...)


def passes_forward(inputs, outputs):  # 4. forward mode looks at one input in each pass
    return ...


def passes_reverse(inputs, outputs):  # 5. reverse mode starts at one output in each pass
    return ...


def slope(f, x, by):
    """Return the slope of f at the numbers x by the one with the number `by`: it alone has the slope 1."""
    return f(*(Dual(a, 1.0 if i == by else 0.0) for i, a in enumerate(x))).da


run_checks(globals())
