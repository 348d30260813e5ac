"""The comparison of a replay with the function itself."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.jit.selfcheck import first_difference


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(numbers=st.lists(st.floats(-100, 100, width=16), min_size=1, max_size=5))
def test_roundings_are_no_difference_and_a_hundredth_is_one(dtype, numbers):
    a = np.array(numbers, dtype)
    near = a * (1 + np.finfo(dtype).eps)
    assert first_difference({"y": a}, {"y": near.astype(dtype)}) is None
    far = a + np.asarray(0.1 * max(np.abs(a).max(), 1), dtype)
    assert first_difference({"y": a}, {"y": far}) is not None


@pytest.mark.parametrize(
    ("expected", "given_"),
    [
        (1, True), (1.0, 1), (np.float64(1), np.array(1.0)), (np.zeros(2), np.zeros((2, 1))), ("a", "b"), (None, 0),
        (np.zeros(2), np.zeros(2, np.float32)), (np.array([1, 2]), np.array([1, 3])), (np.array([np.nan]), np.zeros(1)),
        (np.array([True]), np.array([False])), (np.array(["NaT", "2020"], "M8[Y]"), np.array(["NaT", "2021"], "M8[Y]")),
    ],
)  # fmt: skip
def test_types_shapes_dtypes_and_values_are_told_apart(expected, given_):
    assert first_difference({"y": expected}, {"y": given_})[0] == "y"
    assert first_difference({"y": expected}, {"y": expected}) is None


def test_a_part_that_is_missing_is_a_difference():
    assert first_difference({"a": 1, "b": 2}, {"a": 1})[0] == "b"


def test_a_gradient_that_is_a_tensor_itself_is_compared_by_its_data():
    w = tg.Tensor([1.0, 2.0])
    np.sum(w**2).backward(create_graph=True)
    f = tg.jit(lambda x: np.sum(w * x))
    for x in (np.ones(2), np.arange(2.0)):
        assert float(f(x)) == float(np.sum(w.data * x))
    assert isinstance(w.grad, tg.Tensor)


def test_draws_that_differ_are_a_difference_though_no_number_is_used(monkeypatch):
    rng = np.random.default_rng(0)

    def f(x):
        rng.normal(size=int(os.environ["DRAWS"]))  # which a recording does not see
        return x * 2

    jitted = tg.jit(f)
    monkeypatch.setenv("DRAWS", "1")
    jitted(np.ones(2))
    monkeypatch.setenv("DRAWS", "2")
    before = rng.bit_generator.state
    with pytest.raises(tg.JitError, match="the state of Generator 0"):
        jitted(np.ones(2))
    assert rng.bit_generator.state == before
