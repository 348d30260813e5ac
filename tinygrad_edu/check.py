"""Reverse mode against finite differences: the proof that every rule, and every user's function, has to pass."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .transforms.reverse import grad


class GradientError(ValueError):
    """A gradient and its finite difference disagree."""


def check_grad(
    f: Callable[..., Any], *args: Any, order: int = 2, rtol: float = 1e-6, atol: float = 1e-6, eps: float = 1e-5,
    rng: Any = 0,
) -> None:  # fmt: skip
    """Compare the gradients of f, up to the `order`-th derivative, with central differences.

    Arguments of float64 (and Python floats) are checked, others are constants; f may give an array, which is
    then weighted with random numbers. Differences are of fourth order (Abramowitz and Stegun 25.3.6) with
    step `eps` times the size of each number. The first disagreement beyond atol + rtol |difference| raises
    GradientError with the argument, the index, both numbers and their difference.
    """
    values = [_checked(i, a) for i, a in enumerate(args)]
    argnums = tuple(i for i, v in enumerate(values) if v is not None)
    if not argnums:
        raise ValueError("check_grad: no argument is of float64, so there is nothing to check")
    arguments = [a if v is None else v for a, v in zip(args, values, strict=True)]
    generator = np.random.default_rng(rng)
    for n in range(1, order + 1):
        f = _weighted(f, arguments, generator)
        gradient = grad(f, argnums)
        _compare(f, gradient(*arguments), arguments, argnums, n, rtol, atol, eps)
        f = _flat(gradient)


def _checked(i: int, a: Any) -> Any:
    """A float64 copy of an argument that is to be checked, None for one that is a constant."""
    if isinstance(a, float):
        return np.array(float(a))
    dtype = getattr(a, "dtype", np.dtype(object))
    if dtype in (np.float32, np.float16):
        raise TypeError(
            f"check_grad: argument {i} is {dtype}, whose rounding hides in finite differences what is to be found; "
            "pass float64"
        )
    return np.array(getattr(a, "data", a) if not isinstance(a, np.ndarray) else a) if dtype == np.float64 else None


def _flat(gradient: Callable[..., Any]) -> Callable[..., Any]:
    """All gradients as one vector."""
    return lambda *args: np.concatenate([g.reshape(-1) for g in gradient(*args)])


def _weighted(f: Callable[..., Any], args: list[Any], rng: "np.random.Generator") -> Callable[..., Any]:
    """f reduced to one number by weights drawn once; a number is taken as it is."""
    shape = np.shape(f(*args))
    weights = rng.uniform(0.5, 1.5, shape) if shape else 1.0
    return lambda *args: np.sum(weights * f(*args))


def _compare(
    f: Callable[..., Any], gradients: Any, args: list[Any], argnums: tuple[int, ...], order: int, rtol: float,
    atol: float, eps: float,
) -> None:  # fmt: skip
    for i, g in zip(argnums, gradients, strict=True):
        x = args[i]
        if g.shape != x.shape:
            raise GradientError(f"check_grad: argument {i} has shape {x.shape}, its gradient {g.shape}")
        for index in np.ndindex(x.shape):
            h = eps * max(1.0, abs(x[index]))

            def at(step: float, i: int = i, index: Any = index, h: float = h) -> float:
                moved = [np.copy(a) if j == i else a for j, a in enumerate(args)]
                moved[i][index] += step * h
                return float(f(*moved))

            difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
            error = abs(g[index] - difference)
            if not error <= atol + rtol * abs(difference):
                raise GradientError(
                    f"check_grad: derivative of order {order} by argument {i} at index {index}: reverse mode gives "
                    f"{g[index]:.12g}, finite differences {difference:.12g}; they differ by {error:.3g}"
                )
