"""Finiteness: one predicate for every place that must not go on with an infinity or a NaN."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .registry import predicate, predicate_of_all


@predicate
def all_finite(*arrays: ArrayLike) -> bool:
    """Return whether no element of the arrays is infinite or NaN."""
    return all(np.isfinite(a).all() for a in arrays)


@predicate_of_all(True)
def has_nan(*gradients: Any) -> bool:
    """Whether an array among the gradients holds a NaN: then the sum of its squares, or its least element, is NaN."""
    for g in gradients:
        if isinstance(g, float):
            probe: Any = g
        elif g.size < 10_000:
            g = g.ravel("K")
            probe = np.vdot(g, g)  # does not warn of an overflow, unlike dot
        else:  # the dot product of large arrays starts BLAS's threads, and they slow down what comes next
            probe = g.min()
        if probe != probe:
            return True
    return False
