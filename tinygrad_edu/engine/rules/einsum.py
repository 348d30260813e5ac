"""Einsum: the gradient of an operand is the einsum of g and the other operands, with two subscripts exchanged."""

import functools
from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase
from types import EllipsisType
from typing import Any

import numpy as np

from .registry import Array, Shape, arrays_of, composition, defvjp, nondifferentiable, primitive

LETTERS = ascii_uppercase + ascii_lowercase  # in the order in which einsum sorts an output that is not given
SUBSCRIPTS: dict[int | EllipsisType, str] = {Ellipsis: "...", **dict(enumerate(LETTERS))}


def letters_of(sublist: Iterable[int | EllipsisType]) -> str:
    """Convert subscripts given as integers to letters."""
    try:
        return "".join([SUBSCRIPTS[s] for s in sublist])
    except (KeyError, TypeError):
        raise ValueError(
            f"np.einsum: {sublist!r:.60} are no subscripts; give a list of integers from 0 to 51 and Ellipsis "
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


@primitive
def einsum(*operands: Array, subscripts: str, optimize: Any = False) -> Array:
    """`np.einsum` with `explicit` subscripts."""
    return np.einsum(subscripts, *operands, optimize=optimize)


def einsum_rule(i: int, g: Array, y: Array, *operands: Array, subscripts: str, optimize: Any = False) -> Array:
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
    g = einsum(g, *operands[:i], *operands[i + 1 :], subscripts=exchanged, optimize=bool(optimize))
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
    return einsum(*arrays, subscripts=explicit(subscripts, tuple([a.ndim for a in arrays])), optimize=optimize)


nondifferentiable(np.einsum_path)
