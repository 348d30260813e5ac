"""Splits of the rows of arrays: into two or three parts, and into folds for cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.arguments import generator, whole_number
from ..engine.habits import names_keywords
from ..engine.reprs import counted
from ..engine.rules.registry import Array
from .batches import Arrays, Rng, checked_arrays

Rows = Array | slice  # which rows a part holds
Part = tuple[Any, ...]  # arrays, for type checkers of any number, as `fit` asks for (X, y)
_WAYS = ("random", "stratified", "time")


@names_keywords
def train_valid_test_split(
    *arrays: ArrayLike, fractions: Sequence[float] = (0.7, 0.15, 0.15), by: str = "random", rng: Rng = None
) -> tuple[Part, Part, Part]:
    """Split rows: `train, valid, test = train_valid_test_split(X, y)` returns three tuples (X, y).

    `by="random"` draws the rows with `rng`. `by="time"` keeps their order, the first for training and the last for the
    test, so that no model is tested on days before those it was trained on. `by="stratified"` draws them from each
    class of the last array, (n,) or (n, 1), so that each class has the same fraction of every part, to within one row,
    and at least one row in every part. Raises ValueError for parts or classes of too few rows.

    >>> parts = tg.data.train_valid_test_split(np.ones((100, 3)), np.ones(100), rng=0)
    >>> [(X.shape, y.shape) for X, y in parts]
    [((70, 3), (70,)), ((15, 3), (15,)), ((15, 3), (15,))]
    """
    where = "train_valid_test_split"
    checked = checked_arrays(where, *arrays)
    if not _are_parts(fractions, 3):
        two = " (train_test_split makes two)" if np.shape(fractions) == (2,) else ""
        raise ValueError(f"{where}: fractions are three parts of 1, not {fractions}{two}")
    train, valid, test = (_rows(checked, part) for part in _parts(where, checked, fractions, by, rng))
    return train, valid, test


@names_keywords
def train_test_split(
    *arrays: ArrayLike, fractions: Sequence[float] = (0.8, 0.2), by: str = "random", rng: Rng = None
) -> tuple[Part, Part]:
    """Split rows in two: `train, test = train_test_split(X, y)` returns two tuples (X, y).

    `by`, `rng` and errors are those of `train_valid_test_split`. Raises ValueError for fractions that are not two parts
    of 1.

    >>> train, test = tg.data.train_test_split(np.arange(10), rng=0)
    >>> len(train[0]), len(test[0])
    (8, 2)
    """
    where = "train_test_split"
    checked = checked_arrays(where, *arrays)
    if not _are_parts(fractions, 2):
        raise ValueError(f"{where}: fractions are two parts of 1, such as (0.8, 0.2), not {fractions}")
    train, test = (_rows(checked, part) for part in _parts(where, checked, fractions, by, rng))
    return train, test


@names_keywords
def k_fold(*arrays: ArrayLike, k: int = 5, by: str = "random", rng: Rng = None) -> Iterator[tuple[Part, Part]]:
    """Return an iterator over k pairs (train, valid) of tuples: `for train, valid in k_fold(X, y)`.

    The rows are split into k folds of equal size, to within one row. Each fold is the validation data once, and the
    others are the training data. `by="random"` draws the folds with `rng`, and `by="stratified"` from each class of the
    last array. `by="time"` keeps the order of the rows in k + 1 folds, and the training data are those before the
    validation data. Raises ValueError for fewer rows, or rows of a class, than folds.

    >>> [len(valid[0]) for train, valid in tg.data.k_fold(np.arange(10), k=5, rng=0)]
    [2, 2, 2, 2, 2]
    """
    checked = checked_arrays("k_fold", *arrays)
    n, count = len(checked[0]), whole_number("k_fold", "k", k)
    largest = n - 1 if by == "time" else n
    if not 2 <= count <= largest:
        raise ValueError(f"k_fold: k is from 2 to {largest} for {counted(n, 'row')}, not {k}")
    if by == "time":
        bounds = [round(n * i / (count + 1)) for i in range(count + 2)]
        pairs: Iterator[tuple[Rows, Rows]] = ((slice(0, low), slice(low, high)) for low, high in pairwise(bounds[1:]))
    else:
        folds: list[Any] = _parts("k_fold", checked, [1 / count] * count, by, rng)
        pairs = ((np.concatenate(folds[:i] + folds[i + 1 :]), fold) for i, fold in enumerate(folds))
    return ((_rows(checked, train), _rows(checked, valid)) for train, valid in pairs)


def _are_parts(fractions: Sequence[float], n: int) -> bool:
    """Return whether fractions are n numbers from 0 with the sum 1."""
    shares = np.asarray(fractions)
    return (
        shares.shape == (n,) and shares.dtype.kind in "iuf" and shares.min() >= 0 and bool(np.isclose(shares.sum(), 1))
    )


def _rows(arrays: Arrays, part: Rows) -> Arrays:
    return tuple([a[part] for a in arrays])


def _parts(where: str, arrays: Arrays, fractions: Sequence[float], by: str, rng: Rng) -> list[Rows]:
    """Return which rows belong to each part, of these fractions of all rows."""
    n = len(arrays[0])
    if by not in _WAYS:
        raise ValueError(f"{where}: by is 'random', 'stratified' or 'time', not {by!r}")
    if by == "stratified":
        order = generator(where, rng).permutation(n)
        part_of = _stratify(where, arrays[-1][order], np.array(fractions, dtype=np.float64))
        return [order[part_of == i] for i in range(len(fractions))]
    bounds = [0, *(round(n * sum(fractions[: i + 1])) for i in range(len(fractions) - 1)), n]
    parts: list[Any] = [slice(start, stop) for start, stop in pairwise(bounds)]
    for fraction, part in zip(fractions, parts, strict=True):
        if fraction and part.start == part.stop:
            raise ValueError(f"{where}: too few rows ({n}): a fraction of {fraction:g} has none")
    if by == "random":
        order = generator(where, rng).permutation(n)
        parts = [order[part] for part in parts]
    return parts


def _stratify(where: str, classes: Array, fractions: Array) -> Array:
    """Return for each row the number of its part, from 0, so that each part has a fraction of every class."""
    n, parts = len(classes), len(fractions)
    if classes.size != n:
        raise ValueError(f"{where}: by='stratified' takes classes, one per row, not of shape {classes.shape}")
    flat = classes.reshape(n)
    flat = flat.astype(str) if flat.dtype.hasobject else flat
    names, class_numbers, sizes = np.unique(flat, return_inverse=True, return_counts=True)
    wanted = fractions > 0
    if sizes.min() < wanted.sum():
        smallest = sizes.argmin()
        few = f"{counted(sizes[smallest], 'row')}, too few for one in each of {wanted.sum()} parts"
        raise ValueError(f"{where}: class {names[smallest]} has {few}; leave it out, or split by='random'")
    part_of, owed = np.empty(n, np.intp), np.zeros(parts)
    for i, size in enumerate(sizes):
        shares = size * fractions
        counts = np.maximum(np.floor(shares), wanted)
        owed += shares  # rounding errors of earlier classes carry over, so that the sizes of the parts come out too
        remaining = int(size - counts.sum())
        for _ in range(remaining):
            counts[np.where(counts < shares, owed - counts, -np.inf).argmax()] += 1
        counts[counts.argmax()] += min(remaining, 0)  # one row in every part of a small class can be too many
        owed -= counts
        part_of[class_numbers == i] = np.repeat(np.arange(parts), counts.astype(np.intp))
    return part_of
