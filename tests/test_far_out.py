"""Derivatives from the smallest to the largest number, in float64 and float32, against mpmath."""

import numpy as np
import pytest

import tinygrad_edu as tg

mp = pytest.importorskip("mpmath")
mp.mp.dps = 60
LN2, PI = mp.log(2), mp.pi
ONE = mp.mpf(1)


def sinc1(x):
    u = PI * x
    return PI * (mp.cospi(x) / u - mp.sinpi(x) / u**2) if abs(u) > mp.mpf(10) ** -20 else -(PI**2) * x / 3


# Each function with its first and second derivative, and the open interval on which to differentiate it.
INF = float("inf")
UNARY = {
    np.reciprocal: (lambda x: -1 / x**2, lambda x: 2 / x**3, -INF, INF),
    np.square: (lambda x: 2 * x, lambda x: 2 * ONE, -INF, INF),
    np.sqrt: (lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x)), 0, INF),
    np.cbrt: (
        lambda x: mp.cbrt(abs(x)) / abs(x) / 3, lambda x: -2 * mp.sign(x) * mp.cbrt(abs(x)) / x**2 / 9, -INF, INF,
    ),
    np.exp: (mp.exp, mp.exp, -INF, INF),
    np.exp2: (lambda x: mp.mpf(2) ** x * LN2, lambda x: mp.mpf(2) ** x * LN2**2, -INF, INF),
    np.expm1: (mp.exp, mp.exp, -INF, INF),
    np.log: (lambda x: 1 / x, lambda x: -1 / x**2, 0, INF),
    np.log2: (lambda x: 1 / x / LN2, lambda x: -1 / x**2 / LN2, 0, INF),
    np.log10: (lambda x: 1 / x / mp.log(10), lambda x: -1 / x**2 / mp.log(10), 0, INF),
    np.log1p: (lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2, -1, INF),
    np.sin: (mp.cos, lambda x: -mp.sin(x), -INF, INF),
    np.cos: (lambda x: -mp.sin(x), lambda x: -mp.cos(x), -INF, INF),
    np.tan: (lambda x: mp.sec(x) ** 2, lambda x: 2 * mp.sec(x) ** 2 * mp.tan(x), -INF, INF),
    np.arcsin: (lambda x: 1 / mp.sqrt(1 - x * x), lambda x: x / mp.sqrt(1 - x * x) ** 3, -1, 1),
    np.arccos: (lambda x: -1 / mp.sqrt(1 - x * x), lambda x: -x / mp.sqrt(1 - x * x) ** 3, -1, 1),
    np.arctan: (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2, -INF, INF),
    np.sinh: (mp.cosh, mp.sinh, -INF, INF),
    np.cosh: (mp.sinh, mp.cosh, -INF, INF),
    np.tanh: (lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.sech(x) ** 2 * mp.tanh(x), -INF, INF),
    np.arcsinh: (lambda x: 1 / mp.sqrt(1 + x * x), lambda x: -x / mp.sqrt(1 + x * x) ** 3, -INF, INF),
    np.arccosh: (lambda x: 1 / mp.sqrt(x * x - 1), lambda x: -x / mp.sqrt(x * x - 1) ** 3, 1, INF),
    np.arctanh: (lambda x: 1 / (1 - x * x), lambda x: 2 * x / (1 - x * x) ** 2, -1, 1),
    np.i0: (lambda x: mp.besseli(1, x), lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2, -700, 700),
    np.sinc: (sinc1, None, -1e37, 1e37),
    tg.sigmoid: (
        lambda x: 1 / (1 + mp.exp(-x)) / (1 + mp.exp(x)),
        lambda x: -mp.tanh(x / 2) / (1 + mp.exp(-x)) / (1 + mp.exp(x)), -INF, INF,
    ),
    tg.softplus: (lambda x: 1 / (1 + mp.exp(-x)), lambda x: 1 / (1 + mp.exp(-x)) / (1 + mp.exp(x)), -INF, INF),
    tg.softsign: (lambda x: 1 / (1 + abs(x)) ** 2, lambda x: -2 * mp.sign(x) / (1 + abs(x)) ** 3, -INF, INF),
    tg.silu: (lambda x: (1 + x / (1 + mp.exp(x))) / (1 + mp.exp(-x)), None, -INF, INF),
}  # fmt: skip


