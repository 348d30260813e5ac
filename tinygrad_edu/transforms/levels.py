"""A `Level` is one vmap: what is inside of it, and what was there before and is the same for all members."""

from __future__ import annotations

from itertools import count

from ..engine.backward import parent
from ..engine.mode import transform
from ..engine.rules.registry import Function
from ..engine.tape import Node, next_place

LOOP = "pass fallback=True to loop over the members"  # what the user can do about a NoBatching error


class NoBatching(TypeError):
    """Raised for a function that cannot compute all members of a batch at once."""


def is_no_batching(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was raised from, says that a function has no batching."""
    while error is not None and not isinstance(error, NoBatching):
        error = error.__cause__ or error.__context__
    return error is not None


_levels = count()


class Level:
    """One vmap: how many members its Batches have, and whether an unknown function is called for each of them."""

    def __init__(self, size: int, fallback: bool, title: str = "vmap") -> None:
        self.size, self.fallback, self.title, self.depth = size, fallback, title, next(_levels)
        self.start = next_place()  # nodes that are older were made outside
        within = transform.get()
        self.transforms = len(within.entered) if within else 0
        self.running: set[Function] = set()  # primitives whose implementation is called with Batches
        self.shared: set[Node] = set()  # nodes that `is_shared` has found to be so

    def is_shared(self, x: Node) -> bool:
        """Return whether a node was computed from what was made outside of this vmap alone.

        Variables of transforms within are not: a Module's parameters are such variables, though they are older.
        """
        within = transform.get()
        variables = within.entered[self.transforms :] if within else ()
        nodes, seen = [x], {x}
        for y in nodes:
            if any([y in of_one for of_one in variables]):
                return False
            if y.order > self.start or (y in self.shared and not variables):
                continue
            level = getattr(y._value, "level", None)  # of nested vmaps, the innermost in which members differ
            if level and level.depth >= self.depth:
                return False
            if not y.argnums and y.requires_grad:  # a leaf of each member, or forward mode forgot its graph
                tangents = y.fun and getattr(y, "tangents", None)
                if not tangents or any([t.start <= self.start for t in tangents]):
                    return False
            parents = {parent(y, i) for i in y.argnums} - seen
            seen |= parents
            nodes += parents
        self.shared.update([y for y in nodes if y.order < self.start])
        return True
