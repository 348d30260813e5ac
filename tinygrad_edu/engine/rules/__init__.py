"""The derivative table: a page for each chapter of NumPy, and `registry`, which holds their rules."""

from . import (
    activations, calculus, decompositions, einsum, elementwise, indexing, joining, linalg, norms, polynomials, products,
    reductions, scans, shaping, sorting, special, statistics, unsupported,
)

__all__ = [
    "activations", "calculus", "decompositions", "einsum", "elementwise", "indexing", "joining", "linalg", "norms",
    "polynomials", "products", "reductions", "scans", "shaping", "sorting", "special", "statistics", "unsupported",
]
