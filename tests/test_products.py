"""Products: cases that random tests rarely reach, and errors."""

import itertools
import math
import operator
from typing import ClassVar

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort
from tinygrad_edu.engine.rules import products

A = np.array([[2.0, -1.0], [0.5, 3.0]])
B = np.array([[1.5, 0.25], [-0.75, 2.0]])


def drawn(*shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


@pytest.mark.parametrize("fun", [np.matmul, operator.matmul, np.dot])
@pytest.mark.parametrize("b", [(3,), (3, 2), (4, 3, 2)])
@pytest.mark.parametrize("a", [(3,), (2, 3), (4, 2, 3), (5, 1, 2, 3)])
def test_products_of_every_pair_of_dimensions(fun, a, b):
    rng = np.random.default_rng(0)
    check(fun, rng.uniform(-1, 1, a), rng.uniform(-1, 1, b))


@pytest.mark.parametrize("shape", [(4, 2, 3), (5, 4, 2, 3)])
def test_a_matrix_that_served_a_stack_has_its_gradient_as_one_product(shape):
    a, b = drawn(shape, (3, 2))
    assert products.matmul_b(a @ b, a @ b, a, b).shape == b.shape


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (np.dot, [(2, 3), (2, 4, 3, 5)]),
        (np.vdot, [(2, 3, 4), (4, 6)]),
        (np.vdot, [(), ()]),
        (np.inner, [(2, 3, 4), (5, 4)]),
        (np.inner, [(4,), (2, 3, 4)]),
        (np.inner, [(), (2, 3)]),
        (np.outer, [(2, 3), (4,)]),
        (np.outer, [(), (4,)]),
        (np.linalg.outer, [(3,), (4,)]),
        (np.tensordot, [(2, 3, 4), (3, 4, 2)]),
        (lambda a, b: np.tensordot(a, b, 0), [(2, 3), (4,)]),
        (lambda a, b: np.tensordot(a, b, axes=([0, -1], [2, 1])), [(2, 3, 4), (3, 4, 2)]),
        (lambda a, b: np.tensordot(a, b, axes=(-2, 0)), [(2, 3, 4), (3, 5)]),
        (lambda a, b: np.tensordot(a, b, axes=([1], 0)), [(2, 3, 4), (3, 5)]),
        (lambda a, b: np.linalg.tensordot(a, b, axes=1), [(2, 3), (3, 4)]),
        (lambda a, b: np.tensordot(a, b, axes=([0, 1], [2, 0])), [(2, 3, 4), (3, 4, 2)]),
        (np.kron, [(2, 3), (4, 1)]),
        (np.kron, [(3,), (2, 1, 3)]),
        (np.kron, [(), (2, 3)]),
        (np.kron, [(), ()]),
        (np.vecdot, [(4, 1, 3), (2, 3)]),
        (lambda a, b: np.vecdot(a, b, axis=0), [(3, 2, 4), (3, 4)]),
        (lambda a, b: np.vecdot(a, b, axis=0), [(3,), (3, 2)]),
        (lambda a, b: np.vecdot(a, b, axis=1), [(2, 3, 4), (2, 3, 1)]),
        (lambda a, b: np.linalg.vecdot(a, b, axis=-2), [(2, 3, 4), (3, 1)]),
        (np.linalg.matmul, [(2, 3, 4), (4, 5)]),
        (np.cross, [(4, 1, 3), (2, 3)]),
        (lambda a, b: np.cross(a, b, axisa=0, axisb=1, axisc=1), [(3, 2, 4), (2, 3, 4)]),
        (lambda a, b: np.cross(a, b, axisc=0), [(2, 4, 3), (2, 4, 3)]),
        (lambda a, b: np.cross(a, b, axis=0), [(3, 4), (3,)]),
        (lambda a, b: np.cross(a, b, axis=-2), [(2, 3, 4), (3, 4)]),
        (lambda a, b: np.cross(a, b, axisa=1, axisb=0), [(2, 3, 4), (3, 2, 4)]),
        (lambda a, b: np.linalg.cross(a, b, axis=0), [(3, 4), (3, 1)]),
        (lambda *factors: np.linalg.multi_dot(factors), [(2, 3), (3, 4), (4, 5), (5, 6)]),
        (lambda *factors: np.linalg.multi_dot(factors), [(6, 5), (5, 4), (4, 3), (3, 2)]),
        (lambda *factors: np.linalg.multi_dot(factors), [(3,), (3, 4), (4,)]),
        (lambda *factors: np.linalg.multi_dot(factors), [(2, 3, 4), (4, 5)]),
    ],
)
def test_products_of_special_shapes(f, shapes):
    check(f, *drawn(*shapes))


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="NumPy 2.2 has it")
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("matvec", [(2, 3), (5, 4, 3)]),
        ("matvec", [(2, 3), (3,)]),
        ("matvec", [(5, 2, 3), (3,)]),
        ("matvec", [(5, 1, 2, 3), (4, 3)]),
        ("vecmat", [(5, 4, 2), (2, 3)]),
        ("vecmat", [(2,), (2, 3)]),
        ("vecmat", [(2,), (5, 2, 3)]),
        ("vecmat", [(4, 2), (5, 1, 2, 3)]),
    ],
)
def test_a_matrix_and_a_stack_of_vectors_and_the_reverse(name, shapes):
    check(getattr(np, name), *drawn(*shapes))


