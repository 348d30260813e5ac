"""The derivative table, a page for each chapter of NumPy, and the registry that holds it."""

from . import activations, elementwise, indexing, linalg, reductions, shaping
from .registry import (
    bodies,
    compositions,
    constants,
    defvjp,
    keywords,
    name,
    nondifferentiable,
    primitive,
    vjps,
)

__all__ = [
    "activations", "bodies", "compositions", "constants", "defvjp", "elementwise", "indexing", "keywords", "linalg",
    "name", "nondifferentiable", "primitive", "reductions", "shaping", "vjps",
]
