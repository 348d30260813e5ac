"""Exercise of the lesson names.py: the smallest language model, a table of pairs.

    python examples/exercises/names.py

Fill each blank (...) and run the file again. The letters are 0 for the dot, 1 for a, and 2 for b. A name begins and
ends with a dot. Letter y[i] follows letter x[i].
"""

import numpy as np
from checks import run_checks


def pairs(name):  # 1. the letters, and those that follow
    numbers = [0, *("_ab".index(letter) for letter in name), 0]
    return numbers[:-1], ...


def counts(x, y):  # 2. row x, column y: how often y follows x, beginning with 1
    table = np.ones((3, 3))
    np.add.at(table, ..., 1)  # a tuple of two arrays: the rows, and the columns
    return table


def probabilities(table):  # 3. each row becomes probabilities, with the sum 1
    return ...


def loss(p, x, y):  # 4. the mean surprise; the surprise about y after x is -log of its probability
    return ...


def draw(p, letter, rng):  # 5. draw the next letter, with the probabilities of this letter's row
    return rng.choice(3, p=...)


run_checks(globals())