def points(dtype, low, high):
    """Return numbers of every size, of both signs, and near the ends of the interval."""
    info = np.finfo(dtype)
    sizes = 2.0 ** np.linspace(info.minexp + 2, info.maxexp - 1, 121)
    usual = [
        0.3,
        0.7,
        1.0,
        1.5,
        2.2,
        3.0,
        5.0,
        8.7,
        9.1,
        12.0,
        17.0,
        20.0,
        33.0,
        41.0,
        60.0,
        88.0,
        89.5,
        104.0,
        355.0,
        372.0,
    ]
    x = np.concatenate([-sizes, sizes, np.negative(usual), usual, [-744.0, 709.0]])
    for end in (low, high):
        if abs(end) == 1:
            x = np.append(x, end - np.sign(end) * (-1 if end == low == 1 else 1) * 2.0 ** np.arange(-20, -1))
    x = np.unique(x.astype(dtype))
    return x[(x > low) & (x < high) & (x != 0)]


def exact(f, x, dtype):
    """Return f at each point, rounded to the dtype."""
    with np.errstate(over="ignore", under="ignore"):
        return np.array([_rounded(f(mp.mpf(float(v)))) for v in x]).astype(dtype)


def _rounded(value):
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def assert_near(actual, expected, dtype, x, ulps, atol=0.0):
    info = np.finfo(dtype)
    overflown = np.isinf(actual) & (abs(expected) > 0.9 * float(info.max)) & (np.sign(actual) == np.sign(expected))
    floor = max(atol, 1000 * float(info.smallest_subnormal))
    near = abs(actual.astype(float) - expected.astype(float)) <= ulps * info.eps * abs(expected.astype(float)) + floor
    good = near | overflown | (actual == expected)
    assert good.all(), [(x[i], actual[i], expected[i]) for i in np.flatnonzero(~good)[:8]]


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # of the values, which overflow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("f", UNARY, ids=lambda f: f.__name__)
def test_the_derivatives_of_elementwise_functions(f, dtype):
    first, second, low, high = UNARY[f]
    x = points(dtype, low, high)
    if f in (np.sin, np.cos, np.tan):
        x = x[abs(x) < 1e4]  # far out, NumPy's own values in float32 are less exact
    g = tg.grad(lambda x: np.sum(f(x)))
    assert_near(g(x), exact(first, x, dtype), dtype, x, 64)
    if second is not None:
        h = tg.grad(lambda x: np.sum(g(x)))(x)
        expected = exact(second, x, dtype)
        moderate = (abs(expected) < 1e-3 * np.finfo(dtype).max) & (abs(expected) > 1e3 * np.finfo(dtype).tiny)
        atol = np.finfo(dtype).eps if f is tg.sigmoid else 0.0  # at 0, a difference of equal numbers
        assert_near(h[moderate], expected[moderate], dtype, x[moderate], 256, atol)


