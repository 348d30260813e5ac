"""Shaping and joining: the same numbers in another arrangement, so the gradient is arranged back."""

from typing import Any

import numpy as np

from .registry import composition, defvjp, nondifferentiable, primitive


def transpose_rule(g: Any, y: Any, x: Any, axes: Any = None) -> Any:
    """The inverse permutation."""
    return g.transpose() if axes is None else g.transpose(np.argsort(np.asarray(axes) % x.ndim))


defvjp(np.reshape,      lambda g, y, x, shape, order="C": np.reshape(g, x.shape, order=order))
defvjp(np.ravel,        lambda g, y, x, order="C": np.reshape(g, x.shape, order=order))
defvjp(np.transpose,    transpose_rule)
defvjp(np.swapaxes,     lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,     lambda g, y, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.squeeze,      lambda g, y, x, axis=None: g.reshape(x.shape))
defvjp(np.expand_dims,  lambda g, y, x, axis: g.reshape(x.shape))
defvjp(np.broadcast_to, lambda g, y, x, shape: g)
defvjp(np.copy,         lambda g, y, x: g)


@primitive
def astype(x: Any, dtype: Any) -> Any:
    """`x.astype(dtype)` as a function; the gradient returns in the dtype of x by itself."""
    return x.astype(dtype)


defvjp(astype, lambda g, y, x, dtype: g)


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


nondifferentiable(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.empty_like,
                  np.result_type, np.broadcast_shapes)
