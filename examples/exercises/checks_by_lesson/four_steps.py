"""Checks of ../four_steps.py."""

import numpy as np
from checks import check, explore

walks = 5 * extra
check("1. the prediction", lambda: prediction(5), walks + 36, (walks, "Add the usual walk: 36 minutes."))
e = walks + 36 - minutes
total = (np.sum(e**2), "This is the sum. Divide it by the number of walks, or take np.mean.")
check("2. the cost", lambda: cost(5), np.mean(e**2), total, (np.mean(e), "Square the errors."))
half = (14, "From x - h to x + h the distance is 2 h.")
right = (7.001, "This looks only to the right of x: from x - h to x + h the error is smaller.")
order = (7e-6, "/ 2 * h divides by 2 and then multiplies by h: write / (2 * h).")
minus = (-7, "Subtract f(x - h) from f(x + h).")
check("3. the slope of x * x + x at 3", lambda: stick(lambda x: x * x + x, 3), 7, half, right, order, minus)
alone = "This is the step alone: subtract it from pace."
uphill, whole = (5.2, "This goes uphill: subtract."), (3, "Multiply by the rate.")
check("4. a step", lambda: adjust(5, 2, 0.1), 4.8, uphill, whole, (0.2, alone), (-0.2, alone))
kept = (9.76928, "The old gradient is not reset, so backward adds to it.")
check("5. two steps", lambda: train(2), 12.2 - 7.2 * 0.76**2, kept)
check("5. forty steps reach the minimum", lambda: np.round(train(40), 2), 12.2)
explore("Change 0.06 to 0.4, 0.5 and 0.6, and print train(10). What happens? Then make 36 a second parameter.")