BINARY = {  # of two numbers: the derivatives by each, and whether numbers may be negative
    np.divide: (lambda a, b: 1 / b, lambda a, b: -a / b**2, True),
    np.hypot: (lambda a, b: a / mp.sqrt(a * a + b * b), lambda a, b: b / mp.sqrt(a * a + b * b), True),
    np.arctan2: (lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b), True),
    np.logaddexp: (lambda a, b: 1 / (1 + mp.exp(b - a)), lambda a, b: 1 / (1 + mp.exp(a - b)), True),
    np.logaddexp2: (lambda a, b: 1 / (1 + mp.mpf(2) ** (b - a)), lambda a, b: 1 / (1 + mp.mpf(2) ** (a - b)), True),
    np.power: (lambda a, b: b * a ** (b - 1), lambda a, b: a**b * mp.log(a), False),
}


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
def test_the_derivatives_of_functions_of_two_numbers(f, dtype):
    by_a, by_b, negative = BINARY[f]
    x = points(dtype, -INF, INF)[::4]
    a, b = (v.ravel() for v in np.meshgrid(x, x))
    if f in (np.logaddexp, np.logaddexp2):
        usual = abs(a - b) < 1e4
        a, b = a[usual], b[usual]
    if not negative:
        a, b = abs(a), b
        with np.errstate(all="ignore"):
            y = f(a, b)
        usual = np.isfinite(y) & (y > np.finfo(dtype).tiny)
        a, b = a[usual], b[usual]
    for i, expected in enumerate((by_a, by_b)):
        g = tg.grad(lambda a, b: np.sum(f(a, b)), i)(a, b)
        right = exact(lambda k, e=expected: e(mp.mpf(float(a[int(k)])), mp.mpf(float(b[int(k)]))), range(len(a)), dtype)
        assert_near(g, right, dtype, [*zip(a, b, strict=True)], 2048 if f in (np.power, np.logaddexp2) else 64)


SIZES = {np.float64: [1e-310, 1e-200, 1e-160, 1.0, 1e160, 1e300], np.float32: [1e-40, 1e-25, 1.0, 1e25, 1e37],
         np.float16: [1e-6, 1e-3, 1.0, 300.0, 9000.0]}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize(("dtype", "size"), [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes])
@pytest.mark.parametrize(
    "f",
    [
        np.linalg.norm,
        lambda x: np.linalg.norm(x[None], axis=1, keepdims=True)[0, 0],
        lambda x: np.linalg.norm(x, 3),
        lambda x: np.linalg.norm(x, 1.5),
        lambda x: np.hypot(x[0], x[2]),
        np.std,
        np.nanstd,
    ],
)
def test_norms_of_the_smallest_and_the_largest_numbers(f, dtype, size):
    """A norm of x times a number is the norm times that number, and its gradient is the same."""
    x = (np.array([3.0, 0.0, -4.0]) * size).astype(dtype)
    usual = tg.Tensor(x.astype(float) / size)
    expected = f(usual)
    expected.backward()
    t = tg.Tensor(x)
    f(t).backward()
    eps, lost = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal) / size
    if f not in (np.std, np.nanstd):  # whose values are NumPy's own
        rtol = 1024 * eps * (dtype is np.float64) + 16 * eps + 2 * lost
        np.testing.assert_allclose(f(t).data.astype(float) / size, expected.data, rtol=rtol)
    np.testing.assert_allclose(
        t.grad, usual.grad, rtol=1024 * eps * (dtype is np.float64) + 64 * eps + 8 * lost, atol=8 * eps + 8 * lost
    )


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e160), (np.float32, 1e25), (np.float16, 1e3)])
def test_a_gradient_of_an_angle_is_as_large_as_the_coordinates(dtype, size):
    """The product of both is too large, or rounds to 0, and the slope is neither."""
    for factor in (size, 1 / size):
        a, b = (tg.Tensor(dtype(v) * dtype(factor)) for v in (3, 4))
        (np.arctan2(a, b) * dtype(factor)).backward()
        np.testing.assert_allclose([a.grad, b.grad], [0.16, -0.12], rtol=64 * np.finfo(dtype).eps)
        _, slope = tg.jvp(np.arctan2, [a.data, b.data], [dtype(factor), dtype(0)])
        np.testing.assert_allclose(slope, 0.16, rtol=64 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(
    ("f", "n"),
    [
        (np.mean, 100_000), (np.nanmean, 30_000), (np.max, 70_000), (np.min, 70_000), (np.nanmax, 70_000),
        (lambda x: np.mean(x, where=np.ones(x.shape, bool)), 100_000),
        (tg.logsumexp, 100_000), (lambda x: np.mean(x.reshape(10, -1), axis=1).sum() / 10, 100_000),
        (lambda x: np.max(x, initial=0.0), 70_000), (lambda x: tg.avg_pool1d(x[None], 40_000)[0, 0], 40_000),
        (lambda x: tg.avg_pool2d(x.reshape(1, 200, 200), 200)[0, 0, 0], 40_000),
    ],
)  # fmt: skip
def test_many_equal_numbers_share_a_gradient(f, n, dtype):
    x = tg.Tensor(np.full(n, 2.0), dtype=dtype)
    y = f(x)
    y.backward()
    assert np.isfinite(y.data)
    assert y.dtype == dtype
    np.testing.assert_allclose(x.grad, np.full(n, 1 / n), rtol=3e-3, atol=3e-8)


@pytest.mark.parametrize("f", [np.var, np.std, tg.softmax, tg.log_softmax])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # of NumPy's own values
@pytest.mark.parametrize("n", [3, 70_000])
def test_float16_agrees_with_float64(f, n):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=n) + 2).astype(np.float16)
    half, double = tg.Tensor(x), tg.Tensor(x.astype(float))
    for t in (half, double):
        y = f(t)
        np.mean(y * (np.arange(float(n)) % 3 + 1).astype(y.dtype) if y.ndim else y * 500).backward()
    tolerance = 3e-8 + 2e-3 * abs(double.grad).max()
    np.testing.assert_allclose(half.grad, double.grad, rtol=2e-3, atol=tolerance)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # NumPy's value is inf
