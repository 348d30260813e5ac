"""Transforms of recorded functions, and recorded transforms, in either order: the derivatives of the function."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import compiler

BACKENDS = ["numpy", "c"] if compiler.find() else ["numpy"]
A = np.array([[1.0, 2.0], [3.0, -1.0]])


def f(x):
    return np.sum(np.sin(x) * (A @ x)) + np.prod(x)


X = np.array([0.5, -1.2])
ONE = {
    "grad": tg.grad,
    "value": lambda f: lambda x: tg.value_and_grad(f)(x)[0],
    "vjp": lambda f: lambda x: tg.vjp(f, x)[1](2.0)[0],
    "jvp": lambda f: lambda x: tg.jvp(f, [x], [A[0]])[1],
    "jacobian": tg.jacobian,
    "hessian": tg.hessian,
    "hvp": lambda f: lambda x: tg.hvp(f)(x, A[0]),
}


@pytest.mark.parametrize("name", ONE)
def test_a_transform_of_a_recorded_function_is_that_of_the_function(name):
    transform, jitted = ONE[name], tg.jit(f)
    jitted(X)
    for _ in range(3):
        np.testing.assert_allclose(transform(jitted)(X), transform(f)(X), rtol=1e-12)
    np.testing.assert_allclose(jitted(X), f(X))
    assert jitted.cache_info().hits == 1


@pytest.mark.parametrize("name", ONE)
def test_recorded_transforms_of_recorded_functions(name):
    transform = ONE[name]
    expected = transform(f)(X)
    jitted = tg.jit(transform(tg.jit(f)))
    for _ in range(3):
        np.testing.assert_allclose(jitted(X), expected, rtol=1e-12)
    assert jitted.cache_info().hits == 2


def test_gradients_of_recorded_gradients_both_ways():
    expected = tg.grad(lambda x: np.sum(tg.grad(f)(x) ** 3))(X)
    inner = tg.jit(tg.grad(tg.jit(f)))
    inner(X)
    outer = tg.grad(lambda x: np.sum(inner(x) ** 3))
    recorded = tg.jit(outer)
    for _ in range(3):
        np.testing.assert_allclose(outer(X), expected, rtol=1e-12)
        np.testing.assert_allclose(recorded(X), expected, rtol=1e-12)


def test_a_recorded_function_that_closes_over_a_variable_keeps_its_gradient():
    g = tg.grad(lambda w: np.sum(tg.jit(lambda x: np.sum(w * x * x))(X) ** 2))(np.ones(2))
    np.testing.assert_allclose(g, 2 * np.sum(X * X) * X**2)


def test_trees_under_jit():
    params = {"layers": [(A, np.ones(2)), (A.T, np.zeros(2))], "scale": 2.0, "n": 2}

    def loss(params, x):
        for w, b in params["layers"]:
            x = np.tanh(x @ w + b)
        return np.sum(x**2) ** params["n"] * params["scale"]

    eager = tg.value_and_grad(loss)
    jitted = tg.jit(eager)
    for x in (X, X + 1, X - 1):
        value, g = jitted(params, x)
        expected_value, expected = eager(params, x)
        np.testing.assert_allclose(value, expected_value)
        assert g["n"] is None
        for a, b in zip(tg.tree.leaves(g), tg.tree.leaves(expected), strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b)
    assert jitted.cache_info().hits == 2


@dataclass(frozen=True)
class Layer:
    w: object
    b: object = 0.0
    name: str = "layer"


@dataclass
class Model:
    layers: list
    scale: float = 1.0


def model_at(i):
    return Model([Layer(A + i, np.ones(2)), Layer(A.T - i)], np.array(2.0))


def run(model, x):
    for layer in model.layers:
        x = np.tanh(x @ layer.w + layer.b)
    return np.sum(x**2) * model.scale


def test_dataclasses_are_arguments_and_results_of_recorded_functions():
    for f in (run, tg.grad(run), lambda model, x: {"model": model, "moved": Layer(x * 2, run(model, x))}):
        jitted = tg.jit(f)
        for i in range(4):
            found, expected = jitted(model_at(i), X), f(model_at(i), X)
            assert tg.tree.structure_of(found) == tg.tree.structure_of(expected)
            for a, b in zip(tg.tree.leaves(found), tg.tree.leaves(expected), strict=True):
                if isinstance(b, np.ndarray):
                    np.testing.assert_allclose(a, b)
                else:
                    assert a == b
        assert jitted.cache_info()[:2] == (3, 1)
        assert "recordings 1" in repr(jitted)
        assert "def " in jitted.source
        jitted.cache_clear()
        assert jitted.cache_info().currsize == 0


def test_changes_of_dataclasses_are_made_or_refused():
    def step(model, x):
        model.layers[0].w[...] -= 0.1 * tg.grad(run)(model, x).layers[0].w
        return run(model, x)

    jitted, model, other = tg.jit(step), model_at(1), model_at(1)
    for _ in range(4):
        np.testing.assert_allclose(jitted(model, X), step(other, X))
        np.testing.assert_allclose(model.layers[0].w, other.layers[0].w)
    assert jitted.cache_info().hits == 3

    def assign(model):
        model.scale = model.scale * 2
        return model.scale

    jitted, model = tg.jit(assign), Model([], np.ones(2))
    for i in range(4):  # it is recorded as any object that the function reaches
        np.testing.assert_array_equal(jitted(model), np.full(2, 2.0 ** (i + 1)))
        np.testing.assert_array_equal(model.scale, np.full(2, 2.0 ** (i + 1)))


def test_functions_of_the_library_that_are_kept_serve_in_a_recording():
    params = {"w": np.array([1.0, -2.0]), "n": np.arange(2), "b": np.float32(0.5)}
    vector, unravel = tg.tree.ravel(params)

    def loss(v):
        tree = unravel(v)
        return np.sum((tree["w"] * tree["n"] - tree["b"]) ** 2)

    of_vector, *_ = tg.tree.raveled(lambda p: np.sum(p["w"] ** 2 * p["b"]), params)
    for function in (loss, tg.grad(loss), tg.hessian(loss), tg.grad(of_vector)):
        jitted = tg.jit(function)
        for i in range(3):
            np.testing.assert_allclose(jitted(vector * i), function(vector * i))
        assert jitted.cache_info().hits == 2

    weights, jitted_weights = tg.Tensor(vector), tg.Tensor(vector)
    steps = [(w, tg.optim.Adam([w], lr=0.1)) for w in (weights, jitted_weights)]
    eager, jitted = (lambda w=w, opt=opt: opt.minimize(loss(w)) for w, opt in steps)
    jitted = tg.jit(jitted)
    for _ in range(3):
        eager(), jitted()
        np.testing.assert_allclose(jitted_weights.data, weights.data)


def test_a_gradient_through_a_graph_from_outside_is_refused():
    w = tg.Tensor(np.ones(3))
    y, (_, pull) = w**2, tg.vjp(np.square, w.data)
    of_an_argument = (lambda y: tg.gradients(y, [w], np.ones(3)), lambda y: y.backward(np.ones(3)))
    for function in (*of_an_argument, lambda g: y.backward(g.data), lambda g: pull(g.data)):
        with pytest.raises(tg.JitError, match="which was computed outside; compute it inside"):
            tg.jit(function)(y)


def test_slices_between_elements_of_an_array_that_stay_as_they_were():
    ends = np.array([0, 2, 3])

    def f(x):
        y = x.copy()
        y[ends[1] : ends[2]] = x[ends[0] : ends[1]].sum()
        return y * x[:: ends[1] - ends[0] - 1], np.stack([x[:2], x[ends[0] : ends[1]]])

    jitted, x = tg.jit(f), np.array([1.0, 2.0, 3.0])
    for _ in range(3):
        for a, b in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(a, b)
    assert jitted.cache_info().hits == 2
    ends[1] = 1
    np.testing.assert_array_equal(tg.jit(lambda x: x[ends[1] :])(x), x[1:])
    with pytest.raises(tg.JitError, match="Python integer"):
        tg.jit(lambda x, n: x[:n])(x, np.int64(2))


def written(x, i):
    y = 2 * x
    y[i] = x[: i.size] ** 2
    return y


READ = {
    "array": lambda x, i: x[i] ** 2,
    "two arrays": lambda x, i: x.reshape(2, 2)[np.arange(2), i[:2] % 2] ** 2,
    "slice and array": lambda x, i: x.reshape(2, 2)[:, i % 2] ** 2,
    "number": lambda x, i: x[i[0]] * x[np.argmax(x)],
    "written": written,
    "take": lambda x, i: np.take(x, i) ** 2,
    "median": lambda x, i: np.median(x) * x[i],
    "counts": lambda x, i: np.bincount(i, x[:3], minlength=4),
    "table": lambda x, i: np.interp(x, [-1.0, 0.0, 1.0], [3.0, 0.0, 1.0]) * x[i[0]],
    "classes": lambda x, i: tg.cross_entropy(x.reshape(2, 2), i[:2] % 2),
}
TRANSFORMS = {
    "grad": lambda f, x: tg.grad(lambda x: np.sum(f(x)))(x),
    "jacobian": lambda f, x: tg.jacobian(f)(x),
    "forward": lambda f, x: tg.jacobian(f, mode="forward")(x),
    "hessian": lambda f, x: tg.hessian(lambda x: np.sum(f(x)))(x),
    "jvp": lambda f, x: np.stack(tg.jvp(f, [x], [np.arange(4.0)])),
    "vmap": lambda f, x: tg.vmap(f, fallback=True)(np.stack([x, x + 1])),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_each_transform_takes_indices_that_are_arguments(transform, backend):
    for f in READ.values():
        eager = lambda x, i, f=f: transform(lambda x: f(x, i), x)
        jitted = tg.jit(eager, backend=backend, check=False)
        for x, i in [(np.array([0.5, -1.2, 3.0, 0.1]), [0, 2, 2]), (np.array([0.9, 0.4, -2.0, 0.3]), [3, 1, 0])]:
            np.testing.assert_allclose(jitted(x, np.array(i)), eager(x, np.array(i)), rtol=1e-12, atol=1e-14)
        assert jitted.cache_info().hits == 1


def test_a_batch_of_indices_reads_a_recorded_array():
    slopes = tg.vmap(tg.grad(lambda x, k: np.sum(x[k] ** 2)), in_axes=(None, 0))
    jitted, x, i = tg.jit(slopes), np.arange(4.0), np.array([[0, 2], [1, 1]])
    for k in range(3):
        np.testing.assert_array_equal(jitted(x + k, (i + k) % 4), slopes(x + k, (i + k) % 4))


@pytest.mark.parametrize("first", [True, False])
def test_a_cross_product_of_a_recorded_array_and_a_batch(first):
    slopes = tg.jacobian(lambda x, y: np.cross(x, y) if first else np.cross(y, x))
    jitted, x = tg.jit(slopes), np.arange(6.0).reshape(2, 3)
    for k in range(3):
        np.testing.assert_array_equal(jitted(x + k, x[::-1] * k), slopes(x + k, x[::-1] * k))


def test_a_recorded_jacobian_of_complex_numbers_asks_at_each_call_whether_it_holds_all_derivatives():
    slopes = tg.jacobian(lambda z: np.where(np.real(z) > 0, z**2, np.conj(z)))
    jitted, z = tg.jit(slopes), np.array([1 + 2j, 3 - 1j])
    for k in range(3):
        np.testing.assert_allclose(jitted(z + k), slopes(z + k))
    assert jitted.cache_info().hits == 2
    for f in (jitted, slopes):
        with pytest.raises(TypeError, match="not holomorphic"):
            f(-z)


@pytest.mark.parametrize("effect", ["rng.normal()", "counted()"])
@pytest.mark.parametrize("inner", ["f(x)", "np.sum(tg.grad(lambda a, b: f(a - b), argnums=1)(x, x + 1))"])
def test_a_jvp_runs_its_function_as_often_as_without_jit(inner, effect):
    """Twice where there is a NaN, or where the function runs a backward pass through what was forgotten."""
    found = []
    for jit in (lambda f: f, lambda f: tg.jit(f, check=False)):
        rng, w = np.random.default_rng(0), tg.Tensor(0.0)

        def counted(w=w):
            w.data += 1
            return w.data

        names = {"np": np, "tg": tg, "rng": rng, "counted": counted}
        names["f"] = eval(f"lambda x: np.sum(np.sin(x) * {effect})", names)
        run = eval(f"lambda x: {inner}", names)
        step = jit(functools.partial(lambda run, x: tg.jvp(run, [x], [A[0]]), run))
        found.append([step(np.array(x)) for x in ([0.5, 1.0], [np.nan, 1.0], [0.5, 1.0], [np.nan, 1.0], [0.5, 1.0])])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_tangents_of_hessians_by_computed_indices_are_recorded():
    def f(x):
        return x[np.argmax(tg.stop_gradient(x)) % 3] * np.sum(x)

    step = tg.jit(lambda x, v: tg.jvp(tg.hessian(f), [x], [v])[1])
    for x in np.array([[0.3, 0.1, 0.2], [0.1, 0.2, 0.3], [0.2, 0.4, 0.1]]):
        np.testing.assert_allclose(step(x, x), tg.jvp(tg.hessian(f), [x], [x])[1])


def test_gradients_of_which_some_are_batches_are_recorded():
    def f(x, w):
        return tg.vmap(lambda row: tg.grad(lambda p: np.sin(p[0]) + np.sum(np.sin(p[1])))((row, w))[0])(x)

    step, x = tg.jit(f), np.array([0.5, 1.0])
    for w in np.ones((2, 3)):
        np.testing.assert_allclose(step(x, w), np.cos(x))


def test_a_recorded_power_is_guarded_where_it_is_that_of_a_root():
    def f(x, p):
        return tg.hessian(lambda p: np.sum(np.sin(tg.jacobian(lambda p: (x * p) ** p)(p))))(p)

    step, x = tg.jit(f), np.array([0.1, 0.4])
    for p in np.array([0.7, 0.5, 2.0]):
        np.testing.assert_allclose(step(x, p), f(x, p))


@pytest.mark.parametrize("name", ["grad", "jvp", "hvp"])
def test_a_check_of_an_array_beside_a_variable_is_recorded(name):
    counts, x = np.array([1, 2]), np.array([[0.5, 1.5], [2.0, -1.0]])
    transform = ONE[name](lambda w: np.sum(np.cov(x, fweights=counts, aweights=w) ** 2))
    step = tg.jit(transform)
    for w in np.array([[0.3, 0.1], [0.2, 0.4], [0.5, 0.6]]):
        np.testing.assert_allclose(step(w), transform(w), rtol=1e-12)
    with pytest.raises(ValueError, match="not negative"):
        step(np.array([-1.0, 2.0]))
