"""The optimizations of jit, one by one: each does what its name says, and keeps the numbers."""

import operator
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn

import tinygrad_edu as tg
from tinygrad_edu.jit.passes import NAMES

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.5, 1.5, (2, 40, 6))


def calls(f, *args, optimize):
    """Check the numbers of the recorded program, and return the functions that it calls."""
    jitted = tg.jit(f, optimize=optimize)
    for scale in (1.0, 0.5):
        scaled = [a * scale for a in args]
        for found, expected in zip(np.atleast_1d(jitted(*scaled)), np.atleast_1d(f(*scaled)), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    return [getattr(c.fun, "__name__", "") for c in jitted._recordings[0].plan.program.calls]


def test_dead_leaves_out_unused_calls():
    def f(x):
        np.exp(x)
        return np.sin(x)

    assert calls(f, X, optimize=("dead",)) == ["sin"]
    assert calls(f, X, optimize=False) == ["exp", "sin"]


def test_dead_draws_random_numbers_all_the_same():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)

    def f(x):
        rng.random(3)
        return x + rng.random()

    jitted = tg.jit(f)
    for _ in range(3):
        given = jitted(X)
        other.random(3)
        np.testing.assert_array_equal(given, X + other.random())


def test_copies_are_what_they_are_copies_of():
    assert calls(lambda x: np.exp(x.copy()), X, optimize=("algebra",)) == ["exp"]


def test_common_computes_equal_calls_once():
    def f(x):
        return np.sin(x) * np.cos(x) + np.sin(x) ** 2.0 + np.sin(x) ** 2

    found = calls(f, X, optimize=("common",))
    assert found.count("sin") == 1
    assert found.count("power") == 2  # 2.0 and 2 are different


def test_constants_are_computed_while_recording():
    assert calls(lambda x: x * (np.add(tg.Tensor(np.ones(6)), 1.0) * 2.0).data, X, optimize=("constants",)) == [
        "multiply"
    ]


def test_constants_are_found_where_algebra_makes_them():
    assert calls(lambda x: (x**0 * 3.0).sum(axis=0) * x, X, optimize=("constants", "algebra")) == ["multiply"]


def test_zeros_of_both_signs_are_not_one_number():
    zeros = np.where(np.arange(40)[:, None] % 2, -0.0, 0.0) * np.ones(6)
    zeros[-1] = 0.0
    f = tg.jit(lambda x: np.copysign(x, zeros))
    np.testing.assert_array_equal(f(X), f(X))
    np.testing.assert_array_equal(f(X), np.copysign(X, zeros))


def test_constants_filled_with_zeros_of_both_signs_are_not_one_number():
    jitted = tg.jit(lambda x: np.copysign(x, np.zeros(3)) + 2 * np.copysign(x, -np.zeros(3)))
    for _ in range(2):
        np.testing.assert_array_equal(jitted(np.arange(1.0, 4.0)), [-1, -2, -3])


def test_broadcasting_replaces_broadcast_copies():
    f = tg.grad(lambda x: np.sum(np.exp(np.sum(x * x, axis=1))))
    assert "broadcast_to" in calls(f, X, optimize=("dead",))
    assert "broadcast_to" not in calls(f, X, optimize=("broadcasting", "dead"))


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: x * 1, 0), (lambda x: 1.0 * x, 0), (lambda x: x**1, 0), (lambda x: +x, 0),
        (lambda x: x * np.ones((40, 6)), 0), (lambda x: x + 0, 1), (lambda x: abs(-x), 1), (lambda x: X - -x, 2),
        (lambda x: 2.0 * (3.0 * x), 2), (lambda x: np.float64(1) * x.sum(), 1),
    ],
)  # fmt: skip
def test_algebra_leaves_out_calls_without_effect(f, left):
    assert len(calls(lambda x: f(x), X, optimize=("algebra", "dead"))) == left


