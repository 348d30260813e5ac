"""backend="c": a recorded step as C gives NumPy's numbers, and whatever has no C form stays a NumPy call."""

import functools
import itertools
import platform
import re
import textwrap
import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jit_fuzz.programs import write
from jit_fuzz.running import difference, settings_of

import tinygrad_edu as tg
from tinygrad_edu.jit import native
from tinygrad_edu.jit.native import blas, compiler, operations, products

pytestmark = pytest.mark.skipif(compiler.find() is None, reason="needs a C compiler")
LONG = settings.default.max_examples >= 1000
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 1e300, -1e-300, 3.7]
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


@pytest.fixture(autouse=True)
def little_optimization(request, monkeypatch):
    """Compile fast, but for the training that is compared at the usual level, with vector instructions."""
    if "usual" not in request.node.name:
        given = compiler.load
        monkeypatch.setattr(compiler, "load", lambda source, level=0: given(source, level))


def close(a, b, rtol, scale=None):
    """Check equality to rounding, relative to the largest number; of shapes, dtypes, NaN, infinities and integers."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if a.dtype.kind != "f":
        np.testing.assert_array_equal(a, b)
        return
    if scale is None:
        scale = float(np.max(np.abs(b), initial=0, where=np.isfinite(b)))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


def mlp(sizes, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [
        tg.Tensor((rng.standard_normal(s) * 0.5).astype(dtype))
        for n, m in itertools.pairwise(sizes)
        for s in ((n, m), (m,))
    ]


def forward(params, x):
    *hidden, w, b = params
    for v, c in zip(hidden[::2], hidden[1::2], strict=True):
        x = tg.relu(x @ v + c)
    return x @ w + b


def trained(backend, dtype, optimizer, sizes, classes, steps=200):
    """Return the parameters and the losses after training a classifier, or a hinge loss of one output."""
    params, rng = mlp(sizes, dtype), np.random.default_rng(1)
    opt = optimizer(params)
    x = rng.standard_normal((20, sizes[0])).astype(dtype)
    y = rng.integers(0, classes, 20) if classes else rng.choice([-1.0, 1.0], (20, 1)).astype(dtype)

    def step(x, y):
        out = forward(params, x)
        loss = (
            tg.cross_entropy(out, y)
            if classes
            else tg.relu(1 - y * out).mean() + 1e-3 * sum((p * p).sum() for p in params)
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    step = tg.jit(step, backend=backend)
    losses = [float(step(x, y)) for _ in range(steps)]
    assert step.cache_info().misses == 1
    return [*[p.data for p in params], *[p.grad for p in params], np.array(losses)]


CASES = [
    (np.float64, lambda ps: tg.optim.SGD(ps, lr=0.05), [2, 16, 1], 0),
    (np.float64, lambda ps: tg.optim.Adam(ps, lr=1e-3), [5, 9, 7, 3], 3),
    (np.float32, lambda ps: tg.optim.SGD(ps, lr=0.05, momentum=0.9), [5, 9, 3], 3),
    (np.float64, lambda ps: tg.optim.AdamW(ps, lr=1e-3), [3, 17, 4], 4),
]


@pytest.mark.parametrize(("dtype", "optimizer", "sizes", "classes"), CASES, ids=["usual", "b", "usual32", "d"])
def test_200_steps_of_training_equal_those_of_numpy(dtype, optimizer, sizes, classes):
    ours, numpys = (trained(backend, dtype, optimizer, sizes, classes) for backend in ("c", "numpy"))
    for a, b in zip(ours, numpys, strict=True):
        close(a, b, TOLERANCE[dtype])


KNOWN = [*{**operations.NAMED, **operations.LIBM, **operations.FLOATS, **operations.NUMBERS}]
KNOWN.remove(np.logaddexp)  # a sum that can cancel; it has a test of its own
EITHER = {KNOWN.index(f) for f in (np.fmax, np.fmin)}  # of 0.0 and -0.0, NumPy too gives either
if platform.machine() in ("arm64", "aarch64"):  # where NumPy's maximum of both is 0.0 in either order
    EITHER |= {KNOWN.index(f) for f in (np.maximum, np.minimum)}
EITHER |= {len(KNOWN) + 5, len(KNOWN) + 6}  # np.max and np.min, as in the list below


@functools.cache
def every_operation(dtype):
    """Return all elementwise functions of two arrays that have a C form as one function, and that function in C."""

    def every(x, y):
        found = [f(*[x, y][: f.nin]) for f in KNOWN] + [
            np.where(x > y, x, y),
            np.where(np.isnan(x), 1, y),
            x * 2,
            3 - y,
        ]
        found += [np.sum(x), np.max(y), np.min(x), np.prod(x[:3]), np.all(x > 0), np.any(y > 0), np.vdot(x, y)]
        return found

    return every, tg.jit(every, backend="c", check=False)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(st.data())
@settings(max_examples=15 if not LONG else 2000, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_elementwise_functions_and_sums_equal_those_of_numpy(dtype, data):
    numbers = st.sampled_from(SPECIAL) | st.floats(-50, 50, width=32)
    given = [np.array(data.draw(st.lists(numbers, min_size=11, max_size=11))) for _ in range(2)]
    every, jitted = every_operation(dtype)
    with np.errstate(all="ignore"):
        x, y = (a.astype(dtype) for a in given)
        for k, (a, b) in enumerate(zip(jitted(x, y), every(x, y), strict=True)):
            close(a, b, 1e-14 if dtype is np.float64 else 4e-6, scale=float(np.finfo(dtype).tiny))
            if b.dtype == dtype and k not in EITHER:
                zero = np.equal(a, 0) & np.equal(b, 0)
                np.testing.assert_array_equal(np.signbit(a) & zero, np.signbit(b) & zero)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_power_by_one_number_is_the_square_root_where_numpys_is(dtype):
    def powers(x, c):
        return x**0.5 * 1, np.power(x, c[0]) * 1, np.power(x, c) * 1, np.power(x, 0.5 + 0 * x) * 1, x**0.25 * 1

    jitted = tg.jit(powers, backend="c", check=False)
    x, c = (np.array(a, dtype) for a in ([-np.inf, -0.0, 4.0, np.inf], [0.5, 1.0, 0.5, 2.0]))
    with np.errstate(all="ignore"):
        for _ in range(2):
            for a, b in zip(jitted(x, c), powers(x, c), strict=True):
                close(a, b, 1e-6 if dtype is np.float32 else 1e-15)
                np.testing.assert_array_equal(np.signbit(a)[1], np.signbit(b)[1])


NARROWED = {
    "alone": lambda x: x.astype("f4").astype("f8"),
    "before a product": lambda x: x.astype("f4") * np.float64(2),
    "after a product": lambda x: (x * x).astype("f4") + np.float64(1),
    "beside its own": lambda x: x - x.astype("f4"),
    "before a sum": lambda x: np.sum(x.astype("f4").astype("f8")),
    "in a power": lambda x: np.power(x.astype("f4"), np.float32(1.3)).astype("f8"),
    "of numbers": lambda x: np.stack([x[-1].astype("f4") * 1, x[0].astype("f4") * 1]).astype("f8"),
}


@pytest.mark.parametrize("name", NARROWED)
def test_a_conversion_to_float32_rounds_at_the_usual_level(name):
    def every(*arrays):
        return [NARROWED[name](x) for x in arrays]

    arrays = [np.linspace(0.1, 0.9, n) for n in (1, 2, 3, 4, 7)]
    jitted = tg.jit(every, backend="c", check=False)
    for _ in range(2):
        for a, b in zip(jitted(*arrays), every(*arrays), strict=True):
            close(a, b, 2e-7 if name == "in a power" else 1e-14)
            assert np.ndim(a) == 0 or np.array_equal(a.astype("f4"), a) == np.array_equal(b.astype("f4"), b)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 8, 16])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_choice_that_depends_on_another_is_right_at_the_usual_level(dtype, columns):
    def dropped_and_bent(x, shift, drawn, slope):
        dropped = np.where(drawn >= 0.3, x + shift, 0)
        return dropped, np.where(dropped > 0, dropped, slope * dropped)

    rng = np.random.default_rng(0)
    x, drawn, shift = rng.normal(size=(6, columns)).astype(dtype), rng.random((6, columns)), np.ones(columns, dtype)
    jitted = tg.jit(dropped_and_bent, backend="c", check=False)
    for slope in np.array([[0.5], [0.25]], dtype):
        for a, b in zip(jitted(x, shift, drawn, slope), dropped_and_bent(x, shift, drawn, slope), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_maximum_or_minimum_of_zeros_is_the_second_of_them(dtype):
    minus, plus = np.full(5, -0.0, dtype), np.zeros(5, dtype)
    jitted = tg.jit(lambda x, y: (np.maximum(x, 0.0), np.minimum(y, -0.0)), backend="c")
    for _ in range(2):
        above, below = jitted(minus, plus)
        assert not np.signbit(above).any()
        assert np.signbit(below).all()


def test_a_truth_value_is_an_index_as_numpys():
    def every(x):
        y, z = x * 1, x * 1
        y[True] += 1
        z[True, 0] = 3.0
        x[True] *= 2
        return x[True] * 2, x[False].sum() + x, x[0, True] * 2, y, z, x * 1

    x = np.arange(6.0).reshape(3, 2)
    jitted = tg.jit(every, backend="c", check=False)
    for _ in range(2):
        for a, b in zip(jitted(x.copy()), every(x.copy()), strict=True):
            close(a, b, 0)


def test_a_product_overflows_where_numpys_does():
    x = np.array([1e300, 1e300, 0.0, 1e-300])
    jitted = tg.jit(lambda x: (np.prod(x), np.prod(x[::-1])), backend="c")
    with np.errstate(all="ignore"):
        for _ in range(2):
            np.testing.assert_array_equal(jitted(x), [np.nan, 0.0])


def test_integers_and_truth_values_equal_those_of_numpy():
    def every(i, j, k, p, q):
        found = [i + j, i - j, i * j, -i, abs(i), np.sign(j), i & j, i | j, i ^ j, ~i, np.maximum(i, j), i > j, i == j]
        found += [k + k, k * k, i + k, i * 0.5, p & q, p | q, p ^ q, ~p, p + q, p * q, p * 2.5, i * p]
        found += [np.sum(i), np.sum(p), np.max(k), np.sum(i.reshape(2, 3), axis=0), np.min(i.reshape(2, 3), axis=1)]
        return found

    i = np.array([2**63 - 1, -(2**63), 3, -4, 0, 7])
    arrays = i, i[::-1].copy(), np.array([127, -128, 1], np.int8), i > 0, i < 4
    jitted = tg.jit(every, backend="c", check=False)
    with np.errstate(all="ignore"):
        for _ in range(2):
            for a, b in zip(
                jitted(*arrays[:2], np.resize(arrays[2], 6), *arrays[3:]),
                every(*arrays[:2], np.resize(arrays[2], 6), *arrays[3:]),
                strict=True,
            ):
                close(a, b, 1e-15)


@pytest.mark.parametrize("kind", ["float16", ">f8", "longdouble"])
def test_operands_of_dtypes_that_c_has_not_are_left_to_numpy(kind):
    def mixed(x, y):
        return [np.exp(x) * y, np.maximum(x, y), x > y, np.exp(x) + y[0], np.exp(x) * abs(y), np.clip(x, y, y)]

    jitted, arrays = tg.jit(mixed, backend="c"), (np.linspace(-1, 1, 6).reshape(2, 3), np.array([2, 0, -2], kind))
    for _ in range(2):
        for a, b in zip(jitted(*arrays), mixed(*arrays), strict=True):
            close(a, b, 1e-12)


SHAPES = [
    ((3, 4), (4, 5)), ((16, 16), (16, 16)), ((1, 7), (7, 1)), ((9, 1), (1, 11)), ((100, 2), (2, 16)), ((5,), (5, 3)),
    ((6, 5), (5,)), ((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 5)), ((60, 64), (64, 70)), ((3, 2000), (2000, 3)),
    ((5, 1500), (1500, 17)), ((800, 60), (60, 1)), ((1, 800), (800, 60)), ((60, 800), (800,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_and_their_gradients_equal_those_of_numpy(dtype):
    rng = np.random.default_rng(3)
    arrays = [[rng.standard_normal(s).astype(dtype) for s in pair] for pair in SHAPES]

    def products(arrays):
        found = [f(a, b) for a, b in arrays for f in (np.matmul,)]
        found += [a.T @ a for a, _ in arrays if a.ndim == 2] + [
            b.T[::-1] @ a.T for a, b in arrays if a.ndim == b.ndim == 2
        ]
        return [v * 1 for v in found]

    jitted = tg.jit(products, backend="c", check=False)
    for _ in range(2):
        for a, b in zip(jitted(arrays), products(arrays), strict=True):
            close(a, b, 1e-13 if dtype is np.float64 else 1e-5)


def test_sums_along_any_axes_are_as_accurate_as_numpys():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((4, 1, 300, 7)).astype(np.float32) + 1000

    def sums(x):
        axes = [None, 0, 1, 2, 3, (0, 3), (0, 2), (1, 2, 3), (2, 3)]
        found = [np.sum(x, axis=a, keepdims=k) for a in axes for k in (False, True)] + [
            np.sum(x.T, axis=0),
            np.sum(x[:, :, ::-2]),
        ]
        found += [f(x, axis=a) for f in (np.max, np.min, np.prod, np.mean) for a in axes]
        return found

    jitted = tg.jit(sums, backend="c", check=False)
    with np.errstate(all="ignore"):
        for got, near, exact in zip(jitted(x), sums(x), sums(x.astype(np.float64)), strict=True):
            close(got, near, 1e-5)
            if np.isfinite(exact).all() and np.max(exact) < 1e30:
                error, numpys = (float(np.max(np.abs(v - exact) / np.abs(exact))) for v in (got, near))
                assert error <= 2 * numpys + 2e-7


def test_a_sum_over_rows_that_differ_is_as_accurate_as_one_over_a_single_row():
    x, w = np.full((20_000, 3), 0.1, np.float32), np.array([1.0, 3.0, 7.0], np.float32)
    f = tg.jit(lambda x, w: np.sum(x * w), backend="c", check=False)
    exact = np.sum((x * w).astype(np.float64))
    assert abs(float(f(x, w)) - exact) <= 2e-7 * exact
    assert abs(float(f(x, w)) - exact) <= 2e-7 * exact
    assert np.isinf(f(np.full_like(x, 3e38), w))


def test_indexing_by_integers_and_slices_equals_that_of_numpy():
    rng = np.random.default_rng(5)
    x, i, j = rng.standard_normal((6, 5, 4)), np.array([3, -1, 0, 3]), np.array([[0], [2]])

    def every(x, i, j):
        def f(x):
            found = [x[i], x[i, :, 0], x[j, i], x[1:4, ::-1], x[..., 2], x[2], x[i, i], x[[0, 2]]]
            y = x[1] * 1
            return sum(np.sum(np.sin(v)) for v in found) + np.sum(np.stack([y, y]) * np.concatenate([x[0:1], x[4:5]]))

        value, gradient = tg.value_and_grad(f)(x)
        z = x * 1
        z[i] = 3.0
        z[:, 1:3] = x[:, :2]
        np.add.at(z, (i, 0), 2.5)
        return value, gradient, z

    jitted = tg.jit(every, backend="c")
    for _ in range(3):
        for a, b in zip(jitted(x, i, j), every(x, i, j), strict=True):
            close(a, b, 1e-13)
        x = x + 1
    with pytest.raises(IndexError, match="out of bounds"):
        jitted(x, np.array([3, 6, 0, 3]), j)
    close(jitted(x, i, j)[1], every(x, i, j)[1], 1e-13)


def test_class_numbers_out_of_range_raise_as_before_and_change_nothing():
    params = mlp([3, 4], np.float64)
    opt = tg.optim.Adam(params)

    @functools.partial(tg.jit, backend="c")
    def step(x, y):
        loss = tg.cross_entropy(forward(params, x), y)
        opt.minimize(loss)
        return loss

    x, y = np.ones((5, 3)), np.array([0, 1, 2, 3, 0])
    for _ in range(3):
        step(x, y)
    before, steps = params[0].data.copy(), opt.steps
    with pytest.raises(ValueError, match="4"):
        step(x, np.array([0, 1, 4, 3, 0]))
    assert opt.steps == steps
    np.testing.assert_array_equal(params[0].data, before)


def test_a_gradient_of_nan_raises_or_passes_as_it_does_eagerly():
    w = tg.Tensor(np.array([1.0, 2.0]))
    opt = tg.optim.SGD([w], lr=1.0)

    def step(x):
        loss = np.sum(np.sqrt(w * x))
        opt.minimize(loss)
        return loss

    jitted = tg.jit(step, backend="c")
    for x in (np.ones(2), np.full(2, 0.5)):
        jitted(x)
    before = w.data.copy()
    outcomes = []
    for f in (step, jitted):
        w.data = before.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                f(np.array([np.nan, 1.0]))
                outcomes.append(w.data.copy())
            except Exception as error:
                outcomes.append(str(type(error)))
    np.testing.assert_array_equal(*outcomes)


def test_arrays_of_any_order_and_alignment_are_read():
    f = tg.jit(lambda x, w: np.sum(x * w, axis=1) + 1, backend="c")
    x, w = np.arange(12.0).reshape(3, 4), np.ones((3, 4))
    bytes_ = np.zeros(12 * 8 + 1, np.uint8)[1:]
    odd = bytes_.view(np.float64).reshape(3, 4)
    odd[...] = x
    for a in (x, x, np.asfortranarray(x), odd, np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1]):
        np.testing.assert_array_equal(f(a, w), x.sum(axis=1) + 1)
    assert f.cache_info().misses == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_new_arrays_lie_in_memory_as_those_of_numpy_also_beside_an_argument_that_is_copied(order):
    def step(x, y):
        loss = np.sum(np.tanh(x @ w.T) * y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.data, np.exp(w.data), np.negative(w.data.T)

    outcomes = []
    for f in (step, tg.jit(step, backend="c")):
        w = tg.Tensor(np.linspace(-1, 1, 12).reshape(3, 4))
        w.data = np.array(w.data, order=order)
        opt = tg.optim.Adam([w], lr=0.1, weight_decay=0.1)
        outcomes.append([])
        for k in range(4):
            x, y = np.linspace(0, k, 40).reshape(5, 8)[:, :: 1 + k % 2][:, :4], np.ones((5, 3), order="CF"[k % 2])
            outcomes[-1] += [*f(x, y), w.grad, w.data]
    for a, b in zip(*outcomes, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=1e-12)
        if np.ndim(a):
            assert np.asarray(a).flags.c_contiguous == np.asarray(b).flags.c_contiguous


def test_random_draws_and_calls_without_a_c_form_stay_numpy_calls():
    rng = np.random.default_rng(7)

    def f(x):
        noise = rng.standard_normal(x.shape)
        y = np.linalg.inv(np.tanh(x) + 3 * np.eye(3)) * noise
        return np.sum(np.sort(y * 2 + x, axis=0) ** 2), y

    jitted = tg.jit(f, backend="c")
    for k in range(4):
        x = np.eye(3) * 0.1 + k
        rng.bit_generator.state = np.random.default_rng(k).bit_generator.state
        got = jitted(x)
        rng.bit_generator.state = np.random.default_rng(k).bit_generator.state
        for a, b in zip(got, f(x), strict=True):
            close(a, b, 1e-12)
    assert "inv(" in jitted.plan
    assert jitted.cache_info().misses == 1


def test_an_element_of_a_constant_that_one_number_fills_is_that_number():
    ones = np.ones((1, 1))

    def f(x):
        a, b = np.full(1, 2.5), np.arange(3.0)
        return np.reshape(a, ()) * x[0] + ones[0, 0] * x[1] + b[2] * x.sum(), np.broadcast_to(a, (3,)) * x

    jitted, x = tg.jit(f, backend="c", optimize=("dead",)), np.array([1.0, 2.0, 4.0])
    for _ in range(2):
        for a, b in zip(jitted(x), f(x), strict=True):
            close(a, b, 1e-15)


def test_parameters_that_are_replaced_are_read_where_they_are():
    w = tg.Tensor(np.ones(3))
    f = tg.jit(lambda x: np.sum(w * x * 2), backend="c")
    x = np.arange(3.0)
    assert [float(f(x)) for _ in range(2)] == [6.0, 6.0]
    w.data = np.full(3, 2.0)
    assert [float(f(x)) for _ in range(3)] == [12.0, 12.0, 12.0]
    w.data[...] = 3.0
    assert float(f(x)) == 18.0


def test_programs_of_the_fuzz_in_c():
    for seed in range(0, 20_000 if LONG else 200, 1 if LONG else 8):
        given_ = {**settings_of(seed), "backend": "c"}
        found, _ = difference(write(seed), given_)
        assert found is None, f"{given_}: {found}\n\n{write(seed)}"


def test_backends_have_names():
    with pytest.raises(ValueError, match="'numpy', 'c', 'auto'"):
        tg.jit(np.sin, backend="fortran")
    f = tg.jit(tg.grad(lambda x: np.sum(np.tanh(x) ** 2 * x)), backend="auto")
    x = np.arange(3.0)
    np.testing.assert_allclose(f(x), f(x))


def test_without_a_compiler_auto_stays_with_numpy_and_c_names_the_remedies(monkeypatch):
    monkeypatch.setenv("CC", "")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    compiler._find.cache_clear()
    try:
        with pytest.raises(compiler.CompilerError, match=r"CC.*gcc.*ziglang"):
            tg.jit(np.sin, backend="c")
        f = tg.jit(lambda x: np.sin(x) * 2, backend="auto")
        np.testing.assert_array_equal([f(np.ones(2)) for _ in range(3)], np.sin(np.ones((3, 2))) * 2)
    finally:
        compiler._find.cache_clear()


def test_where_the_compiler_fails_auto_stays_with_numpy(monkeypatch):
    def fails(source, level=None):
        raise compiler.CompilerError("cc failed")

    monkeypatch.setattr(compiler, "load", fails)
    slope = tg.grad(lambda x: np.sum(np.tanh(x) ** 2 * np.exp(x) * x + np.sin(x)))
    x = np.arange(3.0)
    f = tg.jit(slope, backend="auto")
    for _ in range(3):
        np.testing.assert_allclose(f(x), slope(x), rtol=1e-14)
    with pytest.raises(compiler.CompilerError, match="cc failed"):
        tg.jit(slope, backend="c")(x)


def test_products_of_blas_are_numpys():
    found = blas.addresses()
    assert found is None or all(found)


def test_a_product_is_large_however_many_multiplications_it_has():
    n = 2**22  # whose cube no integer of NumPy holds
    a = products.Matrix(None, (), n, n, n, 1)
    assert products.uses_blas(products.Product(a=a, b=a, out=a, stack=()))


def test_fit_takes_the_name_of_a_backend():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)
    losses = []
    for jit in (False, "c", "auto"):
        model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=1), tg.nn.ReLU(), tg.nn.Linear(4, 2, rng=2))
        opt = tg.optim.SGD(model.parameters(), lr=0.1)
        history = tg.fit(model, tg.cross_entropy, (x, y), optimizer=opt, epochs=4, jit=jit, progress=False)
        losses.append(history.train_loss)
    np.testing.assert_allclose(losses[1:], [losses[0]] * 2, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clip_between_numbers_and_logaddexp_are_those_of_numpy(dtype):
    x = np.array([0.0, -0.0, 1, -1, 0.5, np.nan, np.inf, -np.inf, 2, 0.3, -0.3], dtype)
    for low, high in ((-1, 1), (0.0, 1), (-np.inf, 0.5), (0, 0), (np.float64(-0.5), np.float64(0.5))):
        f = lambda x, low=low, high=high: (
            np.exp(x) * np.clip(x, low, high),
            np.clip(x, low, high),
            np.logaddexp(x, 0.5),
        )
        jitted = tg.jit(f, backend="c")
        with np.errstate(all="ignore"):
            found, expected = [jitted(x) for _ in range(2)][1], f(x)
        for a, b in zip(found, expected, strict=True):
            close(a, b, 1e-6 if dtype == np.float32 else 1e-14)
            assert (np.signbit(a) == np.signbit(b))[~np.isnan(b)].all()
        assert ("clip" in jitted.plan) is (dtype is np.float32 and type(low) is np.float64)  # which widens the result
    jitted = tg.jit(lambda x: (np.clip(x, 1, 0), np.clip(x, np.nan, 0), np.clip(x, None, 0.2)), backend="c")
    for a, b in zip([jitted(x) for _ in range(2)][1], jitted(x), strict=True):
        close(a, b, 0)


@pytest.mark.parametrize(
    "change", ["data.shape = (2, 3)", "data.flags.writeable = False", "data.strides = (8, 24)", "data.dtype = np.int64"]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_parameter_whose_array_is_changed_in_place_is_served_as_eagerly(change):
    def run(jit):
        p = tg.Tensor(np.arange(1.0, 7.0).reshape(3, 2))
        step = jit(lambda x: tg.optim.SGD([p], lr=0.1).minimize(((p @ x) ** 2).sum()))
        for i in range(4):
            if i == 3:
                exec(change, {"data": p.data, "np": np})
            try:
                step(np.ones((2, 4)))
            except (ValueError, TypeError) as error:
                return p.data.copy(), type(error)
        return p.data.copy(), None

    (ours, error), (eager, expected) = run(functools.partial(tg.jit, backend="c")), run(lambda f: f)
    np.testing.assert_allclose(ours, eager, rtol=1e-13)
    assert error is expected


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, bool])
def test_zero_minus_an_integer_zero_is_zero_without_a_sign(dtype):
    f = lambda x: (0.0 - x, np.float32(0) - x, -0.0 - x)
    x = np.array([0, 1, 0], dtype)
    jitted = tg.jit(f, backend="c")
    for a, b in zip([jitted(x) for _ in range(2)][1], f(x), strict=True):
        close(a, b, 0)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("n", [100, 128, 200, 256, 1000])
def test_a_sum_of_equal_numbers_is_as_accurate_as_numpys(n):
    x = np.full(n, 0.1, np.float32)
    jitted = tg.jit(lambda x: np.sum(x * 1), backend="c")
    ours, exact = [jitted(x) for _ in range(2)][1], float(x[0]) * n
    assert abs(ours - exact) <= max(abs(np.sum(x) - exact), np.spacing(np.float32(exact)))


def test_a_value_with_more_axes_of_length_1_than_what_it_is_written_to():
    def f(x, v):
        y, z = x * 2, x + 1
        y[0, :1], y[1], z[np.array([0, 1])] = v, v, v * 2
        return y * 3, z

    x, v = np.ones((2, 3)), np.full((1, 1), 1.5)
    jitted = tg.jit(f, backend="c")
    for a, b in zip([jitted(x, v) for _ in range(2)][1], f(x, v), strict=True):
        close(a, b, 0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(st.data())
@settings(max_examples=3 if not LONG else 500, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_narrow_products_in_one_loop_with_their_neighbors_equal_those_of_numpy(dtype, data):
    draw = data.draw
    n, k, m = (draw(st.sampled_from(choices)) for choices in ([1, 5, 130, 1000], [1, 2, 3, 4, 7, 16], [1, 2, 5, 16]))
    stack = draw(st.sampled_from([(), (), (2,), (3, 1)]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x, w, b = rng.standard_normal((*stack, n, k)), rng.standard_normal((k, m)), rng.standard_normal(m)
    x, w, b = (np.asfortranarray(v.astype(dtype)) if draw(st.booleans()) else v.astype(dtype) for v in (x, w, b))
    if m == 1 and draw(st.booleans()):
        w, b = w[:, 0], b[0:1]
    backward = slice(None, None, -1) if draw(st.booleans()) else slice(None)

    def step(x, w, b):
        a = np.maximum(x[..., backward] @ w + b, 0)
        slopes = (np.swapaxes(x, -1, -2) @ a, np.swapaxes(x, -1, -2)[..., backward, :] @ a) if w.ndim == 2 else ()
        return [a @ w.T if w.ndim == 2 else a * w[0], np.sum(a * a), a.sum(axis=0), *slopes]

    jitted = tg.jit(step, backend="c", check=False)
    for sign in (1, -1):
        for found, expected in zip(jitted(x * sign, w, b), step(x * sign, w, b), strict=True):
            scale = float(np.abs(expected).max()) * n
            np.testing.assert_allclose(
                found, expected, 1e-12 if dtype is np.float64 else 1e-5, scale * np.finfo(dtype).eps
            )


LAYERS = [
    (tg.nn.RNN, {"nonlinearity": "relu"}, np.float32), (tg.nn.GRU, {}, np.float64),
    (tg.nn.LSTM, {"bidirectional": True}, np.float32),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "options", "dtype"), LAYERS)
def test_training_of_recurrent_layers_is_all_in_c_and_equals_that_of_numpy(layer, options, dtype):
    rng = np.random.default_rng(5)
    x, y = (rng.standard_normal(s).astype(dtype) for s in ((2, 5, 3), (2, 5, 4 * (1 + ("bidirectional" in options)))))

    def trained(backend):
        model = layer(3, 4, rng=1, **options).astype(dtype)
        opt = tg.optim.SGD(model.parameters(), lr=0.1)

        @functools.partial(tg.jit, backend=backend)
        def step(x, y):
            loss = tg.mse_loss(model(x)[0], y)
            opt.minimize(loss)
            return loss

        losses = [float(step(x, y)) for _ in range(20)]
        assert backend != "c" or not re.search(r"(rnn|lstm|gru)\w*\(", step.plan)
        return [*[p.data for p in model.parameters()], *[p.grad for p in model.parameters()], np.array(losses)]

    for a, b in zip(trained("c"), trained("numpy"), strict=True):
        close(a, b, TOLERANCE[dtype])


def test_the_steps_of_a_loop_share_their_c_functions(monkeypatch):
    texts, load = [], compiler.load
    monkeypatch.setattr(compiler, "load", lambda source: texts.append(source) or load(source))

    @tg.grad
    def slope(h, w, x):
        for t in range(len(x)):
            h = np.tanh(x[t] + h @ w)
        return np.sum(h * h)

    rng = np.random.default_rng(6)
    h, w, x = (rng.standard_normal(s) for s in ((3, 20), (20, 20), (9, 3, 20)))
    for n in (4, 9):
        jitted = tg.jit(slope, backend="c")
        for _ in range(2):
            close(jitted(h, w, x[:n]), slope(h, w, x[:n]), 1e-12)
    few, many = (text.count("static TG_NOINLINE") for text in texts)
    assert few == many


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_of_logsumexp_stay_in_one_c_function_and_its_infinities_are_seen(dtype):
    def slopes(x, y):
        return tg.grad(lambda x, y: tg.logsumexp(tg.logsumexp(x, axis=0) + y) + np.sum(y * y), argnums=(0, 1))(x, y)

    x, y = np.arange(6, dtype=dtype).reshape(2, 3) / 4, np.ones(3, dtype)
    jitted = tg.jit(slopes, backend="c", check=False)
    with np.errstate(all="ignore"):
        for _ in range(2):
            for a in (x, x * 2, x - dtype(np.inf), x + dtype(np.inf), np.where(x > 1, -np.inf, x), x * dtype(np.nan)):
                for found, expected in zip(jitted(a, y), slopes(a, y), strict=True):
                    close(found, expected, TOLERANCE[dtype])
    jitted = tg.jit(slopes, backend="c", check=False)
    jitted(x, y)
    assert jitted.plan.count("GUARD_FAILED") == 1


def test_the_example_of_its_docstring_is_what_is_written(monkeypatch):
    texts, load = [], compiler.load
    monkeypatch.setattr(compiler, "load", lambda source: texts.append(source) or load(source))
    jitted = tg.jit(lambda x, w: np.sum(np.tanh(x * w + 1)), backend="c")
    jitted(np.ones((4, 3)), np.ones(3))
    blocks = re.findall(r"(?:^    .*\n)+", native.__doc__, re.MULTILINE)
    assert len(blocks) == 3
    assert all(textwrap.dedent(block) in texts[-1] or block in jitted.plan for block in blocks)


def test_a_recurrence_of_very_many_steps_stays_one_call():
    model, x = tg.nn.RNN(1, 2, rng=0), np.random.default_rng(0).standard_normal((1, 300, 1))
    jitted = tg.jit(lambda x: np.tanh(model(x)[0]).data * 2, backend="c")
    for _ in range(2):
        close(jitted(x), np.tanh(model(x)[0].data) * 2, 1e-12)
    assert "rnn" in jitted.plan


def test_nothing_is_changed_before_the_last_stretch_that_can_end_the_replay():
    def made():
        a, b, c = (tg.Tensor(np.ones(shape), requires_grad=False) for shape in (5, 5, ()))

        def step(x):
            a.data[...] = a.data * 0.9 + x
            c.data[...] = c.data * 0.9 + 1.0
            b.data[...] = b.data * 0.5 + np.sum(c.data)  # of an array without axes, this stays a NumPy call
            return x * 1.0

        return step, (a, b, c)

    (eager, expected), (recorded, state) = made(), made()
    jitted = tg.jit(recorded, backend="c")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a plan that the verifier rejects
        for k in range(4):
            close(jitted(np.full(5, k)), eager(np.full(5, k)), 1e-12)
            for p, q in zip(state, expected, strict=True):
                close(p.data, q.data, 1e-12)


NEW = {
    "sum": lambda u: u.sum(axis=0), "maximum": lambda u: u.max(axis=0), "product": lambda u: u.T @ u[:, 0],
    "narrow product": lambda u: u[:5, :2] @ u[0, :2], "number": lambda u: np.broadcast_to(u.sum(), (5,)),
    "copy": lambda u: u.T[:, 3],
}  # fmt: skip


@pytest.mark.parametrize("new", NEW.values(), ids=NEW.keys())
def test_what_is_written_over_is_read_before(new):
    def run(f, p, x):
        return [[*f(x * k), p.data.copy()] for k in range(4)]

    def step_of(p):
        def step(x):
            u = np.exp(x)
            v = np.sin(p.data) * 2
            z = (v[:, None] * np.ones((5, 7))).sum(axis=1), np.exp(u * 0.1)
            p.data[...] = new(u)
            return *z, v

        return step

    x = np.random.default_rng(2).standard_normal((40, 5))
    p, q = tg.Tensor(np.arange(5.0)), tg.Tensor(np.arange(5.0))
    for ours, expected in zip(
        run(tg.jit(step_of(p), backend="c", check=False), p, x), run(step_of(q), q, x), strict=True
    ):
        for a, b in zip(ours, expected, strict=True):
            close(a, b, 1e-12)
