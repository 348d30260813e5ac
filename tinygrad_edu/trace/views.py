"""Views: arrays of a recording that share their memory with others, as NumPy decides when the function runs.

The array that owns the memory holds the value. A write into a view gives it a new one; a view that is read after a
write is computed again. Either costs a few calls, however long the chain of views.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Array, Function, leaves
from .functional import NUMBERS, astype, changed, laid_out_as, retyped
from .ir import Var, substituted


def fact(attribute: str) -> Any:
    """Return the property for an attribute of the array that is the same at every call."""
    read = operator.attrgetter(attribute)

    def get(self: View) -> Any:
        array = self._array
        return read(np.asarray(array) if type(array) in NUMBERS else array)

    def get_order(self: View) -> Any:
        self.rec.order_matters = True
        return get(self)

    def refuse(self: View, value: object) -> NoReturn:
        raise self.rec.error(f".{attribute} = ... changes an array without a NumPy function; use reshape or astype")

    return property(get_order if attribute in ("flags", "strides") else get, refuse)


class View:
    """An array that owns its memory or is a view of another; `_array` is its value, `_variable` that of the program."""

    __slots__ = (
        "_array", "_layout", "_made", "_offset", "_ordered", "_root", "_seen", "_variable", "origin", "plain_copies",
        "rec", "reshaped", "version",
    )  # fmt: skip

    def __init__(self, rec: Any, value: Any, var: Var) -> None:
        self.rec, self._array, self._variable, self.origin = rec, value, var, var
        self._root: View | None = None  # the View that owns the memory; None if it is this one
        self._made: Any = None  # (function, further arguments) that gave a view of the root
        self._offset: int | None = 0  # the bytes from the root's first element; None if that depends on values
        self._layout: Any = None  # of `flat`, the array whose elements are written
        self._ordered = False  # whether a reshape gave it, which in another order in memory would have been a copy
        self.reshaped = False  # whether a reshape gave a copy, because of its order in memory
        self.plain_copies: list[Any] = []  # weak references to those that the function got, which no write reaches
        self.version = self._seen = 0  # the number of writes into the memory; of those, how many a view has noticed

    shape, ndim, size, dtype = map(fact, ("shape", "ndim", "size", "dtype"))
    strides, itemsize, nbytes, flags, device = map(fact, ("strides", "itemsize", "nbytes", "flags", "device"))

    @property
    def is_float(self) -> bool:
        """Whether it is a Python float."""
        return type(self._array) is float

    # Its current value: a view sees what was written into its memory.
    @property
    def value(self) -> Any:
        """The wrapped array."""
        if self._root is not None:
            self.follow(self._root)
        return self._array

    @property
    def variable(self) -> Var:
        """The Var of the program that holds its value."""
        if self._root is not None:
            self.follow(self._root)
        return self._variable

    @property
    def root(self) -> View:
        """The View that owns the memory."""
        return self if self._root is None else self._root

    def share(self, base: View, fun: Function, args: tuple[Any, ...], kwargs: Any, i: int | None) -> None:
        """Become a view of `base`: fun(*args, **kwargs), or its i-th result, gave it."""
        if base._layout is not None:
            return  # what is read from `flat` is a copy
        self.look_into(base)
        self._ordered = base._ordered or fun is np.reshape
        if base._offset is None or sum([type(a) is type(self) for a in leaves((args, kwargs))]) > 1:
            self._offset = None
        else:
            self._offset = base._offset + first_address(self._array) - first_address(base._array)
        if base is self._root and args and args[0] is base and i is None and not kwargs:
            # Other arguments keep their values
            self._made = fun, substituted(args[1:], lambda a: type(self)(a.rec, a.value, a.variable), type(self))

    def look_into(self, base: View) -> None:
        """Become a view of the memory of `base`."""
        self._root, self._seen = base.root, base.root.version

    def follow(self, root: View) -> None:
        """Compute a view again if its memory was written into."""
        if root.version == self._seen or self.rec.is_foreign():
            return
        self.rec.order_matters |= self._ordered
        if self._made:
            new = self.rec.call(self._made[0], (root, *self._made[1]), {})
        else:
            places = self.places()
            new = self.rec.call(np.reshape, (self._flattened(root)[places], self.shape), {})
        self._array, self._variable, self._seen = laid_out_as(self._array, new._array), new._variable, root.version

    def places(self) -> slice | Array:
        """Return the index of a view's elements in its flattened memory."""
        memory, size = self.root._array, self.itemsize
        flat = addresses(self._array if self._layout is None else self._layout, self._offset or 0)
        is_aligned = memory.flags.c_contiguous and not (memory.nbytes % size or (flat % size).any())
        if self._offset is None or not (is_aligned or self.dtype == memory.dtype):
            raise self.rec.error("a view, or its memory, was written into; take a .copy() of the view first")
        if is_aligned:
            flat //= size
        else:
            known = addresses(memory)
            order = np.argsort(known)
            flat = order[np.searchsorted(known, flat, sorter=order)]
        step = int(flat[1] - flat[0]) if flat.size > 1 else 1
        if flat.size and step and np.array_equal(flat, flat[0] + step * np.arange(flat.size)):
            stop = int(flat[-1]) + step
            return slice(int(flat[0]), stop if stop >= 0 else None, step)
        return flat

    def write(self, new: Any) -> None:
        """Take the value of `new`, cast to this dtype, and pass it on to the memory of a view."""
        if new.dtype != self.dtype:
            new = self.rec.call(astype, (new, self.dtype), {})
        root = self.root
        if any([copy() is not None for copy in root.plain_copies]):
            raise self.rec.error("an array was written into after it was made a plain one; leave out np.asarray(x)")
        self.rec.order_matters |= self.reshaped or root.reshaped or self._ordered
        if root is not self:
            root._take(self._put_back(new, root))
            self._seen = root.version
        self._take(new)

    def _take(self, new: Any) -> None:
        if not self.shape and not isinstance(new._array, np.ndarray):  # an array without axes, which stays one
            new = self.rec.call(np.copy, (new,), {})
        self._array, self._variable = laid_out_as(self._array, new.value), new.variable
        self.version += 1

    def _put_back(self, new: View, root: View) -> Any:
        """Return the value of the memory in which this view has the value of `new`."""
        call = self.rec.call
        fun, args = self._made or (None, [])
        if fun is operator.getitem:
            return call(setitem, (root, *args, new), {})
        if fun is np.transpose:
            return call(fun, (new, tuple(np.argsort(args[0]).tolist())), {})
        if fun is np.reshape:
            return call(fun, (new, root.shape), {})
        if fun in (np.real, np.imag):
            return call(changed, (root, setattr, fun.__name__, new), {})
        places = self.places()
        if not isinstance(places, slice) and len({*places.tolist()}) < places.size:
            raise self.rec.error("a view in which elements share memory was written into; write into a copy")
        flat = call(setitem, (self._flattened(root), places, call(np.reshape, (new, (-1,)), {})), {})
        if self.dtype != root.dtype:
            flat = call(retyped, (flat, root.dtype), {})
        return call(np.reshape, (flat, root.shape), {})

    def _flattened(self, root: View) -> Any:
        """Return the memory as one row of elements of this dtype."""
        flat = self.rec.call(np.reshape, (root, (-1,)), {})
        return flat if self.dtype == root.dtype else self.rec.call(retyped, (flat, self.dtype), {})


def first_address(array: Array) -> int:
    """Return the address of an array's first element."""
    address: int = array.__array_interface__["data"][0]
    return address


def addresses(array: Array, first: int = 0) -> Array:
    """Return the addresses of an array's elements, in order, if that of the first is `first`."""
    steps = [np.arange(n) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    found: Array = functools.reduce(np.add.outer, steps, np.array(first))
    return found.reshape(-1)
