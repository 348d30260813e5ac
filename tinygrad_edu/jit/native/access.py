"""Where in memory the elements of an array are: a base array, an offset, and a stride for each axis, in elements.

Views are never made in C: `x.T[1:]` is read from the memory of x with other strides. NumPy itself works the strides
out, on an array of the base's shape that nobody fills.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.rules.registry import Array
from ...trace.functional import retyped
from ...trace.ir import Call, Var
from ..effects import is_view


class Access(NamedTuple):
    """The elements of an array in the memory of `base`; axes of length 1 are left out."""

    base: Var
    offset: int
    strides: tuple[int, ...]

    def broadcast(self, shape: Sequence[int], space: Sequence[int]) -> "Access":
        """Return the access of an array of `shape` where a loop runs over `space`, as NumPy broadcasts it."""
        strides = iter(self.strides)
        padded = [1] * (len(space) - len(shape)) + list(shape[max(len(shape) - len(space), 0) :])  # x[0] = [[1]]
        found = tuple([next(strides) if n != 1 else 0 for n in padded])
        return Access(self.base, self.offset, tuple([s for s, n in zip(found, space, strict=True) if n != 1]))


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape without axes of length 1: the lengths of the loops over it."""
    return tuple([n for n in shape if n != 1])


def rearranges(call: Call) -> bool:
    """Whether a call only rearranges an array, by an index that is known, so that it needs no code of its own."""
    known = not call.elementwise and call.fun is not retyped and len(call.uses) == 1 and type(call.args[0]) is Var
    return known and is_view(call) and isinstance(call.args[0].dtype, np.dtype) and call.args[0].shape != ()


def rearranged(call: Call, array: Array) -> Array:
    """Return the result of a call that rearranges an array, as a view if there can be one."""
    if call.fun is operator.getitem:
        return chosen(array, call.args[1])
    return np.asarray(call.fun(array, *call.args[1:]))


def chosen(array: Array, index: Any) -> Array:
    """Return the elements that a basic index chooses as a view, also if it is one element."""
    parts = index if isinstance(index, tuple) else (index,)
    return np.asarray(array[parts if any(i is ... for i in parts) else (*parts, ...)])


class Accesses:
    """The access of each array of a stretch."""

    def __init__(self) -> None:
        self.bases: dict[Var, Var] = {}
        self.likes: dict[Var, Array] = {}  # an array with the strides of each; that of a view lies in that of its base

    def add(self, v: Var, array: Array | None = None) -> None:
        """Note a base; `array` has its strides, without one it is contiguous."""
        self.bases[v] = v
        self.likes[v] = np.empty(v.shape, v.dtype) if array is None else array

    def view(self, call: Call) -> bool:
        """Note the result of a call that rearranges; return False if NumPy would have to copy."""
        x = call.args[0]
        array = rearranged(call, self.likes[x])
        if not np.may_share_memory(array, self.likes[x]):
            return False
        self.bases[call.out], self.likes[call.out] = self.bases[x], array
        return True

    def part(self, v: Var, array: Array) -> Access:
        """Return the access of a view of the array that stands for v."""
        base = self.bases[v]
        distance = address(array) - address(self.likes[base])
        strides = [s // array.itemsize for s, n in zip(array.strides, array.shape, strict=True) if n != 1]
        return Access(base, distance // array.itemsize, tuple(strides))

    def of(self, v: Var) -> Access:
        """Return the access of an array."""
        return self.part(v, self.likes[v])

    def __contains__(self, v: object) -> bool:
        return v in self.bases


def address(array: Any) -> int:
    """Return the address of an array's first element."""
    place: int = array.__array_interface__["data"][0]
    return place
