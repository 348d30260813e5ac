"""The training loop.

An epoch is one pass over the training data, in batches drawn anew each time or as one batch; epochs count
from 1. An epoch's training loss is the mean over its examples of the loss that each batch had before its
update; its validation loss and its metrics are those of the weights at its end.
"""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import inf, isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..data.batches import batches, whole
from ..engine.rules.finite import all_finite
from ..engine.tensor import Tensor, no_grad
from ..nn import Module
from ..optim import Optimizer
from .checkpoint import Checkpoint, State
from .evaluation import as_array, check_model, checked_data, mode
from .history import History
from .metrics import checked_metrics, measure
from .stopping import DivergenceError, converged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .evaluation import Data
    from .metrics import Metrics

    Array = NDArray[Any]
    Rng = np.random.Generator | int | None


class Scheduler(Protocol):
    """What changes the learning rate as training goes on.

    Two attributes, False where they are missing, say how `fit` calls `step`: `each_batch`, after every update instead
    of every epoch; `watches_loss`, with the epoch's validation loss, or training loss where there is no validation.
    """

    @property
    def step(self) -> Callable[..., object]:
        """A method that sets the optimizer's `lr` for what comes next."""


class Callback(Protocol):
    """What `fit` calls at the end of every epoch; to give True is to stop."""

    def __call__(self, *, model: Module, epoch: int, history: History) -> bool | None:
        """Look at the model as it is after `epoch`, which counts from 1, and at the history up to it."""


