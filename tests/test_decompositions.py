"""Decompositions: cases that random tests rarely reach, conventions for special cases, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg

A = np.array([[2.0, -0.5, 0.3], [0.4, 1.5, -0.2], [-0.1, 0.6, 1.0]])
S = A + A.T
TALL = np.array([[1.0, 2.0], [0.5, -1.0], [-0.3, 0.8]])


def pulled(f, x, g=1.0):
    """Return the gradient of sum(g f(x))."""
    return tg.grad(lambda x: np.sum(g * f(x)))(np.array(x))


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.cholesky,
        lambda a: np.linalg.cholesky(a, upper=True),
        np.linalg.eigvalsh,
        lambda a: np.linalg.eigh(a)[1],
        lambda a: np.linalg.eigh(a, "U").eigenvectors,
        lambda a: np.linalg.eigvalsh(a, UPLO="U"),
    ],
)
def test_the_gradient_by_a_symmetric_matrix_is_symmetric_whichever_triangle_is_read(f):
    """The gradient is that of the symmetrized argument: half of it is in each triangle."""
    g = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(S)))
    gradient = pulled(f, S, g)
    np.testing.assert_allclose(gradient, gradient.T, rtol=1e-12)
    np.testing.assert_allclose(gradient, pulled(lambda a: f((a + a.T) / 2), S, g), rtol=1e-12)
    check(lambda a: f((a + a.swapaxes(-1, -2)) / 2), np.stack([S, S @ S]))


def test_eigenvalues_that_are_equal_have_the_gradients_of_symmetric_functions():
    for f in (lambda a: np.linalg.eigvalsh(a) ** 3, lambda a: np.linalg.eigh(a)[0] ** 3):
        np.testing.assert_allclose(pulled(f, np.eye(3)), 3 * np.eye(3), atol=1e-14)
        np.testing.assert_allclose(pulled(f, np.diag([0.0, 2.0, 2.0])), np.diag([0, 12, 12]), atol=1e-14)


def test_vectors_of_equal_values_have_no_gradient_and_their_space_has_one():
    def projector(a):
        v = np.linalg.eigh(a)[1][:, 1:]
        return v @ v.T

    assert np.isnan(pulled(lambda a: np.linalg.eigh(a)[1][0, 0], np.eye(3))).any()
    assert np.isnan(pulled(lambda a: np.linalg.svd(a)[0][0, 0], np.eye(3))).any()
    assert np.isnan(pulled(lambda a: np.linalg.svd(a)[0], np.diag([1.0, 0.0, 0.0]))).any()
    a, g = np.diag([1.0, 2.0, 2.0]), np.arange(9.0).reshape(3, 3)
    expected = [[0, 2, 4], [2, 0, 0], [4, 0, 0]]  # g, symmetrized, divided by the distance of the eigenvalues
    np.testing.assert_allclose(pulled(projector, a, g), expected, atol=1e-14)


def test_singular_values_that_are_equal_or_0_have_the_gradients_of_symmetric_functions():
    np.testing.assert_allclose(pulled(lambda a: np.linalg.svdvals(a) ** 3, 2 * np.eye(3)), 12 * np.eye(3), atol=1e-13)
    np.testing.assert_allclose(pulled(lambda a: np.linalg.svd(a)[1] ** 2, np.eye(2)), 2 * np.eye(2), atol=1e-14)
    np.testing.assert_allclose(pulled(lambda a: np.linalg.svd(a, False)[1] ** 2, TALL * 0), 0 * TALL, atol=1e-14)


def test_the_nearest_rotation_has_both_derivatives_where_singular_values_are_equal():
    def rotation(a):
        u, _, v = np.linalg.svd(a)
        return u @ v

    check(rotation, A)
    tg.check_grad(rotation, np.diag([2.0, 1.0, 1.0]), order=1)
    tg.check_grad(rotation, np.eye(2), order=1)


@pytest.mark.parametrize("a", [A, TALL, TALL.T, np.stack([TALL, TALL[::-1]])])
def test_svd_gives_numpys_factors_of_matrices_of_any_shape(a):
    y = np.linalg.svd(tg.Tensor(a), full_matrices=False)
    assert y._fields == np.linalg.svd(a)._fields == ("U", "S", "Vh")
    for i in range(3):
        check(lambda a, i=i: np.linalg.svd(a, False)[i] + 2, a)
    check(lambda a: (y := np.linalg.svd(a, full_matrices=False)) and (y.U * y.S[..., None, :]) @ y.Vh + 3, a)
    check(lambda a: np.linalg.svd(a, compute_uv=False), a)
    check(np.linalg.svdvals, a)


def test_singular_vectors_without_a_gradient_are_refused_or_nan():
    rows, square = tg.Tensor(TALL), tg.Tensor(A)
    narrow = np.arange(8.0).reshape(4, 2) ** 1.5
    for f in (lambda a: np.linalg.svd(a)[0], lambda a: np.linalg.qr(a, "complete")[0]):
        assert np.isnan(pulled(f, narrow, np.arange(16.0).reshape(4, 4))).any()
    np.testing.assert_array_equal(np.linalg.svd(square).U.data, np.linalg.svd(A).U)
    assert "use np.linalg.eigh" in message(TypeError, lambda: np.linalg.svd(square, hermitian=True))
    assert "matrices have two axes" in message(ValueError, lambda: np.linalg.svd(rows[0]))


@pytest.mark.parametrize("a", [A, TALL, TALL.T, X, X[:, :2, :1]])
def test_qr_gives_numpys_factors_of_matrices_of_any_shape(a):
    y = np.linalg.qr(tg.Tensor(a))
    assert y._fields == np.linalg.qr(a)._fields == ("Q", "R")
    for i in range(2):
        check(lambda a, i=i: np.linalg.qr(a)[i] + 4, a)
    check(lambda a: np.linalg.qr(a, mode="r") + 4, a)
    check(lambda a: np.matmul(*np.linalg.qr(a, "reduced")) + 4, a)


def test_other_modes_of_qr_are_refused():
    for mode in ("raw", "economic"):
        text = message(TypeError, lambda mode=mode: np.linalg.qr(tg.Tensor(TALL), mode=mode))
        assert f"mode={mode!r}" in text
        assert "mode='reduced'" in text
    assert "matrices have two axes" in message(ValueError, lambda: np.linalg.qr(tg.Tensor(np.ones(3))))


def test_a_matrix_that_is_not_positive_or_not_square_is_named_with_its_shape():
    a, rows = tg.Tensor(-np.eye(2), label="k"), tg.Tensor(TALL)
    assert "np.linalg.cholesky(k of shape (2, 2)): Matrix is not positive definite" in message(
        ValueError, lambda: np.linalg.cholesky(a)
    )
    assert "np.linalg.eigh(Tensor of shape (3, 2)): Last 2 dimensions" in message(
        ValueError, lambda: np.linalg.eigh(rows)
    )
    assert "UPLO argument must be" in message(ValueError, lambda: np.linalg.eigvalsh(a, "X"))


def test_eigh_gives_numpys_fields():
    y = np.linalg.eigh(tg.Tensor(S))
    assert y._fields == np.linalg.eigh(S)._fields == ("eigenvalues", "eigenvectors")
    np.testing.assert_array_equal(y.eigenvalues.data, np.linalg.eigh(S).eigenvalues)


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.cholesky, np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.eigh(a)[1],
        lambda a: np.linalg.svd(a)[2], np.linalg.svdvals, lambda a: np.linalg.qr(a)[0],
        lambda a: np.linalg.qr(a[:2])[1],
    ],
)  # fmt: skip
def test_float32_stays_float32(f):
    a = tg.Tensor(S, dtype=np.float32)
    y = f(a)
    assert y.dtype == f(a.data).dtype == np.float32
    y.sum().backward()
    np.testing.assert_allclose(a.grad, pulled(f, S), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("a", [TALL, TALL.T, A, X[:, :2, :1]])
def test_complete_bases_have_the_gradients_of_functions_that_do_not_depend_on_their_choice(a):
    n = min(a.shape[-2:])
    T = lambda v: np.swapaxes(v, -1, -2)
    for i in range(3):
        np.testing.assert_allclose(np.linalg.svd(tg.Tensor(a))[i].data, np.linalg.svd(a)[i])
    for i in range(2):
        np.testing.assert_allclose(np.linalg.qr(tg.Tensor(a), "complete")[i].data, np.linalg.qr(a, "complete")[i])

    def by_svd(a):
        u, s, vh = np.linalg.svd(a)
        u0, v0 = u[..., n:], T(vh)[..., n:]
        return (
            np.sum(np.sin(u0 @ T(u0))) + np.sum(np.sin(v0 @ T(v0))) + np.sum(np.cos(u[..., :1] * vh[..., :1, :1])) + s
        )

    def by_qr(a):
        q, r = np.linalg.qr(a, "complete")
        return np.sum(np.sin(q[..., n:] @ T(q[..., n:]))) + np.sum(np.sin(q @ r)) + np.sum(np.cos(q[..., :n]))

    tg.check_grad(by_svd, a, atol=1e-5)
    tg.check_grad(by_qr, a, atol=1e-5)


def test_qr_of_a_singular_matrix_is_named_where_its_gradient_fails():
    for shape in ((3, 3), (4, 2), (2, 4)):
        y = np.linalg.qr(tg.Tensor(np.zeros(shape))).R.sum()
        assert "np.linalg.qr(of shape (" in message(np.linalg.LinAlgError, y.backward)


def test_the_gradient_of_a_determinant_that_is_nan_is_nan():
    whole = np.array([[1.0, 2.0], [3.0, 5.0]])
    for hole in (np.nan, np.inf):
        broken = np.array([[1.0, hole], [3.0, 5.0]])
        a = tg.Tensor(np.stack([whole, broken]))
        with np.errstate(invalid="ignore"):
            np.linalg.det(a).sum().backward()
            hessian = tg.hessian(np.linalg.det)(broken)
        np.testing.assert_allclose(a.grad[0], [[5, -3], [-2, 1]], rtol=1e-12)
        assert np.isnan(a.grad[1]).all()
        assert np.isnan(hessian).any()


def test_slogdet_of_a_singular_matrix_names_the_remedy():
    a = tg.Tensor(np.ones((2, 2)))
    with np.errstate(divide="ignore"):
        y = np.linalg.slogdet(a)[1]
    assert "np.linalg.det has one" in message(ValueError, y.backward)
    tg.check_grad(np.linalg.det, np.ones((2, 2)))
