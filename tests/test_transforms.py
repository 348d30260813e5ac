"""grad and the other transforms: values equal to formulas, nesting, and errors."""

import operator
import re
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_edu as tg


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    H = np.diag(-400 * x[:-1], 1) - np.diag(400 * x[:-1], -1)
    diagonal = np.zeros_like(x)
    diagonal[0] = 1200 * x[0] ** 2 - 400 * x[1] + 2
    diagonal[1:-1] = 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]
    diagonal[-1] = 200
    return H + np.diag(diagonal)


def test_grad_takes_and_returns_arrays():
    g = tg.grad(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    assert type(g) is np.ndarray
    np.testing.assert_array_equal(g, [3, 12])
    assert type(tg.grad(np.sin)(0.0)) is np.ndarray
    assert tg.grad(lambda x: x * x)(3) == 6
    assert tg.grad(lambda x: (x * x).sum())(np.ones(2, np.float32)).dtype == np.float32


def test_argnums_choose_arguments_and_keywords_pass_through():
    def f(a, b, scale=1.0):
        return scale * np.sum(a * b**2)

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(tg.grad(f, 1)(a, b, scale=2.0), 4 * a * b)
    ga, gb = both = tg.grad(f, (0, -1))(a, b)
    assert type(both) is tuple
    np.testing.assert_array_equal(ga, b**2)
    np.testing.assert_array_equal(gb, 2 * a * b)
    value, (g,) = tg.value_and_grad(f, (0,))(a, b)
    assert value == 41
    assert type(value) is np.ndarray
    np.testing.assert_array_equal(g, b**2)


def test_a_result_that_does_not_depend_has_gradient_zero():
    for f in (lambda x: 3.0, lambda x: np.sign(x).sum(), lambda x: (x * 0).sum()):
        np.testing.assert_array_equal(tg.grad(f)(np.ones(2)), [0, 0])


def test_derivatives_nest_to_any_order():
    f = np.sin
    for expected in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        f = tg.grad(f)
        np.testing.assert_allclose(f(0.7), expected(0.7), rtol=1e-14)


def test_an_inner_variable_is_not_taken_for_an_outer_one():
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(x))(1.0) == 1
    assert tg.grad(lambda x: tg.grad(lambda y: x * y)(x) * x)(3.0) == 6


def test_an_outer_variable_in_a_closure_is_carried_on():
    x0 = np.array([1.0, 2.0])
    penalty = tg.grad(lambda w: np.sum(tg.grad(lambda x: np.sum(w * x**2))(x0) ** 2))
    np.testing.assert_array_equal(penalty(np.array([3.0, 4.0])), 8 * np.array([3.0, 4.0]) * x0**2)


def test_a_tensor_as_argument_carries_its_gradient_on():
    x = tg.Tensor([1.0, 2.0])
    g = tg.grad(lambda x: (x**3).sum())(x)
    assert isinstance(g, tg.Tensor)
    g.sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 12])


CLOSED_OVER = {  # derivatives of w x^3, as functions of f and x that return one number
    "grad": (lambda f, x: tg.grad(f)(x), lambda w, x: 3 * w * x**2),
    "value_and_grad": (lambda f, x: sum(tg.value_and_grad(f)(x)), lambda w, x: w * x**3 + 3 * w * x**2),
    "vjp": (lambda f, x: tg.vjp(f, x)[1](2.0)[0], lambda w, x: 6 * w * x**2),
    "vjp's value": (lambda f, x: tg.vjp(f, x)[0], lambda w, x: w * x**3),
    "jvp": (lambda f, x: sum(tg.jvp(f, [x], [2.0])), lambda w, x: w * x**3 + 6 * w * x**2),
    "jacobian": (lambda f, x: tg.jacobian(f)(x), lambda w, x: 3 * w * x**2),
    "hessian": (lambda f, x: tg.hessian(f)(x), lambda w, x: 6 * w * x),
    "hvp": (lambda f, x: tg.hvp(f)(x, 2.0), lambda w, x: 12 * w * x),
    "elementwise_grad": (lambda f, x: tg.elementwise_grad(f)(x), lambda w, x: 3 * w * x**2),
    "checkpoint": (lambda f, x: tg.grad(tg.checkpoint(f))(x), lambda w, x: 3 * w * x**2),
    "nested": (lambda f, x: tg.grad(tg.grad(tg.grad(f)))(x), lambda w, x: 6 * w),
    "vjp of grad": (lambda f, x: tg.vjp(tg.grad(f), x)[1](1.0)[0], lambda w, x: 6 * w * x),
}


