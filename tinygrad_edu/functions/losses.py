"""Losses that compare a prediction with a target element by element."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.arguments import check_numbers
from ..engine.dispatch import Operand
from ..engine.errors import converted, kind_of
from ..engine.rules.activations import REAL
from ..engine.rules.foreign import array_from
from ..engine.rules.promotion import same_precision
from ..engine.rules.registry import Array, is_complex, predicate_of_all
from ..transforms.custom import stop_gradient
from .activations import floating, relu

OF_COMPLEX = ("mse_loss", "l1_loss")  # the losses that are distances of complex numbers too
TWICE = "the first argument is a result of {0} already, and the loss applies {0} itself; pass the scores before it"


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of the squared differences; of complex numbers, of their squared absolute values.

    Prediction and target have one shape, and the result is one number unless `reduction` is "none"; raises ValueError
    for different shapes.

    >>> print(tg.mse_loss([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    return reduced("mse_loss", squared(difference("mse_loss", prediction, target)), reduction)


def l1_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of the absolute differences, also of complex numbers.

    Prediction and target have one shape, and the result is one number unless `reduction` is "none"; raises ValueError
    for different shapes.

    >>> print(tg.l1_loss([1.0, 2.0], [1.0, 4.0]))
    1.0
    """
    return reduced("l1_loss", np.abs(difference("l1_loss", prediction, target)), reduction)


def huber_loss(prediction: Any, target: Any, delta: float = 1.0, *, reduction: str = "mean") -> Any:
    """Return the mean of d**2 / 2 where |d| <= `delta`, and delta (|d| - delta / 2) elsewhere (Huber 1964).

    Raises ValueError for different shapes of prediction and target, and unless `delta` is positive.

    >>> print(tg.huber_loss([1.0, 2.0], [1.5, 5.0]))
    1.3125
    """
    check_numbers("huber_loss", delta=delta)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    d = difference("huber_loss", prediction, target)
    clipped = np.clip(d, -delta, delta)  # d itself up to delta, so without a kink at 0
    return reduced("huber_loss", clipped * (d - clipped / 2), reduction)


def smooth_l1_loss(prediction: Any, target: Any, beta: float = 1.0, *, reduction: str = "mean") -> Any:
    """Return the mean of d**2 / (2 beta) where |d| < `beta`, and |d| - beta / 2 elsewhere (Girshick 2015).

    It is `huber_loss` divided by `beta`; with `beta=0` it is `l1_loss`, whose derivative at 0 is 0. Raises ValueError
    for different shapes of prediction and target, and for `beta` below 0.

    >>> print(tg.smooth_l1_loss([1.0, 2.0], [1.5, 5.0]))
    1.3125
    """
    check_numbers("smooth_l1_loss", beta=beta)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    d = difference("smooth_l1_loss", prediction, target)
    if beta == 0:
        return reduced("smooth_l1_loss", np.abs(d), reduction)
    clipped = np.clip(d, -beta, beta)
    within = clipped / beta * (clipped / 2)  # of (d - clipped / 2) / beta the gradient might overflow for a small beta
    return reduced("smooth_l1_loss", within + np.abs(d - clipped), reduction)


def hinge_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of max(0, 1 - target * prediction), with targets -1 and 1.

    Raises ValueError for different shapes, and for targets other than 1 and -1.

    >>> print(tg.hinge_loss([0.5, -2.0], [1.0, -1.0]))
    0.25
    """
    prediction, target = operands("hinge_loss", prediction, target)
    if not signs(target):
        raise ValueError("hinge_loss: targets are -1 and 1; instead of 0 and 1 pass 2 * target - 1")
    return reduced("hinge_loss", relu(1 - np.multiply(target, prediction)), reduction)


@predicate_of_all(False)
def signs(target: Array) -> bool:
    """Return whether all elements are -1 or 1."""
    return bool(np.equal(np.abs(target), 1).all())


def squared(d: Any) -> Any:
    """Return the squares of real numbers, and the squared absolute values of complex ones."""
    return np.square(d.real) + np.square(d.imag) if is_complex(d) else np.square(d)


def check_same_shape(
    loss: str, prediction: Any, target: Any, names: tuple[str, str] = ("prediction", "target")
) -> None:
    """Raise ValueError if a prediction and its target, or two arguments of other names, have different shapes."""
    if np.shape(prediction) != np.shape(target):
        shapes = f"the {names[0]} has shape {np.shape(prediction)} and the {names[1]} {np.shape(target)}"
        raise ValueError(f"{loss}: {shapes}; they must be the same, so reshape one (y.reshape(-1, 1) makes a column)")


def operands(
    loss: str, prediction: Any, target: Any, names: tuple[str, str] = ("prediction", "target")
) -> Sequence[Any]:
    """Return a prediction of floats, and its target, which must have the same shape, in one precision."""
    if not isinstance(prediction, (Operand, tuple)):
        prediction = beside(loss, None, prediction, names[0])
    prediction = floating(prediction, loss not in OF_COMPLEX)
    target = beside(loss, prediction, target, names[1])
    check_same_shape(loss, prediction, target, names)
    return same_precision(prediction, target)


def beside(loss: str, prediction: Any, x: Any, name: str = "target") -> Any:
    """Return an argument beside a prediction: integers, numbers and lists in its dtype, as float32 should stay so.

    Raises TypeError for complex numbers, unless the loss takes them.
    """
    if loss not in OF_COMPLEX and is_complex(x):
        raise TypeError(REAL)
    if isinstance(x, Operand):
        return x
    x = array_from(x)
    plain = type(x) in (int, bool, float) or isinstance(x, (list, tuple))
    kind = checked_numbers(loss, name, x := converted(loss, np.asarray, x) if plain else x)
    if kind in "iub" or (plain and kind == "f" and prediction is not None):
        x = x.astype(getattr(prediction, "dtype", np.float64))
    return x


def checked_numbers(loss: str, name: str, x: Any) -> str:
    """Return the kind of the numbers in an argument, "f" for one number; raises TypeError for what holds none."""
    kind: str = x.dtype.kind if hasattr(x, "dtype") else "f" if isinstance(x, (int, float, complex)) else "O"
    if kind not in "fiubc":
        given = f"holds {x.dtype}" if hasattr(x, "dtype") else f"is {kind_of(x)}"
        values = hasattr(x, "dtype") and any(isinstance(a, Operand) for a in x.flat)
        remedy = "; each Value is a number of its own: start with one Tensor of them all" if values else ""
        raise TypeError(f"{loss}: the {name} {given}, and the loss takes numbers{remedy}")
    return kind


def difference(loss: str, prediction: Any, target: Any) -> Any:
    """Return prediction - target, which must have the same shape."""
    return np.subtract(*operands(loss, prediction, target))


def reduced(loss: str, losses: Any, reduction: str, choices: str = '"mean", "sum" or "none"') -> Any:
    """Return the mean or the sum of all losses, or with "none" the losses themselves."""
    if reduction == "mean":
        return np.mean(losses)
    if reduction not in ("sum", "none"):
        raise ValueError(f"{loss}: reduction is {choices}, not {reduction!r}")
    return np.sum(losses) if reduction == "sum" else losses


def at_least(x: Any, smallest: float) -> Any:
    """Return x, but at least `smallest`; its gradient is passed on as if it were x."""
    below = np.less(x, smallest)
    low = np.where(below, x, smallest)
    return np.where(below, smallest + (low - stop_gradient(low)), x)
