"""Cross entropy and the likelihood of classes: losses of class numbers, or of probabilities of classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.dispatch import Operand
from ..engine.errors import converted, users_level
from ..engine.rules.activations import log_softmax
from ..engine.rules.foreign import array_from
from ..engine.rules.promotion import same_precision
from ..engine.rules.registry import Array, predicate, predicate_of_all
from ..engine.rules.tables import from_table
from ..engine.tensor import Tensor
from .activations import floating
from .likelihoods import LOGARITHM, distributions, may_be_softmax, probabilities
from .losses import TWICE, checked_numbers, reduced


def cross_entropy(
    logits: Any, target: Any, weight: ArrayLike | None = None, *, ignore_index: int | None = None,
    label_smoothing: float = 0.0, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the mean of -log_softmax(logits)[target] over rows.

    `logits` has shape (n, classes), or (classes,) for one row, or (n, classes, ...) for n images, texts and so on.
    `target` holds class numbers, of the same shape without `classes`; or probabilities of the classes, floats of the
    shape of `logits`: then a row's loss is -sum(target * log_softmax(logits)).

    `weight`, one number for each class, multiplies the terms of that class, and the mean is divided by the weights of
    the targets' classes. Rows whose target is `ignore_index` count nothing. `label_smoothing`, from 0 to 1, is the
    share of the target that is spread evenly over all classes (Szegedy et al. 2016). All is as in PyTorch, but no
    number is ignored unless asked for.

    Raises ValueError for shapes and numbers that do not fit, or if no row counts; TypeError for class numbers that are
    not integers. Warns of logits that are probabilities already: positive numbers that add up to 1 in every row.

    >>> print(tg.cross_entropy(np.array([[0.0, np.log(3.0)]]), [1]).round(4))  # -log(3 / 4)
    0.2877
    """
    logits, target = _array("cross_entropy", logits), _array("cross_entropy", target)
    checked_numbers("cross_entropy", "array of logits", logits)
    axis = min(1, logits.ndim - 1)
    if may_be_softmax(logits) and distributions(logits, axis):
        warnings.warn(f"cross_entropy: {TWICE.format('softmax')}", stacklevel=users_level())
    if label_smoothing and not (hasattr(label_smoothing, "__float__") and 0 <= label_smoothing <= 1):
        raise ValueError(f"cross_entropy: label_smoothing is a share from 0 to 1, not {label_smoothing!r}")
    if logits.ndim and target.shape == logits.shape and target.dtype.kind == "f":
        if ignore_index is not None and not (hasattr(ignore_index, "__index__") and ignore_index < 0):
            raise ValueError("cross_entropy: ignore_index is for class numbers, and the target holds probabilities")
        if not probabilities(target):
            swapped = "; pass the logits first, then the target"
            raise ValueError(f"cross_entropy: a target of shape {target.shape} holds probabilities, 0 to 1{swapped}")
        if independent_classes(target, axis):
            given = f"the target of shape {target.shape} has rows without exactly one class along axis {axis}"
            raise ValueError(
                f"cross_entropy: {given}; binary_cross_entropy_with_logits takes a yes or no for each logit"
            )
        logits, target = same_precision(logits, target)
        share = target * (1 - label_smoothing) + label_smoothing / logits.shape[axis] if label_smoothing else target
        share = share if weight is None else share * _class_weights(weight, logits, axis)
        return reduced("cross_entropy", -np.sum(share * log_softmax(logits, axis), axis=axis), reduction)
    counted = None if ignore_index is None else _others("cross_entropy", target, ignore_index)
    classes = _checked_classes(logits, target if counted is None else np.where(counted, target, 0), axis)
    log_p = log_softmax(logits, axis)
    if logits.ndim < 3 and weight is None and counted is None and not label_smoothing:
        picked = _of_classes(log_p, classes, axis)
        return -np.mean(picked) if reduction == "mean" else -reduced("cross_entropy", picked, reduction)
    return _general_loss("cross_entropy", log_p, classes, axis, weight, counted, label_smoothing, reduction)


