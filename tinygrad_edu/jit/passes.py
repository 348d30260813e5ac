"""The optimizations of a program by name, and the order in which they run.

Each is small, and keeps results to the last bit but for those that may add up a sum in another order: "blas", "join",
and "memory", whose arrays may be laid out in another order. `jit(f, optimize=("dead", "common"))` runs some of them
alone.
"""

from collections.abc import Callable, Collection

import numpy as np

from ..trace.ir import Program
from . import simplify
from .joining import join_updates
from .sums import divide_sums, use_blas

RULES: dict[str, tuple[simplify.Rule, simplify.Functions | None]] = {  # the rule, and its functions or None for all
    "constants": (simplify.fold_constants, None), "broadcasting": (simplify.elide_broadcasts, simplify.BROADCASTING),
    "algebra": (simplify.algebra, simplify.ALGEBRA), "common": (simplify.common_subexpressions, None),
    "blas": (use_blas, {np.sum, np.reshape}),
}  # fmt: skip
PASSES: dict[str, Callable[[Program], object]] = {
    "mean": divide_sums, "dead": simplify.eliminate_dead_calls, "join": join_updates,
}  # fmt: skip
READABLE = {"dead", "constants", "common", "algebra", "broadcasting"}  # also used for `source`
NAMES = (*RULES, *PASSES, "memory")  # the last one belongs to the layout of memory
ORDER = (("mean",), tuple(RULES), ("dead",), ("join",))  # all rules in one pass


def optimize(program: Program, chosen: Collection[str]) -> dict[str, int]:
    """Run the chosen optimizations in their order; return how many calls were left after each."""
    sizes = {}
    for step in ORDER:
        names = [name for name in step if name in chosen]
        size = len(program.calls)
        if names and names[0] in PASSES:
            PASSES[names[0]](program)
            sizes[names[0]] = len(program.calls)
        elif names:
            for name, removed in simplify.apply_rules(program, {name: RULES[name] for name in names}).items():
                sizes[name] = size = size - removed
    return sizes
