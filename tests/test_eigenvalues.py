"""Decompositions of complex matrices, and eigenvalues that are complex: exact, or NaN where there is no derivative."""

import numpy as np
import pytest
from checks import message

import tinygrad_edu as tg

RNG = np.random.default_rng(1)
A = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
B = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
REAL = np.array([[0.5, -2.0, 0.3], [1.5, 0.2, 0.1], [0.0, 0.4, -1.0]])  # with a pair of complex eigenvalues
STEPS = np.arange(3)


def H(a):
    return np.conjugate(np.swapaxes(a, -1, -2))


def hermitian(a):
    return (a + H(a)) / 2


def by_eigh(a):
    w, v = np.linalg.eigh(hermitian(a))
    return np.sum(w**2 * STEPS) + np.sum(np.abs(v) ** 2 * np.abs(B)) + np.sum(np.abs(H(v) @ B @ v) ** 2)


def by_svd(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    k = s.shape[-1]
    joint = u @ vh
    rest = np.sum(np.abs(u[0]) ** 2 * s) + np.sum(np.abs(vh[:, 0]) ** 2 * s**3)
    return np.sum(s**2 * np.arange(k)) + rest + np.sum(joint.real * np.arange(joint.size).reshape(joint.shape))


def by_qr(a):
    q, r = np.linalg.qr(a)
    return np.sum(np.real(q * (1 + 2j) * q)) + np.sum(np.imag(r * r * (1 + 2j)))


def by_eig(a):
    w, v = np.linalg.eig(a)
    return np.sum(np.abs(w) ** 2) + np.sum(np.real(w**3 * STEPS)) + np.sum(np.abs(v) ** 2 * np.abs(B))


@pytest.mark.parametrize(("f", "a"), [
    (by_eigh, A), (by_svd, A), (by_svd, A[:2]), (by_svd, A[:, :2]), (by_qr, A), (by_qr, A[:, :2]), (by_qr, A[:2]),
    (by_eig, A), (lambda a: np.sum(np.abs(np.linalg.eigvals(a) ** 2 + 1)), REAL), (by_eig, REAL),
    (lambda a: np.sum(np.abs(np.linalg.cholesky(a @ H(a)) * B) ** 2), A),
    (lambda a: np.real(np.linalg.slogdet(a).sign * (1 + 2j)) + np.linalg.slogdet(a)[1], A),
    (lambda a: np.abs(np.linalg.svd(a)[0][:, 2] @ np.ones(3)), A[:, :2]), (lambda a: np.real(np.poly(a)[2]), A),
])  # fmt: skip
def test_functions_that_do_not_depend_on_phases(f, a):
    tg.check_grad(f, a)


@pytest.mark.parametrize("f", [
    lambda a: np.sum(np.linalg.eigh(hermitian(a))[1]).real, lambda a: np.sum(np.linalg.svd(a)[0]).real,
    lambda a: np.sum(np.linalg.eig(a)[1]).real,
])  # fmt: skip
def test_a_function_of_the_phase_of_an_eigenvector_has_no_derivative(f):
    assert np.isnan(tg.grad(f)(A)).any()


def test_rounding_errors_of_gradients_by_vectors_are_no_phases():
    def trace(a):
        w, v = np.linalg.eig(a)
        return np.real(np.sum(w) + np.sum(v @ np.linalg.inv(v)))

    rng = np.random.default_rng(0)
    for _ in range(5):
        a, weights = rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3))
        np.testing.assert_allclose(tg.grad(trace)(a), np.eye(3), atol=1e-12)
        second = tg.grad(lambda a, weights=weights: np.sum(np.real(tg.grad(trace)(a) * weights)))(a)
        np.testing.assert_allclose(second, np.zeros((3, 3)), atol=1e-12)


def test_equal_eigenvalues_of_a_hermitian_matrix_and_singular_values():
    u, v = np.linalg.qr(A)[0], np.linalg.qr(B)[0]
    m = u @ np.diag([1.0, 1.0, 2.0]) @ H(u)

    def exponential(a):
        w, v = np.linalg.eigh(hermitian(a))
        y = (v * np.exp(w)) @ H(v)
        return np.sum(np.real(y * B)) + np.sum(np.abs(y) ** 2)

    tg.check_grad(exponential, m)
    assert np.isnan(tg.grad(lambda a: np.abs(np.linalg.eigh(hermitian(a))[1][0, 0]))(m)).all()
    for s in ([1.0, 1, 2], [0.0, 1, 2], [0.0, 0, 1]):

        def cube(a):
            u, s, vh = np.linalg.svd(a)
            return np.sum(np.real((u * s**3) @ vh * B))

        tg.check_grad(cube, u @ np.diag(s) @ H(v), order=1)
        tg.check_grad(lambda a: np.sum(np.linalg.svdvals(a) ** 2), u @ np.diag(s) @ H(v), order=1 + (s[0] == 1))


def test_eigenvalues_that_are_equal_have_a_gradient_only_if_the_function_treats_them_alike():
    eigvals = np.linalg.eigvals
    np.testing.assert_allclose(tg.grad(lambda a: np.sum(eigvals(a)).real)(np.eye(3)), np.eye(3))
    assert np.isnan(tg.grad(lambda a: eigvals(a)[0].real)(np.eye(3))).all()
    assert np.isnan(tg.hvp(lambda a: np.sum(eigvals(a) ** 2).real)(np.eye(2), np.ones((2, 2)))).any()
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])  # which has one eigenvector
    assert np.isnan(tg.grad(lambda a: np.sum(eigvals(a)).real)(jordan)).all()


def test_results_are_real_where_numpys_are():
    symmetric = REAL + REAL.T
    for a in (symmetric, REAL):
        w, v = np.linalg.eig(tg.Tensor(a))
        assert w.dtype == np.linalg.eigvals(tg.Tensor(a)).dtype == np.linalg.eigvals(a).dtype
        assert v.dtype == np.linalg.eig(a)[1].dtype
    assert "must be square" in message(ValueError, lambda: np.linalg.eigvals(tg.Tensor(np.ones((2, 3)))))
    for f in (np.emath.sqrt, np.emath.log, np.emath.arcsin):
        assert f(tg.Tensor([0.5])).dtype == np.float64
        assert f(tg.Tensor([0.5, -2.0])).dtype == np.complex128
    assert np.emath.sqrt(tg.Tensor([-1.0])).data[0] == 1j


def test_positive_definite_systems_of_complex_numbers():
    m = A @ H(A)
    tg.check_grad(lambda a, b: np.linalg.solve(a, b), m, B)
    for f in (np.linalg.inv, np.linalg.det, np.linalg.pinv, lambda a: np.linalg.cond(a, 1)):
        tg.check_grad(f, A)
