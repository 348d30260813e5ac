"""A training run: `fit`, and the object that holds one call, and repeats its epochs until a rule of `stopping` ends it.

`Run` trains in one process. `tg.distributed` has a subclass that shares the same epochs among several.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from .. import layers
from ..data.batches import Arrays, Rng
from ..engine.arguments import generator, switches, whole_number
from ..engine.errors import users_level
from ..engine.habits import names_keywords
from ..nn import Module
from ..nn.module import mode
from ..optim import Optimizer
from ..optim.lr_scheduler.base import check_scheduler
from ..optim.optimizer import check_optimizer
from .checkpoint import Checkpoint, TrainingState, run_settings
from .history import History
from .loop import (
    Scheduler,
    evaluate_epoch,
    evaluation_step,
    nothing,
    progress_bar,
    schedule_steps,
    train_epoch,
    training_step,
)  # fmt: skip
from .metrics import Data, Loss, Metrics, check_loss, check_model, checked_data, checked_metrics
from .stopping import Callback, DivergenceGuard, check_rules, stop_reason, stop_requested


@names_keywords
def fit(
    model: Module, loss: Loss, train_data: Data, *, optimizer: Optimizer, epochs: int, batch_size: int | None = None,
    valid_data: Data | None = None, scheduler: Scheduler | None = None, metrics: Metrics | None = None,
    callbacks: Sequence[Callback] = (), patience: int | None = None, tol: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: int = 1, jit: bool | str = False,
    detect_anomaly: bool = False, progress: bool = True, rng: Rng = None, drop_last: bool = False,
    comm: Any = None, sharded: bool = False,
) -> History:  # fmt: skip
    """Train `model` to minimize `loss(model(X), y)`, a mean over examples, and return the History.

    `train_data` and `valid_data` are (X, y). Without `batch_size` a step uses all of X; with it, batches are shuffled
    by `rng`, and the last one holds the remaining examples, or is dropped with `drop_last`. `scheduler.step()` follows
    each epoch, or each batch if the `Scheduler` says so. `jit` records a step once and replays it, several times as
    fast for small models; as "c" or "auto" it names the backend of `tg.jit`. `detect_anomaly` finds the operation that
    first gives an infinity or a NaN, as `tg.detect_anomaly()` does. `progress` shows a bar if tqdm is installed.

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
    end: the model's Tensors of then, optimizer, schedule, random numbers and history. The same call, with model and
    optimizer constructed alike, resumes from there and ends as if it had never been interrupted: to the last bit, or
    with `jit`, which computes a step eagerly while it records it, to rounding. With more `epochs`, or after a
    callback's stop, the run goes on as well. The file of another run raises ValueError, with nothing changed.

    `comm`, such as mpi4py's `MPI.COMM_WORLD`, shares each batch among the ranks that make the same call: see
    `tg.distributed`. Every rank passes all data, or with `sharded` its own part of `train_data`. Nothing is scaled by
    the number of ranks: a learning rate for larger batches is yours to choose.

    Modules are in training mode for updates, in evaluation mode and under `no_grad` for validation and metrics, and
    get their modes back. Raises ValueError for data that is not finite, and DivergenceError for a loss that is
    not; the model then has the last weights that gave a finite one.

    >>> X, y = tg.data.make_linear(100, rng=0)
    >>> model = tg.nn.Linear(1, 1, rng=0)
    >>> sgd = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> history = tg.fit(model, tg.mse_loss, (X, y), optimizer=sgd, epochs=50, progress=False)
    >>> history.train_loss[-1] < 0.02
    True
    """
    options: dict[str, Any] = dict(
        optimizer=optimizer, epochs=epochs, batch_size=batch_size, valid_data=valid_data, scheduler=scheduler,
        metrics=metrics, callbacks=callbacks, patience=patience, tol=tol, checkpoint=checkpoint,
        checkpoint_every=checkpoint_every, jit=jit, detect_anomaly=detect_anomaly, progress=progress, rng=rng,
        drop_last=drop_last, sharded=sharded,
    )  # fmt: skip
    if comm is None:
        return Run(model, loss, train_data, **options).run()
    history: History = layers.load("distributed").fit_on_ranks(comm, model, loss, train_data, **options)
    return history


class Run:
    """One call of `fit`: its arguments, checked, and what changes from epoch to epoch."""

    def __init__(
        self, model: Module, loss: Loss, train_data: Data, *, optimizer: Optimizer, epochs: int,
        batch_size: int | None, valid_data: Data | None, scheduler: Scheduler | None, metrics: Metrics | None,
        callbacks: Sequence[Callback], patience: int | None, tol: float | None,
        checkpoint: str | os.PathLike[str] | None, checkpoint_every: int, jit: bool | str, detect_anomaly: bool,
        progress: bool, rng: Rng, drop_last: bool, sharded: bool,
    ) -> None:  # fmt: skip
        switches("fit", detect_anomaly=detect_anomaly, progress=progress, drop_last=drop_last, sharded=sharded)
        check_model("fit", model)
        check_optimizer("fit", optimizer)
        check_scheduler("fit", scheduler, optimizer)
        check_loss("fit", loss)
        self.x, self.y = self.checked("fit: train_data", train_data)
        self.valid: Arrays | None = None if valid_data is None else checked_data("fit: valid_data", valid_data)
        self.epochs = whole_number("fit", "epochs", epochs)
        self.every = whole_number("fit", "checkpoint_every", checkpoint_every)
        check_rules(patience, tol, callbacks, validated=self.valid is not None)
        self.model, self.loss, self.optimizer, self.scheduler = model, loss, optimizer, scheduler
        self.metrics = checked_metrics("fit", metrics, model)
        self.callbacks, self.patience, self.tol = callbacks, patience, tol
        self.batch_size, self.drop_last, self.rng = batch_size, drop_last, generator("fit", rng)
        self.path, self.jit, self.detect_anomaly, self.progress = checkpoint, jit, detect_anomaly, progress
        self.state = TrainingState(model, optimizer, scheduler, self.rng)
        self.after_batch, self.after_epoch = schedule_steps(scheduler)
        self.file: Checkpoint | None = None

    def checked(self, where: str, data: Data) -> Arrays:
        """Return the training data as arrays."""
        return checked_data(where, data)

    @property
    def modules(self) -> list[Module]:
        """The modules of the model, which a callback may exchange."""
        return self.model.modules()

    def settings(self) -> dict[str, object]:
        """Return what the run must share with the one that it resumes."""
        size = f"{self.batch_size} with drop_last" if self.drop_last else self.batch_size
        return run_settings(
            self.optimizer, self.scheduler, self.loss, (self.x, self.y), self.valid, self.metrics, size, self.patience,
            self.tol,
        )  # fmt: skip

    def begin(self) -> None:
        """Copy the weights that the run begins with, and resume from the checkpoint if there is one."""
        self.weights = dict.fromkeys(("best", "finite"), self.state.copies())
        self.history = History(metrics={name: [] for name in self.metrics})
        if self.path is not None:
            self.file = Checkpoint(self.path, self.state, self.settings())
            self.history = self.file.read(self.weights, self.epochs) or self.history

    def record_steps(self) -> None:
        """Make the functions that take a step and evaluate, recorded with `jit`."""
        record = self.recorder()
        self.step = record(training_step(self.model, self.loss, self.optimizer))
        self.evaluation = record(evaluation_step(self.model, self.loss))

    def recorder(self) -> Callable[[Any], Any]:
        """Return what makes a recorded function of one, with `jit`, or leaves it as it is."""
        if not self.jit:
            return lambda function: function
        return partial(layers.load("jit"), backend=self.jit if isinstance(self.jit, str) else "numpy")

    def run(self) -> History:
        """Train until a rule stops the run, and return its history."""
        self.begin()
        self.record_steps()
        data = self.x, self.y
        self.guard = DivergenceGuard(self.state, self.weights, self.optimizer, self.history, data)
        watch = self.guard.detect_anomaly() if self.detect_anomaly else nullcontext()
        bar: AbstractContextManager[Any] = nullcontext(nothing)
        if self.progress:
            bar = progress_bar(self.epochs, len(self.history), stacklevel=users_level())
        # Overflow raises DivergenceError, so NumPy's warnings about it are turned off.
        with bar as self.show, mode(self.modules, training=True), np.errstate(all="ignore"), watch:
            while not self.history.stopped:
                start, lr = perf_counter(), self.optimizer.lr
                self.guard.begin_epoch()
                train_loss = self.train_epoch()
                valid_loss, values = self.evaluate()
                requested = self.record(train_loss, valid_loss, values, start, lr)
                self.conclude(requested)
            self.finish()
        return self.history

    def finish(self) -> None:
        """Give the model the weights that it ends with, and check them."""
        if self.patience is not None:
            self.weights["best"].restore()
        self.guard.check_weights()

    def train_epoch(self) -> float:
        """Take the steps of an epoch, and return the training loss."""
        return train_epoch(
            self.step, self.x, self.y, self.batch_size, self.rng, check=self.guard.check, after_step=self.after_batch,
            drop_last=self.drop_last,
        )  # fmt: skip

    def evaluate(self) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss, if there are validation data, and the metrics."""
        train = self.x, self.y
        return evaluate_epoch(self.evaluation, self.modules, train, self.valid, self.metrics, self.guard.check)

    def record(
        self, train_loss: float, valid_loss: float | None, values: dict[str, float], start: float, lr: float
    ) -> bool:
        """Add an epoch that began at `start` to the history, and return whether a callback asks to stop."""
        self.shown = {"loss": train_loss if valid_loss is None else valid_loss, **values}
        self.after_epoch(self.shown["loss"])
        is_best = self.history.append(train_loss, valid_loss, lr, perf_counter() - start, values)
        if is_best and self.patience is not None:
            self.weights["best"] = self.state.copies()
        return stop_requested(self.callbacks, self.model, self.history)

    def conclude(self, requested: bool) -> None:
        """Apply the rules that stop the run, show the epoch, and write the checkpoint."""
        history = self.history
        history.stopped = stop_reason(history, self.epochs, self.patience, self.tol, requested)
        self.show(self.shown, history.stopped)
        if self.file is not None and (history.stopped or len(history) % self.every == 0):
            self.file.write(history, self.weights)
