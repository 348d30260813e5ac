"""Exercise of the lesson digits.py: from logits to a loss, and to a table of mistakes.

    python examples/exercises/digits.py

Fill each blank (...) and run the file again. Row i of the logits has a number for each class. y[i] is the true class.
"""

import numpy as np
from checks import run_checks


def softmax(logits):  # 1. exp of the logits, divided by the sum of their row
    e = np.exp(logits)
    return ...


def cross_entropy(p, y):  # 2. -log of the probability of the true class, the mean over the rows
    return ...


def gradient(p, y):  # 3. of this loss by the logits: (p minus 1 at the true class, 0 elsewhere) / number of rows
    one_hot = np.eye(p.shape[1])[y]
    return ...


def predicted(logits):  # 4. the class of the largest logit in each row
    return ...


def accuracy(table):  # 5. row: true class, column: predicted class. Which share of all is predicted correctly?
    return ...


run_checks(globals())
