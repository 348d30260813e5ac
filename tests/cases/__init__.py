"""What is drawn for each function of the table: a page of cases for each page of rules.

A case is a strategy for `(f, args)`: a function of arrays, and the arrays that it is differentiated by.
"""

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
)

READING = (
    elementwise, reductions, sorting, calculus, polynomials, shaping, joining, indexing, products, linalg,
    decompositions, activations,
)  # fmt: skip
PAGES = {page.__name__.removeprefix("cases."): page.CASES for page in READING}
CASES = {fun: case for page in PAGES.values() for fun, case in page.items()}
