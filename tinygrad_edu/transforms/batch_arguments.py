"""Arguments of calls with batches: by name, and axes of a member as axes behind the first."""

from __future__ import annotations

import functools
from typing import Any, NoReturn

import numpy as np

from ..engine.errors import checked_keywords, surplus, user_name
from ..engine.rules.foreign import PACKAGE
from ..engine.rules.registry import Function, compositions, implementations, is_users, name
from ..engine.signatures import output, signature
from .levels import LOOP, Level, NoBatching


@functools.cache
def defaults(fun: Function) -> dict[str, Any]:
    """Return the parameters of a function, in order, with their defaults."""
    return {name: p.default for name, p in signature(fun).parameters.items()}


def named(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    names = defaults(fun)
    if len(args) > len(names):
        raise TypeError(f"{user_name(fun)} takes {len(names)} positional arguments at most, not {len(args)}")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def member(value: Any, level: Level, i: int) -> Any:
    """Return nested arguments with the i-th member of each Batch."""
    if hasattr(type(value), "stacked"):
        return value.stacked[i] if value.level is level else value
    if isinstance(value, (list, tuple)):
        parts = [member(v, level, i) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return {k: member(v, level, i) for k, v in value.items()} if type(value) is dict else value


def raise_error_of_member(
    error: Exception, fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> NoReturn:
    """Raise the error of the first member's call alone, if it has one: its shapes are those that the user knows.

    An error of this library knows them too, or names the member, and a user's code does not run twice.
    """
    known = str(error).startswith((level.title, f"{name(fun)}:")) or type(error).__module__.startswith(PACKAGE)
    if level.size and not known and not (fun in implementations and is_users(fun)):
        try:
            fun(*member(args, level, 0), **member(kwargs, level, 0))
        except Exception as alone:
            error = alone if isinstance(alone, (ValueError, IndexError)) else error
    raise error from error.__cause__


def checked(
    fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional arguments and keywords that a function composed of others knows; there is a first argument.

    Raise NoBatching for an array that a function of NumPy would write into; ufuncs take one.
    """
    if not args:
        args, kwargs = (bound := signature(fun).bind(**kwargs)).args, bound.kwargs
    if fun not in compositions:
        if not isinstance(fun, np.ufunc) and not is_users(fun) and output(fun, args, kwargs) is not None:
            raise NoBatching(f"{level.title}: {name(fun)} writes members of a batch into a plain array; {LOOP}")
        return args, kwargs
    if len(kwargs) == 1 and "axis" in kwargs:
        return args, kwargs
    try:
        rest = surplus(fun, args)
        return args[: len(args) - len(rest)], checked_keywords(fun, args, rest | kwargs)
    except TypeError as error:
        raise NoBatching(f"{level.title}: {error}; or {LOOP}") from error


def moved(axis: Any, ndim: int) -> Any:
    """Return axes of a member as those of the batch."""
    if isinstance(axis, (tuple, list, range)):
        return tuple([moved(a, ndim) for a in axis])
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim + 1
