"""A check that the rules of a primitive can take what they are called with."""

import inspect
import math
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any


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
