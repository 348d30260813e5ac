"""The derivative table, a page for each chapter of NumPy, and the registry that holds it."""

from . import activations, elementwise, indexing, linalg, reductions, shaping
from .registry import compositions, constants, defvjp, keywords, name, nondifferentiable, primitive, vjps

__all__ = [
    "activations", "compositions", "constants", "defvjp", "elementwise", "indexing", "keywords", "linalg",
    "name", "nondifferentiable", "primitive", "reductions", "shaping", "vjps",
]
