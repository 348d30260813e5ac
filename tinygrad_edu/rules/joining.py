"""Joining and splitting: each part takes its own stretch of the gradient."""

from typing import Any

import numpy as np

from .registry import composition, defvjp, primitive


@primitive
def concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    """`np.concatenate`, its sequence brought to a list of arguments."""
    return np.concatenate(arrays, axis=axis)


def concatenate_rule(i: int, g: Any, y: Any, *arrays: Any, axis: int | None = 0) -> Any:
    """The i-th stretch of g."""
    if axis is None:
        return concatenate_rule(i, g, y, *[a.reshape(-1) for a in arrays], axis=0).reshape(arrays[i].shape)
    start = sum([a.shape[axis] for a in arrays[:i]])
    return g[(slice(None),) * (axis % y.ndim) + (slice(start, start + arrays[i].shape[axis]),)]


defvjp(concatenate, each=concatenate_rule)


def arrays_of(sequence: Any) -> list[Any]:
    """The members of a sequence, numbers and lists among them as arrays."""
    return [a if hasattr(a, "shape") else np.asarray(a) for a in sequence]


@composition(np.concatenate)
def joined(arrays: Any, axis: int | None = 0) -> Any:
    """Along an axis that is there."""
    return concatenate(*arrays_of(arrays), axis=axis)


@composition(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    """Along a new axis."""
    return concatenate(*[np.expand_dims(a, axis) for a in arrays], axis=axis)


@composition(np.vstack)
def vstack(tup: Any) -> Any:
    """As rows."""
    return concatenate(*[a if a.ndim > 1 else a.reshape(1, -1) for a in arrays_of(tup)])


@composition(np.hstack)
def hstack(tup: Any) -> Any:
    """Side by side."""
    arrays = [a if a.ndim else a.reshape(1) for a in arrays_of(tup)]
    return concatenate(*arrays, axis=0 if arrays[0].ndim == 1 else 1)
