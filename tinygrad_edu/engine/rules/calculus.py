"""Calculus on samples: differences, integrals, convolutions and interpolation, all linear in the samples."""

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.typing import ArrayLike

from .activations import numbers
from .indexing import along, read
from .joining import concatenate
from .limits import any_true
from .promotion import floats, same_precision
from .registry import Array, Axis, arrays_of, composition, conj, defvjp, is_complex, primitive
from .shaping import one_or_tuple


def part(x: Array, axis: int, start: int | None, stop: int | None) -> Array:
    """Return the slice start:stop along an axis."""
    return x[along(normalize_axis_index(axis, x.ndim), slice(start, stop))]


# Differences and gradients
@primitive
def diff(a: Array, n: int = 1, axis: int = -1) -> Array:
    """`np.diff` with nothing prepended or appended."""
    return np.diff(a, n, axis)


def diff_rule(g: Array, y: Array, a: Array, n: int = 1, axis: int = -1) -> Array:
    """(-1)**n times the n-th differences of g between zeros: summation by parts."""
    shape = list(a.shape)
    shape[axis] = n
    before = np.zeros_like(g, shape=shape)
    shape[axis] = a.shape[axis] - g.shape[axis]  # n, unless a has fewer elements
    return (-1) ** int(n) * diff(concatenate(before, g, np.zeros_like(g, shape=shape), axis=axis), n, axis)


defvjp(diff, diff_rule)


@composition(np.diff)
def _diff(a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike | None = None,
          append: ArrayLike | None = None) -> Array:
    """Prepended and appended numbers are repeated along the other axes; for n = 0 nothing is joined."""
    (a,) = arrays_of([a])
    if n == 0 or (prepend is None and append is None):
        return diff(a, n, axis)
    axis = normalize_axis_index(axis, a.ndim, "np.diff")
    one = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    before, after = (arrays_of([] if v is None else [v]) for v in (prepend, append))
    parts = [v if v.ndim else np.broadcast_to(v, one) for v in (*before, a, *after)]
    return diff(concatenate(*parts, axis=axis), n, axis)


