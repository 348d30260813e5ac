"""Convolution by the names and arguments of `scipy.signal`, whose own functions take no Tensors."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine.rules.convolution import fft_convolve
from .engine.rules.registry import arrays_of, conj, predicate_of_all

__all__ = ["convolve", "correlate", "fftconvolve"]

Array = NDArray[Any]
Axes = tuple[Sequence[int], Sequence[int]]


def convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", *, axes: Axes | None = None,
    dot_axes: Axes = ((), ()),
) -> Any:  # fmt: skip
    """Return the convolution of two arrays with the same number of axes.

    `mode` is "full", "same" (the shape of in1) or "valid" (no padding; one array must not be shorter along any axis).
    `method` is "direct", "fft", or "auto", which chooses by the sizes. As in HIPS autograd, `axes`, a pair of lists,
    names the axes to convolve, and `dot_axes` those to sum over; the result then has the other axes of in1, those of
    in2, and the convolved ones. Raises ValueError for another mode or method, and for shapes that do not fit.

    >>> tg.signal.convolve([1.0, 2.0], [1.0, 10.0])
    array([ 1., 12., 20.])
    """
    a, b = arrays_of([in1, in2])
    check("convolve", mode, a, b, axes)
    if axes is not None or any(dot_axes):
        return convolve_axes(a, b, axes or (range(a.ndim), range(b.ndim)), dot_axes, mode)
    if method not in ("auto", "direct", "fft"):
        raise ValueError(f'signal.convolve: method is "auto", "direct" or "fft", not {method!r}')
    dtype = np.result_type(a, b)
    if method == "auto" and min(a.size, b.size) > 500 and (dtype.kind not in "iub" or rounds_to_sums(a, b)):
        y = fftconvolve(a, b, mode)
        return np.round(y).astype(np.int64).astype(dtype) if dtype.kind in "iub" else y
    if method == "fft":
        return fftconvolve(a, b, mode)
    if a.ndim == 1:
        return cropped(np.convolve(a, b), a, b, mode)
    return convolve_axes(a, b, (range(a.ndim), range(b.ndim)), ((), ()), mode)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Return the cross-correlation: the convolution of in1 with in2 reversed along all axes; see `convolve`.

    in2 is conjugated if it is complex. In mode "valid" in1 must not be shorter than in2 along any axis. Raises
    ValueError if it is shorter.

    >>> tg.signal.correlate([1.0, 2.0], [1.0, 10.0])
    array([10., 21.,  2.])
    """
    a, b = arrays_of([in1, in2])
    check("correlate", mode, a, b)
    if mode == "valid" and any(map(operator.lt, a.shape, b.shape)):
        raise ValueError(f"signal.correlate: mode='valid' slides in2, of shape {b.shape}, over in1, of shape {a.shape}")
    return convolve(a, conj(b[(slice(None, None, -1),) * b.ndim]), mode, method)


def fftconvolve(in1: Any, in2: Any, mode: str = "full") -> Any:
    """Return the same as `convolve`, up to rounding, by fast Fourier transforms: for two large arrays.

    >>> tg.signal.fftconvolve([1.0, 2.0], [1.0, 10.0]).round(4)
    array([ 1., 12., 20.])
    """
    a, b = arrays_of([in1, in2])
    check("fftconvolve", mode, a, b)
    return cropped(fft_convolve(a, b), a, b, mode)


@predicate_of_all(general=False)
def rounds_to_sums(a: Array, b: Array) -> bool:
    """Return whether the convolution of integers by FFT has an error below 1/2, so that it rounds to the exact sums."""
    return bool(np.linalg.norm(a.astype(float)) * np.linalg.norm(b.astype(float)) < 2**46)


def check(fun: str, mode: str, a: Array, b: Array, axes: Axes | None = None) -> None:
    """Raise ValueError for an unknown mode, empty arrays, or different numbers of axes."""
    if mode not in ("full", "same", "valid"):
        raise ValueError(f'signal.{fun}: mode is "full", "same" or "valid", not {mode!r}')
    if (axes is None and a.ndim != b.ndim) or a.ndim == 0 or 0 in (a.size, b.size):
        remedy = "they need the same number of axes, and elements (x[None] adds an axis)"
        raise ValueError(f"signal.{fun}: arrays of shapes {a.shape} and {b.shape}; {remedy}")


def cropped(full: Array, a: Array, b: Array, mode: str) -> Array:
    """Return the part of a full convolution that `mode` names."""
    if mode == "full":
        return full
    sides = [*zip(a.shape, b.shape, strict=True)]
    if mode == "same":
        return full[tuple([slice((k - 1) // 2, (k - 1) // 2 + n) for n, k in sides])]
    if not (all(n >= k for n, k in sides) or all(n <= k for n, k in sides)):
        raise ValueError(f"signal.convolve: mode='valid' needs an array that is not shorter along any axis; "
                         f"the shapes are {a.shape} and {b.shape}")  # fmt: skip
    return full[tuple([slice(min(n, k) - 1, max(n, k)) for n, k in sides])]


def convolve_axes(a: Array, b: Array, axes: Axes, dot_axes: Axes, mode: str) -> Array:
    """Return the convolution over pairs of axes, and the sum over others, by one tensor product of windows of a."""
    (over_a, over_b), (dot_a, dot_b) = ([[i % x.ndim for i in of_x] for x, of_x in zip((a, b), pair, strict=True)]
                                        for pair in (axes, dot_axes))  # fmt: skip
    lengths = [(a.shape[i], b.shape[j]) for i, j in zip(over_a, over_b, strict=True)]
    if mode == "valid" and any(n < k for n, k in lengths):
        if any(n > k for n, k in lengths):
            raise ValueError(f"signal.convolve: mode='valid' needs an array that is not shorter along any axis; "
                             f"the convolved lengths are {lengths}")  # fmt: skip
        y = convolve_axes(b, a, (over_b, over_a), (dot_b, dot_a), mode)
        of_b, of_a = b.ndim - len(over_b) - len(dot_b), a.ndim - len(over_a) - len(dot_a)
        return np.moveaxis(y, range(of_b), range(of_a, of_a + of_b))
    if mode != "valid":
        widths = [(0, 0)] * a.ndim
        for i, (_, k) in zip(over_a, lengths, strict=True):
            widths[i] = (k - 1, k - 1) if mode == "full" else (k - 1 - (k - 1) // 2, (k - 1) // 2)
        a = np.pad(a, widths)
    windows = np.lib.stride_tricks.sliding_window_view(a, [k for _, k in lengths], axis=tuple(over_a))
    flipped = b[tuple([slice(None, None, -1) if j in over_b else slice(None) for j in range(b.ndim)])]
    last = range(a.ndim, a.ndim + len(over_a))
    y = np.tensordot(windows, flipped, ([*last, *dot_a], [*over_b, *dot_b]))
    kept = [i for i in range(a.ndim) if i not in dot_a]  # the first axes of y; those that were convolved go to the end
    moved = [kept.index(i) for i in over_a]
    return np.moveaxis(y, moved, range(y.ndim - len(moved), y.ndim))
