"""Lists of plain numbers, which count as arrays, as everywhere in NumPy."""

from typing import Any

import numpy as np

NUMBERS = (int, float, complex, np.number, np.bool)


def is_array(x: list[Any]) -> bool:
    """Return whether a list holds plain numbers alone, or lists of them of equal lengths: then it is an array."""
    return bool(x) and _list_shape(x) is not None


def _list_shape(x: Any) -> tuple[int, ...] | None:
    if isinstance(x, NUMBERS):
        return ()
    if type(x) is not list or not x:
        return None
    first, *others = [_list_shape(v) for v in x]
    return (len(x), *first) if first is not None and all([shape == first for shape in others]) else None
