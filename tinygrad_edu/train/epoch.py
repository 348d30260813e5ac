"""An epoch: one pass over the training data step by step, then the loss and the metrics at its end."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..data.batches import Arrays, Rng, batches
from ..engine.mode import no_grad
from ..engine.rules.finite import all_finite
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..nn.module import mode
from ..optim import Optimizer
from .metrics import Loss, Metrics, as_array, measure

Step = Callable[[Array, Array], Tensor]
Evaluation = Callable[[Array, Array], tuple[Tensor, Any]]
Check = Callable[[str, float], float]


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


def nothing(*args: object) -> None:
    """Do nothing."""


def train_epoch(
    step: Step, x: Array, y: Array, batch_size: int | None = None, rng: Rng = None, *,
    check: Check = lambda name, loss: loss, after_step: Callable[[], object] = nothing,
) -> float:  # fmt: skip
    """Take a `step` on each batch of (x, y), and return the mean over the examples of the losses that the steps return.

    Without `batch_size` there is one batch; otherwise `rng` shuffles the examples. `check` is called with a name and
    each loss, and returns the loss or raises an error. `after_step` is called after each step that passes the check.
    """
    mean = 0.0
    for x_batch, y_batch in epoch_batches(x, y, batch_size, rng):
        loss = check("the training loss", float(step(x_batch, y_batch)))
        mean += loss * (len(y_batch) / len(y))
        after_step()
    return mean


def evaluate_epoch(
    evaluation: Evaluation, modules: Iterable[Module], train: Arrays, valid: Arrays | None, metrics: Metrics,
    check: Check = lambda name, loss: loss,
) -> tuple[float | None, dict[str, float]]:  # fmt: skip
    """Return the loss of the validation data (x, y), and each metric by name, with `modules` in evaluation mode.

    Without validation data there is no loss (None), and metrics are those of the training data.
    """
    if valid is None and not metrics:
        return None, {}
    x, y = train if valid is None else valid
    with mode(modules, training=False):
        loss, prediction = evaluation(x, y)
        valid_loss = None if valid is None else check("the validation loss", float(loss))
        return valid_loss, measure("fit", metrics, as_array("fit", prediction), y) if metrics else {}


def epoch_batches(x: Array, y: Array, batch_size: int | None, rng: Rng) -> Iterator[Arrays]:
    """Return an iterator over the batches of one epoch: shuffled by `rng`, or all examples if `batch_size` is None."""
    return iter([(x, y)]) if batch_size is None else batches(x, y, batch_size=batch_size, rng=rng)
