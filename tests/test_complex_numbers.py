"""Complex numbers: PyTorch's convention, the same drawn cases with complex values, and real arithmetic written out."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from cases import CASES
from checks import message
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine.errors import NoRuleError
from tinygrad_edu.engine.rules import bases, complex_numbers, decompositions, eigenvalues, linalg, shaping, special
from tinygrad_edu.engine.rules.registry import name, takes_complex, unordered

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
W = RNG.normal(size=(3, 2)) + 1j * RNG.normal(size=(3, 2))


def close(a, b, **tolerances):
    np.testing.assert_allclose(a, b, **{"rtol": 1e-9, "atol": 1e-12, **tolerances})


def complex_numbers_of(draw, args):
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return [a + 1j * rng.uniform(-0.5, 0.5, np.shape(a)) for a in args]


# Decompositions whose vectors have phases have tests of their own, and parts have cases of complex numbers.
PHASES = {bases.complement_of, decompositions.eigh, np.linalg.eigh, decompositions.svd, np.linalg.svd, linalg.slogdet}
PHASES |= {eigenvalues.eig, np.linalg.eig, complex_numbers.imaginary, complex_numbers.phase}
ORDERED = {np.interp}  # one of whose arguments alone may be complex: see test_complex_functions.py
COMPLEX = sorted({f for f in CASES if f in takes_complex} - PHASES - ORDERED - {shaping.astype}, key=name)
REAL = sorted({f for f in CASES if f not in takes_complex} - PHASES - {special.i0_derivative}, key=name)


@pytest.mark.parametrize("fun", COMPLEX, ids=name)
@settings(max_examples=max(settings.default.max_examples // 20, 2))
@given(data=st.data())
def test_the_cases_of_a_function_hold_for_complex_numbers(fun, data):
    f, args = data.draw(CASES[fun])
    z = complex_numbers_of(data.draw, args)
    try:
        expected = f(*z)
    except TypeError:  # the case draws calls that NumPy takes for real numbers alone
        return
    y = f(*map(tg.Tensor, z))
    close(y.data, expected)
    assert y.data.dtype == np.asarray(expected).dtype

    def curved(*z):
        w = f(*z)
        return w * (1 + 0.5 * w)

    tg.check_grad(curved, *z, order=2 if sum(map(np.size, z)) < 8 else 1)


@pytest.mark.parametrize("fun", REAL, ids=name)
def test_a_function_of_real_numbers_refuses_complex_ones_by_name(fun):
    @settings(max_examples=1)
    @given(data=st.data())
    def run(data):
        f, args = data.draw(CASES[fun])
        z = [tg.Tensor(a) for a in complex_numbers_of(data.draw, args)]
        with pytest.raises((TypeError, NotImplementedError)):
            f(*z)

    run()


@pytest.mark.parametrize(
    "fun", [np.maximum, np.sort, np.max, np.median, np.clip, np.floor, np.arctan2, np.fmod, np.sinc]
)
def test_the_error_names_the_function_and_what_to_hand_over(fun):
    args = (tg.Tensor(Z),) * getattr(fun, "nin", 1) if fun is not np.clip else (tg.Tensor(Z), 0, 1)
    text = message(NoRuleError, lambda: fun(*args))
    assert text.startswith(f"{name(fun)} does not take complex Tensors: ")
    assert "np.abs(z)" in text
    assert ("no order" in text) == (fun in unordered)


# The convention
def test_the_gradient_is_the_one_by_the_real_part_plus_i_times_the_one_by_the_imaginary_part():
    def loss(x, y):
        return np.sum(np.sin(x) * y**2 + x / (2 + np.cos(y)))

    z = tg.Tensor(Z)
    loss(z.real, z.imag).backward()
    by_x, by_y = tg.grad(loss, (0, 1))(Z.real, Z.imag)
    close(z.grad, by_x + 1j * by_y)
    close(tg.grad(lambda z: loss(z.real, z.imag))(Z), z.grad)


def test_a_step_against_the_gradient_descends():
    z, target = tg.Tensor(Z.copy()), RNG.normal(size=(2, 3)) * 1j
    before = np.sum(np.abs(Z - target) ** 2)
    for _ in range(3):
        z.zero_grad()
        loss = np.sum(np.abs(z - target) ** 2)
        loss.backward()
        with tg.no_grad():
            z -= 0.4 * z.grad
    assert loss.item() < 1e-2 * before


def test_a_real_argument_gets_a_real_gradient_and_an_interior_node_its_own():
    x = tg.Tensor([1.0, 2.0], dtype=np.float32)
    y = x * 1j * (1 - 2j)
    y.imag.sum().backward()
    assert x.grad.dtype == np.float32
    assert y.dtype == y.grad.dtype == np.complex64
    close(x.grad, [1, 1])
    close(y.grad, [1j, 1j])


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_gradients_have_the_dtype_of_their_tensor(dtype):
    z = tg.Tensor(Z, dtype=dtype)
    np.sum(np.abs(np.exp(z) @ W.astype(dtype)) ** 2).backward()
    assert z.grad.dtype == dtype
    exact = tg.grad(lambda z: np.sum(np.abs(np.exp(z) @ W) ** 2))(Z)
    close(z.grad, exact, rtol=1e-4 if dtype == np.complex64 else 1e-12)


def test_a_complex_loss_raises_and_says_what_to_take():
    for f in (lambda: np.sum(tg.Tensor(Z)).backward(), lambda: tg.grad(np.sum)(Z)):
        assert "take .real, .imag or abs(...)" in message(ValueError, f)


def test_backward_takes_a_gradient_of_a_complex_result():
    z, g = tg.Tensor(Z), RNG.normal(size=(2, 3)) + 1j
    (z * z).backward(g)
    close(z.grad, g * np.conjugate(2 * Z))  # as PyTorch
    z.zero_grad()
    np.sum(g.real * (z * z).real + g.imag * (z * z).imag).backward()
    close(z.grad, g * np.conjugate(2 * Z))
    z.zero_grad()
    for result in (tg.vjp(np.square, Z)[1](g), tg.gradients(z * z, [z], g), tg.gradients([z * z], [z], [g])):
        close(result[0], g * np.conjugate(2 * Z))
    pulled = tg.vjp(lambda z: {"a": z * z, "b": 3 * z.imag}, Z)[1]({"a": g, "b": np.ones((2, 3))})[0]
    close(pulled, g * np.conjugate(2 * Z) + 3j)


def test_create_graph_gives_the_derivatives_of_users_gradients():
    z = tg.Tensor(Z)
    np.sum(np.abs(z**2) ** 2).backward(create_graph=True)  # |z|**4, whose gradient is 4 |z|**2 z
    close(z.grad.data, 4 * np.abs(Z) ** 2 * Z)
    g, z.grad = z.grad, None
    np.sum(g.real).backward()
    x, y = Z.real, Z.imag
    close(z.grad, 4 * (3 * x**2 + y**2) + 8j * x * y)


def test_a_jvp_is_the_derivative_along_a_direction():
    v = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
    for f in (
        np.exp, np.conjugate, np.abs, np.angle, lambda z: z.real * z, lambda z: z @ W, np.fft.fft, np.linalg.norm,
        lambda z: np.fft.irfft(z, 5), lambda z: np.linalg.solve(z[:, :2], z),
    ):  # fmt: skip
        h = 1e-6
        tangent = tg.jvp(f, [Z], [v])[1]
        close(tangent, (f(Z + h * v) - f(Z - h * v)) / (2 * h), rtol=1e-7, atol=1e-7)
        u = np.ones_like(tangent) * (1 + 2j if np.iscomplexobj(tangent) else 1)
        (pulled,) = tg.vjp(f, Z)[1](u)  # the same number from both sides: Re(conj(u) J v)
        close(np.sum(np.real(np.conjugate(pulled) * v)), np.sum(np.real(np.conjugate(u) * tangent)))


def test_a_jvp_of_a_real_function_is_real_and_of_a_complex_one_complex():
    assert tg.jvp(np.abs, [Z], [1j * Z])[1].dtype == np.float64
    assert tg.jvp(lambda x: x * 1j, [Z.real], [Z.imag])[1].dtype == np.complex128
    close(tg.hvp(lambda z: np.sum(np.abs(z) ** 2))(Z, 1j * Z), 2j * Z)


def test_hooks_see_users_gradients_and_may_replace_them():
    seen, z = [], tg.Tensor(Z)
    y = z * (1 + 2j)
    with y.register_hook(lambda g: seen.append(g.copy())), z.register_hook(lambda g: 1j * g):
        np.sum(y.imag).backward()
    close(seen[0], 1j * np.ones((2, 3)))
    close(z.grad, 1j * np.conjugate(1 + 2j) * 1j * np.ones((2, 3)))


def test_checkpoint_and_containers_take_complex_tensors():
    def f(tree):
        return np.sum(np.abs(np.exp(tree["z"]) @ tree["w"]) ** 2)

    g, h = tg.grad(f)({"z": Z, "w": W}), tg.grad(tg.checkpoint(f))({"z": Z, "w": W})
    for key in g:
        close(g[key], h[key])
    tg.check_grad(f, {"z": Z, "w": W})
    inner = tg.checkpoint(lambda z: np.exp(z) * z)
    close(tg.grad(lambda z: np.sum(inner(z).imag))(Z), tg.grad(lambda z: np.sum((np.exp(z) * z).imag))(Z))


def test_functions_that_are_one_node_return_real_and_complex_results_together():
    both = lambda z: {"square": z**2, "size": np.abs(z)}
    ruled = tg.custom_vjp(both)
    ruled.defvjp(
        lambda z: (both(z), z),
        lambda z, g: (g["square"] * 2 * z + g["size"] * np.conjugate(z) / np.abs(z),),
    )
    loss = lambda f: lambda z: np.sum(np.abs(f(z)["square"] - 1)) + np.sum(f(z)["size"] ** 3)
    for f in (tg.checkpoint(both), ruled):
        assert [y.dtype for y in f(tg.Tensor(Z)).values()] == [complex, float]
        close(tg.grad(loss(f))(Z), tg.grad(loss(both))(Z))
        tg.check_grad(f, Z)
    close(tg.jvp(loss(tg.checkpoint(both)), [Z], [Z])[1], tg.jvp(loss(both), [Z], [Z])[1])


def test_check_grad_finds_a_missing_conjugate():
    @tg.primitive
    def mirrored(z):
        return np.conjugate(z) * 2

    tg.defvjp(mirrored, lambda g, y, z: 2 * g)
    with pytest.raises(tg.GradientError, match=r"argument 0 \(imaginary part\)"):
        tg.check_grad(mirrored, Z)
    tg.defvjp(mirrored, lambda g, y, z: 2 * np.conjugate(g))
    tg.check_grad(mirrored, Z)


def test_a_complex_tensor_that_a_new_process_unpickles_has_users_gradients():
    program = """
