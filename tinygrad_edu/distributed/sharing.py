"""Which rows of each batch a rank takes, and the predictions of all ranks put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import Arrays, batch_slices, checked_batch_size
from ..engine.rules.registry import Array
from ..train.metrics import as_array
from ..transforms.tree import Structure, flatten
from .communicator import broadcast_object, sum_array
from .exchange import Exchange


class Plan(NamedTuple):
    """For each batch of an epoch and each rank: the first of its rows in the order of the epoch, and how many."""

    starts: Array
    counts: Array


def plan_batches(n: int, batch_size: int | None, drop_last: bool, ranks: int) -> Plan:
    """Return the plan for n rows that all ranks have, in parts that differ by one row at most."""
    size = n if batch_size is None else checked_batch_size(batch_size, n)
    ends = np.arange(ranks + 1, dtype=np.int64)  # times the rows they may be more than 32 bits hold
    batches = batch_slices(n, size, drop_last)
    bounds = np.stack([part.start + (part.stop - part.start) * ends // ranks for part in batches])
    return Plan(bounds[:, :-1], np.diff(bounds, axis=1))


def plan_parts(rows: Array, batch_size: int | None, drop_last: bool) -> Plan:
    """Return the plan for ranks with `rows` of their own each: every batch takes as large a part of all of them."""
    n = int(rows.sum())
    if not n:
        raise ValueError("fit: train_data has no rows on any rank; pass each rank its own part of the examples")
    size = n if batch_size is None else checked_batch_size(batch_size, n)
    batches = min(n // size if drop_last else -(-n // size), int(rows.max()))  # none is empty on all ranks
    bounds = rows * np.arange(batches + 1, dtype=np.int64)[:, None] // batches
    return Plan(bounds[:-1], np.diff(bounds, axis=0))


def one_row(a: Array) -> Array:
    """Return the first row, or zeros: a rank without a part computes it where all ranks must, and nothing counts it."""
    return a[:1] if len(a) else np.zeros((1, *a.shape[1:]), a.dtype)


def rows_like_others(comm: Any, arrays: Arrays, rows: Array) -> Arrays:
    """Return a rank's arrays; if it has none of all `rows`, empty ones of the shape and dtype of another rank's."""
    forms = broadcast_object(comm, [(a.shape[1:], a.dtype) for a in arrays], int(rows.argmax()))
    if not len(arrays[1]):
        x, y = (np.zeros((0, *shape), dtype) for shape, dtype in forms)
        return x, y
    return arrays


def outputs(prediction: Any, rows: Array) -> tuple[list[Array], Structure]:
    """Return the arrays that a model returns for `rows`, and their structure; raises ValueError for other rows."""
    leaves, structure = flatten(prediction)
    parts = [as_array("fit", leaf) for leaf in leaves]
    for a in parts:
        if a.shape[:1] != rows.shape[:1]:
            given = f"returned shape {a.shape} for input of shape {rows.shape}"
            raise ValueError(f"fit: the model {given}; ranks need a row for each row of the input")
    return parts, structure


def joined(exchange: Exchange, parts: Sequence[Array], counts: Array) -> list[Array]:
    """Return arrays of which each rank has parts, of `counts` rows: the parts of all ranks one after the other."""
    comm, first = exchange.comm, int(np.flatnonzero(counts)[0])
    exchange.agree()
    forms = broadcast_object(comm, [(a.shape[1:], a.dtype) for a in parts], first)
    with exchange.agreed():
        ours, theirs = [a.shape[1:] for a in parts], [shape for shape, _ in forms]
        if ours != theirs:
            raise ValueError(f"fit: rows on rank {comm.rank} have shapes {ours}, and on rank {first} {theirs}")
    start, whole = int(counts[: comm.rank].sum()), []
    for part, (shape, dtype) in zip(parts, forms, strict=True):
        kind = np.result_type(dtype, np.float32) if dtype.kind in "fc" else np.dtype(np.int64)
        rows = np.zeros((int(counts.sum()), *shape), kind)
        rows[start : start + len(part)] = part
        total = sum_array(comm, rows.reshape(-1).view(rows.real.dtype))  # a complex number as two real ones
        whole.append(total.view(kind).reshape(rows.shape).astype(dtype, copy=False))
    return whole
