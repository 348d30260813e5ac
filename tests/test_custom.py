"""checkpoint, custom_vjp and stop_gradient: the derivatives of the plain function, with less memory or by a rule."""

import gc
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_edu as tg
from tinygrad_edu.engine.rules.registry import vjps


def block(x, w, b=0.5):
    return np.tanh(x @ w + b) * np.sin(x) / (1 + x * x)


W = np.array([[0.5, -0.2], [0.3, 0.8]])


@given(arrays(shape=(3, 2)), st.integers(1, 3))
def test_a_checkpointed_function_has_all_derivatives_of_the_function(x, n):
    def chain(f):
        def g(x, w):
            for _ in range(n):
                x = f(x, w, b=0.25 * w[0, 0])
            return np.sum(x**2)

        return g

    plain, saving = chain(block), chain(tg.checkpoint(block))
    np.testing.assert_allclose(saving(x, W), plain(x, W))
    for f in (tg.grad, tg.value_and_grad):
        for a, b in zip(tg.tree.leaves(f(saving, (0, 1))(x, W)), tg.tree.leaves(f(plain, (0, 1))(x, W)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    second = lambda f: tg.grad(lambda w: np.sum(tg.grad(f, 1)(x, w) ** 2))(W)
    np.testing.assert_allclose(second(saving), second(plain), rtol=1e-9, atol=1e-10)
    directions = [np.ones((3, 2)), W.T]
    tangents = [tg.jvp(f, [x, W], directions)[1] for f in (saving, plain)]
    np.testing.assert_allclose(*tangents, rtol=1e-10, atol=1e-12)


def test_several_results_containers_and_constants_pass_a_checkpoint():
    @tg.checkpoint
    def f(state, n, scale=1.0):
        h, c = state["h"], state["c"]
        return {"h": np.sin(h * c) * scale, "c": [c * h, n], "name": state["name"]}

    def total(state, f):
        out = f(state, 3, scale=2.0)
        assert out["c"][1] == 3
        assert out["name"] == "rnn"
        return np.sum(out["h"] ** 2) * out["c"][0]

    state = {"h": np.array([0.5, 1.5]), "c": 2.0, "name": "rnn"}
    state["c"] = np.array(2.0)
    g, expected = (tg.grad(lambda s, f=f: np.sum(total(s, f)))(state) for f in (f, f.__wrapped__))
    np.testing.assert_allclose(g["h"], expected["h"])
    np.testing.assert_allclose(g["c"], expected["c"])
    assert f(state, 3)["h"].tolist() == np.sin(state["h"] * 2).tolist()


def test_tensors_that_a_checkpointed_function_closes_over_keep_their_gradient():
    rng = np.random.default_rng(0)
    model = tg.nn.Sequential(tg.nn.Linear(2, 3, rng=rng), np.tanh, tg.nn.Linear(3, 1, rng=rng))
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    expected = tg.grad(lambda m: tg.mse_loss(m(x), y))(model)
    saving = tg.checkpoint(model)
    tg.mse_loss(saving(x), y).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, expected[name])
    w = tg.Tensor(2.0)
    z = w * w
    f = tg.checkpoint(lambda x: z * np.sin(x))
    u = tg.Tensor(0.5)
    (gu,) = tg.gradients(f(u), [u], create_graph=True)
    gu.backward()
    np.testing.assert_allclose(w.grad, 2 * 2 * np.cos(0.5))
    np.testing.assert_allclose(
        tg.grad(lambda w: tg.grad(tg.checkpoint(lambda x: w * np.sin(x)))(0.5))(3.0), np.cos(0.5)
    )
    assert tg.checkpoint(lambda x: w)(u) is w
    assert tg.checkpoint(lambda x: 3.0)(u) == 3
    with tg.no_grad():
        assert not f(u).requires_grad


def test_a_checkpoint_takes_no_rounding_of_a_number_for_another_result():
    w, x = tg.Tensor(1.0), 1.2081679537971555  # whose third power differs between a number and an array without axes
    g = tg.grad(tg.checkpoint(lambda x: w * x**3))(x)
    np.testing.assert_allclose(g.data, 3 * x**2)
    several = tg.checkpoint(lambda x: w * np.ones(3) * x**3)
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(several(x)))(x).data, 9 * x**2)


