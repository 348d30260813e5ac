"""jit: 200 steps of four training tasks give the same parameters as eager steps, with any optimization."""

import functools

import numpy as np
import pytest
from benchmarks import ours, workloads

import tinygrad_edu as tg
from tinygrad_edu.jit.passes import NAMES

STEPS = 200


def in_float64(task):
    """Return the task in float64, in which a mistake is larger than rounding."""
    w = task()
    w.params = [p.astype(np.float64) for p in w.params]
    if hasattr(w, "batches"):
        w.batches = [(x.astype(np.float64), y) for x, y in w.batches]
    return w


@functools.cache
def eagerly(task):
    """Return the losses of all steps and the final parameters."""
    step, parameters = ours.EAGER[task.__name__](in_float64(task))
    return [step() for _ in range(STEPS)], parameters()


@pytest.mark.parametrize("optimize", [True, False, *[(name,) for name in NAMES]], ids=str)
@pytest.mark.parametrize("task", [workloads.moons, workloads.line, workloads.digits, workloads.wide])
def test_200_steps_of_the_benchmark_end_where_the_eager_ones_end(task, optimize, monkeypatch):
    losses, parameters = eagerly(task)
    monkeypatch.setattr(tg, "jit", functools.partial(tg.jit, optimize=optimize))
    step, found = ours.JIT[task.__name__](in_float64(task))
    np.testing.assert_allclose([step() for _ in range(STEPS)], losses, rtol=1e-12, atol=1e-12 * losses[0])
    np.testing.assert_allclose(found(), parameters, rtol=1e-12, atol=1e-12 * np.abs(parameters).max())


def trained(parameters, loss, jitted):
    """Return the parameters, Adam's state and the gradients after each of four steps."""
    opt = tg.optim.Adam(parameters, lr=0.1)
    step = (tg.jit if jitted else lambda f: f)(lambda x: opt.minimize(loss(x, *parameters)))
    kept = []
    for i in range(4):
        step(np.array(0.5 + i))
        kept += [p.grad for p in parameters]
    return [*[p.data for p in parameters], *[a for arrays in opt.state.values() for a in arrays], *kept]


@pytest.mark.parametrize(
    ("arrays", "loss"),
    [
        ([np.array(2.0)], lambda x, w: (w * x - 1) ** 2),
        ([np.ones((1, 1))], lambda x, w: np.sum((w * x - 1) ** 2)),
        ([np.linspace(-1, 1, 120_000).reshape(400, 300, order="F")], lambda x, w: np.sum(np.tanh(w.T * x) ** 2)),
        ([np.ones((300, 400), order="F"), np.zeros(300)], lambda x, w, b: np.sum((w.sum(axis=1) * x + b) ** 2)),
        ([np.ones((4, 6))[::2, ::-3]], lambda x, w: np.sum(w * w * x)),
        ([np.ones((2, 3)), np.ones((3, 2))], lambda x, a, b: np.sum((a @ b) * x) + np.sum(a.T * b)),
    ],
)  # fmt: skip
def test_parameters_of_any_shape_and_memory_order_train_and_earlier_gradients_stay(arrays, loss):
    def parameters():
        tensors = [tg.Tensor(a) for a in arrays]
        for t, a in zip(tensors, arrays, strict=True):
            t.data = np.array(a, order="K")
        return tensors

    found, expected = (trained(parameters(), loss, jitted) for jitted in (True, False))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_step_that_fails_changes_nothing():
    a, b = tg.Tensor(np.eye(2)), tg.Tensor(np.ones((2, 2)))
    first, second = tg.optim.SGD([a], lr=0.1), tg.optim.Adam([b], lr=0.1)

    @tg.jit
    def step(x, i):
        first.minimize(np.sum(a * x))
        second.minimize(np.sum(np.linalg.inv(x) * b))
        return x[i]

    step(np.eye(2), np.array([0]))
    before = [t.copy() for t in (a.data, b.data, a.grad, b.grad, *second.state["m"])], first.steps, second.steps
    for x, i in ((np.zeros((2, 2)), 0), (np.eye(2), 7)):
        with pytest.raises((np.linalg.LinAlgError, IndexError)):
            step(x, np.array([i]))
    for t, old in zip((a.data, b.data, a.grad, b.grad, *second.state["m"]), before[0], strict=True):
        np.testing.assert_array_equal(t, old)
    assert before[1:] == (first.steps, second.steps)
