"""Conversions of a node to a plain number: where a gradient is lost by one, the user is told.

`float(loss)` is how a loss is printed, but `math.sin(x)` and `array[0] = x` ask for the same number and compute with
it. The instruction that asks, in the bytecode of the function that runs, tells these uses apart.
"""

import builtins
import dis
import sys
import warnings
from functools import partial
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any

import numpy as np

from .backward import toposort
from .errors import INTERNAL, calling_library, users_level
from .mode import paused, transform
from .rules.foreign import MASKED
from .tape import Node

ASSIGNMENT = "array[...] ="
CONSTRUCTORS = {"float", "int"}
# Calls that compare a number or round it: their derivative is 0 where they have one
STEPS = {"int", "round", "isnan", "isinf", "isfinite", "isclose", "floor", "ceil", "trunc"}
# Calls that collect what an iterator yields, such as map(float, losses): methods of lists, json, builtin functions
COLLECTORS = {"append", "extend", "join", "update", "_iterencode", *vars(builtins)} - {"complex", "pow"}
NAMESAKES = {"fsum": "np.sum", "dist": "np.linalg.norm", "gamma": "scipy.special.gamma", "erf": "scipy.special.erf"}
STACK = "np.stack([...]) makes one Tensor of several"
NO_RULE = (
    "it has no rule for a Tensor in this place (np.stack([...]) makes one of a list), and tg.supported() lists the "
    "functions that have"
)
INDEX = "an index is i.data.astype(int), and a mask x > 0"
OF_ARRAYS = "dot", "searchsorted", "choose"  # methods whose arguments are arrays, and functions that take Tensors
INSTEAD = {  # of functions that make arrays of what they are given
    **dict.fromkeys(("array", "asarray", "asanyarray", "ascontiguousarray", "Tensor", "list", "tuple"), STACK),
    **dict.fromkeys(("r_", "c_"), "it takes Tensors, and np.stack([...]) makes one of a list"),
    **dict.fromkeys(("float16", "float32", "float64"), "write .astype(...), which is differentiable"),
    **{method: f"write np.{method}(a, x) for a.{method}(x), and np.stack([...]) for a list" for method in OF_ARRAYS},
    "fill_diagonal": "write np.where(np.eye(n, dtype=bool), x, a)",
    "multivariate_normal": "write mean + np.linalg.cholesky(cov) @ rng.normal(size=...)",
    "full": "write np.broadcast_to(value, shape)",
    "vectorize": "write the function in NumPy's functions, which compute all elements at once",
    "fromiter": "write np.stack(list(...))",
    "normal": "write loc + scale * rng.normal(size=...)",
    "uniform": "write low + (high - low) * rng.uniform(size=...)",
}
TAKES_ARRAYS = {  # libraries, and how a Tensor meets them
    "matplotlib": "pass its .data to draw it",
    "scipy": "its function becomes one operation by @tg.primitive and tg.defvjp, and many of scipy.special have rules",
    "pandas": "write table.to_numpy(), which computes with Tensors, in place of the table",
    "polars": "write table.to_numpy(), which computes with Tensors, in place of the table",
    "sklearn": "it computes without gradients",
    "seaborn": "pass its .data to draw it",
}
INSTEAD_OF_SCIPYS = {  # a part of SciPy, and its functions that have a namesake in the module of that name here
    "special": "log_softmax logsumexp multigammaln polygamma softmax",
    "linalg": "block_diag cho_factor cho_solve cholesky expm solve_banded solve_sylvester solve_triangular sqrtm "
    "toeplitz",
    "signal": "convolve correlate fftconvolve",
    "integrate": "odeint",
}
NAMESAKES_OF_SCIPYS = {"linalg": np.linalg.__all__, "fft": np.fft.__all__}  # NumPy's functions of the same names
OF_DISTRIBUTIONS = {"logpdf", "pdf", "logpmf", "pmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"}
_uses: dict[tuple[int, int], tuple[CodeType, tuple[str | None, bool]]] = {}  # by the code's id and the instruction


class LostGradientError(TypeError):
    """A Tensor became a plain number inside a transform, so the gradient would lack what was computed from it.

    >>> import math
    >>> try:
    ...     tg.grad(lambda x: math.sin(x))(1.0)
    ... except tg.LostGradientError:
    ...     print("np.sin takes Tensors")
    np.sin takes Tensors
    """


