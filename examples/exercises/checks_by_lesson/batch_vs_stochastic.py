"""Checks of ../batch_vs_stochastic.py."""

import numpy as np
from checks import check, explore

each = np.random.default_rng(0).normal(2.0, 3.0, size=1_000)


numbers = np.arange(7)
sizes = ([3, 0, 0], "Only the first batch is full: the end moves with the start.")
short = ([2, 2, 1], "The end itself is not part of a slice: it is start + size.")
check("1. the sizes of batches", lambda: [len(piece) for piece in batches(numbers, 3)], [3, 3, 1], sizes, short)
check("1. each example once", lambda: np.concatenate(batches(numbers, 3)), numbers)
down = ([2, 4, 2], "The last, smaller batch is missing: round up, with np.ceil or -(-n // size).")
more = ([3, 5, 3], "8 examples fill 4 batches of 2: only if a rest is left, there is one more.")
rest = ([3, 4, 4], "The examples that are left make one more batch together: n % size is their number.")
parts = ([7 / 3, 4, 8 / 3], down[1])
check(
    "2. updates in an epoch",
    lambda: [updates(7, 3), updates(8, 2), updates(8, 3)],
    [3, 4, 3],
    down,
    parts,
    more,
    rest,
)
total = (each[:8].sum(), "This is the sum: a batch twice as large would take a step twice as long.")
check("3. the gradient of a batch", lambda: gradient(each[:8]), each[:8].mean(), total)
root = (9 / 4, "The standard deviation falls so. The variance is its square.")
check(
    "4. the noise",
    lambda: noise(9.0, 16),
    9 / 16,
    root,
    (9.0, "A mean of 16 has less noise."),
    (9 / 256, "Not squared."),
)
drawn = [gradient(each[rows]) for rows in np.random.default_rng(1).integers(1_000, size=(5_000, 16))]
check("4. measured, within 5 %", lambda: abs(np.var(drawn) / noise(each.var(), 16) - 1) < 0.05, True)
linear = ([0, 0.176, 0.352], "Each epoch multiplies again: a power.")
check("5. the rate", lambda: [rate(0), rate(1), rate(2)], [0.2, 0.176, 0.15488], linear)
explore("With a constant rate the loss stops falling. Why, and why does a falling rate help? Then draw rate(epoch).")
