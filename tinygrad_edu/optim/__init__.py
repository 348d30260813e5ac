"""Optimizers: from gradients to better parameters, in place.

Each optimizer is its formula, as NumPy calls that write into the parameters, into state of the same shapes
(`state`) and into one scratch array a parameter; after the first a step allocates nothing. Results equal
PyTorch's to rounding. A step is all or nothing: a parameter without a gradient is an error before anything
moves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn import copy_state
from ..tensor import Node, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Optimizer:
    """What optimizers share; a subclass names its state in `__init__` and writes its formula in `_update`.

    `params`: leaf Tensors, as `model.parameters()` gives them. `lr`, the learning rate, may be set at any
    time.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, state: Iterable[str] = ()) -> None:
        kind = type(self).__name__
        self.params = _checked_params(params, kind)
        self.lr = _number(kind, "lr", lr)
        self.steps = 0
        self.state = {name: [np.zeros_like(p.data) for p in self.params] for name in state}

    @functools.cached_property
    def _scratch(self) -> list[Array]:
        """Room for what is computed on the way, made at the first step: jit has room of its own."""
        return [np.empty_like(p.data) for p in self.params]

    def step(self) -> None:
        """Move every parameter by its gradient; raises ValueError that names one without, and moves none."""
        grads = _gradients(self.params, type(self).__name__)
        self.steps += 1
        self._update(grads)

    def _update(self, grads: list[Array]) -> None:
        raise TypeError(f"{type(self).__name__} has no method _update(self, grads): an Optimizer defines one")

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        for p in self.params:
            p.grad = None

    def minimize(self, loss: Tensor) -> None:
        """Take one step down `loss`: zero_grad, backward, step."""
        if not isinstance(loss, Node):
            raise TypeError(f"{type(self).__name__}.minimize takes the loss, a Tensor, not {type(loss).__name__}")
        self.zero_grad()
        loss.backward()
        self.step()

    def state_dict(self) -> dict[str, Any]:
        """Give copies of all that changes from step to step, by name, for `tg.save`.

        Loaded into an optimizer constructed alike, it lets a run go on bit for bit.
        """
        arrays = {name: a.copy() for name, a in self._arrays().items()}
        return {"lr": self.lr, "steps": self.steps, **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave; raises ValueError listing all names and shapes that do not fit."""
        lr, steps = np.array(self.lr), np.array(self.steps)
        copy_state(f"{type(self).__name__}.load_state_dict", {"lr": lr, "steps": steps, **self._arrays()}, state)
        self.lr, self.steps = float(lr), int(steps)

    def _arrays(self) -> dict[str, Array]:
        return {f"{name}.{i}": a for name, arrays in self.state.items() for i, a in enumerate(arrays)}

    def settings(self) -> dict[str, Any]:
        """Give the hyperparameters by name, `lr` first, without those that are 0 or off."""
        numbers = {k: v for k, v in vars(self).items() if isinstance(v, (int, float, tuple)) and k != "steps"}
        return {k: v for k, v in numbers.items() if k == "lr" or v}

    def __repr__(self) -> str:
        settings = [f"{k}={v:g}" if type(v) is float else f"{k}={v}" for k, v in self.settings().items()]
        size = f"{len(self.params)} parameters of {sum(p.size for p in self.params):,} numbers"
        return f"{type(self).__name__}({', '.join(settings)}, {size}, {self.steps} steps taken)"

    def _repr_html_(self) -> str:
        from ..viz import reprs

        return reprs.optimizer(self)


class SGD(Optimizer):
    """Gradient descent: p -= lr * g; with momentum, v = momentum * v + g and p -= lr * v.

    `nesterov` looks ahead: p -= lr * (g + momentum * v). `weight_decay` adds weight_decay * p to the
    gradient. The formulas, and v = g at the first step, are PyTorch's (Sutskever et al. 2013).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0,
        nesterov: bool = False,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr, ["velocity"] if momentum else [])
        self.momentum = _number("SGD", "momentum", momentum)
        self.weight_decay = _number("SGD", "weight_decay", weight_decay)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0, such as 0.9")

    def _update(self, grads: list[Array]) -> None:
        lr, momentum, weight_decay = self.lr, self.momentum, self.weight_decay
        scale = lr * momentum if self.nesterov else lr
        velocities = self.state["velocity"] if momentum else grads  # grads stand in where none are looked at
        for p, g, v, tmp in zip(self.params, grads, velocities, self._scratch, strict=True):
            x = p.data
            if weight_decay:
                np.multiply(x, weight_decay, out=tmp)
                g = np.add(tmp, g, out=tmp)
            if momentum:
                v *= momentum
                v += g
                if self.nesterov:
                    x -= np.multiply(g, lr, out=tmp)
                g = v
            x -= np.multiply(g, scale, out=tmp)


