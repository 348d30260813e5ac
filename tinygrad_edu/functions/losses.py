"""Losses that compare a prediction with a target element by element."""

import warnings
from typing import Any

import numpy as np

from ..engine.dispatch import Operand
from ..engine.rules.activations import sigmoid
from ..engine.rules.foreign import array_from
from ..engine.rules.registry import Array, predicate_of_all
from .activations import floating, relu, softplus

TWICE = "the first argument is a result of {0} already, and the loss applies {0} itself; pass the scores before it"


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of the squared differences."""
    return reduced("mse_loss", np.square(difference("mse_loss", prediction, target)), reduction)


def l1_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of the absolute differences."""
    return reduced("l1_loss", np.abs(difference("l1_loss", prediction, target)), reduction)


def huber_loss(prediction: Any, target: Any, delta: float = 1.0, *, reduction: str = "mean") -> Any:
    """Return the mean of d**2 / 2 where |d| <= `delta`, and delta (|d| - delta / 2) elsewhere (Huber 1964)."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    d = difference("huber_loss", prediction, target)
    clipped = np.clip(d, -delta, delta)  # d itself up to delta, so without a kink at 0
    return reduced("huber_loss", clipped * (d - clipped / 2), reduction)


def hinge_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of max(0, 1 - target * prediction), with targets -1 and 1."""
    prediction, target = operands("hinge_loss", prediction, target)
    if not signs(target):
        raise ValueError("hinge_loss: targets are -1 and 1; instead of 0 and 1 pass 2 * target - 1")
    return reduced("hinge_loss", relu(1 - np.multiply(target, prediction)), reduction)


def binary_cross_entropy_with_logits(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Return the mean of -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(logits), for targets t from 0 to 1.

    Logits that are a result of `sigmoid` give a warning: the loss applies it itself.
    """
    where = "binary_cross_entropy_with_logits"
    logits, target = operands(where, logits, target)
    if not probabilities(target):
        raise ValueError(f"{where}: targets are probabilities, from 0 to 1; pass the logits first, then the target")
    if getattr(logits, "fun", None) is sigmoid:
        warnings.warn(f"{where}: {TWICE.format('sigmoid')}", stacklevel=2)
    return reduced(where, softplus(logits) - np.multiply(target, logits), reduction)


@predicate_of_all(False)
def signs(target: Array) -> bool:
    """Return whether all elements are -1 or 1."""
    return bool(np.equal(np.abs(target), 1).all())


@predicate_of_all(False)
def probabilities(target: Array) -> bool:
    """Return whether all elements are from 0 to 1."""
    return bool(np.logical_and(np.greater_equal(target, 0), np.less_equal(target, 1)).all())


def check_same_shape(loss: str, prediction: Any, target: Any) -> None:
    """Raise ValueError if a prediction and its target have different shapes."""
    if np.shape(prediction) != np.shape(target):
        shapes = f"the prediction has shape {np.shape(prediction)} and the target {np.shape(target)}"
        raise ValueError(f"{loss}: {shapes}; they must be the same, so reshape one (y.reshape(-1, 1) makes a column)")


def operands(loss: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return a prediction of floats, and its target, which must have the same shape."""
    prediction = floating(prediction)
    target = target if isinstance(target, Operand) else array_from(target)
    check_same_shape(loss, prediction, target)
    return prediction, target


def difference(loss: str, prediction: Any, target: Any) -> Any:
    """Return prediction - target, which must have the same shape."""
    return np.subtract(*operands(loss, prediction, target))


def reduced(loss: str, losses: Any, reduction: str) -> Any:
    """Return the mean or the sum of all losses, or with "none" the losses themselves."""
    if reduction == "mean":
        return np.mean(losses)
    if reduction not in ("sum", "none"):
        raise ValueError(f'{loss}: reduction is "mean", "sum" or "none", not {reduction!r}')
    return np.sum(losses) if reduction == "sum" else losses
