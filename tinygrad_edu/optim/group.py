"""Groups of parameters: each has hyperparameters of its own, and a learning rate that schedules multiply."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.habits import KEYWORDS, keyword_instead
from ..engine.reprs import counted
from ..engine.rules.floats import python_float
from ..engine.rules.foreign import PACKAGE, library
from ..engine.tensor import Tensor
from ..stores import Calls, store
from .tracing import Array
from .validation import Setting, nonnegative


class Group:
    """Some of an optimizer's parameters, `params`, with their hyperparameters as attributes, `lr` among them.

    Setting a hyperparameter to a value that makes no sense raises ValueError, as it does in the optimizer's `__init__`.

    >>> body, head = tg.Tensor([1.0]), tg.Tensor([2.0])
    >>> sgd = tg.optim.SGD([{"params": [body], "lr": 0.01}, {"params": [head]}], lr=0.1)
    >>> [group.lr for group in sgd.param_groups]
    [0.01, 0.1]
    """

    kind: type[Any]
    params: list[Tensor]
    names: tuple[str, ...]
    lr: float
    factors: Array  # the rate without schedules, and each schedule's factor; empty without schedules

    def __init__(self, kind: type[Any], params: list[Tensor], settings: Mapping[str, Setting]) -> None:
        vars(self).update(kind=kind, params=params, names=tuple(settings), factors=np.zeros(0))
        vars(self).update(kind.checked(dict(settings)))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Setting) -> None:
        store(self.changes(name, value))

    def changes(self, name: str, value: Setting) -> Calls:
        """Return the calls that set a hyperparameter, for `store`; raises ValueError if the value makes no sense."""
        if name == "lr":  # no other hyperparameter restricts it, and schedules set it at each step
            lr = nonnegative(self.kind.__name__, "lr", value)
            found: Calls = [(operator.setitem, vars(self), "lr", lr)]
            if self.factors.size:
                product = np.prod(self.factors[1:])
                base_lr = lr / np.where(np.greater(product, 0), product, 1.0)
                found.append((operator.setitem, self.factors, 0, base_lr))
            return found
        if name not in self.names:
            raise AttributeError(f"{self.kind.__name__}: a group has {', '.join(self.names)}, but no {name}")
        checked = self.kind.checked(self.hyperparameters() | {name: value})
        return [(operator.setitem, vars(self), name, checked[name])]

    def restore_rate(self, lr: object) -> None:
        """Set the rate alone, and not what schedules multiply; raises ValueError for one that makes no sense."""
        vars(self)["lr"] = nonnegative(self.kind.__name__, "lr", lr)

    def multiply(self, places: list[int]) -> None:
        """Set the factors at these places to 1, and add those that are missing."""
        factors = self.factors if self.factors.size else np.array([self.lr])
        factors = np.append(factors, np.ones(max(max(places) + 1 - factors.size, 0)))
        factors[places] = 1.0
        vars(self)["factors"] = factors

    def follow(self, place: int, rate: float, base_lr: float) -> Calls:
        """Return the calls that set the rate of a schedule for the present, times the factors of all others."""
        others = 1.0
        if self.factors.size > 2:
            factors = self.factors.copy()
            factors[place] = 1.0
            others = python_float(np.prod(factors[1:]))
        lr = nonnegative(self.kind.__name__, "lr", rate * others)
        factor = rate / np.where(np.equal(base_lr, 0), 1.0, base_lr)
        return [(operator.setitem, self.factors, place, factor), (operator.setitem, vars(self), "lr", lr)]

    def __getitem__(self, name: str) -> Any:
        if name != "params" and name not in self.names:
            raise KeyError(f"{self.kind.__name__}: a group has params, {', '.join(self.names)}, but no {name}")
        return getattr(self, name)

    def __setitem__(self, name: str, value: Setting) -> None:
        setattr(self, name, value)

    def hyperparameters(self) -> dict[str, Setting]:
        """Return all hyperparameters by name, `lr` first."""
        values = vars(self)
        return {name: values[name] for name in self.names}

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters by name, `lr` first, without those that are 0 or off."""
        return {name: value for name, value in self.hyperparameters().items() if name == "lr" or value}

    def __repr__(self) -> str:
        settings = "".join([f"{name}={setting_text(value)}, " for name, value in self.settings().items()])
        return f"Group({settings}{counted(len(self.params), 'parameter')})"


def setting_text(value: object) -> str:
    """Return a hyperparameter, or a tuple of those of all groups, for a repr: of many, the first three and the last."""
    if isinstance(value, tuple):
        texts = [setting_text(v) for v in value]
        return f"({', '.join(texts if len(texts) <= 6 else [*texts[:3], '...', texts[-1]])})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def set_all(groups: list[Group], name: str, value: Setting) -> None:
    """Set a hyperparameter of all groups; raises ValueError, with none changed, if it makes no sense for one."""
    store([change for group in groups for change in group.changes(name, value)])


def hyperparameter(name: str) -> Any:
    """Return a property of an optimizer: the first group's hyperparameter; setting it sets that of all groups."""

    def put(self: Any, value: Setting) -> None:
        set_all(self.groups, name, value)

    return property(lambda self: getattr(self.groups[0], name), put, doc=f"`{name}` of the first group; sets all.")


class Hyperparameters:
    """Base class of optimizers: hyperparameters that a subclass does not declare are attributes too."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            groups = [group for group in vars(self).get("groups", ()) if name in group.names]
            if not groups:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{self._instead(name)}")
            return getattr(groups[0], name)

        def __setattr__(self, name: str, value: Any) -> None:
            groups = [group for group in vars(self).get("groups", ()) if name in group.names]
            if library(self) == PACKAGE and (remedy := self._instead(name)):
                raise AttributeError(f"{type(self).__name__}: there is no hyperparameter {name}{remedy}")
            if not groups or name in vars(self) or hasattr(type(self), name):
                super().__setattr__(name, value)
                return
            set_all(groups, name, value)

    def _instead(self, name: str) -> str:
        here = KEYWORDS.get(name, "").removesuffix("=")
        return keyword_instead(name) if any(here in group.names for group in vars(self).get("groups", ())) else ""
