"""Optimizers that give each number a scale of its own, from the gradients that it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Group, Optimizer, _number, setting

if TYPE_CHECKING:
    from ..engine.tensor import Tensor
    from .optimizer import Array, Params


class Adagrad(Optimizer):
    """Divides by the root of the sum of all squares: p -= lr * g / (sqrt(s) + eps), s = s + g * g (Duchi et al. 2011).

    The rate falls as 1 / (1 + lr_decay * (steps - 1)) besides. `weight_decay` adds weight_decay * p to the gradient.
    """

    lr_decay, weight_decay, eps = map(setting, ("lr_decay", "weight_decay", "eps"))

    def __init__(
        self,
        params: Params,
        lr: float = 0.01,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
    ) -> None:
        self._start = _number("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)

    def _kept(self, group: Group) -> list[str]:
        return ["sum"]

    def _first(self, name: str, p: Tensor) -> Array:
        return np.full_like(p.data, self._start)

    def _update(self, group: Group, grads: list[Array], *kept: list[Array]) -> None:
        lr = group.lr / (1 + (self.steps - 1) * group.lr_decay)
        eps, weight_decay, scratch = group.eps, group.weight_decay, group.scratch
        room = group.room if weight_decay else scratch
        for p, g, s, tmp, d in zip(group.params, grads, *kept, scratch, room, strict=True):
            x = p.data
            if weight_decay:
                g = np.add(np.multiply(x, weight_decay, out=d), g, out=d)
            s += np.multiply(g, g, out=tmp)
            np.sqrt(s, out=tmp)
            tmp += eps
            np.divide(g, tmp, out=tmp)
            tmp *= lr
            x -= tmp


class RMSprop(Optimizer):
    """Divides by the root of a recent mean of squares: p -= lr * g / (sqrt(v) + eps) (Tieleman & Hinton 2012).

    v = alpha * v + (1 - alpha) * g * g; `centered` takes the square of the mean of g off it (Graves 2013). With
    `momentum`, b = momentum * b + g / (sqrt(v) + eps) and p -= lr * b. `weight_decay` adds weight_decay * p to the
    gradient.
    """

    alpha, eps, weight_decay, momentum, centered = map(
        setting, ("alpha", "eps", "weight_decay", "momentum", "centered")
    )

    def __init__(
        self,
        params: Params,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    @classmethod
    def _checked(cls, settings: dict[str, Any]) -> dict[str, Any]:
        centered = bool(settings.pop("centered"))
        alpha = _number(cls.__name__, "alpha", settings["alpha"], below=1)
        return {**super()._checked(settings), "alpha": alpha, "centered": centered}

    def _kept(self, group: Group) -> list[str]:
        return ["square", *["mean"] * group.centered, *["velocity"] * (group.momentum > 0)]

    def _update(self, group: Group, grads: list[Array], *kept: list[Array]) -> None:
        lr, alpha, eps, momentum, centered = group.lr, group.alpha, group.eps, group.momentum, group.centered
        weight_decay, scratch = group.weight_decay, group.scratch
        room = group.room if weight_decay else scratch
        for p, g, tmp, d, v, *others in zip(group.params, grads, scratch, room, *kept, strict=True):
            x = p.data
            if weight_decay:
                g = np.add(np.multiply(x, weight_decay, out=d), g, out=d)
            v *= alpha
            np.multiply(g, g, out=tmp)
            tmp *= 1 - alpha
            v += tmp
            if centered:
                mean = others[0]
                mean *= alpha
                mean += np.multiply(g, 1 - alpha, out=tmp)
                np.multiply(mean, mean, out=tmp)
                np.subtract(v, tmp, out=tmp)
                np.maximum(tmp, 0, out=tmp)  # the variance of a gradient that stays the same may round below 0
                np.sqrt(tmp, out=tmp)
            else:
                np.sqrt(v, out=tmp)
            tmp += eps
            np.divide(g, tmp, out=tmp)
            if momentum:
                b = others[-1]
                b *= momentum
                b += tmp
                np.multiply(b, lr, out=tmp)
            else:
                tmp *= lr
            x -= tmp


class Adam(Optimizer):
    """Steps on each number's own scale: p -= lr * m / (sqrt(v) + eps), with recent means of g and g * g.

    m = b1 * m + (1 - b1) * g and v = b2 * v + (1 - b2) * g * g with b1, b2 = `betas`, each divided by 1 - b
    ** steps for its start at zero (Kingma & Ba 2015). `weight_decay` adds weight_decay * p to the gradient. Means are
    kept in units of 1 - b: betas set after the first step change those of the past as well.
    """

    betas, eps, weight_decay = map(setting, ("betas", "eps", "weight_decay"))

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    @classmethod
    def _checked(cls, settings: dict[str, Any]) -> dict[str, Any]:
        kind, betas = cls.__name__, settings.pop("betas")
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"{kind}: betas are two numbers, such as (0.9, 0.999), not {betas!r}")
        betas = _number(kind, "betas[0]", betas[0]), _number(kind, "betas[1]", betas[1])
        if max(betas) >= 1:
            raise ValueError(f"{kind}: betas are at least 0 and below 1, not {betas}")
        return {**super()._checked(settings), "betas": betas}

    def _kept(self, group: Group) -> list[str]:
        return ["m", "v"]

    def _update(self, group: Group, grads: list[Array], *kept: list[Array]) -> None:
        # m and v are kept without their factors 1 - b, and all factors gathered in three numbers: ten passes
        # over the arrays instead of thirteen.
        b1, b2 = group.betas
        root = ((1 - b2) / (1 - b2**self.steps)) ** 0.5  # root * sqrt(v) is the root of the mean of g * g
        scale = group.lr * (1 - b1) / (1 - b1**self.steps) / root
        eps, weight_decay, keep = group.eps / root, group.weight_decay, self._remaining(group)
        for p, g, m, v, tmp in zip(group.params, grads, *kept, group.scratch, strict=True):
            x = p.data
            if keep is not None:
                x *= keep
            elif weight_decay:
                g = np.add(np.multiply(x, weight_decay, out=tmp), g, out=tmp)
            m *= b1
            m += g
            v *= b2
            v += np.multiply(g, g, out=tmp)
            np.sqrt(v, out=tmp)
            tmp += eps
            np.divide(m, tmp, out=tmp)
            tmp *= scale
            x -= tmp

    def _remaining(self, group: Group) -> Any:
        """What is left of a parameter before its step; None if its decay goes by the gradient."""
        return None


class AdamW(Adam):
    """Adam with a decay of its own: p is first multiplied by 1 - lr * weight_decay (Loshchilov & Hutter 2019)."""

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _remaining(self, group: Group) -> Any:
        return 1 - group.lr * group.weight_decay
