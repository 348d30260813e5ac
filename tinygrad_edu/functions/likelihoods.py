"""Losses that are negative log-likelihoods, or differences of them: of yes and no, classes, counts and measurements."""

import math
import warnings
from typing import Any

import numpy as np

from ..engine.arguments import check_numbers, switches
from ..engine.arrays import broadcasts
from ..engine.dispatch import Operand
from ..engine.errors import users_level
from ..engine.rules.activations import sigmoid, softmax
from ..engine.rules.entropies import binary_entropy
from ..engine.rules.gamma import xlogy
from ..engine.rules.promotion import same_precision
from ..engine.rules.reductions import widened
from ..engine.rules.registry import Array, predicate, predicate_of_all
from .activations import floating, softplus
from .losses import TWICE, at_least, beside, operands, reduced


def binary_cross_entropy(prediction: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """Return the mean of -(t log(p) + (1 - t) log(1 - p)) for probabilities p, such as sigmoid gives, and targets t.

    Each logarithm is at least -100, as in PyTorch, so that the loss and its gradient are finite for p = 0 and p = 1.
    `binary_cross_entropy_with_logits(x, t)` is exact also where sigmoid(x) rounds to 0 or 1. `weight`, of the shape of
    the losses or one that broadcasts to it, multiplies them. Raises ValueError for numbers outside 0 to 1.

    >>> print(tg.binary_cross_entropy([0.5, 0.75], [0.0, 1.0]).round(4))
    0.4904
    """
    where = "binary_cross_entropy"
    p, t = operands(where, prediction, target)
    if not within_1(p):
        remedy = "binary_cross_entropy_with_logits takes scores of any size"
        raise ValueError(f"{where}: predictions are probabilities, from 0 to 1; {remedy}")
    if not probabilities(t):
        raise ValueError(
            f"{where}: targets are probabilities, from 0 to 1; pass the predictions first, then the target"
        )
    half = getattr(p, "dtype", None) == np.float16  # too short for the denominator of the gradient
    losses = binary_entropy(p.astype(np.float32) if half else p, t)
    return reduced(where, weighted(where, losses.astype(np.float16) if half else losses, weight), reduction)


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, weight: Any = None, *, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """Return the mean of -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(logits), for targets t from 0 to 1.

    `weight` multiplies the losses, and `pos_weight` their first term; each broadcasts to their shape. Logits that are a
    result of `sigmoid` give a warning: the loss applies it itself. Raises ValueError for different shapes, and for
    targets below 0 or above 1.

    >>> print(tg.binary_cross_entropy_with_logits([0.0, 2.0], [0.0, 1.0]).round(4))
    0.41
    """
    where = "binary_cross_entropy_with_logits"
    logits, target = operands(where, logits, target)
    if not probabilities(target):
        raise ValueError(f"{where}: targets are probabilities, from 0 to 1; pass the logits first, then the target")
    if getattr(logits, "fun", None) is sigmoid:
        warnings.warn(f"{where}: {TWICE.format('sigmoid')}", stacklevel=users_level())
    if pos_weight is None:
        losses = softplus(logits) - np.multiply(target, logits)
    else:
        of_yes = weighted(where, np.multiply(target, softplus(-logits)), pos_weight, "pos_weight")
        losses = of_yes + (1 - target) * softplus(logits)
    return reduced(where, weighted(where, losses, weight), reduction)


def kl_div(prediction: Any, target: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    """Return the mean of t (log(t) - prediction), for probabilities t and a prediction of log-probabilities.

    The sum over a row is the divergence of Kullback and Leibler from the predicted distribution to the target. So
    `reduction="batchmean"`, the sum divided by the number of rows, is its mean, and "mean" divides by the number of
    classes too, as in PyTorch. With `log_target` the target holds logarithms as well. A target of 0 adds 0. Raises
    ValueError for negative targets, and warns of a prediction that is a result of softmax.

    >>> predicted = np.log([[0.5, 0.5], [0.25, 0.75]])  # the result: log(4 / 3) / 2
    >>> round(float(tg.kl_div(predicted, np.array([[0.5, 0.5], [0.0, 1.0]]), reduction="batchmean")), 6)
    0.143841
    """
    switches("kl_div", log_target=log_target)
    log_q, target = operands("kl_div", prediction, target)
    if may_be_softmax(log_q) and distributions(log_q, -1):
        warnings.warn(f"kl_div: {LOGARITHM}", stacklevel=users_level())
    if log_target:
        never = np.equal(target, -np.inf)
        losses = np.exp(target) * np.where(never, 0, target - np.where(never, 0, log_q))
    elif not from_0(target):
        remedy = "with log_target=True it holds logarithms"
        raise ValueError(f"kl_div: the target holds probabilities, and some are negative; {remedy}")
    else:
        losses = xlogy(target, target) - target * np.where(np.equal(target, 0) & np.isinf(log_q), 0, log_q)
    if reduction == "batchmean":
        return np.mean(np.sum(losses, axis=tuple(range(1, losses.ndim)))) if np.ndim(losses) else losses
    return reduced("kl_div", losses, reduction, '"mean", "batchmean", "sum" or "none"')


def poisson_nll_loss(
    prediction: Any, target: Any, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the mean of exp(prediction) - target prediction: minus the log-likelihood of counts, up to a constant.

    The prediction is the logarithm of the expected count, or with `log_input=False` the count itself, whose logarithm
    is taken of prediction + `eps`. Prediction and target have one shape. `full` adds Stirling's approximation of the
    constant log(target!) for targets above 1: target log(target) - target + log(2 pi target) / 2.

    >>> print(tg.poisson_nll_loss([0.0, 1.0], [1.0, 2.0]).round(4))
    0.8591
    """
    where = "poisson_nll_loss"
    switches(where, log_input=log_input, full=full)
    prediction, target = operands(where, prediction, target)
    if log_input:
        losses = np.exp(prediction) - np.multiply(target, prediction)
    else:
        losses = prediction - np.multiply(target, np.log(prediction + eps))
    if full:
        above = np.greater(target, 1)
        n = np.where(above, floating(target), 1)
        losses = losses + np.where(above, n * np.log(n) - n + 0.5 * np.log(2 * math.pi * n), 0)
    return reduced(where, losses, reduction)


def gaussian_nll_loss(
    prediction: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, *, reduction: str = "mean"
) -> Any:
    """Return the mean of (log(var) + (prediction - target)**2 / var) / 2: minus a normal log-likelihood.

    `var` holds variances of the shape of the prediction, or of that shape with one axis of length 1 or without the
    last axis, or it is one number. Variances below `eps` count as `eps`, and their gradients are those at `eps`, as in
    PyTorch. `full` adds the constant log(2 pi) / 2. Raises ValueError for negative variances.

    >>> print(tg.gaussian_nll_loss([1.0], [3.0], 4.0).round(4))
    1.1931
    """
    where = "gaussian_nll_loss"
    prediction, target = operands(where, prediction, target)
    switches(where, full=full)
    check_numbers(where, eps=eps)
    if not eps > 0:
        raise ValueError(f"{where}: eps must be positive, got {eps}")
    prediction, var = same_precision(prediction, beside(where, prediction, var, "var"))
    var = _variances(var, np.shape(prediction))
    if not from_0(var):
        raise ValueError(
            f"{where}: var holds variances, and some are negative; np.exp or tg.softplus makes them positive"
        )
    half = getattr(prediction, "dtype", None) == np.float16  # too short for d / var, where the loss is not
    d, var = widened(prediction - target), widened(at_least(var, eps))
    losses = 0.5 * (np.log(var) + d * (d / var))  # the square of d might leave the range where the quotient does not
    losses = losses.astype(np.float16) if half else losses
    return reduced(where, losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _variances(var: Any, shape: tuple[int, ...]) -> Any:
    """Return variances in a shape that broadcasts to that of the prediction."""
    given = np.shape(var)
    if given in ((), shape):
        return var
    if given == shape[:-1]:
        return np.expand_dims(var, -1)
    if len(given) != len(shape) or [n for n, m in zip(given, shape, strict=True) if n != m] != [1]:
        fitting = f"this shape, {shape[:-1]}, or this shape with one axis of length 1"
        raise ValueError(f"gaussian_nll_loss: the prediction has shape {shape}, so var has {fitting}, not {given}")
    return var


def weighted(where: str, losses: Any, weight: Any, name: str = "weight") -> Any:
    """Return losses times weights, which broadcast to the shape of the losses; plain arrays are in their dtype."""
    if weight is None:
        return losses
    weight, shape = beside(where, losses, weight, name), np.shape(losses)
    given = np.shape(weight)
    if not broadcasts(given, shape):
        raise ValueError(f"{where}: {name} has shape {given}, which does not broadcast to that of the losses, {shape}")
    if not isinstance(weight, Operand):
        weight = weight.astype(getattr(losses, "dtype", np.float64), copy=False)
    return losses * weight


LOGARITHM = "the first argument is a result of softmax, and the loss takes its logarithm; pass log_softmax(x)"


def may_be_softmax(x: Any) -> bool:
    """Return whether scores are worth checking: a layer's output is a sum or product, so training pays nothing."""
    fun = getattr(x, "fun", None)
    return fun is None or fun is softmax or fun is np.divide or fun is np.exp


@predicate
def distributions(p: Array, axis: int) -> bool:
    """Return whether all numbers are positive and add up to 1 along an axis, to rounding."""
    if p.ndim == 0 or p.shape[axis] < 2 or not p.size or p.dtype.kind != "f" or not p.min() > 0:
        return False
    return bool(np.abs(p.sum(axis=axis) - 1).max() <= min(0.01, 4 * p.shape[axis] * np.finfo(p.dtype).eps))


@predicate_of_all(False)
def probabilities(target: Array) -> bool:
    """Return whether all elements are from 0 to 1."""
    return bool(np.logical_and(np.greater_equal(target, 0), np.less_equal(target, 1)).all())


@predicate_of_all(False)
def within_1(p: Array) -> bool:
    """Return whether no element is below 0 or above 1; NaN, a sign of trouble elsewhere, is let through."""
    return not bool(np.logical_or(np.less(p, 0), np.greater(p, 1)).any())


@predicate_of_all(False)
def from_0(a: Array) -> bool:
    """Return whether no element is below 0; NaN is let through."""
    return not bool(np.less(a, 0).any())
