"""The training loop.

An epoch is one pass over the training data, in batches drawn anew each time or as one batch; epochs count
from 1. An epoch's training loss is the mean over its examples of the loss that each batch had before its
update; its validation loss is that of the weights at its end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from math import inf, isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..data.rows import batches, check_finite, checked_rows, whole
from ..nn import Module
from ..optim import Optimizer
from ..rules.registry import question
from ..tensor import Tensor, no_grad
from .history import History

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]
    Data = tuple[ArrayLike, ArrayLike]
    Rng = np.random.Generator | int | None

_WINDOW = 10  # epochs that `tol` looks at together: long enough to see the swing of momentum


class DivergenceError(ValueError):
    """The loss or the weights are no longer finite; `history` holds the epochs before."""

    def __init__(self, what: str, epoch: int, lr: float, history: History) -> None:
        super().__init__(
            f"fit: {what} in epoch {epoch} with lr={lr:g}. Likely causes: the learning rate is too high (try "
            f"{lr / 10:.2g}), features or targets are not standardised (tg.data.Standardizer), or the loss "
            "leaves its domain, as log(0) does. The model has the last weights that gave a finite loss."
        )
        self.history = history


class Scheduler(Protocol):
    """What changes the learning rate as training goes on."""

    def step(self) -> object:
        """Set the optimizer's `lr` for the next epoch."""


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
    patience: int | None = None,
    tol: float | None = None,
    jit: bool = False,
    progress: bool = True,
    rng: Rng = None,
) -> History:
    """Train `model` to make `loss(model(X), y)`, a mean over examples, small, and give the History.

    `train_data` and `valid_data` are (X, y). Without `batch_size` a step uses all of X; with it, batches are
    shuffled by `rng`. `scheduler.step()` follows each epoch. `jit` records a step once and replays it, several times as
    fast for small models. `progress` shows a bar if tqdm is installed.
    Training ends after `epochs`, or earlier

    - by `patience`: the validation loss has found no new low for that many epochs. With `patience` the model
      ends, for whatever reason it does, with the weights of its best epoch.
    - by `tol`: over the last ten epochs the training loss has moved by at most `tol` times itself, and has no
      more than that still to go. Gains of full-batch gradient descent on least squares tend to a geometric
      series; what is still to go is the rest of the one that the last two gains of ten epochs begin.

    Modules are in training mode for updates, in evaluation mode and under `no_grad` for validation, and get
    their modes back. Raises ValueError for data that is not finite, and DivergenceError for a loss that is
    not; the model then has the last weights that gave a finite one.
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit: model is a tg.nn.Module, not {type(model).__name__}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: optimizer is one of tg.optim, such as tg.optim.Adam, not {type(optimizer).__name__}")
    x, y = _checked("fit: train_data", train_data)
    valid = None if valid_data is None else _checked("fit: valid_data", valid_data)
    epochs = whole("fit", "epochs", epochs)
    if patience is not None and whole("fit", "patience", patience) and valid is None:
        raise ValueError("fit: patience watches the validation loss; pass valid_data=(X, y)")
    if tol is not None and not tol >= 0:
        raise ValueError(f"fit: tol is a share of the loss, such as 1e-6, not {tol}")
    rng = np.random.default_rng(rng)
    modules, tensors = model.modules(), list(model.tensors().values())
    finite, before, best = ([t.data.copy() for t in tensors] for _ in range(3))
    history, lowest = History(), inf
    bar = _bar(epochs) if progress else None

    def checked(what: str, number: float) -> float:
        if not isfinite(number):
            _put(tensors, finite)
            raise DivergenceError(f"{what} is {number}", epoch, lr, history)
        return number

    def step(bx: Array, by: Array) -> Tensor:
        value = loss(model(bx), by)
        if not isinstance(value, Tensor) or value.size != 1:
            raise TypeError(f"fit: loss(model(X), y) must be a Tensor of one element, not {value!r:.60}")
        if all_finite(value.data):
            optimizer.minimize(value)
        return value

    def validation(bx: Array, by: Array) -> Tensor:
        with no_grad():
            return loss(model(bx), by)

    if jit:
        from ..jit import jit as record

        step, validation = record(step), record(validation)

    # Overflow is divergence and is reported as such, not by warnings from within the model.
    with bar or nullcontext(), _mode(modules, True), np.errstate(all="ignore"):
        for epoch in range(1, epochs + 1):
            start, lr, train_loss = perf_counter(), optimizer.lr, 0.0
            parts = iter([(x, y)]) if batch_size is None else batches(x, y, batch_size=batch_size, rng=rng)
            for i, (bx, by) in enumerate(parts):
                if i == 0:
                    _take(before, tensors)
                number = checked("the training loss", float(step(bx, by)))
                if i == 0:
                    finite, before = before, finite
                train_loss += number * (len(by) / len(y))
            watched = train_loss
            if valid is not None:
                with _mode(modules, False):
                    watched = checked("the validation loss", float(validation(*valid)))
                history.valid_loss.append(watched)
            if watched < lowest:
                lowest, history.best_epoch = watched, epoch
                if patience is not None:
                    _take(best, tensors)
            if scheduler is not None:
                scheduler.step()
            history.train_loss.append(train_loss)
            history.lr.append(lr)
            history.seconds.append(perf_counter() - start)
            if bar is not None:
                bar.set_postfix_str(f"loss {watched:.4g}", refresh=False)
                bar.update()
            if patience is not None and epoch - history.best_epoch >= patience:
                history.stopped = "patience"
                break
            if tol is not None and _converged(history.train_loss, tol):
                history.stopped = "converged"
                break
        else:
            history.stopped = "epochs"
        if patience is not None:
            _put(tensors, best)
        # No loss has been computed from the last update.
        checked("the sum of the weights", float(sum(t.data.sum() for t in tensors)))
    return history


def _checked(where: str, data: Data) -> tuple[Array, Array]:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"{where} is a tuple (X, y), not {type(data).__name__}")
    x, y = checked_rows(where, *data)
    check_finite(f"{where}, X", x)
    check_finite(f"{where}, y", y)
    return x, y


@question
def all_finite(x: Any) -> bool:
    """Whether nothing in x is infinite or NaN."""
    return bool(np.isfinite(x).all())


def _take(copies: list[Array], tensors: list[Tensor]) -> None:
    for copy, t in zip(copies, tensors, strict=True):
        np.copyto(copy, t.data)


def _put(tensors: list[Tensor], copies: list[Array]) -> None:
    for copy, t in zip(copies, tensors, strict=True):
        np.copyto(t.data, copy)


@contextmanager
def _mode(modules: Iterable[Module], training: bool) -> Iterator[None]:
    before = [(m, m.training) for m in modules]
    for m, _ in before:
        m.training = training
    try:
        yield
    finally:
        for m, mode in before:
            m.training = mode


def _converged(losses: list[float], tol: float) -> bool:
    """Whether the last ten epochs moved the loss, and a geometric series would yet, by at most `tol`."""
    if len(losses) < 3 * _WINDOW:
        return False
    recent = losses[-_WINDOW:]
    a, b, c = (sum(losses[end - _WINDOW : end or None]) / _WINDOW for end in (-2 * _WINDOW, -_WINDOW, 0))
    before, last = abs(a - b), abs(b - c)
    # The rest of the series is last * r / (1 - r) with r = last / before; nothing if both are nothing.
    ahead = last * last / (before - last) if last < before else last and inf
    return max(max(recent) - min(recent), ahead) <= tol * abs(c)


def _bar(epochs: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        remedy = 'pip install "tinygrad-edu[train]", or pass progress=False'
        warnings.warn(f"fit: no progress bar without tqdm: {remedy}", stacklevel=3)
        return None
    return tqdm(total=epochs, unit="epoch")
