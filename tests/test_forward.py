"""Forward mode: each rule agrees with reverse mode, derivatives nest, and the memory does not grow with the length."""

import tracemalloc

import numpy as np
import pytest
from cases import PAGES
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn

import tinygrad_edu as tg

EVERY = pytest.mark.parametrize(
    "fun", [pytest.param(f, id=f"{page}-{f.__name__}") for page, cases in PAGES.items() for f in cases]
)
CASES = {f: case for cases in PAGES.values() for f, case in cases.items()}


def waves(a):
    return np.cos(1.0 + np.arange(np.size(a))).reshape(np.shape(a))


@EVERY
@drawn(2, 125)
@given(data=st.data())
def test_forward_mode_is_the_transpose_of_reverse_mode_and_jacobians_of_both_are_those_row_by_row(fun, data):
    """Draw each case once for both checks: drawing it takes about as long as one of them."""
    f, args = data.draw(CASES[fun])
    args = [np.asarray(a, float) for a in args]
    pull = tg.vjp(f, *args)[1]
    assert_transposed(f, args, pull)
    squared = lambda *xs: np.sum(f(*xs) ** 2)
    assert_transposed(squared, args, tg.vjp(squared, *args)[1])
    assert_jacobians_are_those_row_by_row(f, args, pull)


def assert_transposed(f, args, pull):
    """Check that u . (J v) equals v . (J' u), also of the gradient's own derivative."""
    vs = list(map(waves, args))
    y, tangent = tg.jvp(f, args, vs)
    np.testing.assert_allclose(y, f(*args), rtol=1e-12, atol=1e-12)
    u = np.sin(1.0 + np.arange(np.size(y))).reshape(np.shape(y))
    pulled = pull(u)
    forward, reverse = np.sum(u * tangent), sum(np.sum(p * v) for p, v in zip(pulled, vs, strict=True))
    scale = sum(np.sum(np.abs(p * v)) for p, v in zip(pulled, vs, strict=True))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-11 * max(1.0, scale))


def assert_jacobians_are_those_row_by_row(f, args, pull):
    y = np.asarray(f(*args))
    rows = [pull(e.reshape(y.shape)) for e in np.eye(y.size)[:40]]
    for mode in ("reverse", "forward"):
        for k, J in enumerate(tg.jacobian(f, tuple(range(len(args))), mode=mode)(*args)):
            assert J.shape == y.shape + args[k].shape
            if rows:
                found, expected = J.reshape(y.size, *args[k].shape)[:40], np.stack([pulled[k] for pulled in rows])
                scale = max(1, np.abs(J).max(initial=0))
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * scale)


def chain(n):
    def f(x):
        for _ in range(n):
            x = np.sin(x) * 1.01
        return x

    return f


def peak(f, x):
    tracemalloc.start()
    tg.jvp(f, [x], [np.ones_like(x)])
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def test_the_memory_of_a_jvp_does_not_grow_with_the_length_of_a_chain():
    x = np.ones(10_000)
    peak(chain(3), x)
    assert peak(chain(1000), x) < 1.1 * peak(chain(10), x) + 10_000


def test_derivatives_nest_in_any_order():
    modes = {"forward": lambda f: lambda x: tg.jvp(f, [x], [np.ones_like(x)])[1], "reverse": tg.grad}
    for one in modes.values():
        for two in modes.values():
            for three in modes.values():
                np.testing.assert_allclose(one(two(three(lambda x: x**4 * np.sin(x))))(0.7), THIRD, rtol=1e-12)


x = 0.7
THIRD = (24 * x - 12 * x**3) * np.sin(x) + (36 * x**2 - x**4) * np.cos(x)


def test_derivatives_by_different_variables_are_kept_apart():
    """The derivative of x d(x + y)/dy by x is 1: a confusion of both directions would give 2."""
    one = np.float64(1.0)
    inner = lambda x: x * tg.jvp(lambda y: x + y, [one], [one])[1]
    assert tg.jvp(inner, [one], [one])[1] == 1
    assert tg.grad(inner)(1.0) == 1


def test_a_direction_may_be_differentiated_too():
    x, v = np.array([0.3, 0.4]), np.array([1.0, -2.0])
    along = tg.grad(lambda v: np.sum(tg.jvp(np.sin, [x], [v])[1] ** 2))(v)
    np.testing.assert_allclose(along, 2 * np.cos(x) ** 2 * v)


