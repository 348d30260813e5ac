"""The derivative table, a page for each chapter of NumPy, and the registry that holds it."""

from . import (
    activations,
    calculus,
    decompositions,
    elementwise,
    indexing,
    joining,
    linalg,
    polynomials,
    products,
    reductions,
    shaping,
    sorting,
    unsupported,
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
    "activations", "bodies", "calculus", "compositions", "constants", "decompositions", "defvjp",
    "elementwise", "indexing", "joining", "keywords", "linalg", "name", "nondifferentiable", "pointwise",
    "polynomials", "primitive", "products", "question", "questions", "reductions", "refusal", "refusals", "refused",
    "shaping", "sorting", "supported", "unsupported", "vjps",
]