def check_conversion(x: Node, method: str | None = None) -> None:
    """Warn or raise if a gradient is lost where x becomes a plain number, by `method` or a conversion of Python's.

    Inside a transform this raises LostGradientError if x depends on the variables of the transform. Elsewhere it warns
    if the number goes on into a computation. Nothing is lost by numbers that are shown or compared, or under no_grad.
    """
    if not x.requires_grad or paused():
        return
    within = transform.get()
    lost = within and _depends_on(x, within.variables)
    if method:  # called by its name: outside of transforms this is no accident
        use, kept = f"{method}()", True
    else:
        frame = sys._getframe(2)
        code, at = frame.f_code, frame.f_lasti
        _, (found, kept) = _uses.get((id(code), at)) or _noted_use(code, at)
        if found is None or (kept and not lost):
            return
        library = calling_library(frame)
        use = library if library in TAKES_ARRAYS else found
        if within and code.co_filename.startswith(INTERNAL[0]):  # tg.grad(math.sin): the package called it
            use = _in_python(within.fun) or use
    if within and lost:
        error = LostGradientError(_message(x, use))
        within.lost.append(error)
        raise error
    if not kept:
        warnings.warn(_message(x, use), stacklevel=users_level())


def _in_python(fun: Any) -> str | None:
    """Return the name of a function of Python's that is written in C, such as "math.sin(...)"; None for any other."""
    while (inner := fun.func if isinstance(fun, partial) else getattr(fun, "__wrapped__", None)) is not None:
        fun = inner
    if not isinstance(fun, BuiltinFunctionType):
        return None
    return ".".join(filter(None, [fun.__module__, fun.__qualname__])) + "(...)"  # a method is of no module


def several_numbers(x: Node, purpose: str) -> TypeError:
    """Return the error for a Tensor of several elements where a number is asked for."""
    library = calling_library(sys._getframe(2))
    remedy = "NumPy's functions take them all (np.sin, not math.sin), x[i] is one of them, and .data the array"
    if library == "polars":  # it raises another error instead
        given = f"polars computes with numbers, and {x._describe()} is not one"
        warnings.warn(f"{given}; {TAKES_ARRAYS[library]}", stacklevel=users_level())
    return TypeError(f"{purpose}: {x._describe()} holds {x._value.size} elements, not one; {remedy}")


def _depends_on(x: Node, variables: frozenset[Any]) -> bool:
    """Return whether x depends on a variable; forward mode frees the graph behind what depends on its variables."""
    return any([y in variables or (y.fun and not y.argnums) for y in toposort(x)])


def array_refused(x: Node, dtype: Any = None) -> TypeError | None:
    """Return the error for a Tensor that takes gradients where a plain array is asked for; it names who asks.

    An array of integers or booleans may be made of it, as the derivative of rounding is 0, but not be written into.
    """
    frame: FrameType | None = sys._getframe(2)
    within, by_package = [], False
    while frame is not None and frame.f_code.co_filename.startswith(INTERNAL):
        within.append(frame.f_code.co_qualname)
        by_package = frame.f_code.co_filename.startswith(INTERNAL[0])  # at the end: of the function that the user calls
        frame = frame.f_back
    if any([name.startswith("MaskedArray.__") and name != "MaskedArray.__new__" for name in within]):  # its operators
        return TypeError(MASKED)
    who = ""
    if found := instead_of_library(frame):
        who, remedy = f"{found[0]}: ", found[1]
    elif frame is None:
        remedy = STACK
    else:
        opcode, name = _instruction(frame.f_code, frame.f_lasti)
        if dtype is not None and np.dtype(dtype).kind in "iub" and not opcode.startswith("STORE"):
            return None
        called = "vectorize" if "vectorize.__call__" in within else name.rpartition(".")[2]
        if opcode.startswith("STORE"):
            who, remedy = f"{ASSIGNMENT} ...: ", STACK
        elif opcode == "BINARY_OP":  # with a list of Tensors
            remedy = STACK
        else:
            who = f"{name}{'(...)' if 'CALL' in opcode else '[...]'}: " if name else ""
            by_a_call = NO_RULE if called and not by_package else STACK
            remedy = INSTEAD.get(called, INDEX if "SUBSCR" in opcode else by_a_call)
    return TypeError(
        f"{who}{x._describe()} takes gradients, and an array would lose them; {remedy}. Where no gradient is needed, "
        ".data is the array, and .detach() a constant"
    )


def instead_of_library(frame: FrameType | None) -> tuple[str, str] | None:
    """Return which library's code, from a frame on outwards, takes arrays, and what takes Tensors; None for others."""
    library = calling_library(frame)
    if library == "scipy" and (found := _instead_of_scipys(frame)):
        return found
    return (f"{library} takes arrays", TAKES_ARRAYS[library]) if library in TAKES_ARRAYS else None


