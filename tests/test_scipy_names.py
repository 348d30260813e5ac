"""`tg.linalg`, `tg.signal` and `tg.integrate`: SciPy's values, and derivatives to second order."""

import tracemalloc

import numpy as np
import pytest
from checks import message
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg, signal, special
from strategies import arrays, seeds, shapes

import tinygrad_edu as tg
from tinygrad_edu.engine.backward import toposort


# Linear algebra
@st.composite
def triangular(draw):
    n, stack = draw(st.integers(1, 4)), draw(st.sampled_from([(), (2,)]))
    a = draw(arrays(shape=(*stack, n, n))) + 3 * np.eye(n)
    sides = [(*stack, n, 2)] if stack else [(n,), (n, 2)]
    return a, draw(arrays(shape=draw(st.sampled_from(sides))))


@given(triangular(), st.sampled_from([0, 1, "N", "T", "C"]), st.booleans(), st.booleans())
def test_solve_triangular_equals_scipys(drawn, trans, lower, unit):
    a, b = drawn
    f = lambda a, b: tg.linalg.solve_triangular(a, b, trans, lower, unit)
    each = [
        linalg.solve_triangular(*ab, trans, lower, unit) for ab in (zip(a, b, strict=True) if a.ndim > 2 else [(a, b)])
    ]
    np.testing.assert_allclose(f(a, b), np.reshape(each, b.shape), rtol=1e-10, atol=1e-12)
    tg.check_grad(f, a, b)
    other = np.triu(np.ones(a.shape[-2:]), 1)
    unread = (other if lower else other.T) + unit * np.eye(a.shape[-1])
    assert np.all(tg.grad(lambda a: np.sum(f(a, b)))(a) * unread == 0)


@given(triangular(), st.booleans())
def test_cholesky_solves_equal_scipys(drawn, lower):
    a, b = drawn
    spd = lambda a: a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1])
    f = lambda a, b: tg.linalg.cho_solve(tg.linalg.cho_factor(spd(a), lower), b)
    np.testing.assert_allclose(f(a, b), np.linalg.solve(spd(a), b), rtol=1e-8, atol=1e-10)
    if a.ndim == 2:
        np.testing.assert_allclose(tg.linalg.cholesky(spd(a), lower), linalg.cholesky(spd(a), lower), atol=1e-12)
    tg.check_grad(f, a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("imaginary", [0, 1j])
def test_cholesky_reads_the_triangle_that_scipys_reads(lower, imaginary):
    rng = np.random.default_rng(0)
    m = rng.normal(size=(4, 4)) + imaginary * rng.normal(size=(4, 4))
    whole, b = m @ m.conj().T + 4 * np.eye(4), rng.normal(size=4)
    a = np.where(np.tri(4, dtype=bool) if lower else np.tri(4, dtype=bool).T, whole, 99)
    expected = linalg.cholesky(a, lower)
    for r in (tg.linalg.cholesky(a, lower), tg.linalg.cholesky(tg.Tensor(a), lower).data):
        np.testing.assert_allclose(r, expected, atol=1e-13)
    np.testing.assert_allclose(tg.vmap(lambda a: tg.linalg.cholesky(a, lower))(a[None])[0], expected, atol=1e-13)
    solved = tg.linalg.cho_solve(tg.linalg.cho_factor(a, lower), b)
    np.testing.assert_allclose(solved, np.linalg.solve(whole, b), atol=1e-13)
    loss = lambda a: np.sum(np.abs(tg.linalg.cholesky(a, lower)) ** 3)
    np.testing.assert_allclose(tg.grad(loss)(a), tg.grad(loss)(whole), atol=1e-12)


@given(a=arrays(shape=(3, 3)), b=arrays(shape=(3, 3)), q=arrays(shape=(3, 3)))
def test_matrix_functions_equal_scipys(a, b, q):
    one = np.eye(3)
    np.testing.assert_array_equal(tg.linalg.expm(a), linalg.expm(a))
    np.testing.assert_array_equal(tg.linalg.sqrtm(a @ a.T + one), linalg.sqrtm(a @ a.T + one))
    np.testing.assert_array_equal(
        tg.linalg.solve_sylvester(a + 5 * one, b + 5 * one, q), linalg.solve_sylvester(a + 5 * one, b + 5 * one, q)
    )
    np.testing.assert_allclose(
        tg.vjp(tg.linalg.expm, a)[1](q)[0], linalg.expm_frechet(a.T, q, compute_expm=False), rtol=1e-9, atol=1e-9
    )


def test_expm_of_a_stack_and_the_third_derivative():
    a = np.random.default_rng(0).normal(size=(2, 3, 3)) / 2
    tg.check_grad(tg.linalg.expm, a)
    f = lambda t: tg.linalg.expm(t * a[0])[0, 1]
    for _ in range(3):
        f = tg.grad(f)
    np.testing.assert_allclose(f(0.7), (a[0] @ a[0] @ a[0] @ linalg.expm(0.7 * a[0]))[0, 1], rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, bool])