@pytest.mark.parametrize("name", CLOSED_OVER)
@given(st.floats(-2, 2), st.floats(-2, 2))
def test_what_a_function_closes_over_keeps_its_part_in_the_graph(name, w, x):
    transform, expected = CLOSED_OVER[name]
    w, outer = tg.Tensor(w), tg.Tensor(x)
    f = lambda x: w * x**3
    h = 1e-4
    y = transform(f, x)
    np.testing.assert_allclose(y.data, expected(w.data, x), rtol=1e-12, atol=1e-12)
    (y * y + f(x)).backward()  # the pattern of physics-informed networks
    by_w = (expected(w.data + h, x) ** 2 - expected(w.data - h, x) ** 2) / (2 * h) + x**3
    np.testing.assert_allclose(w.grad, by_w, rtol=1e-6, atol=1e-6)
    w.zero_grad()
    transform(f, outer).backward()  # an argument that is a Tensor as well
    by_w = (expected(w.data + h, x) - expected(w.data - h, x)) / (2 * h)
    by_x = (expected(w.data, x + h) - expected(w.data, x - h)) / (2 * h)
    np.testing.assert_allclose(0 if w.grad is None else w.grad, by_w, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(0 if outer.grad is None else outer.grad, by_x, rtol=1e-5, atol=1e-5)
    with tg.no_grad():
        assert not isinstance(transform(f, x), tg.Tensor)
        np.testing.assert_allclose(transform(f, x), expected(w.data, x), rtol=1e-12, atol=1e-12)


def test_a_leaf_that_is_made_within_the_function_is_no_reason_for_a_tensor():
    assert type(tg.grad(lambda x: (x * tg.Tensor(3.0)).sum())(np.ones(2))) is np.ndarray
    g = tg.grad(lambda w: np.sum(tg.grad(lambda x: np.sum(w * x**2))(np.ones(2)) ** 2))(np.ones(2))
    assert type(g) is np.ndarray


def test_a_physics_informed_network_trains():
    """u' = -u, u(0) = 1: both losses reach the weights, as finite differences of the whole loss confirm."""
    rng = np.random.default_rng(0)
    hidden, out = tg.nn.Linear(1, 8, rng=rng), tg.nn.Linear(8, 1, rng=rng)
    u = lambda t: out(np.tanh(hidden(t)))
    t = np.linspace(0, 1, 6)[:, None]

    def loss():
        slope = tg.grad(lambda t: np.sum(u(t)))(t)
        return np.mean((slope + u(t)) ** 2) + (u(np.zeros((1, 1))) - 1).sum() ** 2

    loss().backward()
    for p in (*hidden.parameters(), *out.parameters()):
        for index in np.ndindex(p.shape):
            values = []
            for h in (1e-6, -1e-6):
                p.data[index] += h
                values.append(float(loss()))
                p.data[index] -= h
            np.testing.assert_allclose(p.grad[index], (values[0] - values[1]) / 2e-6, rtol=1e-5, atol=1e-7)
    adam = tg.optim.Adam([*hidden.parameters(), *out.parameters()], lr=0.02)
    for _ in range(300):
        adam.minimize(loss())
    np.testing.assert_allclose(u(t).data, np.exp(-t), atol=0.02)


def test_check_grad_takes_a_function_that_closes_over_tensors():
    w = tg.Tensor([2.0, 3.0])
    tg.check_grad(lambda x: np.sum(w * x**3), np.array([0.5, -1.5]))
    with pytest.raises(tg.GradientError):
        tg.check_grad(lambda x: np.sum(w.detach() * x**3 * (1 if isinstance(x, tg.Tensor) else 2)), np.ones(2))


def test_check_grad_takes_a_function_that_uses_methods_of_tensors_alone():
    for method in ("exp", "log", "sqrt", "tanh", "abs", "sigmoid", "relu"):
        f = operator.methodcaller(method)
        for x in (1.5, np.array([0.5, 2.0]), [0.5, 2.0], np.array(0.5), np.ones((0, 2))):
            tg.check_grad(f, x)
    tg.check_grad(lambda p, i: (p["a"].exp() * i).unsqueeze(0), {"a": np.ones(2)}, np.arange(2))
    tg.check_grad(lambda z: z.view(-1).abs().log(), np.array([[1.0 + 2.0j]]))
    wrong = tg.primitive(np.square)
    tg.defvjp(wrong, lambda g, y, x: g * x)
    with pytest.raises(tg.GradientError):
        tg.check_grad(lambda x: wrong(x.exp()), np.ones(2))
    with pytest.raises(AttributeError, match=r"'Tensor' object has no attribute 'clamp'; write np\.clip"):
        tg.check_grad(lambda x: x.clamp(0, 1), np.ones(2))


def test_transforms_work_within_no_grad():
    with tg.no_grad():
        assert tg.grad(np.sin)(0.0) == 1


def test_transforms_of_tensors_keep_no_graph_within_no_grad():
    x = tg.Tensor([1.0, 2.0])
    y, pull = tg.vjp(np.square, x)
    assert isinstance(y, tg.Tensor)
    with tg.no_grad():
        results = [
            *tg.value_and_grad(lambda x: np.sum(x**2))(x), *tg.jvp(np.sin, [x], [x]), *tg.jvp(np.sin, [x.data], [x]),
            tg.hvp(lambda x: np.sum(x**3))(x.data, x), tg.jacobian(np.sin)(x), *pull(x), tg.vjp(np.square, x)[0],
        ]  # fmt: skip
    assert [(type(r), r.requires_grad) for r in results] == [(tg.Tensor, False)] * 10
    stopped = tg.no_grad()(tg.hvp(lambda x: np.sum(x**3)))
    g = tg.grad(lambda x: np.sum(x + tg.vmap(lambda row: stopped(row, row))(x)))(np.ones((2, 3)))
    np.testing.assert_array_equal(g, np.ones((2, 3)))


@pytest.mark.parametrize(("A", "n"), [(np.array([0.0, 1.0, -2.0]), 1), (np.eye(2), 2)], ids=["kinks", "equal"])
def test_tensors_have_the_derivatives_of_arrays_within_no_grad(A, n):
    def f(a):
        return np.maximum(a, 0) * a if n == 1 else np.linalg.eigvalsh(a + a.T) ** 3

    def all_of(x, v):
        return [tg.jacobian(f, mode="forward")(x), tg.hessian(lambda a: np.sum(f(a)))(x), tg.jvp(f, [x], [v])[1],
                tg.hvp(lambda a: np.sum(f(a)))(x, v)]  # fmt: skip

    class Kind(tg.Tensor):
        pass

    with tg.no_grad():
        for kind in (tg.Tensor, Kind):
            for result, expected in zip(all_of(kind(A), kind(A + 1)), all_of(A, A + 1), strict=True):
                np.testing.assert_allclose(result, expected)
                assert np.any(expected)


@given(arrays(shape=(4,)))
def test_hessian_and_hvp_match_mathematics(x):
    H = rosenbrock_hessian(x)
    np.testing.assert_allclose(tg.hessian(rosenbrock)(x), H, rtol=1e-12, atol=1e-9)
    v = np.arange(4.0) - 1
    np.testing.assert_allclose(tg.hvp(rosenbrock)(x, v), H @ v, rtol=1e-10, atol=1e-8)


def test_hessian_of_a_matrix_has_its_shape_twice():
    H = tg.hessian(lambda X: np.sum(X**3))(np.ones((2, 3)))
    assert H.shape == (2, 3, 2, 3)
    np.testing.assert_array_equal(H.reshape(6, 6), 6 * np.eye(6))


@given(arrays(shape=(3,)), arrays(shape=(3,)))
def test_forward_and_reverse_products_agree_with_the_jacobian(x, v):
    def f(x):
        return np.stack([np.prod(x), np.sin(x).sum()])

    J = tg.jacobian(f)(x)
    assert J.shape == (2, 3)
    y, tangent = tg.jvp(f, [x], [v])
    np.testing.assert_allclose(tangent, J @ v, atol=1e-12)
    np.testing.assert_allclose(y, f(x))
    y, pull = tg.vjp(f, x)
    g = np.array([2.0, -1.0])
    np.testing.assert_allclose(pull(g)[0], g @ J, atol=1e-12)
    assert all(type(a) is np.ndarray for a in (y, tangent, *pull(g)))


def test_jvp_and_vjp_take_several_arguments():
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, tangent = tg.jvp(np.multiply, [a, b], [np.ones(2), np.zeros(2)])
    np.testing.assert_array_equal(y, a * b)
    np.testing.assert_array_equal(tangent, b)
    ga, gb = tg.vjp(np.multiply, a, b)[1](np.ones(2))
    np.testing.assert_array_equal(ga, b)
    np.testing.assert_array_equal(gb, a)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_derivatives_of_constants_and_of_empty_arrays_keep_their_dtype(dtype):
    x, constant = np.ones(2, dtype), np.ones(3, dtype)
    for mode in ("forward", "reverse"):
        for f in (lambda x: x[:0] * 2, lambda x: constant, lambda x: (x, constant)):
            found = tg.jacobian(f, mode=mode)(x)
            assert {j.dtype for j in (found if isinstance(found, tuple) else [found])} == {np.dtype(dtype)}
        assert tg.jacobian(np.sin, mode=mode)(x[:0]).dtype == dtype
    assert tg.jvp(lambda x: constant, [x], [x])[1].dtype == dtype
    assert tg.jvp(lambda x: 3, [x], [x])[1].dtype == np.float64
    assert tg.jacobian(lambda x: 2j)(x).dtype == np.complex128


def test_jacobian_of_a_scalar_a_constant_and_several_arguments():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(tg.jacobian(lambda x: (x * x).sum())(x), 2 * x)
    np.testing.assert_array_equal(tg.jacobian(lambda x: np.zeros(3))(x), np.zeros((3, 2)))
    Ja, Jb = tg.jacobian(np.multiply, (0, 1))(x, x * 3)
    np.testing.assert_array_equal(Ja, np.diag(3 * x))
    np.testing.assert_array_equal(Jb, np.diag(x))


def test_jacobian_nests_under_grad():
    x = np.array([1.0, 2.0])
    g = tg.grad(lambda x: np.sum(tg.jacobian(lambda x: x**3)(x)))(x)
    np.testing.assert_array_equal(g, 6 * x)


def test_gradients_by_tensors_on_the_way_touch_nothing():
    x = tg.Tensor([1.0, 2.0])
    y = x * x
    z = (y * y).sum()
    gx, gy = tg.gradients(z, [x, y])
    np.testing.assert_array_equal(gx, [4, 32])
    np.testing.assert_array_equal(gy, [2, 8])
    assert x.grad is None
    assert y.grad is None
    (elsewhere,) = tg.gradients(z, [tg.Tensor(np.ones(3))])
    np.testing.assert_array_equal(elsewhere, np.zeros(3))
    (by_y,) = tg.gradients(y, [x], gradient=[1.0, 10.0])
    np.testing.assert_array_equal(by_y, [2, 40])


def test_a_graph_that_the_function_freed_is_an_error_and_no_gradient_of_zero():
    def f(x):
        y = x * x
        y.backward(retain_graph=False)
        return y * 2

    with pytest.raises(ValueError, match=r"was freed by backward\(retain_graph=False\)"):
        tg.grad(f)(3.0)


def test_unwanted_gradients_are_not_computed():
    calls = []

    @tg.primitive
    def watched(x):
        return x * 1

    tg.defvjp(watched, lambda g, y, x: calls.append("pulled") or g)
    a, b = tg.Tensor(2.0), tg.Tensor(3.0)
    y = watched(a) * b
    tg.gradients(y, [b])
    assert calls == []
    tg.gradients(y, [a])
    assert calls == ["pulled"]
    assert tg.grad(lambda x: x * watched(tg.Tensor(2.0)))(3.0) == 2  # by a Tensor that the function makes
    assert calls == ["pulled"]


def test_mistakes_are_named():
    def double(x):
        return x * 2

    with pytest.raises(ValueError, match=r"grad\(double\): the function must return a single number, a scalar.*\(2,\)"):
        tg.grad(double)(np.ones(2))
    with pytest.raises(ValueError, match="returned a tuple"):
        tg.grad(lambda x: (x, x))(1.0)
    with pytest.raises(TypeError, match="argnums=1 of a call with 1 arguments"):
        tg.grad(np.sin, 1)(1.0)
    with pytest.raises(TypeError, match="takes real or complex numbers"):
        tg.grad(np.sin)("x")
    with pytest.raises(ValueError, match="1 arguments and 2 directions"):
        tg.jvp(np.sin, [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"direction 0 has shape \(2,\), its argument \(3,\)"):
        tg.jvp(np.sin, [np.ones(3)], [np.ones(2)])
    with pytest.raises(ValueError, match=r"vjp\(sin\): the gradient has shape \(2,\), and the result has shape \(3,\)"):
        tg.vjp(np.sin, np.ones(3))[1](np.ones(2))
    with pytest.raises(ValueError, match=r"hvp\(sum\): the direction has shape \(2,\), and .* shape \(3,\)"):
        tg.hvp(np.sum)(np.ones(3), np.ones(2))
    for call in (tg.grad(np.sin), tg.jacobian(np.sin), tg.hessian(np.sin), tg.hvp(np.sin)):
        with pytest.raises(TypeError, match=r"argnums=0 of (a call with )?0 arguments"):
            call()
    with pytest.raises(TypeError, match=r"grad\(sin\): argnums=0 of a call with 0 arguments; pass x by position"):
        tg.grad(np.sin)(x=1.0)
    x = tg.Tensor(1.0)
    with pytest.raises(TypeError, match=r"write gradients\(y, \[x\]\)"):
        tg.gradients(x * x, x)


@pytest.mark.parametrize(
    "transform",
    [
        tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian, tg.hvp, tg.elementwise_grad, tg.vmap, tg.checkpoint,
        tg.custom_vjp, lambda f: tg.vjp(f, 1.0), lambda f: tg.jvp(f, [1.0], [1.0]), lambda f: tg.check_grad(f, 1.0),
    ],
)  # fmt: skip
def test_a_loss_in_place_of_a_function_is_refused_at_once(transform):
    loss = np.square(tg.Tensor(1.0))
    with pytest.raises(TypeError, match=r"takes a function, not a Tensor; gradients\(y, \[x\]\) and y.backward\(\)"):
        transform(loss)
    with pytest.raises(TypeError, match=r"takes a function, not an int$"):
        transform(3)


@pytest.mark.parametrize("settings", [{"order": 0}, {"eps": 0}])
def test_check_grad_that_would_check_nothing_is_refused(settings):
    with pytest.raises(ValueError, match="order is at least 1 and eps above 0"):
        tg.check_grad(np.sin, 1.0, **settings)


def test_check_grad_finds_a_wrong_rule_and_says_where():
    @tg.primitive
    def wrong(x):
        return x**2

    tg.defvjp(wrong, lambda g, y, x: g * 3 * x)
    with pytest.raises(
        tg.GradientError, match=r"order 1 by argument 0 at index \(0,\).*gives 4\.5\d*, finite differences 3\.0"
    ):
        tg.check_grad(lambda x: wrong(x).sum(), np.array([1.5, 2.0]))
    tg.defvjp(wrong, lambda g, y, x: g * 2 * x.data if isinstance(x, tg.Tensor) else g * 2 * x)
    tg.check_grad(wrong, np.array([1.5]), order=1)
    with pytest.raises(tg.GradientError, match="order 2"):
        tg.check_grad(wrong, np.array([1.5]))


def test_check_grad_names_the_element_of_a_wrong_second_derivative():
    at = np.array([[0.5, -1.5, 2.0], [1.0, 20.0, -0.2]])
    for i in np.ndindex(at.shape):

        @tg.primitive
        def square(x):
            return x**2

        def slope(g, y, x, i=i):
            known = x
            if isinstance(x, tg.Tensor):  # the gradient is right, but the second derivative at i is lost
                known = x.copy()
                known[i] = x.data[i]
            return g * 2 * known

        tg.defvjp(square, slope)
        with pytest.raises(tg.GradientError, match=rf"order 2 by argument 1 at index {re.escape(str(i))}"):
            tg.check_grad(lambda a, x, f=square: a * f(x), 2.0, at)


def test_check_grad_is_exact_for_an_element_beside_one_a_million_times_as_large():
    tg.check_grad(lambda x: 10.0 ** np.array([0, 7]) * np.sin(x), np.array([1.0, 2.0]))


def test_check_grad_checks_doubles_alone():
    tg.check_grad(lambda x, i: (x[i] * i).sum(), np.arange(3.0), np.array([0, 0, 2]))
    tg.check_grad(np.sin, 0.5)
    tg.check_grad(lambda x: 1e9 * np.sin(x), 0.5)  # up to rounding of numbers of this size
    with pytest.raises(TypeError, match=r"argument 0 is float32.*pass float64"):
        tg.check_grad(np.sin, np.ones(2, np.float32))
    with pytest.raises(ValueError, match="nothing to check"):
        tg.check_grad(np.sin, 1)


@pytest.mark.parametrize("result", [None, "text", (1.0, 2.0)])
@pytest.mark.parametrize("transform", [tg.grad, tg.jacobian, tg.hessian])
def test_a_result_that_is_no_tensor_is_named(transform, result):
    with pytest.raises(ValueError, match="returned None" if result is None else f"returned a {type(result).__name__}"):
        transform(lambda x: result)(np.ones(2))


def test_jacobian_of_nothing_and_mistakes_in_hand():
    assert tg.jacobian(lambda x: x[:0])(np.ones(2)).shape == (0, 2)
    with pytest.raises(TypeError, match="jvp\\(f, \\[x\\], \\[v\\]\\)"):
        tg.jvp(np.sin, np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="one is an ndarray"):
        tg.gradients(tg.Tensor(1.0), [np.ones(2)])


def test_what_a_result_does_not_depend_on_has_a_zero_gradient_at_infinity_too():
    x, y = tg.Tensor([np.inf, 1.0]), tg.Tensor(1.0)
    np.testing.assert_array_equal(tg.gradients(y, [x])[0], [0, 0])


def test_directions_and_gradients_may_be_tensors_and_carry_theirs_on():
    x, v = np.array([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    y, pull = tg.vjp(np.square, x)
    assert type(pull(np.ones(2))) is tuple
    _, tangent = tg.jvp(np.square, [x], [v])
    for along in (tangent, *pull(v)):
        np.testing.assert_array_equal(tg.gradients(along, [v], np.ones(2))[0], 2 * x)
    z = tg.Tensor(x)
    (g,) = tg.gradients(z * z, [z], gradient=v)
    for plain in (y, g, *pull(v.detach()), *tg.jvp(np.square, [x], [v.detach()])):
        assert type(plain) is np.ndarray


def test_edges_of_argnums_and_of_shapes():
    assert tg.grad(np.sin, -1)(0.0) == 1
    with pytest.raises(TypeError, match="argnums=-2 of a call with 1 arguments"):
        tg.grad(np.sin, -2)(0.0)
    assert tg.jacobian(lambda x: x[:0])(np.ones(2)).shape == (0, 2)
    assert tg.grad(lambda x: x * tg.grad(lambda y: 3.0)(1.0) + x)(2.0) == 1


def test_a_transform_keeps_nothing_once_it_is_done():
    seen = []

    def f(x, fail=False):
        seen.append(weakref.ref(x))
        return [] if fail else x * x

    tg.grad(f)(1.0)
    tg.vjp(f, 1.0)
    tg.jvp(f, [1.0], [1.0])
    tg.hessian(f)(1.0)
    with pytest.raises(ValueError, match="returned a list"):
        tg.grad(f)(1.0, fail=True)
    assert [x() for x in seen] == [None] * 5


@pytest.mark.parametrize("f", [lambda x: x, np.sin, tg.checkpoint(np.sin)])
def test_directions_and_gradients_take_the_dtype_of_what_they_belong_to_in_every_order(f):
    x, v = np.ones(2, np.float32), np.ones(2)
    for along in (lambda v: tg.vjp(f, x)[1](v)[0], lambda v: tg.jvp(f, [x], [v])[1], lambda v: tg.ggnvp(f)(x, v)):
        for result in (along(v), along(tg.Tensor(v)), *tg.jvp(along, [v], [v]), tg.vjp(along, v)[0]):
            assert result.dtype == np.float32
        assert tg.grad(lambda v, along=along: np.sum(along(v)))(v).dtype == np.float64
    assert tg.jvp(lambda x: x * x, [tg.Value(2.0)], [tg.Value(3.0)])[1] == 12
    with pytest.raises(TypeError, match="a Value is one number"):
        tg.vjp(np.square, tg.Tensor(2.0))[1](tg.Value(3.0))
    J = tg.jacobian(lambda x: np.sum(f(x)) * v, mode="forward")
    assert J(x).dtype == tg.jvp(J, [x], [x])[0].dtype == np.float32
