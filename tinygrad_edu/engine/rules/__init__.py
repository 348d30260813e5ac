"""The derivative table: a page for each chapter of NumPy, and the registry that holds their rules."""

from . import (
    activations,
    calculus,
    decompositions,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    norms,
    polynomials,
    products,
    reductions,
    scans,
    shaping,
    sorting,
    special,
    statistics,
    unsupported,
)
from .registry import (
    compositions,
    constants,
    defvjp,
    implementations,
    is_elementwise,
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
    "activations", "calculus", "compositions", "constants", "decompositions", "defvjp", "einsum", "elementwise",
    "implementations", "indexing", "is_elementwise", "joining", "keywords", "linalg", "name", "nondifferentiable",
    "norms", "pointwise", "polynomials", "predicate", "predicates", "primitive", "products", "reductions", "refusal",
    "refusals", "refused", "scans", "shaping", "sorting", "special", "statistics", "supported", "unsupported", "vjps",
]
