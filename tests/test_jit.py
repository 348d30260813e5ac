"""jit: results and changes of a replay, reasons to record again, and errors."""

import copy
import enum
import functools
import pickle
import queue
import random
import re
import threading
import tracemalloc
import warnings
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from checks import message
from hypothesis import settings

import tinygrad_edu as tg
from tinygrad_edu.jit import JitError
from tinygrad_edu.jit.passes import NAMES
from tinygrad_edu.trace.opening import open_calls

X = np.random.default_rng(0).uniform(-1, 1, (20, 3))
T = np.sin(X[:, :1]) - X[:, 1:2]


def training(optimizer, jit=None, seed=0, dtype=None):
    """Return a model, its optimizer, and a training step."""
    model = tg.nn.MLP([3, 8, 4, 1], activation="tanh", rng=seed)
    opt = optimizer(model.parameters())

    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    return model, opt, step if jit is None else tg.jit(step, optimize=jit)


OPTIMIZERS = [
    lambda ps: tg.optim.SGD(ps, lr=0.1),
    lambda ps: tg.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    lambda ps: tg.optim.Adam(ps, lr=0.01, weight_decay=1e-3),
    lambda ps: tg.optim.AdamW(ps, lr=0.01, weight_decay=0.1),
    lambda ps: tg.optim.Adagrad(ps, lr=0.05, lr_decay=0.1, weight_decay=1e-3),
    lambda ps: tg.optim.RMSprop(ps, lr=0.01, momentum=0.5, centered=True, weight_decay=1e-3),
    lambda ps: tg.optim.SGD([{"params": ps[:1], "lr": 0.05}, {"params": ps[1:], "momentum": 0.9}], lr=0.1),
]


STEPS = 200
FEWER = 24 if settings.default.max_examples <= 25 else STEPS  # with one optimization alone


def trained(optimizer, steps, optimize=None):
    """Return the losses of all steps, what they left in arrays, and the step."""
    model, opt, step = training(optimizer, optimize)
    losses = [float(step(*((X, T) if i % 3 else (X[:13] * 0.5, T[:13])))) for i in range(steps)]
    assert opt.steps == steps
    return losses, [(p.data, p.grad) for p in model.parameters()], opt.state, step


eagerly = functools.cache(trained)


@pytest.mark.parametrize("optimize", [True, False, *[(name,) for name in NAMES]])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_end_where_the_eager_ones_end(optimizer, optimize):
    steps = STEPS if optimize in (True, False) else FEWER
    losses, parameters, state, _ = eagerly(optimizer, steps)
    found, others, other_state, jitted = trained(optimizer, steps, optimize)
    np.testing.assert_allclose(found, losses, rtol=1e-11)
    assert jitted.cache_info().misses <= 3
    for (p, g), (q, h) in zip(parameters, others, strict=True):
        np.testing.assert_allclose(q, p, rtol=1e-11)
        np.testing.assert_allclose(h, g, rtol=1e-9, atol=1e-12)
    assert state.keys() == other_state.keys()
    for name, arrays in state.items():
        for a, b in zip(arrays, other_state[name], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-14)


def test_functions_give_what_they_give_eagerly():
    def f(x, parts, scale):
        y = np.sin(x) * parts["w"][0] + parts["b"]
        return {"sum": np.sum(y), "all": [y, (scale, x)]}

    args = X, {"w": [np.arange(3.0)], "b": 2.0}, 3
    jitted = tg.jit(f)
    for factor in (1.0, 2.0, 3.0):
        x = X * factor
        given, expected = jitted(x, *args[1:]), f(x, *args[1:])
        assert given["all"][1][0] == 3
        np.testing.assert_allclose(given["sum"], expected["sum"], rtol=1e-13)
        np.testing.assert_array_equal(given["all"][0], expected["all"][0])
        np.testing.assert_array_equal(given["all"][1][1], x)
    assert jitted.cache_info()[:2] == (2, 1)


def test_transforms_are_recorded_too():
    def bowl(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = np.random.default_rng(0).standard_normal(6)
    for transform in (tg.grad, tg.value_and_grad, tg.hessian, tg.jacobian):
        f = transform(bowl)
        jitted = tg.jit(f)
        for at in (x, 2 * x, x - 1):
            for given, expected in zip(jitted(at), f(at), strict=True):
                np.testing.assert_allclose(given, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, n: (x[:2], n), lambda x, n: (x.astype(np.float32), n), lambda x, n: (x, n + 1), lambda x, n: (x, 2.0),
        lambda x, n: (tg.Tensor(x), n), lambda x, n: (x[0, 0], n), lambda x, n: ([x], n),
    ],
)  # fmt: skip
def test_other_shapes_dtypes_kinds_and_plain_arguments_are_recorded_anew(change):
    def f(x, n):
        return np.sum(np.exp(x[0] if isinstance(x, list) else x) * n)

    jitted = tg.jit(f)
    assert float(jitted(X, 2)) == float(f(X, 2))
    other = change(X, 2)
    assert float(jitted(*other)) == pytest.approx(float(f(*other)), rel=1e-6)
    assert jitted.cache_info().misses == 2
    jitted(X, 2)
    jitted(*other)
    assert jitted.cache_info().misses == 2


def test_the_cache_is_bounded():
    jitted = tg.jit(lambda x: x * 2)
    for n in range(1, 40):
        jitted(np.ones(n))
    assert jitted.cache_info().currsize == jitted.cache_info().maxsize < 39


def arrays(results):
    return [y.data if isinstance(y, tg.Tensor) else y for y in results]


def test_returned_arrays_are_never_written_into_later():
    jitted = tg.jit(lambda x: (x * 2, x.T, x, np.sum(x, axis=0), tg.Tensor(x) + 1))
    first = jitted(X)
    jitted(X)
    kept = [y.copy() for y in arrays(jitted(X))]
    later = jitted(X)
    jitted(X + 1)
    for y, before in zip(arrays(later), kept, strict=True):
        np.testing.assert_array_equal(y, before)
    assert not np.may_share_memory(later[2], X)
    assert not np.may_share_memory(first[1], X)


def test_parameters_gradients_and_optimizers_keep_their_identity():
    model, opt, step = training(OPTIMIZERS[2], True)
    for _ in range(3):
        step(X, T)
    p = model.parameters()[0]
    array, state = p.data, opt.state["m"][0]
    before = array.copy()
    step(X, T)
    assert p.data is array
    assert opt.state["m"][0] is state
    assert not np.array_equal(array, before)
    assert opt.steps == 4
    eager, _, go = training(OPTIMIZERS[2])
    for _ in range(4):
        go(X, T)
    np.testing.assert_allclose(p.grad, eager.parameters()[0].grad, rtol=1e-9)


def test_an_array_that_other_code_holds_is_not_moved():
    model, _, step = training(OPTIMIZERS[0], True)
    weight = model.layers[0].weight
    held = weight.data
    for _ in range(3):
        step(X, T)
    assert weight.data is held


def test_eager_and_replayed_steps_can_take_turns():
    model, opt, jitted = training(OPTIMIZERS[2], True)
    other, _, step = training(OPTIMIZERS[2])
    for i in range(6):
        (jitted if i % 2 else jitted._fun)(X, T)
        step(X, T)
        if i == 3:
            tg.optim.clip_grad_norm(model.parameters(), 1e-3)
            opt.zero_grad()
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10)


