"""Ordinary differential equations by the names and arguments of `scipy.integrate`, whose own functions take no Tensors.

The solver is a Runge-Kutta method in plain NumPy. Its steps are recorded as any other computation, so that gradients by
the initial state, the times and all parameters are those of the numbers that it returns, of any order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .engine.arguments import nonnegative_numbers
from .engine.rules.activations import floating, numbers
from .engine.rules.parameters import check_functions
from .engine.tensor import Tensor

__all__ = ["odeint"]

# Dormand and Prince 1980: the coefficients of each stage, those of the result, and their differences from an embedded
# method of order 4, which estimate the error.
NODES = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1)
STAGES = (
    (), (1 / 5,), (3 / 40, 9 / 40), (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)  # fmt: skip
RESULT = (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
ERROR = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
DEFAULT = 1.49012e-8  # SciPy's tolerance


def odeint(
    func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...] = (), *, rtol: float = DEFAULT,
    atol: float = DEFAULT, tfirst: bool = False, mxstep: int = 10_000, steps: int | None = None,
) -> Any:  # fmt: skip
    """Return the solution y of dy/dt = func(y, t, *args) at the times t, of shape (len(t), *y0.shape); y(t[0]) is y0.

    As in SciPy a number y0 counts as a vector of length 1, and func may return a list of numbers, or a number for a
    vector of length 1. The state may be complex.

    The method of Dormand and Prince (order 5) chooses its steps so that the error of each is below atol + rtol |y|;
    `steps` takes that many equal steps between two times instead, which `jit` can record. Times are increasing or
    decreasing. With `tfirst` the function is func(t, y, *args). Raises RuntimeError where more than `mxstep` steps
    between two times are needed, as for a stiff equation. Raises ValueError for times that are not a vector of finite
    numbers, for a func of another shape than y, and where y is NaN or func not finite at the first time.

    >>> tg.odeint(lambda y, t: -y, 1.0, [0.0, 1.0]).round(4)  # exp(-t)
    array([[1.    ],
           [0.3679]])
    """
    check_functions("integrate.odeint", func)
    nonnegative_numbers("integrate.odeint", rtol=rtol, atol=atol, mxstep=mxstep)
    if steps is not None and not (hasattr(steps, "__index__") and steps >= 1):
        raise ValueError(f"integrate.odeint: steps is a whole number from 1, or None, not {steps!r:.60}")
    y0 = np.stack([*y0]) if isinstance(y0, (list, tuple)) else y0
    y, t, args = np.atleast_1d(numbers(y0)), floating(t), args if isinstance(args, tuple) else (args,)
    if np.ndim(t) != 1 or not len(t):
        raise ValueError(f"integrate.odeint: t is a vector of times, the first of them that of y0, not {np.shape(t)}")
    if steps is None and not np.all(np.isfinite(plain(t))):
        raise ValueError("integrate.odeint: t holds NaN or infinity; times are finite numbers")

    def slope(y: Any, t: Any) -> Any:
        dy = func(t, y, *args) if tfirst else func(y, t, *args)
        if isinstance(dy, (list, tuple)):
            dy = np.stack([*dy])
        elif dy is not None:  # as of a function without return
            dy = np.atleast_1d(dy)
        if np.shape(dy) != np.shape(y):
            raise ValueError(f"integrate.odeint: func gives shape {np.shape(dy)} for a state of shape {np.shape(y)}")
        return dy

    floats = np.finfo(y.dtype)  # those of the real part
    t = t if t.dtype == floats.dtype else t.astype(floats.dtype)
    limits = max(rtol, 10 * float(floats.eps)), max(atol, 10 * float(floats.eps)), mxstep
    ys, first, step = [y], None, None
    for i in range(len(t) - 1):
        span = t[i + 1] - t[i]
        if steps is not None:
            for k in range(steps):
                y, first, _ = advance(slope, y, t[i] + span * (k / steps), span * (1 / steps), first)
        else:
            y, first, step = solve(slope, y, t[i], span, first, step, limits)
        ys.append(y)
    return np.stack(ys)


def advance(slope: Callable[..., Any], y: Any, t: Any, h: Any, first: Any) -> tuple[Any, Any, Any]:
    """Return y one step h later, the slope there, and an estimate of the error; `first` is the slope at y, or None."""
    slopes = [slope(y, t) if first is None else first]
    for node, stage in zip(NODES[1:], STAGES[1:], strict=True):
        slopes.append(slope(y + h * combined(stage, slopes), t + node * h))
    later = y + h * combined(RESULT, slopes)
    slopes.append(slope(later, t + h))
    return later, slopes[-1], h * combined(ERROR, slopes)


def combined(weights: tuple[float, ...], slopes: list[Any]) -> Any:
    """Return the weighted sum of the slopes."""
    first, *others = [w * k for w, k in zip(weights, slopes, strict=False) if w]
    return sum(others, first)


def solve(
    slope: Callable[..., Any], y: Any, t: Any, span: Any, first: Any, step: float | None,
    limits: tuple[float, float, int],
) -> tuple[Any, Any, float]:  # fmt: skip
    """Return y at t + span, the slope there, and a good next step, after steps whose error is within the limits.

    Steps are constant fractions of the span, so that the gradients by both times are those of the result.
    """
    rtol, atol, most = limits
    first = slope(y, t) if first is None else first
    length, done = abs(float(plain(span))), 0.0
    if step is None:  # so that y changes by a hundredth, or by the tolerance
        scale = atol + rtol * np.abs(plain(y)).astype(float)  # what float16 divides may overflow
        with np.errstate(invalid="ignore"):  # of infinities
            slowest = float(np.max(np.abs(plain(first)) / scale, initial=1e-30))
        if np.any(np.isnan(plain(y))) or not np.all(np.isfinite(plain(first))):
            raise ValueError(f"integrate.odeint: y or func(y, t) is NaN or infinite at the first time, t = {plain(t)}")
        step = max(1.0, 0.01 * float(np.max(np.abs(plain(y)) / scale, initial=0.0))) / slowest
    fraction = step / length if length else 1.0
    for _ in range(most):
        taken = min(fraction, 1 - done)
        with np.errstate(over="ignore", invalid="ignore"):  # a step that is too long is repeated
            later, last, error = advance(slope, y, t + done * span, taken * span, first)
            scale = atol + rtol * np.maximum(np.abs(plain(y)), np.abs(plain(later)))
            ratio = float(np.max(np.abs(plain(error)) / scale, initial=0.0))
        factor = min(5.0, max(0.2, 0.9 * (ratio + 1e-30) ** -0.2)) if np.isfinite(ratio) else 0.1
        if ratio <= 1:
            y, first, done = later, last, done + taken
            if done >= 1 - 1e-14:  # the last step may have been shortened, to end at the span
                return y, first, max(step, factor * taken * length)
        fraction = factor * taken
        step = fraction * length
    raise RuntimeError(
        f"integrate.odeint: {most} steps do not suffice after t = {float(plain(t))}; if the equation is stiff or has "
        "no finite solution there, use an implicit method, otherwise raise mxstep= or the tolerances"
    )


def plain(x: Any) -> Any:
    """Return the array of a Tensor, and anything else as it is."""
    return x.data if isinstance(x, Tensor) else x
