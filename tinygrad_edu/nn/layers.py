"""Layers: with weights, and those that reshape or drop elements of their input."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine.arguments import generator, switches
from ..engine.errors import converted
from ..engine.rules.foreign import array_from
from ..engine.rules.registry import Array
from ..engine.rules.tables import from_table
from ..engine.tensor import Tensor
from ..functions.classification import within
from ..transforms.custom import stop_gradient
from .init import Init, Rng, initial, xavier_uniform
from .module import Module, float_dtype


def checked_sizes(where: str, *sizes: int) -> tuple[int, ...]:
    """Return the sizes as ints; raises ValueError unless they are whole numbers from 1."""
    for size in sizes:
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{where}: sizes are whole numbers from 1, not {size!r:.60}")
    return tuple(map(int, sizes))


def checked_input(layer: Module, x: Any) -> tuple[Any, tuple[int, ...]]:
    """Return a layer's input, a table as its array, and its shape.

    Raises TypeError for input without a shape, such as a list, for an array of another library, and for a table of
    something else than numbers.
    """
    if type(x) is not Tensor and type(x) is not np.ndarray:
        if hasattr(x, "to_numpy") and (array := from_table(x)).dtype.kind not in "fiub":
            remedy = "encode text, fill gaps, and pass .to_numpy() if that holds numbers"
            raise TypeError(f"{layer.describe()} takes numbers, and the table holds {array.dtype}; {remedy}")
        x = array_from(x)
    shape: tuple[int, ...] | None = getattr(x, "shape", None)
    if shape is None:
        remedy = "; np.array(x) makes an array of numbers" if isinstance(x, list) else ""
        if isinstance(x, tuple):
            remedy = "; recurrent layers and attention return a tuple, whose first element is the output"
        raise TypeError(f"{layer.describe()} takes an array or Tensor, not {type(x).__name__}{remedy}")
    return x, shape


class Linear(Module):
    """`x @ weight.T + bias` along the last axis: (..., in_features) gives (..., out_features).

    `weight` is (out_features, in_features), as in PyTorch, and starts as `init(shape, rng)`; `bias` starts at zero.
    Both have the dtype `dtype`: float16, float32 or float64.

    >>> layer = tg.nn.Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3))).shape, layer.weight.shape
    ((5, 2), (2, 3))
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, rng: Rng = None, *, init: Init = xavier_uniform,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"Linear({in_features} -> {out_features})"
        self.in_features, self.out_features = checked_sizes(where, in_features, out_features)
        switches(where, bias=bias)
        kind = float_dtype(where, dtype)
        weight = initial(where, init, (self.out_features, self.in_features), rng)
        # In Fortran order, so that its transpose, and the gradient of the transpose, are in C order.
        self.weight = Tensor(np.asfortranarray(weight, kind), label="weight")
        self.bias = Tensor(np.zeros(self.out_features, kind), label="bias") if bias else None

    def forward(self, x: Tensor | Array) -> Tensor:
        """Return the layer's output; raises ValueError unless the last axis of `x` has in_features elements."""
        x, shape = checked_input(self, x)
        if shape[-1:] != (self.in_features,):
            raise ValueError(f"{self.describe()} got {shape}: the last axis must hold {self.in_features} features")
        y: Tensor = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def describe(self) -> str:
        """Return "Linear(in -> out)"."""
        return f"Linear({self.in_features} -> {self.out_features}{', bias=False' if self.bias is None else ''})"


