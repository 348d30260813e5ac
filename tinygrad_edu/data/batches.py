"""Splits and batches of the rows of arrays, standardisation of their columns, one-hot classes, and checks of data."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array, array_of, predicate

Arrays = tuple[Array, ...]
Rng = np.random.Generator | int | None


def train_valid_test_split(
    *arrays: ArrayLike, fractions: Sequence[float] = (0.7, 0.15, 0.15), by: str = "random", rng: Rng = None
) -> tuple[Arrays, Arrays, Arrays]:
    """Split rows: `train, valid, test = train_valid_test_split(X, y)` returns three tuples (X, y).

    `by="random"` draws the rows with `rng`. `by="time"` keeps their order, the first for training and the last for the
    test, so that no model is tested on days before those it was trained on. `by="stratified"` draws them from each
    class of the last array, (n,) or (n, 1), so that each class has the same fraction of every part, to within one row,
    and at least one row in every part. Raises ValueError for parts or classes of too few rows.
    """
    checked = checked_arrays("train_valid_test_split", *arrays)
    n = len(checked[0])
    if len(fractions) != 3 or not min(fractions) >= 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(f"train_valid_test_split: fractions are three parts of 1, not {tuple(fractions)}")
    if by not in ("random", "stratified", "time"):
        raise ValueError(f"train_valid_test_split: by is 'random', 'stratified' or 'time', not {by!r}")
    if by == "stratified":
        order = np.random.default_rng(rng).permutation(n)
        part_of = _stratify(checked[-1][order], np.array(fractions, dtype=np.float64))
        parts: list[Any] = [order[part_of == i] for i in range(3)]
    else:
        bounds = [0, round(n * fractions[0]), round(n * (fractions[0] + fractions[1])), n]
        parts = [slice(start, stop) for start, stop in pairwise(bounds)]
        for fraction, part in zip(fractions, parts, strict=True):
            if fraction and part.start == part.stop:
                raise ValueError(f"train_valid_test_split: {n} rows are too few: a fraction of {fraction:g} has none")
    if by == "random":
        order = np.random.default_rng(rng).permutation(n)
        parts = [order[part] for part in parts]
    train, valid, test = (tuple(a[part] for a in checked) for part in parts)
    return train, valid, test


def _stratify(classes: Array, fractions: Array) -> Array:
    """Return for each row the number of its part, 0 to 2, so that each part has a fraction of every class."""
    where, n = "train_valid_test_split", len(classes)
    if classes.size != n:
        raise ValueError(f"{where}: by='stratified' takes classes, one per row, not of shape {classes.shape}")
    flat = classes.reshape(n)
    flat = flat.astype(str) if flat.dtype.hasobject else flat
    names, class_numbers, sizes = np.unique(flat, return_inverse=True, return_counts=True)
    wanted = fractions > 0
    if sizes.min() < wanted.sum():
        smallest = sizes.argmin()
        few = f"{sizes[smallest]} rows, too few for one in each of {wanted.sum()} parts"
        raise ValueError(f"{where}: class {names[smallest]} has {few}; leave it out, or split by='random'")
    part_of, owed = np.empty(n, np.intp), np.zeros(3)
    for i, size in enumerate(sizes):
        shares = size * fractions
        counts = np.maximum(np.floor(shares), wanted)
        owed += shares  # rounding errors of earlier classes carry over, so that the sizes of the parts come out too
        remaining = int(size - counts.sum())
        for _ in range(remaining):
            counts[np.where(counts < shares, owed - counts, -np.inf).argmax()] += 1
        counts[counts.argmax()] += min(remaining, 0)  # one row in every part of a small class can be too many
        owed -= counts
        part_of[class_numbers == i] = np.repeat(np.arange(3), counts.astype(np.intp))
    return part_of


def batches(
    *arrays: ArrayLike, batch_size: int, rng: Rng = None, shuffle: bool = True, drop_last: bool = False
) -> Iterator[Arrays]:
    """Return an iterator over tuples of `batch_size` rows of every array, each row once, in an order drawn with `rng`.

    The last batch holds the remaining rows, or is dropped with `drop_last`. Without `shuffle`, batches are views.
    """
    checked = checked_arrays("batches", *arrays)
    n = len(checked[0])
    size = positive_int("batches", "batch_size", batch_size)
    if size > n:
        remedy = "take fewer, or all at once (batch_size=None in tg.fit)"
        raise ValueError(f"batches: batch_size={size} is more than the {n} rows of data; {remedy}")
    return _batches(checked, size, np.random.default_rng(rng) if shuffle else None, drop_last)


def _batches(arrays: Arrays, size: int, rng: np.random.Generator | None, drop_last: bool) -> Iterator[Arrays]:
    n = len(arrays[0])
    order = None if rng is None else rng.permutation(n)
    for start in range(0, n - size + 1 if drop_last else n, size):
        part = slice(start, start + size)
        yield tuple(a[part] if order is None else a.take(order[part], axis=0) for a in arrays)


def one_hot(classes: ArrayLike, n: int | None = None) -> Array:
    """Return a row of `n` numbers for each class number, 1.0 at its index and 0.0 elsewhere: (...) gives (..., n).

    Without `n`, it is one more than the largest class number. Raises TypeError for class numbers that are not of an
    integer type, and ValueError for numbers below 0 or above n - 1.
    """
    classes = array_of(classes)
    if classes.dtype.kind not in "iu":
        remedy = ".astype(int) makes them of numbers, np.unique(names, return_inverse=True)[1] of names"
        raise TypeError(f"one_hot: class numbers are integers, not {classes.dtype}; {remedy}")
    if n is None and not classes.size:
        raise ValueError("one_hot: there are no classes; pass n, the number of possible classes")
    n = int(classes.max()) + 1 if n is None else positive_int("one_hot", "n", n)
    if classes.size and not within(classes, n):
        given = f"{classes.min()} to {classes.max()}"
        raise ValueError(f"one_hot: class numbers go from 0 to {n - 1}, and here from {given}")
    rows: Array = np.equal(classes[..., None], np.arange(n)).astype(float)
    return rows


@predicate
def within(classes: Array, n: int) -> bool:
    """Whether all class numbers go from 0 to n - 1."""
    return bool(classes.min() >= 0 and classes.max() < n)


class Standardizer:
    """Scales each column to mean 0 and standard deviation 1, with the mean and deviation of the data it was fitted to.

    `mean` and `scale` (standard deviation with ddof=0; 1 where a column is constant) have the shape of one row.
    """

    mean: Array
    scale: Array

    def fit(self, x: ArrayLike) -> Self:
        """Compute mean and scale of the rows of `x`; raises ValueError naming columns with NaN or infinity."""
        (x,) = checked_arrays("Standardizer.fit", x)
        check_finite("Standardizer.fit", x)
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
        # Not std == 0: the standard deviation of equal numbers may round to 1e-17, and is no divisor.
        all_equal = x.min(axis=0) == x.max(axis=0)
        self.mean = np.where(all_equal, x[0], x.mean(axis=0))
        self.scale = np.where(all_equal, np.ones((), x.dtype), x.std(axis=0))
        return self

    def transform(self, x: ArrayLike) -> Array:
        """Return `(x - mean) / scale`; rows of `x` have the shape of those it was fitted to."""
        return np.asarray((self._checked("transform", x) - self.mean) / self.scale)

    def inverse_transform(self, x: ArrayLike) -> Array:
        """Return `x * scale + mean`: standardised numbers in their original units."""
        return np.asarray(self._checked("inverse_transform", x) * self.scale + self.mean)

    def _checked(self, method: str, x: ArrayLike) -> Array:
        where = f"Standardizer.{method}"
        if not hasattr(self, "mean"):
            raise ValueError(f"{where}: call fit with the training data first")
        x = np.asarray(x)
        if x.ndim == 0 or x.shape[1:] != self.mean.shape:
            raise ValueError(f"{where}: fitted to rows of shape {self.mean.shape}, got an array of shape {x.shape}")
        check_finite(where, x)
        return x


def checked_arrays(where: str, *arrays: ArrayLike) -> Arrays:
    """Return NumPy arrays; raises ValueError, beginning with `where`, unless they have equally many rows."""
    checked = tuple(np.asarray(a) for a in arrays)
    shapes = ", ".join(str(a.shape) for a in checked)
    if not checked or any(a.ndim == 0 for a in checked):
        raise ValueError(f"{where} takes arrays with a row for each example, got {shapes or 'none'}")
    if len({len(a) for a in checked}) > 1:
        raise ValueError(f"{where}: arrays differ in their number of rows: {shapes}")
    if len(checked[0]) == 0:
        raise ValueError(f"{where}: there are no rows: {shapes}")
    return checked


def check_finite(where: str, x: Array) -> None:
    """Raise unless `x` holds numbers (TypeError), all of them finite (ValueError, naming the columns)."""
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{where}: numbers are needed, not an array of dtype {x.dtype}")
    bad = ~np.isfinite(x)
    if bad.any():
        columns = np.flatnonzero(bad.reshape(len(x), -1).any(axis=0)).tolist()
        raise ValueError(f"{where}: {bad.sum()} values are NaN or infinite, in columns {columns}; fill or drop them")


def positive_int(where: str, name: str, value: float) -> int:
    """Return a count as an int; raises ValueError unless it is a whole number from 1."""
    if not isinstance(value, (int, float, np.number)) or not value >= 1 or value % 1:
        raise ValueError(f"{where}: {name} is a whole number from 1, not {value}")
    return int(value)
