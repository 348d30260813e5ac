"""Complex numbers in this library's own functions, and where they do not belong."""

import sys

import numpy as np
import pytest
from checks import message
from scipy import special

import tinygrad_edu as tg

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
W = RNG.normal(size=(3, 2)) + 1j * RNG.normal(size=(3, 2))


def close(a, b, **tolerances):
    np.testing.assert_allclose(a, b, **{"rtol": 1e-9, "atol": 1e-12, **tolerances})


# Functions of NumPy
def test_only_the_values_of_an_interpolation_may_be_complex():
    x, f = np.array([0.2, 1.5, 3.0, -1.0]), lambda *z: np.interp(*z)
    close(f(x, [0.0, 1.0, 2.0], tg.Tensor(Z[0])).data, f(x, [0.0, 1.0, 2.0], Z[0]))
    tg.check_grad(lambda x, xp, z: np.abs(f(x, xp, z)), x[:2], np.array([0.0, 1.0, 2.0]), Z[0])
    assert "only fp may be complex" in message(TypeError, lambda: f(tg.Tensor(Z[0]), [0.0, 1.0, 2.0], Z[0]))


def test_each_part_of_a_number_that_is_not_finite_is_replaced_by_itself():
    z = np.array([1 + 2j, complex(np.nan, 3), complex(4, -np.inf)])
    close(np.nan_to_num(tg.Tensor(z), neginf=-1).data, np.nan_to_num(z, neginf=-1))
    close(tg.grad(lambda z: np.sum((np.nan_to_num(z, neginf=-1) * (1 - 1j)).real))(z), [1 + 1j, 1j, 1])


def test_special_functions_of_complex_numbers_whose_rules_are_holomorphic():
    for f in (special.erf, special.erfc, special.erfi, special.exp1, special.expi, special.wrightomega):
        close(f(tg.Tensor(Z)).data, f(Z))
        tg.check_grad(f, Z)
    for f in (special.xlogy, special.xlog1py):
        tg.check_grad(f, Z, Z[::-1])
        close(tg.grad(lambda x, y, f=f: np.real(f(x, y)))(0j, 0j), 0)
    z = 3 + 1j
    close(tg.grad(lambda z: special.erf(z).imag)(z), 1j * np.conjugate(2 / np.sqrt(np.pi) * np.exp(-(z**2))))


def test_samples_on_a_logarithmic_scale_and_what_is_between_zeros():
    tg.check_grad(lambda a, b: np.abs(np.logspace(a, b, 3, base=2.5)), Z[0, 0], Z[1, 1])
    y = np.trim_zeros(np.concatenate([[0], tg.Tensor(Z[0]), [0, 0]]))
    close(y.data, Z[0])


@pytest.mark.parametrize("index", [[0, 2], [0, 1, 2], [2, 0], [0, 0]])
def test_a_recorded_gradient_of_chosen_elements_is_the_same(index):
    def f(z):
        return np.sum(np.abs(z[np.array(index)] ** 2))

    np.testing.assert_array_equal(tg.jit(tg.grad(f))(Z[0]), tg.grad(f)(Z[0]))


# Functions of this library
def test_losses_of_complex_numbers_are_real_distances_or_refused():
    target = np.ones((2, 3)) * 1j
    for loss, distance in ((tg.mse_loss, np.abs(Z - target) ** 2), (tg.l1_loss, np.abs(Z - target))):
        for f in (lambda z, loss=loss: loss(z, target), lambda z, loss=loss: loss(target, z)):
            close(f(Z), np.mean(distance))
            close(f(tg.Tensor(Z)).data, np.mean(distance))
            tg.check_grad(f, Z)
        assert np.isrealobj(loss(tg.Tensor(Z), Z, reduction="none"))
    for loss in (tg.huber_loss, tg.hinge_loss, tg.poisson_nll_loss, tg.kl_div, tg.cosine_similarity):
        for pair in ((tg.Tensor(Z), Z.real), (Z, Z.real), (tg.Tensor(Z.real), Z), (Z.real, tg.Tensor(Z))):
            assert "pass z.real" in message(TypeError, lambda loss=loss, pair=pair: loss(*pair))
    for f in (tg.leaky_relu, tg.softsign):
        assert "pass z.real" in message(TypeError, lambda f=f: f(tg.Tensor(Z)))


