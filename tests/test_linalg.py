"""Linear algebra: cases that random tests rarely reach, conventions for special cases, and errors."""

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg

A = np.array([[2.0, -0.5, 0.3], [0.4, 1.5, -0.2], [-0.1, 0.6, 1.0]])
TALL = np.array([[1.0, 2.0], [0.5, -1.0], [-0.3, 0.8]])
SHORT = np.outer([1.0, 2.0, 3.0], [0.5, -1.0])  # of rank one


def pulled(f, x, g=1.0):
    """Return the gradient of sum(g f(x))."""
    return tg.grad(lambda x: np.sum(g * f(x)))(np.array(x))


# Inverses and equations


@pytest.mark.parametrize("b", [(3,), (3, 2), (4, 3, 2), (4, 1, 3, 2), (2, 3, 1)])
@pytest.mark.parametrize("stack", [(), (2,), (1, 2), (4, 1)])
def test_solve_takes_one_vector_or_stacks_of_matrices_that_broadcast(stack, b):
    if len(b) < 3 or 2 not in (*stack[-1:], *b[-3:-2]) or 4 not in (*stack[-1:], *b[-3:-2]):
        rng = np.random.default_rng(0)
        check(np.linalg.solve, A + rng.uniform(-0.1, 0.1, (*stack, 3, 3)), rng.uniform(-1, 1, b))


def test_equations_take_lists_and_numbers_beside_tensors():
    a, b = [[2.0, 1.0], [1.0, 3.0]], [1, 2]
    check(lambda x: np.linalg.solve(a, x), np.array(b, float))
    check(lambda x: np.linalg.solve(x, b), np.array(a))
    check(lambda x: np.linalg.solve(a=a, b=x), np.eye(2))
    check(lambda x: np.linalg.tensorsolve(x, b), np.array(a))
    check(lambda x: np.linalg.tensorsolve(a, x), np.array(b, float))
    check(lambda x: np.linalg.lstsq(TALL.tolist(), x)[0], np.array([1.0, 2.0, 3.0]))
    check(lambda x: np.linalg.lstsq(x, [1, 2, 3])[0], TALL)


@pytest.mark.parametrize("b", [np.array([1.0, -2.0, 0.5]), np.arange(6.0).reshape(3, 2), np.zeros((3, 0))])
@pytest.mark.parametrize("a", [TALL, TALL @ TALL.T, A, SHORT, SHORT.T @ A, TALL.T @ A, np.zeros((3, 2))])
def test_least_squares_gives_all_four_results(a, b):
    b = b[: len(a)]
    ours, numpys = np.linalg.lstsq(tg.Tensor(a), tg.Tensor(b)), np.linalg.lstsq(a, b)
    assert type(ours) is tuple
    assert ours[2] == numpys[2]
    for ours_, numpys_ in zip(ours, numpys, strict=True):
        assert np.shape(ours_) == np.shape(numpys_)
        np.testing.assert_allclose(getattr(ours_, "data", ours_), numpys_, atol=1e-13)
    check(lambda b: np.linalg.lstsq(a, b)[0] + 1, b)
    if numpys[2] == min(a.shape):
        check(lambda a, b: np.linalg.lstsq(a, b)[0] + 1, a, b)
        check(lambda a: np.linalg.lstsq(a, b)[3], a)
    if numpys[1].size:
        check(lambda a, b: np.linalg.lstsq(a, b)[1], a, b)


@pytest.mark.parametrize("rcond", [None, -1, -0.5, 0, 0.5, 1, 1.5])
def test_small_singular_values_count_as_0_in_least_squares(rcond):
    a, b = np.diag([1.0, 0.3, 0.0])[:, :2], np.ones(3)
    rank = np.linalg.lstsq(tg.Tensor(a), b, rcond=rcond)[2]
    assert rank == np.linalg.lstsq(a, b, rcond)[2] == (1 if rcond == 0.5 else 2)
    g = pulled(lambda b: np.linalg.lstsq(a, b, rcond)[0], b)
    np.testing.assert_allclose(g, [1, 0 if rank == 1 else 1 / 0.3, 0], atol=1e-15)
    for small in (0.0, 0.4, 0.75, 1.5, 2.5, 3.5):  # in multiples of the machine epsilon
        a = 1e-20 * np.diag([1.0, small * np.finfo(np.float64).eps, 0.0])[:, :2]
        assert np.linalg.lstsq(tg.Tensor(a), b, rcond=rcond)[2] == np.linalg.lstsq(a, b, rcond)[2]