def caller_of_libraries(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame, from one on outwards, that is not of a library that takes arrays."""
    while calling_library(frame) in TAKES_ARRAYS:
        frame = frame.f_back if frame else None
    return frame


def _instead_of_scipys(frame: FrameType | None) -> tuple[str, str] | None:
    """Return which function of SciPy called a frame, and what takes Tensors in its place; None if nothing does."""
    called: list[tuple[str, str]] = []  # (part of SciPy, function), outermost last
    while frame is not None and calling_library(frame) == "scipy":
        module = str(frame.f_globals.get("__name__", ""))
        called.append((module.partition(".")[2].partition(".")[0], frame.f_code.co_name))
        frame = frame.f_back
    if frame is not None:  # the user's call, as decorators of SciPy have frames without the function's name
        name = _instruction(frame.f_code, frame.f_lasti)[1].rpartition(".")[2]
        called += [(part, name) for part in (*NAMESAKES_OF_SCIPYS, *INSTEAD_OF_SCIPYS)]
    for part, name in reversed(called):
        if part == "sparse":
            return "scipy's sparse arrays take arrays", "write a.toarray(), which computes with Tensors"
        if part == "stats" and name in OF_DISTRIBUTIONS:
            return f"scipy.stats' {name} takes arrays", f"the distributions of tg.stats have {name} for Tensors"
        if name in INSTEAD_OF_SCIPYS.get(part, "").split():
            return f"scipy.{part}.{name} takes arrays", f"tg.{part}.{name} takes Tensors"
        if name in NAMESAKES_OF_SCIPYS.get(part, ()):
            return f"scipy.{part}.{name} takes arrays", f"np.{part}.{name} takes Tensors"
    return None


def _noted_use(code: CodeType, at: int) -> tuple[CodeType, tuple[str | None, bool]]:
    """Return `_use` with the code, and note both: hashing a long function's code takes longer than its conversion."""
    if len(_uses) >= 512:
        _uses.clear()
    return _uses.setdefault((id(code), at), (code, _use(code, at)))  # the code lives, so nothing else has its id


def _use(code: CodeType, at: int) -> tuple[str | None, bool]:
    """Return which call or assignment at an instruction takes a number, and whether the number may only be kept.

    The use is None where the number is shown, compared or rounded.
    """
    opcode, name = _instruction(code, at)
    if opcode.startswith("STORE"):
        return ASSIGNMENT, False
    called = name.rpartition(".")[2]
    if opcode.startswith("BINARY_OP") or called in STEPS:
        return None, True
    kept = called in CONSTRUCTORS or called == "__float__"
    if not kept and (called in COLLECTORS or not name):
        kept = not CONSTRUCTORS.isdisjoint(code.co_names)  # as in list(map(float, losses)), unlike map(math.sin, xs)
    return f"{name}(...)" if name else "a conversion to float", kept


def assigns(frame: FrameType | None) -> bool:
    """Return whether the user's code, from a frame on outwards, runs `array[i] = x`, which asks x for a number."""
    while frame is not None and frame.f_code.co_filename.startswith(INTERNAL):
        frame = frame.f_back
    return frame is not None and _instruction(frame.f_code, frame.f_lasti)[0].startswith("STORE")


def _instruction(code: CodeType, at: int) -> tuple[str, str]:
    """Return the instruction at an offset, and the dotted name of the function that it calls, or "".

    A call begins where the name of its function does, so the names that were loaded from there on make it up.
    """
    *before, instruction = [i for i in dis.get_instructions(code) if i.offset <= at]
    place = instruction.positions
    opname = "BINARY_SUBSCR" if instruction.argrepr == "[]" else instruction.opname  # BINARY_OP from Python 3.14 on
    if (
        not ("CALL" in opname or "SUBSCR" in opname or "BINARY_OP" in opname)
        or place is None
        or place.col_offset is None
    ):  # without debug ranges
        return opname, ""
    begin = place.lineno, place.col_offset
    names = [
        i.argval for i in before
        if i.opname.startswith("LOAD") and isinstance(i.argval, str) and not i.argval.startswith("@")  # pytest's names
        and not i.opname.startswith("LOAD_CONST")  # the name of a keyword before **options
        and i.positions and (i.positions.lineno, i.positions.col_offset) == begin
    ]  # fmt: skip
    return opname, ".".join(names)


def _message(x: Any, use: str) -> str:
    called = use.removesuffix("(...)").rpartition(".")[2]
    namesake = NAMESAKES.get(called) or (f"np.{called}" if isinstance(getattr(np, called, None), np.ufunc) else None)
    remedy = "compute with NumPy's functions (np.sin, np.stack([...])), which take Tensors"
    if use == ASSIGNMENT:
        remedy = "write np.stack([...]), which makes one Tensor of several"
    elif use in TAKES_ARRAYS:
        remedy = TAKES_ARRAYS[use]
    elif namesake:
        remedy = f"write {namesake}, which takes it as it is"
    elif called in CONSTRUCTORS | {"item()", "tolist()", "float64"}:
        remedy = "compute with it as it is"
    given = f"... stores {x._describe()} as" if use == ASSIGNMENT else f"turns {x._describe()} into"
    return (
        f"{use} {given} a plain number, so no gradient passes through it; {remedy}, or use "
        ".detach() where the value alone is wanted"
    )
