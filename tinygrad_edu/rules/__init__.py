"""The derivative table, a page for each chapter of NumPy, and the registry that holds it."""

from . import (
    activations,
    beyond,
    decompositions,
    differences,
    elementwise,
    indexing,
    joining,
    linalg,
    order,
    polynomials,
    products,
    reductions,
    shaping,
)
from .registry import (
    bodies,
    compositions,
    constants,
    defvjp,
    keywords,
    name,
    nondifferentiable,
    pointwise,
    primitive,
    question,
    questions,
    refusal,
    refusals,
    refused,
    supported,
    vjps,
)

__all__ = [
    "activations", "beyond", "bodies", "compositions", "constants", "decompositions", "defvjp", "differences",
    "elementwise", "indexing", "joining", "keywords", "linalg", "name", "nondifferentiable", "order", "pointwise",
    "polynomials", "primitive", "products", "question", "questions", "reductions", "refusal", "refusals", "refused",
    "shaping", "supported", "vjps",
]