class Embedding(Module):
    """A row of `weight` for each integer from 0 to num_embeddings - 1: shape (...) gives (..., embedding_dim).

    `weight`, (num_embeddings, embedding_dim), is drawn from the normal distribution, as in PyTorch. Gradients of a row
    that is used repeatedly add up. The row `padding_idx`, if there is one, starts at zero and gets no gradient; a
    negative one counts from the end. Raises ValueError for one out of range.

    >>> tg.nn.Embedding(27, 8, rng=0)([[0, 5, 26]]).shape
    (1, 3, 8)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, rng: Rng = None, *, padding_idx: int | None = None,
        dtype: DTypeLike = np.float64,
    ) -> None:  # fmt: skip
        where = f"Embedding({num_embeddings}, {embedding_dim})"
        self.num_embeddings, self.embedding_dim = checked_sizes(where, num_embeddings, embedding_dim)
        kind = float_dtype(where, dtype)
        weight = generator(where, rng).normal(size=(self.num_embeddings, self.embedding_dim))
        if padding_idx is not None:
            is_row = isinstance(padding_idx, (int, np.integer)) and -num_embeddings <= padding_idx < num_embeddings
            if not is_row:
                raise ValueError(f"{where}: there is no row padding_idx={padding_idx!r:.60}")
            padding_idx = int(padding_idx) % num_embeddings
            weight[padding_idx] = 0
        self.padding_idx = padding_idx
        self.weight = Tensor(weight.astype(kind), label="weight")

    def forward(self, x: Any) -> Tensor:
        """Return the rows; raises TypeError for numbers that are not integers, ValueError for those out of range."""
        index = x if type(x) is Tensor else array_from(x)
        index = index if hasattr(index, "dtype") else converted(self.describe(), np.asarray, index)
        if index.dtype.kind not in "iu":
            raise TypeError(f"{self.describe()} takes integers, and got {index.dtype}; .astype(int) makes them")
        if not within(index, self.num_embeddings):
            given = f"{index.min()} to {index.max()}"
            raise ValueError(f"{self.describe()} takes numbers from 0 to {self.num_embeddings - 1}; got {given}")
        rows = self.weight[index]
        if self.padding_idx is None:
            return rows
        is_padding = np.equal(index, self.padding_idx)[..., np.newaxis]
        return np.where(is_padding, stop_gradient(rows), rows)  # type: ignore[return-value]

    def describe(self) -> str:
        """Return "Embedding(num_embeddings, embedding_dim)", with the `padding_idx` if there is one."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"Embedding({self.num_embeddings}, {self.embedding_dim}{padding})"


class Flatten(Module):
    """The axes `start_dim` to `end_dim`, both included, as one: (n, 8, 8) gives (n, 64), and with (0, 1) (8 n, 8).

    As in PyTorch; negative ones count from the last axis. An input with `start_dim` axes gets one more, of length 1.
    Raises TypeError for an axis that is no integer.

    >>> tg.nn.Flatten()(np.ones((5, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        if not (hasattr(start_dim, "__index__") and hasattr(end_dim, "__index__")):
            raise TypeError(f"Flatten: start_dim and end_dim number axes, not {start_dim!r} and {end_dim!r}")
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor | Array) -> Any:
        """Return x reshaped; raises ValueError if it lacks one of the axes, or if `end_dim` is before `start_dim`."""
        x, shape = checked_input(self, x)
        n = max(len(shape), 1)  # a single number becomes an array of one
        if not (-n <= self.start_dim <= len(shape) and -n <= self.end_dim < n):
            raise ValueError(f"{self.describe()} got shape {shape}: there is no such axis")
        start, end = (i + n if i < 0 else i for i in (self.start_dim, self.end_dim))
        if end < start < len(shape):
            raise ValueError(f"{self.describe()} got shape {shape}: axis {end} is before axis {start}")
        return x.reshape(*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])

    def describe(self) -> str:
        """Return "Flatten()", or "Flatten(start_dim=2)", "Flatten(0, 1)" and so on."""
        if self.end_dim != -1:
            return f"Flatten({self.start_dim}, {self.end_dim})"
        return f"Flatten({'' if self.start_dim == 1 else f'start_dim={self.start_dim}'})"


class Identity(Module):
    """x itself, of any shape, for the place of a layer that a model does without; arguments are ignored, as in PyTorch.

    >>> tg.nn.Identity()(np.array([1.0, 2.0]))
    array([1., 2.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """Return x."""
        return x


class Dropout(Module):
    """In training, each element is set to 0 with probability `p`, drawn by `rng`; the others are divided by 1 - p.

    In evaluation mode, after `model.eval()`, the output is x itself (Srivastava et al. 2014). x has any shape.
    Raises ValueError unless `p` is from 0 to 1.

    >>> layer = tg.nn.Dropout(0.5, rng=0)
    >>> layer(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        if not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability from 0 to 1, not {p!r}")
        self.p, self.rng = float(p), generator("Dropout", rng)

    def forward(self, x: Tensor | Array) -> Any:
        """Return x with random elements set to 0 in training mode, or x."""
        x, shape = checked_input(self, x)
        if not self.training or not self.p:
            return x
        return np.where(self.rng.random(shape) >= self.p, x / (1 - self.p or 1), 0)

    def describe(self) -> str:
        """Return "Dropout(p)"."""
        return f"Dropout({self.p:g})"