def test_a_checkpoint_in_a_checkpoint_and_under_jit():
    inner = tg.checkpoint(np.sin)
    f = tg.checkpoint(lambda x: np.sum(inner(x) * inner(inner(x))))
    plain = lambda x: np.sum(np.sin(x) * np.sin(np.sin(x)))
    x = np.array([0.5, 1.5, -2.0])
    np.testing.assert_allclose(tg.grad(f)(x), tg.grad(plain)(x))
    np.testing.assert_allclose(tg.hessian(f)(x), tg.hessian(plain)(x), atol=1e-12)
    jitted = tg.jit(tg.grad(f))
    for _ in range(3):
        np.testing.assert_allclose(jitted(x), tg.grad(plain)(x))
    assert jitted.cache_info().hits == 2
    w = tg.Tensor(np.ones(3))  # whose gradient is checked for NaN, and no result
    closing = tg.checkpoint(lambda x: np.sum(x * np.ones(3)) * w)
    jitted = tg.jit(tg.grad(lambda x: np.sum(closing(x))))
    for _ in range(3):
        assert jitted(np.array(2.0)).data == 9.0


@pytest.mark.parametrize("x", [np.ones(3), 1.0, tg.Value(1.0)], ids=["vector", "number", "Value"])
def test_a_function_that_gives_another_result_is_an_error(x):
    rng = np.random.default_rng(0)
    noisy = tg.checkpoint(lambda x: x * rng.normal())
    with pytest.raises(ValueError, match=r"checkpoint\(<lambda>\): computed again .* draw random numbers outside"):
        tg.grad(lambda x: noisy(x).sum() if np.ndim(x) else noisy(x))(x)
    with pytest.raises(ValueError, match="computed again"):
        tg.grad(tg.checkpoint(lambda x: np.sum(np.ones(3) * x * rng.normal())))(np.float64(1.0))


