"""Checkpoints: all state that training changes, and the file from which an interrupted run resumes."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from ..data.batches import Arrays
from ..engine.reprs import counted
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn import Module
from ..optim import Optimizer
from ..state import copy_state, load, path_text, save
from .copies import Attributes, Contents, Copies, build, held_by, part_of
from .history import History
from .metrics import Loss, Metrics

Found = tuple[Contents, dict[str, Tensor], dict[str, tuple[Attributes, Attributes]]]


class TrainingState:
    """All that training changes: a model's tensors, an optimizer, a schedule, and generators of random numbers.

    Generators are those in the modules' attributes, also in lists, tuples and dicts, and `rng`.
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, scheduler: Any = None, rng: Generator | None = None
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.parts = {"optimizer": optimizer} | ({} if scheduler is None else {"scheduler": scheduler})
        held = [(f"{name}.{key}", v) for name, m in model.named_modules() for key, v in vars(m).items()]
        self.generators = {name: g for place in (*held, ("rng", rng)) for name, g in generators_of(*place)}
        self._found: Found | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The model's tensors as they are now, by name, then those of the optimizer alone.

        A forward pass or a callback may replace some of them, such as the state of a recurrent network.
        """
        return self._latest()[1]

    def _latest(self) -> Found:
        """Return what the model holds, its tensors, and the `attributes` of `Copies`, searched for after a change."""
        params = self.optimizer.params
        if self._found is None or self._found[0].changed(params):
            named = self.model.tensors()
            known = {id(t) for t in named.values()}
            others = [p for p in params if id(p) not in known]
            tensors = named | {f"optimizer's {i}": p for i, p in enumerate(others)}
            held = {name: (vars(m), held_by(vars(m))) for name, m in self.model.named_modules()}
            self._found = Contents(self.model, params), tensors, held
        return self._found

    def copies(self) -> Copies:
        """Return copies of every tensor's data, which `restore()` gives back."""
        _, tensors, held = self._latest()
        return Copies({name: t.data.copy() for name, t in tensors.items()}, [*tensors.values()], held)

    def attributes(self) -> list[tuple[Attributes, Attributes]]:
        """Return the attributes of each module, and a copy of them, which `put_back` puts back."""
        return [(vars(m), {**vars(m)}) for m in self.model.modules()]

    def state_dict(self) -> dict[str, ArrayLike]:
        """Return copies of everything, by names such as "model/0.weight" and "optimizer/lr"."""
        state = self.copies().state_dict("model")
        for part, owner in self.parts.items():
            state |= {f"{part}/{name}": value for name, value in owner.state_dict().items()}
        drawn = {name: g.bit_generator.state for name, g in self.generators.items()}
        return state | {"generators": json.dumps(drawn, default=lambda array: array.tolist())}

    def load_state_dict(self, state: Mapping[str, ArrayLike], parts: Iterable[str] = ()) -> dict[str, Copies]:
        """Restore a state that `state_dict` returned, or raise an error with nothing changed.

        Returns the copies that the state holds beside, by the names of their `parts`.
        """
        before, attributes = self.state_dict(), self.attributes()
        try:
            copies = {part: self.load_tensors(state, part) for part in parts}
            self._load(state)
        except BaseException:  # Ctrl-C too
            put_back(attributes)
            self._load(before)
            raise
        return copies

    def _load(self, state: Mapping[str, ArrayLike]) -> None:
        self.load_tensors(state)
        for part, owner in reversed(self.parts.items()):  # the optimizer last: loading a schedule may set its lr
            owner.load_state_dict(part_of(part, state))
        drawn = json.loads(str(state["generators"]))
        if drawn.keys() != self.generators.keys():
            raise ValueError(f"generators are {', '.join(self.generators)}, not {', '.join(drawn)}")
        for name, generator in self.generators.items():
            generator.bit_generator.state = drawn[name]

    def load_tensors(self, state: Mapping[str, ArrayLike], part: str = "model") -> Copies:
        """Copy a part of a state into the tensors, and return copies; raises ValueError for that of another model.

        Attributes that hold no parameters get the structure that they had, and tensors without gradient their shape.
        """
        given = part_of(part, state)
        build(self.model, json.loads(str(state.get(f"{part}'s structure", "{}"))), given)
        for name, t in self.tensors.items():
            if name in given and not t.requires_grad and np.shape(given[name]) != t.shape:
                t._value = np.empty(np.shape(given[name]), t.dtype)
        copy_state(part, {name: t.data for name, t in self.tensors.items()}, given)
        return self.copies()


def put_back(attributes: list[tuple[Attributes, Attributes]]) -> None:
    """Give modules the attributes that they had."""
    for now, before in attributes:
        now.clear()
        now.update(before)


