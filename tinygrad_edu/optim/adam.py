"""Adam and the optimizers that were made of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..engine.habits import names_keywords
from ..engine.rules.floats import python_float
from ..engine.tensor import Tensor
from .group import Group, hyperparameter
from .inplace import full_state
from .optimizer import Optimizer
from .tracing import Array
from .validation import Checks, Params, after, pair_below_1


class Adam(Optimizer):
    """Divides a running mean of the gradients by the root of one of their squares (Kingma & Ba 2015).

    m and v are the paper's first and second moment, without their factors 1 - b1 and 1 - b2, which the corrections for
    the start at 0 bring in: betas set after the first step change the weights of earlier gradients as well.
    `weight_decay` adds weight_decay * theta to the gradient. `amsgrad` divides by the largest v so far (Reddi et al.
    2018).

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.Adam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    betas, eps, weight_decay, amsgrad, maximize = map(
        hyperparameter, ("betas", "eps", "weight_decay", "amsgrad", "maximize")
    )
    switches = ("amsgrad", "maximize")
    checks: ClassVar[Checks] = {"betas": pair_below_1}
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, top: Array, *, t: int, lr: float,
        betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool,
    ) -> tuple[Array, Array, Array, Array]:  # fmt: skip
        """Return the new theta, m, v and the largest v."""
        b1, b2 = betas
        if weight_decay:
            g = g + weight_decay * theta
        m = b1 * m + g
        divisor = v = b2 * v + g * g
        if amsgrad:
            divisor = top = np.maximum(top, v)
        root = ((1 - b2) / (1 - b2**t)) ** 0.5  # sqrt(v_hat) is root * sqrt(v), m_hat is (1 - b1) / (1 - b1**t) * m
        rate = lr * (1 - b1) / (1 - b1**t) / root
        theta = theta - rate * (m / (np.sqrt(divisor) + eps / root))  # the paper's quick form, end of section 2
        return theta, m, v, top

    def needed_state(self, group: Group) -> dict[str, bool]:
        """Return the formula's m, v and largest v."""
        return {"m": True, "v": True, "top": group.amsgrad}


class AdamW(Adam):
    """Adam whose weight decay shrinks theta itself, apart from the gradient (Loshchilov & Hutter 2019).

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.AdamW([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.899, -1.898])
    """

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.01, amsgrad: bool = False, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, top: Array, *, t: int, lr: float,
        betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool,
    ) -> tuple[Array, Array, Array, Array]:  # fmt: skip
        """Return the new theta, m, v and the largest v."""
        theta = (1 - lr * weight_decay) * theta
        return super().formula(theta, g, m, v, top, t=t, lr=lr, betas=betas, eps=eps, weight_decay=0, amsgrad=amsgrad)


class NAdam(Optimizer):
    """Adam that looks ahead along its momentum, as Nesterov's does (Dozat 2016).

    The weight mu of the past grows with t towards betas[0]; `momentum_decay` is the speed. `weight_decay` adds
    weight_decay * theta to the gradient, or with `decoupled_weight_decay` shrinks theta itself, as in AdamW.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.NAdam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.8944, -1.8944])
    """

    betas, eps, weight_decay, momentum_decay, decoupled_weight_decay, maximize = map(
        hyperparameter, ("betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay", "maximize")
    )
    switches = ("decoupled_weight_decay", "maximize")
    checks: ClassVar[Checks] = {"betas": pair_below_1}
    state_names = ("m", "v", "mu_product")
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        )  # fmt: skip

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, mu_product: Array, *, t: int, lr: float,
        betas: tuple[float, float], eps: float, weight_decay: float, momentum_decay: float,
        decoupled_weight_decay: bool,
    ) -> tuple[Array, Array, Array, Array]:  # fmt: skip
        """Return the new theta, m, v and the product of all mu."""
        b1, b2 = betas
        if decoupled_weight_decay:
            theta = (1 - lr * weight_decay) * theta
        elif weight_decay:
            g = g + weight_decay * theta
        mu, next_mu = (b1 * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
        mu_product = mu * mu_product
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g)
        ahead = (1 - mu) * g / (1 - mu_product) + next_mu * m / (1 - next_mu * mu_product)
        return theta - lr * (ahead / (np.sqrt(v / (1 - b2**t)) + eps)), m, v, mu_product

    def initial_state(self, name: str, p: Tensor) -> Array:
        """Return ones for the product of all mu, zeros for the rest."""
        return full_state(p.data, 1.0 if name == "mu_product" else 0.0)


class RAdam(Optimizer):
    """Adam that waits with its division until the running mean of squares can be trusted (Liu et al. 2020).

    `weight_decay` adds weight_decay * theta to the gradient, or with `decoupled_weight_decay` shrinks theta itself.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.RAdam([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.8, -1.6])
    """

    betas, eps, weight_decay, decoupled_weight_decay, maximize = map(
        hyperparameter, ("betas", "eps", "weight_decay", "decoupled_weight_decay", "maximize")
    )
    switches = ("decoupled_weight_decay", "maximize")
    checks: ClassVar[Checks] = {"betas": pair_below_1}
    state_names = ("m", "v")
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        )  # fmt: skip

    def formula(
        self, theta: Array, g: Array, m: Array, v: Array, *, t: int, lr: float, betas: tuple[float, float], eps: float,
        weight_decay: float, decoupled_weight_decay: bool,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Return the new theta, m and v."""
        b1, b2 = betas
        if decoupled_weight_decay:
            theta = (1 - lr * weight_decay) * theta
        elif weight_decay:
            g = g + weight_decay * theta
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g)
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)  # of an equally weighted mean that is as certain as v
        limit = (longest - 4) * (longest - 2) / longest if longest > 5 else 1.0  # or v is never trusted
        ratio = (length - 4) * (length - 2) / (limit * length)
        trusted = after(length, 5)
        scale = python_float(np.sqrt(np.maximum(ratio, 0) * (1 - b2**t))) * trusted
        root = np.sqrt(v) + eps + (1 - trusted)  # where v is not trusted, no 0 / 0 either
        return theta - lr / (1 - b1**t) * (m * (scale / root + (1 - trusted))), m, v
