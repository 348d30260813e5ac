"""Errors of calls: keywords that no rule knows, and NumPy's own message with what met in the call and the remedy.

A node is known by what it holds: `_value`, its data, and `label`.
"""

import operator
import os
from typing import Any

import numpy as np

from .rules import keywords, name
from .rules.indexing import setitem

Line = tuple[str, int]
# The files whose lines are not the user's own
INTERNAL = (os.path.dirname(os.path.dirname(__file__)), os.path.dirname(np.__file__), "<frozen", "<__array_function__")


def checked(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords, if the rules of `fun` know them all, and nothing is to be written into."""
    known = keywords(fun)
    out = kwargs.get("out")
    if "out" in known[: len(args)]:
        out = args[known.index("out")]
    if out is not None:
        raise TypeError(
            f"{name(fun)}(..., out=...): a plain array cannot hold a Tensor's result; write y = ... instead "
            "(and a = a + t instead of a += t)"
        )
    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    for k in kwargs:
        if k not in known and "**" not in known:
            raise TypeError(f"{name(fun)}(..., {k}=...): its rule does not know this keyword{_INSTEAD.get(k, '')}")
    return kwargs


def explained(error: Exception, fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """NumPy's error again, with the function, and the shapes and labels of what met in it."""
    kinds = (np.linalg.LinAlgError, ValueError, IndexError, TypeError)
    kind = next(k for k in kinds if isinstance(error, k))
    call = f"{named(fun)}({', '.join([*map(shown, args), *(f'{k}={shown(v)}' for k, v in kwargs.items())])})"
    if fun is operator.getitem:
        call = f"{shown(args[0])} [{shown(args[1])}]"
    elif fun is setitem:
        call = f"{shown(args[0])} [{shown(args[1])}] = {shown(args[2])}"
    message = str(error).strip()
    remedy = next((f"; {remedy}" for words, remedy in _REMEDIES.items() if words in message), "")
    return kind(f"{call}: {message}{remedy}")


def origin(error: Exception) -> Exception | None:
    """NumPy's error that `error` explains, or None if it is no such explanation."""
    cause = error.__cause__
    known = isinstance(cause, (ValueError, IndexError, TypeError)) and str(cause).strip() in str(error)
    return cause if known else None  # type: ignore[return-value]


def freed(y: Any) -> ValueError:
    """Return the error for a backward pass that arrives at a node whose graph was freed by an earlier one."""
    return ValueError(
        f"backward: the graph behind {y._describe()}, a result of {name(y.fun)}, was freed by "
        "backward(retain_graph=False); leave that argument out where a graph is used twice"
    )


def named(fun: Any) -> str:
    """The name that the user called: what stands in the table for np.concatenate is a function of its own."""
    own = name(fun)
    return f"np.{own}" if hasattr(np, own) else own


def shown(a: Any) -> str:
    """An argument as errors show it: a node or an array by its label and shape, also among others in a list."""
    if isinstance(a, (list, tuple)) and not all(isinstance(v, (int, float, slice)) for v in a):
        parts = ", ".join([*map(shown, a[:MOST]), *["..."] * (len(a) > MOST)])
        return f"[{parts}]" if isinstance(a, list) else f"({parts})"
    node = hasattr(a, "_value")
    if not node and not (hasattr(a, "shape") and hasattr(a, "__array_function__")):
        return f"{a!r:.60}"
    what = getattr(a, "label", None) or (type(a).__name__ if node else "array")
    return f"{what} of shape {np.shape(a._value if node else a)}"


MOST = 6  # members of a list that are shown


def users_line(frame: Any, top: Any = None) -> Line | None:
    """Return the user's line that led to `frame`: the first outside this package and NumPy, up to code `top`."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(INTERNAL):
            return frame.f_code.co_filename, frame.f_lineno
        frame = None if frame.f_code is top else frame.f_back
    return None


def written(line: Line) -> str:
    """A line as a reader knows it: the files in which notebooks keep their cells have names that mean nothing."""
    return f"{'cell' if 'ipykernel_' in line[0] else line[0]}:{line[1]}"


_INSTEAD = {
    "dtype": "; convert with .astype(...)",
    "where": "; choose with np.where(...)",
}

_INDICES = "i.astype(int) makes indices of a Tensor's numbers, and i > 0 a mask"
_AXES = "axes are matched from the last one back and must be equal or 1 (x[:, None] adds one)"
_PRODUCT = "a @ b needs as many columns in a as b has rows; .T turns a matrix round"
_REMEDIES = {  # by NumPy's words, of which the first that are there count
    "than subscripts given": "there is one letter for each axis of an operand, and ... for any others",
    "requested shape": _AXES,
    "remapped shapes": "a letter stands for one length in all operands, or 1",
    "broadcast": _AXES,
    "matmul": _PRODUCT,
    "not aligned": _PRODUCT,
    "arrays used as indices": _INDICES,
    "are valid indices": _INDICES,
    "same number of dimensions": "x[None] and x[:, None] have an axis more",
    "for the concatenation axis": "only the lengths along axis= may differ",
    "cannot reshape": "the numbers of elements must agree; -1 stands for the one length that follows from the others",
    "must be square": "only a matrix of as many rows as columns has this",
}