def test_a_matrix_that_served_a_stack_of_vectors_has_its_gradient_as_one_product():
    assert products.outer_products(*drawn((5, 4, 2), (5, 4, 3), (2, 3))).shape == (2, 3)


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 3, 5])
def test_traces_of_every_diagonal(offset):
    check(lambda x: np.trace(x, offset=offset), X[0])
    check(lambda x: np.trace(x, offset, 2, -2), X)
    check(lambda x: np.trace(x, offset=offset, axis1=-1, axis2=0), X)
    check(lambda x: np.linalg.trace(x, offset=offset), X)


def test_a_trace_passes_nothing_to_what_is_off_the_diagonal():
    x = tg.Tensor(np.ones((2, 2)))
    np.trace(x).backward(np.inf)
    np.testing.assert_array_equal(x.grad, [[np.inf, 0], [0, np.inf]])


@pytest.mark.parametrize("n", range(-4, 8))
def test_powers_of_a_matrix(n):
    check(lambda x: np.linalg.matrix_power(x, n), A / 2)
    check(lambda x: np.linalg.matrix_power(x, n), np.stack([A, B])[:, None] / 2)


def test_the_power_1_is_the_matrix_itself():
    x = np.array([[np.inf, 1], [1, 1]])
    np.testing.assert_array_equal(np.linalg.matrix_power(tg.Tensor(x), 1).data, x)


def test_the_power_0_is_the_identity_and_has_gradient_0():
    x = tg.Tensor([[np.inf, 1], [1, 1]])
    y = np.linalg.matrix_power(x, 0)
    y.sum().backward()
    np.testing.assert_array_equal(y.data, np.eye(2))
    np.testing.assert_array_equal(x.grad, np.zeros((2, 2)))


def fewest(sides):
    """Return the number of multiplications, where matrix i has sides[i] rows and sides[i + 1] columns."""
    if len(sides) < 3:
        return 0
    inside = range(1, len(sides) - 1)
    return min(sides[0] * sides[i] * sides[-1] + fewest(sides[: i + 1]) + fewest(sides[i:]) for i in inside)


@pytest.mark.parametrize("sides", [(50, 50, 50, 1, 50), *np.random.default_rng(0).integers(1, 9, (20, 6)).tolist()])
def test_a_chain_is_multiplied_in_the_order_that_takes_least(sides):
    matrices = [np.ones(shape) for shape in itertools.pairwise(sides)]
    for first, last in itertools.product({matrices[0].shape, (sides[1],)}, {matrices[-1].shape, (sides[-2],)}):
        factors = [tg.Tensor(np.ones(first)), *map(tg.Tensor, matrices[1:-1]), tg.Tensor(np.ones(last))]
        steps = [[a.shape for a in y.args] for y in toposort(np.linalg.multi_dot(factors)) if y.fun]
        cost = sum(math.prod(a) * math.prod(b[1:]) for a, b in steps)
        assert cost == fewest([first[0] if first[1:] else 1, *sides[1:-1], last[1] if last[1:] else 1])


