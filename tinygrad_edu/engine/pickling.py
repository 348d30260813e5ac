"""Copies and pickles of nodes: of leaves and constants alone, as a result would bring its whole graph along."""

from __future__ import annotations

import sys
from copy import copy
from typing import Any

import numpy as np

from .conjugation import complex_seen
from .errors import calling_library
from .rules.registry import is_complex, name
from .tape import Node


def reduced(x: Node) -> tuple[Any, ...]:
    """Return how `pickle` and `copy` make x again (see `object.__reduce__`); raise TypeError for a result."""
    library = calling_library(sys._getframe(1))
    if x.fun:
        if library == "scipy":  # odeint copies its start
            np.asarray(x)  # raises the error that names what takes Tensors in its place
        if library == "matplotlib":  # which copies what it draws
            raise TypeError(f"matplotlib draws arrays, and {x._describe()} is not one; pass its .data")
        raise TypeError(
            f"{x._describe()} is a result of {name(x.fun)}, so a copy or a pickle would hold its whole "
            "graph; take y.detach() for the value alone, or +y for another node of the same graph"
        )
    data = copy(x._value) if library == "scipy" else x._value  # odeint writes into its copy
    return _restored, (type(x), data, x._grad, x.requires_grad, x.label)


def _restored(kind: type[Node], data: Any, grad: Any, requires_grad: bool, label: str | None) -> Node:
    x = object.__new__(kind)
    Node.__init__(x, data, requires_grad, label)
    if is_complex(data):  # perhaps the first complex array of this process
        complex_seen.add(data.dtype)
    x._grad = grad
    return x
