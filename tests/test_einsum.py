"""Einsum: cases that random tests rarely reach, and errors."""

import numpy as np
import pytest
from checks import check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort
from tinygrad_edu.engine.rules import einsum

A = np.array([[2.0, -1.0], [0.5, 3.0]])
B = np.array([[1.5, 0.25], [-0.75, 2.0]])


def drawn(*shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 4)]),
        (" i j , j k -> k i ", [(2, 3), (3, 4)]),
        ("ba", [(2, 3)]),  # the implicit output is sorted: the transpose
        ("aB", [(2, 3)]),  # capital letters come first
        ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iij->j", [(2, 2, 3)]),
        ("iji->ij", [(2, 3, 2)]),
        ("ijij->ji", [(2, 3, 2, 3)]),
        ("iii,i", [(2, 2, 2), (2,)]),
        ("ii,i->i", [(1, 1), (3,)]),
        ("...ii->...i", [(4, 2, 2)]),
        ("...i,i...", [(4, 2), (2, 5, 4)]),
        ("...i,...j", [(2, 3), (4,)]),
        ("i...->...", [(2, 3, 4)]),
        ("i->...i", [(3,)]),
        ("ij->", [(2, 3)]),
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("ij,jk->k", [(2, 3), (1, 4)]),
        ("i,i->", [(3,), (1,)]),
        ("i,j,k->", [(2,), (3,), (4,)]),
        ("i,i,i->i", [(3,), (3,), (1,)]),
        ("ij,jk,kl,lm->im", [(2, 3), (3, 2), (2, 4), (4, 2)]),
        (",ij->ji", [(), (2, 3)]),
        (",", [(), ()]),
        ("", [()]),
    ],
)
@pytest.mark.parametrize("optimize", [False, True, "optimal"])
def test_einsum_of_every_form_of_string(subscripts, shapes, optimize):
    check(lambda *operands: np.einsum(subscripts, *operands, optimize=optimize), *drawn(*shapes))


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), [(2, 3), (3, 4)]),
        (lambda a, b: np.einsum(a, (0, 1), b, (1, 2)), [(2, 3), (3, 4)]),
        (lambda a: np.einsum(a, [0, 0], []), [(3, 3)]),
        (lambda a: np.einsum(a, [26, 25]), [(2, 3)]),  # the implicit output is sorted: the transpose
        (lambda a: np.einsum(a, [51, 0], [51, 0]), [(2, 3)]),
        (lambda a, b: np.einsum(a, [Ellipsis, 3], b, [3, Ellipsis], [Ellipsis]), [(2, 3), (3, 4, 2)]),
    ],
)
def test_einsum_of_lists_of_integers(f, shapes):
    check(f, *drawn(*shapes))


def test_einsum_along_a_given_path():
    path = ["einsum_path", (1, 2), (0, 1)]
    check(lambda *xs: np.einsum("ij,jk,kl->il", *xs, optimize=path), *drawn((2, 3), (3, 4), (4, 2)))
    check(lambda *xs: np.einsum("ij,jk,kl->il", *xs, optimize=("greedy", 100)), *drawn((2, 3), (3, 4), (4, 2)))


def test_an_optimized_einsum_has_an_optimized_gradient():
    a = tg.Tensor(A)
    (g,) = tg.gradients(np.einsum("ij,ij,kl->", a, a, B, optimize=True), [a], create_graph=True)
    assert [node.kwargs["optimize"] for node in toposort(g) if node.fun is einsum.einsum] == [True, True]


def test_einsum_has_a_second_derivative_where_an_operand_comes_twice():
    tg.check_grad(lambda a: np.einsum("ij,jk,ki->", a, a, a), A)
    tg.check_grad(lambda a: np.einsum("ii,jj->", a, a), A)


def test_the_gradient_of_a_sum_in_einsum_is_held_by_broadcasting():
    x = tg.Tensor(np.ones((200, 300)))
    y = np.einsum("ij->", x)
    g = einsum.einsum_rule(0, np.float64(2), y.data, x.data, subscripts="ab->")
    assert g.shape == (200, 300)
    assert g.strides == (0, 0)


def test_a_path_for_einsum_is_plain():
    path, text = np.einsum_path("ij,jk,kl->il", tg.Tensor(A), A, tg.Tensor(B))
    assert path[0] == "einsum_path"
    assert isinstance(text, str)


