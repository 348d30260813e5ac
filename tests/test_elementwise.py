"""Elementwise functions: cases that random tests rarely reach, and errors."""

import warnings

import numpy as np
import pytest
from checks import X, check, message

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort

INF, NAN, PI = np.inf, np.nan, np.pi
ROW = X[0, 0]


def slopes(f, *args):
    """Return the gradients of sum(f) at args; warnings in the backward pass are errors."""
    args = [tg.Tensor(a) for a in args]
    with np.errstate(all="ignore"):
        y = np.sum(f(*args))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return tg.gradients(y, args)


KINKS = [
    # function, arguments, expected gradients
    (np.fabs, [0.0], [0]),
    (np.hypot, [0.0, 0.0], [0, 0]),
    (np.hypot, [0.0, -2.0], [0, -1]),
    (np.fmax, [1.0, 1.0], [0.5, 0.5]),
    (np.fmin, [1.0, 1.0], [0.5, 0.5]),
    (np.fmax, [NAN, 1.0], [0, 1]),
    (np.fmin, [1.0, NAN], [1, 0]),
    (np.fmax, [NAN, NAN], [0, 0]),
    (np.fmax, [INF, INF], [0.5, 0.5]),
    (np.fmin, [-INF, 1.0], [1, 0]),
    (np.maximum, [NAN, 1.0], [0, 0]),
    (lambda a: np.copysign(a, -1.0), [0.0], [0]),
    (lambda a: np.copysign(a, -0.0), [2.0], [-1]),
    (lambda a: np.copysign(a, 0.0), [-2.0], [-1]),
    (np.sinc, [0.0], [0]),
    (lambda x, h: np.heaviside(x, h) + 0 * x, [0.0, 0.5], [0, 1]),
    (lambda x, h: np.heaviside(x, h) + 0 * x, [1.0, 0.5], [0, 0]),
    (np.logaddexp, [-INF, -INF], [0.5, 0.5]),
    (np.logaddexp, [-INF, 1.0], [0, 1]),
    (np.logaddexp, [1.0, -INF], [1, 0]),
    (np.logaddexp, [INF, 1.0], [1, 0]),
    (np.logaddexp, [INF, INF], [0.5, 0.5]),
    (np.logaddexp2, [-INF, -INF], [0.5, 0.5]),
    (np.logaddexp2, [-INF, 1.0], [0, 1]),
    (np.logaddexp2, [3.0, 3.0], [0.5, 0.5]),
    (np.arctan2, [0.0, 0.0], [0, 0]),
    (np.arctan2, [0.0, 2.0], [0.5, 0]),
    (np.arctan2, [0.0, -2.0], [-0.5, 0]),
    (np.arctan2, [2.0, 0.0], [0, -0.5]),
    (np.arctan2, [-2.0, 0.0], [0, 0.5]),
    (np.float_power, [0.0, 0.0], [0, 0]),
    (np.float_power, [0.0, 1.0], [1, 0]),
    (np.float_power, [0.0, 2.0], [0, 0]),
    (lambda x: np.float_power(x, 1), [0.0], [1]),
    (np.nan_to_num, [NAN], [0]),
    (np.nan_to_num, [-INF], [0]),
    (np.nan_to_num, [2.0], [1]),
    (lambda x: np.clip(x, 0, 1), [1.0], [1]),
    # functions with an infinite slope
    (np.sqrt, [0.0], [INF]),
    (np.cbrt, [0.0], [INF]),
    (np.log, [0.0], [INF]),
    (np.log2, [0.0], [INF]),
    (np.log10, [0.0], [INF]),
    (np.log1p, [-1.0], [INF]),
    (np.reciprocal, [0.0], [-INF]),
    (np.arcsin, [1.0], [INF]),
    (np.arcsin, [-1.0], [INF]),
    (np.arccos, [1.0], [-INF]),
    (np.arccosh, [1.0], [INF]),
    (np.arctanh, [-1.0], [INF]),
]


@pytest.mark.parametrize(
    ("f", "at", "expected"), KINKS, ids=[f"{i}-{getattr(f, '__name__', '')}" for i, (f, *_) in enumerate(KINKS)]
)
def test_at_its_kinks_a_function_has_the_conventional_gradient(f, at, expected):
    np.testing.assert_allclose(slopes(f, *at), expected, rtol=1e-15)
    found = slopes(f, *[np.full((2, 3), a) for a in at])
    np.testing.assert_allclose(found, np.broadcast_to(np.reshape(expected, (-1, 1, 1)), np.shape(found)), rtol=1e-15)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # NumPy's own warnings in the forward pass
