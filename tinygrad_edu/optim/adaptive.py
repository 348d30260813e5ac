"""Optimizers that scale the step of each element by the size of the gradients that it has had."""

import numpy as np

from ..engine.tensor import Tensor
from .group import Group
from .inplace import Array, working_dtype
from .optimizer import Optimizer, hyperparameter
from .validation import Params, Setting, nonnegative


class Adagrad(Optimizer):
    """Divides by the root of s, the sum of all squared gradients (Duchi et al. 2011).

    `lr_decay` divides the rate by 1 + lr_decay * (t - 1). `weight_decay` adds weight_decay * theta to the gradient.
    """

    lr_decay, weight_decay, eps = map(hyperparameter, ("lr_decay", "weight_decay", "eps"))
    state_names = ("sum",)

    def __init__(
        self, params: Params, lr: float = 0.01, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10,
    ) -> None:  # fmt: skip
        self._initial_sum = nonnegative("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)

    def formula(
        self, theta: Array, g: Array, s: Array, *, t: int, lr: float, lr_decay: float, weight_decay: float,
        eps: float,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Return the new theta and s."""
        if weight_decay:
            g = g + weight_decay * theta
        s = s + g * g
        lr = lr / (1 + (t - 1) * lr_decay)
        return theta - lr * (g / (np.sqrt(s) + eps)), s

    def initial_state(self, name: str, p: Tensor) -> Array:
        """Return initial_accumulator_value for each element of the parameter."""
        return np.full_like(p.data, self._initial_sum, dtype=working_dtype(p.dtype))


class RMSprop(Optimizer):
    """Divides by the root of v, a running mean of squared gradients (Tieleman & Hinton 2012).

    `centered` subtracts the square of m, a running mean of the gradients (Graves 2013), and `momentum` goes along the
    velocity b. `weight_decay` adds weight_decay * theta to the gradient.
    """

    alpha, eps, weight_decay, momentum, centered = map(
        hyperparameter, ("alpha", "eps", "weight_decay", "momentum", "centered")
    )

    def __init__(
        self, params: Params, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    def formula(
        self, theta: Array, g: Array, v: Array, m: Array, b: Array, *, t: int, lr: float, alpha: float, eps: float,
        weight_decay: float, momentum: float, centered: bool,
    ) -> tuple[Array, Array, Array, Array]:  # fmt: skip
        """Return the new theta, v, m and b."""
        if weight_decay:
            g = g + weight_decay * theta
        variance = v = alpha * v + (1 - alpha) * (g * g)
        if centered:
            m = alpha * m + (1 - alpha) * g
            variance = np.maximum(v - m * m, 0)  # if all gradients are equal, rounding may make it negative
        step = g / (np.sqrt(variance) + eps)
        if momentum:
            step = b = momentum * b + step
        return theta - lr * step, v, m, b

    def needed_state(self, group: Group) -> dict[str, bool]:
        """Return the formula's v, m and b."""
        return {"square": True, "mean": group.centered, "velocity": group.momentum > 0}

    @classmethod
    def checked(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        """Return the hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        centered = bool(settings.pop("centered"))
        alpha = nonnegative(cls.__name__, "alpha", settings["alpha"], below=1)
        return {**super().checked(settings), "alpha": alpha, "centered": centered}


class Adam(Optimizer):
    """Divides a running mean of the gradients by the root of one of their squares (Kingma & Ba 2015).

    m and v are the paper's first and second moment, without their factors 1 - b1 and 1 - b2, which the corrections for
    the start at 0 bring in: betas set after the first step change the weights of earlier gradients as well.
    `weight_decay` adds weight_decay * theta to the gradient.
    """

    betas, eps, weight_decay = map(hyperparameter, ("betas", "eps", "weight_decay"))
    state_names = ("m", "v")

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float, betas: tuple[float, float], eps: float,
        weight_decay: float,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Return the new theta, m and v."""
        b1, b2 = betas
        if weight_decay:
            g = g + weight_decay * theta
        m = b1 * m + g
        v = b2 * v + g * g
        root = ((1 - b2) / (1 - b2**t)) ** 0.5  # sqrt(v_hat) is root * sqrt(v), m_hat is (1 - b1) / (1 - b1**t) * m
        rate = lr * (1 - b1) / (1 - b1**t) / root
        return theta - rate * (m / (np.sqrt(v) + eps / root)), m, v  # the paper's quick form, end of section 2

    @classmethod
    def checked(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        """Return the hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        kind, betas = cls.__name__, settings.pop("betas")
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"{kind}: betas are two numbers, such as (0.9, 0.999), not {betas!r}")
        betas = nonnegative(kind, "betas[0]", betas[0]), nonnegative(kind, "betas[1]", betas[1])
        if max(betas) >= 1:
            raise ValueError(f"{kind}: betas are at least 0 and below 1, not {betas}")
        return {**super().checked(settings), "betas": betas}


class AdamW(Adam):
    """Adam whose weight decay shrinks theta itself, apart from the gradient (Loshchilov & Hutter 2019)."""

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay)

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float, betas: tuple[float, float], eps: float,
        weight_decay: float,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Return the new theta, m and v."""
        theta = (1 - lr * weight_decay) * theta
        return super().formula(theta, g, m, v, t=t, lr=lr, betas=betas, eps=eps, weight_decay=0)
