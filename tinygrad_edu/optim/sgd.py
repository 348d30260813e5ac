"""Gradient descent, with momentum and Nesterov's look ahead."""

from __future__ import annotations

from ..engine.habits import names_keywords
from .group import Group, hyperparameter
from .optimizer import Optimizer
from .tracing import Array
from .validation import Params, Setting, after


class SGD(Optimizer):
    """Gradient descent; with `momentum`, along the velocity v (Sutskever et al. 2013).

    `nesterov` looks ahead along v. `weight_decay` adds weight_decay * theta to g. As in PyTorch, v is g at first, and
    `dampening` takes its share off each g that is added to v later.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.SGD([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.8, -1.6])
    """

    momentum, dampening, nesterov, weight_decay, maximize = map(
        hyperparameter, ("momentum", "dampening", "nesterov", "weight_decay", "maximize")
    )
    switches = ("nesterov", "maximize")

    @names_keywords
    def __init__(
        self, params: Params, lr: float, momentum: float = 0, nesterov: bool = False, weight_decay: float = 0,
        dampening: float = 0, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, dampening=dampening,
            maximize=maximize,
        )  # fmt: skip

    def formula(
        self, theta: Array, g: Array, v: Array, *, t: int, lr: float, momentum: float, nesterov: bool,
        weight_decay: float, dampening: float,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Return the new theta and v."""
        if weight_decay:
            g = g + weight_decay * theta
        if momentum:
            v = momentum * v + (g * (1 - dampening * after(t, 1)) if dampening else g)
            if nesterov:
                return theta - lr * g - lr * momentum * v, v
            g = v
        return theta - lr * g, v

    def needed_state(self, group: Group) -> dict[str, bool]:
        """Return the formula's v."""
        return {"velocity": group.momentum > 0}

    @classmethod
    def checked(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        """Return the hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        settings = super().checked(settings)
        if settings["nesterov"] and (not settings["momentum"] or settings["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum above 0, such as 0.9, and no dampening")
        return settings