@pytest.mark.parametrize("imaginary", [0, 1j])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (3, 3)])
@pytest.mark.parametrize("rcond", [0.02, 0.3, 0.5])
def test_singular_values_that_rcond_drops_turn_the_vectors_of_the_others(rcond, shape, imaginary):
    rng = np.random.default_rng(1)
    u, _, vh = np.linalg.svd(rng.normal(size=shape) + imaginary * rng.normal(size=shape), full_matrices=False)
    a, b = (u * [3.0, 1.2, 0.4]) @ vh, rng.normal(size=(shape[0], 2)) + imaginary
    check(lambda a: np.linalg.pinv(a, rcond), a)
    check(lambda a: np.linalg.pinv(np.stack([a, 2j * a]), rtol=rcond), a)
    check(lambda a, b: np.linalg.lstsq(a, b, rcond)[0], a, b)
    if shape[0] == shape[1]:
        check(lambda a: np.linalg.pinv(a + a.conj().T, rcond, hermitian=True), a)
    for values in ([2.0, 1.3, 0.0], [2.0, 2.0, 0.1], [1.0, 0.0, 0.0]):  # rcond decides that 0 stays 0
        check(lambda a: np.linalg.pinv(a, rcond), (u * values) @ vh)
    np.testing.assert_allclose(
        tg.vmap(tg.grad(lambda a: np.sum(np.abs(np.linalg.pinv(a, rcond)) ** 2)))(a[None])[0],
        tg.grad(lambda a: np.sum(np.abs(np.linalg.pinv(a, rcond)) ** 2))(a),
    )


def test_the_gradient_of_the_pseudoinverse_keeps_the_rank():
    check(np.linalg.pinv, TALL)
    check(lambda a: np.linalg.pinv(a, rcond=1e-3), np.stack([TALL, TALL[::-1]]))
    check(lambda u, v: np.linalg.pinv(np.expand_dims(u, 1) * v, rtol=1e-6), np.array([1.0, 2.0, 3.0]), np.ones(2))
    assert not pulled(np.linalg.pinv, np.zeros((2, 3))).any()
    check(lambda a: np.linalg.pinv(a + a.T, hermitian=True), A)
    g = pulled(lambda a: np.linalg.pinv(a, hermitian=True)[1, 0], A + A.T)
    np.testing.assert_array_equal(g, g.T)
    half = np.tril(A + A.T) + np.triu(np.full((3, 3), 99), 1)
    np.testing.assert_array_equal(pulled(lambda a: np.linalg.pinv(a, hermitian=True)[1, 0], half), g)


@pytest.mark.parametrize("imaginary", [0, 1j])
@pytest.mark.parametrize("rcond", [1e-10, 0.5])
def test_both_triangles_share_the_second_derivative_of_a_hermitian_pseudoinverse(rcond, imaginary):
    slope = tg.grad(lambda a: np.real(np.linalg.pinv(a, rcond, hermitian=True)[1, 0]))
    h = pulled(lambda a: np.real(slope(a)), A + A.T - imaginary * np.tri(3, k=-1))
    np.testing.assert_allclose(h, h.conj().T, rtol=1e-10)


def test_tensorinv_and_tensorsolve_move_and_count_axes_as_numpy_does():
    a = np.random.default_rng(0).uniform(-1, 1, (2, 3, 6)) + np.eye(6).reshape(2, 3, 6)
    check(np.linalg.tensorinv, a)
    check(lambda a: np.linalg.tensorinv(a, ind=1), a.transpose(2, 0, 1))
    check(np.linalg.tensorsolve, a, X[0, :, :2].T)
    check(lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 1)), a, X.ravel()[:6])
    check(lambda a, b: np.linalg.tensorsolve(a, b, axes=(1,)), a.reshape(6, 3, 2).transpose(0, 1, 2), np.ones((6,)))
    assert "6 unknowns" in message(ValueError, lambda: np.linalg.tensorsolve(tg.Tensor(X), np.ones(2), axes=(0, 1)))
    assert "at least one axis" in message(ValueError, lambda: np.linalg.tensorinv(tg.Tensor(a), ind=0))