@pytest.mark.parametrize(
    ("f", "outside"),
    [
        (np.sqrt, -1.0), (np.sqrt, 0.0), (lambda x: 1 / x, 0.0), (np.reciprocal, 0.0), (np.log, 0.0), (np.log, -1.0),
        (np.log2, 0.0), (np.log1p, -1.0), (np.arcsin, -1.0), (np.arcsin, -2.0), (np.arctanh, -1.0), (np.cbrt, 0.0),
        (np.arccosh, 0.0), (lambda x: np.power(x, 0.5), 0.0), (lambda x: np.power(x, 0.5), -1.0),
        (lambda x: x**-1.5, 0.0), (lambda x: x**-1.5, -1.0), (lambda x: np.float_power(x, -1.5), 0.0),
        (lambda x: np.power(x, np.array([-1.5, 0.5])), 0.0), (lambda x: np.hypot(x, 0), 0.0),
        (lambda x: np.arctan2(x, 0 * x), 0.0), (np.exp, -INF), (lambda x: np.logaddexp(x, -INF), -INF),
    ],
)  # fmt: skip
def test_where_no_gradient_arrives_none_leaves_at_any_order(f, outside):
    inside = 1.25 if f is np.arccosh else 0.4

    def masked(x):
        return np.sum(np.where(x > 0, f(x) * np.exp(x), 0) + np.where(x > 0, np.square(f(x)), 0))

    def differentiated(f):
        return lambda x: np.sum(tg.grad(f)(x))

    order = masked
    for _ in range(3):
        at_both, alone = (tg.grad(order)(np.array(x)) for x in ([outside, inside], [inside, inside]))
        np.testing.assert_array_equal(at_both, [0, alone[1]])
        assert np.isfinite(at_both).all()
        order = differentiated(order)
    np.testing.assert_array_equal(tg.hessian(masked)(np.array([outside, inside]))[0], [0, 0])


def test_a_nan_takes_no_digits_of_the_slope_of_tanh_from_others():
    slopes = tg.elementwise_grad(np.tanh)(np.array([20.0, np.nan]))
    np.testing.assert_allclose(slopes, [1 / np.cosh(20) ** 2, np.nan], rtol=1e-14)


def test_derivatives_near_the_edge_keep_their_digits():
    d = 2.0**-40  # 1 - d is exact in float64, its square is not
    for f, expected in (
        (np.arcsin, 1 / np.sqrt(d * (2 - d))),
        (np.arccos, -1 / np.sqrt(d * (2 - d))),
        (np.arctanh, 1 / (d * (2 - d))),
    ):
        np.testing.assert_allclose(slopes(f, 1 - d), expected, rtol=1e-15)
    np.testing.assert_allclose(slopes(np.arccosh, 1 + d), 1 / np.sqrt(d * (2 + d)), rtol=1e-15)
    np.testing.assert_allclose(slopes(np.logaddexp, 1e4, 1e4 + 1), [1 / (1 + np.e), 1 / (1 + 1 / np.e)], rtol=1e-14)
    np.testing.assert_allclose(slopes(np.hypot, 3e200, 4e200), [0.6, 0.8], rtol=1e-15)
    np.testing.assert_allclose(slopes(np.arctan2, 3e-200, 4e-200), [1.6e199, -1.2e199], rtol=1e-14)
    assert np.isnan(slopes(np.arccosh, -2.0)).all()


def test_logaddexp_has_its_second_derivative_where_both_are_equal():
    h = tg.hessian(lambda v: np.logaddexp(v[0], v[1]))(np.ones(2))
    np.testing.assert_allclose(h, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-14)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            tg.hessian(lambda v: np.logaddexp(v[0], v[1]))(np.array([-INF, -INF])), np.zeros((2, 2))
        )


@pytest.mark.parametrize("f", [np.add, np.multiply, np.divide, np.power, np.hypot, np.arctan2, np.logaddexp,
                               np.logaddexp2, np.maximum, np.minimum, np.fmax, np.fmin, np.fmod, np.remainder,
                               np.float_power])  # fmt: skip
def test_lists_numbers_and_constants_mix_with_tensors(f):
    a, numbers = ROW + 1.3, [0.7, 2.0, 1.6, 0.4]
    for b in (numbers, 0.7, np.float32(0.75), [[1], [2]], tg.Tensor(numbers, requires_grad=False)):
        plain = b.data if isinstance(b, tg.Tensor) else np.asarray(b, float)
        for g, h in (
            (lambda t, b=b: f(t, b), lambda t, p=plain: f(t, p)),
            (lambda t, b=b: f(b, t), lambda t, p=plain: f(p, t)),
        ):
            np.testing.assert_allclose(g(tg.Tensor(a)).data, h(a), rtol=1e-7)
            found = tg.grad(lambda t, g=g: np.sum(np.square(g(t))))(a)
            np.testing.assert_allclose(found, tg.grad(lambda t, h=h: np.sum(np.square(h(t))))(a), rtol=1e-7)
            tg.check_grad(lambda t, h=h: h(t), a, order=1)