def test_convolutions_of_integers_have_scipys_dtype_and_digits(dtype):
    for n in (40, 600):
        a = np.full(n, 100).astype(dtype)
        for name in ("fftconvolve", "convolve", "correlate"):
            found, expected = getattr(tg.signal, name)(a, a), getattr(signal, name)(a, a)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert tg.signal.fftconvolve(tg.Tensor(np.float32([1.0, 2.0])), np.array([1, 2], np.int8)).dtype == np.float32


@pytest.mark.parametrize("largest", [2**20, 2**50])  # whose sums FFT rounds to, and not
def test_convolutions_of_large_arrays_of_integers_are_exact(largest):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, largest, (2, 1000))
    jitted = tg.jit(tg.signal.convolve)
    for _ in range(2):
        np.testing.assert_array_equal(tg.signal.convolve(a, b), np.convolve(a, b))
        np.testing.assert_array_equal(jitted(a, b), np.convolve(a, b))
    tracemalloc.start()
    tg.signal.convolve(np.ones((150, 150), int), np.ones((40, 40), int))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6  # all windows take 457 MB


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_an_element_of_weight_0_is_left_out_of_logsumexp_however_large():
    for large in (1e3, 1e308, np.inf, np.nan):
        a, b = np.array([large, 1.0]), np.array([0.0, 1.0])
        value, gradient = tg.value_and_grad(lambda a, b=b: tg.special.logsumexp(a, b=b))(a)
        assert value == special.logsumexp(a, b=b) == 1
        np.testing.assert_array_equal(gradient, b)
    assert tg.special.logsumexp(np.float32([100.0, 1.0]), b=[0.0, 1.0]) == 1
    assert tg.special.logsumexp(1.0, b=1.0) == 1
    assert tg.special.logsumexp([1.0, 2.0], b=[0.0, 0.0]) == -np.inf
    weights = tg.grad(lambda b: tg.special.logsumexp(np.array([1.0, 2.0]), b=b))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(weights, np.exp([-1, 0]))


def test_logsumexp_of_a_sum_that_has_no_logarithm_warns_as_little_as_in_scipy():
    for b in ([0.0, 0.0], [0.0, -1.0]):
        np.testing.assert_array_equal(tg.special.logsumexp([1.0, 2.0], b=b), special.logsumexp([1.0, 2.0], b=b))


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_jit_records_matrix_functions_that_scipy_computes(backend):
    f = tg.grad(lambda a: np.sum(tg.linalg.expm(a) * tg.linalg.solve_sylvester(a, a, a)))
    recorded = tg.jit(f, backend=backend)
    for a in np.eye(3) + np.random.default_rng(0).uniform(size=(4, 3, 3)):
        np.testing.assert_allclose(f(a), recorded(a), rtol=1e-12)
    assert recorded.cache_info().hits == 3
    assert "solve_sylvester(" in recorded.source


@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("transform", ["f", "grad", "hessian"])
def test_jit_records_a_square_root_that_is_real_and_one_that_is_complex(backend, transform):
    root = lambda a: np.sum(np.abs(tg.linalg.sqrtm(a)) ** 4)
    f = {"f": lambda a: tg.linalg.sqrtm(a) * 2, "grad": tg.grad(root), "hessian": tg.hessian(root)}[transform]
    recorded = tg.jit(f, backend=backend)
    real = np.eye(3) + np.random.default_rng(0).uniform(size=(4, 3, 3)) / 4
    f(real[0])
    for a in [*real, *(real * [-1, 1, 1]), *real]:
        want, got = f(a), recorded(a)
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
        assert got.dtype == want.dtype
    assert (recorded.cache_info().misses, recorded.cache_info().hits) == (2, 10)
    if transform != "hessian":  # no Hessian is that of a complex matrix
        np.testing.assert_allclose(recorded(real[0] + 0j), f(real[0] + 0j), rtol=1e-11, atol=1e-13)


