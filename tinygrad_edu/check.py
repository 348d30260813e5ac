"""Gradients against finite differences: the check that every rule, and every user's function, has to pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .transforms.reverse import grad

Array = NDArray[np.float64]
Function = Callable[..., Any]


class GradientError(ValueError):
    """A gradient and its finite difference disagree."""


def check_grad(
    f: Function, *args: Any, order: int = 2, rtol: float = 1e-6, atol: float = 1e-6, eps: float = 1e-5,
    rng: np.random.Generator | int | None = 0,
) -> None:  # fmt: skip
    """Compare the gradients of f, up to the `order`-th derivative, with central differences.

    Arguments of float64 (and Python floats) are checked, others are constants. If f returns an array, the sum of its
    elements times random weights is differentiated. Differences are of fourth order (Abramowitz and Stegun 25.3.6),
    with step `eps` times the larger of 1 and the element. Raises GradientError with the argument, the index, both
    numbers and their difference where they differ by more than atol + rtol |difference|.
    """
    checked = {i: x for i, a in enumerate(args) if (x := _float64_copy(i, a)) is not None}
    if not checked:
        raise ValueError("check_grad: no argument is of float64, so there is nothing to check")
    arguments, argnums = [checked.get(i, a) for i, a in enumerate(args)], tuple(checked)
    generator = np.random.default_rng(rng)
    for n in range(1, order + 1):
        f = _weighted_sum(f, arguments, generator)
        gradient = grad(f, argnums)
        for i, g in zip(argnums, gradient(*arguments), strict=True):
            _compare(f, g, arguments, i, n, rtol, atol, eps)
        f = _concatenated(gradient)


def _float64_copy(i: int, a: Any) -> Array | None:
    """Return a copy of an argument to check, or None for a constant; raises TypeError for less than float64."""
    if isinstance(a, float):
        return np.array(float(a))
    dtype = getattr(a, "dtype", np.dtype(object))
    if dtype in (np.float32, np.float16):
        remedy = "pass float64, whose rounding errors are small enough"
        raise TypeError(f"check_grad: argument {i} is {dtype}; {remedy}")
    return np.array(getattr(a, "data", a) if not isinstance(a, np.ndarray) else a) if dtype == np.float64 else None


def _concatenated(gradient: Function) -> Function:
    """Return a function of all gradients as one vector."""
    return lambda *args: np.concatenate([g.reshape(-1) for g in gradient(*args)])


def _weighted_sum(f: Function, args: list[Any], rng: np.random.Generator) -> Function:
    """Return f as a function with a scalar result: the sum of f's elements times random weights."""
    shape = np.shape(f(*args))
    weights = rng.uniform(0.5, 1.5, shape) if shape else 1.0
    return lambda *args: np.sum(weights * f(*args))


def _compare(f: Function, g: Array, args: list[Any], i: int, order: int, rtol: float, atol: float, eps: float) -> None:
    """Raise GradientError unless g is the gradient of f by argument i, as far as finite differences tell."""
    x: Array = args[i]
    if g.shape != x.shape:
        raise GradientError(f"check_grad: argument {i} has shape {x.shape}, its gradient {g.shape}")
    for index in np.ndindex(x.shape):
        h = eps * max(1.0, abs(float(x[index])))

        def at(steps: float, index: tuple[int, ...] = index, h: float = h) -> float:
            moved = np.copy(x)
            moved[index] += steps * h
            return float(f(*args[:i], moved, *args[i + 1 :]))

        difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        error = abs(g[index] - difference)
        if not error <= atol + rtol * abs(difference):
            given = f"reverse mode gives {g[index]:.12g}, finite differences {difference:.12g}"
            where = f"derivative of order {order} by argument {i} at index {index}"
            raise GradientError(f"check_grad: {where}: {given}; they differ by {error:.3g}")
