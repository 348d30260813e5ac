"""backend="c": np.var, np.pad and other calls become calls that have a C form, and give NumPy's numbers."""

import itertools
from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler
from tinygrad_edu.jit.native.decompose import RULES

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")
AXES = (None, 0, -1, (0, 1))
CASES = {
    np.clip: [lambda x: np.clip(x, None, 0.5), lambda x: np.clip(x, 0.25, None), lambda x: np.clip(x, np.nan, None)],
    np.var: [lambda x, a=a, k=k: np.var(x, axis=a, keepdims=k) for a in AXES for k in (False, True)],
    np.std: [lambda x, a=a, d=d: np.std(x, axis=a, ddof=d) for a in AXES for d in (0, 1)],
    np.linalg.norm: [
        *[lambda x, a=a, k=k: np.linalg.norm(x, axis=a, keepdims=k) for a in AXES for k in (False, True)],
        *[lambda x, o=o: np.linalg.norm(x, o, axis=1) for o in (1, 2, np.inf)], lambda x: np.linalg.norm(x[0], 1),
    ],
    np.sum: [
        *[lambda x, d=d: np.sum(x > 0, axis=1, dtype=d) for d in (np.float32, np.float64, np.int32)],
        *[lambda x, d=d: np.sum(x, axis=0, keepdims=True, dtype=d) for d in (np.float32, np.float64)],
        lambda x: np.sum(x > 0, 1, np.dtype(float)), lambda x: np.sum(x, 1),
        lambda x: np.sum(x, initial=2.5), lambda x: np.sum(x, axis=1, where=np.isfinite(x)),
        lambda x: np.sum(x, where=x[0] > 0, initial=-1),
    ],
    np.max: [
        lambda x: np.max(x, initial=0.5), lambda x: np.max(x, axis=1, initial=-1, where=x < 1),
        lambda x: np.max(x, axis=0, keepdims=True, initial=-np.inf, where=x < 1), lambda x: np.max(x, initial=np.nan),
    ],
    np.min: [lambda x: np.min(x, axis=0, initial=0.5), lambda x: np.min(x, initial=3.0, where=x > 1)],
    np.pad: [
        lambda x: np.pad(x, 1), lambda x: np.pad(x, (1, 2), constant_values=-0.0),
        lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=7), lambda x: np.pad(x, 1, mode="edge"),
    ],
    np.repeat: [*[lambda x, a=a: np.repeat(x, 3, axis=a) for a in (None, 0, -1)], lambda x: np.repeat(x, [1, 2, 0], 0)],
    np.diff: [lambda x: np.diff(x), lambda x: np.diff(x, axis=0), lambda x: np.diff(x, n=2), lambda x: np.diff(x > 0)],
    np.flip: [lambda x, a=a: np.flip(x, a) * 1 for a in AXES],
    np.roll: [lambda x, a=a, s=s: np.roll(x, s, a) for a in (None, 0, -1) for s in (0, 1, -2, 12)],
    np.outer: [lambda x: np.outer(x[0], x[:, 0]), lambda x: np.outer(x, x[0])],
    np.tril: [lambda x, k=k: np.tril(x, k) for k in (-1, 0, 1)],
    np.triu: [lambda x, k=k: np.triu(x, k) for k in (-1, 0, 1)],
    np.take: [
        lambda x: np.take(x, [2, 0, -1], axis=0), lambda x: np.take(x[0], np.array([[3, -4]])),
        lambda x: np.take(x, 5), lambda x: np.take(x, [1], axis=1),
    ],
    np.take_along_axis: [
        lambda x: np.take_along_axis(x, np.argmax(x, axis=1, keepdims=True), axis=1),
        lambda x: np.take_along_axis(x, np.array([[0, -1, 1, 0]]), axis=0),
    ],
    np.dot: [lambda x: np.dot(x[0], x[1])],
    np.matmul: [lambda x: x[0] @ x[1]],
}  # fmt: skip


def test_each_rule_has_cases():
    assert CASES.keys() == RULES.keys()


@pytest.fixture(autouse=True)
def little_optimization(monkeypatch):
    given = compiler.load
    monkeypatch.setattr(compiler, "load", lambda source, level=0: given(source, level))


@pytest.fixture(scope="module")
def jitted():
    cases = list(itertools.chain(*CASES.values()))
    return tg.jit(lambda x: [f(x) for f in cases], backend="c", check=False)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_shapes_and_dtypes_are_numpys(dtype, jitted):
    x = np.array([[0.0, -0.0, 2.0, 2.0], [1.5, -3.0, 0.5, 1.5], [-1.0, 4.0, -0.0, 0.25]], dtype)
    special = x.copy()
    special[0, 2], special[1, 1], special[2, 3] = np.nan, np.inf, -np.inf
    jitted(x)
    for y in (x, special, -special, x[::-1] * 3):
        with np.errstate(all="ignore"):
            results = iter(jitted(y))
            for fun, f in [(fun, f) for fun, cases in CASES.items() for f in cases]:
                got, expected = next(results), f(y)
                assert (np.shape(got), got.dtype) == (np.shape(expected), expected.dtype)
                np.testing.assert_allclose(got, expected, rtol=1e-13 if dtype is np.float64 else 1e-6)
                zero = np.equal(expected, 0) & (fun not in (np.max, np.min))  # of 0.0 and -0.0, NumPy too gives either
                np.testing.assert_array_equal(np.signbit(got) & zero, np.signbit(expected) & zero)


def test_what_has_rules_needs_no_numpy(jitted):
    jitted(np.ones((3, 4)))
    left = [line for line in jitted.plan.splitlines() if any(f"{f.__name__}(" in line for f in (*RULES, np.subtract))]
    assert len(left) == 8, left  # the cases that a rule leaves to NumPy


def test_norms_of_long_arrays_are_those_of_blas_and_have_a_printed_form():
    for shape, axis, is_compiled in ((100, None, True), (20_000, None, False), ((10_000, 2), 1, True)):
        norm = partial(np.linalg.norm, axis=axis)  # along an axis, NumPy's is no BLAS
        jitted, x = tg.jit(lambda x, f=norm: f(x), backend="c", check=False), np.cumsum(np.ones(shape)).reshape(shape)
        for _ in range(2):
            np.testing.assert_allclose(jitted(x), norm(x), rtol=1e-14)
        assert ("norm(" not in jitted.plan) is is_compiled
        assert "sqrt(" in jitted.c


def test_integers_that_do_not_fit_the_dtype_are_left_to_numpy():
    def f(x):
        return np.clip(x, -1, None), np.clip(x, None, 300), np.pad(x, 1, constant_values=-1)

    x = np.array([1, 2, 200], np.uint8)
    jitted = tg.jit(f, backend="c", check=False)
    for _ in range(2):
        for a, b in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)


def test_gradients_are_those_of_the_functions():
    def loss(x):
        y = np.pad(np.roll(np.diff(x, axis=1), 1), 1) + np.repeat(np.flip(x), 1, axis=0)[:1, :1]
        z = np.std(y, axis=0, ddof=1) * np.var(y, axis=0) + np.clip(y, None, 0.5).sum() + np.max(y, axis=0)
        return np.sum(np.tril(np.outer(z, z)) * np.triu(np.outer(z, z))) + np.take_along_axis(y, np.argsort(y), 1)[0, 0]

    x = np.random.default_rng(0).standard_normal((4, 5))
    jitted = tg.jit(tg.value_and_grad(loss), backend="c")
    for _ in range(3):
        for a, b in zip(jitted(x), tg.value_and_grad(loss)(x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.abs(b).max())
        x = x + 0.1
