"""Differences, integrals, convolutions and interpolation: sampled functions, linear in their samples."""

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .joining import concatenate
from .reductions import any_zero
from .registry import arrays_of, composition, defvjp, primitive
from .shaping import one_or_all


def part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """The elements start:stop along an axis."""
    return x[(slice(None),) * normalize_axis_index(axis, x.ndim) + (slice(start, stop),)]


# Differences and slopes
@primitive
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """`np.diff` of what is there, nothing put before it or after."""
    return np.diff(a, n, axis)


def diff_rule(g: Any, y: Any, a: Any, n: int = 1, axis: int = -1) -> Any:
    """The n-th differences of g between zeros, with the sign (-1)**n: summation by parts."""
    shape = list(a.shape)
    shape[axis] = n
    before = np.zeros_like(g, shape=shape)
    shape[axis] = a.shape[axis] - g.shape[axis]  # n, unless all of a was used up
    return (-1) ** n * diff(concatenate(before, g, np.zeros_like(g, shape=shape), axis=axis), n, axis)


defvjp(diff, diff_rule)


@composition(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """A number put before or after is repeated along the other axes; nothing is where there are no differences."""
    (a,) = arrays_of([a])
    if n == 0 or (prepend is None and append is None):
        return diff(a, n, axis)
    axis = normalize_axis_index(axis, a.ndim, "np.diff")
    one = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    before, after = (arrays_of([] if v is None else [v]) for v in (prepend, append))
    parts = [v if v.ndim else np.broadcast_to(v, one) for v in (*before, a, *after)]
    return diff(concatenate(*parts, axis=axis), n, axis)


@composition(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours between what is put before and after; floats keep their dtype, as with NumPy."""
    (ary,) = arrays_of([ary])
    before, after = (arrays_of([] if v is None else [v]) for v in (to_begin, to_end))
    y = concatenate(*map(np.ravel, (*before, np.diff(np.ravel(ary)), *after)))
    return y.astype(ary.dtype) if ary.dtype.kind == "f" and y.dtype != ary.dtype else y


def steps(spacing: Any, f: Any, axis: int) -> Any:
    """The distances between neighbours along an axis of f, from one number or from coordinates."""
    (h,) = arrays_of([spacing])
    if h.ndim:
        if h.shape != (f.shape[axis],):
            raise ValueError(
                f"np.gradient: along axis {axis} there are {f.shape[axis]} elements, but coordinates of shape "
                f"{h.shape}; give one number, or as many coordinates as elements"
            )
        h = np.diff(h if h.dtype.kind == "f" else h.astype(np.float64))
        h = h.reshape((1,) * axis + h.shape + (1,) * (f.ndim - 1 - axis))
    return h.astype(f.dtype)


def slopes(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """The slope at each element of the parabola through it and its two neighbours.

    It lies between the slopes of the chords on both sides, nearer to the shorter chord's. At an edge it is the chord's
    own (`edge_order=1`), or the same parabola's as the neighbour's: on a chord its slopes at both ends average to
    the chord's.
    """
    chord = np.diff(f, axis=axis) / h
    before, after = part(chord, axis, None, -1), part(chord, axis, 1, None)
    if h.ndim:
        h1, h2 = part(h, axis, None, -1), part(h, axis, 1, None)
        inner = (h2 * before + h1 * after) / (h1 + h2)
    else:
        inner = (before + after) / 2
    first, last = part(chord, axis, None, 1), part(chord, axis, -1, None)
    if edge_order == 2:
        first, last = 2 * first - part(inner, axis, None, 1), 2 * last - part(inner, axis, -1, None)
    return concatenate(first, inner, last, axis=axis)


@composition(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes along each axis: one array for a single axis, a tuple for any other number."""
    (f,) = arrays_of([f])
    if f.dtype.kind != "f":
        f = f.astype(np.float64)
    axes = normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and np.ndim(*spacings) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: {len(spacings)} spacings for {len(axes)} axes; give one for all, or one each")
    if edge_order not in (1, 2) or any(f.shape[i] <= edge_order for i in axes):
        raise ValueError(
            f"np.gradient(..., edge_order={edge_order}) of shape {f.shape}: edge_order is 1 or 2, and each axis needs "
            "more elements than that"
        )
    return one_or_all([slopes(f, steps(spacings[k], f, i), i, edge_order) for k, i in enumerate(axes)])


# Integrals
def shares(x: Any, axis: int) -> Any:
    """Half the distance between each one's neighbours; the first and the last are neighbours to themselves."""
    ends = concatenate(part(x, axis, None, 1), x, part(x, axis, -1, None), axis=axis)
    return (part(ends, axis, 2, None) - part(ends, axis, None, -2)) / 2


@composition(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The sum of the samples, each times its share of the way; gradients of y and x are O(n) like the sum."""
    (y,) = arrays_of([y])
    n = y.shape[normalize_axis_index(axis, y.ndim, "np.trapezoid")]
    if x is None:
        weights = dx * shares(np.arange(n), 0).astype(y.dtype)
    else:
        (x,) = arrays_of([x])
        if x.ndim == 1 and x.shape != (n,):
            raise ValueError(f"np.trapezoid: x holds {x.size} points for {n} samples along axis {axis} of y")
        weights = shares(x, axis if x.ndim > 1 else 0)
    if n < 2:  # no way at all, and 0 even where y is infinite
        y, weights = part(y, axis, 0, 0), part(weights, axis if weights.ndim > 1 else 0, 0, 0)
    if weights.ndim == 1:
        return np.matmul(np.moveaxis(y, axis, -1), weights)
    return np.sum(weights * y, axis=axis)


# Convolutions
@primitive
def correlation(a: Any, v: Any, low: int, high: int) -> Any:
    """The sums of a[n + k] v[n] over n, for k = low, ..., high - 1; beyond its ends a is 0.

    Convolution, every mode of it and of correlation, and the gradients of all of these are this sum for other k.
    """
    if len(v) > len(a):  # the shorter is moved along the longer
        return correlation(v, a, 1 - high, 1 - low)[::-1]
    stop = high - 1 + len(v)
    first = max(low, 0)
    last = max(min(stop, len(a)), first)
    wide = np.zeros_like(a, shape=stop - low)
    wide[first - low : last - low] = a[first:last]
    return np.correlate(wide, v)


defvjp(correlation,
       lambda g, y, a, v, low, high: correlation(v[::-1], g, low + v.size - a.size, low + v.size)[::-1],
       lambda g, y, a, v, low, high: correlation(a, g, low, low + v.size))


@composition(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Of all shifts at which a and v overlap, those that the mode keeps."""
    a, v = arrays_of([a, v])
    m, n = a.size, v.size
    if a.ndim != 1 or v.ndim != 1 or not m or not n:
        raise ValueError(f"np.correlate, np.convolve: of shapes {a.shape}, {v.shape}; both have one axis, and not of 0")
    if mode == "full":
        return correlation(a, v, 1 - n, m)
    if mode == "valid":
        return correlation(a, v, min(m - n, 0), max(m - n, 0) + 1)
    if mode == "same":  # as many as the longer has, from the middle
        low = -(n // 2) if n <= m else m // 2 + 1 - n
        return correlation(a, v, low, low + max(m, n))
    raise ValueError(f"np.correlate, np.convolve: mode={mode!r} is none of 'full', 'same', 'valid'")


@composition(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The correlation of the longer with the shorter turned round."""
    a, v = (x if x.ndim else x.reshape(1) for x in arrays_of([a, v]))
    return correlate(v, a[::-1], mode) if v.size > a.size else correlate(a, v[::-1], mode)


# Interpolation
@composition(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """The straight line (1 - t) fp[j] + t fp[j + 1] on the interval j that x is in, constant outside.

    A knot belongs to the interval on its right, as with NumPy; the last one, with nothing there, to that on its left.
    """
    x, xp, fp = arrays_of([x, xp, fp])
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(f"np.interp: of shapes {xp.shape} and {fp.shape}, xp and fp are no points along one axis; "
                         "there must be as many of both, and at least one")
    if period is not None:
        if period == 0:
            raise ValueError("np.interp: period=0; leave it out where nothing repeats")
        left = right = None
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = concatenate(xp[-1:] - period, xp, xp[:1] + period)
        fp = concatenate(fp[-1:], fp, fp[:1])
    last = xp.size - 1
    j = (np.searchsorted(xp, x, side="right") - 1).clip(0, last - 1)  # of a single point the last, for want of others
    k = np.minimum(j + 1, last)
    below, above = x < xp[0], x > xp[-1]
    start, step = xp[j], xp[k] - xp[j]
    t = np.where(below | above, above, (x - start) / np.where(step == 0, 1, step))
    y = (1 - t) * fp[j] + t * fp[k]
    y = y if left is None else np.where(below, left, y)
    return y if right is None else np.where(above, right, y)


# Samples between two numbers
def ramp(start: Any, stop: Any, num: int, endpoint: bool) -> tuple[Any, Any, Any]:
    """Both as numbers or arrays, and the part t of the way between them at each sample, on a new first axis."""
    start, stop = (np.asarray(v) if isinstance(v, (list, tuple)) else v for v in (start, stop))
    if operator.index(num) < 0:
        raise ValueError(f"np.linspace, np.geomspace, np.logspace: num={num} samples; it cannot be negative")
    t = (np.arange(num) / max(num - bool(endpoint), 1)).astype(np.result_type(start, stop))
    return start, stop, t.reshape((num,) + (1,) * max(np.ndim(start), np.ndim(stop)))


@composition(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, *,
             axis: int = 0) -> Any:
    """(1 - t) start + t stop, which at t = 1 is stop exactly."""
    start, stop, t = ramp(start, stop, num, endpoint)
    y = np.moveaxis((1 - t) * start + t * stop, 0, axis)
    n = num - bool(endpoint)
    return (y, (stop - start) / n if n > 0 else np.nan) if retstep else y


@composition(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, axis: int = 0) -> Any:
    """start**(1 - t) stop**t, both with their sign taken out."""
    start, stop, t = ramp(start, stop, num, endpoint)
    if any_zero(start) or any_zero(stop):
        raise ValueError("np.geomspace: from 0 or to 0 no constant factor leads; start beside it")
    sign = np.sign(start)
    return np.moveaxis(sign * np.power(sign * start, 1 - t) * np.power(sign * stop, t), 0, axis)


@composition(np.logspace)
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, *,
             axis: int = 0) -> Any:
    """Powers of the base with equally spaced exponents; an array of bases broadcasts against start and stop."""
    base = np.asarray(base) if isinstance(base, (list, tuple)) else base
    if np.ndim(base):
        start, stop, _ = ramp(start, stop, num, endpoint)
        n = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (np.reshape(v, (1,) * (n - np.ndim(v)) + np.shape(v)) for v in (start, stop, base))
        base = np.expand_dims(base, axis)
    return np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
