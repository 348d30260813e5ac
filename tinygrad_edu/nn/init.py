"""Initial values of weights: functions of a shape and a Generator, for `Linear(..., init=...)` and any array.

With weights of shape (out, in, ...), fan-in is `in` times the remaining sizes, and fan-out `out` times these.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from ..engine.rules.registry import Array

Rng = np.random.Generator | int | None
Init = Callable[[tuple[int, ...], Rng], Array]


def xavier_uniform(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return weights (out, in), uniform within sqrt(6 / (in + out)), for tanh (Glorot & Bengio 2010)."""
    bound = (6 / sum(_fans("xavier_uniform", shape))) ** 0.5
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def xavier_normal(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return weights (out, in), normal with standard deviation sqrt(2 / (in + out)) (Glorot & Bengio 2010)."""
    return np.random.default_rng(rng).normal(0.0, (2 / sum(_fans("xavier_normal", shape))) ** 0.5, shape)


def he_uniform(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return weights (out, in), uniform within sqrt(6 / in): for relu (He et al. 2015)."""
    bound = (6 / _fans("he_uniform", shape)[1]) ** 0.5
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


def he_normal(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return weights (out, in), normal with standard deviation sqrt(2 / in): for relu (He et al. 2015)."""
    return np.random.default_rng(rng).normal(0.0, (2 / _fans("he_normal", shape)[1]) ** 0.5, shape)


def zeros(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return zeros, for biases: units of a layer whose weights are all equal would stay equal."""
    return np.zeros(shape)


def constant(value: float) -> Init:
    """Return an initialiser that fills the array with one number."""

    def filled(shape: tuple[int, ...], rng: Rng = None) -> Array:
        return np.full(shape, float(value))

    return filled


def orthogonal(shape: tuple[int, ...], rng: Rng = None, gain: float = 1.0) -> Array:
    """Return weights (out, in) with orthonormal rows, or columns if these are fewer, times `gain` (Saxe et al. 2014).

    The distribution is uniform over such matrices: Q of the QR decomposition of normal numbers, with the signs that
    make R's diagonal positive. For a layer with another gain:
    `Linear(8, 8, init=functools.partial(orthogonal, gain=2**0.5))`.
    """
    fan_in = _fans("orthogonal", shape)[1]
    units = shape[0]
    q, r = np.linalg.qr(np.random.default_rng(rng).normal(size=(max(units, fan_in), min(units, fan_in))))
    q *= np.sign(np.diagonal(r))
    return np.ascontiguousarray(gain * (q if units >= fan_in else q.T)).reshape(shape)


def _fans(where: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return fan-out and fan-in: the numbers of outputs and inputs of a unit."""
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise ValueError(f"{where}: weights have a shape (out, in), not {shape}; zeros and constant take any")
    if 0 in shape:
        raise ValueError(
            f"{where}: {tuple(shape)} has no inputs or outputs, so its weights have no variance; use zeros"
        )
    return shape[0] * prod(shape[2:]), prod(shape[1:])
