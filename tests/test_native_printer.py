"""A recording as a C program that runs alone prints the numbers that the function returns."""

import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError
from tinygrad_edu.jit.native import compiler

GENERATOR = np.random.default_rng(0)
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def compiled(folder, text, *flags):
    found = compiler.find()
    assert found is not None, f"these tests need a C compiler: {compiler.REMEDY}"
    (folder / "step.c").write_text(text, "utf-8")
    libraries = [] if "-c" in flags else ["-lm"]  # clang warns of those that it does not link
    subprocess.run([*found.command, *STRICT, *flags, "step.c", "-o", "step", *libraries], cwd=folder, check=True)


def run(folder, text, steps=1):
    """Compile and run a program; return the numbers of each line that it prints."""
    compiled(folder, text)
    printed = subprocess.run([folder / "step", str(steps)], capture_output=True, text=True, check=True).stdout
    return [np.array(line.split(), float) for line in printed.splitlines()]


def flat(results):
    return np.concatenate([np.ravel(np.asarray(getattr(r, "data", r), float)) for r in results])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", [tg.optim.Adam, lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9), tg.optim.Rprop])
def test_a_training_step_trains_in_c_as_in_python(tmp_path, dtype, optimizer):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(8, 3)).astype(dtype), rng.integers(0, 2, 8)
    model = tg.nn.Sequential(tg.nn.Linear(3, 5, rng=0), tg.nn.Tanh(), tg.nn.Linear(5, 2, rng=1)).astype(dtype)
    trained = optimizer(model.parameters())

    @tg.jit
    def step(x, y):
        trained.zero_grad()
        loss = tg.cross_entropy(model(x), y)
        loss.backward()
        tg.optim.clip_grad_norm(model.parameters(), 0.5)
        trained.step()
        return loss

    step(x, y)
    text = step.c_main(x, y)
    for word in (
        "/* forward */",
        "/* backward */",
        "/* update */",
        "loss = tg.cross_entropy(model(x), y)",
        "weight_0_grad[",
        " bias_2[",
    ):
        assert word in text
    printed = run(tmp_path, text, 6)
    expected = [float(step(x, y).data) for _ in printed]
    np.testing.assert_allclose(np.ravel(printed), expected, rtol=1e-12 if dtype == np.float64 else 1e-5)


def test_tensors_and_arrays_that_move_move_in_c_too(tmp_path):
    a, b, c, d = (tg.Tensor(np.arange(3.0) + i, requires_grad=False) for i in range(4))
    s = SimpleNamespace(a=a, b=b, pair=(c, d), e=np.ones(3), f=np.arange(3.0))

    @tg.jit
    def step(x):
        s.b.data[...] = s.b.data * 0.5 + x
        s.e[...] = s.e + x
        s.a, s.b, s.e, s.f = s.b, s.a, s.f, s.e
        s.pair = s.pair[1], (s.pair[0] * 0.5 + s.a).detach()
        return s.a, s.b, s.pair[0], s.pair[1], s.e, s.f

    step(np.ones(3))
    printed = run(tmp_path, step.c_main(np.ones(3)), 5)
    expected = [flat(step(np.ones(3))) for _ in printed]
    np.testing.assert_allclose(printed, expected, rtol=1e-12)


def elementwise(x, y):
    z = np.where(x > 0, np.exp(x) - np.tanh(y), np.abs(x) ** 1.5) + np.sin(x) * np.maximum(x, y) / 3
    return (
        z,
        z,
        np.logaddexp(x, y),
        tg.sigmoid(x[0]),
        np.hypot(x, y[:1]),
        np.arctan2(x, 2.0),
        np.sign(x) * np.float32(2),
    )


def reductions(x, y):
    parts = np.sum(x, axis=0), np.max(x, axis=(0, 2), keepdims=True), np.mean(x, axis=-1), np.prod(y), np.min(y, axis=1)
    return *parts, np.sum(x > 0), np.any(x > 9), np.mean(x)


def views(x, y):
    joined = np.concatenate([x, y[:, ::-1]], axis=1)
    turned = np.transpose(x, (2, 0, 1)), x.reshape(-1, 2)[::3], joined[1:, ..., None], np.stack([x[0], y[1]], axis=-1)
    return *turned, np.broadcast_to(x[0, 0], (3, 4)), np.expand_dims(y, 1), x[1, 2, 3]