def test_jit_records_a_hessian_of_solve_sylvester():
    a = 4 * np.eye(3) + np.random.default_rng(0).uniform(size=(3, 3))
    f = tg.hessian(lambda a: np.sum(tg.linalg.solve_sylvester(a, a, a) ** 3))
    np.testing.assert_allclose(tg.jit(f)(a), f(a), rtol=1e-12)


def test_a_square_root_that_is_complex_has_the_gradient_of_its_real_matrix():
    a = np.array([[-2.0, 0.5], [0.3, -3.0]])
    assert tg.linalg.sqrtm(tg.Tensor(a)).dtype == complex
    tg.check_grad(lambda a: np.imag(tg.linalg.sqrtm(a)), a)


@given(st.lists(shapes(min_dims=0, max_dims=2, min_side=1), min_size=1, max_size=3), seeds)
def test_block_diag_equals_scipys(sides, seed):
    blocks = [np.random.default_rng(seed).normal(size=s) for s in sides]
    np.testing.assert_array_equal(tg.linalg.block_diag(*blocks), linalg.block_diag(*blocks))
    tg.check_grad(tg.linalg.block_diag, *blocks)


@given(arrays(shape=shapes(1, 1, 1, 4)), arrays(shape=shapes(1, 1, 1, 4)) | st.none())
def test_toeplitz_equals_scipys(c, r):
    np.testing.assert_array_equal(tg.linalg.toeplitz(c, r), linalg.toeplitz(c, r))
    tg.check_grad(tg.linalg.toeplitz, *([c] if r is None else [c, r]))


@given(st.integers(0, 2), st.integers(0, 2), seeds)
def test_solve_banded_equals_scipys(lower, upper, seed):
    rng = np.random.default_rng(seed)
    ab, b = rng.uniform(-1, 1, (lower + upper + 1, 5)), rng.normal(size=(5, 2)[: rng.integers(1, 3)])
    ab[upper] += 5
    f = lambda ab, b: tg.linalg.solve_banded((lower, upper), ab, b)
    np.testing.assert_allclose(f(ab, b), linalg.solve_banded((lower, upper), ab, b), rtol=1e-10)
    tg.check_grad(f, ab, b)
    assert "diagonals as rows" in message(ValueError, lambda: f(ab[:, :, None], b))


def test_linalg_takes_lists_and_explains_errors():
    np.testing.assert_array_equal(tg.linalg.toeplitz([1, 2]), linalg.toeplitz([1, 2]))
    np.testing.assert_array_equal(tg.linalg.solve_triangular([[2, 1], [0, 4]], [4, 4]), [1.5, 1])
    assert "vectors" in message(ValueError, lambda: tg.linalg.toeplitz(np.eye(2)))
    assert "matrices" in message(ValueError, lambda: tg.linalg.block_diag(np.ones((1, 1, 1))))
    assert "trans is 0, 1 or 2" in message(ValueError, lambda: tg.linalg.solve_triangular(np.eye(2), [1, 2], trans=7))