@pytest.mark.parametrize(
    "between",
    [
        lambda ps: tg.optim.clip_grad_norm(ps, 1e-3),
        lambda ps: tg.optim.clip_grad_value(ps, 1e-3),
        lambda ps: [setattr(p, "grad", np.multiply(p.grad, 0.1, dtype=np.float64)) for p in ps],
    ],
)
def test_gradients_may_be_changed_before_the_step(between):
    found = []
    for jit in (False, True):
        model, opt, _ = training(OPTIMIZERS[0])

        def step(x, t, model=model, opt=opt):
            opt.zero_grad()
            tg.mse_loss(model(x), t).backward()
            given = between(model.parameters())
            opt.step()
            return given

        run = tg.jit(step) if jit else step
        given = [run(X, T) for _ in range(5)][-1]
        found.append([given if type(given) is float else 0.0, *[p.data for p in model.parameters()]])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12)


def test_a_gradient_that_is_not_finite_is_refused_at_a_replay_too():
    x = tg.Tensor([1.0], label="x")
    opt = tg.optim.SGD([x], lr=0.1)

    @tg.jit
    def step(scale):
        opt.zero_grad()
        (x * scale).sum().backward()
        tg.optim.clip_grad_norm([x], 1.0)
        opt.step()

    step(np.array([2.0]))
    step(np.array([2.0]))
    before = x.data.copy()
    with pytest.raises(ValueError, match=r"gradient of parameter 0 'x'.*not finite"):
        step(np.array([np.inf]))
    assert (x.data == before).all()
    assert opt.steps == 2


def test_learning_rate_and_data_are_read_anew():
    model, opt, step = training(OPTIMIZERS[0], True)
    step(X, T)
    step(X, T)
    opt.lr = 0.0
    before = [p.data.copy() for p in model.parameters()]
    step(X, T)
    for p, b in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, b)
    model.load_state_dict({k: v * 0 for k, v in model.state_dict().items()})
    assert float(step(X, T)) == pytest.approx(np.mean(T * T))
    model.parameters()[-1].data = np.array([1.0])  # a different array
    assert float(step(X, T)) == pytest.approx(np.mean((1 - T) ** 2))


def test_a_rate_may_be_computed_from_itself_and_from_the_count_of_steps():
    x = tg.Tensor([1.0, 2.0])
    opt = tg.optim.SGD([x], lr=1.0)

    def step():
        opt.minimize(np.sum(x * x))
        opt.lr = opt.lr / (1 + opt.steps)

    jitted = tg.jit(step)
    rates = []
    for _ in range(4):
        jitted()
        rates.append(opt.lr)
    np.testing.assert_allclose(rates, [1 / 2, 1 / 6, 1 / 24, 1 / 120])


SCHEDULES = [
    lambda opt: tg.optim.lr_scheduler.StepLR(opt, 2, 0.5),
    lambda opt: tg.optim.lr_scheduler.ExponentialLR(opt, 0.9),
    lambda opt: tg.optim.lr_scheduler.CosineAnnealingLR(opt, 5, 0.001),
    lambda opt: tg.optim.lr_scheduler.LinearWarmup(opt, 4),
    lambda opt: tg.optim.lr_scheduler.OneCycleLR(opt, 0.1, 8),
    lambda opt: tg.optim.lr_scheduler.LinearWarmup(opt, 3, then=tg.optim.lr_scheduler.ExponentialLR(opt, 0.9)),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_is_a_part_of_the_step(schedule):
    rates = []
    for jit in (None, True):
        _, opt, step = training(OPTIMIZERS[2], None)
        scheduler = schedule(opt)

        def both(x, t, step=step, scheduler=scheduler):
            loss = step(x, t)
            scheduler.step()
            return loss

        run = tg.jit(both) if jit else both
        history = []
        for _ in range(7):
            history.append((opt.lr, float(run(X, T))))
            assert type(opt.lr) is float
        rates.append(history)
        assert scheduler.epoch == 7
        assert not jit or run.cache_info().misses == 1
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-9)
    assert len({rate for rate, _ in rates[0]}) > 3


def test_plain_attributes_of_modules_and_optimizers_are_part_of_what_is_recorded():
    class Doubling(tg.nn.Module):
        factor = 2.0

        def forward(self, x):
            return x * self.factor if self.training else x

    module = Doubling()
    jitted = tg.jit(module)
    assert jitted(X)[0, 0] == jitted(X)[0, 0] == 2 * X[0, 0]
    module.factor = 3.0
    assert jitted(X)[0, 0] == 3 * X[0, 0]
    module.eval()
    assert jitted(X)[0, 0] == X[0, 0]
    model, opt, step = training(OPTIMIZERS[1], True)
    step(X, T)
    opt.momentum = 0.5
    step(X, T)
    assert step.cache_info().misses == 2
    frozen, *others = model.parameters()
    before, moved = frozen.data.copy(), others[0].data.copy()
    frozen.requires_grad = False
    step(X, T)
    np.testing.assert_array_equal(frozen.data, before)
    assert (others[0].data != moved).any()


SCALE = 2.0


def scaled(x):
    return x * SCALE


def test_variables_that_it_closes_over_or_calls_by_name_are_part_of_what_is_recorded(monkeypatch):
    shift, data = 1.0, np.ones(3)

    def f(x):
        return scaled(x) + shift + data

    jitted = tg.jit(tg.grad(lambda x: np.sum(f(x) * x)))
    x = np.arange(3.0)
    np.testing.assert_array_equal(jitted(x), 4 * x + 2)
    shift = 3.0
    np.testing.assert_array_equal(jitted(x), 4 * x + 4)
    data = np.zeros(3)
    np.testing.assert_array_equal(jitted(x), 4 * x + 3)
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    np.testing.assert_array_equal(jitted(x), 10 * x + 3)
    monkeypatch.setitem(globals(), "scaled", np.negative)
    np.testing.assert_array_equal(jitted(x), -2 * x + 3)
    assert jitted.cache_info().misses == 5
    jitted(x)
    assert jitted.cache_info().misses == 5


class Settings:
    factor = 2.0

    def __init__(self):
        self.scale, self.inner, self.table = 1.0, SimpleNamespace(shift=0.5), {"power": [2.0, 3.0]}

    def scaled(self, x):
        return x * self.scale * self.factor + self.inner.shift + self.powered(x)

    def powered(self, x):
        return x ** self.table["power"][0] * SETTING

    @property
    def mask(self):
        return self.kept if hasattr(self, "kept") else 1.0


SETTING = 1.0


@pytest.mark.parametrize("fun", [lambda s: s.scaled, lambda s: lambda x: s.scaled(x) * s.mask])
def test_another_value_of_whatever_the_function_uses_is_noticed(fun, monkeypatch):
    settings = Settings()
    f = fun(settings)
    jitted = tg.jit(f)
    jitted(X)
    for change in (
        lambda: setattr(settings, "scale", 3.0),
        lambda: setattr(settings.inner, "shift", -1.0),
        lambda: settings.table["power"].__setitem__(0, 4.0),
        lambda: settings.table.update(power=[1.0]),
        lambda: monkeypatch.setattr(Settings, "factor", 5.0),
        lambda: setattr(settings, "factor", 7.0),
        lambda: monkeypatch.setitem(globals(), "SETTING", 9.0),
        lambda: monkeypatch.setattr(Settings, "powered", lambda self, x: x),
    ):
        change()
        for _ in range(2):
            np.testing.assert_allclose(jitted(X), f(X), rtol=1e-12)
    assert jitted.cache_info()[:2] == (8, 9)


