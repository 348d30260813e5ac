"""Exercise of the lesson overfitting.py: early stopping, dropout, bias and variance.

    python examples/exercises/overfitting.py

Fill each blank (...) and run the file again.
"""

import numpy as np
from checks import run_checks

train_loss = np.array([1.0, 0.7, 0.5, 0.3, 0.2, 0.1])
valid_loss = np.array([1.1, 0.9, 0.8, 0.85, 0.9, 1.2])


def best_epoch(train_loss, valid_loss):  # 1. in which epoch are the weights that you keep? Count from 0
    return ...


def stops(valid_loss, patience):  # 2. True if the lowest loss is at least `patience` epochs ago
    last = len(valid_loss) - 1
    return ...


def dropout(x, keep, p):  # 3. `keep` is 1 or 0, a share p is 0; what is left is scaled, so that the mean stays
    return ...


def bias_squared(fits, truth):  # 4. row i of fits is what data set i gives; how far is their mean from the truth?
    return ...


def variance(fits):  # 5. how much do the data sets differ? The variance over the rows, its mean over the columns
    return ...


run_checks(globals())
