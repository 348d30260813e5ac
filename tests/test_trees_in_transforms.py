"""Transforms of functions whose arguments and results are trees: the same derivatives as by their vector."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

Pair = namedtuple("Pair", "first second")


@dataclass(frozen=True)
class Params:
    w: object
    b: object
    name: str = "p"


def leaf(rng):
    return st.sampled_from([(), (1,), (2,), (2, 3)]).map(
        lambda shape: float(rng.normal()) if shape == () else rng.normal(size=shape)
    )


LEAVES = leaf(np.random.default_rng(0))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.tuples(inner, inner), st.builds(Pair, inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1), st.builds(Params, inner, inner),
        st.tuples(inner, st.sampled_from([3, True, None, "text", np.arange(2)])),
    ),
    max_leaves=6,
)  # fmt: skip


def floats(tree):
    return [x for x in tg.tree.leaves(tree) if not tg.tree.is_constant(x)]


def f(tree):
    """A function of all floats of a tree, none of whose second derivatives vanish."""
    return sum(np.sum(np.sin(x * (i + 1))) for i, x in enumerate(floats(tree))) ** 2


@given(TREES)
def test_gradients_have_the_structure_of_the_argument_and_equal_those_by_a_vector(tree):
    vector, unravel = tg.tree.ravel(tree)
    value, g = tg.value_and_grad(f)(tree)
    expected_value, expected = tg.value_and_grad(lambda v: f(unravel(v)))(vector)
    np.testing.assert_allclose(value, expected_value)
    leaves = tg.tree.leaves_like("test", "tree", tree, g, "gradient")
    for x, gx in zip(tg.tree.leaves(tree), leaves, strict=True):
        if tg.tree.is_constant(x):
            assert gx is None
        else:
            assert type(gx) is np.ndarray
            assert gx.shape == np.shape(x)
    np.testing.assert_allclose(np.concatenate([np.ravel(x) for x in floats(g) if x is not None]), expected, atol=1e-12)
    assert type(g) is type(tree) or not tg.tree.is_container(tree)


@given(TREES)
def test_a_gradient_by_a_tree_has_a_gradient_by_the_tree(tree):
    squared = lambda g: sum(np.sum(x * x) for x in tg.tree.leaves(g) if x is not None and not tg.tree.is_constant(x))
    vector, unravel = tg.tree.ravel(tree)
    gg = tg.grad(lambda t: squared(tg.grad(f)(t)))(tree)
    expected = tg.grad(lambda v: np.sum(tg.grad(lambda v: f(unravel(v)))(v) ** 2))(vector)
    np.testing.assert_allclose(np.concatenate([np.ravel(x) for x in floats(gg)]), expected, atol=1e-9)


def test_lists_of_numbers_of_different_lengths_are_containers():
    g = tg.grad(lambda w: np.sum(w[1] ** 2) * w[0][0])([[3.0], [1.0, 2.0]])
    assert [x.tolist() for x in g] == [[5.0], [6.0, 12.0]]


def test_a_list_of_plain_numbers_is_one_argument_and_a_tuple_is_several():
    for argument in ([1.0, 2.0], [1, 2], np.array([1.0, 2.0])):
        g = tg.grad(lambda x: np.sum(x**2))(argument)
        assert type(g) is np.ndarray
        np.testing.assert_array_equal(g, [2, 4])
    g = tg.grad(lambda x: np.sum(x**2))([[1, 2], [3, 4]])
    np.testing.assert_array_equal(g, [[2, 4], [6, 8]])
    g = tg.grad(lambda p: p[0] * p[1] ** 2)((1.0, 2.0))
    assert type(g) is tuple
    assert g == (4, 4)
    g = tg.grad(lambda p: p[0][0] * np.sum(p[1]))([[1.0, 2.0], np.ones(3)])
    assert type(g) is list
    np.testing.assert_array_equal(g[0], [3, 0])
    np.testing.assert_array_equal(g[1], [1, 1, 1])


def test_values_in_a_tree_have_gradients_as_floats_have():
    a, b = tg.Value(2.0), tg.Value(3.0)
    assert tg.grad(lambda x: x[0] * x[1])([a, b]) == [3, 2]
    assert tg.grad(lambda x: x["a"] ** x["n"] * x["b"])({"a": a, "n": 3, "b": 2.0}) == {"a": 24, "n": None, "b": 8}
    assert tg.jvp(lambda x: x[0] * x[1], [(a, b)], [(1.0, 0.0)]) == (6, 3)


def test_integers_and_booleans_are_constants_and_asking_for_their_gradient_says_so():
    params = {"w": np.array([1.0, 2.0]), "n": 3, "mask": np.array([True, False]), "act": "tanh", "sizes": [2, 3]}

    def f(params):
        assert type(params["n"]) is int
        assert params["sizes"] == [2, 3]
        assert params["act"] == "tanh"
        return np.sum(params["w"][params["mask"]] ** params["n"])

    g = tg.grad(f)(params)
    np.testing.assert_array_equal(g["w"], [3, 0])
    assert [g[k] for k in ("n", "mask", "act", "sizes")] == [None] * 4

    def takes(params, i=None):
        return np.sum(params["w"])

    only = "only floats have gradients: integers and booleans are constants"
    for transform in (tg.grad, tg.value_and_grad, tg.jacobian):
        with pytest.raises(TypeError, match=rf'\(takes\): params\["w"\]\[0\] is 3, and {only}'):
            transform(takes)({"w": (3, 4)})
        with pytest.raises(TypeError, match=r"\(takes\): i is an array of bool, and only floats .*x.astype\(float\)"):
            transform(takes, 1)(params, np.arange(3) > 1)
        with pytest.raises(TypeError, match=f"i is True, and {only}"):
            transform(takes, 1)(params, True)
    _, pull = tg.vjp(lambda x, i: x[i], np.arange(3.0), np.array([0, 0]))
    gx, gi = pull(np.ones(2))
    np.testing.assert_array_equal(gx, [2, 0, 0])
    assert gi is None
    x = tg.Tensor(1.0)
    with pytest.raises(TypeError, match=r'one is an int, xs\["a"\]\[1\]; wrap it first'):
        tg.gradients(x * x, {"a": [x, 3]})
    assert tg.grad(lambda p: 1.0)([]) == []


def test_errors_about_nesting_name_the_path_of_the_leaf():
    def loss(params, x):
        return np.sum(x)

    params = {"layers": [(np.ones(2),), (np.array([None]), 1.0)]}
    with pytest.raises(TypeError, match=r'params\["layers"\]\[1\]\[0\]: Tensor: cannot hold object'):
        tg.grad(loss)(params, 1.0)
    _, pull = tg.vjp(lambda x: {"a": x, "b": [x * 2, x]}, np.ones(2))
    with pytest.raises(ValueError, match=r'the gradient at result\["b"\]\[1\] has shape \(3,\), .* shape \(2,\)'):
        pull({"a": np.ones(2), "b": [np.ones(2), np.ones(3)]})
    with pytest.raises(ValueError, match=r'result\["b"\] has 2 members, and the gradient has 1 there'):
        pull({"a": np.ones(2), "b": [tg.Tensor(np.ones(2))]})
    with pytest.raises(ValueError, match=r'returned a str at result\["b"\]'):
        tg.vjp(lambda x: {"a": x, "b": "text"}, 1.0)


def test_a_vjp_pulls_back_several_results():
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    (w, v), pull = tg.vjp(np.linalg.eigh, A)
    np.testing.assert_allclose(v @ np.diag(w) @ v.T, A)
    (by_w,) = pull((np.array([1.0, 0.0]), None))
    np.testing.assert_allclose(by_w, tg.grad(lambda A: np.linalg.eigh(A)[0][0])(A))
    (both,) = pull((np.array([1.0, 2.0]), np.ones((2, 2))))
    expected = tg.grad(lambda A: np.linalg.eigh(A)[0] @ np.array([1.0, 2.0]) + np.linalg.eigh(A)[1].sum())(A)
    np.testing.assert_allclose(both, expected)

    parts, pull = tg.vjp(lambda x: np.split(x, 2), np.arange(4.0))
    assert [type(p) for p in parts] == [np.ndarray] * 2
    np.testing.assert_array_equal(pull([np.ones(2), 2 * np.ones(2)])[0], [1, 1, 2, 2])

    result, pull = tg.vjp(lambda x, y: {"sum": x + y, "const": 3.0, "y": y}, 1.0, {"a": 2.0}["a"])
    assert result["sum"] == 3
    gx, gy = pull({"sum": 2.0, "const": 1.0, "y": 5.0})
    assert (gx, gy) == (2, 7)
    assert pull({"sum": None, "const": None, "y": None}) == (0, 0)
    u = tg.Tensor([1.0, 2.0])
    _, pull = tg.vjp(lambda x: (x * x, x), np.array([3.0, 4.0]))
    (g,) = pull((u, np.ones(2)))
    np.testing.assert_array_equal(tg.gradients(g.sum(), [u])[0], [6, 8])


def test_plain_numbers_in_a_list_are_directions_and_gradients_of_the_members_of_a_list():
    x, f = [np.array(3.0), 2.0], lambda x: [x[0] * x[1], x[0] ** 2]
    _, t = tg.jvp(f, [x], [[1.0, 0.5]])
    np.testing.assert_array_equal(t, [3.5, 6])
    (g,) = tg.vjp(f, x)[1]([1.0, 10.0])
    np.testing.assert_array_equal(g, [62, 3])
    np.testing.assert_array_equal(tg.hvp(lambda x: f(x)[0])(x, [1, 0.5]), [0.5, 1])
    assert tg.tree.tree_map(lambda a, b: a - b, x, [1.0, 2.0]) == [2, 0]
    with pytest.raises(ValueError, match="result has 2 members, and the gradient has 1 there"):
        tg.vjp(f, x)[1]([1.0])


def test_auxiliary_results_are_passed_along():
    def f(x):
        y = np.sin(x)
        return np.sum(y), {"y": y, "n": 3, "name": "f", "model": [1, 2]}

    x = np.array([0.5, 1.0])
    g, aux = tg.grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(g, np.cos(x))
    assert type(aux["y"]) is np.ndarray
    assert (aux["n"], aux["name"], aux["model"]) == (3, "f", [1, 2])
    (value, aux), g = tg.value_and_grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(value, np.sin(x).sum())
    _, pull, aux = tg.vjp(f, x, has_aux=True)
    np.testing.assert_array_equal(pull(2.0)[0], 2 * np.cos(x))
    np.testing.assert_array_equal(aux["y"], np.sin(x))
    through = tg.grad(lambda x: np.sum(tg.grad(f, has_aux=True)(x)[1]["y"] ** 2))(x)
    np.testing.assert_allclose(through, 2 * np.sin(x) * np.cos(x))
    for transform in (tg.grad, tg.value_and_grad):
        with pytest.raises(ValueError, match=r"with has_aux=True the function must return a pair .* returned a Tensor"):
            transform(np.sin, has_aux=True)(1.0)


def test_the_gradient_by_a_module_is_a_dict_of_its_parameters_gradients():
    rng = np.random.default_rng(0)
    model = tg.nn.Sequential(tg.nn.Linear(2, 3, rng=rng), tg.nn.Linear(3, 1, rng=rng))
    X, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))

    def loss(model, X, y):
        return tg.mse_loss(model(X), y)

    value, g = tg.value_and_grad(loss)(model, X, y)
    assert all(p.grad is None for p in model.parameters())
    loss(model, X, y).backward()
    assert [*g] == [name for name, _ in model.named_parameters()]
    for name, p in model.named_parameters():
        assert type(g[name]) is np.ndarray
        np.testing.assert_allclose(g[name], p.grad)
    both, by_X = tg.grad(lambda state, X: loss(state["model"], X, y) * state["scale"], (0, 1))(
        {"model": model, "scale": 2.0}, X
    )
    np.testing.assert_allclose(both["model"]["0.weight"], 2 * g["0.weight"])
    np.testing.assert_allclose(both["scale"], value)
    assert by_X.shape == X.shape
    by_gradients = tg.gradients(loss(model, X, y), model)
    np.testing.assert_allclose(by_gradients["1.bias"], g["1.bias"])

    norm = lambda model: sum(np.sum(g * g) for g in tg.grad(loss)(model, X, y).values())
    gg = tg.grad(norm)(model)  # a gradient penalty
    p = model.parameters()[0]
    h = 1e-6
    values = []
    for step in (h, -h):
        p.data[0, 0] += step
        values.append(norm(model))
        p.data[0, 0] -= step
    np.testing.assert_allclose(gg["0.weight"][0, 0], (float(values[0]) - float(values[1])) / (2 * h), rtol=1e-6)


def test_gradients_takes_containers_of_tensors():
    x, y = tg.Tensor([1.0, 2.0]), tg.Tensor(3.0)
    found = tg.gradients(np.sum(x * x) * y, {"x": x, "more": (y, [x])})
    np.testing.assert_array_equal(found["x"], [6, 12])
    assert found["more"][0] == 5
    assert type(found["more"]) is tuple
    np.testing.assert_array_equal(found["more"][1][0], [6, 12])
    several = tg.gradients([x * x, x * y], [x, y], gradient=[np.ones(2), [1.0, 0.0]])
    np.testing.assert_array_equal(several[0], [5, 4])
    assert several[1] == 1
    np.testing.assert_array_equal(tg.gradients((x.sum(), y * x[0]), [x])[0], [4, 1])
    with pytest.raises(ValueError, match=r'y\["a"\]\[0\] has shape \(2,\), and the gradient there \(3,\)'):
        tg.gradients({"a": [x * x]}, [x], gradient={"a": [np.ones(3)]})
    (g,) = tg.gradients([np.sum(x**3), y], [x], create_graph=True)
    np.testing.assert_array_equal(tg.gradients(g.sum(), [x])[0], 6 * x.data)
    assert tg.gradients(x.sum(), []) == []
    with pytest.raises(TypeError, match=r"one is a float, y\[1\]"):
        tg.gradients((x.sum(), 3.0), [x])
    with pytest.raises(ValueError, match="only a scalar has a gradient by itself"):
        tg.gradients([x, y], [x])


def test_a_shared_tensor_in_two_places_has_a_gradient_for_each():
    x = tg.Tensor(2.0)
    a, b = tg.grad(lambda p: p[0] ** 2 * p[1])((x, x))
    assert (float(a.data), float(b.data)) == (8, 4)
    (a + b).backward()
    assert x.grad == 12 + 0 * x.data  # d(2 x x + x^2)/dx = 6 x


def test_check_grad_takes_trees_and_names_the_leaf():
    params = {"layers": [(np.array([[0.5, -1.0]]), [0.25, 0.75])], "scale": 2.0, "n": 3, "act": "sin"}

    def f(params, x):
        ((w, b),) = params["layers"]
        return {"y": np.sin(w @ x + b) * params["scale"] ** params["n"], "b": (b, [np.sum(x)])}

    tg.check_grad(f, params, np.array([1.0, 2.0]))

    @tg.primitive
    def wrong(x):
        return x**2

    tg.defvjp(wrong, lambda g, y, x: g * 3 * x)
    with pytest.raises(tg.GradientError, match=r'order 1 by argument 0\["w"\]\[1\] at index \(1,\)'):
        tg.check_grad(lambda p: np.sum(wrong(p["w"][1]) * [0, 1]), {"w": (1.0, np.ones(2))})
    with pytest.raises(TypeError, match=r'argument 0\["w"\] is float32'):
        tg.check_grad(lambda p: p["w"], {"w": np.float32(1)})


def test_check_grad_takes_modules_and_leaves_them_as_they_were():
    x, first = np.random.default_rng(0).normal(size=(4, 2)), tg.nn.Linear(2, 2, rng=0)
    model = tg.nn.Sequential(first, tg.nn.BatchNorm1d(2), tg.nn.Dropout(0.5, rng=0), first)  # one layer twice
    before = tg.tree.tree_map(np.copy, model.state_dict())
    tg.check_grad(lambda m, x: m(x), model, x)
    tg.check_grad(lambda p, x: p["model"](x) * p["scale"], {"model": model, "scale": 2.0}, x)
    tg.tree.tree_map(np.testing.assert_array_equal, model.state_dict(), before)

    @tg.primitive
    def wrong(x):
        return x**2

    tg.defvjp(wrong, lambda g, y, x: g * x)
    with pytest.raises(tg.GradientError, match=r'by argument 0\["weight"\] at index \(0, 0\)'):
        tg.check_grad(lambda m: wrong(m(x)), first)


def test_check_grad_of_a_module_whose_copy_uses_the_original_is_refused():
    class Closing(tg.nn.Linear):
        def __init__(self):
            super().__init__(2, 1, rng=0)
            self.formula = lambda x: x @ self.weight.T

        def forward(self, x):
            return self.formula(x)

    class Shared(tg.nn.Linear):
        def __deepcopy__(self, memo):
            return self

    for model in (Closing(), Shared(2, 1, rng=0)):
        with pytest.raises(ValueError, match="depends on no parameter of a copy of the Module"):
            tg.check_grad(lambda m, x: m(x), model, np.ones((3, 2)))


def test_the_result_of_a_comparison_has_no_gradient():
    for f in (np.allclose, lambda x, y: bool(x.sum() > 0), lambda x, y: np.bool(True)):
        for transform in (tg.grad, tg.value_and_grad):
            with pytest.raises(TypeError, match=r"returned (True|False), and no gradient passes a comparison"):
                transform(f)(np.ones(2), np.ones(2))
        assert tg.vjp(f, np.ones(2), np.ones(2))[1](1.0)[0].tolist() == [0, 0]  # of zeros, as of any constant


@given(TREES, st.integers(0, 100))
def test_jvp_along_a_tree_is_the_vjp_and_the_difference(tree, seed):
    rng = np.random.default_rng(seed)
    direction = tg.tree.tree_map(lambda x: None if tg.tree.is_constant(x) else rng.normal(size=np.shape(x)), tree)
    result = lambda tree: {"a": f(tree), "b": [np.cos(x) for x in floats(tree)], "n": (3, None)}
    y, tangent = tg.jvp(result, [tree], [direction])
    assert y["n"] == (3, None)
    assert tangent["n"] == (None, None)
    vector, unravel = tg.tree.ravel(tree)
    along = np.concatenate([np.ravel(v) for v in tg.tree.leaves(direction) if v is not None and np.ndim(v) >= 0])
    _, expected = tg.jvp(lambda v: f(unravel(v)), [vector], [along[: vector.size]])
    np.testing.assert_allclose(tangent["a"], expected, atol=1e-10)
    for x, v, t in zip(floats(tree), floats(direction), tangent["b"], strict=True):
        np.testing.assert_allclose(t, -np.sin(x) * v, atol=1e-12)


def test_jvp_of_several_results_constants_and_aux():
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    E = np.array([[0.1, 0.3], [0.3, -0.2]])
    y, tangent = tg.jvp(np.linalg.eigh, [A], [E])
    assert type(tangent) is type(y)
    h = 1e-6
    for t, above, below in zip(tangent, np.linalg.eigh(A + h * E), np.linalg.eigh(A - h * E), strict=True):
        np.testing.assert_allclose(t, (above - below) / (2 * h), atol=1e-8)
    y, t, aux = tg.jvp(lambda x: (x**2, {"x": x}), [np.ones(2)], [np.arange(2.0)], has_aux=True)
    np.testing.assert_array_equal(t, [0, 2])
    assert type(aux["x"]) is np.ndarray
    _, t = tg.jvp(lambda x, i: x[i], [np.arange(3.0), np.array([2, 0])], [np.array([1.0, 2, 3]), None])
    np.testing.assert_array_equal(t, [3, 1])
    with pytest.raises(ValueError, match=r"direction 1 is not 0, and its argument is a constant; pass None"):
        tg.jvp(lambda x, i: x[i], [np.arange(3.0), np.array([2, 0])], [np.ones(3), np.ones(2)])
    with pytest.raises(ValueError, match=r'direction 0\["w"\]\[1\] has shape \(3,\), its argument \(2,\)'):
        tg.jvp(lambda p: p["w"][0], [{"w": (1.0, np.ones(2))}], [{"w": (1.0, np.ones(3))}])
    with pytest.raises(ValueError, match=r'argument 0\["w"\] is a tuple, and its direction has an ndarray'):
        tg.jvp(lambda p: p["w"][0], [{"w": (1.0, np.ones(2))}], [{"w": np.ones(3)}])
    with pytest.raises(ValueError, match=r'direction 0\["w"\]\[1\] is None, and its argument is no constant'):
        tg.jvp(lambda p: p["w"][0], [{"w": (1.0, np.ones(2))}], [{"w": (1.0, None)}])
    model = tg.nn.Linear(2, 1, rng=0)
    y, t = tg.jvp(lambda m: m(np.ones((1, 2))), [model], [{"weight": np.ones((1, 2)), "bias": np.ones(1)}])
    np.testing.assert_allclose(t, [[3.0]])


def matrix(tree_of_trees, rows, columns):
    """Return the blocks of a tree of trees as one matrix, for leaves of these sizes."""
    blocks = [x for x in tg.tree.leaves(tree_of_trees) if x is not None]
    blocks = [np.reshape(b, (r, c)) for b, (r, c) in zip(blocks, [(r, c) for r in rows for c in columns], strict=True)]
    return np.block([blocks[i * len(columns) : (i + 1) * len(columns)] for i in range(len(rows))])


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobians_and_hessians_by_trees_are_blocks_of_those_by_a_vector(mode):
    params = {"w": np.array([[0.5, -1.0, 2.0]]), "b": (0.3, Pair(np.array([1.5, 0.7]), 3))}
    vector, unravel = tg.tree.ravel(params)
    sizes = [np.size(x) for x in floats(params)]

    def g(p):
        w, b, c = p["w"], p["b"][0], p["b"][1].first
        return {"y": np.outer(np.sin(w[0]) * b, c), "z": [b * np.sum(c) ** 2, 7]}

    flat = lambda v: np.concatenate([np.ravel(x) for x in (g(unravel(v))["y"], g(unravel(v))["z"][0])])
    J = tg.jacobian(g, mode=mode)(params)
    assert J["z"][1] is None
    assert J["y"]["b"][1].second is None
    assert J["y"]["w"].shape == (3, 2, 1, 3)
    np.testing.assert_allclose(matrix(J, [6, 1], sizes), tg.jacobian(flat)(vector), atol=1e-12)
    scalar = lambda p: np.sum(np.sin(g(p)["y"])) * g(p)["z"][0]
    H = tg.hessian(scalar)(params)
    assert H["w"]["b"][1].first.shape == (1, 3, 2)
    np.testing.assert_allclose(
        matrix(H, sizes, sizes), tg.hessian(lambda v: scalar(unravel(v)))(vector), rtol=1e-9, atol=1e-9
    )
    v = tg.tree.tree_map(lambda x: None if tg.tree.is_constant(x) else np.ones(np.shape(x)), params)
    hv = tg.hvp(scalar)(params, v)
    assert hv["b"][1].second is None
    np.testing.assert_allclose(
        np.concatenate([np.ravel(x) for x in floats(hv) if x is not None]), matrix(H, sizes, sizes).sum(1), atol=1e-9
    )


def test_hessians_of_vectors_and_by_several_arguments():
    A = np.array([[1.0, 2.0], [3.0, -1.0]])
    f = lambda x: (A @ x) ** 2
    np.testing.assert_allclose(tg.hessian(f)(np.array([0.5, 1.5])), 2 * np.einsum("ij,ik->ijk", A, A))
    assert tg.hessian(lambda x: f(x)[:1])(np.ones(2)).shape == (2, 2)
    (xx, xy), (yx, yy) = tg.hessian(lambda x, y: np.sum(x**2) * np.sum(y), (0, 1))(np.array([1.0, 2.0]), np.ones(3))
    np.testing.assert_allclose(xx, 6 * np.eye(2))
    np.testing.assert_allclose(xy, np.outer([2, 4], np.ones(3)))
    np.testing.assert_allclose(yx, xy.T)
    np.testing.assert_array_equal(yy, np.zeros((3, 3)))
    (J, aux) = tg.jacobian(lambda x: (f(x), {"x": x}), has_aux=True)(np.ones(2))
    np.testing.assert_allclose(J, tg.jacobian(f)(np.ones(2)))
    assert type(aux["x"]) is np.ndarray
    (H, aux) = tg.hessian(lambda x: (f(x), {"x": x}), has_aux=True)(np.ones(2))
    np.testing.assert_allclose(H, tg.hessian(f)(np.ones(2)))
    assert type(aux["x"]) is np.ndarray
    g = tg.hvp(lambda s, x: s * np.sum(x**3), 1)(2.0, np.array([1.0, 2.0]), np.ones(2))
    np.testing.assert_allclose(g, [12, 24])
    third = tg.jacobian(tg.hessian(f))(np.ones(2))
    assert third.shape == (2, 2, 2, 2)


def test_a_jacobian_of_a_tree_of_constants_is_zeros():
    unused = tg.jacobian(tg.grad(lambda p, x: np.sum(p["w"] ** 2)), 1)({"w": np.ones(2)}, np.ones(3))
    np.testing.assert_array_equal(unused["w"], np.zeros((2, 3)))
    H = tg.hessian(lambda x: {"y": np.ones(2)})(np.ones(3))
    np.testing.assert_array_equal(H["y"], np.zeros((2, 3, 3)))
