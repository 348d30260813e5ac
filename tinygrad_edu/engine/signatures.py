"""Signatures of NumPy's functions, also of those written in C, which `inspect` knows only from NumPy 2.4 on."""

import functools
import inspect
from typing import Any

import numpy as np

from .rules.registry import Function

IN_C: dict[Function, Function] = {  # a function, and one in Python with its parameters and defaults
    np.bincount: lambda x, /, weights=None, minlength=0: None,
    np.can_cast: lambda from_, to, casting="safe": None,
    np.concatenate: lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    np.copyto: lambda dst, src, casting="same_kind", where=True: None,
    np.dot: lambda a, b, out=None: None,
    np.empty_like: lambda prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None: None,
    np.inner: lambda a, b, /: None,
    np.lexsort: lambda keys, axis=-1: None,
    np.may_share_memory: lambda a, b, /, max_work=0: None,
    np.min_scalar_type: lambda a, /: None,
    np.packbits: lambda a, /, axis=None, bitorder="big": None,
    np.putmask: lambda a, /, mask, values: None,
    np.ravel_multi_index: lambda multi_index, dims, mode="raise", order="C": None,
    np.result_type: lambda *arrays_and_dtypes: None,
    np.shares_memory: lambda a, b, /, max_work=-1: None,
    np.unpackbits: lambda a, /, axis=None, count=None, bitorder="big": None,
    np.unravel_index: lambda indices, shape, order="C": None,
    np.vdot: lambda a, b, /: None,
    np.where: lambda condition, x=None, y=None, /: None,
}
HIDDEN: dict[Function, Function] = {  # a function whose own signature names some keywords as **kwargs alone
    np.einsum: lambda *operands, out=None, optimize=False, dtype=None, order="K", casting="safe": None,
}


def signature(fun: Function) -> inspect.Signature:
    """Return the signature of a function; raise ValueError for another one in C, as `inspect.signature` does."""
    return inspect.signature(IN_C.get(fun) or HIDDEN.get(fun, fun))


@functools.cache
def _place_of_out(fun: Function) -> int | None:
    """Return the position of the argument `out`; None for a function without one, or in C without a signature."""
    try:
        parameters = signature(fun).parameters.values()
        return [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD].index("out")
    except ValueError:
        return None


def output(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the array that a call names to write into, by `out=` or by position, or None."""
    place = _place_of_out(fun)
    return kwargs.get("out") if place is None or place >= len(args) else args[place]
