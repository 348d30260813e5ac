"""Attention: layers of transformers (Vaswani et al. 2017), over sequences of shape (n, t, features)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import generator, switches
from ..engine.rules.registry import Array
from ..engine.tensor import Tensor
from ..functions.attention import added_to_scores, attention_weights
from .init import Rng, xavier_uniform
from .layers import Dropout, Linear, checked_input, checked_sizes
from .module import Module, float_dtype


class MultiheadAttention(Module):
    """Attention in `num_heads` heads, each of which sees embed_dim / num_heads features of projected sequences.

    As in PyTorch with `batch_first=True`: `in_proj_weight` (3 * embed_dim, embed_dim) projects queries, keys and
    values; where keys have `kdim` or values `vdim` features, `q_proj_weight`, `k_proj_weight` and `v_proj_weight` do.
    `out_proj` is a Linear layer. Weights start as Xavier's, biases at zero. In training a share `dropout` of the
    attention weights is left out. Raises ValueError unless `num_heads` divides `embed_dim`.

    >>> x = np.ones((2, 5, 8))  # (n, t, features)
    >>> output, weights = tg.nn.MultiheadAttention(8, 2, rng=0)(x, x, x)
    >>> output.shape, weights.shape
    ((2, 5, 8), (2, 5, 5))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, kdim: int | None = None,
        vdim: int | None = None, rng: Rng = None, *, batch_first: bool = True, dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"MultiheadAttention({embed_dim}, {num_heads})"
        sizes = checked_sizes(where, embed_dim, num_heads, kdim or embed_dim, vdim or embed_dim)
        self.embed_dim, self.num_heads, self.kdim, self.vdim = sizes
        if embed_dim % num_heads:
            raise ValueError(f"{where}: the features must be divisible by the number of heads")
        switches(where, bias=bias, batch_first=batch_first)
        if not batch_first:
            raise ValueError(f"{where}: sequences are (n, t, features); np.swapaxes(x, 0, 1) makes one of (t, n, ...)")
        kind, rng, d = float_dtype(where, dtype), generator(where, rng), self.embed_dim
        shapes = {"in_proj_weight": (3 * d, d)}
        if (self.kdim, self.vdim) != (d, d):
            shapes = {"q_proj_weight": (d, d), "k_proj_weight": (d, self.kdim), "v_proj_weight": (d, self.vdim)}
        for label, shape in shapes.items():
            setattr(self, label, Tensor(np.asfortranarray(xavier_uniform(shape, rng), kind), label=label))
        self.in_proj_bias = Tensor(np.zeros(3 * d, kind), label="in_proj_bias") if bias else None
        self.out_proj = Linear(d, d, bias, rng, init=_uniform, dtype=kind)
        self.dropout, self.dropping = dropout, Dropout(dropout, rng) if dropout else None

    def forward(
        self, query: Any, key: Any = None, value: Any = None, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Return the output, (n, t, embed_dim), and the attention weights: (n, t, s), their mean over the heads.

        `query` has shape (n, t, embed_dim), `key` (n, s, kdim) and `value` (n, s, vdim); without them the query attends
        to itself. Masks are as in PyTorch: `key_padding_mask`, (n, s), and `attn_mask`, (t, s) or
        (n * num_heads, t, s), are booleans that are True where a query may *not* attend to a key, or numbers to add to
        the scores. With `is_causal` position i attends to positions 0 to i. A query that may attend to no key gives
        the output of zeros. Without `need_weights` the second result is None, and without `average_attn_weights` it
        is (n, num_heads, t, s). For one sequence all of these lack the axis of n.

        Raises ValueError for other shapes.
        """
        key = query if key is None else key
        value = key if value is None else value
        self._check_shapes(*[checked_input(self, x)[1] for x in (query, key, value)])
        if len(query.shape) == 2:
            batches = {id(x): x[np.newaxis] for x in (query, key, value)}  # the same three, if they were the same
            query, key, value = (batches[id(x)] for x in (query, key, value))
            padding, needed = key_padding_mask, key.shape[1:2]
            if padding is not None:
                if np.shape(padding) != needed:
                    shape = f"of shape {np.shape(padding)}: for one sequence it takes {needed}"
                    raise ValueError(f"{self.describe()} got key_padding_mask {shape}")
                padding = np.expand_dims(padding, 0)
            options = need_weights, attn_mask, average_attn_weights, is_causal
            y, weights = self.forward(query, key, value, padding, *options)
            return y[0], None if weights is None else weights[0]
        (n, t, _), s = query.shape, key.shape[1]
        q, k, v = self._heads((query, key, value))
        mask = self._mask(key_padding_mask, attn_mask, (n, t, s), q.dtype)
        weights = attention_weights(q, k, v, mask, is_causal)
        y = (self.dropping(weights) if self.dropping else weights) @ v
        y = self.out_proj(y.swapaxes(1, 2).reshape(n, t, self.embed_dim))
        if not need_weights:
            return y, None
        return y, np.mean(weights, axis=1) if average_attn_weights else weights

    def _heads(self, xs: tuple[Any, Any, Any]) -> list[Any]:
        """Return queries, keys and values, projected: of shape (n, num_heads, length, features)."""
        d, heads = self.embed_dim, self.num_heads
        joint, bias = vars(self).get("in_proj_weight"), self.in_proj_bias
        if joint is not None and xs[0] is xs[1] is xs[2]:
            y = xs[0] @ joint.T  # one product for all three
            y = y if bias is None else y + bias
            return list(y.reshape(*y.shape[:2], 3, heads, d // heads).transpose(2, 0, 3, 1, 4))
        projected = []
        for i, (x, name) in enumerate(zip(xs, "qkv", strict=True)):
            part = slice(i * d, (i + 1) * d)
            y = x @ (vars(self)[f"{name}_proj_weight"] if joint is None else joint[part]).T
            y = y if bias is None else y + bias[part]
            projected.append(y.reshape(*y.shape[:2], heads, d // heads).swapaxes(1, 2))
        return projected

    def _mask(self, padding: Any, mask: Any, shape: tuple[int, int, int], dtype: Any) -> Any:
        """Return what is added to the scores, in a shape that broadcasts; raises ValueError for others."""
        n, t, s = shape
        total: Any = None
        layouts: list[tuple[str, Any, dict[tuple[int, ...], tuple[int, ...]]]] = [
            ("key_padding_mask", padding, {(n, s): (n, 1, 1, s)}),
            ("attn_mask", mask, {(t, s): (t, s), (n * self.num_heads, t, s): (n, self.num_heads, t, s)}),
        ]
        for name, given, known in layouts:
            if given is None:
                continue
            given = given if hasattr(given, "dtype") else np.asarray(given)
            if given.shape not in known:
                shapes = " or ".join(map(str, known))
                raise ValueError(f"{self.describe()} got {name} of shape {given.shape}: it takes {shapes}")
            added = added_to_scores(f"{self.describe()}: {name}", given, dtype, allowed=False)
            total = added.reshape(known[given.shape]) if total is None else total + added.reshape(known[given.shape])
        return total

    def _check_shapes(self, *shapes: tuple[int, ...]) -> None:
        """Raise ValueError unless query, key and value have shapes that fit."""
        q, k, v = shapes
        fits = all(len(shape) in (2, 3) for shape in shapes) and q[:-2] == k[:-2] == v[:-2] and k[-2] == v[-2]
        if not fits or (q[-1], k[-1], v[-1]) != (self.embed_dim, self.kdim, self.vdim):
            needed = f"(n, t, {self.embed_dim}), (n, s, {self.kdim}) and (n, s, {self.vdim})"
            given = f"query {q}, key {k} and value {v}"
            raise ValueError(f"{self.describe()} got {given}: it takes {needed}, or all of them without n")

    def describe(self) -> str:
        """Return "MultiheadAttention(embed_dim, num_heads)"."""
        return f"MultiheadAttention({self.embed_dim}, {self.num_heads})"


def _uniform(shape: tuple[int, ...], rng: Rng = None) -> Array:
    """Return weights (out, in), uniform within 1 / sqrt(in), as PyTorch's linear layers start."""
    bound = shape[1] ** -0.5
    return np.random.default_rng(rng).uniform(-bound, bound, shape)


class PositionalEncoding(Module):
    """x plus sines and cosines of each position, so that attention can tell positions apart (Vaswani et al. 2017).

    For x of shape (..., t, embed_dim): feature 2 i of position p is sin(p / 10000^(2 i / embed_dim)), and feature
    2 i + 1 the cosine of the same. There is nothing to train. In training a share `dropout` of the sum is set to 0.

    >>> tg.nn.PositionalEncoding(8)(np.ones((2, 5, 8))).shape
    (2, 5, 8)
    """

    def __init__(self, embed_dim: int, dropout: float = 0.0, rng: Rng = None) -> None:
        (self.embed_dim,) = checked_sizes(f"PositionalEncoding({embed_dim})", embed_dim)
        self.dropout, self.dropping = dropout, Dropout(dropout, rng) if dropout else None

    def forward(self, x: Tensor | Array) -> Any:
        """Return x plus the encoding of its positions; raises ValueError unless it has embed_dim features."""
        x, shape = checked_input(self, x)
        if len(shape) < 2 or shape[-1] != self.embed_dim:
            raise ValueError(f"{self.describe()} got {shape}: it takes (..., t, {self.embed_dim})")
        encoding = positional_encoding(shape[-2], self.embed_dim)
        y = x + (encoding.astype(x.dtype) if x.dtype.kind == "f" else encoding)
        return self.dropping(y) if self.dropping else y

    def describe(self) -> str:
        """Return "PositionalEncoding(embed_dim)"."""
        return f"PositionalEncoding({self.embed_dim})"


def positional_encoding(length: int, embed_dim: int) -> Array:
    """Return the sines and cosines of the positions 0 to length - 1, (length, embed_dim)."""
    frequencies = 10000.0 ** (-2 * (np.arange(embed_dim) // 2) / embed_dim)
    angles = np.arange(length)[:, np.newaxis] * frequencies
    encoding: Array = np.where(np.arange(embed_dim) % 2, np.cos(angles), np.sin(angles))
    return encoding
