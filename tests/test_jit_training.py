"""jit: steps of four training tasks give the same parameters as eager steps, with any optimization."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks import ours, workloads
from checks import EXTENDED
from hypothesis import settings

import tinygrad_edu as tg
from tinygrad_edu.engine.rules.finite import all_finite
from tinygrad_edu.jit.passes import NAMES

LONG = settings.default.max_examples > 25


def steps_of(task):
    """Return the numbers of steps with all optimizations, and with one alone; the wide network has 8 batches."""
    return (200, 200) if LONG else (24, 9) if task is workloads.wide else (200, 24)


def in_float64(task):
    """Return the task in float64, in which a mistake is larger than rounding."""
    w = task()
    w.params = [p.astype(np.float64) for p in w.params]
    if hasattr(w, "batches"):
        w.batches = [(x.astype(np.float64), y) for x, y in w.batches]
    return w


@functools.cache
def eagerly(task):
    """Return the losses of all steps, and the parameters after each number of steps."""
    step, parameters = ours.EAGER[task.__name__](in_float64(task))
    most, fewer = steps_of(task)
    losses = [step() for _ in range(fewer)]
    found = {fewer: np.copy(parameters())}
    losses += [step() for _ in range(most - fewer)]
    return losses, found | {most: parameters()}


@pytest.mark.parametrize("optimize", [True, False, *[(name,) for name in NAMES]], ids=str)
@pytest.mark.parametrize("task", [workloads.moons, workloads.line, workloads.digits, workloads.wide])
def test_steps_of_the_benchmark_end_where_the_eager_ones_end(task, optimize, monkeypatch):
    losses, parameters = eagerly(task)
    steps = steps_of(task)[optimize is not True]
    monkeypatch.setattr(tg, "jit", functools.partial(tg.jit, optimize=optimize))
    step, found = ours.JIT[task.__name__](in_float64(task))
    np.testing.assert_allclose([step() for _ in range(steps)], losses[:steps], rtol=1e-12, atol=1e-12 * losses[0])
    expected = parameters[steps]
    np.testing.assert_allclose(found(), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


EXPECTED = json.loads((Path(__file__).parent / "expected" / "optim.json").read_text("utf-8"))
SCHEDULES = [
    lambda m, o: [m.ExponentialLR(o, 0.99), m.StepLR(o, 20, 0.5)],
    lambda m, o: [m.ChainedScheduler([m.MultiStepLR(o, [5, 5, 30]), m.CosineAnnealingWarmRestarts(o, 3, 2, 1e-3)])],
    lambda m, o: [m.SequentialLR(o, [m.LinearLR(o), m.PolynomialLR(o, 40, 1.5)], [6])],
    lambda m, o: [m.LinearWarmup(o, 5, then=m.CosineAnnealingLR(o, 20)), m.LambdaLR(o, lambda k: 1 / (1 + 0.1 * k))],
    lambda m, o: [m.OneCycleLR(o, 0.02, 80), m.CosineAnnealingWarmRestarts(o, 9)],
]


@pytest.mark.parametrize(("kind", "options"), [(kind, options) for kind, options, _ in EXPECTED["optimizers"]])
def test_every_optimizer_and_schedule_is_recorded_also_with_parameters_that_get_no_gradient(kind, options):
    x = np.linspace(-1, 1, 12).reshape(6, 2)
    several = [make for i, make in enumerate(SCHEDULES) if i in (len(options) % 5, len(kind) % 5)]

    def run(compiled):
        model, unused = tg.nn.MLP([2, 3, 1], activation="tanh", rng=0), tg.Tensor([1.0, 2.0])
        first, *rest = model.parameters()
        groups = [{"params": [unused, first], "lr": 0.003}, {"params": rest}]
        opt = getattr(tg.optim, kind)(groups, **{"lr": 0.01, **options}, maximize=len(options) == 2)
        schedules = [s for make in several for s in make(tg.optim.lr_scheduler, opt)]

        def step(x):
            opt.minimize(np.mean((model(x) - np.sin(3 * x[:, :1])) ** 2) * (-1 if opt.groups[0].maximize else 1))
            for s in schedules:
                s.step()

        step, kept = compiled(step), []
        for _ in range(60):
            step(x)
            kept.append([g.lr for g in opt.groups])
        arrays = [p.data for p in opt.params] + [a for each in opt.state.values() for a in each]
        return kept, np.concatenate([a.ravel() for a in arrays]), opt.missed.tolist(), step

    (rates, values, missed, _), (found, others, same, step) = run(lambda f: f), run(tg.jit)
    np.testing.assert_allclose(found, rates, rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(others, values, rtol=1e-9, atol=1e-12)
    assert missed == same == [-1, 0, 0, 0, 0]
    assert step.cache_info().hits >= 55


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


def test_an_update_runs_in_the_memory_order_of_the_weights():
    layer = tg.nn.Linear(40, 30, rng=np.random.default_rng(0))
    opt = tg.optim.Adam(list(layer.parameters()), lr=0.1)

    @tg.jit
    def step(x):
        opt.minimize((layer(x) ** 2).mean())

    step(np.ones((5, 40)))
    arrays = [x for x in step._recordings[0].run.__globals__.values() if isinstance(x, np.ndarray)]
    assert layer.weight.data.flags.f_contiguous
    assert {a.flags.f_contiguous for a in arrays if a.shape == layer.weight.shape} == {True}


def test_a_replayed_step_warns_of_a_gradient_that_several_passes_added_up_to():
    w = tg.Tensor([1.0, 2.0])
    opt = tg.optim.Adam([w], lr=0.1)
    step = tg.jit(opt.step)
    for i in range(6):
        for _ in range(2 if i == 4 else 1):
            (w * w).sum().backward()
        if i == 4:
            with pytest.warns(UserWarning, match=r"sum of 2 backward passes or more"):
                step()
        else:
            step()
        opt.zero_grad()
    assert step.cache_info()[:2] == (4, 2)


@pytest.mark.parametrize("kind", [tg.optim.SGD, tg.optim.Adam])
def test_a_step_of_a_parameter_without_axes_is_replayed(kind):
    def train(jit):
        w, scale = tg.Tensor([1.0, 2.0]), tg.Tensor(3.0)
        opt = kind([w, scale], lr=0.01)
        step = jit(opt.step)
        for _ in range(6):
            opt.zero_grad()
            (w * w * scale).sum().backward()  # a gradient is NumPy's scalar
            step()
        return step, [w.data, scale.data]

    step, found = train(tg.jit)
    assert step.cache_info()[:2] == (5, 1)
    for a, b in zip(found, train(lambda f: f)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_tensor_without_axes_that_was_computed_is_an_argument_as_others():
    w = tg.Tensor([1.0, 2.0])
    double = tg.jit(lambda t: t.data * 2)
    assert [float(double((w * n).sum().detach())) for n in range(4)] == [0.0, 6.0, 12.0, 18.0]
    assert double.cache_info()[:2] == (3, 1)


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


@pytest.mark.parametrize("dtype", ["float32", *["float64"] * EXTENDED])
@pytest.mark.parametrize("first", [0, 5, 16])
def test_gradients_whose_squares_leave_their_dtype_widen_the_state_in_the_step_in_which_they_do_eagerly(dtype, first):
    def run(jitted):
        ps = [tg.Tensor(np.arange(1, n + 1).astype(dtype)) for n in (2, 3)]
        opt = tg.optim.Adam(ps, lr=0.1)
        large = 1e200 if dtype == "float64" else 1e25

        def step(scale):
            opt.minimize(sum(np.sum(p * scale) for p in ps))

        step = tg.jit(step) if jitted else step
        with np.errstate(all="ignore"):
            for i in range(20):
                step(np.asarray(large if i >= first else 1.0, dtype))
        return [p.data for p in ps], [a for each in opt.state.values() for a in each]

    for found, expected in zip(run(True), run(False), strict=True):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    assert run(True)[1][0].dtype.itemsize > np.dtype(dtype).itemsize


def test_clipped_gradients_of_a_parameter_without_axes():
    def step(t, opt):
        def f():
            opt.zero_grad()
            (t + t).backward()
            tg.optim.clip_grad_value([t], 0.1)
            opt.step()

        return f

    a, b = tg.Tensor(0.5), tg.Tensor(0.5)
    eager, jitted = step(a, tg.optim.SGD([a], lr=0.1)), tg.jit(step(b, tg.optim.SGD([b], lr=0.1)))
    for _ in range(3):
        eager(), jitted()
        assert (a.data, a.grad) == (b.data, b.grad)


@pytest.mark.parametrize("kind", [tg.optim.Rprop, tg.optim.Adam, tg.optim.RMSprop])
def test_a_bias_in_front_of_batch_normalization_whose_gradient_is_rounding_noise_is_no_difference(kind):
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, rng=0), tg.nn.BatchNorm1d(4), tg.nn.ReLU(), tg.nn.Linear(4, 1, rng=2))
    optimizer = kind(model.parameters(), lr=0.01)
    x = np.random.default_rng(0).normal(size=(8, 3))

    @tg.jit(check=1)
    def step(x):
        loss = tg.mse_loss(model(x), x.sum(1, keepdims=True))
        optimizer.minimize(loss)
        return loss

    losses = [step(x).item() for _ in range(6)]
    assert losses[-1] < losses[0]


def test_another_difference_of_what_an_optimizer_keeps_is_named(tmp_path):
    w = tg.Tensor([1.0, 2.0], label="w")
    optimizer, factor = tg.optim.Rprop([w]), tmp_path / "factor"

    @tg.jit
    def step():
        optimizer.minimize(np.sum(w * w))
        optimizer.state["step"][0] *= float(factor.read_text("utf-8"))

    factor.write_text("1", "utf-8")
    step()
    factor.write_text("2", "utf-8")
    with pytest.raises(tg.JitError, match=r"the step of w is .* at a replay"):
        step()


@pytest.mark.parametrize(
    "write", [lambda g: g.__imul__(0.5), lambda g: g.__setitem__(0, 5.0), lambda g: g[1:].fill(0.0)]
)
def test_a_gradient_that_was_broadcast_may_be_written_into(write):
    w, v = tg.Tensor(np.ones(3)), tg.Tensor(np.ones(2))

    def step(x):
        w.zero_grad(), v.zero_grad()
        (w.sum() * x.sum() * v.sum()).backward()
        write(w.grad)
        return v.grad

    jitted = tg.jit(step)
    for i in range(4):
        y, g = jitted(np.full(3, i)), w.grad
        np.testing.assert_array_equal(y, step(np.full(3, i)))
        np.testing.assert_array_equal(g, w.grad)


def test_several_steps_in_a_call_after_a_parameter_was_frozen():
    def run(jit):
        model = tg.nn.MLP([3, 4, 1], rng=0)
        opt, params = tg.optim.Adam(model.parameters(), lr=0.05), model.parameters()

        @jit
        def epoch(batches):
            for x in batches:
                opt.minimize((model(x) ** 2).mean())

        for i in range(9):
            params[0].requires_grad = i % 6 > 2
            epoch([np.full((2, 3), i), np.full((2, 3), i + 0.5)])
        assert jit is not tg.jit or epoch.cache_info()[:2] == (3, 3)
        return [*[p.data for p in params], *opt.state["m"], opt.missed]

    for a, b in zip(run(tg.jit), run(lambda f: f), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_step_recorded_while_the_loss_was_not_finite_trains_when_it_is():
    w = tg.Tensor(np.ones(2))

    @tg.jit
    def step(x):
        w.zero_grad()
        np.sum(w * x).backward()
        if all_finite(w.grad):
            w.data -= w.grad

    for last in (np.inf, 2.0):
        step(np.array([1.0, last]))
    np.testing.assert_array_equal(w.data, [0, -1])


def test_a_constant_tensor_is_written_into_an_array():
    """A running mean, as in the BatchNorm that people write for themselves."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(3, 2)), tg.Tensor(np.ones(2))

    def trained(jit):
        mean, last = tg.Tensor(np.zeros(2), requires_grad=False), np.zeros(2)

        def step(x):
            y = x * w
            with tg.no_grad():
                mean.data[...] = 0.9 * mean + 0.1 * y
            last[0] = y.detach()[1]
            return np.sum(y**2)

        called = tg.jit(step) if jit else step
        return [float(called(row)) for row in x], mean.data, last

    for found, expected in zip(trained(jit=True), trained(jit=False), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_gradient_of_an_embedding_is_recorded():
    def train(jit):
        w, i = tg.Tensor(np.ones((4, 10))), np.arange(192).reshape(64, 3) % 3
        opt = tg.optim.SGD([w], lr=0.001)
        step = jit(lambda i: opt.minimize(np.square(w[i].reshape(64, 30)).sum()))
        for _ in range(3):
            step(i)
        return w.data

    np.testing.assert_array_equal(train(tg.jit), train(lambda f: f))
