"""All that training changes, as one flat dict: to put back, or to write to a checkpoint that a run resumes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn import Module
from ..optim import Optimizer
from ..state import copy_state, load, save
from .history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine.tensor import Tensor

    Array = NDArray[Any]
    Copies = dict[str, list[Array]]


class State:
    """A model's tensors, an optimizer, a schedule, and the generators of random numbers that they draw from.

    `tensors` are all of the model's, and the optimizer's others. Generators are the modules' attributes and `rng`.
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, scheduler: Any = None, rng: np.random.Generator | None = None
    ) -> None:
        named = model.tensors()
        known = {id(t) for t in named.values()}
        others = [p for p in optimizer.params if id(p) not in known]
        self.tensors: list[Tensor] = [*named.values(), *others]
        self.names = [*named, *(f"optimizer's {i}" for i in range(len(others)))]
        self.parts = {"optimizer": optimizer} | ({} if scheduler is None else {"scheduler": scheduler})
        self.generators = {
            f"{name}.{key}": value
            for name, m in model.named_modules()
            for key, value in vars(m).items()
            if isinstance(value, np.random.Generator)
        } | ({} if rng is None else {"rng": rng})

    def copies(self) -> list[Array]:
        """Give a copy of every tensor's data."""
        return [t.data.copy() for t in self.tensors]

    def take(self, copies: list[Array]) -> None:
        """Write the tensors' data into `copies`."""
        for copy, t in zip(copies, self.tensors, strict=True):
            np.copyto(copy, t.data)

    def put(self, copies: list[Array]) -> None:
        """Write `copies` into the tensors' data."""
        for copy, t in zip(copies, self.tensors, strict=True):
            np.copyto(t.data, copy)

    def state_dict(self) -> dict[str, Any]:
        """Give copies of everything, by names such as "model/0.weight" and "optimizer/lr"."""
        state: dict[str, Any] = self.named("model", self.copies())
        for part, owner in self.parts.items():
            state |= {f"{part}/{name}": value for name, value in owner.state_dict().items()}
        drawn = {name: g.bit_generator.state for name, g in self.generators.items()}
        return state | {"generators": json.dumps(drawn, default=lambda array: array.tolist())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave, or raise an error with nothing changed."""
        before = self.state_dict()
        try:
            self._load(state)
        except Exception:
            self._load(before)
            raise

    def _load(self, state: Mapping[str, Any]) -> None:
        self.load_named("model", [t.data for t in self.tensors], state)
        for part, owner in reversed(self.parts.items()):  # the optimizer last: its rate is not the schedule's to set
            owner.load_state_dict(_under(part, state))
        drawn = json.loads(str(state["generators"]))
        if drawn.keys() != self.generators.keys():
            raise ValueError(f"generators are {', '.join(self.generators)}, not {', '.join(drawn)}")
        for name, generator in self.generators.items():
            generator.bit_generator.state = drawn[name]

    def named(self, part: str, copies: list[Array]) -> dict[str, Array]:
        """Give copies of the tensors' data by the names that they have in a state_dict."""
        return {f"{part}/{name}": copy for name, copy in zip(self.names, copies, strict=True)}

    def load_named(self, part: str, targets: list[Array], state: Mapping[str, Any]) -> None:
        """Copy what `named` gave into `targets`: all, or none and a ValueError."""
        copy_state(part, dict(zip(self.names, targets, strict=True)), _under(part, state))


class Checkpoint:
    """The file that `fit` keeps of a run, from which the same call goes on.

    `settings` are what makes it the same call, by the name that a reader knows each by; numbers and strings.
    """

    def __init__(self, path: str | os.PathLike[str], state: State, settings: dict[str, Any]) -> None:
        self.path, self.state = os.fspath(path), state
        self.settings = json.loads(json.dumps(settings, default=str))
        if not self.path.lower().endswith(".npz"):
            raise ValueError(f"fit: checkpoint is a file that ends in .npz, not {self.path!r}")
        folder = os.path.dirname(os.path.realpath(self.path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"fit: the checkpoint's folder {folder} does not exist; make it first")
        for part, owner in state.parts.items():
            if not hasattr(owner, "state_dict") or not hasattr(owner, "load_state_dict"):
                raise TypeError(
                    f"fit: a checkpoint needs the {part}'s state_dict() and load_state_dict(), which "
                    f"{type(owner).__name__} has not"
                )

    def write(self, history: History, copies: Copies) -> None:
        """Put the run as it stands, and copies of its tensors at other times, in place of what the file held."""
        state = self.state.state_dict()
        for part, arrays in copies.items():
            state |= self.state.named(part, arrays)
        save(state | {"fit": json.dumps({"settings": self.settings, "history": asdict(history)})}, self.path)

    def read(self, copies: Copies, epochs: int) -> History | None:
        """Take up the run that the file holds, of at most `epochs`, and give its history; None if there is no file.

        Raises ValueError, with model, optimizer, schedule and generators as they were, for the file of another run.
        """
        if not os.path.exists(self.path):
            return None
        state = load(self.path)
        where = f"fit: the checkpoint {self.path}"
        remedy = "Nothing was changed: pass what it was written with, or move the file away to begin anew."
        if "fit" not in state:
            raise ValueError(f"{where} is no file that fit wrote. {remedy}")
        run = json.loads(str(state["fit"]))
        then, now = run["settings"], self.settings
        if different := [
            f"{name} was {then.get(name)} and is {now[name]}" for name in now if then.get(name) != now[name]
        ]:
            raise ValueError(f"{where} is of another run: {'; '.join(different)}. {remedy}")
        history = History(**run["history"])
        if len(history) > epochs:
            raise ValueError(f"{where} has {len(history)} epochs behind it, more than {epochs}. {remedy}")
        try:
            for part, arrays in copies.items():
                self.state.load_named(part, arrays, state)
            self.state.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"{where} is of another run: {error}. {remedy}") from error
        return history


def _under(part: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(f"{part}/"): value for name, value in state.items() if name.startswith(f"{part}/")}
