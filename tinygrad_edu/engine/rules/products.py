"""Products of vectors, matrices and more: the gradient is a product with the other factor, transposed."""

import functools
import math
import operator
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .registry import arrays_of, composition, defvjp, nondifferentiable, primitive


def matmul(a: Any, b: Any) -> Any:
    """a @ b; for matrices `dot` is the same product, and starts sooner (but asks no arrays of other kinds)."""
    try:
        return a.dot(b) if a.ndim == 2 and b.ndim == 2 and type(a) is type(b) else a @ b
    except AttributeError:
        raise TypeError("a number is no factor of a matrix product; multiply with *") from None


def matmul_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g @ b.T, a vector being a row of a or a column of b."""
    if b.ndim == 1:
        return g[..., None] * b
    if a.ndim == 1:
        return np.matmul(b, g[..., None]).squeeze(-1)
    return matmul(g, b.swapaxes(-1, -2))


def matmul_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a.T @ g, a vector being a row of a or a column of b."""
    if a.ndim == 1 and b.ndim == 1:
        return g * a
    if a.ndim == 1:
        return a[:, None] * g[..., None, :]
    if b.ndim == 1:
        return np.matmul(a.swapaxes(-1, -2), g[..., None]).squeeze(-1)
    if b.ndim == 2 and a.ndim > 2:  # one product over the whole stack, rather than a stack to be summed
        n = math.prod(a.shape[:-1])
        return matmul(a.reshape(n, a.shape[-1]).swapaxes(0, 1), g.reshape(n, g.shape[-1]))
    return matmul(a.swapaxes(-1, -2), g)


defvjp(np.matmul, matmul_a, matmul_b)


