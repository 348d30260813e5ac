"""Batches of the rows of arrays, one-hot classes, and checks of data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from ..engine.arguments import generator, switches, whole_number
from ..engine.errors import converted, kind_of
from ..engine.habits import names_keywords
from ..engine.reprs import counted
from ..engine.rules.foreign import is_masked
from ..engine.rules.registry import Array, array_of, as_array, predicate
from ..engine.rules.tables import from_table
from ..functions.classification import within

Arrays = tuple[Array, ...]
Rng = np.random.Generator | int | None
_ELEMENTS_AT_ONCE = 1 << 22  # that are checked, so that the check of a large array needs little memory


@names_keywords
def batches(
    *arrays: ArrayLike, batch_size: int, rng: Rng = None, shuffle: bool = True, drop_last: bool = False
) -> Iterator[Arrays]:
    """Return an iterator over tuples of `batch_size` rows of every array, each row once, in an order drawn with `rng`.

    The last batch holds the remaining rows, or is dropped with `drop_last`. Without `shuffle`, batches are views.

    >>> [x.tolist() for (x,) in tg.data.batches(np.arange(5), batch_size=2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    switches("batches", shuffle=shuffle, drop_last=drop_last)
    checked = checked_arrays("batches", *arrays)
    size = checked_batch_size(batch_size, len(checked[0]))
    return _batches(checked, size, generator("batches", rng) if shuffle else None, drop_last)


def _batches(arrays: Arrays, size: int, rng: np.random.Generator | None, drop_last: bool) -> Iterator[Arrays]:
    n = len(arrays[0])
    order = None if rng is None else rng.permutation(n)
    for part in batch_slices(n, size, drop_last):
        yield rows_of(arrays, order, part)


def rows_of(arrays: Arrays, order: Array | None, part: slice) -> Arrays:
    """Return a part of the rows of all arrays: in this order, or as they are; nothing else is read."""
    return tuple(a[part] if order is None else a.take(order[part], axis=0) for a in arrays)


def checked_batch_size(batch_size: int, n: int) -> int:
    """Return the number of rows of a batch of n rows; raises ValueError unless it is a whole number from 1 to n."""
    size = whole_number("batches", "batch_size", batch_size)
    if size > n:
        remedy = "take fewer, or all at once (batch_size=None in tg.fit)"
        raise ValueError(f"batches: batch_size={size} is more than the {counted(n, 'row')} of data; {remedy}")
    return size


def batch_slices(n: int, size: int, drop_last: bool) -> Iterator[slice]:
    """Return an iterator over the slices of n rows, in their order, that are a batch each."""
    return (slice(start, min(start + size, n)) for start in range(0, n - size + 1 if drop_last else n, size))


@names_keywords
def one_hot(classes: ArrayLike, n: int | None = None) -> Array:
    """Return a row of `n` numbers for each class number, 1.0 at its index and 0.0 elsewhere: (...) gives (..., n).

    Without `n`, it is one more than the largest class number. Raises TypeError for class numbers that are not of an
    integer type, and ValueError for numbers below 0 or above n - 1.

    >>> tg.data.one_hot([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    numbers: Array = converted("one_hot", array_of, from_table(classes))
    if n is None and not numbers.size:
        raise ValueError("one_hot: there are no classes; pass n, the number of possible classes")
    if numbers.dtype.kind not in "iu":
        remedy = ".astype(int) makes them of numbers, np.unique(names, return_inverse=True)[1] of names"
        raise TypeError(f"one_hot: class numbers are integers, not {numbers.dtype}; {remedy}")
    n = max(int(numbers.max()) + 1, 1) if n is None else whole_number("one_hot", "n", n)
    if not within(numbers, n):
        given = f"{numbers.min()} to {numbers.max()}"
        raise ValueError(f"one_hot: class numbers go from 0 to {n - 1}, and here from {given}")
    rows: Array = np.equal(numbers[..., None], np.arange(n)).astype(float)
    return rows


def checked_arrays(where: str, *arrays: ArrayLike) -> Arrays:
    """Return NumPy arrays in this machine's byte order; raises ValueError unless they have equally many rows."""
    checked = tuple(plain_array(where, a) for a in arrays)
    whole = [a.ndim == 0 and a.dtype.hasobject for a in checked]  # a set, a sparse matrix and so on
    shapes = ", ".join(kind_of(x) if one else str(a.shape) for x, a, one in zip(arrays, checked, whole, strict=True))
    if not checked or any(a.ndim == 0 for a in checked):
        raise ValueError(f"{where} takes arrays with a row for each example, got {shapes or 'none'}")
    if len({len(a) for a in checked}) > 1:
        raise ValueError(f"{where}: arrays differ in their number of rows: {shapes}")
    if len(checked[0]) == 0:
        raise ValueError(f"{where}: there are no rows: {shapes}")
    return checked


def plain_array(where: str, a: ArrayLike) -> Array:
    """Return a table, a list or an array as an array in this machine's byte order; raises TypeError for a mask."""
    if is_masked(a):
        raise TypeError(f"{where}: a masked array would lose its mask; fill it (.filled(value)) or leave its rows out")
    array: Array = converted(where, as_array, from_table(a))
    # Files of other machines, such as MNIST's, have the other byte order
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_finite(where: str, x: Array, real: bool = False, remedy: str = "") -> None:
    """Raise unless `x` holds numbers (TypeError), or `real` ones, all finite (ValueError, naming the columns)."""
    if real and x.dtype.kind == "c":
        raise TypeError(f"{where}: real numbers are needed, not {x.dtype}; pass z.real, z.imag or np.abs(z)")
    if x.dtype.kind not in "fiubc":
        raise TypeError(f"{where}: numbers are needed, not an array of dtype {x.dtype}{_culprits(x)}")
    if x.dtype.kind in "fc" and x.size:
        is_finite(where, x, remedy)


@predicate
def is_finite(where: str, x: Array, remedy: str) -> bool:
    """Return True; raise ValueError, naming the columns, for numbers that are not finite."""
    height = max(1, _ELEMENTS_AT_ONCE * len(x) // x.size)  # a file that is mapped into memory may be larger than that
    bad = np.zeros(x.size // len(x), np.int64)
    for start in range(0, len(x), height):
        part = ~np.isfinite(x[start : start + height])
        if part.any():
            bad += part.reshape(len(part), -1).sum(axis=0)
    if bad.any():
        columns, count = np.flatnonzero(bad).tolist(), int(bad.sum())
        given, which = f"{count} values are NaN or infinite, in columns {columns}", "them"
        if count == 1:
            given, which = f"1 value is NaN or infinite, in column {columns[0]}", "it"
        raise ValueError(f"{where}: {given}; {remedy or f'fill or drop {which}'}")
    return True


def _culprits(x: Array) -> str:
    """Return which columns of a table hold something that is not a number, and the remedy."""
    if x.dtype.kind in "SU":
        return "; np.unique(names, return_inverse=True)[1] makes numbers of names, and .astype(float) of digits"
    if not x.dtype.hasobject:
        return ""
    columns = x.reshape(len(x), -1).T
    bad = [i for i, column in enumerate(columns) if not all(isinstance(v, (int, float, np.number)) for v in column)]
    if not bad:
        return "; .astype(float) makes numbers of it"
    return f"; columns {bad} hold text or gaps, so encode them (tg.data.one_hot) or fill them before .to_numpy()"
