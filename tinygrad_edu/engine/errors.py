"""Messages of errors: what NumPy's own message lacks is the function, the shapes, the labels and the remedy."""

import dis
import inspect
import operator
import os
import re
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

import numpy as np

from .habits import keyword_instead
from .rules.indexing import setitem
from .rules.registry import Function, compositions, is_complex, is_users, keywords, name, takes_complex, unordered
from .signatures import output, signature

Line = tuple[str, int]  # a file and the number of a line


def _folders(own: str, numpys: str) -> list[str]:
    """Return the folders of this package and of NumPy, given one file of each."""
    return [os.path.dirname(os.path.dirname(own)), os.path.dirname(numpys)]


# Code of a program of PyInstaller, or of a .pyc alone, names the file that it was compiled from, and its module another
INSTALLED = _folders(__file__, np.__file__)
COMPILED = _folders(keyword_instead.__code__.co_filename, np.show_config.__code__.co_filename)
NAMED = [compiled or installed for compiled, installed in zip(COMPILED, INSTALLED, strict=True)]
FOLDERS = dict.fromkeys([os.path.join(folder, "") for folder in (*NAMED, *INSTALLED)])
# Files whose paths begin like these hold no code of the user: this package, NumPy, and code without a file
INTERNAL = (*FOLDERS, "<frozen", "<__array_function__")
MAX_MEMBERS = 6  # members of a list that a message shows
IN_C = (type(len), type(np.mean))  # the classes of functions in C, whose names say nothing to a user


