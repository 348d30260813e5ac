"""Arrays that a Tensor can hold, and gradients in the shape of what they belong to."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .conjugation import complex_seen
from .errors import converted
from .rules.foreign import array_from
from .rules.reductions import total
from .rules.registry import Array, Function, Shape, name
from .tape import Node

ROWS = 1024  # that are added up one after another


def as_floats(data: Any, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
    """Return `data` as an array of real or complex numbers; another class of arrays with NEP 18 stays what it is."""
    if isinstance(data, Node):
        raise TypeError(f"Tensor({data._describe()}): this is a tensor already; use it, its .data, or .detach()")
    if dtype is not None and np.dtype(dtype).kind != "c" and converted("Tensor", np.iscomplexobj, data):
        raise TypeError(f"Tensor(..., dtype={dtype}): the numbers are complex; take their .real, or abs, first")
    if not issubclass(type(data), np.ndarray) and hasattr(data, "__array_function__"):
        kind = np.dtype(dtype or (np.float64 if data.dtype.kind in "iub" else data.dtype))
        if kind.kind == "c":
            complex_seen.add(kind)
        copy = copy or isinstance(data, (float, np.generic))  # a number that jit records becomes an array
        return data.astype(kind) if kind != data.dtype else np.copy(data) if copy else data
    if (array := np.asarray(data) if isinstance(data, np.matrix) else array_from(data)) is not data:
        data, copy = array, True  # what a table gives may be its own memory, or read-only
    try:
        array = np.array(data, dtype=dtype, copy=copy)
    except ValueError as error:
        first = str(error).partition(". The detected")[0]
        raise ValueError(
            f"Tensor: {str(data)[:40]!r} makes no array of numbers; use lists of equal lengths: {first}"
        ) from error
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind == "c":
        complex_seen.add(array.dtype)
    elif array.dtype.kind != "f":
        raise TypeError(
            f"Tensor: cannot hold {array.dtype} ({type(data).__name__} {str(data)[:40]!r}); it takes real or complex "
            "numbers, in arrays or lists of equal lengths"
        )
    return array


def scalar_as_array(x: Any) -> Array:
    """Return a NumPy scalar as a new array without axes."""
    return np.asarray(x) if type(x) is np.float64 else np.copy(x)  # the first takes half the time


def broadcasts(shape: Shape, other: Shape) -> bool:
    """Return whether an array of this shape broadcasts to the other shape."""
    pairs = zip(shape[::-1], other[::-1], strict=False)
    return len(shape) <= len(other) and all(n in (1, m) for n, m in pairs)


def unbroadcast(g: Array, shape: Shape, fun: Function) -> Array:
    """Return the sum of g over the axes that broadcasting added to `shape` or stretched."""
    extra = g.ndim - len(shape)
    if extra < 0 or any([n != m and n != 1 for n, m in zip(shape, g.shape[extra:], strict=True)]):
        raise ValueError(f"a rule of {name(fun)} gave a gradient of shape {g.shape} for an argument of shape {shape}")
    large = g.size >= 4096 and g.dtype.char in "fd" and math.prod(shape) > 1  # np.sum adds up all elements in pairs
    if large and 1 not in shape and (rows := math.prod(g.shape[:extra])) >= 4:
        summed = row_total(g.reshape(rows, math.prod(shape)))  # as of a bias
    elif large and shape[:1] == (1,):
        summed = unbroadcast(g, shape[1:], fun)
    else:
        summed = total(g, (*range(extra), *[i + extra for i, n in enumerate(shape) if n == 1]))
    return summed.reshape(shape)


def row_total(g: Array) -> Array:
    """Return the sum of the rows as a product with ones: BLAS is faster than np.sum, and as exact for a few rows."""
    while len(g) > ROWS:  # one after another, millions of float32 lose three digits
        whole = len(g) - len(g) % ROWS
        blocks = np.ones(ROWS, g.dtype) @ g[:whole].reshape(-1, ROWS, g.shape[1])
        g = np.concatenate([blocks, g[whole:]])
    return np.ones(len(g), g.dtype) @ g
