"""Statistics written in functions that have rules: ranges, averages, covariances and correlations."""

import numpy as np
from numpy.typing import ArrayLike

from .limits import any_true
from .reductions import axes_of, count, deviation
from .registry import (
    Array,
    Axis,
    arrays_of,
    composition,
    conj,
    defvjp,
    is_complex,
    predicate,
    primitive,
    real_part,
)  # fmt: skip


@composition(np.ptp)
def ptp(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """The largest minus the smallest element."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# Averages
@composition(np.average)
def average(a: Array, axis: Axis = None, weights: ArrayLike | None = None, returned: bool = False, *,
            keepdims: bool = False) -> Array | tuple[Array, Array]:
    """sum(w a) / sum(w), and with `returned` also sum(w)."""
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        total = np.full_like(mean, count(a, mean, 0, axis, keepdims, None))
    else:
        a, w = arrays_of([a, weights])
        w = weights_along(w, a, axis)
        total = np.sum(w, axis=axis, keepdims=keepdims, dtype=np.result_type(w.dtype, a.dtype))
        if any_true(np.equal(total, 0)):
            raise ZeroDivisionError("np.average: the weights add up to 0; change them or choose other axes")
        mean = np.sum(w * a, axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


def weights_along(w: Array, a: Array, axis: Axis) -> Array:
    """Return the weights in a shape that broadcasts against a."""
    if w.shape == a.shape:
        return w
    axes = () if axis is None else axes_of(a, axis)
    if not axes or w.shape != tuple([a.shape[i] for i in axes]):
        kind = TypeError if axis is None else ValueError
        raise kind(
            f"np.average: weights of shape {w.shape} do not fit an array of shape {a.shape} with axis={axis}; give one "
            "weight per element, or one per index along an axis and name that axis"
        )
    return w.transpose(np.argsort(axes)).reshape([n if i in axes else 1 for i, n in enumerate(a.shape)])


# Covariances and correlations
def variables_of(m: ArrayLike, y: ArrayLike | None, rowvar: bool) -> Array:
    """Return the variables of np.cov and np.corrcoef as the rows of a matrix: those of m, then those of y."""
    variables: list[Array] = []
    for a in arrays_of([m] if y is None else [m, y]):
        if a.ndim > 2:
            raise ValueError(f"np.cov: shape {a.shape} has more axes than one of variables and one of observations")
        transposed = not rowvar and a.ndim == 2 and (a.shape[0] != 1 or not variables)  # NumPy keeps y of one row
        variables.append(a.T if transposed else a if a.ndim == 2 else a.reshape(1, -1))
    return variables.pop() if y is None else np.concatenate(variables)


@composition(np.cov)
def cov(m: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None,
        fweights: ArrayLike | None = None, aweights: ArrayLike | None = None) -> Array:
    """sum(w dx dy) / n for the deviations dx and dy from the weighted means, with ddof subtracted from n.

    Of complex variables, dy is conjugated.

    float32 stays float32.
    """
    x, dtype = in_float64(variables_of(m, y, rowvar))
    f, a = [np.ones(x.shape[1]) if w is None else arrays_of([w])[0].astype(float) for w in (fweights, aweights)]
    if f.shape != x.shape[1:] or a.shape != x.shape[1:] or invalid_weights(f, a):
        raise ValueError(
            f"np.cov: fweights of shape {f.shape}, aweights of shape {a.shape} for {x.shape[1]} observations; each "
            "takes one number that is not negative, in fweights an integer"
        )
    w = f * a
    n = np.sum(w)
    free = np.maximum(n - (not bias if ddof is None else ddof) * (np.dot(w, a) / n), 0)
    d = x - x @ w[:, None] / n
    return in_dtype(np.squeeze((d * w) @ conj(d.T) / free), dtype)


def in_float64(x: Array) -> tuple[Array, np.dtype]:
    """Return x in float64 or complex128, as squares of smaller floats overflow, and the dtype of the result."""
    wide = np.result_type(x.dtype, np.float64)
    return in_dtype(x, wide), x.dtype if x.dtype.kind in "fc" else wide


def in_dtype(x: Array, dtype: np.dtype) -> Array:
    """Convert x where it has another dtype."""
    return x if x.dtype == dtype else x.astype(dtype)


@predicate
def invalid_weights(f: Array, a: Array) -> bool:
    """Return whether any frequency in f or weight in a is negative, or any frequency is not an integer."""
    return bool((f < 0).any() or (a < 0).any() or (f % 1).any())


@primitive
def clip_cosine(c: Array) -> Array:
    """Clip cosines that rounding took out of [-1, 1]; of complex ones both parts."""
    return np.clip(c.real, -1, 1) + 1j * np.clip(c.imag, -1, 1) if is_complex(c) else np.clip(c, -1, 1)


defvjp(clip_cosine, lambda g, y, c: g)


@composition(np.corrcoef)
def corrcoef(x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True) -> Array:
    """The cosines of the angles between the variables' deviations from their means."""
    x, dtype = in_float64(variables_of(x, y, rowvar))
    d = deviation(x, 1)
    d = d / np.sqrt(np.sum(real_part(d * conj(d)), axis=1, keepdims=True))
    return in_dtype(np.squeeze(clip_cosine(d @ conj(d.T))), dtype)
