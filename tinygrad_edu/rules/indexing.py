"""Indexing: reading `x[index]` and writing it are each other's gradient."""

import operator
from typing import Any

import numpy as np

from .registry import defvjp, primitive


def repeats(index: Any) -> bool:
    """Whether `index` may name an element twice: only arrays (or lists) of integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(i, (list, np.ndarray)) and np.asarray(i).dtype != bool and np.ndim(i) > 0 for i in parts
    )


@primitive
def scatter(v: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with v added at `index`; an element named twice receives both."""
    x = np.zeros_like(v, shape=shape)
    if repeats(index):
        np.add.at(x, index, v)
    else:
        x[index] = v
    return x


@primitive
def setitem(x: Any, index: Any, v: Any) -> Any:
    """A copy of x in which `x[index] = v` has been done."""
    x = np.array(x)
    x[index] = v
    return x


def written(g: Any, y: Any, x: Any, index: Any, v: Any) -> Any:
    """What of g the written values v receive; of an element written twice only the last write stays."""
    g = g[index]
    if repeats(index):
        number = np.arange(g.size).reshape(g.shape)
        last = np.empty(x.shape, number.dtype)
        last[index] = number
        g = g * (last[index] == number)
    return g


defvjp(operator.getitem, lambda g, y, x, index: scatter(g, index, x.shape))
defvjp(scatter,          lambda g, y, v, index, shape: g[index])
defvjp(setitem,          lambda g, y, x, index, v: setitem(g, index, 0),
                         None,
                         written)
