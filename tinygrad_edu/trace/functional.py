"""What NumPy does by methods, or in place, as functions that give arrays: calls of a program have no other effect."""

from __future__ import annotations

from typing import Any

import numpy as np


def add_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of x with v added at `index`; an element named twice receives both."""
    x = np.array(x)
    np.add.at(x, index, v)
    return x


def put_along_axis(x: Any, indices: Any, values: Any, axis: Any) -> Any:
    """A copy of x in which `np.put_along_axis` has been done."""
    x = np.array(x)
    np.put_along_axis(x, indices, values, axis)
    return x


def retyped(x: Any, dtype: Any) -> Any:
    """The same bytes as another type."""
    return x.view(dtype)


def astype(x: Any, dtype: Any) -> Any:
    """The elements as another type."""
    return x.astype(dtype)


def part(results: Any, i: int) -> Any:
    """One of several results."""
    return results[i]
