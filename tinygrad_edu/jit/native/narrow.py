"""Products of narrow matrices as elementwise statements and sums, so that they share loops with their neighbors.

A @ B is the sum over k of A[:, k:k+1] * B[k:k+1, :], broadcast. With few k that is one expression for each element. For
X of shape (17000, 3), an element of X @ w is `0 + x0 * x1 + x2 * x3 + x4 * x5`, where x0, x2, x4 are a row of X and
x1, x3, x5 are w. The loop that computes it goes on to the loss.

If the result is small, as that of X.T @ r, each of its elements is a sum of A[p, :] * B[:, q]. It is added up in the
loop that computes r. So a step of linear regression reads X once.
"""

from typing import Any, NamedTuple

import numpy as np

from ...engine.rules.registry import Array
from .operations import Operation

SHALLOW = 4  # terms of an element
VECTOR = 16  # terms of an element of a row or a column whose terms lie side by side in memory
LONG = 32  # terms of a sum
SUMS = 6  # elements of a result that are sums


class Term(NamedTuple):
    """An expression of an element of the result; or one that is added up along the last axis, into the part `into`.

    `operands` are parts of a and of b that are broadcast to `shape`.
    """

    operation: Operation
    operands: list[Array]
    shape: tuple[int, ...]
    into: Array | None = None


def narrow_terms(dtype: np.dtype[Any], a: Array, b: Array, out: Array) -> list[Term]:
    """Return the terms of a product, or none if it is not narrow; a, b and out are `as_matrices`."""
    depth, (*stack, rows, columns) = a.shape[-1], out.shape
    beside = (columns == 1 and a.strides[-2] == a.itemsize) or (rows == 1 and b.strides[-1] == b.itemsize)
    if depth <= (VECTOR if beside else SHALLOW):
        text = " + ".join(["0", *[f"x{2 * k} * x{2 * k + 1}" for k in range(depth)]])  # 0: no sum of -0.0 is -0.0
        parts = [part for k in range(depth) for part in (a[..., k : k + 1], b[..., k : k + 1, :])]
        return [Term(Operation(text, (dtype,) * len(parts), dtype), parts, out.shape)]
    if depth < LONG or rows * columns > SUMS:
        return []
    product = Operation("a * b", (dtype, dtype), dtype)
    return [
        Term(product, [a[..., p, :], b[..., q]], (*stack, depth), out[..., p, q, np.newaxis])
        for p in range(rows) for q in range(columns)
    ]  # fmt: skip
