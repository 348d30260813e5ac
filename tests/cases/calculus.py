"""Cases for differences, integrals, convolutions and interpolation."""

import numpy as np
from hypothesis import strategies as st
from strategies import arrays, broadcastable, shapes

from tinygrad_edu.engine.rules import calculus


def lines(min_side=1, max_side=5, **values):
    return arrays(shape=shapes(min_dims=1, max_dims=1, min_side=min_side, max_side=max_side), **values)


@st.composite
def coordinates(draw, n):
    """Draw n points in ascending or descending order, with distances between 0.3 and 1."""
    x = np.cumsum(draw(arrays(shape=(n,), low=0.3, high=1.0)))
    return draw(st.sampled_from([1, -1])) * (x - x.mean() if n else x)


@st.composite
def diff(draw, fun):
    a = draw(arrays(shape=shapes(min_dims=1)))
    axis, n = draw(st.integers(-a.ndim, a.ndim - 1)), draw(st.integers(0, 4))
    if fun is calculus.diff or n == 0 or draw(st.booleans()):
        return (lambda a: fun(a, n, axis)), (a,)
    side = draw(st.integers(0, 2))
    v = draw(arrays(shape=tuple(side if i == axis % a.ndim else m for i, m in enumerate(a.shape))))
    u = draw(arrays(shape=()))
    if draw(st.booleans()):
        return (lambda a, u, v: fun(a, n, axis, prepend=u, append=v)), (a, u, v)
    return (lambda a, v: fun(a, n=n, axis=axis, prepend=v)), (a, v)


@st.composite
def ediff1d(draw):
    a, u, v = [draw(arrays(shape=shapes(max_dims=2))) for _ in range(3)]
    ends = draw(st.sampled_from([(), ("to_end",), ("to_begin",), ("to_begin", "to_end")]))
    return (lambda a, *v: np.ediff1d(a, **dict(zip(ends, v, strict=True)))), (a, u, v)[: 1 + len(ends)]


@st.composite
def gradient(draw):
    edge_order = draw(st.sampled_from([1, 2]))
    f = draw(arrays(shape=shapes(min_dims=1, max_dims=2, min_side=edge_order + 1, max_side=4)))
    axis = draw(st.none() | st.integers(-f.ndim, f.ndim - 1) | st.permutations(range(f.ndim)).map(tuple))
    axes = range(f.ndim) if axis is None else np.atleast_1d(axis)
    spacings = [
        draw(coordinates(f.shape[i]) if draw(st.booleans()) else arrays(shape=(), low=0.5, high=1.5)) for i in axes
    ]
    if draw(st.booleans()):
        spacings = draw(st.sampled_from([[], [np.array(0.7)]]))

    def slopes(f, *spacings):
        y = np.gradient(f, *spacings, axis=axis, edge_order=edge_order)
        return np.stack(y) if isinstance(y, tuple) else y

    return slopes, (f, *spacings)


@st.composite
def trapezoid(draw):
    y = draw(arrays(shape=shapes(min_dims=1)))
    axis = draw(st.integers(-y.ndim, y.ndim - 1))
    dx = draw(st.sampled_from([None, 1.0, -0.3]))
    if dx is not None:
        return (lambda y: np.trapezoid(y, dx=dx, axis=axis)), (y,)
    x = draw(arrays(shape=y.shape) | arrays(shape=(y.shape[axis],)))
    return (lambda y, x: np.trapezoid(y, x, axis=axis)), (y, x)


@st.composite
def convolution(draw, fun):
    mode = draw(st.sampled_from(["full", "same", "valid"]))
    return (lambda a, v: fun(a, v, mode)), (draw(lines()), draw(lines()))


@st.composite
def shifts(draw):
    """Draw a range of shifts, which may include shifts without any overlap."""
    low = draw(st.integers(-7, 6))
    high = draw(st.integers(low + 1, 7))
    return (lambda a, v: calculus.correlation(a, v, low, high)), (draw(lines()), draw(lines()))


@st.composite
def interp(draw):
    """Draw knots at least 0.3 apart, and points for the interpolation that are not close to a knot."""
    xp = np.cumsum(draw(arrays(shape=st.integers(1, 5).map(lambda n: (n,)), low=0.3, high=0.6))) - 1
    fp, x = draw(arrays(shape=xp.shape)), draw(arrays(low=-2, high=3))
    period = float(xp[-1] - xp[0] + 0.4)
    ends = draw(st.sampled_from([{}, {"left": 0.5}, {"left": -1.0, "right": 2.0}, {"period": period}]))
    period = ends.get("period", 100)
    near = abs((x[..., None] - xp + period / 2) % period - period / 2).min(axis=-1) < 0.02
    return (lambda x, xp, fp: np.interp(x, xp, fp, **ends)), (np.where(near, x + 0.05, x), xp, fp)


@st.composite
def between(draw, fun, **values):
    """Draw start and stop, with any two shapes that broadcast."""
    start, stop = draw(broadcastable(**values))
    num, endpoint = draw(st.integers(0, 4)), draw(st.booleans())
    n = np.broadcast(start, stop).ndim
    axis = draw(st.integers(-n - 1, n))
    if fun is np.geomspace:
        sign = draw(st.sampled_from([1, -1]))
        return (lambda a, b: fun(sign * a, sign * b, num, endpoint, axis=axis)), (start, stop)
    if fun is np.linspace:
        if draw(st.booleans()) and num > endpoint:
            return (lambda a, b: fun(a, b, num, endpoint, retstep=True, axis=axis)[1]), (start, stop)
        return (lambda a, b: fun(a, b, num, endpoint, axis=axis)), (start, stop)
    base = draw(arrays(shape=st.sampled_from([(), (1,) * n, start.shape]), low=0.5, high=2.0))
    return (lambda a, b, base: fun(a, b, num, endpoint, base, axis=axis)), (start, stop, base)


CASES = {
    calculus.diff: diff(calculus.diff),
    np.diff: diff(np.diff),
    np.ediff1d: ediff1d(),
    np.gradient: gradient(),
    np.trapezoid: trapezoid(),
    calculus.correlation: shifts(),
    np.correlate: convolution(np.correlate),
    np.convolve: convolution(np.convolve),
    np.interp: interp(),
    np.linspace: between(np.linspace),
    np.geomspace: between(np.geomspace, low=0.3, high=3.0),
    np.logspace: between(np.logspace),
}