def counting():
    count, log, settings = 0, [], Settings()

    def counter(x):
        nonlocal count
        count += 1
        return x

    def appending(x):
        log.append(x * 2)
        return x

    def setting(x):
        settings.scale = x
        return x

    return counter, appending, setting


@pytest.mark.parametrize("f", counting())
def test_changes_that_a_replay_would_not_repeat_are_refused(f):
    assert "was changed, which would not happen at later calls" in message(JitError, lambda: tg.jit(f)(X))


def test_lists_of_parameters_that_it_closes_over_are_the_same_at_the_next_call():
    params = [tg.Tensor([1.0]), tg.Tensor([2.0])]
    jitted = tg.jit(lambda x: x * params[0] + params[1])
    for _ in range(3):
        jitted(X)
    assert jitted.cache_info()[:2] == (2, 1)


def test_random_numbers_are_drawn_anew_and_are_those_of_the_eager_run():
    class Noise(tg.nn.Module):
        def __init__(self, seed):
            self.rng = np.random.default_rng(seed)

        def forward(self, x):
            return x + self.rng.normal(0.0, 1.0, x.shape)

    rng, other = np.random.default_rng(1), np.random.default_rng(1)

    def closing_over(x):
        return x * rng.random(x.shape)

    jitted = tg.jit(closing_over)
    drawn = [jitted(X) for _ in range(3)]
    for y in drawn:
        np.testing.assert_array_equal(y, X * other.random(X.shape))
    module, expected = tg.jit(Noise(2)), Noise(2)
    for _ in range(3):
        np.testing.assert_array_equal(module(X), expected(X))
    given = tg.jit(lambda x, generator: x + generator.standard_normal(3))
    a, b = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(3):
        np.testing.assert_array_equal(given(X, a), X + b.standard_normal(3))


NOISE = np.random.default_rng(4)
SEVERAL = {"noise": [np.random.default_rng(5)]}


def noisy(x):
    def inner():
        return NOISE.normal(size=3)

    return x + inner()


class Noisy:
    def __init__(self):
        self.rng = np.random.default_rng(6)

    def method(self, x):
        return x + self.rng.normal(size=3)

    __call__ = method


@dataclass(frozen=True, slots=True)
class Frozen:
    rng: np.random.Generator
    scale: float = 2.0

    def __call__(self, x):
        return x + self.scale * self.rng.normal(size=3)


HELD = Noisy()


@pytest.mark.parametrize(
    "f",
    [
        noisy,
        HELD,
        HELD.method,
        lambda x: HELD.method(x) * 2,
        lambda x: x * HELD.rng.random(3),
        Noisy().method,
        lambda x: x + SEVERAL["noise"][0].normal(),
        lambda x, rng=SEVERAL["noise"][0]: x + rng.normal(),
    ],
)
def test_a_generator_that_a_variable_or_an_attribute_holds_is_drawn_from_anew(f):
    rngs = [NOISE, HELD.rng, SEVERAL["noise"][0], getattr(getattr(f, "__self__", HELD), "rng", HELD.rng)]
    states = [rng.bit_generator.state for rng in rngs]
    expected = [f(X) for _ in range(3)]
    for rng, state in zip(rngs, states, strict=True):
        rng.bit_generator.state = state
    jitted = tg.jit(f)
    np.testing.assert_array_equal([jitted(X) for _ in range(3)], expected)
    assert type(NOISE) is type(HELD.rng) is np.random.Generator


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + np.random.rand(312),  # noqa: NPY002 (after which it stands where it stood, in the next 624 numbers)
        lambda x: x + random.random(),
        lambda x: x[NOISE.shuffle([0, 1, 2])],
    ],
)
def test_random_numbers_that_would_be_the_same_at_every_call_are_refused(f):
    said = message(JitError, lambda: tg.jit(f)(np.zeros(312)))
    assert "default_rng" in said or "permutation" in said


BATCHES = iter([X] * 9)


class Loader:
    def __init__(self):
        self.batches = iter([X] * 9)

    def __call__(self, x):
        return x + next(self.batches)


class LoadingModule(tg.nn.Module):
    def __init__(self):
        self.batches = iter([X] * 9)

    def forward(self, x):
        return x + next(self.batches)


@pytest.mark.parametrize(
    "f", [lambda x: x + next(BATCHES), lambda x: sum(b + x for b in BATCHES), Loader(), LoadingModule()]
)
def test_the_next_of_an_iterator_is_refused(f):
    assert "next()" in message(JitError, lambda: tg.jit(f)(X))
    assert "next()" in message(JitError, lambda: tg.jit(lambda x, more: x + next(more))(X, iter([X])))
    assert BATCHES.__length_hint__() == 9


def test_an_error_that_the_function_swallows_is_raised_all_the_same():
    def f(x):
        try:
            scale = float(np.sum(x))
        except Exception:
            scale = 1.0
        return x * scale

    assert "float()" in message(JitError, lambda: tg.jit(f)(X))


def test_a_normal_number_that_lies_ready_is_missed_when_it_is_gone():
    np.random.seed(0)  # noqa: NPY002 (NumPy makes two at a time, and keeps the second)
    np.random.randn()  # noqa: NPY002
    assert "default_rng" in message(JitError, lambda: tg.jit(lambda x: x + np.random.randn())(X))  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    np.random.randn()  # noqa: NPY002
    state, _ = np.random.get_state(), np.random.randn()  # noqa: NPY002
    tg.jit(lambda x: x + 1)(X)
    np.random.set_state(state)  # noqa: NPY002 (the number lies ready again)
    assert "default_rng" in message(JitError, lambda: tg.jit(lambda x: x + np.random.randn())(X))  # noqa: NPY002


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64])
def test_draws_from_np_random_are_noticed_and_taken_back_whatever_its_bit_generator(kind):
    before = np.random.get_bit_generator()
    np.random.set_bit_generator(kind(0))
    try:
        for _ in range(3):  # the second number of a pair is one that is kept
            expected = np.random.RandomState(copy.deepcopy(np.random.get_bit_generator())).rand()
            assert "default_rng" in message(JitError, lambda: tg.jit(lambda x: x + np.random.randn())(X))  # noqa: NPY002
            assert np.random.RandomState(copy.deepcopy(np.random.get_bit_generator())).rand() == expected
            np.random.randn()  # noqa: NPY002
    finally:
        np.random.set_bit_generator(before)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: float(np.sum(x)), "float()"),
        (lambda x: np.sum(x).item(), ".item()"),
        (lambda x: x.tolist(), ".tolist()"),
        (lambda x: x if np.sum(x) > 0 else -x, "np.where"),
        (lambda x: x[x > 0], "mask"),
        (lambda x: np.asarray(x), "a plain array"),
        (lambda x: np.add(x, 1, out=np.zeros((20, 3))), "out="),
        (lambda x: float(tg.Tensor(x).sum()), "float()"),
        (lambda x: tg.Tensor(x)[tg.Tensor(x) > 0], "mask"),
    ],
)
def test_a_value_taken_out_of_the_recording_is_refused_with_the_line(f, words):
    text = message(JitError, lambda: tg.jit(f)(X))
    assert words in text
    assert "test_jit.py:" in text


