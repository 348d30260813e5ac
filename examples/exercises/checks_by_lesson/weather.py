"""Checks of ../weather.py."""

import numpy as np
from checks import check, explore

gaps = np.array([8.0, np.nan, np.nan, 11.0, np.nan, 11.0])
zero = ([8, 0, 0, 11, 0, 11], "Zero degrees would be a value that nobody measured.")
mean = ([8, 9.5, 9.5, 11, 9.5, 11], "This mean uses a later day, which nobody knows yet.")
first = ([8, 8, 8, 11, 8, 11], "This is the first value of all, not the last one before the gap.")
check("1. gaps", lambda: filled(gaps), [8, 8, 8, 11, 11, 11], zero, mean, first)
days = np.arange(10.0) ** 2
same = (days[:-1], "This is the same day: the model would predict what it sees.")
check("2. tomorrow", lambda: pairs(days)[1], days[1:], same, (days[2:], "This is the day after tomorrow."))
again = "These are the training rows."
overlap = (days, "The training rows are in it: the model has memorized them, or knows them by heart.")
check(
    "3. validation rows", lambda: split(days)[1], days[7:], overlap, (days[8:], "One row is lost."), (days[:7], again)
)
train, valid = days[:7], days[7:]
z = (valid - train.mean()) / train.std()
itself = (
    (valid - valid.mean()) / valid.std(),
    "Use the mean of the training rows: the others are not known in training.",
)
squared = ((valid - train.mean()) / train.var(), "Divide by the standard deviation, not by its square, the variance.")
check(
    "4. standardized",
    lambda: standardized(valid, train),
    z,
    itself,
    squared,
    ((valid - train.mean()) / valid.std(), "Divide by the standard deviation of the training rows, too."),
    (valid - train.mean() / train.std(), "First subtract, then divide: write (x - mean) / std."),
    (valid / train.std(), "Subtract the mean."),
)
error = np.mean(np.diff(days) ** 2)
total = (np.sum(np.diff(days) ** 2), "This is the sum: take the mean.")
check(
    "5. no change", lambda: no_change(days[:-1], days[1:]), error, total, (np.mean(np.diff(days)), "Square the errors.")
)
explore("Run examples/weather.py. How much better than 'as today' is its model on the test rows? Add a feature.")
