"""Optimizers that scale the step of each element by the size of the gradients that it has had."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..engine.habits import names_keywords
from ..engine.tensor import Tensor
from .group import Group, hyperparameter
from .inplace import full_state
from .optimizer import Optimizer
from .tracing import Array
from .validation import Checks, Params, Setting, after, below_1, nonnegative, pair


class Adagrad(Optimizer):
    """Divides by the root of s, the sum of all squared gradients (Duchi et al. 2011).

    `lr_decay` divides the rate by 1 + lr_decay * (t - 1). `weight_decay` adds weight_decay * theta to the gradient.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.Adagrad([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    lr_decay, weight_decay, eps, maximize = map(hyperparameter, ("lr_decay", "weight_decay", "eps", "maximize"))
    state_names = ("sum",)
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 0.01, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, maximize: bool = False,
    ) -> None:  # fmt: skip
        self._initial_sum = nonnegative("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps, maximize=maximize)

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
        return full_state(p.data, self._initial_sum)


class Adadelta(Optimizer):
    """Divides by the root of v, a running mean of squared gradients, and multiplies by that of u, of squared steps.

    (Zeiler 2012.) `weight_decay` adds weight_decay * theta to the gradient.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.Adadelta([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.9997, -1.9997])
    """

    rho, eps, weight_decay, maximize = map(hyperparameter, ("rho", "eps", "weight_decay", "maximize"))
    checks: ClassVar[Checks] = {"rho": below_1}
    state_names = ("square", "step")
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def formula(
        self, theta: Array, g: Array, v: Array, u: Array, *, t: int, lr: float, rho: float, eps: float,
        weight_decay: float,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Return the new theta, v and u."""
        if weight_decay:
            g = g + weight_decay * theta
        v = rho * v + (1 - rho) * (g * g)
        step = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * (step * step)
        return theta - lr * step, v, u


class RMSprop(Optimizer):
    """Divides by the root of v, a running mean of squared gradients (Tieleman & Hinton 2012).

    `centered` subtracts the square of m, a running mean of the gradients (Graves 2013), and `momentum` goes along the
    velocity b. `weight_decay` adds weight_decay * theta to the gradient.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.RMSprop([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0., -1.])
    """

    alpha, eps, weight_decay, momentum, centered, maximize = map(
        hyperparameter, ("alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
    )
    switches = ("centered", "maximize")
    checks: ClassVar[Checks] = {"alpha": below_1}
    squares = True

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
            maximize=maximize,
        )  # fmt: skip

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


class Rprop(Optimizer):
    """Moves by steps of its own for each element, along the sign of the gradient (Riedmiller & Braun 1993).

    A step grows by etas[1] while the sign stays, up to step_sizes[1], and shrinks by etas[0], down to step_sizes[0],
    when it changes; then theta waits. `lr` is the first step. For gradients of all data, not of batches.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> np.sum(w**2).backward()
    >>> tg.optim.Rprop([w], lr=0.1).step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    etas, step_sizes, maximize = map(hyperparameter, ("etas", "step_sizes", "maximize"))
    checks: ClassVar[Checks] = {"etas": pair, "step_sizes": pair}
    state_names = ("previous", "step")

    @names_keywords
    def __init__(
        self, params: Params, lr: float = 0.01, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)

    def formula(
        self, theta: Array, g: Array, previous: Array, step: Array, *, t: int, lr: float, etas: tuple[float, float],
        step_sizes: tuple[float, float],
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Return the new theta, its gradient (0 where the sign has changed) and the steps."""
        agreement = np.sign(g) * np.sign(previous)
        stays, changes = np.maximum(agreement, 0), np.maximum(-agreement, 0)  # 1 where it does, else 0
        step = np.maximum(step, lr * (1 - after(t, 1)))
        step = step * (1 + (etas[1] - 1) * stays + (etas[0] - 1) * changes)
        step = np.minimum(np.maximum(step, step_sizes[0]), step_sizes[1])
        g = g * (1 - changes)
        return theta - np.sign(g) * step, g, step

    @classmethod
    def checked(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        """Return the hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        kept: Any = super().checked(settings)
        etas, step_sizes = kept["etas"], kept["step_sizes"]
        if not 0 < etas[0] < 1 < etas[1] or step_sizes[0] > step_sizes[1]:
            raise ValueError(
                f"Rprop: etas are below and above 1, and step_sizes the least and the largest, not {etas} and "
                f"{step_sizes}"
            )
        return kept  # type: ignore[no-any-return]