def test_functions_that_compute_gradients_themselves_have_derivatives():
    def f(x):
        return tg.gradients(np.sum(x**3), [x], create_graph=True)[0]

    y, tangent = tg.jvp(f, [np.array([1.0, 2.0])], [np.ones(2)])
    np.testing.assert_allclose(y, [3, 12])
    np.testing.assert_allclose(tangent, [6, 12])


def test_where_a_sum_starts_is_no_part_of_its_tangent():
    x, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])
    for total in (
        lambda x: np.sum(x, None, None, None, False, 7.0), lambda x: np.sum(x, initial=7.0),
        lambda x: x.sum(0, None, None, False, 7.0, np.array([True, True, True])),
        lambda x: np.add.reduce(x, 0, None, None, False, 7.0),
    ):  # fmt: skip
        assert tg.jvp(total, [x], [v]) == (13, 111)


def test_zero_times_infinity_is_zero_along_a_direction_too():
    with np.errstate(all="ignore"):
        _, tangent = tg.jvp(lambda x: np.where(x > 0, np.sqrt(x), 0.0), [np.zeros(2)], [np.ones(2)])
    np.testing.assert_array_equal(tangent, [0, 0])
    np.testing.assert_array_equal(tg.jvp(lambda x: np.sqrt(x * 0 + 0), [np.zeros(2)], [np.zeros(2)])[1], [0, 0])


def test_functions_with_a_rule_of_the_users_own_have_a_forward_mode():
    @tg.primitive
    def cube(x):
        return x**3

    tg.defvjp(cube, lambda g, y, x: g * 3 * x**2)
    assert tg.jvp(cube, [2.0], [1.0]) == (8, 12)


def test_a_rule_that_leaves_out_what_no_gradient_arrives_at_has_a_forward_mode():
    double = tg.primitive(lambda x: 2 * x)
    tg.defvjp(double, lambda g, y, x: 2 * g if np.any(g) else np.zeros_like(x))
    np.testing.assert_array_equal(tg.jvp(double, [np.ones(3)], [np.arange(3.0)])[1], [0, 2, 4])
    np.testing.assert_array_equal(tg.hvp(lambda x: np.sum(double(x) ** 2))(np.ones(3), np.arange(3.0)), [0, 8, 16])
    plain = tg.primitive(lambda x: 2 * x)
    tg.defvjp(plain, lambda g, y, x: np.array([2 * v for v in np.asarray(getattr(g, "data", g))]))
    with pytest.raises(TypeError, match="makes plain numbers of the gradient"):
        tg.jvp(plain, [np.ones(3)], [np.ones(3)])


def test_a_function_that_closes_over_tensors_runs_once():
    w, calls = tg.Tensor([1.0, 2.0]), []

    def f(x):
        calls.append(1)
        return np.sum(w * np.sin(x) ** 2)

    x, v = np.array([0.3, 0.4]), np.array([1.0, -1.0])
    y, tangent = tg.jvp(f, [x], [v])
    assert len(calls) == 1
    (y + tangent).backward()
    np.testing.assert_allclose(w.grad, np.sin(x) ** 2 + 2 * np.sin(x) * np.cos(x) * v)


def test_directions_of_constants_are_zero_and_complex_ones_of_real_arguments_refused():
    np.testing.assert_array_equal(tg.hvp(lambda x: 1.0)(np.ones(2), np.ones(2)), [0, 0])
    np.testing.assert_array_equal(tg.hvp(lambda x: np.sum(np.floor(x)))(np.ones(2), np.ones(2)), [0, 0])
    with pytest.raises(TypeError, match="a direction holds complex128, and its argument real numbers"):
        tg.jvp(np.sin, [np.ones(2)], [1j * np.ones(2)])
    with pytest.raises(ValueError, match="names an argument twice"):
        tg.grad(lambda x: np.sum(x), (0, -1))(np.ones(2))


def test_both_modes_keep_the_dtypes_of_arguments():
    args = np.ones(2, np.float32), np.ones(2)
    for mode in ("forward", "reverse"):
        columns = tg.jacobian(lambda a, b: a * b, (0, 1), mode=mode)(*args)
        assert [J.dtype for J in columns] == [np.float32, np.float64]


