"""Values under jit: the numbers, gradients and errors of the function itself, to the last bit with NumPy."""

import functools
import itertools
import math
import random
import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_native_printer import run

import tinygrad_edu as tg
from tinygrad_edu import JitError, Value
from tinygrad_edu.jit.native import compiler

needs_compiler = pytest.mark.skipif(not compiler.find(), reason="needs a C compiler")
BACKENDS = ["numpy", pytest.param("c", marks=needs_compiler)]
UNARY = {
    "-x": lambda x: -x, "abs(x)": abs, "relu": Value.relu, "exp": Value.exp, "log": Value.log, "tanh": Value.tanh,
    "sqrt": Value.sqrt, "sigmoid": Value.sigmoid, "np.sin": np.sin, "np.arctan": np.arctan, "x**2": lambda x: x**2,
    "x**-1": lambda x: x**-1, "x**0.5": lambda x: x**0.5, "2**x": lambda x: 2.0**x, "1 - x": lambda x: 1 - x,
    "3 / x": lambda x: 3 / x, "x % 2": lambda x: x % 2.0, "x * np.sign(x)": lambda x: x * np.sign(x),
}  # fmt: skip
BINARY = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b, "np.maximum": np.maximum, "np.hypot": np.hypot, "0 +": lambda a, b: 0 + a + b,
}  # fmt: skip
NUMBERS = st.one_of(st.floats(-3, 3), st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e200, 800.0]))


@st.composite
def expressions(draw):
    """A function of two Values, as a list of operations on the values so far."""
    return [
        (draw(st.sampled_from([*UNARY, *BINARY])), draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        for i in range(draw(st.integers(1, 7)))
    ]


def function(operations):
    def f(a, b):
        found = [a, b]
        for name, i, j in operations:
            found.append(UNARY[name](found[i]) if name in UNARY else BINARY[name](found[i], found[j]))
        y = found[-1] + found[0]
        y.backward()
        a.data = a.data - 0.5 * b.grad
        return y

    return f


def outcome(f, numbers):
    """The result, data and gradients; or the kind of the error, before which a replay changes nothing."""
    a, b = map(Value, numbers)
    try:
        with np.errstate(all="ignore"):
            y = f(a, b)
    except (ArithmeticError, ValueError) as error:
        return type(error)
    assert type(y) is Value
    assert all(type(x) is float for x in (y.data, a.data, b.data, a.grad, b.grad))
    return [y.data, a.data, b.data, a.grad, b.grad]


def bits(found):
    return np.array(found).tobytes() if isinstance(found, list) and not np.isnan(found).any() else repr(found)


@given(expressions(), st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=4))
def test_drawn_expressions_are_what_the_function_gives(operations, calls):
    f = function(operations)
    jitted = tg.jit(f)
    for numbers in calls:
        assert bits(outcome(jitted, numbers)) == bits(outcome(f, numbers))


@needs_compiler
@given(expressions(), st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=4))
@settings(max_examples=settings.default.max_examples // 4)
def test_drawn_expressions_in_c(operations, calls):
    f = function(operations)
    jitted = tg.jit(f, backend="c")
    for numbers in calls:
        given, expected = outcome(jitted, numbers), outcome(f, numbers)
        if isinstance(expected, list):
            np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-12)
        else:
            assert given is expected


class Neuron:
    def __init__(self, inputs, nonlin):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(inputs)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x):
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act


class MLP:
    """micrograd's."""

    def __init__(self, *sizes):
        self.layers = [
            [Neuron(n, i < len(sizes) - 2) for _ in range(m)] for i, (n, m) in enumerate(itertools.pairwise(sizes))
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0] if len(x) == 1 else x

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in (*neuron.w, neuron.b)]


