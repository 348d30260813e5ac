"""Tangents where a push forward alone gives NaN, or the wrong limit.

At kinks, and where eigenvalues are equal, only limits of gradients are known, so tangents come from backward passes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.mode import recording
from ..engine.rules.finite import has_nan
from ..engine.rules.limits import any_true
from ..engine.rules.registry import Function, conj, is_complex, real_part
from ..engine.rules.shaping import astype
from ..engine.tape import Node
from ..engine.tensor import Tensor
from .reverse import node_gradients


def holds_nan(t: Any) -> bool:
    """Return whether a tangent holds a NaN, which 0 * inf may have made."""
    return t is not None and has_nan(getattr(t, "_value", t))


def by_used_elements(push: Function, y: Node, i: int, t: Any, differentiable: bool) -> Any:
    """Return the tangent of y by t, with 0 for infinities in t on which an element does not depend, not 0 * inf = NaN.

    The function is linear, and weights in their places go through it too: where the result is 0, none of them is used.
    """
    r, infinite = push(y, i, t, differentiable), np.isinf(getattr(t, "_value", t))
    if not (holds_nan(r) and any_true(infinite)):
        return r
    weights = np.sqrt(np.arange(2.0, infinite.size + 2)).reshape(infinite.shape)  # of no symmetry
    used = push(y, i, np.where(infinite, weights, 0).astype(t.dtype), False)
    return np.where(np.equal(used, 0), push(y, i, np.where(infinite, 0, t), differentiable), r)


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
