"""Finiteness: one predicate for every place that must not go on with an infinity or a NaN."""

import numpy as np
from numpy.typing import ArrayLike

from .registry import predicate


@predicate
def all_finite(*arrays: ArrayLike) -> bool:
    """Return whether no element of the arrays is infinite or NaN."""
    return all(np.isfinite(a).all() for a in arrays)
