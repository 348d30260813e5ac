"""Optimisations of a program by name, and the order in which they run.

Each is small and keeps the results to rounding. `jit(f, optimize=("dead", "common"))` runs some of them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..trace.ir import Program
from .algebra import ALGEBRA, algebra
from .batching import rows
from .flat import flat
from .simplify import Rule, broadcasting, common, constants, copies, dead, simplify
from .sums import blas, factors, mean

RULES: dict[str, tuple[Rule, Any]] = {  # and the functions that each is for, or None
    "copies": (copies, {np.copy}), "constants": (constants, None), "broadcasting": (broadcasting, None),
    "algebra": (algebra, ALGEBRA), "common": (common, None),
}  # fmt: skip
PASSES: dict[str, Callable[[Program], None]] = {
    "rows": rows, "mean": mean, "factors": factors, "blas": blas, "dead": dead, "flat": flat,
}  # fmt: skip
READABLE = {"dead", "rows", "copies", "constants", "common", "algebra", "broadcasting"}  # what a reader likes too
NAMES = (*RULES, *PASSES, "memory", "blocks")  # the last two are the layout's
ORDER = (("rows",), ("mean",), tuple(RULES), ("dead",), ("factors",), ("blas",), ("flat",))  # rules all in one go


def optimize(program: Program, chosen: Any) -> dict[str, int]:
    """Run what is chosen, in its order, and tell how many calls each left when it was last run."""
    sizes = {}
    for step in ORDER:
        names = [name for name in step if name in chosen]
        left = len(program.calls)
        if names and names[0] in PASSES:
            PASSES[names[0]](program)
            sizes[names[0]] = len(program.calls)
        elif names:
            for name, gone in simplify(program, {name: RULES[name] for name in names}).items():
                sizes[name] = left = left - gone
    return sizes
