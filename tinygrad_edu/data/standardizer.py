"""Standardization: columns scaled to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rules.registry import Array
from ..state import copy_state
from .batches import check_finite, checked_arrays, plain_array


class Standardizer:
    """Scales each column to mean 0 and standard deviation 1, with the mean and deviation of the data it was fitted to.

    `mean` and `scale` (standard deviation with ddof=0; 1 where a column is constant) are float64 and have the shape of
    one row. Data of float16 and float32 keeps its dtype, and integers become float64.

    >>> scaler = tg.data.Standardizer()
    >>> scaler.fit_transform(np.array([[1.0], [3.0]]))
    array([[-1.],
           [ 1.]])
    """

    mean: Array
    scale: Array

    def fit(self, x: ArrayLike) -> Self:
        """Compute mean and scale of the rows of `x`; raises ValueError naming columns with NaN or infinity."""
        (x,) = checked_arrays("Standardizer.fit", x)
        check_finite("Standardizer.fit", x, real=True)
        x = x.astype(np.float64)
        # The squares of large numbers overflow, those of small ones are 0. A power of two changes no other digit.
        exponent = np.frexp(np.abs(x).max(axis=0))[1]
        scaled = np.ldexp(x, -exponent)
        # Not std == 0: the standard deviation of equal numbers may round to 1e-17, and is no divisor.
        all_equal = x.min(axis=0) == x.max(axis=0)
        mean = np.where(all_equal, x[0], np.ldexp(scaled.mean(axis=0), exponent))
        scale = np.where(all_equal, 1.0, np.ldexp(scaled.std(axis=0), exponent))
        self.mean, self.scale = mean, scale
        return self

    def transform(self, x: ArrayLike) -> Array:
        """Return `(x - mean) / scale`; rows of `x` have the shape of those it was fitted to."""
        x = self._checked("transform", x)
        return _as_dtype_of(x, (x.astype(np.float64) - self.mean) / self.scale)

    def fit_transform(self, x: ArrayLike) -> Array:
        """Return `fit(x).transform(x)`: for training data; other data is transformed by the figures of these."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x: ArrayLike) -> Array:
        """Return `x * scale + mean`: standardized numbers in their original units."""
        x = self._checked("inverse_transform", x)
        return _as_dtype_of(x, x.astype(np.float64) * self.scale + self.mean)

    def state_dict(self) -> dict[str, Array]:
        """Return copies of `mean` and `scale`, for `tg.save`; raises ValueError before `fit`."""
        self._check_fitted("state_dict")
        return {"mean": self.mean.copy(), "scale": self.scale.copy()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Restore what `state_dict` returned; raises ValueError, with nothing changed, for anything else."""
        where = "Standardizer.load_state_dict"
        if not isinstance(state, Mapping) or state.keys() != {"mean", "scale"}:
            given = ", ".join(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
            raise ValueError(f"{where} takes a dict of mean and scale, as state_dict() gives, not {given}")
        new = {name: np.zeros(np.shape(value)) for name, value in state.items()}
        copy_state(where, new, state)
        mean, scale = new["mean"], new["scale"]
        if mean.shape != scale.shape or not np.isfinite(mean).all() or not (np.isfinite(scale) & (scale > 0)).all():
            shapes = f"shapes {mean.shape} and {scale.shape}"
            raise ValueError(
                f"{where}: mean and scale, of {shapes}, must be finite and of one shape, and scale above 0"
            )
        self.mean, self.scale = mean, scale

    def __repr__(self) -> str:
        return f"Standardizer({f'fitted to rows of shape {self.mean.shape}' if hasattr(self, 'mean') else ''})"

    def _check_fitted(self, method: str) -> None:
        if not hasattr(self, "mean"):
            raise ValueError(f"Standardizer.{method}: call fit with the training data first")

    def _checked(self, method: str, x: ArrayLike) -> Array:
        self._check_fitted(method)
        where = f"Standardizer.{method}"
        x = plain_array(where, x)
        if x.ndim == 0 or x.shape[1:] != self.mean.shape:
            raise ValueError(f"{where}: fitted to rows of shape {self.mean.shape}, got an array of shape {x.shape}")
        check_finite(where, x, real=True)
        return x


def _as_dtype_of(x: Array, y: Array) -> Array:
    """Return y in the dtype of x, if that is a float."""
    return y.astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)
