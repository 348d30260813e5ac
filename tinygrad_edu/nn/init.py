"""First values of weights: functions of a shape and a Generator, for `Linear(..., init=...)` and any array.

Of a shape (out, in, ...) a unit takes `in` times the rest of the shape numbers, and goes into `out` times the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Rng = np.random.Generator | int | None
    Init = Callable[[tuple[int, ...], Rng], Array]


def xavier_uniform(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Give weights (out, in), uniform within sqrt(6 / (in + out)), for tanh (Glorot & Bengio 2010)."""
    return _uniform(shape, (6 / sum(_fans("xavier_uniform", shape))) ** 0.5, rng)


def xavier_normal(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Give weights (out, in), normal with standard deviation sqrt(2 / (in + out)) (Glorot & Bengio 2010)."""
    return _normal(shape, (2 / sum(_fans("xavier_normal", shape))) ** 0.5, rng)


def he_uniform(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Give weights (out, in), uniform within sqrt(6 / in): for relu (He et al. 2015)."""
    return _uniform(shape, (6 / _fans("he_uniform", shape)[1]) ** 0.5, rng)


def he_normal(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Give weights (out, in), normal with standard deviation sqrt(2 / in): for relu (He et al. 2015)."""
    return _normal(shape, (2 / _fans("he_normal", shape)[1]) ** 0.5, rng)


def zeros(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Give zeros: for biases. All units of a layer of such weights would learn the same."""
    return np.zeros(shape)


def constant(value: float) -> Init:
    """Give the initialiser that fills with one number."""

    def filled(shape: tuple[int, ...], rng: Rng = None) -> Array:
        return np.full(shape, float(value))

    return filled


def orthogonal(shape: tuple[int, ...], rng: Rng = None, gain: float = 1.0) -> Array:
    """Give weights (out, in) with orthonormal rows, or columns if these are fewer, times `gain` (Saxe et al. 2014).

    Drawn evenly from all such matrices: Q of the QR decomposition of normal numbers, with R's diagonal made positive.
    As a layer's, with another gain: `Linear(8, 8, init=functools.partial(orthogonal, gain=2**0.5))`.
    """
    rows, columns = shape[0], _fans("orthogonal", shape)[1]
    q, r = np.linalg.qr(_normal((max(rows, columns), min(rows, columns)), 1.0, rng))
    q *= np.sign(np.diagonal(r))
    return np.ascontiguousarray(gain * (q if rows >= columns else q.T)).reshape(shape)


def _fans(where: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers go out of a unit, and into one."""
    if len(shape) < 2:
        raise ValueError(f"{where}: weights have a shape (out, in), not {shape}; zeros and constant take any")
    return shape[0] * prod(shape[2:]), prod(shape[1:])


def _uniform(shape: tuple[int, ...], bound: float, rng: Rng) -> Array:
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def _normal(shape: tuple[int, ...], std: float, rng: Rng) -> Array:
    return np.random.default_rng(rng).normal(0.0, std, shape)
