"""Gradient descent, with momentum and Nesterov's look ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Group, Optimizer, setting

if TYPE_CHECKING:
    from .optimizer import Array, Params


class SGD(Optimizer):
    """Gradient descent: p -= lr * g; with momentum, v = momentum * v + g and p -= lr * v.

    `nesterov` looks ahead: p -= lr * (g + momentum * v). `weight_decay` adds weight_decay * p to the
    gradient. The formulas, and v = g at the first step, are PyTorch's (Sutskever et al. 2013).
    """

    momentum, nesterov, weight_decay = map(setting, ("momentum", "nesterov", "weight_decay"))

    def __init__(
        self, params: Params, lr: float, momentum: float = 0, nesterov: bool = False, weight_decay: float = 0
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)

    @classmethod
    def _checked(cls, settings: dict[str, Any]) -> dict[str, Any]:
        nesterov = bool(settings.pop("nesterov"))
        numbers = super()._checked(settings)
        if nesterov and not numbers["momentum"]:
            raise ValueError("SGD: nesterov needs a momentum above 0, such as 0.9")
        return {**numbers, "nesterov": nesterov}

    def _kept(self, group: Group) -> list[str]:
        return ["velocity"] if group.momentum else []

    def _update(self, group: Group, grads: list[Array], *kept: list[Array]) -> None:
        lr, momentum, weight_decay, nesterov = group.lr, group.momentum, group.weight_decay, group.nesterov
        scale = lr * momentum if nesterov else lr
        velocities = kept[0] if momentum else grads  # grads stand in where none are looked at
        for p, g, v, tmp in zip(group.params, grads, velocities, group.scratch, strict=True):
            x = p.data
            if weight_decay:
                g = np.add(np.multiply(x, weight_decay, out=tmp), g, out=tmp)
            if momentum:
                v *= momentum
                v += g
                if nesterov:
                    x -= np.multiply(g, lr, out=tmp)
                g = v
            x -= np.multiply(g, scale, out=tmp)
