"""Exercise of the lesson weather.py: prepare a table of real data.

    python examples/exercises/weather.py

Fill each blank (...) and run the file again. The numbers are temperatures of days, in order of time.
"""

import numpy as np
from checks import run_checks


def filled(days):  # 1. a missing value (nan) becomes the last value before it
    days = days.copy()
    for i in range(1, len(days)):
        if np.isnan(days[i]):
            days[i] = ...
    return days


def pairs(days):  # 2. the model sees one day, and predicts the next day
    return days[:-1], ...


def split(rows):  # 3. the first 70 % of the rows are for training, the others for validation
    n = len(rows) * 7 // 10
    return rows[:n], ...


def standardized(x, train):  # 4. subtract the mean of the training rows, divide by their standard deviation
    return ...


def no_change(today, tomorrow):  # 5. the simplest forecast is "as today". Its mean squared error?
    return ...


run_checks(globals())
