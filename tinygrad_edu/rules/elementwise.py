"""Elementwise functions. Where a formula would be wrong at one point, the rule says what holds there."""

from typing import Any

import numpy as np

from .registry import composition, defvjp, nondifferentiable, primitive

# Arithmetic
defvjp(np.add,       lambda g, y, a, b: g,
                     lambda g, y, a, b: g)
defvjp(np.subtract,  lambda g, y, a, b: g,
                     lambda g, y, a, b: -g)
defvjp(np.multiply,  lambda g, y, a, b: g * b,
                     lambda g, y, a, b: g * a)
defvjp(np.divide,    lambda g, y, a, b: g / b,
                     lambda g, y, a, b: -g * y / b)
defvjp(np.remainder, lambda g, y, a, b: g,
                     lambda g, y, a, b: -g * np.floor_divide(a, b))
defvjp(np.negative,  lambda g, y, x: -g)
defvjp(np.positive,  lambda g, y, x: g)
defvjp(np.absolute,  lambda g, y, x: g * np.sign(x))
defvjp(np.square,    lambda g, y, x: g * (2 * x))
defvjp(np.sqrt,      lambda g, y, x: g / (2 * y))


def power_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    """b a**(b-1), which at b = 0 is 0, not 0 * a**-1."""
    if isinstance(b, (int, float)):
        return g * (b * a ** (b - 1)) if b else g * 0
    return g * (b * np.power(a, np.where(b == 0, 0, b - 1)))


def power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """y log(a), which at a = 0 is 0, not 0 * log(0)."""
    return g * (y * np.log(np.where(a == 0, 1, a)))


defvjp(np.power, power_base, power_exponent)

# Exponentials, logarithms, trigonometry
defvjp(np.exp,   lambda g, y, x: g * y)
defvjp(np.expm1, lambda g, y, x: g * (y + 1))
defvjp(np.log,   lambda g, y, x: g / x)
defvjp(np.log1p, lambda g, y, x: g / (1 + x))
defvjp(np.sin,   lambda g, y, x: g * np.cos(x))
defvjp(np.cos,   lambda g, y, x: -g * np.sin(x))
defvjp(np.tan,   lambda g, y, x: g * (1 + y * y))
defvjp(np.tanh,  lambda g, y, x: g * (1 - y * y))
defvjp(np.logaddexp, lambda g, y, a, b: g * np.exp(a - y),
                     lambda g, y, a, b: g * np.exp(b - y))

# Choices: ties share the gradient equally
defvjp(np.maximum, lambda g, y, a, b: np.where(a == b, g / 2, g * (a > b)),
                   lambda g, y, a, b: np.where(a == b, g / 2, g * (a < b)))
defvjp(np.minimum, lambda g, y, a, b: np.where(a == b, g / 2, g * (a < b)),
                   lambda g, y, a, b: np.where(a == b, g / 2, g * (a > b)))
defvjp(np.where,   None,
                   lambda g, y, c, a, b: np.where(c, g, 0),
                   lambda g, y, c, a, b: np.where(c, 0, g))


@primitive
def clip(x: Any, low: Any, high: Any) -> Any:
    """Bring `np.clip`, whose bounds have two names each, to one list of arguments."""
    return np.clip(x, low, high)


defvjp(clip, lambda g, y, x, low, high: g * within(x, low, high),
             lambda g, y, x, low, high: g * (x < low),
             lambda g, y, x, low, high: g * (x > high))


def within(x: Any, low: Any, high: Any) -> Any:
    """Where x is inside the bounds; a bound itself counts as inside."""
    inside = True if low is None else x >= low
    return inside if high is None else inside & (x <= high)


@composition(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


nondifferentiable(
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.floor_divide,
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.isnan, np.isinf, np.isfinite, np.signbit, np.allclose, np.isclose, np.array_equal,
)
