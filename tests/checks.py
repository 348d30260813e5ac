"""Checks for single examples of a function of the table."""

import numpy as np

import tinygrad_edu as tg

CODE_PAGES = ("cp932", "cp936", "cp949", "cp1250", "cp1251", "cp1252", "cp1253")  # of files and pipes on Windows
EXTENDED = np.dtype(np.longdouble).itemsize > 8  # Windows, and macOS on Apple's processors, have no wider float
X = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3, 4))  # three axes of unequal lengths


def check(f, *args):
    """Compare the value with NumPy, and the first derivatives with finite differences."""
    np.testing.assert_allclose(f(*map(tg.Tensor, args)).data, f(*args), rtol=1e-12, strict=True)
    tg.check_grad(lambda *args: 3 * f(*args), *args, order=1)  # so that every gradient differs from 1


def gradient(f, x, dtype=np.float64):
    """The gradient of sum(f(x)), as lists."""
    t = tg.Tensor(x, dtype=dtype)
    y = f(t)
    y.backward(np.ones(y.shape))
    assert t.grad.dtype == dtype
    return t.grad.tolist()


def message(kind, f):
    """Return the message of the error that f raises."""
    try:
        f()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was not raised")