def test_truncated_remainders_are_by_the_quotient_that_numpy_took():
    for f, a, b in ((np.fmod, 1.0, 0.1), (np.fmod, -7.5, 2.0), (np.remainder, -7.5, 2.0), (np.fmod, 7.5, -2.0)):
        one, quotient = slopes(f, a, b)
        assert one == 1
        np.testing.assert_allclose(a + quotient * b, f(a, b), rtol=1e-13)


def test_a_list_of_bases_has_the_gradient_of_an_array_of_them():
    for bases in ([0.0, 2.0], np.array([0.0, 2.0])):
        b = tg.Tensor([2.0, 3.0])
        np.power(bases, b).sum().backward()
        np.testing.assert_allclose(b.grad, [0, 8 * np.log(2)], rtol=1e-15)


def test_clip_gives_its_bounds_the_gradient_of_what_they_replace():
    low, high = np.array([0.8, 0.7, 0.6, 0.75]), np.array(1.2)
    check(lambda x, low, high: np.clip(x, low, high), X, low, high)
    check(lambda x, low, high: x.clip(min=low, max=high), X, low, high)
    check(lambda x, high: x.clip(max=high), X, high)
    check(lambda x, low: x.clip(low), X, low)
    check(lambda x, low: np.clip(a_max=None, a_min=low, a=x), X, low)


def test_the_method_clip_of_an_array_takes_tensors_as_its_bounds():
    low, high = np.array([0.8, 0.7, 0.6, 0.75]), np.array(1.2)
    check(lambda low, high: X.clip(low, high), low, high)
    check(lambda high: X.clip(0.5, high), high)
    check(lambda low: X.clip(low, 1.2), low)
    check(lambda high: X.clip(None, high), high)
    with pytest.raises(ValueError, match=r"^np\.clip\(array of shape \(2, 3, 4\), Tensor of shape \(3,\), 1\)"):
        X.clip(tg.Tensor(low[1:]), 1)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy 2.0 itself asks for a bound")
def test_clip_without_bounds_changes_nothing():
    for f in (np.clip, lambda x: np.clip(x, None, None), lambda x: np.clip(x, min=None, max=None), lambda x: x.clip()):
        check(f, X)


def test_clip_with_swapped_bounds_gives_the_upper_one():
    check(lambda x, low, high: np.clip(x, low, high), X, np.array(1.3), np.array(0.9))


def test_clip_takes_its_bounds_by_either_pair_of_names_but_not_both():
    for call in (lambda t: np.clip(t, 0, 1, max=2), lambda t: t.clip(0, min=1)):
        assert "one pair of names" in message(ValueError, lambda call=call: call(tg.Tensor(X)))


def test_where_of_a_tensor_and_integers_gives_integers():
    found = np.where(tg.Tensor([0.0, 2.0]), 3, 4)
    assert found.tolist() == [4, 3]
    assert found.dtype.kind == "i"


def test_where_of_a_condition_alone_gives_the_places_where_it_holds():
    t = tg.Tensor([[0.0, 2.0], [3.0, 0.0]])
    for found in (np.where(t), np.where(t > 0)):
        assert type(found) is tuple
        for places, expected in zip(found, np.where(t.data), strict=True):
            assert type(places) is np.ndarray
            np.testing.assert_array_equal(places, expected)
    check(lambda x, y: np.where(X > 1, x, y), X, ROW)
    check(lambda x: np.where([True, False, True, True], 2, x), X)
    assert "where" in message(ValueError, lambda: np.where(t > 0, t))


def test_astype_is_the_method():
    t = tg.Tensor(X)
    assert np.astype(t, np.float32).dtype == np.float32
    assert np.astype(t, int).dtype == int
    assert type(np.astype(t, int)) is np.ndarray
    y = np.astype(t, np.float32, copy=False)
    np.sum(y * y).backward()
    assert t.grad.dtype == np.float64
    np.testing.assert_allclose(t.grad, 2 * X, rtol=1e-6)


def test_float_power_computes_in_float64():
    t = tg.Tensor([2.0, 3.0], dtype=np.float32)
    y = np.float_power(t, 2)
    assert y.dtype == np.float64
    y.sum().backward()
    assert t.grad.dtype == np.float32
    np.testing.assert_array_equal(t.grad, [4, 6])