def test_a_rate_set_to_a_number_is_refused():
    x = tg.Tensor([1.0])
    opt = tg.optim.SGD([x], lr=1.0)

    def step():
        opt.lr = 0.1

    assert "the same at every call" in message(JitError, lambda: tg.jit(step)())
    assert opt.lr == 1.0


def test_a_recording_that_fails_changes_nothing():
    model, opt, step = training(OPTIMIZERS[2])

    def failing(x, t):
        step(x, t)
        raise RuntimeError("after the update")

    before = model.state_dict()
    with pytest.raises(RuntimeError, match="after the update"):
        tg.jit(failing)(X, T)
    assert opt.steps == 0
    assert all(p.grad is None for p in model.parameters())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    step(X, T)
    assert opt.steps == 1


def test_a_call_that_fails_before_its_update_changes_nothing():
    logits = tg.Tensor(np.zeros((4, 3)))
    opt = tg.optim.Adam([logits], lr=0.1)

    @tg.jit
    def step(classes):
        loss = tg.cross_entropy(logits * 1.0, classes)
        opt.minimize(loss)
        return loss

    step(np.array([0, 1, 2, 0]))
    step(np.array([0, 1, 2, 1]))
    before, m = logits.data.copy(), opt.state["m"][0].copy()
    with pytest.raises(ValueError, match="class numbers go from 0 to 2"):
        step(np.array([0, 1, 3, 0]))
    np.testing.assert_array_equal(logits.data, before)
    np.testing.assert_array_equal(opt.state["m"][0], m)
    assert opt.steps == 2


def test_where_no_gradient_arrives_none_leaves():
    f = tg.jit(tg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0))))
    np.testing.assert_array_equal(f(np.array([1.0, 4.0])), [0.5, 0.25])
    np.testing.assert_array_equal(f(np.array([0.0, 4.0])), [0, 0.25])  # sqrt has an infinite slope there
    np.testing.assert_array_equal(f(np.array([1.0, 4.0])), [0.5, 0.25])


def test_gradients_add_up_if_they_are_not_cleared():
    w = tg.Tensor([1.0, 2.0])
    other = tg.Tensor([1.0, 2.0])

    def step(x, w=w):
        np.sum(w * w * x).backward()

    jitted = tg.jit(step)
    for i in range(4):
        jitted(np.array([1.0, i]))
        step(np.array([1.0, i]), other)
        np.testing.assert_allclose(w.grad, other.grad)
    kept = w.grad
    before = kept.copy()
    jitted(np.array([1.0, 1.0]))
    np.testing.assert_array_equal(kept, before)


def test_tensors_among_the_arguments_are_updated_and_get_gradients():
    def step(p, x):
        loss = np.sum((p * x) ** 2)
        loss.backward()
        p.data -= 0.1 * p.grad
        return loss

    jitted = tg.jit(step)
    for start in ([1.0, 2.0], [3.0, -1.0]):
        p, q = tg.Tensor(start), tg.Tensor(start)
        for _ in range(3):
            p.zero_grad()
            q.zero_grad()
            x = np.array([0.5, 2.0])
            assert float(jitted(p, x)) == pytest.approx(float(step(q, x)))
            np.testing.assert_allclose(p.data, q.data)
            np.testing.assert_allclose(p.grad, q.grad)
    assert jitted.cache_info().misses == 1


def test_values_are_swapped_and_old_ones_returned_as_in_the_eager_run():
    a, b = tg.Tensor([1.0, 2.0], requires_grad=False), tg.Tensor([3.0, 4.0], requires_grad=False)

    @tg.jit
    def swap():
        old = a.data * 1
        first = +a.data
        a.data[...] = b.data
        b.data[...] = first
        return old, a

    for i in range(4):
        before = a.data.copy()
        old, same = swap()
        assert same is a
        np.testing.assert_array_equal(old, before)
        assert a.data.tolist() == ([3, 4] if i % 2 == 0 else [1, 2])


def test_views_see_what_is_written():
    def f(x):
        y = x * 1.0
        row, turned = y[0], y.T
        y[0, 1] = 10.0
        row += 1
        turned[2, 0] = -5.0
        np.add.at(y.reshape(-1), np.array([0, 0]), 2.0)
        return y, row + 0, turned * 1

    jitted = tg.jit(f)
    for x in (X[:2], X[2:4]):
        for given, expected in zip(jitted(x), f(x), strict=True):
            np.testing.assert_array_equal(given, expected)


def test_within_another_recording_a_jitted_function_is_a_part_of_it():
    inner = tg.jit(lambda x: np.exp(x))
    outer = tg.jit(tg.grad(lambda x: np.sum(inner(x) * x)))
    for x in (X, X + 1):
        np.testing.assert_allclose(outer(x), np.exp(x) * (x + 1), rtol=1e-13)