def train(decorator, steps):
    """The demo of micrograd: an SVM's loss of a network of Values on data in an array."""
    random.seed(3)
    X = np.random.default_rng(0).normal(size=(4, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, -1)
    model = MLP(2, 3, 1)

    @decorator
    def step(learning_rate):
        scores = [model(list(map(Value, row))) for row in X]
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
        accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(y, scores, strict=True)]
        for p in model.parameters():
            p.grad = 0
        total.backward()
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        return total, sum(accuracy) / len(accuracy)

    found = []
    for k in range(steps):
        total, accuracy = step(np.array(1.0 - 0.9 * k / 100))
        found += [total.data, float(accuracy)]
    return [*found, *[p.data for p in model.parameters()], *[p.grad for p in model.parameters()]], step


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
def test_the_demo_of_micrograd_trains_as_without_jit(backend):
    expected, _ = train(lambda f: f, 50)
    found, step = train(lambda f: tg.jit(f, backend=backend), 50)
    assert step.cache_info()[:2] == (49, 1)
    if backend == "numpy":
        assert found == expected
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_add_up_over_calls_and_in_one(backend):
    def f(a, b):
        (a * a * b).backward()
        (3 * b).backward()

    def gradients(f):
        a, b = Value(2.0), Value(5.0)
        for i in range(6):
            if i == 3:
                a.zero_grad()
            f(a, b)
        return a.grad, b.grad

    assert gradients(tg.jit(f, backend=backend)) == gradients(f)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_data_of_values_can_change_places(backend):
    a, b = Value(1.0), Value(2.0)

    def swap():
        a.data, b.data = b.data, a.data
        return a + b

    jitted = tg.jit(swap, backend=backend)
    for _ in range(3):
        jitted()
    assert (a.data, b.data) == (2.0, 1.0)


def test_the_same_value_twice_is_another_recording():
    def f(a, b):
        (a * b + a).backward()
        return a.grad

    jitted = tg.jit(f)
    for same in (False, True, False, True):
        a = Value(3.0)
        b = a if same else Value(4.0)
        assert jitted(a, b) == (7.0 if same else 5.0)
    assert jitted.cache_info()[:2] == (2, 2)


def test_what_replaces_a_value_is_seen():
    model = MLP(2, 2, 1)
    jitted = tg.jit(lambda: model([1.0, 2.0]))
    for change in (
        lambda: model.layers[0][0].w.__setitem__(0, Value(9.0)),
        lambda: setattr(model.layers[1][0], "b", Value(7.0)),
        lambda: setattr(model.layers[0][1].b, "data", 5.0),
        lambda: setattr(model.layers[0][0].b, "requires_grad", False),
        lambda: model.layers[0].append(model.layers[0].pop(0)),
    ):
        for _ in range(2):
            assert jitted().data == model([1.0, 2.0]).data
        change()
    assert jitted().data == model([1.0, 2.0]).data


def test_a_constant_takes_no_gradient_and_a_result_without_one_has_none():
    c = Value(3.0, requires_grad=False)
    jitted = tg.jit(lambda a: (a * c, c * 2))
    for x in (1.0, 2.0, 4.0):
        product, double = jitted(Value(x))
        assert (product.data, product.requires_grad) == (3 * x, True)
        assert (double.data, double.requires_grad) == (6.0, False)
    assert c.grad == 0.0
    with pytest.raises(JitError, match="no graph behind it"):
        product.backward()


