"""Checks of what users register: functions whose calls the table sees, and rules that can take their arguments."""

import inspect
import math
from collections.abc import Callable, Container, Iterable
from types import FunctionType
from typing import Any

from .foreign import PACKAGE


def check_functions(where: str, *funs: object) -> None:
    """Raise TypeError unless all can be called."""
    for fun in funs:
        if not callable(fun):
            raise TypeError(f"{where} takes a function, not {fun!r}")


def check_called(where: str, funs: Iterable[Callable[..., Any]], primitives: Container[Callable[..., Any]]) -> None:
    """Raise TypeError for a plain function of a user: Python calls it without a look at the table."""
    for fun in funs:
        package = (getattr(fun, "__module__", None) or "").partition(".")[0]
        if type(fun) is FunctionType and fun not in primitives and package not in (PACKAGE, "numpy"):
            raise TypeError(
                f"{where}({fun.__name__}): it is a plain function, not a primitive, so it would be called as before; "
                "write @tg.primitive above its definition"
            )


def check_parameters(where: str, fun: Callable[..., Any] | None, rules: Iterable[Callable[..., Any] | None]) -> None:
    """Raise TypeError if a rule cannot take g, the result and the arguments of a primitive that `fun` computes."""
    for rule in rules:
        if type(rule) is type(fun) is FunctionType:
            (least, most, names), (fewest, others, given) = positional(fun), positional(rule)
            if others < least + 2 or fewest > most + 2:
                wanted = ", ".join(["g", "result", *names])
                raise TypeError(f"{where}: a rule takes ({wanted}), and one of these takes ({', '.join(given)})")


def positional(fun: FunctionType) -> tuple[float, float, tuple[str, ...]]:
    """Return how many arguments a function takes by position at least and at most, and their names."""
    code = fun.__code__
    names = code.co_varnames[: code.co_argcount]
    any_number = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    most = math.inf if any_number else len(names) + code.co_kwonlyargcount  # a rule may take these by position
    return len(names) - len(fun.__defaults__ or ()), most, names
