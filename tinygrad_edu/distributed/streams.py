"""The state that ranks share, and random numbers: one generator for all, and for each module's a stream per rank."""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array
from ..train.checkpoint import TrainingState
from ..train.copies import named, part_of

State = Mapping[str, Any]


class RankState(TrainingState):
    """A training state whose file also holds the generators of the other ranks' modules.

    `of_ranks` has, for each rank, the states of its modules' generators by name; it is empty before they are gathered.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.of_ranks: list[dict[str, State]] = []

    @property
    def streams(self) -> dict[str, Generator]:
        """The generators of the modules, by name."""
        return {name: g for name, g in self.generators.items() if name != "rng"}

    def stream_states(self) -> dict[str, State]:
        """Return the states of the modules' generators on this rank."""
        return {name: g.bit_generator.state for name, g in self.streams.items()}

    def state_dict(self) -> dict[str, ArrayLike]:
        """Return copies of everything, with the generators of all ranks."""
        return super().state_dict() | {"ranks": json.dumps(self.of_ranks, default=lambda array: array.tolist())}

    def _load(self, state: Mapping[str, ArrayLike]) -> None:
        super()._load(state)
        self.of_ranks = json.loads(str(state["ranks"])) if "ranks" in state else []

    def shared(self) -> dict[str, Array]:
        """Return what all ranks must have in common, by name: tensors, and the state of optimizer and schedule."""
        found = named("model", {name: t.data for name, t in self.tensors.items()})
        for part, owner in self.parts.items():
            if hasattr(owner, "state_dict") and hasattr(owner, "load_state_dict"):
                found |= {f"{part}/{name}": np.asarray(value) for name, value in owner.state_dict().items()}
        return found

    def load_shared(self, state: Mapping[str, ArrayLike]) -> None:
        """Restore what `shared` returned on another rank."""
        self.load_tensors(state)
        for part, owner in reversed(self.parts.items()):  # the optimizer last: loading a schedule may set its lr
            if own := part_of(part, state):
                owner.load_state_dict(own)

    def checksums(self) -> dict[str, int]:
        """Return a checksum of each array that all ranks share, and of the generator that draws the batches."""
        sums = {name: zlib.crc32(np.ascontiguousarray(a).data) for name, a in self.shared().items()}
        return sums | {name: checksum(g) for name, g in self.generators.items() if name == "rng"}

    def spawn_streams(self, first: Mapping[str, Generator], rank: int, size: int) -> None:
        """Give each module's generator the stream that rank 0's, `first`, spawns for this rank."""
        for name, generator in self.streams.items():
            try:
                spawned = first[name].spawn(size)[rank].bit_generator.state
            except TypeError:  # the generator was made from a state, not from a seed
                spawned = derived(first[name], rank)
            generator.bit_generator.state = spawned

    def restore_streams(self, saved: list[dict[str, State]], first: Mapping[str, Generator], rank: int) -> None:
        """Continue the streams that a checkpoint holds; a rank that it does not know derives them from rank 0's."""
        for name, generator in self.streams.items():
            generator.bit_generator.state = saved[rank][name] if rank < len(saved) else derived(first[name], rank)


def derived(first: Generator, rank: int) -> State:
    """Return the state of a new stream for a rank, which follows from the state of rank 0's generator."""
    if rank == 0:
        return first.bit_generator.state
    drawn = copy.deepcopy(first).integers(2**32, size=4).tolist()
    return type(first.bit_generator)(SeedSequence([*drawn, rank])).state


def checksum(generator: Generator) -> int:
    """Return a checksum of a generator's state."""
    return zlib.crc32(
        json.dumps(generator.bit_generator.state, default=lambda array: np.asarray(array).tolist()).encode()
    )
