"""detect_anomaly names the first infinity or NaN, and arrays that were changed before the backward pass."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tensor, Value


def fails(function, *words):
    """Return the error that f raises under detect_anomaly, after a check that it contains these words."""
    with tg.detect_anomaly(), pytest.raises(tg.AnomalyError) as caught:
        function()
    for word in words:
        assert word in str(caught.value)


def test_forward_names_function_label_element_input_and_line():
    x = Tensor([[1.0, 2.0], [0.0, 3.0]], label="x")
    fails(
        lambda: np.sum(np.log(x)),
        "np.log(x of shape (2, 2))",
        "test_anomaly.py:",
        "np.sum(np.log(x))",
        "gave -inf at [1, 0], where x is 0.0",
        "above 0",
    )


def test_what_is_no_elementwise_function_tells_the_range_of_its_inputs():
    a = Tensor(np.full((2, 3), 1e200), label="a")
    fails(lambda: a @ np.full((3, 2), 2e200), "np.matmul", "gave inf at [0, 0]", "a is from 1e+200 to 1e+200")


def test_backward_names_the_rule_and_the_line_of_the_forward_call():
    x = Tensor([4.0, 0.0], label="x")
    with tg.detect_anomaly():
        y = np.sqrt(x)  # finite, but its slope at 0 is infinite
        loss = y.sum()
        with pytest.raises(
            tg.AnomalyError, match=r"backward: the rule of np.sqrt\(x of shape \(2,\)\).*y = np.sqrt\(x\)"
        ):
            loss.backward()
    assert x.grad is None


def test_backward_shows_the_gradient_that_arrived_and_what_the_rule_read():
    x = Tensor([0.0], label="x")
    fails(lambda: (np.sqrt(x) * 3).sum().backward(), "the gradient inf at [0], where x is 0.0", "that arrives is 3.0")


def test_gradients_that_add_up_to_infinity_are_named():
    def run():
        x = Tensor([1e-9], label="x")
        (x * 1e308 + x * 1e308).sum().backward()

    fails(run, "the gradients that arrive at x of shape (1,) are finite, and their sum is not")


def test_an_array_written_into_between_forward_and_backward_is_found():
    x = Tensor([1.0, 2.0], label="x")

    def run():
        y = x * x
        x.data += 1
        y.sum().backward()

    fails(run, "np.multiply(x of shape (2,), x of shape (2,))", "y = x * x", "written into", "x = x + 1")
    assert x.grad is None


def test_so_is_a_result_that_the_rule_reads():
    def run():
        y = np.exp(Tensor([1.0, 2.0]))
        y.data[:] = y.data[::-1].copy()
        y.sum().backward()

    fails(run, "reads its result")


def test_and_an_index():
    index = np.array([0, 1])

    def run():
        y = Tensor([1.0, 2.0, 3.0])[index]
        index[0] = 2
        y.sum().backward()

    fails(run, "getitem", "argument 1")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.maximum(x, 0.0), lambda x: np.minimum(x, 0.5), lambda x: np.fmin(np.zeros(3), x),
        lambda x: np.fmax(x, np.array([[0.5], [0]])), lambda x: np.clip(x, -1, 1),
    ],
)  # fmt: skip
def test_so_is_an_array_of_which_a_rule_reads_only_what_it_is_equal_to(f):
    x = Tensor([-3.0, 0.2, 2.0])

    def run():
        y = f(x)
        x.data *= -1
        y.sum().backward()

    fails(run, "which was written into since")


def test_what_no_rule_reads_may_change():
    x = Tensor([1.0, 2.0])
    with tg.detect_anomaly():
        y = (x + 1).sum()
        x.data += 1
        y.backward()
    np.testing.assert_array_equal(x.grad, [1, 1])


def test_training_changes_parameters_after_backward_and_that_is_no_anomaly():
    model = tg.nn.MLP([2, 8, 1], rng=0)
    adam = tg.optim.Adam(model.parameters(), lr=0.01)
    x, y = np.ones((4, 2)), np.zeros((4, 1))
    with tg.detect_anomaly():
        for _ in range(3):
            adam.minimize(tg.mse_loss(model(x), y))


def test_a_masked_infinity_is_none_on_the_way_back():
    x = Tensor([4.0, 0.0])
    with tg.detect_anomaly():
        np.where(x.data > 0, np.sqrt(x), 0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.25, 0])


def test_infinities_that_come_in_are_nobodys_fault():
    x = Tensor([np.inf, 1.0])
    with tg.detect_anomaly():
        (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])


def test_higher_derivatives_are_watched_too():
    x = Tensor([0.0], label="x")

    def run():
        (g,) = tg.gradients((x**1.5).sum(), [x], create_graph=True)
        g.sum().backward()

    fails(run, "backward", "np.power")


ROOTS, BOTH = np.array([0.0, 4.0]), np.ones(2)


@pytest.mark.parametrize(
    "derivative",
    [
        lambda: tg.jvp(np.sqrt, [0.0], [1.0]),
        lambda: tg.jvp(lambda x: np.sqrt(x) - np.sqrt(x), [ROOTS], [BOTH]),
        lambda: tg.jacobian(np.sqrt, mode="forward")(ROOTS),
        lambda: tg.hvp(lambda x: np.sum(x**1.5))(ROOTS, BOTH),
        lambda: tg.hessian(lambda x: np.sum(x**1.5))(ROOTS),
        lambda: tg.jvp(lambda x: {"a": x, "b": np.linalg.norm(np.sqrt(x))}, [ROOTS], [BOTH]),
    ],
    ids=["jvp", "inf - inf", "jacobian", "hvp", "hessian", "tree"],
)
def test_tangents_are_watched(derivative):
    words = "forward mode: the rule of np.", "test_anomaly.py:", "gave the tangent inf", "that arrives is 1.0"
    fails(derivative, *words)


def test_infinite_tangents_that_come_in_or_are_masked_are_no_anomaly():
    with tg.detect_anomaly():
        assert tg.jvp(lambda x: x * 2, [1.0], [np.inf])[1] == np.inf
        tangent = tg.jvp(lambda x: np.where(x > 0, np.sqrt(x), 0), [ROOTS], [BOTH])[1]
        np.testing.assert_array_equal(tangent, [0, 0.25])
        np.testing.assert_array_equal(tg.jvp(np.sqrt, [ROOTS], [0 * BOTH])[1], [0, 0])  # NaN in the first pass
        np.testing.assert_array_equal(tg.hessian(lambda x: np.sum(x**3))(ROOTS), np.diag(6 * ROOTS))


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_an_empty_argument_is_said_to_be_empty():
    x, words = Tensor(np.ones((0, 3)), label="x"), "gave nan, where x is empty"
    fails(lambda: np.mean(x), words)


def test_an_infinity_that_the_call_asks_for_is_none():
    x = Tensor([1.0, 2.0])
    with tg.detect_anomaly():
        y = np.pad(x, 1, constant_values=-np.inf)
        np.maximum(y[1:], y[:-1])[1:-1].sum().backward()
        assert np.sum(x, initial=np.inf).data == np.inf
        assert np.max(x, where=np.array([False, False]), initial=-np.inf).data == -np.inf
    np.testing.assert_array_equal(x.grad, [0, 1])


def test_values_are_watched():
    a = Value(0.0, label="a")
    fails(lambda: np.divide(1.0, a), "np.divide(1.0, a", "gave inf, where", "a is 0.0")
    fails(lambda: (a**0.5).backward(), "np.power(a", "the gradient inf")


def test_it_is_a_decorator_and_ends_where_it_ends():
    @tg.detect_anomaly()
    def risky(x):
        return np.log(x)

    bare = tg.detect_anomaly(np.log)
    for f in (risky, risky, bare, bare):
        with pytest.raises(tg.AnomalyError):
            f(Tensor([0.0]))
    with np.errstate(divide="ignore"):
        assert np.log(Tensor([0.0])).data == -np.inf


@pytest.mark.parametrize("decorate", [tg.detect_anomaly, tg.detect_anomaly(), tg.no_grad, tg.no_grad()])
def test_what_runs_after_the_call_is_not_decorated(decorate):
    def generator():
        yield 1

    async def coroutine():
        pass

    async def both():
        yield 1

    for f in (generator, coroutine, both):
        kind = "coroutine" if f is coroutine else "generator"
        with pytest.raises(TypeError, match=rf"(detect_anomaly|no_grad): {f.__name__} is a {kind}, which runs later"):
            decorate(f)
    with pytest.raises(TypeError, match=r"takes a function, or nothing, as in `with .*\(\):`, not 3"):
        decorate(3)


def test_it_nests():
    with tg.detect_anomaly():
        with tg.detect_anomaly():
            pass
        fails(lambda: np.log(Tensor([0.0])), "np.log")
        with pytest.raises(tg.AnomalyError):
            np.log(Tensor([0.0]))


def test_it_holds_for_its_own_thread():
    found = []

    def other():
        with np.errstate(divide="ignore"):
            found.append(np.log(Tensor([0.0])).data)

    with tg.detect_anomaly():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == [-np.inf]


def test_a_recorded_function_runs_eagerly():
    logarithm = tg.jit(lambda x: np.log(x))
    logarithm(Tensor([1.0]))
    fails(lambda: logarithm(Tensor([0.0])), "np.log")


@given(st.booleans(), st.integers(1, 50), st.integers(0, 2**32))
def test_wherever_a_number_changes_it_is_found(second, n, seed):
    rng = np.random.default_rng(seed)
    a, b = np.exp(Tensor(rng.normal(size=n))), Tensor(rng.normal(size=n))
    with tg.detect_anomaly():
        y = a * b
        (b if second else a).data[rng.integers(n)] += 1e-3
        with pytest.raises(tg.AnomalyError, match="written into"):
            y.sum().backward()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_the_least_change_of_one_number_among_many_is_found(dtype):
    a = Tensor(np.full(200_000, 1, dtype))
    with tg.detect_anomaly():
        y = np.sum(np.real(a * a) * 1e-6)
        a.data[77_777] += max(4 * np.finfo(dtype).eps, 1e-9)
        with pytest.raises(tg.AnomalyError, match="written into"):
            y.backward()


def test_batches_are_checked_and_the_member_is_named():
    x = np.array([[1.0, 2.0], [4.0, 5.0]])
    with tg.detect_anomaly():
        np.testing.assert_array_equal(tg.vmap(tg.grad(lambda a: np.sum(a**2)))(x), 2 * x)
        np.testing.assert_array_equal(tg.jacobian(lambda a: a**2, mode="reverse")(x[0]), np.diag(2 * x[0]))
        with pytest.raises(tg.AnomalyError, match=r"np\.log.* gave -inf at \[1\] in member 1 of the batch"):
            tg.vmap(tg.grad(lambda a: np.sum(np.log(5 - a))))(x)
        with pytest.raises(tg.AnomalyError, match=r"rule of np\.sqrt.* inf at \[0\] in member 0 .* argument 0 is 0\.0"):
            tg.vmap(tg.grad(lambda a: np.sum(np.sqrt(a - 1))))(x)
        for at, index in ((1.0, r"\[0, 0\]"), (5.0, r"\[1, 1\]")):
            with pytest.raises(tg.AnomalyError, match=rf"gave -inf at {index}"):
                tg.vmap(lambda a, at=at: np.clip(np.log(abs(a - at)), -9, None))(Tensor(x))


def test_an_array_that_was_written_into_is_found_in_a_batch():
    def f(a):
        y = a * 2.0
        z = y * y
        y.data[0] = 7.0
        return np.sum(z)

    with tg.detect_anomaly(), pytest.raises(tg.AnomalyError, match="written into since"):
        tg.vmap(tg.grad(f))(np.ones((2, 3)))


def test_assignments_into_results_are_no_changes():
    def f(x):
        y = x * 1.0
        y[-1] = np.sum(x)
        return np.sum(y * y)

    y = tg.Tensor([0.3, 0.5]) * 2
    with tg.detect_anomaly():
        np.testing.assert_allclose(tg.grad(f)(np.array([0.3, 0.5])), [2.2, 1.6])
        z = y * 1.0
    z[0] = 2.0
    with tg.detect_anomaly():
        np.sum(z * z).backward()
