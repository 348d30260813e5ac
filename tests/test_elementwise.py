"""Elementwise functions: what drawn cases meet too rarely, and what goes wrong."""

import numpy as np
from checks import X, check


def test_clip_gives_its_bounds_the_gradient_of_what_they_replace():
    low, high = np.array([0.8, 0.7, 0.6, 0.75]), np.array(1.2)
    check(lambda x, low, high: np.clip(x, low, high), X, low, high)
    check(lambda x, low, high: x.clip(min=low, max=high), X, low, high)
    check(lambda x, high: x.clip(max=high), X, high)