@pytest.mark.parametrize("f", [np.std, np.nanstd])
def test_the_gradient_of_a_standard_deviation_of_float16_beyond_its_square_root(f):
    x = np.array([0.0, 300, 600, 900])
    np.testing.assert_allclose(tg.grad(f)(x.astype(np.float16)), tg.grad(f)(x), rtol=2e-3)


def elliptic_slope(m):
    return (mp.ellipe(m) / (1 - m) - mp.ellipk(m)) / (2 * m)


SCIPY = {
    "dawsn": (
        lambda x: 1 - mp.sqrt(PI) * x * mp.exp(-x * x) * mp.erfi(x), [0.5, 3.0, 19.9, 20.1, -25.0, 700.0, 1e8, 1e20]
    ),
    "spence": (lambda x: mp.log(x) / (1 - x), [1e-300, 1e-20, 1e-9, 0.4, 0.6, 1.4, 1.6, 1e9, 1e16, 1e300]),
    "ellipk": (elliptic_slope, [-1e300, -1e16, -1e8, -0.6, -0.4, 0.4, 0.6, 1 - 2**-53]),
    "ellipkm1": (lambda p: -elliptic_slope(1 - p), [1e-40, 1e-20, 1e-9, 0.4, 0.6, 1.4, 1.6, 1e8, 1e16, 1e100]),
    "ellipe": (lambda m: (mp.ellipe(m) - mp.ellipk(m)) / (2 * m), [-1e16, -0.6, -0.4, 0.4, 0.6, 1 - 2**-53]),
    "i0e": (lambda x: mp.exp(-x) * (mp.besseli(1, x) - mp.besseli(0, x)), [0.5, 3.0, 1.1e4, 1e8, 1e16]),
    "i1e": (
        lambda x: mp.exp(-x) * (mp.besseli(0, x) - (1 + 1 / x) * mp.besseli(1, x)),
        [0.5, 0.99, 1.01, 3.0, 1.1e4, 1e8, 1e16],
    ),
    "k0e": (lambda x: mp.exp(x) * (mp.besselk(0, x) - mp.besselk(1, x)), [0.5, 3.0, 1.1e4, 1e8, 1e16]),
    "k1e": (
        lambda x: mp.exp(x) * ((1 - 1 / x) * mp.besselk(1, x) - mp.besselk(0, x)), [1e-100, 0.5, 3.0, 1.1e4, 1e8, 1e16],
    ),
    "k1": (lambda x: -mp.besselk(0, x) - mp.besselk(1, x) / x, [1e-100, 0.5, 3.0, 700.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCIPY)
def test_scipys_functions_have_exact_derivatives_far_out(name):
    fun = getattr(pytest.importorskip("scipy.special"), name)
    slope, points = SCIPY[name]
    for x in points:
        assert float(tg.grad(fun)(x)) == pytest.approx(float(slope(mp.mpf(x))), rel=1e-11), x
        if 0.3 < abs(x) < 30:
            exact = float(mp.diff(slope, mp.mpf(x)))
            assert float(tg.grad(tg.grad(fun))(x)) == pytest.approx(exact, rel=2e-10), x


@pytest.mark.parametrize(
    ("name", "args", "i", "slope"),
    [
        ("rel_entr", (1e-300, 1e300), 0, lambda x, y: mp.log(x / y) + 1),
        ("rel_entr", (1e155, 1e-300), 0, lambda x, y: mp.log(x / y) + 1),
        ("kl_div", (1e-20, 1e300), 0, lambda x, y: mp.log(x / y)),
        (
            "pseudo_huber",
            (3.0, 1e-5),
            0,
            lambda d, r: mp.sqrt(d * d + r * r) * 2 - 2 * d - r * r / mp.sqrt(d * d + r * r),
        ),
        ("pseudo_huber", (1e-160, 1e-300), 1, lambda d, r: d * r / mp.sqrt(d * d + r * r)),
        ("pseudo_huber", (1e200, 1e200), 1, lambda d, r: d * r / mp.sqrt(d * d + r * r)),
        ("powm1", (1e-160, 0.5), 1, lambda a, b: a**b * mp.log(a)),
    ],
)
def test_scipys_functions_of_two_numbers_have_exact_derivatives_far_out(name, args, i, slope):
    fun = getattr(pytest.importorskip("scipy.special"), name)
    assert float(tg.grad(fun, i)(*args)) == pytest.approx(float(slope(*map(mp.mpf, args))), rel=1e-13, abs=0)


@pytest.mark.parametrize("a", [50.0, 99.0, 101.0, 1e3, 1e5, 1e8])
def test_the_density_of_a_gamma_distribution_of_a_large_shape_is_exact(a):
    special = pytest.importorskip("scipy.special")
    for x in (a, a * 1.001, a - np.sqrt(a)):
        exact = mp.exp((a - ONE) * mp.log(x) - mp.mpf(float(x)) - mp.loggamma(a))
        assert tg.grad(lambda x: special.gammainc(a, x))(x) == pytest.approx(
            float(exact), rel=1e-13 + 1e-15 * abs(x - a)
        )
    assert tg.grad(lambda x: special.gammainc(a, x))(0.0) == 0


def incomplete_gamma_slope(a, x):
    with mp.workdps(60):
        above = lambda s: mp.gammainc(s, x, mp.inf, regularized=True)
        below = lambda s: mp.gammainc(s, 0, x, regularized=True)
        return float(-mp.diff(above, a) if x > a else mp.diff(below, a))


@pytest.mark.parametrize("a", [1e-3, 0.2, 0.999, 1.0, 1.001, 7.0, 150.0, 1e4])
@pytest.mark.parametrize("ratio", [1e-2, 0.7, 0.999, 1.0, 1.001, 1.5, 20.0])
def test_derivatives_of_incomplete_gamma_functions_by_their_parameter_are_exact(a, ratio):
    special = pytest.importorskip("scipy.special")
    x, slope = a * ratio, tg.grad(special.gammainc)
    assert slope(a, x) == pytest.approx(incomplete_gamma_slope(a, x), rel=1e-11, abs=1e-300)
    assert tg.grad(special.gammaincc)(a, x) == -slope(a, x)
    assert slope(a, 0.0) == slope(a, np.inf) == 0


def test_the_second_derivative_of_an_incomplete_gamma_function_by_its_parameter_is_exact():
    special = pytest.importorskip("scipy.special")
    for a, x in ((0.4, 0.3), (0.4, 2.0), (3.0, 3.0), (30.0, 25.0), (30.0, 40.0)):
        with mp.workdps(60):
            exact = mp.diff(lambda s, x=x: mp.gammainc(s, 0, x, regularized=True), a, 2)
        assert tg.grad(tg.grad(special.gammainc))(a, x) == pytest.approx(float(exact), rel=1e-10)