def test_the_gradient_of_a_large_sum_takes_no_product_with_ones():
    step = tg.jit(tg.grad(lambda x: np.sum(np.sin(x) * x)))
    step(np.ones(300_000))
    assert step.plan.count("multiply(") == 1  # of cos(x) and x


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.bool_, np.float32, np.float64], ids=str)
def test_signs_of_other_dtypes_stay(dtype):
    def f(x, u):
        v = np.negative(u * np.ones((), dtype)) if dtype is not np.bool_ else -(u * 1)
        return x - v, x + v, v + x, v, -(u * 1.0) * x, np.abs(v), x[0].sum(), -(x * 0.0), -(x * 2)

    limits = [0, 1] if dtype is np.bool_ else [0, np.iinfo(dtype).min] if np.dtype(dtype).kind in "iu" else [0.0, -0.0]
    jitted = tg.jit(f)
    for numbers in ([0, 0], limits, [1, 1]):
        for x in (np.array([-0.0, 3.0]), np.array([-0.0, -2.0], np.float32)):
            assert_same_bits(jitted(x, np.array(numbers, dtype)), f(x, np.array(numbers, dtype)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex128, np.int64, np.longdouble], ids=str)
@pytest.mark.parametrize("fun", [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.power, np.logical_or])
def test_a_mask_is_read_as_numbers(fun, dtype):
    def f(x, y):
        first, other = np.greater(x, 1), np.less(y, 1)
        return fun(x, first), fun(first, x), fun(first, first), fun(x, other[0]), fun(first, other) + fun(x, other)

    x, y = (RNG.integers(0, 3, (3, 4)).astype(dtype) for _ in range(2))
    with np.errstate(all="ignore"):
        if refuses(f, x, y):
            return
        jitted = tg.jit(f)
        jitted(x, y)
        assert_same_bits(jitted(y, x), f(y, x))


def test_the_exponential_of_a_sigmoid_is_computed_once():
    f = tg.grad(lambda x: np.sum(tg.sigmoid(x) * x))
    assert calls(f, X - 1, optimize=("algebra", "common", "dead")).count("exp") == 1


def test_algebra_writes_the_second_power_as_numpy_does():
    assert calls(lambda x: x**2, X, optimize=("algebra",)) == ["square"]
    assert calls(lambda x: x ** np.full((40, 6), 2.0), X, optimize=("algebra",)) == ["power"]  # which rounds otherwise


def test_mean_is_a_sum_divided():
    assert calls(lambda x: np.mean(x, axis=0), X, optimize=("mean",)) == ["sum", "divide"]


def test_blas_computes_sums():
    assert calls(lambda x: np.sum(x, axis=0), X, optimize=("blas",)) == ["dot"]
    assert calls(lambda x: np.sum(x, axis=1, keepdims=True), X, optimize=("blas",)) == ["dot"]
    assert calls(lambda x: np.sum(x * x), X, optimize=("blas", "dead")) == ["vdot"]
    column = calls(lambda x: np.sum(np.exp(x[:, :1])).reshape(1), X, optimize=("blas", "dead"))
    assert column == ["getitem", "exp", "dot"]
    assert calls(lambda x: np.sum(x.astype(int), axis=0), X * 10, optimize=("blas",))[-1] == "sum"


@pytest.mark.parametrize("fun", [np.vdot, np.dot, np.inner, np.multiply])
@pytest.mark.parametrize("number", [2.0, np.float64(2), 2, True, 2j])
def test_products_with_a_number_are_numpys(fun, number):
    x = tg.Tensor(X)

    def both():
        element = x.data[..., 0, 0]  # an array without axes
        return fun(element, number), fun(number, element)

    f = tg.jit(both)
    for _ in range(3):
        x.data += 1
        given, expected = f(), both()
        assert given == expected
        assert [*map(np.result_type, given)] == [*map(np.result_type, expected)]


def test_the_rows_of_a_hessian_are_recorded_at_once():
    f = tg.hessian(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    assert len(calls(f, RNG.standard_normal(12), optimize=False)) < 60


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tanh(x) ** 2, lambda x: x[::-1] * np.sum(x), lambda x: np.sum(x.reshape(2, 3), axis=0)[:2] * x[:2],
        lambda x: np.outer(x, np.sin(x)).T[1:4, 2], lambda x: np.where(x > 1, x * x, x)[[0, 2, 2]], np.cumsum,
        lambda x: np.linalg.inv(x.reshape(2, 3) @ x.reshape(3, 2)).ravel(), lambda x: np.concatenate([x[:2], 2 * x]),
    ],
)  # fmt: skip
def test_rows_of_other_jacobians_are_right_whatever_they_go_through(f):
    jacobian = tg.jacobian(f)
    jitted = tg.jit(jacobian)
    for x in (X[0], Y[0]):
        np.testing.assert_allclose(jitted(x), jacobian(x), rtol=1e-10, atol=1e-12)


