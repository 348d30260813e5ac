"""Checks of ../forward_vs_reverse.py."""

import math

from checks import check, explore

check(
    "1. a + b + b by b", lambda: slope(lambda a, b: a + b + b, (2, 3), 1), 2, (1, "Both terms have a slope: add them.")
)
check("1. a + b + b by a", lambda: slope(lambda a, b: a + b + b, (2, 3), 0), 1)
both = (0, "Not the product of the slopes. Each factor's slope counts, times the other factor.")
check(
    "2. a * b by a", lambda: slope(lambda a, b: a * b, (2, 3), 0), 3, both, (2, "Times the OTHER factor."), (1, both[1])
)
check("2. a * a by a", lambda: slope(lambda a: a * a, (2,), 0), 4, (2, "Both factors change: there are two terms."))
first = (6, "The first factor, a * a, has a slope of its own: times self.da.")
check("2. a * a * a by a", lambda: slope(lambda a: a * a * a, (2,), 0), 12, first)
outer = (math.cos(6), "The chain rule: times the slope of what is inside.")
minus = (-3 * math.cos(6), "The slope of sin is cos, without a minus.")
inside = (3 * math.sin(6), "The slope of sin is cos.")
check("3. sin(a * b) by a", lambda: slope(lambda a, b: (a * b).sin(), (2, 3), 0), 3 * math.cos(6), outer, minus, inside)
reverse = (1, "This is reverse mode. Forward mode needs a pass for each input.")
check("4. passes of a loss with 1,000 parameters", lambda: passes_forward(1_000, 1), 1_000, reverse)
forward = (1_000, "This is forward mode. One pass back from the loss finds all slopes.")
check("5. the same in reverse mode", lambda: passes_reverse(1_000, 1), 1, forward)
product = ([50, 50], "A forward pass handles one input and all outputs, a reverse pass one output and all inputs.")
check("5. one input, 50 outputs", lambda: [passes_forward(1, 50), passes_reverse(1, 50)], [1, 50], product)
explore(
    "Give Dual a division and exp(). Compare with tg.jvp. Which mode would you take for a function from 3 numbers to 3?"
)
