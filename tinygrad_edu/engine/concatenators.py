"""np.r_ and np.c_, which hand no call over to a Tensor: they make arrays of their items, and join those.

But they keep a subclass of ndarray, and np.concatenate, which joins in the end, asks it (NEP 18). So an item that takes
gradients gives them an array that remembers it.
"""

import sys
from types import FrameType
from typing import Any

import numpy as np

from .rules.registry import Function

_JOIN = type(np.r_).__getitem__.__code__


class Item(np.ndarray[Any, Any]):
    """An array in the place of a Tensor, or of another operand, until np.concatenate takes the operand again."""

    operand: Any

    def __array_finalize__(self, source: Any) -> None:
        self.operand = getattr(source, "operand", None)

    def __array_function__(self, fun: Function, types: Any, args: Any, kwargs: Any) -> Any:
        if fun is not np.concatenate:
            return NotImplemented
        return np.concatenate([operand_of(a) for a in args[0]], *args[1:], **kwargs)


def operand_of(a: Any) -> Any:
    """Return what an item stands for, in the shape and dtype that np.r_ gave it: it adds axes of length 1."""
    if not isinstance(a, Item):
        return a
    x = a.operand if np.shape(a.operand) == a.shape else np.reshape(a.operand, a.shape)
    return x if x.dtype == a.dtype else x.astype(a.dtype)


def is_joining(frame: FrameType) -> bool:
    """Return whether a frame is that of np.r_ or np.c_, which is reading its items."""
    return frame.f_code is _JOIN


def joined_item(operand: Any) -> Item | None:
    """Return the array to give to np.r_ or np.c_ if it called the caller's `__array__`; None for any other function.

    It has the operand's shape and dtype, and its elements are never read.
    """
    if not is_joining(sys._getframe(2)):
        return None
    array = np.broadcast_to(np.zeros((), operand.dtype), operand.shape).view(Item)
    array.operand = operand
    return array
