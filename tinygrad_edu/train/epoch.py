"""An epoch: one pass over the training data, then the loss and the metrics at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..data.batches import Array, Arrays, Rng, batches
from ..nn import Module
from .evaluation import as_array, mode
from .metrics import Metrics, measure
from .step import Evaluation, Step

Check = Callable[[str, float], float]


def unchecked(name: str, value: float) -> float:
    """Return `value`: the `check` that accepts every loss."""
    return value


def nothing(*args: object) -> None:
    """Do nothing."""


def train_epoch(
    step: Step, x: Array, y: Array, batch_size: int | None = None, rng: Rng = None, *, check: Check = unchecked,
    after_step: Callable[[], object] = nothing,
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
    check: Check = unchecked,
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
