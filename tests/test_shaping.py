"""Shaping: what drawn cases meet too rarely, and what goes wrong."""

import numpy as np
import pytest
from checks import X, check

from tinygrad_edu.rules import activations


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.transpose(x, (1, 2, 0)),
        lambda x: np.transpose(x, (0, -1, 1)),
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.moveaxis(x, (0, 1), (1, -1)),
        lambda x: np.swapaxes(x, 0, -1),
        lambda x: np.reshape(x, (4, 6), order="F"),
        lambda x: np.ravel(x, order="F"),
        lambda x: np.squeeze(x[:, None, :1], axis=1),
        lambda x: np.expand_dims(x, (0, 2)),
        lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)),
        lambda x: np.prod(x[0, 0], axis=-1),
        lambda x: np.cumsum(x),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x),
        lambda x: np.cumprod(x, axis=-2),
        lambda x: activations.softmax(x, axis=1),
        lambda x: activations.log_softmax(x, axis=1),
        activations.softmax,
        activations.log_softmax,
    ],
)
def test_arrangements_and_scans_of_three_axes(f):
    check(f, X)
