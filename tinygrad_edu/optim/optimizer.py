"""The base class of optimizers: parameters in groups, state of the same shapes, steps that move all or nothing."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..engine.arguments import switch
from ..engine.conjugation import complex_seen
from ..engine.reprs import counted, table
from ..engine.tape import Node
from ..engine.tensor import Tensor
from ..state import check_state, copy_state
from ..stores import Calls, store
from .group import Group, Hyperparameters, hyperparameter, setting_text
from .inplace import WIDER, InPlace, Update, ascent, real_parts, run_plainly, working_dtype
from .packing import initial_states
from .tracing import Array
from .validation import (
    CHECK_EVERY,
    Checks,
    Params,
    Setting,
    called,
    gradients,
    is_settled,
    leaf_tensors,
    nonnegative,
    parameter_groups,
    squares_fit,
    state_suffices,
    warn_of_sum,
    without_gradient,
)  # fmt: skip


class Optimizer(Hyperparameters):
    """Changes parameters by their gradients, in place.

    `params` are leaf Tensors, as `model.parameters()` gives them, or groups of them with hyperparameters of their own:
    `[{"params": body.parameters(), "lr": 0.01}, {"params": head.parameters()}]`. `settings` are the hyperparameters of
    all groups that do not say otherwise, `lr`, the learning rate, among them.

    A subclass writes its formula in `formula`, or in `_update` a step that needs norms or products of matrices. It
    names the state that it keeps in `state_names` or `needed_state`, and checks hyperparameters by `checks`, or several
    together in `checked`. They may be set at any time, of one group or, on the optimizer, of all. `switches` are those
    that are on or off; with `maximize` among them steps go up. Attributes: `steps`, how many were taken; `state`, by
    name a list of arrays, one for each parameter; `missed`, empty until a parameter misses a step as it has no
    gradient, then for each parameter how many steps it has missed or, if the last was among them, minus the number of
    its next step.

    >>> w = tg.Tensor([1.0, -2.0])
    >>> tg.optim.SGD([w], lr=0.1).minimize(np.sum(w**2))  # zero_grad, backward and step
    >>> w.data
    array([ 0.8, -1.6])
    """

    lr = hyperparameter("lr")
    switches: tuple[str, ...] = ("maximize",)
    checks: ClassVar[Checks] = {}  # of hyperparameters that are neither switches nor just finite numbers from 0 up
    squares = False  # whether the formula squares gradients, and divides by their root and eps
    state_names: tuple[str, ...] | str = ()  # of the formula's state, if all groups need all of it
    # A subclass defines `_update(group, grads, *state)` in place of `formula`. It moves the parameters of the group; a
    # missing gradient is None. If it raises an exception, what it has changed stays changed.
    _update: Callable[..., None] | None = None

    def __init__(self, params: Params, **settings: Setting) -> None:
        kind = type(self).__name__
        self.defaults, self.steps = settings, 0
        self.groups: list[Group] = []
        self.params: list[Tensor] = []
        self.state: dict[str, list[Array]] = {}
        self.missed = np.zeros(0, np.int64)
        self.wide = ""  # the characters of the dtypes of parameters whose state is kept in a wider one
        self._in_place = InPlace()
        self._extend(parameter_groups(params, kind, settings), kind)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters: `{"params": [...], "lr": 0.01}`, with the optimizer's first settings where it gives none.

        Their state and number of steps start at 0. Schedules multiply the group's rate from their next step on.
        """
        where = f"{type(self).__name__}.add_param_group"
        if not isinstance(group, Mapping):
            raise TypeError(f'{where} takes a dict, {{"params": [...], "lr": ...}}, not {type(group).__name__}')
        self._extend(parameter_groups([group], where, self.defaults), where)

    def _extend(self, given: list[tuple[list[Tensor], dict[str, Setting]]], where: str) -> None:
        """Add groups, and the state of their parameters; state that no group has needed so far begins for all."""
        groups = [Group(type(self), members, {**self.defaults, **settings}) for members, settings in given]
        new = [p for group in groups for p in group.params]
        known, params = self.params, leaf_tensors([*self.params, *new], where, frozen=len(self.params))
        if self.groups and self.groups[0].factors.size:
            for group in groups:
                vars(group)["factors"] = self.groups[0].factors.copy()
                group.lr = group.lr
        names = dict.fromkeys([*self.state, *[n for g in groups for n, on in self.needed_state(g).items() if on]])
        old = {n: self.state.get(n) or initial_states(self, n, known) for n in names}
        state = {n: [*arrays, *initial_states(self, n, new)] for n, arrays in old.items()}
        for arrays in state.values():
            for i, p in enumerate(params):
                if p.dtype.char in self.wide:
                    arrays[i] = arrays[i].astype(WIDER[p.dtype.char], copy=False)
        missed = np.array([*self._missed(), *[-1] * len(new)]) if self.steps else self.missed
        vars(self).update(params=params, groups=[*self.groups, *groups], state=state, missed=missed)

    @property
    def param_groups(self) -> list[Group]:
        """The groups, by the name that they have in PyTorch: `optimizer.param_groups[0]["lr"]` is `groups[0].lr`."""
        return self.groups

    def formula(self, *arrays: Any, **numbers: Any) -> Any:
        """Return the new theta and the new state of one parameter: `formula(theta, g, *state, t=..., lr=..., ...)`.

        Its arguments are the parameter, its gradient, the state in the order of `needed_state` (None if not needed),
        the number t of this step, from 1 up, and the hyperparameters. It uses arithmetic and NumPy's ufuncs, element by
        element, and writes into nothing: the step runs it in place. Without state it may return theta alone.
        """
        defined = "method formula(self, theta, g, *state, t, **hyperparameters): an Optimizer defines one"
        raise TypeError(f"{type(self).__name__} has no {defined}")

    def needed_state(self, group: Group) -> dict[str, bool]:
        """Return the names of the formula's state, and whether this group needs it; by default all `state_names`."""
        return dict.fromkeys([self.state_names] if isinstance(self.state_names, str) else self.state_names, True)

    def initial_state(self, name: str, p: Tensor) -> Array:
        """Return the state of this name before the first step: an array like the parameter."""
        return np.zeros_like(p.data, dtype=working_dtype(p.dtype))

    @classmethod
    def checked(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        """Return the hyperparameters of a group as they are kept; raises ValueError for those that make no sense."""
        return {
            name: (switch if name in cls.switches else cls.checks.get(name, nonnegative))(cls.__name__, name, value)
            for name, value in settings.items()
        }

    def step(self, closure: Callable[[], Any] | bool | None = None, accumulated: bool = False) -> Any:
        """Move every parameter that has a gradient by it; raises ValueError if none has one.

        A `closure`, which computes the loss and its gradients, is called first, and what it returns is returned. A
        parameter without a gradient, its state and its count of steps stay as they are, as in PyTorch. An exception
        on the way, such as FloatingPointError under np.errstate, leaves everything as it was. Gradients that several
        backward passes have added up to are most often a `zero_grad` forgotten, and get a warning; `accumulated=True`
        says that they are meant, and so does True as the only argument.
        """
        kind = type(self).__name__
        loss = None if closure is None or isinstance(closure, bool) else called(kind, closure)
        grads = gradients(self.params, kind)
        moving = [g is not None for g in grads]
        if not (accumulated or closure is True):
            warn_of_sum(kind, self.params[moving.index(True)])
        is_number = type(self.steps) is int  # while jit records, it is not
        if self.squares and (not is_number or self.steps % CHECK_EVERY == 0):
            self._check_range(grads)
        t = self.steps + 1
        missed = self._missed() if self.missed.size or False in moving else []
        finish: list[Any] = [(object.__setattr__, self, "steps", t)]  # in the update: Ctrl-C leaves both or neither
        if self._update is None:
            updates = list(self._updates(grads, t, missed))
        else:
            updates, finish = [], [*[(self._update, g, *arrays) for g, _, arrays in self._columns(grads)], *finish]
        if missed and [m >= 0 for m in missed] != moving:
            both = zip(missed, moving, strict=True)
            new = np.stack([m if moves == (m >= 0) else m + t if moves else m - t for m, moves in both])
            finish.append((object.__setattr__, self, "missed", new))
        (self._in_place.update if is_number else run_plainly)(updates, finish)
        return loss

    def _check_range(self, grads: list[Array | None]) -> None:
        """Keep the state in a wider dtype from now on if squares of gradients would leave the range of theirs."""
        narrow = [g for g in grads if g is not None and g.dtype.char in WIDER and g.dtype.char not in self.wide]
        eps = min([group.eps for group in self.groups])
        if narrow and not state_suffices(self.steps, eps, *narrow):
            for kind in {g.dtype.char for g in narrow if not squares_fit(eps, g)}:
                self._widen(kind)

    def _widen(self, kind: str) -> None:
        """Convert the state of the parameters whose dtype has this character."""
        places = [(a, i) for a in self.state.values() for i, p in enumerate(self.params) if p.dtype.char == kind]
        new: Calls = [(operator.setitem, arrays, i, arrays[i].astype(WIDER[kind])) for arrays, i in places]
        store([*new, (object.__setattr__, self, "wide", self.wide + kind)])

    def _missed(self) -> list[int]:
        return self.missed.tolist() if self.missed.size and is_settled(self.missed) else [0] * len(self.params)

    def _updates(self, grads: list[Array | None], t: int, missed: list[int]) -> Iterator[Update]:
        """Yield a formula for each group and number of steps, with the arrays of each parameter that it is for."""
        for group, where, arrays in self._columns(grads):
            parameters: dict[int, list[Any]] = {}
            data = [p.data for p in group.params]
            rows = zip(data, *arrays, strict=True)
            for m, row in zip(missed[where] or [0] * len(data), rows, strict=True):
                if row[1] is not None:
                    parameters.setdefault(m, []).append(row)
            if complex_seen:  # complex numbers
                parameters = {m: [part for a in members for part in real_parts(a)] for m, members in parameters.items()}
            numbers = group.hyperparameters()
            formula = functools.partial(ascent, self.formula) if numbers.pop("maximize", False) else self.formula
            for m, members in parameters.items():
                number = t if m == 0 else t - m if m > 0 else -m
                yield functools.partial(formula, t=number, **numbers), members

    def _columns(self, grads: list[Array | None]) -> Iterator[tuple[Group, slice, list[list[Array | None]]]]:
        """Yield each group, where its parameters are among all, and their gradients and state."""
        start = 0
        for group in self.groups:
            where = slice(start, start := start + len(group.params))
            columns: list[list[Array | None]] = [grads[where]]
            for name, needed in self.needed_state(group).items():
                if needed and name not in self.state:
                    kind = type(self).__name__
                    raise ValueError(f"{kind}: what needs {name!r} was off when the optimizer was made; make a new one")
                columns.append([*self.state[name][where]] if needed else [None] * len(group.params))
            yield group, where, columns

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of the parameters to None; without `set_to_none`, those that are there to zeros."""
        for p in self.params:
            Tensor.zero_grad(p, set_to_none)

    def minimize(self, loss: Tensor) -> None:
        """Take one step down `loss`: zero_grad, backward, step."""
        if not isinstance(loss, Node):
            raise TypeError(f"{type(self).__name__}.minimize takes the loss, a Tensor, not {type(loss).__name__}")
        self.zero_grad()
        loss.backward()
        self.step()

    def state_dict(self) -> dict[str, Array | int]:
        """Return copies of all that changes from step to step, by name, for `tg.save`.

        Loaded into an optimizer constructed alike, it continues a run bit for bit. `lr` has the rate of each group.
        """
        arrays = {name: a.copy() for name, a in self._arrays().items()}
        return {"lr": self._rates(), "steps": self.steps, "missed": np.array(self._missed()), **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; raises ValueError that lists all names and shapes that do not fit."""
        where = f"{type(self).__name__}.load_state_dict"
        now: dict[str, Array] = {"lr": self._rates(), "steps": np.array(self.steps), "missed": np.array(self._missed())}
        for lr in np.ravel(state.get("lr", ())) if isinstance(state, Mapping) else ():
            nonnegative(where, "lr", lr)
        if isinstance(state, Mapping) and "missed" not in state:  # written when parameters could not miss a step
            state = {**state, "missed": np.zeros_like(now["missed"])}
        arrays, _ = check_state(where, {**now, **self._arrays()}, state)
        places = [(name, i, p.dtype.char) for name in self.state for i, p in enumerate(self.params)]
        wide = "".join(sorted({k for n, i, k in places if (k, arrays[f"{n}.{i}"].dtype) in WIDER.items()}))
        changed = [(n, i, k) for n, i, k in places if k in {*wide} ^ {*self.wide}]
        other = {(n, i): np.empty_like(self.state[n][i], WIDER[k] if k in wide else k) for n, i, k in changed}
        targets = {**now, **self._arrays(), **{f"{name}.{i}": a for (name, i), a in other.items()}}
        missed = arrays["missed"].astype(np.int64)
        found = {"wide": wide, "steps": int(arrays["steps"]), "missed": missed if missed.any() else missed[:0]}
        finish: Calls = [(operator.setitem, self.state[name], i, a) for (name, i), a in other.items()]
        for group, lr in zip(self.groups, arrays["lr"].tolist(), strict=True):
            if group.lr != lr:  # after a rate that is set by hand schedules would round anew; the same rate is none
                finish += group.changes("lr", lr)
        copy_state(where, targets, state, finish=[*finish, (vars(self).update, found)])

    def _rates(self) -> Array:
        return np.array([group.lr for group in self.groups])

    def _arrays(self) -> dict[str, Array]:
        return {f"{name}.{i}": a for name, arrays in self.state.items() for i, a in enumerate(arrays)}

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters by name, `lr` first, without those that are 0 or off; tuples if groups differ."""
        groups = [group.settings() for group in self.groups]
        names = dict.fromkeys(name for settings in groups for name in settings)
        values = {name: [settings.get(name, 0.0) for settings in groups] for name in names}
        return {name: all_[0] if all_.count(all_[0]) == len(all_) else tuple(all_) for name, all_ in values.items()}

    def __repr__(self) -> str:
        size = f"{counted(len(self.params), 'parameter')} of {counted(sum(p.size for p in self.params), 'number')}"
        size += f" in {len(self.groups)} groups" * (len(self.groups) > 1)
        settings = [f"{k}={setting_text(v)}" for k, v in self.settings().items()]
        never = without_gradient(self.params, self._missed(), "; no gradient so far: ")
        return f"{type(self).__name__}({', '.join(settings)}, {size}, {counted(self.steps, 'step')} taken{never})"

    def _repr_html_(self) -> str:
        rows = [[name, setting_text(v)] for name, v in self.settings().items()]
        rows += [["parameters", f"{len(self.params):,}"], ["numbers", f"{sum(p.size for p in self.params):,}"]]
        never = without_gradient(self.params, self._missed())
        rows += [["steps taken", f"{self.steps:,}"], *([["no gradient so far", never]] if never else [])]
        return table([type(self).__name__, ""], rows)


def check_optimizer(where: str, optimizer: object) -> None:
    """Raise TypeError, with the remedy, unless `optimizer` is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        given, example = repr(optimizer) if isinstance(optimizer, str) else type(optimizer).__name__, "Adam"
        if isinstance(optimizer, type):
            given = f"the class {optimizer.__name__}; call it to make one"
            example = optimizer.__name__ if issubclass(optimizer, Optimizer) else example
        example = f"tg.optim.{example}(model.parameters(), lr=0.01)"
        raise TypeError(f"{where}: optimizer is one of tg.optim, such as {example}, not {given}")
