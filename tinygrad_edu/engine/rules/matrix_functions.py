"""Functions of matrices that NumPy lacks: SciPy computes them, and is imported when one of them is called."""

from __future__ import annotations

from typing import Any

import numpy as np

from .linalg import T
from .products import matmul
from .registry import Array, array_likes, defvjp, is_complex, opaques, predicate, primitive, promoting, takes_complex


def scipys() -> Any:
    """Return `scipy.linalg`; raise ImportError with the remedy where SciPy is missing."""
    try:
        from scipy import linalg
    except ImportError as error:
        raise ImportError("SciPy computes this function of matrices: python -m pip install scipy") from error
    return linalg


@primitive
def expm(a: Array) -> Array:
    """The exponential of a square matrix, or of each matrix of a stack.

    >>> tg.linalg.expm(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return scipys().expm(a)


def expm_rule(g: Array, y: Array, a: Array) -> Array:
    """The integral of exp(s a.T) g exp((1 - s) a.T) over s from 0 to 1.

    It is a block of the exponential of [[a.T, g], [0, a.T]]:
    Najfeld and Havel 1995, "Derivatives of the matrix exponential and their computation".
    """
    n = a.shape[-1]
    above = np.concatenate([T(a), g], axis=-1)
    below = np.concatenate([np.zeros_like(T(a)), T(a)], axis=-1)
    return expm(np.concatenate([above, below], axis=-2))[..., :n, n:]


@primitive
def complex_sqrtm(a: Array) -> Array:
    """The square root of a matrix as complex numbers: whether a recorded one is real depends on the values."""
    root = scipys().sqrtm(a)
    return root.astype(np.result_type(root, np.complex64), copy=False)


@predicate
def is_real(root: Array) -> bool:
    """Return whether no element has an imaginary part."""
    return not np.any(np.imag(root))


@primitive
def sqrtm(a: Array) -> Array:
    """The principal square root of a square matrix, (n, n).

    >>> tg.linalg.sqrtm(np.diag([4.0, 9.0])).round(4)
    array([[2., 0.],
           [0., 3.]])
    """
    if type(a) in (np.ndarray, list, tuple):
        return scipys().sqrtm(a)
    root = complex_sqrtm(a)  # of a recorded array
    return root if is_complex(a) or not is_real(root) else np.copy(np.real(root))


@primitive
def solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    """The solution x (m, n) of a x + x b = q, for a of shape (m, m) and b of shape (n, n).

    >>> tg.linalg.solve_sylvester(np.eye(2), np.eye(2), np.full((2, 2), 4.0)).round(4)
    array([[2., 2.],
           [2., 2.]])
    """
    for x in (a, b, q):
        if type(x) in array_likes:
            np.asarray(x)  # raises: vmap then takes a Batch one by one, and jit refuses a recorded array
    kind = np.result_type(a, b, q)  # SciPy's result is wrong where some are real and others complex
    return scipys().solve_sylvester(*[x.astype(kind, copy=False) if kind.kind == "c" else x for x in (a, b, q)])


defvjp(expm,            expm_rule)
defvjp(sqrtm,           lambda g, y, a: solve_sylvester(T(y), T(y), g))
defvjp(solve_sylvester, lambda g, y, a, b, q: -matmul(solve_sylvester(T(a), T(b), g), T(y)),
                        lambda g, y, a, b, q: -matmul(T(y), solve_sylvester(T(a), T(b), g)),
                        lambda g, y, a, b, q: solve_sylvester(T(a), T(b), g))
takes_complex.update([expm, sqrtm, solve_sylvester])
promoting.add(solve_sylvester)
opaques.update({expm: False, complex_sqrtm: False, solve_sylvester: False})
