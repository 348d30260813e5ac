"""backend="c": the time that a recording takes."""

import cProfile

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")


def repeated(n):
    def f(y):
        for _ in range(n):
            y = np.tanh(y * 1.01)
        return np.sum(y)

    return f


def recurrent(n):
    def f(x):
        h = np.zeros(4)
        for _ in range(n):
            h = np.tanh(np.diag([0.5, 0.4, 0.3, 0.2]) @ h + x)
        return np.sum(h)

    return f


@pytest.mark.parametrize(("make", "x"), [(repeated, np.array(0.5)), (repeated, np.ones(4)), (recurrent, np.ones(4))])
def test_the_work_of_writing_c_grows_with_the_number_of_calls_and_not_with_its_square(make, x, monkeypatch):
    class WrittenError(Exception):
        pass

    def load(source):
        raise WrittenError

    def calls(n):
        profile = cProfile.Profile()
        with profile, pytest.raises(WrittenError):
            tg.jit(tg.value_and_grad(make(n)), backend="c")(x)
        return sum(entry.callcount for entry in profile.getstats())

    monkeypatch.setattr(compiler, "load", load)
    calls(5)
    assert calls(100) < 5 * calls(25)