SQUARE = Z[:, :2] + 2 * np.ones((2, 2)) + np.eye(2)
POSITIVE = SQUARE @ SQUARE.conj().T + np.eye(2)
OF_SCIPY = {
    "solve_triangular": (lambda a, b: tg.linalg.solve_triangular(a, b, 2), lambda a, b: np.triu(a).conj().T @ b),
    "solve_triangular of a transpose": (
        lambda a, b: tg.linalg.solve_triangular(a, b, "T", lower=True), lambda a, b: np.tril(a).T @ b,
    ),
    "solve_banded": (
        lambda a, b: tg.linalg.solve_banded((0, 1), a, b),
        lambda a, b: (np.diag(a[1]) + np.diag(a[0, 1:], 1)) @ b,
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", OF_SCIPY)
@pytest.mark.parametrize("part", ["all", "matrix", "vector"])
def test_solvers_of_scipys_names_take_complex_numbers(key, part):
    solve, product = OF_SCIPY[key]
    a, b = SQUARE if part != "vector" else SQUARE.real, W[:2, 0] if part != "matrix" else W[:2, 0].real
    close(product(a, solve(a, b)), b, atol=1e-9)
    tg.check_grad(lambda a, b: np.abs(solve(a, b)) ** 2, a, b)


def test_cholesky_by_scipys_name_is_of_hermitian_matrices():
    for lower in (False, True):
        r = tg.linalg.cholesky(POSITIVE, lower)
        close(r @ r.conj().T if lower else r.conj().T @ r, POSITIVE)
        close(POSITIVE @ tg.linalg.cho_solve(tg.linalg.cho_factor(POSITIVE, lower), W[:2]), W[:2])
    tg.check_grad(lambda a: np.abs(tg.linalg.cho_solve(tg.linalg.cho_factor(a @ a.conj().T), W[:2])), SQUARE)
    t = tg.linalg.toeplitz(W[:, 0])
    close(np.tril(t, -1), np.triu(t, 1).conj().T)


def test_sylvesters_equation_mixes_real_and_complex_numbers():
    pytest.importorskip("scipy")
    a, b, q = SQUARE, np.array([[3.0, 2.0], [-1.0, 3.0]]), W[:2]
    for args in ((a, b, q), (a.real, b, q), (b, a, q.real), (np.array([[1.0, 2.0], [-3.0, 1.0]]), b, q)):
        x = tg.linalg.solve_sylvester(*args)
        close(args[0] @ x + x @ args[1], args[2])
        tg.check_grad(lambda *args: np.abs(tg.linalg.solve_sylvester(*args)) ** 2, *args, order=1)


def test_correlations_conjugate_the_second_array_and_transforms_agree():
    a, b = Z[0], W[:2, 0]
    close(tg.signal.correlate(a, b), np.correlate(a, b, "full"))
    for x, y in ((a, b), (a.real, b), (a, b.real)):
        close(tg.signal.fftconvolve(x, y), np.convolve(x, y))
        tg.check_grad(lambda x, y: np.abs(tg.signal.fftconvolve(x, y)) ** 2, x, y)


@pytest.mark.parametrize("f", [np.fft.fftn, np.fft.rfftn, np.fft.ifft2, np.fft.rfft2, np.fft.irfftn, np.fft.irfft2])
@pytest.mark.parametrize("options", [{"axes": (-1, -1)}, {"axes": (1, 1), "s": (5, 2)}, {"axes": (0, 1), "s": (-1, 4)}])
def test_transforms_of_repeated_axes_have_numpys_lengths(f, options):
    x = Z.real if f in (np.fft.rfftn, np.fft.rfft2) else Z
    close(f(tg.Tensor(x), **options).data, f(x, **options))
    tg.check_grad(lambda x: np.abs(f(x, **options)) ** 2, x, order=1)


def test_a_multiple_root_has_no_gradient_and_the_others_have_theirs():
    for c in ([1.0, -2.0, 1.0], np.poly([1j, 1j, 2]), np.poly([2, 1, 1 + 1e-8])):
        assert np.isnan(tg.grad(lambda c: np.sum(np.roots(c)).real)(np.array(c))).all()
    exact = [-6.75, -2.25, -0.75, -0.25]  # -r**k / p'(r) for r = 3
    close(tg.grad(lambda c: np.roots(c)[0].real)(np.poly([3.0, 1.0, 1.0])), exact, rtol=1e-6)
    near = tg.grad(lambda c: np.sum(np.roots(c)).real)(np.poly([1.0, 1.001, 2.0]))
    close(near, [-4.001, -1, 0, 0], atol=1e-6, rtol=1e-6)


def test_rules_of_users_are_those_of_real_numbers():
    square = tg.custom_vjp(lambda z: z**2)
    square.defvjp(lambda z: (z**2, z), lambda z, g: (g * 2 * z,))
    tg.check_grad(lambda z: np.abs(square(z)), Z[0])


def test_a_recorded_update_of_complex_parameters_runs_without_this_library():
    z = tg.Tensor(Z[0].copy(), label="z")
    adam = tg.optim.Adam([z], lr=0.1)

    @tg.jit
    def step(x):
        adam.minimize(np.mean(np.abs(np.fft.fft(x) * z - 1) ** 2))

    x = np.array([1.0, 2.0, 4.0])
    step(x)
    scope, state = {}, [np.array(a) for a in (z.data, adam.state["m"][0], adam.state["v"][0])]
    exec(step.source, scope)
    scope["step"](x, *state, adam.steps, 0.1)
    step(x)
    np.testing.assert_array_equal(state[0], z.data)


# What does not fit
def test_complex_numbers_where_real_ones_belong_raise():
    x, constant = tg.Tensor(np.ones(3), label="x"), tg.Tensor(np.ones(3), requires_grad=False)
    with tg.no_grad():
        for value in (1j, Z[0], tg.Tensor(Z[0])):
            assert "do not fit into real" in message(TypeError, lambda v=value: x.__setitem__(slice(None), v))
            assert "do not fit into real" in message(TypeError, lambda v=value: constant.__setitem__(slice(None), v))
    close(x.data, 1)
    for f in (lambda: (x * 2).backward(Z[0]), lambda: tg.vjp(np.sin, np.ones(3))[1](Z[0])):
        assert "gradient= is complex" in message(TypeError, f)


def test_transforms_name_what_does_not_fit():
    z = tg.Tensor(Z)
    assert "it takes real numbers, such as z.real" in message(TypeError, lambda: np.fft.rfft(z))
    assert "axis= counts the axes" in message(IndexError, lambda: np.fft.fft(z, axis=2))
    assert message(ValueError, lambda: np.fft.fft2(z, s=(3,))).startswith("np.fft.fft2: s has 1 lengths")


def test_real_programs_after_a_complex_number_are_not_searched_for_others():
    tg.Tensor(1j)
    x, calls = tg.Tensor(np.ones(3)), []

    def profile(frame, event, arg):
        if event == "call" and frame.f_code.co_name == "is_complex":
            calls.append(frame)

    sys.setprofile(profile)
    try:
        np.sum(np.stack([x, x]) * np.concatenate([x, x]).reshape(2, 3)).backward()
    finally:
        sys.setprofile(None)
    assert len(calls) <= 1  # of 6 operations and 7 gradients


def test_odeint_of_a_complex_state():
    wave = lambda z, w: tg.odeint(lambda z, t: 1j * w * z, z, [0.0, 1.0, 2.0])
    z, w = np.array([1 + 1j]), np.array(2.0)
    close(wave(z, w)[:, 0], z * np.exp(2j * np.arange(3)), rtol=1e-7)
    tg.check_grad(lambda z, w: np.abs(wave(z, w) - 1) ** 2, z, w, order=1)
    assert wave(np.complex64([1]), 2.0).dtype == np.complex64
