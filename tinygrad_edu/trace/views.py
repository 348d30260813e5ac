"""Views: arrays of a recording that share their memory with others, as NumPy decides when the function runs.

The array that owns the memory holds the value. A write into a view gives it a new one; a view that is read after a
write is computed again. Either costs a few calls, however long the chain of views.
"""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Array, Function, name
from .functional import NUMBERS, astype, changed, laid_out_as
from .ir import Var, substituted


def fact(attribute: str) -> Any:
    """Return the property for an attribute of the array that is the same at every call."""
    matters = attribute in ("flags", "strides")

    def get(self: View) -> Any:
        if matters:
            self.rec.order_matters = True
        array = self._array
        return getattr(np.asarray(array) if type(array) in NUMBERS else array, attribute)

    def refuse(self: View, value: object) -> NoReturn:
        raise self.rec.error(f".{attribute} = ... changes an array without a NumPy function; use reshape or astype")

    return property(get, refuse)


class View:
    """An array that owns its memory or is a view of another; `_array` is its value, `_variable` that of the program."""

    __slots__ = (
        "_array", "_base", "_made", "_places", "_root", "_seen", "_variable", "origin", "rec", "reshaped", "version",
    )  # fmt: skip

    def __init__(self, rec: Any, value: Any, var: Var) -> None:
        self.rec, self._array, self._variable, self.origin = rec, value, var, var
        self._root: View | None = None  # the View that owns the memory; None if it is this one
        self._base: Any = None  # the View that the call in `_made` gave a view of
        self._made: Any = None  # (function, args, kwargs, index of the result or None) of the call that made the view
        self._places: Any = None  # the positions of its elements in the flattened memory, once they are needed
        self.reshaped = False  # whether a reshape gave a copy, because of its order in memory
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
        self.follow()
        return self._array

    @property
    def variable(self) -> Var:
        """The Var of the program that holds its value."""
        self.follow()
        return self._variable

    @property
    def root(self) -> View:
        """The View that owns the memory."""
        return self if self._root is None else self._root

    def share(self, base: View, fun: Function, args: tuple[Any, ...], kwargs: Any, i: int | None) -> View:
        """Become a view of `base`: fun(*args, **kwargs), or its i-th result, gave it."""

        def now(a: View) -> View:  # other arguments keep their values
            return a if a is base else type(self)(self.rec, a.value, a.variable)

        self._base, self._root = base, base.root
        self._made = fun, *(substituted(given, now, type(self)) for given in (args, kwargs)), i
        self._seen = self._root.version
        return self

    def follow(self) -> None:
        """Compute a view again if its memory was written into."""
        root: Any = self._root
        if root is None or root.version == self._seen or self.rec.is_foreign():
            return
        fun, args, kwargs, i = self._made
        self.rec.order_matters |= fun is np.reshape  # in another order it would have given a copy
        if self._base is root:
            new = self.rec.call(fun, args, kwargs)
            new = new if i is None else new[i]
        else:
            flat = self.rec.call(np.reshape, (root, (-1,)), {})
            new = self.rec.call(np.reshape, (flat[self.places()], self.shape), {})
        self._array, self._variable, self._seen = laid_out_as(self._array, new._array), new._variable, root.version

    def places(self) -> slice | Array:
        """Return the index of a view's elements in its flattened memory."""
        views, view = [], self
        while view._places is None and view._base is not None:
            views.append(view)
            view = view._base
        if view._places is None:
            view._places = np.arange(view.size).reshape(view.shape)
        for view in reversed(views):
            fun, args, kwargs, i = view._made
            self.rec.order_matters |= fun is np.reshape
            traced: list[Any] = []
            substituted((args, kwargs), traced.append, type(self))
            if len(traced) > 1 or view.dtype != view._base.dtype:
                gave = f"{name(fun)} gave a view, and the view or its argument was written into"
                raise self.rec.error(f"{gave}; take a .copy() of the view first")
            args, kwargs = substituted((args, kwargs), lambda a: a._places, type(self))
            made = fun(*args, **kwargs)
            view._places = made if i is None else made[i]
        flat: Array = self._places.reshape(-1)
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
        self.rec.order_matters |= self.reshaped or root.reshaped
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
        fun, args, kwargs, i = self._made
        self.rec.order_matters |= fun is np.reshape
        call = self.rec.call
        if self._base is root and i is None and not kwargs:
            if fun is operator.getitem:
                return call(setitem, (root, args[1], new), {})
            if fun is np.transpose:
                return call(fun, (new, tuple(np.argsort(args[1]).tolist())), {})
            if fun is np.reshape:
                return call(fun, (new, root.shape), {})
            if fun in (np.real, np.imag) and root.dtype.kind == "c":
                return call(changed, (root, setattr, fun.__name__, new), {})
        flat, values = (call(np.reshape, (a, (-1,)), {}) for a in (root, new))
        return call(np.reshape, (call(setitem, (flat, self.places(), values), {}), root.shape), {})