def test_matrices_that_do_not_fit_are_named_with_their_shapes():
    rows, ones = tg.Tensor(TALL, label="w"), tg.Tensor(np.ones((2, 2)))
    assert "np.linalg.inv(w of shape (3, 2)): Last 2 dim" in message(ValueError, lambda: np.linalg.inv(rows))
    assert "np.linalg.inv(Tensor of shape (2, 2)): Singular matrix" in message(ValueError, lambda: np.linalg.inv(ones))
    assert "np.linalg.det(w of shape (3, 2))" in message(ValueError, lambda: np.linalg.det(rows))
    assert "np.linalg.solve(Tensor of shape (2, 2), w of shape (3, 2))" in message(
        ValueError, lambda: np.linalg.solve(ones, rows)
    )
    assert "Incompatible dimensions" in message(ValueError, lambda: np.linalg.lstsq(rows, np.ones(2)))


# Determinants


@pytest.mark.parametrize(
    ("a", "cofactors"),
    [
        ([[0.0]], [[1]]),
        ([[1.0, 2.0], [2.0, 4.0]], [[4, -2], [-2, 1]]),
        ([[0.0, 0.0], [0.0, 0.0]], [[0, 0], [0, 0]]),
        ([[0.0, 1.0], [0.0, 0.0]], [[0, 0], [-1, 0]]),
        (SHORT @ SHORT.T, np.zeros((3, 3))),
        (-np.eye(3), np.eye(3)),
    ],
)
def test_the_gradient_of_the_determinant_is_its_cofactors_also_where_it_is_0(a, cofactors):
    np.testing.assert_allclose(pulled(np.linalg.det, a), cofactors, atol=1e-13)
    tg.check_grad(np.linalg.det, np.array(a))


def test_the_determinant_has_three_derivatives_and_more_where_it_is_not_0():
    tg.check_grad(np.linalg.det, np.eye(3), order=3)
    tg.check_grad(np.linalg.det, np.stack([A[:2, :2], np.diag([1.0, 2.0])]), order=3)
    np.testing.assert_array_equal(tg.grad(np.linalg.det)(np.zeros((0, 0))), np.zeros((0, 0)))


def test_slogdet_gives_a_constant_sign_and_the_logarithm():
    a = tg.Tensor(np.stack([A, A[[1, 0, 2]]]))
    y = np.linalg.slogdet(a)
    assert y._fields == ("sign", "logabsdet")
    assert type(y.sign) is np.ndarray
    assert y.sign.tolist() == [1, -1]
    check(lambda a: np.linalg.slogdet(a).logabsdet, a.data)
    np.testing.assert_allclose(pulled(lambda a: np.linalg.slogdet(a)[1], 1e-200 * A), np.linalg.inv(1e-200 * A).T)
    tg.check_grad(lambda a: np.linalg.slogdet(a)[1], np.eye(3))
    y = np.linalg.slogdet(tg.Tensor(np.ones((2, 2))))[1]
    assert y.data == -np.inf
    with pytest.raises(np.linalg.LinAlgError, match="a matrix is singular"):
        y.backward()


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.inv, np.linalg.pinv, np.linalg.det, np.linalg.cond, lambda a: np.linalg.cond(a, 1),
        lambda a: np.linalg.slogdet(a)[1], lambda a: np.linalg.solve(a, a[0]), lambda a: np.linalg.norm(a, "nuc"),
        lambda a: np.linalg.norm(a, np.float64(3), axis=0), lambda a: np.linalg.lstsq(a, a[0])[0],
        lambda a: np.linalg.lstsq(a[:, :2], a[0])[1], lambda a: np.linalg.lstsq(a, a)[3],
        lambda a: np.linalg.tensorinv(a, 1), lambda a: np.linalg.tensorsolve(a, a[0]),
    ],
)  # fmt: skip
def test_float32_stays_float32(f):
    a = tg.Tensor(A, dtype=np.float32)
    y = f(a)
    assert y.dtype == f(a.data).dtype == np.float32
    y.sum().backward()
    np.testing.assert_allclose(a.grad, pulled(f, A), rtol=1e-3, atol=1e-4)