# Convolution
@st.composite
def pair(draw, ordered=False):
    ndim = draw(st.integers(1, 2))
    one, other = (draw(shapes(min_dims=ndim, max_dims=ndim, min_side=1, max_side=4)) for _ in range(2))
    if ordered:
        one, other = np.maximum(one, other).tolist(), np.minimum(one, other).tolist()
        if draw(st.booleans()):
            one, other = other, one
    return draw(arrays(shape=tuple(one))), draw(arrays(shape=tuple(other)))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@settings(max_examples=max(settings.default.max_examples * 3 // 5, 5))
@given(data=st.data())
def test_convolutions_equal_scipys(mode, data):
    a, b = data.draw(pair(ordered=mode == "valid"))
    expected = signal.convolve(a, b, mode, "direct")
    for method in ("direct", "fft", "auto"):
        f = lambda a, b, method=method: tg.signal.convolve(a, b, mode, method)
        np.testing.assert_allclose(f(a, b), expected, atol=1e-12)
        tg.check_grad(f, a, b)
    np.testing.assert_allclose(tg.signal.fftconvolve(a, b, mode), signal.fftconvolve(a, b, mode), atol=1e-12)
    if mode != "valid" or all(np.greater_equal(a.shape, b.shape)):
        np.testing.assert_allclose(tg.signal.correlate(a, b, mode), signal.correlate(a, b, mode), atol=1e-12)
        tg.check_grad(lambda a, b: tg.signal.correlate(a, b, mode), a, b)


@pytest.mark.parametrize("mode", ["same", "valid"])
def test_a_part_of_a_convolution_needs_no_products_of_the_other_parts(mode):
    kernel = np.ones((3, 3))
    y = tg.signal.convolve(tg.Tensor(np.ones((5, 4))), kernel, mode)
    assert max(node.size for node in toposort(y)) == y.size * kernel.size


def test_convolution_over_some_axes_sums_over_others_as_a_layer_does():
    rng = np.random.default_rng(0)
    images, kernels = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(3, 4, 3, 2))
    for mode in ("valid", "full", "same"):
        f = lambda x, w, mode=mode: tg.signal.convolve(x, w, mode, axes=([2, 3], [2, 3]), dot_axes=([1], [0]))
        expected = [
            [sum(signal.convolve(image[c], kernels[c, k], mode) for c in range(3)) for k in range(4)]
            for image in images
        ]
        np.testing.assert_allclose(f(images, kernels), expected, atol=1e-12)
        g = lambda w, x, mode=mode: tg.signal.convolve(w, x, mode, axes=([2, 3], [2, 3]), dot_axes=([0], [1]))
        if mode != "same":
            np.testing.assert_allclose(g(kernels, images), np.swapaxes(expected, 0, 1), atol=1e-12)
    tg.check_grad(f, images[:1, :, :3, :3], kernels[:, :2])


def test_convolution_explains_errors():
    a, b = np.ones((3, 3)), np.ones((2, 4))
    assert "mode='valid' needs" in message(ValueError, lambda: tg.signal.convolve(a, b, "valid"))
    assert "slides in2" in message(ValueError, lambda: tg.signal.correlate(a, b, "valid"))
    assert "(3, 3) and (3,)" in message(ValueError, lambda: tg.signal.convolve(a, np.ones(3)))
    assert "not 'wrap'" in message(ValueError, lambda: tg.signal.convolve(a, b, "wrap"))
    assert "not 'slow'" in message(ValueError, lambda: tg.signal.convolve(a, b, method="slow"))
    axes = ([0, 1], [0, 1])
    assert "the convolved lengths" in message(ValueError, lambda: tg.signal.convolve(a, b, "valid", axes=axes))


def test_large_convolutions_by_fourier_transforms_are_near_the_direct_ones():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=3000), rng.normal(size=800)
    for x in (a, np.float32(a)):
        y = tg.signal.convolve(x, np.asarray(b, x.dtype), "same")
        assert y.dtype == x.dtype
        np.testing.assert_allclose(y, np.convolve(a, b, "same"), atol=1e-10 if x is a else 1e-3)


# Differential equations
def pendulum(y, t, length, damping):
    angle, speed = y
    return [speed, -9.81 / length * np.sin(angle) - damping * speed]


TIMES = np.linspace(0, 2, 7)


def test_odeint_equals_scipys():
    for times in (TIMES, TIMES**2 / 2, -TIMES):
        args = np.array([1.0, 0.5]), times, (1.3, 0.2)
        np.testing.assert_allclose(tg.integrate.odeint(pendulum, *args), integrate.odeint(pendulum, *args), atol=3e-6)
    for y0 in (0.5, [0.5]):
        found, expected = (f(lambda y, t: -2 * y, y0, TIMES) for f in (tg.integrate.odeint, integrate.odeint))
        assert found.shape == expected.shape == (7, 1)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(
        tg.integrate.odeint(lambda t, y: t * y, 1.0, TIMES, tfirst=True)[:, 0], np.exp(TIMES**2 / 2), rtol=1e-7
    )


@pytest.mark.parametrize("steps", [None, 6])
def test_gradients_by_state_times_and_parameters_are_exact(steps):
    def end(y0, times, length, damping):
        return tg.integrate.odeint(pendulum, y0, times, (length, damping), steps=steps)[1:]

    tg.check_grad(end, np.array([1.0, 0.5]), TIMES[:4], 1.3, 0.2, rtol=1e-5, atol=1e-5, eps=1e-4)