def test_subscripts_that_do_not_fit_are_named():
    a = tg.Tensor(np.ones((2, 3)))
    text = message(ValueError, lambda: np.einsum("ij,jk", a, a))
    assert "np.einsum('ij,jk', Tensor of shape (2, 3), Tensor of shape (2, 3))" in text
    assert "more operands" in message(ValueError, lambda: np.einsum("ij,jk", a))
    assert "too many subscripts" in message(ValueError, lambda: np.einsum("ijk", a))
    assert "too many subscripts" in message(ValueError, lambda: np.einsum("ijk...", a))
    assert "more dimensions than subscripts" in message(ValueError, lambda: np.einsum("i", a))
    assert "multiple times" in message(ValueError, lambda: np.einsum("ij->ii", a))
    assert "never appeared" in message(ValueError, lambda: np.einsum("ij->k", a))
    assert "not found" in message(KeyError, lambda: np.einsum("ij,ij,ij", a, a, a, optimize="shortest"))
    assert "must be letters" in message(ValueError, lambda: np.einsum("i1", a))
    assert "not part of an ellipsis" in message(ValueError, lambda: np.einsum("i..", a))
    for bad in ([0, 52], [0, -1], [0, "i"], [[0], 1], 3):
        assert f"{bad!r} are not subscripts" in message(ValueError, lambda bad=bad: np.einsum(a, bad))
    assert "integers from 0 to 51" in message(ValueError, lambda: np.einsum(a, a))
    assert "integers from 0 to 51" in message(ValueError, lambda: np.einsum(a))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("nchwij,ocij->nohw", [(2, 3, 4, 5, 2, 2), (4, 3, 2, 2)]), ("bhqd,bhkd->bhqk", [(2, 2, 12, 9), (2, 2, 11, 9)]),
        ("ij,jk", [(12, 13), (13, 11)]), ("kji,jlk->li", [(3, 20, 14), (20, 13, 3)]),
    ],
)  # fmt: skip
def test_large_contractions_are_matrix_products(subscripts, shapes, monkeypatch):
    a, b = drawn(*shapes)
    text = einsum.explicit(subscripts, (a.ndim, b.ndim))
    found, expected = einsum.product(text, a, b), np.einsum(text, a, b)
    np.testing.assert_allclose(found, expected, atol=1e-12, strict=True)
    monkeypatch.setattr(np, "einsum", None)  # neither the call nor its rules loop over elements
    x, y = tg.Tensor(a), tg.Tensor(b)
    einsum.einsum(x, y, subscripts=text).backward(np.ones_like(expected))
    monkeypatch.undo()
    inputs, output = text.split("->")
    for t, own, other, of in zip((x, y), inputs.split(","), inputs.split(",")[::-1], (b, a), strict=True):
        gradient = np.einsum(f"{output},{other}->{own}", np.ones_like(expected), of)
        np.testing.assert_allclose(t.grad, gradient, atol=1e-12)
    recorded = tg.jit(lambda a, b: np.einsum(subscripts, tg.Tensor(a), tg.Tensor(b)) * 1.0)
    for _ in range(2):
        np.testing.assert_allclose(recorded(a, b).data, expected, atol=1e-12)


def test_small_contractions_and_lengths_of_1_are_left_to_numpy():
    a, b = drawn((20, 1, 20), (20, 30, 20))
    assert einsum.product("ijk,ljk->il", a, b) is None
    assert einsum.product("ij,jk->ik", *drawn((2, 2), (2, 2))) is None
    assert einsum.product("ijk,ilk->i", *drawn((20, 20, 20), (20, 20, 20))) is None
    np.testing.assert_allclose(einsum.einsum(a, b, subscripts="ijk,ljk->il"), np.einsum("ijk,ljk->il", a, b))


def test_a_default_is_not_written_into_sources_and_explanations():
    step = tg.jit(tg.grad(lambda x: np.einsum("ij,kj->ik", x, x).sum()))
    step(np.ones((2, 3)))
    assert "np.einsum('ik,kj->ij', np.ones((2, 2)), x)" in step.source
    x = tg.Tensor(np.ones((2, 3)), label="x")
    assert tg.explain(np.einsum("ij,kj->ik", x, x).sum())[1].operation == "einsum(x, x, subscripts='ij,kj->ik')"
