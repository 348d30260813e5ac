"""What grows with the size of a problem: the work, the memory and the error grow as slowly as they can."""

import sys

import numpy as np
import pytest

import tinygrad_edu as tg


def byte_codes(f):
    """Return how many byte codes of Python a call takes."""
    count, before = 0, sys.gettrace()

    def trace(frame, event, arg):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        f()
    finally:
        sys.settrace(before)
    return count


def grows_by(work, n=100):
    """Return how many times as much work a problem of 4 n takes as one of n: 4 where it is linear."""
    work(2)  # what only the first call does
    return work(4 * n) / work(n)


@pytest.mark.parametrize("show", [repr, lambda model: model._repr_html_()], ids=["repr", "html"])
def test_a_model_is_shown_in_time_that_grows_with_its_layers(show):
    def work(n):
        model = tg.nn.Sequential(*[tg.nn.Linear(2, 2, rng=0) for _ in range(n)])
        return byte_codes(lambda: show(model))

    assert grows_by(work) < 5


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 2), (1, 1, 2)])
def test_the_gradient_of_what_is_broadcast_over_a_million_rows_is_exact_to_rounding_in_float32(shape):
    x = 0.5 + np.random.default_rng(0).random((1_000_000, 2), dtype=np.float32)
    b = tg.Tensor(np.zeros(shape, np.float32))
    np.sum(x * b).backward()
    exact = np.sum(x, axis=0 if b.size == 2 else None, dtype=np.float64)
    np.testing.assert_allclose(b.grad, np.reshape(exact, shape), rtol=2e-6)  # 4e-5 if rows are added one by one


def test_the_gradient_of_what_is_broadcast_over_5000_rows_is_exact_in_float16():
    for shape in ((2,), (1, 2)):
        b = tg.Tensor(np.zeros(shape, np.float16))
        np.sum(np.zeros((5000, 2), np.float16) + b).backward()
        assert np.all(b.grad == 5000)  # 2048 + 1 rounds to 2048