def checked_keywords(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords without `out`; raise TypeError for an array to write into, or a keyword without a rule."""
    known = keywords(fun)
    if output(fun, args, kwargs) is not None:
        raise TypeError(
            f"{name(fun)}(..., out=...): a plain array cannot hold a Tensor's result; write y = ... instead "
            "(and a = a + t instead of a += t)"
        )
    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    for k, v in [*kwargs.items()]:
        if k not in known and "**" not in known:
            if is_default(fun, k, v):
                del kwargs[k]
                continue
            raise TypeError(
                f"{name(fun)}(..., {k}=...): its rule does not know this keyword{_INSTEAD.get(k) or keyword_instead(k)}"
            )
    return kwargs


def surplus(fun: Function, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return by name the positional arguments that a function of NumPy takes, and its composition does not."""
    code = inspect.unwrap(compositions[fun]).__code__
    n = len(args) if code.co_flags & inspect.CO_VARARGS else code.co_argcount
    return dict(zip([*signature(fun).parameters][n : len(args)], args[n:], strict=False)) if n < len(args) else {}


def is_default(fun: Function, k: str, v: Any) -> bool:
    """Return whether a keyword says what NumPy does without it, as one NumPy function hands it on to another."""
    try:
        default = signature(fun).parameters[k].default
    except (TypeError, ValueError, KeyError):
        return False
    return default is v or (isinstance(v, (str, bool, int)) and type(default) is type(v) and default == v)


def explained(error: Exception, fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """Return NumPy's error with the call, the shapes and labels of its arguments, and the remedy."""
    if isinstance(error, TypeError) and any(map(is_complex, args)) and (refused := complex_refused(fun)):
        return refused
    kinds = (np.linalg.LinAlgError, ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError)
    kind = next(k for k in kinds if isinstance(error, k))
    call = f"{user_name(fun)}({', '.join([*map(describe, args), *(f'{k}={describe(v)}' for k, v in kwargs.items())])})"
    if fun is operator.getitem:
        call = f"{describe(args[0])} [{describe(args[1])}]"
    elif fun is setitem:
        call = f"{describe(args[0])} [{describe(args[1])}] = {describe(args[2])}"
    message = str(error).strip()
    remedy = next((f"; {remedy}" for words, remedy in _REMEDIES.items() if words in message), "")
    if found := re.search(r"unexpected keyword argument '(\w+)'", message):
        remedy = keyword_instead(found[1])
    return kind(f"{call}: {message}{remedy}")


def numpys_error(error: Exception) -> Exception | None:
    """Return the error of NumPy that `explained` wrapped, this one if a function of NumPy raised it, or else None."""
    cause, place = error.__cause__, error.__traceback__
    while place is not None and place.tb_next:
        place = place.tb_next
    if place is not None and place.tb_frame.f_code.co_filename.startswith(INTERNAL[1]):
        return None if str(error).startswith("np.") else error
    known = isinstance(cause, (ValueError, IndexError, TypeError)) and str(cause).strip() in str(error)
    return cause if known else None  # type: ignore[return-value]


class NoRuleError(TypeError, NotImplementedError):
    """Raised for a function without a rule: it takes Tensors only once it has one."""


def complex_refused(fun: Function) -> NoRuleError | None:
    """Return the error for a function of the table whose rules do not hold for complex numbers; None for others."""
    if (is_users(fun) and not isinstance(fun, np.ufunc)) or fun in takes_complex:
        return None
    why = (
        "complex numbers have no order; compare absolute values, np.abs(z), or parts, z.real and z.imag"
        if fun in unordered
        else "it is defined here for real numbers alone; pass parts, z.real and z.imag, or np.abs(z)"
    )
    return NoRuleError(f"{name(fun)} does not take complex Tensors: {why}")


def check_complex(fun: Function) -> None:
    """Raise NoRuleError if complex_refused(fun) is an error."""
    if refused := complex_refused(fun):
        raise refused


class AssignmentError(ValueError, TypeError):
    """Raised for an assignment that would not be recorded: NumPy and Python raise these two for what is read-only."""


class FreedError(ValueError):
    """Raised by a backward pass that needs a graph which was freed."""


def freed(y: Any) -> FreedError:
    """Return the error for a backward pass that arrives at a node whose graph was freed by an earlier one."""
    return FreedError(
        f"backward: the graph behind {y._describe()}, a result of {name(y.fun)}, was freed by "
        "backward(retain_graph=False); leave that argument out where a graph is used twice"
    )


def user_name(fun: Function) -> str:
    """Return the name that the user called: the table's own function for np.concatenate is `np.concatenate` too."""
    known = name(fun)
    if is_users(fun):
        return known
    return f"np.{known}" if hasattr(np, known) else f"np.linalg.{known}" if known in np.linalg.__all__ else known


def describe(a: Any) -> str:
    """Return a node or an array by its label and shape, a list by its members, and anything else by its repr."""
    if isinstance(a, (list, tuple)) and not all(isinstance(v, (int, float, slice)) for v in a):
        parts = ", ".join([*map(describe, a[:MAX_MEMBERS]), *["..."] * (len(a) > MAX_MEMBERS)])
        return f"[{parts}]" if isinstance(a, list) else f"({parts})"
    is_node = hasattr(a, "_value")
    if not is_node and not (hasattr(a, "shape") and hasattr(a, "__array_function__")):
        return f"{a!r:.60}"
    label = getattr(a, "label", None) or (type(a).__name__ if is_node else "array")
    if is_node and type(a._value) is float:
        return f"{label} = {a._value!r}"
    return f"{label} of shape {np.shape(a._value if is_node else a)}"


def kind_of(x: object) -> str:
    """Return the class of x with its article: "an ndarray", "a list"; of None, "None"."""
    noun = "function" if isinstance(x, IN_C) else type(x).__name__
    vowels = "AEFHILMNORSX" if noun[:2].isupper() else "aeioAEIO"  # of LSTM and MLP the letters are read
    return "None" if x is None else f"{'an' if noun[0] in vowels or noun == 'ndarray' else 'a'} {noun}"


def converted(where: str, convert: Callable[[Any], Any], values: Any) -> Any:
    """Return convert(values), an array; raises ValueError that says so for rows of unequal lengths."""
    try:
        return convert(values)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{where}: rows of unequal lengths make no array; pad them to one length") from None


def calling_library(frame: FrameType | None) -> str:
    """Return the package whose code called this package, NumPy or `copy`: "matplotlib", "scipy", "__main__", ..."""
    while frame is not None and (frame.f_code.co_filename.startswith(INTERNAL) or _module(frame) == "copy"):
        frame = frame.f_back
    return _module(frame) if frame is not None else ""


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def is_pythons(file: str) -> bool:
    """Return whether a file is of Python's library. A frozen program has the user's files beside it: names decide."""
    for known in (getattr(os, "__file__", ""), inspect.__file__, inspect.getdoc.__code__.co_filename):  # can be apart
        folder = os.path.join(os.path.dirname(known), "")
        if file.startswith(folder):
            first = re.split(r"[\\/.]", file[len(folder) :], maxsplit=1)[0]
            if first in sys.stdlib_module_names or first == "lib-dynload":
                return True
    return False


def users_line(frame: FrameType | None, top: CodeType | None = None) -> Line | None:
    """Return the innermost line of the user's code that led to a frame, looking no further than a call of `top`."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(INTERNAL):
            return frame.f_code.co_filename, frame.f_lineno
        frame = None if frame.f_code is top else frame.f_back
    return None


def users_level() -> int:
    """Return the `stacklevel` with which a warning of the function that calls this shows the user's line."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INTERNAL):
        frame, level = frame.f_back, level + 1
    return level


def line_using(name: str, codes: Iterable[CodeType]) -> Line | None:
    """Return the first line of some functions that assigns a name, or else the first that reads it, or None."""
    uses, nested = list[tuple[bool, int, Line]](), [(0, code) for code in codes]
    for depth, code in nested:
        nested += [(depth + 1, inner) for inner in code.co_consts if isinstance(inner, CodeType)]
        for i in dis.get_instructions(code):
            if i.argval == name and i.positions and i.positions.lineno:
                uses.append((i.opname.startswith("STORE"), depth, (code.co_filename, i.positions.lineno)))
    # A function also reads the variables that it hands to functions inside it: the innermost one uses them
    return max(uses, key=lambda use: use[:2])[2] if uses else None


def format_line(line: Line) -> str:
    """Return "file:number"; a notebook's cells are kept in files whose names say nothing, and become "cell"."""
    return f"{'cell' if 'ipykernel_' in line[0] else line[0]}:{line[1]}"


_INSTEAD = {
    "dtype": "; convert with .astype(...)",
    "where": "; choose with np.where(...)",
}

_INDICES = "use i.astype(int) for indices, and i > 0 for a mask"
_AXES = "axes are matched from the last one back and must be equal or 1 (x[:, None] adds one)"
_PRODUCT = "a @ b needs as many columns in a as b has rows; .T transposes a matrix"
_REMEDIES = {  # by words in NumPy's message; the first that occur decide
    "than subscripts given": "write one letter for each axis of an operand, and ... for the others",
    "requested shape": _AXES,
    "remapped shapes": "a letter must mean the same length in all operands, or 1",
    "broadcast": _AXES,
    "does not have enough dimensions": "a @ b is for vectors and matrices; a * b multiplies by a single number",
    "matmul": _PRODUCT,
    "not aligned": _PRODUCT,
    "arrays used as indices": _INDICES,
    "are valid indices": _INDICES,
    "same number of dimensions": "x[None] and x[:, None] add an axis",
    "for the concatenation axis": "lengths may differ only along axis=",
    "cannot reshape": "the numbers of elements must agree; -1 means the length that follows from the others",
    "the result is not a real number": "logarithms take numbers above 0, and roots none below; a Tensor "
    "would give nan, for log(0) -inf",
    "as a data type": "give a dtype such as np.float32, and keepdims=True or ddof=1 by its name",
    "order must be str": "x.reshape(len(x), -1) keeps the first axis",
    "math range error": "the result is too large for a float; a Tensor would give inf",
    "Numerical result out of range": "the result is too large for a float; a Tensor would give inf",
    "division by zero": "a Tensor would give inf or nan",
    "tuple index out of range": "axis= counts the axes of an array from 0, or from the last one back from -1",
    "rfft_n_": "it takes real numbers, such as z.real; np.fft.fft and np.fft.fftn take complex ones",
    "must be square": "it needs a matrix with as many rows as columns",
}
