"""Spans: which call of a module made which nodes, so that pictures group them."""

from __future__ import annotations

from typing import Any

from .tape import Node

_last_tagged = 0  # the latest place whose node has a span


def tag(y: Any, module: Any, kind: type | None, start: int, inputs: Any) -> None:
    """Tag the nodes in y that were recorded since `start` with the module call that made them, so pictures group them.

    A node's `span` is (module, kind, start, its place, inputs, the span that it had before) and keeps nothing alive:
    `module` is a weak reference to a module of class `kind`, both None for a backward pass; `inputs` are ids.
    """
    global _last_tagged
    if isinstance(y, Node):
        order = y.order
        if order < start:
            inner = None
            if order < _last_tagged:  # it cannot have a span yet, and reading an unset slot is slow
                _last_tagged = order
            else:
                inner = getattr(y, "span", None)
            y.span = (module, kind, start, order, inputs, inner)
    elif isinstance(y, (list, tuple, dict)):
        for part in y.values() if isinstance(y, dict) else y:
            tag(part, module, kind, start, inputs)