def peak(f, *args):
    gc.collect()
    tracemalloc.start()
    try:
        tg.grad(f)(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("segment", [1, 8])
def test_the_peak_memory_of_a_chain_of_64_layers_falls_below_a_quarter(segment):
    x = np.full((50, 1000), 0.1)
    layer = lambda x: np.tanh(np.sin(x) * 1.5 + 0.1) * np.exp(-x) + 0.05

    def part(x):
        for _ in range(segment):
            x = layer(x)
        return x

    def chain(x, f):
        for _ in range(64 // segment):
            x = f(x)
        return np.sum(x)

    assert peak(chain, x, tg.checkpoint(part)) < 0.25 * peak(chain, x, part)


@tg.custom_vjp
def square_root(a):
    """Newton's iteration for the square root, which no gradient passes."""
    y = np.ones_like(a)
    for _ in range(60):
        y = 0.5 * (y + np.asarray(a) / y)
    return y


calls = []


def square_root_forward(a):
    calls.append("forward")
    y = square_root(a)
    return y, y


square_root.defvjp(square_root_forward, lambda y, g: (g / (2 * y),))


@given(st.floats(0.1, 4))
def test_a_rule_serves_every_order_when_it_saves_arguments_and_results(a):
    f, expected = square_root, np.sqrt
    for _ in range(3):
        f, expected = tg.grad(f), tg.grad(expected)
        np.testing.assert_allclose(f(a), expected(a), rtol=1e-12)
    calls.clear()
    tg.check_grad(lambda a: np.sum(square_root(a) ** 3), np.array([a, 2 * a]))
    np.testing.assert_allclose(tg.jvp(square_root, [a], [2.0])[1], 1 / np.sqrt(a))


def test_other_saved_values_are_computed_again_for_higher_orders():
    runs = []

    @tg.custom_vjp
    def f(x, params, n):
        return np.sum(params["w"] * x**n), {"sum": np.sum(x)}

    def forward(x, params, n):
        runs.append(type(x))
        return (np.sum(params["w"] * x**n), {"sum": np.sum(x)}), (x, x ** (n - 1), params, n)

    def backward(saved, g):
        x, power, params, n = saved
        by_sum, by_total = g
        return by_sum * n * params["w"] * power + by_total["sum"], {"w": by_sum * power * x, "name": None}, None

    f.defvjp(forward, backward)
    params = {"w": np.array([2.0, -1.0]), "name": "p"}

    def total(f):
        def g(x, w):
            a, b = f(x, {"w": w, "name": "p"}, n=3)
            return np.sin(a) * b["sum"]

        return g

    x, w = np.array([0.5, 0.7]), params["w"]
    for a, b in zip(tg.grad(total(f), (0, 1))(x, w), tg.grad(total(f._fun), (0, 1))(x, w), strict=True):
        np.testing.assert_allclose(a, b)
    assert runs == [np.ndarray]
    tg.check_grad(total(f), x, w)
    assert tg.Tensor in runs
    a, b = f(x, params, 3)
    assert type(a) is np.float64


def test_mistakes_with_a_rule_are_named():
    @tg.custom_vjp
    def double(x, y=1.0):
        return 2 * x * y

    with pytest.raises(TypeError, match=r"custom_vjp\(double\) has no rule yet; call double.defvjp"):
        double(tg.Tensor(1.0))
    double.defvjp(lambda x, y=1.0: (2 * x * y, y), lambda y, g: 2 * g * y)
    assert tg.grad(double)(1.0) == 2
    with pytest.raises(TypeError, match=r"custom_vjp\(double\): the rule returned 1 gradients for 2 arguments"):
        tg.grad(double)(1.0, y=3.0)
    with pytest.raises(TypeError, match=r"custom_vjp\(double\): the rule returned 1 gradients for 2 arguments"):
        tg.grad(double)(1.0, 3.0)
    w = tg.Tensor(3.0)
    double.defvjp(lambda x: (w * x, None), lambda _, g: 2 * g)
    with pytest.raises(TypeError, match="depends on a Tensor that takes gradients and is not an argument; pass it"):
        tg.grad(double)(1.0)
    double.defvjp(lambda x: (2 * x, None), lambda _, g: ({"a": g},))
    with pytest.raises(ValueError, match=r"args\[0\] is a leaf, and the rule's gradient has a dict there"):
        tg.grad(double)(1.0)
    double.defvjp(lambda x: (2 * x, None), lambda _, g: None)
    assert tg.grad(double)(1.0) == 0
    double.defvjp(lambda x, y=1.0: (2 * x * y, y), lambda y, g: (2 * g * y, None))
    assert tg.grad(double)(1.0) == 2  # the gradient by y, which is its default, is not needed
    double.defvjp(lambda x, y=1.0: [2 * x * y, y], lambda y, g: (2 * g * y, None, None))
    with pytest.raises(TypeError, match="returned 3 gradients for 1 arguments"):
        tg.grad(double)(1.0)
    double.defvjp(lambda x, y=1.0: 2 * x, lambda _, g: (2 * g, None))
    with pytest.raises(TypeError, match=r"forward returns \(result, saved\), and not an ndarray"):
        tg.grad(lambda x: np.sum(double(x)))(np.ones(2))
    with pytest.raises(TypeError, match="takes a function, not an int"):
        double.defvjp(lambda x: (x, None), 3)
    keyword = tg.custom_vjp(lambda x, *, y: x)
    keyword.defvjp(lambda x, *, y: (x, None), lambda _, g: g)
    with pytest.raises(TypeError, match="y= has no position, and so no gradient"):
        keyword(tg.Tensor(1.0), y=2.0)


def test_no_gradient_passes_stop_gradient():
    g = tg.grad(lambda x: np.sum(x * tg.stop_gradient(x)))(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(g, [2, 3])
    assert tg.grad(tg.grad(lambda x: x * tg.stop_gradient(x * x)))(3.0) == 0
    found = tg.stop_gradient({"a": (tg.Tensor(1.0), 3), "b": np.ones(2)})
    assert not found["a"][0].requires_grad
    assert found["a"][1] == 3
    assert tg.jvp(lambda x: x + tg.stop_gradient(x), [1.0], [1.0])[1] == 1
    assert tg.stop_gradient(2.0) == 2


def test_pictures_explanations_and_anomaly_mode_see_a_checkpoint_as_one_node():
    w = tg.Tensor([0.5, 1.5], label="w")
    y = np.sum(tg.checkpoint(lambda x: np.exp(np.sin(x)))(w) * 2)
    text = str(tg.explain(y))
    assert "recomputed(w)" in text
    assert "recomputed\\n" in tg.draw(y).source  # without the object that holds its rule
    with tg.detect_anomaly():
        np.sum(tg.checkpoint(lambda x: np.exp(np.sin(x)))(w) * 2).backward()
        np.testing.assert_allclose(w.grad, 2 * np.exp(np.sin(w.data)) * np.cos(w.data))
        w.zero_grad()
        loss = np.sum(np.sqrt(tg.checkpoint(lambda x: x * 0)(w)))
        with pytest.raises(tg.AnomalyError, match="sqrt"):
            loss.backward()


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_checkpointed_function_may_close_over_what_depends_on_the_variables_of_any_transform(mode):
    a = np.array([0.3, 0.5, -0.2])

    def f(c):
        return tg.checkpoint(lambda q: np.sin(q) * (c * 2) + np.sum(c))(a * c)

    expected = tg.jacobian(lambda c: np.sin(a * c) * (c * 2) + np.sum(c))(a + 1)
    np.testing.assert_allclose(tg.jacobian(f, mode=mode)(a + 1), expected)
    np.testing.assert_allclose(tg.jvp(f, [a + 1], [a])[1], expected @ a)


@pytest.mark.parametrize("of_closed", [lambda c: c, lambda c: np.sum(c) * c], ids=["closed over", "derived"])
def test_arguments_of_a_checkpointed_function_may_depend_on_what_it_closes_over(of_closed):
    """The gradient by the Tensor itself then has no part in common with that by the argument."""
    x, v = np.array([0.3, -0.5, 0.8]), np.array([1.0, 0.4, -0.3])

    def f(c, wrap):
        s = np.exp(c * c)
        return np.sum(np.sin(wrap(lambda q: np.sin(q) * of_closed(c) + s * q)(c * s)))

    ours, plain = lambda c: f(c, tg.checkpoint), lambda c: f(c, lambda g: g)
    np.testing.assert_allclose(tg.grad(ours)(x), tg.grad(plain)(x))
    np.testing.assert_allclose(tg.hvp(ours)(x, v), tg.hvp(plain)(x, v))
    third = [tg.grad(lambda c, f=f: tg.hvp(f)(c, v) @ v)(x) for f in (ours, plain)]
    np.testing.assert_allclose(*third)


@pytest.mark.parametrize("module", ["numpyro.layers", "tinygrad_edu_extra", "mine"])
def test_a_primitive_of_a_users_module_takes_values_and_complex_numbers_whatever_its_name(module):
    def f(x):
        return x * 3

    f.__module__ = module
    triple = tg.primitive(f)
    tg.defvjp(triple, lambda g, y, x: g * 3)
    x = tg.Value(2.0)
    triple(x).backward()
    assert x.grad == 3.0
    z = tg.Tensor(1 + 2j)
    np.real(triple(z)).backward()
    assert z.grad == 3.0
    product = tg.primitive(lambda xs: xs[0] * xs[1])
    tg.defvjp(product, lambda g, y, xs: [g * xs[1], g * xs[0]])
    product([x, 2.0]).backward()
    assert x.grad == 5.0
    np.imag(product([z, 2j])).backward()
    assert z.grad == 5.0
    joined = tg.primitive(np.concatenate)
    tg.defvjp(joined, lambda g, y, xs: [g, 0 * g])
    np.testing.assert_array_equal(tg.grad(lambda z: np.imag(joined([z, 2j * z])[0]))(np.ones(1) * 1j), [1j])


@pytest.mark.parametrize(
    ("fun", "rule", "keywords"),
    [(lambda x, n=3: n * x, lambda g, y, x: 3 * g, {}), (lambda x, n: n * x, lambda g, y, x, *, n: n * g, {"n": 3}),
     (lambda x, *, n: n * x, lambda g, y, x, n: n * g, {"n": 3}), (lambda x: 3 * x, lambda g, y, x, n=3: n * g, {}),
     (lambda x, **k: 3 * x, lambda g, y, x, n: n * g, {"n": 3}), (lambda x: 3 * x, lambda *a: 3 * a[0], {}),
     (lambda x, m=1, n=1: n * x, lambda g, y, x, n: n * g, {"n": 3}), (lambda *x: 3 * x[0], lambda g, y, x: 3 * g, {})],
)  # fmt: skip
def test_a_rule_may_take_arguments_by_name_leave_out_defaults_and_have_more(fun, rule, keywords):
    times = tg.primitive(fun)
    tg.defvjp(times, rule)
    assert tg.grad(lambda x: times(x, **keywords))(2.0) == 3.0


def test_rules_call_jitted_functions_within_a_transform():
    f = tg.checkpoint(tg.jit(lambda x: np.sum(np.sin(x))))
    x = np.array([0.3, 1.2])
    np.testing.assert_allclose(tg.grad(f)(x), np.cos(x))
    np.testing.assert_allclose(tg.hvp(f)(x, np.ones(2)), -np.sin(x))
    np.testing.assert_allclose(tg.vjp(f, x)[1](2.0)[0], 2 * np.cos(x))


def test_a_checkpoint_of_a_gradient_that_depends_on_no_argument_is_the_gradient():
    def f(w):
        inner = tg.checkpoint(lambda q: tg.grad(lambda q: np.sum(w) + np.sum(q * q))(q))
        return np.sum(w**3) + np.sum(tg.vmap(inner)(np.ones((3, 2)))) + np.sum(inner(np.ones(2)))

    np.testing.assert_allclose(tg.hessian(f)(np.ones(2)), 6 * np.eye(2))


def test_a_custom_vjp_keeps_its_function_whatever_attributes_that_has():
    slope = tg.custom_vjp(tg.grad(tg.jit(lambda x: np.sum(x**3))))
    slope.defvjp(lambda x: (3 * x**2, x), lambda x, g: (6 * x * g,))
    np.testing.assert_allclose(slope(np.array([1.0, 2.0])), [3.0, 12.0])


def test_a_users_rule_holds_in_each_order_of_gradients_and_batches():
    def straight(x, y):
        return np.round(x) * y

    def slope(f):
        return lambda x, y: tg.grad(lambda z: f(z, y) * z)(x)

    ruled, listed = tg.custom_vjp(straight), tg.primitive(straight)
    ruled.defvjp(lambda x, y: (straight(x, y), (x, y)), lambda s, g: (g * s[1], g * np.round(s[0])))
    tg.defvjp(listed, lambda g, z, x, y: g * y, lambda g, z, x, y: g * np.round(x))
    xs, ys = np.array([0.3, 1.7]), np.array([2.0, 3.0])
    for f in (ruled, listed):
        expected = [tg.grad(slope(f), (0, 1))(x, y) for x, y in zip(xs, ys, strict=True)]
        batch = tg.vmap(slope(f), fallback=True)
        np.testing.assert_allclose(
            tg.grad(lambda xs, ys, f=batch: np.sum(f(xs, ys)), (0, 1))(xs, ys), np.transpose(expected)
        )
        table = tg.vmap(tg.vmap(f, (None, 0), fallback=True), (0, None), fallback=True)
        np.testing.assert_allclose(tg.jacobian(table)(xs, ys)[[0, 1], :, [0, 1]], [ys, ys])
    pair = tg.custom_vjp(lambda x, t: (x, t * x))
    pair.defvjp(lambda x, t: ((x, t * x), (x, t)), lambda s, g: (g[0] + s[1] * g[1], s[0] * g[1]))
    along = tg.vmap(tg.grad(lambda x, t: np.sin(pair(x, t)[1])), (0, None))
    np.testing.assert_allclose(tg.jvp(along, [xs, 2.0], [xs, 1.0])[0], 2 * np.cos(2 * xs))


def test_a_custom_vjp_may_return_a_list_of_numbers():
    def f(x):
        return [np.sum(x), {"a": [np.sum(x[1:]), np.sum(x * x)]}]

    ruled = tg.custom_vjp(f)
    ruled.defvjp(lambda x: (f(x), x), lambda x, g: tg.vjp(f, x)[1](g))
    for transform in (tg.grad, tg.hessian):
        of_ruled, of_f = [transform(lambda x, f=f: f(x)[0] ** 2 * f(x)[1]["a"][1]) for f in (ruled, f)]
        np.testing.assert_allclose(of_ruled(np.ones(3)), of_f(np.ones(3)))
    counted = tg.custom_vjp(lambda x: (np.sum(x), np.argmax(x)))
    counted.defvjp(lambda x: ((np.sum(x), np.argmax(x)), None), lambda saved, g: (g[0] * np.ones(3),))
    assert isinstance(counted(tg.Tensor([1.0, 3.0, 2.0]))[1], np.integer)


def test_a_gradient_of_a_checkpoint_in_a_batch_has_gradients_by_a_tensor_that_all_members_share():
    def total(transformed, w):
        def slope(row):
            return tg.grad(transformed(lambda z: np.sum(np.sin(z * row))))(w)

        return np.sum(tg.vmap(slope)(np.arange(6.0).reshape(2, 3)) ** 2)

    for transform in (tg.grad, tg.hessian):
        results = [transform(lambda w, t=t: total(t, w))(np.ones(3)) for t in (tg.checkpoint, lambda f: f)]
        np.testing.assert_allclose(*results)


def test_a_class_of_functions_with_custom_vjp_may_have_attributes_of_any_name():
    class Ruled(tg.custom_vjp):
        rules = "its own"

    f = Ruled(np.square)
    f.defvjp(lambda x: (x * x, x), lambda x, g: (5 * g,))
    assert tg.grad(f)(2.0) == 5.0
    with pytest.raises(KeyError):
        vjps[len]


def test_a_saved_number_that_is_the_result_is_the_tensor_in_derivatives_of_higher_order():
    def forward(x):
        y = np.float64(math.exp(float(x)))  # not of Tensors
        return (y, [2 * y]), y

    f = tg.custom_vjp(lambda x: forward(x)[0])
    f.defvjp(forward, lambda y, g: ((g[0] + 2 * g[1][0]) * y,))
    np.testing.assert_allclose(tg.grad(tg.grad(lambda x: f(x)[0] + f(x)[1][0]))(0.5), 3 * np.exp(0.5))
