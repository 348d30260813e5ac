"""Discrete Fourier transforms: linear functions with symmetric matrices, so the rule of `fft` is `fft` itself."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike

from .indexing import scatter
from .registry import Array, Function, arrays_of, composition, conj, defvjp, takes_complex

Norm = str | None
SWAPPED: dict[Norm, str] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def fitted(g: Array, x: Array, axis: int) -> Array:
    """Return g with the length of x along an axis: cut off, or followed by zeros, as `n` did with x."""
    axis, n = axis % x.ndim, x.shape[axis]
    kept = (*[slice(None)] * axis, slice(0, min(n, g.shape[axis])))
    return g if g.shape == x.shape else g[kept] if g.shape[axis] > n else scatter(g, kept, x.shape)


# One axis
def fft_rule(g: Array, y: Array, a: Array, n: int | None = None, axis: int = -1, norm: Norm = None,
             out: None = None) -> Array:
    """The transform of g, with zeros for the frequencies that rfft leaves out; a real a gets the real part."""
    return fitted(np.fft.fft(g, a.shape[axis] if n is None else n, axis, norm), a, axis)  # type: ignore[arg-type]


def ifft_rule(g: Array, y: Array, a: Array, n: int | None = None, axis: int = -1, norm: Norm = None,
              out: None = None) -> Array:
    """The inverse transform of g."""
    return fitted(np.fft.ifft(g, n, axis, norm), a, axis)  # type: ignore[arg-type]


def irfft_rule(g: Array, y: Array, a: Array, n: int | None = None, axis: int = -1, norm: Norm = None,
               out: None = None) -> Array:
    """The inverse transform of g, twice where a frequency stands for its negative too: not of 0, and not of n / 2."""
    n = y.shape[axis]
    r = conj(np.fft.rfft(g, n, axis, SWAPPED[norm]))  # type: ignore[arg-type]
    twice = np.where(np.arange(n // 2 + 1) % (n / 2) == 0, 1, 2).astype(y.dtype)
    return fitted(r * twice.reshape((-1,) + (1,) * (y.ndim - 1 - axis % y.ndim)), a, axis)


defvjp(np.fft.fft,   fft_rule)
defvjp(np.fft.ifft,  ifft_rule)
defvjp(np.fft.rfft,  fft_rule)
defvjp(np.fft.irfft, irfft_rule)


@composition(np.fft.hfft)
def hfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    """The real transform of numbers that are conjugates of those on the other side of 0."""
    return np.fft.irfft(conj(a), n, axis, SWAPPED[norm])  # type: ignore[arg-type]


@composition(np.fft.ihfft)
def ihfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    """The inverse of `hfft`."""
    return conj(np.fft.rfft(a, n, axis, SWAPPED[norm]))  # type: ignore[arg-type]


# Several axes, one after another
def over_axes(name: str, fun: Function, a: ArrayLike, s: Sequence[int] | None, axes: Sequence[int] | None, norm: Norm,
              first: Function | None = None, last: Function | None = None) -> Array:
    """Transform the axes from the last to the first with `first` for the last, or the other way round with `last`."""
    (x,) = arrays_of([a])
    if axes is None:
        axes = range(-(x.ndim if s is None else len(s)), 0)
    axes = normalize_axis_tuple(axes, x.ndim, f"np.fft.{name}", allow_duplicate=True)
    if s is not None and len(s) != len(axes):
        raise ValueError(f"np.fft.{name}: s has {len(s)} lengths, and there are {len(axes)} axes: {list(axes)}")
    sizes: list[int | None] = [x.shape[k] if n == -1 else n for n, k in zip(s or [-1] * len(axes), axes, strict=True)]
    if last is not None and s is None:
        sizes[-1] = None
    pairs = list(zip(sizes, axes, strict=True))
    if last is None:
        pairs.reverse()
    for i, (n, axis) in enumerate(pairs):
        of_axis = first if first and not i else last if last and i == len(pairs) - 1 else fun
        x = of_axis(x, n, axis, norm)
    return x


def register(name: str, fun: Function, **real: Function) -> None:
    """Register the transforms of several axes: all of them, or the last two."""
    composition(getattr(np.fft, f"{name}n"))(
        lambda a, s=None, axes=None, norm=None: over_axes(f"{name}n", fun, a, s, axes, norm, **real))
    composition(getattr(np.fft, f"{name}2"))(
        lambda a, s=None, axes=(-2, -1), norm=None: over_axes(f"{name}2", fun, a, s, axes, norm, **real))


register("fft",   np.fft.fft)
register("ifft",  np.fft.ifft)
register("rfft",  np.fft.fft, first=np.fft.rfft)
register("irfft", np.fft.ifft, last=np.fft.irfft)


# The zero frequency in the middle, or in front
def shifted(x: Array, axes: int | Sequence[int] | None, sign: int) -> Array:
    """Roll each axis by half of its length, rounded down."""
    name = f"np.fft.{'' if sign == 1 else 'i'}fftshift"
    chosen = normalize_axis_tuple(range(x.ndim) if axes is None else axes, x.ndim, name, allow_duplicate=True)
    return np.roll(x, [sign * (x.shape[k] // 2) for k in chosen], chosen)


composition(np.fft.fftshift)(lambda x, axes=None: shifted(x, axes, 1))
composition(np.fft.ifftshift)(lambda x, axes=None: shifted(x, axes, -1))
takes_complex.update([np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft, np.fft.fftn,
                      np.fft.ifftn, np.fft.rfftn, np.fft.irfftn, np.fft.fft2, np.fft.ifft2, np.fft.rfft2,
                      np.fft.irfft2, np.fft.fftshift, np.fft.ifftshift])
