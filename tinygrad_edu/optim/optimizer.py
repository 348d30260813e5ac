"""What optimizers share: parameters in groups, state of the same shapes, steps that are taken whole or not at all."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..state import copy_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Params = Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Group:
    """Some of an optimizer's parameters, `params`, with their hyperparameters as attributes, `lr` among them.

    Setting one to what makes no sense raises ValueError, as it does when the optimizer is made.
    """

    lr: float

    def __init__(self, kind: type[Optimizer], params: list[Tensor], settings: Mapping[str, Any]) -> None:
        vars(self).update(kind=kind, params=params, names=tuple(settings), **kind._checked(dict(settings)))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "lr":  # goes with any other, and schedules set it at each step
            vars(self)["lr"] = _number(self.kind.__name__, "lr", value)
            return
        if name not in self.names:
            raise AttributeError(f"{self.kind.__name__}: a group has {', '.join(self.names)}, but no {name}")
        own = vars(self)
        own[name] = self.kind._checked({n: value if n == name else own[n] for n in self.names})[name]

    @functools.cached_property
    def scratch(self) -> list[Array]:
        """Room for what is computed on the way, made at the first step: jit has room of its own."""
        return [np.empty_like(p.data) for p in self.params]

    @functools.cached_property
    def room(self) -> list[Array]:
        """As much again, for the gradients with weight decay where a formula needs both."""
        return [np.empty_like(p.data) for p in self.params]

    def settings(self) -> dict[str, Any]:
        """Give the hyperparameters by name, `lr` first, without those that are 0 or off."""
        return {name: vars(self)[name] for name in self.names if name == "lr" or vars(self)[name]}


def setting(name: str) -> Any:
    """A hyperparameter as an attribute of the optimizer: the first group's; setting it sets that of all groups."""

    def put(self: Optimizer, value: Any) -> None:
        for group in self.groups:
            setattr(group, name, value)

    return property(lambda self: getattr(self.groups[0], name), put, doc=f"`{name}` of the first group; sets all.")