def test_threads_replay_and_record_at_once():
    jitted = tg.jit(tg.value_and_grad(lambda x: np.sum(np.tanh(x) * x)))
    failures = []

    def run(seed):
        rng = np.random.default_rng(seed)
        for i in range(60):
            x = rng.standard_normal((seed % 3 + 2, 50 + i % 4))
            value, slope = jitted(x)
            np.testing.assert_allclose(value, np.sum(np.tanh(x) * x), rtol=1e-12)
            np.testing.assert_allclose(slope, np.tanh(x) + x / np.cosh(x) ** 2, rtol=1e-9)

    def guarded(seed):
        try:
            run(seed)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_shapes_that_several_threads_record_at_once_count_once():
    """Else 6 shapes in 8 threads count as up to 48 new ones, and the function runs without jit."""
    barrier = threading.Barrier(8)

    @tg.nondifferentiable
    @tg.primitive
    def met(x):
        with suppress(threading.BrokenBarrierError):
            barrier.wait(0.5)
        return x

    jitted = tg.jit(lambda x: np.sum(met(x)))
    threads = [threading.Thread(target=lambda: [jitted(np.ones(n)) for n in range(1, 7)]) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert jitted.cache_info().misses + jitted.cache_info().hits == 48
    misses = jitted.cache_info().misses
    jitted(np.ones(9))
    assert jitted.cache_info().misses == misses + 1  # a new shape is still recorded


def test_two_recordings_train_at_once_as_they_do_one_after_the_other():
    pairs = [training(OPTIMIZERS[2], True, seed) for seed in range(2)]
    alone = [training(OPTIMIZERS[2], True, seed) for seed in range(2)]
    threads = [threading.Thread(target=lambda step=s: [step(X, T) for _ in range(50)]) for _, _, s in pairs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for (model, _, _), (other, _, step) in zip(pairs, alone, strict=True):
        for _ in range(50):
            step(X, T)
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.filterwarnings("ignore")  # where warnings are errors, a replay keeps copies to undo an update
def test_a_replay_allocates_only_its_results_and_gradients():
    model = tg.nn.MLP([20, 128, 64, 1], rng=0)
    opt = tg.optim.Adam(model.parameters(), lr=0.01)

    @tg.jit
    def step(x, t):
        loss = tg.mse_loss(model(x), t)
        opt.minimize(loss)
        return loss

    x = np.random.default_rng(0).standard_normal((1000, 20))
    for _ in range(3):
        step(x, x[:, :1])

    def replay():
        """Return by how many bytes memory grew at most, and at the end; another thread may add to either."""
        tracemalloc.start()
        step(x, x[:, :1])
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(5):
            step(x, x[:, :1])
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak - before, now - before

    peaks, ends = zip(*[replay() for _ in range(3)], strict=True)
    # NumPy itself uses two buffers of 8,192 numbers to add a bias, and the gradients need 89,000 bytes; one activation
    # would need 1,000,000 bytes.
    assert min(peaks) < 230_000
    assert min(ends) < 1000


def in_place(x):
    x += 1
    return x.sum()


def at_a_place(x):
    x[0] = 5
    return np.multiply(x, 2, out=x) + 1


def by_a_view(x):
    x.T[0] = 7
    row = x.T[1:][0]
    x *= 2
    return row * 1


def in_a_copy(x):
    flat = x.T.ravel()  # a copy, because the memory order differs
    flat += 1
    return flat


@pytest.mark.parametrize("f", [in_place, at_a_place, by_a_view, in_a_copy])
@pytest.mark.parametrize("tensor", [False, True])
def test_writes_into_arguments_are_kept(f, tensor):
    start = np.arange(6.0).reshape(2, 3)
    given, expected = tg.Tensor(start) if tensor else start.copy(), start.copy()
    jitted = tg.jit(lambda t: f(t.data)) if tensor else tg.jit(f)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(given), f(expected))
        np.testing.assert_array_equal(given.data if tensor else given, expected)
    assert jitted.cache_info().hits == 2


@pytest.mark.parametrize(
    "shared", [np.flip, np.rot90, np.diagonal, lambda x: np.split(x, 2)[0], lambda x: np.broadcast_to(x, (4, 2, 3))]
)
def test_views_see_writes_and_pass_none_on(shared):
    def read(x):
        y = shared(x)
        x *= 2
        return y * 1

    def written(x):
        shared(x)[...] += 1
        return x * 1

    given, expected, jitted = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3), tg.jit(read)
    for _ in range(3):
        np.testing.assert_array_equal(jitted(given), read(expected))
        np.testing.assert_array_equal(given, expected)
    error = (ValueError, tg.JitError)  # NumPy's for views that are read-only
    assert re.search("read-only|made was written into", message(error, lambda: tg.jit(written)(given)))
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("order", "CFAK")
@pytest.mark.parametrize("optimize", [True, False, ("memory",)])
def test_the_order_of_elements_is_that_of_the_eager_run(order, optimize):
    for axes in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]:

        def f(x, axes=axes):
            y = np.transpose(x, axes) * 2
            return np.ravel(y, order) + np.reshape(y, -1, "C" if order == "K" else order)

        x = np.arange(24.0).reshape(2, 3, 4)
        jitted = tg.jit(f, optimize=optimize)
        for given in (x, -x, x + 1):
            np.testing.assert_array_equal(jitted(given), f(given))


def test_new_data_does_not_change_the_old_array():
    def step(p, q):
        p.data, q.data = q.data.copy(), p.data.T.copy()
        old = p.data
        p.data = old.T * 2 + q.data
        q.data = old[::-1] - q.data[:, ::-1]

    pairs = [[tg.Tensor(np.arange(9.0).reshape(3, 3) * k) for k in (1, -2)] for _ in range(2)]
    jitted = tg.jit(lambda: step(*pairs[0]))
    for _ in range(3):
        jitted()
        step(*pairs[1])
        for given, expected in zip(*pairs, strict=True):
            np.testing.assert_array_equal(given.data, expected.data)
    assert jitted.cache_info().hits == 2


def test_data_that_two_tensors_would_share_is_refused():
    p, q = tg.Tensor([1.0, 2.0], label="p"), tg.Tensor([3.0, 4.0])
    for data in (lambda: q.data, lambda: q.data[::-1]):

        def step(data=data):
            p.data = data()

        assert "'p'.data = ..." in message(JitError, tg.jit(step))
    np.testing.assert_array_equal(p.data, [1.0, 2.0])


@pytest.mark.parametrize("x", [np.array(0.5), np.array([0.5, 2.0]), np.array([[0.5, 2.0]], np.float32)])
def test_results_are_of_the_types_that_they_are_of_eagerly(x):
    def f(x):
        return np.sum(np.sin(x) * x)

    both, plain = tg.value_and_grad(f), tg.jit(f)
    jitted = tg.jit(both)
    for _ in range(3):
        for given, expected in zip(jitted(x), both(x), strict=True):
            assert type(given) is type(expected) is np.ndarray
            assert (given.shape, given.dtype) == (expected.shape, expected.dtype)
        assert type(plain(x)) is type(f(x))


def test_numbers_that_lie_in_arrays_are_read_before_the_arrays_serve_others():
    def f(x):
        values = [x, np.ravel(x)]
        for more in (None, None, np.ravel, None):
            values.append(more(x) if more else sum(np.sum(np.tanh(v)) for v in values) / 9)
        return sum(np.sum(np.cos(0.3 * i) * v) for i, v in enumerate(values))

    slope, jitted = tg.grad(f), tg.jit(tg.grad(f))
    for x in np.array([0.4, 0.3, -1.2]):
        assert float(jitted(np.array(x))) == pytest.approx(float(slope(np.array(x))), rel=1e-13)


def test_large_arrays_are_computed_to_the_same_numbers():
    x = np.random.default_rng(0).standard_normal(300_001)
    f = tg.value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(x) * x))
    jitted = tg.jit(f)
    jitted(x)
    value, slope = jitted(2 * x)
    expected, expected_slope = f(2 * x)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_source_runs_by_itself_to_the_same_numbers(optimizer):
    _, opt, step = training(optimizer, True)
    for _ in range(3):
        step(X, T)
    source = step._recordings[0].readable(open_calls)
    assert "tinygrad" not in source.whole.replace("tinygrad_edu/", "")
    scope = {}
    exec(source.whole, scope)
    names, program = source.names, source.program
    arrays = {names[v]: v.source.array for v in program.states}
    given = source.values | {name: a.copy() for name, a in arrays.items()}
    given |= {names[v]: getattr(v.source.owner, v.source.attribute) for v in program.settings}
    given |= dict(zip(map(names.get, program.inputs), (X, T), strict=True))
    loss, numbers = scope["step"](**given)
    assert float(loss) == pytest.approx(float(step(X, T)), rel=1e-12)
    assert numbers == {"steps": opt.steps}
    for name, array in arrays.items():
        np.testing.assert_allclose(given[name], array, rtol=1e-12, atol=1e-15)


def test_the_source_reads_what_it_writes_into_in_time():
    p, q, r = (tg.Tensor(np.arange(3.0) + k, label=name) for k, name in enumerate("pqr"))

    @tg.jit
    def step(x):
        old = p.data.copy()
        p.data, q.data = q.data.copy(), p.data.copy()
        r.data = p.data * x + old
        p.data += r.data * 0.5
        x *= 2
        return old

    x = np.array([1.0, -2.0, 3.0])
    for _ in range(3):
        given = {"p": p.data.copy(), "q": q.data.copy(), "r": r.data.copy(), "x": x.copy()}
        old = step(x)
        scope = {}
        exec(step.source, scope)
        np.testing.assert_array_equal(scope["step"](**given), old)
        for name, array in {"p": p.data, "q": q.data, "r": r.data, "x": x}.items():
            np.testing.assert_allclose(given[name], array, rtol=1e-15)


