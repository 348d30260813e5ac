"""Scaled dot-product attention (Vaswani et al. 2017)."""

from typing import Any

import numpy as np

from ..engine.arguments import switches
from ..engine.dispatch import Operand
from ..engine.habits import names_keywords
from ..engine.rules.activations import softmax
from ..engine.rules.registry import Array, predicate_of_all
from .activations import floating


@names_keywords
def scaled_dot_product_attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    """Return softmax(q k^T / sqrt(d)) v: for each query a mean of the values, weighted by how well the keys match it.

    Queries have shape (..., t, d), keys (..., s, d) and values (..., s, m); the result has (..., t, m). `mask` must
    broadcast to (..., t, s): booleans are True where a query may attend to a key, numbers are added to the scores, the
    arguments of softmax. With `causal` query i attends to the keys 0 to i alone. All is as in PyTorch, which calls
    them `attn_mask` and `is_causal`: also that a query which may attend to no key gives 0.

    Raises ValueError for shapes that do not fit, and TypeError for a mask of integers. Example:
    `tg.scaled_dot_product_attention(x, x, x, causal=True)`.

    >>> q, k, v = np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.0], [3.0]])
    >>> tg.scaled_dot_product_attention(q, k, v)  # equal weights: the mean of the values
    array([[2.]])
    """
    return np.matmul(attention_weights(q, k, v, mask, causal), floating(v))


def attention_weights(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    """Return the weights of the values, (..., t, s), which add up to 1 for each query."""
    switches("scaled_dot_product_attention", causal=causal)
    q, k = floating(q), floating(k)
    mask = mask if mask is None or hasattr(mask, "dtype") else np.asarray(mask)
    _check_shapes(np.shape(q), np.shape(k), np.shape(v), mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.swapaxes(-1, -2)
    added = mask if mask is None else added_to_scores("scaled_dot_product_attention: the mask", mask, scores.dtype)
    if causal:
        future = minus_infinity_unless(np.tri(*scores.shape[-2:], dtype=bool), scores.dtype)
        added = future if added is None else added + future
    if added is None or not has_empty_rows(added):
        return softmax(scores if added is None else scores + added)
    empty = np.equal(np.max(added, axis=-1, keepdims=True), -np.inf)
    return np.where(empty, 0, softmax(np.where(empty, 0, scores + added)))


def added_to_scores(what: str, mask: Any, dtype: Any, allowed: bool = True) -> Any:
    """Return what a mask adds to scores, in their dtype; booleans equal to `allowed` say where a query may attend.

    A mask that is a Tensor, such as a learned bias, keeps its dtype. Raises TypeError for integers.
    """
    if mask.dtype == bool:
        return minus_infinity_unless(mask if allowed else ~mask, dtype)
    if mask.dtype.kind != "f":
        raise TypeError(f"{what} holds {mask.dtype}; .astype(bool) makes booleans, numbers to add to scores are floats")
    return mask if isinstance(mask, Operand) else mask.astype(dtype, copy=False)


def minus_infinity_unless(allowed: Array, dtype: Any) -> Array:
    """Return 0 where a query may attend to a key, and -inf elsewhere."""
    added: Array = np.where(allowed, dtype.type(0), dtype.type(-np.inf))
    return added


@predicate_of_all(True)
def has_empty_rows(added: Array) -> bool:
    """Return whether a query may attend to no key: all that is added to its scores is -inf."""
    return bool(np.equal(added.max(axis=-1, initial=-np.inf), -np.inf).any())


def _check_shapes(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], mask: Any) -> None:
    """Raise ValueError for shapes of queries, keys, values and a mask that do not fit."""
    given = f"scaled_dot_product_attention got q of shape {q}, k {k} and v {v}"
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ValueError(f"{given}; it takes (..., t, d), (..., s, d) and (..., s, m)")
    try:
        scores = (*np.broadcast_shapes(q[:-2], k[:-2], v[:-2]), q[-2], k[-2])
    except ValueError:
        raise ValueError(f"{given}; the axes before the last two must be the same") from None
    try:
        fits = mask is None or np.broadcast_shapes(mask.shape, scores)[-2:] == scores[-2:]
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{given}, and a mask of shape {mask.shape}; it must broadcast to the scores, {scores}")
