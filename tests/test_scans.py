"""Scans: cases that random tests rarely reach, and errors."""

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


@pytest.mark.parametrize(
    ("fun", "expected"),
    [(np.nancumsum, [[3, 0, 1], [3, 2, 0]]), (np.nancumprod, [[1 + 1 + 3, 0, 1], [1 + 2 + 2, 8, 0]])],
)
def test_nan_is_passed_over_and_takes_no_gradient(fun, expected):
    for dtype in (np.float32, np.float64):
        assert gradient(lambda x: fun(x, axis=1), [[1.0, np.nan, 3.0], [4.0, 2.0, np.nan]], dtype) == expected


@pytest.mark.parametrize("fun", [np.nancumsum, np.nancumprod])
def test_what_passes_over_nan_takes_nothing_and_single_numbers(fun):
    assert gradient(fun, []) == []
    assert gradient(fun, 3.0) == 1
    assert gradient(fun, np.nan) == 0
