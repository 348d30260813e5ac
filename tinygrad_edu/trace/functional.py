"""In-place operations and methods of NumPy as functions that return new arrays: a recorded call has no other effect."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..engine.rules.registry import Array


def add_at(x: ArrayLike, index: Any, v: ArrayLike) -> Array:
    """Return a copy of x with v added at `index`; an element indexed twice receives both."""
    x = np.array(x)
    np.add.at(x, index, v)
    return x


def put_along_axis(x: ArrayLike, indices: Array, values: ArrayLike, axis: int | None) -> Array:
    """Return a copy of x changed by `np.put_along_axis`."""
    x = np.array(x)
    np.put_along_axis(x, indices, values, axis)
    return x


def retyped(x: Array, dtype: DTypeLike) -> Array:
    """Return the same bytes as another dtype."""
    return x.view(dtype)


def astype(x: Array, dtype: DTypeLike) -> Array:
    """Return the elements converted to another dtype."""
    return x.astype(dtype)


def part(results: Sequence[Any], i: int) -> Any:
    """Return one of several results."""
    return results[i]
