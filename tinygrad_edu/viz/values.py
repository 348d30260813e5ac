"""Numbers and arrays as short text."""

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array
from ..engine.tape import Node

Number = float | np.generic | Array  # the value or gradient of a Value, or of a Tensor

SMALL = 6  # elements of an array that are written out
FEW = 7  # characters of a number that is not rounded, beside its sign


def check_numbers_known(where: str, x: Any) -> None:
    """Raise TypeError within vmap and jit, where arrays of a class of their own stand in for ndarrays and floats."""
    data, plain = x._value if isinstance(x, Node) else x, (np.ndarray, np.generic, float)
    if isinstance(data, plain) and not issubclass(type(data), plain):  # its __class__ is that of what it stands in for
        remedy = f"{where} what the function computes without them"
        raise TypeError(f"{where}: within vmap and jit, an array has no numbers of its own to show; {remedy}")


def format_number(x: complex | np.inexact[Any]) -> str:
    """Return a number with four significant digits, or with all of its digits if they are few: 1.0001, 12345."""
    x = x + 0.0  # which turns -0 into 0
    exact = f"{x:.7g}"
    return exact if len(exact.lstrip("-")) <= FEW and "e" not in exact and complex(exact) == x else f"{x:.4g}"


def format_value(x: ArrayLike) -> str:
    """Return the elements of a small array, or the shape of a large one."""
    x = np.asarray(x)
    if not 0 < x.size <= SMALL:
        return f"array {x.shape}"
    text = np.array2string(
        x, separator=", ", formatter={"float_kind": format_number, "complex_kind": format_number, "bool": str}
    )
    return " ".join(text.split()).replace("[ ", "[")  # NumPy aligns columns


def brief(x: ArrayLike | None) -> str:
    """Return the elements of a small array, the shape and norm of a large one, or "Jacobian" for None."""
    if x is None:
        return "Jacobian"
    x = np.asarray(x)
    return format_value(x) if 0 < x.size <= SMALL else f"{x.shape} norm {format_number(np.linalg.norm(x))}"


def shortened(text: str, width: int) -> str:
    """Return text of at most `width` characters, the last of which says that something was cut off."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def format_full(x: ArrayLike, separator: str = ", ") -> str:
    """Return an array as NumPy writes it, up to a hundred elements."""
    return np.array2string(np.asarray(x), separator=separator, threshold=100, edgeitems=3)


def printable(text: str) -> str:
    """Return text in which characters are spelled out that XML forbids, that nobody sees, or that turn others round."""
    hidden = ("Cc", "Cf", "Cn", "Cs")
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in hidden and c not in "\n\u200d" else c for c in text)


def user_keywords(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a call without `pull`, in which a function with a rule of its own keeps that rule."""
    return {k: v for k, v in kwargs.items() if k != "pull"}
