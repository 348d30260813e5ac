"""The derivative table: a page for each chapter of NumPy, and `registry`, which holds their rules.

Pages for other libraries (`scipy_special`, ...) are read when a function of theirs first meets a Tensor.
"""

from . import (
    activations, calculus, convolution, decompositions, degenerate, einsum, elementwise, entropies, gamma, indexing,
    joining, limits, linalg, matrix_functions, normalization, norms, padding, polynomials, products, ranges,
    recurrences, reductions, scans, shaping, sorting, special, statistics, unsupported, windows,
)

__all__ = [
    "activations", "calculus", "convolution", "decompositions", "degenerate", "einsum", "elementwise", "entropies",
    "gamma", "indexing", "joining", "limits", "linalg", "matrix_functions", "normalization", "norms", "padding",
    "polynomials", "products", "ranges", "recurrences", "reductions", "scans", "shaping", "sorting", "special",
    "statistics", "unsupported", "windows",
]
