"""A small transformer for the lessons on language: it reads characters, and predicts the next one at every place.

This module is not a lesson itself. It has the parts of GPT (Radford et al. 2019): embeddings of characters and of
places, blocks of attention and a small network, and a last layer that returns a logit for each character.
"""

from typing import Any

import numpy as np

import tinygrad_edu as tg


class Attention(tg.nn.Module):
    """Each place looks at itself and at the places before it, and takes a weighted mean of what it finds there.

    A place asks with a query. Its product with the key of another place says how much that place matters. Softmax turns
    these products into weights, whose sum is 1. The result is the mean of the values of the places, with these weights.
    Several heads do this side by side, each on a part of the numbers.
    """

    def __init__(self, dim: int, heads: int, rng: Any) -> None:
        self.heads = heads
        self.query, self.key, self.value, self.out = (tg.nn.Linear(dim, dim, bias=False, rng=rng) for _ in range(4))

    def split(self, x: Any) -> Any:
        """Return (n, length, dim) as (n, heads, length, dim / heads)."""
        n, length, dim = x.shape
        return x.reshape(n, length, self.heads, dim // self.heads).transpose(0, 2, 1, 3)

    def weights(self, x: Any) -> Any:
        """Return how much each place looks at each other one: (n, heads, length, length), 0 for later places."""
        q, k = self.split(self.query(x)), self.split(self.key(x))
        products = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1]).astype(q.dtype)
        later = np.triu(np.ones(products.shape[-2:], bool), 1)
        return tg.softmax(np.where(later, np.float32(-1e9), products), axis=-1)

    def forward(self, x: Any) -> Any:
        """Return the weighted means of all heads, side by side, through one more layer: (n, length, dim)."""
        means = self.weights(x) @ self.split(self.value(x))
        return self.out(means.transpose(0, 2, 1, 3).reshape(x.shape))


class Block(tg.nn.Module):
    """Attention, then a network of one hidden layer. Each adds its result to its input, and normalizes it first."""

    def __init__(self, dim: int, heads: int, rng: Any) -> None:
        self.before_attention, self.before_network = tg.nn.LayerNorm(dim), tg.nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, rng)
        self.network = tg.nn.MLP([dim, 4 * dim, dim], rng=rng)

    def forward(self, x: Any) -> Any:
        """Return an array of the shape of x (n, length, dim)."""
        x = x + self.attention(self.before_attention(x))
        return x + self.network(self.before_network(x))


class Transformer(tg.nn.Module):
    """Logits of the next character (n, length, characters), after each of the characters x (n, length), as numbers."""

    def __init__(self, characters: int, length: int, dim: int = 32, heads: int = 4, dropout: float = 0.0) -> None:
        rng = np.random.default_rng(0)
        self.characters, self.places = tg.nn.Embedding(characters, dim, rng), tg.nn.Embedding(length, dim, rng)
        self.blocks = [Block(dim, heads, rng) for _ in range(2)]
        self.norm, self.logits = tg.nn.LayerNorm(dim), tg.nn.Linear(dim, characters, bias=False, rng=rng)
        self.dropout = tg.nn.Dropout(dropout, rng)
        for layer, size in ((self.characters, 0.5), (self.places, 0.5), (self.logits, 0.1)):
            layer.weight.data *= size  # small logits make all characters about equally likely at first

    def forward(self, x: Any) -> Any:
        """Return the logits; `x` may be shorter than `length`."""
        return self.logits(self.dropout(self.norm(self.read(x, len(self.blocks)))))

    def read(self, x: Any, blocks: int) -> Any:
        """Return what the places hold after this number of blocks: (n, length, dim)."""
        h = self.dropout(self.characters(x) + self.places(np.arange(x.shape[1])))
        for block in self.blocks[:blocks]:
            h = block(h)
        return h
