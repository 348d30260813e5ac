"""Programs as users write them, on which `jit` must not be silently wrong: one file for each kind.

Importing the package registers all programs in `harness.ATTACKS`.
"""

from . import (
    arguments,
    composition,
    concurrency,
    edges,
    effects,
    families,
    kinds,
    long_programs,
    memory,
    modules,
    packages,
    randomness,
    reads,
    results,
    training,
)

__all__ = [
    "arguments", "composition", "concurrency", "edges", "effects", "families", "kinds", "long_programs", "memory",
    "modules", "packages", "randomness", "reads", "results", "training",
]  # fmt: skip