def products(x, y):
    square = x @ np.swapaxes(y, 1, 2)
    return square, x[0] @ y[0].T, x[0, 0] @ y[0, 0], y @ x[0, 0], np.dot(x[1], y[1, 2])


def indexed(x, y):
    rows, columns = np.array([0, -1, 1]), np.array([2, 0, -2])
    z = x[0].copy()
    z[1:, :2] = y[0, 1:, :2]
    z[0] = x[:1, :1] * 1
    np.add.at(z, (rows, columns), 2.0)
    return x[0][rows, columns], x[np.array([1, 0, 1])], z, y[:, np.array([2, 0])]


def gradients(x, y):
    f = lambda x: np.sum(np.tanh(x @ y[0].T) * tg.softmax(x @ y[1].T, axis=-1))
    return tg.grad(f)(x), tg.grad(lambda x: np.sum(tg.grad(f)(x) ** 2))(x)


def decomposed(x, y):
    turned = np.flip(x), np.roll(y, 1), np.pad(x[0], 1), np.tril(y[0]), np.take(x, [1, 0], axis=0), np.repeat(x, 2)
    return *turned, np.clip(x, 0, None), np.var(x, axis=1), np.std(y), np.max(x, where=x > 0, initial=0.0)


@pytest.mark.parametrize("f", [elementwise, reductions, views, products, gradients, decomposed])
def test_each_kind_of_call_gives_what_numpy_gives(tmp_path, f):
    x, y = np.random.default_rng(4).normal(size=(2, 2, 3, 4))
    jitted = tg.jit(f)
    expected = flat(jitted(x, y))
    (printed,) = run(tmp_path, jitted.c_main(x, y))
    np.testing.assert_allclose(printed, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reductions_of_one_number_are_that_number(tmp_path, dtype):
    w = tg.Tensor(dtype(2), label="w")

    def f(x, y):
        loss = tg.mse_loss(w * x, y)
        return loss, tg.gradients(loss, [w]), x.sum(), np.prod(x), np.max(x), np.min(y), np.all(x > y), np.sum(-0.0 * x)

    jitted, x, y = tg.jit(f, backend="c"), np.array(3, dtype), np.array(4, dtype)
    for _ in range(2):
        for got, expected in zip(jitted(x, y), f(x, y), strict=True):
            got, expected = (np.asarray(getattr(a, "data", a[0] if type(a) is list else a)) for a in (got, expected))
            np.testing.assert_array_equal(got, expected, strict=True)
            np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))
    (printed,) = run(tmp_path, jitted.c_main(x, y))
    np.testing.assert_array_equal(printed, [4, 12, 3, 3, 3, 4, 0, 0])
    assert not np.signbit(printed).any()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int8, bool])
def test_integers_are_printed_in_full(tmp_path, dtype):
    x = np.array([0, 1, 1 if dtype is bool else np.iinfo(dtype).max], dtype)
    jitted = tg.jit(lambda x: (x ^ True, 2**63 - 1))
    compiled(tmp_path, (jitted(x), jitted.c_main(x))[1])
    printed = subprocess.run([tmp_path / "step"], capture_output=True, text=True, check=True).stdout
    assert [int(text) for text in printed.split()] == [*(x ^ True).tolist(), 2**63 - 1]


