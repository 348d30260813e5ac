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
    compositions,
    constants,
    defvjp,
    implementations,
    keywords,
    name,
    nondifferentiable,
    pointwise,
    predicate,
    predicates,
    primitive,
    refusal,
    refusals,
    refused,
    supported,
    vjps,
)

__all__ = [
    "activations", "calculus", "compositions", "constants", "decompositions", "defvjp", "elementwise",
    "implementations", "indexing", "joining", "keywords", "linalg", "name", "nondifferentiable", "pointwise",
    "polynomials", "predicate", "predicates", "primitive", "products", "reductions", "refusal", "refusals", "refused",
    "shaping", "sorting", "supported", "unsupported", "vjps",
]
