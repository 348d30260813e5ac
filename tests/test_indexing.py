"""Indexing: what drawn cases meet too rarely, and what goes wrong."""

import numpy as np
import pytest
from checks import X, check

from tinygrad_edu.rules import indexing


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [2, 2, 0]),
        (..., [1, 1], None),
        ([0, 0, 1], slice(1, None), [3, 3, 0]),
        (np.array([[0, 0], [1, 0]]), 1),
        (slice(None), np.array([True, False, True])),
        (1, np.int64(2)),
    ],
)
def test_an_index_of_several_parts_may_name_an_element_twice(index):
    check(lambda x: x[index], X)
    v = X[index] + 1
    check(lambda x, v: indexing.setitem(x, index, v), X, v)
    check(lambda v: indexing.scatter(v, index, X.shape), v)