def test_rows_with_equal_constants_of_their_own_are_right():
    def f(x):
        return np.stack([np.sin(x + np.array([1.0, 2.0, 3.0])) * np.array([i, 2.0, 3.0]) for i in range(5)])

    jitted = tg.jit(f)
    for x in (X[0, :3], Y[0, :3]):
        np.testing.assert_allclose(jitted(x), f(x), rtol=1e-13)


def test_rows_with_zeros_of_both_signs_are_not_equal():
    def f(x):
        signs = [np.array([-0.0 if i % 2 else 0.0, 1.0, -1.0]) for i in range(5)]
        return np.stack([np.copysign(x, s) * np.array([i, 2.0, 3.0]) for i, s in enumerate(signs)])

    jitted = tg.jit(f)
    for x in (X[0, :3], Y[0, :3]):
        np.testing.assert_array_equal(jitted(x), f(x))


def test_memory_is_used_again():
    def f(x):
        for _ in range(10):
            x = np.tanh(x) + 1
        return np.sum(x)

    jitted = tg.jit(f)
    jitted(X)
    assert jitted.stats["buffers"] == 1
    assert jitted.stats["bytes"] == X.nbytes
    x = Y
    for _ in range(10):
        x = np.tanh(x) + 1
    np.testing.assert_allclose(jitted(Y), np.sum(x), rtol=1e-13)


@pytest.mark.parametrize("old_is_read", [False, True])
def test_the_steps_towards_a_new_state_are_computed_where_the_state_is(old_is_read):
    state = tg.Tensor(np.ones(40), requires_grad=False)

    def f(x):
        new = 0.9 * state.data + x
        y = np.sum(np.exp(state.data) * new) if old_is_read else np.sum(new)
        state.data[...] = new
        return y

    jitted = tg.jit(f)
    for x in (np.ones(40), np.arange(40.0), np.zeros(40)):
        state.data[...] = 1.0
        expected, new = f(x), state.data.copy()
        state.data[...] = 1.0
        np.testing.assert_allclose(jitted(x), expected, rtol=1e-13)
        np.testing.assert_array_equal(state.data, new)
    assert (jitted.stats["buffers"] == 0) is not old_is_read


@pytest.mark.parametrize("n", [40, 200_000])
def test_zeros_to_write_into_are_filled_and_not_copied(n):
    f = tg.jit(lambda x: np.sum(tg.grad(lambda x: np.sum(np.square(x[:2])))(x) * x))
    x = np.arange(1.0, n + 1)
    for scale in (1, 2):
        np.testing.assert_allclose(f(x * scale), 10 * scale**2)
    assert ".fill(" in f.plan
    assert "copyto" not in f.plan


def test_memory_is_not_written_while_it_is_read_in_another_order():
    def f(x):
        y = np.tanh(x)
        return np.sum((y * y.T) * (y + y[::-1]))

    square = X[:6]
    jitted = tg.jit(f)
    for x in (square, 2 * square):
        np.testing.assert_allclose(jitted(x), f(x), rtol=1e-13)


HUGE = {"f2": 6e4, "f4": 3e38, "f8": 1e308, "c16": 1e308}  # doubled, it overflows
DTYPES = [np.dtype(code) for code in ("f8", "f4", "f2", "i8", "i4", "?", "c16")]


def nasty_numbers(dtype):
    """Return infinities, NaN, zeros of both signs, and numbers at the limits of a dtype."""
    if dtype.kind in "ib":
        return [0, 1, -1, 2, 3, 2**30] if dtype.kind == "i" else [False, True]
    huge, tiny = HUGE[dtype.str[1:]], float(np.finfo(dtype).smallest_subnormal)
    numbers = [0.0, -0.0, 1.0, -1.5, 0.1, 3.0, np.inf, -np.inf, np.nan, huge, -huge, tiny, -tiny]
    return [complex(a, b) for a in numbers for b in numbers] if dtype.kind == "c" else numbers


