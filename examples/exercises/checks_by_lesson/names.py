"""Checks of ../names.py."""

import numpy as np
from checks import check, explore

itself, dot = (
    ([0, 1, 2], "These are the letters themselves. Move by one."),
    ([1, 2], "The dot at the end follows, too."),
)
check("1. what follows in 'ab'", lambda: pairs("ab")[1], [1, 2, 0], itself, dot)
x, y = np.array([0, 1, 2, 0, 1, 2, 2, 0, 2, 1, 2]), np.array([1, 2, 0, 1, 2, 2, 0, 2, 1, 2, 0])  # of ab, abb, bab
right = np.array([[1.0, 3.0, 2.0], [1.0, 1.0, 4.0], [4.0, 2.0, 2.0]])
turned = (right.T, "This is transposed: the rows belong to x, the columns to y.")
check("2. counts", lambda: counts(x, y), right, turned)
table = np.array([[1.0, 1.0, 2.0], [3.0, 2.0, 1.0], [5.0, 1.0, 4.0]])
columns = (table / table.sum(axis=0), "The columns have the sum 1. The rows should: axis=1, keepdims=True.")
crossed = (table / table.sum(axis=1), "Each number is divided by the sum of another row: use keepdims=True.")
everything = (table / table.sum(), "The whole table has the sum 1. Each row should: axis=1, keepdims=True.")
p = table / [[4], [6], [10]]
check("3. probabilities", lambda: probabilities(table), p, columns, crossed, everything)
surprise = -np.log(p[x, y])
total, minus = (surprise.sum(), "This is the sum: take the mean."), (-surprise.mean(), "The minus is missing.")
first = (-np.log(p[x, y].mean()), "First the logarithm of each, then the mean.")
check("4. the loss", lambda: loss(p, x, y), surprise.mean(), total, minus, first)
check("4. who knows nothing has log(3)", lambda: loss(np.ones((3, 3)) / 3, x, y), np.log(3))
rng = np.random.default_rng(0)
often = lambda letter: np.bincount([draw(p, letter, rng) for _ in range(3_000)], minlength=3) / 3_000
column = (False, "These are not the probabilities of the row. Is it a column, or always the same row?")
check(
    "5. drawn as often as they should", lambda: all(abs(often(i) - p[i]).max() < 0.04 for i in range(3)), True, column
)
explore("Make tables of names that you know. Draw names until the dot. What changes if counts begin with 0?")
