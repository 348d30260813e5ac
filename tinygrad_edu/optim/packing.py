"""The memory of an optimizer's state: that of small parameters lies in one array, one behind the other.

So jit updates the state of all small parameters by a few calls of NumPy.
"""

from collections.abc import Sequence

import numpy as np

from .tracing import Array

SMALL = 16_384  # elements: for larger arrays, the call itself no longer matters


def packed(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays with the same elements, the small ones of each dtype of floats one behind the other in memory."""
    found = [*arrays]
    kinds: dict[np.dtype, list[int]] = {}
    for i, a in enumerate(arrays):
        if type(a) is np.ndarray and a.ndim and 0 < a.size <= SMALL and a.dtype.kind == "f" and a.flags.c_contiguous:
            kinds.setdefault(a.dtype, []).append(i)
    for dtype, places in kinds.items():
        whole, at = np.empty(sum([arrays[i].size for i in places]), dtype), 0
        for i in places:
            a = arrays[i]
            found[i] = whole[at : at + a.size].reshape(a.shape)
            found[i][...] = a
            at += a.size
    return found
