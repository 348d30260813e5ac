"""Graphs that grow without end: `w = w - lr * w.grad` in a loop makes each step's graph a part of the next."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

from .backward import toposort
from .errors import users_level

FIRST, SECOND = 30, 60  # passes into one leaf without zero_grad, between which the graph is measured
CHECKED = (FIRST, SECOND)
_sizes: dict[int, tuple[weakref.ref[Any], int]] = {}  # by the identity of a leaf: the size of its graph at FIRST


def check_growth(root: Any, leaf: Any) -> None:
    """Warn if the graph of backward passes into a leaf grew by a node or more with each pass."""
    size = len(toposort(root))
    if leaf.passes == FIRST:
        _sizes[id(leaf)] = weakref.ref(leaf), size
        return
    known, before = _sizes.pop(id(leaf), (None, size))
    if known and known() is leaf and size - before >= SECOND - FIRST:
        warnings.warn(
            f"backward: the graph grew from {before} to {size} nodes in {SECOND - FIRST} passes, as "
            "`w = w - lr * w.grad` in a loop keeps all earlier steps; write w.data -= lr * w.grad, or use an optimizer",
            stacklevel=users_level(),
        )
