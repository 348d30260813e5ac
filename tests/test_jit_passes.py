"""The optimizations of jit, one by one: each does what its name says, and keeps the numbers."""

import numpy as np
import pytest

import tinygrad_edu as tg

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.5, 1.5, (2, 40, 6))


def calls(f, *args, optimize):
    """Check the numbers of the recorded program, and return the functions that it calls."""
    jitted = tg.jit(f, optimize=optimize)
    for scale in (1.0, 0.5):
        scaled = [a * scale for a in args]
        for given, expected in zip(np.atleast_1d(jitted(*scaled)), np.atleast_1d(f(*scaled)), strict=True):
            np.testing.assert_allclose(given, expected, rtol=1e-12)
    return [getattr(c.fun, "__name__", "") for c in jitted._recordings[0].plan.program.calls]


def test_dead_leaves_out_unused_calls():
    def f(x):
        np.exp(x)
        return np.sin(x)

    assert calls(f, X, optimize=("dead",)) == ["sin"]
    assert calls(f, X, optimize=False) == ["exp", "sin"]


def test_dead_draws_random_numbers_all_the_same():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)

    def f(x):
        rng.random(3)
        return x + rng.random()

    jitted = tg.jit(f)
    for _ in range(3):
        given = jitted(X)
        other.random(3)
        np.testing.assert_array_equal(given, X + other.random())


def test_copies_are_what_they_are_copies_of():
    assert calls(lambda x: np.exp(x.copy()), X, optimize=("copies",)) == ["exp"]


def test_common_computes_equal_calls_once():
    def f(x):
        return np.sin(x) * np.cos(x) + np.sin(x) ** 2.0 + np.sin(x) ** 2

    found = calls(f, X, optimize=("common",))
    assert found.count("sin") == 1
    assert found.count("power") == 2  # 2.0 and 2 are different


def test_constants_are_computed_while_recording():
    assert calls(lambda x: x * (np.add(tg.Tensor(np.ones(6)), 1.0) * 2.0).data, X, optimize=("constants",)) == [
        "multiply"
    ]


def test_constants_are_found_where_algebra_makes_them():
    assert calls(lambda x: (x**0 * 3.0).sum(axis=0) * x, X, optimize=("constants", "algebra")) == ["multiply"]


def test_zeros_of_both_signs_are_not_one_number():
    zeros = np.where(np.arange(40)[:, None] % 2, -0.0, 0.0) * np.ones(6)
    zeros[-1] = 0.0
    f = tg.jit(lambda x: np.copysign(x, zeros))
    np.testing.assert_array_equal(f(X), f(X))
    np.testing.assert_array_equal(f(X), np.copysign(X, zeros))


def test_constants_filled_with_zeros_of_both_signs_are_not_one_number():
    jitted = tg.jit(lambda x: np.copysign(x, np.zeros(3)) + 2 * np.copysign(x, -np.zeros(3)))
    for _ in range(2):
        np.testing.assert_array_equal(jitted(np.arange(1.0, 4.0)), [-1, -2, -3])


def test_broadcasting_replaces_broadcast_copies():
    f = tg.grad(lambda x: np.sum(np.exp(np.sum(x * x, axis=1))))
    assert "broadcast_to" in calls(f, X, optimize=("dead",))
    assert "broadcast_to" not in calls(f, X, optimize=("broadcasting", "dead"))


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: x + 0, 0), (lambda x: 0.0 + x, 0), (lambda x: x - 0, 0), (lambda x: x * 1, 0),
        (lambda x: 1.0 * x, 0), (lambda x: x.T.T, 0),
        (lambda x: x / 1, 0), (lambda x: x**1, 0), (lambda x: np.negative(-x), 0), (lambda x: +x, 0),
        (lambda x: x.reshape(6, 40).reshape(40, 6), 0), (lambda x: x * np.ones((40, 6)), 0), (lambda x: x + x, 1),
        (lambda x: 2 * (3 * x), 1), (lambda x: -(3 * x), 1), (lambda x: x.T.reshape(-1).reshape(2, 120), 2),
        (lambda x: -(np.full((40, 6), 3.0) * (x > 1)), 2),
        (lambda x: x * -1, 1), (lambda x: x**2, 1), (lambda x: x**0.5, 1), (lambda x: x**-1, 1), (lambda x: x**3, 1),
    ],
)  # fmt: skip
def test_algebra_leaves_out_calls_without_effect(f, left):
    assert len(calls(lambda x: f(x), X, optimize=("algebra", "dead"))) == left