def test_a_tensor_made_of_an_argument_copies_it():
    def f(x):
        made, kept = tg.Tensor(x), tg.Tensor(x)
        made.data *= 2
        x += 1
        return made.data, kept.data, x

    jitted = tg.jit(f)
    for _ in range(2):
        for given, expected in zip(jitted(np.arange(3.0)), f(np.arange(3.0)), strict=True):
            np.testing.assert_array_equal(given, expected)


def test_a_tensor_made_of_an_argument_has_the_dtype_that_is_asked_for():
    jitted = tg.jit(lambda x: (tg.Tensor(x, dtype=np.float32).data, tg.Tensor(x > 1).data))
    for _ in range(2):
        single, double = jitted(np.arange(3.0))
        assert (single.dtype, double.dtype) == (np.float32, np.float64)


def test_gradients_by_integers_are_floats():
    for transform in (tg.grad, tg.hessian):
        jitted = tg.jit(transform(lambda x: np.max(x) + (x * x).sum()))
        for x in (np.array([1, 3]), np.array([2, 0])):
            np.testing.assert_array_equal(jitted(x), transform(lambda x: np.max(x) + (x * x).sum())(x), strict=True)


def test_the_source_has_empty_arrays_of_several_axes():
    jitted = tg.jit(lambda x: x + np.zeros((2, 0, 1)))
    expected, scope = jitted(np.ones(0)), {}
    exec(jitted.source, scope)
    np.testing.assert_array_equal([*scope.values()][-1](np.ones(0)), expected, strict=True)


def test_the_source_writes_dtypes_enumerations_times_and_functions_as_python():
    class Gain(enum.IntEnum):
        TWO = 2

    def f(x, gain):
        times = (x > 1) * np.timedelta64(5, "ns"), x.astype("m8[D]") + np.datetime64("2020-01-01")
        total = np.apply_over_axes(np.sum, x, [0])
        return np.sum(x * gain, dtype=np.float32), np.sum(x, dtype=int), np.add(x, 1, dtype=np.float64), total, *times

    jitted = tg.jit(f)
    expected = jitted(np.arange(3.0), Gain.TWO)
    scope = {}
    exec(jitted.source, scope)
    for given, value in zip(scope["f"](np.arange(3.0)), expected, strict=True):
        np.testing.assert_array_equal(given, value, strict=True)


def test_the_source_writes_arrays_of_texts_and_of_other_byte_orders():
    f = lambda x: (x.astype(None), x.astype(">f8"), x.astype("U5"), np.array(["a", "bc"]), np.array([1, 2], ">i4"))
    jitted = tg.jit(f)
    scope = {}
    jitted(np.arange(3.0))
    exec(jitted.source, scope)
    for expected, found in zip(f(np.arange(3.0)), scope["f"](np.arange(3.0)), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


def test_the_source_has_the_brackets_that_the_result_needs():
    def f(x):
        return x * (x // 0.3) - (x - (-x)) * (x / 7.0) + np.negative(-x) @ (x @ x)

    x = np.random.default_rng(0).uniform(1, 2, (3, 3))
    jitted = tg.jit(f)
    jitted(x)
    scope = {}
    exec(jitted.source, scope)
    np.testing.assert_array_equal(scope["f"](x), f(x))
    assert "--" not in jitted.source


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: np.copysign(x, -np.zeros(3)) + np.copysign(1.0, np.array([0.0, -0.0, 0.0])) * x,
        lambda x: x * np.full(3, -np.inf) + np.where(x > 1, np.nan, x),
        lambda x: x * complex(np.inf, 0) + np.full(3, 1 - 2j),
        lambda x: x * complex(1, np.inf) + np.array([1, 2j, complex(2, np.inf)]),
        lambda x: x * (np.where(x > 1, np.array(["inf", "nan", "b"]), "a") == "inf"),
        lambda x: np.less_equal([1, 2], len(x)) * x[:2],
        lambda x: x ** np.full(3, -2.0) - np.float32(-1.5) * x,
    ],
)
def test_the_source_has_the_constants_of_the_function(fun):
    jitted, x = tg.jit(fun), np.arange(1.0, 4.0)
    scope = {}
    with np.errstate(invalid="ignore"):
        jitted(x)
        exec(jitted.source, scope)
        np.testing.assert_array_equal([*scope.values()][-1](x).tolist(), fun(x).tolist())
        np.testing.assert_array_equal(np.signbit([*scope.values()][-1](x).real), np.signbit(fun(x).real))


@pytest.mark.parametrize("view", [np.flip, np.diagonal, np.transpose, lambda w: w[:1], lambda w: np.split(w, 2)[1]])
def test_the_source_keeps_what_a_view_held_before_an_update(view):
    w = tg.Tensor(np.arange(4.0).reshape(2, 2), label="w")

    def f(x):
        old = view(w.data)
        w.data = w.data * x
        return old * 1, view(w.data)

    jitted = tg.jit(f)
    expected, scope, given = jitted(3.0), {}, np.arange(4.0).reshape(2, 2)
    exec(jitted.source, scope)
    for found, wanted in zip(scope["f"](w=given), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(given, w.data)


def test_the_source_is_read_like_a_lesson():
    w, b = tg.Tensor([[0.5], [0.25], [1.0]], label="w"), tg.Tensor([0.0], label="b")
    opt = tg.optim.SGD([w, b], lr=0.1)

    @tg.jit
    def step(x, t):
        loss = tg.mse_loss(x @ w + b, t)
        opt.minimize(loss)
        return loss

    step(X, T)
    lines = [line.strip() for line in step.source.splitlines()]
    assert lines[0] == "import numpy as np"
    assert lines[3].startswith("def step(x, t, w, b, ")
    for wanted in ("# forward", "# backward", "# update", "w -= lr * w_grad", "b -= lr * b_grad"):
        assert wanted in lines
    assert any("tg.mse_loss(x @ w + b, t)" in line for line in lines)
    assert any("x @ w + b - t" in line or "x @ w + b" in line for line in lines)


def test_tensors_without_labels_are_named_in_the_source_as_the_function_knows_them():
    weights, single = [tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])], tg.Tensor([5.0, 6.0])
    model = tg.nn.Sequential(tg.nn.Linear(2, 1, rng=0))
    model[0].weight.label = None

    @tg.jit
    def f(x, pair):
        return np.sum(model(x * weights[0] + weights[1] * single) * pair["scale"])

    f(np.ones((3, 2)), {"scale": tg.Tensor(2.0)})
    names = f.source.splitlines()[3].removeprefix("def f(").removesuffix("):").split(", ")
    assert {"weights_0", "weights_1", "single", "weight", "pair_scale"} <= {*names}


@pytest.mark.parametrize(
    "label", ["lambda", "None", "x²", "a0", "a0t", "block0", "x0", "start", "0.weight", "dot", "ﬁ", "²"]
)
def test_a_label_may_be_anything(label):
    w = tg.Tensor(np.linspace(1, 2, 120_000), label=label)
    jitted = tg.jit(tg.no_grad()(tg.value_and_grad(lambda x: np.sum(np.exp(w) * np.sin(x) * x))))
    x = np.linspace(0, 1, 120_000)
    (value, slope), (again, slope_again) = jitted(x), jitted(x)
    assert jitted.cache_info().hits == 1
    assert again == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(slope_again, slope, rtol=1e-12)
    compile(jitted.source, "source", "exec")


