"""Predictions, losses and metrics of a model: in evaluation mode, without gradients, in batches if memory is short."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data.batches import batches, check_finite, checked_arrays
from ..engine.mode import no_grad
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Optimizer
from .metrics import Metrics, checked_metrics, measure

Data = tuple[ArrayLike, ArrayLike]
Loss = Callable[[Any, Any], Tensor]  # of the model's output and y


def predict(model: Module, x: ArrayLike, batch_size: int | None = None) -> Array:
    """Return the model's output for `x` as an array, with one row for each row of `x`.

    With `batch_size` the model is called with that many rows at a time. It is in evaluation mode and records no
    gradients; then each of its modules gets its mode back. Raises ValueError for `x` that is empty or not finite.
    """
    check_model("predict", model)
    (x,) = checked_arrays("predict", x)
    check_finite("predict, x", x)
    parts = [(x,)] if batch_size is None else batches(x, batch_size=min(batch_size, len(x)), shuffle=False)
    results = []
    with mode(model.modules(), False), no_grad():
        for (part,) in parts:
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
    called with that many rows at a time; loss and metrics are those of all rows together.
    """
    metrics = checked_metrics("evaluate", metrics)
    if loss is None and not metrics:
        raise ValueError('evaluate: pass a loss, such as tg.mse_loss, or metrics, such as {"accuracy": tg.accuracy}')
    x, y = checked_data("evaluate: data", data)
    prediction = predict(model, x, batch_size)
    with no_grad():
        value = {} if loss is None else {"loss": float(loss(Tensor(prediction, requires_grad=False), y))}
    return value | measure("evaluate", metrics, prediction, y)


def check_model(where: str, model: object) -> None:
    """Raise TypeError unless `model` is a Module."""
    if not isinstance(model, Module):
        raise TypeError(f"{where}: model is a tg.nn.Module, not {type(model).__name__}")


def check_optimizer(where: str, optimizer: object) -> None:
    """Raise TypeError unless `optimizer` is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{where}: optimizer is one of tg.optim, such as tg.optim.Adam, not {type(optimizer).__name__}")


def checked_data(where: str, data: Data) -> tuple[Array, Array]:
    """Return (X, y) as arrays of finite numbers with equally many rows; raises TypeError or ValueError otherwise."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"{where} is a tuple (X, y), not {type(data).__name__}")
    x, y = checked_arrays(where, *data)
    check_finite(f"{where}, X", x)
    check_finite(f"{where}, y", y)
    return x, y


def as_array(where: str, prediction: Tensor | Array) -> Array:
    """Return a model's output as an array; raises TypeError if it is neither a Tensor nor an array."""
    if not isinstance(prediction, (Tensor, np.ndarray)):
        raise TypeError(f"{where}: the model returns a {type(prediction).__name__}, not a Tensor")
    return prediction.data if isinstance(prediction, Tensor) else prediction


@contextmanager
def mode(modules: Iterable[Module], training: bool) -> Iterator[None]:
    """Put modules in training or evaluation mode, and restore the mode that each had when the block ends."""
    before = [(m, m.training) for m in modules]
    for m, _ in before:
        m.training = training
    try:
        yield
    finally:
        for m, was_training in before:
            m.training = was_training