class Adam(Optimizer):
    """Steps on each number's own scale: p -= lr * m / (sqrt(v) + eps), with recent means of g and g * g.

    m = b1 * m + (1 - b1) * g and v = b2 * v + (1 - b2) * g * g with b1, b2 = `betas`, each divided by 1 - b
    ** steps for its start at zero (Kingma & Ba 2015). `weight_decay` adds weight_decay * p to the gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr, ["m", "v"])
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"Adam: betas are two numbers, such as (0.9, 0.999), not {betas!r}")
        self.betas = _number("Adam", "betas[0]", betas[0]), _number("Adam", "betas[1]", betas[1])
        if max(self.betas) >= 1:
            raise ValueError(f"Adam: betas are at least 0 and below 1, not {self.betas}")
        self.eps = _number("Adam", "eps", eps)
        self.weight_decay = _number("Adam", "weight_decay", weight_decay)

    def _update(self, grads: list[Array]) -> None:
        # m and v are kept without their factors 1 - b, and all factors gathered in three numbers: ten passes
        # over the arrays instead of thirteen.
        b1, b2 = self.betas
        root = ((1 - b2) / (1 - b2**self.steps)) ** 0.5  # root * sqrt(v) is the root of the mean of g * g
        scale = self.lr * (1 - b1) / (1 - b1**self.steps) / root
        eps, weight_decay = self.eps / root, self.weight_decay
        means, squares = self.state["m"], self.state["v"]
        for p, g, m, v, tmp in zip(self.params, grads, means, squares, self._scratch, strict=True):
            x = p.data
            if weight_decay:
                np.multiply(x, weight_decay, out=tmp)
                g = np.add(tmp, g, out=tmp)
            m *= b1
            m += g
            v *= b2
            v += np.multiply(g, g, out=tmp)
            np.sqrt(v, out=tmp)
            tmp += eps
            np.divide(m, tmp, out=tmp)
            tmp *= scale
            x -= tmp


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients by one factor to a joint norm of at most `max_norm`; give the norm before.

    Raises ValueError for a missing gradient and for a norm that is not finite, with nothing changed.
    """
    if not max_norm > 0:
        raise ValueError(f"clip_grad_norm: max_norm must be above 0, not {max_norm}")
    params = _checked_params(params, "clip_grad_norm")
    grads = _gradients(params, "clip_grad_norm")
    norms = [np.linalg.norm(g) for g in grads]
    for i, norm in enumerate(norms):
        if not np.isfinite(norm):
            raise ValueError(
                f"clip_grad_norm: the gradient of {_named(i, params[i])} has the norm {norm}; a smaller "
                "learning rate or standardised features keep it finite"
            )
    total: Any = sum(norm * norm for norm in norms) ** 0.5
    factor = np.minimum(1.0, max_norm / (total + 1e-6))  # PyTorch's 1e-6, for a gradient of zeros
    for p, g in zip(params, grads, strict=True):
        p.grad = np.multiply(g, factor, dtype=g.dtype)  # not in place: a gradient set by hand may be another's too
    return float(total)


def _checked_params(params: Iterable[Tensor], where: str) -> list[Tensor]:
    if hasattr(params, "parameters"):
        raise TypeError(f"{where} takes parameters, not a {type(params).__name__}: pass model.parameters()")
    if isinstance(params, Tensor):
        raise TypeError(f"{where} takes a list of Tensors, not one Tensor: pass [tensor]")
    if not isinstance(params, Iterable):
        raise TypeError(f"{where} takes a list of Tensors, not {type(params).__name__}: pass model.parameters()")
    params = list(params)
    if not params:
        raise ValueError(f"{where} got no parameters: does the model keep its Tensors in attributes?")
    for i, p in enumerate(params):
        if not isinstance(p, Tensor):
            raise TypeError(f"{where} takes Tensors; parameter {i} is a {type(p).__name__}")
        if p.fun is not None or not p.requires_grad:
            reason = "is the result of a computation" if p.fun is not None else "takes no gradient"
            raise ValueError(f"{where}: {_named(i, p)} {reason}; pass leaf Tensors with requires_grad=True")
    if len({id(p) for p in params}) < len(params):
        twice = next(i for i, p in enumerate(params) if any(p is q for q in params[:i]))
        raise ValueError(f"{where}: {_named(twice, params[twice])} is there twice; pass each Tensor once")
    return params


def _gradients(params: list[Tensor], where: str) -> list[Array]:
    grads: list[Any] = [p.grad for p in params]
    for i, g in enumerate(grads):
        if g is None:
            raise ValueError(
                f"{where}: {_named(i, params[i])} has no gradient; call loss.backward() first, with a "
                "loss that depends on it, or leave it out of the parameters"
            )
    return grads


def _named(i: int, p: Tensor) -> str:
    return f"parameter {i}{f' {p.label!r}' if p.label else ''} of shape {p.shape}"


def _number(where: str, name: str, value: float) -> float:
    if not isinstance(value, (int, float, np.number)) or not 0 <= value < float("inf"):
        raise ValueError(f"{where}: {name} must be a finite number of at least 0, not {value!r}")
    return float(value)


from . import lr_scheduler as lr_scheduler  # noqa: E402 (its schedules look at Optimizer)
