"""The training loop: a step, an epoch, and `fit`, which repeats epochs until a rule of `stopping` ends the run.

An epoch is one pass over the training data, in batches drawn anew each time or as one batch; epochs count
from 1. An epoch's training loss is the mean over its examples of the loss that each batch had before its
update; its validation loss and its metrics are those of the weights at its end.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from .. import layers
from ..data.batches import Arrays, Rng, batches, positive_int
from ..engine.mode import no_grad
from ..engine.rules.finite import all_finite
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..nn.module import mode
from ..optim import Optimizer
from ..optim.lr_scheduler.base import check_scheduler
from ..optim.optimizer import check_optimizer
from .checkpoint import Checkpoint, TrainingState, run_settings
from .history import History
from .stopping import Callback, DivergenceGuard, check_rules, stop_reason, stop_requested

from .metrics import (  # isort: skip
    Data, Loss, Metrics, as_array, check_loss, check_model, checked_data, checked_metrics, measure,
)  # fmt: skip

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
        value = loss(model(x), y)
        if not isinstance(value, Tensor) or value.size != 1:
            remedy = "; np.mean makes one of many" if isinstance(value, Tensor) else ""
            raise TypeError(f"fit: loss(model(X), y) must be a Tensor of one element, not {value!r:.60}{remedy}")
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


def fit(
    model: Module, loss: Loss, train_data: Data, *, optimizer: Optimizer, epochs: int, batch_size: int | None = None,
    valid_data: Data | None = None, scheduler: Scheduler | None = None, metrics: Metrics | None = None,
    callbacks: Sequence[Callback] = (), patience: int | None = None, tol: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: int = 1, jit: bool = False,
    detect_anomaly: bool = False, progress: bool = True, rng: Rng = None, drop_last: bool = False,
) -> History:  # fmt: skip
    """Train `model` to minimise `loss(model(X), y)`, a mean over examples, and return the History.

    `train_data` and `valid_data` are (X, y). Without `batch_size` a step uses all of X; with it, batches are shuffled
    by `rng`, and the last one holds the remaining examples, or is dropped with `drop_last`. `scheduler.step()` follows
    each epoch, or each batch if the `Scheduler` says so. `jit` records a step once and replays it, several times as
    fast for small models. `detect_anomaly` finds the operation that first gives an infinity or a NaN, as
    `tg.detect_anomaly()` does. `progress` shows a bar if tqdm is installed.

    `metrics`, such as `{"accuracy": tg.accuracy}`, are functions of (prediction, y) as arrays, computed at each
    epoch's end from the validation data, or the training data where there is none. Each of `callbacks` is then called
    as `callback(model=model, epoch=epoch, history=history)`.

    Training ends after `epochs`, or earlier

    - by `patience`: the validation loss has found no new low for that many epochs. With `patience` the model
      ends, whatever stops it, with the weights of its best epoch.
    - by `tol`: over the last ten epochs the training loss has changed by at most `tol` times itself, and is expected
      to change by no more than that. Gains of full-batch gradient descent on least squares tend to a geometric
      series; the expected change is the rest of the series that the last two gains of ten epochs begin.
    - by a callback that returns True.

    `checkpoint`, a file that ends in .npz, holds the run as it is after every `checkpoint_every` epochs and at its
    end: weights, optimizer, schedule, random numbers and history. The same call, with model and optimizer constructed
    alike, resumes from there and ends as if it had never been interrupted: to the last bit, or with `jit`, which
    computes a step eagerly while it records it, to rounding. With more `epochs`, or after a callback's stop, the run
    goes on as well. The file of another run raises ValueError, with nothing changed.

    Modules are in training mode for updates, in evaluation mode and under `no_grad` for validation and metrics, and
    get their modes back. Raises ValueError for data that is not finite, and DivergenceError for a loss that is
    not; the model then has the last weights that gave a finite one.
    """
    check_model("fit", model)
    check_optimizer("fit", optimizer)
    check_scheduler("fit", scheduler, optimizer)
    check_loss("fit", loss)
    x, y = checked_data("fit: train_data", train_data)
    valid = None if valid_data is None else checked_data("fit: valid_data", valid_data)
    epochs, every = positive_int("fit", "epochs", epochs), positive_int("fit", "checkpoint_every", checkpoint_every)
    check_rules(patience, tol, callbacks, validated=valid is not None)
    metrics, rng = checked_metrics("fit", metrics), np.random.default_rng(rng)

    state, modules = TrainingState(model, optimizer, scheduler, rng), model.modules()
    weights = {"best": state.copies(), "finite": state.copies()}
    history, file = History(metrics={name: [] for name in metrics}), None
    if checkpoint is not None:
        size = f"{batch_size} with drop_last" if drop_last else batch_size
        settings = run_settings(optimizer, scheduler, loss, (x, y), valid, metrics, size, patience, tol)
        file = Checkpoint(checkpoint, state, settings)
        history = file.read(weights, epochs) or history
    guard = DivergenceGuard(state, weights["finite"], optimizer, history, (x, y))
    step, evaluation = training_step(model, loss, optimizer), evaluation_step(model, loss)
    if jit:
        step, evaluation = layers.load("jit")(step), layers.load("jit")(evaluation)
    after_batch, after_epoch = schedule_steps(scheduler)
    watch = guard.detect_anomaly() if detect_anomaly else nullcontext()
    bar = progress_bar(epochs, len(history), stacklevel=2) if progress else nullcontext(nothing)

    # Overflow raises DivergenceError, so NumPy's warnings about it are turned off.
    with bar as show, mode(modules, training=True), np.errstate(all="ignore"), watch:
        while not history.stopped:
            start, lr = perf_counter(), optimizer.lr
            guard.begin_epoch()
            train_loss = train_epoch(
                step, x, y, batch_size, rng, check=guard.check, after_step=after_batch, drop_last=drop_last
            )
            valid_loss, values = evaluate_epoch(evaluation, modules, (x, y), valid, metrics, guard.check)
            watched = train_loss if valid_loss is None else valid_loss
            after_epoch(watched)
            is_best = history.append(train_loss, valid_loss, lr, perf_counter() - start, values)
            if is_best and patience is not None:
                state.copy_to(weights["best"])
            requested = stop_requested(callbacks, model, history)
            history.stopped = stop_reason(history, epochs, patience, tol, requested)
            show({"loss": watched, **values}, history.stopped)
            if file is not None and (history.stopped or len(history) % every == 0):
                file.write(history, weights)
        if patience is not None:
            state.restore(weights["best"])
        guard.check_weights()
    return history


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