@pytest.mark.parametrize(
    "f",
    [
        np.vdot,
        np.inner,
        np.outer,
        np.tensordot,
        np.kron,
        lambda a, b: np.tensordot(a, b, 1),
        lambda a, b: np.einsum("ij,jk", a, b),
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2]),
        lambda a, b: np.linalg.multi_dot([a, b, a]),
        np.linalg.matmul,
        np.linalg.vecdot,
    ],
)
def test_lists_constants_and_tensors_mix(f):
    a, b = tg.Tensor(A), tg.Tensor(B)
    f(a, b).sum().backward()
    left, right, constant, beside = tg.Tensor(A), tg.Tensor(B), tg.Tensor(A, requires_grad=False), tg.Tensor(B)
    for y in (f(left, B.tolist()), f(A.tolist(), right), f(constant, beside)):
        np.testing.assert_allclose(y.data, f(A, B))
        y.sum().backward()
    np.testing.assert_allclose(left.grad, a.grad)
    np.testing.assert_allclose(right.grad, b.grad)
    np.testing.assert_allclose(beside.grad, b.grad)
    assert constant.grad is None


def test_numbers_are_factors_where_numpy_takes_them():
    t = tg.Tensor(A)
    for f in (np.inner, np.kron, lambda a, b: np.tensordot(a, b, 0), lambda a, b: np.einsum(",ij", a, b)):
        np.testing.assert_allclose(f(2.0, t).data, 2 * A)
    np.testing.assert_allclose(np.outer(2.0, t).data, 2 * A.reshape(1, -1))
    np.testing.assert_allclose(np.vdot(2.0, tg.Tensor(3.0)).data, 6)


def test_arguments_by_name():
    t = tg.Tensor(A)
    np.testing.assert_array_equal(np.outer(a=A, b=t).data, np.outer(A, A))
    np.testing.assert_array_equal(np.tensordot(a=A, b=t, axes=1).data, A @ A)
    np.testing.assert_array_equal(np.kron(a=t, b=A).data, np.kron(A, A))
    np.testing.assert_array_equal(np.trace(a=t, offset=1).data, -1)
    np.testing.assert_array_equal(np.linalg.matrix_power(a=t, n=2).data, A @ A)


def test_what_the_rules_do_not_know_is_refused():
    t = tg.Tensor(A)
    for f, keyword in (
        (lambda: np.trace(t, dtype=np.float32), "np.trace(..., dtype=...)"),
        (lambda: np.trace(t, out=np.empty(())), "np.trace(..., out=...)"),
        (lambda: np.linalg.trace(t, dtype=np.float32), "np.linalg.trace(..., dtype=...)"),
        (lambda: np.outer(t, t, out=np.empty((4, 4))), "np.outer(..., out=...)"),
        (lambda: np.einsum("ij", t, out=np.empty((2, 2))), "np.einsum(..., out=...)"),
        (lambda: np.einsum("ij", t, dtype=np.float32), "np.einsum(..., dtype=...)"),
        (lambda: np.einsum("ij", t, order="F"), "np.einsum(..., order=...)"),
        (lambda: np.einsum("ij", t, casting="unsafe"), "np.einsum(..., casting=...)"),
        (lambda: np.linalg.multi_dot([t, t, t], out=np.empty((2, 2))), "np.linalg.multi_dot(..., out=...)"),
        (lambda: np.matmul(t, t, axes=[(0, 1), (0, 1), (0, 1)]), "np.matmul(..., axes=...)"),
        (lambda: np.vecdot(t, t, keepdims=True), "np.vecdot(..., keepdims=...)"),
        (lambda: np.vecdot(t, t, dtype=np.float32), "np.vecdot(..., dtype=...)"),
    ):
        assert keyword in message(TypeError, f)


