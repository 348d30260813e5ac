"""Parameters in one array, which an update changes in one go."""

import numpy as np


def flat(arrays):
    """Return one flat array that holds all the arrays, and a view of each array in it."""
    whole, parts, at = np.concatenate([a.ravel() for a in arrays]), [], 0
    for a in arrays:
        parts.append(whole[at : at + a.size].reshape(a.shape))
        at += a.size
    return whole, parts