def generators_of(name: str, value: object, around: tuple[int, ...] = ()) -> Iterator[tuple[str, Generator]]:
    """Yield (name, Generator) pairs of a value that is a Generator, or of those in nested lists, tuples and dicts."""
    if isinstance(value, Generator):
        yield name, value
    if isinstance(value, (list, tuple, dict)) and id(value) not in around:  # the ids of the containers around it
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from generators_of(f"{name}.{key}", member, (*around, id(value)))


class Checkpoint:
    """The file in which `fit` keeps a run, and from which the same call resumes it.

    `settings` identify the call: numbers and strings by a name that errors can show, as `run_settings` returns them.
    `weights` are further copies of the tensors' data to keep, by name.
    """

    def __init__(self, path: str | os.PathLike[str], state: TrainingState, settings: Mapping[str, object]) -> None:
        self.path, self.state = path_text(path, "fit: checkpoint"), state
        self.settings = json.loads(json.dumps(settings, default=str))
        if not self.path.lower().endswith(".npz"):
            raise ValueError(f"fit: checkpoint is a file that ends in .npz, not {self.path!r}")
        folder = os.path.dirname(os.path.realpath(self.path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"fit: the checkpoint's folder {folder} does not exist; make it first")
        for part, owner in state.parts.items():
            if not hasattr(owner, "state_dict") or not hasattr(owner, "load_state_dict"):
                missing = f"the {part}'s state_dict() and load_state_dict()"
                raise TypeError(f"fit: a checkpoint needs {missing}, and {type(owner).__name__} has neither or one")

    def write(self, history: History, weights: Mapping[str, Copies]) -> None:
        """Replace the file by one that holds the run as it is now, and `weights`."""
        state = self.state.state_dict()
        for part, copies in weights.items():
            state |= copies.state_dict(part)
        save(state | {"fit": json.dumps({"settings": self.settings, "history": asdict(history)})}, self.path)

    def read(self, weights: dict[str, Copies], epochs: int) -> History | None:
        """Restore the run in the file, of at most `epochs`, and `weights`, and return its history; None without a file.

        A run that ended by its epochs or a callback is no longer `stopped` if epochs are left. Raises ValueError, with
        model, optimizer, schedule and generators as they were, for the file of another run.
        """
        if not os.path.exists(self.path):
            return None
        state = load(self.path)
        where = f"fit: the checkpoint {self.path}"
        remedy = "Nothing was changed: pass the settings it was written with, or move the file to start a new run."
        if "fit" not in state:
            raise ValueError(f"{where} is not a file that fit wrote. {remedy}")
        run = json.loads(str(state["fit"]))
        then, now = run["settings"], self.settings
        if different := [f"{k} was {then.get(k)} and is {now[k]}" for k in now if then.get(k) != now[k]]:
            raise ValueError(f"{where} is of another run: {'; '.join(different)}. {remedy}")
        history = History(**run["history"])
        if len(history) > epochs:
            raise ValueError(f"{where} has {counted(len(history), 'epoch')} behind it, more than {epochs}. {remedy}")
        try:
            weights |= self.state.load_state_dict(state, weights)
        except ValueError as error:
            raise ValueError(f"{where} is of another run: {error}. {remedy}") from error
        if history.stopped not in ("patience", "converged"):
            history.stopped = "epochs" if len(history) == epochs else ""
        return history


def run_settings(
    optimizer: Optimizer, scheduler: object, loss: Loss, train: Arrays, valid: Arrays | None, metrics: Metrics,
    batch_size: int | str | None, patience: int | None, tol: float | None,
) -> dict[str, object]:  # fmt: skip
    """Return the settings that a call of `fit` must share with the run it resumes, by the name that an error shows."""
    settings = {
        "the optimizer": type(optimizer).__name__, **optimizer.settings(), "the scheduler": type(scheduler).__name__,
        "the loss": getattr(loss, "__qualname__", type(loss).__name__), "the checksum of train_data": _checksum(train),
        "the checksum of valid_data": _checksum(valid or ()), "metrics": sorted(metrics), "batch_size": batch_size,
        "patience": patience, "tol": tol,
    }  # fmt: skip
    del settings["lr"]  # schedules and callbacks change it
    return settings


def _checksum(arrays: Iterable[Array]) -> int:
    """Return a checksum of the contents, shapes and dtypes of arrays; NumPy's own integers may have 32 bits."""
    value = 0
    for a in arrays:
        a = a.astype(np.int64, copy=False) if a.dtype == int else a
        value = zlib.crc32(np.ascontiguousarray(a).data, zlib.crc32(f"{a.shape}{a.dtype}".encode(), value))
    return value
