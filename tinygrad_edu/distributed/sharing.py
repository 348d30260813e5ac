"""Which rows of each batch a rank takes, and the predictions of all ranks put together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..data.batches import batch_slices, checked_batch_size
from ..engine.rules.registry import Array
from .communicator import broadcast_object, sum_array
from .exchange import Exchange


class Plan(NamedTuple):
    """For each batch of an epoch and each rank: the first of its rows in the order of the epoch, and how many."""

    starts: Array
    counts: Array


def plan_batches(n: int, batch_size: int | None, drop_last: bool, ranks: int) -> Plan:
    """Return the plan for n rows that all ranks have, in parts that differ by one row at most."""
    size = None if batch_size is None else checked_batch_size(batch_size, n)
    batches = [slice(0, n)] if size is None else batch_slices(n, size, drop_last)
    bounds = np.stack([part.start + (part.stop - part.start) * np.arange(ranks + 1) // ranks for part in batches])
    return Plan(bounds[:, :-1], np.diff(bounds, axis=1))


def plan_parts(rows: Array, batch_size: int | None, drop_last: bool) -> Plan:
    """Return the plan for ranks with `rows` of their own each: every batch takes as large a part of all of them."""
    n = int(rows.sum())
    if not n:
        raise ValueError("fit: train_data has no rows on any rank; pass each rank its own part of the examples")
    size = n if batch_size is None else checked_batch_size(batch_size, n)
    batches = n // size if drop_last else -(-n // size)
    bounds = rows * np.arange(batches + 1)[:, None] // batches
    return Plan(bounds[:-1], np.diff(bounds, axis=0))


def rows_of(arrays: tuple[Array, ...], order: Array | None, start: int, count: int) -> tuple[Array, ...]:
    """Return some rows of all arrays: in this order, or as they are; nothing else is read."""
    part = slice(start, start + count)
    return tuple(a[part] if order is None else a.take(order[part], axis=0) for a in arrays)


def joined(exchange: Exchange, part: Array | None, counts: Array) -> Array:
    """Return the parts of all ranks, of `counts` rows, one after the other; `part` may be None where there are none."""
    comm, first = exchange.comm, int(np.flatnonzero(counts)[0])
    exchange.agree()
    shape, kind = broadcast_object(comm, None if part is None else (part.shape[1:], part.dtype), first)
    dtype = np.dtype(kind)
    summed = np.result_type(dtype, np.float32) if dtype.kind == "f" else np.dtype(np.int64)
    start = int(counts[: comm.rank].sum())
    whole = np.zeros((int(counts.sum()), *shape), summed)
    with exchange.guarded():
        if part is not None:
            if part.shape[1:] != shape:
                raise ValueError(
                    f"fit: rows on rank {comm.rank} have shape {part.shape[1:]}, and on rank {first} {shape}"
                )
            whole[start : start + len(part)] = part
    exchange.agree()
    return sum_array(comm, whole).astype(dtype, copy=False)
