"""Checks of ../overfitting.py."""

import numpy as np
from checks import check, explore

first = (5, "The training loss falls and falls. Look at the data that the model was not trained on.")
value = (0.8, "This is the loss. Which epoch has it?")
check("1. the best epoch", lambda: best_epoch(train_loss, valid_loss), 2, first, value)
late = ([True, False, False], "At least: after 3 epochs without a better loss, a patience of 3 is over.")
always = ([True, True, True], "Count from the epoch with the lowest loss, not from the first.")
check("2. patience 2, 3, 4", lambda: [stops(valid_loss, n) for n in (2, 3, 4)], [True, True, False], late, always)
x, keep = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 1.0, 1.0])
unscaled = (x * keep, "The mean falls by a share p: divide by what is left, 1 - p.")
wrong = (x * keep / 0.25, "Divide by the share that is left, 1 - p, not by p.")
check("3. dropout", lambda: dropout(x, keep, 0.25), x * keep / 0.75, unscaled, wrong, (x * keep * 0.75, "Divide."))
rng = np.random.default_rng(0)
check("3. the mean stays", lambda: np.round(dropout(np.ones(100_000), rng.random(100_000) > 0.3, 0.3).mean(), 1), 1)
fits, truth = np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([0.0, -1.0])
mixed = (17, "This is the whole error: it also holds the variance. First take the mean of the fits.")
columns = (np.mean((fits.mean(axis=1) - truth) ** 2), "The mean over the data sets, which are the rows: axis=0.")
check("4. bias squared", lambda: bias_squared(fits, truth), 14.5, mixed, columns, (3.5, "Square the distances."))
everything = (3.5, "This is the variance of all numbers. The columns have different means: axis=0.")
spread = (1.5, "This is the standard deviation. The variance is its square.")
check("5. variance", lambda: variance(fits), 2.5, everything, spread)
check("5. error = bias squared + variance", lambda: bias_squared(fits, truth) + variance(fits), 17)
explore("In overfitting.py change the number of patients to 30 and to 200. Which remedy helps most, and when?")
