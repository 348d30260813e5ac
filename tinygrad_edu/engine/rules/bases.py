"""Vectors that complete an orthonormal basis, for decompositions in full size."""

import math

import numpy as np

from .linalg import H, T
from .products import matmul
from .registry import Array, conj, defvjp, nondifferentiable, primitive


@primitive
def complement_of(u: Array, complete: Array) -> Array:
    """The columns of an orthonormal basis, `complete`, that follow those of u."""
    return complete[..., u.shape[-1] :]


def complement_rule(g: Array, y: Array, u: Array, complete: Array) -> Array:
    """-y g.T u: where u turns, y turns with it.

    The basis y is a matter of choice. A function that depends on it, where y.T g is not symmetric, gets NaN.
    """
    turn = matmul(T(y), g)
    tolerance = math.sqrt(np.finfo(y.dtype).eps) * np.max(np.abs(g), axis=(-2, -1), initial=0, keepdims=True)
    chosen = np.any(np.abs(turn - H(turn)) > tolerance, axis=(-2, -1), keepdims=True)
    return np.where(chosen, np.nan, -matmul(conj(y), matmul(H(g), conj(u))))


defvjp(complement_of, complement_rule, None)


def completed(u: Array, complete: Array) -> Array:
    """Return an orthonormal basis that begins with u."""
    return u if u.shape[-1] == complete.shape[-1] else np.concatenate([u, complement_of(u, complete)], axis=-1)


@primitive
def complete_vectors(a: Array, side: str) -> Array:
    """The complete basis of a decomposition of a: "U" or "V" of the singular values', "Q" of QR."""
    if side == "Q":
        return np.linalg.qr(a, "complete")[0]
    u, _, vh = np.linalg.svd(a)
    return u if side == "U" else H(vh)


nondifferentiable(complete_vectors)