@composition(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Sums over a's last axis and b's last but one, as one product of matrices."""
    if not hasattr(a, "shape") or not hasattr(b, "shape"):
        a, b = arrays_of((a, b))
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if b.ndim < 3:
        return np.matmul(a, b)
    columns = np.moveaxis(b, -2, 0)
    flat = np.matmul(a, columns.reshape(b.shape[-2], math.prod(columns.shape[1:])))
    return flat.reshape((*a.shape[:-1], *columns.shape[1:]))


@composition(np.linalg.matmul)
def matrix_product(x1: Any, x2: Any, /) -> Any:
    """`np.matmul` under the array API's name."""
    return np.matmul(*arrays_of((x1, x2)))


@composition(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """All elements as one vector each."""
    return np.matmul(np.ravel(a), np.ravel(b))


@composition(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Sums over the last axes of both."""
    a, b = arrays_of((a, b))
    return np.dot(a, b.swapaxes(-1, -2) if a.ndim and b.ndim > 1 else b)


@composition(np.linalg.tensordot)
@composition(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sums over pairs of axes, brought together to be one axis, as one product of matrices."""
    a, b = arrays_of((a, b))
    axes_a, axes_b = axes if np.iterable(axes) else (range(-axes, 0), range(axes))
    over_a, over_b = normalize_axis_tuple(axes_a, a.ndim), normalize_axis_tuple(axes_b, b.ndim)
    lengths = [a.shape[i] for i in over_a]
    if lengths != [b.shape[i] for i in over_b]:
        raise ValueError(
            f"np.tensordot(of shape {a.shape}, of shape {b.shape}): axes {over_a} of the first and {over_b} of the "
            "second are to be summed over, and need equal lengths, pair by pair; axes= says which they are"
        )
    n, k = len(lengths), math.prod(lengths)
    a, b = np.moveaxis(a, over_a, range(-n, 0)), np.moveaxis(b, over_b, range(n))
    rows, columns = a.shape[: a.ndim - n], b.shape[n:]
    flat = np.matmul(a.reshape(math.prod(rows), k), b.reshape(k, math.prod(columns)))
    return flat.reshape((*rows, *columns))


def outer_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g @ b, as a vector."""
    return (g @ np.ravel(b)).reshape(a.shape)


def outer_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a @ g, as a vector."""
    return (np.ravel(a) @ g).reshape(b.shape)


defvjp(np.outer, outer_a, outer_b)
defvjp(np.linalg.outer, outer_a, outer_b)


@composition(np.kron)
def kron(a: Any, b: Any) -> Any:
    """The outer product, with each axis of b inside the same one of a."""
    a, b = arrays_of((a, b))
    n = max(a.ndim, b.ndim)
    a, b = (v.reshape((1,) * (n - v.ndim) + v.shape) for v in (a, b))
    blocks = np.outer(a, b).reshape((*a.shape, *b.shape))
    nested = blocks.transpose([axis for i in range(n) for axis in (i, n + i)])
    return nested.reshape([a.shape[i] * b.shape[i] for i in range(n)])


def vecdot_rule(g: Any, a: Any, b: Any, axis: int | None) -> Any:
    """g times the vectors b, along the axis of a."""
    axis = -1 if axis is None else axis
    along_last = np.expand_dims(g, -1) * np.moveaxis(b, axis, -1)
    return np.moveaxis(along_last, -1, axis if axis < 0 else axis - a.ndim)  # counted from the end: stacks broadcast


defvjp(np.vecdot, lambda g, y, a, b, axis=None: vecdot_rule(g, a, b, axis),
                  lambda g, y, a, b, axis=None: vecdot_rule(g, b, a, axis))


@composition(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """`np.vecdot` under the array API's name."""
    return np.vecdot(*arrays_of((x1, x2)), axis=axis)  # type: ignore[call-overload]


def outers(a: Any, b: Any, matrix: Any) -> Any:
    """The outer product of each pair of vectors; summed in one product where a single matrix served them all."""
    if matrix.ndim == 2:
        stack = range(np.ndim(a) - 1)
        return np.tensordot(a, b, (stack, stack))
    return np.expand_dims(a, -1) * np.expand_dims(b, -2)


if hasattr(np, "matvec"):  # NumPy 2.2
    defvjp(np.matvec, lambda g, y, a, x: outers(g, x, a),
                      lambda g, y, a, x: np.vecmat(g, a))
    defvjp(np.vecmat, lambda g, y, x, a: np.matvec(a, g),
                      lambda g, y, x, a: outers(x, g, a))


@primitive
def cross(a: Any, b: Any) -> Any:
    """The cross product of vectors of three elements, along the last axis."""
    return np.linalg.cross(a, b)


defvjp(cross, lambda g, y, a, b: cross(b, g),
              lambda g, y, a, b: cross(g, a))


@composition(np.cross)
def cross_along(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vectors brought to the last axis, and their product to its own."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = arrays_of((a, b))
    a, b = a if axisa == -1 else np.moveaxis(a, axisa, -1), b if axisb == -1 else np.moveaxis(b, axisb, -1)
    y = cross(a, b)
    return y if axisc == -1 else np.moveaxis(y, -1, axisc)


@composition(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """`np.cross` under the array API's name."""
    return np.cross(x1, x2, axis=axis)


@composition(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@composition(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0) -> Any:
    """Of the last two axes."""
    return np.trace(x, offset, -2, -1)


@composition(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """The square of half the power, and once more a where n is odd."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"np.linalg.matrix_power(of shape {a.shape}, {n}): the last two axes must be square matrices")
    n = operator.index(n)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.where(True, np.eye(a.shape[-1], dtype=a.dtype), a)
    if n == 1:
        return a
    half = matrix_power(a, n // 2)
    return half @ half @ a if n % 2 else half @ half


@composition(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    """The product of all, in the order that takes the fewest multiplications of numbers.

    The best order for a stretch of factors follows from those of its parts (Cormen et al., "Introduction to
    Algorithms", 15.2).
    """
    arrays = arrays_of(arrays)
    n = len(arrays)
    if n == 2:
        return np.dot(*arrays)
    if n < 2 or any([a.ndim != 2 for a in arrays[1:-1]]) or not {arrays[0].ndim, arrays[-1].ndim} <= {1, 2}:
        raise ValueError(
            f"np.linalg.multi_dot: shapes {[a.shape for a in arrays]}; it takes two or more matrices, of which the "
            "first and the last may be vectors"
        )
    sides = [math.prod(arrays[0].shape[:-1]), *[a.shape[0] for a in arrays[1:]], math.prod(arrays[-1].shape[1:])]
    best = {(i, i + 1): (0, i) for i in range(n)}  # of factors i to j: the cost, and where the last product divides
    for j in range(n + 1):
        for i in reversed(range(j - 1)):
            best[i, j] = min(
                (best[i, k][0] + best[k, j][0] + sides[i] * sides[k] * sides[j], k) for k in range(i + 1, j)
            )
    return chain(arrays, best, 0, n)


def chain(arrays: Any, best: Any, i: int, j: int) -> Any:
    """The product of factors i to j, divided where it is best."""
    k = best[i, j][1]
    return np.matmul(chain(arrays, best, i, k), chain(arrays, best, k, j)) if j - i > 1 else arrays[i]


LETTERS = ascii_uppercase + ascii_lowercase  # in the order in which einsum sorts an output that is not given
SUBSCRIPTS: dict[Any, str] = {Ellipsis: "...", **dict(enumerate(LETTERS))}


def lettered(sublist: Any) -> str:
    """Subscripts given as integers, in letters."""
    try:
        return "".join([SUBSCRIPTS[s] for s in sublist])
    except (KeyError, TypeError):
        raise ValueError(
            f"np.einsum: {sublist!r:.60} are no subscripts; they are a list of integers from 0 to 51 and Ellipsis "
            "after each operand, or one string before them all"
        ) from None


@functools.lru_cache
def explicit(subscripts: str, ndims: tuple[int, ...]) -> str:
    """The subscripts with their output, and with letters for ellipses: the last ones, as broadcasting matches axes.

    What does not fit the operands is left for NumPy to refuse.
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
def einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    """`np.einsum` with `explicit` subscripts."""
    return np.einsum(subscripts, *operands, optimize=optimize)


def einsum_rule(i: int, g: Any, y: Any, *operands: Any, subscripts: str, optimize: Any = False) -> Any:
    """The einsum of g and the other operands x, with the subscripts of the output and of the i-th x exchanged.

    Subscripts that only x has were summed away, and where x has length 1 it served all of the others: either is left
    out, and then broadcast. A subscript that x repeats reads a diagonal, and outside of it g is 0.
    """
    x = operands[i]
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    own = terms[i]
    given = ",".join([output, *terms[:i], *terms[i + 1 :]])
    axes = [n for n, c in enumerate(own) if c not in own[:n] and c in given and x.shape[n] != 1]
    exchanged = given + "->" + "".join([own[n] for n in axes])
    g = einsum(g, *operands[:i], *operands[i + 1 :], subscripts=exchanged, optimize=bool(optimize))
    if g.shape != x.shape:
        g = np.broadcast_to(np.expand_dims(g, [n for n in range(x.ndim) if n not in axes]), x.shape)
    for n, c in enumerate(own):
        if c in own[:n]:
            both = own.index(c), n
            diagonal = np.eye(x.shape[n])
            g = np.where(np.expand_dims(diagonal, [k for k in range(x.ndim) if k not in both]), g, 0)
    return g


defvjp(einsum, each=einsum_rule)


@composition(np.einsum)
def einsum_of(*operands: Any, optimize: Any = False) -> Any:
    """Subscripts as one string before all operands, or as a list of integers after each, are made explicit."""
    if isinstance(operands[0], str):
        subscripts, *arrays = operands
    else:
        sublists, others = operands[1::2], operands[::2]
        arrays, output = list(others[: len(sublists)]), others[len(sublists) :]
        subscripts = "->".join([",".join(map(lettered, sublists)), *map(lettered, output)])
    arrays = arrays_of(arrays)
    return einsum(*arrays, subscripts=explicit(subscripts, tuple([a.ndim for a in arrays])), optimize=optimize)


nondifferentiable(np.einsum_path)
