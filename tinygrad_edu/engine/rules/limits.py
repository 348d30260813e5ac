"""Limits: gradients of gradients at kinks, where a rule alone does not know enough.

At 0, abs has no derivative, but abs(x)**2 has two of them: there the gradient g that arrives is 0, and grows with y.
The rule of abs, g * sign(x), is 0 at the kink for every g. Its derivative on both sides of the kink is g' sign(x)**2 =
g', where g' is the derivative of g by y. A limit, the counterpart of a rule, gets that derivative from the backward
pass where gradients are recorded, and returns a result that has the right value and the right derivative.

`limit(i, r, g, change, y, *args, **kwargs)` takes the number of the argument, the rule's result r, and the rule's own
arguments. `change(direction)` returns the derivative of g along a direction of y, or None if g does not depend on y.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .activations import relu
from .elementwise import LN2
from .norms import euclidean_norm, minkowski_norm
from .reductions import count, deviation, extremum_rule, not_nan, spread
from .registry import Array, Axis, Function, Rule, conj, limits, predicate, predicate_of_all, vjps

Change = Callable[[Array], Array | None]


@predicate_of_all(True)
def any_true(mask: Array) -> bool:
    """Return whether an element is True."""
    return bool(np.any(mask))


def curvature(change: Change, at: Array) -> tuple[Array, Array] | None:
    """Return the derivative of each element of g by the same element of y, and where among `at` it is valid.

    One direction gives the sums of the rows of the matrix of all derivatives. They are its diagonal unless other
    elements matter; then another direction gives other sums, and the function is not smooth at these kinks.
    """
    if not any_true(at):
        return None
    ones = at * 1.0
    weights = (1 + np.arange(np.size(at)) * LN2 % 1).reshape(np.shape(at))  # no simple ratios
    q, p = change(ones), change(ones * weights)
    if q is None or p is None:
        return None
    valid = at & np.isfinite(q) & np.isclose(q * weights, p, rtol=1e-4)
    return (q, valid) if any_true(valid) else None


# Functions y that are 0 at a kink, where y**2 is smooth, as for abs. Where g = q y, the gradient is q times half of the
# gradient of y**2.
def elementwise_limit(*halves: Rule) -> Rule:
    """Return the limit of an elementwise function, given half of the derivative of y**2 by each argument."""

    def limit(i: int, r: Array, g: Array, change: Change, y: Array, *args: Array) -> Array:
        at = np.equal(y, 0) & np.equal(args[0], 0)  # relu is 0 elsewhere too
        if (found := curvature(change, at)) is None:
            return r
        q, valid = found
        return np.where(valid, q * halves[i](*args), r)

    return limit


def root_limit(i: int, r: Array, g: Array, change: Change, y: Array, x: Array) -> Array:
    """The limit of the square root: q / 2 where g is 0 too; elsewhere its derivative at 0 is infinite."""
    if (found := curvature(change, np.equal(y, 0) & np.equal(g, 0))) is None:
        return r
    q, valid = found
    return np.where(valid, q / 2, r)


@predicate
def is_half(b: Any) -> bool:
    """Return whether a power is that of the square root."""
    return bool(b == 0.5)


def power_limit(i: int, r: Array, g: Array, change: Change, y: Array, a: Array, b: Any) -> Array:
    """The limit of the square root, where that is the power."""
    return root_limit(i, r, g, change, y, a) if i == 0 and isinstance(b, (float, np.floating)) and is_half(b) else r


def norm_limit(i: int, r: Array, g: Array, change: Change, y: Array, x: Array, axis: Axis = None,
               keepdims: bool = False) -> Array:
    """The limit of the Euclidean norm: q x, of complex numbers q times the conjugate of x."""
    if (found := curvature(change, np.equal(y, 0))) is None:
        return r
    q, valid = (spread(v, x, axis, keepdims) for v in found)
    return np.where(valid, q * conj(x), r)


def minkowski_limit(i: int, r: Array, g: Array, change: Change, y: Array, x: Array, p: float, axis: Axis = None,
                    keepdims: bool = False) -> Array:
    """The limit of the p-norm of one element, which is its absolute value; of more, no function of it is smooth."""
    return norm_limit(i, r, g, change, y, x, axis, keepdims) if np.size(x) == np.size(y) else r


def std_limit(i: int, r: Array, g: Array, change: Change, y: Array, x: Array, axis: Axis = None, dtype: Any = None,
              out: None = None, ddof: float = 0, keepdims: bool = False, *, where: Array | None = None,
              correction: float | None = None) -> Array:
    """The limit of the standard deviation: q (x - mean) / (n - ddof)."""
    if (found := curvature(change, np.equal(y, 0))) is None:
        return r
    n = count(x, y, correction or ddof, axis, keepdims, where)
    q, valid = (spread(v, x, axis, keepdims, where) for v in (found[0] / n, found[1]))
    return np.where(valid, q * conj(deviation(x, axis, where)), r)


def passing_over_nan(limit: Rule) -> Rule:
    """Return the limit of the same function of the elements that are not NaN."""

    def of_numbers(i: int, r: Array, g: Array, change: Change, y: Array, x: Array, *args: Any, **kwargs: Any) -> Array:
        return limit(i, r, g, change, y, x, *args, **{**kwargs, "where": not_nan(x, kwargs.get("where"))})

    return of_numbers


# Extrema. Where k elements are equal, the second derivative is the mean of those on the k sides, and the product of the
# shares 1 / k would be less.
def choice_limit(fun: Function) -> Rule:
    """Return the limit of an elementwise maximum or minimum: r plus q (x - y) share, whose value is 0."""

    def limit(i: int, r: Array, g: Array, change: Change, y: Array, *args: Array) -> Array:
        rule: Any = vjps[fun][i]
        share = rule(np.ones(np.shape(y)), y, *args)
        if (found := curvature(change, (share > 0) & (share < 1) & np.isfinite(y))) is None:
            return r
        q, valid = found
        return r + np.where(valid, q * share * (args[i] - y), 0)

    return limit


def extremum_limit(i: int, r: Array, g: Array, change: Change, y: Array, x: Array, axis: Axis = None, out: None = None,
                   keepdims: bool = False, initial: float | None = None, where: Array | None = None) -> Array:
    """The limit of np.max and np.min."""
    share = extremum_rule(np.ones(np.shape(y)), y, x, axis, out, keepdims, initial, where)
    tied = np.any((share > 0) & (share < 1), axis=axis, keepdims=keepdims)
    if (found := curvature(change, tied & np.isfinite(y))) is None:
        return r
    q, valid = (spread(v, x, axis, keepdims) for v in found)
    return r + np.where(valid, q * share * np.where(share > 0, x - spread(y, x, axis, keepdims), 0), 0)


limits.update({
    np.absolute: elementwise_limit(conj),
    np.fabs: elementwise_limit(lambda x: x),
    np.copysign: elementwise_limit(lambda a, b: a),
    np.hypot: elementwise_limit(lambda a, b: a, lambda a, b: b),
    relu: elementwise_limit(lambda x: x / 2),  # on one side 0, on the other q x
    np.sqrt: root_limit,
    np.power: power_limit,
    np.float_power: power_limit,
    euclidean_norm: norm_limit,
    minkowski_norm: minkowski_limit,
    np.std: std_limit,
    np.nanstd: passing_over_nan(std_limit),
    np.nanmax: passing_over_nan(extremum_limit),
    np.nanmin: passing_over_nan(extremum_limit),
})
limits.update({f: choice_limit(f) for f in (np.maximum, np.minimum, np.fmax, np.fmin)})
limits.update(dict.fromkeys((np.max, np.min, np.amax, np.amin), extremum_limit))
