"""Large arrays computed by all cores: the same numbers, warnings and errors as with one."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import threads
from tinygrad_edu.engine.threads import LARGE

X = np.random.default_rng(0).normal(0, 100, (3, LARGE // 2))


@pytest.fixture(autouse=True, params=[1, 2, 3])
def several(request, monkeypatch):
    monkeypatch.setattr(threads, "cpu_count", lambda: request.param)


@pytest.mark.parametrize("x", [X, X.T, X[:, ::2], X.astype(np.float32), X[0]], ids=["C", "F", "strided", "f4", "small"])
def test_the_numbers_are_numpys_to_the_bit(x):
    for fun in (np.sin, np.cos):
        y = fun(tg.Tensor(x)).data
        np.testing.assert_array_equal(y, fun(x), strict=True)
        assert y.flags.fnc == x.flags.fnc


def test_the_gradient_is_that_of_small_arrays():
    x = tg.Tensor(X)
    np.sin(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.cos(X))


def test_where_no_thread_can_start_the_caller_computes_alone(monkeypatch):
    class Limited(ThreadPoolExecutor):
        def submit(self, *work):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_pool", [Limited(1)])
    np.testing.assert_array_equal(np.sin(tg.Tensor(X)).data, np.sin(X))


def test_threads_warn_of_what_their_caller_is_warned_of():
    x = tg.Tensor(np.full(LARGE, np.inf))
    with pytest.warns(RuntimeWarning, match="invalid value"):
        np.sin(x)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        np.sin(x)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(np.sin(x).data).all()