def test_labels_that_look_like_arguments_of_the_plan_do_not_get_in_their_way():
    a, b, c = (tg.Tensor(np.full(2, k), label="a") for k in (1.0, 2.0, 3.0))
    jitted = tg.jit(lambda x, y, z: (a * x + b * y + c * z).data)
    for _ in range(2):
        np.testing.assert_array_equal(jitted(np.ones(2), np.full(2, 10.0), np.full(2, 100.0)), [321, 321])


def test_a_power_of_a_negative_number_keeps_its_brackets():
    jitted = tg.jit(lambda x: np.power(-2.0, np.sum(x)) * 1.5)
    for _ in range(2):
        assert jitted(np.array([1.0, 1.0])) == 6


def test_source_names_the_arrays_that_the_function_finds_as_the_function_does():
    scale, pair, running = np.array([2.0, 3.0]), (np.ones(2), np.zeros(2)), SimpleNamespace(mean=np.zeros(2))

    def centered(x):
        running.mean[...] = 0.9 * running.mean + 0.1 * x
        return (x - running.mean) * scale + pair[0] * pair[1]

    jitted = tg.jit(centered)
    jitted(np.ones(2))
    assert "def centered(x, mean, scale, pair, pair2):" in jitted.source
    assert "    mean[...] = 0.9 * mean + 0.1 * x\n" in jitted.source


def test_stats_and_repr_say_what_was_saved():
    _, _, step = training(OPTIMIZERS[2], True)
    assert "recordings 0" in repr(step)
    assert "call the function first" in message(ValueError, lambda: step.plan)
    step(X, T)
    stats = step.stats
    assert stats["after"]["blas"] < stats["calls"]
    assert 0 < stats["buffers"] < stats["after"]["blas"]
    assert "step" in repr(step)


def test_wrong_functions_and_optimization_names_are_refused():
    assert "write jit(f)" in message(TypeError, lambda: tg.jit(3))
    for optimize in (("fast",), "dead", 1, ("dead", 2), None, [["dead"]]):
        assert f"optimize={optimize!r}; it is a bool" in message(ValueError, lambda o=optimize: tg.jit(abs, optimize=o))


def test_a_copy_records_for_itself():
    jitted = tg.jit(scaled)
    jitted(X)
    other = pickle.loads(pickle.dumps(copy.deepcopy(jitted)))
    assert other.cache_info().currsize == 0
    np.testing.assert_array_equal(other(X), 2 * X)


def test_a_jitted_method_of_an_object_has_what_a_jitted_function_has():
    class Model:
        w = np.arange(3.0)

        @tg.jit
        def scaled(self, x):
            return x * self.w

        @tg.jit
        @staticmethod
        def doubled(x):
            return 2 * x

    model = Model()
    for _ in range(3):
        assert model.scaled(X[0]).tolist() == (X[0] * model.w).tolist()
        assert model.doubled(X[0]).tolist() == Model.doubled(X[0]).tolist() == (2 * X[0]).tolist()
    assert "w" in model.scaled.source
    assert model.scaled.cache_info().hits == 2
    assert model.scaled == model.scaled


def test_methods_are_recorded_with_their_object():
    class Layer(tg.nn.Module):
        def __init__(self, factor):
            self.factor = factor

        @tg.jit
        def forward(self, x):
            return x * self.factor

    for factor in (2.0, 3.0, 2.0):
        np.testing.assert_array_equal(Layer(factor)(X), X * factor)


