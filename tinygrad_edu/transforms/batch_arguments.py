"""Arguments of calls with batches: by name, and axes of a member as axes behind the first."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..engine.rules.registry import Function
from ..engine.signatures import signature


@functools.cache
def defaults(fun: Function) -> dict[str, Any]:
    """Return the parameters of a function, in order, with their defaults."""
    return {name: p.default for name, p in signature(fun).parameters.items()}


def named(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    return {**dict(zip(defaults(fun), args, strict=False)), **kwargs}


def moved(axis: Any, ndim: int) -> Any:
    """Return axes of a member as those of the batch."""
    if isinstance(axis, (tuple, list, range)):
        return tuple([moved(a, ndim) for a in axis])
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim + 1
