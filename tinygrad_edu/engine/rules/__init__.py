"""The derivative table: a page for each chapter of NumPy, and `registry`, which holds their rules.

Pages for other libraries (`scipy_special`, ...) are read when a function of theirs first meets a Tensor.
"""

from . import (
    activations, bases, calculus, complex_numbers, convolution, decompositions, degenerate, eigenvalues, einsum,
    elementwise, entropies, fourier, gamma, indexing, joining, limits, linalg, matrix_functions, normalization, norms,
    padding, polynomials, products, ranges, recurrences, reductions, scans, shaping, sorting, special, statistics,
    unsupported, windows,
)

__all__ = [
    "activations", "bases", "calculus", "complex_numbers", "convolution", "decompositions", "degenerate",
    "eigenvalues", "einsum", "elementwise", "entropies", "fourier", "gamma", "indexing", "joining", "limits", "linalg",
    "matrix_functions", "normalization", "norms", "padding", "polynomials", "products", "ranges", "recurrences",
    "reductions", "scans", "shaping", "sorting", "special", "statistics", "unsupported", "windows",
]
