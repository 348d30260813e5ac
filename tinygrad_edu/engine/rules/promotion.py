"""Arguments of several dtypes, where a rule computes with one of them alone: log(a), n - 1, or 1 / a.

Then that argument needs the precision of the result, which NumPy's promotion gives to products of all of them alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Array
from .shaping import astype


def promoted(args: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
    """Return the arguments, whose data are `values`, with all floats in the widest precision; Python's stay."""
    dtypes = {v.dtype for v in values if has_dtype(v)}
    if len(dtypes) < 2:
        return args
    wide = np.result_type(*dtypes)
    if wide.kind not in "fc":
        return args
    precision = np.finfo(wide).dtype

    def widest(a: Any, v: Any) -> Any:
        if not has_dtype(v) or v.dtype.kind not in "fc":
            return a
        target = np.result_type(v.dtype, precision)  # a complex number stays complex
        return a if target == v.dtype else astype(a, target)

    both = [widest(a, v) for a, v in zip(args, values, strict=True)]
    return args if all([a is b for a, b in zip(args, both, strict=True)]) else both


def same_precision(*arrays: Array) -> Sequence[Array]:
    """Return arrays or Tensors of floats in the widest precision of all."""
    return promoted(arrays, arrays)


def floats(*args: Any) -> Sequence[Any]:
    """Return arrays and Tensors of real numbers in one dtype, which is not an integer; Python's numbers stay."""
    dtypes = {a.dtype for a in args if has_dtype(a)}
    if not dtypes or (len(dtypes) == 1 and next(iter(dtypes)).kind == "f"):
        return args
    wide = np.result_type(*dtypes)
    wide = wide if wide.kind in "fc" else np.dtype(np.float64)
    return [astype(a, wide) if has_dtype(a) and a.dtype != wide else a for a in args]


def has_dtype(a: Any) -> bool:
    """Return whether a is an array or a Tensor, and no Python number, also none that jit records."""
    if type(a) is np.ndarray:  # the usual case
        return True
    return hasattr(a, "dtype") and (isinstance(a, np.generic) or not isinstance(a, (int, float)))


def wide_integers(a: Any) -> Any:
    """Return booleans, and integers of up to 16 bits or without a sign, in a wider type, and anything else as it is."""
    dtype = getattr(a, "dtype", None)
    if dtype is None or dtype.kind not in "iub":
        return a
    wide = np.result_type(dtype, np.int32)
    return a if wide == dtype else a.astype(wide)
