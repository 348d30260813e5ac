"""Batch rules of this library's own primitives and of searches: sorting, polynomials, padding, choices, diagonals."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.rules import calculus, indexing, padding, polynomials, scans, sorting, windows
from ..engine.rules.registry import Function, name
from .batch_arguments import moved, named
from .batching import Batch, Rule, batches, full, is_member, looped
from .levels import LOOP, Level, NoBatching

LARGEST = 1_000  # products of a correlation above which a loop of np.correlate over the members is faster


def along_axis(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move the axis, which is the last argument."""
    *arrays, axis = named(fun, args, kwargs).values()
    ndim = arrays[0].ndim
    operands = [full(a, level) if hasattr(a, "shape") else a for a in arrays]
    return Batch(fun(*operands, moved(axis, ndim)), level)


def order_statistic(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move the axes; several quantiles stand on axes before all others."""
    x, statistic, options, axis, keepdims = named(fun, args, kwargs).values()
    if batches(options):
        raise NoBatching(f"{level.title}: q of np.{statistic} differs from member to member; {LOOP}")
    axis = tuple(range(x.ndim)) if axis is None else axis
    y = fun(x.stacked, statistic, options, moved(axis, x.ndim), keepdims)
    return Batch(np.moveaxis(y, np.ndim(options.get("q", 0.5)), 0), level)


def searchsorted(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Find the places of the numbers of all members in one sorted array."""
    given = named(fun, args, kwargs)
    v = given.pop("v")
    if batches(given):
        raise NoBatching(f"{level.title}: the sorted array of np.searchsorted differs from member to member; {LOOP}")
    return Batch(fun(v=v.stacked, **given), level)


def only_looped(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Refuse a function whose composition is for Tensors alone."""
    raise NoBatching(f"{level.title}: {name(fun)} computes no batch at once; {LOOP}")


def horner(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Multiply by x and add a coefficient, from the highest power on."""
    p, x = args
    y = np.zeros_like(x * p[:1].sum())
    for i in range(p.size):
        y = y * x + p[i]
    return y


def powers(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Take the powers of all elements in one array."""
    given = named(fun, args, kwargs)
    x, n = given["x"], given.get("N")
    n = x.size if n is None else n
    of_all = fun(np.reshape(x.stacked, -1), n, given.get("increasing", False))
    return Batch(np.reshape(of_all, (level.size, x.size, n)), level)


def pad(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Pad the members' axes, and the first by nothing."""
    x, widths, mode, options = named(fun, args, kwargs).values()
    if isinstance(widths, dict) or batches(options):
        raise NoBatching(f"{level.title}: np.pad by a dict, or by numbers that differ from member to member; {LOOP}")

    def with_first(pairs: Any) -> Any:
        return [(0, 0), *np.broadcast_to(pairs, (x.ndim, 2)).tolist()]

    options = {k: with_first(v) if k == "constant_values" else v for k, v in options.items()}
    return Batch(fun(x.stacked, with_first(widths), mode, options), level)


def select(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Choose with np.where, from the last condition to the first."""
    conditions, *choices = args
    y = choices[-1]
    for condition, choice in zip(reversed(conditions), reversed(choices[:-1]), strict=True):
        y = np.where(condition, choice, y)
    return y


def choose(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Choose with np.where, one choice after the other."""
    a, *choices = args
    mode = kwargs.get("mode", "raise")
    stacked = a.stacked if is_member(a, level) else np.asarray(a)
    if mode == "raise" and np.any((stacked < 0) | (stacked >= len(choices))):
        remedy = f"numbers from 0 to {len(choices) - 1}; others with mode='wrap' or mode='clip'"
        raise ValueError(f"{level.title}: np.choose takes {remedy}")
    at = indexing.within_bounds(a, len(choices), mode)
    y = choices[0]
    for i, choice in enumerate(choices[1:], 1):
        y = np.where(at == i, choice, y)
    return np.where(at == 0, choices[0], y)


# Diagonals, reversals and sliding products of single vectors and matrices
def diag(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Take the diagonal of a matrix; of a vector make a matrix, whose elements are chosen by their row."""
    given = {"k": 0, **named(fun, args, kwargs)}
    v, k = given["v"], operator.index(given["k"])
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError(f"{level.title}: np.diag takes vectors and matrices, and a member has shape {v.shape}")
    by_row = np.pad(v, (max(-k, 0), max(k, 0)))
    return np.where(np.eye(v.size + abs(k), k=k, dtype=bool), by_row[:, None], np.zeros((), v.dtype))


def reversed_axis(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Flip the rows or the columns."""
    (m,) = named(fun, args, kwargs).values()
    return np.flip(m, 0 if fun is np.flipud else 1)


def correlation(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Multiply the shorter with each window of the longer; zeros stand for both where the window ends."""
    a, v, low, high = args
    if len(v) > len(a):
        return fun(v, a, 1 - high, 1 - low)[::-1]
    if level.size and (high - low) * len(v) > LARGEST:
        return looped(fun, level, args, kwargs)
    place = np.arange(low, high)[:, None] + np.arange(len(v))
    inside = (place >= 0) & (place < len(a))
    products = np.where(inside, a[np.where(inside, place, 0)], a.dtype.type()) * np.where(inside, v, v.dtype.type())
    return np.sum(products, -1, products.dtype)  # np.correlate keeps small integers and booleans


# Windows of images
def unfold(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Take the images of all members for channels of one: their columns are rows below each other."""
    x, at = args
    n, channels = x.shape[:2]
    merged = np.swapaxes(x.stacked, 0, 1).reshape((n, level.size * channels, *x.shape[2:]))
    y = fun(merged, at)
    return Batch(y.reshape((level.size, len(y) // max(level.size, 1), y.shape[1])), level)


def fold(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Undo the same."""
    columns, at = args
    rows, length = columns.shape
    y = fun(columns.stacked.reshape((level.size * rows, length)), at)
    y = y.reshape((y.shape[0], level.size, y.shape[1] // level.size, *y.shape[2:]))
    return Batch(np.swapaxes(y, 0, 1), level)


def over_last_axes(fun: Function, level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that takes any number of axes before those it works on."""
    *arrays, at = args
    return Batch(fun(*[full(a, level) for a in arrays], at), level)


RULES: dict[Function, Rule] = {
    **dict.fromkeys((
        sorting.permute, sorting.inverse_permutation, scans.running_logaddexp, scans.running_extremum,
    ), along_axis),
    sorting.order_statistic: order_statistic, np.searchsorted: searchsorted, np.histogram: only_looped,
    np.bincount: looped,
    polynomials.horner: horner, polynomials.powers: powers,
    padding.pad: pad, windows.unfold: unfold, windows.fold: fold,
    **dict.fromkeys((windows.max_pool, windows.to_first, windows.from_first), over_last_axes),
    indexing.select: select, indexing.choose: choose,
    np.diag: diag, np.flipud: reversed_axis, np.fliplr: reversed_axis, calculus.correlation: correlation,
}  # fmt: skip