def nll_loss(
    log_probabilities: Any, target: Any, weight: ArrayLike | None = None, *, ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the mean of -log_probabilities[target] over rows: `cross_entropy` of what `log_softmax` gives.

    Shapes, `weight`, `ignore_index` and errors are those of `cross_entropy` with class numbers. Warns of arguments that
    are probabilities instead of their logarithms.

    >>> round(float(tg.nll_loss(np.log([[0.25, 0.75]]), [1])), 6)  # -log(0.75)
    0.287682
    """
    log_p, target = floating(_array("nll_loss", log_probabilities)), _array("nll_loss", target)
    axis = min(1, log_p.ndim - 1)
    if may_be_softmax(log_p) and distributions(log_p, axis):
        warnings.warn(f"nll_loss: {LOGARITHM}", stacklevel=users_level())
    counted = None if ignore_index is None else _others("nll_loss", target, ignore_index)
    classes = target if counted is None else np.where(counted, target, 0)
    classes = _checked_classes(log_p, classes, axis, "nll_loss", "log-probabilities")
    return _general_loss("nll_loss", log_p, classes, axis, weight, counted, 0.0, reduction)


def _others(where: str, target: Any, ignore_index: int) -> Any:
    """Return which targets are not `ignore_index`; raises TypeError unless it is an integer, which targets may be."""
    if not hasattr(ignore_index, "__index__"):
        raise TypeError(f"{where}: ignore_index is an integer, not {ignore_index!r:.60}")
    return target != ignore_index


def _general_loss(
    where: str, log_p: Any, classes: Array, axis: int, weight: ArrayLike | None, counted: Array | None,
    label_smoothing: float, reduction: str,
) -> Any:  # fmt: skip
    """Return the loss of class numbers with any of the options; rows that are not `counted` have class 0."""
    losses, weights = -_of_classes(log_p, classes, axis), None
    of_target: Any = 1.0
    if weight is not None:
        weights = _class_weights(weight, log_p, axis, where)
        of_target = np.take_along_axis(weights.reshape(-1), classes.reshape(-1), 0).reshape(classes.shape)
        losses = losses * of_target
    if label_smoothing:
        even = -np.sum(log_p if weights is None else log_p * weights, axis=axis)
        losses = (1 - label_smoothing) * losses + label_smoothing / log_p.shape[axis] * even
    if counted is not None:
        losses, of_target = np.where(counted, losses, 0), np.where(counted, of_target, 0)
    if reduction != "mean" or (counted is None and weights is None):
        return reduced(where, losses, reduction)
    total = np.sum(of_target)
    if not nonzero(total):
        raise ValueError(f"{where}: no row counts: all targets are ignore_index, or have a weight of 0")
    return np.sum(losses) / total.astype(losses.dtype)


def _of_classes(log_p: Any, classes: Array, axis: int) -> Any:
    """Return the element of each row's class."""
    if log_p.ndim < 3:  # an index starts sooner than take_along_axis
        return log_p[(np.arange(len(classes)), classes) if classes.ndim else classes]
    return np.squeeze(np.take_along_axis(log_p, np.expand_dims(classes, axis), axis), axis)


def _checked_classes(
    logits: Any, classes: Array, axis: int, where: str = "cross_entropy", scores: str = "logits"
) -> Array:
    """Return class numbers that fit the logits; raises ValueError or TypeError for others."""
    shape = logits.shape
    needed = shape[:axis] + shape[axis + 1 :]
    if not shape or classes.shape != needed:
        soft = where == "cross_entropy"
        text = f"one class number for each row, shape {needed}{f', or probabilities, shape {shape}' if soft else ''}"
        remedy = ""
        if classes.dtype.kind == "f" and (logits.dtype.kind in "iub" or classes.ndim > len(shape)):
            remedy = f"; pass the {scores} first, then the target"
        elif len(shape) > 2 and classes.shape == shape[:-1]:
            remedy = "; classes are on axis 1, where np.moveaxis(logits, -1, 1) puts the last axis"
        elif classes.shape == shape and shape:
            remedy = "; target.astype(float) makes probabilities of one-hot rows"
            remedy = remedy if soft else "; target.argmax(axis=1) makes class numbers of one-hot rows"
        elif classes.shape == (*needed, 1):
            remedy = "; target[..., 0] takes the numbers out of their column"
        given = f"the target has shape {classes.shape}"
        raise ValueError(f"{where}: {scores} of shape {shape} need {text}; {given}{remedy}")
    if classes.dtype.kind not in "iu":
        remedy = "target.astype(int) makes them of whole floats, target.argmax(axis=1) of one-hot rows"
        if classes.dtype.kind in "OSTU":
            remedy = "np.unique(names, return_inverse=True)[1] makes them of names"
        raise TypeError(f"{where}: class numbers are integers, and the target is {classes.dtype}; {remedy}")
    if not within(classes, shape[axis]):
        needs = f"class numbers go from 0 to {shape[axis] - 1} for {scores} of shape {shape}"
        remedy = f"so {'subtract its first class number, or ' if classes.min() else ''}widen the last layer"
        if classes.min() < 0:
            remedy = f"so subtract its first class number, or leave those rows out with ignore_index={classes.min()}"
        raise ValueError(f"{where}: {needs}; the target goes from {classes.min()} to {classes.max()}, {remedy}")
    return classes


def _class_weights(weight: Any, logits: Any, axis: int, where: str = "cross_entropy") -> Any:
    """Return the weights of the classes along `axis`, in the dtype of the logits."""
    weights, classes = _array(where, weight), logits.shape[axis]
    if weights.shape != (classes,):
        given = f"scores of shape {logits.shape} have {classes}, and weight has shape {weights.shape}"
        raise ValueError(f"{where}: weight holds one number for each class; {given}")
    weights = weights.astype(logits.dtype if logits.dtype.kind == "f" else np.float64)
    return np.reshape(weights, (classes,) + (1,) * (logits.ndim - 1 - axis))


@predicate
def independent_classes(target: Array, axis: int) -> bool:
    """Return whether all numbers are 0 or 1, with several 1 in a row, or with one class alone, which has the loss 0."""
    if not np.logical_or(np.equal(target, 0), np.equal(target, 1)).all():
        return False
    return bool((target.sum(axis=axis) > 1).any()) or (target.shape[axis] == 1 and not bool(np.equal(target, 1).all()))


@predicate
def nonzero(total: Array) -> bool:
    """Return whether a number is not 0."""
    return bool(total != 0)


@predicate_of_all(False)
def within(classes: Array, n: int) -> bool:
    """Return whether all class numbers are from 0 to n - 1."""
    # Reinterpreted as unsigned, negative numbers are larger than all others: one pass instead of two.
    return not classes.size or bool(classes.view(f"{classes.dtype.byteorder}u{classes.itemsize}").max() < n)


def _array(where: str, x: Any) -> Any:
    """Return an argument that has a shape: a list or number, a table or column as an array."""
    if isinstance(x, Tensor):
        return x._as_base()
    x = floating(x) if isinstance(x, tuple) and any([isinstance(member, Operand) for member in x]) else x
    x = array_from(from_table(x))  # columns of names, too, which get an error of their own
    return x if hasattr(x, "shape") else converted(where, np.asarray, x)
