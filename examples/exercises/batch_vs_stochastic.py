"""Exercise of the lesson batch_vs_stochastic.py: batches and the noise of their gradients.

    python examples/exercises/batch_vs_stochastic.py

Fill each blank (...) and run the file again. `each` holds the gradients of 1,000 examples.
"""

import numpy as np
from checks import run_checks


def batches(order, size):  # 1. cut a list into pieces of this size; the last may be shorter
    pieces = []
    for start in range(0, len(order), size):
        end = ...
        pieces.append(order[start:end])
    return pieces


def updates(n, size):  # 2. how many batches make an epoch? Count the last one, which may be smaller
    return ...


def gradient(batch):  # 3. the gradient of a batch, whose loss is the mean over its examples
    return ...


def noise(variance, size):  # 4. the variance of a batch's gradient, if one example's gradient has this variance
    return ...


def rate(epoch, start=0.2, factor=0.88):  # 5. start in epoch 0; each epoch multiplies the rate by the factor
    return ...


run_checks(globals())
