"""Tangents from backward passes: at kinks, and where eigenvalues are equal, only the limits of gradients are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.mode import recording
from ..engine.rules.finite import has_nan
from ..engine.rules.registry import conj, is_complex, real_part
from ..engine.rules.shaping import astype
from ..engine.tape import Node
from ..engine.tensor import Tensor
from .reverse import node_gradients


@recording()
def pulled_twice(y: Node, variables: Sequence[Node], directions: Sequence[Any]) -> Any:
    """Return the tangent of y by two backward passes: the gradient by u of (J' u) . v, which is J v.

    The first pass records the limits at kinks, so that the tangent has the right derivative there.
    """
    u = Tensor._variable(np.ones_like(y._value))
    gradients = node_gradients(y, variables, u, create_graph=True)
    along: list[Any] = [real_part(np.sum(conj(g) * v)) for g, v in zip(gradients, directions, strict=True)]
    return node_gradients(sum(along[1:], start=along[0]), [u], create_graph=True)[0]


def pulled_by_limits(y: Node, variables: Sequence[Node], directions: Sequence[Any], t: Any) -> Any:
    """Return the tangent of y where t, the pushed one, holds NaN: vectors of equal eigenvalues have no tangent.

    If a weighted sum of all elements has a gradient, two more passes give all tangents; else each takes its own.
    """
    create_graph = isinstance(t, Node)

    def gradients(e: Any) -> list[Any]:
        return node_gradients(y, variables, e, create_graph=create_graph)

    def along(e: Any) -> Any:
        return sum([real_part(np.sum(conj(g) * v)) for g, v in zip(gradients(e), directions, strict=True)])

    shape, dtype = y._value.shape, y._value.dtype
    turns = np.exp(1j * np.arange(1.0, y._value.size + 1)).reshape(shape)
    weights = (turns if is_complex(y) else turns.real).astype(dtype)  # of no symmetry
    if not has_nan(*[getattr(g, "_value", g) for g in gradients(weights)]):
        twice = pulled_twice(y, variables, directions)
        return twice if create_graph else twice._value
    unknown = np.isnan(getattr(t, "_value", t)).ravel()
    basis = (np.eye(1, y._value.size, k, dtype).reshape(shape) for k in range(y._value.size))
    rows = [
        known if not nan else along(e) + 1j * along(1j * e) if is_complex(y) else along(e)
        for e, nan, known in zip(basis, unknown, np.ravel(t), strict=True)
    ]
    return astype(np.reshape(np.stack(rows), shape), dtype)
