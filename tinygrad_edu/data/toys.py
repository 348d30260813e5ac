"""Toy data sets: small enough to plot, each an example of one difficulty.

Sets of points are X, float64 (n, 2), and their classes y, integers (n,), in random order; the classes have equally many
points, to within one. `noise` is the standard deviation of the noise added to each coordinate, in the units of X.
Without noise the points lie at equal steps on their curves. `rng` (a Generator, a seed or None) draws noise and order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..engine.arguments import check_numbers, generator, whole_number
from ..engine.habits import names_keywords
from ..engine.rules.registry import Array
from .batches import Rng

Curve = Callable[[Array], tuple[Array, Array]]


@names_keywords
def make_moons(n: int = 100, noise: float = 0.1, rng: Rng = None) -> tuple[Array, Array]:
    """Two interlocking half circles of radius 1, which no line separates.

    Class 0 is the upper half of the circle around (0, 0), class 1 the lower half of the circle around (1, 0.5). Returns
    X (n, 2) and y (n,).

    >>> X, y = tg.data.make_moons(100, rng=0)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    """
    upper: Curve = lambda t: (np.cos(np.pi * t), np.sin(np.pi * t))
    lower: Curve = lambda t: (1 - np.cos(np.pi * t), 0.5 - np.sin(np.pi * t))
    return _points("make_moons", [upper, lower], n, noise, rng)


@names_keywords
def make_circles(n: int = 100, noise: float = 0.05, factor: float = 0.5, rng: Rng = None) -> tuple[Array, Array]:
    """A circle of radius 1 around (0, 0), class 0, and one of radius `factor` (above 0, below 1) inside it, class 1.

    Returns X (n, 2) and y (n,). Raises ValueError unless `factor` is between 0 and 1.

    >>> X, y = tg.data.make_circles(100, rng=0)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    """
    check_numbers("make_circles", factor=factor)
    if not 0 < factor < 1:
        raise ValueError(f"make_circles: factor, the radius of the inner circle, is above 0 and below 1, not {factor}")
    return _points("make_circles", [_circle(1.0), _circle(factor)], n, noise, rng)


@names_keywords
def make_spirals(n: int = 100, classes: int = 2, noise: float = 0.1, rng: Rng = None) -> tuple[Array, Array]:
    """A spiral arm for each of the `classes` (2 or more), which turns once around (0, 0) from radius 0.3 to 2.

    Returns X (n, 2) and y (n,). Raises ValueError for fewer than two classes.

    >>> X, y = tg.data.make_spirals(100, rng=0)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    """
    k = whole_number("make_spirals", "classes", classes)
    if k < 2:
        raise ValueError("make_spirals: classes are two or more, not 1")
    return _points("make_spirals", [_arm(i / k) for i in range(k)], n, noise, rng)


@names_keywords
def xor(n: int | None = None, noise: float = 0.0, rng: Rng = None) -> tuple[Array, Array]:
    """Exclusive or: class 1 at the corners (0, 1) and (1, 0) of the unit square, class 0 at (0, 0) and (1, 1).

    Returns X (n, 2) and y (n,). Without `n`, the four corners in the order of a truth table; with it, n points (4 or
    more) shared among the corners. Raises ValueError for fewer than 4 points.

    >>> X, y = tg.data.xor()
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    count, deviation = 4 if n is None else whole_number("xor", "n", n), _deviation("xor", noise)
    if count < 4:
        raise ValueError(f"xor: too few points ({count}) for four corners; n is at least 4")
    rng = generator("xor", rng)
    corner = np.arange(4) if n is None else rng.permutation(count) % 4
    X = corners[corner]
    return X + deviation * rng.standard_normal(X.shape), np.array([0, 1, 1, 0])[corner]


@names_keywords
def make_linear(
    n: int = 100, weights: Sequence[float] = (2.0,), bias: float = 1.0, noise: float = 0.1, rng: Rng = None
) -> tuple[Array, Array]:
    """Points of y = X @ weights + bias + noise: X (n, k), standard normal, for k weights, and y (n, 1).

    `noise` is the standard deviation of the noise in y. Raises ValueError for weights that are not finite.

    >>> X, y = tg.data.make_linear(100, weights=(2.0, -1.0), rng=0)
    >>> X.shape, y.shape
    ((100, 2), (100, 1))
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 1 or not w.size or not np.isfinite(w).all() or not np.isfinite(bias):
        raise ValueError(f"make_linear: weights are a list of finite numbers, the bias is one, not {weights}, {bias}")
    deviation, rng = _deviation("make_linear", noise), generator("make_linear", rng)
    X = rng.standard_normal((whole_number("make_linear", "n", n), w.size))
    y = X @ w + bias + deviation * rng.standard_normal(len(X))
    return X, y.reshape(-1, 1)


def drug_dosage() -> tuple[Array, Array]:
    """Eight patients: the dose of a drug in mL, 0 to 7, and a score of forgetfulness, both (8,); nearly a line.

    >>> tg.data.drug_dosage()[0].shape
    (8,)
    """
    return np.arange(8.0), np.array([1.86, 1.31, 0.62, 0.33, 0.09, -0.67, -1.23, -1.37])


def _points(where: str, curves: list[Curve], n: int, noise: float, rng: Rng) -> tuple[Array, Array]:
    """Return n noisy points in random order, on one curve per class; a curve maps (0, 1) to two coordinates."""
    n, deviation, k = whole_number(where, "n", n), _deviation(where, noise), len(curves)
    if n < k:
        raise ValueError(f"{where}: too few points ({n}) for {k} classes; n is at least {k}")
    rng = generator(where, rng)
    y = np.repeat(np.arange(k), [len(range(i, n, k)) for i in range(k)])
    sizes = np.bincount(y)
    X = np.concatenate([np.column_stack(f((np.arange(m) + 0.5) / m)) for f, m in zip(curves, sizes, strict=True)])
    X += deviation * rng.standard_normal(X.shape)
    order = rng.permutation(n)
    return X[order], y[order]


def _circle(radius: float) -> Curve:
    return lambda t: (radius * np.cos(2 * np.pi * t), radius * np.sin(2 * np.pi * t))


def _arm(start: float) -> Curve:
    def curve(t: Array) -> tuple[Array, Array]:
        radius, angle = 0.3 + 1.7 * t, 2 * np.pi * (start + t)
        return radius * np.cos(angle), radius * np.sin(angle)

    return curve


def _deviation(where: str, noise: float) -> float:
    check_numbers(where, noise=noise)
    if not 0 <= noise < np.inf:
        raise ValueError(f"{where}: noise is a standard deviation, a finite number of at least 0, not {noise}")
    return float(noise)
