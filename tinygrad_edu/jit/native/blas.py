"""The matrix products of the BLAS library that NumPy itself uses, as addresses for C.

NumPy's wheels carry OpenBLAS, whose `cblas_dgemm` is called `scipy_cblas_dgemm64_`, and load it with NumPy. A dynamic
library's handle finds the symbols of the libraries that it needs. Only names with 64-bit integers are taken, as those
tell what the integers are. What is found must compute a small product before it is trusted; where nothing is found
(other builds of NumPy), large products stay NumPy calls.
"""

import ctypes
import functools
from importlib import import_module
from typing import Any

import numpy as np

NAMES = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_", "cblas_{}gemm_64")


@functools.cache
def addresses() -> tuple[int, int] | None:
    """Return the addresses of the products of doubles and of floats, or None."""
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for name in NAMES:
        try:
            found = [getattr(library, name.format(letter)) for letter in "ds"]
        except AttributeError:
            continue
        if all(_multiplies(f, t) for f, t in zip(found, (ctypes.c_double, ctypes.c_float), strict=True)):
            double, single = [ctypes.cast(f, ctypes.c_void_p).value for f in found]
            return (double, single) if double and single else None
    return None


def _multiplies(function: Any, real: Any) -> bool:
    """Whether a function is cblas_gemm: it multiplies a 2 x 3 by the transpose of a 4 x 3 matrix."""
    dtype = np.dtype(real)
    a, b = np.arange(6, dtype=dtype).reshape(2, 3), np.arange(12, dtype=dtype).reshape(4, 3) - 5
    c = np.full((2, 4), 7, dtype)
    long, order = ctypes.c_int64, ctypes.c_int
    function.restype = None
    function(
        order(101), order(111), order(112), long(2), long(4), long(3), real(1), ctypes.c_void_p(a.ctypes.data), long(3),
        ctypes.c_void_p(b.ctypes.data), long(3), real(0), ctypes.c_void_p(c.ctypes.data), long(4),
    )  # fmt: skip
    return bool((c == a @ b.T).all())
