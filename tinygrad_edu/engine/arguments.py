"""Checks of arguments that are no arrays: numbers, switches and seeds."""

from __future__ import annotations  # so that numpy.random, which takes long to import, is left until it is used

from typing import Any

import numpy as np


def check_numbers(where: str, **given: object) -> None:
    """Raise TypeError unless all arguments, passed by their names, are numbers, also Tensors and arrays of one."""
    for name, value in given.items():
        if not hasattr(value, "__float__"):
            raise TypeError(f"{where}: {name} is a number, not {value!r:.60}")


def nonnegative_numbers(where: str, **given: Any) -> None:
    """Raise TypeError or ValueError unless all arguments are finite numbers of at least 0."""
    check_numbers(where, **given)
    for name, value in given.items():
        if not np.all((value >= 0) & (value < np.inf)):
            raise ValueError(f"{where}: {name} is a finite number of at least 0, not {value!r:.60}")


def whole_number(where: str, name: str, value: Any, unit: str = "", least: int = 1) -> int:
    """Return a count, such as 100 or 1e2, as an int; raises ValueError unless it is whole and at least `least`."""
    is_whole = value.is_integer() if isinstance(value, (float, np.floating)) else isinstance(value, (int, np.integer))
    if isinstance(value, bool) or not is_whole or value < least:
        bound = f"of {unit}, at least" if unit else "from"
        raise ValueError(f"{where}: {name} is a whole number {bound} {least}, not {value!r:.60}")
    return int(value)


def switch(where: str, name: str, value: object) -> bool:
    """Return an argument that is on or off; raises ValueError for anything but True, False, 1, 0 and None."""
    if np.ndim(value) or value not in (None, True, False):  # type: ignore[arg-type]
        raise ValueError(f"{where}: {name} is True or False, not {value!r:.60}")
    return bool(value)


def switches(where: str, **given: object) -> None:
    """Raise ValueError unless all arguments are True or False: of a text such as "no", Python makes True."""
    for name, value in given.items():
        switch(where, name, value)


def generator(where: str, rng: np.random.Generator | int | None) -> np.random.Generator:
    """Return the Generator that `rng` is, or that its seed makes; raises TypeError or ValueError for anything else."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = type(error)
        given = f"rng is a seed, a whole number from 0, or np.random.default_rng(seed), not {rng!r:.60}"
    raise kind(f"{where}: {given}")