def fit(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    train_data: Data,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    valid_data: Data | None = None,
    scheduler: Scheduler | None = None,
    metrics: Metrics | None = None,
    callbacks: Sequence[Callback] = (),
    patience: int | None = None,
    tol: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    jit: bool = False,
    detect_anomaly: bool = False,
    progress: bool = True,
    rng: Rng = None,
) -> History:
    """Train `model` to make `loss(model(X), y)`, a mean over examples, small, and give the History.

    `train_data` and `valid_data` are (X, y). Without `batch_size` a step uses all of X; with it, batches are
    shuffled by `rng`. `scheduler.step()` follows each epoch, or as a `Scheduler` says of itself. `jit` records a step
    once and replays it, several times as fast for small models. `detect_anomaly` finds the operation that first gives
    an infinity or a NaN, as `tg.detect_anomaly()` does. `progress` shows a bar if tqdm is installed.

    `metrics`, such as `{"accuracy": tg.accuracy}`, are functions of (prediction, y) as arrays, computed at each
    epoch's end from the validation data, or the training data where there is none. Each of `callbacks` is then called
    as `callback(model=model, epoch=epoch, history=history)`.

    Training ends after `epochs`, or earlier

    - by `patience`: the validation loss has found no new low for that many epochs. With `patience` the model
      ends, for whatever reason it does, with the weights of its best epoch.
    - by `tol`: over the last ten epochs the training loss has moved by at most `tol` times itself, and has no
      more than that still to go. Gains of full-batch gradient descent on least squares tend to a geometric
      series; what is still to go is the rest of the one that the last two gains of ten epochs begin.
    - by a callback that gives True.

    `checkpoint`, a file that ends in .npz, holds the run as it stands after every `checkpoint_every` epochs and at its
    end: weights, optimizer, schedule, random numbers and history. The same call, model and optimizer constructed
    alike, goes on from there and ends as if it had never been interrupted: to the last bit, or with `jit`, which does
    not replay what it records, to rounding. With more `epochs`, or after a callback's stop, it goes on as well. The
    file of another run is a ValueError, with nothing changed.

    Modules are in training mode for updates, in evaluation mode and under `no_grad` for validation and metrics, and
    get their modes back. Raises ValueError for data that is not finite, and DivergenceError for a loss that is
    not; the model then has the last weights that gave a finite one.
    """
    check_model("fit", model)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: optimizer is one of tg.optim, such as tg.optim.Adam, not {type(optimizer).__name__}")
    x, y = checked_data("fit: train_data", train_data)
    valid = None if valid_data is None else checked_data("fit: valid_data", valid_data)
    epochs, every = whole("fit", "epochs", epochs), whole("fit", "checkpoint_every", checkpoint_every)
    if patience is not None and whole("fit", "patience", patience) and valid is None:
        raise ValueError("fit: patience watches the validation loss; pass valid_data=(X, y)")
    if tol is not None and not tol >= 0:
        raise ValueError(f"fit: tol is a share of the loss, such as 1e-6, not {tol}")
    metrics, callbacks = checked_metrics("fit", metrics), _checked_callbacks(callbacks)
    each_batch, watches_loss = (getattr(scheduler, name, False) for name in ("each_batch", "watches_loss"))
    rng = np.random.default_rng(rng)
    state, modules = State(model, optimizer, scheduler, rng), model.modules()
    finite, before, best = (state.copies() for _ in range(3))
    history, file = History(metrics={name: [] for name in metrics}), None
    if checkpoint is not None:
        settings = {
            "the optimizer": type(optimizer).__name__,
            **optimizer.settings(),
            "the scheduler": type(scheduler).__name__,
            "the loss": getattr(loss, "__qualname__", type(loss).__name__),
            "the checksum of train_data": _checksum((x, y)),
            "the checksum of valid_data": _checksum(valid or ()),
            "metrics": sorted(metrics),
            "batch_size": batch_size,
            "patience": patience,
            "tol": tol,
        }
        del settings["lr"]  # which schedules and callbacks change
        file = Checkpoint(checkpoint, state, settings)
        history = file.read({"best": best, "finite": finite}, epochs) or history
    watched, shown = (history.train_loss, (x, y)) if valid is None else (history.valid_loss, valid)
    lowest = watched[history.best_epoch - 1] if history.best_epoch else inf
    epoch, lr = len(history), optimizer.lr
    if history.stopped not in ("patience", "converged"):
        history.stopped = "epochs" if epoch == epochs else ""
    bar = _bar(epochs, len(history)) if progress else None

    def checked(what: str, number: float) -> float:
        if not isfinite(number):
            state.put(finite)
            raise DivergenceError(f"{what} is {number}", epoch, lr, history, x, y)
        return number

    def step(bx: Array, by: Array) -> Tensor:
        value = loss(model(bx), by)
        if not isinstance(value, Tensor) or value.size != 1:
            raise TypeError(f"fit: loss(model(X), y) must be a Tensor of one element, not {value!r:.60}")
        if all_finite(value.data):
            optimizer.minimize(value)
        return value

    def evaluation(bx: Array, by: Array) -> tuple[Tensor, Any]:
        with no_grad():
            prediction = model(bx)
            return loss(prediction, by), prediction

    if jit:
        from ..jit import jit as record

        step, evaluation = record(step), record(evaluation)

    # Overflow is divergence and is reported as such, not by warnings from within the model.
    watching = _watching(lambda: state.put(finite)) if detect_anomaly else nullcontext()
    with bar or nullcontext(), mode(modules, True), np.errstate(all="ignore"), watching:
        while not history.stopped:
            start, lr, train_loss, epoch = perf_counter(), optimizer.lr, 0.0, epoch + 1
            parts = iter([(x, y)]) if batch_size is None else batches(x, y, batch_size=batch_size, rng=rng)
            for i, (bx, by) in enumerate(parts):
                if i == 0:
                    state.take(before)
                number = checked("the training loss", float(step(bx, by)))
                if i == 0:
                    finite, before = before, finite
                train_loss += number * (len(by) / len(y))
                if scheduler is not None and each_batch:
                    scheduler.step()
            values: dict[str, float] = {}
            if valid is not None or metrics:
                with mode(modules, False):
                    value, prediction = evaluation(*shown)
                    if valid is not None:
                        history.valid_loss.append(checked("the validation loss", float(value)))
                    if metrics:
                        values = measure("fit", metrics, as_array("fit", prediction), shown[1])
            history.train_loss.append(train_loss)
            if watched[-1] < lowest:
                lowest, history.best_epoch = watched[-1], epoch
                if patience is not None:
                    state.take(best)
            if scheduler is not None and not each_batch:
                scheduler.step(*watched[-1:] if watches_loss else ())
            history.lr.append(lr)
            for name, number in values.items():
                history.metrics[name].append(number)
            history.seconds.append(perf_counter() - start)
            if bar is not None:
                figures = {"loss": watched[-1], **values}
                bar.set_postfix_str(", ".join(f"{name} {n:.4g}" for name, n in figures.items()), refresh=False)
                bar.update()
            told = [_stop(f, f(model=model, epoch=epoch, history=history)) for f in callbacks]
            if patience is not None and epoch - history.best_epoch >= patience:
                history.stopped = "patience"
            elif tol is not None and converged(history.train_loss, tol):
                history.stopped = "converged"
            elif any(told):
                history.stopped = "callback"
            elif epoch == epochs:
                history.stopped = "epochs"
            if file is not None and (history.stopped or epoch % every == 0):
                file.write(history, {"best": best, "finite": finite})
        if patience is not None:
            state.put(best)
        # No loss has been computed from the last update.
        checked("the sum of the weights", float(sum(t.data.sum() for t in state.tensors)))
    return history


@contextmanager
def _watching(put: Callable[[], None]) -> Iterator[None]:
    """`tg.detect_anomaly()`, and `put()` if it finds something."""
    from ..anomaly import AnomalyError, detect_anomaly

    try:
        with detect_anomaly():
            yield
    except AnomalyError:
        put()
        raise


def _stop(callback: Callback, answer: object) -> bool:
    if answer is not None and not isinstance(answer, (bool, np.bool_)):
        raise TypeError(
            f"fit: callback {callback!r:.60} gave {answer!r:.60}; it gives True to stop, or nothing to go on"
        )
    return bool(answer)


def _checked_callbacks(callbacks: Sequence[Callback]) -> list[Callback]:
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError("fit: callbacks are a list of functions of (model, epoch, history), called by these names")
    return list(callbacks)


def _checksum(arrays: Iterable[Array]) -> int:
    """A number that tells arrays of other contents, shapes or dtypes apart."""
    value = 0
    for a in arrays:
        value = zlib.crc32(np.ascontiguousarray(a).data, zlib.crc32(f"{a.shape}{a.dtype}".encode(), value))
    return value


def _bar(epochs: int, done: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        remedy = 'pip install "tinygrad-edu[train]", or pass progress=False'
        warnings.warn(f"fit: no progress bar without tqdm: {remedy}", stacklevel=3)
        return None
    return tqdm(total=epochs, initial=done, unit="epoch")