ERRORS = {
    "a / b": (lambda a, b: a / b, (1.0, 0.0), ZeroDivisionError),
    "a ** b": (lambda a, b: a**b, (-8.0, 1 / 3), ValueError),
    "0 ** -1": (lambda a, b: a**-1, (0.0, 1.0), ZeroDivisionError),
    "overflow": (lambda a, b: (a * b) ** 3, (1e200, 1e5), OverflowError),
    "exp": (lambda a, b: (a * b).exp(), (1e3, 1.0), OverflowError),
    "log": (lambda a, b: (a * b).log(), (0.0, 1.0), ValueError),
    "sqrt": (lambda a, b: (a * b).sqrt(), (-1.0, 1.0), ValueError),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_floats_are_those_of_the_function(name, backend):
    f, wrong, kind = ERRORS[name]
    jitted = tg.jit(lambda a, b: f(a, b) + a * b + a + b - 1 + (a - b), backend=backend)
    for numbers in ((2.0, 3.0), (1.5, 2.0), wrong, (0.5, 2.0)):
        if numbers is wrong:
            with pytest.raises(kind) as of_eager:
                f(*map(Value, wrong))
            with pytest.raises(kind) as of_jit:
                jitted(*map(Value, wrong))
            assert str(of_jit.value) == str(of_eager.value)
        else:
            a, b = map(Value, numbers)
            assert math.isclose(jitted(a, b).data, (f(a, b) + a * b + a + b - 1 + (a - b)).data, rel_tol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_that_the_function_catches_is_another_branch(backend):
    def f(a, b):
        try:
            y = a / b
        except ZeroDivisionError:
            y = a * 100
        return y * y + a + b + a * b - 2 * a + 3 * b

    jitted = tg.jit(f, backend=backend)
    for b in (2.0, 4.0, 0.0, 5.0, 0.0):
        assert jitted(Value(3.0), Value(b)).data == f(Value(3.0), Value(b)).data


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_infinite_gradient_is_that_of_the_function(backend):
    def f(a):
        (a.sqrt() + a * a - 3 * a + a / 7 - 2 * a).backward()
        return a.grad

    jitted = tg.jit(f, backend=backend)
    assert [jitted(Value(x)) for x in (4.0, 9.0, 0.0, 1.0)] == [f(Value(x)) for x in (4.0, 9.0, 0.0, 1.0)]
    assert jitted(Value(0.0)) == math.inf


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda a: a if a > 0 else -a, "truth"),
        (lambda a: math.sin(a.data), "float()"),
        (lambda a: max(a, a * 2), "truth"),
        (lambda a: print(f"{a.data:.2f}"), "format"),
        (lambda a: math.exp(float(a)) * a, "np.exp for math.exp"),
        (lambda a: float(a) * a, "np.clip for min and max"),
    ],
)
def test_a_value_that_leaves_the_recording_is_refused(f, words):
    with pytest.raises(JitError, match=re.escape(words)):
        tg.jit(f)(Value(2.0))


@pytest.mark.parametrize("kind", [Value, tg.Tensor])
def test_a_gradient_that_keeps_its_graph_is_refused(kind):
    w = kind(3.0)

    def f(x):
        (w * w * x).backward(create_graph=True)
        return w.grad

    with pytest.raises(JitError, match=re.escape("keeps its graph (create_graph=True)")):
        tg.jit(f)(kind(2.0))


def test_threads_replay_while_another_forgets_the_recordings():
    w = Value(3.0)
    jitted = tg.jit(lambda a: (a * w).tanh() + a * 2)
    found = []

    def work(x):
        for _ in range(60):
            found.append(jitted(Value(x)).data == (Value(x) * 3.0).tanh().data + x * 2)
            if x == 0.0:
                jitted.cache_clear()

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 180


def test_a_failed_recording_leaves_values_as_they_were():
    a, b = Value(2.0), Value(3.0)
    b.grad = 1.5

    def f():
        (a * b).backward()
        a.data = 7.0
        raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            tg.jit(f)()
    assert (a.data, b.data, a.grad, b.grad) == (2.0, 3.0, 0.0, 1.5)


def test_the_source_runs_and_names_values_by_their_labels():
    w, bias = Value(2.0, label="weight"), Value(0.5)
    bias.grad = 0.25

    def step(x):
        y = (w * x + bias).tanh().relu()
        y.backward()
        w.data -= 0.1 * w.grad
        return y

    jitted = tg.jit(step)
    y = jitted(Value(0.3))
    scope = {}
    exec(jitted.source, scope)
    found, changed = scope["step"](0.3, weight=2.0, bias=0.5, bias_grad=0.25)
    assert math.isclose(found, y.data, rel_tol=1e-15)
    assert math.isclose(changed["weight"], w.data, rel_tol=1e-15)


