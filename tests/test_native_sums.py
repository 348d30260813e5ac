"""Sums of backend="c" are at least as accurate as NumPy's pairwise sums: any length, any axes, whatever is drawn."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")
LENGTHS = [1, 2, 3, 7, 8, 9, 16, 31, 100, 128, 129, 257, 1000, 5000, 5003, 65_537]
AXES = [((300, 7), 0), ((300, 7), 1), ((7, 300), None), ((40, 5, 60), (0, 2)), ((40, 60, 5), (1, 2)), ((9, 5, 40), 1)]
DRAWN = {
    "positive": lambda rng, shape: rng.random(shape),
    "of both signs": lambda rng, shape: rng.standard_normal(shape),
    "far from 0": lambda rng, shape: 1000 + rng.standard_normal(shape),
    "of many sizes": lambda rng, shape: np.exp(5 * rng.standard_normal(shape)) * rng.choice([-1, 1], shape),
}


@pytest.fixture(autouse=True)
def little_optimization(monkeypatch):
    given = compiler.load
    monkeypatch.setattr(compiler, "load", lambda source, level=1: given(source, level))


def check(found):
    """Check the mean and the 99 % quantile of (error, NumPy's error), each relative to the sum of absolute values."""
    ours, numpys = np.concatenate([np.stack([np.ravel(a), np.ravel(b)]) for a, b in found], axis=1)
    assert ours.mean() <= numpys.mean()
    assert np.quantile(ours, 0.99) <= np.quantile(numpys, 0.99)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_any_length_are_at_least_as_accurate_as_numpys(dtype):
    jitted = tg.jit(lambda arrays: [np.sum(x) for x in arrays], backend="c", check=False)
    rng = np.random.default_rng(0)
    for draw in DRAWN.values():
        found = []
        for _ in range(12):
            arrays = [draw(rng, n).astype(dtype) for n in LENGTHS]
            for x, total in zip(arrays, jitted(arrays), strict=True):
                assert total.dtype == dtype
                exact, size = (math.fsum(a.astype(float)) for a in (x, np.abs(x)))
                found.append([abs(float(t) - exact) / size for t in (total, np.sum(x))])
        check(found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_along_axes_are_at_least_as_accurate_as_numpys(dtype):
    def sums(arrays):
        found = [np.vdot(arrays[0], arrays[0])]
        for x, (_, axis) in zip(arrays, AXES, strict=True):
            found += [np.sum(x, axis=axis), np.sum(x * x, axis=axis), np.mean(x, axis=axis), np.mean(x * x, axis=axis)]
            found.append(np.sum(x.T, axis=x.ndim - 1 - axis).T if type(axis) is int else np.sum(x.T))
        return found

    jitted, rng = tg.jit(sums, backend="c", check=False), np.random.default_rng(1)
    for draw in DRAWN.values():
        found = []
        for _ in range(5):
            arrays = [draw(rng, shape).astype(dtype) for shape, _ in AXES]
            exact, sizes = [np.sum(arrays[0].astype(np.longdouble) ** 2)], [1]
            for x, (_, axis) in zip(arrays, AXES, strict=True):
                wide, squares = x.astype(np.longdouble), (x * x).astype(np.longdouble)
                exact += [f(a, axis=axis) for f in (np.sum, np.mean) for a in (wide, squares)]
                sizes += [f(a, axis=axis) for f in (np.sum, np.mean) for a in (abs(wide), squares)]
                exact.append(exact[-4] if type(axis) is int else np.sum(wide))
                sizes.append(sizes[-4] if type(axis) is int else np.sum(abs(wide)))
            sizes[0] = exact[0]
            for a, b, e, s in zip(jitted(arrays), sums(arrays), exact, sizes, strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                found.append((abs(a - e) / s, abs(b - e) / s))
        check(found)


def test_sums_have_the_signs_infinities_and_nans_of_numpy():
    def sums(x, y):
        return [np.sum(x), np.sum(x, axis=0), np.sum(x, axis=1), np.sum(y), np.sum(y, axis=0), np.sum(y.T, axis=0)]

    jitted = tg.jit(sums, backend="c", check=False)
    x, y = np.full((300, 5), -0.0), np.full((2, 7), -0.0)
    for value in (-0.0, np.inf, -np.inf, np.nan, 1e308, -1e308):
        x[7, 2] = y[1, 3] = value
        x[8, 2] = y[0, 3] = value
        with np.errstate(all="ignore"):
            for a, b in zip(jitted(x, y), sums(x, y), strict=True):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_array_equal(np.signbit(a) & (a == 0), np.signbit(b) & (b == 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_deep_products_of_small_matrices_are_as_accurate_as_those_of_blas(dtype):
    shapes, rng = [(8, 300, 8), (8, 1000, 4), (1, 1500, 17), (5, 2000, 1), (3, 3000, 2)], np.random.default_rng(2)
    jitted = tg.jit(lambda pairs: [a @ b for a, b in pairs], backend="c", check=False)
    found = []
    for _ in range(8):
        pairs = [[rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n))] for m, k, n in shapes]
        for (a, b), c in zip(pairs, jitted(pairs), strict=True):
            exact, size = a.astype(np.longdouble) @ b.astype(np.longdouble), abs(a) @ abs(b)
            found.append((abs(c - exact) / size, abs(a @ b - exact) / size))
    ours, numpys = (np.concatenate([np.ravel(pair[k]) for pair in found]).mean() for k in (0, 1))
    assert ours <= 1.1 * numpys