def test_shapes_that_do_not_fit_are_named():
    a, b = tg.Tensor(np.ones((2, 3))), tg.Tensor(np.ones((4, 5)))
    text = message(ValueError, lambda: np.tensordot(a, b, 1))
    assert "np.tensordot(of shape (2, 3), of shape (4, 5)): axes (1,) of the first and (0,) of the second" in text
    assert "equal lengths" in message(ValueError, lambda: np.tensordot(a, np.ones((3, 2))))  # 6 elements in both
    assert "equal lengths" in message(ValueError, lambda: np.tensordot(a, a, ([0, 1], [0])))
    assert "too many values" in message(ValueError, lambda: np.tensordot(a, a, ([0], [0], [1])))
    assert "out of bounds" in message(ValueError, lambda: np.tensordot(a, b, ([5], [0])))
    assert "repeated axis" in message(ValueError, lambda: np.tensordot(a, a, ([0, 0], [0, 1])))
    assert "np.inner(Tensor of shape (2, 3), Tensor of shape (4, 5))" in message(ValueError, lambda: np.inner(a, b))
    assert "np.vdot(Tensor of shape (2, 3), Tensor of shape (4, 5))" in message(ValueError, lambda: np.vdot(a, b))
    assert "np.linalg.outer(Tensor of shape (2, 3), Tensor of shape (4, 5))" in message(
        ValueError, lambda: np.linalg.outer(a, b)
    )
    assert "3-dimensional vectors" in message(ValueError, lambda: np.cross(tg.Tensor([1.0, 2]), [3.0, 4]))
    for oblong in (a, tg.Tensor(np.ones((2, 3, 2))), tg.Tensor(np.ones(3))):
        assert "square matrices" in message(ValueError, lambda a=oblong: np.linalg.matrix_power(a, 2))
    assert "integer" in message(TypeError, lambda: np.linalg.matrix_power(tg.Tensor(A), 0.5))
    assert "two or more matrices" in message(ValueError, lambda: np.linalg.multi_dot([a]))
    for shapes in [[(2, 3), (3,), (3,)], [(1, 2, 3), (3, 3), (3, 2)], [(2, 3), (3, 3), (1, 3, 2)]]:
        factors = [tg.Tensor(np.ones(shape)) for shape in shapes]
        assert str(shapes) in message(ValueError, lambda factors=factors: np.linalg.multi_dot(factors))
    assert "np.linalg.multi_dot([Tensor of shape (2, 3), Tensor of shape (4, 5)])" in message(
        ValueError, lambda: np.linalg.multi_dot([a, b])
    )


@pytest.mark.parametrize(
    "f",
    [
        np.inner,
        np.outer,
        np.kron,
        np.vecdot,
        lambda a, b: np.tensordot(a, b, 1),
        lambda a, b: np.einsum("ii,ij->j", a, b),
        lambda a, b: np.trace(a) * b,
        lambda a, b: np.linalg.matrix_power(a, 0) @ b,
    ],
)
def test_float32_stays_float32_in_every_step(f):
    a, b = tg.Tensor(A, dtype=np.float32), tg.Tensor(B, dtype=np.float32)
    y = f(a, b)
    assert y.dtype == np.float32
    y.sum().backward()
    assert a.grad.dtype == b.grad.dtype == np.float32


class Logged(np.ndarray):
    """An array that lists the ufuncs which compute with it."""

    calls: ClassVar[list[np.ufunc]] = []

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        self.calls.append(ufunc)
        return getattr(ufunc, method)(*[np.asarray(x) for x in inputs], **kwargs)


@pytest.mark.parametrize("stack", [(2,), (1,), ()])
def test_stacks_of_columns_times_stacks_of_rows_are_products_of_their_elements(stack):
    column, row = drawn((*stack, 3, 1), (2, 1, 4))
    Logged.calls.clear()
    y = products.matmul(column.view(Logged), row.view(Logged))
    assert Logged.calls == [np.multiply]
    np.testing.assert_array_equal(y, np.matmul(column, row))
    with pytest.raises(ValueError, match="matmul"):
        products.matmul(column, np.ones((2, 3, 4)))
