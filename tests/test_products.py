"""Products: what drawn cases meet too rarely, and what goes wrong."""

import operator

import numpy as np
import pytest
from checks import check


@pytest.mark.parametrize("fun", [np.matmul, operator.matmul, np.dot])
@pytest.mark.parametrize("b", [(3,), (3, 2), (4, 3, 2)])
@pytest.mark.parametrize("a", [(3,), (2, 3), (4, 2, 3), (5, 1, 2, 3)])
def test_products_of_every_pair_of_dimensions(fun, a, b):
    rng = np.random.default_rng(0)
    check(fun, rng.uniform(-1, 1, a), rng.uniform(-1, 1, b))
