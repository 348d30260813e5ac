"""Linear algebra by the names and arguments of `scipy.linalg`, whose own functions take no Tensors.

Those that NumPy's functions suffice for need no SciPy; `expm`, `sqrtm` and `solve_sylvester` call SciPy. For the
functions of `np.linalg`, call NumPy itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .engine.habits import instead
from .engine.rules.activations import numbers
from .engine.rules.linalg import T
from .engine.rules.matrix_functions import expm, solve_sylvester, sqrtm
from .engine.rules.registry import arrays_of, conj

__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cholesky", "expm", "solve_banded", "solve_sylvester",
    "solve_triangular", "sqrtm", "toeplitz",
]  # fmt: skip

TRANS: dict[int | str, int] = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}


def solve_triangular(
    a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """Return the solution x of a x = b for a triangular matrix, of shape (..., n, n).

    With `trans` 1 or "T" it solves a.T x = b, with 2 or "C" conj(a.T) x = b. Only one triangle of `a` is read, the
    lower one with `lower`; the gradient of the other is 0. With `unit_diagonal` its diagonal counts as 1. `b` has shape
    (n,) or (..., n, k). The last two arguments are SciPy's, without effect. Raises ValueError for another `trans`.

    >>> tg.linalg.solve_triangular(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 4.0]))
    array([1.5, 1. ])
    """
    if trans not in TRANS:
        raise ValueError(f"linalg.solve_triangular: trans is 0, 1 or 2 (or 'N', 'T' or 'C'), not {trans!r}")
    a, b = numbers(a), numbers(b)
    offset = (-1 if lower else 1) * bool(unit_diagonal)
    triangle = np.tril(a, offset) if lower else np.triu(a, offset)
    if unit_diagonal:
        triangle = triangle + np.eye(triangle.shape[-1], dtype=triangle.dtype)
    if TRANS[trans]:
        triangle = conj(T(triangle)) if TRANS[trans] == 2 else T(triangle)
    return np.linalg.solve(triangle, b)


def solve_banded(
    l_and_u: tuple[int, int], ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """Return the solution x of a x = b for a matrix with l diagonals below the main one, and u above it.

    `ab` of shape (l + u + 1, n) holds the diagonals: ab[u + i - j, j] is a[i, j]. `b` has shape (n,) or (n, k). The
    matrix is written out, with n**2 elements. The last three arguments are SciPy's, without effect. Raises ValueError
    for shapes that do not fit.

    >>> tg.linalg.solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 4.0]]), np.array([4.0, 4.0]))
    array([1.5, 1. ])
    """
    (lower, upper), ab, b = l_and_u, numbers(ab), numbers(b)
    if np.ndim(ab) != 2 or ab.shape[0] != lower + upper + 1:
        shapes = f"{lower} + {upper} + 1 diagonals as rows, not shape {np.shape(ab)}"
        raise ValueError(f"linalg.solve_banded: with l_and_u = {(lower, upper)} ab has {shapes}")
    i, j = np.indices((ab.shape[1], ab.shape[1]))
    row = upper + i - j
    a = np.where((row >= 0) & (row <= lower + upper), ab[np.clip(row, 0, lower + upper), j], 0)
    return np.linalg.solve(a, b)


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the upper triangular r with r.T r = a, or with `lower` the lower triangular r with r r.T = a.

    `a` is symmetric and positive definite, of shape (..., n, n); raises LinAlgError for another one. Only the triangle
    of r is read. A complex one is Hermitian, and r.T is conjugated.

    >>> tg.linalg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]), lower=True)
    array([[2., 0.],
           [1., 2.]])
    """
    return np.linalg.cholesky(numbers(a), upper=not lower)


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, bool]:
    """Return (`cholesky(a, lower)`, lower), which `cho_solve` takes; `a` has shape (..., n, n).

    >>> tg.linalg.cho_factor(np.array([[4.0, 2.0], [2.0, 5.0]]))
    (array([[2., 1.],
           [0., 2.]]), False)
    """
    return cholesky(a, lower), lower


def cho_solve(c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """Return the solution x of a x = b, where `c_and_lower` is `cho_factor(a)`; b has shape (n,) or (..., n, k).

    >>> tg.linalg.cho_solve(tg.linalg.cho_factor(np.array([[4.0, 0.0], [0.0, 2.0]])), np.array([4.0, 4.0])).round(4)
    array([1., 2.])
    """
    c, lower = c_and_lower
    half = solve_triangular(c, b, trans=0 if lower else 2, lower=lower)
    return solve_triangular(c, half, trans=2 if lower else 0, lower=lower)


def block_diag(*arrs: Any) -> Any:
    """Return a matrix with the given matrices along its diagonal and 0 elsewhere; a vector counts as one row.

    Raises ValueError for arrays of more than two axes.

    >>> tg.linalg.block_diag([[1.0, 2.0]], [[3.0]])
    array([[1., 2., 0.],
           [0., 0., 3.]])
    """
    blocks: list[Any] = [np.atleast_2d(a) for a in arrays_of(arrs)]
    if any(a.ndim > 2 for a in blocks):
        raise ValueError(f"linalg.block_diag: it takes matrices, and got shapes {[np.shape(a) for a in arrs]}")
    width, before, rows = sum(a.shape[1] for a in blocks), 0, []
    for a in blocks:
        # np.pad takes several times as long
        left, right = np.zeros((a.shape[0], before)), np.zeros((a.shape[0], width - before - a.shape[1]))
        rows.append(np.concatenate([left.astype(a.dtype), a, right.astype(a.dtype)], axis=1))
        before += a.shape[1]
    return np.concatenate(rows, axis=0) if rows else np.zeros((1, 0))


def toeplitz(c: ArrayLike | Any, r: ArrayLike | Any = None) -> Any:
    """Return the matrix with first column c and first row r, constant along each diagonal; r = conj(c) by default.

    c has shape (m,), r has shape (n,), and r[0] is not used. The result has shape (m, n). Raises ValueError for arrays
    that are not vectors.

    >>> tg.linalg.toeplitz([1.0, 2.0, 3.0])
    array([[1., 2., 3.],
           [2., 1., 2.],
           [3., 2., 1.]])
    """
    (c,) = arrays_of([c])
    (r,) = (conj(c),) if r is None else arrays_of([r])
    if c.ndim != 1 or r.ndim != 1:
        raise ValueError(f"linalg.toeplitz: it takes vectors, and got shapes {c.shape} and {r.shape}")
    diagonals = np.concatenate([c[::-1], r[1:]])
    return diagonals[np.arange(len(r)) + (len(c) - 1 - np.arange(len(c)))[:, None]]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        remedy = f"; write np.linalg.{name}" if name in np.linalg.__all__ else instead(name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{remedy}")