def test_a_gradient_equals_the_derivative_of_the_exact_solution():
    y = lambda y0, k, t: tg.integrate.odeint(lambda y, t, k: -k * y, y0, np.stack([0.0, 0.4, t]), (k,))[2, 0]
    y0, k, t = 2.0, 1.7, 1.1
    exact = y0 * np.exp(-k * t)
    np.testing.assert_allclose(tg.grad(y, (0, 1, 2))(y0, k, t), [exact / y0, -t * exact, -k * exact], rtol=1e-6)
    np.testing.assert_allclose(tg.grad(tg.grad(y, 1), 1)(y0, k, t), t * t * exact, rtol=1e-5)
    assert tg.integrate.odeint(lambda y, t: -y, tg.Tensor([1.0, 2.0], dtype=np.float32), [0, 1]).dtype == np.float32


def test_repeated_times_and_a_state_of_several_axes():
    y = tg.integrate.odeint(lambda y, t: y @ np.eye(2), np.ones((3, 2)), [0.0, 0.0, 1.0, 1.0])
    assert y.shape == (4, 3, 2)
    np.testing.assert_allclose(y[2:], np.e * np.ones((2, 3, 2)), rtol=1e-7)


def test_odeint_takes_a_number_as_the_slope_of_a_vector_of_length_1():
    for func in (lambda y, t: 0.5 * np.sqrt(t), lambda y, t: -y[0], lambda y, t: 2):
        for y0 in (1.0, [1.0]):
            np.testing.assert_allclose(tg.odeint(func, y0, TIMES), integrate.odeint(func, y0, TIMES), rtol=1e-6)
    assert "func gives shape ()" in message(ValueError, lambda: tg.odeint(lambda y, t: None, 1.0, TIMES))
    decay = lambda k: tg.odeint(lambda y, t: -k * y[0], 1.0, [0.0, 2.0])[-1, 0]
    np.testing.assert_allclose(tg.grad(decay)(0.5), -2 * np.exp(-1), rtol=1e-6)


def test_odeint_starts_with_slopes_whose_first_step_is_small_and_with_infinite_states():
    for dtype, slope in ((np.float32, 1e35), (np.float64, 1e290)):
        y = tg.odeint(lambda y, t, k: np.full_like(y, k), dtype(0.0), dtype([0.0, 1.0]), (slope,))
        np.testing.assert_allclose(y[-1], slope, rtol=1e-6)
    with np.errstate(invalid="ignore"):
        y = tg.odeint(lambda y, t: [0.0, 1.0], [np.inf, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(y[-1], [np.inf, 1.0])


def test_scipys_odeint_leaves_a_constant_that_it_starts_from():
    start = tg.Tensor([1.0, 2.0], requires_grad=False)
    integrate.odeint(lambda y, t: -y, start, TIMES)
    assert start.data.tolist() == [1, 2]


def test_odeint_explains_errors():
    f = lambda y, t: -y
    assert "vector of times" in message(ValueError, lambda: tg.integrate.odeint(f, 1.0, 2.0))
    wrong = lambda: tg.integrate.odeint(lambda y, t: [y[0]], [1.0, 2.0], [0, 1])
    assert "func gives shape (1,) for a state of shape (2,)" in message(ValueError, wrong)
    for stiff in (lambda y, t: -1e9 * (y - np.cos(t)), lambda y, t: y * y):
        error = message(RuntimeError, lambda f=stiff: tg.integrate.odeint(f, 1.0, [0, 2], mxstep=200))
        assert "200 steps do not suffice" in error


JITTED = {
    "triangular": lambda x: tg.linalg.solve_triangular(x @ x.T + np.eye(4), x[0], lower=True),
    "cho_solve": lambda x: tg.linalg.cho_solve(tg.linalg.cho_factor(x @ x.T + np.eye(4)), x),
    "toeplitz": lambda x: tg.linalg.toeplitz(x[0]),
    "block_diag": lambda x: tg.linalg.block_diag(x, x * x),
    "convolve": lambda x: tg.signal.convolve(x, np.sin(x), "same"),
    "convolve vectors": lambda x: tg.signal.convolve(x[0], np.sin(x[1])),
    "fftconvolve": lambda x: tg.signal.fftconvolve(x, np.sin(x)),
    "odeint": lambda x: tg.integrate.odeint(pendulum, x[0, :2], [0.0, 0.3, 0.5], (1.0, x[0, 2]), steps=3),
}


@pytest.mark.parametrize("known", JITTED)
def test_jit_records_gradients(known):
    f = JITTED[known]
    made = tg.grad(lambda x: np.sum(np.square(f(x))))
    recorded = tg.jit(made)
    for x in np.random.default_rng(0).normal(size=(3, 4, 4)):
        np.testing.assert_allclose(recorded(x), made(x), rtol=1e-9, atol=1e-12)
