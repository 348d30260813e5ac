"""The table that the registry fills, and its entry for functions of any number of arguments."""

import functools
import sys
from collections.abc import Callable
from typing import Any


class Each:
    """The rules of a function of any number of arguments: `rule(i, g, y, *args)` is the rule of argument i."""

    def __init__(self, rule: Callable[..., Any]) -> None:
        self.rule = rule

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return functools.partial(self.rule, i)


class Table(dict[Any, Any]):
    """Rules by function; those of a class with the attribute `_vjps` need no entry, which would keep them alive."""

    def __missing__(self, fun: Any) -> Any:
        if not hasattr(type(fun), "_vjps"):
            raise KeyError(fun)
        return type(fun)._vjps
