"""Einsum: the gradient of an operand is the einsum of g and the other operands, with two subscripts exchanged."""

import functools
import math
from collections.abc import Iterable
from types import EllipsisType
from typing import Any

import numpy as np

from .registry import Array, Shape, arrays_of, composition, defvjp, nondifferentiable, primitive
from .shaping import astype

SMALL = 1000  # below so many multiplications, rearranging the operands takes longer than the sums
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in the order of an output that is not given
SUBSCRIPTS: dict[int | EllipsisType, str] = {Ellipsis: "...", **dict(enumerate(LETTERS))}


def letters_of(sublist: Iterable[int | EllipsisType]) -> str:
    """Convert subscripts given as integers to letters."""
    try:
        return "".join([SUBSCRIPTS[s] for s in sublist])
    except (KeyError, TypeError):
        raise ValueError(
            f"np.einsum: {sublist!r:.60} are not subscripts; give a list of integers from 0 to 51 and Ellipsis "
            "after each operand, or one string before them all"
        ) from None


@functools.lru_cache
def explicit(subscripts: str, ndims: Shape) -> str:
    """Return the subscripts with their output, and with letters for ellipses: the last ones, as axes broadcast.

    Subscripts that do not fit the operands are returned as they are, and NumPy raises its error.
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        return subscripts
    if not arrow:
        output = "..." + "".join([c for c in LETTERS if inputs.count(c) == 1])
    unnamed = [ndims[i] - len(term.replace("...", "")) if "..." in term else 0 for i, term in enumerate(terms)]
    most = max(unnamed)
    names = "".join([c for c in LETTERS if c not in inputs])[:most]
    terms = [term.replace("...", names[most - unnamed[i] :]) for i, term in enumerate(terms)]
    return ",".join(terms) + "->" + output.replace("...", names)


@functools.lru_cache
def roles(subscripts: str) -> tuple[str, str, str, str] | None:
    """Return the letters of two operands that both keep, that only one or the other has, and that are summed over.

    None if the einsum is not a matrix product: of other numbers of operands, of diagonals, and of sums of one operand.
    """
    inputs, output = subscripts.split("->")
    a, comma, b = inputs.partition(",")
    if not comma or "," in b or len({*a}) < len(a) or len({*b}) < len(b):
        return None
    of_a, of_b = "".join([c for c in a if c not in b]), "".join([c for c in b if c not in a])
    both = [c for c in a if c in b]
    kept, summed = "".join([c for c in both if c in output]), "".join([c for c in both if c not in output])
    return (kept, of_a, of_b, summed) if of_a and of_b and summed and {*of_a, *of_b} <= {*output} else None


def product(subscripts: str, a: Array, b: Array) -> Array | None:
    """Return the einsum of two arrays as a product of matrices, one for each index that both keep.

    BLAS computes it up to 40 times as fast as `np.einsum`, which loops over the elements. Returns None where that would
    not be faster, for lengths of 1 that broadcast, and for dtypes that BLAS does not know.
    """
    if a.size * b.size < SMALL or a.dtype != b.dtype or a.dtype.char not in "fdFD" or not (found := roles(subscripts)):
        return None
    kept, of_a, of_b, summed = found
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    lengths = dict(zip(terms[0], a.shape, strict=True)) | dict(zip(terms[1], b.shape, strict=True))
    m, n, k = (math.prod([lengths[c] for c in letters]) for letters in (of_a, of_b, summed))
    if min(m, n) < 2 or m * n * k < SMALL or any(a.shape[terms[0].index(c)] != lengths[c] for c in kept + summed):
        return None
    stack = tuple([lengths[c] for c in kept])
    rows = a.transpose([terms[0].index(c) for c in kept + of_a + summed]).reshape((*stack, m, k))
    columns = b.transpose([terms[1].index(c) for c in kept + summed + of_b]).reshape((*stack, k, n))
    letters = kept + of_a + of_b
    y = np.matmul(rows, columns).reshape([lengths[c] for c in letters])
    return y.transpose([letters.index(c) for c in output])


@primitive
def einsum(*operands: Array, subscripts: str, **optimize: Any) -> Array:
    """`np.einsum` with `explicit` subscripts, and with `optimize=` only where it was asked for."""
    y = product(subscripts, *operands) if len(operands) == 2 else None
    return np.einsum(subscripts, *operands, **optimize) if y is None else y


def einsum_rule(i: int, g: Array, y: Array, *operands: Array, subscripts: str, **optimize: Any) -> Array:
    """The einsum of g and the other operands, with the subscripts of the output and of the i-th operand x exchanged.

    A subscript that only x has was summed over; an axis of x of length 1 was broadcast. The einsum leaves both out, and
    the result is broadcast along them. A subscript that x repeats reads a diagonal, and off the diagonal g is 0.
    """
    x = operands[i]
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    term = terms[i]
    given = ",".join([output, *terms[:i], *terms[i + 1 :]])
    axes = [n for n, c in enumerate(term) if c not in term[:n] and c in given and x.shape[n] != 1]
    exchanged = given + "->" + "".join([term[n] for n in axes])
    optimize = dict.fromkeys(optimize, True)  # a path through the operands is none through g and the others
    g = einsum(g, *operands[:i], *operands[i + 1 :], subscripts=exchanged, **optimize)
    if g.shape != x.shape:
        g = np.broadcast_to(np.expand_dims(g, [n for n in range(x.ndim) if n not in axes]), x.shape)
    for n, c in enumerate(term):
        if c in term[:n]:
            both = term.index(c), n
            diagonal = np.eye(x.shape[n])
            g = np.where(np.expand_dims(diagonal, [k for k in range(x.ndim) if k not in both]), g, 0)
    return g


defvjp(einsum, each=einsum_rule)


@composition(np.einsum)
def _einsum(*operands: Any, optimize: Any = False) -> Array:
    """Accept subscripts as one string before all operands, or as a list of integers after each."""
    if isinstance(operands[0], str):
        subscripts, *arrays = operands
    else:
        sublists, rest = operands[1::2], operands[::2]
        arrays, output = list(rest[: len(sublists)]), rest[len(sublists) :]
        subscripts = "->".join([",".join(map(letters_of, sublists)), *map(letters_of, output)])
    arrays = arrays_of(arrays)
    if optimize and len(arrays) > 2:  # NumPy multiplies two of them first, which may be of small integers
        kind = np.result_type(*[a.dtype for a in arrays])
        arrays = [a if a.dtype == kind else astype(a, kind) for a in arrays]
    asked = {"optimize": optimize} if optimize else {}
    return einsum(*arrays, subscripts=explicit(subscripts, tuple([a.ndim for a in arrays])), **asked)


nondifferentiable(np.einsum_path)