def test_algebra_writes_powers_as_numpy_does():
    assert calls(lambda x: x**2, X, optimize=("algebra",)) == ["square"]
    assert calls(lambda x: x**0.5, X, optimize=("algebra",)) == ["sqrt"]


def test_mean_is_a_sum_divided():
    assert calls(lambda x: np.mean(x, axis=0), X, optimize=("mean",)) == ["sum", "divide"]


def test_blas_computes_sums():
    assert calls(lambda x: np.sum(x, axis=0), X, optimize=("blas",)) == ["dot"]
    assert calls(lambda x: np.sum(x, axis=1, keepdims=True), X, optimize=("blas",)) == ["dot"]
    assert "multiply" not in calls(lambda x, y: np.sum(x * y), X, Y, optimize=("blas",))
    assert calls(lambda x: np.sum(x.astype(int), axis=0), X * 10, optimize=("blas",))[-1] == "sum"


def test_rows_of_a_hessian_are_computed_at_once():
    f = tg.hessian(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    x = RNG.standard_normal(12)
    assert len(calls(f, x, optimize=("rows", "common", "dead"))) < 60 < 200 < len(calls(f, x, optimize=False))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tanh(x) ** 2, lambda x: x[::-1] * np.sum(x), lambda x: np.sum(x.reshape(2, 3), axis=0)[:2] * x[:2],
        lambda x: np.outer(x, np.sin(x)).T[1:4, 2], lambda x: np.where(x > 1, x * x, x)[[0, 2, 2]], np.cumsum,
        lambda x: np.linalg.inv(x.reshape(2, 3) @ x.reshape(3, 2)).ravel(), lambda x: np.concatenate([x[:2], 2 * x]),
    ],
)  # fmt: skip
def test_rows_of_other_jacobians_are_right_whatever_they_go_through(f):
    jacobian = tg.jacobian(f)
    jitted = tg.jit(jacobian)
    for x in (X[0], Y[0]):
        np.testing.assert_allclose(jitted(x), jacobian(x), rtol=1e-10, atol=1e-12)


def test_rows_with_equal_constants_of_their_own_are_right():
    def f(x):
        return np.stack([np.sin(x + np.array([1.0, 2.0, 3.0])) * np.array([i, 2.0, 3.0]) for i in range(5)])

    jitted = tg.jit(f)
    for x in (X[0, :3], Y[0, :3]):
        np.testing.assert_allclose(jitted(x), f(x), rtol=1e-13)


def test_rows_with_zeros_of_both_signs_are_not_equal():
    def f(x):
        signs = [np.array([-0.0 if i % 2 else 0.0, 1.0, -1.0]) for i in range(5)]
        return np.stack([np.copysign(x, s) * np.array([i, 2.0, 3.0]) for i, s in enumerate(signs)])

    jitted = tg.jit(f)
    for x in (X[0, :3], Y[0, :3]):
        np.testing.assert_array_equal(jitted(x), f(x))


def test_memory_is_used_again():
    def f(x):
        for _ in range(10):
            x = np.tanh(x) + 1
        return np.sum(x)

    jitted = tg.jit(f)
    jitted(X)
    assert jitted.stats["buffers"] == 1
    assert jitted.stats["bytes"] == X.nbytes
    x = Y
    for _ in range(10):
        x = np.tanh(x) + 1
    np.testing.assert_allclose(jitted(Y), np.sum(x), rtol=1e-13)


def test_memory_is_not_written_while_it_is_read_in_another_order():
    def f(x):
        y = np.tanh(x)
        return np.sum((y * y.T) * (y + y[::-1]))

    square = X[:6]
    jitted = tg.jit(f)
    for x in (square, 2 * square):
        np.testing.assert_allclose(jitted(x), f(x), rtol=1e-13)
