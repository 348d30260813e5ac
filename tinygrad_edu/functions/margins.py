"""Similarity of vectors, and losses that ask for a margin between two scores or distances."""

from typing import Any

import numpy as np

from ..engine.arguments import check_numbers
from ..engine.habits import names_keywords
from ..engine.rules.norms import euclidean_norm
from ..engine.rules.promotion import same_precision
from .activations import floating
from .losses import at_least, beside, operands, reduced, signs


@names_keywords
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along `axis` (of two single vectors, along their only axis).

    It is sum(x1 x2) / (|x1| |x2|), where a norm below `eps` counts as `eps`, as in PyTorch. The shapes broadcast: with
    x1[:, None] and x2[None] of shape (n, k), and axis=-1, the result is the (n, n) matrix of all pairs.

    Raises ValueError for shapes that do not broadcast, and for an axis that they do not have.

    >>> float(tg.cosine_similarity([3.0, 0.0], [0.0, 2.0]))
    0.0
    """
    check_numbers("cosine_similarity", axis=axis, eps=eps)
    x1 = floating(x1)
    x1, x2 = same_precision(x1, beside("cosine_similarity", x1, x2, "x2"))
    shapes = np.shape(x1), np.shape(x2)
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"cosine_similarity: x1 has shape {shapes[0]} and x2 {shapes[1]}; they must fit") from None
    axis = 0 if len(shape) == 1 == axis else axis
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"cosine_similarity: x1 and x2 of shape {shape} have no axis {axis}; axis=-1 is the last")
    x1, x2 = np.broadcast_to(x1, shape), np.broadcast_to(x2, shape)
    units = [x / at_least(euclidean_norm(x, axis, True), eps) for x in (x1, x2)]
    return np.sum(units[0] * units[1], axis=axis)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, *, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the mean of max(0, margin + |anchor - positive| - |anchor - negative|) (Balntas et al. 2016).

    Distances are `p`-norms along the last axis, of differences plus `eps`. With `swap`, the distance to the negative
    example is that from the anchor or from the positive one, whichever is smaller. All as in PyTorch. Raises ValueError
    for different shapes, and unless `margin` is positive.

    >>> print(tg.triplet_margin_loss([[0.0, 0.0]], [[0.0, 1.0]], [[3.0, 0.0]]).round(4))  # 1 + 1 - 3 is below 0
    0.0
    """
    where = "triplet_margin_loss"
    check_numbers(where, margin=margin, p=p)
    if not margin > 0:
        raise ValueError(f"{where}: margin must be positive, got {margin}")
    anchor, positive = operands(where, anchor, positive, ("anchor", "positive"))
    anchor, negative = operands(where, anchor, negative, ("anchor", "negative"))
    if not np.ndim(anchor):
        raise ValueError(f"{where}: anchor holds vectors along its last axis, and it is a single number")

    def distance(a: Any, b: Any) -> Any:
        return np.linalg.norm(a - b + eps, p, axis=-1)

    far = distance(anchor, negative)
    if swap:
        far = np.minimum(far, distance(positive, negative))
    return reduced(where, np.clip(margin + distance(anchor, positive) - far, 0, None), reduction)


def margin_ranking_loss(x1: Any, x2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean") -> Any:
    """Return the mean of max(0, margin - target (x1 - x2)): where target is 1, x1 should be larger, and x2 where -1.

    Raises ValueError for different shapes, and for targets other than 1 and -1.

    >>> print(tg.margin_ranking_loss([1.0, 2.0], [3.0, 1.0], [1.0, 1.0]))
    1.0
    """
    where = "margin_ranking_loss"
    check_numbers(where, margin=margin)
    x1, x2 = operands(where, x1, x2, ("x1", "x2"))
    x1, target = operands(where, x1, target, ("x1", "target"))
    if not signs(target):
        raise ValueError(f"{where}: targets are 1, where x1 should be larger, and -1; instead of 0 pass -1")
    return reduced(where, np.clip(margin - np.multiply(target, x1 - x2), 0, None), reduction)
