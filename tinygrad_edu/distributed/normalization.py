"""BatchNorm over all ranks: the mean and the variance of a batch from those of its parts, with their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..nn.normalization import pooling
from ..transforms.custom import custom_vjp
from .exchange import Announced


class RankPool:
    """The statistics of one batch over all ranks, of which each has `counts` examples."""

    def __init__(self, exchange: Announced, counts: Array) -> None:
        self.exchange, self.rank = exchange, exchange.comm.rank
        self.examples = int(counts.sum())
        self.shares = counts / self.examples

    def __call__(self, mean: Any, var: Any) -> tuple[Any, Any]:
        """Return the mean and the variance over all ranks, which take part in it."""
        both = pooled(np.stack([mean, var]), self)
        return both[0], both[1]

    def combine(self, stats: Array) -> tuple[Array, Array]:
        """Return [mean, variance] of the batch, and this part's mean minus that of the batch.

        mean = sum of share * mean of a part; variance = sum of share * (variance of a part + (its mean - mean)^2).
        """
        parts = np.zeros((len(self.shares), *stats.shape))
        if self.shares[self.rank]:
            parts[self.rank] = stats
        means, variances = self.exchange.sum(parts).swapaxes(0, 1)
        mean = self.shares @ means
        variance = self.shares @ (variances + (means - mean) ** 2)
        return np.stack([mean, variance]).astype(stats.dtype), (stats[0] - mean).astype(stats.dtype)

    def gradient(self, offset: Array, g: Any) -> Array:
        """Return the gradient of this part's [mean, variance], from that of the batch's on each rank.

        A rank's loss is the mean of its examples, and counts by its share: so does what it sends. What it receives
        would be divided by its share again, and is multiplied by it, as the part's statistics count by that, too.
        """
        if isinstance(g, Tensor):
            raise TypeError("BatchNorm over several ranks has first derivatives alone; train it in one process")
        share = self.shares[self.rank]
        of_mean, of_variance = self.exchange.sum(share * g.astype(np.float64) if share else np.zeros(g.shape))
        return np.stack([of_mean + 2 * offset * of_variance, of_variance]).astype(g.dtype)


@custom_vjp
def pooled(stats: Any, pool: RankPool) -> Any:
    """Return [mean, variance] of a batch from those of this rank's part."""
    return pool.combine(stats)[0]


def _forward(stats: Array, pool: RankPool) -> tuple[Array, Any]:
    both, offset = pool.combine(stats)
    return both, (pool, offset)


def _backward(saved: Any, g: Array) -> tuple[Array, None]:
    pool, offset = saved
    return pool.gradient(offset, g), None


pooled.defvjp(_forward, _backward)


@contextmanager
def pooling_over(exchange: Announced, counts: Array) -> Iterator[None]:
    """Let BatchNorm layers use the statistics of all ranks, which have `counts` examples each."""
    token = pooling.set(RankPool(exchange, counts))
    try:
        yield
    finally:
        pooling.reset(token)