def test_numbers_that_are_the_same_at_every_call_are_printed_in_their_place(tmp_path):
    jitted = tg.jit(lambda x: (np.sum(x), {"two": 2.0, "rate": np.float32(0.1), "on": True}, x * 2))
    jitted(x := np.array([1.0, 2.0]))
    (printed,) = run(tmp_path, jitted.c_main(x))
    np.testing.assert_array_equal(printed, [3, 2, np.float32(0.1), 1, 2, 4])
    jitted = tg.jit(lambda x: np.sin(x) * x)
    jitted(0.7)
    np.testing.assert_allclose(run(tmp_path, jitted.c_main(0.7)), [[0.7 * np.sin(0.7)]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_functions_of_scipy_give_what_scipy_gives(tmp_path, dtype):
    special = pytest.importorskip("scipy.special")
    jitted = tg.jit(lambda x: (special.erf(x), special.expit(-x), np.logaddexp(x, x[0])))
    expected = flat(jitted(x := np.linspace(-30, 30, 99, dtype=dtype)))
    (printed,) = run(tmp_path, jitted.c_main(x))
    np.testing.assert_allclose(printed, expected, rtol=1e-14 if dtype == np.float64 else 2e-6)


def test_indexing_gives_what_numpy_gives(tmp_path):
    x, y = np.random.default_rng(4).normal(size=(2, 2, 3, 4))
    jitted = tg.jit(lambda x, y: indexed(x, y)[:3])
    expected = flat(jitted(x, y))
    (printed,) = run(tmp_path, jitted.c_main(x, y))
    np.testing.assert_allclose(printed, expected, rtol=1e-12)


def test_arrays_that_change_places_and_labels_that_are_words_of_c(tmp_path):
    labels = ["double", "*/ #error", "exp"]
    a, b, c = (tg.Tensor([float(i), 1.0], label=label) for i, label in enumerate(labels))

    def main(step):
        with tg.no_grad():
            old = a * 1
            a.data[...], b.data[...] = b.data * 1, old.data
            c.data[...] += step
        return np.sum(a * c), b * 1

    jitted = tg.jit(main)
    jitted(np.ones(2))
    printed = run(tmp_path, jitted.c_main(np.ones(2)), 3)
    for line in printed:
        np.testing.assert_allclose(line, flat(jitted(np.ones(2))), rtol=1e-15)


def test_results_that_share_memory_are_printed_once_each(tmp_path):
    jitted = tg.jit(lambda x: (lambda y: [{"turned": y.T, "row": y[1]}, y])(x * 2))
    turned = jitted(x := np.arange(6.0).reshape(2, 3))
    (printed,) = run(tmp_path, jitted.c_main(x))
    np.testing.assert_array_equal(printed, flat([*turned[0].values(), turned[1]]))


def test_the_text_without_arguments_is_a_function_to_link(tmp_path):
    jitted = tg.jit(lambda x: np.sum(np.exp(x)))
    jitted(np.ones(3))
    assert "int main" not in jitted.c
    assert "static double x[3];" in jitted.c
    compiled(tmp_path, jitted.c, "-c")


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (
            lambda x: np.linalg.inv(x),
            r"np.linalg.inv of shapes \(2, 2\) has no C form \(.*test_native_printer.py:\d+\)",
        ),
        (lambda x: x + GENERATOR.normal(), r"jit.c: Generator.normal has no C form \(.*\); draw outside, and pass"),
        (lambda x: np.concatenate([x, x[:0]]), r"shape \(0, 2\) has no C form; leave empty arrays out"),
        (lambda x: np.max(x, axis=()), r"np.max of shapes \(2, 2\) has no C form"),
        (lambda x: np.sum(x.astype(np.float16)), "float16 of shape .* has no C form; use float64 or float32"),
    ],
)
def test_what_has_no_c_form_is_an_error_that_names_it(f, said):
    jitted = tg.jit(f)
    x = np.eye(2)
    jitted(x)
    with pytest.raises(JitError, match=said):
        jitted.c_main(x)


def test_arguments_of_another_shape_are_an_error():
    jitted = tg.jit(lambda x: np.sum(x))
    jitted(np.ones(3))
    with pytest.raises(ValueError, match=r"x is float64 of shape \(4,\), and the recording has float64 of"):
        jitted.c_main(np.ones(4))
    with pytest.raises(ValueError, match=r"^jit.c_main: x is missing; pass the arguments of a call$"):
        jitted.c_main()


def test_a_program_in_c_begins_with_the_arrays_that_are_there_now():
    w, s = tg.Tensor(np.zeros(2), label="w"), SimpleNamespace(total=np.zeros(2), shift=np.zeros(2))

    @tg.jit
    def step(x):
        w.data, s.total = w.data + x, s.total + 2.0
        return w.data * s.total + s.shift

    for i in range(5):
        step(np.ones(2))
        s.shift = np.full(2, 7.5 + i)
    begun = " ".join(step.c_main(np.ones(2)).split())
    assert all(f"{{ {a}, {a} }}" in begun for a in ("5.0", "10.0", "11.5"))
    s.total = np.zeros(3)
    with pytest.raises(ValueError, match=r"jit.c_main: \w+ is float64 of shape \(3,\), and the recording has"):
        step.c_main(np.ones(2))
