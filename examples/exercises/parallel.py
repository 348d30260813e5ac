"""Exercise of the lesson parallel.py: what a step costs, and how workers share a batch.

    python examples/exercises/parallel.py

Fill each blank (...) and run the file again. A step has a fixed time, and each example needs some time more.
"""

import numpy as np
from checks import run_checks

FIXED, EACH = 200e-6, 2e-6  # seconds


def seconds(size):  # 1. the time of a step with this batch size
    return ...


def examples_per_second(size):  # 2. how many examples does it process in a second?
    return ...


def size_of_shard(n, workers, i):  # 3. the number of examples of worker i, which is 0, 1, ...
    one_more = ...  # True for the first n % workers workers, so that no example is left
    return n // workers + one_more


def average(gradients, sizes):  # 4. the gradient of the batch, from the mean gradients of the shards and their sizes
    return ...


def speedup(size, workers):  # 5. each worker takes a step on its part. How many times as fast as one worker alone?
    return ...


run_checks(globals())
