"""Shaping: the same numbers in another arrangement, so the gradient is arranged back."""

from typing import Any

import numpy as np

from .registry import defvjp, nondifferentiable, primitive


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


nondifferentiable(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.empty_like,
                  np.result_type, np.broadcast_shapes)
