"""Scans: examples that random cases rarely reach, and errors."""

import numpy as np
import pytest
from checks import X, check, gradient, message

import tinygrad_edu as tg


@pytest.mark.skipif(not hasattr(np, "cumulative_sum"), reason="came with NumPy 2.1")
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_scans_may_start_before_the_first_element(name):
    fun = getattr(np, name)
    for axis in range(-3, 3):
        check(lambda x, axis=axis: fun(x, axis=axis, include_initial=True), X)
        check(lambda x, axis=axis: fun(x, axis=axis), X)
    check(lambda x: fun(x[0, 0], include_initial=True), X)
    assert gradient(lambda x: fun(x, include_initial=True), []) == []
    assert "axis" in message(ValueError, lambda: fun(tg.Tensor(X)))