def test_other_threads_train_eagerly_while_one_records():
    def run(results, record):
        model, _, step = training(OPTIMIZERS[2])
        for _ in range(40):
            (tg.jit(step) if record else step)(X, T)
        results.append([p.data.copy() for p in model.parameters()])

    results = []
    threads = [threading.Thread(target=run, args=(results, i % 2 == 0)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 4
    for arrays in results[1:]:
        for a, b in zip(arrays, results[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_schedule_that_watches_the_loss_stays_outside():
    _, opt, _ = training(OPTIMIZERS[0], None)
    plateau = tg.optim.lr_scheduler.ReduceLROnPlateau(opt)
    assert "takes a value out" in message(JitError, lambda: tg.jit(lambda x: plateau.step(np.sum(x)))(X))
    opt.steps = 1  # so that the schedule does not warn that its first rate is never used
    assert "was changed, which would not happen" in message(JitError, lambda: tg.jit(lambda: plateau.step(1.0))())
    warm = tg.optim.lr_scheduler.LinearWarmup(opt, 2, then=plateau)
    assert "takes a value out" in message(JitError, lambda: tg.jit(warm.step)())
    assert plateau.epoch == warm.epoch == 0


def test_the_rate_of_one_group_is_read_anew_at_each_call():
    a, b = tg.Tensor([0.0]), tg.Tensor([0.0])
    opt = tg.optim.SGD([{"params": [a]}, {"params": [b]}], lr=1.0)
    step = tg.jit(lambda: opt.minimize((a + b).sum()))
    for opt.groups[1].lr in (1.0, 10.0, 100.0):
        step()
    assert (float(a), float(b)) == (-3, -111)
    assert step.cache_info().misses == 1


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [tg.nn.Linear(3, 8, rng=0), tg.nn.BatchNorm1d(8), tg.nn.GELU(), tg.nn.Linear(8, 1, rng=1)],
        lambda: [tg.nn.Linear(3, 8, rng=0), tg.nn.LayerNorm(8), tg.nn.SiLU(), tg.nn.Linear(8, 1, rng=1)],
        lambda: [tg.nn.Linear(3, 8, rng=0), tg.nn.Dropout(0.3, rng=5), tg.nn.Softplus(), tg.nn.Linear(8, 1, rng=1)],
        lambda: [tg.nn.Linear(3, 8, rng=0), tg.nn.LeakyReLU(0.2), tg.nn.GELU("tanh"), tg.nn.Linear(8, 1, rng=1)],
    ],
)
def test_every_layer_trains_replayed_as_it_does_eagerly(layers):
    def train(jit):
        model = tg.nn.Sequential(*layers())
        opt = tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

        def step(x, t):
            loss = tg.mse_loss(model(x), t)
            opt.minimize(loss)
            return loss

        step = tg.jit(step) if jit else step
        losses = [float(step(X[i % 5 :], T[i % 5 :])) for i in range(20)]
        return losses, model

    (eager, one), (replayed, other) = train(False), train(True)
    np.testing.assert_allclose(replayed, eager, rtol=1e-12)
    assert len(set(eager)) == 20
    for name, array in one.state_dict().items():
        np.testing.assert_allclose(other.state_dict()[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_replay_in_evaluation_mode_draws_nothing_and_leaves_running_statistics_alone():
    model = tg.nn.Sequential(tg.nn.BatchNorm1d(3), tg.nn.Dropout(0.5, rng=0))
    call = tg.jit(lambda x: model(x))
    first, second = call(X).data, call(X).data
    assert (first != second).any()
    assert float(model[0].num_batches_tracked) == 2
    before = model.eval().state_dict()
    for _ in range(2):
        np.testing.assert_allclose(call(X).data, model(X).data, rtol=1e-12)
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], array, err_msg=name)
    model.train()
    call(X)
    assert float(model[0].num_batches_tracked) == 3
    with pytest.raises(ValueError, match="one number per feature"):
        call(X[:1])


def test_an_embedding_is_looked_up_anew_and_refuses_out_of_range_numbers_replayed_too():
    layer = tg.nn.Embedding(5, 2, rng=0)
    look = tg.jit(lambda i: np.sum(layer(i) ** 2))
    for index in ([0, 1], [4, 4], [2, 0]):
        assert float(look(np.array(index))) == pytest.approx(float(np.sum(layer.weight.data[index] ** 2)))
    assert look.cache_info().misses == 1
    with pytest.raises(ValueError, match="takes numbers from 0 to 4; got 1 to 5"):
        look(np.array([1, 5]))


@pytest.mark.parametrize(
    "view",
    [
        np.flip, np.fliplr, np.rot90, np.diagonal, lambda y: np.split(y, 3)[1], lambda y: np.moveaxis(y, 0, 1),
        lambda y: np.atleast_3d(y)[:, :, 0], lambda y: np.hsplit(y, 3)[0], lambda y: np.swapaxes(y, 0, 1),
    ],
)  # fmt: skip
def test_an_array_with_a_live_view_is_not_overwritten(view):
    def f(x):
        y = np.sin(x)
        seen = view(np.sin(x))  # equal to y
        return np.cos(y * 2).sum(), np.cos(seen * 3.0).sum(), view(np.exp(x))

    x = np.arange(9.0).reshape(3, 3)
    jitted = tg.jit(f)
    for factor in (1.0, 2.0, 3.0):
        first = jitted(x * factor)
        kept = first[2].copy()
        for a, b in zip(first, f(x * factor), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
        jitted(x)
        np.testing.assert_array_equal(first[2], kept)  # a later call does not change it either


def test_an_error_in_a_replay_is_that_of_the_function_at_the_users_line():
    table = tg.Tensor(np.ones((3, 2)), label="table")

    @tg.jit
    def both(a, i):
        total = np.sum(np.tanh(np.sin(a)))
        return total + np.sum(np.linalg.inv(a)) + np.sum(table[i])

    for good in (np.eye(2), 2 * np.eye(2)):
        both(good, np.array([0, 1]))
    line = both.__wrapped__.__code__.co_firstlineno + 3
    for a, i in ((np.ones((2, 2)), [0, 1]), (np.eye(2), [0, 7])):
        errors = []
        for f in (both.__wrapped__, both):
            with pytest.raises((np.linalg.LinAlgError, IndexError)) as error:
                f(a, np.array(i))
            errors.append((error.type, str(error.value)))
            assert line in [entry.lineno + 1 for entry in error.traceback if "test_jit.py" in str(entry.path)]
        assert errors[0] == errors[1]
    assert both.cache_info()[:2] == (1, 1)


def test_a_recording_leaves_what_other_threads_see_as_it_is():
    model, seen = tg.nn.Linear(3, 1, rng=0), queue.SimpleQueue()

    def look():
        weight = model.weight.data
        seen.put((model(X).data, np.array(weight), isinstance(weight, np.ndarray)))

    def f(x):
        y = model(x)
        other = threading.Thread(target=look)
        other.start()
        other.join()
        return y

    result = tg.jit(f)(X)
    output, weight, is_array = seen.get()
    assert type(output) is np.ndarray
    assert is_array
    np.testing.assert_array_equal(weight, model.weight.data)
    np.testing.assert_array_equal(output, result.data)


def test_shapes_that_do_not_fit_are_shown_in_a_recording_as_they_are_eagerly():
    w = tg.Tensor(np.ones((4, 3)), label="w")
    for f in (lambda x: x + w, lambda x: x @ w, lambda x: np.concatenate([x, w], axis=1), lambda x: np.stack([x, w])):
        eager, recorded = (message(ValueError, lambda g=g: g(np.ones((5, 3)))) for g in (f, tg.jit(f)))
        assert recorded.split(": ")[0] == eager.split(": ")[0]
        assert "(5, 3)" in recorded
        assert "(4, 3)" in recorded


def test_what_shares_an_array_is_part_of_what_is_recorded():
    w, x = tg.Tensor([1.0]), np.array([2.0])
    f = tg.jit(lambda x: -w)
    w.data = x  # the argument is the data of w, and then it is not
    assert f(x).data == -2
    w.data = w.data * 2
    assert f(x).data == -4


def test_a_gradient_that_was_none_when_it_was_cleared_is_cleared_later_too():
    w = tg.Tensor([1.0])
    clear = tg.jit(lambda: tg.optim.SGD.zero_grad(opt))
    opt = tg.optim.SGD([w], lr=0.1)
    clear()
    w.grad = np.ones(1)
    clear()
    assert w.grad is None


def test_two_tensors_with_one_array_are_refused_if_it_is_written():
    a, b = tg.Tensor([1.0, 2.0], label="a"), tg.Tensor([0.0, 0.0], label="b")
    b.data = a.data
    opt = tg.optim.SGD([a, b], lr=0.1)
    assert "two Tensors" in message(JitError, lambda: tg.jit(lambda: opt.minimize((a * b).sum()))())
    np.testing.assert_array_equal(a.data, [1.0, 2.0])


def test_a_tensor_with_a_graph_is_not_taken_for_one_without():
    def f(t):
        (t * t).sum().backward()
        return t.grad.copy()

    f, leaf = tg.jit(f), tg.Tensor([1.0, 2.0])
    np.testing.assert_array_equal(f(leaf), [2.0, 4.0])
    assert "detach" in message(JitError, lambda: f(tg.Tensor([1.0, 2.0]) * 1))


def test_a_gradient_through_a_jitted_result_is_refused():
    w = tg.Tensor([1.0, 2.0])
    loss = tg.jit(lambda x: (w * x).sum())
    for _ in range(3):
        y = loss(np.ones(2)) + (w * w).sum()
        assert "tg.jit(tg.grad(f))" in message(JitError, y.backward)
    np.testing.assert_array_equal(tg.grad(tg.jit(np.sum))(np.ones(2)), np.ones(2))  # inside a transform it is called


def test_an_array_that_it_closes_over_is_read_and_written_anew():
    def both(jit):
        buffer, gain = np.zeros(3), np.ones(3)

        def f(x):
            buffer[...] = 0.9 * buffer + gain * x
            return buffer.sum()

        f, seen = jit(f), []
        for i in range(5):
            seen.append(f(np.full(3, i + 1.0)))
            gain[i % 3] += 1
        return seen, buffer

    for jitted, eager in zip(both(tg.jit), both(lambda f: f), strict=True):
        np.testing.assert_allclose(jitted, eager, rtol=1e-13)


def test_a_view_of_an_argument_is_written_as_its_memory_order_has_it():
    def f(x):
        x.ravel()[-1] = 3.0
        return x

    jitted = tg.jit(f)
    for make in (lambda: np.zeros(3), lambda: np.zeros(3)[::-1], lambda: np.zeros((2, 3)).T, lambda: np.zeros((3, 2))):
        np.testing.assert_array_equal(jitted(make()), f(make()))


def test_large_gradients_are_no_nan_and_give_no_warning_in_a_replay():
    w = tg.Tensor(np.full((3, 2), 1e-100))
    opt = tg.optim.SGD([w], lr=1e-300)
    step = tg.jit(lambda x: opt.minimize((w * x).sum()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            step(np.full((3, 2), 1e200))
