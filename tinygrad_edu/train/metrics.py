"""Predictions of a model, and metrics: one number, or a table, that says how good they are.

A metric takes (prediction, target), as a loss does: arrays or Tensors of n rows. Predictions of classes are scores
(n, k), whose largest is the predicted class; or one logit per row, float (n,) or (n, 1), which predicts class 1 above
0; or class numbers, integers or booleans of shape (n,) or (n, 1). Targets are class numbers (n,) or (n, 1). With one
logit per row they may also be the floats 0 and 1, or -1 and 1, that the losses of logits take.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import functions
from ..data.batches import batches, check_finite, checked_arrays
from ..engine.arguments import whole_number
from ..engine.errors import kind_of, users_level
from ..engine.mode import no_grad
from ..engine.rules.activations import sigmoid
from ..engine.rules.floats import python_float
from ..engine.rules.registry import Array, predicate
from ..engine.tensor import Tensor
from ..functions.losses import check_same_shape
from ..nn import Linear, Module, Sequential, Sigmoid
from ..nn.module import mode

Operand = ArrayLike | Tensor
Data = tuple[ArrayLike, ArrayLike]
Loss = Callable[[Any, Any], Tensor]  # of the model's output and y
Metrics = Mapping[str, Callable[[Array, Array], Any]]  # functions that return a number

# Columns that a History, or `evaluate`, names already.
COLUMNS = ("epoch", "loss", "train_loss", "valid_loss", "lr", "seconds")


def predict(model: Module, x: ArrayLike, batch_size: int | None = None) -> Array:
    """Return the model's output for `x` as an array, with one row for each row of `x`.

    With `batch_size` the model is called with that many rows at a time. It is in evaluation mode and records no
    gradients; then each of its modules gets its mode back. Raises ValueError for `x` that is empty or not finite.

    >>> tg.predict(tg.nn.Linear(1, 1, init=tg.nn.ones), np.array([[2.0]]))
    array([[2.]])
    """
    check_model("predict", model)
    (x,) = checked_arrays("predict", x)
    check_finite("predict, x", x)
    size = len(x) if batch_size is None else min(whole_number("predict", "batch_size", batch_size), len(x))
    results = []
    with mode(model.modules(), False), no_grad():
        for (part,) in batches(x, batch_size=size, shuffle=False):
            result = as_array("predict", model(part))
            if np.shape(result)[:1] != part.shape[:1]:
                given = f"returned shape {np.shape(result)} for input of shape {part.shape}"
                raise ValueError(f"predict: the model {given}; it must return a row for each row of its input")
            results.append(result)
    return np.concatenate(results)


def evaluate(
    model: Module, data: Data, *, loss: Loss | None = None, metrics: Metrics | None = None,
    batch_size: int | None = None,
) -> dict[str, float]:  # fmt: skip
    """Return the "loss" and every metric of the data (X, y), by name, as `fit` computes them for validation.

    `metrics` are functions of (prediction, y), such as `{"accuracy": tg.accuracy}`. With `batch_size` the model is
    called with that many rows at a time; loss and metrics are those of all rows together. Raises ValueError without
    loss and metrics, and for data that is empty or not finite.

    >>> model = tg.nn.Linear(1, 1, init=tg.nn.ones)
    >>> tg.evaluate(model, (np.array([[1.0]]), np.array([[3.0]])), loss=tg.mse_loss)
    {'loss': 4.0}
    """
    metrics = checked_metrics("evaluate", metrics, model)
    if loss is None and not metrics:
        raise ValueError('evaluate: pass a loss, such as tg.mse_loss, or metrics, such as {"accuracy": tg.accuracy}')
    if loss is not None:
        check_loss("evaluate", loss)
    x, y = checked_data("evaluate: data", data)
    prediction = predict(model, x, batch_size)
    value = {}
    if loss is not None:
        with no_grad():
            value["loss"] = float(scalar("evaluate", loss(Tensor(prediction, requires_grad=False), y)))
    return value | measure("evaluate", metrics, prediction, y)


def accuracy(prediction: Operand, target: Operand) -> float:
    """Return the fraction of the rows whose class is predicted correctly, 0 to 1.

    The prediction is (n, k) scores, one logit per row (the threshold is 0; of probabilities pass `p > 0.5`; results of
    `sigmoid` get a warning, and `fit` and `evaluate` warn of a model that ends with it), or class numbers. Raises
    ValueError for shapes and numbers that do not fit, and TypeError for classes that are not numbers.

    >>> tg.accuracy(np.array([[2.0, 1.0], [0.0, 3.0]]), [0, 0])
    0.5
    """
    predicted, true, _ = _classes("accuracy", prediction, target)
    return python_float(np.mean(predicted == true))  # type: ignore[no-any-return]


def confusion_matrix(prediction: Operand, target: Operand, n: int | None = None) -> Array:
    """Return the counts (n, n), integers: row i, column j holds how many examples of class i were predicted as class j.

    Arguments and errors are those of `accuracy`. Without `n` there are as many classes as scores per row, or one more
    than the largest class number. `tg.plot.confusion` draws such counts. Raises ValueError for class numbers of `n` and
    above.

    >>> tg.confusion_matrix([0, 1, 1], [0, 1, 0])
    array([[1, 1],
           [0, 1]])
    """
    predicted, true, k = _classes("confusion_matrix", prediction, target)
    if n is not None:
        n = whole_number("confusion_matrix", "n", n)
    else:
        n = k or int(np.maximum(predicted.max(), true.max())) + 1
    are_classes(n, predicted, true)
    return np.bincount(true * n + predicted, minlength=n * n).reshape(n, n)


def r2_score(prediction: Operand, target: Operand) -> float:
    """Return R² = 1 - sum((y - p)²) / sum((y - mean y)²): 1 is exact, 0 as good as the mean, below 0 worse.

    Prediction and target have one shape, (n,) or (n, outputs); the result is the mean of R² over the outputs. Raises
    ValueError for different shapes and for a target that is constant, for which R² is not defined.

    >>> tg.r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).__round__(4)
    0.7857
    """
    p, y = _finite_arrays("r2_score", prediction, target)
    check_same_shape("r2_score", p, y)
    p, y = (a.reshape(len(a), -1).astype(np.float64) for a in (p, y))
    vary(y)
    deviation = y - y.mean(axis=0)
    exponent = -np.frexp(np.abs(deviation).max(axis=0))[1]  # a power of two keeps squares in range, and all digits
    squares = [np.sum(np.ldexp(a, exponent) ** 2, axis=0) for a in (y - p, deviation)]
    return python_float(np.mean(1 - squares[0] / squares[1]))  # type: ignore[no-any-return]


@predicate
def are_classes(n: int, predicted: Array, true: Array) -> bool:
    """Return True; raise ValueError for class numbers that are not from 0 to n - 1."""
    low, high = min(predicted.min(), true.min()), max(predicted.max(), true.max())
    if low < 0 or high >= n:
        raise ValueError(f"confusion_matrix: class numbers go from 0 to {n - 1}, and here from {low} to {high}")
    return True


@predicate
def vary(y: Array) -> bool:
    """Return True; raise ValueError for columns that are constant."""
    if (no_variance := (y == y[0]).all(axis=0)).any():
        where = f"constant in columns {np.flatnonzero(no_variance).tolist()}"
        raise ValueError(f"r2_score: the target is {where}; R² divides by its variance, which is 0")
    return True


def _finite_arrays(where: str, prediction: Operand, target: Operand) -> tuple[Array, Array]:
    """Return prediction and target as arrays of finite real numbers with equally many rows."""
    p, t = checked_arrays(where, *(a.data if isinstance(a, Tensor) else a for a in (prediction, target)))
    check_finite(f"{where}, the prediction", p, real=True, remedy="a lower learning rate may help")
    check_finite(f"{where}, the target", t, real=True)
    return p, t


@predicate
def are_counted_from_0(t: Array) -> bool:
    """Return whether targets are class numbers that booleans can be compared with."""
    return t.dtype.kind != "f" and bool(t.min() >= 0)


@predicate
def are_two_classes(where: str, t: Array) -> bool:
    """Return True; raise ValueError for targets that are neither 0 and 1 nor -1 and 1."""
    if not any(np.isin(t, pair).all() for pair in ((0, 1), (-1, 1))):
        classes = "two classes apart, 0 and 1 (or -1 and 1), and the target has others"
        raise ValueError(f"{where}: one logit a row tells {classes}; pass class numbers as integers")
    return True


@predicate
def have_scores(where: str, t: Array, shape: tuple[int, int]) -> bool:
    """Return True; raise ValueError for class numbers without a column in scores of this shape."""
    if not 0 <= t.min() <= t.max() < shape[1]:
        given = f"and the target's go from {t.min()} to {t.max()}"
        raise ValueError(f"{where}: scores of shape {shape} are of classes 0 to {shape[1] - 1}, {given}")
    return True


def _classes(where: str, prediction: Operand, target: Operand) -> tuple[Array, Array, int]:
    """Return the class numbers (n,) of prediction and target, and the number of classes, 0 if it is not known."""
    p, t = _finite_arrays(where, prediction, target)
    if p.ndim > 2 or t.size != len(t):
        remedy = "give scores (n, classes) or one number a row, and one class number a row"
        shapes = f"the prediction has shape {p.shape} and the target {t.shape}"
        raise ValueError(f"{where}: {shapes}; {remedy} (target.argmax(axis=1) converts one-hot rows)")
    t = t.reshape(-1)
    if p.size == len(p) and (p.dtype.kind == "f" or (p.dtype.kind == "b" and not are_counted_from_0(t))):
        are_two_classes(where, t)
        if getattr(prediction, "fun", None) is sigmoid:
            given = "all predictions are from 0 to 1, as probabilities are, and those of class 1 are the ones above 0"
            warnings.warn(f"{where}: {given}; pass logits, or p > 0.5", stacklevel=users_level())
        return (p.reshape(-1) > 0).astype(np.intp), (t > 0).astype(np.intp), 2
    if t.dtype.kind == "f":
        raise TypeError(f"{where}: class numbers are integers, and the target is {t.dtype}; target.astype(int)")
    t = t.astype(np.int64)
    if p.size == len(p):
        return p.reshape(-1).astype(np.int64), t, 0
    have_scores(where, t, p.shape)
    return p.argmax(axis=1), t, p.shape[1]


def checked_metrics(where: str, metrics: Metrics | None, model: Module) -> Metrics:
    """Return `metrics`, or {} for None; raises TypeError or ValueError unless it is a dict of names and functions."""
    metrics = {} if metrics is None else metrics
    if not isinstance(metrics, Mapping) or not all(isinstance(k, str) and callable(m) for k, m in metrics.items()):
        raise TypeError(f'{where}: metrics are a dict of names and functions, such as {{"accuracy": tg.accuracy}}')
    if taken := sorted(set(COLUMNS) & set(metrics)):
        raise ValueError(f"{where}: a metric cannot be named {taken[0]!r}, which is another column's name")
    if any(metric is accuracy for metric in metrics.values()) and _gives_one_probability(model):
        given = "the model ends with Sigmoid, and accuracy takes all numbers above 0 for class 1"
        remedy = "write lambda p, y: tg.accuracy(p > 0.5, y), or leave Sigmoid to binary_cross_entropy_with_logits"
        warnings.warn(f"{where}: {given}; {remedy}", stacklevel=users_level())
    return metrics


def _gives_one_probability(model: Module) -> bool:
    """Return whether a model ends with a Linear of one output and Sigmoid."""
    before, last = [None, None, *_layers(model)][-2:]
    return type(last) is Sigmoid and isinstance(before, Linear) and before.out_features == 1


def _layers(layer: Any) -> list[Any]:
    """Return the layers that are called one after another, also within a Sequential in another."""
    is_container = getattr(type(layer), "forward", None) is Sequential.forward
    return [one for part in layer.layers for one in _layers(part)] if is_container else [layer]


def measure(where: str, metrics: Metrics, prediction: Array, target: Array) -> dict[str, float]:
    """Return the value of every metric by name; raises TypeError for one that is not a number."""
    values = {}
    for name, metric in metrics.items():
        value = metric(prediction, target)
        if not hasattr(value, "__float__") or np.shape(value) != ():
            raise TypeError(f"{where}: the metric {name!r} must return a number, not {value!r:.60}")
        values[name] = float(value)
    return values


def scalar(where: str, loss: Tensor) -> Tensor:
    """Return a loss, or raise TypeError if it has more than one element or none."""
    if isinstance(loss, (Tensor, np.ndarray)) and loss.size != 1:
        remedy = f"(a scalar), not one of shape {loss.shape}; np.mean makes one of many"
        raise TypeError(f"{where}: loss(model(X), y) must be a Tensor of one element {remedy}")
    return loss


def check_model(where: str, model: object) -> None:
    """Raise TypeError unless `model` is a Module."""
    if not isinstance(model, Module):
        raise TypeError(f"{where}: model is a tg.nn.Module, not {_instead(model)}")


def check_loss(where: str, loss: object) -> None:
    """Raise TypeError unless `loss` is a function, and no class."""
    if not callable(loss) or isinstance(loss, type):
        losses = ", ".join(f"tg.{name}" for name in functions.LOSSES)
        raise TypeError(f"{where}: loss is a function of (prediction, y), not {_instead(loss)}; pass one of {losses}")


def _instead(given: object) -> str:
    """Describe what was passed instead of an object of the library: a class, a text, or anything else by its type."""
    if isinstance(given, type):
        return f"the class {given.__name__}; call it to make one"
    return repr(given) if isinstance(given, str) else type(given).__name__


def checked_data(where: str, data: Any) -> tuple[Array, Array]:
    """Return (X, y) as arrays of finite numbers with equally many rows; raises TypeError or ValueError otherwise."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        kind = type(data).__name__
        given = f"a {kind} of {len(data)}" if isinstance(data, (tuple, list)) else kind
        raise TypeError(f"{where} is a tuple (X, y), not {given}")
    x, y = checked_arrays(where, *data)
    check_finite(f"{where}, X", x)
    check_finite(f"{where}, y", y)
    return x, y


def as_array(where: str, prediction: Tensor | Array) -> Array:
    """Return a model's output as an array; raises TypeError if it is neither a Tensor nor an array."""
    if not isinstance(prediction, (Tensor, np.ndarray)):
        raise TypeError(f"{where}: the model returns {kind_of(prediction)}, not a Tensor")
    return prediction.data if isinstance(prediction, Tensor) else prediction
