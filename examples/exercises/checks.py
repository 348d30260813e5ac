"""Checks of the exercises: what is right, and what is wrong and why. The first check that fails ends the program.

The checks of an exercise are in the file of the same name in the folder `checks_by_lesson`.

A check compares the result of a function without arguments with the right numbers. A result that is wrong is compared
with the usual mistakes, each a pair of (wrong result, why). An error inside the function is reported without traceback.
"""

import re
import runpy
import traceback
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, NoReturn

import numpy as np
from differences import difference, equal

CHECKS = Path(__file__).parent / "checks_by_lesson"
BLANK = "A blank is still empty: replace the ... of this step."
HINTS = {  # what the text of an error matches: the remedy
    "shape|dimension|align": ". Is a factor transposed, or an axis wrong?",
    r"for \^|bitwise_xor": ". A power is **, not ^.",
    "truth value": ". max, min and if take single numbers. For arrays use np.maximum, np.minimum, np.where or np.all.",
    "'(function|method|builtin_function_or_method)'": ". A function without (...) is not called.",
}


def run_checks(exercise: dict[str, Any]) -> None:
    """Run the checks of an exercise; `exercise` is its `globals()`, which the checks see as their own."""
    try:
        runpy.run_path(str(CHECKS / Path(exercise["__file__"]).name), init_globals=exercise)
    except Exception as error:  # the right numbers of a check may come from a function of the exercise
        fail("the next check", where(error))


def check(name: str, compute: FunctionType, right: Any, *mistakes: tuple[Any, str]) -> None:
    """Print that `compute()` is right, or say why not and end the program with exit code 1.

    Numbers and arrays are equal to six digits, and their shapes are equal: `check("1. one half", lambda: 1 / 2, 0.5)`.
    """
    try:
        result = compute()
    except Exception as error:
        fail(name, BLANK if in_blank(error.__traceback__) else where(error))
    if equal(result, right):
        print(f"right: {name}")
        return
    for wrong, why in mistakes:
        if equal(result, wrong):
            fail(name, why)
    named = [compute.__globals__.get(n) for n in compute.__code__.co_names]
    if has_blank(result) or any(... in f.__code__.co_consts for f in named if isinstance(f, FunctionType)):
        fail(name, BLANK)
    fail(name, difference(result, right))


def explore(task: str) -> None:
    """Print the last task, which has no check."""
    print(f"All checks are right. Now go on without a check:\n{task}")


def passes(file: str, test: str, **names: Any) -> bool:
    """Run one test of a file of the library's tests, in which `names` replace those of the file. It may raise."""
    try:
        module = runpy.run_path(str(Path(__file__).parents[2] / "tests" / file))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{error}; run: python -m pip install -e ".[test]"') from None
    module[test].__globals__.update(names)
    module[test]()
    return True


def fail(name: str, why: str) -> NoReturn:
    """Print why a check fails, and end the program."""
    print(f"not yet: {name}\n  {why}")
    raise SystemExit(1)


def where(error: Exception) -> str:
    """Return what the error says, and the last line of the exercise that led to it."""
    names = {path.name for path in CHECKS.glob("*.py")}
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    lines = [line for path, line in frames if path.name in names and path.parent != CHECKS]
    hint = ""
    for pattern, remedy in HINTS.items():
        hint = remedy if re.search(pattern, str(error)) else hint
    return f"{f'Line {lines[-1]}' if lines else 'It'} raised {type(error).__name__}: {str(error).rstrip()}{hint}"


def in_blank(frames: TracebackType | None) -> bool:
    """Return whether the error passed through a function that still has a blank."""
    return any(... in frame.f_code.co_consts for frame, _ in traceback.walk_tb(frames))


def has_blank(result: Any) -> bool:
    """Return whether the result is a blank, or a tuple, a list or an array that holds one."""
    if isinstance(result, np.ndarray) and result.dtype == object:
        result = result.ravel().tolist()
    return result is ... or (isinstance(result, tuple | list) and any(map(has_blank, result)))
