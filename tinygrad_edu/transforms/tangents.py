"""Tangents from backward passes: at kinks, and where eigenvalues are equal, only the limits of gradients are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.rules.registry import conj, is_complex, real_part
from ..engine.rules.shaping import astype
from ..engine.tape import Node
from ..engine.tensor import Tensor
from .reverse import node_gradients


def pulled_twice(y: Node, variables: Sequence[Node], directions: Sequence[Any]) -> Any:
    """Return the tangent of y by two backward passes: the gradient by u of (J' u) . v, which is J v.

    The first pass records the limits at kinks, so that the tangent has the right derivative there.
    """
    u = Tensor._variable(np.ones_like(y._value))
    gradients = node_gradients(y, variables, u, create_graph=True)
    along: list[Any] = [real_part(np.sum(conj(g) * v)) for g, v in zip(gradients, directions, strict=True)]
    return node_gradients(sum(along[1:], start=along[0]), [u], create_graph=True)[0]


def pulled_row_by_row(y: Node, variables: Sequence[Node], directions: Sequence[Any], create_graph: bool) -> Any:
    """Return the tangent of y from the gradients of each element: vectors of equal eigenvalues have no tangent."""

    def along(e: Any) -> Any:
        gradients = node_gradients(y, variables, e, create_graph=create_graph)
        return sum([real_part(np.sum(conj(g) * v)) for g, v in zip(gradients, directions, strict=True)])

    shape, dtype = y._value.shape, y._value.dtype
    basis = (np.eye(1, y._value.size, k, dtype).reshape(shape) for k in range(y._value.size))
    rows = [along(e) + 1j * along(1j * e) if is_complex(y) else along(e) for e in basis]
    return astype(np.reshape(np.stack(rows), shape), dtype)