import pickle, sys, numpy as np
z = pickle.load(sys.stdin.buffer)
(z * z).real.sum().backward()
print(z.grad[0, 0])
"""
    data = pickle.dumps(tg.Tensor(Z))
    out = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True).stdout
    close(complex(out.decode()), np.conjugate(2 * Z[0, 0]))


# Real arithmetic written out
def product(a, b, c, d):
    return a * c - b * d, a * d + b * c


WRITTEN = {
    "product": (lambda z, w: z @ w, lambda a, b, c, d: (a @ c - b @ d, a @ d + b @ c)),
    "quotient": (
        lambda z, w: z / w.T,
        lambda a, b, c, d: tuple([p / (c.T**2 + d.T**2) for p in product(a, b, c.T, -d.T)]),
    ),
    "exp": (lambda z, w: np.exp(z), lambda a, b, c, d: (np.exp(a) * np.cos(b), np.exp(a) * np.sin(b))),
    "log": (lambda z, w: np.log(z), lambda a, b, c, d: (np.log(a**2 + b**2) / 2, np.arctan2(b, a))),
    "sin": (lambda z, w: np.sin(z), lambda a, b, c, d: (np.sin(a) * np.cosh(b), np.cos(a) * np.sinh(b))),
    "vdot": (
        lambda z, w: np.vdot(z, w),
        lambda a, b, c, d: (np.vdot(a, c) + np.vdot(b, d), np.vdot(a, d) - np.vdot(b, c)),
    ),
    "square": (lambda z, w: z**2, lambda a, b, c, d: product(a, b, a, b)),
    "abs": (lambda z, w: np.abs(z) + 0j, lambda a, b, c, d: (np.hypot(a, b), 0 * a)),
    "fourier": (
        lambda z, w: np.fft.fft(z),
        lambda a, b, c, d: (a @ TURNS[0] - b @ TURNS[1], a @ TURNS[1] + b @ TURNS[0]),
    ),
}
ANGLES = -2 * np.pi * np.outer(np.arange(3), np.arange(3)) / 3
TURNS = np.cos(ANGLES), np.sin(ANGLES)


@pytest.mark.parametrize("key", WRITTEN)
def test_complex_arithmetic_has_the_gradients_of_real_arithmetic_written_out(key):
    f, parts = WRITTEN[key]

    def real(a, b, c, d):
        x, y = parts(a, b, c, d)
        return np.sum(x * np.cos(y) + y**2)

    def of_complex(z, w):
        y = f(z, w)
        return np.sum(y.real * np.cos(y.imag) + y.imag**2)

    written = tg.grad(real, (0, 1, 2, 3))(Z.real, Z.imag, W.real, W.imag)
    for g, by_x, by_y in zip(tg.grad(of_complex, (0, 1))(Z, W), written[::2], written[1::2], strict=True):
        close(g, by_x + 1j * by_y)
    v = [1j * Z, W + 1j]
    hessian = tg.jvp(tg.grad(of_complex, (0, 1)), [Z, W], v)[1]
    along = [p for u in v for p in (u.real, u.imag)]
    expected = tg.jvp(tg.grad(real, (0, 1, 2, 3)), [Z.real, Z.imag, W.real, W.imag], along)[1]
    for g, by_x, by_y in zip(hessian, expected[::2], expected[1::2], strict=True):
        close(g, by_x + 1j * by_y)


# Real and complex together
@pytest.mark.parametrize(
    "f",
    [
        lambda x, z: x * z, lambda x, z: z - x, lambda x, z: x / z, lambda x, z: x**z,
        lambda x, z: np.where(x > 0, x, z),
        lambda x, z: np.concatenate([x, z]), lambda x, z: np.stack([z, x]), lambda x, z: x @ z.T,
        lambda x, z: np.einsum("ij,kj->ik", x, z), lambda x, z: np.vdot(x, z), lambda x, z: np.vdot(z, x),
        lambda x, z: np.outer(x, z), lambda x, z: np.linalg.solve(x[:, :2], z), lambda x, z: np.convolve(x[0], z[1]),
        lambda x, z: np.correlate(x[0], z[1], "full"), lambda x, z: np.kron(z, x), lambda x, z: np.polyval(z[0], x),
        lambda x, z: np.add(1j, x) * np.sign(z), lambda x, z: 2j**x * z, lambda x, z: (-x) ** 2j + z,
    ],
)  # fmt: skip
def test_real_and_complex_arguments_mix(f):
    x = RNG.uniform(0.5, 1.5, (2, 3))
    close(f(tg.Tensor(x), tg.Tensor(Z)).data, f(x, Z))
    tg.check_grad(lambda x, z: f(x, z) * (1 + f(x, z)), x, Z)
    g, h = tg.grad(lambda x, z: np.sum(np.abs(f(x, z))), (0, 1))(x, Z)
    assert (g.dtype, h.dtype) == (np.float64, np.complex128)


def test_written_elements_of_complex_arrays():
    def f(z, x):
        y = z * 1
        y[0] = x
        y[1, :2] = 1j
        return y

    tg.check_grad(lambda z, x: f(z, x) ** 2, Z, Z.real[1])
    y = tg.Tensor(Z.real) * 1
    with pytest.raises(TypeError, match="complex numbers do not fit into real ones"):
        y[0] = 1j


def test_keywords_of_the_sign_of_complex_numbers():
    z = tg.Tensor(Z)
    close(np.sign(z, casting="same_kind", out=None).data, np.sign(Z))
    with pytest.raises(TypeError, match=r"np\.sign\(\.\.\., dtype=\.\.\.\): its rule does not know this keyword"):
        np.sign(z, dtype=complex)


def test_astype_makes_complex_numbers_and_warns_where_it_drops_imaginary_parts():
    x = tg.Tensor(Z.real)
    np.sum(np.abs(x.astype(complex) * 2j)).backward()
    close(x.grad, 2 * np.sign(Z.real))
    assert x.grad.dtype == np.float64
    with pytest.warns(np.exceptions.ComplexWarning):
        close(tg.grad(lambda z: np.sum(z.astype(float)))(Z), np.ones((2, 3)))


# Kinks
@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (np.abs, 0), (np.angle, 0), (np.sign, 0), (lambda z: np.abs(z) ** 2, 0), (np.linalg.norm, 0),
        (np.std, 0), (lambda z: np.power(z, 0), 0), (lambda z: z**1, 1), (lambda z: z**2, 0), (np.prod, 1),
    ],
)  # fmt: skip
def test_conventions_at_0(f, expected):
    gradient = tg.grad(lambda z: np.sum(np.real(f(z))))(np.zeros(1, complex))
    assert gradient.dtype == np.complex128
    np.testing.assert_array_equal(gradient, [expected])


@pytest.mark.parametrize("f", [np.log, np.sqrt, np.log2, np.reciprocal, lambda z: z**0.5])
def test_where_the_derivative_is_infinite_no_finite_gradient_comes(f):
    with np.errstate(all="ignore"):
        assert not np.isfinite(tg.grad(lambda z: np.sum(np.real(f(z))))(np.zeros(1, complex))).any()
        masked = tg.grad(lambda z: np.sum(np.real(np.where(z == 0, 0, f(z)))))(np.array([0j, 4]))
    assert masked[0] == 0
    assert np.isfinite(masked[1])


def test_the_second_derivative_of_a_squared_absolute_value_at_0_is_exact():
    v = np.array([1 + 2j])
    for f in (lambda z: np.sum(np.abs(z) ** 2), lambda z: np.linalg.norm(z) ** 2):
        close(tg.hvp(f)(np.zeros(1, complex), v), 2 * v)


# Transforms and training
def test_a_jacobian_of_a_holomorphic_function_is_complex_and_of_others_an_error():
    z = Z[0]
    close(tg.jacobian(np.exp)(z), np.diag(np.exp(z)))
    close(tg.jacobian(lambda x: np.exp(1j * x), mode="reverse")(z.real), np.diag(1j * np.exp(1j * z.real)))
    for f in (np.conjugate, np.abs, lambda z: z * z.real):
        assert "not holomorphic" in message(TypeError, lambda f=f: tg.jacobian(f)(z))
    assert "jvp" in message(TypeError, lambda: tg.elementwise_grad(np.exp)(z))


def test_a_training_step_of_complex_parameters_is_jitted():
    def step(z):
        loss = np.sum(np.abs(np.fft.fft(z) - target) ** 2)
        adam.minimize(loss)
        return loss

    target, trained = RNG.normal(size=(2, 3)) * 1j, []
    for compiled in (False, True):
        z = tg.Tensor(Z)
        adam = tg.optim.Adam([z], lr=0.1)
        run = tg.jit(step) if compiled else step
        losses = [float(run(z)) for _ in range(5)]
        assert losses[-1] < losses[0]
        trained.append(z.data)
    np.testing.assert_array_equal(*trained)


def test_clipping_takes_norms_of_complex_gradients_and_refuses_bounds():
    z = tg.Tensor([3 + 4j])
    np.sum(np.abs(z) ** 2).backward()
    assert tg.optim.clip_grad_norm([z], 1.0) == 10
    close(abs(z.grad), [1], rtol=1e-6)
    assert "clip_grad_norm" in message(TypeError, lambda: tg.optim.clip_grad_value([z], 1.0))


def test_states_keep_complex_numbers(tmp_path):
    for dtype in (np.complex64, np.complex128):
        tg.save({"z": Z.astype(dtype)}, tmp_path / "state.npz")
        loaded = tg.load(tmp_path / "state.npz")["z"]
        assert loaded.dtype == dtype
        np.testing.assert_array_equal(loaded, Z.astype(dtype))


def test_pictures_show_users_gradients_and_explanations_say_that_theirs_are_conjugates():
    z = tg.Tensor([1 + 2j], label="z")
    loss = np.sum(np.abs(z) ** 2)
    assert "[2+4j]" in tg.draw(loss).source
    steps = tg.explain(loss)
    assert "[2-4j]" in str(steps)
    assert [("conjugates" in step.remark) for step in steps] == [False, False, True]


def test_batches_of_complex_numbers():
    members = np.stack([Z, Z * 1j, Z.conj() + 1])
    for f in (
        lambda z: np.vdot(z, z), lambda z: z[0] @ z[1], np.fft.fft, lambda z: np.fft.irfft(z, 5, 0, "ortho"), np.angle,
        np.fft.fftn, np.linalg.norm, lambda z: np.imag(z) * np.sign(z), lambda z: np.linalg.eigvals(z @ W),
    ):  # fmt: skip
        close(tg.vmap(f)(members), np.stack([f(z) for z in members]))
    loss = tg.grad(lambda z: np.sum(np.abs(np.fft.rfft(z.real) * z[0, 0]) ** 2))
    close(tg.vmap(loss)(members), np.stack([loss(z) for z in members]))


def test_anomaly_mode_finds_complex_infinities_and_changes():
    with tg.detect_anomaly(), np.errstate(all="ignore"):
        assert "np.log(z of shape (1,))" in message(tg.AnomalyError, lambda: np.log(tg.Tensor([0j], label="z")))
        z = tg.Tensor(Z.copy(), label="z")
        y = np.sum(np.abs(z * z))
        z.data[0] = 1
        assert "written into" in message(tg.AnomalyError, y.backward)


JITTED = {
    "sum of squares": lambda z: np.sum(z * z), "square": lambda z: np.sum(np.square(z)), "product": lambda z: z.T @ z,
    "vectors": lambda z: z.ravel() @ z.ravel(), "vdot": lambda z: np.vdot(z, z),
    "mean": lambda z: np.mean(z**2, axis=0),
    "powers": lambda z: z**0.5 + z**2 + z**1 + z**0 - z**-1, "variance": np.var,
    "real": lambda z: np.sum(z.real * z),
    "norm": np.linalg.norm, "correlation": lambda z: np.correlate(z[0], z[1], "same"), "fft": np.fft.rfft2,
}  # fmt: skip


@pytest.mark.parametrize("key", JITTED)
def test_jit_gives_the_same_complex_numbers_and_gradients(key):
    f = (lambda z: np.fft.rfft2(z.real)) if key == "fft" else JITTED[key]
    z = np.tile(Z, (9, 8))
    gradient = tg.grad(lambda z: np.sum(np.real(f(z) * (1 + 2j))))
    for g in (f, gradient):
        compiled = tg.jit(g)
        compiled(z)
        close(compiled(2 * z), g(2 * z))