@pytest.mark.parametrize("f", [
    np.exp2, np.log2, np.log10, np.cbrt, np.reciprocal, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.arcsinh,
    np.arctanh, np.deg2rad, np.rad2deg, np.sinc, np.i0, np.nan_to_num, np.logaddexp, np.logaddexp2, np.hypot,
    np.arctan2, np.fmax, np.fmod, np.maximum, lambda x: np.arccosh(x + 1), lambda x: np.frexp(x)[0],
])  # fmt: skip
def test_float32_is_never_computed_in_float64(f):
    x = tg.Tensor(np.array([0.25, 0.5, 0.6]), dtype=np.float32)
    y = f(x, tg.Tensor(np.ones(3), dtype=np.float32)) if getattr(f, "nin", 1) == 2 else f(x)
    (g,) = tg.gradients(np.sum(y), [x], create_graph=True)
    steps = toposort(g) if g.requires_grad else []
    assert {step.dtype for step in (y, g, *steps)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "f",
    [
        np.sign, np.fix, np.spacing, lambda x: np.nextafter(x, 2), np.signbit, np.isposinf, np.isneginf, np.iscomplex,
        np.isreal, np.iscomplexobj, np.isrealobj, lambda x: np.array_equiv(x, x), np.around, np.imag, np.angle,
        lambda x: np.around(x, decimals=1), lambda x: np.array_equiv([1.0], x), lambda x: np.floor_divide(x, 0.3),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # by NumPy 2.5
def test_constants_are_numpys_own_results(f):
    x = np.array([-1.25, 0.0, INF, 0.75])
    with np.errstate(all="ignore"):
        found, expected = f(tg.Tensor(x)), f(x)
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("funs", "remedy"),
    [
        (
            [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm],
            ".astype(int)",
        ),
        ([np.invert, np.bitwise_count], ".astype(int)"),
        ([np.isnat], "np.isnan"),
    ],
)
def test_functions_of_other_numbers_are_refused_with_a_remedy(funs, remedy):
    for fun in funs:
        args = (tg.Tensor(2.0),) * (2 if getattr(fun, "nin", 1) == 2 or fun.__name__ in ("power", "logn") else 1)
        text = message(TypeError, lambda fun=fun, args=args: fun(*args))
        assert text.startswith(f"{tg.engine.rules.registry.name(fun)} does not take Tensors")
        assert remedy in text


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.exp2, 2.0), (np.log2, 2.0), (np.log10, 2.0), (np.reciprocal, 2.0), (np.cbrt, 8.0), (np.arcsin, 0.5),
        (np.arctan, 2.0), (np.sinh, 2.0), (np.arccosh, 2.0), (np.sinc, 0.3), (np.i0, 2.0), (np.deg2rad, 4.0),
        (np.conj, 4.0), (np.real, 4.0), (np.nan_to_num, 4.0), (lambda v: np.hypot(v, 3.0), 4.0),
        (lambda v: np.arctan2(v, 3.0), 4.0), (lambda v: np.logaddexp(v, 3.0), 4.0), (lambda v: np.fmax(v, 3.0), 4.0),
        (lambda v: np.copysign(v, -3.0), 4.0), (lambda v: np.modf(v)[0], 4.3), (lambda v: np.frexp(v)[0], 4.3),
        (lambda v: np.divmod(v, 3.0)[1], 4.0), (lambda v: np.clip(v, 3.0, 5.0), 4.0),
        (lambda v: np.where(True, v, 0.0), 4.0),
    ],
)  # fmt: skip
def test_a_value_goes_through_every_rule(f, x):
    v = tg.Value(x)
    y = f(v)
    y.backward()
    assert type(y.data) is type(v.grad) is float
    np.testing.assert_allclose(v.grad, (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, rtol=1e-7)


def test_keywords_that_no_rule_knows_are_refused():
    t = tg.Tensor(X)
    assert "plain array cannot hold" in message(TypeError, lambda: np.modf(t, out=(X.copy(), X.copy())))
    assert "(2, 3, 4)" in message(ValueError, lambda: np.arctan2(t, np.ones(5)))


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.uint64])
@pytest.mark.parametrize("fun", [np.power, np.float_power, lambda a, b: a**b])
def test_powers_with_small_integers_have_the_gradients_of_floats(fun, kind):
    """0 - 1 of an unsigned integer is a large number, and the logarithm of one of 8 bits has three digits."""
    n, x = np.array([0, 1, 2, 60], kind), np.array([0.5, 1.3, 2.0, 1.5])

    def gradients(n):
        return tg.grad(lambda x: np.sum(fun(x, n)))(x), tg.grad(lambda x: np.sum(fun(n, x)))(x)

    np.testing.assert_allclose(gradients(n), gradients(n * 1.0), rtol=1e-14)
    assert tg.grad(lambda x: fun(x, kind(0)))(2.0) == 0


def test_an_angle_at_infinity_does_not_change():
    for y, x in [(1.0, np.inf), (1.0, -np.inf), (np.inf, 1.0), (-np.inf, np.inf)]:
        assert [tg.grad(np.arctan2, i)(y, x) for i in (0, 1)] == [0, 0]
