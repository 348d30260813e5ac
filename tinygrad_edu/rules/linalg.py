"""Linear algebra: norms, and (with formulas from matrix calculus) what is made from a whole matrix."""

from typing import Any

import numpy as np

from .reductions import spread
from .registry import composition, defvjp, primitive


@primitive
def length(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The root of the sum of squares along `axis`, one or several."""
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def length_rule(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """x / y: the direction of x, and 0 where x has none."""
    return spread(g / np.where(y == 0, 1, y), x, axis, keepdims) * x


defvjp(length, length_rule)


@composition(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The 2-norm of vectors and the Frobenius norm of matrices, which are one formula."""
    axes = x.ndim if axis is None else np.size(axis)
    known = axis is None or axes in (1, 2) if ord is None else (ord, axes) in ((2, 1), ("fro", 2))
    if not known:
        raise TypeError(
            f"np.linalg.norm(..., ord={ord!r}) over {axes} axes has no rule for Tensors; the root of the sum of "
            "squares has: ord=None over one axis, two, or all"
        )
    return length(x, axis=axis, keepdims=keepdims)