def test_written_elements_carry_their_tangents():
    def f(x):
        y = x * 2
        y[0] = y[1] * y[2]
        return y

    x, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])
    np.testing.assert_allclose(tg.jvp(f, [x], [v])[1], tg.jacobian(f)(x) @ v)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (4, 4), (0, 3), (3, 0)])
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobians_of_any_proportions_agree(shape, mode):
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=shape), rng.normal(size=shape[1])
    J = tg.jacobian(lambda x: np.tanh(A @ x), mode=mode)(x)
    np.testing.assert_allclose(J, (1 - np.tanh(A @ x) ** 2)[:, None] * A, atol=1e-14)


def test_the_mode_of_a_jacobian_is_checked():
    with pytest.raises(ValueError, match="'auto', 'forward' or 'reverse'"):
        tg.jacobian(np.sin, mode="backward")


def test_a_large_jacobian_is_computed_in_parts(monkeypatch):
    monkeypatch.setattr("tinygrad_edu.transforms.jacobians.MAX_ELEMENTS", 100)
    x = np.linspace(0, 1, 30)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(tg.jacobian(np.sin, mode=mode)(x), np.diag(np.cos(x)))


UNUSED = {  # functions whose result does not depend on an infinite slope at 0
    "dot": lambda x: np.stack([np.sqrt(x[0]), x[1]]) @ np.array([0.0, 1.0]),
    "matmul": lambda x: np.array([[0.0, 1.0], [0.0, 2.0]]) @ np.stack([np.sqrt(x[0]), x[1]]),
    "einsum": lambda x: np.einsum("i,i,i", np.stack([np.sqrt(x[0]), x[1]]), [0.0, 1.0], x),
    "outer": lambda x: np.outer(np.sqrt(x), [1.0, 0.0])[:, 1] + x,
    "where": lambda x: np.sum(np.where(x > 0, np.sqrt(x), x)),
}


@pytest.mark.parametrize("f", UNUSED.values(), ids=UNUSED)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # of the values
def test_an_infinite_slope_that_is_multiplied_by_0_is_no_nan_in_any_mode(f):
    x, v = np.array([0.0, 2.0]), np.array([1.0, 3.0])
    total = lambda x: np.sum(f(x) * np.cos(np.arange(1.0, np.size(f(x)) + 1)).reshape(np.shape(f(x))))
    rows = np.asarray(tg.jacobian(f, mode="reverse")(x))
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(tg.jacobian(f, mode="forward")(x), rows, atol=1e-15)
    np.testing.assert_allclose(tg.jvp(f, [x], [v])[1], rows @ v)
    np.testing.assert_allclose(tg.jvp(tg.jit(f), [x], [v])[1], rows @ v)
    np.testing.assert_allclose(tg.vmap(lambda x: tg.jvp(f, [x], [v])[1])(np.stack([x, x + 1]))[0], rows @ v)
    hessian = tg.jacobian(tg.grad(total), mode="reverse")(x)
    for other in (tg.hessian(total), tg.jacobian(tg.grad(lambda x: tg.jvp(total, [x], [x * 0 + v])[1]))):
        assert np.isfinite(other(x)).all()
    np.testing.assert_allclose(tg.hessian(total)(x), hessian, atol=1e-15)
    np.testing.assert_allclose(tg.hvp(total)(x, v), hessian @ v, atol=1e-15)
    np.testing.assert_allclose(tg.grad(lambda x: tg.jvp(total, [x], [v])[1])(x), hessian @ v, atol=1e-15)


def test_an_infinite_slope_that_is_used_stays_infinite_or_nan():
    used = lambda x: np.stack([np.sqrt(x[0]), x[1]]) @ np.array([2.0, 1.0])
    assert tg.jvp(used, [np.array([0.0, 1.0])], [np.ones(2)])[1] == np.inf
    both = lambda x: np.array([[1.0, -1.0], [0.0, 0.0]]) @ np.sqrt(x)
    np.testing.assert_array_equal(tg.jvp(both, [np.zeros(2)], [np.ones(2)])[1], [np.nan, 0])
