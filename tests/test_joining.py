"""Joining and splitting: what drawn cases meet too rarely, and what goes wrong."""

import numpy as np
import pytest
from checks import X, check


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.dot(x, [1.0, 2.0, 3.0, 4.0]),
        lambda x: np.dot([[1.0, 2.0]], x[:, 0]),
        lambda x: np.dot(2.0, x),
        lambda x: np.dot(x, x[0, 0, 0]),
        lambda x: np.concatenate([x[0, 0], [1.0, 2.0], x[0, 0]]),
        lambda x: np.concatenate([x, x[0, 0], [[5.0]]], axis=None),
        lambda x: np.concatenate([x[:1], x, x[:1] ** 2], axis=-3),
        lambda x: np.stack([x, x * x]),
        lambda x: np.stack([x[0], np.ones((3, 4)), x[1]], axis=-1),
        lambda x: np.stack([x[0, 0, 0], 2.0]),
        lambda x: np.vstack([x[0], x[0, 0], [1.0, 2.0, 3.0, 4.0]]),
        lambda x: np.vstack([x, x]),
        lambda x: np.hstack([x[0, 0, 0], 2.0, x[0, 0]]),
        lambda x: np.hstack([x[0], x[1, :, :2]]),
    ],
)
def test_products_and_joins_take_numbers_lists_and_arrays_among_tensors(f):
    check(f, X)
