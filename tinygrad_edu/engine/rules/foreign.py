"""Arrays of other libraries: tables become arrays, and other arrays are refused by name.

NumPy would make plain arrays of them in silence. Their own gradients would be lost, and so would their device.
"""

from typing import Any

import numpy as np

from .tables import from_table

LIBRARIES = {  # and how their arrays become NumPy's
    "torch": "a.detach().cpu().numpy()", "cupy": "a.get()", "cudf": "a.to_numpy()", "dask": "a.compute()",
    "tensorflow": "a.numpy()", "sparse": "a.todense()", "jax": "np.asarray(a)", "jaxlib": "np.asarray(a)",
    "mlx": "np.asarray(a)", "array_api_strict": "np.asarray(a)",
}  # fmt: skip
# What most arguments are: nothing needs to be known of these
ORDINARY = frozenset({
    np.ndarray, np.float64, np.float32, np.int64, np.bool_, float, int, bool, str, tuple, list, slice, type(None),
    type(Ellipsis), np.dtype,
})  # fmt: skip
MASKED = (
    "a masked array with a Tensor would lose its mask: choose with np.where(a.mask, ..., ...), or fill it, "
    ".filled(value)"
)
MATRIX = "an np.matrix with a Tensor: its * is the matrix product, and a Tensor's is not; write np.asarray(a)"
PROTOCOLS = ("__array_namespace__", "__cuda_array_interface__", "__dlpack__")  # of arrays that are none of NumPy's
PACKAGE = __name__.partition(".")[0]


def library(a: object) -> str:
    """Return the name of the package that defines the class of a."""
    return type(a).__module__.partition(".")[0]


def computes(a: Any) -> bool:
    """Return whether a is an array that computes in its own way, as that of a batch or a recording, but not a node."""
    kind = type(a)
    if kind in ORDINARY or issubclass(kind, np.ndarray):
        return False
    return hasattr(kind, "__array_function__") and not hasattr(a, "_value")


def is_masked(a: object) -> bool:
    """Return whether a is a masked array; only of a subclass of ndarray, as numpy.ma takes 10 ms to import."""
    kind = type(a)
    return issubclass(kind, np.ndarray) and kind is not np.ndarray and issubclass(kind, np.ma.MaskedArray)


def array_from(a: Any) -> Any:
    """Return a table or a column as an array, and anything else as it is; refuse those that compute otherwise."""
    kind = type(a)
    if kind in ORDINARY or hasattr(kind, "_as_base"):
        return a
    if is_masked(a) or issubclass(kind, np.matrix):
        raise TypeError(MASKED if is_masked(a) else MATRIX)
    if issubclass(kind, (np.ndarray, np.generic, int, float)):
        return a
    package = library(a)
    if package in LIBRARIES or any(hasattr(kind, protocol) for protocol in PROTOCOLS):
        raise TypeError(
            f"a {package}.{kind.__name__} with a Tensor: it is not an array of NumPy, and would lose its own gradients "
            f"and device; convert it first, a = {LIBRARIES.get(package, 'np.asarray(a)')}"
        )
    array = from_table(a)
    if array is not a:
        return _numbers(package, a) if array.dtype == object else array
    if package == "scipy" and hasattr(a, "toarray"):
        raise TypeError(f"a sparse {kind.__name__} with a Tensor: its rules are those of arrays; write a.toarray()")
    return a


def _numbers(package: str, a: Any) -> Any:
    """Return a table whose dtypes are none of NumPy's as an array of floats: missing numbers become NaN."""
    try:
        return np.asarray(a, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a {package}.{type(a).__name__} with a Tensor: not all of its values are numbers ({error}); take the "
            "columns of numbers, and encode the others"
        ) from error
