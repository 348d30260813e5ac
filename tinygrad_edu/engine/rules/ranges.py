"""Norms of numbers whose squares leave the range of their dtype, where NumPy's own results are 0 or inf."""

import math
from collections.abc import Callable

import numpy as np

from .registry import Array, Axis, predicate_of_all
from .special import exponent


@predicate_of_all(True)
def leaves_range(y: Array) -> bool:
    """Return whether a square in the norms y may have overflown, or have lost digits near the smallest number."""
    info = np.finfo(np.result_type(y, np.float16))
    smallest, largest = math.sqrt(info.tiny / info.eps), math.sqrt(info.max)
    return not np.all((y > smallest) & (y < largest) | np.isnan(y))


def scaled(norm: Callable[[Array], Array], x: Array, axis: Axis, keepdims: bool) -> Array:
    """Return norm(x / s) s, where s is a power of 2 near the largest element: nothing overflows or rounds to 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        wide = x.astype(np.promote_types(x.dtype, np.float32))
        largest = np.max(np.abs(np.where(np.isfinite(wide), wide, 0)), axis=axis, keepdims=True, initial=0)
        e = exponent(largest)
        y = norm(np.ldexp(np.ldexp(wide, -e // 2), -e - -e // 2))  # 2**-e may overflow
        return np.ldexp(y, e if keepdims else np.squeeze(e, axis=axis)).astype(x.dtype)
