"""Schedules: the learning rate as a function of how many epochs (or steps) have passed.

A schedule keeps the rates that its optimizer's groups had, `base_lrs`, and sets each to `rate(base_lr, epoch)`. Rates
are plain formulas of the count, without `if`, so that `jit` can record `step` together with the update. `each_batch`
says that a schedule counts updates, not epochs, `watches_loss` that its `step` is told the loss.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.rules.registry import predicate, primitive
from ..state import copy_state
from .optimizer import Optimizer
from .validation import nonnegative, whole_number


@primitive
def python_float(x: Any) -> float:
    """x as Python's float: one of NumPy's would make float64 of float32 parameters."""
    return float(x)


@predicate
def unused(epoch: int, steps: int, began: int) -> bool:
    """Whether a rate that a schedule is about to replace was that of no step."""
    return epoch == 0 and steps == began


class LRScheduler:
    """What schedules share; a subclass gives `rate`. `step()` follows each epoch."""

    each_batch = watches_loss = False

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} takes an optimizer of tg.optim, not {type(optimizer).__name__}")
        self.optimizer, self.epoch, self.began = optimizer, 0, optimizer.steps
        self.base_lrs = [group.lr for group in optimizer.groups]
        self._set()

    def rate(self, base_lr: float, epoch: int) -> Any:
        """The learning rate after so many epochs, of a group that began with `base_lr`."""
        raise TypeError(f"{type(self).__name__} has no method rate(self, base_lr, epoch): an LRScheduler defines one")

    def step(self) -> None:
        """Set the optimizer's rates for the next epoch."""
        if unused(self.epoch, self.optimizer.steps, self.began):
            kind = type(self.optimizer).__name__
            warnings.warn(
                f"{type(self).__name__}.step: {kind} has not yet taken a step, so its first rate is left out; call "
                "optimizer.step() first, then schedule.step()",
                stacklevel=2,
            )
        self.epoch += 1
        self._set()

    def _set(self) -> None:
        for group, base_lr in zip(self.optimizer.groups, self.base_lrs, strict=True):
            group.lr = python_float(self.rate(base_lr, self.epoch))

    def state_dict(self) -> dict[str, Any]:
        """Give what changes from step to step, and the rates that it began with, by name, for `tg.save`."""
        return {"epoch": self.epoch, "base_lrs": np.array(self.base_lrs)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave; raises ValueError listing what does not fit. The optimizer has its own."""
        now = {name: np.array(value) for name, value in self.state_dict().items()}
        copy_state(f"{type(self).__name__}.load_state_dict", now, state)
        self._take({name: value.tolist() for name, value in now.items()})

    def _take(self, state: dict[str, Any]) -> None:
        self.epoch, self.base_lrs = state["epoch"], state["base_lrs"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_lr={self.base_lrs[0]:g}, epoch {self.epoch}: lr={self.optimizer.lr:g})"


class StepLR(LRScheduler):
    """`gamma` times the rate after every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = (
            whole_number("StepLR", "step_size", step_size),
            nonnegative("StepLR", "gamma", gamma),
        )
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """base_lr gamma ** (epochs // step_size)."""
        return base_lr * self.gamma ** (epoch // self.step_size)


class ExponentialLR(LRScheduler):
    """`gamma` times the rate after every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = nonnegative("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """base_lr gamma ** epochs."""
        return base_lr * self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the base rate down to `eta_min` at epoch `T_max`, and on (Loshchilov & Hutter 2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = whole_number("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = nonnegative("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2."""
        return _cosine(base_lr, self.eta_min, epoch / self.T_max)


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down again within `total_steps` updates, along two halves of a cosine (Smith & Topin 2018).

    The rate starts at max_lr / div_factor, is `max_lr` after `pct_start` of the steps, and ends at a
    `final_div_factor`-th of where it started, where it stays. `max_lr` takes the place of the optimizer's rate in every
    group; a list has one for each. A call of `step()` follows each update, not each epoch. As PyTorch's, in two phases
    and without its cycle of the momentum, which stays what it is.
    """

    each_batch = True

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        groups = optimizer.groups if isinstance(optimizer, Optimizer) else []  # what is none is refused below
        several: list[Any] = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(several) != len(groups):
            raise ValueError(f"OneCycleLR: max_lr has {len(several)} rates, the optimizer {len(groups)} groups")
        highest = [nonnegative("OneCycleLR", "max_lr", lr) for lr in several]
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
        for group, lr in zip(groups, highest, strict=True):
            group.lr = lr
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """Half a cosine from the first rate to the highest, base_lr, then half of one from there to the last."""
        first = base_lr / self.div_factor
        up = _cosine(first, base_lr, np.minimum(epoch / self.peak, 1.0))
        down = np.clip((epoch - self.peak) / (self.total_steps - 1 - self.peak), 0.0, 1.0)
        return np.where(np.less(epoch, self.peak), up, _cosine(base_lr, first / self.final_div_factor, down))


class ReduceLROnPlateau(LRScheduler):
    """`factor` times the rate whenever the loss has not fallen for more than `patience` epochs.

    A loss counts as fallen below (1 - threshold) times the lowest before. After a cut, `cooldown` epochs are not
    counted; no rate falls below `min_lr`. As PyTorch's, in its mode "min". `jit` cannot record it: call its `step`
    outside of the recorded function.
    """

    watches_loss = True

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self.factor = nonnegative("ReduceLROnPlateau", "factor", factor, below=1)
        self.threshold = nonnegative("ReduceLROnPlateau", "threshold", threshold, below=1)
        self.min_lr = nonnegative("ReduceLROnPlateau", "min_lr", min_lr)
        self.patience, self.cooldown = (
            whole_number("ReduceLROnPlateau", name, value, least=0)
            for name, value in (("patience", patience), ("cooldown", cooldown))
        )
        self.best, self.bad, self.cooling, self.scale = math.inf, 0, 0, 1.0
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """base_lr times all cuts so far, at least min_lr, unless it was below from the start."""
        return max(base_lr * self.scale, min(base_lr, self.min_lr))

    def step(self, loss: Any) -> None:  # type: ignore[override]
        """Look at the loss of the epoch, and set the rates for the next."""
        self.observe(loss)
        super().step()

    def observe(self, loss: Any) -> None:
        """Count what a loss tells; raises ValueError for one that is NaN."""
        loss = float(loss)
        if math.isnan(loss):
            raise ValueError("ReduceLROnPlateau.step: the loss is NaN, which is on no plateau; a lower rate may help")
        if loss < self.best * (1 - self.threshold):
            self.best, self.bad = loss, 0
        else:
            self.bad += 1
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            self.scale *= self.factor
            self.cooling, self.bad = self.cooldown, 0

    def state_dict(self) -> dict[str, Any]:
        """Give what changes from step to step, and the rates that it began with, by name, for `tg.save`."""
        mine = {"best": self.best, "bad": self.bad, "cooling": self.cooling, "scale": self.scale}
        return super().state_dict() | mine

    def _take(self, state: dict[str, Any]) -> None:
        super()._take(state)
        self.best, self.bad, self.cooling, self.scale = (state[name] for name in ("best", "bad", "cooling", "scale"))


class LinearWarmup(LRScheduler):
    """The rate grows in equal parts, from the first of `epochs` parts to the whole; then the schedule `then` begins.

    It is PyTorch's LinearLR(start_factor=1/epochs, total_iters=epochs - 1), and reaches the whole in the last of its
    `epochs`, not after. `step` is called as that of `then` is.

    >>> import tinygrad_edu as tg
    >>> sgd = tg.optim.SGD([tg.Tensor([1.0])], lr=0.1)
    >>> schedule = LinearWarmup(sgd, 2, then=ExponentialLR(sgd, 0.5))
    >>> [round(schedule.rate(0.1, epoch).item(), 3) for epoch in range(5)]
    [0.05, 0.1, 0.1, 0.05, 0.025]
    """

    def __init__(self, optimizer: Optimizer, epochs: int, then: LRScheduler | None = None) -> None:
        self.epochs = whole_number("LinearWarmup", "epochs", epochs)
        self.then: Any = then
        if then is not None:
            if getattr(then, "optimizer", None) is not optimizer:
                raise ValueError("LinearWarmup: then is a schedule of the same optimizer")
            self.each_batch, self.watches_loss = then.each_batch, then.watches_loss
            for group, base_lr in zip(optimizer.groups, then.base_lrs, strict=True):
                group.lr = base_lr
        super().__init__(optimizer)

    def rate(self, base_lr: float, epoch: int) -> Any:
        """base_lr min(1, (epoch + 1) / epochs), and from `epochs` on what `then` has for the epochs since."""
        if self.then is None:
            return base_lr * np.minimum(1.0, (epoch + 1) / self.epochs)
        after = self.then.rate(base_lr, np.maximum(epoch - self.epochs, 0))
        first = self.then.rate(base_lr, 0)
        return np.where(np.less(epoch, self.epochs), first * (epoch + 1) / self.epochs, after)

    def step(self, loss: Any = None) -> None:
        """Set the rates for the next epoch; `loss` is for a `then` that watches it."""
        if self.then is not None and self.then.watches_loss and self.epoch >= self.epochs:
            if loss is None:
                raise TypeError(f"LinearWarmup.step: {type(self.then).__name__} watches the loss; pass it: step(loss)")
            self.then.observe(loss)
        super().step()

    def state_dict(self) -> dict[str, Any]:
        """Give what changes from step to step, and the rates that it began with, by name, for `tg.save`."""
        inner = self.then.state_dict() if self.then else {}
        return super().state_dict() | {f"then.{name}": value for name, value in inner.items()}

    def _take(self, state: dict[str, Any]) -> None:
        super()._take(state)
        if self.then:
            self.then._take({name.removeprefix("then."): v for name, v in state.items() if name.startswith("then.")})


def _cosine(start: Any, end: Any, part: Any) -> Any:
    """From start (at part 0) to end (at 1) along half a cosine."""
    return end + (start - end) * (1 + np.cos(math.pi * part)) / 2
