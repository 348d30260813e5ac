"""The memory of an optimizer's state: that of small parameters lies in one array, one behind the other.

So jit updates the state of all small parameters by a few calls of NumPy.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.arrays import broadcasts
from ..engine.errors import kind_of
from ..engine.tensor import Tensor
from .tracing import Array

SMALL = 16_384  # elements: for larger arrays, the call itself no longer matters


def initial_states(optimizer: Any, name: str, params: Sequence[Tensor]) -> list[Array]:
    """Return the state of this name before the first step, packed; raises TypeError if a formula cannot use it."""
    arrays = [optimizer.initial_state(name, p) for p in params]
    if optimizer._update is not None:  # it may keep anything, such as a list of former gradients
        return packed(arrays)
    for p, a in zip(params, arrays, strict=True):
        is_array = isinstance(a, np.ndarray)
        if not is_array or a.dtype.kind not in "fcb" or not broadcasts(a.shape, p.shape):
            given = f"one of {a.dtype} of shape {a.shape}" if is_array else kind_of(a)
            raise TypeError(
                f"{type(optimizer).__name__}.initial_state({name!r}, p): p has shape {p.shape}, so its state is an "
                f"array of floats of this shape, such as np.zeros_like(p.data), not {given}"
            )
    return packed(arrays)


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