@st.composite
def nasty(draw, dtypes=DTYPES, shape=(3, 4)):
    """An array of such numbers."""
    dtype = draw(st.sampled_from(dtypes))
    size = int(np.prod(shape))
    numbers = st.lists(st.sampled_from(nasty_numbers(dtype)), min_size=size, max_size=size)
    return np.array(draw(numbers), dtype).reshape(shape)


NUMBERS = [0, 0.0, -0.0, 1, 1.0, -1, -1.0, 2, 2.0, 0.5, 1e200, -1e200, np.inf, np.nan, True, False, 1j]
FILLED = st.builds(
    lambda n, dtype, shape: np.full(shape, n).astype(dtype), st.sampled_from(NUMBERS[:-1]).filter(np.isfinite),
    st.sampled_from(DTYPES[:5]), st.sampled_from([(), (4,), (3, 4), (1, 4), (2, 3, 4)]),
)  # fmt: skip
CONSTANTS = st.one_of(st.sampled_from(NUMBERS), FILLED, nasty(), nasty(shape=(4,)))
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, np.power, np.maximum, np.minimum, np.copysign, np.less,
    np.arctan2, np.floor_divide, np.logical_or,
]  # fmt: skip
UNARY = [
    np.negative, np.positive, np.copy, np.square, np.ravel, np.transpose, lambda x: x.reshape(2, 6).reshape(4, 3),
    lambda x: np.broadcast_to(x[0], (3, 4)) * x, lambda x: x + x, lambda x: x * x, lambda x: np.power(x, 2),
    lambda x: np.power(x, 0.5), lambda x: np.power(x, -1.0), lambda x: np.power(x, 0), lambda x: np.power(x, 1),
    lambda x: (x.T.T, np.negative(-x), x.astype(x.dtype)), lambda x: np.min(x, axis=(0, 1)),
    lambda x: np.max(x, initial=-np.inf), lambda x: np.max(x, where=np.equal(x, x), initial=-np.inf, axis=0),
    lambda x: x - -(x * x) + -x, lambda x: -(x[0] * -x), lambda x: np.add(x, np.broadcast_to(2.0, (3, 4))),
    lambda x: np.maximum(x, 0.0) + np.maximum(x, -0.0),
]  # fmt: skip


def parts(value):
    """Return a list of the arrays of a result."""
    return [np.asarray(v) for v in (value if isinstance(value, tuple) else (value,))]


