"""Norms: cases that random tests rarely reach, conventions for special cases, and errors."""

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


# Norms
def test_norm_without_further_arguments_is_the_root_of_the_sum_of_all_squares():
    for x in (np.array(-3.0), X[0, 0], X[0], X, X[None]):
        check(np.linalg.norm, x)
        check(lambda x: np.linalg.norm(x, keepdims=True), x)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, -2, (1,)])
@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, 0.5, -1, -2, np.float64(4), np.inf, -np.inf])
def test_norms_of_vectors_along_any_axis(ord, axis, keepdims):
    check(lambda x: np.linalg.norm(x, ord, axis, keepdims), X)
    check(lambda x: np.linalg.vector_norm(x, axis=axis, ord=ord, keepdims=keepdims), X)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [(0, 1), (1, 0), (-1, 0), (2, 1), (-3, -1)])
@pytest.mark.parametrize("ord", [None, "fro", "f", "nuc", 1, -1, 2, -2, 2.0, np.inf, -np.inf])
def test_norms_of_matrices_along_any_two_axes(ord, axis, keepdims):
    check(lambda x: np.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_a_matrix_needs_no_axes(ord):
    check(lambda x: np.linalg.norm(x, ord), TALL)
    check(lambda x: np.linalg.norm(x, ord, keepdims=True), TALL.T)
    check(lambda x: np.linalg.matrix_norm(x, ord=ord, keepdims=True), X)


@pytest.mark.parametrize("axis", [None, (0, 2), (-1, 0, 1), ()])
@pytest.mark.parametrize("ord", [1, 2, 3, np.inf, -np.inf])
def test_vector_norm_takes_any_number_of_axes(ord, axis):
    check(lambda x: np.linalg.vector_norm(x, axis=axis, ord=ord, keepdims=True), X)
    check(lambda x: np.linalg.vector_norm(x, axis=axis, ord=ord), X)


def test_the_norm_of_order_0_counts_and_is_constant():
    x = tg.Tensor([[3.0, 0.0], [4.0, 0.5]], dtype=np.float32)
    for y in (np.linalg.norm(x, 0, axis=0), np.linalg.vector_norm(x, ord=0, axis=0)):
        assert type(y) is np.ndarray
        assert y.dtype == np.float32
        assert y.tolist() == [2, 1]
    assert np.linalg.vector_norm(x, ord=0, axis=0, keepdims=True).tolist() == [[2, 1]]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("ord", [None, 1, 2, 3, 0.5, -1, np.inf, -np.inf])
def test_the_gradient_of_the_norm_of_a_zero_vector_is_0(ord):
    assert pulled(lambda x: np.linalg.norm(x, ord, axis=0), np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("ord", [None, "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_the_gradient_of_the_norm_of_a_zero_matrix_is_0(ord):
    assert pulled(lambda x: np.linalg.norm(x, ord), np.zeros((2, 3))).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("ord", "gradient"), [(3, [0, 1]), (1.5, [0, 1]), (0.5, [0, 1]), (-1, [0, 0])])
def test_a_zero_within_a_vector_has_the_gradient_0(ord, gradient):
    np.testing.assert_allclose(pulled(lambda x: np.linalg.norm(x, ord), [0.0, 2.0]), gradient, rtol=1e-14)


def test_equally_large_elements_rows_and_singular_values_share_the_gradient():
    assert pulled(lambda x: np.linalg.norm(x, np.inf), [1.0, -1.0, 0.5]).tolist() == [0.5, -0.5, 0]
    assert pulled(lambda x: np.linalg.norm(x, -np.inf), [1.0, -0.5, 0.5]).tolist() == [0, -0.5, 0.5]
    assert pulled(lambda x: np.linalg.norm(x, np.inf), [[1.0, 2.0], [3.0, 0.0]]).tolist() == [[0.5, 0.5], [0.5, 0]]
    np.testing.assert_allclose(pulled(lambda x: np.linalg.norm(x, 2), np.eye(2)), np.eye(2) / 2, atol=1e-15)


@pytest.mark.parametrize("ord", [None, 1, np.inf, "nuc", 2])
def test_norms_of_nothing_are_0(ord):
    x = tg.Tensor(np.zeros((2, 0, 3)))
    y = np.linalg.norm(x, ord, axis=(1, 2))
    assert y.data.tolist() == [0, 0]
    y.sum().backward()
    assert x.grad.shape == (2, 0, 3)
    if ord != "nuc":
        assert np.linalg.norm(x, ord, axis=1).data.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_unknown_norms_are_named_with_the_known_ones():
    x, cube = tg.Tensor(np.eye(2)), tg.Tensor(X)
    text = message(ValueError, lambda: np.linalg.norm(cube, 2))
    assert "np.linalg.norm(of shape (2, 3, 4), ord=2) over 3 axes" in text
    assert "name them with axis=" in text
    assert "ord='fro'): vectors have norms of numbers" in message(ValueError, lambda: np.linalg.norm(x, "fro", axis=0))
    for ord in (0, 3, "spectral"):
        text = message(ValueError, lambda ord=ord: np.linalg.norm(x, ord))
        assert f"ord={ord!r}): matrices have the norms 'fro', 'nuc', 1, 2, inf" in text
    for ord in (tg.Tensor(2.0), tg.Value(1.0)):  # whose gradient would be lost
        assert "matrices have the norms 'fro'" in message(ValueError, lambda ord=ord: np.linalg.norm(x, ord))
    assert "takes no Tensor" in message(TypeError, lambda: np.linalg.norm(x, tg.Tensor(3.0), axis=0))


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, "fro", "nuc", np.inf, -np.inf])
def test_condition_numbers_in_every_norm(p):
    check(lambda a: np.linalg.cond(a, p), A)
    check(lambda a: np.linalg.cond(a, p=p), np.stack([A, A.T @ A]))


def test_a_singular_matrix_has_an_infinite_condition_number_with_gradient_0():
    for a in (np.zeros((2, 2)), np.diag([1.0, 0.0])):
        assert np.linalg.cond(tg.Tensor(a)).data == np.linalg.cond(a) == np.inf
        assert not pulled(np.linalg.cond, a).any()
    assert "Singular matrix" in message(ValueError, lambda: np.linalg.cond(tg.Tensor(np.zeros((2, 2))), 1))
    check(np.linalg.cond, TALL)
    check(lambda a: np.linalg.cond(a, 2), TALL)
    assert np.linalg.cond(tg.Tensor(np.zeros((0, 2, 2)))).shape == (0,)
    assert "has no condition number" in message(ValueError, lambda: np.linalg.cond(tg.Tensor(np.zeros((0, 2)))))


def test_matrix_rank_is_constant():
    assert np.linalg.matrix_rank(tg.Tensor(SHORT)) == 1
    assert np.linalg.matrix_rank(tg.Tensor(np.stack([SHORT, TALL])), rtol=1e-6).tolist() == [1, 2]
