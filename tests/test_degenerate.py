"""Matrices with equal eigenvalues or singular values, or singular values 0: exact derivatives, or NaN without one.

A smooth function of a matrix, computed by way of a decomposition, has the derivatives of the same function computed by
products of matrices.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

import tinygrad_edu as tg
from tinygrad_edu.transforms import tangents


def T(a):
    return np.swapaxes(a, -1, -2)


def by_eigh(f):
    """Return the function of a symmetric matrix that applies f to its eigenvalues."""

    def of_matrix(a):
        w, v = np.linalg.eigh(a)
        return (v * f(w)[..., None, :]) @ np.conj(T(v))

    return of_matrix


def by_svd(f):
    """Return the function of a matrix that applies f to its singular values."""

    def of_matrix(a):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return (u * f(s)[..., None, :]) @ vh

    return of_matrix


def symmetrized(f):
    return lambda a: f((a + T(a)) / 2)


inv = np.linalg.inv
SYMMETRIC = {
    "identity": (lambda w: w, lambda a: a),
    "shifted": (lambda w: w - 1, lambda a: a - np.eye(a.shape[-1])),
    "square": (lambda w: w**2, lambda a: a @ a),
    "cube": (lambda w: w**3 - w, lambda a: a @ a @ a - a),
    "inverse": (lambda w: 1 / w, inv),
    "rational": (lambda w: w / (1 + w**2), lambda a: a @ inv(np.eye(a.shape[-1]) + a @ a)),
}
ODD = {
    "identity": (lambda s: s, lambda a: a),
    "cube": (lambda s: s**3, lambda a: a @ T(a) @ a),
    "fifth": (lambda s: s**5 - s, lambda a: a @ T(a) @ a @ T(a) @ a - a),
}


def rotation(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


@pytest.mark.parametrize("name", SYMMETRIC)
@settings(max_examples=5)
@given(seed=seeds, w=st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=4), stacked=st.booleans())
def test_functions_of_a_symmetric_matrix_with_equal_eigenvalues(name, seed, w, stacked):
    f, direct = SYMMETRIC[name]
    rng = np.random.default_rng(seed)
    n = len(w)
    q = rotation(rng, n) if seed % 2 else np.eye(n)
    a = q @ np.diag(w) @ q.T
    a = np.stack([a, np.eye(n)]) if stacked else a
    weights = rng.normal(size=a.shape)
    decomposed, expected = (lambda a, f=f: np.sum(weights * f(a)) for f in (by_eigh(f), symmetrized(direct)))
    np.testing.assert_allclose(tg.grad(decomposed)(a), tg.grad(expected)(a), rtol=1e-6, atol=1e-7)
    v = rng.normal(size=a.shape)
    if not stacked:
        np.testing.assert_allclose(tg.hvp(decomposed)(a, v), tg.hvp(expected)(a, v), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ODD)
@settings(max_examples=5)
@given(seed=seeds, s=st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0]), min_size=1, max_size=3), m=st.integers(1, 4))
def test_odd_functions_of_singular_values_that_are_equal_or_0(name, seed, s, m):
    f, direct = ODD[name]
    rng = np.random.default_rng(seed)
    n = len(s)
    middle = np.zeros((m, n))
    np.fill_diagonal(middle, s)
    a = rotation(rng, m) @ middle @ rotation(rng, n) if seed % 2 else middle
    weights, v = rng.normal(size=a.shape), rng.normal(size=a.shape)
    decomposed, expected = (lambda a, f=f: np.sum(weights * f(a)) for f in (by_svd(f), direct))
    np.testing.assert_allclose(tg.grad(decomposed)(a), tg.grad(expected)(a), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(tg.hvp(decomposed)(a, v), tg.hvp(expected)(a, v), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-9, 3e-8, 1e-7, 1e-6, 5e-6, 1e-5, 1e-4])
def test_second_derivatives_of_functions_of_nearly_equal_values(gap):
    """A quotient whose divisor is the gap has eps / gap**2 of error in its derivatives."""
    rng = np.random.default_rng(0)
    for values in ([1, 1 + gap, 2], [1, 1 + gap, 1 + 2 * gap], [gap, 2 * gap, 1]):
        q, r = rotation(rng, 3), rotation(rng, 3)
        weights, v = rng.normal(size=(2, 3, 3))
        for f, direct, a in (
            (by_eigh(SYMMETRIC["rational"][0]), symmetrized(SYMMETRIC["rational"][1]), q @ np.diag(values) @ q.T),
            (by_svd(ODD["fifth"][0]), ODD["fifth"][1], q @ np.diag(values) @ r),
        ):
            decomposed, expected = (lambda a, f=f, w=weights: np.sum(w * f(a)) for f in (f, direct))
            np.testing.assert_allclose(tg.hvp(decomposed)(a, v), tg.hvp(expected)(a, v), rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(tg.grad(decomposed)(a), tg.grad(expected)(a), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("f", [by_eigh(np.square), by_svd(lambda s: s**3)], ids=["eigh", "svd"])
@pytest.mark.parametrize("factor", [1, 1 + 1j])
def test_forward_mode_knows_the_derivatives_that_reverse_mode_knows(f, factor):
    a, v = np.eye(2) + 0 * factor, factor * np.array([[1.0, 2.0], [2.0, -1.0]])
    g = lambda a: np.real(np.sum(f((a + np.conj(T(a))) / 2) * np.array([[1.0, 2.0], [0.5, 3.0]])))
    slope = np.real(np.sum(np.conj(tg.grad(g)(a)) * v))
    assert np.isfinite(slope)
    np.testing.assert_allclose(tg.jvp(g, [a], [v])[1], slope)
    along = lambda a: np.real(np.sum(np.conj(v) * tg.grad(g)(a)))
    np.testing.assert_allclose(tg.jvp(along, [a], [v])[1], np.real(np.sum(np.conj(tg.grad(along)(a)) * v)))
    if factor == 1:
        np.testing.assert_allclose(tg.jvp(f, [a], [v])[1], np.tensordot(tg.jacobian(f)(a), v))


def test_tangents_where_the_result_is_nan_stay_nan_at_no_cost():
    f = lambda a, x: x * np.sum(np.linalg.eigh(a)[0])  # row by row it would take a gradient for each element
    y, t = tg.jvp(f, [np.eye(2), np.full(10**5, np.nan)], [np.eye(2), np.ones(10**5)])
    assert np.isnan([y, t]).all()


def test_forward_mode_takes_few_passes_where_all_elements_have_a_tangent(monkeypatch):
    passes, pull = [], tangents.node_gradients
    monkeypatch.setattr(tangents, "node_gradients", lambda *args, **options: passes.append(1) or pull(*args, **options))
    a, v = np.eye(5), np.arange(25.0).reshape(5, 5)
    np.testing.assert_allclose(tg.jvp(by_eigh(np.square), [a], [v + v.T])[1], 2 * (v + v.T))
    assert len(passes) == 3
    one_vector = lambda a: np.append(by_eigh(np.square)(a), np.linalg.eigh(a)[1][0, 0])
    assert np.isnan(tg.jvp(one_vector, [a], [v + v.T])[1]).tolist() == [False] * 25 + [True]


def test_the_square_root_of_a_matrix_at_the_identity():
    weights = np.random.default_rng(0).normal(size=(3, 3))
    expected = (weights + weights.T) / 4
    root = lambda a: np.sum(weights * by_eigh(np.sqrt)(a))
    np.testing.assert_allclose(tg.grad(root)(np.eye(3)), expected)
    a = tg.Tensor(np.eye(3))
    root(a).backward()
    np.testing.assert_allclose(a.grad, expected)
    near = np.eye(3) + 1e-11 * weights @ weights.T  # eigenvalues that differ by little more than rounding
    np.testing.assert_allclose(tg.grad(root)(near), expected, atol=1e-8)
    single = tg.Tensor(np.eye(3), dtype=np.float32)
    root(single).backward()
    np.testing.assert_allclose(single.grad, expected, rtol=1e-3)


@pytest.mark.parametrize("a", [np.eye(3), np.diag([1.0, 2.0, 2.0]), np.zeros((3, 3))])
def test_sums_of_functions_of_eigenvalues_and_singular_values(a):
    n = np.eye(9).reshape(3, 3, 3, 3)
    squares = tg.hessian(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(a)
    np.testing.assert_allclose(squares, n + n.transpose(0, 1, 3, 2), atol=1e-12)
    np.testing.assert_allclose(tg.hessian(lambda a: np.sum(np.linalg.svdvals(a) ** 2))(a), 2 * n, atol=1e-12)
    np.testing.assert_allclose(tg.grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 3))(a), 3 * a @ a, atol=1e-12)
    np.testing.assert_allclose(tg.grad(lambda a: np.linalg.norm(a, "nuc") ** 2)(a), 2 * np.trace(a) * (a > 0))


def test_the_nearest_rotation_has_both_derivatives_at_a_rotation():
    polar = by_svd(np.ones_like)
    rng = np.random.default_rng(0)
    for a in (np.eye(3), rotation(rng, 3), 2 * rotation(rng, 3)[:, :2]):
        weights = rng.normal(size=a.shape)
        tg.check_grad(lambda a, weights=weights: np.sum(weights * polar(a)), a, atol=1e-5)


def test_the_largest_of_equal_values_shares_its_gradient():
    np.testing.assert_allclose(tg.grad(lambda a: np.linalg.eigvalsh(a)[0])(np.eye(2)), np.eye(2) / 2)
    np.testing.assert_allclose(tg.grad(lambda a: np.linalg.svdvals(a)[0])(np.eye(2)), np.eye(2) / 2)
    np.testing.assert_array_equal(tg.grad(lambda a: np.linalg.svdvals(a)[0])(np.zeros((2, 3))), np.zeros((2, 3)))


@pytest.mark.parametrize("q", [np.eye(3), rotation(np.random.default_rng(1), 3)], ids=["identity", "rotated"])
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.linalg.eigh(a)[1][0, 0],
        lambda a: np.linalg.eigh(a)[1][0, 2] ** 2,
        lambda a: np.sum(np.arange(9).reshape(3, 3) * np.linalg.eigh(a)[1]),
        lambda a: np.linalg.svd(a)[0][0, 0] ** 2,
        lambda a: np.linalg.svd(a)[2][1, 0],
        lambda a: np.sum(np.arange(9).reshape(3, 3) * np.linalg.svd(a)[0]),
    ],
)
def test_a_function_of_the_choice_of_vectors_has_no_gradient(f, q):
    a = q @ np.diag([2.0, 2.0, 2.0]) @ q.T
    assert np.isnan(tg.grad(f)((a + a.T) / 2)).any()


def test_a_matrix_without_equal_values_in_a_stack_keeps_its_gradient():
    good, weights = np.diag([1.0, 2.0, 4.0]), np.arange(9.0).reshape(3, 3)
    f = lambda a: np.sum(weights * np.linalg.eigh(a)[1])
    g = tg.grad(f)(np.stack([good, np.eye(3)]))
    np.testing.assert_allclose(g[0], tg.grad(f)(good))
    assert np.isnan(g[1]).any()


def test_two_near_values_among_many_cost_no_derivatives_by_the_others():
    values = np.arange(1.0, 21)
    values[1] = 1 + 1e-7
    rng = np.random.default_rng(0)
    weights, q = rng.normal(size=(20, 20)), rotation(rng, 20)
    for f in (by_eigh(np.sqrt), by_svd(np.sqrt)):
        tracemalloc.start()
        tg.hvp(lambda a, f=f: np.sum(weights * f(a)))(q * values @ q.T, weights + weights.T)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8000 * weights.nbytes
