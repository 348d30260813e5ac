"""What a function can reach: variables that it closes over or calls by name, and the random numbers behind them.

A recording asks for both, as a replay is right only while the variables hold the same, and while no random number was
drawn behind its back.
"""

from __future__ import annotations

import contextlib
import pickle
import random
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..errors import INTERNAL

Variable = tuple[Any, str, Any]  # (cell, "", value) or (globals, name, value)

MANY, DEEP = 100, 3  # elements of a container, and containers within each other, that are looked at
SOURCES = (np.random.Generator, np.random.RandomState, random.Random)


def surroundings(fun: Any) -> tuple[list[Variable], list[Any]]:
    """The variables outside that a function, and those that it closes over or calls by name, find their values in.

    At a later call they must hold the same, or the function is another. And what else it holds or calls by name.
    """
    found: list[Variable] = []
    others: list[Any] = []
    seen, stack = set(), [fun]
    while stack:
        f: Any = stack.pop()
        if not isinstance(f, FunctionType):
            others.append(f)
        others.append(getattr(f, "__self__", None))
        f = getattr(f, "__func__", getattr(f, "func", f))  # of a method, of a partial
        if not isinstance(f, FunctionType):
            f = getattr(type(f), "__call__", None)  # noqa: B004 (the function itself)
        if id(f) in seen or not isinstance(f, FunctionType):
            continue
        seen.add(id(f))
        variables: list[Variable] = []
        for cell in f.__closure__ or ():
            with contextlib.suppress(ValueError):  # of a variable without a value yet
                variables.append((cell, "", cell.cell_contents))
        if not f.__code__.co_filename.startswith(INTERNAL):
            others += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
            scope, names = f.__globals__, dict.fromkeys(called(f.__code__))
            variables += [(scope, name, scope[name]) for name in names if name in scope]
            modules = [vars(value) for _, _, value in variables if isinstance(value, ModuleType)]
            others += [module[name] for module in modules for name in names if name in module]
        for variable in variables:
            value = variable[2]
            if not isinstance(value, (ModuleType, type)):
                found.append(variable)
                stack.append(value)
    return found, others


def called(code: CodeType) -> Iterator[str]:
    """The names that a function, and those defined in it, call by name."""
    yield from code.co_names
    for inner in code.co_consts:
        if type(inner) is CodeType:
            yield from called(inner)


def sources(things: Iterable[Any], apart: tuple[type, ...]) -> list[Any]:
    """Where random numbers may come from: the Generators and their kin that `things` hold, and the global ones.

    What is of the classes `apart` is not looked into.
    """
    found: dict[int, Any] = {}
    seen: set[int] = set()
    for _ in range(DEEP):
        inner: list[Any] = []
        for x in things:
            if isinstance(x, SOURCES):
                found[id(x)] = x
            elif isinstance(x, apart) or id(x) in seen:
                continue
            elif isinstance(x, (list, tuple)):
                inner += x[:MANY]
            elif isinstance(x, dict):
                inner += list(x.values())[:MANY]
            elif hasattr(x, "__dict__") and not isinstance(x, (type, ModuleType, FunctionType)):
                inner += vars(x).values()
            seen.add(id(x))
        things = inner
    return [np.random, random, *found.values()]


def position(source: Any) -> Any:
    """Where a source of random numbers has come to: the same as before only if nothing was drawn from it."""
    if isinstance(source, np.random.Generator):
        return pickle.dumps(source.bit_generator.state)
    return pickle.dumps(source.get_state(legacy=False)) if hasattr(source, "get_state") else source.getstate()
