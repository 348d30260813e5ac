"""Random test cases for each function of the table: one file of cases for each file of rules.

A case is a Hypothesis strategy for `(f, args)`: a function of arrays, and the arrays at which to differentiate it.
"""

from . import (
    activations,
    calculus,
    complex_numbers,
    convolution,
    decompositions,
    eigenvalues,
    einsum,
    elementwise,
    entropies,
    fourier,
    gamma,
    indexing,
    joining,
    linalg,
    matrix_functions,
    normalization,
    norms,
    polynomials,
    products,
    recurrences,
    reductions,
    scans,
    scipy_bessel,
    scipy_distributions,
    scipy_gamma,
    scipy_special,
    shaping,
    sorting,
    special,
    statistics,
    windows,
)

READING = (
    elementwise, special, reductions, scans, statistics, sorting, calculus, polynomials, shaping, joining, indexing,
    products, einsum, linalg, normalization, norms, decompositions, activations, entropies, gamma, convolution,
    matrix_functions, recurrences, complex_numbers, fourier, eigenvalues, scipy_special, scipy_gamma,
    scipy_bessel, scipy_distributions, windows,
)  # fmt: skip
PAGES = {page.__name__.removeprefix("cases."): page.CASES for page in READING}
CASES = {fun: case for page in PAGES.values() for fun, case in page.items()}