@composition(np.ediff1d)
def ediff1d(ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Array:
    """The differences of neighbors between `to_begin` and `to_end`; floats keep their dtype, as in NumPy."""
    (ary,) = arrays_of([ary])
    before, after = (arrays_of([] if v is None else [v]) for v in (to_begin, to_end))
    y = concatenate(*map(np.ravel, (*before, np.diff(np.ravel(ary)), *after)))
    return y.astype(ary.dtype) if ary.dtype.kind in "fc" and y.dtype != ary.dtype else y


def spacings_along(spacing: ArrayLike, f: Array, axis: int) -> Array:
    """Return the distances between neighbors along an axis of f, given by one number or by coordinates."""
    (h,) = arrays_of([spacing])
    if h.ndim:
        if h.shape != (f.shape[axis],):
            raise ValueError(
                f"np.gradient: along axis {axis} there are {f.shape[axis]} elements, but coordinates of shape "
                f"{h.shape}; give one number, or one coordinate per element"
            )
        if (wide := np.result_type(h.dtype, np.finfo(f.dtype).dtype, np.float32)) != h.dtype:
            h = h.astype(wide)  # small integers would wrap around
        h = np.diff(h)
        if not getattr(h, "requires_grad", False) and not any_true(np.not_equal(h, h[:1])):
            return spacings_along(h[0], f, axis)
        h = h.reshape((1,) * axis + h.shape + (1,) * (f.ndim - 1 - axis))
    return h if is_complex(h) else h.astype(np.finfo(f.dtype).dtype)  # real, also for a complex f


def slopes(f: Array, h: Array, axis: int, edge_order: int) -> Array:
    """Return the slope at each element of the parabola through it and its two neighbors.

    It is a weighted mean of the slopes of the chords on both sides; the shorter chord has the larger weight. At an edge
    it is the slope of the chord (`edge_order=1`), or that of the neighbor's parabola, whose slopes at both ends of the
    chord have the slope of the chord as their mean.
    """
    if h.ndim:
        chord = np.diff(f, axis=axis) / h
        before, after = part(chord, axis, None, -1), part(chord, axis, 1, None)
        h1, h2 = part(h, axis, None, -1), part(h, axis, 1, None)
        inner = (h2 * before + h1 * after) / (h1 + h2)
        first, last = part(chord, axis, None, 1), part(chord, axis, -1, None)
    else:
        inner = (part(f, axis, 2, None) - part(f, axis, None, -2)) / (2 * h)  # as in NumPy, without the middle, a NaN
        first = (part(f, axis, 1, 2) - part(f, axis, None, 1)) / h
        last = (part(f, axis, -1, None) - part(f, axis, -2, -1)) / h
    if edge_order == 2:
        first, last = 2 * first - part(inner, axis, None, 1), 2 * last - part(inner, axis, -1, None)
    return concatenate(first, inner, last, axis=axis)


@composition(np.gradient)
def gradient(f: ArrayLike, *varargs: ArrayLike, axis: Axis = None, edge_order: int = 1) -> Array | tuple[Array, ...]:
    """The slopes along each axis: one array for a single axis, else a tuple."""
    (f,) = arrays_of([f])
    if f.dtype.kind not in "fc":
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
    return one_or_tuple([slopes(f, spacings_along(spacings[k], f, i), i, edge_order) for k, i in enumerate(axes)])


# Integrals
def trapezoid_weights(x: Array, axis: int) -> Array:
    """Return half the distance between each point's neighbors; the first and last point are their own neighbors."""
    extended = concatenate(part(x, axis, None, 1), x, part(x, axis, -1, None), axis=axis)
    return (part(extended, axis, 2, None) - part(extended, axis, None, -2)) / 2


@composition(np.trapezoid)
def trapezoid(y: Array, x: Array | None = None, dx: Array | float = 1.0, axis: int = -1) -> Array:
    """The sum of the samples times their weights; like the sum, the gradients take O(n) time."""
    (y,) = arrays_of([y])
    n = y.shape[normalize_axis_index(axis, y.ndim, "np.trapezoid")]
    if x is None:
        y, dx = floats(y, dx)
        if np.ndim(dx):  # lengths that broadcast with the intervals, not with the samples
            return np.sum(dx * (part(y, axis, 1, None) + part(y, axis, None, -1)) / 2, axis=axis)
        weights = dx * trapezoid_weights(np.arange(n), 0).astype(y.dtype)
    else:
        y, x = same_precision(y, numbers(arrays_of([x])[0]))  # small integers would wrap around
        if x.ndim == 1 and x.shape != (n,):
            raise ValueError(f"np.trapezoid: x holds {x.size} points for {n} samples along axis {axis} of y")
        weights = trapezoid_weights(x, axis if x.ndim > 1 else 0)
    if n < 2:  # the interval has length 0, and so has the integral of an infinite sample
        y, weights = part(y, axis, 0, 0), part(weights, axis if weights.ndim > 1 else 0, 0, 0)
    if weights.ndim == 1:
        return np.matmul(np.moveaxis(y, axis, -1), weights)
    return np.sum(weights * y, axis=axis)


# Convolutions
@primitive
def correlation(a: Array, v: Array, low: int, high: int) -> Array:
    """The sums of a[n + k] v[n] over n, for k = low, ..., high - 1, with zeros on both sides of a.

    Convolution, all modes of it and of correlation, and the gradients of all of these are this sum for other k.
    """
    if len(v) > len(a):  # the shorter slides along the longer
        return correlation(v, a, 1 - high, 1 - low)[::-1]
    stop = high - 1 + len(v)
    first = max(low, 0)
    last = max(min(stop, len(a)), first)
    padded = np.zeros_like(a, shape=stop - low)
    padded[first - low : last - low] = a[first:last]
    return np.correlate(padded, conj(v))  # np.correlate conjugates its second argument, and this is a linear function


defvjp(correlation,
       lambda g, y, a, v, low, high: correlation(v[::-1], g, low + v.size - a.size, low + v.size)[::-1],
       lambda g, y, a, v, low, high: correlation(a, g, low, low + v.size))


@composition(np.correlate)
def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> Array:
    """The sums of a and the conjugate of v for those shifts at which they overlap that the mode keeps."""
    a, v = arrays_of([a, v])
    return sums_of_products(a, conj(v), mode)


def sums_of_products(a: Array, v: Array, mode: str) -> Array:
    """Return the correlation of a and v without the conjugate."""
    m, n = a.size, v.size
    if a.ndim != 1 or v.ndim != 1 or not m or not n:
        raise ValueError(f"np.correlate, np.convolve: of shapes {a.shape}, {v.shape}; both need one axis, not empty")
    if mode == "full":
        return correlation(a, v, 1 - n, m)
    if mode == "valid":
        return correlation(a, v, min(m - n, 0), max(m - n, 0) + 1)
    if mode == "same":  # as many as the longer has elements, from the middle
        low = -(n // 2) if n <= m else m // 2 + 1 - n
        return correlation(a, v, low, low + max(m, n))
    raise ValueError(f"np.correlate, np.convolve: mode={mode!r} is none of 'full', 'same', 'valid'")


@composition(np.convolve)
def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> Array:
    """The correlation of the longer with the reversed shorter."""
    a, v = (x if x.ndim else x.reshape(1) for x in arrays_of([a, v]))
    return sums_of_products(v, a[::-1], mode) if v.size > a.size else sums_of_products(a, v[::-1], mode)


# Interpolation
@composition(np.interp)
def interp(x: Array, xp: Array, fp: Array, left: Array | float | None = None, right: Array | float | None = None,
           period: float | None = None) -> Array:
    """The straight line (1 - t) fp[j] + t fp[j + 1] on the interval j that holds x, and constant on both sides.

    A knot belongs to the interval on its right, as in NumPy; the last knot to the interval on its left.
    """
    x, xp, fp = same_precision(*map(numbers, arrays_of([x, xp, fp])))  # small integers would wrap around
    if is_complex(x) or is_complex(xp):
        raise TypeError("np.interp: x and xp are complex, and have no order; only fp may be complex")
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(f"np.interp: xp and fp of shapes {xp.shape} and {fp.shape}; both need one axis, the same "
                         "length, and at least one point")
    if period is not None:
        if period == 0:
            raise ValueError("np.interp: period=0; leave period out if nothing repeats")
        left = right = None
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = concatenate(xp[-1:] - period, xp, xp[:1] + period)
        fp = concatenate(fp[-1:], fp, fp[:1])
    last = xp.size - 1
    j = (np.searchsorted(xp, x, side="right") - 1).clip(0, last - 1)  # with a single point, -1: that point
    k = np.minimum(j + 1, last)
    below, above = x < xp[0], x > xp[-1]
    start, step = read(xp, j), read(xp, k) - read(xp, j)
    t = np.where(below | above, above, (x - start) / np.where(step == 0, 1, step))
    low, high = read(fp, j), read(fp, k)
    y = (1 - t) * np.where((t == 1) & ~np.isfinite(low), 0, low)  # 0 times NaN or an infinity would be NaN
    y = y + t * np.where((t == 0) & ~np.isfinite(high), 0, high)
    y = y if left is None else np.where(below, left, y)
    return y if right is None else np.where(above, right, y)


# Samples between two numbers
def fractions(start: Any, stop: Any, num: int, endpoint: bool) -> tuple[Array, Array, Array]:
    """Return start and stop as floats, and the fractions t from 0 to 1 of all samples along a new first axis."""
    start, stop = floats(*[np.asarray(v) if isinstance(v, (list, tuple)) else v for v in (start, stop)])
    if operator.index(num) < 0:
        raise ValueError(f"np.linspace, np.geomspace, np.logspace: num={num} samples; it cannot be negative")
    t = (np.arange(num) / max(num - bool(endpoint), 1)).astype(np.result_type(start, stop))
    return start, stop, t.reshape((num,) + (1,) * max(np.ndim(start), np.ndim(stop)))


@composition(np.linspace)
def linspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, retstep: bool = False, *,
             axis: int = 0) -> Array | tuple[Array, Array | float]:
    """(1 - t) start + t stop, which at t = 1 is stop exactly."""
    start, stop, t = fractions(start, stop, num, endpoint)
    y = np.moveaxis((1 - t) * start + t * stop, 0, axis)
    n = num - bool(endpoint)
    return (y, (stop - start) / n if n > 0 else np.nan) if retstep else y


@composition(np.geomspace)
def geomspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, *, axis: int = 0) -> Array:
    """start**(1 - t) stop**t, with the sign of start."""
    start, stop, t = fractions(start, stop, num, endpoint)
    if any_true(np.equal(start, 0)) or any_true(np.equal(stop, 0)):
        raise ValueError("np.geomspace: start and stop cannot be 0, as no constant factor leads there; start beside it")
    sign = np.sign(start)
    return np.moveaxis(sign * np.power(sign * start, 1 - t) * np.power(sign * stop, t), 0, axis)


@composition(np.logspace)
def logspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, base: Any = 10.0, *,
             axis: int = 0) -> Array:
    """Powers of the base with equally spaced exponents; an array of bases broadcasts against start and stop."""
    base = np.asarray(base) if isinstance(base, (list, tuple)) else base
    if np.ndim(base):
        start, stop, _ = fractions(start, stop, num, endpoint)
        n = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (np.reshape(v, (1,) * (n - np.ndim(v)) + np.shape(v)) for v in (start, stop, base))
        base = np.expand_dims(base, axis)
    return np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
