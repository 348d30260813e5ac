"""Views: arrays of a recording that share their memory with others, as NumPy decides when the function runs.

The array that owns the memory holds the value. A write into a view gives it a new one, and each array on the way to it;
a view that is read after a write is computed again.
"""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np

from ..engine.rules.indexing import setitem
from ..engine.rules.registry import Array, Function, name
from .functional import astype, changed, laid_out_as, retyped
from .ir import Input, State, Var, substituted

DEEP = 100  # views of views


def fact(attribute: str) -> Any:
    """Return the property for an attribute of the array that is the same at every call."""
    read = operator.attrgetter(attribute)

    def get(self: View) -> Any:
        try:
            return read(self._array)
        except AttributeError:  # a Python number
            return read(np.asarray(self._array))

    def get_order(self: View) -> Any:
        self.rec.order_matters = True
        return get(self)

    def refuse(self: View, value: object) -> NoReturn:
        raise self.rec.error(f".{attribute} = ... changes an array without a NumPy function; use reshape or astype")

    return property(get_order if attribute in ("flags", "strides") else get, refuse)


class View:
    """An array that owns its memory or is a view of another; `_array` is its value, `_variable` that of the program."""

    __slots__ = (
        "_array", "_base", "_depth", "_made", "_root", "_seen", "_variable", "origin", "plain_copies", "rec",
        "reshaped", "version",
    )  # fmt: skip

    def __init__(self, rec: Any, value: Any, var: Var) -> None:
        self.rec, self._array, self._variable, self.origin = rec, value, var, var
        self._base: Any = None  # the View that a call made this one from; None if it owns its memory
        self._depth = 0  # the number of views between it and the owner of the memory
        self._made: Any = None  # this call: (function, arguments, keywords, number of the result)
        self._root: View | None = None  # the View that owns the memory; None if it is this one
        self.reshaped = False  # whether it is a view, or has one, only in this order of memory
        self.plain_copies: tuple[Any, ...] = ()  # (weak reference, whether of all): no write reaches these
        self.version = self._seen = 0  # the number of writes into the memory; of those, how many a view has noticed

    shape, ndim, size, dtype = map(fact, ("shape", "ndim", "size", "dtype"))
    strides, itemsize, nbytes, flags, device = map(fact, ("strides", "itemsize", "nbytes", "flags", "device"))

    is_float = property(lambda self: type(self._array) is float)  # a Python float
    is_found = property(lambda self: isinstance(self.origin.source, (Input, State)))  # by the function, not made in it
    is_view = property(lambda self: self._root is not None)  # of an array of the recording
    is_written = property(lambda self: self.root.version > 0)  # whether the function has written into its memory

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
        # Other arguments keep their values
        kind = type(self)
        given = substituted((args, kwargs), lambda a: a if a is base else kind(a.rec, a.value, a.variable), kind)
        self._base, self._root, self._made, self._depth = base, base.root, (fun, *given, i), base._depth + 1
        self._seen, self.reshaped = base.root.version, base.reshaped

    def follow(self, root: View) -> None:
        """Compute a view again if its memory was written into."""
        if root.version == self._seen or self.rec.is_foreign():
            return
        self.rec.order_matters |= self.reshaped
        self._refuse_deep()
        fun, args, kwargs, i = self._made
        new = self.rec.call(fun, args, kwargs)
        new = new if i is None else new[i]
        self._array, self._variable, self._seen = laid_out_as(self._array, new._array), new._variable, root.version

    def write(self, new: Any) -> None:
        """Take the value of `new`, cast to this dtype, and pass it on to the memory of a view."""
        if new.dtype != self.dtype:
            new = self.rec.call(astype, (new, self.dtype), {})
        self._refuse_deep()
        root = self.root
        if any([copy() is not None for copy, _ in root.plain_copies]):
            raise self.rec.error("an array was written into after it was made a plain one; leave out np.asarray(x)")
        self.rec.order_matters |= self.reshaped or root.reshaped
        written: list[tuple[View, Any]] = [(self, new)]
        while (view := written[-1][0]) is not root:
            written.append((view._base, view._put_back(written[-1][1])))
        root.version += 1
        for view, value in written:
            if not view.shape and not isinstance(value._array, np.ndarray):  # an array without axes, which stays one
                value = self.rec.call(np.copy, (value,), {})
            view._array, view._variable = laid_out_as(view._array, value.value), value.variable
            view._seen = root.version

    def _refuse_deep(self) -> None:
        if self._depth > DEEP:  # each write would take as many calls
            raise self.rec.error(f"a write into memory of which there are more than {DEEP} views of views; use copies")

    def _put_back(self, new: View) -> Any:
        """Return the value of the base in which this view has the value of `new`."""
        call, base, (fun, args, kwargs, _) = self.rec.call, self._base, self._made
        if fun is operator.getitem and not isinstance(base._array, np.void):
            return call(setitem, (base, args[1], new), {})
        if fun is np.transpose:
            return call(fun, (new, tuple(np.argsort(args[1]).tolist())), {})
        if fun is np.reshape:
            return call(fun, (new, base.shape), kwargs)
        if fun is retyped:  # the last axis has to be contiguous
            return call(fun, (call(np.copy, (new,), {"order": "C"}), base.dtype), {})
        if fun in (np.real, np.imag):
            return call(changed, (base, setattr, fun.__name__, new), {})
        raise self.rec.error(f"a view that {name(fun)} made was written into; write into x[...] instead")

    def within(self, memory: Array) -> Array:
        """Return the view of another array than the root."""
        if self._base is None:
            return memory
        base: Array = self._base.within(memory)

        def plain(a: View) -> Array:
            if a is not self._base:
                raise self.rec.error("which elements a view has depends on values; take a .copy() of the view")
            return base

        fun, args, kwargs, i = self._made
        args, kwargs = substituted((args, kwargs), plain, type(self))
        result = fun(*args, **kwargs)
        view: Array = result if i is None else result[i]
        return view
