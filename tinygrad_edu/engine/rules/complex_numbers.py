"""Complex numbers: their parts, and the list of functions whose rules hold for them.

A rule's g is dL/dx - i dL/dy, so dL is the real part of g dz (see `engine/conjugation.py`), and a holomorphic function
has the rule that it has for real numbers. The rules here are those of functions that are not holomorphic.
"""

import operator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from . import (
    bases,
    calculus,
    decompositions,
    eigenvalues,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    norms,
    padding,
    polynomials,
    products,
    scans,
    shaping,
    statistics,
)  # fmt: skip
from .registry import (
    Array,
    defvjp,
    is_complex,
    of_complex,
    pointwise,
    primitive,
    takes_complex,
    unordered,
)  # fmt: skip


# Parts. A real number is its own conjugate and its own real part, and its imaginary part, angle and sign are constants.
@primitive
def imaginary(z: Array) -> Array:
    """The imaginary part of complex numbers."""
    return np.imag(z)


@primitive
def phase(z: Array) -> Array:
    """The angle of complex numbers."""
    return np.angle(z)


defvjp(np.conjugate,     lambda g, y, x: np.conjugate(g) if is_complex(x) else g)
defvjp(np.real,          lambda g, y, val: g)
defvjp(np.real_if_close, lambda g, y, a, tol=100: g)
defvjp(imaginary,        lambda g, y, z: g * -1j)
defvjp(phase,            lambda g, y, z: g * (-1j * np.not_equal(z, 0) / np.where(np.equal(z, 0), 1, z)))


def unit(z: Array) -> Array:
    """Return the sign z / |z| of complex numbers; 0 at 0, and so is its gradient."""
    zero = np.equal(z, 0)
    return np.where(zero, 0, z / np.where(zero, 1, np.abs(z)))


def angle(z: Array, deg: bool = False) -> Array:
    """Return the angle of complex numbers, in radians or degrees."""
    return np.rad2deg(phase(z)) if deg else phase(z)


of_complex.update({np.imag: imaginary, np.angle: angle, np.sign: unit})
pointwise.update([np.real, np.real_if_close, imaginary, phase])

# The functions of the table that take complex numbers, with those of `fourier` and `eigenvalues`. A test compares each
# with finite differences; the others raise.
takes_complex.update([
    # Elementwise
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.reciprocal, np.square, np.sqrt, np.power,
    np.float_power, np.absolute, np.conjugate, np.real, np.real_if_close, np.exp, np.exp2, np.expm1, np.log, np.log2,
    np.log10, np.log1p, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh,
    np.arccosh, np.arctanh, elementwise.complement, np.where,
    # Reductions, scans, differences and means
    np.sum, np.mean, np.prod, np.var, np.std, np.nansum, np.nanmean, np.nanprod, np.nanvar, np.nanstd, np.cumsum,
    np.cumprod, np.nancumsum, np.nancumprod, np.apply_along_axis, np.apply_over_axes, np.average, np.diff, np.ediff1d,
    np.cov, np.corrcoef, statistics.clip_cosine, np.trapezoid, np.linspace, np.gradient, np.convolve, np.correlate,
    calculus.diff, calculus.correlation, np.interp, np.logspace, np.nan_to_num,
    # Shapes, joining, indexing
    np.reshape, np.ravel, np.resize, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims,
    np.broadcast_to, np.broadcast_arrays, np.copy, np.matrix_transpose, np.linalg.matrix_transpose, np.flip, np.fliplr,
    np.flipud, np.roll, np.rot90, np.tile, np.repeat, np.triu, np.tril, np.diag, np.diagonal, np.linalg.diagonal,
    np.diagflat, sliding_window_view, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.meshgrid, np.full_like, np.pad,
    padding.pad, shaping.astype, joining.concatenate, np.concatenate, np.stack, np.hstack, np.vstack, np.dstack,
    np.column_stack, np.append, np.block, np.insert, np.delete, np.split, np.array_split, np.hsplit, np.vsplit,
    np.dsplit, operator.getitem, indexing.scatter, indexing.setitem, np.take, np.take_along_axis, np.compress,
    np.extract, indexing.choose, np.choose, indexing.select, np.select, np.piecewise, np.trim_zeros,
    # Products and polynomials
    np.matmul, np.dot, np.vdot, np.inner, np.outer, np.tensordot, np.kron, np.vecdot, np.cross, products.cross,
    np.trace, np.linalg.matmul, np.linalg.tensordot, np.linalg.outer, np.linalg.vecdot, np.linalg.cross,
    np.linalg.trace, np.linalg.matrix_power, np.linalg.multi_dot, einsum.einsum, np.einsum, np.vander,
    polynomials.powers, np.polyval, polynomials.horner, np.polyder, np.polyint, np.polyadd, np.polysub, np.polymul,
    np.polydiv, np.poly, np.roots, polynomials.roots,
    # Linear algebra
    linalg.mirrored, np.linalg.inv, np.linalg.pinv, np.linalg.solve, np.linalg.lstsq, linalg.lstsq, np.polyfit,
    np.linalg.tensorinv, np.linalg.tensorsolve, np.linalg.det, linalg.cofactors, linalg.cofactors_jvp, linalg.slogdet,
    np.linalg.slogdet, np.linalg.norm, np.linalg.vector_norm, np.linalg.matrix_norm, norms.euclidean_norm,
    norms.minkowski_norm, np.linalg.cond, np.linalg.cholesky,
    decompositions.eigh, np.linalg.eigh, np.linalg.eigvalsh, decompositions.svd, np.linalg.svd, np.linalg.svdvals,
    bases.complement_of, decompositions.qr, np.linalg.qr, eigenvalues.eig, np.linalg.eig, np.linalg.eigvals,
])  # fmt: skip
takes_complex.update([f for name in ("matvec", "vecmat", "cumulative_sum", "cumulative_prod", "unstack", "astype")
                      if (f := getattr(np, name, None))])  # of NumPy 2.1 and later
unordered.update([
    np.maximum, np.minimum, np.fmax, np.fmin, np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin, np.clip,
    elementwise.clip, np.ptp, np.sort, np.partition, np.median, np.nanmedian, scans.running_extremum,
])