def assert_same_bits(found, expected):
    """Zeros of both signs are told apart, and NaNs are not: NumPy leaves their sign open."""
    for a, b in zip(parts(found), parts(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
        for x, y in [(a.real, b.real), (a.imag, b.imag)] if a.dtype.kind == "c" else [(a, b)]:
            if x.dtype.kind == "f":
                numbers = ~np.isnan(x)
                np.testing.assert_array_equal(np.signbit(x)[numbers], np.signbit(y)[numbers])


def refuses(f, *args):
    """Whether NumPy has no such function of these numbers."""
    try:
        f(*args)
    except (TypeError, ValueError, OverflowError):
        return True
    return False


def assert_exact(f, x, names, alone=True):
    """The passes together, and each alone, give what f gives; functions that NumPy refuses are left out."""
    with np.errstate(all="ignore"):
        if refuses(f, x):
            return
        expected = f(x)
        for optimize in (names, *[(name,) for name in names if alone]):
            jitted = tg.jit(f, optimize=optimize, check=False)  # it is compared here
            jitted(x)
            assert_same_bits(jitted(x), expected)


EXACT = tuple(name for name in NAMES if name not in ("mean", "blas"))  # these may reorder sums


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("fun", [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum])
@pytest.mark.filterwarnings("ignore")
def test_each_identity_holds_for_each_number(fun, dtype):
    def three(x, c):
        y = fun(x, c)
        return y, np.negative(y), np.negative(fun(c, x))

    x = np.array(nasty_numbers(dtype), dtype)
    for number in NUMBERS:
        forms = [np.full(s, number) for s in ((), (1,), x.shape)]
        forms += [number, *[a.astype(dtype) for a in forms if dtype.kind == "c" or a.dtype.kind != "c"]]
        taken = [c for c in forms if not refuses(three, x, c)]
        assert_exact(lambda x, cs=taken: tuple(y for c in cs for y in three(x, c)), x, EXACT, alone=False)


class Count(int):
    """NumPy converts it to an array of integers, which promotes otherwise than Python's own."""


@pytest.mark.parametrize("c", [*[np.array(3.1).astype(code)[()] for code in "?bqefdgFD"], True, 3, 0.1, Count(3)])
@pytest.mark.parametrize("fun", [np.multiply, np.add, np.greater, np.minimum])
@pytest.mark.parametrize("dtype", DTYPES[:4])
@pytest.mark.filterwarnings("ignore")
def test_a_constant_decides_the_precision_as_in_numpy(dtype, fun, c):
    x = np.array(nasty_numbers(dtype), dtype)
    assert_exact(lambda x: np.negative(fun(fun(x, c) * 1.5, c) * 1.5), x, EXACT)


@pytest.mark.parametrize("fun", [np.power, np.multiply, lambda c, x: c**x])
def test_powers_of_huge_integers_are_python_numbers(fun):
    huge = Count(2**70)
    for f in (lambda x: fun(huge, x), lambda x: fun(x, huge)):
        assert_exact(f, np.float64(2.5), EXACT)


@drawn(50, 100)
@given(x=nasty(), c=CONSTANTS, fun=st.sampled_from(BINARY), swap=st.booleans(), then=st.sampled_from([*UNARY, *BINARY]))
@pytest.mark.filterwarnings("ignore")
def test_each_rule_for_a_constant_is_exact(x, c, fun, swap, then):
    def f(x):
        y = fun(c, x) if swap else fun(x, c)
        return then(y, c) if then in BINARY else then(y)

    assert_exact(f, x, EXACT)


@drawn(50, 100)
@given(x=nasty(), fun=st.sampled_from(UNARY))
@pytest.mark.filterwarnings("ignore")
def test_each_rule_without_a_constant_is_exact(x, fun):
    assert_exact(fun, x, EXACT)


@drawn(50, 100)
@given(
    x=nasty(dtypes=DTYPES[:2]), axis=st.sampled_from([None, 0, 1, -1, (0, 1)]), keepdims=st.booleans(),
    fun=st.sampled_from([np.sum, np.mean, lambda x, **k: np.sum(x * x, **k), lambda x, **k: np.sum(x**2, **k)]),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_sums_in_another_order_are_infinite_or_nan_where_those_of_numpy_are(x, axis, keepdims, fun):
    x = np.repeat(np.repeat(np.where(np.abs(x) > 1e30, np.sign(x) * np.inf, x), 4, axis=0), 4, axis=1)  # no overflow
    with np.errstate(all="ignore"):
        expected = fun(x, axis=axis, keepdims=keepdims)
        for optimize in (("mean",), ("blas",), ("memory",), True):
            jitted = tg.jit(lambda x: fun(x, axis=axis, keepdims=keepdims), optimize=optimize)
            jitted(x)
            np.testing.assert_allclose(jitted(x), expected, rtol=1e-5 if x.dtype == np.float32 else 1e-14, atol=1e-5)


@drawn(20, 20)
@given(rows=st.sampled_from([33, 64, 200]), width=st.integers(1, 34), keepdims=st.booleans(), nan=st.booleans())
def test_extrema_along_short_rows_are_those_of_numpy(rows, width, keepdims, nan):
    x = np.random.default_rng(width).normal(size=(rows, width))
    x[5, 0] = np.nan if nan else 1.0

    @tg.jit
    def f(x):
        y = x * 2.0
        return [g(y, axis=-1, keepdims=keepdims) + 0.0 for g in (np.max, np.min)]

    for scale in (1.0, -3.0):
        for found, g in zip(f(x * scale), (np.max, np.min), strict=True):
            np.testing.assert_array_equal(found, g(x * scale * 2, axis=-1, keepdims=keepdims))


@pytest.mark.parametrize("rows", [range(6), [0, 1, 1, 2, 2, 5], [-1, 0, 1, 2, 3, 5]], ids=str)
@pytest.mark.parametrize("weight", [1.0, -0.0])
def test_picked_elements_receive_what_each_pick_gives(rows, weight):
    g = tg.grad(lambda x, k: np.sum(weight * x[np.array(rows), k]))
    jitted = tg.jit(lambda x, k: 1.0 / g(x, k))  # which tells zeros of both signs apart
    for k in ([0, 1, 2, 0, 1, 2], [2, 2, 2, 2, 2, 2], [0, 0, 1, 1, 0, 0]):
        x, k = np.ones((6, 3)), np.array(k)
        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(jitted(x, k), 1.0 / g(x, k))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_the_negative_of_a_product_with_a_constant_is_exact(dtype):
    x = np.array(nasty_numbers(dtype), dtype)
    for number in NUMBERS:
        assert_exact(lambda x, n=number: np.negative(x * np.full(x.shape, n, x.dtype)), x, EXACT, alone=False)


def test_a_call_that_can_fail_fails_although_its_result_is_not_used():
    def f(a):
        np.linalg.cholesky(a)
        return a * 2

    jitted = tg.jit(f)
    jitted(np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        jitted(-np.eye(2))


def test_a_value_that_was_copied_may_be_stored_over_the_original():
    def rolled(x):
        x[...] = np.roll(x, 1)
        return x * 1

    def doubled(x):
        y = x.copy()
        x *= 2
        return x * 1, y * 1

    for f in (rolled, doubled):
        jitted, one, two = tg.jit(f), np.arange(3.0), np.arange(3.0)
        for _ in range(3):
            np.testing.assert_array_equal(jitted(one), f(two))
            np.testing.assert_array_equal(one, two)


def unrolled(n):
    w = tg.Tensor(np.eye(3))

    def f(x):
        for _ in range(n // 10):
            x = np.tanh(x @ w)
        np.sum(x).backward()

    return f


def one_parameter_each(n):
    opt = tg.optim.Adam([tg.Tensor(np.ones(3)) for _ in range(n // 10)], lr=0.1)
    return lambda x: opt.minimize(sum([(w * x).sum() for w in opt.params]))


def written_views(n):
    def f(x):
        y = np.tanh(x)
        for i in range(n // 4):
            y[i % 3 :] = y[i % 3 :] * 0.5
        return y.sum()

    return f


@pytest.mark.parametrize("make", [unrolled, one_parameter_each, written_views])
def test_the_time_to_record_grows_with_the_number_of_calls_and_not_with_its_square(make):
    def seconds(n):
        start = time.perf_counter()
        tg.jit(make(n))(np.ones(3))
        return time.perf_counter() - start

    assert min(seconds(3000) for _ in range(2)) < 40 * min(seconds(300) for _ in range(2))  # a square would be 100


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sqrt(np.exp(np.exp(x).transpose(1, 2, 0)) + 1),
        lambda x: np.cos(np.exp(x).T).max(axis=1, keepdims=True) * 2 + 1,
        lambda x: np.cos(np.exp(x).T) + np.cos(np.exp(x[:1]).T),
    ],
)  # fmt: skip
def test_results_lie_in_memory_as_numpy_lays_them_out(f):
    x, recorded = np.linspace(-1, 1, 60).reshape(3, 4, 5), tg.jit(f)
    for _ in range(2):
        y, expected = recorded(x), f(x)
        np.testing.assert_array_equal(y, expected)
        assert [s for s, n in zip(y.strides, y.shape, strict=True) if n > 1] == [
            s for s, n in zip(expected.strides, expected.shape, strict=True) if n > 1
        ]


def test_writes_into_an_array_that_nothing_else_reads_copy_nothing():
    def f(x):
        y = np.full_like(x, 0.5)
        for i in range(3):
            y[i] = x[i] + 1
        return y * 2, y[0] * 3

    recorded = tg.jit(f)
    for x in (np.arange(20.0).reshape(4, 5), np.ones((4, 5))):
        for found, expected in zip(recorded(x), f(x), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert recorded.plan.count("copyto(") + recorded.plan.count(".fill(") == 1  # the constant, once