@needs_compiler
def test_the_c_is_of_doubles(tmp_path):
    jitted = tg.jit(lambda a, b: (a * b + b**3).tanh() / (a.relu() + 1))
    y = jitted(Value(0.5, label="a"), Value(0.7))
    assert re.search(r"static double a;", jitted.c)
    assert "float" not in jitted.c
    (printed,) = run(tmp_path, jitted.c_main(Value(0.5), Value(0.7)))
    np.testing.assert_allclose(printed, [y.data], rtol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_have_the_gradients_and_labels_that_the_function_gave_them(backend):
    def f(a, b):
        c = a * b
        c.label = f"{a.label}b"
        y = c + a
        y.backward()
        fresh = Value(a.data - 0.5 * a.grad)
        return [c, {"y": y}, fresh, a.detach()]

    jitted = tg.jit(f, backend=backend)
    for x, label in ((2.0, "a"), (3.0, "a"), (4.0, "a"), (5.0, "other"), (6.0, "a")):
        results = [g(Value(x, label=label), Value(3.0)) for g in (jitted, f)]
        found, expected = (re.sub(", fun=[^)]*", "", repr(r)) for r in results)
        assert found == expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_result_that_was_made_from_a_number_is_an_argument_of_the_next_call(backend):
    @functools.partial(tg.jit, backend=backend)
    def step(w):
        (w * w).backward()
        return Value(w.data - 0.25 * w.grad)

    w = Value(8.0)
    for _ in range(4):
        w = step(w)
    assert (w.data, w.requires_grad, w.fun) == (0.5, True, None)
    (w * 3).backward()
    assert w.grad == 3.0


def test_gradients_of_values_are_floats():
    jitted = tg.jit(lambda a, b: tg.gradients(a * a * b, [a, b]), check=False)
    for x in (1.0, 2.0, 3.0):
        found = jitted(Value(x), Value(5.0))
        assert found == [10 * x, x * x]
        assert [type(g) for g in found] == [float, float]


@pytest.mark.parametrize("kind", [Value, tg.Tensor])
@pytest.mark.parametrize(("attribute", "value"), [("label", "new"), ("requires_grad", False)])
def test_a_changed_label_or_mode_is_refused_and_undone(kind, attribute, value):
    a, b = kind(2.0, label="a"), kind(3.0)

    def f(x):
        setattr(x, attribute, value)
        return x * b

    with pytest.raises(JitError, match=rf"{attribute} was changed"):
        tg.jit(f)(a)
    assert (a.label, a.requires_grad) == ("a", True)


def test_a_hook_that_the_function_registers_is_refused():
    def f(a):
        y = a * 3
        handle = y.register_hook(lambda g: g * 2)
        try:
            (y * a).backward()
        finally:
            handle.remove()
        return a.grad

    with pytest.raises(JitError, match="has a hook on its gradient"):
        tg.jit(f)(Value(2.0))


@pytest.mark.parametrize("text", [
    "x + np.negative(s)", "x - np.negative(s)", "isinstance(s, float)", "np.isscalar(s)",
    "tg.vjp(lambda t: t * x, s)[0]", "tg.mse_loss(x[0], s)", "tg.grad(lambda t: np.sum(np.sin(t * x)))(s)", "x ** s",
    "np.append(tg.Tensor(x), s)", "np.dot(tg.Tensor(x), s)", "tg.relu(s > 1)",
    "tg.stats.norm.pdf(x, 0.0, s)", "x.astype(np.float16) ** s", "(x + 1j) ** s",
])  # fmt: skip
def test_a_recorded_number_is_a_number(text):
    """It has the type, and promotes the dtype of arrays, as in the function."""
    v, x = Value(2.0), np.array([-0.0, 2.5, -np.inf], np.float32)
    function = eval(f"lambda x, v: [({text}) for s in [v.data]]", {"np": np, "tg": tg})
    jitted = tg.jit(function, check=False)
    for number in (2.0, 3.0, 0.5):
        v.data = number
        with np.errstate(all="ignore"):
            (found,), (expected,) = jitted(x, v), function(x, v)
        found, expected = (np.asarray(getattr(y, "data", y)) for y in (found, expected))
        np.testing.assert_array_equal(found, expected, strict=True)
        np.testing.assert_array_equal(np.signbit(found.real), np.signbit(expected.real))


def test_a_recorded_number_among_items_of_r_is_refused():
    with pytest.raises(JitError, match=r"np\.append"):
        tg.jit(lambda x, v: np.r_[x, v.data])(np.ones(2, np.float32), Value(2.0))
