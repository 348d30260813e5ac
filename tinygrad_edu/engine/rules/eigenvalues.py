"""Eigenvalues of any square matrix, and the functions of `np.emath`: results may be complex where numbers are real."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .decompositions import close, identity, of_phases, pairwise_quotient
from .degenerate import derivatives, shared
from .limits import Change, any_true
from .linalg import T
from .products import matmul
from .registry import (
    Array,
    Function,
    arrays_of,
    composition,
    conj,
    defvjp,
    is_complex,
    limits,
    nondifferentiable,
    predicate,
    primitive,
    takes_complex,
    unsettled,
)  # fmt: skip

DEFECTIVE = 1e3  # vectors whose matrix is so many rounding errors from a singular one form no basis


class EigResult(NamedTuple):
    """The results of `np.linalg.eig`."""

    eigenvalues: Array
    eigenvectors: Array


@primitive
def eig(a: Array) -> Array:
    """Eigenvalues, each above its eigenvector; real if all eigenvalues are."""
    w, v = np.linalg.eig(a)
    return np.concatenate([w[..., None, :], v], axis=-2)


@primitive
def defective(v: Array) -> Array:
    """Return whether the eigenvectors form no basis, for each matrix of a stack."""
    s = np.linalg.svdvals(v)
    least = np.min(s, axis=-1, initial=np.inf, keepdims=True)[..., None]
    return least < DEFECTIVE * v.shape[-1] * np.finfo(v.dtype).eps


def eig_rule(g: Array, y: Array, a: Array) -> Array:
    """v**-T (diag(gradient of w) + f * (v.T (gradient of v) - c)) v.T, where f[i, j] = 1 / (w[j] - w[i]).

    c keeps each vector's length 1 (Boeddeker et al. 2017, "On the computation of complex-valued gradients with
    application to statistically optimum beamforming", as in PyTorch). NaN for equal eigenvalues (see `eig_limit`),
    where the vectors form no basis, and for a function of the phases of complex vectors, which are a matter of choice.
    """
    w, v = y[..., 0, :], y[..., 1:, :]
    broken = defective(v)
    v = np.where(broken, identity(w), v)
    m = matmul(T(v), g[..., 1:, :])
    lengths = np.real(np.diagonal(m, axis1=-2, axis2=-1))[..., None, :]
    f = pairwise_quotient(1.0, w[..., None, :] - w[..., None], close(w))
    turn = (m - matmul(T(v), conj(v)) * lengths) * f + of_phases(m, g[..., 1:, :])
    r = np.linalg.solve(T(v), matmul(turn + g[..., :1, :] * identity(w), T(v)))
    return np.where(broken, np.nan, r)


def eig_limit(i: int, r: Array, g: Array, change: Change, y: Array, a: Array) -> Array:
    """The rule for equal eigenvalues, where a function of the eigenvalues alone has the same gradient by each of them.

    So it is for a sum of all eigenvalues. `shared` says whether the vectors matter, also to derivatives of g.
    """
    w, v = y[..., 0, :], y[..., 1:, :]
    equal = close(w)
    if not any_true(equal & ~np.eye(w.shape[-1], dtype=bool)):
        return r
    of_w, alone = shared(g, derivatives(change, y, range(w.shape[-1])), equal)
    differ = np.any(np.abs(g[..., :1, :] - of_w) > 0, axis=(-2, -1), keepdims=True)
    broken = defective(v)
    v = np.where(broken, identity(w), v)
    return np.where(alone & ~differ & ~broken, np.linalg.solve(T(v), np.swapaxes(g[..., :1, :], -1, -2) * T(v)), r)


defvjp(eig, eig_rule)
nondifferentiable(defective)
limits[eig] = eig_limit
unsettled.add(eig)


@composition(np.linalg.eig)
def _eig(a: Array) -> EigResult:
    y = eig(a)
    return EigResult(y[..., 0, :], y[..., 1:, :])


composition(np.linalg.eigvals)(lambda a: eig(a)[..., 0, :])


# np.emath: functions of real numbers whose results are complex outside of an interval
@predicate
def any_outside(x: Array, low: float, high: float) -> bool:
    """Return whether a real number is below or above the interval."""
    return bool(np.any((x < low) | (x > high)))


def extended(x: ArrayLike, low: float = -np.inf, high: float = np.inf) -> Array:
    """Return x as complex numbers if one of its elements is outside of the interval."""
    (a,) = arrays_of([x])
    return a if is_complex(a) or not any_outside(a, low, high) else a + 0j


def widen(name: str, fun: Function, low: float, high: float = np.inf) -> None:
    """Register a function of `np.emath` of one argument."""
    composition(getattr(np.emath, name))(lambda x: fun(extended(x, low, high)))


widen("sqrt",    np.sqrt,    0)
widen("log",     np.log,     0)
widen("log2",    np.log2,    0)
widen("log10",   np.log10,   0)
widen("arcsin",  np.arcsin,  -1, 1)
widen("arccos",  np.arccos,  -1, 1)
widen("arctanh", np.arctanh, -1, 1)
composition(np.emath.logn)(lambda n, x: np.log(extended(x, 0)) / np.log(extended(n, 0)))
composition(np.emath.power)(lambda x, p: np.power(extended(x, 0), p))
takes_complex.update([np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10, np.emath.arcsin, np.emath.arccos,
                      np.emath.arctanh, np.emath.logn, np.emath.power])
