"""Optimisations of a program by name, and the order in which they run.

Each is small and keeps the results to rounding. `jit(f, optimize=("dead", "common"))` runs some of them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .algebra import algebra
from .flat import flat
from .pack import rows
from .program import Program
from .simplify import broadcasting, common, constants, copies, dead
from .sums import blas, factors, mean

PASSES: dict[str, Callable[[Program], None]] = {
    "dead": dead, "copies": copies, "rows": rows, "mean": mean, "constants": constants, "broadcasting": broadcasting,
    "algebra": algebra, "common": common, "factors": factors, "blas": blas, "flat": flat,
}  # fmt: skip
READABLE = {"dead", "rows", "copies", "constants", "common", "algebra", "broadcasting"}  # what a reader likes too
NAMES = (*PASSES, "memory", "blocks")  # the last two are the layout's
ORDER = (  # what some leave behind is another's work again
    "rows", "copies", "mean", "constants", "broadcasting", "algebra", "common", "constants", "algebra", "factors",
    "blas", "algebra", "dead", "flat",
)  # fmt: skip


def optimize(program: Program, chosen: Any) -> dict[str, int]:
    """Run the passes that are chosen, in their order, and tell how many calls each left when it was last run."""
    sizes = {}
    for name in ORDER:
        if name in chosen:
            PASSES[name](program)
            sizes[name] = len(program.calls)
    return sizes
