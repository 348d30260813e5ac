"""Activations and losses in plain NumPy; their derivatives follow from those of the NumPy functions.

A loss compares a prediction with a target of the same shape and returns the mean over all elements (`cross_entropy`:
over all rows). Different shapes raise ValueError, because broadcasting would silently compare every prediction with
every target. Results are Tensors if an argument is a Tensor, and otherwise arrays or NumPy numbers.
"""

import math
from typing import Any

import numpy as np

from .engine.dispatch import Operand
from .engine.rules import activations
from .engine.rules.activations import erf, log_softmax, logsumexp, sigmoid, softmax
from .engine.rules.registry import Array, predicate

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "gelu", "hinge_loss", "huber_loss", "l1_loss", "leaky_relu",
    "log_softmax", "logsumexp", "mse_loss", "relu", "sigmoid", "silu", "softmax", "softplus",
]  # fmt: skip


def relu(x: Any) -> Any:
    """Return max(x, 0) elementwise; its derivative at 0 is 0."""
    return x.relu() if isinstance(x, Operand) else activations.relu(x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """Return x where x is positive, and `negative_slope` x elsewhere."""
    return np.where(np.greater(x, 0), x, np.multiply(negative_slope, x))


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) elementwise, without overflow."""
    return np.logaddexp(x, 0)


def silu(x: Any) -> Any:
    """Return x sigmoid(x) elementwise, also called swish (Hendrycks & Gimpel 2016)."""
    return np.multiply(x, sigmoid(x))


def gelu(x: Any, approximate: str = "none") -> Any:
    """Return x times the normal distribution's probability below x, elementwise (Hendrycks & Gimpel 2016).

    `approximate="tanh"` computes x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2, with an error of up to 5e-4.
    """
    if approximate == "none":
        return np.multiply(0.5, x) * (1 + erf(np.multiply(x, math.sqrt(0.5))))
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    clipped = np.clip(x, -10, 10)  # further from 0, tanh is -1 or 1 to the last digit, and the power might overflow
    inner = math.sqrt(2 / math.pi) * clipped * (1 + 0.044715 * np.square(clipped))
    return np.multiply(0.5, x) * (1 + np.tanh(inner))


def mse_loss(prediction: Any, target: Any) -> Any:
    """Return the mean of the squared differences."""
    return np.mean(np.square(difference("mse_loss", prediction, target)))


def l1_loss(prediction: Any, target: Any) -> Any:
    """Return the mean of the absolute differences."""
    return np.mean(np.abs(difference("l1_loss", prediction, target)))


def huber_loss(prediction: Any, target: Any, delta: float = 1.0) -> Any:
    """Return the mean of d**2 / 2 where |d| <= `delta`, and delta (|d| - delta / 2) elsewhere (Huber 1964)."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    d = np.abs(difference("huber_loss", prediction, target))
    clipped = np.minimum(d, delta)
    return np.mean(clipped * (d - clipped / 2))


def hinge_loss(prediction: Any, target: Any) -> Any:
    """Return the mean of max(0, 1 - target * prediction), with targets -1 and 1."""
    check_same_shape("hinge_loss", prediction, target)
    if not signs(target):
        raise ValueError("hinge_loss: targets are -1 and 1; instead of 0 and 1 pass 2 * target - 1")
    return np.mean(relu(1 - np.multiply(target, prediction)))


def binary_cross_entropy_with_logits(logits: Any, target: Any) -> Any:
    """Return the mean of -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(logits), for targets t from 0 to 1."""
    check_same_shape("binary_cross_entropy_with_logits", logits, target)
    if not probabilities(target):
        remedy = "pass the logits first, then the target"
        raise ValueError(f"binary_cross_entropy_with_logits: targets are probabilities, from 0 to 1; {remedy}")
    return np.mean(softplus(logits) - np.multiply(target, logits))


def cross_entropy(logits: Any, target: Any) -> Any:
    """Return the mean of -log_softmax(logits)[target] over rows.

    `logits` has shape (n, classes), or (classes,) for one row; `target` holds class numbers, of shape (n,) or ().
    """
    logits = logits if hasattr(logits, "shape") else np.asarray(logits)
    classes = target if hasattr(target, "shape") else np.asarray(target)
    if logits.ndim not in (1, 2) or classes.shape != logits.shape[:-1]:
        needed = f"one class number for each row, shape {logits.shape[:-1]}; the target has shape {classes.shape}"
        raise ValueError(f"cross_entropy: logits of shape {logits.shape} need {needed}")
    if classes.dtype.kind not in "iu":
        remedy = "target.astype(int) makes them of whole floats, target.argmax(axis=1) of one-hot rows"
        raise TypeError(f"cross_entropy: class numbers are integers, and the target is {classes.dtype}; {remedy}")
    if not within(classes, logits.shape[-1]):
        needed = f"class numbers go from 0 to {logits.shape[-1] - 1} for logits of shape {logits.shape}"
        remedy = "so subtract its first class number, or widen the last layer"
        raise ValueError(f"cross_entropy: {needed}; the target goes from {classes.min()} to {classes.max()}, {remedy}")
    log_p = log_softmax(logits)
    return -np.mean(log_p[(np.arange(len(classes)), classes) if classes.ndim else classes])


@predicate
def within(classes: Array, n: int) -> bool:
    """Return whether all class numbers are from 0 to n - 1."""
    # Reinterpreted as unsigned, negative numbers are larger than all others: one pass instead of two.
    return not classes.size or bool(classes.view(f"u{classes.itemsize}").max() < n)


@predicate
def signs(target: Array) -> bool:
    """Return whether all elements are -1 or 1."""
    return bool(np.equal(np.square(target), 1).all())


@predicate
def probabilities(target: Array) -> bool:
    """Return whether all elements are from 0 to 1."""
    return bool(np.logical_and(np.greater_equal(target, 0), np.less_equal(target, 1)).all())


def check_same_shape(loss: str, prediction: Any, target: Any) -> None:
    """Raise ValueError if a prediction and its target have different shapes."""
    if np.shape(prediction) != np.shape(target):
        shapes = f"the prediction has shape {np.shape(prediction)} and the target {np.shape(target)}"
        raise ValueError(f"{loss}: {shapes}; they must be the same, so reshape one (y.reshape(-1, 1) makes a column)")


def difference(loss: str, prediction: Any, target: Any) -> Any:
    """Return prediction - target, which must have the same shape."""
    check_same_shape(loss, prediction, target)
    return np.subtract(prediction, target)
