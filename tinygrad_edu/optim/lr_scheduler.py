"""Schedules: the learning rate as a function of the number of epochs (or updates) so far.

A schedule keeps the first rate of each of its optimizer's groups in `base_lrs`, and sets the group's rate to
`rate(base_lr, epoch)`. Rates are formulas without `if`, so that `jit` can record `step` together with the update.
`each_batch` means that the schedule counts updates, not epochs; `watches_loss` means that `step` takes the loss.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..engine.rules.registry import predicate
from ..state import copy_state
from .optimizer import Optimizer
from .validation import nonnegative, python_float, whole_number

Rate: TypeAlias = float | NDArray[Any]  # an array without axes, where NumPy computes a rate


@predicate
def no_step_at_first_rate(epoch: int, steps: int, first_step: int) -> bool:
    """Return whether the schedule is about to replace its first rate before the optimizer has used it."""
    return epoch == 0 and steps == first_step


class LRScheduler:
    """The base class of schedules: a subclass defines `rate`, and the training loop calls `step()` after each epoch."""

    each_batch = watches_loss = False

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} takes an optimizer of tg.optim, not {type(optimizer).__name__}")
        self.optimizer, self.epoch, self.first_step = optimizer, 0, optimizer.steps
        self.base_lrs = [group.lr for group in optimizer.groups]
        self._set()

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return the learning rate after `epoch` epochs of a group whose first rate was `base_lr`."""
        raise TypeError(f"{type(self).__name__} has no method rate(self, base_lr, epoch): an LRScheduler defines one")

    def step(self) -> None:
        """Set the optimizer's rates for the next epoch."""
        if no_step_at_first_rate(self.epoch, self.optimizer.steps, self.first_step):
            kind = type(self.optimizer).__name__
            warnings.warn(
                f"{type(self).__name__}.step: {kind} has not yet taken a step, so it never uses its first rate; call "
                "optimizer.step() first, then schedule.step()",
                stacklevel=2,
            )
        self.epoch += 1
        self._set()

    def observe(self, loss: SupportsFloat) -> None:
        """Take account of the loss of an epoch; a schedule with `watches_loss` defines it."""

    def _set(self) -> None:
        for group, base_lr in zip(self.optimizer.groups, self.base_lrs, strict=True):
            group.lr = python_float(self.rate(base_lr, self.epoch))

    def state_dict(self) -> dict[str, float | NDArray[Any]]:
        """Return what changes from step to step, and the first rates, by name, for `tg.save`."""
        return {"epoch": self.epoch, "base_lrs": np.array(self.base_lrs)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; raises ValueError that lists what does not fit.

        The optimizer's state, with its present rate, is saved and restored apart.
        """
        now = {name: np.array(value) for name, value in self.state_dict().items()}
        copy_state(f"{type(self).__name__}.load_state_dict", now, state)
        self._restore({name: value.tolist() for name, value in now.items()})

    def _restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.base_lrs = state["epoch"], state["base_lrs"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_lr={self.base_lrs[0]:g}, epoch {self.epoch}: lr={self.optimizer.lr:g})"


class StepLR(LRScheduler):
    """Multiplies the rate by `gamma` after every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = whole_number("StepLR", "step_size", step_size)
        self.gamma = nonnegative("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr gamma ** (epoch // step_size)."""
        return base_lr * self.gamma ** (epoch // self.step_size)


class ExponentialLR(LRScheduler):
    """Multiplies the rate by `gamma` after every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = nonnegative("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr gamma ** epoch."""
        return base_lr * self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """Follows a cosine from the first rate down to `eta_min` at epoch `T_max`, and on (Loshchilov & Hutter 2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = whole_number("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = nonnegative("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2."""
        return _cosine(base_lr, self.eta_min, epoch / self.T_max)


class OneCycleLR(LRScheduler):
    """Raises the rate to `max_lr` and lowers it again, along two halves of a cosine (Smith & Topin 2018).

    The rate starts at max_lr / div_factor, reaches `max_lr` after the part `pct_start` of `total_steps` updates, and
    ends at its start divided by `final_div_factor`, where it stays. `max_lr` replaces the optimizer's rate in every
    group; a list has one for each. Call `step()` after each update. As PyTorch's in two phases, with constant momentum.
    """

    each_batch = True

    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int, pct_start: float = 0.3,
        div_factor: float = 25.0, final_div_factor: float = 1e4,
    ) -> None:  # fmt: skip
        groups = optimizer.groups if isinstance(optimizer, Optimizer) else []  # super().__init__ refuses others
        maxima = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(maxima) != len(groups):
            raise ValueError(f"OneCycleLR: max_lr has {len(maxima)} rates, the optimizer {len(groups)} groups")
        maxima = [nonnegative("OneCycleLR", "max_lr", lr) for lr in maxima]
        self.total_steps = whole_number("OneCycleLR", "total_steps", total_steps, "updates")
        self.pct_start = nonnegative("OneCycleLR", "pct_start", pct_start, below=1)
        self.peak = self.pct_start * self.total_steps - 1
        if not 0 < self.peak < self.total_steps - 1:
            raise ValueError(
                f"OneCycleLR: pct_start={pct_start:g} of total_steps={total_steps} leaves no step on one side of the "
                "peak; take more steps"
            )
        for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if not nonnegative("OneCycleLR", name, value) >= 1:
                raise ValueError(f"OneCycleLR: {name} is at least 1, not {value:g}")
        self.div_factor, self.final_div_factor = float(div_factor), float(final_div_factor)
        for group, lr in zip(groups, maxima, strict=True):
            group.lr = lr
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return the rate on half a cosine from the first rate up to base_lr, then on another down to the last rate."""
        first = base_lr / self.div_factor
        up = _cosine(first, base_lr, np.minimum(epoch / self.peak, 1.0))
        down = np.clip((epoch - self.peak) / (self.total_steps - 1 - self.peak), 0.0, 1.0)
        return np.where(np.less(epoch, self.peak), up, _cosine(base_lr, first / self.final_div_factor, down))


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by `factor` when the loss has not improved for more than `patience` epochs.

    A loss is an improvement if it is below (1 - threshold) times the lowest so far. The `cooldown` epochs after a cut
    are not counted. No rate falls below `min_lr`. As PyTorch's with mode "min". Call its `step` outside of `jit`.
    """

    watches_loss = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        cooldown: int = 0, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        self.factor = nonnegative("ReduceLROnPlateau", "factor", factor, below=1)
        self.threshold = nonnegative("ReduceLROnPlateau", "threshold", threshold, below=1)
        self.min_lr = nonnegative("ReduceLROnPlateau", "min_lr", min_lr)
        self.patience = whole_number("ReduceLROnPlateau", "patience", patience, least=0)
        self.cooldown = whole_number("ReduceLROnPlateau", "cooldown", cooldown, least=0)
        self.best, self.bad, self.cooling, self.scale = math.inf, 0, 0, 1.0
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr times all cuts so far, but at least min_lr or, if that is lower, base_lr."""
        return max(base_lr * self.scale, min(base_lr, self.min_lr))

    def step(self, loss: SupportsFloat) -> None:  # type: ignore[override]
        """Observe the loss of the epoch, and set the rates for the next."""
        self.observe(loss)
        super().step()

    def observe(self, loss: SupportsFloat) -> None:
        """Count the epochs since the loss improved, and cut the rate after `patience`; raises ValueError for NaN."""
        loss = float(loss)
        if math.isnan(loss):
            raise ValueError("ReduceLROnPlateau.step: the loss is NaN; a lower learning rate may help")
        if loss < self.best * (1 - self.threshold):
            self.best, self.bad = loss, 0
        else:
            self.bad += 1
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            self.scale *= self.factor
            self.cooling, self.bad = self.cooldown, 0

    def state_dict(self) -> dict[str, float | NDArray[Any]]:
        """Return what changes from step to step, and the first rates, by name, for `tg.save`."""
        mine = {"best": self.best, "bad": self.bad, "cooling": self.cooling, "scale": self.scale}
        return super().state_dict() | mine

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.best, self.bad, self.cooling, self.scale = (state[name] for name in ("best", "bad", "cooling", "scale"))


class LinearWarmup(LRScheduler):
    """Raises the rate in `epochs` equal steps from 1 / epochs of it to all of it; then the schedule `then` begins.

    As PyTorch's LinearLR(start_factor=1/epochs, total_iters=epochs - 1): the last of the `epochs` has the full rate.
    Call `step` as `then` wants it: after each epoch or update, with the loss if `then` watches it.

    >>> import tinygrad_edu as tg
    >>> sgd = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    >>> schedule = LinearWarmup(sgd, 2, then=ExponentialLR(sgd, 0.5))
    >>> [round(schedule.rate(0.1, epoch).item(), 3) for epoch in range(5)]
    [0.05, 0.1, 0.1, 0.05, 0.025]
    """

    def __init__(self, optimizer: Optimizer, epochs: int, then: LRScheduler | None = None) -> None:
        self.epochs = whole_number("LinearWarmup", "epochs", epochs)
        self.then = then
        if then is not None:
            if getattr(then, "optimizer", None) is not optimizer:
                raise ValueError("LinearWarmup: then is a schedule of the same optimizer")
            self.each_batch, self.watches_loss = then.each_batch, then.watches_loss
            for group, base_lr in zip(optimizer.groups, then.base_lrs, strict=True):
                group.lr = base_lr
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return base_lr min(1, (epoch + 1) / epochs), and from `epochs` on the rate of `then` for the epochs since."""
        if self.then is None:
            part: Rate = np.minimum(1.0, (epoch + 1) / self.epochs)
            return base_lr * part
        after = self.then.rate(base_lr, np.maximum(epoch - self.epochs, 0))
        first = self.then.rate(base_lr, 0)
        return np.where(np.less(epoch, self.epochs), first * (epoch + 1) / self.epochs, after)

    def step(self, loss: SupportsFloat | None = None) -> None:
        """Set the rates for the next epoch; a `then` that watches the loss needs `loss`."""
        if self.then is not None and self.then.watches_loss and self.epoch >= self.epochs:
            if loss is None:
                raise TypeError(f"LinearWarmup.step: {type(self.then).__name__} watches the loss; pass it: step(loss)")
            self.then.observe(loss)
        super().step()

    def state_dict(self) -> dict[str, float | NDArray[Any]]:
        """Return what changes from step to step, and the first rates, by name, for `tg.save`."""
        inner = self.then.state_dict() if self.then else {}
        return super().state_dict() | {f"then.{name}": value for name, value in inner.items()}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if self.then:
            self.then._restore({name.removeprefix("then."): v for name, v in state.items() if name.startswith("then.")})


def _cosine(start: Rate, end: Rate, part: Rate) -> Rate:
    """Return the value between start (at part 0) and end (at part 1) on half a cosine."""
    return end + (start - end) * (1 + np.cos(math.pi * part)) / 2
