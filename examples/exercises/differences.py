"""How a result differs from the right one, in words for a beginner."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def difference(result: Any, right: Any) -> str:
    """Return how a result that is none of the expected mistakes differs from the right one."""
    if result is None:
        return "The result is None. Is there a return?"
    a, b = numbers(result), numbers(right)
    if a is None or b is None:
        return f"The result is {result!r}, but {right} is right."
    if a.ndim == 2 and equal(a.T, b):
        return "The result is transposed: rows and columns are exchanged."
    if a.shape and not b.shape:
        return f"This is an array of shape {a.shape}, but one number is right: is a sum or a mean missing?"
    if a.shape != b.shape:
        return f"The shape is {a.shape}, but {b.shape} is right."
    if a.dtype != bool and equal(-a, b):
        return "The sign is wrong: a minus is missing, or there is one too many."
    text = f"The result is {shown(a)}, but {shown(b)} is right."
    if equal(a * a, b):
        return f"{text} It is the root of what is right."
    if equal(a, b * b):
        return f"{text} It is the square of what is right."
    ratio = ratio_of(a, b)
    if ratio:
        return f"{text} It is {ratio:.6g} times what is right: is a factor missing, or is it a sum instead of a mean?"
    return text


def ratio_of(a: NDArray[Any], b: NDArray[Any]) -> float | None:
    """Return c if a is c times b, else None. One number alone tells little, so then c or 1 / c must be whole."""
    if a.dtype.kind == "c" or b.dtype.kind == "c":
        return None
    if not (a.any() and b.any() and np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    c = float(np.vdot(a, b) / np.vdot(b, b))
    whole = c and any(1.5 < r <= 1000 and equal(r, round(r)) for r in (c, 1 / c))
    return c if equal(a, c * b) and (a.size > 1 or whole) else None


def numbers(result: Any) -> NDArray[Any] | None:
    """Return a result as an array of numbers or booleans, or None if it is something else."""
    try:
        array = np.asarray(result.numpy() if hasattr(result, "numpy") else result)
    except (TypeError, ValueError):
        return None
    kept = array.dtype == bool or array.dtype.kind == "c"
    return array if kept else array.astype(float) if array.dtype.kind in "iuf" else None


def shown(array: NDArray[Any]) -> str:
    """Return an array as text on one line, its numbers with six digits."""
    return " ".join(str(array if array.dtype == bool else np.round(array, 6)).split())


def equal(result: Any, right: Any) -> bool:
    """Return whether both are the same numbers in the same shape."""
    a, b = numbers(result), numbers(right)
    return a is not None and b is not None and a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-9)
