"""A schedule that watches the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np

from ...engine.arguments import whole_number
from ...engine.errors import kind_of
from ..optimizer import Optimizer
from ..validation import nonnegative
from .base import LRScheduler, Rate


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by `factor` when the loss has not improved for more than `patience` epochs.

    With mode "min" a loss improves if it is below the lowest so far by more than the threshold: the part `threshold` of
    the lowest's size, or with threshold_mode "abs" `threshold` itself. Mode "max" is for what should rise, such as an
    accuracy. The `cooldown` epochs after a cut are not counted. No cut takes a rate below `min_lr`, and none is made
    that would change it by `eps` or less. As PyTorch's, except that for negative losses PyTorch takes the threshold to
    the wrong side. Call its `step` outside of `jit`. Raises ValueError for another mode, and TypeError for a mode in
    the place of `factor`.

    >>> sgd, rates = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0), []
    >>> schedule = tg.optim.lr_scheduler.ReduceLROnPlateau(sgd, patience=1)
    >>> for epoch in range(5):
    ...     rates.append(sgd.lr)
    ...     sgd.steps += 1  # in place of a step
    ...     schedule.step(1.0)  # the loss, which does not fall
    >>> rates
    [1.0, 1.0, 1.0, 0.1, 0.1]
    """

    watches_loss = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        cooldown: int = 0, min_lr: float = 0.0, mode: str = "min", threshold_mode: str = "rel", eps: float = 1e-8,
    ) -> None:  # fmt: skip
        given: object = factor
        if isinstance(given, str):  # PyTorch's second argument
            raise TypeError(
                f"ReduceLROnPlateau: give the mode by its name, mode={given!r}; the second argument is factor"
            )
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                'ReduceLROnPlateau: mode is "min" or "max", and threshold_mode "rel" or "abs"; not '
                f"{mode!r} and {threshold_mode!r}"
            )
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor = nonnegative("ReduceLROnPlateau", "factor", factor, below=1)
        below = 1 if threshold_mode == "rel" else math.inf
        self.threshold = nonnegative("ReduceLROnPlateau", "threshold", threshold, below=below)
        self.min_lr = nonnegative("ReduceLROnPlateau", "min_lr", min_lr)
        self.eps = nonnegative("ReduceLROnPlateau", "eps", eps)
        self.patience = whole_number("ReduceLROnPlateau", "patience", patience, "epochs", least=0)
        self.cooldown = whole_number("ReduceLROnPlateau", "cooldown", cooldown, "epochs", least=0)
        self.best, self.bad, self.cooling = math.inf if mode == "min" else -math.inf, 0, 0
        self.scale = [1.0] * len(getattr(optimizer, "groups", ()))  # the product of all cuts of each group
        super().__init__(optimizer)

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return each base_lr times all cuts of its group so far."""
        new = [1.0] * (len(base_lrs) - len(self.scale))  # of groups that were added
        return [base_lr * scale for base_lr, scale in zip(base_lrs, [*self.scale, *new], strict=True)]

    def step(self, loss: SupportsFloat) -> None:  # type: ignore[override]
        """Observe the loss of the epoch, and set the rates for the next."""
        with self._undone():
            self.observe(loss)
            super().step()

    def observe(self, loss: SupportsFloat) -> None:
        """Count the epochs since the loss improved, and cut the rate after `patience`; raises ValueError for NaN."""
        if not isinstance(loss, SupportsFloat) or (isinstance(loss, np.ndarray) and loss.ndim):
            raise TypeError(f"ReduceLROnPlateau.step: the loss is a number, not {kind_of(loss)}")
        loss = float(loss)
        if math.isnan(loss):
            raise ValueError("ReduceLROnPlateau.step: the loss is NaN; a lower learning rate may help")
        if self.improves(loss):
            self.best, self.bad = loss, 0
        else:
            self.bad += 1
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            self.cut()
            self.cooling, self.bad = self.cooldown, 0

    def improves(self, loss: float) -> bool:
        """Return whether a loss is better than the best so far by more than the threshold."""
        better = -1 if self.mode == "min" else 1
        if self.threshold_mode == "abs":
            least = self.best + better * self.threshold
        else:  # away from zero or towards it, as the sign of the best has it
            least = self.best * (1 + better * math.copysign(self.threshold, self.best))
        return loss < least if self.mode == "min" else loss > least

    def cut(self) -> None:
        """Multiply each group's rate by the factor, within min_lr and eps."""
        scale = [*self.scale, *[1.0] * (len(self.optimizer.groups) - len(self.scale))]
        for i, group in enumerate(self.optimizer.groups):
            lr = max(group.lr * self.factor, self.min_lr)
            if group.lr - lr > self.eps:
                scale[i] *= self.factor if lr > self.min_lr else lr / group.lr
        self.scale = scale

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step, and the groups' rates, by name, for `tg.save`."""
        mine = {"best": self.best, "bad": self.bad, "cooling": self.cooling, "scale": np.array(self.scale)}
        return super().state_dict() | mine

    def _restore(self, state: dict[str, Any]) -> None:
        self.best, self.bad, self.cooling, self.scale = (state[name] for name in ("best", "bad", "cooling", "scale"))
        super()._restore(state)
