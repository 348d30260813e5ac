"""Data on its way to a model: split it, standardise it, hand it out in batches.

All functions take arrays whose first axis counts the examples, and keep rows of several arrays together.
Arrays come back as NumPy arrays. What is empty, unequal in length or not finite is an error here rather than
a strange loss later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]
    Arrays = tuple[Array, ...]
    Rng = np.random.Generator | int | None


def train_valid_test_split(
    *arrays: ArrayLike, fractions: Sequence[float] = (0.7, 0.15, 0.15), by: str = "random", rng: Rng = None
) -> tuple[Arrays, Arrays, Arrays]:
    """Split rows: `train, valid, test = train_valid_test_split(X, y)` gives three tuples (X, y).

    `by="random"` draws the rows with `rng`; `by="time"` takes them as they stand, the first for training and
    the last for the test, so that no model is tested on days before those it has seen.
    """
    rows = checked_rows("train_valid_test_split", *arrays)
    n = len(rows[0])
    if len(fractions) != 3 or min(fractions) < 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(f"train_valid_test_split: fractions are three parts of 1, not {tuple(fractions)}")
    if by not in ("random", "time"):
        raise ValueError(f"train_valid_test_split: by is 'random' or 'time', not {by!r}")
    ends = [round(n * fractions[0]), round(n * (fractions[0] + fractions[1])), n]
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    for fraction, part in zip(fractions, parts, strict=True):
        if fraction and part.start == part.stop:
            raise ValueError(f"train_valid_test_split: {n} rows are too few to give a part of {fraction:g} any")
    if by == "random":
        order = np.random.default_rng(rng).permutation(n)
        rows = tuple(a[order] for a in rows)
    train, valid, test = (tuple(a[part] for a in rows) for part in parts)
    return train, valid, test


def batches(
    *arrays: ArrayLike, batch_size: int, rng: Rng = None, shuffle: bool = True, drop_last: bool = False
) -> Iterator[Arrays]:
    """Give tuples with `batch_size` rows of every array, each row once, in an order drawn with `rng`.

    The last batch holds what is left, or is left out with `drop_last`. Without `shuffle` batches are views,
    in order.
    """
    rows = checked_rows("batches", *arrays)
    n = len(rows[0])
    size = whole("batches", "batch_size", batch_size)
    if drop_last and size > n:
        raise ValueError(f"batches: with drop_last, batches of {size} from {n} rows leave nothing")
    return _batches(rows, size, np.random.default_rng(rng) if shuffle else None, drop_last)


def _batches(rows: Arrays, size: int, rng: np.random.Generator | None, drop_last: bool) -> Iterator[Arrays]:
    n = len(rows[0])
    order = None if rng is None else rng.permutation(n)
    for start in range(0, n - size + 1 if drop_last else n, size):
        part = slice(start, start + size)
        if order is None:
            yield tuple(a[part] for a in rows)
        else:
            yield tuple(a.take(order[part], axis=0) for a in rows)


class Standardizer:
    """Brings each column to mean 0 and standard deviation 1, by the figures of the data it was fitted to.

    `mean` and `scale` (standard deviation with ddof=0; 1 where a column is constant) have the shape of one
    row.
    """

    mean: Array
    scale: Array

    def fit(self, x: ArrayLike) -> Self:
        """Take mean and scale from the rows of `x`; raises ValueError naming columns with NaN or infinity."""
        (x,) = checked_rows("Standardizer.fit", x)
        check_finite("Standardizer.fit", x)
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
        # By equality: the standard deviation of equal numbers may round to 1e-17, no scale to divide by.
        constant = x.min(axis=0) == x.max(axis=0)
        self.mean = np.where(constant, x[0], x.mean(axis=0))
        self.scale = np.where(constant, np.ones((), x.dtype), x.std(axis=0))
        return self

    def transform(self, x: ArrayLike) -> Array:
        """Give `(x - mean) / scale`; `x` has rows of the fitted width."""
        x = self._rows("transform", x)
        result: Array = (x - self.mean) / self.scale
        return result

    def inverse_transform(self, x: ArrayLike) -> Array:
        """Give `x * scale + mean`: standardised numbers in their original units."""
        x = self._rows("inverse_transform", x)
        result: Array = x * self.scale + self.mean
        return result

    def _rows(self, method: str, x: ArrayLike) -> Array:
        where = f"Standardizer.{method}"
        if not hasattr(self, "mean"):
            raise ValueError(f"{where}: call fit with the training data first")
        x = np.asarray(x)
        if x.ndim == 0 or x.shape[1:] != self.mean.shape:
            raise ValueError(f"{where}: fitted to rows of shape {self.mean.shape}, got an array of shape {x.shape}")
        check_finite(where, x)
        return x


def checked_rows(where: str, *arrays: ArrayLike) -> Arrays:
    """Give NumPy arrays; raises ValueError, opening with `where`, unless they hold equally many rows."""
    rows = tuple(np.asarray(a) for a in arrays)
    shapes = ", ".join(str(a.shape) for a in rows)
    if not rows or any(a.ndim == 0 for a in rows):
        raise ValueError(f"{where} takes arrays with a row for each example, got {shapes or 'none'}")
    if len({len(a) for a in rows}) > 1:
        raise ValueError(f"{where}: arrays differ in their number of rows: {shapes}")
    if len(rows[0]) == 0:
        raise ValueError(f"{where}: there are no rows: {shapes}")
    return rows


def check_finite(where: str, x: Array) -> None:
    """Raise unless `x` holds numbers (TypeError), all of them finite (ValueError, naming the columns)."""
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{where}: numbers are needed, not an array of dtype {x.dtype}")
    bad = ~np.isfinite(x)
    if bad.any():
        columns = np.flatnonzero(bad.reshape(len(x), -1).any(axis=0)).tolist()
        raise ValueError(f"{where}: {bad.sum()} values are NaN or infinite, in columns {columns}; fill or drop them")


def whole(where: str, name: str, value: float) -> int:
    """Give a count as an int; raises ValueError unless it is a whole number from 1."""
    if not value >= 1 or value % 1:
        raise ValueError(f"{where}: {name} is a whole number from 1, not {value}")
    return int(value)
