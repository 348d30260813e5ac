"""Exercise of the lesson names_mlp.py: a backward pass by hand.

    python examples/exercises/names_mlp.py

Fill each blank (...) and run the file again. The forward pass is given. g is the gradient of what comes out. Each check
compares with autodiff.
"""

import numpy as np
from checks import run_checks


def by_tanh(g, y):  # 1. y = tanh(x): the slope of tanh is 1 - y ** 2
    return ...


def by_weight(g, x):  # 2. y = x @ w + b: the gradient of w
    return ...


def by_bias(g):  # 3. b was added to every row
    return ...


def by_centered(g):  # 4. y = x - the mean of x over the rows: each row also has a part in the mean
    return ...


def by_embedding(g, letters):  # 5. row i of y is row letters[i] of the embedding; a letter may occur twice
    result = np.zeros((3, 3))
    for i, letter in enumerate(letters):
        result[letter] = ...
    return result


run_checks(globals())
