"""The products of matrices and vectors of the BLAS library that NumPy itself uses, as addresses for C.

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

NAMES = ("scipy_cblas_{}64_", "cblas_{}64_", "cblas_{}_64")
FUNCTIONS = ("dgemm", "sgemm", "dgemv", "sgemv")  # products of two matrices, and of a matrix with a vector
ROWS, PLAIN, TRANSPOSED = 101, 111, 112  # CBLAS's numbers: matrices in rows, as they are, transposed


@functools.cache
def addresses() -> tuple[int, ...] | None:
    """Return the addresses of FUNCTIONS, or None."""
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for name in NAMES:
        try:
            found = [getattr(library, name.format(function)) for function in FUNCTIONS]
        except AttributeError:
            continue
        if all(_multiplies(f, "mv" in which, which[0]) for f, which in zip(found, FUNCTIONS, strict=True)):
            return tuple([ctypes.cast(f, ctypes.c_void_p).value or 0 for f in found])
    return None


def _multiplies(function: Any, by_vector: bool, letter: str) -> bool:
    """Whether a function is cblas_gemm or _gemv: it multiplies a 2 x 3 by the transpose of a 4 x 3 or 1 x 3 matrix."""
    real: Any = ctypes.c_double if letter == "d" else ctypes.c_float
    dtype, n = np.dtype(real), 1 if by_vector else 4
    a, b = np.arange(6, dtype=dtype).reshape(2, 3), np.arange(3 * n, dtype=dtype).reshape(n, 3) - 5
    c = np.full((2, n), 7, dtype)
    long, order, (x, y, z) = ctypes.c_int64, ctypes.c_int, [ctypes.c_void_p(m.ctypes.data) for m in (a, b, c)]
    function.restype = None
    if by_vector:
        function(order(ROWS), order(PLAIN), long(2), long(3), real(1), x, long(3), y, long(1), real(0), z, long(1))
    else:
        lengths = long(2), long(n), long(3)
        ends = y, long(3), real(0), z, long(n)
        function(order(ROWS), order(PLAIN), order(TRANSPOSED), *lengths, real(1), x, long(3), *ends)
    return bool((c == a @ b.T).all())
