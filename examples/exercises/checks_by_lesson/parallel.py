"""Checks of ../parallel.py."""

import numpy as np
from checks import check, explore

no_fixed = (20e-6, "The fixed time is missing.")
check(
    "1. the time of 10 examples", lambda: seconds(10), 220e-6, no_fixed, (2.02e-3, "The fixed time counts once a step.")
)
inverse = (22e-6, "These are seconds for an example. Invert it.")
check(
    "2. examples in a second", lambda: examples_per_second(10), 10 / 220e-6, inverse, (1 / 220e-6, "These are steps.")
)
lost = ([3, 3, 3], "Only 9 of the 10 examples are shared.")
last = ([3, 3, 4], "The first ones get one more, not the last.")
many = ([4, 4, 4], "These are 12 examples: only the first n % workers get one more.")
check("3. shards of 10 examples", lambda: [size_of_shard(10, 3, i) for i in range(3)], [4, 3, 3], lost, many, last)
check("3. shards of 11 examples", lambda: [size_of_shard(11, 3, i) for i in range(3)], [4, 4, 3])
each = np.random.default_rng(0).normal(size=(8, 2))  # the gradients of 8 examples
shards = [each[:1], each[1:4], each[4:]]
means, sizes = [shard.mean(axis=0) for shard in shards], [1, 3, 4]
plain = (np.mean(means, axis=0), "The shards differ in size: weight each by its share of the examples.")
total = (np.sum(each, axis=0), "Divide by the number of all examples.")
thrice = (np.sum(means, axis=0), "This is the sum of means.")
check("4. the gradient of the batch", lambda: average(means, sizes), each.mean(axis=0), plain, total, thrice)
ideal = (4, "The fixed time is not shared: every worker has it.")
upside = (400 / 1000, "The time alone comes first, divided by the time together.")
check("5. four workers, 400 examples", lambda: speedup(400, 4), 1000 / 400, ideal, upside)
explore("From which batch size on is the speedup of four workers above 3? What else costs time, if they are computers?")
