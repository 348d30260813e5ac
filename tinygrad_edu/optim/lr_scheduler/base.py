"""The base class of schedules: how a schedule's rate becomes its factor of the optimizer's learning rates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, SupportsFloat, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...engine.errors import users_level
from ...engine.rules.floats import python_float
from ...engine.rules.registry import predicate
from ...state import copy_state
from ...stores import store
from ..optimizer import Optimizer, check_optimizer
from ..validation import nonnegative

Rate: TypeAlias = float | NDArray[Any]  # an array without axes, where NumPy computes a rate


@predicate
def no_step_at_first_rate(epoch: int, steps: int, first_step: int) -> bool:
    """Return whether the schedule is about to replace its first rate before the optimizer has used it."""
    return epoch == 0 and steps == first_step


class LRScheduler:
    """The base class of schedules: a subclass defines `rate`, and the training loop calls `step()` after each epoch.

    Each group of the optimizer keeps `factors`: its rate without schedules, `base_lrs` of all groups, then a factor for
    each schedule. The schedule's is rate(base_lr, epoch) / base_lr, at `place`; the group's rate is the product. A rate
    that is set by hand changes the rate without schedules. Rates are formulas without `if`, so that `jit` can record
    `step` together with the update. Raises ValueError for schedules of another optimizer.

    >>> class Halved(tg.optim.lr_scheduler.LRScheduler):
    ...     def rate(self, base_lr, epoch):
    ...         return base_lr / 2**epoch
    >>> sgd = tg.optim.SGD([tg.Tensor(0.0)], lr=1.0)
    >>> Halved(sgd).rate(1.0, 3)
    0.125
    """

    each_batch = watches_loss = False
    place: int

    def __init__(self, optimizer: Optimizer, parts: Sequence[LRScheduler] = ()) -> None:
        """`parts` are schedules of the same optimizer that this one asks for their rates: it takes their places."""
        check_optimizer(type(self).__name__, optimizer)
        self.optimizer, self.epoch, self.first_step = optimizer, 0, optimizer.steps
        for part in parts:
            if getattr(part, "optimizer", None) is not optimizer:
                raise ValueError(f"{type(self).__name__} takes schedules of the same optimizer")
        places = [place for part in parts for place in part.places] or [max(len(optimizer.groups[0].factors), 1)]
        self.place = places[0]
        before = [(vars(group).update, {"factors": group.factors, "lr": group.lr}) for group in optimizer.groups]
        try:
            for group in optimizer.groups:
                group.multiply(places)
            self._set(0)
        except BaseException:
            store(before)
            raise

    @property
    def places(self) -> list[int]:
        """Where the factors are that this schedule sets."""
        return [self.place]

    @property
    def base_lrs(self) -> tuple[float, ...]:
        """The rate of each group without schedules."""
        return tuple([python_float(group.factors[0]) for group in self.optimizer.groups])

    @base_lrs.setter
    def base_lrs(self, values: Sequence[float]) -> None:
        for group, value in zip(self.optimizer.groups, values, strict=True):
            group.factors[0] = value

    def get_last_lr(self) -> list[float]:
        """Return the present learning rate of each group."""
        return [group.lr for group in self.optimizer.groups]

    def rate(self, base_lr: float, epoch: int) -> Rate:
        """Return the learning rate after `epoch` epochs of a group whose rate is `base_lr` without schedules."""
        raise TypeError(f"{type(self).__name__} has no method rate(self, base_lr, epoch): an LRScheduler defines one")

    def rates(self, base_lrs: Sequence[Rate], epoch: int) -> list[Rate]:
        """Return the rate of each group after `epoch` epochs; a schedule that treats groups differently defines it."""
        return [self.rate(base_lr, epoch) for base_lr in base_lrs]  # type: ignore[arg-type]

    def step(self) -> None:
        """Set the optimizer's rates for the next epoch."""
        if no_step_at_first_rate(self.epoch, self.optimizer.steps, self.first_step):
            kind = type(self.optimizer).__name__
            warnings.warn(
                f"{type(self).__name__}.step: {kind} has not yet taken a step, so it never uses its first rate; call "
                "optimizer.step() first, then schedule.step()",
                stacklevel=users_level(),
            )
        self._set(self.epoch + 1)

    def observe(self, loss: SupportsFloat) -> None:
        """Take account of the loss of an epoch; a schedule with `watches_loss` defines it."""

    def _set(self, epoch: int) -> None:
        """Go to an epoch: set the rates of all groups, or raise an error with nothing changed."""
        base_lrs, kind, before = self.base_lrs, type(self.optimizer).__name__, self.epoch
        try:
            self.epoch = epoch  # which the rates of a subclass may read
            rates = [nonnegative(kind, "lr", python_float(rate)) for rate in self.rates(base_lrs, epoch)]
        finally:
            self.epoch = before
        given = zip(self.optimizer.groups, rates, base_lrs, strict=True)
        changes = [change for group, *rate in given for change in group.follow(self.place, *rate)]
        store([*changes, (setattr, self, "epoch", epoch)])

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step, and the groups' rates, by name, for `tg.save`."""
        groups = self.optimizer.groups
        return {
            "epoch": self.epoch, "base_lrs": np.array(self.base_lrs),
            "factors": np.array([group.factors[self.place] for group in groups]), "lrs": np.array(self.get_last_lr()),
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; raises ValueError that lists what does not fit.

        The optimizer gets the rates that it had. Its own state is saved and restored apart, before or after.
        """
        now = {name: np.array(value) for name, value in self.state_dict().items()}
        if isinstance(state, Mapping):  # factors and rates may be missing: they follow from the rest, to rounding
            now = {k: v for k, v in now.items() if k in state or k.rpartition(".")[2] not in ("factors", "lrs")}
            # In older files a plateau's cuts are one number for all groups.
            cuts = {name: v for name, v in state.items() if name in now and name.rpartition(".")[2] == "scale"}
            single = {name: v for name, v in cuts.items() if np.isscalar(v) or getattr(v, "shape", None) == ()}
            state = {**state, **{name: np.full(now[name].shape, v) for name, v in single.items()}}
        copy_state(f"{type(self).__name__}.load_state_dict", now, state)
        with self._undone():
            self._restore({name: value.tolist() for name, value in now.items()})

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Undo all changes of this schedule, of its parts and of the rates if an error leaves the block."""
        if type(self.epoch) is not int:  # while jit records, which undoes them
            yield
            return
        before = self.state_dict()
        try:
            yield
        except BaseException:
            self._restore({name: np.array(value).tolist() for name, value in before.items()})
            raise

    def _restore(self, state: dict[str, Any]) -> None:
        self.base_lrs = state["base_lrs"]
        self._set(state["epoch"])
        for group, factor in zip(self.optimizer.groups, state.get("factors", ()), strict=False):
            group.factors[self.place] = factor
        for group, lr in zip(self.optimizer.groups, state.get("lrs", ()), strict=False):
            group.restore_rate(lr)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_lr={self.base_lrs[0]:g}, epoch {self.epoch}: lr={self.optimizer.lr:g})"


def check_scheduler(where: str, scheduler: object, optimizer: Optimizer) -> None:
    """Raise TypeError or ValueError, with the remedy, unless `scheduler` is None or can step the optimizer's rates."""
    if isinstance(scheduler, type):
        kind = scheduler.__name__
        raise TypeError(f"{where}: scheduler is the class {kind} itself; construct a schedule, {kind}(optimizer, ...)")
    if scheduler is not None and not callable(getattr(scheduler, "step", None)):
        kind = type(scheduler).__name__
        raise TypeError(f"{where}: scheduler is one of tg.optim.lr_scheduler, or has a method step; not {kind}")
    if isinstance(scheduler, LRScheduler) and scheduler.optimizer is not optimizer:
        raise ValueError(f"{where}: scheduler is one of another optimizer; construct it with the optimizer given here")
