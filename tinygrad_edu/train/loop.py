"""The parts of training that `fit` repeats: a step, an epoch, evaluation, schedule and progress.

An epoch is one pass over the training data, in batches drawn anew each time or as one batch; epochs count
from 1. An epoch's training loss is the mean over its examples of the loss that each batch had before its
update; its validation loss and its metrics are those of the weights at its end.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from ..data.batches import Arrays, Rng, batches
from ..engine.mode import no_grad
from ..engine.rules.finite import all_finite
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..nn.module import mode
from ..optim import Optimizer
from ..optim.optimizer import check_optimizer
from .metrics import Loss, Metrics, as_array, measure, scalar

Step = Callable[[Array, Array], Tensor]
Evaluation = Callable[[Array, Array], tuple[Tensor, Any]]
Check = Callable[[str, float], float]


class Scheduler(Protocol):
    """An object that changes the learning rate as training goes on.

    Two attributes, False where they are missing, say how `fit` calls `step`: `each_batch`, after every update instead
    of every epoch; `watches_loss`, with the epoch's validation loss, or training loss where there is no validation.
    """

    @property
    def step(self) -> Callable[..., object]:
        """A method that sets the optimizer's `lr` for the batches or epochs that follow."""


def training_step(model: Module, loss: Loss, optimizer: Optimizer) -> Step:
    """Return a function of a batch (x, y) that updates the model once and returns the loss before the update.

    It updates nothing if the loss is not finite, and raises TypeError if the loss is not a Tensor of one element.
    """
    check_optimizer("training_step", optimizer)

    def step(x: Array, y: Array) -> Tensor:
        value = one_element(loss(model(x), y))
        if all_finite(value.data):
            optimizer.minimize(value)
        return value

    return step


def gradient_step(model: Module, loss: Loss, optimizer: Optimizer, always: bool = False) -> Step:
    """Return a function of a batch (x, y) that computes the gradients, without an update, and returns the loss.

    The gradients of a loss that is not finite are computed only with `always`.
    """

    def step(x: Array, y: Array) -> Tensor:
        value = one_element(loss(model(x), y))
        optimizer.zero_grad()
        if always or all_finite(value.data):
            value.backward()
        return value

    return step


def one_element(value: Any) -> Tensor:
    """Return the loss of a batch, or raise TypeError if it is not a Tensor of one element."""
    if not isinstance(value, Tensor):
        raise TypeError(f"fit: loss(model(X), y) must be a Tensor of one element, not {value!r:.60}")
    return scalar("fit", value)


def evaluation_step(model: Module, loss: Loss) -> Evaluation:
    """Return a function of (x, y) that returns the loss and the model's prediction, and records no gradients."""

    def evaluation(x: Array, y: Array) -> tuple[Tensor, Any]:
        with no_grad():
            prediction = model(x)
            return loss(prediction, y), prediction

    return evaluation


def prediction_step(model: Module) -> Callable[[Array], Any]:
    """Return a function of x that returns the model's prediction, and records no gradients."""

    def predict(x: Array) -> Any:
        with no_grad():
            return model(x)

    return predict


def nothing(*args: object) -> None:
    """Do nothing."""


def train_epoch(
    step: Step, x: Array, y: Array, batch_size: int | None = None, rng: Rng = None, *,
    check: Check = lambda name, loss: loss, after_step: Callable[[], object] = nothing, drop_last: bool = False,
) -> float:  # fmt: skip
    """Take a `step` on each batch of (x, y), and return the mean over the examples of the losses that the steps return.

    Without `batch_size` there is one batch; otherwise `rng` shuffles the examples, and with `drop_last` those that fill
    no batch are left out. `check` is called with a name and each loss, and returns the loss or raises an error.
    `after_step` is called after each step that passes the check.
    """
    mean, epoch = 0.0, epoch_batches(x, y, batch_size, rng, drop_last)
    n = len(y) if batch_size is None or not drop_last else len(y) - len(y) % int(batch_size)
    for x_batch, y_batch in epoch:
        loss = check("the training loss", float(step(x_batch, y_batch)))
        mean += loss * (len(y_batch) / n)
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


def epoch_batches(x: Array, y: Array, batch_size: int | None, rng: Rng, drop_last: bool = False) -> Iterator[Arrays]:
    """Return an iterator over the batches of one epoch: shuffled by `rng`, or all examples if `batch_size` is None."""
    if batch_size is None:
        return iter([(x, y)])
    return batches(x, y, batch_size=batch_size, rng=rng, drop_last=drop_last)


def schedule_steps(scheduler: Scheduler | None) -> tuple[Callable[[], object], Callable[[float], object]]:
    """Return the functions to call after each batch, and after each epoch with the loss that the schedule watches."""
    if scheduler is None:
        return nothing, nothing
    if getattr(scheduler, "each_batch", False):
        return scheduler.step, nothing
    if getattr(scheduler, "watches_loss", False):
        return nothing, scheduler.step
    return nothing, lambda watched: scheduler.step()


@contextmanager
def progress_bar(epochs: int, done: int = 0, stacklevel: int = 1) -> Iterator[Callable[..., None]]:
    """Show a bar of epochs: `with progress_bar(10) as show: show({"loss": 0.5})` counts one, and shows its numbers.

    `show(numbers, "converged")` also says why the run stopped, and a bar of fewer epochs than planned is full then.
    Without tqdm there is no bar but a warning, `stacklevel` functions above this one.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        remedy = 'pip install "tinygrad-edu[train]", or pass progress=False'
        # The generator and its context manager are two levels more.
        warnings.warn(f"fit: no progress bar without tqdm: {remedy}", stacklevel=stacklevel + 2)
        yield nothing
        return
    with tqdm(total=epochs, initial=done, unit="epoch") as bar:

        def show(values: Mapping[str, float], stopped: str = "") -> None:
            if stopped and bar.n + 1 < epochs:
                bar.total = bar.n + 1
                bar.set_description_str(stopped, refresh=False)
            bar.set_postfix_str(", ".join(f"{name} {x:.4g}" for name, x in values.items()), refresh=False)
            bar.update()

        yield show
