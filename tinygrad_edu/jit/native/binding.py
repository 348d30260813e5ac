"""How a stretch meets Python: its two tuples of objects, its memory, and the line of the plan that calls it.

A call takes a twentieth of a microsecond, however many arrays the tuples hold, because the compiled function is a
built-in method to Python. A call by ctypes takes about five times as long with one argument, and longer with more. C
finds an array's memory at a fixed place in the ndarray; `layout` checks this when the first stretch is compiled.
"""

import ctypes
import functools
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

HEADER = object.__basicsize__  # bytes of a Python object before its own data
TUPLE = tuple.__basicsize__  # before its members


class ArrayFields(ctypes.Structure):
    """NumPy's PyArrayObject, after the header of every Python object: places follow from the sizes of pointers."""

    _fields_ = (("data", ctypes.c_void_p), ("nd", ctypes.c_int), ("shape", ctypes.c_void_p),
                ("strides", ctypes.c_void_p), ("base", ctypes.c_void_p), ("descr", ctypes.c_void_p),
                ("flags", ctypes.c_int))  # fmt: skip


@functools.cache
def layout() -> dict[str, int]:
    """Return where C finds things in objects; raises RuntimeError for a Python that keeps them elsewhere."""
    arrays = [np.arange(6.0), np.ones((2, 3)).T, np.zeros(9, np.uint8)[1:].view(np.float64)]
    number, holder = 0.1, (object(), arrays[0], 0.1)
    member = id(holder) + TUPLE + ctypes.sizeof(ctypes.c_void_p)
    sound = ctypes.c_double.from_address(id(number) + HEADER).value == number
    sound &= ctypes.c_void_p.from_address(member).value == id(arrays[0])
    for a in arrays:
        expected = a.flags.c_contiguous | a.flags.aligned << 8 | a.flags.writeable << 10
        found = ArrayFields.from_address(id(a) + HEADER)
        sound &= found.data == a.__array_interface__["data"][0] and found.flags & 0x501 == expected
        sound &= found.nd == a.ndim and found.descr == id(a.dtype)
        for place, known in ((found.shape, a.shape), (found.strides, a.strides)):
            sound = sound and tuple((ctypes.c_ssize_t * a.ndim).from_address(place)) == known
    if not sound:
        raise RuntimeError('backend="c" does not know this Python: its arrays are not laid out as CPython\'s')
    places = {name: HEADER + getattr(ArrayFields, name).offset for name, _ in ArrayFields._fields_}
    return {"tuple": TUPLE, "object": HEADER, **places}


def compared(fixed: list[Any], others: set[int]) -> list[str]:
    """Return C conditions that hold once an array whose id is in `others` has another shape, order or flag than now.

    They compare it with a view that is made now and added to `fixed`: `p.data.shape = ...` and
    `p.data.flags.writeable = False` leave the array the same object, so a guard of identity does not see them.
    """
    arrays = [(k, a) for k, a in enumerate(fixed) if id(a) in others]
    first = len(fixed)
    fixed += [a.view() for _, a in arrays]
    return [f"!tg_same(ITEM(fixed, {k}), ITEM(fixed, {j}))" for j, (k, _) in enumerate(arrays, first)]


def plain(given: tuple[Any, ...], places: Collection[int]) -> tuple[Any, ...]:
    """Return the objects of a call, the arrays at some places in C's order and aligned, as a stretch reads them."""
    return tuple([np.require(a, None, ["C", "A"]) if k in places else a for k, a in enumerate(given)])


class Method(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


ONE_ARGUMENT = 8  # CPython's METH_O


def bound(library: ctypes.CDLL, fixed: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], int]:
    """Return the stretch of a library as a function of the objects of one call: a built-in method of `fixed`."""
    api = ctypes.pythonapi
    library.set_python.argtypes = [ctypes.c_void_p] * 3
    library.set_python(*map(_address, (api.PyLong_FromLong, api.PyEval_SaveThread, api.PyEval_RestoreThread)))
    method = Method(b"step", _address(library.method), ONE_ARGUMENT, None)
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    made = new(("PyCFunction_NewEx", api))(ctypes.addressof(method), (*fixed, method, library), None)
    return made  # type: ignore[no-any-return]


def _address(function: Any) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value
