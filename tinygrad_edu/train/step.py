"""One step of training and one evaluation, as functions of a batch (x, y) that `tg.jit` can record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..data.batches import Array
from ..engine.mode import no_grad
from ..engine.rules.finite import all_finite
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Optimizer

Loss = Callable[[Any, Any], Tensor]  # of the model's output and y
Step = Callable[[Array, Array], Tensor]
Evaluation = Callable[[Array, Array], tuple[Tensor, Any]]


def training_step(model: Module, loss: Loss, optimizer: Optimizer) -> Step:
    """Return a function of a batch (x, y) that updates the model once and returns the loss before the update.

    It updates nothing if the loss is not finite, and raises TypeError if the loss is not a Tensor of one element.
    """

    def step(x: Array, y: Array) -> Tensor:
        value = loss(model(x), y)
        if not isinstance(value, Tensor) or value.size != 1:
            raise TypeError(f"fit: loss(model(X), y) must be a Tensor of one element, not {value!r:.60}")
        if all_finite(value.data):
            optimizer.minimize(value)
        return value

    return step


def evaluation_step(model: Module, loss: Loss) -> Evaluation:
    """Return a function of (x, y) that returns the loss and the model's prediction, and records no gradients."""

    def evaluation(x: Array, y: Array) -> tuple[Tensor, Any]:
        with no_grad():
            prediction = model(x)
            return loss(prediction, y), prediction

    return evaluation