class Optimizer:
    """Changes parameters by their gradients, in place.

    `params` are leaf Tensors, as `model.parameters()` gives them, or groups of them with hyperparameters of their own:
    `[{"params": body.parameters(), "lr": 0.01}, {"params": head.parameters()}]`. `settings` are the hyperparameters of
    all groups that do not say otherwise, `lr`, the learning rate, among them.

    A subclass says which numbers it takes in `_checked`, which arrays it keeps in `_kept`, and writes its formula in
    `_update`. Hyperparameters may be set at any time, of one group or, on the optimizer, of all.
    """

    lr = setting("lr")

    def __init__(self, params: Params, **settings: Any) -> None:
        kind = type(self).__name__
        groups = _groups(params, kind, settings)
        self.groups = [Group(type(self), members, {**settings, **own}) for members, own in groups]
        self.params = _checked_params([p for group in self.groups for p in group.params], kind)
        self.steps = 0
        kept = dict.fromkeys(name for group in self.groups for name in self._kept(group))
        self.state = {name: [self._first(name, p) for p in self.params] for name in kept}

    @classmethod
    def _checked(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """The hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        return {name: _number(cls.__name__, name, value) for name, value in settings.items()}

    def _kept(self, group: Group) -> list[str]:
        """The names of the arrays that a group needs from step to step, one a parameter."""
        return []

    def _first(self, name: str, p: Tensor) -> Array:
        """Such an array before the first step."""
        return np.zeros_like(p.data)

    def step(self, accumulated: bool = False) -> None:
        """Move every parameter by its gradient; raises ValueError that names one without, and moves none.

        Gradients that several backward passes have added up to are most often a `zero_grad` forgotten, and get a
        warning; `accumulated=True` says that they are meant.
        """
        passes = getattr(self.params[0], "passes", 1)
        if passes > 1 and not accumulated:
            kind = type(self).__name__
            warnings.warn(
                f"{kind}.step: the gradients are the sum of {passes} backward passes. Call zero_grad() before each "
                "backward(), or minimize(loss), which does; if you add them up on purpose, step(accumulated=True)",
                stacklevel=2,
            )
        grads = _gradients(self.params, type(self).__name__)
        state, start = self.state, 0
        work: list[Any] = []
        for group in self.groups:
            stop = start + len(group.params)
            try:
                kept = [state[name][start:stop] for name in self._kept(group)]
            except KeyError as error:
                raise ValueError(
                    f"{type(self).__name__}: what needs {error} was off when the optimizer was made; make a new one"
                ) from None
            work.append((group, grads[start:stop], *kept))
            start = stop
        self.steps += 1
        for parts in work:
            self._update(*parts)

    def _update(self, group: Group, grads: list[Array], *kept: list[Array]) -> None:
        """Move the parameters of a group by their gradients; `kept` is its state, `group.scratch` has room like it."""
        raise TypeError(
            f"{type(self).__name__} has no method _update(self, group, grads, *kept): an Optimizer defines one"
        )

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

        Loaded into an optimizer constructed alike, it lets a run go on bit for bit. `lr` has the rate of each group.
        """
        arrays = {name: a.copy() for name, a in self._arrays().items()}
        return {"lr": self._rates(), "steps": self.steps, **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave; raises ValueError listing all names and shapes that do not fit."""
        kind, rates, steps = type(self).__name__, self._rates(), np.array(self.steps)
        for lr in np.ravel(state.get("lr", ())) if isinstance(state, Mapping) else ():
            _number(f"{kind}.load_state_dict", "lr", lr)
        copy_state(f"{kind}.load_state_dict", {"lr": rates, "steps": steps, **self._arrays()}, state)
        self.steps = int(steps)
        for group, lr in zip(self.groups, rates, strict=True):
            group.lr = float(lr)

    def _rates(self) -> Array:
        return np.array([group.lr for group in self.groups])

    def _arrays(self) -> dict[str, Array]:
        return {f"{name}.{i}": a for name, arrays in self.state.items() for i, a in enumerate(arrays)}

    def settings(self) -> dict[str, Any]:
        """Give the hyperparameters by name, `lr` first, without those that are 0 or off; where groups differ, all."""
        groups = [group.settings() for group in self.groups]
        names = dict.fromkeys(name for settings in groups for name in settings)
        values = {name: [settings.get(name, 0.0) for settings in groups] for name in names}
        return {name: all_[0] if all_.count(all_[0]) == len(all_) else tuple(all_) for name, all_ in values.items()}

    def __repr__(self) -> str:
        def shown(v: Any) -> str:
            return f"{v:g}" if type(v) is float else str(v)

        size = f"{len(self.params)} parameters of {sum(p.size for p in self.params):,} numbers"
        if len(self.groups) > 1:
            size += f" in {len(self.groups)} groups"
        settings = [f"{k}={shown(v)}" for k, v in self.settings().items()]
        return f"{type(self).__name__}({', '.join(settings)}, {size}, {self.steps} steps taken)"

    def _repr_html_(self) -> str:
        from ..engine.reprs import table

        rows = [[name, f"{v:g}" if isinstance(v, float) else str(v)] for name, v in self.settings().items()]
        rows += [["parameters", f"{len(self.params):,}"], ["numbers", f"{sum(p.size for p in self.params):,}"]]
        return table([type(self).__name__, ""], [*rows, ["steps taken", f"{self.steps:,}"]])


def _groups(params: Any, where: str, settings: Mapping[str, Any]) -> list[tuple[list[Any], dict[str, Any]]]:
    """The parameters of each group, with what it says of its own."""
    params = list(params) if _several(params, where) else params
    if not params or not all(isinstance(group, Mapping) for group in params):
        return [(params, {})]
    groups = []
    for i, group in enumerate(params):
        own = dict(group)
        if "params" not in own:
            raise ValueError(f'{where}: group {i} has no "params"; a group is {{"params": [...], "lr": ...}}')
        members = own.pop("params")
        unknown = own.keys() - settings.keys()
        if unknown:
            raise ValueError(f"{where}: group {i} sets {sorted(unknown)}; it may set {', '.join(settings)}")
        groups.append((list(members) if _several(members, where) else members, own))
    return groups


def _several(params: Any, where: str) -> bool:
    """True; raises TypeError for what is no list of parameters."""
    if hasattr(params, "parameters"):
        raise TypeError(f"{where} takes parameters, not a {type(params).__name__}: pass model.parameters()")
    if isinstance(params, Tensor):
        raise TypeError(f"{where} takes a list of Tensors, not one Tensor: pass [tensor]")
    if not isinstance(params, Iterable):
        raise TypeError(f"{where} takes a list of Tensors, not {type(params).__name__}: pass model.parameters()")
    return True


def _checked_params(params: Iterable[Tensor], where: str) -> list[Tensor]:
    params = list(params) if _several(params, where) else []
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
    for g in grads:
        if g is None:
            i = next(i for i, g in enumerate(grads) if g is None)
            raise ValueError(
                f"{where}: {_named(i, params[i])} has no gradient; call loss.backward() first, with a "
                "loss that depends on it, or leave it out of the parameters"
            )
    return grads


def _named(i: int, p: Tensor) -> str:
    return f"parameter {i}{f' {p.label!r}' if p.label else ''} of shape {p.shape}"


def _number(where: str, name: str, value: Any, below: float = float("inf")) -> float:
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)) or not 0 <= value < below:
        bound = "finite number of at least 0" if below == float("inf") else f"number from 0 to below {below:g}"
        raise ValueError(f"{where}: {name} must be a {bound}, not {value!r}")
    return float(value)
