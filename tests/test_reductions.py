"""Reductions and scans: what drawn cases meet too rarely, and what goes wrong."""

import numpy as np
import pytest
from checks import X, check

import tinygrad_edu as tg
from tinygrad_edu.rules import activations, linalg


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -2, (0, 2), (-1, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    "fun", [np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, linalg.length, activations.logsumexp]
)
def test_reductions_of_three_axes_along_any_of_them(fun, axis, keepdims):
    check(lambda x: fun(x, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("fun", [np.sum, np.mean, np.prod, np.cumsum, np.cumprod, np.max])
def test_the_gradient_of_nothing_is_nothing(fun):
    x = tg.Tensor(np.zeros((0, 3)))
    y = fun(x, axis=1)
    y.backward(np.zeros(y.shape))
    assert x.grad.shape == (0, 3)
